mod check;
mod explain;
mod text;
mod theirs;

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use self::check::{ComparedCheck, Measure, Source, StatisticCheck};
use self::text::{TextCheck, TextLimits};
use self::theirs::{Theirs, is_share};
use super::compared::Words;
use super::exact_keys::ExactKeys;
use super::limits::{Given, Limits};
use super::quantiles::ExactQuantiles;
use super::words::{Against, Change, Literal};
use super::{Binder, BoundColumn, EarlierLimit, Explanation, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::comoments::CoMoments;
use crate::metric::extrema::{Extrema, TextExtrema};
use crate::metric::groups::GroupCounts;
use crate::metric::moments::Moments;
use crate::metric::{Transform, is_numeric, is_ordered};
use crate::shown::digits;
use crate::types::type_name;
use crate::yaml::Spanned;

/// A figure of a column within bounds.
///
/// `min` and `max` of the values (of text, dates and times too, with bounds of the column's type), `mean`, `median`, `stddev`
/// (the sample's, n − 1), `sum`, `quantile` at `q` (linear interpolation, Hyndman and Fan's type 7), `distinct` (different
/// values, exactly), `distinct_share` (different values, of all values: Deequ's distinctness), `unique_share` (values that
/// occur once, of all values: Deequ's uniqueness), `most_common` (the share of the most frequent value), `correlation`
/// (Pearson's) and `cramers_v` (without correction) `with` another column. `quantiles` holds several quantiles within bounds.
/// Booleans count as 0 and 1, text is ordered by its characters' code points. Missing values are left out; infinities count for
/// `min`, `max` and the counts alone.
///
/// With `against` the figure is compared with the same figure of other data: `change` says how far it may be from it. A sum is
/// compared with the average of the other data's batches. `against: { runs: { last: 30 } }` judges by what is usual: the batch
/// fails if its robust z, 0.6745·(x − median)/MAD over the figures of the last runs (Iglewicz and Hoaglin 1993), is beyond
/// `limit`, and the figure is further than `min_change` from their median. Fewer than 14 runs do not tell what is usual: the
/// outcome is `no_data`, and blocks nothing. What a summary keeps may be an estimate (distinct values beyond 128 have a standard
/// error of 3.3 %, quantiles lie within a cell of the 256 that are kept): where its error could change the outcome, that is
/// `insufficient_evidence`.
///
/// - Missing values and NaN: they are left out.
/// - Infinities: they count for `min`, `max` and the counts alone.
/// - No rows: `no_data`.
///
/// Why: a mean that moves, a column that turned constant, two features that became one.
///
/// ```yaml
/// - statistic: { column: price, of: mean, min: 10, max: 20 }
/// - statistic: { column: latency, of: quantile, q: 0.99, below: 2.5 }
/// - statistic: { column: latency, quantiles: { 0.5: { max: 1 }, 0.99: { max: 2.5 } } }
/// - statistic: { column: day, of: min, min: 2026-01-01 }
/// - statistic: { column: label, of: most_common, max: 80% }
/// - statistic: { column: height, of: correlation, with: weight, above: 0.3 }
/// - statistic: { column: price, of: mean, against: last_month.csv, change: 10% }
/// - statistic: { column: label, of: most_common, against: { runs: { last: 28 } }, min_change: 2 points }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Statistic {
    /// The figure. If left out: `quantiles` says which.
    of: Option<Of>,
    /// The quantile's probability, 0 to 1. If left out: none, and `of: quantile` needs one.
    q: Option<Spanned<f64>>,
    /// Several quantiles: by probability, 0 to 1, the bounds of each. If left out: `of` says which figure.
    quantiles: Option<BTreeMap<String, Spanned<QuantileBounds>>>,
    /// The other column, of `correlation` and `cramers_v`. If left out: none, and those two need one.
    with: Option<Spanned<String>>,
    /// The smallest figure allowed. If left out: no bound.
    min: Option<Spanned<Literal>>,
    /// The largest figure allowed. If left out: no bound.
    max: Option<Spanned<Literal>>,
    /// The figure must be greater. If left out: no bound.
    above: Option<Spanned<Literal>>,
    /// The figure must be less. If left out: no bound.
    below: Option<Spanned<Literal>>,
    /// What the figure is compared with: a path, `published`, `baseline`, `{ runs: { last: 14 } }`, … If left out: nothing, or the
    /// baseline where `change` is given.
    against: Option<Spanned<Against>>,
    /// How far the figure may be from that of `against`: a share of it (`10%`), a number in its own unit, or for figures that are
    /// shares `2 points`. If left out: `against` needs it, unless it names runs.
    change: Option<Spanned<Change>>,
    /// Beside runs: the largest robust z that is still usual. If left out: 5.
    limit: Option<Spanned<f64>>,
    /// Beside runs: what changes by no more than this passes, however unusual it is. If left out: 10% of the runs' median, and
    /// for figures that are shares 0.1 points.
    min_change: Option<Spanned<Change>>,
}

/// The bounds of one quantile.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuantileBounds {
    /// The smallest value allowed. If left out: no bound.
    min: Option<Spanned<Literal>>,
    /// The largest value allowed. If left out: no bound.
    max: Option<Spanned<Literal>>,
    /// The quantile must be greater. If left out: no bound.
    above: Option<Spanned<Literal>>,
    /// The quantile must be less. If left out: no bound.
    below: Option<Spanned<Literal>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Of {
    Min,
    Max,
    Mean,
    Median,
    Stddev,
    Sum,
    Quantile,
    Distinct,
    DistinctShare,
    UniqueShare,
    MostCommon,
    Correlation,
    CramersV,
}

impl Of {
    fn name(self) -> &'static str {
        match self {
            Self::Min => "minimum",
            Self::Max => "maximum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Stddev => "standard deviation",
            Self::Sum => "sum",
            Self::Quantile => "quantile",
            Self::Distinct => "number of distinct values",
            Self::DistinctShare => "share of distinct values",
            Self::UniqueShare => "share of values that occur once",
            Self::MostCommon => "share of the most frequent value",
            Self::Correlation => "correlation",
            Self::CramersV => "Cramér's V",
        }
    }
}

impl Rule for Statistic {
    const NAME: &'static str = "statistic";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
        match (self.of, &self.quantiles) {
            (Some(of), None) if self.compared().are_given() => self.bind_compared(of, &given, to),
            (Some(of), None) => self.bind_one(of, &given, to),
            (None, Some(quantiles)) => self.bind_quantiles(quantiles, &given, to),
            (Some(_), Some(_)) => {
                let fault = to.fault(Code::ConflictingWords, "`of` and `quantiles` both say which figure");
                Err(fault.hint("write a rule for each").into())
            }
            (None, None) => {
                let fault = to.fault(Code::MissingWord, "nothing says which figure");
                Err(fault.hint("give `of`, such as `of: mean`, or `quantiles`").into())
            }
        }
    }
}

/// Whether the column's values have a mean: numbers, and booleans as 0 and 1.
fn counts(data_type: &DataType) -> bool {
    is_numeric(data_type) || *data_type == DataType::Boolean
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A fault unless the column has such a figure.
fn fits(of: Of, column: &BoundColumn, to: &Binder<'_>) -> Result<(), Fault> {
    let data_type = &column.data_type;
    let (fits, needs) = match of {
        Of::Min | Of::Max => (is_ordered(data_type) || counts(data_type) || is_text(data_type), "numbers, text, dates or times"),
        Of::Distinct | Of::DistinctShare | Of::UniqueShare | Of::MostCommon | Of::CramersV => (true, "values"),
        Of::Mean | Of::Median | Of::Stddev | Of::Sum | Of::Quantile | Of::Correlation => (counts(data_type), "numbers or booleans"),
    };
    let what = || format!("the {} needs {needs}, but `{}` is {}", of.name(), column.name, type_name(data_type));
    if fits { Ok(()) } else { Err(to.fault(Code::UnfitColumn, what())) }
}

impl Statistic {
    fn bind_one(&self, of: Of, given: &Given<'_>, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let data_type = &column.data_type;
        let mut faults = Faults::default();
        let fits = faults.take(fits(of, &column, to)).is_some();
        faults.take(self.quantile_given(of, to));
        let with = faults.take(self.with_given(of, to)).flatten();
        let name = self.name(of);
        let one = [column.index];
        let is_extreme = matches!(of, Of::Min | Of::Max);
        if is_extreme && is_text(data_type) {
            faults.take(no_warn("bounds of text", to));
            let limits = faults.take_all(TextLimits::read(given, to));
            let Some(limits) = limits.filter(|_| faults.is_empty()) else { return Err(faults) };
            return Ok(Box::new(TextCheck { name, texts: to.want::<TextExtrema>((), &one), is_last: of == Of::Max, limits }));
        }
        let typed = (is_extreme && is_ordered(data_type)).then_some(data_type);
        let read = |to: &Binder<'_>| Limits::read(given, typed, to).and_then(|limits| Ok(limits.with_warn(typed, to)?));
        let limits = if fits { faults.take_all(read(to)) } else { None };
        let Some(limits) = limits.filter(|_| faults.is_empty()) else { return Err(faults) };
        let source = self.source(of, &column, with.as_ref(), to);
        Ok(Box::new(StatisticCheck { source, measures: vec![Measure { name, limits }], data_type: typed.cloned() }))
    }

    fn compared(&self) -> Words<'_> {
        Words {
            against: self.against.as_ref(),
            change: self.change.as_ref(),
            limit: self.limit.as_ref(),
            min_change: self.min_change.as_ref(),
        }
    }

    /// Binds a figure that is held against the same one of other data.
    fn bind_compared(&self, of: Of, given: &Given<'_>, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        if faults.take(fits(of, &column, to)).is_some() && !counts(&column.data_type) && matches!(of, Of::Min | Of::Max) {
            let what = format!("the {} of {} has no size that could change by a share", of.name(), type_name(&column.data_type));
            faults.push(to.fault(Code::UnfitColumn, what).hint("hold it within bounds: `min`, `max`, `above`, `below`"));
        }
        faults.take(self.quantile_given(of, to));
        let with = faults.take(self.with_given(of, to)).flatten();
        if let Some(bound) = [given.min, given.max, given.above, given.below].into_iter().flatten().next() {
            let fault = to.fault_at(bound, Code::ConflictingWords, "a figure is held against bounds or against other data");
            faults.push(fault.hint("write a rule for each"));
        }
        faults.take(no_warn("`against`", to));
        let comparison = faults.take_all(self.compared().read(is_share(of), to));
        let Some(comparison) = comparison.filter(|_| faults.is_empty()) else { return Err(faults) };
        let (q, pair) = (self.q.as_ref().map_or(0.5, |q| q.value), (column.index, with.as_ref().map_or(column.index, |w| w.index)));
        let theirs = Theirs::bind(of, q, pair, &comparison.against, to)?;
        let source = self.source(of, &column, with.as_ref(), to);
        Ok(Box::new(ComparedCheck { source, name: self.name(of), comparison, theirs }))
    }

    fn name(&self, of: Of) -> String {
        match (&self.q, &self.with) {
            (Some(q), _) => quantile_name(q.value),
            (_, Some(with)) => format!("{} with `{}`", of.name(), with.value),
            (None, None) => of.name().to_owned(),
        }
    }

    /// Asks for what the figure comes from.
    fn source(&self, of: Of, column: &BoundColumn, with: Option<&BoundColumn>, to: &mut Binder<'_>) -> Source {
        let one = [column.index];
        let quantile =
            |to: &mut Binder<'_>, p| ExactQuantiles::bind(&mut to.requests, &to.scope, column.index, Transform::IDENTITY, vec![p]);
        let moments = |to: &mut Binder<'_>| to.want::<Moments>(Transform::IDENTITY, &one);
        let keys = |to: &mut Binder<'_>| ExactKeys::of_values(to, column.index);
        let pair = [column.index, with.map_or(column.index, |w| w.index)];
        match of {
            Of::Min => Source::Extrema(to.want::<Extrema>((), &one), |(min, _)| min),
            Of::Max => Source::Extrema(to.want::<Extrema>((), &one), |(_, max)| max),
            Of::Mean => Source::Moments(moments(to), |m| m.mean),
            Of::Stddev => Source::Moments(moments(to), |m| m.stddev),
            Of::Sum => Source::Moments(moments(to), |m| Some(m.sum)),
            Of::Median => Source::Quantiles(quantile(to, 0.5)),
            Of::Quantile => Source::Quantiles(quantile(to, self.q.as_ref().map_or(0.5, |q| q.value))),
            Of::Distinct => Source::Keys(keys(to), |k| (k.distinct, None)),
            Of::DistinctShare => Source::Keys(keys(to), |k| (k.distinct, Some(k.rows))),
            Of::UniqueShare => Source::Keys(keys(to), |k| (k.once, Some(k.rows))),
            Of::MostCommon => Source::Keys(keys(to), |k| (k.largest.first().copied().unwrap_or(0), Some(k.rows))),
            Of::Correlation => Source::Correlation(to.want::<CoMoments>((), &pair)),
            Of::CramersV => Source::Crosstab(to.want::<GroupCounts>((), &pair)),
        }
    }

    fn bind_quantiles(
        &self,
        quantiles: &BTreeMap<String, Spanned<QuantileBounds>>,
        given: &Given<'_>,
        to: &mut Binder<'_>,
    ) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        if !counts(&column.data_type) {
            let what = format!("quantiles need numbers or booleans, but `{}` is {}", column.name, type_name(&column.data_type));
            faults.push(to.fault(Code::UnfitColumn, what));
        }
        if let Some(stray) = [given.min, given.max, given.above, given.below].into_iter().flatten().next() {
            let fault = to.fault_at(stray, Code::MisplacedWord, "each of `quantiles` has bounds of its own");
            faults.push(fault.hint("such as `quantiles: { 0.5: { max: 10 } }`"));
        }
        if let Some(q) = &self.q {
            faults.push(to.fault_at(q, Code::MisplacedWord, "`q` is for `of: quantile`"));
        }
        if let Some(with) = &self.with {
            faults.push(to.fault_at(with, Code::MisplacedWord, "`with` is for `of: correlation` and `of: cramers_v`"));
        }
        if self.compared().are_given() {
            let fault = to.fault(Code::MisplacedWord, "several quantiles are not compared in one rule");
            faults.push(fault.hint("write a rule for each, with `of: quantile` and `q`"));
        }
        faults.take(no_warn("several quantiles", to));
        if quantiles.is_empty() {
            faults.push(to.fault(Code::InvalidValue, "`quantiles` names none").hint("such as `quantiles: { 0.5: { max: 10 } }`"));
        }
        let (mut probabilities, mut measures) = (Vec::new(), Vec::new());
        for (written, bounds) in quantiles {
            let Some(p) = written.trim().parse().ok().filter(|p| (0.0..=1.0).contains(p)) else {
                let what = format!("`{written}` is no probability: one lies between 0 and 1");
                faults.push(to.fault_at(bounds, Code::InvalidValue, what).hint("such as `quantiles: { 0.5: { max: 10 } }`"));
                continue;
            };
            let QuantileBounds { min, max, above, below } = &bounds.value;
            let given = Given { min: min.as_ref(), max: max.as_ref(), above: above.as_ref(), below: below.as_ref() };
            if let Some(limits) = faults.take_all(Limits::read(&given, None, to)) {
                probabilities.push(p);
                measures.push(Measure { name: quantile_name(p), limits });
            }
        }
        faults.or_ok(())?;
        let quantiles = ExactQuantiles::bind(&mut to.requests, &to.scope, column.index, Transform::IDENTITY, probabilities);
        Ok(Box::new(StatisticCheck { source: Source::Quantiles(quantiles), measures, data_type: None }))
    }

    fn quantile_given(&self, of: Of, to: &Binder<'_>) -> Result<(), Fault> {
        match (&self.q, of) {
            (None, Of::Quantile) => Err(to.fault(Code::MissingWord, "a quantile needs `q`").hint("such as `q: 0.95`")),
            (Some(q), Of::Quantile) if !(0.0..=1.0).contains(&q.value) => {
                Err(to.fault_at(q, Code::InvalidValue, format!("`q` is {}, and must lie between 0 and 1", q.value)))
            }
            (Some(q), of) if of != Of::Quantile => Err(to.fault_at(q, Code::MisplacedWord, "`q` is for `of: quantile`")),
            _ => Ok(()),
        }
    }

    fn with_given(&self, of: Of, to: &mut Binder<'_>) -> Result<Option<BoundColumn>, Fault> {
        match (&self.with, of) {
            (None, Of::Correlation | Of::CramersV) => {
                Err(to.fault(Code::MissingWord, format!("the {} needs another column", of.name())).hint("give `with`"))
            }
            (Some(with), Of::Correlation | Of::CramersV) => {
                let other = to.find(with)?;
                if of == Of::Correlation && !counts(&other.data_type) {
                    let what = format!("a correlation needs numbers or booleans, but `{}` is {}", other.name, type_name(&other.data_type));
                    return Err(to.fault_at(with, Code::UnfitColumn, what));
                }
                Ok(Some(other))
            }
            (Some(with), _) => Err(to.fault_at(with, Code::MisplacedWord, "`with` is for `of: correlation` and `of: cramers_v`")),
            (None, _) => Ok(None),
        }
    }
}

/// `99% quantile`, with all digits of the probability.
fn quantile_name(p: f64) -> String {
    format!("{}% quantile", digits(p * 100.0, 12))
}

/// Where no earlier limit can be given.
fn no_warn(beside: &str, to: &Binder<'_>) -> Result<(), Fault> {
    let Some(warn) = &to.warn else { return Ok(()) };
    let fault = to.fault_at(warn, Code::MisplacedWord, format!("`warn` cannot stand beside {beside}"));
    Err(fault.hint("write another rule with the earlier bound and `on_fail: warn`"))
}
