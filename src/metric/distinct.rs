//! Distinct values: exact while few or close together, HyperLogLog beyond.
//!
//! P. Flajolet et al., "HyperLogLog" (2007), with the bias-free estimator of O. Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches" (2017). Registers keep maxima, so
//! the estimate depends on no order.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_64;

use super::canonical::RowBytes;
use super::column::{Floats, Numbers};
use super::{Budget, Column, Inputs, Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;
use crate::rows::Mask;

/// Registers are 2^14: a relative standard error of 1.04/√2^14 = 0.8 %.
const PRECISION: u32 = 14;
/// Up to so many distinct values the count is exact (up to a 64-bit hash collision).
pub const EXACT_MAX: usize = 10_000;
/// Integers share blocks of so many neighbours.
const BLOCK: i64 = 1 << 12;
/// Integers within so many blocks are counted exactly, by 32 KiB of bits.
const SPAN_BLOCKS: i64 = 1 << 6;

/// A bit for every integer while they lie close together; else the set of hashes while it is small, then registers.
/// Which of them it comes to depends on the values alone, not on their order.
#[derive(Debug, Clone)]
pub struct Distinct {
    seen: Seen,
}

#[derive(Debug, Clone)]
enum Seen {
    Near(Bits),
    Few(Hashes),
    Many(Box<[u8]>),
}

/// A set of integers that lie within [`SPAN_BLOCKS`] blocks.
#[derive(Debug, Clone, Default)]
struct Bits {
    /// What the first bit stands for: where a block begins.
    base: i64,
    words: Vec<u64>,
}

impl Bits {
    /// Whether `value` could be taken in.
    fn insert(&mut self, value: i64) -> bool {
        let mut place = value.wrapping_sub(self.base) as u64;
        if place >= self.words.len() as u64 * 64 {
            if !self.widen(value) {
                return false;
            }
            place = value.wrapping_sub(self.base) as u64;
        }
        self.words[(place / 64) as usize] |= 1 << (place % 64);
        true
    }

    /// Makes room for `value`, unless the set would span too many blocks.
    #[cold]
    fn widen(&mut self, value: i64) -> bool {
        let new = value.div_euclid(BLOCK);
        let blocks = (self.words.len() * 64) as i64 / BLOCK;
        let (mut low, mut high) = (new, new);
        if blocks > 0 {
            low = low.min(self.base / BLOCK);
            high = high.max(self.base / BLOCK + blocks - 1);
        }
        if high - low >= SPAN_BLOCKS {
            return false;
        }
        let before = if blocks > 0 { self.base / BLOCK - low } else { 0 };
        self.words.splice(0..0, std::iter::repeat_n(0, (before * BLOCK / 64) as usize));
        self.words.resize(((high - low + 1) * BLOCK / 64) as usize, 0);
        self.base = low * BLOCK;
        true
    }

    fn len(&self) -> u64 {
        self.words.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let set = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
        self.words.iter().zip((self.base..).step_by(64)).flat_map(move |(&word, first)| set(word).map(move |bit| first + bit))
    }
}

/// A set of hashes: open addressing with linear probing, at most half full. A hash is its own place.
#[derive(Debug, Clone)]
struct Hashes {
    /// A power of two; 0 is an empty place.
    places: Vec<u64>,
    len: usize,
    has_zero: bool,
}

impl Hashes {
    fn new() -> Self {
        Self { places: vec![0; 64], len: 0, has_zero: false }
    }

    fn insert(&mut self, hash: u64) {
        if hash == 0 {
            self.len += usize::from(!self.has_zero);
            self.has_zero = true;
            return;
        }
        let last = self.places.len() - 1;
        let mut place = hash as usize & last;
        while self.places[place] != hash {
            if self.places[place] == 0 {
                self.places[place] = hash;
                self.len += 1;
                if self.len * 2 > self.places.len() {
                    self.grow();
                }
                return;
            }
            place = (place + 1) & last;
        }
    }

    fn grow(&mut self) {
        let mut larger = Self { places: vec![0; self.places.len() * 4], len: 0, has_zero: false };
        self.iter().for_each(|hash| larger.insert(hash));
        *self = larger;
    }

    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.has_zero.then_some(0).into_iter().chain(self.places.iter().copied().filter(|&hash| hash != 0))
    }
}

/// How many distinct values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistinctOut {
    pub count: u64,
    /// Whether the count is exact, or estimated with a standard error of 0.8 %.
    pub exact: bool,
}

impl State for Distinct {
    const NAME: &'static str = "distinct";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = DistinctOut;

    fn empty((): &(), _: &[DataType], _: &Arc<Budget>) -> Self {
        Self { seen: Seen::Near(Bits::default()) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.seen.take(columns[0], rows.selection);
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        match later.seen {
            Seen::Near(bits) => bits.iter().for_each(|value| self.seen.insert_integer(value)),
            Seen::Few(hashes) => hashes.iter().for_each(|h| self.seen.insert(h)),
            Seen::Many(theirs) => {
                let ours = self.seen.registers();
                for (a, b) in ours.iter_mut().zip(theirs.iter()) {
                    *a = (*a).max(*b);
                }
            }
        }
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(self.clone())
    }

    fn finish(self, _: &Inputs) -> Result<DistinctOut, Fault> {
        Ok(match self.seen {
            Seen::Near(bits) => DistinctOut { count: bits.len(), exact: true },
            Seen::Few(hashes) => DistinctOut { count: hashes.len as u64, exact: true },
            Seen::Many(registers) => DistinctOut { count: estimate(&registers).round() as u64, exact: false },
        })
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
            Self::Many(registers) => note(registers, hash),
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
    fn registers(&mut self) -> &mut [u8] {
        self.scatter();
        if let Self::Few(hashes) = self {
            let mut registers = vec![0u8; 1 << PRECISION].into_boxed_slice();
            hashes.iter().for_each(|h| note(&mut registers, h));
            *self = Self::Many(registers);
        }
        match self {
            Self::Many(registers) => registers,
            Self::Near(_) | Self::Few(_) => unreachable!("just replaced"),
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let index = (hash >> (64 - PRECISION)) as usize;
    let rank = ((hash << PRECISION) | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
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

/// Ertl's improved raw estimator (algorithm 6 of the paper).
fn estimate(registers: &[u8]) -> f64 {
    let q = 64 - PRECISION as usize;
    let m = registers.len() as f64;
    let mut counts = vec![0u64; q + 2];
    registers.iter().for_each(|&r| counts[r as usize] += 1);
    let mut z = m * tau(1.0 - counts[q + 1] as f64 / m);
    for &count in counts[1..=q].iter().rev() {
        z = 0.5 * (z + count as f64);
    }
    z += m * sigma(counts[0] as f64 / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
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
            proptest::prop_assert_eq!(merged.finish(&Inputs::default()).expect("finish"), DistinctOut { count: expected, exact: true });
            proptest::prop_assert_eq!(fold(&values).finish(&Inputs::default()).expect("finish").count, expected);
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
