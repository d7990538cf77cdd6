//! Integers that lie close together: a bit for each.

use serde::{Deserialize, Serialize};

/// Integers share blocks of so many neighbours.
const BLOCK: i64 = 1 << 12;
/// Integers within so many blocks are counted exactly, by 32 KiB of bits.
const SPAN_BLOCKS: i64 = 1 << 6;
const BLOCK_WORDS: usize = BLOCK as usize / 64;

/// A set of integers that lie within [`SPAN_BLOCKS`] blocks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Bits {
    /// What the first bit stands for: where a block begins.
    base: i64,
    words: Vec<u64>,
}

impl Bits {
    /// Whether `value` could be taken in.
    pub(super) fn insert(&mut self, value: i64) -> bool {
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
        let blocks = (self.words.len() / BLOCK_WORDS) as i64;
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

    pub(super) fn len(&self) -> u64 {
        self.words.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let set = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
        self.words.iter().zip((self.base..).step_by(64)).flat_map(move |(&word, first)| set(word).map(move |bit| first + bit))
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// Whether it is as [`Bits::insert`] makes it: whole blocks, the first and the last of them in use.
    pub(super) fn is_sound(&self) -> bool {
        let mut blocks = self.words.chunks(BLOCK_WORDS);
        let in_use = |block: Option<&[u64]>| block.is_none_or(|words| words.len() == BLOCK_WORDS && words.iter().any(|w| *w != 0));
        self.words.len() <= SPAN_BLOCKS as usize * BLOCK_WORDS
            && self.words.len().is_multiple_of(BLOCK_WORDS)
            && self.base % BLOCK == 0
            && (self.words.is_empty() || self.base.checked_add((self.words.len() * 64) as i64 - 1).is_some())
            && in_use(blocks.next())
            && in_use(blocks.next_back())
    }
}
