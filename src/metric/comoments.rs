//! How two numeric columns move together: Pearson's correlation, from exact sums.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::column::{Column, for_each_float};
use super::encoding;
use super::exact_sum::{ExactSum, Fraction};
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;

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
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = CoMomentsOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { sums: Sums::default(), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let both = columns[1].present(&columns[0].present(rows.selection));
        let mut xs = Vec::new();
        for_each_float(columns[0], &both, |_, x| xs.push(x));
        let (mut xs, sums) = (xs.into_iter(), &mut self.sums);
        for_each_float(columns[1], &both, |_, y| {
            let Some(x) = xs.next().filter(|x| x.is_finite() && y.is_finite()) else { return };
            sums.count += 1;
            sums.x.add(x);
            sums.y.add(y);
            sums.xx.add_square(x);
            sums.yy.add_square(y);
            sums.xy.add_product(x, y);
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
        let sums: Sums = encoding::read(from)?;
        encoding::ensure_counts([sums.count])?;
        let mut memory = Reservation::new(memory);
        memory.resize(sums.bytes());
        Ok(Self { sums, memory })
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
}

impl Sums {
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
