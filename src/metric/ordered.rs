//! A histogram over the order of floats: exact counts in buckets of 1/512 relative width.
//!
//! A value's bucket is the top bits of its order-preserving bit pattern (sign, exponent, nine bits
//! of mantissa), as in HdrHistogram and DDSketch. Counts add up, so merging is exact in any order
//! and no coin is thrown. It brackets every quantile; [`super::select::Collect`] then settles it
//! with a second pass over the few values inside the bracket. Windows narrow the histogram to part
//! of the order with finer buckets, for data that crowd into one bucket.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;

use super::budget::{Budget, Reservation};
use super::column::{Column, Floats, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use super::transform::Transform;
use crate::diagnostic::Fault;
use crate::each_width;

/// Bits of the order dropped by the coarsest histogram: 64 − 1 (sign) − 11 (exponent) − 9.
pub const SHIFT_COARSE: u32 = 43;
const PAGE_BITS: u32 = 9;
const PAGE: usize = 1 << PAGE_BITS;
/// Pages found without a search.
const RECENT: usize = 16;

/// A float's place in the order of floats, as an integer; −0 and 0 share one.
pub fn order_of(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The float at a place in the order.
pub fn value_at(order: u64) -> f64 {
    f64::from_bits(if order >> 63 == 1 { order & !(1 << 63) } else { !order })
}

/// The place of each of a column's values in the order of its type; none where it is missing.
pub(super) fn places(column: &Column) -> impl Fn(usize) -> Option<i128> + '_ {
    let (numbers, missing) = (column.numbers(), column.missing().bits(column.len()));
    move |row| {
        let place = match numbers? {
            Numbers::Ints { values, .. } => each_width!(values, values => i128::from(values[row])),
            Numbers::Floats(Floats::F32(values)) => i128::from(order_of(f64::from(values[row]))),
            Numbers::Floats(Floats::F64(values)) => i128::from(order_of(values[row])),
        };
        (!missing.value(row)).then_some(place)
    }
}

/// Inclusive bounds in the order of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Window {
    pub low: u64,
    pub high: u64,
}

impl Window {
    /// All floats.
    pub const ALL: Self = Self { low: 0, high: u64::MAX };

    pub fn contains(&self, order: u64) -> bool {
        self.low <= order && order <= self.high
    }
}

/// What part of the order to count, and how finely.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HistogramSpec {
    /// Low bits of the order that share a bucket; fewer than 64.
    #[serde(deserialize_with = "shift")]
    pub shift: u32,
    /// Where to count; empty means everywhere.
    pub windows: Vec<Window>,
    pub transform: Transform,
}

impl HistogramSpec {
    /// Whether values may fall into the bucket.
    fn has_bucket(&self, bucket: u64) -> bool {
        let (first, last) = (bucket << self.shift, bucket << self.shift | ((1 << self.shift) - 1));
        first >> self.shift == bucket && (self.windows.is_empty() || self.windows.iter().any(|w| w.low <= last && first <= w.high))
    }

    pub const COARSE: Self = Self { shift: SHIFT_COARSE, windows: Vec::new(), transform: Transform::IDENTITY };
}

fn shift<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let shift = <u32 as serde::Deserialize>::deserialize(from)?;
    if shift < u64::BITS { Ok(shift) } else { Err(serde::de::Error::custom("an order has 64 bits")) }
}

/// Counts of finite values by bucket, in pages of 512 buckets.
#[derive(Debug)]
pub struct OrderedHistogram {
    spec: HistogramSpec,
    /// In the order in which they came.
    pages: Vec<Box<[u64; PAGE]>>,
    /// Where each page is, by its number.
    places: BTreeMap<u64, usize>,
    /// Pages by the last bits of their number: neighbours do not displace each other.
    recent: [Option<(u64, usize)>; RECENT],
    memory: Reservation,
}

/// The buckets that hold values, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramOut {
    pub shift: u32,
    /// (bucket, count).
    pub buckets: Vec<(u64, u64)>,
    pub count: u64,
}

impl HistogramOut {
    /// The window of the bucket that holds the value of 0-based `rank`, how many values come
    /// before the bucket, and how many it holds.
    pub fn bracket(&self, rank: u64) -> Option<(Window, u64, u64)> {
        let mut before = 0;
        for &(bucket, count) in &self.buckets {
            if rank < before + count {
                let low = bucket << self.shift;
                return Some((Window { low, high: low | ((1 << self.shift) - 1) }, before, count));
            }
            before += count;
        }
        None
    }
}

impl State for OrderedHistogram {
    const NAME: &'static str = "histogram";
    const VERSION: u32 = 1;
    type Spec = HistogramSpec;
    type Out = HistogramOut;

    fn empty(spec: &HistogramSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { spec: spec.clone(), pages: Vec::new(), places: BTreeMap::new(), recent: [None; RECENT], memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let present = columns[0].present(rows.selection);
        let transform = self.spec.transform;
        transform.for_each(columns[0], &present, |_, x| self.add(x));
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        for (page, place) in later.places {
            let ours = self.page(page);
            for (a, b) in ours.iter_mut().zip(later.pages[place].iter()) {
                *a += b;
            }
        }
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self {
            spec: self.spec.clone(),
            pages: self.pages.clone(),
            places: self.places.clone(),
            recent: self.recent,
            memory: self.memory.again(),
        })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.buckets(), to)
    }

    fn decode(spec: &HistogramSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let buckets: Vec<(u64, u64)> = encoding::read(from)?;
        encoding::ensure_counts(buckets.iter().map(|(_, count)| *count))?;
        encoding::ensure(buckets.is_sorted_by(|a, b| a.0 < b.0), "its buckets are out of order")?;
        let mut state = Self::empty(spec, types, memory);
        for (bucket, count) in buckets {
            encoding::ensure(count > 0 && spec.has_bucket(bucket), "it has a bucket where there can be none")?;
            state.page(bucket >> PAGE_BITS)[bucket as usize % PAGE] = count;
        }
        state.account();
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<HistogramOut, Fault> {
        let buckets = self.buckets();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Ok(HistogramOut { shift: self.spec.shift, buckets, count })
    }
}

impl OrderedHistogram {
    /// The buckets that hold values, ascending.
    fn buckets(&self) -> Vec<(u64, u64)> {
        let mut buckets = Vec::new();
        for (page, place) in &self.places {
            let first = page << PAGE_BITS;
            buckets.extend((first..).zip(self.pages[*place].iter().copied()).filter(|(_, count)| *count > 0));
        }
        buckets
    }

    fn account(&mut self) {
        self.memory.resize(self.pages.len() * (size_of::<[u64; PAGE]>() + 64));
    }

    fn add(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let order = order_of(x);
        if !self.spec.windows.is_empty() && !self.spec.windows.iter().any(|w| w.contains(order)) {
            return;
        }
        let bucket = order >> self.spec.shift;
        self.page(bucket >> PAGE_BITS)[bucket as usize % PAGE] += 1;
    }

    /// Takes in `count` more of `x`, everywhere in the order.
    pub(super) fn add_times(&mut self, x: f64, count: u64) {
        if x.is_finite() {
            let bucket = order_of(x) >> self.spec.shift;
            self.page(bucket >> PAGE_BITS)[bucket as usize % PAGE] += count;
            self.account();
        }
    }

    fn page(&mut self, page: u64) -> &mut [u64; PAGE] {
        let recent = &mut self.recent[page as usize % RECENT];
        let place = match *recent {
            Some((number, place)) if number == page => place,
            _ => {
                let place = *self.places.entry(page).or_insert_with(|| {
                    self.pages.push(Box::new([0; PAGE]));
                    self.pages.len() - 1
                });
                *recent = Some((page, place));
                place
            }
        };
        &mut self.pages[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_the_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(order_of(a).cmp(&order_of(b)), (a + 0.0).total_cmp(&(b + 0.0)));
            prop_assert_eq!(value_at(order_of(a)), a);
        }
    }
}
