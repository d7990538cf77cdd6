//! Count, mean and sample standard deviation of a numeric column, from exact sums.

use std::sync::Arc;

use arrow::datatypes::DataType;
use num_bigint::BigInt;

use super::column::{Floats, Numbers};
use super::exact_sum::{ExactSum, Fraction};
use super::{Budget, Column, Inputs, Rows, State, Transform};
use crate::diagnostic::Fault;
use crate::each_width;

/// Exact sums of values and squares. Infinities are counted apart and stay out of the sums.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    count: u64,
    infinite: u64,
    transform: Transform,
    /// Scale of the integers: their values are divided by 10^scale.
    scale: i8,
    integers: IntegerSums,
    floats: ExactSum,
    float_squares: ExactSum,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct IntegerSums {
    sum: i128,
    /// Low 128 bits of the sum of squares, and how often they overflowed.
    squares: u128,
    squares_carry: u64,
    /// What does not fit above: values beyond 64 bits.
    wide_sum: BigInt,
    wide_squares: BigInt,
}

/// What is known of a numeric column's distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
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

    fn empty(transform: &Transform, _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { transform: *transform, ..Self::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        if !self.transform.is_identity() {
            let transform = self.transform;
            transform.for_each(columns[0], &present, |_, x| self.add_float(x));
            return Ok(());
        }
        match columns[0].numbers() {
            Some(Numbers::Ints { values, scale }) => {
                self.scale = scale;
                self.count += present.count(rows.len()) as u64;
                let sums = &mut self.integers;
                each_width!(values, values => present.ranges(rows.len(), |range| {
                    values[range].chunks(CHUNK).for_each(|chunk| sums.add_chunk(chunk.iter().map(|&v| i128::from(v))));
                }));
            }
            Some(Numbers::Floats(Floats::F32(values))) => present.rows(rows.len(), |i| self.add_float(f64::from(values[i]))),
            Some(Numbers::Floats(Floats::F64(values))) => present.rows(rows.len(), |i| self.add_float(values[i])),
            None => {}
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.count += later.count;
        self.infinite += later.infinite;
        // An empty state does not know the scale yet.
        self.scale = self.scale.max(later.scale);
        self.integers.merge(later.integers);
        self.floats.merge(&later.floats);
        self.float_squares.merge(&later.float_squares);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<MomentsOut, Fault> {
        let (sum, squares) = self.fractions();
        let mean = (self.count > 0).then(|| sum.divided_by(self.count).as_f64());
        let variance = (self.count > 1).then(|| Fraction::sample_variance(self.count, &sum, &squares).as_f64());
        Ok(MomentsOut { count: self.count, infinite: self.infinite, sum: sum.as_f64(), mean, stddev: variance.map(f64::sqrt) })
    }
}

impl Moments {
    fn add_float(&mut self, x: f64) {
        if x.is_infinite() {
            self.infinite += 1;
            return;
        }
        self.count += 1;
        self.floats.add(x);
        self.float_squares.add_square(x);
    }

    /// Σx and Σx².
    fn fractions(&self) -> (Fraction, Fraction) {
        if self.floats.bytes() > 0 {
            return (self.floats.fraction(), self.float_squares.fraction());
        }
        let ten = BigInt::from(10u8).pow(self.scale.max(0) as u32);
        let sum = BigInt::from(self.integers.sum) + &self.integers.wide_sum;
        let low = BigInt::from(self.integers.squares) + (BigInt::from(self.integers.squares_carry) << 128);
        (Fraction::new(sum, ten.clone()), Fraction::new(low + &self.integers.wide_squares, &ten * &ten))
    }
}
