//! Counts in bins of equal width, and beside them.
//!
//! A value lies in the bin whose edges it lies between, and on an edge in the bin that begins there, exactly: integers (decimals,
//! dates and times beneath) have bins of whole numbers of them, floats are held against the smallest float that is not below an edge.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Fault;
use crate::each_width;
use crate::metric::budget::{Budget, Reservation};
use crate::metric::column::{Column, Numbers, for_each_float};
use crate::metric::encoding;
use crate::metric::fraction::Fraction;
use crate::metric::inputs::Inputs;
use crate::metric::number::Number;
use crate::metric::state::{Rows, State};

/// Counts finite values in bins of equal width.
#[derive(Debug)]
pub struct Bins {
    spec: BinsSpec,
    /// For floats: where the second bin and those after it begin.
    starts: Vec<f64>,
    out: BinsOut,
    memory: Reservation,
}

/// How many finite values lie in the bins, and how many beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinsOut {
    /// One count a bin.
    pub counts: Vec<u64>,
    pub below: u64,
    pub above: u64,
}

/// Where the bins lie, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BinsSpec {
    pub edges: Edges,
    #[serde(deserialize_with = "number_of_bins")]
    pub bins: usize,
}

/// The outer edges of the bins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edges {
    /// Of bins of `width` integers each, the first of which begins at `low`.
    Integers {
        #[serde(with = "crate::metric::plain::integer")]
        low: i128,
        #[serde(serialize_with = "crate::metric::plain::integer::serialize", deserialize_with = "width")]
        width: i128,
    },
    /// Both ends included.
    Floats {
        #[serde(with = "crate::metric::plain::float")]
        low: f64,
        #[serde(with = "crate::metric::plain::float")]
        high: f64,
    },
    /// Of floats, where edges are decimals: the first bin begins at `low` / 10^`scale`, each is `step` / 10^`scale` wide, and an edge
    /// is the float nearest to it. Both ends included.
    Decimals { low: i64, step: u32, scale: i8 },
}

impl BinsSpec {
    /// At most `bins` bins that hold all values from `low` to `high`, of whole numbers of `step` where integers lie so far apart;
    /// none where one is infinite.
    pub fn between(low: Number, high: Number, bins: usize, step: u128) -> Option<Self> {
        match (low, high) {
            (Number::Int { value: low, .. }, Number::Int { value: high, .. }) => {
                let last = high.abs_diff(low);
                let width = last / bins as u128 + 1;
                let width = if width > step { width.next_multiple_of(step) } else { width };
                let bins = usize::try_from(last / width).ok()? + 1;
                Some(Self { edges: Edges::Integers { low, width: i128::try_from(width).ok()? }, bins })
            }
            (low, high) => {
                let (low, high) = (low.as_f64(), high.as_f64());
                let bins = if low == high { 1 } else { bins };
                (low.is_finite() && high.is_finite()).then_some(Self { edges: Edges::Floats { low, high }, bins })
            }
        }
    }

    /// The edge before the bin `index`, or after the last, of a column whose integers have the `scale`.
    pub fn edge(&self, index: usize, scale: i8) -> Number {
        match self.edges {
            Edges::Integers { low, width } => Number::Int { value: low.saturating_add(width.saturating_mul(index as i128)), scale },
            Edges::Floats { low, .. } if index == 0 => Number::Float(low),
            Edges::Floats { high, .. } if index == self.bins => Number::Float(high),
            Edges::Floats { low, high } => Number::Float(self.exact_edge(low, high, index).as_f64()),
            Edges::Decimals { low, step, scale } => {
                let value = i128::from(low) + i128::from(step) * index as i128;
                Number::Float(Number::Int { value, scale }.as_f64())
            }
        }
    }

    /// The outer edges, of floats.
    fn ends(&self) -> (f64, f64) {
        (self.edge(0, 0).as_f64(), self.edge(self.bins, 0).as_f64())
    }

    fn exact_edge(&self, low: f64, high: f64, index: usize) -> Fraction {
        Fraction::of_float(low).towards(&Fraction::of_float(high), (index as u128, self.bins as u128))
    }

    /// The smallest floats that are not below the edges between bins.
    fn starts(&self) -> Vec<f64> {
        let start = |index| match self.edges {
            Edges::Floats { low, high } => {
                let edge = self.exact_edge(low, high, index);
                let nearest = edge.as_f64();
                if Fraction::of_float(nearest).is_below(&edge) { nearest.next_up() } else { nearest }
            }
            Edges::Integers { .. } | Edges::Decimals { .. } => self.edge(index, 0).as_f64(),
        };
        match self.edges {
            Edges::Integers { .. } => Vec::new(),
            Edges::Floats { .. } | Edges::Decimals { .. } => (1..self.bins).map(start).collect(),
        }
    }

    /// How many of some numbers, each with its count, lie where.
    pub fn count(&self, numbers: &[(Number, u64)]) -> BinsOut {
        let mut out = BinsOut { counts: vec![0; self.bins], ..BinsOut::default() };
        let (starts, (low, high)) = (self.starts(), self.ends());
        for (number, count) in numbers {
            match (self.edges, number) {
                (Edges::Integers { low, width }, Number::Int { value, .. }) => match usize::try_from((value - low).div_euclid(width)) {
                    Ok(bin) if bin < self.bins => out.counts[bin] += count,
                    Ok(_) => out.above += count,
                    Err(_) if *value < low => out.below += count,
                    Err(_) => out.above += count,
                },
                (Edges::Integers { .. }, Number::Float(_)) => {}
                (Edges::Floats { .. } | Edges::Decimals { .. }, number) => match number.as_f64() {
                    x if !x.is_finite() => {}
                    x if x < low => out.below += count,
                    x if x > high => out.above += count,
                    x => out.counts[starts.partition_point(|start| *start <= x)] += count,
                },
            }
        }
        out
    }
}

/// More are not asked for; each takes memory before a row is seen.
const BINS_MAX: usize = 1 << 16;

fn number_of_bins<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let bins = usize::deserialize(from)?;
    if (1..=BINS_MAX).contains(&bins) { Ok(bins) } else { Err(serde::de::Error::custom("so many bins are not counted")) }
}

fn width<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
    let width = crate::metric::plain::integer::deserialize(from)?;
    if width > 0 { Ok(width) } else { Err(serde::de::Error::custom("a bin holds an integer at least")) }
}

impl State for Bins {
    const NAME: &'static str = "bins";
    const VERSION: u32 = 3;
    type Spec = BinsSpec;
    type Out = BinsOut;

    fn empty(spec: &BinsSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        let mut memory = Reservation::new(memory);
        memory.resize(spec.bins * 16);
        let out = BinsOut { counts: vec![0; spec.bins], ..BinsOut::default() };
        Self { spec: *spec, starts: spec.starts(), out, memory }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let BinsOut { counts, below, above } = &mut self.out;
        match (self.spec.edges, columns[0].numbers()) {
            (Edges::Integers { low, width }, Some(Numbers::Ints { values, .. })) => {
                // Division in 64 bits takes a tenth of the time.
                let narrow = u64::try_from(width).ok();
                each_width!(values, values => present.rows(rows.len(), |i| {
                    let value = i128::from(values[i]);
                    if value < low {
                        *below += 1;
                        return;
                    }
                    let steps = value.abs_diff(low);
                    let bin = match (narrow, u64::try_from(steps)) {
                        (Some(width), Ok(steps)) => usize::try_from(steps / width),
                        _ => usize::try_from(steps / width.unsigned_abs()),
                    };
                    match bin.ok().and_then(|bin| counts.get_mut(bin)) {
                        Some(count) => *count += 1,
                        None => *above += 1,
                    }
                }));
            }
            (Edges::Floats { .. } | Edges::Decimals { .. }, Some(_)) => {
                let ((low, high), starts) = (self.spec.ends(), &self.starts);
                // Roughly, and near at hand where rounding or overflow leads astray.
                let bins = self.spec.bins as f64;
                let (per_width, last) = (1.0 / (high / bins - low / bins), self.spec.bins - 1);
                for_each_float(columns[0], &present, |_, x| {
                    if !(x >= low && x <= high) {
                        *below += u64::from(x < low && x.is_finite());
                        *above += u64::from(x > high && x.is_finite());
                        return;
                    }
                    let mut bin = (((x - low) * per_width) as usize).min(last);
                    while bin > 0 && x < starts[bin - 1] {
                        bin -= 1;
                    }
                    while bin < last && x >= starts[bin] {
                        bin += 1;
                    }
                    counts[bin] += 1;
                });
            }
            (Edges::Integers { .. }, Some(Numbers::Floats(_)) | None) | (Edges::Floats { .. } | Edges::Decimals { .. }, None) => {}
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (a, b) in self.out.counts.iter_mut().zip(later.out.counts) {
            *a += b;
        }
        self.out.below += later.out.below;
        self.out.above += later.out.above;
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, starts: self.starts.clone(), out: self.out.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.out, to)
    }

    fn decode(spec: &BinsSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let out: BinsOut = encoding::read(from)?;
        encoding::ensure(out.counts.len() == spec.bins, "it has another number of bins")?;
        encoding::ensure_counts(out.counts.iter().copied().chain([out.below, out.above]))?;
        Ok(Self { out, ..Self::empty(spec, types, memory) })
    }

    fn finish(self, _: &Inputs) -> Result<BinsOut, Fault> {
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integers(low: i128, high: i128) -> BinsSpec {
        BinsSpec::between(Number::int(low), Number::int(high), 20, 1).expect("they lie near enough")
    }

    #[test]
    fn integers_have_bins_of_whole_numbers_of_them() {
        let bins = |low, width, bins| BinsSpec { edges: Edges::Integers { low, width }, bins };
        assert_eq!(integers(0, 44), bins(0, 3, 15));
        assert_eq!(integers(1, 20), bins(1, 1, 20));
        assert_eq!(integers(-10, 10), bins(-10, 2, 11));
        assert_eq!(integers(7, 7), bins(7, 1, 1));
        assert_eq!(integers(0, u64::MAX.into()).bins, 20);
        let seconds = |high| BinsSpec::between(Number::int(0), Number::int(high), 20, 1000);
        assert_eq!((seconds(59_999), seconds(1_999)), (Some(bins(0, 3000, 20)), Some(bins(0, 100, 20))));
        // The largest decimals.
        let most = 10i128.pow(38) - 1;
        assert_eq!(integers(-most, most), bins(-most, most / 10 + 1, 20));
    }

    #[test]
    fn edges_of_floats_are_exact() {
        let bins = BinsSpec::between(Number::Float(-1.7e308), Number::Float(1.7e308), 20, 1).expect("finite");
        assert_eq!(bins.edge(10, 0).as_f64(), 0.0);
        assert_eq!(bins.starts()[9], 0.0);
        // 0.3 (a float below 3/10) lies below the edge at exactly 3/10 of the way.
        let tenths = BinsSpec::between(Number::Float(0.0), Number::Float(1.0), 10, 1).expect("finite");
        assert!(0.3 < tenths.starts()[2] && 0.1 >= tenths.starts()[0]);
    }

    #[test]
    fn edges_of_decimals_are_the_nearest_floats() {
        let bins = BinsSpec { edges: Edges::Decimals { low: 0, step: 1, scale: 1 }, bins: 10 };
        let all: Vec<(Number, u64)> = (-1..=11).map(|n: i32| (Number::Float(f64::from(n) / 10.0), 1)).collect();
        let out = bins.count(&all);
        assert_eq!((out.below, out.above), (1, 1));
        // 0.3 begins its bin, and 1 is in the last one.
        assert_eq!(out.counts, [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(BinsSpec { edges: Edges::Decimals { low: -4, step: 2, scale: -3 }, bins: 3 }.ends(), (-4000.0, 2000.0));
    }

    proptest! {
        #[test]
        fn all_integers_have_a_bin_and_no_bin_is_behind_them(low in -1000i128..1000, span in 0i128..5000) {
            let high = low + span;
            let spec = integers(low, high);
            let edge = |i| match spec.edge(i, 0) { Number::Int { value, .. } => value, Number::Float(_) => unreachable!() };
            prop_assert!(spec.bins <= 20 && edge(spec.bins) > high && edge(spec.bins - 1) <= high);
        }
    }
}
