//! What is kept of values when there are too many different ones to count each.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_64;

use crate::diagnostic::Fault;
use crate::metric::budget::Budget;
use crate::metric::column::Column;
use crate::metric::distinct::Distinct;
use crate::metric::encoding;
use crate::metric::extrema::Extrema;
use crate::metric::moments::Moments;
use crate::metric::number::Number;
use crate::metric::ordered::{HistogramSpec, OrderedHistogram};
use crate::metric::state::{Rows, State};
use crate::metric::transform::Transform;

/// So many texts are kept as a sample: those with the smallest hashes.
const SAMPLE_MAX: usize = 256;
/// Bytes that are kept of a text in the sample.
const SAMPLE_BYTES_MAX: usize = 256;

/// Numbers: their range, sums, order and how many differ.
#[derive(Debug)]
pub(super) struct ManyNumbers {
    pub(super) extrema: Extrema,
    pub(super) moments: Moments,
    pub(super) histogram: OrderedHistogram,
    pub(super) distinct: Distinct,
}

impl ManyNumbers {
    pub(super) fn empty(types: &[DataType], memory: &Arc<Budget>) -> Self {
        Self {
            extrema: Extrema::empty(&(), types, memory),
            moments: Moments::empty(&Transform::IDENTITY, types, memory),
            histogram: OrderedHistogram::empty(&HistogramSpec::COARSE, types, memory),
            distinct: Distinct::empty(&(), types, memory),
        }
    }

    pub(super) fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.extrema.update(rows, columns)?;
        self.moments.update(rows, columns)?;
        self.histogram.update(rows, columns)?;
        self.distinct.update(rows, columns)
    }

    /// Takes in `count` more of a number.
    pub(super) fn add(&mut self, number: Number, count: u64) {
        self.extrema.widen(number, number);
        self.moments.add_times(number, count);
        self.histogram.add_times(number.as_f64(), count);
        self.distinct.insert_number(number);
    }

    pub(super) fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.extrema.merge(later.extrema)?;
        self.moments.merge(later.moments)?;
        self.histogram.merge(later.histogram)?;
        self.distinct.merge(later.distinct)
    }

    pub(super) fn fork(&self) -> Result<Self, Fault> {
        Ok(Self {
            extrema: self.extrema.fork()?,
            moments: self.moments.fork()?,
            histogram: self.histogram.fork()?,
            distinct: self.distinct.fork()?,
        })
    }

    pub(super) fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        self.extrema.encode(to)?;
        self.moments.encode(to)?;
        self.histogram.encode(to)?;
        self.distinct.encode(to)
    }

    pub(super) fn decode(types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        Ok(Self {
            extrema: Extrema::decode(&(), types, memory, from)?,
            moments: Moments::decode(&Transform::IDENTITY, types, memory, from)?,
            histogram: OrderedHistogram::decode(&HistogramSpec::COARSE, types, memory, from)?,
            distinct: Distinct::decode(&(), types, memory, from)?,
        })
    }
}

/// Texts: how many differ, how long they are, and some of them.
#[derive(Debug)]
pub(super) struct ManyTexts {
    pub(super) distinct: Distinct,
    /// Characters of the shortest and of the longest.
    pub(super) lengths: Option<(u64, u64)>,
    /// By hash, the smallest ones: which they are follows from the texts alone.
    pub(super) sample: BTreeMap<u64, Box<str>>,
}

impl ManyTexts {
    pub(super) fn empty(types: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { distinct: Distinct::empty(&(), types, memory), lengths: None, sample: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, text: &str) {
        let hash = xxh3_64(text.as_bytes());
        self.distinct.insert_hash(hash);
        let length = text.chars().count() as u64;
        self.reach(length, length);
        self.keep(hash, text);
    }

    fn reach(&mut self, low: u64, high: u64) {
        self.lengths = Some(self.lengths.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }

    fn keep(&mut self, hash: u64, text: &str) {
        let is_full = self.sample.len() >= SAMPLE_MAX;
        if is_full && self.sample.last_key_value().is_some_and(|(last, _)| hash >= *last) {
            return;
        }
        let end = (0..=SAMPLE_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        if self.sample.insert(hash, text[..end].into()).is_none() && is_full {
            self.sample.pop_last();
        }
    }

    pub(super) fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.distinct.merge(later.distinct)?;
        if let Some((low, high)) = later.lengths {
            self.reach(low, high);
        }
        later.sample.iter().for_each(|(hash, text)| self.keep(*hash, text));
        Ok(())
    }

    pub(super) fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { distinct: self.distinct.fork()?, lengths: self.lengths, sample: self.sample.clone() })
    }

    pub(super) fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.lengths, to)?;
        encoding::write(&self.sample, to)?;
        self.distinct.encode(to)
    }

    pub(super) fn decode(types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let lengths: Option<(u64, u64)> = encoding::read(from)?;
        let sample: BTreeMap<u64, Box<str>> = encoding::read(from)?;
        let is_short = sample.len() <= SAMPLE_MAX && sample.values().all(|text| text.len() <= SAMPLE_BYTES_MAX);
        encoding::ensure(is_short && lengths.is_none_or(|(low, high)| low <= high), "it keeps texts that are not kept")?;
        Ok(Self { distinct: Distinct::decode(&(), types, memory, from)?, lengths, sample })
    }

    pub(super) fn bytes(&self) -> usize {
        self.sample.len() * (SAMPLE_BYTES_MAX + 32)
    }
}
