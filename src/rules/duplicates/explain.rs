//! The arithmetic of keys: how many there are, and how many rows repeat one.

use crate::findings::{Value, figures};
use crate::rules::explained::{Explanation, Told, by_group, rows};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        keys(told, explanation);
        rows(told, explanation);
    })
}

fn keys(told: &Told<'_>, explanation: &mut Explanation) {
    let (rows, distinct) = (told.figure(&figures::ROWS), told.figure(&figures::DISTINCT));
    let (Some(rows), Some(distinct)) = (rows, distinct) else { return };
    let (repeated, groups) = (told.value(&figures::DUPLICATE_ROWS), told.figure(&figures::DUPLICATED_GROUPS));
    explanation.computes("duplicate rows", "rows − distinct keys", rows.clone() - distinct.clone(), &repeated);
    let (distinctness, uniqueness) = (told.figure(&figures::DISTINCTNESS), told.figure(&figures::UNIQUENESS));
    let is_whole = told.figure(&figures::ROWS_IN_SCOPE).is_some_and(|all| all.value == rows.value);
    // Where missing parts are equal, keys without any part are keys too, and these two leave them out.
    if is_whole && !told.has("nulls") && distinctness.is_some() {
        let formula = "distinct keys / rows";
        explanation.computes("distinctness", formula, distinct.clone() / rows.clone(), &told.value(&figures::DISTINCTNESS));
        let formula = "(distinct keys − keys of several rows) / rows";
        if let Some(groups) = groups.clone() {
            let once = (distinct.clone() - groups.clone()) / rows;
            explanation.computes("uniqueness", formula, once, &told.value(&figures::UNIQUENESS));
        }
    } else if distinctness.is_some() {
        explanation.notes("distinctness and uniqueness are over rows with any part of the key; the report does not count them");
    }
    if let (Some(distinctness), Some(uniqueness)) = (distinctness, uniqueness) {
        let formula = "uniqueness / distinctness";
        explanation.computes("unique value ratio", formula, uniqueness / distinctness, &told.value(&figures::UNIQUE_VALUE_RATIO));
        explanation.source("distinctness, uniqueness, unique value ratio: Deequ (S. Schelter et al. 2018)");
    }
    // Rows that occur elsewhere, that another rule sets aside, or whose failing is known, are counted in other ways.
    let is_simple = is_whole && !told.has("across") && told.finding.known_rows == 0 && told.finding.taken_over.is_none();
    let failing = Value::from(told.finding.failing_rows);
    if let Some((repeats, groups)) = told.figure(&figures::DUPLICATE_ROWS).zip(groups).filter(|_| is_simple) {
        match told.word("keep") {
            Some("none") => explanation.computes(
                "failing rows",
                "duplicate rows + keys of several rows, of which none stays",
                repeats + groups,
                &failing,
            ),
            Some(_) | None => explanation.computes("failing rows", "duplicate rows: one row of each key stays", repeats, &failing),
        }
    }
}
