//! The reports of a stream: made beside it, so that events need not wait for them.

use std::sync::mpsc::Receiver;

use crate::cli::output::{self, Printed};
use crate::cli::reports::Reports;
use crate::report::Report;
use crate::stream::{Reporter, Span, Window};
use crate::verdict::Verdict;

/// How reports are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    pub(super) strict: bool,
    /// Whether reports go to standard output, each a line of JSON.
    pub(super) as_json: bool,
    /// Whether it is as it should be that no event comes: a topic may be idle.
    pub(super) may_be_idle: bool,
}

/// What all reports together come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    is_rejected: bool,
    is_undecided: bool,
    has_events: bool,
}

impl Outcome {
    /// 1 if a window is rejected, 2 if one could not be judged, or no event came at all.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self { is_rejected: true, .. } => 1,
            Self { is_undecided: true, .. } | Self { has_events: false, .. } => 2,
            Self { .. } => 0,
        }
    }

    fn take(&mut self, report: &Report, is_empty: bool, strict: bool) {
        self.is_rejected |= match report.verdict {
            Verdict::Reject => true,
            Verdict::Quarantine => strict,
            Verdict::Accept => strict && report.has_warnings(),
            Verdict::Undecided => false,
        };
        // That nothing came for a while is nothing to stop for; that nothing ever came is, unless the rules permit it.
        self.is_undecided |= report.verdict == Verdict::Undecided && !is_empty;
        self.has_events |= !is_empty || report.verdict != Verdict::Undecided;
    }
}

/// Makes the report of each window that comes, shows and writes it.
pub(super) fn each(windows: &Receiver<(Window, Span)>, reporter: &Reporter<'_>, reports: &Reports, shown: Shown) -> Outcome {
    let mut outcome = Outcome { has_events: shown.may_be_idle, ..Outcome::default() };
    for (window, span) in windows {
        let is_empty = window.is_empty();
        match reporter.report(window, span) {
            Ok(report) => {
                outcome.take(&report, is_empty, shown.strict);
                if shown.as_json {
                    output::show(&report, Printed::JsonLine, shown.quiet, shown.verbose);
                } else if !shown.quiet {
                    output::show_aside(&report, shown.verbose);
                }
                let unwritten = reports.write(&report);
                outcome.is_undecided |= !unwritten.is_empty();
                output::complain(&unwritten);
            }
            Err(faults) => {
                outcome.is_undecided = true;
                outcome.has_events |= !is_empty;
                output::complain(&reporter.rules.quiet(faults));
            }
        }
    }
    outcome
}
