use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SecondPass;
use super::judgement::{Judgement, RowsJudged};
use super::quantiles::{ExactQuantiles, Progress};
use super::requests::Handle;
use super::words::OnFail;
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::completeness::Completeness;
use crate::metric::extrema::Extrema;
use crate::metric::moments::Moments;
use crate::metric::select::{Fences, Outside, Side};
use crate::metric::{Transform, is_numeric};
use crate::shown::short;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Values far from the bulk of the batch.
///
/// `iqr`: Tukey's fences Q1 − k·IQR and Q3 + k·IQR, with quartiles by linear interpolation
/// (Hyndman and Fan's type 7); k is 3 unless said otherwise, the outer fence. `mad`: the modified
/// z-score 0.6745·|x − median| / MAD beyond `threshold`, 3.5 (Iglewicz and Hoaglin 1993); where the
/// MAD is 0, `fallback: mean_ad` takes |x − median| / (1.253314 · mean absolute deviation).
/// `zscore`: |x − mean| / s beyond `threshold`, 3. With `log` the statistics are of ln x, for
/// positive skewed data; what has no logarithm stays out of them and lies low.
///
/// Fences are exact: a histogram brackets quantiles, a second look settles them. Infinities stay
/// out of the statistics and are always outliers. Where there is no spread, or too few values for
/// any to lie outside, the outcome is `no_data`.
///
/// Why: a price with a slipped decimal point. A warning by default, since far out is not yet wrong.
///
/// ```yaml
/// - outliers: { column: price, method: iqr }
/// - outliers: { column: price, k: 1.5, by: [category], on_fail: quarantine }
/// - outliers: { column: income, method: mad, log: true, side: high, threshold: 5 }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Outliers {
    /// How the fences are found.
    #[serde(default)]
    method: Method,
    /// For `iqr`: how many interquartile ranges beyond the quartiles the fences stand.
    k: Option<Spanned<f64>>,
    /// For `mad` and `zscore`: the largest score that is still right.
    threshold: Option<Spanned<f64>>,
    /// On which side values may be outliers.
    #[serde(default)]
    side: Side,
    /// Whether to take logarithms first.
    #[serde(default)]
    log: bool,
    /// What `mad` does where more than half of the values are equal.
    fallback: Option<Spanned<Fallback>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    #[default]
    Iqr,
    Mad,
    Zscore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Fallback {
    MeanAd,
}

/// Makes a MAD comparable with a standard deviation: the third quartile of the normal distribution.
const MAD_SCALE: f64 = 0.6745;
/// Makes a mean absolute deviation comparable with a standard deviation: √(π/2).
const MEAN_AD_SCALE: f64 = 1.253314;

impl Rule for Outliers {
    const NAME: &'static str = "outliers";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const ON_FAIL: OnFail = OnFail::Warn;
    const JUDGES: Judges = Judges::Measures;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        if !is_numeric(&column.data_type) {
            let what = format!("`outliers` needs numbers, but `{}` is {}", column.name, type_name(&column.data_type));
            faults.push(to.fault(Code::UnfitColumn, what));
        }
        let (limit, other, default) = match self.method {
            Method::Iqr => (&self.k, self.threshold.as_ref().map(|t| (t, "`threshold` is for `mad` and `zscore`", "`iqr` takes `k`")), 3.0),
            Method::Mad => (&self.threshold, self.k.as_ref().map(|k| (k, "`k` is for `iqr`", "`mad` takes `threshold`")), 3.5),
            Method::Zscore => (&self.threshold, self.k.as_ref().map(|k| (k, "`k` is for `iqr`", "`zscore` takes `threshold`")), 3.0),
        };
        if let Some((given, why, hint)) = other {
            faults.push(to.fault_at(given, Code::MisplacedWord, why).hint(hint));
        }
        if let Some(given) = limit.as_ref().filter(|l| !(l.value > 0.0 && l.value.is_finite())) {
            faults.push(to.fault_at(
                given,
                Code::InvalidValue,
                format!("`{}` must be greater than 0", if self.method == Method::Iqr { "k" } else { "threshold" }),
            ));
        }
        if let Some(given) = self.fallback.as_ref().filter(|_| self.method != Method::Mad) {
            faults.push(to.fault_at(given, Code::MisplacedWord, "`fallback` is for `method: mad`"));
        }
        faults.or_ok(())?;
        let limit = limit.as_ref().map_or(default, |l| l.value);
        let transform = Transform { log: self.log, around: None };
        let quantiles =
            |to: &mut Binder<'_>, p: &[f64]| ExactQuantiles::bind(&mut to.requests, &to.scope, column.index, transform, p.to_vec());
        let stage = match self.method {
            Method::Iqr => Stage::Quartiles(quantiles(to, &[0.25, 0.5, 0.75])),
            Method::Mad => Stage::Median(quantiles(to, &[0.5])),
            Method::Zscore => Stage::Moments(to.want::<Moments>(transform, &[column.index])),
        };
        let extrema = to.want::<Extrema>((), &[column.index]);
        let rows = to.rows_in_scope();
        let fallback = self.fallback.is_some();
        Ok(Box::new(OutliersCheck { column: column.index, limit, side: self.side, log: self.log, fallback, extrema, rows, stage }))
    }
}

#[derive(Clone)]
struct OutliersCheck {
    column: usize,
    limit: f64,
    side: Side,
    log: bool,
    fallback: bool,
    extrema: Handle<Extrema>,
    rows: Handle<Completeness>,
    stage: Stage,
}

/// How far the fences are.
#[derive(Clone)]
enum Stage {
    Quartiles(ExactQuantiles),
    Median(ExactQuantiles),
    Deviations { median: f64, deviations: ExactQuantiles },
    MeanDeviation { median: f64, moments: Handle<Moments> },
    Moments(Handle<Moments>),
    Counting(Found),
}

/// Fences, what they rest on, and the pass over the rows beyond them where one is needed.
#[derive(Clone)]
struct Found {
    figures: Figures,
    fences: Fences,
    outside: Option<Handle<Outside>>,
}

/// What a stage leads to.
enum Step {
    NeedsPass(Option<Stage>),
    NoData(String),
    /// The fences, and the figures they rest on.
    Fences(f64, f64, Figures),
}

impl Judge for OutliersCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |c| c.rows);
        if of == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let step = match &mut self.stage {
            Stage::Counting(found) => return count(found, of, facts),
            Stage::Quartiles(quantiles) => quartile_fences(quantiles.advance(facts, pass)?, self.limit, self.log),
            Stage::Median(quantiles) => match quantiles.advance(facts, pass)? {
                Progress::NeedsPass => Step::NeedsPass(None),
                Progress::Empty => no_values(self.log),
                Progress::Ready { count, .. } if count < 3 => too_few(count),
                Progress::Ready { quantiles, .. } => {
                    let median = quantiles[0];
                    let around = Transform { log: self.log, around: Some(median) };
                    Step::NeedsPass(Some(Stage::Deviations {
                        median,
                        deviations: ExactQuantiles::ask(pass, self.column, around, vec![0.5]),
                    }))
                }
            },
            Stage::Deviations { median, deviations } => match deviations.advance(facts, pass)? {
                Progress::NeedsPass => Step::NeedsPass(None),
                Progress::Empty => no_values(self.log),
                Progress::Ready { quantiles, .. } if quantiles[0] > 0.0 => {
                    let (median, mad) = (*median, quantiles[0]);
                    let reach = self.limit * mad / MAD_SCALE;
                    Step::Fences(
                        median - reach,
                        median + reach,
                        Figures::from([(&figures::MEDIAN, median.into()), (&figures::MAD, mad.into())]),
                    )
                }
                Progress::Ready { .. } if self.fallback => {
                    let around = Transform { log: self.log, around: Some(*median) };
                    let moments = pass.want::<Moments>(around, &[self.column]);
                    Step::NeedsPass(Some(Stage::MeanDeviation { median: *median, moments }))
                }
                Progress::Ready { .. } => {
                    let half = back(*median, self.log);
                    Step::NoData(format!("half of the values or more are {half}, so the MAD is 0; see `fallback: mean_ad`"))
                }
            },
            Stage::MeanDeviation { median, moments } => match facts.get(*moments)?.and_then(|m| m.mean) {
                Some(mean_ad) if mean_ad > 0.0 => {
                    let reach = self.limit * MEAN_AD_SCALE * mean_ad;
                    let figures = Figures::from([(&figures::MEDIAN, (*median).into()), (&figures::MEAN_AD, mean_ad.into())]);
                    Step::Fences(*median - reach, *median + reach, figures)
                }
                Some(_) | None => Step::NoData(format!("no spread: all values are {}", back(*median, self.log))),
            },
            Stage::Moments(moments) => match facts.get(*moments)?.copied() {
                None => no_values(self.log),
                Some(m) => match (m.mean, m.stddev) {
                    (None, _) => no_values(self.log),
                    (Some(mean), Some(0.0)) if m.count > 1 => Step::NoData(format!("no spread: all values are {}", back(mean, self.log))),
                    // No score can be more than this, however far its value lies.
                    _ if (m.count as f64 - 1.0) / (m.count as f64).sqrt() <= self.limit => too_few(m.count),
                    (Some(mean), stddev) => {
                        let stddev = stddev.unwrap_or_default();
                        let reach = self.limit * stddev;
                        Step::Fences(
                            mean - reach,
                            mean + reach,
                            Figures::from([(&figures::MEAN, mean.into()), (&figures::STDDEV, stddev.into())]),
                        )
                    }
                },
            },
        };
        match step {
            Step::NoData(why) => Ok(Judgement::NoData(why)),
            Step::NeedsPass(next) => {
                self.stage = next.unwrap_or_else(|| self.stage.clone());
                Ok(Judgement::NeedsPass)
            }
            Step::Fences(low, high, figures) => self.fenced(Fences { low, high, side: self.side, log: self.log }, figures, of, facts, pass),
        }
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

impl OutliersCheck {
    /// Counts what lies outside; where the smallest and largest values lie inside, all do.
    fn fenced(
        &mut self,
        fences: Fences,
        mut figures: Figures,
        of: u64,
        facts: &GroupFacts<'_>,
        pass: &mut SecondPass<'_>,
    ) -> Result<Judgement, Fault> {
        figures.set(&figures::LOWER_FENCE, fences.low);
        figures.set(&figures::UPPER_FENCE, fences.high);
        let inside = |x: f64| fences.side_of(x).is_none();
        let all_inside = facts.get(self.extrema)?.copied().flatten().is_some_and(|(min, max)| inside(min.as_f64()) && inside(max.as_f64()));
        let outside = (!all_inside).then(|| pass.want::<Outside>(fences, &[self.column]));
        let found = Found { figures, fences, outside };
        if outside.is_none() {
            return count(&found, of, facts);
        }
        self.stage = Stage::Counting(found);
        Ok(Judgement::NeedsPass)
    }
}

fn no_values(log: bool) -> Step {
    Step::NoData(if log { "no finite values above 0" } else { "no finite values" }.into())
}

/// A value of the statistics as one of the column.
fn back(x: f64, log: bool) -> String {
    short(if log { x.exp() } else { x })
}

fn too_few(count: u64) -> Step {
    let are = if count == 1 { "value is" } else { "values are" };
    Step::NoData(format!("{count} {are} too few for any to lie outside the fences"))
}

fn quartile_fences(progress: Progress, k: f64, log: bool) -> Step {
    let (quartiles, count) = match progress {
        Progress::NeedsPass => return Step::NeedsPass(None),
        Progress::Empty => return no_values(log),
        Progress::Ready { quantiles, count } => (quantiles, count),
    };
    let (q1, median, q3) = (quartiles[0], quartiles[1], quartiles[2]);
    let spread = q3 - q1;
    if spread == 0.0 {
        return Step::NoData(format!("no spread: both quartiles are {}", back(q1, log)));
    }
    if !is_exceedable(count, k) {
        return too_few(count);
    }
    Step::Fences(
        q1 - k * spread,
        q3 + k * spread,
        Figures::from([(&figures::Q1, q1.into()), (&figures::MEDIAN, median.into()), (&figures::Q3, q3.into())]),
    )
}

fn count(found: &Found, of: u64, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
    let Found { figures, fences, outside } = found;
    let outside = outside.map(|handle| facts.get(handle)).transpose()?.flatten();
    let (low, high) = outside.map_or((0, 0), |o| (o.low, o.high));
    let mut figures = figures.clone();
    figures.set(&figures::LOW, low);
    figures.set(&figures::HIGH, high);
    let back = |x: f64| back(x, fences.log);
    let says = match fences.side {
        Side::Both => format!("outside {} to {}", back(fences.low), back(fences.high)),
        Side::Low => format!("below {}", back(fences.low)),
        Side::High => format!("above {}", back(fences.high)),
    };
    Ok(Judgement::Rows(RowsJudged {
        failing: low + high,
        of,
        rows: Arc::new(outside.map(|o| o.rows.clone()).unwrap_or_default()),
        says,
        figures,
        ..RowsJudged::default()
    }))
}

/// Whether among `count` values one can lie beyond a fence at `k` interquartile ranges: were it moved
/// out without end, it would draw the nearer quartile after it by the interpolation's fraction.
fn is_exceedable(count: u64, k: f64) -> bool {
    let h = (count.saturating_sub(1)) as f64 * 0.75;
    let is_last_neighbour = h.ceil() as u64 >= count.saturating_sub(1);
    !is_last_neighbour || (count > 1 && h.fract() > 0.0 && h.fract() * (1.0 + k) < 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_batches_cannot_exceed_the_outer_fence() {
        assert!([1, 2, 3, 4].iter().all(|&n| !is_exceedable(n, 3.0)));
        assert!(is_exceedable(5, 3.0));
    }
}
