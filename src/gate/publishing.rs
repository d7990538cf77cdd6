//! A batch on its way to its destination: counted, set aside, committed.

use super::fate::Fate;
use super::file_counts::{self, FileCounts};
use super::merging::Merging;
use super::prior::{Prior, find_prior};
use super::releasing::Decision;
use super::summaries::{Keeping, Put};
use super::{ATTEMPTS_MAX, Request, is_replayed, moving, set_aside};
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault};
use crate::quarantine::WHOLE;
use crate::report::Report;
use crate::report::model::{Publication, PublicationState, RowTotals};
use crate::rows::RowSet;
use crate::store::{Commit, CommitDone, Committed, Location, Merge, Partition, Quarantine, Snapshot, Stage, StagedPart, Stamp};

/// A batch that was judged, on its way to its destination.
pub(super) struct Publishing<'a> {
    pub job: &'a Job<'a>,
    pub request: &'a Request,
    pub audited: &'a Audited,
    pub stamp: &'a Stamp,
    pub set_aside: RowSet,
    pub fate: Fate,
    /// What lets it be published although it is rejected.
    pub release: Option<Decision>,
    pub keeping: Keeping<'a>,
}

/// A batch of which all is done that comes before its commit.
pub(super) enum Ready<'a> {
    /// There is nothing to commit.
    Settled(Publication),
    /// The batch is there already.
    Unchanged(Box<Publishing<'a>>),
    Staged(Box<StagedBatch<'a>>),
}

/// A batch whose files are written.
pub(super) struct StagedBatch<'a> {
    publishing: Publishing<'a>,
    staged: Box<dyn Stage>,
    replace: Option<Partition>,
    part: Option<StagedPart>,
    prior: Prior,
    /// What was counted in the files.
    rows: RowTotals,
}

impl Ready<'_> {
    /// Lets readers see it. None if others have changed the table that it was judged beside.
    ///
    /// # Errors
    /// Something cannot be written; then the destination is as it was.
    pub(super) fn commit(self, report: &mut Report) -> Result<Option<Publication>, Fault> {
        match self {
            Self::Settled(publication) => Ok(Some(publication)),
            Self::Unchanged(publishing) => publishing.unchanged().map(Some),
            Self::Staged(batch) => batch.commit(&mut report.rows),
        }
    }
}

impl<'a> Publishing<'a> {
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
    pub(super) fn rehearse(&self, mut staged: Box<dyn Stage>, prior: &Prior) -> Result<Publication, Fault> {
        let Self { request, stamp, .. } = self;
        staged.remove(&self.set_aside)?;
        staged.finish(stamp, &[])?;
        let replace = self.replaced(staged.as_ref())?;
        if !self.set_aside.is_empty() {
            let scratch = Quarantine { directory: Location::Local(Request::scratch(self.job)) };
            set_aside::write(self.job, self.audited, (&self.set_aside, None), &scratch)?.finish(stamp, &[], &[])?;
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

    /// All that comes before the commit: what is written is counted. None if others have changed the table that it was judged
    /// beside.
    ///
    /// # Errors
    /// Something cannot be written, or rows would be lost.
    pub(super) fn ready(self, mut staged: Box<dyn Stage>, prior: Prior, rows: RowTotals) -> Result<Option<Ready<'a>>, Fault> {
        let Self { request, stamp, .. } = &self;
        staged.remove(&self.set_aside)?;
        staged.finish(stamp, &[])?;
        let replace = self.replaced(staged.as_ref())?;
        Merging::with(request.merge.as_ref(), self.job.now, |merge| merge.map_or(Ok(()), |merge| staged.ensure_merges(merge)))?;
        request.publish.ready()?;
        let part = if self.set_aside.is_empty() { None } else { Some(self.part()?) };
        let counts = FileCounts::of(staged.as_ref(), part.as_ref())?;
        counts.ensure_conserved(self.audited.row_origins.records(), self.filtered(), self.set_aside.len())?;
        let rows = counts.into_totals(rows);
        // In an object store nobody waits: a gate that published this batch meanwhile, judged beside other rows, has its own part.
        if part.is_some() && request.table.is_outdated()? {
            return Ok(None);
        }
        // From here on, what was begun is ended.
        self.job.cancel.begin_commit()?;
        Ok(Some(Ready::Staged(Box::new(StagedBatch { publishing: self, staged, replace, part, prior, rows }))))
    }

    /// Writes the rows set aside.
    fn part(&self) -> Result<StagedPart, Fault> {
        let whole = if self.fate == Fate::SetAside { Some(WHOLE) } else { None };
        let mut part = set_aside::write(self.job, self.audited, (&self.set_aside, whole), &self.request.quarantine)?;
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

impl StagedBatch<'_> {
    /// Quarantine first, then publish: a reader who sees the batch can find what is not in it. None if others have changed
    /// the table that it was judged beside. `rows` become what was counted in the files.
    fn commit(self, rows: &mut RowTotals) -> Result<Option<Publication>, Fault> {
        let Self { publishing, mut staged, replace, mut part, mut prior, rows: counted } = self;
        let Publishing { request, stamp, .. } = &publishing;
        *rows = counted;
        // Who finds the rows finds who let them pass.
        publishing.release.as_ref().map_or(Ok(()), |release| release.record(&request.quarantine))?;
        let quarantined = part.as_mut().map(|part| request.quarantine.commit(part, stamp)).transpose()?;
        let snapshot = request.table.snapshot();
        let kept = publishing.keeping.put(staged.as_ref(), None);
        let mut conflict = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let committed = Merging::with(request.merge.as_ref(), publishing.job.now, |merge| {
                staged.commit(&publishing.commit(snapshot.as_deref(), replace.as_ref(), merge))
            });
            match committed
                .inspect_err(|_| publishing.keeping.take_back(&kept))
                .inspect_err(|fault| publishing.withdraw(fault, quarantined.as_ref()))?
            {
                Committed::Done(CommitDone { replaced_rows, deletes, late, warnings }) => {
                    *rows = RowTotals { published: rows.published - deletes - late, deletes, late, ..*rows };
                    let keeps_part = quarantined.is_some();
                    let left = request.moving.as_ref().map_or(Ok(()), |moving| moving.end(request, stamp));
                    let mut publication = publishing.settled(publishing.fate.state(&prior), quarantined, keeps_part, &kept);
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
                (Prior::Identical, _) => return publishing.unchanged().map(Some),
                (Prior::Nothing | Prior::Different | Prior::OtherBatch(_), Some(_)) => return Ok(None),
                (Prior::Nothing | Prior::Different | Prior::OtherBatch(_), None) => {}
            }
        }
        let what = format!("{}: others keep changing the table: {conflict}", request.publish);
        Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the gate again"))
    }
}
