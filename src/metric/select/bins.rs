//! Counts in bins of equal width.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Fault;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, for_each_float};
use crate::metric::encoding;
use crate::metric::inputs::Inputs;
use crate::metric::state::{Rows, State};

/// Counts finite values in bins of equal width between two bounds.
#[derive(Debug)]
pub struct Bins {
    spec: BinsSpec,
    counts: Vec<u64>,
    memory: Reservation,
}

/// `bins` bins from `low` to `high`, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BinsSpec {
    #[serde(with = "crate::metric::plain::float")]
    pub low: f64,
    #[serde(with = "crate::metric::plain::float")]
    pub high: f64,
    #[serde(deserialize_with = "number_of_bins")]
    pub bins: usize,
}

/// More are not asked for; each takes memory before a row is seen.
const BINS_MAX: usize = 1 << 16;

fn number_of_bins<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let bins = usize::deserialize(from)?;
    if (1..=BINS_MAX).contains(&bins) { Ok(bins) } else { Err(serde::de::Error::custom("so many bins are not counted")) }
}

impl State for Bins {
    const NAME: &'static str = "bins";
    const VERSION: u32 = 1;
    type Spec = BinsSpec;
    /// One count a bin.
    type Out = Vec<u64>;

    fn empty(spec: &BinsSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let mut memory = Reservation::new(memory);
        memory.resize(spec.bins * 8);
        Self { spec: *spec, counts: vec![0; spec.bins], memory }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let BinsSpec { low, high, bins } = self.spec;
        // Halving first keeps the width finite for any two floats.
        let width = (high / 2.0 - low / 2.0) * 2.0 / bins as f64;
        for_each_float(columns[0], &present, |_, x| {
            if x.is_finite() && x >= low && x <= high {
                let bin = if width > 0.0 { ((x - low) / width) as usize } else { 0 };
                self.counts[bin.min(bins - 1)] += 1;
            }
        });
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (a, b) in self.counts.iter_mut().zip(later.counts) {
            *a += b;
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, counts: self.counts.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.counts, to)
    }

    fn decode(spec: &BinsSpec, _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let counts: Vec<u64> = encoding::read(from)?;
        encoding::ensure(counts.len() == spec.bins, "it has another number of bins")?;
        encoding::ensure_counts(counts.iter().copied())?;
        let mut memory = Reservation::new(memory);
        memory.resize(counts.len() * 8);
        Ok(Self { spec: *spec, counts, memory })
    }

    fn finish(self, _: &Inputs) -> Result<Vec<u64>, Fault> {
        Ok(self.counts)
    }
}
