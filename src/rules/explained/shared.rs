//! The arithmetic that all rules share: rows in scope, failing, tolerated; a figure and its limit.

use super::{Explanation, Expr, Is, Test, Told, by_group};
use crate::findings::{Outcome, Unit, Value, figures};
use crate::rules::words::Tolerance;

/// Explains a finding of a rule that has no arithmetic of its own.
pub fn general(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let is_of_rows = told.figure(&figures::ROWS_IN_SCOPE).is_some();
        match &told.finding.limit {
            _ if is_of_rows => rows(told, explanation),
            _ if told.finding.unit == Unit::INCOMPATIBLE_CHANGES => changes(told, explanation),
            Value::Integer(_) | Value::Float(_) if Expr::of(&told.finding.observed).is_some() => at_limit(told, explanation),
            Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Nothing => {
                explanation.states(as_told(told), told.finding.outcome);
            }
        }
    })
}

/// Changes of columns: each is compatible or not.
fn changes(told: &Told<'_>, explanation: &mut Explanation) {
    let Some(breaking) = Expr::of(&told.finding.observed) else { return explanation.states(as_told(told), told.finding.outcome) };
    let taken = told.changes.iter().filter(|change| change.compatible && change.kind.takes_a_column_away()).count() as u64;
    explanation.asks("is a change not compatible?", Test::of(breaking, Is::Above, 0u64), Outcome::Fail);
    let question = "does a compatible change take a column away, which no rule can judge then?";
    explanation.asks(question, Test::of(taken, Is::Above, 0u64), Outcome::Warn);
    explanation.otherwise(Outcome::Pass);
}

/// What the report says of it.
fn as_told(told: &Told<'_>) -> String {
    match told.finding.message.to_string() {
        empty if empty.is_empty() => "the report says so, and nothing more".to_owned(),
        message => message,
    }
}

/// Rows that fail against what is tolerated.
pub(in crate::rules) fn rows(told: &Told<'_>, explanation: &mut Explanation) {
    let finding = told.finding;
    let Some(of) = told.figure(&figures::ROWS_IN_SCOPE) else {
        return explanation.states(as_told(told), finding.outcome);
    };
    let failing = || Expr::from(finding.failing_rows);
    explanation.computes("share of failing rows", "failing rows / rows in scope", failing() / of.clone(), &Value::Nothing);
    match tolerated(&finding.limit, &finding.unit) {
        Some(tolerance) => beyond(told, tolerance, (failing(), of.clone()), Outcome::Fail, explanation),
        None => explanation.notes("any number of failing rows is tolerated: `tolerate` is not written beside a limit of the rule's own"),
    }
    if let Some(warn) = told.word("warn").and_then(|text| text.parse::<Tolerance>().ok()) {
        beyond(told, warn, (failing(), of), Outcome::Warn, explanation);
    }
    if finding.known_rows > 0 {
        let test = Test::of(failing(), Is::AtMost, 0u64).and(Test::of(finding.known_rows, Is::Above, 0u64));
        explanation.asks("is every failing row a known issue?", test, Outcome::Known);
    } else if finding.outcome == Outcome::Known {
        return explanation.states("every failing row is a known issue", Outcome::Known);
    }
    explanation.otherwise(Outcome::Pass);
}

/// What is tolerated, by the limit of a finding that counts rows.
fn tolerated(limit: &Value, unit: &Unit) -> Option<Tolerance> {
    match limit {
        Value::Integer(rows) => Some(Tolerance { share: None, rows: u64::try_from(*rows).ok() }),
        Value::Float(share) if *unit == Unit::SHARE_OF_ROWS => share.to_string().parse().ok(),
        Value::Text(text) => text.parse().ok(),
        Value::Float(_) | Value::Nothing => None,
    }
}

/// Asks whether so many rows of so many are more than a tolerance.
fn beyond(told: &Told<'_>, tolerance: Tolerance, (failing, of): (Expr, Expr), outcome: Outcome, explanation: &mut Explanation) {
    let word = if outcome == Outcome::Warn { "warn" } else { "tolerate" };
    if let Some(share) = tolerance.share {
        let test = Test::of(failing.clone() / of, Is::Above, share.as_f64());
        explanation.asks(format!("is the share of failing rows more than `{word}` allows?"), test, outcome);
    }
    if let Some(rows) = tolerance.rows {
        let is_written = told.has(word) || rows > 0;
        let question = if is_written { format!("do more rows fail than `{word}` allows?") } else { "does any row fail?".to_owned() };
        explanation.asks(question, Test::of(failing, Is::Above, rows), outcome);
    }
}

/// A figure against the number that is its limit.
pub(in crate::rules) fn at_limit(told: &Told<'_>, explanation: &mut Explanation) {
    let finding = told.finding;
    let (Some(observed), Some(limit)) = (Expr::of(&finding.observed), Expr::of(&finding.limit)) else {
        return explanation.states(as_told(told), finding.outcome);
    };
    explanation.asks("is it more than the limit?", Test::of(observed, Is::Above, limit), Outcome::Fail);
    explanation.otherwise(Outcome::Pass);
}

/// Whether there was nothing to judge, or too little: says why.
pub(super) fn is_unjudged(told: &Told<'_>, explanation: &mut Explanation) -> bool {
    let finding = told.finding;
    if let Some((rows, least)) = too_few(told) {
        let outcome = if told.word("require_evidence") == Some("true") { Outcome::Fail } else { Outcome::NotJudged };
        explanation.asks("are there fewer rows than `min_rows`?", Test::of(rows, Is::Below, least), outcome);
        return true;
    }
    let rows = told.figure(&figures::ROWS_IN_SCOPE).is_some() || told.figure(&figures::ROWS).is_some();
    match finding.outcome {
        Outcome::NoData => explanation.states(as_told(told), Outcome::NoData),
        // A group that could not be judged, where the rule file asks for evidence of every group.
        Outcome::Fail
            if !rows
                && finding.figures.iter().all(|(name, _)| name == figures::FAILING_ROWS.name)
                && finding.observed.is_nothing()
                && told.has("require_evidence") =>
        {
            explanation.states(format!("{}, and `require_evidence` demands it", as_told(told)), Outcome::Fail);
        }
        Outcome::Fail | Outcome::NotJudged | Outcome::Pass | Outcome::Known | Outcome::Warn | Outcome::InsufficientEvidence => {
            return false;
        }
    }
    true
}

/// How many rows there are, and how many there must be, where there are fewer than `min_rows`.
fn too_few(told: &Told<'_>) -> Option<(Expr, Expr)> {
    let finding = told.finding;
    let names = [figures::ROWS.name, figures::FAILING_ROWS.name];
    if finding.figures.iter().any(|(name, _)| !names.contains(&name)) || !told.has("min_rows") {
        return None;
    }
    let rows = told.figure(&figures::ROWS)?;
    let least = match &finding.limit {
        Value::Integer(_) => Expr::of(&finding.limit)?,
        Value::Nothing | Value::Float(_) | Value::Text(_) => told.word("min_rows")?.parse::<u64>().ok()?.into(),
    };
    (rows.value < least.value).then_some((rows, least))
}
