//! Distances with a limit of their own: the population stability index and its like.

use super::Test;
use super::check::DriftCheck;
use super::shown::{self, Told};
use super::sides::{Category, Sides};
use super::words::{Bound, Limits};
use crate::diagnostic::Fault;
use crate::findings::{Finding, Message, Outcome, Unit, figures};
use crate::rules::{Answer, GroupFacts, Judgement};
use crate::shown::{beside, count, counted};
use crate::statistics::{
    Bounded, CategoryBin, binned, category_bins, decile_bins, expected_unseen, hellinger, jensen_shannon, linf, noise, normal_upper, psi,
    rows_for, shares, wasserstein, wasserstein_noise,
};

/// Fewer expected values than this are few.
const EXPECTED_MIN: f64 = 20.0;

/// A distance that was measured.
struct Measure {
    name: &'static str,
    value: Bounded,
    noise: Noise,
    told: Told,
}

/// What a distance comes to by chance alone: in one of 20 batches it, or `square` times its square, is more than
/// `coefficient`·(1/n + 1/m).
struct Noise {
    coefficient: f64,
    square: Option<f64>,
}

impl Noise {
    fn of_distance(&self, distance: f64) -> f64 {
        self.square.map_or(distance, |square| square * distance * distance)
    }

    /// Whether samples of n and m values tell a distance from chance.
    fn is_below(&self, distance: f64, sides: &Sides) -> bool {
        self.level(sides) < self.of_distance(distance)
    }

    fn level(&self, sides: &Sides) -> f64 {
        self.coefficient * (1.0 / sides.n as f64 + 1.0 / sides.m as f64)
    }

    /// The distance that chance alone exceeds in one of 20 batches.
    fn distance(&self, sides: &Sides) -> f64 {
        self.square.map_or(self.level(sides), |square| (self.level(sides) / square).sqrt())
    }

    /// Whether so few values still tell that the distance is more than the limit. Distances in the strict sense are off by no
    /// more than what chance adds to them; the index of stability is none.
    fn is_surely_more(&self, distance: f64, limit: f64, sides: &Sides) -> bool {
        self.square.is_some_and(|square| distance > limit + (self.level(sides) / square).sqrt())
    }
}

/// Counts of both sides by bin, with what reports show of them.
struct Bins {
    a: Vec<u64>,
    b: Vec<u64>,
    told: Told,
}

impl DriftCheck {
    pub(super) fn psi(&self, sides: &Sides) -> Judgement {
        if !self.is_category {
            return match self.deciles(sides) {
                Err(why) => Judgement::NoData(why),
                Ok(Bins { a, b, told }) => self.of_psi(sides, psi(&a, &b), a.len(), told),
            };
        }
        let categories = sides.categories();
        let mut told = shown::categories(self, &categories, sides);
        // Values that are told apart only by groups of their hash are no rare ones.
        let own = categories.iter().all(|category| category.value.is_some());
        let counts: Vec<u64> = categories.iter().map(|category| category.b).collect();
        let bins: Vec<CategoryBin> = category_bins(&counts).into_iter().map(|bin| if own { bin } else { as_its_own(bin) }).collect();
        let pooled = Pooled::of(&categories, &bins);
        let (a, b) = pooled.counts();
        if a.len() < 2 {
            let advice = "no value has 1 % of the baseline, so `psi` cannot tell any apart; `chi2` and `js` can";
            return Judgement::Unfit(advice.into());
        }
        let mut found = psi(&a, &b);
        if let (Limits::Distance { max, warn }, Some(index)) = (&self.limits, found) {
            let least = warn.as_ref().map_or(max.value, |warn| warn.value);
            let (a, b) = pooled.with_expected_unseen();
            if let Some(expected) = psi(&a, &b).filter(|expected| index > least && *expected < index) {
                found = Some(expected);
                let share = expected_unseen(&counts) * 100.0;
                told.says.push(format!("of its values seen once follows that about {}% are new", crate::shown::digits(share, 2)));
            }
        }
        self.of_psi(sides, found, a.len(), told)
    }

    fn of_psi(&self, sides: &Sides, index: Option<f64>, bins: usize, mut told: Told) -> Judgement {
        let Some(index) = index else { return Judgement::NoData("no values in scope".into()) };
        let noise = Noise { coefficient: noise(bins), square: None };
        told.figures.set(&figures::BINS, bins);
        self.measured(sides, Measure { name: "PSI", value: exactly(index), noise, told })
    }

    /// Jensen and Shannon's, and Hellinger's.
    pub(super) fn binned_distance(&self, sides: &Sides) -> Judgement {
        let bins = if self.is_category { Ok(self.values(sides)) } else { self.deciles(sides) };
        let Bins { a, b, mut told } = match bins {
            Ok(bins) => bins,
            Err(why) => return Judgement::NoData(why),
        };
        let (Some(p), Some(q)) = (shares(&a), shares(&b)) else { return Judgement::NoData("no values in scope".into()) };
        // By their expansions at no difference: the divergence, in nats, and the squared distance are χ²(1/n + 1/m)/8 by chance.
        let (name, value, square) = match self.test {
            Test::Hellinger => ("Hellinger distance", hellinger(&p, &q), 8.0),
            Test::Auto
            | Test::Ks
            | Test::Chi2
            | Test::Psi
            | Test::Js
            | Test::Linf
            | Test::Wasserstein
            | Test::NullShare
            | Test::Cardinality
            | Test::NewValues => ("Jensen–Shannon distance", jensen_shannon(&p, &q), 8.0 * std::f64::consts::LN_2),
        };
        // A category that one side has not weighs more than the expansion says: by this at most.
        let sparse = if self.test == Test::Hellinger { 2.0 } else { 2.0 * std::f64::consts::LN_2 };
        let fewer = sides.n.min(sides.m) as f64 / (sides.n + sides.m) as f64;
        let few = a.iter().zip(&b).filter(|&(a, b)| ((a + b) as f64 * fewer) < EXPECTED_MIN).count() as f64;
        let weight = 1.0 + (sparse - 1.0) * few / a.len() as f64;
        let noise = Noise { coefficient: noise(a.len()) * weight, square: Some(square) };
        told.figures.set(&figures::BINS, a.len());
        self.measured(sides, Measure { name, value: exactly(value), noise, told })
    }

    pub(super) fn linf(&self, sides: &Sides) -> Judgement {
        let Bins { a, b, mut told } = self.values(sides);
        let (Some(p), Some(q)) = (shares(&a), shares(&b)) else { return Judgement::NoData("no values in scope".into()) };
        // Each difference is nearly normal; one of k is beyond the quantile of 0.05/k in one of 20 batches at most.
        let variance = p.iter().zip(&q).map(|(p, q)| (p + q) / 2.0 * (1.0 - (p + q) / 2.0)).fold(0.0, f64::max);
        let z = normal_upper(0.025 / a.len() as f64);
        let noise = Noise { coefficient: z * z * variance, square: Some(1.0) };
        told.figures.set(&figures::BINS, a.len());
        let name = "largest difference of shares";
        self.measured(sides, Measure { name, value: exactly(linf(&p, &q)), noise, told })
    }

    pub(super) fn wasserstein(&self, sides: &Sides, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(moments) = self.moments else { return Ok(Judgement::NoData("no standard deviation".into())) };
        let spread = match facts.beside(moments)? {
            Answer::There(moments) => moments.stddev.filter(|spread| *spread > 0.0 && spread.is_finite()),
            Answer::NotThere(why) => return Ok(why.into()),
        };
        let Some(spread) = spread else {
            return Ok(Judgement::NoData(format!("the values in {} have no spread to compare with", self.against)));
        };
        let cells = sides.numbers();
        let Some(found) = wasserstein(&cells) else { return Ok(Judgement::NoData("no finite values in scope".into())) };
        let value = Bounded { value: found.value / spread, low: found.low / spread, high: found.high / spread };
        let by_chance = wasserstein_noise(&cells) / spread;
        let noise = Noise { coefficient: by_chance * by_chance, square: Some(1.0) };
        let mut told = self.deciles(sides).map_or_else(|_| Told::default(), |bins| bins.told);
        told.figures.set(&figures::BASELINE_STDDEV, spread);
        Ok(self.measured(sides, Measure { name: "Wasserstein distance", value, noise, told }))
    }

    /// Numbers in the deciles of the baseline.
    fn deciles(&self, sides: &Sides) -> Result<Bins, String> {
        let cells = sides.numbers();
        let bins = decile_bins(&cells);
        let (a, b) = (binned(&bins, cells.iter().map(|cell| cell.a)), binned(&bins, cells.iter().map(|cell| cell.b)));
        if a.len() < 2 {
            return Err(format!("needs a scan: all values of {} lie in one cell of its summary", self.against));
        }
        let told = Told { groups: shown::bins(self, &cells, &bins, (&a, &b)), ..Told::default() };
        Ok(Bins { a, b, told })
    }

    /// Each value by itself.
    fn values(&self, sides: &Sides) -> Bins {
        let categories = sides.categories();
        let told = shown::categories(self, &categories, sides);
        let (a, b) = categories.iter().map(|category| (category.a, category.b)).unzip();
        Bins { a, b, told }
    }

    fn measured(&self, sides: &Sides, measure: Measure) -> Judgement {
        let Limits::Distance { max, warn } = &self.limits else { return Judgement::NoData("no limit".into()) };
        let Measure { name, value, noise, told: Told { groups, says, mut figures } } = measure;
        let limits: Vec<f64> = [Some(max), warn.as_ref()].into_iter().flatten().map(|bound| bound.value).collect();
        let seen = format!("{name} {} from {}", beside(value.value, &limits), self.against);
        let (outcome, text) = if !noise.is_below(max.value, sides) && !noise.is_surely_more(value.low, max.value, sides) {
            (self.insufficient(), format!("{seen}; {}", too_few(&noise, max, sides)))
        } else if value.low > max.value {
            (Outcome::Fail, format!("{seen}, more than {}", max.says))
        } else if value.high > max.value {
            let (low, high) = (beside(value.low, &limits), beside(value.high, &limits));
            (self.insufficient(), format!("{seen}, but it may be {low} to {high}, and {} is allowed: needs a scan", max.says))
        } else {
            match warn.as_ref().filter(|warn| value.value > warn.value && noise.is_below(warn.value, sides)) {
                Some(warn) => (Outcome::Warn, format!("{seen}; {} is allowed, more than {} is a warning", max.says, warn.says)),
                None => (Outcome::Pass, format!("{seen}; {} is allowed", max.says)),
            }
        };
        figures.set(&figures::ROWS, sides.n);
        figures.set(&figures::BASELINE_ROWS, sides.m);
        figures.set(&figures::BY_CHANCE, noise.distance(sides));
        if value.low < value.high {
            figures.set(&figures::AT_LEAST, value.low);
            figures.set(&figures::AT_MOST, value.high);
        }
        let mut message = Message::from(text);
        message.extend(says);
        let (observed, limit) = (value.value.into(), max.value.into());
        Judgement::measured(Finding { outcome, observed, limit, unit: Unit::NONE, message, figures, groups, ..Finding::default() })
    }
}

fn exactly(value: f64) -> Bounded {
    Bounded { value, low: value, high: value }
}

/// That there are too few rows for a limit, and how many would do.
fn too_few(noise: &Noise, max: &Bound, sides: &Sides) -> String {
    let limit = noise.of_distance(max.value);
    let values = format!("{} and {} there are too few to tell {} from chance", counted(sides.n, "value"), count(sides.m), max.says);
    match rows_for(noise.coefficient, limit, sides.m) {
        Some(rows) => format!("{values}; {} would do", counted(rows.max(sides.n + 1), "row")),
        None => format!("{values}; {} of each would do", counted((2.0 * noise.coefficient / limit) as u64 + 1, "row")),
    }
}

/// A bin that is not pooled with others because the baseline has little of it.
fn as_its_own(bin: CategoryBin) -> CategoryBin {
    match bin {
        CategoryBin::Own | CategoryBin::Rare => CategoryBin::Own,
        CategoryBin::Unseen => CategoryBin::Unseen,
    }
}

/// Counts by bin of categories.
struct Pooled {
    own: Vec<(u64, u64)>,
    rare: (u64, u64),
    /// Of the rare ones: how many the baseline has once.
    once: u64,
    unseen: u64,
}

impl Pooled {
    fn of(categories: &[Category], bins: &[CategoryBin]) -> Self {
        let mut pooled = Self { own: Vec::new(), rare: (0, 0), once: 0, unseen: 0 };
        for (category, bin) in categories.iter().zip(bins) {
            match bin {
                CategoryBin::Own => pooled.own.push((category.a, category.b)),
                CategoryBin::Rare => {
                    pooled.rare = (pooled.rare.0 + category.a, pooled.rare.1 + category.b);
                    pooled.once += u64::from(category.b == 1);
                }
                CategoryBin::Unseen => pooled.unseen += category.a,
            }
        }
        pooled
    }

    fn counts(&self) -> (Vec<u64>, Vec<u64>) {
        let rare = (self.rare != (0, 0)).then_some(self.rare);
        let unseen = (self.unseen > 0).then_some((self.unseen, 0));
        self.own.iter().copied().chain(rare).chain(unseen).unzip()
    }

    /// The same, where values that the baseline has once stand for those that it has not.
    fn with_expected_unseen(&self) -> (Vec<u64>, Vec<u64>) {
        let rare = (self.rare.0, self.rare.1 - self.once);
        self.own.iter().copied().chain([rare, (self.unseen, self.once)]).unzip()
    }
}
