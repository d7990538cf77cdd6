//! Values that look like stand-ins for missing ones.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};

use super::Missing;
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::Figures;
use crate::metric::completeness::Completeness;
use crate::metric::is_numeric;
use crate::metric::keys::KeysOut;
use crate::metric::stand_ins::{StandIn, StandIns, StandInsOut};
use crate::rows::RowSet;
use crate::rules::exact_keys::ExactKeys;
use crate::rules::facts::SecondPass;
use crate::rules::judgement::{Judgement, RowsJudged};
use crate::rules::requests::Handle;
use crate::rules::{Binder, GroupFacts, Judge};

const NUMBERS: [i128; 11] = [-1, -9, -99, -999, -9999, 0, 9, 99, 999, 9999, 99_999];
const DAYS: [&str; 4] = ["1900-01-01", "1970-01-01", "9999-12-31", "2099-12-31"];
const WORDS: [&str; 16] =
    ["unknown", "n/a", "na", "nan", "none", "null", "nil", "-", "--", "?", ".", "missing", "not available", "undefined", "tbd", "#n/a"];
/// A number or date is a spike from so many on, and more than so many times the most frequent value beside.
pub const SPIKE: u64 = 3;
/// A column of fewer other values is a code or a count of few things, in which any value may be frequent.
const DISTINCT_MIN: u64 = 10;
/// A value stands apart from so large a part of the span of the other values on, and the more so the fewer they are.
const APART_SHARE: f64 = 0.01;
/// Divided by the root of the number of other values.
const APART_SHARE_OF_FEW: f64 = 0.6;

pub(super) fn bind(rule: &Missing, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
    if rule.max_run.is_some() || rule.must_be.is_some() || rule.blank || !rule.tokens.is_empty() {
        return Err(to
            .fault(Code::ConflictingWords, "`disguised` stands with another way to judge missing values")
            .hint("write two rules")
            .into());
    }
    to.warn_unless_given();
    let column = to.column();
    let (candidates, wanted): (Vec<Candidate>, Vec<StandIn>) = candidates(&column.data_type).into_iter().unzip();
    let is_text = matches!(wanted.first(), Some(StandIn::Text(_)));
    let found = to.want::<StandIns>(wanted, &[column.index]);
    let keys = (!is_text).then(|| ExactKeys::of_values(to, column.index));
    let rows = to.rows_in_scope();
    Ok(Box::new(DisguisedCheck { candidates, found, keys, rows }))
}

/// What may stand in for a missing value.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) is: Is,
}

/// Of which kind it is: each has its own rule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Is {
    Word,
    Day,
    Number(f64),
}

/// What may stand in for a missing value of a type, in words and in the column's own terms.
pub(super) fn candidates(data_type: &DataType) -> Vec<(Candidate, StandIn)> {
    let number = |n: i128| Candidate { name: n.to_string(), is: Is::Number(n as f64) };
    let int = |n: &i128, scale: i8| {
        let value = 10i128.checked_pow(u32::from(scale.unsigned_abs()))?.checked_mul(*n)?;
        Some((number(*n), StandIn::Int(value)))
    };
    let day = |text: &&str, ticks: i64| {
        let days = crate::text::date(text)?;
        Some((Candidate { name: (*text).to_owned(), is: Is::Day }, StandIn::Int(i128::from(days) * i128::from(ticks))))
    };
    let days = |ticks: i64| DAYS.iter().filter_map(|d| day(d, ticks)).collect();
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            WORDS.iter().map(|w| (Candidate { name: (*w).to_owned(), is: Is::Word }, StandIn::Text((*w).to_owned()))).collect()
        }
        t if t.is_floating() => NUMBERS.iter().map(|n| (number(*n), StandIn::Float(*n as f64))).collect(),
        DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => {
            NUMBERS.iter().filter_map(|n| int(n, *s)).collect()
        }
        t if is_numeric(t) => NUMBERS.iter().filter_map(|n| int(n, 0)).collect(),
        DataType::Date32 => days(1),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => days(86_400_000),
        DataType::Timestamp(TimeUnit::Second, _) => days(86_400),
        DataType::Timestamp(TimeUnit::Microsecond, _) => days(86_400_000_000),
        // Nanoseconds end in 2262.
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            DAYS.iter().filter(|d| **d < "2262").filter_map(|d| day(d, 86_400_000_000_000)).collect()
        }
        // Nothing is known to stand in for a missing value of another type.
        _ => Vec::new(),
    }
}

/// The values of a column that are no candidates.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Others {
    pub(super) rows: u64,
    pub(super) distinct: u64,
    /// How often the most frequent one occurs.
    pub(super) most: u64,
    /// The smallest and the largest.
    pub(super) span: Option<(f64, f64)>,
}

impl Others {
    /// Whether a number that occurs `count` times stands in for a missing value.
    fn disguise(&self, value: f64, count: u64) -> bool {
        if count < SPIKE || count <= SPIKE * self.most {
            return false;
        }
        let (is_long, has_many) = (value.abs() >= 999.0 || value == -99.0, self.distinct >= DISTINCT_MIN);
        let Some((low, _)) = self.span else { return is_long };
        if is_long {
            return has_many || self.is_apart(value);
        }
        // Values that are no less usual than all others together are what the column says, and no stand-ins: most people
        // have no claim, most days no rain.
        let is_exception = value != 0.0 || count <= self.rows;
        let is_only_negative = value < 0.0 && low >= 0.0;
        has_many && is_exception && (is_only_negative || self.is_apart(value))
    }

    /// Whether a number lies away from all others: not the next step of a count, nor the end of a tail.
    fn is_apart(&self, value: f64) -> bool {
        let Some((low, high)) = self.span else { return false };
        let gap = if value < low { low - value } else { value - high };
        let is_next_step = low.fract() == 0.0 && high.fract() == 0.0 && gap <= 1.0;
        let share = (APART_SHARE_OF_FEW / (self.rows as f64).sqrt()).max(APART_SHARE);
        !is_next_step && gap > 0.0 && gap > share * (high - low)
    }
}

#[derive(Clone)]
struct DisguisedCheck {
    candidates: Vec<Candidate>,
    found: Handle<StandIns>,
    /// How often values occur, for what must be a spike.
    keys: Option<ExactKeys>,
    rows: Handle<Completeness>,
}

impl Judge for DisguisedCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let keys = match self.keys.as_mut().map(|k| k.advance(facts, pass)).transpose()? {
            Some(None) => return Ok(Judgement::NeedsPass),
            Some(Some(keys)) => keys,
            None => None,
        };
        let of = facts.get(self.rows)?.map_or(0, |c| c.rows);
        let nothing = StandInsOut::default();
        let found = facts.get(self.found)?.unwrap_or(&nothing);
        let counts: Vec<u64> = found.rows.iter().map(RowSet::len).collect();
        let others = others(&counts, found, keys);
        let (mut rows, mut figures, mut told) = (RowSet::default(), Figures::default(), Vec::new());
        for ((candidate, set), count) in self.candidates.iter().zip(&found.rows).zip(counts) {
            if is_disguise(candidate, count, &others) {
                rows.union(set);
                figures.set_rows_of(candidate.name.as_str(), count);
                told.push((count, &candidate.name));
            }
        }
        told.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let more = told.len().saturating_sub(5);
        let mut told: Vec<String> = told.iter().take(5).map(|(_, name)| format!("`{name}`")).collect();
        told.extend((more > 0).then(|| format!("and {more} more")));
        let says = match told.is_empty() {
            true => "with a value that stands in for a missing one".to_owned(),
            false => format!("with a value that stands in for a missing one: {}", told.join(", ")),
        };
        Ok(Judgement::Rows(RowsJudged { failing: rows.len(), of, rows: Arc::new(rows), says, figures, ..RowsJudged::default() }))
    }
}

/// Whether a candidate that occurs `count` times stands in for missing values.
pub(super) fn is_disguise(candidate: &Candidate, count: u64, others: &Others) -> bool {
    match candidate.is {
        Is::Word => count > 0,
        Is::Day => count >= SPIKE && count > SPIKE * others.most,
        Is::Number(value) => others.disguise(value, count),
    }
}

/// What stands beside candidates that occur `counts` times.
fn others(counts: &[u64], found: &StandInsOut, keys: Option<&KeysOut>) -> Others {
    let Some(keys) = keys else { return Others::default() };
    // The most frequent value beside the candidates: the largest size that is none of theirs.
    let mut sizes = keys.largest.clone();
    let there = || counts.iter().filter(|count| **count > 0);
    for count in there() {
        if let Some(at) = sizes.iter().position(|s| s == count) {
            sizes.remove(at);
        }
    }
    Others {
        rows: keys.rows - there().sum::<u64>(),
        distinct: keys.distinct - there().count() as u64,
        most: sizes.first().copied().unwrap_or(0),
        span: found.others.map(|(low, high)| (low.as_f64(), high.as_f64())),
    }
}
