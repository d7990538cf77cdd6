//! Fences from other data: from the quantiles or the moments that were kept of them.

use num_bigint::BigInt;

use super::exact::{Unit, whole_of};
use super::order_statistics::{Settled, Wanted};
use crate::diagnostic::Fault;
use crate::metric::cells::{Cells, CellsOut, Value};
use crate::metric::moments::Moments;
use crate::metric::select::AllValues;
use crate::metric::{Number, Transform};
use crate::rules::GroupFacts;
use crate::rules::beside::{Answer, Why};
use crate::rules::requests::Beside;

/// The eighths at which quantiles are taken.
const EIGHTHS: &[u64] = &[1, 2, 4, 6, 7];

/// What other data are asked for.
#[derive(Clone, Copy)]
pub(super) enum Others {
    /// The quartiles, and the octiles for the shape of healthy data.
    Iqr(Beside<Cells>),
    /// All values, each with its count.
    Mad(Beside<AllValues>),
    Zscore(Beside<Moments>),
    /// The quantiles at two probabilities.
    Quantiles(Beside<Cells>, (f64, f64)),
}

/// What they answered.
pub(super) enum Answered {
    Iqr(Box<Settled>),
    Mad(Box<Settled>),
    Zscore {
        mean: f64,
        stddev: f64,
    },
    /// As the statistics see them: logarithms with `log`.
    Quantiles(f64, f64),
    No(Why),
}

impl Others {
    /// What they answered about a column of this unit. The batch has `values` values itself.
    pub(super) fn answer(self, facts: &GroupFacts<'_>, unit: Unit, transform: Transform, values: u64) -> Result<Answered, Fault> {
        let none = || Answered::No(Why::NoData("there are no values to compare with".into()));
        Ok(match self {
            Self::Zscore(handle) => match facts.beside(handle)? {
                Answer::There(moments) => match moments.mean.zip(moments.stddev) {
                    Some((mean, stddev)) => Answered::Zscore { mean, stddev },
                    None => none(),
                },
                Answer::NotThere(why) => Answered::No(why),
            },
            Self::Mad(handle) => match facts.beside(handle)? {
                Answer::There(Some(found)) => settled_exactly(found, unit, values).map_or_else(none, |s| Answered::Mad(Box::new(s))),
                Answer::There(None) => {
                    Answered::No(Why::NoData("the different values to compare with take more than --memory-limit".into()))
                }
                Answer::NotThere(why) => Answered::No(why),
            },
            Self::Iqr(handle) => match facts.beside(handle)? {
                Answer::There(cells) => {
                    settled(&seen(cells, transform), unit, transform, values).map_or_else(none, |s| Answered::Iqr(Box::new(s)))
                }
                Answer::NotThere(why) => Answered::No(why),
            },
            Self::Quantiles(handle, (low, high)) => match facts.beside(handle)? {
                Answer::There(cells) => {
                    let cells = seen(cells, transform);
                    let at = |p| quantile(&cells, transform, p);
                    at(low).zip(at(high)).map_or_else(none, |(low, high)| Answered::Quantiles(low, high))
                }
                Answer::NotThere(why) => Answered::No(why),
            },
        })
    }
}

/// The values that the statistics see: with `log` those above 0.
fn seen(cells: &CellsOut, transform: Transform) -> CellsOut {
    let mut cells = cells.clone();
    if transform.log {
        let shift = cells.shift;
        let above_zero = |index: u64| crate::metric::ordered::value_at(index << shift) > 0.0;
        cells.cells.retain(|cell| match &cell.only {
            Some(Value::Number(x)) => *x > 0.0,
            Some(Value::Text(_) | Value::Hash(_)) => false,
            None => above_zero(cell.index),
        });
    }
    cells
}

fn quantile(cells: &CellsOut, transform: Transform, p: f64) -> Option<f64> {
    cells.quantile(p).and_then(|(value, ..)| transform.apply(value))
}

/// A value in eighths of the unit.
fn eighths_of(x: f64, unit: Unit) -> BigInt {
    match unit {
        Unit::Float => whole_of(Number::Float(x)) * 8,
        Unit::Decimal(scale) => {
            let eighths = x * 10f64.powi(i32::from(scale)) * 8.0;
            // As many digits as a float has are enough for a fence.
            format!("{eighths:.0}").parse::<BigInt>().unwrap_or_default()
        }
    }
}

/// Order statistics as the batch's own are, for so many values.
fn settled(cells: &CellsOut, unit: Unit, transform: Transform, values: u64) -> Option<Settled> {
    let quantiles = EIGHTHS.iter().map(|&eighth| quantile(cells, transform, eighth as f64 / 8.0).map(|x| eighths_of(x, unit)));
    let quantiles: Vec<BigInt> = quantiles.collect::<Option<_>>()?;
    let median = cells.quantile(0.5)?.0;
    let count: u64 = cells.cells.iter().map(|cell| cell.count).sum();
    let is_median = |value: &Value| matches!(value, Value::Number(x) if *x == median);
    let at_median = cells.cells.iter().find(|cell| cell.only.as_ref().is_some_and(is_median)).map_or(1, |cell| cell.count);
    let at_median = scaled(at_median, count, values);
    Some(Settled::of(values, EIGHTHS, quantiles, (Number::Float(median), at_median)))
}

/// The same from all values, for so many of the batch: exact where they are of the batch's unit.
fn settled_exactly(found: &[(Number, u64)], unit: Unit, values: u64) -> Option<Settled> {
    let settled = Settled::of_values(found, Wanted { eighths: EIGHTHS, mad: true })?;
    let (median, times) = settled.median;
    let theirs = match median {
        Number::Int { scale, .. } => Unit::Decimal(scale),
        Number::Float(_) => Unit::Float,
    };
    let in_eighths = |number: BigInt, parts: u8| match theirs == unit {
        true => number * 8 / parts,
        false => eighths_of(theirs.shown(&number, &BigInt::from(parts)), unit),
    };
    let quantiles = EIGHTHS.iter().map(|&eighth| in_eighths(settled.quantile(eighth), 8)).collect();
    let mad = settled.mad.as_ref().map(|mad| in_eighths(mad.clone(), 4) / 2);
    let here = Settled::of(values, EIGHTHS, quantiles, (median, scaled(times, settled.count, values)));
    Some(here.with_mad(mad))
}

/// How often a value that occurs so many times among `count` would among `values`; one that repeats does there too.
fn scaled(times: u64, count: u64, values: u64) -> u64 {
    let scaled = u128::from(times) * u128::from(values) / u128::from(count.max(1));
    if times == 1 { 1 } else { u64::try_from(scaled).unwrap_or(u64::MAX).max(2) }
}
