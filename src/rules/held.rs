//! Values that the destination's table cannot hold as they are. No rule file names this rule: the table asks for it.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp::distinct;
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::{Binder, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Fault, Faults};
use crate::metric::{Column, ColumnStatistics, Number};
use crate::rows::Mask;

/// Rows with a value that becomes another one in the table's type.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The table's type.
    #[serde(skip)]
    pub data_type: Option<DataType>,
}

/// Whether some values of the type `from` are none of the type `to`, in which a table holds them.
pub fn is_lossy(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Date64, Float64, Int64, Timestamp, UInt64};
    match (from, to) {
        (Timestamp(from, _), Timestamp(to, _)) => from != to,
        (Int64 | UInt64, Float64) | (Date64, Date32) => true,
        _ => false,
    }
}

impl Rule for Held {
    const NAME: &'static str = "schema";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let data_type = self.data_type.clone().unwrap_or_else(|| column.data_type.clone());
        let says = format!("have a value that the table cannot hold as {}", crate::types::type_name(&data_type));
        let safe = safe(&column.data_type, &data_type);
        let test = to.row_test(HeldTest { data_type, safe }, &[column.index]);
        Ok(Box::new(HeldCheck { test, says }))
    }
}

/// Up to which value, on either side of zero, all are held; none where that is not all there is to it.
fn safe(from: &DataType, to: &DataType) -> Option<i128> {
    match (from, to) {
        (DataType::Timestamp(TimeUnit::Second, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => Some(i128::from(i64::MAX) / 1_000_000),
        (DataType::Timestamp(TimeUnit::Millisecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            Some(i128::from(i64::MAX) / 1_000)
        }
        (DataType::Int64 | DataType::UInt64, DataType::Float64) => Some(1 << 53),
        _ => None,
    }
}

struct HeldTest {
    data_type: DataType,
    safe: Option<i128>,
}

impl RowTest for HeldTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let array = unpacked(&columns[0].array);
        let fails = match (array.data_type(), &self.data_type) {
            (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                let nanos = array.as_primitive::<TimestampNanosecondType>();
                match nanos.values().iter().all(|nanos| nanos % 1000 == 0) {
                    true => Mask::None,
                    false => Mask::from_boolean(&BooleanArray::from_unary(nanos, |nanos| nanos % 1000 != 0), false),
                }
            }
            _ => other(&array, &self.data_type)
                .map_or_else(|| Mask::new(vec![true; len].into()), |differs| Mask::from_boolean(&differs, false)),
        };
        Tested { fails, unknown: Mask::None }
    }

    fn passes_by_statistics(&self, statistics: &ColumnStatistics) -> bool {
        match (statistics.range, self.safe) {
            (Some((Number::Int { value: min, .. }, Number::Int { value: max, .. })), Some(safe)) => -safe <= min && max <= safe,
            (None, _) => statistics.missing == statistics.rows,
            (Some(_), _) => false,
        }
    }
}

/// Text that is kept as codes, as text.
fn unpacked(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).expect("codes into values are such values"),
        _ => array.clone(),
    }
}

/// Which values are others there; none if that cannot be told.
fn other(array: &ArrayRef, data_type: &DataType) -> Option<BooleanArray> {
    let back = cast(&cast(array, data_type).ok()?, array.data_type()).ok()?;
    distinct(&back, array).ok()
}

#[derive(Clone)]
struct HeldCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for HeldCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date64Array, Int64Array, TimestampNanosecondArray, TimestampSecondArray, UInt64Array};

    use super::*;

    fn failing(array: ArrayRef, data_type: DataType) -> Vec<usize> {
        let len = array.len();
        let fails = HeldTest { safe: safe(array.data_type(), &data_type), data_type }.test(&[&Column::new(array)], len).fails.bits(len);
        fails.set_indices().collect()
    }

    #[test]
    fn values_that_would_be_others_are_named() {
        let micros = || DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(failing(Arc::new(TimestampNanosecondArray::from(vec![Some(1000), None, Some(1), Some(-2000)])), micros()), [2]);
        assert_eq!(failing(Arc::new(TimestampSecondArray::from(vec![Some(0), Some(i64::MAX), None])), micros()), [1]);
        assert_eq!(failing(Arc::new(Int64Array::from(vec![1 << 53, (1 << 53) + 1, i64::MAX])), DataType::Float64), [1, 2]);
        assert_eq!(failing(Arc::new(UInt64Array::from(vec![u64::MAX, 7])), DataType::Float64), [0]);
        assert_eq!(failing(Arc::new(Date64Array::from(vec![86_400_000, 1])), DataType::Date32), [1]);
    }
}
