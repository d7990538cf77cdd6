//! Judges without publishing, and asks the store what the gate would ask it: both agree.

use arrow::datatypes::SchemaRef;

use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job, Keeps, NoSink};
use crate::diagnostic::Faults;
use crate::identity;
use crate::report::Report;
use crate::report::model::Mode;
use crate::rows::RowSet;
use crate::store::Store;
use crate::summary::Summary;
use crate::verdict::Verdict;

/// Judges the job's data as the batch `batch_id`, or as the one whose id follows from its content, for `store` if the gate
/// would publish it. The run began at the job's clock; ages are measured against `as_of`, if that was set.
///
/// # Errors
/// What cannot be judged; or the store cannot take a batch that may be published.
pub fn judge(job: &Job<'_>, store: Option<&dyn Store>, batch_id: Option<&str>, as_of: Option<String>) -> Result<Judged, Faults> {
    identity::ensure_name(batch_id)?;
    let evolution = job.rules.sections.evolution();
    let takes = |columns: &SchemaRef| store.map_or(Ok(Ok(())), |store| store.takes(columns, evolution));
    // Where the store cannot take these columns, the batch is judged all the same: the finding about its schema says so.
    let readable = |columns: &SchemaRef| takes(columns).map(|_| ());
    let audited = audit::audit(job, &NoSink { columns: Some(&readable) })?;
    let batch_id = batch_id.map(str::to_owned).or_else(|| audited.identity.derived_id()).unwrap_or_default();
    let header = Header { mode: Mode::Check, batch_id, began: Some(job.now), as_of };
    let set_aside = audited.set_aside();
    let report = assemble::assemble(header, job.rules, &audited, set_aside.len(), None);
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine => takes(&audited.plan.prepare.schema)??,
        Verdict::Reject | Verdict::Undecided => {}
    }
    let summary = summary(job, &audited, &report, &set_aside)?;
    Ok(Judged { report, summary })
}

/// What came of a batch: the report and, where the job says that it is kept, the summary of the rows that pass.
#[derive(Debug)]
pub struct Judged {
    pub report: Report,
    pub summary: Option<Summary>,
}

/// The summary of the rows that pass, if it shall be kept.
///
/// # Errors
/// The data cannot be read again.
pub(super) fn summary(job: &Job<'_>, audited: &Audited, report: &Report, set_aside: &RowSet) -> Result<Option<Summary>, Faults> {
    match job.keeps {
        Keeps::Nothing => Ok(None),
        Keeps::Asked | Keeps::Everything => {
            let batch = Some(report.batch.id.as_str()).filter(|id| !id.is_empty());
            audited.summary(job, batch, set_aside).map(Some)
        }
    }
}
