//! The keys of rows, for whoever judges rows one by one and remembers the keys before them.

use super::bind::Plan;
use crate::diagnostic::{Code, Fault};
use crate::metric::Column;
use crate::metric::canonical::Normalize;
use crate::metric::keys::{KeyRows, hashes};
use crate::prepare::Prepared;
use crate::rows::Mask;
use crate::rules::RepeatedKey;
use crate::rules::words::Over;

/// A rule that lets the first row of each key pass, and no other.
pub(super) struct KeyPlan {
    /// Its index among the plan's checks.
    pub(super) check: usize,
    columns: Vec<usize>,
    rows: KeyRows,
    normalize: Normalize,
    condition: Option<usize>,
    over: Over,
}

impl KeyPlan {
    /// Of every rule of the plan that can be judged so.
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        let of = |(check, planned): (usize, &super::PlannedCheck)| {
            let RepeatedKey { columns, rows, normalize } = planned.check.as_ref().ok()?.repeated_key()?;
            // Groups, and a number of rows below which nothing is judged, are known in a whole batch alone.
            let is_whole = planned.groups.is_none() && planned.rows_judged.is_none();
            let (condition, over) = (planned.scope.condition, planned.scope.over);
            is_whole.then_some(Self { check, columns, rows, normalize, condition, over })
        };
        plan.checks.iter().enumerate().filter_map(of).collect()
    }

    /// The hash of each row's key; none for rows that are not compared.
    ///
    /// # Errors
    /// The rule's `where` cannot be computed on a row.
    pub(super) fn hashes(&self, batch: &Prepared, sound: &Mask, plan: &Plan) -> Result<Vec<Option<u128>>, Fault> {
        let len = batch.rows.len();
        let mut selection = match self.over {
            Over::Sound => sound.clone(),
            Over::All => Mask::All,
        };
        if let Some(condition) = self.condition.map(|condition| &plan.requests.conditions[condition]) {
            let expression = &condition.expression;
            let array = |&column: &usize| plan.prepare.values(&batch.columns, column).map(|values| values.array);
            let arrays: Option<Vec<_>> = expression.columns.iter().map(array).collect();
            let (holds, failures) = expression.test(&arrays.ok_or_else(unread)?, len);
            if let Some(failure) = failures.iter().find(|failure| selection.bits(len).value(failure.row)) {
                let row = u64::from(batch.rows.get(failure.row)) + 1;
                let what = format!("cannot tell whether this holds for row {row}: {}", failure.reason);
                return Err(Fault::new(Code::ExpressionFailed, what).at(condition.at.clone()));
            }
            selection = selection.and(&Mask::from_boolean(&holds, false));
        }
        let column = |&column: &usize| plan.prepare.values(&batch.columns, column).map(|values| Column::new(values.array));
        let columns: Vec<Column> = self.columns.iter().map(column).collect::<Option<_>>().ok_or_else(unread)?;
        Ok(hashes(&columns.iter().collect::<Vec<_>>(), (self.rows, self.normalize), &selection, len))
    }
}

fn unread() -> Fault {
    Fault::new(Code::Internal, "internal error: a column of a key was not read")
}
