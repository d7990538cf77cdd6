use arrow::datatypes::DataType;
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Deserialize;

use super::explained::{Expr, Is, Test, by_group};
use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::Handle;
use super::words::Duration;
use super::{Binder, EarlierLimit, Explanation, GroupFacts, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::Number;
use crate::metric::extrema::Extrema;
use crate::shown::counted;
use crate::types::{is_text, micros, type_name};
use crate::yaml::Spanned;

/// How old the newest value is.
///
/// The age of the newest date or timestamp, at the time given by `--as-of` (the run's clock if left
/// out). A date counts as its midnight, a timestamp without a zone as UTC. What lies in the future
/// has a negative age, which is fresh. `max_age` itself is allowed.
///
/// - Missing values and NaN: they are left out.
/// - No rows: `no_data`; so are no dates.
///
/// Why: a pipeline that delivers yesterday's file again passes every other rule.
///
/// ```yaml
/// - freshness: { column: updated_at, max_age: 36h }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Freshness {
    /// The newest value may be so old.
    max_age: Spanned<Duration>,
}

impl Rule for Freshness {
    const NAME: &'static str = "freshness";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Age;

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| {
            let seconds = |text: &str| text.parse::<Duration>().ok().and_then(|time| u64::try_from(time.seconds).ok());
            let limit = Expr::of(&told.finding.limit).or_else(|| told.word("max_age").and_then(seconds).map(Expr::from));
            let (Some(age), Some(limit)) = (told.figure(&figures::AGE_SECONDS), limit) else {
                return explanation.states(told.finding.message.to_string(), told.finding.outcome);
            };
            explanation.notes("the age is --as-of, or else when the run began, less the newest value; in whole seconds");
            explanation.asks("is the newest value older than `max_age`?", Test::of(age.clone(), Is::Above, limit), Outcome::Fail);
            if let Some(warn) = told.word("warn").and_then(seconds) {
                explanation.asks("is it older than `warn`?", Test::of(age, Is::Above, warn), Outcome::Warn);
            }
            explanation.otherwise(Outcome::Pass);
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        if micros(&column.data_type, 0).is_none() {
            let what = format!("`freshness` needs dates or timestamps, but `{}` is {}", column.name, type_name(&column.data_type));
            let fault = to.fault(Code::UnfitColumn, what);
            let hint = || format!("write `{}: \"timestamp(us, UTC)\"` under `schema: columns`", column.name);
            return Err(if is_text(&column.data_type) { fault.hint(hint()) } else { fault }.into());
        }
        let warn = to.own_warn::<Duration>()?.filter(|warn| warn.seconds < self.max_age.value.seconds);
        if let Some(written) = to.warn.as_ref().filter(|_| warn.is_none()) {
            let what = format!("`warn` is not an earlier limit than `max_age`, {}", self.max_age.value);
            return Err(to.fault_at(written, Code::ConflictingWords, what).hint("write less").into());
        }
        let extrema = to.want::<Extrema>((), &[column.index]);
        let as_of = to.as_of().timestamp_micros();
        Ok(Box::new(FreshnessCheck { extrema, data_type: column.data_type, as_of, max_age: self.max_age.value, warn }))
    }
}

#[derive(Clone)]
struct FreshnessCheck {
    extrema: Handle<Extrema>,
    data_type: DataType,
    /// Microseconds since 1970.
    as_of: i64,
    max_age: Duration,
    warn: Option<Duration>,
}

/// An age beyond a limit, so that it reads as more than that.
fn beyond(age: Duration, micros: i128, limit: Duration) -> String {
    match age.to_string() {
        text if text != limit.to_string() => text,
        text if age.seconds > limit.seconds => format!("{text} and {}", counted(age.seconds.abs_diff(limit.seconds), "second")),
        text => format!("{text} and {} µs", micros.rem_euclid(1_000_000)),
    }
}

impl SinglePass for FreshnessCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let newest = facts.get(self.extrema)?.copied().flatten();
        let Some((_, Number::Int { value, .. })) = newest else { return Ok(Judgement::NoData("no dates or times in scope".into())) };
        let micros = micros(&self.data_type, value).expect("the rule binds to dates and times alone");
        let age = i128::from(self.as_of) - micros;
        let seconds = |micros: i128| i64::try_from(micros.div_euclid(1_000_000)).unwrap_or(i64::MAX);
        let shown = i64::try_from(micros).ok().and_then(DateTime::from_timestamp_micros);
        let newest = shown.map_or_else(|| value.to_string(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let is_beyond = |limit: Duration| age > i128::from(limit.seconds) * 1_000_000;
        let outcome = match self.warn {
            _ if is_beyond(self.max_age) => Outcome::Fail,
            Some(warn) if is_beyond(warn) => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        };
        let (micros, age) = (age, Duration { seconds: seconds(age) });
        let says = match self.warn.filter(|_| outcome == Outcome::Warn) {
            None if age.seconds < 0 => format!("is {} in the future", Duration { seconds: -age.seconds }),
            None if outcome == Outcome::Fail => {
                format!("is {} old, more than the allowed {}", beyond(age, micros, self.max_age), self.max_age)
            }
            None => format!("is {age} old; {} is allowed", self.max_age),
            Some(warn) => format!("is {} old; {} is allowed; more than {warn} is a warning", beyond(age, micros, warn), self.max_age),
        };
        let says = format!("the newest value, {newest}, {says}");
        Ok(Judgement::measured(Finding {
            outcome,
            observed: age.seconds.into(),
            limit: self.max_age.seconds.into(),
            unit: Unit::SECONDS,
            message: says.into(),
            figures: Figures::from([(&figures::NEWEST, newest.into()), (&figures::AGE_SECONDS, age.seconds.into())]),
            ..Finding::default()
        }))
    }
}
