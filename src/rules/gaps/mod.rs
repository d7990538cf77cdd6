//! Periods without a row, and ranges that overlap.

mod explain;
mod overlap;
mod words;

use arrow::array::timezone::Tz;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use self::overlap::{Overlap, OverlapCheck};
use self::words::{Allowed, EveryWord};
use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::Handle;
use super::{Binder, Explanation, GroupFacts, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::periods::{Calendar, Every, Periods, PeriodsOut, PeriodsSpec};
use crate::shown::counted;
use crate::types::{is_text, micros, type_name};
use crate::yaml::Spanned;

/// Days, hours or months without a row; ranges that overlap.
///
/// With `every`: each period between the first and the last value of the column must have a row, with `by` in each group between
/// the first and last of the group. What is before and after is not expected: `freshness` and `rows` judge that. Periods are days,
/// weeks from Monday, calendar months and years, and hours, minutes and seconds. Days of timestamps with a time zone are those of
/// that zone, or of `timezone` if it is given: the days on which clocks are set have 23 or 25 hours, and so many are expected. Dates
/// and timestamps without a zone are taken as they stand. A period that is missing is no row that could be set aside, so it rejects the
/// batch unless `on_fail` says `warn` or `info`.
///
/// `allow` names what may be missing: weekdays, dates, days of each year, ranges of dates, hours of the day by the local clock. Of a
/// period longer than a day each day must be allowed. The figures say how many periods are expected, and how many of these are missing.
///
/// With `overlap`: a row fails whose range, from the value of one column up to and without that of another, has something in common
/// with that of another row (of its group), and a row whose range ends before it begins. All of them fail, since nobody knows
/// which is right. All ranges are held in memory (24 bytes a row), within `--memory-limit`; a batch for which that is too little is
/// not judged.
///
/// All rows in scope are judged, those that other rules set aside among them.
///
/// - Missing values and NaN: with `every` they are left out; of a range a missing end is open, and a row without both is passed over.
/// - No rows: `no_data`; so are no dates, and no ranges.
///
/// Why: a day that was never loaded is missing from every sum, and no row says so; a price that is valid twice is joined twice.
///
/// ```yaml
/// - gaps: { column: day, every: 1d, by: [store], allow: [sunday, 12-25, 2026-08-03..2026-08-14] }
/// - gaps: { column: measured_at, every: 1h, timezone: Europe/Berlin, on_fail: warn }
/// - gaps: { overlap: { from: valid_from, to: valid_to }, by: [product] }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gaps {
    /// How long a period is, such as `1h`, `1d`, `1w`, `1mo`. If left out: required unless `overlap` is given.
    every: Option<Spanned<EveryWord>>,
    /// Days and hours that may be without a row. If left out: none.
    allow: Option<Spanned<Vec<Allowed>>>,
    /// By whose clock days begin, such as `Europe/Berlin` or `+02:00`. If left out: that of the column.
    timezone: Option<Spanned<String>>,
    /// The columns between whose values ranges lie that must not overlap. If left out: periods are judged.
    overlap: Option<Spanned<Overlap>>,
}

impl Rule for Gaps {
    const NAME: &'static str = "gaps";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Sequences;
    const ABOUT_ROWS: &'static [&'static str] = &["overlap"];

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        to.judge_all_rows();
        match (&self.overlap, &self.every) {
            (Some(_), Some(every)) => {
                let fault = to.fault_at(every, Code::ConflictingWords, "`every` and `overlap` exclude each other");
                Err(fault.hint("write two rules").into())
            }
            (Some(overlap), None) => {
                let stray = [self.allow.as_ref().map(|word| ("allow", word.at)), self.timezone.as_ref().map(|word| ("timezone", word.at))];
                let stray = stray.into_iter().flatten().map(|(word, at)| {
                    Fault::new(Code::MisplacedWord, format!("`{word}` has no meaning beside `overlap`"))
                        .at(at.in_file(&to.place.file))
                        .hint("leave it out")
                });
                Faults(stray.collect()).or_ok(())?;
                Ok(Box::new(OverlapCheck::bind(&overlap.value, to)?))
            }
            (None, Some(every)) => Ok(Box::new(self.bind_every(every.value.0, to)?)),
            (None, None) => {
                let hint = "give `every`, such as `every: 1d`, or `overlap: { from: …, to: … }`";
                Err(to.fault(Code::MissingWord, "`gaps` has nothing to look for").hint(hint).into())
            }
        }
    }
}

impl Gaps {
    fn bind_every(&self, every: Every, to: &mut Binder<'_>) -> Result<GapsCheck, Faults> {
        to.names_no_rows("every")?;
        let column = to.column();
        if micros(&column.data_type, 0).is_none() {
            let what = format!("`gaps` needs dates or timestamps, but `{}` is {}", column.name, type_name(&column.data_type));
            let fault = to.fault(Code::UnfitColumn, what);
            return Err(if is_text(&column.data_type) {
                fault.hint(format!("write `{}: date` under `schema: columns`", column.name))
            } else {
                fault
            }
            .into());
        }
        let mut faults = Faults::default();
        let own = match &column.data_type {
            DataType::Timestamp(_, zone) => zone.as_ref().map(ToString::to_string),
            _ => None,
        };
        if let Some(zone) = &self.timezone {
            if zone.value.parse::<Tz>().is_err() {
                let fault = to.fault_at(zone, Code::InvalidValue, format!("`{}` is no time zone", zone.value));
                faults.push(fault.hint("write such as `Europe/Berlin`, `UTC` or `+02:00`"));
            } else if own.is_none() {
                let what = format!("`{}` is {}: it has no time zone to convert from", column.name, type_name(&column.data_type));
                faults.push(to.fault_at(zone, Code::UnfitColumn, what).hint("leave `timezone` out: its values are taken as they stand"));
            }
        }
        let is_date = matches!(column.data_type, DataType::Date32 | DataType::Date64);
        if let (true, Every::Seconds(seconds), Some(word)) = (is_date, every, &self.every)
            && seconds % 86_400 != 0
        {
            let what = format!("`{}` holds dates, and a day has more than one such period", column.name);
            faults.push(to.fault_at(word, Code::UnfitColumn, what).hint("write `every: 1d`"));
        }
        faults.or_ok(())?;
        let spec = PeriodsSpec { every, zone: self.timezone.as_ref().map(|zone| zone.value.clone()).or(own) };
        let calendar = Calendar::new(&spec);
        let periods = to.want::<Periods>(spec, &[column.index]);
        let allow = self.allow.as_ref().map(|allow| allow.value.clone()).unwrap_or_default();
        Ok(GapsCheck { periods, calendar, every, allow, is_masked: to.is_masked(&column) })
    }
}

#[derive(Clone)]
struct GapsCheck {
    periods: Handle<Periods>,
    calendar: Calendar,
    every: Every,
    allow: Vec<Allowed>,
    is_masked: bool,
}

/// Periods without a row.
#[derive(Default)]
struct Missing {
    /// Periods from the first to the last, those left out that may be missing and are.
    expected: u64,
    missing: u64,
    /// First and last period of some stretches of them.
    stretches: Vec<(i64, i64)>,
    /// How many stretches there are.
    count: u64,
}

/// Stretches that a message names.
const SHOWN_MAX: usize = 5;

impl SinglePass for GapsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let none = PeriodsOut::default();
        let found = facts.get(self.periods)?.unwrap_or(&none);
        if found.overflow {
            return Ok(Judgement::Unfit("the values lie too far apart for periods so short".into()));
        }
        if found.present.is_empty() {
            return Ok(Judgement::NoData("no dates or times in scope".into()));
        }
        let Some(missing) = self.missing(found) else {
            return Ok(Judgement::Unfit(format!("more than {PERIODS_MAX} periods are missing, too many to see which may be")));
        };
        let outcome = if missing.missing == 0 { Outcome::Pass } else { Outcome::Fail };
        Ok(Judgement::measured(Finding {
            outcome,
            observed: missing.missing.into(),
            limit: 0u64.into(),
            unit: Unit::PERIODS,
            message: self.says(&missing).into(),
            figures: Figures::from([(&figures::PERIODS, missing.expected.into()), (&figures::MISSING_PERIODS, missing.missing.into())]),
            ..Finding::default()
        }))
    }
}

/// So many missing periods are looked at one by one.
const PERIODS_MAX: u64 = 10_000_000;

impl GapsCheck {
    /// What is missing; none where that is too much to look at one by one.
    fn missing(&self, found: &PeriodsOut) -> Option<Missing> {
        let mut missing = Missing::default();
        let note = |missing: &mut Missing, first: i64, last: i64| {
            missing.missing += last.abs_diff(first) + 1;
            missing.count += 1;
            if missing.stretches.len() < SHOWN_MAX {
                missing.stretches.push((first, last));
            }
        };
        missing.expected = found.present.iter().map(|(first, last)| last.abs_diff(*first) + 1).sum();
        let mut looked_at = 0;
        for two in found.present.windows(2) {
            let (first, last) = (two[0].1 + 1, two[1].0 - 1);
            if self.allow.is_empty() {
                note(&mut missing, first, last);
                continue;
            }
            looked_at += last.abs_diff(first) + 1;
            if looked_at > PERIODS_MAX {
                return None;
            }
            let mut begun = None;
            for period in first..=last {
                match (Allowed::any(&self.allow, &self.calendar, period), begun) {
                    (false, None) => begun = Some(period),
                    (true, Some(first)) => {
                        note(&mut missing, first, period - 1);
                        begun = None;
                    }
                    (false, Some(_)) | (true, None) => {}
                }
            }
            if let Some(first) = begun {
                note(&mut missing, first, last);
            }
        }
        missing.expected += missing.missing;
        Some(missing)
    }

    fn says(&self, missing: &Missing) -> String {
        let name = match self.every {
            Every::Months(1) => "month",
            Every::Months(12) => "year",
            Every::Seconds(1) => "second",
            Every::Seconds(60) => "minute",
            Every::Seconds(3600) => "hour",
            Every::Seconds(86_400) => "day",
            Every::Seconds(604_800) => "week",
            Every::Months(_) | Every::Seconds(_) => "period",
        };
        let all = counted(missing.expected, name);
        if missing.missing == 0 {
            return match missing.expected {
                1 => format!("all rows are of one {name}"),
                _ => format!("each of {all} has a row"),
            };
        }
        let have = if missing.missing == 1 { "has" } else { "have" };
        let says = format!("{} of {all} {have} no row", crate::shown::count(missing.missing));
        if self.is_masked {
            return says;
        }
        let shown: Vec<String> = missing
            .stretches
            .iter()
            .map(|&(first, last)| if first == last { self.label(first) } else { format!("{} to {}", self.label(first), self.label(last)) })
            .collect();
        let more = if missing.count > shown.len() as u64 { ", …" } else { "" };
        format!("{says}: {}{more}", shown.join(", "))
    }

    fn label(&self, period: i64) -> String {
        let Some((begin, offset)) = self.calendar.begin(period) else { return period.to_string() };
        let form = match self.every {
            Every::Months(months) if months % 12 == 0 => "%Y",
            Every::Months(_) => "%Y-%m",
            Every::Seconds(seconds) if seconds % 86_400 == 0 => "%Y-%m-%d",
            Every::Seconds(seconds) if seconds % 60 == 0 => "%Y-%m-%dT%H:%M",
            Every::Seconds(_) => "%Y-%m-%dT%H:%M:%S",
        };
        let offset = offset.map_or_else(String::new, |offset| {
            let sign = if offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", offset.abs() / 3600, offset.abs() % 3600 / 60)
        });
        format!("{}{offset}", begin.format(form))
    }
}
