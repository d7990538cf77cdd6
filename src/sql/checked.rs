//! Arithmetic that fails where it leaves the range of its type.
//!
//! DataFusion's own operators wrap integers around, and give infinity where a float is divided by
//! zero. After planning, every operator, cast and function that can do so is put into [`Checked`],
//! which computes with Arrow's checked kernels and looks at what floats came to.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array, PrimitiveArray, RecordBatch};
use arrow::compute::{cast, kernels::numeric::neg};
use arrow::datatypes::*;
use arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, NegativeExpr, TryCastExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::costly::Costly;
use super::guard::Guard;
use super::messages::one_line;
use crate::types::type_name;

/// Wraps every part of `planned` that may compute something wrong in [`Checked`], and what may compute too much in [`Costly`].
pub(super) fn all(planned: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let checked = planned.transform_up(|part| {
        if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            return Ok(match binary.op() {
                Operator::Plus | Operator::Minus | Operator::Multiply => {
                    Checked::wrap(Arc::new(binary.clone().with_fail_on_overflow(true)), CheckKind::Arithmetic)
                }
                Operator::Divide | Operator::Modulo => Checked::wrap(part, CheckKind::Division),
                Operator::BitwiseShiftLeft | Operator::BitwiseShiftRight => Checked::wrap(part, CheckKind::Shift),
                Operator::And | Operator::Or => Transformed::yes(Guard::over(part)),
                _ => Transformed::yes(Costly::bounded(part)),
            });
        }
        if part.downcast_ref::<NegativeExpr>().is_some() {
            return Ok(Checked::wrap(part, CheckKind::Negation));
        }
        if let Some(cast) = part.downcast_ref::<CastExpr>() {
            let from = cast.expr().data_type(schema)?;
            let stepped = || CastExpr::new(Arc::new(CastExpr::new(cast.expr().clone(), MILLIS, None)), cast.cast_type().clone(), None);
            return Ok(match needs(&from, cast.cast_type()) {
                Need::Nothing => Transformed::no(part),
                Need::CheckedCast => Checked::wrap(part, CheckKind::Cast { strict: true }),
                Need::Step => Transformed::yes(Arc::new(stepped())),
            });
        }
        if let Some(cast) = part.downcast_ref::<TryCastExpr>() {
            let from = cast.expr().data_type(schema)?;
            let stepped = || TryCastExpr::new(Arc::new(TryCastExpr::new(cast.expr().clone(), MILLIS)), cast.cast_type().clone());
            return Ok(match needs(&from, cast.cast_type()) {
                Need::Nothing => Transformed::no(part),
                Need::CheckedCast => Checked::wrap(part, CheckKind::Cast { strict: false }),
                Need::Step => Transformed::yes(Arc::new(stepped())),
            });
        }
        let Some(function) = part.downcast_ref::<ScalarFunctionExpr>() else { return Ok(Transformed::no(part)) };
        let kind = match (function.name(), function.return_type()) {
            ("date_bin", _) => CheckKind::Total,
            ("to_timestamp", _) => CheckKind::Bounded,
            (_, DataType::Float16 | DataType::Float32 | DataType::Float64) => CheckKind::Function,
            (_, t) if t.is_decimal() => CheckKind::Function,
            _ => return Ok(Transformed::yes(Costly::bounded(part))),
        };
        Ok(Checked::wrap(part, kind))
    });
    Ok(checked?.data)
}

/// A type that dates in milliseconds are cast to first: Arrow casts them to finer times unchecked.
const MILLIS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// What a cast needs beside being made.
enum Need {
    Nothing,
    CheckedCast,
    Step,
}

fn needs(from: &DataType, to: &DataType) -> Need {
    let is_wide = from.is_floating() || crate::types::is_text(from);
    match (from, to) {
        (DataType::Date64, DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)) => Need::Step,
        (DataType::Float32 | DataType::Float16, DataType::Float64) => Need::Nothing,
        (_, to) if to.is_floating() && is_wide => Need::CheckedCast,
        _ => Need::Nothing,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CheckKind {
    Arithmetic,
    Division,
    Negation,
    Shift,
    /// Strict, or `try_cast`, which gives null instead of failing.
    Cast {
        strict: bool,
    },
    Function,
    /// A function that gives null where it cannot be computed.
    Total,
    /// A function that gives the last value of its type where the result lies beyond.
    Bounded,
}

/// An operator, cast or function whose results are checked. Its children are those of the expression inside.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    inner: Arc<dyn PhysicalExpr>,
    kind: CheckKind,
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.inner.as_ref() == other.inner.as_ref()
    }
}

impl Eq for Checked {}

impl Hash for Checked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
        self.kind.hash(state);
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, f)
    }
}

impl PhysicalExpr for Checked {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let value = match self.kind {
            CheckKind::Negation => self.negated(batch),
            CheckKind::Shift => return self.shifted(batch),
            CheckKind::Arithmetic
            | CheckKind::Division
            | CheckKind::Cast { .. }
            | CheckKind::Function
            | CheckKind::Total
            | CheckKind::Bounded => self.inner.evaluate(batch),
        };
        let value = value.map_err(|e| self.overflow(e, batch))?;
        match self.kind {
            CheckKind::Total => self.total(value, batch),
            CheckKind::Bounded => self.bounded(value, batch),
            CheckKind::Arithmetic
            | CheckKind::Division
            | CheckKind::Negation
            | CheckKind::Shift
            | CheckKind::Cast { .. }
            | CheckKind::Function => self.looked_at(value, batch),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.inner.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { inner: self.inner.clone().with_new_children(children)?, kind: self.kind }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

impl Checked {
    fn wrap(inner: Arc<dyn PhysicalExpr>, kind: CheckKind) -> Transformed<Arc<dyn PhysicalExpr>> {
        Transformed::yes(Arc::new(Self { inner, kind }))
    }

    /// The expression whose results are checked.
    pub(super) fn inner(&self) -> &Arc<dyn PhysicalExpr> {
        &self.inner
    }

    /// An overflow in words that name the type.
    fn overflow(&self, error: DataFusionError, batch: &RecordBatch) -> DataFusionError {
        let message = one_line(&error);
        let Some(sum) = message.strip_prefix("Overflow happened on: ") else { return error };
        let data_type = self.data_type(batch.schema_ref()).map_or_else(|_| "its type".to_owned(), |t| type_name(&t));
        DataFusionError::Execution(format!("{sum} is more than {data_type} can hold"))
    }

    fn operands(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        self.inner.children().iter().map(|c| c.evaluate(batch)?.into_array(batch.num_rows())).collect()
    }

    fn negated(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let [operand] = self.inner.children()[..] else { return self.inner.evaluate(batch) };
        match operand.evaluate(batch)? {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(neg(&array)?)),
            ColumnarValue::Scalar(scalar) => Ok(ColumnarValue::Scalar(scalar.arithmetic_negate()?)),
        }
    }

    /// Floats that are not finite, or −0, and decimals of the last precision are looked at one by one.
    fn looked_at(&self, value: ColumnarValue, batch: &RecordBatch) -> Result<ColumnarValue> {
        let is_odd = |x: f64| !x.is_finite() | (x.to_bits() == (-0f64).to_bits());
        match value.data_type() {
            DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal32(9, _) | DataType::Decimal64(18, _) => {}
            DataType::Decimal128(38, _) | DataType::Decimal256(76, _) => {}
            data_type if data_type.is_decimal() && self.kind == CheckKind::Function => {}
            _ => return Ok(value),
        }
        let array = match &value {
            ColumnarValue::Array(array) => array.clone(),
            ColumnarValue::Scalar(_) => value.to_array(batch.num_rows())?,
        };
        match array.data_type() {
            DataType::Float64 => {
                let floats = array.as_primitive::<Float64Type>();
                let any = floats.values().iter().fold(false, |any, &x| any | is_odd(x));
                if any { self.mended(floats, batch) } else { Ok(value) }
            }
            DataType::Float32 => {
                let floats = array.as_primitive::<Float32Type>();
                let any = floats.values().iter().fold(false, |any, &x| any | is_odd(f64::from(x)));
                if any { self.mended(floats, batch) } else { Ok(value) }
            }
            DataType::Float16 => {
                let floats = array.as_primitive::<Float16Type>();
                if floats.values().iter().any(|&x| is_odd(f64::from(x))) { self.mended(floats, batch) } else { Ok(value) }
            }
            DataType::Decimal32(p, _) => {
                array.as_primitive::<Decimal32Type>().validate_decimal_precision(*p).map(|()| value).map_err(narrow)
            }
            DataType::Decimal64(p, _) => {
                array.as_primitive::<Decimal64Type>().validate_decimal_precision(*p).map(|()| value).map_err(narrow)
            }
            DataType::Decimal128(p, _) => {
                array.as_primitive::<Decimal128Type>().validate_decimal_precision(*p).map(|()| value).map_err(narrow)
            }
            DataType::Decimal256(p, _) => {
                array.as_primitive::<Decimal256Type>().validate_decimal_precision(*p).map(|()| value).map_err(narrow)
            }
            _ => Ok(value),
        }
    }

    /// −0 becomes 0, NaN null; infinity is an error unless it came from an infinity, or was written so.
    fn mended<T: ArrowPrimitiveType>(&self, floats: &PrimitiveArray<T>, batch: &RecordBatch) -> Result<ColumnarValue>
    where
        T::Native: Into<f64> + std::ops::Add<Output = T::Native> + Default,
    {
        let operands = self.operands(batch)?;
        let numbers: Vec<Option<Float64Array>> = operands.iter().map(as_floats).collect::<Result<_, ArrowError>>()?;
        let are_numbers = operands.iter().all(|o| !o.data_type().is_nested() && !crate::types::is_text(o.data_type()));
        let mut mended: Vec<Option<T::Native>> = Vec::with_capacity(floats.len());
        for (row, value) in floats.iter().enumerate() {
            let Some(value) = value else {
                mended.push(None);
                continue;
            };
            let x: f64 = value.into();
            let known = || numbers.iter().flatten().filter(|o| o.is_valid(row)).map(|o| o.value(row));
            let is_cast = matches!(self.kind, CheckKind::Cast { .. });
            let wrong = if x.is_finite() {
                None
            } else if self.kind == CheckKind::Division && known().nth(1) == Some(0.0) {
                Some("division by zero".to_owned())
            } else if are_numbers && x.is_nan() {
                Some("the result is not a number".to_owned())
            } else if (are_numbers && known().all(f64::is_finite))
                || (is_cast && x.is_infinite() && !is_written_infinite(&operands[0], row))
            {
                Some(too_large::<T>())
            } else {
                None
            };
            match wrong {
                Some(_) if self.kind == (CheckKind::Cast { strict: false }) => mended.push(None),
                Some(what) => return exec_err!("{what}"),
                // Adding zero turns −0 into 0.
                None => mended.push((!x.is_nan()).then(|| value + T::Native::default())),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(mended.into_iter().collect::<PrimitiveArray<T>>())))
    }

    /// A null where no operand is null stands for what could not be computed.
    fn total(&self, value: ColumnarValue, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = value.to_array(batch.num_rows())?;
        if array.null_count() > 0 {
            let operands = self.operands(batch)?;
            let is_lost = |row: usize| array.is_null(row) && operands.iter().all(|o| o.is_valid(row));
            if (0..array.len()).any(is_lost) {
                return exec_err!("the result is out of range");
            }
        }
        Ok(value)
    }

    /// The last value of a type stands for all beyond it.
    fn bounded(&self, value: ColumnarValue, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = value.to_array(batch.num_rows())?;
        if let Some(times) = array.as_primitive_opt::<TimestampNanosecondType>() {
            let is_last = |time: Option<i64>| time.is_some_and(|t| t == i64::MAX || t == i64::MIN);
            if times.iter().any(is_last) {
                return exec_err!("the result is out of range");
            }
        }
        Ok(value)
    }

    /// Bits may neither be moved by more than there are, nor be lost.
    fn shifted(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let value = self.inner.evaluate(batch)?;
        let [left, right] = &self.operands(batch)?[..] else { return Ok(value) };
        let bits = left.data_type().primitive_width().map_or(0, |bytes| bytes as i128 * 8);
        let is_left = self.inner.downcast_ref::<BinaryExpr>().is_some_and(|b| *b.op() == Operator::BitwiseShiftLeft);
        let (before, by, after) = (wide(left)?, wide(right)?, wide(&value.to_array(batch.num_rows())?)?);
        for row in 0..before.len() {
            if before.is_null(row) || by.is_null(row) {
                continue;
            }
            let (from, by) = (before.value(row), by.value(row));
            if !(0..bits).contains(&by) || (is_left && after.value(row) >> by != from) {
                let sign = if is_left { "<<" } else { ">>" };
                return exec_err!("{from} {sign} {by} is more than {} can hold", type_name(left.data_type()));
            }
        }
        Ok(value)
    }
}

fn narrow(_: ArrowError) -> DataFusionError {
    DataFusionError::Execution("the result has more digits than its decimal type can hold".to_owned())
}

fn too_large<T: ArrowPrimitiveType>() -> String {
    format!("the result is more than {} can hold", type_name(&T::DATA_TYPE))
}

/// The values as floats, if they are numbers of any kind.
fn as_floats(array: &ArrayRef) -> Result<Option<Float64Array>, ArrowError> {
    if !array.data_type().is_numeric() {
        return Ok(None);
    }
    Ok(Some(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()))
}

/// Integers of any width.
fn wide(array: &ArrayRef) -> Result<PrimitiveArray<Decimal128Type>> {
    Ok(cast(array, &DataType::Decimal128(20, 0))?.as_primitive::<Decimal128Type>().clone())
}

/// Whether the text in `row` says that it is infinite, rather than being a number too large.
fn is_written_infinite(array: &ArrayRef, row: usize) -> bool {
    let text = arrow::util::display::array_value_to_string(array, row).unwrap_or_default();
    text.trim().trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("inf")
}
