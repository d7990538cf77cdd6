//! How two numeric columns move together: Pearson's correlation, from exact sums.
//!
//! Correlation minds no unit, so decimals are taken as their digits; integers beyond 2^53 are taken in parts.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::{Column, Numbers, for_each_float};
use super::encoding;
use super::exact_sum::{self, ExactSum};
use super::fraction::Fraction;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::Mask;

/// Sums over the rows on which both columns have a finite value.
#[derive(Debug)]
pub struct CoMoments {
    sums: Sums,
    memory: Reservation,
}

/// Exact sums of values and products.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    count: u64,
    x: ExactSum,
    y: ExactSum,
    xx: ExactSum,
    yy: ExactSum,
    xy: ExactSum,
}

/// What is known of two columns together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoMomentsOut {
    /// Rows on which both are finite.
    pub count: u64,
    /// Pearson's r; none where a column has no spread.
    pub correlation: Option<f64>,
}

impl State for CoMoments {
    const NAME: &'static str = "co_moments";
    const VERSION: u32 = 2;
    type Spec = ();
    type Out = CoMomentsOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { sums: Sums::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let both = columns[1].present(&columns[0].present(rows.selection));
        let mut xs = Vec::new();
        each_in_parts(columns[0], &both, |x| xs.push(x));
        let (mut xs, sums) = (xs.into_iter(), &mut self.sums);
        each_in_parts(columns[1], &both, |y| {
            if let Some(x) = xs.next().filter(|x| x[0].is_finite() && y[0].is_finite()) {
                sums.add(x, y);
            }
        });
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.sums.merge(&later.sums);
        self.memory.resize(self.sums.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { sums: self.sums.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.sums, to)
    }

    fn decode((): &(), _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Self::of(encoding::read(from)?, memory)
    }

    fn finish(self, _: &Inputs) -> Result<CoMomentsOut, Fault> {
        let sums = self.sums;
        let (x, y) = (sums.x.fraction(), sums.y.fraction());
        let spread = |sum: &Fraction, squares: &ExactSum| Fraction::covariance(sums.count, sum, sum, &squares.fraction());
        let correlation = (sums.count > 1).then(|| {
            let together = Fraction::covariance(sums.count, &x, &y, &sums.xy.fraction());
            together.over_roots(&spread(&x, &sums.xx), &spread(&y, &sums.yy))
        });
        Ok(CoMomentsOut { count: sums.count, correlation: correlation.flatten() })
    }

    const SUMMARISED: bool = true;
    const MINDS_TYPES: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let Sums { count, x, y, xx, yy, xy } = self.sums.clone();
        encoding::to_json(&Kept { count, x, y, xx, yy, xy }).map(Some)
    }

    fn of_summary((): &(), _: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let Kept { count, x, y, xx, yy, xy } = encoding::of_json(json)?;
        Self::of(Sums { count, x, y, xx, yy, xy }, memory)
    }
}

impl CoMoments {
    fn of(sums: Sums, memory: &Arc<Budget>) -> Result<Self, Fault> {
        encoding::ensure_counts([sums.count])?;
        let mut memory = Reservation::new(memory);
        memory.resize(sums.bytes());
        Ok(Self { sums, memory })
    }
}

/// What a summary keeps: exact sums, as text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    count: u64,
    #[serde(with = "exact_sum::kept")]
    x: ExactSum,
    #[serde(with = "exact_sum::kept")]
    y: ExactSum,
    #[serde(with = "exact_sum::kept")]
    xx: ExactSum,
    #[serde(with = "exact_sum::kept")]
    yy: ExactSum,
    #[serde(with = "exact_sum::kept")]
    xy: ExactSum,
}

/// A value as floats that add up to it: the first, and what it leaves.
type Parts = [f64; 3];

/// Calls `each` with the value of every selected row, decimals without their point.
fn each_in_parts(column: &Column, selection: &Mask, mut each: impl FnMut(Parts)) {
    match column.numbers() {
        Some(Numbers::Ints { values, .. }) => {
            each_width!(values, values => selection.rows(column.len(), |i| each(parts(i128::from(values[i])))));
        }
        Some(Numbers::Floats(_)) | None => for_each_float(column, selection, |_, x| each([x, 0.0, 0.0])),
    }
}

/// An integer as floats that add up to it.
fn parts(value: i128) -> Parts {
    let mut rest = value;
    // Three times 53 bits are more than there are; and with 38 digits at most, no rounding leads out of 128 bits.
    [(); 3].map(|()| {
        let part = rest as f64;
        rest -= part as i128;
        part
    })
}

impl Sums {
    fn add(&mut self, x: Parts, y: Parts) {
        self.count += 1;
        if x[1] == 0.0 && y[1] == 0.0 {
            self.add_parts(x[0], y[0]);
            self.xx.add_square(x[0]);
            self.yy.add_square(y[0]);
            self.xy.add_product(x[0], y[0]);
            return;
        }
        for i in 0..3 {
            self.add_parts(x[i], y[i]);
            for j in 0..3 {
                self.xx.add_product(x[i], x[j]);
                self.yy.add_product(y[i], y[j]);
                self.xy.add_product(x[i], y[j]);
            }
        }
    }

    fn add_parts(&mut self, x: f64, y: f64) {
        self.x.add(x);
        self.y.add(y);
    }

    fn merge(&mut self, later: &Self) {
        self.count += later.count;
        self.x.merge(&later.x);
        self.y.merge(&later.y);
        self.xx.merge(&later.xx);
        self.yy.merge(&later.yy);
        self.xy.merge(&later.xy);
    }

    fn bytes(&self) -> usize {
        [&self.x, &self.y, &self.xx, &self.yy, &self.xy].iter().map(|s| s.bytes()).sum()
    }
}
