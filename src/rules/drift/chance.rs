//! Tests by which chance either explains a difference or does not.

use super::check::DriftCheck;
use super::shown::{self, Told};
use super::sides::Sides;
use super::words::Limits;
use crate::findings::{Figures, Finding, Message, Outcome, Unit, Value, figures};
use crate::metric::cells::CellsOut;
use crate::rules::Judgement;
use crate::rules::judgement::ByChance;
use crate::shown::{beside, count, counted, digits};
use crate::statistics::{binned, decile_bins, fisher_exact, homogeneity, ks_distance, ks_p_value, newcombe_interval};

/// More rows than this are no reasonable advice.
const ROWS_MAX: u64 = 1_000_000_000;
/// A difference that even few values should tell from chance.
const LARGE: f64 = 0.5;
/// n·m/(n + m) is at least this where `ks` decides.
const VALUES_MIN: u128 = 5;

/// What a test found.
struct Found {
    name: &'static str,
    /// The effect, at least and at most.
    effect: (f64, f64),
    /// p at the least and at the most effect.
    p_values: (f64, f64),
    told: Told,
    /// How many rows would tell what was found from chance.
    advice: Option<String>,
}

impl DriftCheck {
    pub(super) fn ks(&self, sides: &Sides) -> Judgement {
        let cells = sides.numbers();
        let Some(distance) = ks_distance(&cells) else { return Judgement::NoData("no values in scope".into()) };
        let Limits::Chance { alpha, min_effect } = self.limits else { return Judgement::NoData("no limit".into()) };
        let p_value = |d: f64| ks_p_value(d, sides.n, sides.m);
        let advice = |d: f64| match fewest(sides.n, |n| ks_p_value(d, n, sides.m) < alpha) {
            Some(rows) => Some(format!("{} would do", counted(rows, "row"))),
            None => fewest(sides.n.max(sides.m), |n| ks_p_value(d, n, n) < alpha)
                .map(|rows| format!("{} of each would do", counted(rows, "row"))),
        };
        // The p-value is that of many values: of fewer it is far too small.
        let has_none = u128::from(sides.n) * u128::from(sides.m) < VALUES_MIN * (u128::from(sides.n) + u128::from(sides.m));
        let has_few = p_value(LARGE) >= alpha;
        if has_none || (has_few && p_value(distance.low) >= alpha) {
            return self.too_few_values(sides, distance.low, advice(min_effect));
        }
        let bins = decile_bins(&cells);
        let (a, b) = (binned(&bins, cells.iter().map(|cell| cell.a)), binned(&bins, cells.iter().map(|cell| cell.b)));
        let p_values = (p_value(distance.low), p_value(distance.high));
        let is_open = distance.low >= min_effect && p_values.0 >= alpha;
        self.by_chance(
            sides,
            Found {
                name: "D",
                effect: (distance.low, distance.high),
                p_values,
                told: Told { groups: shown::bins(self, &cells, &bins, (&a, &b)), ..Told::default() },
                advice: if is_open { advice(distance.low) } else { None },
            },
        )
    }

    pub(super) fn chi2(&self, sides: &Sides) -> Judgement {
        let categories = sides.categories();
        let (a, b): (Vec<u64>, Vec<u64>) = categories.iter().map(|category| (category.a, category.b)).unzip();
        let Some(test) = homogeneity(&a, &b) else {
            // The commonest category needs an expected count of 5 in both.
            let most = categories.iter().map(|category| category.a + category.b).max().unwrap_or(0);
            let rows = (5.0 * (sides.n + sides.m) as f64 / most.max(1) as f64).ceil() as u64;
            let advice = format!("{} of each would do", counted(rows.max(sides.n.min(sides.m) + 1), "row"));
            return self.too_few_values(sides, 0.0, Some(advice));
        };
        let mut told = shown::categories(self, &categories, sides);
        told.figures.set(&figures::BINS, test.categories);
        told.figures.set(&figures::CHI_SQUARE, test.statistic);
        told.figures.set(&figures::CRAMERS_V, test.cramers_v);
        told.figures.set(&figures::DEGREES_OF_FREEDOM, test.categories - 1);
        let (effect, p_values) = ((test.effect, test.effect), (test.p_value, test.p_value));
        self.by_chance(sides, Found { name: "Cramér's V", effect, p_values, told, advice: None })
    }

    /// The share of rows without a value.
    pub(super) fn null_share(&self, ours: &CellsOut, theirs: &CellsOut) -> Judgement {
        let Limits::Chance { alpha, min_effect } = self.limits else { return Judgement::NoData("no limit".into()) };
        let (here, there) = ((ours.missing, ours.count + ours.missing), (theirs.missing, theirs.count + theirs.missing));
        if here.1 == 0 {
            return Judgement::NoData("no rows in scope".into());
        }
        if there.1 == 0 {
            return Judgement::NoData(format!("there are no rows to compare with in {}", self.against));
        }
        let (share, before) = (here.0 as f64 / here.1 as f64, there.0 as f64 / there.1 as f64);
        // Of whole numbers, so that a difference of exactly the limit is no more than that.
        let crossed = (u128::from(here.0) * u128::from(there.1)).abs_diff(u128::from(there.0) * u128::from(here.1));
        let effect = crossed as f64 / (here.1 as f64 * there.1 as f64);
        let (low, high) = newcombe_interval(here, there, 1.0 - alpha);
        let p_value = fisher_exact(here, there);
        let figures = Figures::from([
            (&figures::ROWS, here.1.into()),
            (&figures::BASELINE_ROWS, there.1.into()),
            (&figures::MISSING, here.0.into()),
            (&figures::SHARE, share.into()),
            (&figures::REFERENCE, before.into()),
            (&figures::DIFFERENCE, (share - before).into()),
            (&figures::INTERVAL_LOW, low.into()),
            (&figures::INTERVAL_HIGH, high.into()),
        ]);
        let percent = |share: f64| format!("{}%", digits(share * 100.0, 3));
        let seen = format!("{} of rows have no value, {} in {}", percent(share), percent(before), self.against);
        let points = format!("{} points", digits(min_effect * 100.0, 6));
        let is_less_than_all = fisher_exact((here.1, here.1), (0, there.1)) >= alpha;
        let (limit, unit) = (Value::from(min_effect), Unit::SHARE_OF_ROWS);
        let finding = |outcome, message: Message| Finding {
            outcome,
            observed: effect.into(),
            limit: limit.clone(),
            unit: unit.clone(),
            message,
            figures: figures.clone(),
            ..Finding::default()
        };
        if is_less_than_all {
            let message = vec![seen, "so few rows that chance explains any difference".to_owned()];
            return Judgement::measured(finding(self.insufficient(), message.into()));
        }
        let matters = effect > min_effect;
        Judgement::ByChance(Box::new(ByChance {
            p_value,
            alpha,
            beyond: if matters { Outcome::Fail } else { Outcome::Pass },
            says_beyond: if matters {
                format!("more than {points} apart, and chance does not explain it")
            } else {
                format!("{points} are allowed")
            },
            says_within: if matters { "chance explains it".to_owned() } else { format!("{points} are allowed") },
            finding: finding(Outcome::Pass, seen.into()),
        }))
    }

    fn by_chance(&self, sides: &Sides, found: Found) -> Judgement {
        let Limits::Chance { alpha, min_effect } = self.limits else { return Judgement::NoData("no limit".into()) };
        let Found { name, effect: (least, most), p_values, told: Told { groups, says, mut figures }, advice } = found;
        figures.set(&figures::ROWS, sides.n);
        figures.set(&figures::BASELINE_ROWS, sides.m);
        figures.set(&figures::EFFECT, least);
        let (matters, may_matter) = (least >= min_effect, most >= min_effect && p_values.1 < alpha);
        let at_least = digits(min_effect, 6);
        let mut seen = format!("{name} {} from {}", beside(least, &[min_effect]), self.against);
        // What lies inside of cells may make more of it.
        let is_open = least < most && may_matter;
        if least < most {
            figures.set(&figures::AT_MOST, most);
        }
        if is_open && !(matters && p_values.0 < alpha) {
            seen = format!("{name} is {} to {}", beside(least, &[min_effect]), beside(most, &[min_effect]));
            seen = format!("{seen} from {}: needs a scan, since {at_least} or more is a drift", self.against);
        }
        let mut message = Message::from(seen);
        message.extend(self.choice());
        message.extend(says);
        let within = if is_open { self.insufficient() } else { Outcome::Pass };
        let small = || format!("less than {at_least} is no drift");
        Judgement::ByChance(Box::new(ByChance {
            p_value: p_values.0,
            alpha,
            beyond: if matters { Outcome::Fail } else { within },
            says_beyond: if matters { format!("{at_least} or more is a drift, and chance does not explain it") } else { small() },
            says_within: match (matters, advice) {
                (true, Some(advice)) => format!("chance explains it; if it is none, {advice}"),
                (true, None) => "chance explains it".to_owned(),
                (false, _) => small(),
            },
            finding: Finding {
                outcome: within,
                observed: least.into(),
                limit: min_effect.into(),
                unit: Unit::NONE,
                message,
                figures,
                groups,
                ..Finding::default()
            },
        }))
    }

    /// So few values that chance explains any difference that one could find.
    fn too_few_values(&self, sides: &Sides, effect: f64, advice: Option<String>) -> Judgement {
        let few = format!(
            "{} and {} in {} are too few to tell a difference from chance",
            counted(sides.n, "value"),
            count(sides.m),
            self.against
        );
        let mut message = Message::from(few);
        message.extend(self.choice());
        message.extend(advice);
        let figures = Figures::from([(&figures::ROWS, sides.n.into()), (&figures::BASELINE_ROWS, sides.m.into())]);
        let (outcome, observed) = (self.insufficient(), if effect > 0.0 { effect.into() } else { Value::Nothing });
        Judgement::measured(Finding { outcome, observed, message, figures, unit: Unit::NONE, ..Finding::default() })
    }
}

/// The fewest rows from `rows` on for which it holds; it holds for all beyond. None where no reasonable number would do.
fn fewest(rows: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut no, mut yes) = (rows, rows.max(1));
    while !holds(yes) {
        if yes > ROWS_MAX {
            return None;
        }
        no = yes;
        yes *= 2;
    }
    while yes - no > 1 {
        let middle = no + (yes - no) / 2;
        if holds(middle) { yes = middle } else { no = middle }
    }
    Some(yes)
}
