use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact_keys::ExactKeys;
use super::facts::SecondPass;
use super::judgement::Judgement;
use super::limits::{Given, Limits, measure_json};
use super::quantiles::{ExactQuantiles, Progress};
use super::requests::Handle;
use super::words::Literal;
use super::{Binder, BoundColumn, EarlierLimit, GroupFacts, Judge, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, figures};
use crate::metric::comoments::CoMoments;
use crate::metric::extrema::Extrema;
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupCountsOut};
use crate::metric::keys::KeysOut;
use crate::metric::moments::{Moments, MomentsOut};
use crate::metric::{Number, Transform, is_numeric, is_ordered};
use crate::statistics::cramers_v;
use crate::types::type_name;
use crate::yaml::Spanned;

/// A figure of a column within bounds.
///
/// `min` and `max` of the values (of dates and times too), `mean`, `median`, `stddev` (the sample's,
/// n − 1), `sum`, `quantile` at `q` (linear interpolation, Hyndman and Fan's type 7), `distinct`
/// (different values, exactly), `unique_share` (values that occur once, of all values: Deequ's
/// uniqueness), `most_common` (the share of the most frequent value), `correlation` (Pearson's)
/// and `cramers_v` (without correction) `with` another column. Missing values are left out;
/// infinities count for `min`, `max` and the counts alone.
///
/// Why: a mean that moves, a column that turned constant, two features that became one.
///
/// ```yaml
/// - statistic: { column: price, of: mean, min: 10, max: 20 }
/// - statistic: { column: latency, of: quantile, q: 0.99, below: 2.5 }
/// - statistic: { column: day, of: min, min: 2026-01-01 }
/// - statistic: { column: label, of: most_common, max: 80% }
/// - statistic: { column: height, of: correlation, with: weight, above: 0.3 }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Statistic {
    /// The figure.
    of: Of,
    /// The quantile's probability, 0 to 1.
    q: Option<Spanned<f64>>,
    /// The other column, of `correlation` and `cramers_v`.
    with: Option<Spanned<String>>,
    /// The least that is right.
    min: Option<Spanned<Literal>>,
    /// The most that is right.
    max: Option<Spanned<Literal>>,
    /// The figure must be greater.
    above: Option<Spanned<Literal>>,
    /// The figure must be less.
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
            Self::UniqueShare => "share of values that occur once",
            Self::MostCommon => "share of the most frequent value",
            Self::Correlation => "correlation",
            Self::CramersV => "Cramér's V",
        }
    }
}

/// What the figure comes from.
#[derive(Clone)]
enum Source {
    Extrema(Handle<Extrema>),
    /// Of the moments this one.
    Moments(Handle<Moments>, fn(&MomentsOut) -> Option<f64>),
    Quantile(ExactQuantiles),
    /// Of the keys this count, and of how many it is a share, if it is one.
    Keys(ExactKeys, fn(&KeysOut) -> (u64, Option<u64>)),
    Correlation(Handle<CoMoments>),
    Crosstab(Handle<GroupCounts>),
}

impl Rule for Statistic {
    const NAME: &'static str = "statistic";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        let fits = match self.of {
            Of::Min | Of::Max => is_ordered(&column.data_type),
            Of::Distinct | Of::UniqueShare | Of::MostCommon | Of::CramersV => true,
            Of::Mean | Of::Median | Of::Stddev | Of::Sum | Of::Quantile | Of::Correlation => is_numeric(&column.data_type),
        };
        if !fits {
            let what = {
                let needs = if matches!(self.of, Of::Min | Of::Max) { "numbers, dates or times" } else { "numbers" };
                format!("the {} needs {needs}, but `{}` is {}", self.of.name(), column.name, type_name(&column.data_type))
            };
            faults.push(to.fault(Code::UnfitColumn, what));
        }
        faults.take(self.quantile_given(to));
        let with = faults.take(self.with_given(to)).flatten();
        let typed = matches!(self.of, Of::Min | Of::Max).then_some(&column.data_type);
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
        let limits =
            if fits { faults.take_all(Limits::read(&given, typed, to).and_then(|limits| Ok(limits.with_warn(typed, to)?))) } else { None };
        let Some(limits) = limits.filter(|_| faults.is_empty()) else { return Err(faults) };
        let one = [column.index];
        let quantile =
            |to: &mut Binder<'_>, p| ExactQuantiles::bind(&mut to.requests, &to.scope, column.index, Transform::IDENTITY, vec![p]);
        let moments = |to: &mut Binder<'_>| to.want::<Moments>(Transform::IDENTITY, &one);
        let pair = [column.index, with.map_or(column.index, |w| w.index)];
        let source = match self.of {
            Of::Min | Of::Max => Source::Extrema(to.want::<Extrema>((), &one)),
            Of::Mean => Source::Moments(moments(to), |m| m.mean),
            Of::Stddev => Source::Moments(moments(to), |m| m.stddev),
            Of::Sum => Source::Moments(moments(to), |m| Some(m.sum)),
            Of::Median => Source::Quantile(quantile(to, 0.5)),
            Of::Quantile => Source::Quantile(quantile(to, self.q.as_ref().map_or(0.5, |q| q.value))),
            Of::Distinct => Source::Keys(ExactKeys::of_values(to, column.index), |k| (k.distinct, None)),
            Of::UniqueShare => Source::Keys(ExactKeys::of_values(to, column.index), |k| (k.once, Some(k.rows))),
            Of::MostCommon => {
                Source::Keys(ExactKeys::of_values(to, column.index), |k| (k.largest.first().copied().unwrap_or(0), Some(k.rows)))
            }
            Of::Correlation => Source::Correlation(to.want::<CoMoments>((), &pair)),
            Of::CramersV => Source::Crosstab(to.want::<GroupCounts>((), &pair)),
        };
        let data_type = typed.cloned();
        let name = match (&self.q, &self.with) {
            (Some(q), _) => format!("{}% {}", crate::shown::short(q.value * 100.0), self.of.name()),
            (_, Some(with)) => format!("{} with `{}`", self.of.name(), with.value),
            (None, None) => self.of.name().to_owned(),
        };
        Ok(Box::new(StatisticCheck { of: self.of, name, source, limits, data_type }))
    }
}

impl Statistic {
    fn quantile_given(&self, to: &Binder<'_>) -> Result<(), Fault> {
        match (&self.q, self.of) {
            (None, Of::Quantile) => Err(to.fault(Code::MissingWord, "a quantile needs `q`").hint("such as `q: 0.95`")),
            (Some(q), Of::Quantile) if !(0.0..=1.0).contains(&q.value) => {
                Err(to.fault_at(q, Code::InvalidValue, format!("`q` is {}, and must lie between 0 and 1", q.value)))
            }
            (Some(q), of) if of != Of::Quantile => Err(to.fault_at(q, Code::MisplacedWord, "`q` is for `of: quantile`")),
            _ => Ok(()),
        }
    }

    fn with_given(&self, to: &mut Binder<'_>) -> Result<Option<BoundColumn>, Fault> {
        match (&self.with, self.of) {
            (None, Of::Correlation | Of::CramersV) => {
                Err(to.fault(Code::MissingWord, format!("the {} needs another column", self.of.name())).hint("give `with`"))
            }
            (Some(with), Of::Correlation | Of::CramersV) => {
                let other = to.find(with)?;
                if self.of == Of::Correlation && !is_numeric(&other.data_type) {
                    let what = format!("a correlation needs numbers, but `{}` is {}", other.name, type_name(&other.data_type));
                    return Err(to.fault_at(with, Code::UnfitColumn, what));
                }
                Ok(Some(other))
            }
            (Some(with), _) => Err(to.fault_at(with, Code::MisplacedWord, "`with` is for `of: correlation` and `of: cramers_v`")),
            (None, _) => Ok(None),
        }
    }
}

#[derive(Clone)]
struct StatisticCheck {
    of: Of,
    name: String,
    source: Source,
    limits: Limits,
    /// The column's type, where the figure is one of its values.
    data_type: Option<DataType>,
}

impl Judge for StatisticCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let none = |why: &str| Ok(Judgement::NoData(why.to_owned()));
        // Of a share the counts: they are held against the bounds, not the float nearest to their ratio.
        let mut share = None;
        let measure = match (&mut self.source, self.of) {
            (Source::Quantile(quantiles), _) => match quantiles.advance(facts, pass)? {
                Progress::NeedsPass => return Ok(Judgement::NeedsPass),
                Progress::Empty => return none("no finite values"),
                Progress::Ready { quantiles, .. } => Number::Float(quantiles[0]),
            },
            (Source::Extrema(handle), of) => match facts.get(*handle)?.copied().flatten() {
                Some((min, max)) => {
                    if of == Of::Min {
                        min
                    } else {
                        max
                    }
                }
                None => return none("no values"),
            },
            (Source::Moments(handle, one), _) => {
                let Some(moments) = facts.get(*handle)?.filter(|m| m.count > 0) else { return none("no finite values") };
                match one(moments) {
                    Some(x) => Number::Float(x),
                    None => return none("a single value has no standard deviation"),
                }
            }
            (Source::Keys(keys, one), _) => {
                let Some(keys) = keys.advance(facts, pass)? else { return Ok(Judgement::NeedsPass) };
                let Some(keys) = keys.filter(|k| k.rows > 0) else { return none("no values") };
                match one(keys) {
                    (count, None) => Number::int(count.into()),
                    (count, Some(of)) => {
                        share = Some((count, of));
                        Number::Float(count as f64 / of as f64)
                    }
                }
            }
            (Source::Correlation(handle), _) => match facts.get(*handle)? {
                Some(out) if out.count < 2 => return none("fewer than two rows have both values"),
                Some(out) => match out.correlation {
                    Some(r) => Number::Float(r),
                    None => return none("no spread: one of the columns is constant"),
                },
                None => return none("no rows in scope"),
            },
            (Source::Crosstab(handle), _) => match facts.get(*handle)?.map(association) {
                Some(Ok(v)) => Number::Float(v),
                Some(Err(why)) => return Ok(Judgement::NoData(why)),
                None => return none("no rows in scope"),
            },
        };
        let outcome = share.map_or_else(|| self.limits.outcome(measure), |(part, whole)| self.limits.outcome_of_share(part, whole));
        let observed = measure_json(measure, self.data_type.as_ref());
        let shown = match (measure, share, &self.data_type) {
            (_, Some((part, whole)), _) => self.limits.shown_share(part, whole),
            (Number::Int { .. }, None, Some(data_type)) => super::bounds::shown(measure, data_type),
            // The column has this value: it is not rounded.
            (Number::Float(x), None, Some(_)) => x.to_string(),
            (number, None, _) => self.limits.shown(number.as_f64()),
        };
        let should = if outcome == Outcome::Pass { String::new() } else { format!(", {}", self.limits.should(outcome)) };
        let message = format!("the {} is {shown}{should}", self.name);
        Ok(Judgement::measured(Finding {
            outcome,
            observed: observed.clone(),
            limit: self.limits.says.clone().into(),
            message: message.into(),
            figures: Figures::from([(&figures::VALUE, observed)]),
            ..Finding::default()
        }))
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

/// Cramér's V of a table of counts, rows without either value left out.
fn association(table: &GroupCountsOut) -> Result<f64, String> {
    if table.overflow {
        return Err(format!("the two columns have more than {GROUPS_MAX} combinations of values"));
    }
    let cells = table.counts.iter().filter_map(|(key, count)| match key.as_slice() {
        [Some(a), Some(b)] => Some(((a.as_str(), b.as_str()), *count)),
        _ => None,
    });
    cramers_v(cells).ok_or_else(|| "one of the columns has a single value".to_owned())
}
