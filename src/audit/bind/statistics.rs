//! Row tests that the source's own statistics already answer.

use std::collections::HashSet;

use crate::audit::Plan;
use crate::metric::ColumnStatistics;
use crate::metric::completeness::Counts;
use crate::rules::StateRequest;
use crate::rules::words::{Nulls, Over};
use crate::source::Source;

/// What is certain of a column of [`crate::prepare::Prepare::rule_schema`]: nothing once rows are cleaned away or it is computed.
pub(super) fn statistics(source: &dyn Source, plan: &Plan, column: usize) -> Option<ColumnStatistics> {
    if plan.prepare.changes_rows() || !plan.prepare.is_untouched(column) {
        return None;
    }
    source.known().statistics_of(column)
}

/// By row test: whether no row can fail it.
pub(super) fn passed_tests(source: &dyn Source, plan: &Plan) -> Vec<bool> {
    let proven = |test: &crate::rules::TestRequest| {
        let [column] = test.columns.as_slice() else { return false };
        // Rows of a group, or of a condition, are not counted by any footer.
        if test.scope.condition.is_some() || !test.scope.by.is_empty() || !test.known.is_empty() {
            return false;
        }
        let Some(statistics) = statistics(source, plan, *column) else { return false };
        let nulls_pass = test.policy.nulls == Nulls::Pass || statistics.missing == 0;
        nulls_pass && test.test.passes_by_statistics(&statistics)
    };
    plan.requests.tests.iter().map(proven).collect()
}

/// By state: how many rows and missing values there are, where that is all it counts; of sound rows only where no row can
/// be unsound.
pub(super) fn counts(source: &dyn Source, plan: &Plan) -> Vec<Option<Counts>> {
    let tests = plan.requests.tests.iter().zip(&plan.passed_by_statistics);
    let all_sound = tests.into_iter().all(|(test, proven)| *proven || !test.policy.sets_aside_at_once());
    // What counts for sound rows too must be there to part from them.
    let of_sound = plan.requests.states.iter().filter(|s| s.scope.over == Over::Sound && s.is_completeness());
    let shared: HashSet<&[usize]> = of_sound.map(|s| s.columns.as_slice()).collect();
    let is_shared = |request: &StateRequest| shared.contains(request.columns.as_slice());
    let given = |request: &StateRequest| {
        let [column] = request.columns.as_slice() else { return None };
        let is_plain = request.is_completeness() && request.scope.condition.is_none() && request.scope.by.is_empty();
        let is_certain = all_sound || (request.scope.over == Over::All && !is_shared(request));
        let ColumnStatistics { rows, missing, .. } = statistics(source, plan, *column).filter(|_| is_plain && is_certain)?;
        Some(Counts { rows, missing })
    };
    plan.requests.states.iter().map(given).collect()
}
