//! `sluicegate compare`

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
use crate::compare::{self, Wanted};
use crate::diagnostic::{Code, Fault, Faults};
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::RuleFile;
use crate::source::{self, Format, ReadOptions, Source, Spool};

/// Options of `compare`.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// What is compared with: a file, a glob, a directory, a table, a URL
    a: String,
    /// What is compared
    b: String,
    /// No row and no key may be in both, as of training and test data
    #[arg(long)]
    disjoint: bool,
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
    means: Means,
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

impl Compare {
    pub(super) fn run(&self) -> ExitCode {
        let (mut reports, mut faults) = Reports::at(&self.reports, None);
        faults.extend([&self.a, &self.b].into_iter().flat_map(|path| reports.keep_off("the data is", path)));
        faults.extend(self.rules.iter().flat_map(|path| reports.keep_off("the rule file is", path)));
        let compared = faults.or_ok(()).and_then(|()| self.compared());
        reports.end(compared, self.quiet, self.verbose, |report| u8::from(report.has_warnings()))
    }

    fn compared(&self) -> Result<Report, Faults> {
        if self.a == "-" || self.b == "-" {
            let fault = Fault::new(Code::ConflictingOptions, "standard input can be read once, and both data sets are read more often");
            return Err(fault.hint("write it to a file, and name that").into());
        }
        let now = self.means.clock();
        let dataset = format!("{} against {}", self.b, self.a);
        let alone = self.with_sections(&format!("dataset: {}\n", serde_json::Value::from(dataset.as_str())))?;
        ensure_mask_key(&alone)?;
        let scratch = Scratch::new()?;
        let options = self.read_options(&alone)?;
        let (a, b) = (self.audited(now, &alone, &self.a, &options, &scratch)?, self.audited(now, &alone, &self.b, &options, &scratch)?);
        let found = compare::found_columns(&a);
        let rules = self.with_sections(&compare::rules(&dataset, &self.a, a.source.schema(), b.source.schema()))?;
        // Data may be of any format, and of two.
        let data = self.open(&rules, &self.b, &options, &scratch)?;
        let references = Surroundings::of(&rules, scratch.path.clone(), self.trust.confines()?)?.beside(None, self.means.threads());
        let progress = Progress::new(self.quiet);
        let advance = |done, total| progress.advance(done, total);
        let job = Job { references: Some(Arc::new(references)), ..self.means.job(now, &rules, data, None, &scratch, &advance) };
        let mut audited = audit::audit(&job, &NoSink::default())?;
        compare::complete(&mut audited, (&a.source, &found), &Wanted { disjoint: self.disjoint }).map_err(|faults| rules.quiet(faults))?;
        let batch_id = audited.identity.derived_id().unwrap_or_default();
        let header = Header { mode: Mode::Compare, batch_id, began: Some(now), as_of: None };
        let set_aside = audited.set_aside().len();
        Ok(assemble::assemble(header, &rules, &audited, set_aside, None))
    }

    /// Rules of our own, beside what the rule file says of reading and masking.
    fn with_sections(&self, text: &str) -> Result<RuleFile, Faults> {
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

    fn open(&self, rules: &RuleFile, path: &str, options: &ReadOptions, scratch: &Scratch) -> Result<Arc<dyn Source>, Faults> {
        Ok(source::open(&[path.to_owned()], options, &rules.contract(), &Spool::new(&scratch.path))?)
    }

    /// One of both by itself: its types, and what is missing.
    fn audited(
        &self,
        now: DateTime<Utc>,
        rules: &RuleFile,
        path: &str,
        options: &ReadOptions,
        scratch: &Scratch,
    ) -> Result<Audited, Faults> {
        let data = self.open(rules, path, options, scratch)?;
        audit::audit(&self.means.job(now, rules, data, None, scratch, &|_, _| {}), &NoSink::default())
    }
}
