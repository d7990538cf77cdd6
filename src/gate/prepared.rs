//! A batch that was judged, and staged: nothing of it can be seen yet.

use std::sync::Arc;

use super::fate::{self, Fate};
use super::prior::{Prior, find_prior};
use super::publishing::{Publishing, Ready};
use super::staging::Staging;
use super::summaries::Keeping;
use super::{Request, failing, is_replayed, judging, releasing, replay, stamp, write_up};
use crate::audit::{self, Audited, Job};
use crate::diagnostic::Faults;
use crate::report::Report;
use crate::report::model::{Publication, PublicationState};
use crate::rows::RowSet;
use crate::store::Stamp;
use crate::summary::Summary;
use crate::verdict::Verdict;

/// A batch that was judged.
pub(super) struct Prepared<'a> {
    pub job: &'a Job<'a>,
    pub request: &'a Request,
    pub audited: Arc<Audited>,
    pub stamp: Stamp,
    pub set_aside: RowSet,
    pub summary: Option<Summary>,
}

/// A batch that was judged, with what is said of it, and its rows on their way.
pub(super) struct Judging<'a> {
    pub prepared: Prepared<'a>,
    pub report: Report,
    pub staging: Staging<'a>,
}

impl<'a> Judging<'a> {
    /// Judges the job's data, and stages what may pass.
    ///
    /// # Errors
    /// What cannot be judged, or staged.
    pub(super) fn of(job: &'a Job<'a>, request: &'a Request) -> Result<Self, Faults> {
        let mut staging = Staging::new(request.publish.as_ref(), job.rules.sections.evolution());
        if request.dry_run {
            // It stages too, where nobody looks: what cannot be written shows then.
            staging = staging.in_scratch(Request::scratch(job));
        }
        let audited = Arc::new(audit::audit(job, &staging)?);
        let (stamp, set_aside) = (stamp(job, request.publish.as_ref(), request.batch_id.as_deref(), &audited)?, audited.set_aside());
        let report = write_up(job, request, &audited, &stamp, &set_aside);
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
        Ok(Self { prepared: Prepared { job, request, audited, stamp, set_aside, summary }, report, staging })
    }
}

impl Prepared<'_> {
    /// Does all that can be done before the commit, in a place that is held. None if others have changed the table that the batch was
    /// judged beside.
    ///
    /// # Errors
    /// What is there may not be replaced, or something cannot be written.
    pub(super) fn ready(&self, staging: Staging<'_>, report: &mut Report) -> Result<Option<Ready<'_>>, Faults> {
        let Self { job, request, stamp, summary, .. } = self;
        let audited = self.audited.as_ref();
        let mut set_aside = self.set_aside.clone();
        if let Some(moving) = request.moving.as_ref().filter(|_| !request.dry_run) {
            moving.begin(request)?;
        }
        let prior = find_prior(request, stamp)?;
        // A batch that was set aside as a whole is known to the table too, by a commit without rows.
        let is_aside = prior == Prior::Identical && request.quarantine.has(stamp)? && !is_replayed(request, stamp)?;
        let whole = match is_aside {
            true => replay::part_set_aside_whole(job.rules, &request.quarantine, &stamp.batch_id)?,
            false => None,
        };
        let is_published = prior == Prior::Identical && whole.is_none();
        let release = releasing::applied(job, request, (audited, stamp, &set_aside), is_published, report)?;
        if let Some(part) = whole {
            fate::everything(audited, &mut report.rows);
            return Ok(Some(Ready::Settled(releasing::still_aside(&part, release.is_some(), request.dry_run))));
        }
        let fate = Fate::of(request, report.verdict, release.is_some());
        if fate == Fate::SetAside {
            set_aside = fate::everything(audited, &mut report.rows);
        }
        let kept = summary.as_ref().filter(|_| request.keeps_summary && fate == Fate::Published);
        let keeping = Keeping::new(request.publish.as_ref(), &stamp.batch_id, kept);
        let publishing = Publishing { job, request, audited, stamp, set_aside, fate, release, keeping };
        Ok(match (prior, fate) {
            (Prior::Identical, _) if request.dry_run => Some(Ready::Settled(Publication::of_dry_run(PublicationState::Unchanged))),
            (Prior::Identical, _) => Some(Ready::Unchanged(Box::new(publishing))),
            (_, Fate::Withheld) if request.dry_run => Some(Ready::Settled(Publication::of_dry_run(PublicationState::Withheld))),
            (_, Fate::Withheld) => Some(Ready::Settled(Publication::of_nothing(PublicationState::Withheld))),
            (_, Fate::SetAside) if request.dry_run => Some(Ready::Settled(Publication::of_dry_run(PublicationState::SetAside))),
            (prior, Fate::SetAside) => publishing.ready(fate::stage(job, request, staging)?, prior, report.rows)?,
            (prior, Fate::Published) if request.dry_run => Some(Ready::Settled(publishing.rehearse(staging.into_staged()?, &prior)?)),
            (prior, Fate::Published) => publishing.ready(staging.into_staged()?, prior, report.rows)?,
        })
    }
}
