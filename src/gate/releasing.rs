//! Releases: a person lets a rejected batch be published. The decision is recorded first; then the batch goes the way of any
//! other. It holds for one content of one batch under the rules that rejected it.

use chrono::{DateTime, Utc};

use super::{Request, stamp};
use crate::assemble;
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault};
use crate::quarantine::Part;
use crate::report::Report;
use crate::report::model::{self, Publication, PublicationState, ReleaseStanding};
use crate::rows::RowSet;
use crate::store::{Quarantine, Release, Stamp, Store};
use crate::verdict::Verdict;

/// Where the gate would publish, and set rows aside.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub publish: &'a (dyn Store + 'static),
    pub quarantine: &'a Quarantine,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRelease {
    /// The batch, as reports call it.
    pub batch: String,
    pub reason: String,
    pub by: String,
    pub until: Option<DateTime<Utc>>,
}

/// What is decided about a batch, and whether that is recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    release: Release,
    standing: ReleaseStanding,
    is_new: bool,
}

/// A batch that was judged, as far as its release is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfBatch<'a> {
    pub stamp: &'a Stamp,
    /// The rules of now.
    pub rules_digest: &'a str,
    pub verdict: Verdict,
    /// Whether rows of it are published already.
    pub is_published: bool,
    /// Whether a row would be published.
    pub passes_rows: bool,
    pub now: DateTime<Utc>,
}

impl Decision {
    /// What was decided about the batch before, or is asked for now.
    ///
    /// # Errors
    /// What is asked for cannot be, or what was decided cannot be read.
    pub(super) fn of(quarantine: &Quarantine, asked: Option<&AskedRelease>, batch: &OfBatch<'_>) -> Result<Option<Self>, Fault> {
        let Some(asked) = asked else {
            // A batch that passes and is not there yet has never been released: nobody need look.
            let is_concerned = batch.verdict == Verdict::Reject || batch.is_published;
            return if is_concerned { Self::recorded(quarantine, batch) } else { Ok(None) };
        };
        ensure_same_batch(asked, batch.stamp)?;
        let recorded = Self::recorded(quarantine, batch)?;
        match recorded {
            Some(before) if batch.is_published || before.is_what(asked) => Ok(Some(before)),
            Some(_) | None => {
                ensure_releasable(batch)?;
                Ok(Some(Self { release: asked.release(batch), standing: ReleaseStanding::Holds, is_new: true }))
            }
        }
    }

    /// What was decided last: under these rules, or else under others.
    fn recorded(quarantine: &Quarantine, batch: &OfBatch<'_>) -> Result<Option<Self>, Fault> {
        let (own, others): (Vec<_>, Vec<_>) =
            quarantine.releases(batch.stamp)?.into_iter().partition(|release| release.rules_digest == batch.rules_digest);
        let standing = |release: &Release| if release.is_over(batch.now) { ReleaseStanding::Ended } else { ReleaseStanding::Holds };
        let own = own.into_iter().last().map(|release| (standing(&release), release));
        let other = || others.into_iter().last().map(|release| (ReleaseStanding::OtherRules, release));
        Ok(own.or_else(other).map(|(standing, release)| Self { release, standing, is_new: false }))
    }

    /// Whether it holds, and says just what is asked for.
    fn is_what(&self, asked: &AskedRelease) -> bool {
        let Release { reason, by, until, .. } = &self.release;
        let same = (reason, by, until) == (&asked.reason, &asked.by, &asked.until.map(model::time));
        self.standing == ReleaseStanding::Holds && same
    }

    /// Whether the batch is published for it: it holds, or it held when the batch was published.
    pub(super) fn lets_pass(&self, batch: &OfBatch<'_>) -> bool {
        let holds = match self.standing {
            ReleaseStanding::Holds => batch.passes_rows || batch.is_published,
            ReleaseStanding::Ended => batch.is_published,
            ReleaseStanding::OtherRules => false,
        };
        batch.verdict == Verdict::Reject && holds
    }

    /// Records it, where it is not yet.
    ///
    /// # Errors
    /// The quarantine cannot be written.
    pub(super) fn record(&self, quarantine: &Quarantine) -> Result<(), Fault> {
        if self.is_new { quarantine.release(&self.release) } else { Ok(()) }
    }

    /// It as reports say it.
    pub(super) fn told(&self) -> model::Release {
        let Release { reason, by, at, until, rules_digest, .. } = self.release.clone();
        model::Release { reason, by, at, until, rules_digest, standing: self.standing }
    }
}

impl AskedRelease {
    fn release(&self, batch: &OfBatch<'_>) -> Release {
        let Stamp { dataset, batch_id, content_digest, .. } = batch.stamp.clone();
        let (reason, by, until) = (self.reason.clone(), self.by.clone(), self.until.map(model::time));
        Release {
            dataset,
            batch_id,
            content_digest,
            rules_digest: batch.rules_digest.to_owned(),
            reason,
            by,
            at: model::time(batch.now),
            until,
        }
    }
}

/// What lets a rejected batch be published, if a person decided so; the report says it either way.
///
/// # Errors
/// What is asked for cannot be, or what was decided cannot be read.
pub(super) fn applied(
    job: &Job<'_>,
    request: &Request,
    (audited, stamp, set_aside): (&Audited, &Stamp, &RowSet),
    is_published: bool,
    report: &mut Report,
) -> Result<Option<Decision>, Fault> {
    let batch = OfBatch {
        stamp,
        rules_digest: &stamp.rules_digest,
        verdict: report.verdict,
        is_published,
        passes_rows: set_aside.len() < audited.considered(),
        now: job.now,
    };
    let decision = Decision::of(&request.quarantine, request.release.as_ref(), &batch)?;
    report.release = decision.as_ref().map(Decision::told);
    let decision = decision.filter(|decision| decision.lets_pass(&batch));
    if decision.is_some() {
        report.rows = assemble::passing(audited, set_aside.len());
    }
    Ok(decision)
}

/// What is said of a batch that was set aside as a whole before, and still is: a gate changes nothing of that. A release that was
/// not finished is finished by `release`, which takes the rows out of the quarantine.
pub(super) fn still_aside(part: &Part, is_released: bool, is_dry: bool) -> Publication {
    if is_dry {
        return Publication::of_dry_run(PublicationState::SetAside);
    }
    let hint = format!(
        "the batch is released, and its rows are still set aside as a whole: `sluicegate release {}` publishes them",
        part.stamp.batch_id
    );
    let warnings = if is_released { vec![hint] } else { Vec::new() };
    Publication { quarantined: Some(part.place.to_string()), warnings, ..Publication::of_nothing(PublicationState::SetAside) }
}

/// Says in the report of a run that publishes nothing what was decided about a rejected batch.
///
/// # Errors
/// The quarantine, the store or the data cannot be read.
pub(super) fn told_beside(
    job: &Job<'_>,
    place: &Place<'_>,
    batch_id: Option<&str>,
    audited: &Audited,
    report: &mut Report,
) -> Result<(), Fault> {
    // Whose id follows from the content must be read to the end for it.
    if report.verdict != Verdict::Reject || !place.quarantine.has_releases()? {
        return Ok(());
    }
    let stamp = stamp(job, place.publish, batch_id, audited)?;
    let (rules_digest, verdict) = (stamp.rules_digest.as_str(), report.verdict);
    let batch = OfBatch { stamp: &stamp, rules_digest, verdict, is_published: false, passes_rows: true, now: job.now };
    report.release = Decision::of(place.quarantine, None, &batch)?.as_ref().map(Decision::told);
    Ok(())
}

fn ensure_same_batch(asked: &AskedRelease, stamp: &Stamp) -> Result<(), Fault> {
    if asked.batch == stamp.batch_id {
        return Ok(());
    }
    let what = format!("the data is batch `{}`, and not `{}`", stamp.batch_id, asked.batch);
    Err(Fault::new(Code::UnknownBatch, what).hint("nothing was released; name the data that was rejected, as it was then"))
}

fn ensure_releasable(batch: &OfBatch<'_>) -> Result<(), Fault> {
    let OfBatch { stamp, verdict, is_published, passes_rows, .. } = *batch;
    let refused = |what: &str, hint: &str| {
        let what = format!("batch `{}` cannot be released: {what}", stamp.batch_id);
        Err(Fault::new(Code::NotReleasable, what).hint(hint))
    };
    match verdict {
        _ if is_published => refused("it is published already", "nothing was changed; `sluicegate quarantine` shows what it left"),
        Verdict::Reject if passes_rows => Ok(()),
        Verdict::Reject => {
            let hint = "rows that a rule sets aside stay so; `tolerate`, or another `on_fail`, lets them pass";
            refused("every row of it is set aside by a rule, so none would be published", hint)
        }
        Verdict::Undecided => {
            let hint = "a release overrides what was found, and nothing was; `on_no_data: warn` at the rule lets it pass without data";
            refused("it is undecided, not rejected", hint)
        }
        Verdict::Accept | Verdict::Quarantine => refused(
            "the rules as they are now do not reject it",
            "`sluicegate gate` publishes it, or `sluicegate replay` if it is set aside",
        ),
    }
}
