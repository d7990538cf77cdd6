//! The arithmetic of rows that differ.

use crate::findings::{Outcome, figures};
use crate::rules::explained::{Explanation, Expr, Is, Test, Told, by_group};
use crate::rules::words::Tolerance;

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let figure = |name| told.figure(name);
        let differing = figure(&figures::ADDED).zip(figure(&figures::REMOVED)).zip(figure(&figures::CHANGED));
        let rows = figure(&figures::ROWS_IN_SCOPE).zip(figure(&figures::OTHER_ROWS)).zip(figure(&figures::IN_BOTH));
        let Some((((added, removed), changed), ((batch, other), both))) = differing.zip(rows) else {
            return explanation.states(told.finding.message.to_string(), told.finding.outcome);
        };
        let all = explanation.computed(
            "observed",
            "added + removed + changed",
            added.clone() + removed.clone() + changed.clone(),
            &told.finding.observed,
        );
        let unpaired = [&figures::REPEATED_KEYS, &figures::OTHER_REPEATED_KEYS, &figures::WITHOUT_KEY, &figures::OTHER_WITHOUT_KEY];
        let unpaired: Vec<Expr> = unpaired.into_iter().filter_map(figure).collect();
        match unpaired.is_empty() {
            true => {
                let failing = added.clone() + changed.clone();
                explanation.computes("failing rows", "added + changed", failing, &told.finding.failing_rows.into());
            }
            false => explanation.notes("failing rows are those added, those changed, and those of the batch that cannot be paired"),
        }
        let limits = [("max_changed", changed, both), ("max_added", added, batch), ("max_removed", removed, other)];
        if limits.iter().all(|(word, ..)| !told.has(word)) {
            explanation.notes("no limit is written: nothing may differ");
            explanation.asks("does any row differ?", Test::of(all, Is::Above, 0u64), Outcome::Fail);
            let columns = figure(&figures::DIFFERING_COLUMNS).unwrap_or_else(|| 0u64.into());
            explanation.asks("do columns differ?", Test::of(columns, Is::Above, 0u64), Outcome::Fail);
        }
        let mut warned = None;
        for (word, part, whole) in limits {
            if let Some(limit) = told.parsed::<Tolerance>(word) {
                held(word, limit, (part.clone(), whole.clone()), Outcome::Fail, explanation);
                warned = told.parsed::<Tolerance>("warn").map(|warn| (warn, part, whole));
            }
        }
        let question = "are there keys that occur several times, or rows without a whole key?";
        explanation.asks(question, Test::of(Expr::sum(unpaired), Is::Above, 0u64), Outcome::Fail);
        if let Some((warn, part, whole)) = warned {
            held("warn", warn, (part, whole), Outcome::Warn, explanation);
        }
        explanation.otherwise(Outcome::Pass);
    })
}

/// Asks whether so many of so many are more than a limit.
fn held(word: &str, limit: Tolerance, (part, whole): (Expr, Expr), follows: Outcome, explanation: &mut Explanation) {
    if let Some(most) = limit.share {
        match whole.value > 0.0 {
            true => {
                let test = Test::of(part.clone() / whole, Is::Above, most.as_f64());
                explanation.asks(format!("is the share more than `{word}` allows?"), test, follows);
            }
            false => explanation.notes(format!("there is nothing that `{word}` could be a share of")),
        }
    }
    if let Some(most) = limit.rows {
        explanation.asks(format!("are there more than `{word}` allows?"), Test::of(part, Is::Above, most), follows);
    }
}
