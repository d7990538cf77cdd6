//! A run of `check` or `gate` from its beginning to what is told of it.

use chrono::{DateTime, Utc};

use super::ci::Ci;
use super::exit::ExitCode;
use super::given::{ensure_mask_key, ensure_one_table, surroundings};
use super::handed::{Done, Kept};
use super::output::{self, Printed};
use super::record;
use super::reports::{self, Reports};
use super::run::RunOptions;
use crate::assemble::{self, Header};
use crate::diagnostic::{Code, Fault, Faults};
use crate::history::History;
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::{Parsed, RuleFile};
use crate::summary::Summary;

/// What a run has found out so far. If it cannot go on, a report says so as far as it can.
pub(super) struct Begun<'a> {
    options: &'a RunOptions,
    /// The clock of the run.
    pub now: DateTime<Utc>,
    /// How its report is printed.
    printed: Printed,
    /// Places where a report can be written without harm.
    reports: Reports,
    /// What no report may take the place of: what it is called, and where it is.
    apart: Vec<(String, String)>,
    /// What a CI system is told unasked.
    ci: Ci,
    rules: Option<RuleFile>,
    /// Whether the rule file may have several tables.
    takes_tables: bool,
    /// Where the run is recorded, if it is.
    history: Option<History>,
    /// What is recorded beside it.
    pub summary: Option<Summary>,
    /// The judged rows, for a program that wants them.
    pub kept: Option<Kept>,
}

/// What a run came to, told to whom it concerns.
pub(super) struct Settled {
    pub report: Report,
    pub code: u8,
    /// Why it could not be judged, or what could not be written.
    pub faults: Faults,
    /// What no report may take the place of: what it is called, and where it is.
    pub apart: Vec<(String, String)>,
}

impl<'a> Begun<'a> {
    pub(super) fn new(options: &'a RunOptions) -> Self {
        options.given.cancel.end_commit();
        let (now, ci, printed) = (options.means.clock(), options.ci.system(), Printed::Whole);
        Self {
            options,
            now,
            printed,
            reports: Reports::default(),
            apart: Vec::new(),
            ci,
            rules: None,
            takes_tables: false,
            history: None,
            summary: None,
            kept: None,
        }
    }

    /// Lets the report be printed so.
    pub(super) fn print_as(&mut self, printed: Printed) {
        self.printed = printed;
    }

    /// Lets the rule file have several tables.
    pub(super) fn take_tables(&mut self) {
        self.takes_tables = true;
    }

    /// Begins with another batch.
    pub(super) fn renew(&mut self) {
        (self.now, self.summary) = (self.options.means.clock(), None);
    }

    /// Where the run is recorded, if it is.
    pub(super) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Leaves the run out of the history.
    pub(super) fn leave_unrecorded(&mut self) {
        self.history = None;
    }

    /// Reads the rule file, after a look at where reports shall go.
    ///
    /// # Errors
    /// It cannot be read, or says something wrong; also where a report cannot be written.
    pub(super) fn read_rules(&mut self) -> Result<&RuleFile, Faults> {
        let (usable, mut faults) = Reports::at(&self.options.reports, self.options.failing_rows.as_deref());
        self.reports = usable;
        if self.options.given.rules.is_none() {
            faults.extend(self.keep_off("the rule file is", std::slice::from_ref(&self.options.rules)));
        }
        // The command line alone says what the data is, where it names some.
        faults.extend(self.keep_off("the data is", &self.options.data));
        let Parsed { rules, faults: wrong, is_comparable } = faults.take(self.options.parse_rules()).ok_or_else(|| faults.clone())?;
        let is_wrong = !wrong.is_empty();
        faults.extend(wrong);
        let Some(rules) = rules else { return Err(faults) };
        faults.extend(ensure_mask_key(&rules).err());
        faults.extend(rules.tables.iter().filter_map(|table| ensure_mask_key(&table.rules).err()));
        if !self.takes_tables {
            faults.extend(ensure_one_table(&rules).err());
        }
        if is_wrong {
            faults.extend(rules.quiet(self.options.more_mistakes(&rules, is_comparable)));
        }
        faults.or_ok(())?;
        Ok(self.rules.insert(rules))
    }

    /// Looks that no report is written to where the data is, or to where rows go, and that the run can be recorded.
    ///
    /// # Errors
    /// One would be, or it cannot.
    pub(super) fn keep_reports_apart(&mut self, destinations: &[String]) -> Result<&mut RuleFile, Faults> {
        let mut faults = Faults::default();
        let data = self.options.paths(self.rules()?);
        faults.extend(self.keep_off("the data is", &data));
        faults.extend(self.keep_off("rows go", destinations));
        let apart: Vec<String> = data.iter().chain(destinations).cloned().collect();
        let rules = self.rules.as_mut().ok_or_else(|| Fault::new(Code::Internal, "internal error: no rules were read"))?;
        let (confines, here) = (self.options.trust.confines()?, surroundings());
        self.history = faults.take(self.options.record.open(rules, confines.as_ref(), &apart, &here)).flatten();
        faults.or_ok(rules)
    }

    /// Keeps reports off all of `there`, which are called `what`.
    fn keep_off(&mut self, what: &str, there: &[String]) -> Vec<Fault> {
        there.iter().for_each(|there| self.ci.keep_off(what, there));
        self.apart.extend(there.iter().map(|there| (what.to_owned(), there.clone())));
        there.iter().flat_map(|there| self.reports.keep_off(what, there)).collect()
    }

    /// The rules, once they are read.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn rules(&mut self) -> Result<&mut RuleFile, Fault> {
        self.rules.as_mut().ok_or_else(|| Fault::new(Code::Internal, "internal error: no rules were read"))
    }

    /// Shows and writes what the run came to, and gives the exit code, which is 2 for what could not be judged or told.
    pub(super) fn end(self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> ExitCode {
        ExitCode::from(self.tell(mode, judged, exit_code))
    }

    /// The same for one batch of several.
    pub(super) fn tell(&self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> u8 {
        self.settle(mode, judged, exit_code).code
    }

    /// The same for a program that runs this one within itself.
    ///
    /// # Errors
    /// The data could not be judged, or what was asked for could not be written.
    pub(super) fn hand_over(
        mut self,
        mode: Mode,
        judged: Result<Report, Faults>,
        exit_code: impl Fn(&Report) -> u8,
    ) -> Result<Done, Faults> {
        if let Err(faults) = &judged
            && faults.0.iter().any(|fault| fault.code == Code::Cancelled)
        {
            // Whoever ended the run knows it, and nobody else needs to.
            return Err(faults.clone());
        }
        let kept = self.kept.take();
        let Settled { report, code, faults, .. } = self.settle(mode, judged, exit_code);
        faults.or_ok(Done { report, is_ok: code == 0, kept })
    }

    /// Shows and writes what the run came to.
    pub(super) fn settle(&self, mode: Mode, judged: Result<Report, Faults>, exit_code: impl Fn(&Report) -> u8) -> Settled {
        let (quiet, verbose) = (self.options.quiet, self.options.verbose);
        let mut wrong = Faults::default();
        let (report, code) = match judged {
            Ok(mut report) => {
                let code = exit_code(&report);
                self.history.iter().for_each(|history| record::compare(history, &mut report, self.rules.as_ref()));
                output::show(&report, self.printed, quiet, verbose);
                let unprinted = output::unprinted().map(|error| reports::not_told(&report, "the verdict could not be printed", &error));
                unprinted.iter().for_each(|fault| output::complain(&fault.clone().into()));
                (report, if unprinted.is_some() { 2 } else { code })
            }
            Err(faults) => {
                let faults = self.rules.as_ref().map_or_else(|| faults.clone(), |rules| rules.quiet(faults.clone()));
                output::complain(&faults);
                let batch_id = self.options.batch_id.clone().unwrap_or_default();
                let header = Header { mode, batch_id, began: Some(self.now), as_of: self.options.as_of() };
                let report = assemble::faulty(header, self.rules.as_ref(), &faults);
                if self.printed.is_json() {
                    output::show(&report, self.printed, quiet, verbose);
                }
                wrong = faults;
                (report, 2)
            }
        };
        // Before it is recorded: a run that is killed here is told of again, and never not at all.
        if let Some(rules) = &self.rules {
            let is_confined = !matches!(self.options.trust.confines(), Ok(None));
            self.options.notify.tell(mode, rules, self.history.as_ref(), &report, is_confined);
        }
        let unwritten = self.reports.write(&report);
        let unrecorded = self.history.as_ref().and_then(|history| record::record(history, &report, self.summary.as_ref()));
        self.ci.tell(&report);
        self.options.lineage.post(&report);
        let unwritten: Faults = Faults(unwritten.into_iter().chain(unrecorded).collect());
        output::complain(&unwritten);
        let code = if unwritten.is_empty() { code } else { 2 };
        wrong.extend(unwritten.0);
        Settled { report, code, faults: wrong, apart: self.apart.clone() }
    }
}
