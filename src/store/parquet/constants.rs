//! Columns that have one value in all rows of a file, and are not in it: the log of a partitioned table says the value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{FieldRef, Schema};
use arrow::error::ArrowError;
use serde_json::Value;

use super::statistics::extreme;

/// Such columns, each with an array of its one value.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Constants(Arc<[(FieldRef, ArrayRef)]>);

impl Constants {
    pub(in crate::store) fn new(columns: Vec<(FieldRef, ArrayRef)>) -> Self {
        Self(columns.into())
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::store) fn field(&self, name: &str) -> Option<&FieldRef> {
        self.0.iter().map(|(field, _)| field).find(|field| field.name() == name)
    }

    /// The rows of `batch` with these columns behind its own.
    ///
    /// # Errors
    /// None that can happen.
    pub(in crate::store) fn complete(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.is_empty() {
            return Ok(batch);
        }
        let (schema, first) = (batch.schema(), UInt32Array::from(vec![0; batch.num_rows()]));
        // A writer may leave the column in the file too: what the log says counts.
        let own = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| self.field(field.name()).is_none());
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = own.map(|(field, column)| (field.clone(), column.clone())).unzip();
        for (field, value) in self.0.iter() {
            fields.push(field.clone());
            columns.push(take(value, &first, None)?);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// One row of them.
    ///
    /// # Errors
    /// None that can happen.
    pub(in crate::store) fn row(&self) -> Result<RecordBatch, ArrowError> {
        let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = self.0.iter().cloned().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// What is known of a file, with what its constants are.
    pub(in crate::store) fn known(&self, mut statistics: Value) -> Value {
        for (field, value) in self.0.iter() {
            let name = field.name();
            let nulls = if value.is_null(0) { statistics["numRecords"].as_i64().unwrap_or(1) } else { 0 };
            statistics["nullCount"][name] = nulls.into();
            for (bounds, largest) in [("minValues", false), ("maxValues", true)] {
                match extreme(value, largest) {
                    Some(bound) => statistics[bounds][name] = bound,
                    None => _ = statistics[bounds].as_object_mut().and_then(|bounds| bounds.remove(name)),
                }
            }
        }
        statistics
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Date32Array, Int64Array};
    use arrow::datatypes::{DataType, Date32Type, Field};

    use super::*;

    #[test]
    fn a_value_of_the_log_stands_in_every_row_and_bounds_the_file() {
        let field = Arc::new(Field::new("day", DataType::Date32, true));
        let constants = Constants::new(vec![(field, Arc::new(Date32Array::from(vec![20_514])))]);
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1, 2]))]).expect("a batch");
        let whole = constants.complete(batch).expect("complete");
        assert_eq!(whole.column_by_name("day").expect("day").as_primitive::<Date32Type>().values(), &[20_514, 20_514]);
        let known = constants.known(serde_json::json!({ "numRecords": 2, "nullCount": { "id": 0 } }));
        // date -u -d @$((20514 * 86400))
        assert_eq!((&known["minValues"]["day"], &known["maxValues"]["day"]), (&"2026-03-02".into(), &"2026-03-02".into()));
        assert_eq!((&known["nullCount"]["day"], &known["nullCount"]["id"]), (&0.into(), &0.into()));
    }
}
