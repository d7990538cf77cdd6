//! Exact quantiles in bounded memory: a histogram brackets them, second passes settle them.

use super::Asking;
use super::facts::{GroupFacts, SecondPass};
use super::requests::Handle;
use super::requests::Scope;
use crate::diagnostic::{Code, Fault};
use crate::metric::ordered::{HistogramOut, HistogramSpec, OrderedHistogram, Window};
use crate::metric::select::{Collect, CollectSpec};
use crate::metric::{Number, Transform};

/// So many values are collected at most; a bracket that holds more is first cut finer.
const COLLECT_MAX: u64 = 1 << 20;
/// Bits by which a bracket is cut finer in one pass.
const REFINE_BITS: u32 = 9;

/// Quantiles on their way to being exact.
#[derive(Debug, Clone)]
pub struct ExactQuantiles {
    column: usize,
    transform: Transform,
    probabilities: Vec<f64>,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Sketched(Handle<OrderedHistogram>),
    Refined { handle: Handle<OrderedHistogram>, shift: u32, count: u64, ranks: Vec<Rank> },
    Collected { handle: Handle<Collect>, count: u64, ranks: Vec<Rank> },
}

/// A rank, the window that holds its value, and how many values come before the window.
#[derive(Debug, Clone, Copy)]
struct Rank {
    rank: u64,
    window: Window,
    before: u64,
    holds: u64,
}

/// How far the quantiles are.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A second pass was asked for.
    NeedsPass,
    /// There are no finite values.
    Empty,
    Ready {
        quantiles: Vec<f64>,
        count: u64,
    },
}

impl ExactQuantiles {
    /// Asks for what is needed in the first pass: quantiles at `probabilities` (0 to 1) of `column`.
    pub fn bind(requests: &mut Asking<'_>, scope: &Scope, column: usize, transform: Transform, probabilities: Vec<f64>) -> Self {
        let spec = HistogramSpec { transform, ..HistogramSpec::COARSE };
        let handle = requests.want::<OrderedHistogram>(spec, &[column], scope);
        Self { column, transform, probabilities, stage: Stage::Sketched(handle) }
    }

    /// Asks for quantiles in a second pass, of values that the first pass made known how to see.
    pub fn ask(pass: &mut SecondPass<'_>, column: usize, transform: Transform, probabilities: Vec<f64>) -> Self {
        let spec = HistogramSpec { transform, ..HistogramSpec::COARSE };
        let handle = pass.want::<OrderedHistogram>(spec, &[column]);
        Self { column, transform, probabilities, stage: Stage::Sketched(handle) }
    }

    /// Goes one pass further, or gives the quantiles: linear interpolation between the two nearest
    /// ranks of (n − 1)·p, Hyndman and Fan's type 7.
    pub fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Progress, Fault> {
        match &self.stage {
            Stage::Sketched(handle) => {
                let Some(out) = facts.get(*handle)?.filter(|o| o.count > 0) else { return Ok(Progress::Empty) };
                let ranks = self.ranks(out.count).into_iter().map(|rank| {
                    let (window, before, holds) = out.bracket(rank).ok_or_else(|| lost(rank))?;
                    Ok(Rank { rank, window, before, holds })
                });
                let (count, shift, ranks) = (out.count, out.shift, ranks.collect::<Result<_, Fault>>()?);
                Ok(self.narrow(ranks, count, shift, pass))
            }
            Stage::Refined { handle, shift, count, ranks } => {
                let Some(out) = facts.get(*handle)? else { return Ok(Progress::Empty) };
                let finer = ranks.iter().map(|r| r.within(out).ok_or_else(|| lost(r.rank))).collect::<Result<_, Fault>>()?;
                let (count, shift) = (*count, *shift);
                Ok(self.narrow(finer, count, shift, pass))
            }
            Stage::Collected { handle, count, ranks } => {
                let empty = Vec::new();
                let values = facts.get(*handle)?.unwrap_or(&empty);
                let value_at = |rank: u64| ranks.iter().find(|r| r.rank == rank).and_then(|r| r.value(values)).ok_or_else(|| lost(rank));
                let quantile = |&p: &f64| {
                    let h = (count - 1) as f64 * p;
                    let (low, high) = (value_at(h.floor() as u64)?, value_at(h.ceil() as u64)?);
                    Ok(low + (high - low) * h.fract())
                };
                let quantiles = self.probabilities.iter().map(quantile).collect::<Result<_, Fault>>()?;
                Ok(Progress::Ready { quantiles, count: *count })
            }
        }
    }

    /// The ranks whose values are needed, ascending.
    fn ranks(&self, count: u64) -> Vec<u64> {
        let both = |&p: &f64| {
            let h = (count - 1) as f64 * p;
            [h.floor() as u64, h.ceil() as u64]
        };
        let mut ranks: Vec<u64> = self.probabilities.iter().flat_map(both).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }

    fn narrow(&mut self, ranks: Vec<Rank>, count: u64, shift: u32, pass: &mut SecondPass<'_>) -> Progress {
        let mut windows: Vec<Window> = ranks.iter().map(|r| r.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let held: u64 = {
            let mut counted: Vec<(Window, u64)> = ranks.iter().map(|r| (r.window, r.holds)).collect();
            counted.sort_unstable();
            counted.dedup();
            counted.iter().map(|(_, holds)| holds).sum()
        };
        self.stage = if held > COLLECT_MAX && shift > 0 {
            let shift = shift.saturating_sub(REFINE_BITS);
            let handle = pass.want::<OrderedHistogram>(HistogramSpec { shift, windows, transform: self.transform }, &[self.column]);
            Stage::Refined { handle, shift, count, ranks }
        } else {
            let spec = CollectSpec { windows, transform: self.transform };
            Stage::Collected { handle: pass.want::<Collect>(spec, &[self.column]), count, ranks }
        };
        Progress::NeedsPass
    }
}

/// Looks do not agree on the values: a mistake of ours, or the data changed between them.
fn lost(rank: u64) -> Fault {
    Fault::new(Code::Internal, format!("internal error: a second look did not find the value of rank {rank}"))
}

impl Rank {
    /// The same rank in the finer buckets of `out`.
    fn within(&self, out: &HistogramOut) -> Option<Rank> {
        let mut before = self.before;
        for &(bucket, count) in &out.buckets {
            let low = bucket << out.shift;
            if !self.window.contains(low) {
                continue;
            }
            if self.rank < before + count {
                let window = Window { low, high: low | ((1 << out.shift) - 1) };
                return Some(Rank { rank: self.rank, window, before, holds: count });
            }
            before += count;
        }
        None
    }

    /// The value at this rank among collected values, ascending.
    fn value(&self, values: &[(Number, u64)]) -> Option<f64> {
        let mut before = self.before;
        for (number, count) in values {
            let x = number.as_f64();
            if !self.window.contains(crate::metric::ordered::order_of(x)) {
                continue;
            }
            before += count;
            if self.rank < before {
                return Some(x);
            }
        }
        None
    }
}
