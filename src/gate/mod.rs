//! The gate: stage while the audit folds, set aside, filter, commit. The only writer of data.

mod failing;
mod fate;
mod file_counts;
mod judging;
mod merging;
mod moving;
mod parents;
mod prepared;
mod prior;
mod published;
mod publishing;
mod releasing;
pub mod replay;
mod rules_of_rows;
mod set_aside;
mod splitting;
mod staging;
mod summaries;
mod tables;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::judging::{Judged, Wanted, judge, judge_published};
pub use self::merging::Merging;
pub use self::moving::{Moving, remember};
pub use self::parents::{Parent, Parents, published_parents};
use self::prepared::Judging;
pub use self::published::PublishedTable;
pub use self::releasing::{AskedRelease, Place};
pub use self::splitting::{Split, split};
pub use self::summaries::{Choice, keeps};
pub use self::tables::{TableJob, gate_tables};
use crate::assemble::{self, Header};
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity;
use crate::report::Report;
use crate::report::model::Mode;
use crate::rows::RowSet;
use crate::ruleset::OnReject;
use crate::store::{GateLock, Position, Quarantine, Stamp, Store, Waiting};

/// What the gate shall do.
pub struct Request {
    pub publish: Arc<dyn Store>,
    /// Whether a summary is kept beside the batch; the job says what is in it.
    pub keeps_summary: bool,
    /// The store as rules see it; the job has the same.
    pub table: Arc<PublishedTable>,
    pub quarantine: Quarantine,
    pub batch_id: Option<String>,
    /// Whether the batch may take the place of another under its id.
    pub supersede: bool,
    /// The column whose published values the batch's rows take the place of.
    pub replace: Option<String>,
    /// How the batch's rows become those of the table by their key.
    pub merge: Option<Merging>,
    /// What is to become of a batch that does not pass as a whole.
    pub on_reject: OnReject,
    /// That the batch shall be published although it is rejected, if a person asks for that.
    pub release: Option<AskedRelease>,
    /// What the batch moves on, where it does not stand for itself.
    pub moving: Option<Moving>,
    /// Where every failing row is written, if it is.
    pub failing_rows: Option<PathBuf>,
    /// Judge, and say what would be done.
    pub dry_run: bool,
    /// The time that ages are measured against, if it was set.
    pub as_of: Option<String>,
    /// How long to wait for other gates.
    pub waiting: Waiting,
}

impl Request {
    /// What the batch moves on; nothing if it stands for itself.
    fn positions(&self) -> &[Position] {
        self.moving.as_ref().map_or(&[], |moving| &moving.positions)
    }

    /// Where a dry run writes: a directory of its own, which goes when it ends.
    fn scratch(job: &Job<'_>) -> PathBuf {
        job.budget.spill_directory().to_owned()
    }
}

/// Judges the job's data and publishes what may pass.
///
/// # Errors
/// What cannot be judged, or written; then the destination is as it was.
pub fn gate(job: &Job<'_>, request: &Request) -> Result<Judged, Faults> {
    attempts(job, request).map_err(|faults| job.quiet(faults))
}

/// Refuses what the destination can never do.
fn ensure_allowed(request: &Request) -> Result<(), Fault> {
    identity::ensure_name(request.batch_id.as_deref())?;
    if request.replace.is_some() {
        request.publish.allow_replacing()?;
    }
    if request.merge.is_some() {
        request.publish.allow_merging()?;
    }
    Ok(())
}

fn attempts(job: &Job<'_>, request: &Request) -> Result<Judged, Faults> {
    ensure_allowed(request)?;
    let mut hold = None;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(judged) = attempt(job, request, &mut hold)? {
            return Ok(judged);
        }
        request.table.drop_snapshot();
    }
    let what = format!("{}: others keep changing the table", request.publish);
    Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the gate again").into())
}

/// Judges and publishes; none if others have changed the table that the batch was judged beside.
fn attempt(job: &Job<'_>, request: &Request, hold: &mut Option<GateLock>) -> Result<Option<Judged>, Faults> {
    let Judging { prepared, mut report, staging } = Judging::of(job, request)?;
    // From here on, what is there stays as it is seen.
    if hold.is_none() && !request.dry_run {
        *hold = Some(request.publish.hold(&request.quarantine, &request.waiting)?);
    }
    if request.table.is_outdated()? {
        return Ok(None);
    }
    let publication = match prepared.ready(staging, &mut report)? {
        None => return Ok(None),
        Some(ready) => ready.commit(&mut report)?,
    };
    let is_done = publication.is_some();
    report.publication = publication;
    Ok(is_done.then_some(Judged { report, summary: prepared.summary }))
}

fn write_up(job: &Job<'_>, request: &Request, audited: &Audited, stamp: &Stamp, set_aside: &RowSet) -> Report {
    let mode = if request.dry_run { Mode::DryRun } else { Mode::Gate };
    let header = Header { mode, batch_id: stamp.batch_id.clone(), began: Some(job.now), as_of: request.as_of.clone() };
    assemble::assemble(header, job.rules, audited, set_aside.len(), None)
}

fn stamp(job: &Job<'_>, publish: &(dyn Store + 'static), given: Option<&str>, audited: &Audited) -> Result<Stamp, Fault> {
    let (dataset, rules_digest) = (job.rules.sections.dataset.clone(), format!("{:032x}", job.rules.digest));
    let content = audited.identity.content()?;
    let batch_id = match given {
        Some(id) => id.to_owned(),
        None => publish.id_of(&dataset, &rules_digest, content, audited.identity.footers())?,
    };
    Ok(Stamp { dataset, batch_id, rules_digest, content_digest: format!("{content:032x}") })
}

/// Whether a replay brought some of the batch's rows, or may have: they can no longer be told from others.
fn is_replayed(request: &Request, stamp: &Stamp) -> Result<bool, Fault> {
    match request.publish.published(stamp) {
        Ok(Some(published)) => Ok(!published.replays()?.is_empty()),
        Ok(None) => Ok(false),
        Err(_) => Ok(true),
    }
}

/// How often a commit is tried again that others keep coming before.
const ATTEMPTS_MAX: usize = 100;
