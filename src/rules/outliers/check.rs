//! From the facts to fences, and to the rows beyond them.

use std::sync::Arc;

use num_bigint::BigInt;

use super::exact::{Between, Limit, Unit, either};
use super::healthy::{Tail, VALUES_MIN, is_coarse, reach};
use super::order_statistics::{OrderStatistics, Progress, Settled};
use super::others::{Answered, Others};
use crate::diagnostic::Fault;
use crate::findings::{Figures, figures};
use crate::metric::completeness::Completeness;
use crate::metric::deviations::{Centre, Deviations, DeviationsSpec};
use crate::metric::extrema::Extrema;
use crate::metric::moments::{Moments, MomentsOut};
use crate::metric::select::{Fences, Inside, Outside, Side};
use crate::metric::{Number, Transform};
use crate::rules::Judge;
use crate::rules::beside::Why;
use crate::rules::facts::{GroupFacts, SecondPass};
use crate::rules::judgement::{Judgement, RowsJudged};
use crate::rules::requests::Handle;
use crate::shown::{beside, count, short};

#[derive(Clone)]
pub(super) struct OutliersCheck {
    pub(super) column: usize,
    pub(super) unit: Unit,
    pub(super) limit: Limit,
    /// Whether the rule file sets no limit, so that a healthy batch shall have no outliers.
    pub(super) is_default: bool,
    /// Whether there is one of it for each group.
    pub(super) is_of_groups: bool,
    pub(super) side: Side,
    pub(super) transform: Transform,
    pub(super) fallback: bool,
    pub(super) extrema: Handle<Extrema>,
    pub(super) rows: Handle<Completeness>,
    pub(super) stage: Stage,
}

/// How far the fences are.
#[derive(Clone)]
pub(super) enum Stage {
    First(First),
    /// Where the MAD is 0.
    MeanDeviation {
        median: Number,
        deviations: Handle<Deviations>,
    },
    Counting(Found),
}

/// What the fences are found by.
#[derive(Clone)]
pub(super) enum First {
    Iqr(OrderStatistics),
    Mad(OrderStatistics),
    /// The order statistics are for the shape of a healthy batch.
    Zscore(Option<OrderStatistics>, Handle<Moments>),
    Others(Others),
}

/// Fences, what they rest on, and the pass over the rows beyond them where one is needed.
#[derive(Clone)]
pub(super) struct Found {
    figures: Figures,
    says: String,
    outside: Option<Handle<Outside>>,
}

/// What a stage leads to.
enum Step {
    NeedsPass,
    Next(Stage),
    NoFences(String),
    /// Other data do not say where the fences are.
    NotThere(Why),
    Fences(Limits),
}

/// The fences exactly, as they are shown, and the figures they rest on.
#[derive(Clone)]
struct Limits {
    inside: Inside,
    shown: (f64, f64),
    figures: Figures,
}

impl Judge for OutliersCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |c| c.rows);
        if of == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        if let Stage::Counting(found) = &self.stage {
            return found.count(of, facts);
        }
        let Some((min, max)) = facts.get(self.extrema)?.copied().flatten() else {
            return Ok(Judgement::NoData("no values".into()));
        };
        let is_always_outside =
            (self.side.has_low() && self.always_lies_low(min)) || (self.side.has_high() && max.as_f64() == f64::INFINITY);
        let values = self.count(facts)?;
        let asks_others = matches!(self.stage, Stage::First(First::Others(_)));
        if !asks_others && !is_always_outside && min == max && min.as_f64().is_finite() && values > 1 {
            let figures = Figures::from([(&figures::LOW, 0u64.into()), (&figures::HIGH, 0u64.into())]);
            let says = format!("outside: all {} values are {min}", count(values));
            return Found { figures, says, outside: None }.count(of, facts);
        }
        let step = match &self.stage {
            Stage::First(First::Others(others)) => self.fences_of(*others, of, facts)?,
            Stage::First(_) | Stage::MeanDeviation { .. } | Stage::Counting(_) if values == 0 => Step::NoFences(self.no_values()),
            Stage::First(_) | Stage::MeanDeviation { .. } | Stage::Counting(_) => self.step(values, facts, pass)?,
        };
        let (limits, says) = match step {
            Step::NeedsPass => return Ok(Judgement::NeedsPass),
            Step::Next(stage) => {
                self.stage = stage;
                return Ok(Judgement::NeedsPass);
            }
            Step::NoFences(why) if is_always_outside => {
                let what = if self.transform.log { "without a finite logarithm" } else { "infinite" };
                let (inside, figures) = (self.unit.everything(), Figures::default());
                (Limits { inside, shown: (f64::MIN, f64::MAX), figures }, format!("{what}; {why}"))
            }
            Step::NoFences(why) => return Ok(Judgement::NoData(why)),
            Step::NotThere(why) => return Ok(why.into()),
            Step::Fences(mut limits) => {
                limits.figures.set(&figures::LOWER_FENCE, limits.shown.0);
                limits.figures.set(&figures::UPPER_FENCE, limits.shown.1);
                if self.transform.log {
                    limits.figures.set(&figures::TRANSFORM, "ln x");
                }
                let says = self.says(&limits, [min.as_f64(), max.as_f64()]);
                (limits, says)
            }
        };
        let fences = Fences { inside: limits.inside, side: self.side, log: self.transform.log };
        // Where the smallest and the largest value lie inside, all do.
        let outside = (!(fences.admit(min) && fences.admit(max))).then(|| pass.want::<Outside>(fences, &[self.column]));
        let found = Found { figures: limits.figures, says, outside };
        if outside.is_none() {
            return found.count(of, facts);
        }
        self.stage = Stage::Counting(found);
        Ok(Judgement::NeedsPass)
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

impl OutliersCheck {
    fn always_lies_low(&self, min: Number) -> bool {
        min.as_f64() == f64::NEG_INFINITY || (self.transform.log && min.as_f64() <= 0.0)
    }

    /// How many values the statistics are of.
    fn count(&self, facts: &GroupFacts<'_>) -> Result<u64, Fault> {
        match &self.stage {
            Stage::First(First::Iqr(order) | First::Mad(order)) => order.count(facts),
            Stage::First(First::Zscore(_, moments)) => Ok(facts.get(*moments)?.map_or(0, |m| m.count)),
            Stage::MeanDeviation { deviations, .. } => Ok(facts.get(*deviations)?.map_or(0, |d| d.count)),
            Stage::First(First::Others(_)) | Stage::Counting(_) => Ok(0),
        }
    }

    /// The fences that other data give a batch of so many rows.
    fn fences_of(&self, others: Others, rows: u64, facts: &GroupFacts<'_>) -> Result<Step, Fault> {
        let step = match others.answer(facts, self.unit, self.transform, rows)? {
            Answered::No(why) => Step::NotThere(why),
            Answered::Zscore { mean, stddev } => {
                let reach = self.limit.as_f64() * stddev;
                let figures = Figures::from([(&figures::MEAN, mean.into()), (&figures::STDDEV, stddev.into())]);
                self.limits(Between::reaching(self.unit, &BigInt::ZERO, reach - mean, mean + reach), figures)
            }
            Answered::Mad(settled) => {
                let mut step = self.modified_z_fences(&settled);
                if let (Step::Fences(limits), true) = (&step, self.is_default) {
                    step = self.where_healthy_values_end(limits.clone(), &settled);
                }
                step
            }
            Answered::Quantiles(low, high) => self.limits(Between::reaching(self.unit, &BigInt::ZERO, -low, high), Figures::default()),
            Answered::Iqr(settled) => {
                let mut step = self.quartile_fences(&settled);
                if let (Step::Fences(limits), true) = (&step, self.is_default) {
                    step = self.where_healthy_values_end(limits.clone(), &settled);
                }
                step
            }
        };
        Ok(step)
    }

    fn step(&mut self, values: u64, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Step, Fault> {
        if !self.is_exceedable(values) {
            return Ok(Step::NoFences(too_few(values, "for any to lie outside the fences")));
        }
        // Of many small groups some would always have outliers.
        if self.is_default && self.is_of_groups && values < VALUES_MIN {
            return Ok(Step::NoFences(too_few(values, "to tell how far healthy ones reach")));
        }
        let settled = match &mut self.stage {
            Stage::First(First::Iqr(order) | First::Mad(order) | First::Zscore(Some(order), _)) => match order.advance(facts, pass)? {
                Progress::NeedsPass => return Ok(Step::NeedsPass),
                Progress::Ready(settled) => Some(settled),
            },
            Stage::First(First::Zscore(None, _) | First::Others(_)) | Stage::MeanDeviation { .. } | Stage::Counting(_) => None,
        };
        let step = match (&self.stage, &settled) {
            (Stage::First(First::Iqr(_)), Some(settled)) => self.quartile_fences(settled),
            (Stage::First(First::Mad(_)), Some(settled)) => self.median_fences(settled, pass),
            (Stage::First(First::Zscore(_, moments)), _) => match facts.get(*moments)? {
                Some(moments) => self.mean_fences(moments),
                None => Step::NoFences(self.no_values()),
            },
            (Stage::MeanDeviation { median, deviations }, _) => {
                let sum = facts.get(*deviations)?.map(|d| d.sum.clone()).unwrap_or_default();
                let eighths = super::exact::whole_of(*median) * 8;
                let mut figures = Figures::default();
                figures.set(&figures::MEDIAN, median.as_f64());
                figures.set(&figures::MEAN_AD, self.unit.shown(&sum, &BigInt::from(values)));
                self.limits(Between::mean_deviation(&self.limit, &eighths, &sum, values), figures)
            }
            (Stage::First(_) | Stage::Counting(_), _) => Step::NeedsPass,
        };
        match (step, settled) {
            (Step::Fences(limits), Some(settled)) if self.is_default && values >= VALUES_MIN => {
                Ok(self.where_healthy_values_end(limits, &settled))
            }
            (step, _) => Ok(step),
        }
    }

    /// Whether among so many values one can lie outside at all, were it moved out without end.
    fn is_exceedable(&self, values: u64) -> bool {
        match &self.stage {
            // It draws the nearer quartile after it, by the interpolation's fraction, where it is a neighbour of that.
            Stage::First(First::Iqr(_)) => match values {
                0 | 1 => false,
                2 => self.limit.is_below(1, 2),
                3 => self.limit.is_below(1, 1),
                4 => self.limit.is_below(3, 1),
                _ => true,
            },
            // Of two values both lie one MAD from the median.
            Stage::First(First::Mad(_)) => values > 2 || (values == 2 && self.limit.is_below(6745, 10_000)),
            // No score is more than (n − 1)/√n.
            Stage::First(First::Zscore(..)) => self.limit.has_square_below(u128::from(values - 1) * u128::from(values - 1), values),
            // If all the others are equal, it lies n mean absolute deviations from them.
            Stage::MeanDeviation { .. } => self.limit.is_below(values * 1_000_000, 1_253_314),
            Stage::First(First::Others(_)) | Stage::Counting(_) => true,
        }
    }

    fn quartile_fences(&self, settled: &Settled) -> Step {
        let (q1, median, q3) = (settled.quantile(2), settled.quantile(4), settled.quantile(6));
        if q1 == q3 {
            return Step::NoFences(format!("no fences: both quartiles are {}, so the IQR is 0", self.back(self.eighths(&q1))));
        }
        let mut figures = Figures::default();
        figures.set(&figures::Q1, self.eighths(&q1));
        figures.set(&figures::MEDIAN, self.eighths(&median));
        figures.set(&figures::Q3, self.eighths(&q3));
        self.limits(Between::tukey(&self.limit, &q1, &q3), figures)
    }

    fn median_fences(&self, settled: &Settled, pass: &mut SecondPass<'_>) -> Step {
        if !self.fallback || settled.mad.as_ref().is_some_and(|mad| *mad != BigInt::ZERO) {
            return self.modified_z_fences(settled);
        }
        let median = settled.median.0;
        let centre = match median {
            Number::Int { value, .. } => Centre::Integer(value),
            Number::Float(x) => Centre::Float(x),
        };
        let spec = DeviationsSpec { centre, transform: self.transform };
        let deviations = pass.want::<Deviations>(spec, &[self.column]);
        Step::Next(Stage::MeanDeviation { median, deviations })
    }

    fn modified_z_fences(&self, settled: &Settled) -> Step {
        let (median, mad) = (settled.quantile(4), settled.mad.clone().unwrap_or_default());
        if mad == BigInt::ZERO {
            let half = self.back(self.eighths(&median));
            let hint = if matches!(self.stage, Stage::First(First::Others(_))) { "" } else { "; see `fallback: mean_ad`" };
            return Step::NoFences(format!("no fences: half of the values or more are {half}, so the MAD is 0{hint}"));
        }
        let mut figures = Figures::default();
        figures.set(&figures::MEDIAN, self.eighths(&median));
        figures.set(&figures::MAD, self.unit.shown(&mad, &BigInt::from(4u8)));
        self.limits(Between::modified_z(&self.limit, &median, &mad), figures)
    }

    fn mean_fences(&self, moments: &MomentsOut) -> Step {
        let between = Between::zscore(&self.limit, moments.count, &moments.whole_sum, &moments.whole_squares);
        let (mean, stddev) = (moments.mean.unwrap_or_default(), moments.stddev.unwrap_or_default());
        let mut figures = Figures::default();
        figures.set(&figures::MEAN, mean);
        figures.set(&figures::STDDEV, stddev);
        let reach = self.limit.as_f64() * stddev;
        Step::Fences(Limits { inside: between.inside(self.unit), shown: (mean - reach, mean + reach), figures })
    }

    fn limits(&self, between: Between, figures: Figures) -> Step {
        Step::Fences(Limits { inside: between.inside(self.unit), shown: between.shown(self.unit), figures })
    }

    /// Moves fences to where values of a healthy batch reach. Those of a score are only moved out, and so are those of coarse
    /// data, whose quantiles may be off by a step.
    fn where_healthy_values_end(&self, mut limits: Limits, settled: &Settled) -> Step {
        let median = settled.quantile(4);
        let below = |eighth: u64| self.eighths(&(&median - settled.quantile(eighth)));
        let above = |eighth: u64| self.eighths(&(settled.quantile(eighth) - &median));
        let (low, high) = (Tail { quartile: below(2), octile: below(1) }, Tail { quartile: above(6), octile: above(7) });
        let reaches = reach(settled.count, low, high).zip(reach(settled.count, high, low));
        let Some((low, high)) = reaches else {
            let most = self.back(self.eighths(&median));
            return Step::NoFences(format!("no fences: three quarters of the values or more are {most}"));
        };
        let healthy = Between::reaching(self.unit, &median, low, high);
        let (inside, shown) = (healthy.inside(self.unit), healthy.shown(self.unit));
        let is_by_quartiles = matches!(self.stage, Stage::First(First::Iqr(_) | First::Others(Others::Iqr(_))));
        if is_by_quartiles && !is_coarse(settled.median.1, settled.count) {
            (limits.inside, limits.shown) = (inside, shown);
        } else {
            limits.inside = either(limits.inside, inside);
            limits.shown = (limits.shown.0.min(shown.0), limits.shown.1.max(shown.1));
        }
        Step::Fences(limits)
    }

    /// So many eighths of the unit as a float.
    fn eighths(&self, eighths: &BigInt) -> f64 {
        self.unit.shown(eighths, &BigInt::from(8u8))
    }

    /// A value of the statistics as one of the column.
    fn back(&self, x: f64) -> String {
        short(if self.transform.log { x.exp() } else { x })
    }

    fn no_values(&self) -> String {
        if self.transform.log { "no finite values above 0" } else { "no finite values" }.into()
    }

    /// Where the failing rows lie. A fence has digits enough to see on which side of it the column's extremes lie.
    fn says(&self, limits: &Limits, extremes: [f64; 2]) -> String {
        let in_words = |fence: f64| beside(if self.transform.log { fence.exp() } else { fence }, &extremes);
        // Floats do not tell large integers apart: of these, the last one inside is shown.
        let shown = |fence: f64, last: i128| match self.unit {
            Unit::Decimal(scale) if fence.abs() >= 1e15 => Number::Int { value: last, scale }.to_string(),
            Unit::Decimal(_) | Unit::Float => in_words(fence),
        };
        let (low, high) = match limits.inside {
            Inside::Integers { low, high } => (shown(limits.shown.0, low), shown(limits.shown.1, high)),
            Inside::Floats { .. } => (in_words(limits.shown.0), in_words(limits.shown.1)),
        };
        match self.side {
            Side::Both => format!("outside {low} to {high}"),
            Side::Low => format!("below {low}"),
            Side::High => format!("above {high}"),
        }
    }
}

fn too_few(count: u64, what_for: &str) -> String {
    let are = if count == 1 { "value is" } else { "values are" };
    format!("{count} {are} too few {what_for}")
}

impl Found {
    fn count(&self, of: u64, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let outside = self.outside.map(|handle| facts.get(handle)).transpose()?.flatten();
        let (low, high) = outside.map_or((0, 0), |o| (o.low, o.high));
        let mut figures = self.figures.clone();
        figures.set(&figures::LOW, low);
        figures.set(&figures::HIGH, high);
        Ok(Judgement::Rows(RowsJudged {
            failing: low + high,
            of,
            rows: Arc::new(outside.map(|o| o.rows.clone()).unwrap_or_default()),
            says: self.says.clone(),
            figures,
            ..RowsJudged::default()
        }))
    }
}
