//! `sum` and `avg` of queries: no sum wraps around, and none depends on the order of rows.
//!
//! Integers and decimals are added in 256 bits, floats exactly and rounded once. What a type cannot hold is an error, for floats too.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Decimal256Array};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Decimal256Type, Field, FieldRef, Float64Type, i256};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature};

use crate::metric::exact_sum::ExactSum;
use crate::types::type_name;

/// The most digits of a decimal of 256 bits.
const DIGITS_MAX: u8 = 76;

/// The functions that take the place of DataFusion's of the same names.
pub(super) fn functions() -> [AggregateUDF; 2] {
    [Exact { inner: sum_udaf(), is_mean: false }, Exact { inner: avg_udaf(), is_mean: true }].map(AggregateUDF::from)
}

/// One of the two functions; for other values than those it adds, it is DataFusion's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    inner: Arc<AggregateUDF>,
    is_mean: bool,
}

/// How values are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Floats,
    /// Integers, decimals and durations, as decimals of this scale.
    Whole(i8),
}

impl Exact {
    fn kind(&self, data_type: &DataType) -> Option<Kind> {
        match data_type {
            DataType::Float64 => Some(Kind::Floats),
            // DataFusion takes means of decimals with room for the sum.
            _ if self.is_mean => None,
            DataType::Int64 | DataType::UInt64 | DataType::Duration(_) => Some(Kind::Whole(0)),
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => Some(Kind::Whole(*scale)),
            _ => None,
        }
    }

    fn total(&self, kind: Kind, arguments: &AccumulatorArgs<'_>) -> Box<dyn Accumulator> {
        let different = arguments.is_distinct.then(HashSet::new);
        Box::new(Total { kind, is_mean: self.is_mean, result: arguments.return_type().clone(), different, sum: Sum::default() })
    }
}

fn type_of<'a>(arguments: &'a AccumulatorArgs<'_>) -> &'a DataType {
    arguments.expr_fields.first().map_or(&DataType::Null, |field| field.data_type())
}

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.kind(type_of(&arguments)) {
            Some(kind) => Ok(self.total(kind, &arguments)),
            None => self.inner.accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match arguments.input_fields.first().and_then(|field| self.kind(field.data_type())) {
            Some(_) => Ok(vec![Arc::new(Field::new(format!("{}[{}]", arguments.name, self.name()), DataType::Binary, true))]),
            None => self.inner.state_fields(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        self.kind(type_of(&arguments)).is_none() && self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.kind(type_of(&arguments)) {
            Some(kind) => Ok(self.total(kind, &arguments)),
            None => self.inner.create_sliding_accumulator(arguments),
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// What was added so far.
#[derive(Debug, Default)]
struct Sum {
    count: u64,
    whole: i256,
    floats: ExactSum,
    /// Infinities, which are no terms: positive and negative ones.
    infinite: [u64; 2],
}

/// The same as it is saved.
type Saved = (u64, [u8; 32], ExactSum, [u64; 2]);

#[derive(Debug)]
struct Total {
    kind: Kind,
    is_mean: bool,
    result: DataType,
    /// Of `DISTINCT`: the values that were added.
    different: Option<HashSet<ScalarValue>>,
    sum: Sum,
}

impl Total {
    fn too_large<T>(&self) -> Result<T> {
        exec_err!("the sum is more than {} can hold", type_name(&self.result))
    }

    /// Adds values, or takes them back.
    fn add(&mut self, values: &ArrayRef, is_added: bool) -> Result<()> {
        let count = (values.len() - values.null_count()) as u64;
        self.sum.count = if is_added { self.sum.count + count } else { self.sum.count.saturating_sub(count) };
        match self.kind {
            Kind::Floats => {
                for x in values.as_primitive::<Float64Type>().iter().flatten() {
                    let signed = if is_added { x } else { -x };
                    match x {
                        x if x.is_finite() => self.sum.floats.add(signed),
                        x if x.is_nan() => return exec_err!("a value is not a number"),
                        x => {
                            let infinite = &mut self.sum.infinite[usize::from(x < 0.0)];
                            *infinite = if is_added { *infinite + 1 } else { infinite.saturating_sub(1) };
                        }
                    }
                }
            }
            Kind::Whole(scale) => {
                let numbers = match values.data_type() {
                    DataType::Duration(_) => cast(values, &DataType::Int64)?,
                    _ => values.clone(),
                };
                let wide = cast(&numbers, &DataType::Decimal256(DIGITS_MAX, scale))?;
                for term in wide.as_primitive::<Decimal256Type>().iter().flatten() {
                    let sum = if is_added { self.sum.whole.checked_add(term) } else { self.sum.whole.checked_sub(term) };
                    self.sum.whole = match sum {
                        Some(sum) => sum,
                        None => return self.too_large(),
                    };
                }
            }
        }
        Ok(())
    }

    fn of_floats(&self) -> Result<ScalarValue> {
        let x = match self.sum.infinite {
            [0, 0] if self.is_mean => self.sum.floats.fraction().divided_by(self.sum.count).as_f64(),
            [0, 0] => self.sum.floats.fraction().as_f64(),
            [_, 0] => return Ok(ScalarValue::Float64(Some(f64::INFINITY))),
            [0, _] => return Ok(ScalarValue::Float64(Some(f64::NEG_INFINITY))),
            [_, _] => return exec_err!("the sum of both infinities is not a number"),
        };
        if x.is_finite() { Ok(ScalarValue::Float64(Some(x + 0.0))) } else { self.too_large() }
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return exec_err!("nothing to add") };
        let Some(different) = &mut self.different else { return self.add(values, true) };
        let mut new = Vec::new();
        for row in (0..values.len()).filter(|&row| values.is_valid(row)) {
            let value = ScalarValue::try_from_array(values, row)?;
            if different.insert(value.clone()) {
                new.push(value);
            }
        }
        if new.is_empty() { Ok(()) } else { self.add(&ScalarValue::iter_to_array(new)?, true) }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.sum.count == 0 {
            return ScalarValue::try_from(&self.result);
        }
        let Kind::Whole(scale) = self.kind else { return self.of_floats() };
        let sum: ArrayRef = Arc::new(Decimal256Array::from(vec![self.sum.whole]).with_precision_and_scale(DIGITS_MAX, scale)?);
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let number = match &self.result {
            DataType::Duration(_) => DataType::Int64,
            other => other.clone(),
        };
        let Ok(number) = cast_with_options(&sum, &number, &strict) else { return self.too_large() };
        ScalarValue::try_from_array(&cast(&number, &self.result)?, 0)
    }

    fn size(&self) -> usize {
        let different = self.different.as_ref().map_or(0, |different| different.capacity() * size_of::<ScalarValue>());
        size_of_val(self) + self.sum.floats.bytes() + different
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if self.different.is_some() {
            return exec_err!("a sum of different values is taken in one go");
        }
        let Sum { count, whole, floats, infinite } = &self.sum;
        let saved: Saved = (*count, whole.to_le_bytes(), floats.clone(), *infinite);
        let bytes = postcard::to_allocvec(&saved).map_err(|why| DataFusionError::Internal(why.to_string()))?;
        Ok(vec![ScalarValue::Binary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states: Option<&BinaryArray> = states.first().and_then(|states| states.as_binary_opt());
        for saved in states.into_iter().flatten().flatten() {
            let saved: Saved = postcard::from_bytes(saved).map_err(|why| DataFusionError::Internal(why.to_string()))?;
            let (count, whole, floats, infinite) = saved;
            self.sum.count += count;
            self.sum.whole = match self.sum.whole.checked_add(i256::from_le_bytes(whole)) {
                Some(sum) => sum,
                None => return self.too_large(),
            };
            self.sum.floats.merge(&floats);
            self.sum.infinite.iter_mut().zip(infinite).for_each(|(ours, theirs)| *ours += theirs);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return exec_err!("nothing to take back") };
        self.add(values, false)
    }

    fn supports_retract_batch(&self) -> bool {
        self.different.is_none()
    }
}
