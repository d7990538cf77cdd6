use arrow::datatypes::DataType;
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::Handle;
use super::words::Duration;
use super::{Binder, GroupFacts, Judge, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::Number;
use crate::metric::extrema::Extrema;
use crate::shown::counted;
use crate::types::{micros, type_name};
use crate::yaml::Spanned;

/// How old the newest value is.
///
/// The age of the newest date or timestamp, at the time given by `--as-of` (the run's clock if left
/// out). A date counts as its midnight, a timestamp without a zone as UTC. What lies in the future
/// has a negative age, which is fresh.
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

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        if micros(&column.data_type, 0).is_none() {
            let what = format!("`freshness` needs dates or timestamps, but `{}` is {}", column.name, type_name(&column.data_type));
            return Err(to.fault(Code::UnfitColumn, what).into());
        }
        let extrema = to.want::<Extrema>((), &[column.index]);
        let as_of = to.as_of().timestamp_micros();
        Ok(Box::new(FreshnessCheck { extrema, data_type: column.data_type, as_of, max_age: self.max_age.value }))
    }
}

#[derive(Clone)]
struct FreshnessCheck {
    extrema: Handle<Extrema>,
    data_type: DataType,
    /// Microseconds since 1970.
    as_of: i64,
    max_age: Duration,
}

impl FreshnessCheck {
    /// An age that is too high, so that it reads as more than the limit.
    fn shown(&self, age: Duration, micros: i128) -> String {
        match age.to_string() {
            text if text != self.max_age.to_string() => text,
            text if age.seconds > self.max_age.seconds => {
                format!("{text} and {}", counted(age.seconds.abs_diff(self.max_age.seconds), "second"))
            }
            text => format!("{text} and {} µs", micros.rem_euclid(1_000_000)),
        }
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
        let fails = age > i128::from(self.max_age.seconds) * 1_000_000;
        let (micros, age) = (age, Duration { seconds: seconds(age) });
        let says = match (age.seconds < 0, fails) {
            (true, _) => format!("the newest value, {newest}, is {} in the future", Duration { seconds: -age.seconds }),
            (false, false) => format!("the newest value, {newest}, is {age} old; {} is allowed", self.max_age),
            (false, true) => {
                format!("the newest value, {newest}, is {} old, more than the allowed {}", self.shown(age, micros), self.max_age)
            }
        };
        Ok(Judgement::measured(Finding {
            outcome: if fails { Outcome::Fail } else { Outcome::Pass },
            observed: age.seconds.into(),
            limit: self.max_age.seconds.into(),
            unit: Unit::SECONDS,
            message: says.into(),
            figures: Figures::from([(&figures::NEWEST, newest.into()), (&figures::AGE_SECONDS, age.seconds.into())]),
            ..Finding::default()
        }))
    }
}
