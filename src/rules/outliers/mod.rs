mod check;
mod exact;
mod explain;
mod healthy;
mod order_statistics;
mod others;

use schemars::JsonSchema;
use serde::Deserialize;

use self::check::{First, OutliersCheck, Stage};
use self::exact::{Limit, Unit};
use self::order_statistics::{OrderStatistics, Wanted};
use self::others::Others;
use super::narrow::Narrowing;
use super::words::{Against, AgainstWord, OnFail};
use super::{Binder, Explanation, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::cells::Cells;
use crate::metric::extrema::Extrema;
use crate::metric::moments::Moments;
use crate::metric::ordered::OrderedHistogram;
use crate::metric::select::{AllValues, Side};
use crate::metric::{Transform, is_numeric};
use crate::types::type_name;
use crate::yaml::Spanned;

/// Values far from the bulk of the batch.
///
/// `iqr`: Tukey's fences Q1 − k·IQR and Q3 + k·IQR, with quartiles by linear interpolation
/// (Hyndman and Fan's type 7). `mad`: the modified z-score 0.6745·|x − median| / MAD beyond
/// `threshold` (Iglewicz and Hoaglin 1993); where the MAD is 0, `fallback: mean_ad` takes
/// |x − median| / (1.253314 · mean absolute deviation). `zscore`: |x − mean| / s beyond `threshold`.
/// With `log` the statistics are of ln x, for positive skewed data; values of 0 or less are
/// outliers on the low side. A row is an outlier if the definition says so: nothing is rounded before.
///
/// If `k`, `threshold`, `log`, `fallback` or `tolerate` is written, that definition decides alone
/// (k is then 3 unless written, the outer fence; `threshold` 3.5 for `mad` and 3 for `zscore`). If
/// none of them is written, the fences are widened for the number of values and for their skew, so
/// that at most 1 % of healthy batches have any outlier; docs/statistics.md has the formula, and how
/// often it is wrong and right. The skew of fewer than 10 values is unknown: the definition decides
/// alone then, and with `by` such groups are not judged.
///
/// With `against` the fences come from other data: from their quartiles (`iqr`), their median and median absolute deviation (`mad`),
/// their mean and standard deviation (`zscore`), or
/// with `method: quantile` from two of their quantiles, `q`; some of any data lie outside these, so `tolerate` must say how many
/// may. `against: batch` means the batch itself, as if it were left out. No summary tells what `mad`, and `zscore` with `log`, need: they
/// take it from the rows of a path, or of a source that the section `sources` names. `mad` holds each different value in memory, within
/// `--memory-limit`; of data for which that is too little nothing is said. Quantiles of more than 65,536 values, and those of a summary, lie within a cell of what is kept (docs/statistics.md).
/// A batch of one value is held against such fences like any other.
///
/// Infinities stay out of the statistics and are always outliers. A column of one value has none.
/// Where there is no spread though values differ, or there are too few values for any to lie
/// outside, the outcome is `no_data`.
///
/// - Missing values and NaN: they are left out.
/// - Infinities: they are always outliers.
/// - No rows: `no_data`; so are no finite values.
///
/// Why: a price with a slipped decimal point. A warning by default, since far out is not yet wrong.
///
/// ```yaml
/// - outliers: { column: price, method: iqr }
/// - outliers: { column: price, k: 1.5, by: [category], on_fail: quarantine }
/// - outliers: { column: income, method: mad, log: true, side: high, threshold: 5 }
/// - outliers: { column: price, method: mad, against: last_month.csv }
/// - outliers: { column: price, method: quantile, against: last_month.csv, q: [0.001, 0.999], tolerate: 1% }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Outliers {
    /// How the fences are found. If left out: `iqr`.
    #[serde(default)]
    method: Method,
    /// For `iqr`: how many interquartile ranges beyond the quartiles the fences stand.
    /// If left out: 3, and a tolerance that follows from the number of rows.
    k: Option<Spanned<f64>>,
    /// For `mad` and `zscore`: the largest score that is still right.
    /// If left out: 3.5 for `mad`, 3 for `zscore`, and a tolerance that follows from the number of rows.
    threshold: Option<Spanned<f64>>,
    /// On which side values may be outliers.
    #[serde(default)]
    side: Side,
    /// Whether to take logarithms first. If left out: `false`.
    log: Option<bool>,
    /// What `mad` does where more than half of the values are equal. If left out: the outcome is `no_data`.
    fallback: Option<Spanned<Fallback>>,
    /// Other data whose values say where the fences are: a path, `published`, `baseline`, …; or `batch`. If left out: those of the batch.
    against: Option<Spanned<Against>>,
    /// For `quantile`: the two probabilities. If left out: `[0.001, 0.999]`.
    q: Option<Spanned<[f64; 2]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    #[default]
    Iqr,
    Mad,
    Zscore,
    Quantile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Fallback {
    MeanAd,
}

impl Rule for Outliers {
    const NAME: &'static str = "outliers";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const ON_FAIL: OnFail = OnFail::Warn;
    const JUDGES: Judges = Judges::Measures;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

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
            Method::Quantile => {
                (&None, self.k.as_ref().or(self.threshold.as_ref()).map(|l| (l, "`quantile` has no such limit", "it takes `q`")), 3.0)
            }
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
        faults.take_all(self.others_given(to));
        faults.or_ok(())?;
        let is_default = limit.is_none() && self.log.is_none() && self.fallback.is_none() && !to.policy.tolerance_given;
        let log = self.log.unwrap_or_default();
        let transform = Transform { log };
        let wanted = match (self.method, is_default) {
            (_, true) => Some(Wanted { eighths: &[1, 2, 4, 6, 7], mad: self.method == Method::Mad }),
            (Method::Iqr, false) => Some(Wanted { eighths: &[2, 4, 6], mad: false }),
            (Method::Mad, false) => Some(Wanted { eighths: &[4], mad: true }),
            (Method::Zscore | Method::Quantile, false) => None,
        };
        let against = self.other_data();
        let wanted = wanted.filter(|_| against.is_none());
        let order = wanted.map(|wanted| {
            let handle = to.want::<OrderedHistogram>(Narrowing::spec(transform), &[column.index]);
            OrderStatistics::new(handle, column.index, transform, wanted)
        });
        let others = match against {
            Some(against) => Some(self.ask(&against.value.0, transform, to)?),
            None => None,
        };
        let first = match (order, self.method) {
            _ if let Some(others) = others => First::Others(others),
            (Some(order), Method::Iqr) => First::Iqr(order),
            (Some(order), Method::Mad) => First::Mad(order),
            (order, _) => First::Zscore(order, to.want::<Moments>(transform, &[column.index])),
        };
        Ok(Box::new(OutliersCheck {
            column: column.index,
            unit: Unit::of(&column.data_type, log),
            limit: Limit::new(limit.as_ref().map_or(default, |l| l.value)),
            is_default,
            is_of_groups: to.has_groups(),
            side: self.side,
            transform,
            fallback: self.fallback.is_some() && against.is_none(),
            extrema: to.want::<Extrema>((), &[column.index]),
            rows: to.rows_in_scope(),
            stage: Stage::First(first),
        }))
    }
}

/// Whether rows can be read of it, and not a summary alone.
fn is_data(against: &Against) -> bool {
    match against.0 {
        AgainstWord::Paths(_) => true,
        AgainstWord::Published { .. } | AgainstWord::Baseline { .. } | AgainstWord::Runs { .. } => false,
    }
}

impl Outliers {
    /// What the fences are taken from, where that is not the batch itself.
    fn other_data(&self) -> Option<&Spanned<Against>> {
        self.against.as_ref().filter(|against| !against.value.is_batch())
    }

    /// Whether `against`, `q` and the method go together.
    fn others_given(&self, to: &Binder<'_>) -> Result<(), Faults> {
        let mut faults = Faults::default();
        if let Some(q) = self.q.as_ref().filter(|_| self.method != Method::Quantile) {
            faults.push(to.fault_at(q, Code::MisplacedWord, "`q` is for `method: quantile`"));
        }
        if let Some(q) = self.q.as_ref().filter(|q| !(0.0 <= q.value[0] && q.value[0] < q.value[1] && q.value[1] <= 1.0)) {
            let fault = to.fault_at(q, Code::InvalidValue, "`q` must be two probabilities, the smaller one first");
            faults.push(fault.hint("such as `q: [0.001, 0.999]`"));
        }
        match (self.other_data(), self.method) {
            (None, Method::Quantile) => {
                let fault = to.fault(Code::MissingWord, "`quantile` takes its fences from other data, since some of any data lie outside");
                faults.push(fault.hint("give `against`, such as `against: last_month.csv`"));
            }
            (Some(_), Method::Quantile) if !to.policy.tolerance_given => {
                let fault =
                    to.fault(Code::MissingWord, "of healthy data too a share lies outside two quantiles: nothing says how many may");
                faults.push(fault.hint("give `tolerate`, such as `tolerate: 1%`"));
            }
            (Some(against), Method::Mad) if !is_data(&against.value) => {
                let fault = to.fault_at(against, Code::MisplacedWord, "no summary tells a median absolute deviation");
                faults.push(fault.hint("name a file: `against: PATH`, or compare by `iqr`, `zscore` or `quantile`"));
            }
            (Some(_), Method::Mad) if self.fallback.is_some() => {
                let fault = to.fault(Code::ConflictingWords, "`fallback` is for fences of the batch itself");
                faults.push(fault.hint("leave it or `against` out"));
            }
            (Some(against), Method::Zscore) if self.log == Some(true) && !is_data(&against.value) => {
                let fault = to.fault_at(against, Code::MisplacedWord, "no summary tells the mean of logarithms");
                faults.push(fault.hint("name a file: `against: PATH`, or compare by `iqr` or `quantile`"));
            }
            (None | Some(_), Method::Iqr | Method::Mad | Method::Zscore) | (Some(_), Method::Quantile) => {}
        }
        faults.or_ok(())
    }

    /// Asks other data for what the fences need.
    fn ask(&self, against: &AgainstWord, transform: Transform, to: &mut Binder<'_>) -> Result<Others, Fault> {
        let one = [to.column().index];
        Ok(match self.method {
            Method::Iqr => Others::Iqr(to.beside::<Cells>(against, (), &one)?),
            Method::Mad => Others::Mad(to.beside::<AllValues>(against, transform, &one)?),
            Method::Zscore => Others::Zscore(to.beside::<Moments>(against, transform, &one)?),
            Method::Quantile => {
                let [low, high] = self.q.as_ref().map_or([0.001, 0.999], |q| q.value);
                Others::Quantiles(to.beside::<Cells>(against, (), &one)?, (low, high))
            }
        })
    }
}
