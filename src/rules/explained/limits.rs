//! A measure against bounds, or against what other data have.

use super::{Explanation, Expr, Is, Test, Told};
use crate::findings::{Outcome, Value, figures};
use crate::rules::words::{Change, Decimal};

const BOUNDS: [(&str, &str, Is); 4] =
    [("min", "at least", Is::Below), ("above", "above", Is::AtMost), ("max", "at most", Is::Above), ("below", "below", Is::AtLeast)];

/// The limit of a finding in words, or that of one group by the words of its rule.
fn limit(told: &Told<'_>) -> Option<String> {
    match &told.finding.limit {
        Value::Text(text) => return Some(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Nothing => {}
    }
    if let Some(change) = told.word("change") {
        return Some(format!("a change of at most {}", change.parse::<Change>().ok()?));
    }
    let bounds = BOUNDS.iter().filter_map(|(word, says, _)| told.word(word).map(|bound| format!("{says} {bound}")));
    Some(bounds.collect::<Vec<_>>().join(" and ")).filter(|text| !text.is_empty())
}

/// Holds a measure against the bounds of its rule.
pub(in crate::rules) fn bounds(told: &Told<'_>, measure: &Value, explanation: &mut Explanation) {
    let finding = told.finding;
    let ends = limit(told).map(|limit| ends(&limit)).unwrap_or_default();
    if ends.is_empty() {
        return explanation.states(finding.message.to_string(), finding.outcome);
    }
    let mut only = None;
    for (is, bound) in &ends {
        only = (ends.len() == 1).then_some(*is);
        let question = match is {
            Is::Below => "is it less than the smallest that is allowed?",
            Is::AtMost => "is it no more than what it must be above?",
            Is::Above => "is it more than the largest that is allowed?",
            Is::AtLeast => "is it no less than what it must be below?",
        };
        match test(measure, *is, bound) {
            Some(test) => explanation.asks(question, test, Outcome::Fail),
            None => return explanation.states(finding.message.to_string(), finding.outcome),
        }
    }
    if let Some(test) = only.zip(told.word("warn")).and_then(|(is, warn)| test(measure, is, warn)) {
        explanation.asks("is it beyond the earlier limit `warn`?", test, Outcome::Warn);
    }
    explanation.otherwise(Outcome::Pass);
}

/// The bounds that a limit in words is made of, each by what breaks it.
fn ends(limit: &str) -> Vec<(Is, String)> {
    let of = |part: &str| {
        let found = BOUNDS.iter().find_map(|(_, says, is)| Some((*is, part.strip_prefix(says)?.strip_prefix(' ')?.to_owned())));
        match found {
            Some(end) => vec![end],
            None => match (part.strip_prefix("exactly "), part.split_once(" to ")) {
                (Some(exactly), _) => vec![(Is::Below, exactly.to_owned()), (Is::Above, exactly.to_owned())],
                (None, Some((low, high))) => vec![(Is::Below, low.to_owned()), (Is::Above, high.to_owned())],
                (None, None) => Vec::new(),
            },
        }
    };
    limit.split(" and ").flat_map(of).collect()
}

/// A measure beside a bound as it is written; none where the two cannot be compared.
fn test(measure: &Value, is: Is, bound: &str) -> Option<Test> {
    let number = |text: &str| text.chars().filter(|c| !matches!(c, ',' | '_')).collect::<String>();
    match (measure, decimal(&number(bound))) {
        (Value::Integer(_) | Value::Float(_), Some(bound)) => Some(Test::of(Expr::of(measure)?, is, bound)),
        (Value::Text(text), Some(bound)) => Some(Test::of(decimal(text)?, is, bound)),
        (Value::Text(text), None) => Some(Test::of_texts(text, is, bound)),
        (Value::Integer(_) | Value::Float(_) | Value::Nothing, _) => None,
    }
}

/// A number, or a share.
fn decimal(text: &str) -> Option<f64> {
    Decimal::parse(text.trim()).map(Decimal::as_f64).or_else(|| text.trim().parse().ok().filter(|x: &f64| x.is_finite()))
}

/// What rounding of floats may put beyond a limit counts as within.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// Holds a measure against that of other data, or against those of earlier runs.
pub(in crate::rules) fn compared(told: &Told<'_>, explanation: &mut Explanation) {
    let (finding, told_so) = (told.finding, told.finding.message.to_string());
    let (ours, theirs) = (told.figure(&figures::VALUE), told.figure(&figures::COMPARED_WITH));
    let (Some(ours), Some(theirs), Some(limit)) = (ours, theirs, limit(told)) else { return explanation.states(told_so, finding.outcome) };
    if finding.outcome == Outcome::InsufficientEvidence {
        return explanation.states(told_so, finding.outcome);
    }
    let (by_z, change) = match limit.strip_prefix("a robust z of at most ").and_then(|rest| rest.split_once(", or ")) {
        Some((z, change)) => (decimal(z), change),
        None => (None, limit.as_str()),
    };
    let change = change.strip_prefix("a change of at most ").and_then(|change| change.parse::<Change>().ok());
    let Some(change) = change else { return explanation.states(told_so, finding.outcome) };
    let moved = explanation.derives("how far it moved", "|value − compared with|", (ours.clone() - theirs.clone()).abs());
    let reach = match change {
        Change::Relative(share) => {
            let reach = Expr::from(share.as_f64()) * theirs.clone().abs();
            explanation.derives("how far it may move", "`change` × |compared with|", reach)
        }
        Change::Points(distance) | Change::Absolute(distance) => distance.as_f64().into(),
    };
    explanation.notes("what rounding of floats may add counts as within: 8 × 2.2e-16 of the larger of both");
    let reach = reach + Expr::from(ROUNDING) * ours.abs().max(theirs.abs());
    match by_z {
        Some(limit) => {
            explanation
                .source("robust z: Iglewicz and Hoaglin 1993, 0.6745 × (value − median of the runs) / their median absolute deviation");
            if let Some(z) = told.figure(&figures::ROBUST_Z) {
                explanation.asks("is it usual among the runs?", Test::of(z.abs(), Is::AtMost, limit), Outcome::Pass);
            }
            explanation.asks("has it moved no further than it may?", Test::of(moved, Is::AtMost, reach), Outcome::Pass);
            explanation.otherwise(Outcome::Fail);
        }
        None => {
            explanation.asks("has it moved further than it may?", Test::of(moved, Is::Above, reach), Outcome::Fail);
            explanation.otherwise(Outcome::Pass);
        }
    }
}
