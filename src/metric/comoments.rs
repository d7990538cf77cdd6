//! How two numeric columns move together: Pearson's correlation, from exact sums.

use std::sync::Arc;

use arrow::datatypes::DataType;

use super::exact_sum::{ExactSum, Fraction};
use super::ordered::for_each_float;
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::Fault;

/// Exact sums over the rows on which both columns have a finite value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CoMoments {
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

    fn empty((): &(), _: &[DataType], _: &Arc<Budget>) -> Self {
        Self::default()
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let both = columns[1].present(&columns[0].present(rows.selection));
        let mut xs = Vec::new();
        for_each_float(columns[0], &both, |_, x| xs.push(x));
        let mut xs = xs.into_iter();
        for_each_float(columns[1], &both, |_, y| {
            let Some(x) = xs.next().filter(|x| x.is_finite() && y.is_finite()) else { return };
            self.count += 1;
            self.x.add(x);
            self.y.add(y);
            self.xx.add_square(x);
            self.yy.add_square(y);
            self.xy.add_product(x, y);
        });
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.count += later.count;
        for (ours, theirs) in
            [(&mut self.x, later.x), (&mut self.y, later.y), (&mut self.xx, later.xx), (&mut self.yy, later.yy), (&mut self.xy, later.xy)]
        {
            ours.merge(&theirs);
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<CoMomentsOut, Fault> {
        let (x, y) = (self.x.fraction(), self.y.fraction());
        let spread = |sum: &Fraction, squares: &ExactSum| Fraction::covariance(self.count, sum, sum, &squares.fraction());
        let correlation = (self.count > 1).then(|| {
            let together = Fraction::covariance(self.count, &x, &y, &self.xy.fraction());
            together.over_roots(&spread(&x, &self.xx), &spread(&y, &self.yy))
        });
        Ok(CoMomentsOut { count: self.count, correlation: correlation.flatten() })
    }
}
