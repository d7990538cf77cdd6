//! What the row tests say of a batch: which rows fail what, and which rows are sound.
//!
//! Four words, in the order in which they follow from each other. A row *fails* a row test. If the test's rule quarantines
//! and tolerates no failing row, such a row goes *at once*: no measure counts it. A row that goes at once is *unsound*.
//! When all rows are counted, rows are *set aside*: the malformed ones, and those that fail a rule which failed and
//! quarantines. So unsound rows are always among those set aside.

use super::batch::{RowBatch, UndecidableRow};
use crate::audit::Plan;
use crate::rows::Mask;
use crate::rules::TestRequest;
use crate::rules::words::Nulls;

/// What each row test says, and what follows.
pub(crate) struct RowOutcomes {
    /// By row test; none where the source's own statistics prove that no row fails.
    pub(crate) tests: Vec<Option<TestOutcome>>,
    /// Rows that fail a test which sets aside at once.
    pub(crate) unsound: Mask,
    pub(super) undecidable: Option<UndecidableRow>,
}

/// What one row test says.
pub(crate) struct TestOutcome {
    /// Rows that the rule speaks of.
    pub(crate) scope: Mask,
    /// Of these, rows that fail and are no known issue.
    pub(crate) fails: Mask,
    /// Rows that fail and are a known issue.
    pub(crate) known: Mask,
}

impl RowOutcomes {
    /// Runs the plan's row tests.
    pub(super) fn of(batch: &RowBatch, plan: &Plan) -> Self {
        let mut all = Self { tests: Vec::with_capacity(plan.requests.tests.len()), unsound: Mask::None, undecidable: None };
        for (request, proven) in plan.requests.tests.iter().zip(&plan.passed_by_statistics) {
            if *proven {
                all.tests.push(None);
                continue;
            }
            let conditions = request.scope.condition.iter().chain(&request.known).copied();
            if let Some(more) = batch.undecidable(conditions, &Mask::All)
                && all.undecidable.as_ref().is_none_or(|first| more.comes_before(first))
            {
                all.undecidable = Some(more);
            }
            let outcome = TestOutcome::of(request, batch);
            if request.policy.sets_aside_at_once() {
                all.unsound = all.unsound.or(&outcome.fails);
            }
            all.tests.push(Some(outcome));
        }
        all
    }
}

impl TestOutcome {
    fn of(request: &TestRequest, batch: &RowBatch) -> Self {
        let scope = batch.scope(&request.scope);
        let columns = batch.columns(&request.columns);
        let tested = match request.columns.first().and_then(|c| batch.ends.get(c)) {
            Some(ends) => request.test.test(&columns, columns[0].len()).by_rows(ends),
            None => request.test.test(&columns, batch.len()),
        };
        let decided = tested.fails.without(&tested.unknown);
        let fails = match request.policy.nulls {
            Nulls::Pass => decided,
            Nulls::Fail => decided.or(&tested.unknown),
        };
        let fails = fails.and(&scope);
        let mut known = Mask::None;
        for condition in &request.known {
            if let Some(holds) = &batch.conditions[*condition] {
                known = known.or(&holds.rows);
            }
        }
        let known = known.and(&fails);
        Self { fails: fails.without(&known), scope, known }
    }
}
