//! What becomes of a batch as a whole: published, withheld, or set aside to the last row (a dead letter).

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::Request;
use super::prior::Prior;
use super::staging::Staging;
use crate::audit::{Audited, Job};
use crate::diagnostic::{Fault, Faults};
use crate::report::model::{PublicationState, RowTotals};
use crate::rows::RowSet;
use crate::ruleset::{OnReject, RuleFile};
use crate::source::ContractColumn;
use crate::store::{Stage, Store, Terms};
use crate::verdict::Verdict;

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// What may pass is published, the rest set aside.
    Published,
    /// Nothing is written.
    Withheld,
    /// All of it is set aside.
    SetAside,
}

impl Fate {
    /// That of a batch with this verdict, which a person may have released.
    pub(super) fn of(request: &Request, verdict: Verdict, is_released: bool) -> Self {
        match (verdict, request.on_reject) {
            (Verdict::Accept | Verdict::Quarantine, _) => Self::Published,
            (Verdict::Reject, _) if is_released => Self::Published,
            (Verdict::Reject | Verdict::Undecided, OnReject::Halt) => Self::Withheld,
            (Verdict::Reject | Verdict::Undecided, OnReject::DeadLetter) => Self::SetAside,
        }
    }

    /// What the report says once it is done; `prior` is what was there before.
    pub(super) fn state(self, prior: &Prior) -> PublicationState {
        match self {
            Self::Published => prior.state(),
            Self::Withheld => PublicationState::Withheld,
            Self::SetAside => PublicationState::SetAside,
        }
    }
}

/// All rows of the batch, those too that `clean` would have dropped; `rows` become what the report says of them.
pub(super) fn everything(audited: &Audited, rows: &mut RowTotals) -> RowSet {
    let mut all = RowSet::default();
    for unit in audited.row_origins.units() {
        all.insert_unit(unit.index, (0..audited.row_origins.records_of(unit.index)).collect());
    }
    *rows = RowTotals { quarantined: rows.read, published: 0, filtered: 0, rejected: 0, ..*rows };
    all
}

/// A stage without rows, of columns that do not come from a batch that did not pass: the table's, or the contract's.
///
/// # Errors
/// The store cannot be read or written.
pub(super) fn stage(job: &Job<'_>, request: &Request, staging: Staging<'_>) -> Result<Box<dyn Stage>, Faults> {
    match columns_without_rows(request.publish.as_ref(), job.rules)? {
        Some(columns) => Ok(request.publish.stage(&columns, job.rules.sections.evolution(), None)??),
        None => Ok(staging.into_staged()?),
    }
}

/// The columns of a commit without rows: those of the table, else of the contract; none where there is neither.
///
/// # Errors
/// The store cannot be read.
pub(super) fn columns_without_rows(publish: &dyn Store, rules: &RuleFile) -> Result<Option<SchemaRef>, Fault> {
    Ok(match publish.terms()? {
        Terms::Table(Some(table)) => Some(table.schema),
        Terms::Table(None) | Terms::Nothing => of_contract(&rules.contract()),
    })
}

/// The columns that a contract names with their types; none where it names none.
fn of_contract(contract: &[ContractColumn]) -> Option<SchemaRef> {
    let field = |column: &ContractColumn| Some(Field::new(&column.name, column.data_type.clone()?, true));
    let fields: Vec<Field> = contract.iter().filter_map(field).collect();
    (!fields.is_empty()).then(|| Arc::new(Schema::new(fields)))
}
