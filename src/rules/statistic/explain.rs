//! The arithmetic of a measure and its bounds.

use crate::findings::figures;
use crate::rules::explained::{Explanation, Told, bounds, by_group, compared};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        if let Some(formula) = told.word("of").and_then(formula) {
            explanation.notes(format!("the value is {formula}"));
        }
        match told.figure(&figures::COMPARED_WITH) {
            Some(_) => compared(told, explanation),
            None => bounds(told, &told.value(&figures::VALUE), explanation),
        }
    })
}

/// What a measure is, in a formula.
fn formula(of: &str) -> Option<&'static str> {
    Some(match of {
        "min" => "the smallest value",
        "max" => "the largest value",
        "mean" => "Σ x / n",
        "sum" => "Σ x",
        "stddev" => "√(Σ (x − mean)² / (n − 1)), the sample standard deviation",
        "median" | "quantile" => "a quantile by linear interpolation (type 7 of Hyndman and Fan 1996)",
        "distinct" => "the number of different values",
        "distinct_share" => "different values / rows with a value (Deequ's Distinctness)",
        "unique_share" => "values that occur once / rows with a value (Deequ's Uniqueness)",
        "most_common" => "rows with the most frequent value / rows with a value",
        "correlation" => "Pearson's r = Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² · Σ (y − ȳ)²)",
        "cramers_v" => "Cramér's V = √(χ² / (n · (min(rows, columns) − 1)))",
        _ => return None,
    })
}
