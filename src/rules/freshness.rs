use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::Simple;
use super::judgement::{Judgement, Measured, Status, figures};
use super::requests::Handle;
use super::words::Duration;
use super::{Binder, Check, Rule, Subject, View};
use crate::diagnostic::Faults;
use crate::metric::Number;
use crate::metric::extrema::Extrema;
use crate::types::type_name;
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
pub struct Freshness {
    /// The newest value may be so old.
    max_age: Spanned<Duration>,
}

impl Rule for Freshness {
    const NAME: &'static str = "freshness";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Check>, Faults> {
        let column = to.column();
        let per_second = match &column.data_type {
            DataType::Date32 => 0,
            DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000,
            DataType::Timestamp(TimeUnit::Second, _) => 1,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000_000,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000_000,
            other => {
                let what = format!("`freshness` needs dates or timestamps, but `{}` is {}", column.name, type_name(other));
                return Err(to.fault(what).into());
            }
        };
        let extrema = to.want::<Extrema>((), &[column.index]);
        let as_of = to.as_of().timestamp_micros();
        Ok(Box::new(FreshnessCheck { extrema, per_second, as_of, max_age: self.max_age.value }))
    }
}

#[derive(Clone)]
struct FreshnessCheck {
    extrema: Handle<Extrema>,
    /// Ticks of the column in a second; 0 for days.
    per_second: i128,
    /// Microseconds since 1970.
    as_of: i64,
    max_age: Duration,
}

impl Simple for FreshnessCheck {
    fn judge(&self, view: &View<'_>) -> Judgement {
        let newest = view.get(self.extrema).copied().flatten();
        let Some((_, Number::Int { value, .. })) = newest else { return Judgement::NoData("no dates or times in scope".into()) };
        let micros = if self.per_second == 0 { value * 86_400_000_000 } else { value * 1_000_000 / self.per_second };
        let age = i128::from(self.as_of) - micros;
        let seconds = |micros: i128| i64::try_from(micros.div_euclid(1_000_000)).unwrap_or(i64::MAX);
        let shown = i64::try_from(micros).ok().and_then(DateTime::from_timestamp_micros);
        let newest = shown.map_or_else(|| value.to_string(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let fails = age > i128::from(self.max_age.seconds) * 1_000_000;
        let age = Duration { seconds: seconds(age) };
        let says = match age.seconds < 0 {
            true => format!("the newest value, {newest}, is {} in the future", Duration { seconds: -age.seconds }),
            false => format!("the newest value, {newest}, is {age} old, {} allowed", self.max_age),
        };
        Judgement::Measured(Measured {
            status: if fails { Status::Fail } else { Status::Pass },
            observed: age.seconds.into(),
            limit: self.max_age.seconds.into(),
            unit: "seconds",
            says,
            figures: figures([("newest", newest.into()), ("age_seconds", age.seconds.into())]),
            groups: Vec::new(),
        })
    }
}
