//! The gate: stage while the audit folds, set aside, filter, commit. The only writer of data.

mod failing;
mod fate;
mod file_counts;
mod judging;
mod merging;
mod moving;
mod prior;
mod published;
mod releasing;
pub mod replay;
mod rules_of_rows;
mod set_aside;
mod splitting;
mod staging;
mod summaries;

use std::path::PathBuf;
use std::sync::Arc;

use self::fate::Fate;
use self::file_counts::FileCounts;
pub use self::judging::{Judged, Wanted, judge, judge_published};
pub use self::merging::Merging;
pub use self::moving::{Moving, remember};
use self::prior::{Prior, find_prior};
pub use self::published::PublishedTable;
use self::releasing::Decision;
pub use self::releasing::{AskedRelease, Place};
pub use self::splitting::{Split, split};
use self::staging::Staging;
pub use self::summaries::{Choice, keeps};
use self::summaries::{Keeping, Put};
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity;
use crate::quarantine::WHOLE;
use crate::report::Report;
use crate::report::model::{Mode, Publication, PublicationState, RowTotals};
use crate::rows::RowSet;
use crate::rules::schema::Evolution;
use crate::ruleset::OnReject;
use crate::store::{
    Commit, CommitDone, Committed, GateLock, Location, Merge, Partition, Position, Quarantine, Snapshot, Stage, StagedPart, Stamp, Store,
    Waiting,
};
use crate::verdict::Verdict;

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

fn attempts(job: &Job<'_>, request: &Request) -> Result<Judged, Faults> {
    identity::ensure_name(request.batch_id.as_deref())?;
    if request.replace.is_some() {
        request.publish.allow_replacing()?;
    }
    if request.merge.is_some() {
        request.publish.allow_merging()?;
    }
    let evolution = job.rules.sections.evolution();
    let mut hold = None;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(judged) = attempt(job, request, evolution, &mut hold)? {
            return Ok(judged);
        }
        request.table.drop_snapshot();
    }
    let what = format!("{}: others keep changing the table", request.publish);
    Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the gate again").into())
}

/// Judges and publishes; none if others have changed the table that the batch was judged beside.
fn attempt(job: &Job<'_>, request: &Request, evolution: Evolution, hold: &mut Option<GateLock>) -> Result<Option<Judged>, Faults> {
    let mut staging = Staging::new(request.publish.as_ref(), evolution);
    if request.dry_run {
        // It stages too, where nobody looks: what cannot be written shows then.
        staging = staging.in_scratch(Request::scratch(job));
    }
    let audited = audit::audit(job, &staging)?;
    let (stamp, mut set_aside) = (stamp(job, request.publish.as_ref(), request.batch_id.as_deref(), &audited)?, audited.set_aside());
    let mut report = write_up(job, request, &audited, &stamp, &set_aside);
    if let Some(to) = &request.failing_rows {
        failing::write(job, &audited, &set_aside, to)?;
    }
    let summary = match report.verdict {
        // Of a rejected batch too: who records the run may accept it later as the new baseline.
        Verdict::Accept | Verdict::Quarantine | Verdict::Reject if !request.dry_run => {
            judging::summary(job, &audited, &report, &set_aside)?
        }
        Verdict::Accept | Verdict::Quarantine | Verdict::Reject | Verdict::Undecided => None,
    };
    // From here on, what is there stays as it is seen.
    if hold.is_none() && !request.dry_run {
        *hold = Some(request.publish.hold(&request.quarantine, &request.waiting)?);
    }
    if request.table.is_outdated()? {
        return Ok(None);
    }
    if let Some(moving) = request.moving.as_ref().filter(|_| !request.dry_run) {
        moving.begin(request)?;
    }
    let prior = find_prior(request, &stamp)?;
    // A batch that was set aside as a whole is known to the table too, by a commit without rows.
    let is_aside = prior == Prior::Identical && request.quarantine.has(&stamp)? && !is_replayed(request, &stamp)?;
    let whole = match is_aside {
        true => replay::part_set_aside_whole(job.rules, &request.quarantine, &stamp.batch_id)?,
        false => None,
    };
    let is_published = prior == Prior::Identical && whole.is_none();
    let release = releasing::applied(job, request, (&audited, &stamp, &set_aside), is_published, &mut report)?;
    if let Some(part) = whole {
        fate::everything(&audited, &mut report.rows);
        report.publication = Some(releasing::still_aside(&part, release.is_some(), request.dry_run));
        return Ok(Some(Judged { report, summary }));
    }
    let fate = Fate::of(request, report.verdict, release.is_some());
    if fate == Fate::SetAside {
        set_aside = fate::everything(&audited, &mut report.rows);
    }
    let keeping = Keeping::new(
        request.publish.as_ref(),
        &stamp.batch_id,
        summary.as_ref().filter(|_| request.keeps_summary && fate == Fate::Published),
    );
    let publishing = Publishing { job, request, audited: &audited, stamp: &stamp, set_aside: &set_aside, fate, release, keeping };
    let publication = match (prior, fate) {
        (Prior::Identical, _) if request.dry_run => Some(Publication::of_dry_run(PublicationState::Unchanged)),
        (Prior::Identical, _) => Some(publishing.unchanged()?),
        (_, Fate::Withheld) if request.dry_run => Some(Publication::of_dry_run(PublicationState::Withheld)),
        (_, Fate::Withheld) => Some(Publication::of_nothing(PublicationState::Withheld)),
        (_, Fate::SetAside) if request.dry_run => Some(Publication::of_dry_run(PublicationState::SetAside)),
        (prior, Fate::SetAside) => publishing.publish(fate::stage(job, request, staging)?, prior, &mut report.rows)?,
        (prior, Fate::Published) if request.dry_run => Some(publishing.rehearse(staging.into_staged()?, &prior)?),
        (prior, Fate::Published) => publishing.publish(staging.into_staged()?, prior, &mut report.rows)?,
    };
    let is_done = publication.is_some();
    report.publication = publication;
    Ok(is_done.then_some(Judged { report, summary }))
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

/// A batch that was judged, on its way to its destination.
struct Publishing<'a> {
    job: &'a Job<'a>,
    request: &'a Request,
    audited: &'a Audited,
    stamp: &'a Stamp,
    set_aside: &'a RowSet,
    fate: Fate,
    /// What lets it be published although it is rejected.
    release: Option<Decision>,
    keeping: Keeping<'a>,
}

impl Publishing<'_> {
    /// The batch is there; what was set aside is written again only if it is not.
    fn unchanged(&self) -> Result<Publication, Fault> {
        let quarantine = &self.request.quarantine;
        self.request.publish.confirm(self.stamp)?;
        let is_there = quarantine.has(self.stamp)?;
        // Judged beside other rows than then, or with rows replayed since, the batch would set aside others than it did.
        let is_past = self.request.table.snapshot().is_some() || is_replayed(self.request, self.stamp)?;
        let sets_aside = !self.set_aside.is_empty();
        let quarantined = match is_there {
            true if is_past || sets_aside => Some(quarantine.confirm(self.stamp)?),
            false if !is_past && sets_aside => Some(quarantine.commit(&mut self.part()?, self.stamp)?),
            true | false => None,
        };
        if !is_there && is_past {
            quarantine.ensure_whole(self.stamp)?;
        }
        // Of such a batch the rows that are published cannot be told from what was judged now.
        let kept = if is_past { Put::default() } else { self.keeping.put_late(self.stamp) };
        let keeps_part = is_past || quarantined.is_some();
        Ok(self.settled(PublicationState::Unchanged, quarantined, keeps_part, &kept))
    }

    /// What would be done: everything but the commits, in a directory of this run's own.
    fn rehearse(&self, mut staged: Box<dyn Stage>, prior: &Prior) -> Result<Publication, Fault> {
        let Self { request, stamp, .. } = self;
        staged.remove(self.set_aside)?;
        staged.finish(stamp, &[])?;
        let replace = self.replaced(staged.as_ref())?;
        if !self.set_aside.is_empty() {
            let scratch = Quarantine { directory: Location::Local(Request::scratch(self.job)) };
            set_aside::write(self.job, self.audited, (self.set_aside, None), &scratch)?.finish(stamp, &[], &[])?;
        }
        let snapshot = request.table.snapshot();
        request.publish.ready()?;
        let replaced_rows = Merging::with(request.merge.as_ref(), self.job.now, |merge| {
            staged.rehearse(&self.commit(snapshot.as_deref(), replace.as_ref(), merge))
        })?;
        let published = Some(request.publish.place_of(&stamp.batch_id));
        Ok(Publication { published, replaced_rows, replaced_batch: prior.replaced(), ..Publication::of_dry_run(prior.state()) })
    }

    fn commit<'c>(
        &'c self,
        snapshot: Option<&'c dyn Snapshot>,
        replace: Option<&'c Partition>,
        merge: Option<&'c Merge<'c>>,
    ) -> Commit<'c> {
        Commit { stamp: self.stamp, snapshot, replace, merge, positions: self.request.positions() }
    }

    /// Rows that are neither published nor set aside.
    fn filtered(&self) -> u64 {
        match self.fate {
            // All that came is set aside, as it came.
            Fate::SetAside => 0,
            Fate::Published | Fate::Withheld => self.audited.filtered,
        }
    }

    /// Another gate has published these events: what this one set aside goes, unless it is the very part of that other.
    fn withdraw(&self, fault: &Fault, part: Option<&Location>) {
        if fault.code == Code::MovedOn
            && let Some(part) = part
            && self.request.moving.as_ref().is_some_and(|moving| moving.is_cut_otherwise(self.request))
        {
            // What cannot be removed now is found by the next run.
            drop(self.request.quarantine.remove(part));
        }
    }

    /// The published rows that the batch takes the place of by their values.
    fn replaced(&self, published: &dyn Stage) -> Result<Option<Partition>, Fault> {
        let request = self.request;
        let as_judged = |column: &str| self.audited.plan.prepare.schema.field_with_name(column).ok().map(|field| field.data_type());
        let replace = request.replace.as_ref().map(|column| published.values_of(column, as_judged(column))).transpose()?;
        if let Some(partition) = replace.as_ref().filter(|partition| !request.table.left_out_just(partition)) {
            let what =
                format!("not every `{}` of the batch has a row to be published, and `across: published` left them out", partition.column);
            return Err(Fault::new(Code::NotReplaceable, what)
                .hint("nothing was published; `gate: { replace: … }` replaces values that are published"));
        }
        Ok(replace)
    }

    /// Quarantine first, then publish: a reader who sees the batch can find what is not in it. None if others have changed
    /// the table that it was judged beside. `rows` become what was counted in the files.
    fn publish(&self, mut staged: Box<dyn Stage>, mut prior: Prior, rows: &mut RowTotals) -> Result<Option<Publication>, Fault> {
        let Self { request, stamp, .. } = self;
        staged.remove(self.set_aside)?;
        staged.finish(stamp, &[])?;
        let replace = self.replaced(staged.as_ref())?;
        Merging::with(request.merge.as_ref(), self.job.now, |merge| merge.map_or(Ok(()), |merge| staged.ensure_merges(merge)))?;
        request.publish.ready()?;
        let mut part = if self.set_aside.is_empty() { None } else { Some(self.part()?) };
        let counts = FileCounts::of(staged.as_ref(), part.as_ref())?;
        counts.ensure_conserved(self.audited.row_origins.records(), self.filtered(), self.set_aside.len())?;
        *rows = counts.into_totals(*rows);
        // In an object store nobody waits: a gate that published this batch meanwhile, judged beside other rows, has its own part.
        if part.is_some() && request.table.is_outdated()? {
            return Ok(None);
        }
        // From here on, what was begun is ended.
        self.job.cancel.check()?;
        // Who finds the rows finds who let them pass.
        self.release.as_ref().map_or(Ok(()), |release| release.record(&request.quarantine))?;
        let quarantined = part.as_mut().map(|part| request.quarantine.commit(part, stamp)).transpose()?;
        let snapshot = request.table.snapshot();
        let kept = self.keeping.put(staged.as_ref(), None);
        let mut conflict = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let committed = Merging::with(request.merge.as_ref(), self.job.now, |merge| {
                staged.commit(&self.commit(snapshot.as_deref(), replace.as_ref(), merge))
            });
            match committed
                .inspect_err(|_| self.keeping.take_back(&kept))
                .inspect_err(|fault| self.withdraw(fault, quarantined.as_ref()))?
            {
                Committed::Done(CommitDone { replaced_rows, deletes, late, warnings }) => {
                    *rows = RowTotals { published: rows.published - deletes - late, deletes, late, ..*rows };
                    let keeps_part = quarantined.is_some();
                    let left = request.moving.as_ref().map_or(Ok(()), |moving| moving.end(request, stamp));
                    let mut publication = self.settled(self.fate.state(&prior), quarantined, keeps_part, &kept);
                    publication.warnings.extend(warnings);
                    publication
                        .warnings
                        .extend(left.err().map(|fault| format!("the batch is published; others left rows in quarantine: {}", fault.what)));
                    return Ok(Some(Publication { replaced_rows, replaced_batch: prior.replaced(), ..publication }));
                }
                Committed::Conflict(why) => conflict = why,
            }
            prior = find_prior(request, stamp)?;
            match (&prior, &snapshot) {
                (Prior::Identical, _) => return self.unchanged().map(Some),
                (Prior::Nothing | Prior::Different | Prior::OtherBatch(_), Some(_)) => return Ok(None),
                (Prior::Nothing | Prior::Different | Prior::OtherBatch(_), None) => {}
            }
        }
        let what = format!("{}: others keep changing the table: {conflict}", request.publish);
        Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the gate again"))
    }

    /// Writes the rows set aside.
    fn part(&self) -> Result<StagedPart, Fault> {
        let whole = if self.fate == Fate::SetAside { Some(WHOLE) } else { None };
        let mut part = set_aside::write(self.job, self.audited, (self.set_aside, whole), &self.request.quarantine)?;
        part.say_positions(&moving::table(self.request.publish.as_ref()), self.request.positions())?;
        part.finish(self.stamp, &[], &[])?;
        file_counts::ensure_part_holds(&part, self.set_aside.len())?;
        Ok(part)
    }

    /// What earlier contents of the batch left, in quarantine and as a summary, goes once this one is published; where it cannot,
    /// the batch is published all the same.
    fn settled(&self, state: PublicationState, quarantined: Option<Location>, keeps_part: bool, kept: &Put) -> Publication {
        let published = Some(self.request.publish.place_of(&self.stamp.batch_id));
        self.keeping.tidy(kept, &self.job.budget);
        let mut warnings = match self.request.quarantine.settle(self.stamp, keeps_part) {
            Ok(()) => Vec::new(),
            Err(fault) => vec![format!(
                "the batch is published; what its earlier content left in quarantine is still there, and goes when the gate runs again: {}",
                fault.what
            )],
        };
        warnings.extend(kept.warning.clone());
        Publication { published, quarantined: quarantined.map(|place| place.to_string()), warnings, ..Publication::of_nothing(state) }
    }
}
