//! Runs of equal values in the order of the rows.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::canonical::RowBytes;
use crate::metric::column::Column;
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::state::{Rows, State};
use crate::rows::RowSet;

/// Rows one after the other with one value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Run {
    /// The value's canonical bytes; none where it is missing.
    value: Option<Vec<u8>>,
    len: u64,
    rows: RowSet,
    /// Rows of the batch at hand, not in `rows` yet.
    #[serde(skip)]
    open: Vec<u32>,
}

impl Run {
    fn close(&mut self, unit: u32) {
        self.rows.insert_unit(unit, std::mem::take(&mut self.open));
    }
}

/// Runs of equal values in the order of the rows, and the rows of those that are too long.
#[derive(Debug)]
pub struct EqualRuns {
    max_run: u64,
    found: Found,
    memory: Reservation,
    /// Used again by every batch.
    encoder: RowBytes,
}

/// Runs that are over, and those at both ends so that units can be joined.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Found {
    /// The first run, while it may still grow at its head.
    head: Option<Run>,
    /// The last run, if it is not the first.
    tail: Option<Run>,
    longest: u64,
    failing: RowSet,
    runs: u64,
    /// Failing rows of the batch at hand, not in `failing` yet.
    #[serde(skip)]
    open: Vec<u32>,
}

/// What was found of runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunsOut {
    /// The longest run of one value.
    pub longest: u64,
    /// Runs longer than allowed.
    pub runs: u64,
    /// All their rows.
    pub rows: RowSet,
}

impl State for EqualRuns {
    const NAME: &'static str = "equal_runs";
    const VERSION: u32 = 1;
    /// The longest run that is still right.
    type Spec = u64;
    type Out = RunsOut;
    const ORDERED: bool = true;

    fn empty(max_run: &u64, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { max_run: *max_run, found: Found::default(), memory: Reservation::new(memory), encoder: RowBytes::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let missing = columns[0].missing().bits(rows.len());
        let Self { max_run, found, encoder, .. } = self;
        encoder.encode(columns, rows.len());
        rows.selection.rows(rows.len(), |i| {
            let value = (!missing.value(i)).then(|| encoder.row(i));
            found.push(value, rows.numbers.get(i), *max_run);
        });
        for run in found.head.iter_mut().chain(&mut found.tail) {
            run.close(rows.unit);
        }
        found.failing.insert_unit(rows.unit, std::mem::take(&mut found.open));
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.found.merge(later.found, self.max_run);
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { max_run: self.max_run, found: self.found.clone(), memory: self.memory.again(), encoder: RowBytes::default() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.found, to)
    }

    fn decode(max_run: &u64, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let found: Found = encoding::read(from)?;
        let ends = || found.head.iter().chain(&found.tail);
        encoding::ensure_counts(ends().map(|run| run.len).chain([found.longest, found.runs]))?;
        encoding::ensure(found.head.is_some() || found.tail.is_none(), "it has a last run and no first one")?;
        encoding::ensure(ends().all(|run| run.len == run.rows.len()), "a run is not as long as it says")?;
        let mut state = Self { found, ..Self::empty(max_run, types, memory) };
        state.account();
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<RunsOut, Fault> {
        let mut found = self.found;
        found.end_tail(self.max_run);
        if let Some(head) = found.head.take() {
            found.end(head, self.max_run);
        }
        Ok(RunsOut { longest: found.longest, runs: found.runs, rows: found.failing })
    }
}

impl EqualRuns {
    fn account(&mut self) {
        let ends = self.found.head.iter().chain(&self.found.tail);
        self.memory.resize(self.found.failing.bytes() + ends.map(|run| run.rows.bytes()).sum::<usize>());
    }
}

impl Found {
    fn merge(&mut self, later: Self, max_run: u64) {
        self.longest = self.longest.max(later.longest);
        self.runs += later.runs;
        self.failing.union(&later.failing);
        let Some(next) = later.head else { return };
        let last = self.tail.as_mut().or(self.head.as_mut());
        match last {
            Some(last) if last.value == next.value => {
                last.len += next.len;
                last.rows.union(&next.rows);
            }
            Some(_) => {
                self.end_tail(max_run);
                self.tail = Some(next);
            }
            None => self.head = Some(next),
        }
        if let Some(tail) = later.tail {
            self.end_tail(max_run);
            self.tail = Some(tail);
        }
    }

    fn push(&mut self, value: Option<&[u8]>, row: u32, max_run: u64) {
        let last = self.tail.as_mut().or(self.head.as_mut());
        if let Some(last) = last.filter(|last| last.value.as_deref() == value) {
            last.len += 1;
            last.open.push(row);
            return;
        }
        let run = Run { value: value.map(<[u8]>::to_vec), len: 1, rows: RowSet::default(), open: vec![row] };
        self.end_tail(max_run);
        match self.head {
            Some(_) => self.tail = Some(run),
            None => self.head = Some(run),
        }
    }

    fn end_tail(&mut self, max_run: u64) {
        if let Some(tail) = self.tail.take() {
            self.end(tail, max_run);
        }
    }

    /// Judges a run that is over.
    fn end(&mut self, run: Run, max_run: u64) {
        if run.value.is_none() {
            return;
        }
        self.longest = self.longest.max(run.len);
        if run.len > max_run {
            self.runs += 1;
            self.failing.union(&run.rows);
            self.open.extend(run.open);
        }
    }
}
