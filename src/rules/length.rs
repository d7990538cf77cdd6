use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::limits::{CountLimits, Given};
use super::requests::TestHandle;
use super::{Binder, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::Column;
use crate::rows::Mask;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Text that is too short or too long.
///
/// Counted are the characters of a string (Unicode code points), the bytes of a binary value, and
/// the elements of a list. Bounds are whole numbers (`3.0` is 3); an empty text has length 0.
///
/// - Missing values: missing text passes, unless `nulls: fail`.
/// - No rows: `no_data`.
///
/// Why: a body cut off at 255 characters, a postcode of four digits, an order without items.
///
/// ```yaml
/// - length: { column: country, min: 2, max: 2 }
/// - length: { column: items, above: 0, below: 100 }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Length {
    /// At least so long. If left out: no bound.
    min: Option<Spanned<u64>>,
    /// At most so long. If left out: no bound.
    max: Option<Spanned<u64>>,
    /// Longer than this. If left out: no bound.
    above: Option<Spanned<u64>>,
    /// Shorter than this. If left out: no bound.
    below: Option<Spanned<u64>>,
}

impl Rule for Length {
    const NAME: &'static str = "length";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let of = match &column.data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "characters",
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "elements",
            other => {
                return Err(to
                    .fault(
                        Code::UnfitColumn,
                        format!("`length` needs text, binary values or lists, but `{}` is {}", column.name, type_name(other)),
                    )
                    .into());
            }
        };
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
        let limits = CountLimits::read(&given, to)?;
        let (min, max) = limits.span();
        let says = match (min, max) {
            (1, u64::MAX) => "empty".to_owned(),
            (min, max) if min == max => format!("not {min} {of} long"),
            (min, u64::MAX) => format!("shorter than {min} {of}"),
            (0, max) => format!("longer than {max} {of}"),
            (min, max) => format!("not {min} to {max} {of} long"),
        };
        let test = to.row_test(LengthTest { min, max }, &[column.index]);
        Ok(Box::new(LengthCheck { test, says }))
    }
}

struct LengthTest {
    min: u64,
    max: u64,
}

impl RowTest for LengthTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let column = columns[0];
        let outside = |length: usize| (length as u64) < self.min || length as u64 > self.max;
        let fails = column.texts_for_which(|text| {
            // No text has more characters than bytes: most are settled without counting.
            let sure = text.is_ascii() || (text.len() as u64) < self.min;
            outside(if sure { text.len() } else { text.chars().count() })
        });
        if let Some(fails) = fails {
            return Tested { fails, unknown: column.missing().clone() };
        }
        let mut fails = vec![false; len];
        let array = &column.array;
        let length = |i: usize| match array.data_type() {
            DataType::Binary => array.as_binary::<i32>().value_length(i) as usize,
            DataType::LargeBinary => array.as_binary::<i64>().value_length(i) as usize,
            // The lower half of a view is the length.
            DataType::BinaryView => array.as_binary_view().views()[i] as u32 as usize,
            DataType::FixedSizeBinary(len) => *len as usize,
            DataType::List(_) => array.as_list::<i32>().value_length(i) as usize,
            DataType::FixedSizeList(_, len) => *len as usize,
            _ => array.as_list::<i64>().value_length(i) as usize,
        };
        column.present(&Mask::All).rows(len, |i| fails[i] = outside(length(i)));
        Tested { fails: Mask::new(BooleanBuffer::from(fails)), unknown: column.missing().clone() }
    }
}

#[derive(Clone)]
struct LengthCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for LengthCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, FixedSizeBinaryArray};
    use arrow::compute::cast;

    use super::*;

    #[test]
    fn bytes_are_counted_in_whatever_form_they_come() {
        let fails = |array: ArrayRef, max: u64| {
            let column = Column::new(array);
            let tested = LengthTest { min: 0, max }.test(&[&column], 3);
            let mut rows = vec![false; 3];
            tested.fails.rows(3, |i| rows[i] = true);
            rows
        };
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(b"".as_slice()), Some(b"a value of many bytes"), Some(b"xy")]));
        for form in [DataType::Binary, DataType::LargeBinary, DataType::BinaryView] {
            assert_eq!(fails(cast(&bytes, &form).expect("another form"), 1), [false, true, true], "{form}");
        }
        let fixed = FixedSizeBinaryArray::try_from_iter([b"abc", b"def", b"ghi"].iter()).expect("an array");
        assert_eq!(fails(Arc::new(fixed.clone()), 2), [true; 3]);
        assert_eq!(fails(Arc::new(fixed), 3), [false; 3]);
    }
}
