//! Judges without publishing, and asks the store what the gate would ask it: both agree.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::failing;
use super::releasing::{self, Place};
use super::summaries::{Choice, read};
use crate::assemble::{self, Header};
use crate::audit::Kept;
use crate::audit::{self, Audited, Job, Keeps, NoSink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::builtin::SOURCE;
use crate::findings::{Finding, OnFail, Outcome};
use crate::identity;
use crate::report::Report;
use crate::report::model::Mode;
use crate::rows::RowSet;
use crate::ruleset::RuleFile;
use crate::source::Source;
use crate::store::Store;
use crate::summary::Summary;
use crate::verdict::Verdict;

/// As what data is judged, and for whom.
#[derive(Clone, Default)]
pub struct Wanted<'a> {
    /// Where the gate would publish it.
    pub place: Option<Place<'a>>,
    /// The batch's id; if there is none, it follows from the content.
    pub batch_id: Option<&'a str>,
    /// The time that ages are measured against, if it was set.
    pub as_of: Option<String>,
    /// Where every failing row is written, if it is.
    pub failing_rows: Option<&'a Path>,
}

/// Judges the job's data; what was audited tells more of its rows. The run began at the job's clock.
///
/// # Errors
/// What cannot be judged; or the store cannot take a batch that may be published.
pub fn judge(job: &Job<'_>, wanted: Wanted<'_>) -> Result<(Judged, Audited), Faults> {
    let Wanted { place, batch_id, as_of, failing_rows } = wanted;
    identity::ensure_name(batch_id)?;
    let evolution = job.rules.sections.evolution();
    let takes = |columns: &SchemaRef| place.map_or(Ok(Ok(())), |place| place.publish.takes(columns, evolution));
    // Where the store cannot take these columns, the batch is judged all the same: the finding about its schema says so.
    let readable = |columns: &SchemaRef| takes(columns).map(|_| ());
    let audited = audit::audit(job, &NoSink { columns: Some(&readable) })?;
    let id = batch_id.map(str::to_owned).or_else(|| audited.identity.derived_id()).unwrap_or_default();
    let header = Header { mode: Mode::Check, batch_id: id, began: Some(job.now), as_of };
    let set_aside = audited.set_aside();
    let mut report = assemble::assemble(header, job.rules, &audited, set_aside.len(), None);
    place.map_or(Ok(()), |place| releasing::told_beside(job, &place, batch_id, &audited, &mut report))?;
    match report.verdict {
        Verdict::Accept | Verdict::Quarantine => takes(&audited.plan.prepare.schema)??,
        Verdict::Reject | Verdict::Undecided => {}
    }
    if let Some(to) = failing_rows {
        failing::write(job, &audited, &set_aside, to)?;
    }
    let summary = summary(job, &audited, &report, &set_aside)?;
    Ok((Judged { report, summary }, audited))
}

/// Judges the published batches of `choice` from their summaries alone. `make` makes the job over a source with their columns.
///
/// # Errors
/// There is no such batch, none has a summary, or the rules do not fit.
pub fn judge_published<'a>(
    rules: &'a RuleFile,
    store: &dyn Store,
    choice: &Choice,
    as_of: Option<String>,
    make: &dyn Fn(Arc<dyn Source>) -> Result<Job<'a>, Faults>,
) -> Result<Report, Faults> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (kept, lacking) = read(store, choice, None, threads)?;
    ensure_there(store, choice, &kept, &lacking)?;
    let job = make(audit::source_of(rules, &kept.parts)?)?;
    let mut judged = audit::audit_summaries(&job, &kept.parts)?;
    if !lacking.is_empty() {
        const SHOWN_MAX: usize = 5;
        let shown = lacking.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more = if lacking.len() > SHOWN_MAX { ", …" } else { "" };
        let all = lacking.len() + kept.parts.len();
        let what = format!("{} of {all} published batches have no summary here, and are not judged: {shown}{more}", lacking.len());
        judged.audited.findings.push(Finding::builtin(&SOURCE, Outcome::Warn, OnFail::Warn, what).into());
    }
    let header = Header { mode: Mode::Check, batch_id: String::new(), began: Some(job.now), as_of };
    Ok(assemble::assemble_summaries(header, rules, &judged, &store.to_string()))
}

fn ensure_there(store: &dyn Store, choice: &Choice, kept: &Kept, lacking: &[String]) -> Result<(), Fault> {
    if let Choice::Batches(batches) = choice {
        let known = || kept.parts.iter().map(|(name, _)| name.as_str()).chain(lacking.iter().map(String::as_str));
        if let Some(gone) = batches.iter().find(|batch| !known().any(|name| name == **batch)) {
            let published = read(store, &Choice::All, None, 1).map_or_else(|_| Vec::new(), |(all, _)| all.parts);
            let fault = Fault::new(Code::NotPublished, format!("{store}: batch `{gone}` is not published"));
            return Err(fault.hint_nearest(gone, published.iter().map(|(name, _)| name.as_str())));
        }
    }
    match (kept.parts.is_empty(), lacking.is_empty()) {
        (false, _) => Ok(()),
        (true, true) => Err(Fault::new(Code::NotPublished, format!("{store}: nothing is published"))),
        (true, false) => {
            let what = format!("{store}: no summary is kept of any published batch");
            let hint = "gating a batch again writes its summary, unless `gate: { summaries: none }` stands in the rule file;                         to judge the rows themselves, name them as data: `sluicegate check DATA`";
            Err(Fault::new(Code::NeedsScan, what).hint(hint))
        }
    }
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
