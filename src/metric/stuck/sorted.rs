//! Runs of equal values in the order of another column.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::equal::RunsOut;
use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::canonical::RowBytes;
use crate::metric::column::Column;
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::ordered::places;
use crate::metric::state::{Rows, State};

/// So many entries are written at a time.
const CHUNK: usize = 1 << 16;

/// Runs of equal values once the rows are sorted by another column: all rows in memory, as far as the memory limit lets.
///
/// Whether they fit depends on how many they are, and on nothing else that is held: the same rows are judged alike
/// wherever and beside whatever they are counted.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        let no_value = columns[0].missing().bits(rows.len());
        self.encoder.encode(&columns[..1], rows.len());
        let order = places(columns[1]);
        let encoder = &self.encoder;
        rows.selection.rows(rows.len(), |i| {
            let value = (!no_value.value(i)).then(|| xxh3_128(encoder.row(i)));
            self.entries.push((order(i), rows.unit, rows.numbers.get(i), value));
        });
        self.account();
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.entries.append(&mut later.entries);
        self.overflow |= later.overflow;
        self.account();
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

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let by_row = |entry: &Entry| (entry.1, entry.2);
        let mut entries = Cow::Borrowed(&self.entries);
        if !entries.is_sorted_by_key(by_row) {
            entries.to_mut().sort_unstable_by_key(by_row);
        }
        encoding::write(&(self.overflow, entries.len()), to)?;
        entries.chunks(CHUNK).try_for_each(|chunk| encoding::write(chunk, to))
    }

    fn decode(spec: &SortedSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len == 0 || !overflow, "it has rows that did not fit")?;
        let mut state = Self { overflow, ..Self::empty(spec, types, memory) };
        let (mut last, mut seen) = (None, 0);
        while seen < len {
            let chunk: Vec<Entry> = encoding::read(from)?;
            encoding::ensure(chunk.len() == CHUNK.min(len - seen), "it has other rows than it says")?;
            for entry in &chunk {
                encoding::ensure(last < Some((entry.1, entry.2)), "its rows are out of order")?;
                last = Some((entry.1, entry.2));
            }
            seen += chunk.len();
            if !state.overflow {
                state.entries.extend(chunk);
                state.account();
            }
        }
        Ok(state)
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
    /// Gives up beyond the memory limit; holds the memory of what is kept.
    fn account(&mut self) {
        if self.overflow || (self.entries.len() * size_of::<Entry>()) as u64 > self.memory.budget().limit() {
            self.overflow = true;
            self.entries = Vec::new();
        }
        self.memory.resize(self.entries.capacity() * size_of::<Entry>());
    }
}
