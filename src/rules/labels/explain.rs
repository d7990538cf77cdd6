//! The arithmetic of classes: their rows, their shares, and what follows where one is not there.

use super::Unseen;
use crate::findings::{GroupFigures, Outcome, Value, figures};
use crate::rules::explained::{Explanation, Expr, Is, Test, Told, by_group};
use crate::rules::words::Share;

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let Some(rows) = told.figure(&figures::ROWS) else {
            return explanation.states(told.finding.message.to_string(), told.finding.outcome);
        };
        let mut seen = Vec::new();
        for group in &told.finding.groups {
            let Some(count) = group.figures.get(&figures::COUNT).and_then(Expr::of_figure) else { continue };
            let mut part = Explanation::default();
            class(told, group, (count.clone(), rows.clone()), &mut part);
            explanation.group(group, part);
            seen.extend((count.value > 0.0).then_some(count));
        }
        let is_each_told = told.figure(&figures::GROUPS).is_some_and(|groups| groups.value == seen.len() as f64);
        if is_each_told && !seen.is_empty() {
            let formula = "rows of the largest class / rows of the smallest that has any";
            let imbalance = Expr::largest(&seen) / Expr::least(&seen);
            explanation.computes("imbalance", formula, imbalance, &told.value(&figures::IMBALANCE));
        }
        let worst = explanation.groups.iter().map(|part| part.outcome).max().unwrap_or(Outcome::Pass);
        explanation.states("the worst of the classes", worst);
    })
}

/// One class of so many rows, of rows with a label.
fn class(told: &Told<'_>, group: &GroupFigures, (count, rows): (Expr, Expr), part: &mut Explanation) {
    let reported = group.figures.get(&figures::SHARE).map_or(Value::Nothing, |figure| figure.value.clone());
    let share = part.computed("share", "rows of the class / rows with a label", count.clone() / rows, &reported);
    let unseen: Unseen = told.word("unseen").and_then(|word| serde_json::from_value(word.into()).ok()).unwrap_or_default();
    let follows = match unseen {
        Unseen::Fail => Outcome::Fail,
        Unseen::Warn => Outcome::Warn,
        Unseen::Pass => Outcome::Pass,
    };
    let is_compared = ["classes", "against", "unseen"].iter().any(|word| told.has(word));
    if is_compared {
        part.asks("should it be there, and has no row (`unseen`)?", Test::of(count.clone(), Is::AtMost, 0u64), follows);
    }
    let mut is_too_small = false;
    if let Some(least) = told.parsed::<u64>("min_rows") {
        is_too_small |= count.value < least as f64;
        part.asks("has it fewer rows than `min_rows`?", Test::of(count.clone(), Is::Below, least), Outcome::Fail);
    }
    if let Some(least) = told.parsed::<Share>("min_share").map(Share::as_f64) {
        is_too_small |= share.value < least;
        part.asks("is its share less than `min_share`?", Test::of(share.clone(), Is::Below, least), Outcome::Fail);
    }
    // Of one limit alone; then `warn` is in its unit.
    let warned = match (told.has("min_rows"), told.has("min_share")) {
        (true, false) => told.parsed::<u64>("warn").map(|least| Test::of(count.clone(), Is::Below, least)),
        (false, true) => told.parsed::<Share>("warn").map(|least| Test::of(share.clone(), Is::Below, least.as_f64())),
        (_, _) => None,
    };
    // The report does not list the classes of other data: that this is none of them is what is left.
    if is_compared && count.value > 0.0 && !is_too_small && group.outcome == Outcome::Fail {
        return part.states("it is none of the classes that should be there", Outcome::Fail);
    }
    if let Some(test) = warned {
        part.asks("is it less than `warn`?", test, Outcome::Warn);
    }
    part.otherwise(Outcome::Pass);
}
