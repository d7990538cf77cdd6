//! Limits as a rule file writes them, held against what findings observed.

use std::fmt;

use crate::findings::{Finding, Unit, Value, figures};
use crate::rules::words::{Duration, Tolerance};
use crate::ruleset::RuleItem;
use crate::shown::digits;

/// The limit of a rule.
pub(super) enum Limit {
    /// How many failing rows may stay.
    Rows(Tolerance),
    Bounds {
        low: Option<Bound>,
        high: Option<Bound>,
    },
}

/// One bound, with the word of the rule file.
pub(super) struct Bound {
    word: &'static str,
    value: f64,
    written: String,
    kind: Kind,
    is_closed: bool,
}

/// How a bound is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Percent,
    Duration,
    /// A day or a time, compared as text of one form.
    Time,
}

/// What a run observed.
pub(super) enum Measure {
    Rows { failing: u64, of: u64 },
    Number { value: f64, written: String },
}

/// The words that bound a measure: whether below, and whether the bound itself is allowed.
const WORDS: [(&str, bool, bool); 5] =
    [("min", true, true), ("above", true, false), ("max", false, true), ("below", false, false), ("max_age", false, true)];

impl Limit {
    /// The limit that the rule file writes for the item; none if it writes none.
    pub(super) fn of(item: &RuleItem) -> Option<Self> {
        if item.entry.names_rows {
            return Some(Self::Rows(item.words.tolerate.as_ref().map_or(Tolerance::NONE, |tolerate| tolerate.value)));
        }
        let config = &item.config;
        let bounds = WORDS.iter().filter_map(|word| {
            let text = config.get(word.0)?.value.text()?;
            Bound::read(*word, text)
        });
        Self::of_bounds(bounds)
    }

    fn of_bounds(bounds: impl Iterator<Item = Bound>) -> Option<Self> {
        let (mut low, mut high) = (None, None);
        for bound in bounds {
            let is_low = WORDS.iter().any(|(word, is_low, _)| *word == bound.word && *is_low);
            if is_low { low = Some(bound) } else { high = Some(bound) }
        }
        (low.is_some() || high.is_some()).then_some(Self::Bounds { low, high })
    }

    /// The limit that was recorded with a finding, where the rule file leaves it to the rule: `at most 0.2`, or a number.
    pub(super) fn recorded(finding: &Finding) -> Option<Self> {
        let text = written(&finding.limit);
        let (word, rest) = [("at most ", WORDS[2]), ("below ", WORDS[3]), ("at least ", WORDS[0]), ("above ", WORDS[1])]
            .iter()
            .find_map(|(said, word)| Some((*word, text.strip_prefix(said)?)))
            .unwrap_or((WORDS[2], text.as_str()));
        Self::of_bounds(Bound::read(word, rest).into_iter())
    }

    pub(super) fn is_of_rows(&self) -> bool {
        matches!(self, Self::Rows(_))
    }

    /// What the finding observed, as this limit is held against it; none where that was not kept.
    pub(super) fn measure(&self, finding: &Finding) -> Option<Measure> {
        match self {
            Self::Rows(_) => {
                let of = finding.figures.get(&figures::ROWS_IN_SCOPE).and_then(|figure| figure.value.as_u64())?;
                Some(Measure::Rows { failing: finding.failing_rows, of })
            }
            Self::Bounds { low, high } => {
                if finding.unit == Unit::FAILING_GROUPS {
                    return None;
                }
                let kind = low.as_ref().or(high.as_ref())?.kind;
                let written = written(&finding.observed);
                Some(Measure::Number { value: number(&written, kind)?, written })
            }
        }
    }

    /// Whether the rule fails on what was observed.
    pub(super) fn is_broken_by(&self, measure: &Measure) -> bool {
        match (self, measure) {
            (Self::Rows(tolerate), Measure::Rows { failing, of }) => tolerate.is_exceeded_by(*failing, *of),
            (Self::Bounds { low, high }, Measure::Number { value, .. }) => {
                let under = low.as_ref().is_some_and(|low| *value < low.value || (*value == low.value && !low.is_closed));
                let over = high.as_ref().is_some_and(|high| *value > high.value || (*value == high.value && !high.is_closed));
                under || over
            }
            (Self::Rows(_), Measure::Number { .. }) | (Self::Bounds { .. }, Measure::Rows { .. }) => false,
        }
    }

    /// The tightest limit of its kind that at most `allowed` of the measures break, as a rule file writes it.
    ///
    /// # Errors
    /// There is none, and why.
    pub(super) fn tightest(&self, measures: &[Measure], allowed: usize) -> Result<String, &'static str> {
        match self {
            Self::Rows(Tolerance { share: Some(_), rows: Some(_) }) => Err("two limits in one have no tightest"),
            Self::Rows(tolerate) => Ok(tightest_tolerance(measures, allowed, tolerate.rows.is_some_and(|rows| rows > 0))),
            Self::Bounds { low, high } => {
                let mut observed: Vec<(f64, &str)> = measures
                    .iter()
                    .filter_map(|measure| match measure {
                        Measure::Number { value, written } => Some((*value, written.as_str())),
                        Measure::Rows { .. } => None,
                    })
                    .collect();
                observed.sort_by(|a, b| a.0.total_cmp(&b.0));
                let allowed = allowed.min(observed.len().saturating_sub(1));
                match (low, high) {
                    (Some(low), None) => Ok(low.like(observed[allowed])),
                    (None, Some(high)) => Ok(high.like(observed[observed.len() - 1 - allowed])),
                    (Some(low), Some(high)) => {
                        // The narrowest interval that leaves out as many at both ends together.
                        let width = |left: usize| observed[observed.len() - 1 - (allowed - left)].0 - observed[left].0;
                        let left = (0..=allowed).min_by(|a, b| width(*a).total_cmp(&width(*b))).unwrap_or(0);
                        let (first, last) = (observed[left], observed[observed.len() - 1 - (allowed - left)]);
                        Ok(format!("{}, {}", low.like(first), high.like(last)))
                    }
                    (None, None) => Err("no bound is given"),
                }
            }
        }
    }
}

impl Bound {
    fn read((word, _, is_closed): (&'static str, bool, bool), text: &str) -> Option<Self> {
        let text = text.trim();
        let kind = match text {
            _ if text.ends_with('%') => Kind::Percent,
            _ if plain(text).is_some() => Kind::Number,
            _ if text.parse::<Duration>().is_ok() => Kind::Duration,
            _ => Kind::Time,
        };
        Some(Self { word, value: number(text, kind)?, written: text.to_owned(), kind, is_closed })
    }

    /// The bound that allows what was observed, and no more. It allows the value itself, so it is written as a closed one.
    fn like(&self, (value, written): (f64, &str)) -> String {
        let word = match self.word {
            "above" => "min",
            "below" => "max",
            word => word,
        };
        let text = match self.kind {
            Kind::Number | Kind::Time => written.to_owned(),
            Kind::Percent => percent(value),
            Kind::Duration => duration(value),
        };
        format!("{word}: {text}")
    }
}

impl fmt::Display for Limit {
    /// As the rule file has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(tolerate) if tolerate.is_none() => f.write_str("no failing row"),
            Self::Rows(tolerate) => write!(f, "tolerate: {tolerate}"),
            Self::Bounds { low, high } => {
                let said: Vec<String> = low.iter().chain(high).map(|b| format!("{}: {}", b.word, b.written)).collect();
                f.write_str(&said.join(", "))
            }
        }
    }
}

/// A value as a rule file writes it: every digit.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Text(text) => text.clone(),
    }
}

fn plain(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|x| !x.is_nan())
}

/// A number that orders texts of one kind; observed shares and ages are plain numbers.
fn number(text: &str, kind: Kind) -> Option<f64> {
    match kind {
        Kind::Number => plain(text),
        Kind::Percent => match text.strip_suffix('%') {
            Some(percent) => plain(percent.trim_end()).map(|x| x / 100.0),
            None => plain(text),
        },
        Kind::Duration => text.parse::<Duration>().map(|duration| duration.seconds as f64).ok().or_else(|| plain(text)),
        Kind::Time => {
            let day = crate::text::date(text).map(|day| f64::from(day) * 86_400e6);
            day.or_else(|| crate::text::timestamp(text)?.in_unit(arrow::datatypes::TimeUnit::Microsecond).map(|time| time as f64))
        }
    }
}

/// A share as a percentage that is no less.
fn percent(share: f64) -> String {
    let text = digits(share * 100.0, 15);
    let is_no_less = text.parse::<f64>().is_ok_and(|percent| percent / 100.0 >= share);
    if is_no_less { format!("{text}%") } else { share.to_string() }
}

/// Seconds as a rule file writes them.
fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).ceil() as u64;
    let (unit, name) = [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
        .unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

fn tightest_tolerance(measures: &[Measure], allowed: usize, in_rows: bool) -> String {
    let mut failing: Vec<(u64, u64)> = measures
        .iter()
        .filter_map(|measure| match measure {
            Measure::Rows { failing, of } => Some((*failing, *of)),
            Measure::Number { .. } => None,
        })
        .collect();
    match in_rows {
        true => failing.sort(),
        false => failing.sort_by(|(a, of_a), (b, of_b)| (u128::from(*a) * u128::from(*of_b)).cmp(&(u128::from(*b) * u128::from(*of_a)))),
    }
    let (part, whole) = failing[failing.len() - 1 - allowed.min(failing.len() - 1)];
    match (part, in_rows) {
        (0, _) => "no failing row".to_owned(),
        (part, true) => format!("tolerate: {part} {}", if part == 1 { "row" } else { "rows" }),
        (part, false) => format!("tolerate: {}", percent_above(part, whole)),
    }
}

/// The share as a percentage of three digits that is no less.
fn percent_above(part: u64, whole: u64) -> String {
    let share = part as f64 / whole as f64 * 100.0;
    let decimals = (2 - share.log10().floor() as i32).clamp(0, 15) as u32;
    let scale = 10u128.pow(decimals);
    let (part, whole) = (u128::from(part) * 100 * scale, u128::from(whole));
    let steps = part.div_ceil(whole);
    let text = format!("{}.{:0width$}", steps / scale, steps % scale, width = decimals as usize);
    let text = if decimals == 0 { (steps / scale).to_string() } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() };
    format!("{text}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(words: &[(&str, &str)]) -> Limit {
        let read = |(word, text): &(&str, &str)| Bound::read(*WORDS.iter().find(|w| w.0 == *word).expect("a word"), text).expect("a bound");
        Limit::of_bounds(words.iter().map(read)).expect("a limit")
    }

    fn numbers(texts: &[&str]) -> Vec<Measure> {
        texts.iter().map(|text| Measure::Number { value: text.parse().expect("a number"), written: (*text).to_owned() }).collect()
    }

    #[test]
    fn the_tightest_bound_leaves_out_as_many_as_are_allowed() {
        let ten = numbers(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "100"]);
        let tightest = |words: &[(&str, &str)], allowed| bounds(words).tightest(&ten, allowed).expect("a limit");
        assert_eq!(tightest(&[("max", "50")], 0), "max: 100");
        assert_eq!(tightest(&[("max", "50")], 1), "max: 9");
        assert_eq!(tightest(&[("above", "0")], 1), "min: 2");
        assert_eq!(tightest(&[("min", "0"), ("max", "50")], 1), "min: 1, max: 9");
        assert_eq!(tightest(&[("max", "50%")], 2), "max: 800%");
        assert_eq!(tightest(&[("max_age", "36h")], 0), "max_age: 100s");
        let fires = |words: &[(&str, &str)]| ten.iter().filter(|measure| bounds(words).is_broken_by(measure)).count();
        assert_eq!([fires(&[("max", "9")]), fires(&[("below", "9")]), fires(&[("min", "3"), ("max", "8")])], [1, 2, 4]);
        // Held again, the tightest limit fires as often as allowed.
        assert_eq!(fires(&[("min", "1"), ("max", "9")]), 1);
    }

    #[test]
    fn the_tightest_tolerance_is_no_less_than_what_failed() {
        let rows: Vec<Measure> =
            [(0, 100), (1, 300), (2, 100), (50, 10_000)].iter().map(|(failing, of)| Measure::Rows { failing: *failing, of: *of }).collect();
        let tightest = |text: &str, allowed| Limit::Rows(text.parse().expect("a tolerance")).tightest(&rows, allowed).expect("a limit");
        assert_eq!(tightest("1%", 0), "tolerate: 2%");
        assert_eq!(tightest("1%", 1), "tolerate: 0.5%");
        assert_eq!(tightest("1%", 2), "tolerate: 0.334%");
        assert_eq!(tightest("0", 3), "no failing row");
        assert_eq!(tightest("5 rows", 0), "tolerate: 50 rows");
        assert!(Limit::Rows("1% and 5 rows".parse().expect("a tolerance")).tightest(&rows, 0).is_err());
        for (part, whole) in [(1, 3), (1, 300), (2, 3), (999, 1000), (1, 1), (7, 1_000_003)] {
            let share: crate::rules::words::Share = percent_above(part, whole).parse().expect("a share");
            assert!(!share.is_exceeded_by(part, whole), "{part}/{whole}: {}", percent_above(part, whole));
        }
    }
}
