//! The arithmetic of rates, of their differences and of their ratios.

use super::rates::Rate;
use crate::findings::{FigureName, GroupFigures, Outcome, Value, figures};
use crate::rules::explained::{
    Explanation, Expr, Is, Named, Proportion, Test, Told, by_group, difference, normal_quantile, p_value, ratio, worst_group,
};
use crate::rules::words::{Points, Share};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let groups: Vec<Group<'_>> = told.finding.groups.iter().filter_map(Group::of).collect();
        if groups.is_empty() {
            return explanation.states(told.finding.message.to_string(), told.finding.outcome);
        }
        for group in &groups {
            let mut part = Explanation::default();
            group.explain(told, &groups, &mut part);
            explanation.group(group.told, part);
        }
        overall(told, &groups, explanation);
        worst_group(told, explanation);
    })
}

/// Counts of rows, as the report's rates give them.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    rows: f64,
    selected: f64,
    positives: f64,
    true_positives: f64,
    false_positives: f64,
}

impl Counts {
    fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            selected: self.selected + other.selected,
            positives: self.positives + other.positives,
            true_positives: self.true_positives + other.true_positives,
            false_positives: self.false_positives + other.false_positives,
        }
    }

    /// The rate as a part of a whole.
    fn rate(&self, rate: Rate) -> (f64, f64) {
        match rate {
            Rate::Selection => (self.selected, self.rows),
            Rate::TruePositive => (self.true_positives, self.positives),
            Rate::FalsePositive => (self.false_positives, self.rows - self.positives),
        }
    }
}

/// The figures of a rate: the rate, its difference, and the ends of its interval.
fn figures_of(rate: Rate) -> [&'static FigureName; 4] {
    match rate {
        Rate::Selection => [&figures::SELECTION_RATE, &figures::DIFFERENCE, &figures::DIFFERENCE_LOW, &figures::DIFFERENCE_HIGH],
        Rate::TruePositive => [
            &figures::TRUE_POSITIVE_RATE,
            &figures::TRUE_POSITIVE_RATE_DIFFERENCE,
            &figures::TRUE_POSITIVE_RATE_DIFFERENCE_LOW,
            &figures::TRUE_POSITIVE_RATE_DIFFERENCE_HIGH,
        ],
        Rate::FalsePositive => [
            &figures::FALSE_POSITIVE_RATE,
            &figures::FALSE_POSITIVE_RATE_DIFFERENCE,
            &figures::FALSE_POSITIVE_RATE_DIFFERENCE_LOW,
            &figures::FALSE_POSITIVE_RATE_DIFFERENCE_HIGH,
        ],
    }
}

/// A group, as numbers.
struct Group<'a> {
    told: &'a GroupFigures,
    counts: Counts,
}

/// What the limits ask of a group.
#[derive(Default)]
struct Asked {
    /// Whether the interval lies beyond.
    beyond: Vec<(String, Test)>,
    /// Whether it reaches beyond.
    across: Vec<(String, Test)>,
    /// Whether it lies beyond the earlier limit.
    warned: Vec<(String, Test)>,
    /// Rates that one of both sides does not have.
    undefined: Vec<String>,
}

impl<'a> Group<'a> {
    fn of(told: &'a GroupFigures) -> Option<Self> {
        let figure = |name: &FigureName| told.figures.get(name).and_then(|figure| figure.value.as_number());
        let rows = figure(&figures::COUNT)?;
        let positives = figure(&figures::POSITIVES).unwrap_or(0.0);
        // A rate is a part of a whole number of rows: that part is a whole number too.
        let part = |rate: Rate, whole: f64| (figure(figures_of(rate)[0]).unwrap_or(0.0) * whole).round();
        let counts = Counts {
            rows,
            positives,
            selected: part(Rate::Selection, rows),
            true_positives: part(Rate::TruePositive, positives),
            false_positives: part(Rate::FalsePositive, rows - positives),
        };
        Some(Self { told, counts })
    }

    fn value(&self, name: &FigureName) -> Value {
        self.told.figures.get(name).map_or(Value::Nothing, |figure| figure.value.clone())
    }

    /// Whether it is the group that all others are compared with.
    fn is_reference(&self, told: &Told<'_>) -> bool {
        told.has("reference_group") && self.counts.rows > 0.0 && self.told.figures.get(&figures::REFERENCE).is_none()
    }

    /// The counts of what it is compared with.
    fn theirs(&self, told: &Told<'_>, all: &[Self]) -> Counts {
        let is_compared = |other: &&Self| match told.has("reference_group") {
            true => other.is_reference(told),
            false => other.told.group != self.told.group,
        };
        all.iter().filter(is_compared).fold(Counts::default(), |sum, other| sum.with(other.counts))
    }

    fn explain(&self, told: &Told<'_>, all: &[Self], part: &mut Explanation) {
        let least = told.parsed::<u64>("min_rows").unwrap_or(0).max(1);
        let is_small = Test::of(self.counts.rows, Is::Below, least);
        if self.counts.rows < least as f64 {
            return part.asks("has it fewer rows than `min_rows`, or none?", is_small, Outcome::NotJudged);
        }
        let confidence = told.parsed::<Share>("confidence").map_or(0.95, Share::as_f64);
        part.notes("counts that the report does not hold are rates × rows: whole numbers");
        let z = normal_quantile(confidence, part);
        let ends = [&figures::SELECTION_RATE, &figures::INTERVAL_LOW, &figures::INTERVAL_HIGH].map(|name| self.value(name));
        let ours = side(Rate::Selection, "", self.counts, (&z, ends.each_ref()), part);
        if self.is_reference(told) {
            return part.states("the others are compared with this group", Outcome::Pass);
        }
        let them = if told.has("reference_group") { " of the reference group" } else { " of the rest" };
        let other = self.theirs(told, all);
        if other.rows < least as f64 {
            let question = "has what it is compared with fewer rows than `min_rows`?";
            return part.asks(question, Test::of(other.rows, Is::Below, least), Outcome::InsufficientEvidence);
        }
        let reference = self.value(&figures::REFERENCE);
        let theirs = side(Rate::Selection, them, other, (&z, [&reference, &Value::Nothing, &Value::Nothing]), part);
        let mut asked = Asked::default();
        let ends = self.ends(Rate::Selection, (&ours, &theirs), part);
        if let Some(most) = told.parsed::<Points>("demographic_parity") {
            asked.difference(Rate::Selection, ends, most, told);
        }
        self.ratio(told, (&ours, &theirs), &z, &mut asked, part);
        p_value((&ours, &theirs), &self.value(&figures::P_VALUE), part);
        for rate in [Rate::TruePositive, Rate::FalsePositive] {
            let words: &[&str] = match rate {
                Rate::TruePositive => &["equal_opportunity", "equalized_odds"],
                Rate::FalsePositive => &["equalized_odds"],
                Rate::Selection => &[],
            };
            let limits: Vec<Points> = words.iter().filter_map(|word| told.parsed(word)).collect();
            if limits.is_empty() {
                continue;
            }
            if self.counts.rate(rate).1 == 0.0 || other.rate(rate).1 == 0.0 {
                asked.undefined.push(format!("one of both has no {}, and there is no {} to compare", rate.whole(), rate.name()));
                continue;
            }
            let (share, nothing) = (self.value(figures_of(rate)[0]), &Value::Nothing);
            let ours = side(rate, "", self.counts, (&z, [&share, nothing, nothing]), part);
            let theirs = side(rate, them, other, (&z, [nothing; 3]), part);
            let ends = self.ends(rate, (&ours, &theirs), part);
            limits.into_iter().for_each(|most| asked.difference(rate, ends.clone(), most, told));
        }
        part.asks("has it fewer rows than `min_rows`, or none?", is_small, Outcome::NotJudged);
        asked.settle(part);
    }

    /// The ends of the difference's interval.
    fn ends(&self, rate: Rate, both: (&Proportion, &Proportion), part: &mut Explanation) -> (Expr, Expr) {
        let [_, middle, low, high] = figures_of(rate).map(|name| self.value(name));
        let name = if rate == Rate::Selection { "difference".to_owned() } else { format!("difference of {}s", rate.name()) };
        difference(&name, both, [&middle, &low, &high], part)
    }

    fn ratio(&self, told: &Told<'_>, both: (&Proportion, &Proportion), z: &Expr, asked: &mut Asked, part: &mut Explanation) {
        let four_fifths = (told.word("four_fifths") == Some("true")).then_some(0.8);
        let least = told.parsed::<Share>("min_ratio").map(Share::as_f64).or(four_fifths);
        let reported = [&figures::RATIO, &figures::RATIO_LOW, &figures::RATIO_HIGH].map(|name| self.value(name));
        let Some(least) = least else { return };
        if both.0.part.value == 0.0 && both.1.part.value == 0.0 {
            return part.notes("none is selected of either, and they are treated alike whatever the ratio");
        }
        let (low, high) = ratio(both, z, reported.each_ref(), part);
        if let Some((warn, high)) = told.parsed::<Share>("warn").zip(high.clone()) {
            let question = "does the interval of the ratio lie wholly below `warn`?";
            asked.warned.push((question.to_owned(), Test::of(high, Is::Below, warn.as_f64())));
        }
        if let Some(high) = high {
            let question = "does the interval of the ratio lie wholly below what is tolerated?";
            asked.beyond.push((question.to_owned(), Test::of(high, Is::Below, least)));
        }
        let question = "does the interval of the ratio begin below what is tolerated?";
        asked.across.push((question.to_owned(), Test::of(low, Is::Below, least)));
    }
}

/// A rate of one of both sides.
fn side(rate: Rate, of: &str, counts: Counts, (z, reported): (&Expr, [&Value; 3]), part: &mut Explanation) -> Proportion {
    let formula = match rate {
        Rate::Selection => "selected rows / rows",
        Rate::TruePositive => "selected rows with the positive label / rows with the positive label",
        Rate::FalsePositive => "selected rows with another label / rows with another label",
    };
    let (selected, whole) = counts.rate(rate);
    Proportion::shown(Named { share: rate.name(), of, formula }, (selected.into(), whole.into()), z, reported, part)
}

impl Asked {
    fn difference(&mut self, of: Rate, (low, high): (Expr, Expr), most: Points, told: &Told<'_>) {
        if let Some(warn) = told.parsed::<Points>("warn").map(Points::as_f64) {
            let beyond = Test::of(low.clone(), Is::Above, warn).or(Test::of(high.clone(), Is::Below, -warn));
            self.warned.push((format!("does the interval of the {}'s difference lie wholly beyond `warn`?", of.name()), beyond));
        }
        let (most, least) = (|| Expr::from(most.as_f64()), || Expr::from(-most.as_f64()));
        let beyond = Test::of(low.clone(), Is::Above, most()).or(Test::of(high.clone(), Is::Below, least()));
        self.beyond.push((format!("does the interval of the {}'s difference lie wholly beyond what is tolerated?", of.name()), beyond));
        let across = Test::of(low, Is::Below, least()).or(Test::of(high, Is::Above, most()));
        self.across.push((format!("does the interval of the {}'s difference reach beyond what is tolerated?", of.name()), across));
    }

    fn settle(self, part: &mut Explanation) {
        self.beyond.into_iter().for_each(|(question, test)| part.asks(question, test, Outcome::Fail));
        self.across.into_iter().for_each(|(question, test)| part.asks(question, test, Outcome::InsufficientEvidence));
        if self.undefined.is_empty() {
            self.warned.into_iter().for_each(|(question, test)| part.asks(question, test, Outcome::Warn));
        }
        match self.undefined.is_empty() {
            true => part.otherwise(Outcome::Pass),
            false => part.states(self.undefined.join("; "), Outcome::InsufficientEvidence),
        }
    }
}

/// The figures between all groups that are judged.
fn overall(told: &Told<'_>, groups: &[Group<'_>], explanation: &mut Explanation) {
    let judged = || groups.iter().filter(|group| group.told.outcome != Outcome::NotJudged);
    let shares = |rate: Rate| -> Vec<Expr> {
        judged().filter_map(|group| group.told.figures.get(figures_of(rate)[0]).and_then(Expr::of_figure)).collect()
    };
    let mut between = |name: &str, rate: Rate, reported: [&Value; 2]| -> Option<(Expr, Option<Expr>)> {
        let shares = shares(rate);
        if shares.len() < 2 {
            return None;
        }
        let (least, most) = (Expr::least(&shares), Expr::largest(&shares));
        let formula = format!("the largest {} of a group that is judged less the smallest", rate.name());
        let apart = explanation.computed(format!("{name} difference"), formula, most.clone() - least.clone(), reported[0]);
        let formula = format!("the smallest {} / the largest", rate.name());
        let ratio = (most.value > 0.0).then(|| explanation.computed(format!("{name} ratio"), formula, least / most, reported[1]));
        Some((apart, ratio))
    };
    let parity = [&figures::DEMOGRAPHIC_PARITY_DIFFERENCE, &figures::DEMOGRAPHIC_PARITY_RATIO].map(|name| told.value(name));
    between("demographic parity", Rate::Selection, parity.each_ref());
    let opportunity = [&figures::EQUAL_OPPORTUNITY_DIFFERENCE, &figures::EQUAL_OPPORTUNITY_RATIO].map(|name| told.value(name));
    let true_positive = between("equal opportunity", Rate::TruePositive, opportunity.each_ref());
    let false_positive = between("false positive rate", Rate::FalsePositive, [&Value::Nothing; 2]);
    if let Some((ours, theirs)) = true_positive.zip(false_positive) {
        let reported = [&figures::EQUALIZED_ODDS_DIFFERENCE, &figures::EQUALIZED_ODDS_RATIO].map(|name| told.value(name));
        let formula = "the larger of the differences of true and of false positive rates";
        explanation.computes("equalized odds difference", formula, ours.0.max(theirs.0), &reported[0]);
        if let Some((ours, theirs)) = ours.1.zip(theirs.1) {
            let formula = "the smaller of the ratios of true and of false positive rates";
            explanation.computes("equalized odds ratio", formula, Expr::least(&[ours, theirs]), &reported[1]);
        }
    }
    explanation
        .source("rates between groups: Fairlearn, demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference");
}
