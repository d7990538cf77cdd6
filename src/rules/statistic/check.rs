//! Measures, and what they come from.

use arrow::datatypes::DataType;

use super::theirs::{Theirs, association};
use crate::diagnostic::Fault;
use crate::findings::{Figures, Finding, Message, Outcome, Value, figures};
use crate::metric::Number;
use crate::metric::comoments::CoMoments;
use crate::metric::extrema::Extrema;
use crate::metric::groups::GroupCounts;
use crate::metric::keys::KeysOut;
use crate::metric::moments::{Moments, MomentsOut};
use crate::rules::bounds::shown;
use crate::rules::compared::Comparison;
use crate::rules::exact_keys::ExactKeys;
use crate::rules::facts::SecondPass;
use crate::rules::judgement::Judgement;
use crate::rules::limits::{Limits, measure_json};
use crate::rules::quantiles::{ExactQuantiles, Progress};
use crate::rules::requests::Handle;
use crate::rules::{GroupFacts, Judge};

/// What a figure comes from.
#[derive(Clone)]
pub(super) enum Source {
    /// Of the smallest and the largest value one.
    Extrema(Handle<Extrema>, fn((Number, Number)) -> Number),
    /// Of the moments this one.
    Moments(Handle<Moments>, fn(&MomentsOut) -> Option<f64>),
    /// One for each measure.
    Quantiles(ExactQuantiles),
    /// Of the keys this count, and of how many it is a share, if it is one.
    Keys(ExactKeys, fn(&KeysOut) -> (u64, Option<u64>)),
    Correlation(Handle<CoMoments>),
    Crosstab(Handle<GroupCounts>),
}

/// A figure's name, and the bounds that it is held against.
#[derive(Clone)]
pub(super) struct Measure {
    pub name: String,
    pub limits: Limits,
}

/// A figure that is held against the same one of other data.
#[derive(Clone)]
pub(super) struct ComparedCheck {
    pub source: Source,
    pub name: String,
    pub comparison: Comparison,
    pub theirs: Theirs,
}

impl Judge for ComparedCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let measured = match self.source.measure(facts, pass)? {
            Step::NeedsPass => return Ok(Judgement::NeedsPass),
            Step::NoData(why) => return Ok(Judgement::NoData(why)),
            Step::Measured(measured) => measured,
        };
        let ours = match measured.first() {
            Some(Measured::Number(number)) => number.as_f64(),
            Some(Measured::Share(part, whole)) => *part as f64 / *whole as f64,
            None => return Ok(Judgement::NoData("no values".into())),
        };
        Ok(match self.theirs.figure(&self.comparison, facts)? {
            Ok(theirs) => self.comparison.judge(&self.name, ours, theirs),
            Err(why) => why.into(),
        })
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

#[derive(Clone)]
pub(super) struct StatisticCheck {
    pub source: Source,
    /// One, or one for each of several quantiles.
    pub measures: Vec<Measure>,
    /// The column's type, where the figure is one of its values.
    pub data_type: Option<DataType>,
}

/// A figure as it was measured.
enum Measured {
    Number(Number),
    /// So many of so many: held against bounds as such, not as the float nearest to their ratio.
    Share(u64, u64),
}

/// What came of measuring.
enum Step {
    NeedsPass,
    NoData(String),
    Measured(Vec<Measured>),
}

impl Step {
    fn none(why: &str) -> Self {
        Self::NoData(why.to_owned())
    }

    fn number(number: Number) -> Self {
        Self::Measured(vec![Measured::Number(number)])
    }
}

impl Judge for StatisticCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let measured = match self.source.measure(facts, pass)? {
            Step::NeedsPass => return Ok(Judgement::NeedsPass),
            Step::NoData(why) => return Ok(Judgement::NoData(why)),
            Step::Measured(measured) => measured,
        };
        let judged = self.measures.iter().zip(measured).map(|(Measure { name, limits }, measured)| {
            let (outcome, observed, shown) = match measured {
                Measured::Share(part, whole) => {
                    (limits.outcome_of_share(part, whole), (part as f64 / whole as f64).into(), limits.shown_share(part, whole))
                }
                Measured::Number(number) => {
                    let text = match (number, &self.data_type) {
                        (Number::Int { .. }, Some(data_type)) => shown(number, data_type),
                        // The column has this value: it is not rounded.
                        (Number::Float(x), Some(_)) => x.to_string(),
                        _ => limits.shown(number.as_f64()),
                    };
                    (limits.outcome(number), measure_json(number, self.data_type.as_ref()), text)
                }
            };
            let should = if outcome == Outcome::Pass { String::new() } else { format!(", {}", limits.should(outcome)) };
            Judged { outcome, observed, limit: limits.says.clone(), says: format!("the {name} is {shown}{should}") }
        });
        Ok(together(judged.collect()))
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

/// One measure, held against its bounds.
struct Judged {
    outcome: Outcome,
    observed: Value,
    limit: String,
    says: String,
}

/// All measures as one finding. Of several, the first of the worst stands for all.
fn together(judged: Vec<Judged>) -> Judgement {
    let worst = judged.iter().rev().max_by_key(|one| one.outcome);
    let (outcome, observed, limit) = match worst {
        Some(one) => (one.outcome, one.observed.clone(), one.limit.clone().into()),
        None => (Outcome::NoData, Value::Nothing, Value::Nothing),
    };
    let message: Message = judged.into_iter().map(|one| one.says).collect();
    let figures = Figures::from([(&figures::VALUE, observed.clone())]);
    Judgement::measured(Finding { outcome, observed, limit, message, figures, ..Finding::default() })
}

impl Source {
    fn measure(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Step, Fault> {
        Ok(match self {
            Self::Quantiles(quantiles) => match quantiles.advance(facts, pass)? {
                Progress::NeedsPass => Step::NeedsPass,
                Progress::Empty => Step::none("no finite values"),
                Progress::Ready { quantiles, .. } => {
                    Step::Measured(quantiles.into_iter().map(|x| Measured::Number(Number::Float(x))).collect())
                }
            },
            Self::Extrema(handle, one) => match facts.get(*handle)?.copied().flatten() {
                Some(extremes) => Step::number(one(extremes)),
                None => Step::none("no values"),
            },
            Self::Moments(handle, one) => match facts.get(*handle)?.filter(|m| m.count > 0).map(one) {
                None => Step::none("no finite values"),
                Some(None) => Step::none("a single value has no standard deviation"),
                Some(Some(x)) => Step::number(Number::Float(x)),
            },
            Self::Keys(keys, one) => {
                let Some(keys) = keys.advance(facts, pass)? else { return Ok(Step::NeedsPass) };
                match keys.filter(|k| k.rows > 0).map(one) {
                    None => Step::none("no values"),
                    Some((count, None)) => Step::number(Number::int(count.into())),
                    Some((part, Some(whole))) => Step::Measured(vec![Measured::Share(part, whole)]),
                }
            }
            Self::Correlation(handle) => match facts.get(*handle)? {
                Some(out) if out.count < 2 => Step::none("fewer than two rows have both values"),
                Some(out) => match out.correlation {
                    Some(r) => Step::number(Number::Float(r)),
                    None => Step::none("no spread: one of the columns is constant"),
                },
                None => Step::none("no rows in scope"),
            },
            Self::Crosstab(handle) => match facts.get(*handle)?.map(association) {
                Some(Ok(v)) => Step::number(Number::Float(v)),
                Some(Err(why)) => Step::NoData(why),
                None => Step::none("no rows in scope"),
            },
        })
    }
}
