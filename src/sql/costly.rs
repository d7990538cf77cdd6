//! Functions that make much of little: how much comes out is known before it is computed, and too much is refused.
//!
//! A rule of a stranger may ask for terabytes in a few letters, and for the square of the length of a text.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::shown::count;

/// So many bytes may come of one batch of rows; where they are more, its rows are computed one by one.
const BYTES_MAX: u128 = 1 << 28;

/// So many steps an edit distance may take: as many as both lengths multiplied.
const STEPS_MAX: u128 = 10_000_000;

/// What an element of a list takes at least.
const ELEMENT_BYTES: u128 = 8;

/// What of a function grows beyond its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The first operand, as often as the second says.
    Repeated,
    /// As many characters as the second operand says.
    Padded,
    /// A list of as many elements as the second operand says.
    Elements,
    /// A list of the numbers between operands.
    Numbers,
    /// All operands, one after the other.
    Together,
    /// All operands but the first, with the first between them.
    Joined,
    /// The first operand, with the third in place of each second.
    Replaced,
    /// Every character of one operand is held against every one of the other.
    Pairs,
}

impl Growth {
    fn of(part: &dyn PhysicalExpr) -> Option<Self> {
        if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            return (*binary.op() == Operator::StringConcat).then_some(Self::Together);
        }
        match part.downcast_ref::<ScalarFunctionExpr>()?.fun().name() {
            "repeat" => Some(Self::Repeated),
            "lpad" | "rpad" => Some(Self::Padded),
            "array_repeat" => Some(Self::Elements),
            "range" | "generate_series" => Some(Self::Numbers),
            "concat" => Some(Self::Together),
            "concat_ws" => Some(Self::Joined),
            "replace" => Some(Self::Replaced),
            "levenshtein" => Some(Self::Pairs),
            _ => None,
        }
    }
}

/// A function that is computed only where its result is not too large. Its children are those of the expression inside.
#[derive(Debug, Clone)]
pub(super) struct Costly {
    inner: Arc<dyn PhysicalExpr>,
    growth: Growth,
}

impl Costly {
    /// The part, held to its bounds where it needs some.
    pub(super) fn bounded(part: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        match Growth::of(part.as_ref()) {
            Some(growth) => Arc::new(Self { inner: part, growth }),
            None => part,
        }
    }

    /// The expression that is held to its bounds.
    pub(super) fn inner(&self) -> &Arc<dyn PhysicalExpr> {
        &self.inner
    }

    fn ensure_bounded(&self, operands: &[ColumnarValue], rows: usize) -> Result<()> {
        let operands: Vec<Operand> = operands.iter().map(Operand::of).collect::<Result<_>>()?;
        let (first, second) = (operands.first(), operands.get(1));
        let text = |operand: Option<&Operand>, row| operand.map_or(0, |operand| operand.bytes(row));
        let number = |operand: Option<&Operand>, row| operand.and_then(|operand| operand.number(row));
        let whole = |number: Option<i64>| u128::try_from(number.unwrap_or(0)).unwrap_or(0);
        let mut sum = 0;
        for row in 0..rows {
            sum += match self.growth {
                Growth::Repeated => text(first, row) * whole(number(second, row)),
                Growth::Padded => whole(number(second, row)),
                Growth::Elements => ELEMENT_BYTES * whole(number(second, row)),
                Growth::Numbers => {
                    let (from, to) =
                        if operands.len() == 1 { (Some(0), number(first, row)) } else { (number(first, row), number(second, row)) };
                    let step = number(operands.get(2), row).unwrap_or(1).unsigned_abs().max(1);
                    from.zip(to).map_or(0, |(from, to)| ELEMENT_BYTES * u128::from(from.abs_diff(to) / step))
                }
                Growth::Together => operands.iter().map(|operand| operand.bytes(row)).sum(),
                Growth::Joined => {
                    let between = operands.len().saturating_sub(2) as u128;
                    text(first, row) * between + operands.iter().skip(1).map(|operand| operand.bytes(row)).sum::<u128>()
                }
                // As if it held nothing but what is replaced.
                Growth::Replaced => text(first, row) + (text(first, row) / text(second, row).max(1) + 1) * text(operands.get(2), row),
                Growth::Pairs => {
                    let (one, other) = (text(first, row), text(second, row));
                    if one * other > STEPS_MAX {
                        return exec_err!("the edit distance of texts of {} and {} bytes takes too long", shown(one), shown(other));
                    }
                    0
                }
            };
        }
        if sum <= BYTES_MAX {
            Ok(())
        } else {
            exec_err!("the result would be of {} bytes, and {} are allowed", shown(sum), shown(BYTES_MAX))
        }
    }
}

fn shown(number: u128) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// One operand, for all rows alike or for each.
struct Operand {
    values: ArrayRef,
    is_one: bool,
    /// The same where they are numbers.
    numbers: Option<ArrayRef>,
}

impl Operand {
    fn of(value: &ColumnarValue) -> Result<Self> {
        let (values, is_one) = match value {
            ColumnarValue::Array(array) => (array.clone(), false),
            ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
        };
        let values = match values.data_type() {
            DataType::Dictionary(_, of) => cast(&values, of)?,
            _ => values,
        };
        let numbers = values.data_type().is_integer().then(|| cast(&values, &DataType::Int64)).transpose()?;
        Ok(Self { values, is_one, numbers })
    }

    fn place(&self, row: usize) -> usize {
        if self.is_one { 0 } else { row }
    }

    fn bytes(&self, row: usize) -> u128 {
        let row = self.place(row);
        let len = match self.values.data_type() {
            DataType::Utf8 => self.values.as_string::<i32>().value_length(row) as usize,
            DataType::LargeUtf8 => self.values.as_string::<i64>().value_length(row) as usize,
            DataType::Utf8View => self.values.as_string_view().value(row).len(),
            _ => 0,
        };
        if self.values.is_null(row) { 0 } else { len as u128 }
    }

    fn number(&self, row: usize) -> Option<i64> {
        let row = self.place(row);
        let numbers = self.numbers.as_ref()?.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }
}

impl PartialEq for Costly {
    fn eq(&self, other: &Self) -> bool {
        self.inner.as_ref() == other.inner.as_ref()
    }
}

impl Eq for Costly {}

impl Hash for Costly {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
        self.growth.hash(state);
    }
}

impl Display for Costly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, f)
    }
}

impl PhysicalExpr for Costly {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    /// Operands are computed once, looked at, and handed to the function as columns of a batch of their own.
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let operands: Vec<ColumnarValue> = self.inner.children().iter().map(|child| child.evaluate(batch)).collect::<Result<_>>()?;
        self.ensure_bounded(&operands, rows)?;
        let (mut fields, mut columns, mut children): (Vec<Field>, Vec<ArrayRef>, Vec<Arc<dyn PhysicalExpr>>) = Default::default();
        for operand in operands {
            match operand {
                ColumnarValue::Array(array) => {
                    let name = columns.len().to_string();
                    children.push(Arc::new(Column::new(&name, columns.len())));
                    fields.push(Field::new(name, array.data_type().clone(), true));
                    columns.push(array);
                }
                ColumnarValue::Scalar(scalar) => children.push(Arc::new(Literal::new(scalar))),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let operands = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        self.inner.clone().with_new_children(children)?.evaluate(&operands)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.inner.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { inner: self.inner.clone().with_new_children(children)?, growth: self.growth }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
