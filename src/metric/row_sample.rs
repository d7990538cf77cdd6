//! Some rows of a batch, for what needs several columns at once: which they are follows from the rows' numbers alone.
//!
//! Each row has a hash of its number; the rows with the smallest ones are kept, so that any two samples merge to the
//! sample of both. A batch with fewer rows than are kept is its own sample.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::budget::{Budget, Reservation};
use super::canonical::RowBytes;
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::number::ToFloat;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

/// What stands for a missing value: no float that is a number has these bits, and a hash has them once in 2^64 times.
pub const MISSING: u64 = u64::MAX;

/// The rows with the smallest hashes, column by column.
#[derive(Debug)]
pub struct RowSample {
    spec: SampleSpec,
    /// Rows that were seen.
    rows: u64,
    kept: Kept,
    memory: Reservation,
}

/// How many rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSpec {
    #[serde(deserialize_with = "few_rows")]
    pub rows_max: usize,
}

/// More are not asked for.
const ROWS_MAX: usize = 1 << 20;

fn few_rows<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let rows = usize::deserialize(from)?;
    if (1..=ROWS_MAX).contains(&rows) { Ok(rows) } else { Err(serde::de::Error::custom("so many rows are not kept")) }
}

/// Rows by hash, and their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// A hash is the hash of one row only.
    hashes: Vec<u64>,
    /// By column, as many as there are hashes.
    columns: Vec<Vec<u64>>,
    /// No row with a larger hash is among those to be kept.
    below: u64,
}

/// Some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOut {
    /// Rows that were seen.
    pub rows: u64,
    /// By column, the values of the rows that were kept, in the order of the rows' hashes: bits of floats, hashes of others,
    /// [`MISSING`].
    pub columns: Vec<Vec<u64>>,
}

impl SampleOut {
    /// How many rows were kept.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl State for RowSample {
    const NAME: &'static str = "row_sample";
    const VERSION: u32 = 1;
    type Spec = SampleSpec;
    type Out = SampleOut;

    fn empty(spec: &SampleSpec, types: &[DataType], memory: &Arc<Budget>) -> Self {
        let kept = Kept { hashes: Vec::new(), columns: vec![Vec::new(); types.len()], below: u64::MAX };
        Self { spec: *spec, rows: 0, kept, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        self.rows += rows.selection.count(rows.len()) as u64;
        let mut chosen: Vec<usize> = Vec::new();
        let below = self.kept.below;
        rows.selection.rows(rows.len(), |i| {
            let hash = scatter(u64::from(rows.unit) << 32 | u64::from(rows.numbers.get(i)));
            if hash <= below {
                chosen.push(i);
                self.kept.hashes.push(hash);
            }
        });
        for (column, kept) in columns.iter().zip(&mut self.kept.columns) {
            values(column, &chosen, kept);
        }
        if self.kept.hashes.len() > 2 * self.spec.rows_max {
            self.kept.shorten(self.spec.rows_max);
        }
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.rows += later.rows;
        self.kept.below = self.kept.below.min(later.kept.below);
        self.kept.hashes.extend(later.kept.hashes);
        for (ours, theirs) in self.kept.columns.iter_mut().zip(later.kept.columns) {
            ours.extend(theirs);
        }
        self.kept.shorten(self.spec.rows_max);
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { spec: self.spec, rows: self.rows, kept: self.kept.clone(), memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        let mut kept = self.kept.clone();
        kept.shorten(self.spec.rows_max);
        kept.sort();
        encoding::write(&(self.rows, &kept.hashes, &kept.columns), to)
    }

    fn decode(spec: &SampleSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (rows, hashes, columns): (u64, Vec<u64>, Vec<Vec<u64>>) = encoding::read(from)?;
        encoding::ensure_counts([rows])?;
        let fits = columns.len() == types.len() && columns.iter().all(|column| column.len() == hashes.len());
        encoding::ensure(fits && hashes.len() <= spec.rows_max && hashes.len() as u64 <= rows, "it keeps other rows than are kept")?;
        encoding::ensure(hashes.is_sorted_by(|a, b| a < b), "its rows are out of order")?;
        let mut state = Self::empty(spec, types, memory);
        state.rows = rows;
        state.kept.below = if hashes.len() < spec.rows_max { u64::MAX } else { hashes.last().copied().unwrap_or(u64::MAX) };
        (state.kept.hashes, state.kept.columns) = (hashes, columns);
        state.account();
        Ok(state)
    }

    fn finish(mut self, _: &Inputs) -> Result<SampleOut, Fault> {
        self.kept.shorten(self.spec.rows_max);
        self.kept.sort();
        Ok(SampleOut { rows: self.rows, columns: self.kept.columns })
    }
}

impl RowSample {
    fn account(&mut self) {
        self.memory.resize((self.kept.columns.len() + 1) * self.kept.hashes.capacity() * size_of::<u64>());
    }
}

impl Kept {
    /// Lets go of all but the `most` rows with the smallest hashes.
    fn shorten(&mut self, most: usize) {
        if self.hashes.len() <= most {
            return;
        }
        let mut sorted = self.hashes.clone();
        let (_, &mut last, _) = sorted.select_nth_unstable(most - 1);
        self.below = last;
        let stays: Vec<bool> = self.hashes.iter().map(|hash| *hash <= last).collect();
        for values in std::iter::once(&mut self.hashes).chain(&mut self.columns) {
            let mut stays = stays.iter();
            values.retain(|_| stays.next().copied().unwrap_or(false));
        }
    }

    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.hashes.len()).collect();
        order.sort_unstable_by_key(|i| self.hashes[*i]);
        for values in std::iter::once(&mut self.hashes).chain(&mut self.columns) {
            *values = order.iter().map(|i| values[*i]).collect();
        }
    }
}

/// Adds the values of the chosen rows.
fn values(column: &Column, chosen: &[usize], kept: &mut Vec<u64>) {
    let start = kept.len();
    match column.numbers() {
        Some(Numbers::Ints { values, scale }) => {
            let float = ToFloat::new(scale);
            each_width!(values, values => kept.extend(chosen.iter().map(|&i| float.convert(i128::from(values[i])).to_bits())));
        }
        // Adding zero turns −0 into 0.
        Some(Numbers::Floats(Floats::F32(values))) => kept.extend(chosen.iter().map(|&i| (f64::from(values[i]) + 0.0).to_bits())),
        Some(Numbers::Floats(Floats::F64(values))) => kept.extend(chosen.iter().map(|&i| (values[i] + 0.0).to_bits())),
        None => others(column, chosen, kept),
    }
    let missing = column.missing();
    if !missing.is_none() {
        let bits = missing.bits(column.len());
        kept[start..].iter_mut().zip(chosen).filter(|(_, i)| bits.value(**i)).for_each(|(value, _)| *value = MISSING);
    }
}

fn others(column: &Column, chosen: &[usize], kept: &mut Vec<u64>) {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::DataType::{Boolean, LargeUtf8, Utf8, Utf8View};
    if let Some((codes, texts)) = column.dictionary() {
        let text = |&i: &usize| if column.array.is_null(i) { "" } else { texts.value(codes[i] as usize) };
        return kept.extend(chosen.iter().map(|i| xxh3_64(text(i).as_bytes())));
    }
    match column.array.data_type() {
        Boolean => {
            let values = column.array.as_boolean();
            kept.extend(chosen.iter().map(|&i| f64::from(u8::from(values.value(i))).to_bits()));
        }
        Utf8 => kept.extend(chosen.iter().map(|&i| xxh3_64(column.array.as_string::<i32>().value(i).as_bytes()))),
        LargeUtf8 => kept.extend(chosen.iter().map(|&i| xxh3_64(column.array.as_string::<i64>().value(i).as_bytes()))),
        Utf8View => kept.extend(chosen.iter().map(|&i| xxh3_64(column.array.as_string_view().value(i).as_bytes()))),
        _ => {
            let mut encoder = RowBytes::default();
            encoder.encode(&[column], column.len());
            kept.extend(chosen.iter().map(|&i| xxh3_64(encoder.row(i))));
        }
    }
}

/// Scatters 64 bits, one to one: the finalizer of SplitMix64.
fn scatter(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
