//! A batch that was set aside as a whole, and that a person releases: its rows are in the quarantine.

use chrono::{DateTime, Utc};

use super::{ReplayedBatch, Written};
use crate::diagnostic::Fault;
use crate::gate::releasing::{Decision, OfBatch};
use crate::report::Report;
use crate::report::model::{BatchFile, Publication, PublicationState, RowTotals};
use crate::verdict::Verdict;

impl ReplayedBatch<'_> {
    /// What lets rows of a rejected batch be published, if a person decided so: `pass` of them would be.
    ///
    /// # Errors
    /// What is asked for cannot be, or what was decided cannot be read.
    pub(super) fn release(&self, verdict: Verdict, pass: u64, now: DateTime<Utc>) -> Result<Option<Decision>, Fault> {
        let rules_digest = format!("{:032x}", self.request.rules.digest);
        let (stamp, is_published) = (&self.part.stamp, !self.replays.is_empty());
        let batch = OfBatch { stamp, rules_digest: &rules_digest, verdict, is_published, passes_rows: pass > 0, now };
        let decision = Decision::of(&self.request.quarantine, self.request.release, &batch)?;
        Ok(decision.filter(|decision| decision.lets_pass(&batch)))
    }

    /// The report of the rows that were judged, of which `pass` are published unless something keeps them.
    pub(super) fn report(&self, mut report: Report, release: Option<&Decision>, pass: u64, written: &Written) -> Report {
        let may_pass = matches!(report.verdict, Verdict::Accept | Verdict::Quarantine) || release.is_some();
        let totals = RowTotals { read: written.rows, malformed: written.unreadable, ..RowTotals::default() };
        let quarantined = written.rows - if may_pass { pass } else { 0 };
        report.rows = RowTotals { published: written.rows - quarantined, quarantined, ..totals };
        report.release = release.map(Decision::told);
        // They were judged in files of this run's own, which are gone when someone looks.
        report.batch.files = vec![BatchFile { path: self.part.place.to_string(), bytes: 0 }];
        report.findings.iter_mut().for_each(|finding| finding.samples.clear());
        let state = match may_pass {
            true if pass == 0 && !self.replays.is_empty() => PublicationState::Unchanged,
            true => PublicationState::Published,
            false => PublicationState::Withheld,
        };
        report.publication = Some(match self.request.dry_run {
            true => Publication::of_dry_run(state),
            false => Publication {
                published: may_pass.then(|| self.request.publish.place_of(&self.part.stamp.batch_id)),
                quarantined: (quarantined > 0).then(|| self.part.place.to_string()),
                ..Publication::of_nothing(state)
            },
        });
        report
    }
}
