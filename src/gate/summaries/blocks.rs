//! Summaries of many batches merged beforehand, as a cache.
//!
//! The summaries of a table, in the order of its batches, are cut into blocks behind some of them: behind every 16th on average,
//! and into larger blocks behind every 256th and 4096th. Where it is cut follows from each name alone, so a batch that is
//! superseded or pruned changes the blocks it is in and no others. A merged block is called by the names that it merges: it can
//! be missing, but never wrong.

use std::collections::BTreeSet;
use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::store::SummaryName;

/// How many blocks are one of the next level, on average.
const FANOUT: u64 = 16;
const LEVELS: u32 = 3;
/// Fewer summaries than this are read as they are.
const CACHED_MIN: usize = 64;

/// What is read for some of a table's summaries, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// One batch's.
    One(usize),
    /// Those of a range, merged under this name.
    Merged(Range<usize>, String),
}

/// A range as pieces of their own.
pub(super) fn ones(range: &Range<usize>) -> Vec<Piece> {
    range.clone().map(Piece::One).collect()
}

/// Summaries in the order of their batches, and where they are cut.
pub(super) struct Blocks<'a> {
    names: &'a [SummaryName],
    /// By how many levels it is cut behind each.
    cuts: Vec<u32>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(names: &'a [SummaryName]) -> Self {
        let cuts = names.iter().map(|name| cut_behind(&name.file_name())).collect();
        Self { names, cuts }
    }

    /// What to read for all of them, where the blocks `cached` are merged already.
    pub(super) fn pieces(&self, cached: &BTreeSet<String>) -> Vec<Piece> {
        self.pieces_of(0..self.names.len(), cached)
    }

    /// The same for some of them.
    pub(super) fn pieces_of(&self, range: Range<usize>, cached: &BTreeSet<String>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.fill(range, LEVELS, cached, &mut pieces);
        pieces
    }

    fn fill(&self, range: Range<usize>, level: u32, cached: &BTreeSet<String>, pieces: &mut Vec<Piece>) {
        if level == 0 {
            pieces.extend(range.map(Piece::One));
            return;
        }
        for block in self.split(range, level) {
            let name = (self.is_whole(&block, level)).then(|| self.name(&block)).filter(|name| cached.contains(name));
            match name {
                Some(name) => pieces.push(Piece::Merged(block, name)),
                None => self.fill(block, level - 1, cached, pieces),
            }
        }
    }

    /// The blocks that are worth merging, each behind those that it can be made of.
    pub(super) fn whole(&self) -> Vec<(Range<usize>, String)> {
        if self.names.len() < CACHED_MIN {
            return Vec::new();
        }
        let of_level = |level| self.split(0..self.names.len(), level).into_iter().filter(move |block| self.is_whole(block, level));
        let blocks = (1..=LEVELS).flat_map(of_level).filter(|block| block.len() > 1);
        let mut found: Vec<(Range<usize>, String)> = Vec::new();
        for block in blocks {
            // A block may be the only one of a larger one.
            if !found.iter().any(|(other, _)| *other == block) {
                found.push((block.clone(), self.name(&block)));
            }
        }
        found
    }

    /// Whether a block of `level` ends there: behind the last it may go on.
    fn is_whole(&self, block: &Range<usize>, level: u32) -> bool {
        block.end.checked_sub(1).is_some_and(|last| self.cuts[last] >= level)
    }

    fn split(&self, range: Range<usize>, level: u32) -> Vec<Range<usize>> {
        let (mut blocks, mut begin) = (Vec::new(), range.start);
        for at in range.clone() {
            if self.cuts[at] >= level {
                blocks.push(begin..at + 1);
                begin = at + 1;
            }
        }
        if begin < range.end {
            blocks.push(begin..range.end);
        }
        blocks
    }

    fn name(&self, block: &Range<usize>) -> String {
        let names: Vec<String> = self.names[block.clone()].iter().map(SummaryName::file_name).collect();
        format!("{MERGED}{:032x}.json", xxh3_128(names.join("\n").as_bytes()))
    }
}

/// Whether a block ends behind the summary of this name, and there are enough of them for blocks to be worth it.
pub(super) fn is_worth_merging_at(name: &SummaryName, count: usize) -> bool {
    count >= CACHED_MIN && cut_behind(&name.file_name()) > 0
}

/// How names of merged blocks begin.
const MERGED: &str = "merged-";

/// Whether a file of this name holds a merged block.
pub(super) fn is_merged(name: &str) -> bool {
    name.starts_with(MERGED)
}

/// The number of levels at which the summaries are cut behind the one of this name.
fn cut_behind(name: &str) -> u32 {
    let mut hash = xxh3_64(name.as_bytes());
    let mut levels = 0;
    while levels < LEVELS && hash.is_multiple_of(FANOUT) {
        levels += 1;
        hash /= FANOUT;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: i64) -> Vec<SummaryName> {
        (0..count).map(|i| SummaryName::new(i, &format!("b{i}"), "0123456789abcdef", 0, &i.to_string())).collect()
    }

    fn cached(names: &[SummaryName]) -> BTreeSet<String> {
        Blocks::new(names).whole().into_iter().map(|(_, name)| name).collect()
    }

    /// Which summaries are read, one way or another.
    fn covered(pieces: &[Piece]) -> Vec<usize> {
        let of = |piece: &Piece| match piece {
            Piece::One(at) => *at..at + 1,
            Piece::Merged(range, _) => range.clone(),
        };
        pieces.iter().flat_map(of).collect()
    }

    #[test]
    fn a_few_pieces_stand_for_all_summaries_each_once() {
        for count in [0, 1, 63, 64, 1000, 5000] {
            let names = names(count);
            let all: Vec<usize> = (0..names.len()).collect();
            for cached in [BTreeSet::new(), cached(&names)] {
                let pieces = Blocks::new(&names).pieces(&cached);
                assert_eq!(covered(&pieces), all, "{count}");
                assert!(cached.is_empty() || pieces.len() < 100, "{count}: {} pieces", pieces.len());
            }
        }
        assert!(cached(&names(63)).is_empty());
    }

    #[test]
    fn another_batch_or_one_less_changes_its_own_blocks_alone() {
        let all = names(1000);
        let before = cached(&all);
        for gone in [0, 17, 500, 999] {
            let rest: Vec<SummaryName> = all.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, name)| name.clone()).collect();
            let pieces = Blocks::new(&rest).pieces(&before);
            assert_eq!(covered(&pieces).len(), 999);
            assert!(pieces.len() < 200, "without {gone}: {} pieces", pieces.len());
            let lost = before.difference(&cached(&rest)).count();
            // One a level, or two where the batch ended a block.
            assert!(lost <= 2 * LEVELS as usize, "without {gone}: {lost} blocks are others");
        }
        let last = &all[970..];
        assert_eq!(covered(&Blocks::new(last).pieces(&before)).len(), 30);
    }
}
