//! The arithmetic of periods without a row, and of ranges that overlap.

use crate::findings::{Outcome, figures};
use crate::rules::explained::{Explanation, Is, Test, Told, by_group, rows};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| match told.figure(&figures::PERIODS).zip(told.figure(&figures::MISSING_PERIODS)) {
        Some((expected, missing)) => {
            explanation.notes("periods that `allow` names and that have no row are not expected");
            explanation.derives("periods with a row", "periods − missing periods", expected - missing.clone());
            explanation.asks("has an expected period no row?", Test::of(missing, Is::Above, 0u64), Outcome::Fail);
            explanation.otherwise(Outcome::Pass);
        }
        None => {
            if told.figure(&figures::OVERLAPPING_ROWS).is_some() {
                explanation.notes("failing rows are those that overlap another and those that end before they begin");
            }
            rows(told, explanation);
        }
    })
}
