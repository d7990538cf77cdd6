//! Distinct values as a summary keeps them: hashes while they are few, then HyperLogLog's registers, as text.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::encoding;
use super::few::Hashes;
use super::many::Registers;
use super::{Seen, mix};
use crate::diagnostic::Fault;

/// A summary keeps at most so many hashes; they take no more room than registers.
const FEW_MAX: usize = 128;
/// Registers of a summary are 2^10: a relative standard error of 1.04/√2^10 = 3.3 %.
const PRECISION: u32 = 10;
/// Digits that stand for 0 to 63.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/// Digits of a hash.
const HASH_DIGITS: usize = 11;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kept {
    /// Hashes, ascending, 11 digits each.
    Few(String),
    /// Ranks, a digit each.
    Many(String),
}

pub(super) fn keep(seen: &Seen) -> Result<Json, Fault> {
    let hashes: Box<dyn Iterator<Item = u64> + '_> = match seen {
        Seen::Near(bits) => Box::new(bits.iter().map(|value| mix(value as u64))),
        Seen::Few(hashes) => Box::new(hashes.iter()),
        Seen::Many(registers) => return many(&registers.folded(PRECISION)),
    };
    let count = match seen {
        Seen::Near(bits) => bits.len() as usize,
        Seen::Few(hashes) => hashes.len,
        Seen::Many(_) => usize::MAX,
    };
    if count > FEW_MAX {
        let mut registers = Registers::new(PRECISION);
        hashes.for_each(|hash| registers.insert(hash));
        return many(&registers);
    }
    let mut sorted: Vec<u64> = hashes.collect();
    sorted.sort_unstable();
    let digits =
        sorted.iter().flat_map(|hash| (0..HASH_DIGITS).rev().map(move |place| DIGITS[(hash >> (place * 6)) as usize % 64] as char));
    encoding::to_json(&Kept::Few(digits.collect()))
}

fn many(registers: &Registers) -> Result<Json, Fault> {
    encoding::to_json(&Kept::Many(registers.ranks().iter().map(|&rank| DIGITS[usize::from(rank) % 64] as char).collect()))
}

pub(super) fn read(json: &Json) -> Result<Seen, Fault> {
    let damaged = || encoding::damaged("it has no set of values as one is kept");
    let digit = |b: u8| DIGITS.iter().position(|d| *d == b).map(|digit| digit as u8);
    match encoding::of_json(json)? {
        Kept::Few(text) => {
            let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>().ok_or_else(damaged)?;
            let hash = |digits: &[u8]| digits.iter().fold(0u128, |hash, digit| hash << 6 | u128::from(*digit));
            let hashes: Vec<u64> =
                digits.chunks(HASH_DIGITS).map(|digits| u64::try_from(hash(digits)).ok()).collect::<Option<_>>().ok_or_else(damaged)?;
            let is_whole = digits.len().is_multiple_of(HASH_DIGITS) && hashes.len() <= FEW_MAX;
            encoding::ensure(is_whole && hashes.is_sorted_by(|a, b| a < b), "its values are out of order")?;
            let mut set = Hashes::new();
            hashes.into_iter().for_each(|hash| set.insert(hash));
            Ok(Seen::Few(set))
        }
        Kept::Many(text) => {
            let ranks: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>().ok_or_else(damaged)?;
            encoding::ensure(ranks.len() == 1 << PRECISION, "it has more or fewer registers than are kept")?;
            Ok(Seen::Many(Registers::of(ranks).ok_or_else(damaged)?))
        }
    }
}
