//! The arithmetic of rows that two splits share.

use crate::findings::{Outcome, figures};
use crate::rules::explained::{Explanation, Is, Test, Told, by_group, rows};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        let shared = [&figures::SHARED_KEY_ROWS, &figures::SHARED_GROUP_ROWS, &figures::SHARED_TIME_ROWS, &figures::NEAR_ROWS];
        if shared.into_iter().filter(|name| told.figure(name).is_some()).count() > 1 {
            explanation.notes("a row that fails several comparisons is one failing row");
        }
        if let Some((earlier, later)) = told.figure(&figures::EARLIER_ROWS).zip(told.figure(&figures::LATER_ROWS)) {
            let is_around = Test::of(earlier, Is::Above, 0u64).and(Test::of(later, Is::Above, 0u64));
            explanation.asks("are there rows before the other split begins and after it ends?", is_around, Outcome::Fail);
        }
        if told.figure(&figures::NEAR_ROWS).is_some() {
            explanation.source("texts: A. Z. Broder 1997, On the resemblance and containment of documents (MinHash)");
        }
        rows(told, explanation);
    })
}
