//! Runs of one value: a sensor that is frozen says the same for too long.

use std::sync::Arc;

use arrow::datatypes::DataType;

use super::budget::Reservation;
use super::canonical::RowBytes;
use super::column::{Floats, Numbers};
use super::ordered::order_of;
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::RowSet;

/// Rows one after the other with one value.
#[derive(Debug, Clone, Default)]
struct Run {
    /// The value's canonical bytes; none where it is missing.
    value: Option<Vec<u8>>,
    len: u64,
    rows: RowSet,
    /// Rows of the unit at hand, not in `rows` yet.
    open: Vec<u32>,
}

impl Run {
    fn close(&mut self, unit: u32) {
        self.rows.insert_unit(unit, std::mem::take(&mut self.open));
    }
}

/// Runs of equal values in the order of the rows, and the rows of those that are too long.
#[derive(Debug, Clone)]
pub struct EqualRuns {
    max_run: u64,
    /// The first run, while it may still grow at its head.
    head: Option<Run>,
    /// The last run, if it is not the first.
    tail: Option<Run>,
    longest: u64,
    failing: RowSet,
    runs: u64,
    encoder: RowBytes,
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

    fn empty(max_run: &u64, _: &[DataType], _: &Arc<Budget>) -> Self {
        let max_run = *max_run;
        Self { max_run, head: None, tail: None, longest: 0, failing: RowSet::default(), runs: 0, encoder: RowBytes::default() }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let missing = columns[0].missing().bits(rows.len());
        let mut encoder = std::mem::take(&mut self.encoder);
        encoder.encode(columns, rows.len());
        rows.selection.rows(rows.len(), |i| {
            let value = (!missing.value(i)).then(|| encoder.row(i));
            self.push(value, rows.unit, rows.numbers.get(i));
        });
        self.encoder = encoder;
        for run in self.head.iter_mut().chain(&mut self.tail) {
            run.close(rows.unit);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.longest = self.longest.max(later.longest);
        self.runs += later.runs;
        self.failing.union(&later.failing);
        let Some(next) = later.head else { return Ok(()) };
        let last = self.tail.as_mut().or(self.head.as_mut());
        match last {
            Some(last) if last.value == next.value => {
                last.len += next.len;
                last.rows.union(&next.rows);
            }
            Some(_) => {
                self.end_tail();
                self.tail = Some(next);
            }
            None => self.head = Some(next),
        }
        if let Some(tail) = later.tail {
            self.end_tail();
            self.tail = Some(tail);
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(mut self, _: &Inputs) -> Result<RunsOut, Fault> {
        self.end_tail();
        if let Some(head) = self.head.take() {
            self.end(head);
        }
        Ok(RunsOut { longest: self.longest, runs: self.runs, rows: self.failing })
    }
}

impl EqualRuns {
    fn push(&mut self, value: Option<&[u8]>, unit: u32, row: u32) {
        let last = self.tail.as_mut().or(self.head.as_mut());
        if let Some(last) = last.filter(|last| last.value.as_deref() == value) {
            last.len += 1;
            last.open.push(row);
            return;
        }
        let run = Run { value: value.map(<[u8]>::to_vec), len: 1, rows: RowSet::default(), open: vec![row] };
        if let Some(tail) = &mut self.tail {
            tail.close(unit);
        }
        self.end_tail();
        match self.head {
            Some(_) => self.tail = Some(run),
            None => self.head = Some(run),
        }
    }

    fn end_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.end(tail);
        }
    }

    /// Judges a run that is over.
    fn end(&mut self, run: Run) {
        if run.value.is_none() {
            return;
        }
        self.longest = self.longest.max(run.len);
        if run.len > self.max_run {
            self.runs += 1;
            self.failing.union(&run.rows);
        }
    }
}

/// Runs of equal values once the rows are sorted by another column: all rows in memory, charged to the budget.
#[derive(Debug)]
pub struct SortedRuns {
    spec: SortedSpec,
    /// Order, unit, row, hash of the value; no order sorts first, no value ends a run.
    entries: Vec<Entry>,
    memory: Reservation,
    /// The rows did not fit, and were let go.
    overflow: bool,
    encoder: RowBytes,
}

/// Order, unit, row, hash of the value.
type Entry = (Option<i128>, u32, u32, Option<u128>);

/// How long a run may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SortedSpec {
    pub max_run: u64,
}

impl State for SortedRuns {
    const NAME: &'static str = "sorted_runs";
    const VERSION: u32 = 1;
    type Spec = SortedSpec;
    /// None where the rows do not fit the memory limit.
    type Out = Option<RunsOut>;
    const FORKS: bool = false;

    fn empty(spec: &SortedSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: *spec, entries: Vec::new(), memory: Reservation::new(memory), overflow: false, encoder: RowBytes::default() }
    }

    /// The first column holds the values, the second the order.
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.overflow {
            return Ok(());
        }
        let (no_value, no_order) = (columns[0].missing().bits(rows.len()), columns[1].missing().bits(rows.len()));
        self.encoder.encode(&columns[..1], rows.len());
        let Some(order) = columns[1].numbers() else { return Ok(()) };
        let order = |i: usize| match order {
            Numbers::Ints { values, .. } => each_width!(values, values => i128::from(values[i])),
            Numbers::Floats(Floats::F32(values)) => i128::from(order_of(f64::from(values[i]))),
            Numbers::Floats(Floats::F64(values)) => i128::from(order_of(values[i])),
        };
        let encoder = &self.encoder;
        rows.selection.rows(rows.len(), |i| {
            let value = (!no_value.value(i)).then(|| xxhash_rust::xxh3::xxh3_128(encoder.row(i)));
            self.entries.push(((!no_order.value(i)).then(|| order(i)), rows.unit, rows.numbers.get(i), value));
        });
        self.memory.resize(self.entries.capacity() * size_of::<Entry>());
        self.give_up_beyond_limit();
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.entries.append(&mut later.entries);
        self.memory.resize(self.entries.capacity() * size_of::<Entry>());
        self.overflow |= later.overflow;
        self.give_up_beyond_limit();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self {
            spec: self.spec,
            entries: self.entries.clone(),
            memory: self.memory.again(),
            overflow: self.overflow,
            encoder: RowBytes::default(),
        })
    }

    fn finish(mut self, _: &Inputs) -> Result<Self::Out, Fault> {
        if self.overflow {
            return Ok(None);
        }
        self.entries.sort_unstable();
        let mut out = RunsOut::default();
        let mut failing: Vec<(u32, u32)> = Vec::new();
        for run in self.entries.chunk_by(|a, b| a.3 == b.3).filter(|run| run[0].3.is_some()) {
            out.longest = out.longest.max(run.len() as u64);
            if run.len() as u64 > self.spec.max_run {
                out.runs += 1;
                failing.extend(run.iter().map(|e| (e.1, e.2)));
            }
        }
        failing.sort_unstable();
        for unit in failing.chunk_by(|a, b| a.0 == b.0) {
            out.rows.insert_unit(unit[0].0, unit.iter().map(|f| f.1).collect());
        }
        Ok(Some(out))
    }
}

impl SortedRuns {
    fn give_up_beyond_limit(&mut self) {
        if self.overflow || self.memory.budget().is_exceeded() {
            self.overflow = true;
            self.entries = Vec::new();
            self.memory.resize(0);
        }
    }
}
