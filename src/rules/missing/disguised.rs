//! Values that look like stand-ins for missing ones.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};

use super::Missing;
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::Figures;
use crate::metric::completeness::Completeness;
use crate::metric::is_numeric;
use crate::metric::stand_ins::{StandIn, StandIns};
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
const SPIKE: u64 = 3;

pub(super) fn bind(rule: &Missing, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
    if rule.max_run.is_some() || rule.must_be.is_some() || rule.blank || !rule.tokens.is_empty() {
        return Err(to
            .fault(Code::ConflictingWords, "`disguised` stands with another way to judge missing values")
            .hint("write two rules")
            .into());
    }
    to.warn_unless_given();
    let column = to.column();
    let (names, wanted): (Vec<String>, Vec<StandIn>) = candidates(&column.data_type).into_iter().unzip();
    let is_text = matches!(wanted.first(), Some(StandIn::Text(_)));
    let found = to.want::<StandIns>(wanted, &[column.index]);
    let keys = (!is_text).then(|| ExactKeys::of_values(to, column.index));
    let rows = to.rows_in_scope();
    Ok(Box::new(DisguisedCheck { names, found, keys, rows }))
}

/// What may stand in for a missing value of a type, in words and in the column's own terms.
fn candidates(data_type: &DataType) -> Vec<(String, StandIn)> {
    let int = |n: &i128, scale: i8| {
        let value = 10i128.checked_pow(u32::from(scale.unsigned_abs()))?.checked_mul(*n)?;
        Some((n.to_string(), StandIn::Int(value)))
    };
    let day = |text: &&str, ticks: i64| {
        let days = crate::text::date(text)?;
        Some(((*text).to_owned(), StandIn::Int(i128::from(days) * i128::from(ticks))))
    };
    let days = |ticks: i64| DAYS.iter().filter_map(|d| day(d, ticks)).collect();
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            WORDS.iter().map(|w| ((*w).to_owned(), StandIn::Text((*w).to_owned()))).collect()
        }
        t if t.is_floating() => NUMBERS.iter().map(|n| (n.to_string(), StandIn::Float(*n as f64))).collect(),
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

#[derive(Clone)]
struct DisguisedCheck {
    names: Vec<String>,
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
        let empty = Vec::new();
        let found = facts.get(self.found)?.unwrap_or(&empty);
        let counts: Vec<u64> = found.iter().map(RowSet::len).collect();
        // The most frequent value beside the stand-ins: the largest size that is none of theirs.
        let mut sizes = keys.map(|k| k.largest.clone()).unwrap_or_default();
        for count in counts.iter().filter(|c| **c > 0) {
            if let Some(at) = sizes.iter().position(|s| s == count) {
                sizes.remove(at);
            }
        }
        let beside = sizes.first().copied().unwrap_or(0);
        let is_spike = |count: u64| count >= SPIKE && count > SPIKE * beside;
        let (mut rows, mut figures, mut told) = (RowSet::default(), Figures::default(), Vec::new());
        for ((name, set), count) in self.names.iter().zip(found).zip(counts) {
            if count > 0 && (self.keys.is_none() || is_spike(count)) {
                rows.union(set);
                figures.set_rows_of(name.as_str(), count);
                told.push((count, name));
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
