//! Columns without a value, of formats that then know no type either: each has the type that the contract gives it.
//!
//! A pandas column of Python objects that are all missing today, a Polars column of `None`, a column of Parquet's null type: no
//! value contradicts the contract, so nothing has changed.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Chunk, ContractColumn, Known, Piece, Preread, Projection, SchemaEvidence, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};
use crate::types::Tally;

/// A source whose columns without a type have the contract's.
pub(super) struct Typed {
    inner: Arc<dyn Source>,
    known: Known,
    contract: Vec<ContractColumn>,
}

impl Typed {
    /// The source itself, if the contract names no column of it that has no type.
    pub(super) fn over(inner: Arc<dyn Source>, contract: &[ContractColumn]) -> Arc<dyn Source> {
        let wanted = |field: &Arc<Field>| {
            let asked = || contract.iter().find(|c| c.name == *field.name())?.data_type.clone();
            (*field.data_type() == DataType::Null).then(asked).flatten()
        };
        let fields = inner.schema().fields();
        if !fields.iter().any(|field| wanted(field).is_some()) {
            return inner;
        }
        let typed = |field: &Arc<Field>| match wanted(field) {
            Some(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type).with_nullable(true)),
            None => field.clone(),
        };
        let known = Known { schema: Arc::new(Schema::new(fields.iter().map(typed).collect::<Vec<_>>())), ..inner.known().clone() };
        Arc::new(Self { inner, known, contract: contract.to_vec() })
    }
}

impl Source for Typed {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.inner.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let read = Projection { compact: projection.compact, ..Projection::new(self.inner.schema(), projection.columns.clone()) };
        self.inner.read(unit, preread, &read, &mut |chunk| {
            let failed = |e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}"));
            let rows = chunk.batch.num_rows();
            let (mut columns, mut fields) = (chunk.batch.columns().to_vec(), chunk.batch.schema().fields().to_vec());
            for (i, field) in projection.schema.fields().iter().enumerate() {
                if *columns[i].data_type() == DataType::Null && *field.data_type() != DataType::Null {
                    columns[i] = new_null_array(field.data_type(), rows);
                    fields[i] = field.clone();
                }
            }
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(failed)?;
            each(Chunk { batch, ..chunk })
        })
    }

    fn digest(&self) -> Result<u128, Fault> {
        self.inner.digest()
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        Ok(self.inner.retyped(evidence)?.map(|inner| Self::over(inner, &self.contract)))
    }

    fn field_starts(&self, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
        self.inner.field_starts(unit, places)
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        self.inner.tallies(evidence)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, Int64Array, NullArray};

    use super::*;
    use crate::source::{ReadOptions, from_batches};

    #[test]
    fn a_column_without_a_type_has_the_contracts_and_others_stay() {
        let columns: [(&str, ArrayRef); 3] =
            [("a", Arc::new(NullArray::new(3))), ("b", Arc::new(NullArray::new(3))), ("c", Arc::new(Int64Array::from(vec![1, 2, 3])))];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("a batch");
        let contract =
            |name: &str| ContractColumn { name: name.to_owned(), data_type: Some(DataType::Date32), format: None, is_strict: false };
        let open = || from_batches(&batch.schema(), vec![batch.clone()], &ReadOptions::default()).expect("a source");
        let typed = Typed::over(open(), &[contract("a"), contract("c")]);
        let types = |schema: &Schema| schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
        assert_eq!(types(typed.schema()), [DataType::Date32, DataType::Null, DataType::Int64]);
        let (unit, _) = typed.next_unit(None).expect("a unit").expect("one");
        let each = &mut |chunk: Chunk| {
            assert_eq!(types(&chunk.batch.schema()), [DataType::Date32, DataType::Int64]);
            assert_eq!((chunk.batch.column(0).null_count(), chunk.batch.column(1)), (3, batch.column(2)));
            Ok(())
        };
        typed.read(&unit, None, &Projection::new(typed.schema(), vec![0, 2]).compact(), each).expect("reads");
        assert_eq!(typed.digest().expect("a digest"), open().digest().expect("a digest"));
        assert_eq!(Typed::over(open(), &[contract("c")]).schema(), open().schema());
    }
}
