//! Count, mean and sample standard deviation of a numeric column, from exact sums.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use num_bigint::BigInt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers, for_each_float};
use super::encoding;
use super::exact_sum::{self, ExactSum};
use super::fraction::Fraction;
use super::inputs::Inputs;
use super::number::Number;
use super::state::{Rows, State};
use super::transform::Transform;
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::Mask;

/// Sums of values and squares. Infinities are counted apart and stay out of the sums.
#[derive(Debug)]
pub struct Moments {
    transform: Transform,
    sums: Sums,
    memory: Reservation,
}

/// Exact sums.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    count: u64,
    infinite: u64,
    /// Scale of the integers: their values are divided by 10^scale.
    scale: i8,
    integers: IntegerSums,
    floats: ExactSum,
    float_squares: ExactSum,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct IntegerSums {
    sum: i128,
    /// Low 128 bits of the sum of squares, and how often they overflowed.
    squares: u128,
    squares_carry: u64,
    /// What does not fit above: values beyond 64 bits.
    #[serde(with = "big")]
    wide_sum: BigInt,
    #[serde(with = "big")]
    wide_squares: BigInt,
}

/// Integers of any size as their bytes.
mod big {
    use num_bigint::BigInt;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(x: &BigInt, to: S) -> Result<S::Ok, S::Error> {
        x.to_signed_bytes_le().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BigInt, D::Error> {
        Ok(BigInt::from_signed_bytes_le(&Vec::<u8>::deserialize(from)?))
    }
}

/// What is known of a numeric column's distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct MomentsOut {
    /// Finite values.
    pub count: u64,
    /// Infinite values.
    pub infinite: u64,
    /// The sum of finite values.
    pub sum: f64,
    /// Arithmetic mean; none without finite values.
    pub mean: Option<f64>,
    /// Sample standard deviation (n − 1); none below two finite values.
    pub stddev: Option<f64>,
    /// Σx without rounding: in units of the last place of decimals, in 2^-1074 of floats.
    pub whole_sum: BigInt,
    /// Σx² in the squares of these units.
    pub whole_squares: BigInt,
}

/// Values summed in 64 bits before the sums are carried over.
const CHUNK: usize = 1024;
/// Squares of so small values, a chunk of them, fit 64 bits.
const SMALL_MAX: i128 = 1 << 26;

impl IntegerSums {
    /// Adds up to [`CHUNK`] values: in 64 bits where all are small, which the compiler makes fast.
    fn add_chunk(&mut self, values: impl Iterator<Item = i128> + Clone) {
        let (mut sum, mut squares, mut small) = (0i64, 0u64, true);
        for value in values.clone() {
            let narrow = value as i64;
            small &= value > -SMALL_MAX && value < SMALL_MAX;
            sum = sum.wrapping_add(narrow);
            squares = squares.wrapping_add(narrow.wrapping_mul(narrow) as u64);
        }
        if small {
            self.sum += i128::from(sum);
            self.add_squares(u128::from(squares));
        } else {
            values.for_each(|value| self.add(value));
        }
    }

    fn add_squares(&mut self, more: u128) {
        let (squares, carry) = self.squares.overflowing_add(more);
        self.squares = squares;
        self.squares_carry += u64::from(carry);
    }

    fn add(&mut self, value: i128) {
        let Ok(narrow) = i64::try_from(value) else {
            self.wide_sum += value;
            self.wide_squares += BigInt::from(value) * value;
            return;
        };
        self.sum += i128::from(narrow);
        self.add_squares(u128::from(narrow.unsigned_abs()) * u128::from(narrow.unsigned_abs()));
    }

    /// Adds `count` equal values.
    fn add_times(&mut self, value: i128, count: u64) {
        let narrow = i64::try_from(value).ok();
        let square = narrow.and_then(|v| (u128::from(v.unsigned_abs()) * u128::from(v.unsigned_abs())).checked_mul(count.into()));
        match (narrow, square) {
            (Some(narrow), Some(square)) => {
                self.sum += i128::from(narrow) * i128::from(count);
                self.add_squares(square);
            }
            // One by one, values within 64 bits would be counted apart from wider ones: what is saved must be the same.
            (Some(narrow), None) => {
                self.sum += i128::from(narrow) * i128::from(count);
                let squares = BigInt::from(narrow) * narrow * count;
                let low = (&squares & BigInt::from(u128::MAX)).try_into().unwrap_or(0u128);
                self.squares_carry += u64::try_from(squares >> 128u32).unwrap_or(0);
                self.add_squares(low);
            }
            (None, _) => {
                self.wide_sum += BigInt::from(value) * count;
                self.wide_squares += BigInt::from(value) * value * count;
            }
        }
    }

    /// Σx and Σx².
    fn whole(&self) -> (BigInt, BigInt) {
        let squares = BigInt::from(self.squares) + (BigInt::from(self.squares_carry) << 128) + &self.wide_squares;
        (BigInt::from(self.sum) + &self.wide_sum, squares)
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.add_squares(other.squares);
        self.squares_carry += other.squares_carry;
        self.wide_sum += other.wide_sum;
        self.wide_squares += other.wide_squares;
    }
}

impl State for Moments {
    const NAME: &'static str = "moments";
    const VERSION: u32 = 1;
    type Spec = Transform;
    type Out = MomentsOut;

    fn empty(transform: &Transform, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { transform: *transform, sums: Sums::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let sums = &mut self.sums;
        if self.transform.is_identity() {
            sums.add(columns[0], &present, rows.len());
        } else {
            self.transform.for_each(columns[0], &present, |_, x| sums.add_float(x));
        }
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.sums.merge(later.sums);
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { transform: self.transform, sums: self.sums.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.sums, to)
    }

    fn decode(transform: &Transform, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let sums: Sums = encoding::read(from)?;
        encoding::ensure_counts([sums.count, sums.infinite, sums.integers.squares_carry])?;
        encoding::ensure(sums.integers.sum.unsigned_abs() >> 126 == 0, "no rows have such a sum")?;
        let mut memory = Reservation::new(memory);
        memory.resize(sums.bytes());
        Ok(Self { transform: *transform, sums, memory })
    }

    fn finish(self, _: &Inputs) -> Result<MomentsOut, Fault> {
        let Sums { count, infinite, .. } = self.sums;
        let (sum, squares) = self.sums.fractions();
        let mean = (count > 0).then(|| sum.divided_by(count).as_f64());
        // The root before the rounding: a variance that no float can hold has a root that one can.
        let stddev = (count > 1).then(|| Fraction::sample_variance(count, &sum, &squares).root());
        let (whole_sum, whole_squares) = self.sums.whole();
        Ok(MomentsOut { whole_sum, whole_squares, count, infinite, sum: sum.as_f64(), mean, stddev })
    }

    const SUMMARISED: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let Sums { count, infinite, scale, floats, float_squares, .. } = self.sums.clone();
        let integers = floats.is_empty().then(|| self.sums.whole()).map(|(sum, squares)| (sum.to_string(), squares.to_string()));
        encoding::to_json(&Kept { count, infinite, scale, integers, floats, float_squares }).map(Some)
    }

    fn of_summary(transform: &Transform, types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let Kept { count, infinite, scale, integers, floats, float_squares } = encoding::of_json(json)?;
        encoding::ensure_counts([count, infinite])?;
        encoding::ensure(integers.is_some() == floats.is_empty(), "it has the sums of two columns")?;
        let mut state = Self::empty(transform, types, memory);
        if let Some((sum, squares)) = integers {
            let integer = |text: &str| Some(text).filter(|text| text.len() <= DIGITS_MAX).and_then(|text| text.parse::<BigInt>().ok());
            let (sum, squares) = integer(&sum).zip(integer(&squares)).ok_or_else(|| encoding::damaged("its sums are no numbers"))?;
            (state.sums.integers.wide_sum, state.sums.integers.wide_squares) = (sum, squares);
        }
        state.sums = Sums { count, infinite, scale, floats, float_squares, integers: state.sums.integers };
        state.memory.resize(state.sums.bytes());
        Ok(state)
    }
}

/// Digits of a sum of squares: 2^56 squares of 38 digits have fewer.
const DIGITS_MAX: usize = 100;

/// What a summary keeps: exact sums, so that means of what was merged are exact too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    count: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    infinite: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    scale: i8,
    /// Σx and Σx² of integers, in whole units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integers: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "ExactSum::is_empty", with = "exact_sum::kept")]
    floats: ExactSum,
    #[serde(default, skip_serializing_if = "ExactSum::is_empty", with = "exact_sum::kept")]
    float_squares: ExactSum,
}

fn is_zero<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

impl Moments {
    /// Takes in `count` more of a number.
    pub(super) fn add_times(&mut self, number: Number, count: u64) {
        self.sums.add_times(number, count);
        self.memory.resize(self.sums.bytes());
    }
}

impl Sums {
    /// Adds the values of the rows `present`.
    fn add(&mut self, column: &Column, present: &Mask, len: usize) {
        match column.numbers() {
            Some(Numbers::Ints { values, scale }) => {
                self.scale = scale;
                self.count += present.count(len) as u64;
                let sums = &mut self.integers;
                each_width!(values, values => present.ranges(len, |range| {
                    values[range].chunks(CHUNK).for_each(|chunk| sums.add_chunk(chunk.iter().map(|&v| i128::from(v))));
                }));
            }
            Some(Numbers::Floats(Floats::F32(values))) => present.rows(len, |i| self.add_float(f64::from(values[i]))),
            Some(Numbers::Floats(Floats::F64(values))) => present.rows(len, |i| self.add_float(values[i])),
            None => for_each_float(column, present, |_, x| {
                self.count += 1;
                self.integers.add(x as i128);
            }),
        }
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.infinite += later.infinite;
        let mut later = later;
        // An empty state does not know the scale yet. Summaries may be of columns whose type has changed.
        if self.scale != later.scale {
            let scale = self.scale.max(later.scale);
            self.rescale(scale);
            later.rescale(scale);
        }
        if self.floats.is_empty() != later.floats.is_empty() {
            self.become_floats();
            later.become_floats();
        }
        self.integers.merge(later.integers);
        self.floats.merge(&later.floats);
        self.float_squares.merge(&later.float_squares);
    }

    fn bytes(&self) -> usize {
        self.floats.bytes() + self.float_squares.bytes()
    }

    /// Takes the sums of integers as those of a larger scale.
    fn rescale(&mut self, scale: i8) {
        if scale == self.scale || self.count == 0 {
            self.scale = scale;
            return;
        }
        let ten = BigInt::from(10u8).pow(u32::from((i16::from(scale) - i16::from(self.scale)).unsigned_abs()));
        let (sum, squares) = self.integers.whole();
        self.integers = IntegerSums { wide_sum: sum * &ten, wide_squares: squares * &ten * &ten, ..IntegerSums::default() };
        self.scale = scale;
    }

    /// Takes the sums of integers as those of floats; of decimals that no float can hold, to 2^-512.
    fn become_floats(&mut self) {
        if self.floats.is_empty() && self.count > 0 {
            let (sum, squares) = self.fractions();
            (self.floats, self.float_squares) = (ExactSum::of_fraction(&sum), ExactSum::of_fraction(&squares));
            (self.integers, self.scale) = (IntegerSums::default(), 0);
        }
    }

    /// Adds `count` equal values.
    fn add_times(&mut self, number: Number, count: u64) {
        match number {
            Number::Int { value, scale } => {
                self.scale = scale;
                self.count += count;
                self.integers.add_times(value, count);
            }
            Number::Float(x) if x.is_infinite() => self.infinite += count,
            Number::Float(x) => {
                self.count += count;
                self.floats.add_times(x, count);
                self.float_squares.add_square_times(x, count);
            }
        }
    }

    fn add_float(&mut self, x: f64) {
        if x.is_infinite() {
            self.infinite += 1;
            return;
        }
        self.count += 1;
        self.floats.add(x);
        self.float_squares.add_square(x);
    }

    /// Σx and Σx² in whole units.
    fn whole(&self) -> (BigInt, BigInt) {
        if !self.floats.is_empty() {
            return (self.floats.whole(), self.float_squares.whole_of_squares());
        }
        self.integers.whole()
    }

    /// Σx and Σx².
    fn fractions(&self) -> (Fraction, Fraction) {
        if !self.floats.is_empty() {
            return (self.floats.fraction(), self.float_squares.fraction());
        }
        let ten = BigInt::from(10u8).pow(self.scale.max(0) as u32);
        let (sum, squares) = self.whole();
        (Fraction::new(sum, ten.clone()), Fraction::new(squares, &ten * &ten))
    }
}
