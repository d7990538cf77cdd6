//! Two data sets that are compared: their places, how both are read, and where the report goes.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use super::exit::ExitCode;
use super::progress::Progress;
use super::references::Surroundings;
use super::reports::Reports;
use super::run::{Means, ensure_mask_key, read_options, read_rules};
use super::scratch::Scratch;
use super::trust::Trust;
use super::web::Web;
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job, NoSink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::RuleFile;
use crate::source::{self, Format, ReadOptions, Source, Spool};

/// What commands over two data sets take alike.
#[derive(Debug, Args)]
pub(super) struct Two {
    /// What is compared with: a file, a glob, a directory, a table, a URL
    pub(super) a: String,
    /// What is compared
    pub(super) b: String,
    /// Take from this rule file how the data is read, cleaned and masked; its rules are not judged
    #[arg(short, long, value_name = "RULES")]
    rules: Option<String>,
    /// The format of both, whatever their names say
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    /// Write a report; the format is named, or follows from the extension; may be given again
    #[arg(long = "report", value_name = "[FORMAT=]PATH")]
    reports: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) means: Means,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    web: Web,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Also print what is alike, and the columns
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

/// A comparison that has begun.
pub(super) struct Begun {
    pub(super) now: DateTime<Utc>,
    /// What the report calls it.
    pub(super) dataset: String,
    pub(super) scratch: Scratch,
    /// How both are read, and no rules.
    alone: RuleFile,
    options: ReadOptions,
}

impl Two {
    /// Compares by `compared`, shows what it found and writes the reports; `code` gives the exit code of what was found.
    pub(super) fn run(&self, compared: impl FnOnce() -> Result<Report, Faults>, code: impl Fn(&Report) -> u8) -> ExitCode {
        let (mut reports, mut faults) = Reports::at(&self.reports, None);
        faults.extend([&self.a, &self.b].into_iter().flat_map(|path| reports.keep_off("the data is", path)));
        faults.extend(self.rules.iter().flat_map(|path| reports.keep_off("the rule file is", path)));
        let compared = faults.or_ok(()).and_then(|()| compared());
        reports.end(compared, self.quiet, self.verbose, code)
    }

    /// Looks at the options that both have.
    pub(super) fn begin(&self) -> Result<Begun, Faults> {
        if self.a == "-" || self.b == "-" {
            let fault = Fault::new(Code::ConflictingOptions, "standard input can be read once, and both data sets are read more often");
            return Err(fault.hint("write it to a file, and name that").into());
        }
        let now = self.means.clock();
        let dataset = format!("{} against {}", self.b, self.a);
        let alone = self.with_sections(&format!("dataset: {}\n", serde_json::Value::from(dataset.as_str())))?;
        ensure_mask_key(&alone)?;
        let options = self.read_options(&alone)?;
        Ok(Begun { now, dataset, scratch: Scratch::new()?, alone, options })
    }

    /// Rules of our own, beside what the rule file says of reading and masking.
    pub(super) fn with_sections(&self, text: &str) -> Result<RuleFile, Faults> {
        let mut rules = RuleFile::parse(text, "compare")?;
        if let Some(path) = &self.rules {
            let given = read_rules(path, self.trust.confines()?.as_ref())?;
            rules.sections.source = given.sections.source;
            rules.sections.schema = given.sections.schema;
            rules.sections.clean = given.sections.clean;
            rules.sections.transform = given.sections.transform;
        }
        Ok(rules)
    }

    fn read_options(&self, rules: &RuleFile) -> Result<ReadOptions, Faults> {
        let of_rules = read_options(rules)?;
        let http = self.web.allow(of_rules.http.clone());
        Ok(ReadOptions { format: self.format.or(of_rules.format), refuses_idle_words: false, http, ..of_rules })
    }

    fn open(&self, rules: &RuleFile, path: &str, begun: &Begun) -> Result<Arc<dyn Source>, Faults> {
        Ok(source::open(&[path.to_owned()], &begun.options, &rules.contract(), &Spool::new(&begun.scratch.path))?)
    }

    /// One of both by itself: its types, and what is missing.
    pub(super) fn audited(&self, begun: &Begun, path: &str) -> Result<Audited, Faults> {
        let data = self.open(&begun.alone, path, begun)?;
        audit::audit(&self.means.job(begun.now, &begun.alone, data, None, &begun.scratch, &|_, _| {}), &NoSink::default())
    }

    /// Its types alone: its values are read only where types follow from them.
    pub(super) fn typed(&self, begun: &Begun, path: &str) -> Result<Audited, Faults> {
        let data = self.open(&begun.alone, path, begun)?;
        if data.known().infers_types {
            return self.audited(begun, path);
        }
        let rules = self.with_sections(&format!("dataset: {}\nprofile: none\n", serde_json::Value::from(begun.dataset.as_str())))?;
        audit::audit(&self.means.job(begun.now, &rules, data, None, &begun.scratch, &|_, _| {}), &NoSink::default())
    }

    /// B by rules that may name A.
    pub(super) fn judged(&self, begun: &Begun, rules: &RuleFile) -> Result<Audited, Faults> {
        // Data may be of any format, and of two.
        let data = self.open(rules, &self.b, begun)?;
        let references = Surroundings::of(rules, begun.scratch.path.clone(), self.trust.confines()?)?.beside(None, self.means.threads());
        let progress = Progress::new(self.quiet);
        let advance = |done, total| progress.advance(done, total);
        let job = self.means.job(begun.now, rules, data, None, &begun.scratch, &advance);
        audit::audit(&Job { references: Some(Arc::new(references)), ..job }, &NoSink::default())
    }
}

/// The report of a comparison.
pub(super) fn reported(begun: &Begun, rules: &RuleFile, audited: &Audited) -> Report {
    let batch_id = audited.identity.derived_id().unwrap_or_default();
    let header = Header { mode: Mode::Compare, batch_id, began: Some(begun.now), as_of: None };
    assemble::assemble(header, rules, audited, audited.set_aside().len(), None)
}
