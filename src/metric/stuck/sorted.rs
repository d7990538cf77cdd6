//! Runs of equal values in the order of another column.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::equal::RunsOut;
use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::canonical::RowBytes;
use crate::metric::column::Column;
use crate::metric::held_rows::{HeldRow, HeldRows};
use crate::metric::inputs::Inputs;
use crate::metric::ordered::places;
use crate::metric::state::{Rows, State};

/// Runs of equal values once the rows are sorted by another column.
#[derive(Debug)]
pub struct SortedRuns {
    spec: SortedSpec,
    rows: HeldRows<Entry>,
    encoder: RowBytes,
}

/// Order, unit, row, hash of the value; no order sorts first, no value ends a run.
type Entry = (Option<i128>, u32, u32, Option<u128>);

impl HeldRow for Entry {
    fn id(&self) -> (u32, u32) {
        (self.1, self.2)
    }
}

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
        Self { spec: *spec, rows: HeldRows::new(memory), encoder: RowBytes::default() }
    }

    /// The first column holds the values, the second the order.
    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.rows.is_over() {
            return Ok(());
        }
        let no_value = columns[0].missing().bits(rows.len());
        self.encoder.encode(&columns[..1], rows.len());
        let order = places(columns[1]);
        let encoder = &self.encoder;
        let mut entries = Vec::with_capacity(rows.len());
        rows.selection.rows(rows.len(), |i| {
            let value = (!no_value.value(i)).then(|| xxh3_128(encoder.row(i)));
            entries.push((order(i), rows.unit, rows.numbers.get(i), value));
        });
        self.rows.extend(entries);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.rows.merge(later.rows);
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, rows: self.rows.fork(), encoder: RowBytes::default() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        self.rows.encode(to)
    }

    fn decode(spec: &SortedSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Ok(Self { spec: *spec, rows: HeldRows::decode(memory, from)?, encoder: RowBytes::default() })
    }

    fn finish(mut self, _: &Inputs) -> Result<Self::Out, Fault> {
        let Some(entries) = self.rows.all() else { return Ok(None) };
        entries.sort_unstable();
        let mut out = RunsOut::default();
        let mut failing: Vec<(u32, u32)> = Vec::new();
        for run in entries.chunk_by(|a, b| a.3 == b.3).filter(|run| run[0].3.is_some()) {
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
