//! Distinct values: exact while few or close together, HyperLogLog beyond.
//!
//! P. Flajolet et al., "HyperLogLog" (2007), with the bias-free estimator of O. Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches" (2017). Registers keep maxima, so
//! the estimate depends on no order.

mod few;
mod kept;
mod many;
mod near;

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_64;

pub use self::few::EXACT_MAX;
use self::few::Hashes;
use self::many::Registers;
use self::near::Bits;
use super::budget::{Budget, Reservation};
use super::canonical::RowBytes;
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::number::Number;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::Mask;

/// A bit for every integer while they lie close together; else the set of hashes while it is small, then registers.
/// Which of them it comes to depends on the values alone, not on their order.
#[derive(Debug)]
pub struct Distinct {
    seen: Seen,
    memory: Reservation,
}

#[derive(Debug, Clone)]
enum Seen {
    Near(Bits),
    Few(Hashes),
    Many(Registers),
}

/// What was seen, as it is saved.
#[derive(Serialize, Deserialize)]
enum Saved {
    Near(Bits),
    /// Ascending.
    Few(Vec<u64>),
    Many(Vec<u8>),
}

/// How many distinct values there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistinctOut {
    pub count: u64,
    /// Whether the count is exact, or estimated.
    pub exact: bool,
    /// The standard error of an estimate as a share of it: 0.8 %, and 3.3 % where a summary took part.
    pub error: f64,
}

impl State for Distinct {
    const NAME: &'static str = "distinct";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = DistinctOut;

    fn empty((): &(), _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { seen: Seen::Near(Bits::default()), memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.seen.take(columns[0], rows.selection);
        self.memory.resize(self.seen.bytes());
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        match later.seen {
            Seen::Near(bits) => bits.iter().for_each(|value| self.seen.insert_integer(value)),
            Seen::Few(hashes) => hashes.iter().for_each(|h| self.seen.insert(h)),
            Seen::Many(theirs) => self.seen.registers().merge(&theirs),
        }
        self.memory.resize(self.seen.bytes());
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { seen: self.seen.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let saved = match &self.seen {
            Seen::Near(bits) => Saved::Near(bits.clone()),
            Seen::Few(hashes) => Saved::Few(hashes.sorted()),
            Seen::Many(registers) => Saved::Many(registers.ranks().to_vec()),
        };
        encoding::write(&saved, to)
    }

    fn decode((): &(), _: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let damaged = || encoding::damaged("it has no set of values as one is kept");
        let seen = match encoding::read(from)? {
            Saved::Near(bits) => Seen::Near(Some(bits).filter(Bits::is_sound).ok_or_else(damaged)?),
            Saved::Few(sorted) => {
                encoding::ensure(sorted.len() <= EXACT_MAX, "it holds more values than are held")?;
                encoding::ensure(sorted.is_sorted_by(|a, b| a < b), "its values are out of order")?;
                let mut hashes = Hashes::new();
                sorted.into_iter().for_each(|hash| hashes.insert(hash));
                Seen::Few(hashes)
            }
            Saved::Many(ranks) => Seen::Many(Registers::of(ranks).ok_or_else(damaged)?),
        };
        let mut memory = Reservation::new(memory);
        memory.resize(seen.bytes());
        Ok(Self { seen, memory })
    }

    fn finish(self, _: &Inputs) -> Result<DistinctOut, Fault> {
        Ok(match self.seen {
            Seen::Near(bits) => DistinctOut { count: bits.len(), exact: true, error: 0.0 },
            Seen::Few(hashes) => DistinctOut { count: hashes.len as u64, exact: true, error: 0.0 },
            Seen::Many(registers) => DistinctOut { count: registers.estimate().round() as u64, exact: false, error: registers.error() },
        })
    }

    const SUMMARISED: bool = true;
    const MINDS_TYPES: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        kept::keep(&self.seen).map(Some)
    }

    fn of_summary((): &(), _: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let seen = kept::read(json)?;
        let mut memory = Reservation::new(memory);
        memory.resize(seen.bytes());
        Ok(Self { seen, memory })
    }
}

impl Distinct {
    /// Takes in a number, hashed as one of a column is.
    pub(super) fn insert_number(&mut self, number: Number) {
        match number {
            Number::Float(x) => self.seen.insert(mix((x + 0.0).to_bits())),
            Number::Int { value, .. } => match i64::try_from(value) {
                Ok(narrow) => self.seen.insert_integer(narrow),
                Err(_) => self.seen.insert(xxh3_64(&value.to_le_bytes())),
            },
        }
        self.memory.resize(self.seen.bytes());
    }

    /// Takes in the hash of a text (xxh3, 64 bits).
    pub(super) fn insert_hash(&mut self, hash: u64) {
        self.seen.insert(hash);
        self.memory.resize(self.seen.bytes());
    }
}

impl Seen {
    /// Takes in every selected value.
    fn take(&mut self, column: &Column, selection: &Mask) {
        let Some(Numbers::Ints { values, .. }) = column.numbers() else {
            return each_hash(column, selection, |hash| self.insert(hash));
        };
        let present = column.present(selection);
        each_width!(values, values => present.ranges(column.len(), |range| {
            let mut values = &values[range];
            if let Self::Near(bits) = self {
                let taken = values.iter().take_while(|&&v| i64::try_from(i128::from(v)).is_ok_and(|v| bits.insert(v))).count();
                values = &values[taken..];
            }
            for &value in values {
                match i64::try_from(i128::from(value)) {
                    Ok(narrow) => self.insert_integer(narrow),
                    Err(_) => self.insert(xxh3_64(&i128::from(value).to_le_bytes())),
                }
            }
        }));
    }

    fn insert_integer(&mut self, value: i64) {
        let is_taken = match self {
            Self::Near(bits) => bits.insert(value),
            Self::Few(_) | Self::Many(_) => false,
        };
        if !is_taken {
            self.insert(mix(value as u64));
        }
    }

    fn insert(&mut self, hash: u64) {
        match self {
            Self::Near(_) => {
                self.scatter();
                self.insert(hash);
            }
            Self::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len > EXACT_MAX {
                    self.registers();
                }
            }
            Self::Many(registers) => registers.insert(hash),
        }
    }

    /// Goes on with hashes: the integers no longer lie close together, or something else came.
    fn scatter(&mut self) {
        if let Self::Near(bits) = self {
            let bits = std::mem::take(bits);
            *self = Self::Few(Hashes::new());
            bits.iter().for_each(|value| self.insert(mix(value as u64)));
        }
    }

    /// The registers, made from the set if there are none yet.
    fn registers(&mut self) -> &mut Registers {
        self.scatter();
        if let Self::Few(hashes) = self {
            let mut registers = Registers::new(many::PRECISION);
            hashes.iter().for_each(|hash| registers.insert(hash));
            *self = Self::Many(registers);
        }
        match self {
            Self::Many(registers) => registers,
            Self::Near(_) | Self::Few(_) => unreachable!("just replaced"),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Near(bits) => bits.bytes(),
            Self::Few(hashes) => hashes.bytes(),
            Self::Many(registers) => registers.bytes(),
        }
    }
}

/// Calls `each` with the hash of every selected value that is no integer; one that equals the one before it may be
/// passed over. Hashes of numbers of up to 64 bits differ where the numbers do.
fn each_hash(column: &Column, selection: &Mask, mut each: impl FnMut(u64)) {
    let (present, len) = (column.present(selection), column.len());
    match column.numbers() {
        // Adding zero turns −0 into 0.
        Some(Numbers::Floats(Floats::F32(values))) => {
            return present.rows(len, |i| each(mix((f64::from(values[i]) + 0.0).to_bits())));
        }
        Some(Numbers::Floats(Floats::F64(values))) => return present.rows(len, |i| each(mix((values[i] + 0.0).to_bits()))),
        Some(Numbers::Ints { .. }) | None => {}
    }
    if let Some((codes, texts)) = column.dictionary() {
        let mut seen = vec![false; texts.len()];
        present.rows(len, |i| seen[codes[i] as usize] = true);
        let texts = seen.into_iter().zip(texts.iter()).filter(|(seen, _)| *seen);
        return texts.for_each(|(_, text)| each(xxh3_64(text.unwrap_or_default().as_bytes())));
    }
    let mut last = None::<&str>;
    let is_text = column.for_each_text(selection, |_, text| {
        if last != Some(text) {
            last = Some(text);
            each(xxh3_64(text.as_bytes()));
        }
    });
    if !is_text {
        let mut encoder = RowBytes::default();
        encoder.encode(&[column], len);
        present.rows(len, |i| each(xxh3_64(encoder.row(i))));
    }
}

/// Scatters 64 bits, one to one: the finalizer of SplitMix64 (G. Steele et al., "Fast splittable pseudorandom number
/// generators", 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Arc<Budget> {
        Arc::new(Budget::new(u64::MAX, std::env::temp_dir()))
    }

    proptest::proptest! {
        /// Integers near and far, in any order, cut anywhere: as many as a set holds.
        #[test]
        fn few_integers_are_counted_exactly(
            values in proptest::collection::vec(proptest::prelude::prop_oneof![
                -70_000i64..70_000, 500_000..600_000i64, proptest::prelude::any::<i64>(),
                proptest::prelude::Just(i64::MIN), proptest::prelude::Just(i64::MAX),
            ], 0..300),
            cut in 0usize..300,
        ) {
            let (first, second) = values.split_at(cut.min(values.len()));
            let fold = |values: &[i64]| {
                let mut state = Distinct::empty(&(), &[], &budget());
                values.iter().for_each(|&v| state.seen.insert_integer(v));
                state
            };
            let mut merged = fold(first);
            merged.merge(fold(second)).expect("merged");
            let expected = values.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
            proptest::prop_assert_eq!(merged.finish(&Inputs::default()).expect("finish"), DistinctOut { count: expected, exact: true, error: 0.0 });
            proptest::prop_assert_eq!(fold(&values).finish(&Inputs::default()).expect("finish").count, expected);
        }
    }

    #[test]
    fn registers_that_are_folded_are_those_of_the_same_values() {
        let (mut fine, mut coarse) = (Registers::new(14), Registers::new(10));
        // Among them hashes with so many zeros in front that no rank is larger.
        for hash in (0..50_000).map(mix).chain([0, 1, 1 << 50, 1 << 49, 1 << 53, 1 << 54, 1 << 63, u64::MAX]) {
            fine.insert(hash);
            coarse.insert(hash);
        }
        assert_eq!(fine.folded(10).ranks(), coarse.ranks());
        let mut merged = fine.clone();
        merged.merge(&coarse);
        assert_eq!(merged.ranks(), coarse.ranks());
        coarse.merge(&fine);
        assert_eq!(merged.ranks(), coarse.ranks());
    }

    #[test]
    fn estimates_of_a_summary_stay_within_four_standard_errors() {
        for n in [100u64, 1_000, 20_000, 3_000_000] {
            let mut state = Distinct::empty(&(), &[], &budget());
            (0..n).for_each(|i| state.seen.insert(mix(i)));
            let kept = state.summarise().expect("kept").expect("kept");
            let out = Distinct::of_summary(&(), &[], &budget(), &kept).expect("read").finish(&Inputs::default()).expect("finish");
            let error = (out.count as f64 - n as f64).abs() / n as f64;
            assert!(error <= 4.0 * out.error && out.exact == (n == 100) && out.error < 0.033, "{n}: {error}");
        }
    }

    #[test]
    fn estimates_stay_within_four_standard_errors() {
        for n in [20_000u64, 200_000, 3_000_000] {
            let mut state = Distinct::empty(&(), &[], &budget());
            for i in 0..n {
                state.seen.insert(mix(i));
            }
            let out = state.finish(&Inputs::default()).expect("finish");
            let error = (out.count as f64 - n as f64).abs() / n as f64;
            assert!(!out.exact && error < 4.0 * 0.008, "{n}: {error}");
        }
    }
}
