//! Distinct values: exact while few, HyperLogLog beyond.
//!
//! P. Flajolet et al., "HyperLogLog" (2007), with the bias-free estimator of O. Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches" (2017). Registers keep maxima, so
//! the estimate depends on no order.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::datatypes::DataType;

use super::canonical::each_hash;
use super::{Column, Rows, State};

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
    Few(HashSet<u64, BuildHasherDefault<Hashed>>),
    Many(Box<[u8]>),
}

/// What it is given is a hash already.
#[derive(Debug, Clone, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0 << 8 | u64::from(*b));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
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
        Self { seen: Seen::Few(HashSet::default()) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) {
        // Values repeat: what was seen a moment ago need not be looked up again.
        // At first each place holds a hash that belongs to another.
        let mut recent: [u64; 256] = std::array::from_fn(|i| i as u64 + 1);
        each_hash(columns[0], rows.selection, |hash| {
            let slot = &mut recent[hash as usize % 256];
            if *slot != hash {
                *slot = hash;
                self.seen.insert(hash);
            }
        });
    }

    fn merge(&mut self, later: Self) {
        match later.seen {
            Seen::Few(hashes) => hashes.into_iter().for_each(|h| self.seen.insert(h)),
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
            Seen::Few(hashes) => hashes.capacity() * 9,
            Seen::Many(registers) => registers.len(),
        }
    }

    fn finish(self) -> Result<DistinctOut, std::io::Error> {
        Ok(match self.seen {
            Seen::Few(hashes) => DistinctOut { count: hashes.len() as u64, exact: true },
            Seen::Many(registers) => DistinctOut { count: estimate(&registers).round() as u64, exact: false },
        })
    }
}

impl Seen {
    fn insert(&mut self, hash: u64) {
        match self {
            Self::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
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
            hashes.iter().for_each(|&h| note(&mut registers, h));
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
                state.seen.insert(xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()));
            }
            let out = state.finish().expect("finish");
            let error = (out.count as f64 - n as f64).abs() / n as f64;
            assert!(!out.exact && error < 4.0 * 0.008, "{n}: {error}");
        }
    }
}
