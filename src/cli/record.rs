//! Recording runs: where they go, and what is said beside them.

use clap::Args;

use super::output;
use super::reports::not_told_of;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::history::{self, History, Recorded};
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::RuleFile;
use crate::store::{Location, Surroundings};
use crate::summary::Summary;

/// Where runs are recorded.
#[derive(Debug, Args)]
pub(super) struct Record {
    /// Record the run in this directory, or s3://BUCKET/PATH: its report, and what has changed since the run before; the rule
    /// file's `history` if left out
    #[arg(long, value_name = "DIR")]
    record: Option<String>,
}

impl Record {
    /// Where the runs of `rules` are recorded; none where nothing says so. What the rule file names lies within `confines`, and
    /// no run is recorded where the data is, or where rows go (`apart`).
    ///
    /// # Errors
    /// Nothing can be recorded there.
    pub(super) fn open(
        &self,
        rules: &RuleFile,
        confines: Option<&Confines>,
        apart: &[String],
        here: &Surroundings,
    ) -> Result<Option<History>, Faults> {
        let Some((place, history)) = self.named(rules, confines, here)? else { return Ok(None) };
        if let Some(there) = apart.iter().find(|there| is_among(&place, there, here)) {
            let fault = Fault::new(Code::Occupied, format!("{place}: runs would be recorded where data is or goes: {there}"));
            return Err(fault.hint("record them in another place").into());
        }
        history.ensure_writable()?;
        Ok(Some(history))
    }

    /// Whether the command line says where runs are recorded.
    pub(super) fn is_given(&self) -> bool {
        self.record.is_some()
    }

    /// Whether something says where runs are recorded.
    pub(super) fn is_named(&self, rules: &RuleFile) -> bool {
        self.record.is_some() || rules.sections.history.is_some()
    }

    /// The same, to be read only.
    ///
    /// # Errors
    /// The place cannot be one.
    pub(super) fn named(
        &self,
        rules: &RuleFile,
        confines: Option<&Confines>,
        here: &Surroundings,
    ) -> Result<Option<(String, History)>, Fault> {
        let Some(place) = self.record.as_ref().or(rules.sections.history.as_ref()) else { return Ok(None) };
        if let Some(confines) = confines.filter(|_| self.record.is_none()) {
            confines.allow_all_in(place).map_err(|e| e.at(Place::file(&rules.path)))?;
        }
        let root = Location::new(place, here)?;
        Ok(Some((place.clone(), History::new(&root, &rules.sections.dataset))))
    }
}

/// Whether runs that are recorded in `place` would be read as data, or stand among rows, in the directory or glob `there`.
fn is_among(place: &str, there: &str, here: &Surroundings) -> bool {
    let is_passed_over = |part: &str| part.starts_with(['_', '.']);
    if place.strip_prefix(there).is_some_and(|rest| rest.starts_with('/') && rest.split('/').any(is_passed_over)) {
        return false;
    }
    let location = |text: &str| Location::new(text.trim_end_matches('/'), here).ok();
    // Of a data set that has no name yet: one directory deeper.
    let run = format!("{}/dataset/run.json", place.trim_end_matches('/'));
    let exactly = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let is_matched = |pattern: &str| {
        glob::Pattern::new(pattern.trim_start_matches("./")).is_ok_and(|glob| glob.matches_with(run.trim_start_matches("./"), exactly))
    };
    location(place).zip(location(there)).is_some_and(|(place, there)| place.is_within(&there)) || is_matched(there)
}

/// Adds to a report what has changed since earlier runs; if that cannot be told, why.
pub(super) fn compare(history: &History, report: &mut Report, rules: Option<&RuleFile>) {
    let Some(rules) = rules else { return };
    // Whatever the batch's columns may be called now: of what is not surely free of values nothing is shown.
    let privacy = rules.privacy(None);
    match history::beside(history, report, &privacy) {
        Ok(said) => {
            said.warnings.iter().for_each(|warning| output::note(warning));
            report.history = Some(said);
        }
        Err(fault) => output::complain(&fault.into()),
    }
}

/// Records a run; the fault if it cannot be.
pub(super) fn record(history: &History, report: &Report, summary: Option<&Summary>) -> Option<Fault> {
    if report.mode == Mode::DryRun {
        return None;
    }
    match history.record(report, summary) {
        Ok(Recorded::New | Recorded::Before) => None,
        Err(fault) => Some(not_told_of(report, fault)),
    }
}
