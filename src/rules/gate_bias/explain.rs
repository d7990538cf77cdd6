//! The arithmetic of rejection rates.

use crate::findings::{FigureName, GroupFigures, Outcome, Value, figures};
use crate::rules::explained::{Explanation, Expr, Is, Named, Proportion, Test, Told, by_group, difference, normal_quantile, worst_group};
use crate::rules::words::{Points, Share};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let groups: Vec<Group<'_>> = told.finding.groups.iter().filter_map(|group| Group::of(told, group)).collect();
        if groups.is_empty() {
            return explanation.states(told.finding.message.to_string(), told.finding.outcome);
        }
        for group in &groups {
            let mut part = Explanation::default();
            group.explain(told, &mut part);
            explanation.group(group.told, part);
        }
        overall(told, &groups, explanation);
        worst_group(told, explanation);
    })
}

/// A group, as numbers.
struct Group<'a> {
    told: &'a GroupFigures,
    rows: Expr,
    aside: Expr,
    all_rows: Expr,
    all_aside: Expr,
}

impl<'a> Group<'a> {
    fn of(all: &Told<'_>, told: &'a GroupFigures) -> Option<Self> {
        let figure = |name: &FigureName| told.figures.get(name).and_then(Expr::of_figure);
        Some(Self {
            told,
            rows: figure(&figures::COUNT)?,
            aside: figure(&figures::SET_ASIDE)?,
            all_rows: all.figure(&figures::ROWS)?,
            all_aside: all.figure(&figures::SET_ASIDE)?,
        })
    }

    fn value(&self, name: &FigureName) -> Value {
        self.told.figures.get(name).map_or(Value::Nothing, |figure| figure.value.clone())
    }

    fn explain(&self, told: &Told<'_>, part: &mut Explanation) {
        let Self { rows, aside, all_rows, all_aside, .. } = self;
        let confidence = told.parsed::<Share>("confidence").map_or(0.95, Share::as_f64);
        let z = normal_quantile(confidence, part);
        let reported = [&figures::REJECTION_RATE, &figures::INTERVAL_LOW, &figures::INTERVAL_HIGH].map(|name| self.value(name));
        let named = Named { share: "rejection rate", of: "", formula: "rows of the group that are set aside / its rows" };
        let ours = Proportion::shown(named, (aside.clone(), rows.clone()), &z, reported.each_ref(), part);
        self.shares(part);
        let ends = (all_rows.value > rows.value).then(|| {
            let others = part.derives("rows of the rest", "rows − those of the group", all_rows.clone() - rows.clone());
            let lost = part.derives("set aside of the rest", "set aside − those of the group", all_aside.clone() - aside.clone());
            let (reference, nothing) = (self.value(&figures::REFERENCE), &Value::Nothing);
            let named = Named { share: "rejection rate", of: " of the rest", formula: "set aside of the rest / rows of the rest" };
            let theirs = Proportion::shown(named, (lost, others), &z, [&reference, nothing, nothing], part);
            let reported = [&figures::DIFFERENCE, &figures::DIFFERENCE_LOW, &figures::DIFFERENCE_HIGH].map(|name| self.value(name));
            difference("difference", (&ours, &theirs), reported.each_ref(), part)
        });
        part.asks("is no row of any group set aside?", Test::of(all_aside.clone(), Is::AtMost, 0u64), Outcome::Pass);
        if let Some(least) = told.parsed::<u64>("min_rows") {
            part.asks("has it fewer rows than `min_rows`?", Test::of(rows.clone(), Is::Below, least), Outcome::NotJudged);
        }
        match (ends, most(told)) {
            (Some((low, high)), Some(most)) => {
                let (most, least) = (|| Expr::from(most.as_f64()), || Expr::from(-most.as_f64()));
                let beyond = Test::of(low.clone(), Is::Above, most()).or(Test::of(high.clone(), Is::Below, least()));
                part.asks("does the interval of the difference lie wholly beyond `max`?", beyond, Outcome::Fail);
                let (from, to) = (low.clone(), high.clone());
                let across = Test::of(low, Is::Below, least()).or(Test::of(high, Is::Above, most()));
                part.asks("does it reach beyond `max`?", across, Outcome::InsufficientEvidence);
                if let Some(warn) = told.parsed::<Points>("warn").map(Points::as_f64) {
                    let beyond = Test::of(from, Is::Above, warn).or(Test::of(to, Is::Below, -warn));
                    part.asks("does it lie wholly beyond `warn`?", beyond, Outcome::Warn);
                }
            }
            (Some(_), None) => part.notes("without `max` any difference is tolerated"),
            (None, _) => part.notes("there are no other rows to compare with"),
        }
        part.otherwise(Outcome::Pass);
    }

    /// Its shares of all rows and of those that are left.
    fn shares(&self, part: &mut Explanation) {
        let Self { rows, aside, all_rows, all_aside, .. } = self;
        let (before, after) = (self.value(&figures::SHARE_BEFORE), self.value(&figures::SHARE_AFTER));
        part.computes("share before", "rows of the group / rows", rows.clone() / all_rows.clone(), &before);
        if all_aside.value < all_rows.value {
            let left = (rows.clone() - aside.clone()) / (all_rows.clone() - all_aside.clone());
            part.computes("share after", "rows of the group that are left / rows that are left", left, &after);
        }
    }
}

/// How far apart rates may be.
fn most(told: &Told<'_>) -> Option<Points> {
    match &told.finding.limit {
        Value::Text(text) => text.parse().ok(),
        Value::Integer(_) | Value::Float(_) | Value::Nothing => told.parsed("max"),
    }
}

/// The figures of all groups together.
fn overall(told: &Told<'_>, groups: &[Group<'_>], explanation: &mut Explanation) {
    let Some((rows, aside)) = told.figure(&figures::ROWS).zip(told.figure(&figures::SET_ASIDE)) else { return };
    let rate = aside.clone() / rows.clone();
    explanation.computes("rejection rate", "rows that are set aside / rows", rate, &told.value(&figures::REJECTION_RATE));
    let figure = |group: &Group<'_>, name: &FigureName| group.told.figures.get(name).and_then(Expr::of_figure);
    let is_judged = |group: &&Group<'_>| group.told.outcome != Outcome::NotJudged;
    let apart: Vec<Expr> = groups.iter().filter(is_judged).filter_map(|group| figure(group, &figures::DIFFERENCE)).map(Expr::abs).collect();
    if apart.len() > 1 {
        let formula = "the largest |difference| of the groups that were judged";
        explanation.computes("observed", formula, Expr::largest(&apart), &told.finding.observed);
    }
    if aside.value < rows.value {
        let moved = |group: &Group<'_>| {
            let (before, after) = (figure(group, &figures::SHARE_BEFORE)?, figure(group, &figures::SHARE_AFTER)?);
            Some((after - before).abs())
        };
        let sum = Expr::from(0.5) * Expr::sum(groups.iter().filter_map(moved));
        explanation.computes("total variation", "½ Σ |share after − share before|", sum, &told.value(&figures::TOTAL_VARIATION));
    }
}
