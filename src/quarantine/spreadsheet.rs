//! Cells that a spreadsheet would take for formulas, made plain text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};

use crate::diagnostic::{Code, Fault};

/// The rows with a `'` before each text, and each column's name, that a spreadsheet would run. Numbers stay as they are.
///
/// # Errors
/// A column cannot be read as text.
pub fn harmless(batch: &RecordBatch) -> Result<RecordBatch, Fault> {
    let failed = |e| Fault::new(Code::Internal, format!("cannot take rows out: {e}"));
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let column = if is_text(column.data_type()) {
            let texts = cast(column, &DataType::Utf8).map_err(failed)?;
            Arc::new(texts.as_string::<i32>().iter().map(|text| text.map(quoted)).collect::<StringArray>())
        } else {
            column.clone()
        };
        fields.push(Field::new(quoted(field.name()), column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string(),
    }
}

fn quoted(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// Whether a spreadsheet may take the text for a formula: by its first character, be it of full width, or by the first
/// after blanks. `-5` is a number.
fn is_formula(text: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    text.starts_with(['\t', '\r', '\n']) || (text.trim_start_matches(is_blank).starts_with(begins) && !is_negative_number(text))
}

fn is_negative_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('-') else { return false };
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_quoted_and_numbers_stay() {
        for text in [
            "=1+1",
            "+49170",
            "-cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "\rx",
            "\nx",
            "  =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "\u{200b}@x",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "-",
            "-1+cmd",
            "-1 ",
            "-inf",
            "--5",
            "- 5",
        ] {
            assert_eq!(quoted(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "plain", "a=b", "-5", "-12.50", "-1e6", "5", "'=1", " x", "−5"] {
            assert_eq!(quoted(text), text);
        }
        let columns: [(&str, ArrayRef); 2] =
            [("=name", Arc::new(StringArray::from(vec![Some("=1"), None]))), ("n", Arc::new(Int64Array::from(vec![-5, 5])))];
        let batch = harmless(&RecordBatch::try_from_iter(columns).expect("a batch")).expect("harmless");
        assert_eq!((batch.schema().field(0).name().as_str(), batch.column(0).as_string::<i32>().value(0)), ("'=name", "'=1"));
        assert!(batch.column(0).is_null(1) && batch.column(1).data_type() == &DataType::Int64);
    }
}
