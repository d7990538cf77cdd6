//! Values as text: one column.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::EventRecord;
use super::decoded::Decoded;
use super::lines::NO_VALUE;
use crate::diagnostic::{Code, Fault};
use crate::source::Malformed;

/// What the column is called.
const VALUE: &str = "value";

/// The values as they stand.
pub(super) fn decode(records: &[EventRecord]) -> Result<Decoded, Fault> {
    let (mut texts, mut rows, mut malformed) = (StringBuilder::new(), Vec::new(), Vec::new());
    for (row, record) in (0u32..).zip(records) {
        let text = record.value.as_deref().ok_or_else(|| NO_VALUE.to_owned());
        match text.and_then(|value| std::str::from_utf8(value).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to() + 1))) {
            Ok(text) => {
                texts.append_value(text);
                rows.push(row);
            }
            Err(reason) => {
                let raw = record.value.as_deref().unwrap_or_default().to_vec();
                malformed.push(Malformed { row, reason, column: record.value.as_ref().map(|_| VALUE.to_owned()), raw });
            }
        }
    }
    let texts: ArrayRef = Arc::new(texts.finish());
    let schema = Schema::new(vec![Field::new(VALUE, DataType::Utf8, false)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![texts])
        .map_err(|e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}")))?;
    Ok(Decoded { batch, rows, malformed })
}
