//! What of a record becomes a column beside its value: key, headers, partition, offset, timestamp.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{Field, FieldRef, Schema};

use super::{EventColumn, EventKey, EventOptions, EventRecord};
use crate::diagnostic::{Code, Fault};

/// The columns that were asked for, of all rows of a micro-batch.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnColumns {
    pub fields: Vec<FieldRef>,
    pub arrays: Vec<ArrayRef>,
}

impl OwnColumns {
    pub(super) fn of(records: &[EventRecord], options: &EventOptions) -> Self {
        let arrays: Vec<ArrayRef> = options.columns.iter().map(|column| array(*column, records, options.key)).collect();
        let field = |(column, array): (&EventColumn, &ArrayRef)| {
            let may_be_missing = matches!(column, EventColumn::Key | EventColumn::Headers);
            Arc::new(Field::new(column.name(), array.data_type().clone(), may_be_missing))
        };
        Self { fields: options.columns.iter().zip(&arrays).map(field).collect(), arrays }
    }

    /// Refuses a value with a column that is called as one of these is.
    ///
    /// # Errors
    /// There is one.
    pub(super) fn ensure_apart(&self, values: &Schema, name: &str) -> Result<(), Fault> {
        match self.fields.iter().find(|field| values.index_of(field.name()).is_ok()) {
            None => Ok(()),
            Some(field) => {
                let what = format!("{name}: `{}` stands in the values, and is also what `source.events.columns` adds", field.name());
                let word = field.name().trim_start_matches("kafka_");
                Err(Fault::new(Code::DuplicateColumn, what)
                    .hint(format!("every column needs a name of its own: take `{word}` out of `columns`, or give the field another name")))
            }
        }
    }
}

fn array(column: EventColumn, records: &[EventRecord], key: EventKey) -> ArrayRef {
    match (column, key) {
        (EventColumn::Key, EventKey::Text) => {
            Arc::new(records.iter().map(|record| record.key.as_deref().map(shown)).collect::<StringArray>())
        }
        (EventColumn::Key, EventKey::Binary) => Arc::new(records.iter().map(|record| record.key.as_deref()).collect::<BinaryArray>()),
        (EventColumn::Headers, _) => Arc::new(records.iter().map(|record| headers(&record.headers)).collect::<StringArray>()),
        (EventColumn::Partition, _) => Arc::new(Int32Array::from_iter_values(records.iter().map(|record| record.partition))),
        (EventColumn::Offset, _) => Arc::new(Int64Array::from_iter_values(records.iter().map(|record| record.offset))),
        (EventColumn::Timestamp, _) => {
            let times = TimestampMillisecondArray::from_iter_values(records.iter().map(|record| record.timestamp_ms));
            Arc::new(times.with_timezone("UTC"))
        }
    }
}

/// Bytes as text: what is not UTF-8 in hexadecimal digits behind `\x`.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// Headers as JSON text, in their order; none where there are none.
fn headers(headers: &[(String, Vec<u8>)]) -> Option<String> {
    let pairs = headers.iter().map(|(key, value)| serde_json::json!({ "key": key, "value": shown(value) }));
    let list: Vec<serde_json::Value> = pairs.collect();
    (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
}
