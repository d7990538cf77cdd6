//! Texts that are nearly the same, by MinHash.
//!
//! A text is the set of its shingles: every run of five characters, in lower case, any white space taken for one blank (a shorter text is
//! one shingle). How alike two texts are is the Jaccard similarity of these sets. Of each set 128 minima are kept, each of another hash
//! (Broder 1997): the share of equal ones estimates the similarity without bias, with a standard error of √(s(1−s)/128), 0.035 at 0.8.
//! Only texts are compared that agree in one of 32 bands of 4 minima (Leskovec, Rajaraman and Ullman 2014, chapter 3): two texts that are
//! alike by s are missed with a probability of (1−s⁴)³², below 1e-7 at 0.8 and 3e-3 at 0.6. The hashes are the same in every run.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::budget::{Budget, Reservation};
use super::column::Column;
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::{Code, Fault};
use crate::rows::RowSet;

/// Minima of a text.
const HASHES: usize = 128;
/// Minima of a band.
const BAND: usize = 4;
/// Characters of a shingle.
const SHINGLE: usize = 5;
/// With so many texts of a band one is compared, the first ones: where more agree, they are mostly alike.
const COMPARED_MAX: usize = 1000;
/// So many texts are written at a time.
const CHUNK: usize = 1 << 10;

/// The minima of a text.
type Signature = Vec<u32>;

/// What is sought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinHashSpec {
    /// How alike two texts are at least, in 128ths.
    pub least: u32,
    /// The name of the input in which the texts are looked for; none to look for them among themselves.
    pub beside: Option<String>,
}

/// The minima of all texts: 520 bytes a row, in memory, as far as the memory limit lets.
///
/// Whether they fit depends on how many they are, and on nothing else that is held.
#[derive(Debug)]
pub struct MinHash {
    spec: MinHashSpec,
    rows: Vec<(u32, u32)>,
    /// Of each row as many as there are hashes.
    minima: Vec<u32>,
    memory: Reservation,
    /// They did not fit, and were let go.
    overflow: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinHashOut {
    /// Rows with a text.
    pub rows: u64,
    /// Rows whose text is nearly that of an earlier row, or of one of the other data.
    pub near: RowSet,
}

/// Numbers to tell hashes apart, from one seed (SplitMix64, Steele, Lea and Flood 2014).
fn factors() -> [(u64, u64); HASHES] {
    let mut seed = 0x0051_a1ce_9a7e_5eed_u64;
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    std::array::from_fn(|_| (next() | 1, next()))
}

/// Makes signatures, in memory that is used again.
struct Signer {
    factors: [(u64, u64); HASHES],
    text: Vec<char>,
    shingle: String,
}

impl Signer {
    fn new() -> Self {
        Self { factors: factors(), text: Vec::new(), shingle: String::new() }
    }

    fn sign(&mut self, text: &str, to: &mut Vec<u32>) {
        self.text.clear();
        for word in text.split_whitespace() {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.extend(word.chars().flat_map(char::to_lowercase));
        }
        let mut minima = [u32::MAX; HASHES];
        let all = [self.text.as_slice()];
        let few = self.text.len() <= SHINGLE;
        let shingles: Box<dyn Iterator<Item = &[char]>> =
            if few { Box::new(all.into_iter()) } else { Box::new(self.text.windows(SHINGLE)) };
        for shingle in shingles {
            self.shingle.clear();
            self.shingle.extend(shingle);
            let hash = xxh3_64(self.shingle.as_bytes());
            for (minimum, (factor, term)) in minima.iter_mut().zip(&self.factors) {
                // The upper bits of a product depend on all of its factors' bits.
                *minimum = (*minimum).min((hash.wrapping_mul(*factor).wrapping_add(*term) >> 32) as u32);
            }
        }
        to.extend(minima);
    }
}

fn alike(a: &[u32], b: &[u32]) -> u32 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as u32
}

/// Texts by the bands of their minima.
#[derive(Default)]
struct Bands(HashMap<(u8, [u32; BAND]), Vec<u32>>);

impl Bands {
    fn bands(signature: &[u32]) -> impl Iterator<Item = (u8, [u32; BAND])> + '_ {
        (0u8..).zip(signature.as_chunks::<BAND>().0.iter().copied())
    }

    fn insert(&mut self, at: u32, signature: &[u32]) {
        for band in Self::bands(signature) {
            let texts = self.0.entry(band).or_default();
            if texts.len() < COMPARED_MAX {
                texts.push(at);
            }
        }
    }

    fn candidates<'a>(&'a self, signature: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        Self::bands(signature).filter_map(move |band| self.0.get(&band)).flatten().copied()
    }
}

impl State for MinHash {
    const NAME: &'static str = "minhash";
    const VERSION: u32 = 1;
    type Spec = MinHashSpec;
    /// None where the texts do not fit the memory limit.
    type Out = Option<MinHashOut>;
    const FORKS: bool = false;

    fn empty(spec: &MinHashSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: spec.clone(), rows: Vec::new(), minima: Vec::new(), memory: Reservation::new(memory), overflow: false }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.overflow {
            return Ok(());
        }
        let mut signer = Signer::new();
        let (ours, minima) = (&mut self.rows, &mut self.minima);
        columns[0].for_each_text(rows.selection, |i, text| {
            ours.push((rows.unit, rows.numbers.get(i)));
            signer.sign(text, minima);
        });
        self.account();
        Ok(())
    }

    fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        self.rows.append(&mut later.rows);
        self.minima.append(&mut later.minima);
        self.overflow |= later.overflow;
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let (spec, rows, minima) = (self.spec.clone(), self.rows.clone(), self.minima.clone());
        Ok(Self { spec, rows, minima, memory: self.memory.again(), overflow: self.overflow })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let order = self.order();
        encoding::write(&(self.overflow, order.len()), to)?;
        order.chunks(CHUNK).try_for_each(|chunk| {
            let texts: Vec<(u32, u32, &[u32])> = chunk.iter().map(|&at| (self.rows[at].0, self.rows[at].1, self.signature(at))).collect();
            encoding::write(&texts, to)
        })
    }

    fn decode(spec: &MinHashSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len == 0 || !overflow, "it has texts that did not fit")?;
        let mut state = Self { overflow, ..Self::empty(spec, types, memory) };
        let (mut last, mut seen) = (None, 0);
        while seen < len {
            let texts: Vec<(u32, u32, Signature)> = encoding::read(from)?;
            encoding::ensure(texts.len() == CHUNK.min(len - seen), "it has other texts than it says")?;
            for (unit, row, minima) in &texts {
                encoding::ensure(last < Some((*unit, *row)) && minima.len() == HASHES, "its texts are not as they should be")?;
                last = Some((*unit, *row));
            }
            seen += texts.len();
            if !state.overflow {
                state.rows.extend(texts.iter().map(|(unit, row, _)| (*unit, *row)));
                state.minima.extend(texts.iter().flat_map(|(_, _, minima)| minima));
                state.account();
            }
        }
        Ok(state)
    }

    fn finish(self, inputs: &Inputs) -> Result<Self::Out, Fault> {
        if self.overflow {
            return Ok(None);
        }
        let mut near = match &self.spec.beside {
            None => self.among_themselves(),
            Some(name) => {
                let mut found = vec![false; self.rows.len()];
                let mut bands = Bands::default();
                (0..self.rows.len()).for_each(|at| bands.insert(at as u32, self.signature(at)));
                let (mut signer, mut signature) = (Signer::new(), Vec::new());
                let read = inputs.get(name)?.each(&mut |columns, selection| {
                    let Some(column) = columns.first() else { return };
                    column.for_each_text(selection, |_, text| {
                        signature.clear();
                        signer.sign(text, &mut signature);
                        self.note_near(&bands, &signature, &mut found);
                    });
                });
                read.map_err(|why| Fault::new(Code::ScratchFailed, format!("cannot compare: {why}")))?;
                self.rows.iter().zip(found).filter(|(_, found)| *found).map(|(row, _)| *row).collect()
            }
        };
        near.sort_unstable();
        let mut rows = RowSet::default();
        near.chunk_by(|a, b| a.0 == b.0).for_each(|unit| rows.insert_unit(unit[0].0, unit.iter().map(|row| row.1).collect()));
        Ok(Some(MinHashOut { rows: self.rows.len() as u64, near: rows }))
    }
}

impl MinHash {
    fn signature(&self, at: usize) -> &[u32] {
        &self.minima[at * HASHES..(at + 1) * HASHES]
    }

    /// Indices of the texts in the order of their rows.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_unstable_by_key(|&at| self.rows[at]);
        order
    }

    /// Rows whose text is nearly that of an earlier row.
    fn among_themselves(&self) -> Vec<(u32, u32)> {
        let (mut bands, mut near) = (Bands::default(), Vec::new());
        for at in self.order() {
            let signature = self.signature(at);
            if bands.candidates(signature).any(|other| alike(self.signature(other as usize), signature) >= self.spec.least) {
                near.push(self.rows[at]);
            }
            bands.insert(at as u32, signature);
        }
        near
    }

    /// Notes which texts are nearly the one of this signature.
    fn note_near(&self, bands: &Bands, signature: &[u32], found: &mut [bool]) {
        for other in bands.candidates(signature) {
            let other = other as usize;
            if !found[other] && alike(self.signature(other), signature) >= self.spec.least {
                found[other] = true;
            }
        }
    }

    /// Gives up beyond the memory limit; holds the memory of what is kept.
    fn account(&mut self) {
        const EACH: usize = size_of::<(u32, u32)>() + HASHES * size_of::<u32>();
        if self.overflow || (self.rows.len() * EACH) as u64 > self.memory.budget().limit() {
            self.overflow = true;
            (self.rows, self.minima) = (Vec::new(), Vec::new());
        }
        self.memory.resize(self.rows.capacity() * size_of::<(u32, u32)>() + self.minima.capacity() * size_of::<u32>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(text: &str) -> Vec<u32> {
        let mut signature = Vec::new();
        Signer::new().sign(text, &mut signature);
        signature
    }

    /// By Python: `t = " ".join(t.lower().split())`, `{t[i:i+5] for i in range(len(t) - 4)}`, `len(a & b) / len(a | b)`.
    #[test]
    fn similarities_are_those_of_the_sets_of_shingles() {
        let fox = "The quick brown fox jumps over the lazy dog near the river bank";
        let rates = "A completely different sentence about gradient descent and learning rates";
        let longer = format!("{fox} Prices went up in March and came down again before the summer");
        let shouted = fox.to_uppercase().replace(' ', "  ");
        for (a, b, exact) in [
            (fox, fox.replace("lazy", "idle").as_str(), 0.753_846_153_846_153_8),
            (rates, rates.replace("and", "with").as_str(), 0.805_194_805_194_805_2),
            (fox, longer.as_str(), 0.483_050_847_457_627_1),
            (fox, rates, 0.0),
            (fox, shouted.as_str(), 1.0),
        ] {
            let found = f64::from(alike(&signature(a), &signature(b))) / HASHES as f64;
            let error = (exact * (1.0 - exact) / HASHES as f64).sqrt();
            assert!((found - exact).abs() <= 3.0 * error, "{a} | {b}: {found}, {exact} ± {error}");
        }
    }

    /// The error is what it is said to be: over 2,000 pairs of sets with a known similarity, drawn by a seeded generator.
    #[test]
    fn estimates_are_unbiased_and_have_the_error_that_is_documented() {
        const PAIRS: u32 = 2000;
        let mut seed = 7_u64;
        let mut letter = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + (seed >> 33) as u8 % 26)
        };
        let mut text = |length: usize| (0..length).map(|_| letter()).collect::<String>();
        let (mut sum, mut squares, mut expected) = (0.0, 0.0, 0.0);
        for _ in 0..PAIRS {
            // Of 96 and 108 shingles 96 are the same, unless two of them happen to be equal.
            let a = text(100);
            let b = format!("{a}{}", text(12));
            let set = |text: &str| text.as_bytes().windows(SHINGLE).map(<[u8]>::to_vec).collect::<std::collections::BTreeSet<_>>();
            let (shingles, more) = (set(&a), set(&b));
            let exact = shingles.intersection(&more).count() as f64 / shingles.union(&more).count() as f64;
            let error = f64::from(alike(&signature(&a), &signature(&b))) / HASHES as f64 - exact;
            sum += error;
            squares += error * error;
            expected += exact * (1.0 - exact) / HASHES as f64;
        }
        let pairs = f64::from(PAIRS);
        assert!((sum / pairs).abs() < 4.0 * (expected / pairs / pairs).sqrt(), "the bias is {}", sum / pairs);
        // The relative standard error of a variance of so many draws is √(2/2000), 3%.
        assert!((squares / expected - 1.0).abs() < 0.15, "the variance is {} times what it should be", squares / expected);
    }
}
