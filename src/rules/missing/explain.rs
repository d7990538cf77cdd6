//! The arithmetic of completeness and of runs.

use crate::findings::{Outcome, Value, figures};
use crate::rules::explained::{Explanation, Expr, Is, Test, Told, by_group, rows};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        if let (Some(of), Some(missing)) = (told.figure(&figures::ROWS_IN_SCOPE), told.figure(&figures::MISSING)) {
            let completeness = (of.clone() - missing.clone()) / of.clone();
            let formula = "(rows in scope − missing) / rows in scope";
            explanation.computes("completeness", formula, completeness, &told.value(&figures::COMPLETENESS));
            explanation.source("completeness: Deequ (S. Schelter et al. 2018, Automating large-scale data quality verification)");
            let known = Expr::from(told.finding.known_rows);
            let failing = Value::from(told.finding.failing_rows);
            match told.word("must_be") {
                Some(_) => explanation.computes("failing rows", "rows in scope − missing − known", of - missing - known, &failing),
                // Of one group the report does not tell how many are known.
                None if !told.has("by") => {
                    explanation.computes("failing rows", "missing − known", missing - known, &failing);
                }
                None => {}
            }
        }
        if let Some((longest, most)) =
            told.figure(&figures::LONGEST_RUN).zip(told.word("max_run").and_then(|text| text.parse::<u64>().ok()))
        {
            explanation.asks("are more values missing in a row than `max_run` allows?", Test::of(longest, Is::Above, most), Outcome::Fail);
        }
        rows(told, explanation);
    })
}
