//! Distinct values: exact while few, HyperLogLog beyond.
//!
//! P. Flajolet et al., "HyperLogLog" (2007), with the bias-free estimator of O. Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches" (2017). Registers keep maxima, so
//! the estimate depends on no order.

use arrow::array::Array;
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_64;

use super::canonical::RowBytes;
use super::column::{Floats, Ints, Numbers};
use super::{Column, Rows, State};
use crate::each_width;
use crate::rows::Mask;

/// Registers are 2^14: a relative standard error of 1.04/√2^14 = 0.8 %.
const PRECISION: u32 = 14;
/// Up to so many distinct values the count is exact (up to a 64-bit hash collision).
pub const EXACT_MAX: usize = 10_000;

/// The set of hashes while it is small, then registers.
#[derive(Debug, Clone)]
pub struct Distinct {
    seen: Seen,
}

#[derive(Debug, Clone)]
enum Seen {
    Few(Hashes),
    Many(Box<[u8]>),
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
    type Spec = ();
    type Out = DistinctOut;

    fn empty((): &(), _: &[DataType]) -> Self {
        Self { seen: Seen::Few(Hashes::new()) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        each_hash(columns[0], rows.selection, |hash| self.seen.insert(hash));
    }

    fn merge(&mut self, later: Self) {
        match later.seen {
            Seen::Few(hashes) => hashes.iter().for_each(|h| self.seen.insert(h)),
            Seen::Many(theirs) => {
                let ours = self.seen.registers();
                for (a, b) in ours.iter_mut().zip(theirs.iter()) {
                    *a = (*a).max(*b);
                }
            }
        }
    }

    fn bytes(&self) -> usize {
        match &self.seen {
            Seen::Few(hashes) => hashes.places.len() * 8,
            Seen::Many(registers) => registers.len(),
        }
    }

    fn finish(self) -> Result<DistinctOut, std::io::Error> {
        Ok(match self.seen {
            Seen::Few(hashes) => DistinctOut { count: hashes.len as u64, exact: true },
            Seen::Many(registers) => DistinctOut { count: estimate(&registers).round() as u64, exact: false },
        })
    }
}

impl Seen {
    fn insert(&mut self, hash: u64) {
        match self {
            Self::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len > EXACT_MAX {
                    self.registers();
                }
            }
            Self::Many(registers) => note(registers, hash),
        }
    }

    /// The registers, made from the set if there are none yet.
    fn registers(&mut self) -> &mut [u8] {
        if let Self::Few(hashes) = self {
            let mut registers = vec![0u8; 1 << PRECISION].into_boxed_slice();
            hashes.iter().for_each(|h| note(&mut registers, h));
            *self = Self::Many(registers);
        }
        match self {
            Self::Many(registers) => registers,
            Self::Few(_) => unreachable!("just replaced"),
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let index = (hash >> (64 - PRECISION)) as usize;
    let rank = ((hash << PRECISION) | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
}

/// Calls `each` with the hash of every selected value; one that equals the one before it may be passed over.
/// Hashes of numbers of up to 64 bits differ where the numbers do.
fn each_hash(column: &Column, selection: &Mask, mut each: impl FnMut(u64)) {
    let (present, len) = (column.present(selection), column.len());
    match column.numbers() {
        Some(Numbers::Ints { values: Ints::I128(values), .. }) => {
            return present.rows(len, |i| match i64::try_from(values[i]) {
                Ok(narrow) => each(mix(narrow as u64)),
                Err(_) => each(xxh3_64(&values[i].to_le_bytes())),
            });
        }
        Some(Numbers::Ints { values, .. }) => {
            return each_width!(values, values => present.rows(len, |i| each(mix(values[i] as u64))));
        }
        // Adding zero turns −0 into 0.
        Some(Numbers::Floats(Floats::F32(values))) => {
            return present.rows(len, |i| each(mix((f64::from(values[i]) + 0.0).to_bits())));
        }
        Some(Numbers::Floats(Floats::F64(values))) => return present.rows(len, |i| each(mix((values[i] + 0.0).to_bits()))),
        None => {}
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

    #[test]
    fn estimates_stay_within_four_standard_errors() {
        for n in [20_000u64, 200_000, 3_000_000] {
            let mut state = Distinct::empty(&(), &[]);
            for i in 0..n {
                state.seen.insert(mix(i));
            }
            let out = state.finish().expect("finish");
            let error = (out.count as f64 - n as f64).abs() / n as f64;
            assert!(!out.exact && error < 4.0 * 0.008, "{n}: {error}");
        }
    }
}
