//! Values at chosen ranks, exactly and in bounded memory: a histogram tells in which cells they lie, second looks see these.

mod cells;

use self::cells::{Cells, Chosen};
use super::facts::{GroupFacts, SecondPass};
use super::requests::Handle;
use crate::diagnostic::{Code, Fault};
use crate::metric::ordered::{HistogramOut, HistogramSpec, OrderedHistogram, Window, order_of};
use crate::metric::select::{Collect, CollectSpec};
use crate::metric::{Number, Transform};

pub(super) use self::cells::middle_ranks;

/// So many values are collected at most; cells that hold more are first cut finer.
const COLLECT_MAX: u64 = 1 << 20;
/// Bits by which cells are cut finer in one pass.
const REFINE_BITS: u32 = 9;

/// Values at ranks on their way to being seen.
#[derive(Debug, Clone)]
pub(super) struct Narrowing {
    column: usize,
    transform: Transform,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Sketched(Handle<OrderedHistogram>),
    /// The histogram is known.
    Known(Cells),
    Refined {
        handle: Handle<OrderedHistogram>,
        cells: Cells,
        seen: Vec<bool>,
    },
    Collected {
        handle: Handle<Collect>,
        cells: Cells,
        seen: Vec<bool>,
        nearer: u64,
    },
}

/// What is looked for among `n` finite values.
pub(super) struct Sought<'a> {
    /// The ranks, ascending, given `n`.
    pub(super) ranks: &'a dyn Fn(u64) -> Vec<u64>,
    /// Whether also the values whose distance from the median is the median distance.
    pub(super) deviations: bool,
}

/// What was looked for, and maybe more.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) values: Ranked,
    /// How many finite values there are.
    pub(super) count: u64,
    /// Values that were not seen and lie nearer the median than the deviations that are looked for.
    pub(super) nearer: u64,
}

impl Narrowing {
    /// The histogram to ask for in the first pass.
    pub(super) fn spec(transform: Transform) -> HistogramSpec {
        HistogramSpec { transform, ..HistogramSpec::COARSE }
    }

    pub(super) fn new(handle: Handle<OrderedHistogram>, column: usize, transform: Transform) -> Self {
        Self { column, transform, stage: Stage::Sketched(handle) }
    }

    /// Where the histogram, of values as they are, was counted before.
    pub(super) fn beside(histogram: &HistogramOut, column: usize) -> Self {
        Self { column, transform: Transform::IDENTITY, stage: Stage::Known(Cells::of(histogram)) }
    }

    /// How many finite values there are.
    pub(super) fn count(&self, facts: &GroupFacts<'_>) -> Result<u64, Fault> {
        Ok(match &self.stage {
            Stage::Sketched(handle) => facts.get(*handle)?.map_or(0, |out| out.count),
            Stage::Known(cells) | Stage::Refined { cells, .. } | Stage::Collected { cells, .. } => cells.count(),
        })
    }

    /// Goes one pass further (none), or gives what is sought. There must be finite values.
    pub(super) fn advance(
        &mut self,
        facts: &GroupFacts<'_>,
        pass: &mut SecondPass<'_>,
        sought: &Sought<'_>,
    ) -> Result<Option<Seen>, Fault> {
        let cells = match &self.stage {
            Stage::Sketched(handle) => facts.get(*handle)?.map(Cells::of).unwrap_or_default(),
            Stage::Known(cells) => cells.clone(),
            Stage::Refined { handle, cells, seen } => {
                let finer = facts.get(*handle)?.ok_or_else(lost)?;
                cells.refined(seen, finer).ok_or_else(lost)?
            }
            Stage::Collected { handle, cells, seen, nearer } => {
                let values = facts.get(*handle)?.ok_or_else(lost)?;
                let values = Ranked::of(cells, seen, values).ok_or_else(lost)?;
                return Ok(Some(Seen { values, count: cells.count(), nearer: *nearer }));
            }
        };
        self.narrow(cells, pass, sought);
        Ok(None)
    }

    /// Asks for the values that decide, or for finer cells where these are many.
    fn narrow(&mut self, cells: Cells, pass: &mut SecondPass<'_>, sought: &Sought<'_>) {
        let Chosen { seen, nearer } = cells.choose(&(sought.ranks)(cells.count()), sought.deviations);
        let windows = windows(&cells, &seen);
        let chosen = || cells.0.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(cell, _)| cell);
        let held: u64 = chosen().map(|cell| cell.count).sum();
        let shift = chosen().map(|cell| cell.shift).max().unwrap_or(0);
        self.stage = if held > COLLECT_MAX && shift > 0 {
            let spec = HistogramSpec { shift: shift.saturating_sub(REFINE_BITS), windows, transform: self.transform };
            Stage::Refined { handle: pass.want::<OrderedHistogram>(spec, &[self.column]), cells, seen }
        } else {
            let spec = CollectSpec { windows, transform: self.transform };
            Stage::Collected { handle: pass.want::<Collect>(spec, &[self.column]), cells, seen, nearer }
        };
    }
}

/// Looks do not agree on the values: a mistake of ours, or the data changed between them.
pub(super) fn lost() -> Fault {
    Fault::new(Code::Internal, "internal error: a second look did not find the values that the first one counted")
}

/// The cells that are to be seen, neighbours as one.
fn windows(cells: &Cells, seen: &[bool]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut last_seen = false;
    for (cell, &seen) in cells.0.iter().zip(seen) {
        match windows.last_mut().filter(|_| last_seen) {
            Some(last) if seen => last.high = cell.window.high,
            _ if seen => windows.push(cell.window),
            _ => {}
        }
        last_seen = seen;
    }
    windows
}

/// Values that were seen, ascending, each with the rank of its first and how often it occurs.
#[derive(Debug)]
pub(super) struct Ranked(pub(super) Vec<(u64, Number, u64)>);

impl Ranked {
    /// None unless every cell that was to be seen holds as many values as were counted in it.
    fn of(cells: &Cells, seen: &[bool], values: &[(Number, u64)]) -> Option<Self> {
        let mut ranked = Vec::with_capacity(values.len());
        let mut values = values.iter().peekable();
        let mut rank = 0;
        for (cell, &seen) in cells.0.iter().zip(seen) {
            let end = rank + cell.count;
            while let Some(&&(number, count)) = values.peek().filter(|v| seen && cell.window.contains(order_of(v.0.as_f64()))) {
                ranked.push((rank, number, count));
                rank += count;
                values.next();
            }
            if seen && rank != end {
                return None;
            }
            rank = end;
        }
        values.next().is_none().then_some(Self(ranked))
    }

    pub(super) fn at(&self, rank: u64) -> Option<Number> {
        self.counted_at(rank).map(|(number, _)| number)
    }

    /// The value at this rank, and how often it occurs.
    pub(super) fn counted_at(&self, rank: u64) -> Option<(Number, u64)> {
        let place = self.0.partition_point(|(first, _, _)| *first <= rank).checked_sub(1)?;
        let (first, number, count) = self.0[place];
        (rank - first < count).then_some((number, count))
    }
}
