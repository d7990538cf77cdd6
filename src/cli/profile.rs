//! `sluicegate profile`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::choices::Meant;
use super::exit::ExitCode;
use super::handed::{Done, Given};
use super::output;
use super::progress::Progress;
use super::reports::Reports;
use super::run::{Means, countable, parse_rules, read_options};
use super::scratch::Scratch;
use super::trust::Trust;
use super::web::Web;
use crate::assemble::{self, Header};
use crate::audit::{self, Job, NoSink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity;
use crate::quarantine::ensure_not_taken_out;
use crate::report::Report;
use crate::report::model::Mode;
use crate::rows::RowSet;
use crate::ruleset::{Parsed, RuleFile};
use crate::source::{self, Format, ReadOptions, Source, Spool};

/// Options of `profile`.
#[derive(Debug, Args)]
pub(super) struct Profile {
    /// Data: files, globs, directories, URLs, or `-` for standard input
    #[arg(required_unless_present = "rules")]
    data: Vec<String>,
    /// Write the profile as a page (.html) or as JSON (.json)
    #[arg(short, long = "out", value_name = "PATH")]
    out: Option<PathBuf>,
    /// Write a report; the format is named, or follows from the extension; may be given again
    #[arg(long = "report", value_name = "[FORMAT=]PATH")]
    reports: Vec<PathBuf>,
    /// Take from this rule file how the data is read, cleaned and masked; its rules are not judged
    #[arg(short, long, value_name = "RULES")]
    rules: Option<String>,
    /// The data's format, whatever its name says
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    web: Web,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// What another program hands over that runs this one within itself.
    #[arg(skip)]
    given: Given,
    /// Print all columns, however many there are
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

/// How text may be laid out that has no commas.
const LAYOUTS: [&str; 4] = [r#"delimiter: ";""#, r#"delimiter: "\t""#, r#"delimiter: "|""#, "dialect: sniff"];

impl Profile {
    pub(super) fn run(self) -> ExitCode {
        let asked: Vec<PathBuf> = self.out.iter().chain(&self.reports).cloned().collect();
        let (mut reports, mut faults) = Reports::at(&asked, None);
        faults.extend(self.data.iter().flat_map(|path| reports.keep_off("the data is", path)));
        faults.extend(self.rules.iter().flat_map(|path| reports.keep_off("the rule file is", path)));
        let profiled = faults.or_ok(()).and_then(|()| self.profile(&mut reports));
        reports.end(profiled, self.quiet, self.verbose, |_| 0)
    }

    /// The same within another program.
    ///
    /// # Errors
    /// The data could not be read, or what was asked for not be written.
    pub(super) fn embedded(mut self, given: Given) -> Result<Done, Faults> {
        (self.given, self.quiet) = (given, true);
        let asked: Vec<PathBuf> = self.out.iter().chain(&self.reports).cloned().collect();
        let (mut reports, faults) = Reports::at(&asked, None);
        let report = faults.or_ok(()).and_then(|()| self.profile(&mut reports))?;
        reports.write(&report).or_ok(Done { report, is_ok: true, kept: None })
    }

    fn profile(&self, reports: &mut Reports) -> Result<Report, Faults> {
        let mut rules = self.read_rules("")?;
        let paths = if self.given.rows.is_some() {
            Vec::new()
        } else if self.data.is_empty() {
            rules.sections.source.path.iter().flat_map(|path| path.0.clone()).collect()
        } else {
            self.data.clone()
        };
        if paths.is_empty() && self.given.rows.is_none() {
            return Err(Fault::new(Code::MissingOption, "nothing says where the data is")
                .hint("name it: `sluicegate profile DATA`")
                .into());
        }
        let apart: Faults = Faults(paths.iter().flat_map(|path| reports.keep_off("the data is", path).0).collect());
        apart.or_ok(())?;
        let scratch = Scratch::new()?;
        let data = match self.open(&paths, &rules, &scratch) {
            Ok(data) => data,
            Err(faults) => {
                let data;
                (rules, data) = self.in_other_layout(&paths, &scratch).ok_or(faults)?;
                data
            }
        };
        ensure_not_taken_out(data.schema())?;
        let progress = Progress::new(self.quiet).told_to(self.given.progress.clone());
        let advance = |done, total| progress.advance(done, total);
        let now = self.means.clock();
        let job = Job { cancel: self.given.cancel.clone(), ..self.means.job(now, &rules, Arc::clone(&data), None, &scratch, &advance) };
        let audited = audit::audit(&job, &NoSink { columns: None })?;
        let header =
            Header { mode: Mode::Profile, batch_id: audited.identity.derived_id().unwrap_or_default(), began: Some(now), as_of: None };
        identity::ensure_name(None)?;
        let set_aside: RowSet = audited.set_aside();
        Ok(assemble::assemble(header, &rules, &audited, set_aside.len(), None))
    }

    fn open(&self, paths: &[String], rules: &RuleFile, scratch: &Scratch) -> Result<Arc<dyn Source>, Faults> {
        let of_rules = read_options(rules)?;
        let options = ReadOptions {
            format: self.format.or(of_rules.format),
            confines: if self.data.is_empty() { self.trust.confines()? } else { None },
            http: self.web.allow(of_rules.http.clone()),
            ..of_rules
        };
        let spool = Spool::new(&scratch.path);
        let opened = match &self.given.rows {
            Some(rows) => rows.open(&options, &spool, countable(self.means.memory_limit.0)),
            None => source::open(paths, &options, &rules.contract(), &spool),
        };
        opened.map_err(|fault| rules.quiet(fault.into()))
    }

    /// Text that has no commas, as no rule file says how it is read; what is read once only is not tried again.
    fn in_other_layout(&self, paths: &[String], scratch: &Scratch) -> Option<(RuleFile, Arc<dyn Source>)> {
        if self.rules.is_some() || self.given.rows.is_some() || paths.iter().any(|path| path == "-") {
            return None;
        }
        LAYOUTS.iter().find_map(|words| {
            let rules = self.read_rules(&format!("source: {{ {words} }}\n")).ok()?;
            let data = self.open(paths, &rules, scratch).ok().filter(|data| data.schema().fields().len() > 1)?;
            output::note(&format!("read with `source: {{ {words} }}`, which a rule file must say"));
            Some((rules, data))
        })
    }

    /// A rule file without rules that wants all columns described: the one that is given, or none but its name and how the data
    /// is read.
    fn read_rules(&self, source: &str) -> Result<RuleFile, Faults> {
        const EVERYTHING: &str = "profile: { level: full, correlations: true }\n";
        let Some(path) = &self.rules else {
            let name = self.data.first().map_or("data", |first| name_of(first));
            let text = format!("dataset: {}\n{source}{EVERYTHING}", serde_json::Value::from(name));
            let Parsed { rules, faults, .. } = RuleFile::read(&text, "profile");
            faults.or_ok(())?;
            return rules.ok_or_else(|| Fault::new(Code::Internal, "internal error: a profile without a rule file").into());
        };
        let Parsed { rules, faults, .. } = parse_rules(path, self.trust.confines()?.as_ref(), &self.meant.choices())?;
        faults.or_ok(())?;
        let mut rules = rules.ok_or_else(|| Fault::new(Code::Internal, "internal error: no rules were read"))?;
        super::given::ensure_one_table(&rules)?;
        super::run::ensure_mask_key(&rules)?;
        rules.items.clear();
        rules.sections.known.clear();
        rules.sections.baseline = None;
        let Parsed { rules: plain, .. } = RuleFile::read(&format!("dataset: data\n{EVERYTHING}"), "profile");
        if let Some(plain) = plain.filter(|_| !wants_correlations(&rules)) {
            rules.sections.profile = plain.sections.profile;
        }
        Ok(rules)
    }
}

/// Whether the rule file itself says what is wanted of a profile: its words count then.
fn wants_correlations(rules: &RuleFile) -> bool {
    use crate::ruleset;
    rules
        .sections
        .profile
        .as_ref()
        .is_some_and(|profile| matches!(&profile.value, ruleset::Profile::Map(map) if map.correlations.is_some()))
}

/// What the data is called: the name of its file, without what says how it is packed.
fn name_of(path: &str) -> &str {
    if path == "-" {
        return "standard input";
    }
    let last = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = last.split('.').find(|part| !part.is_empty()).unwrap_or(last);
    if stem.is_empty() { "data" } else { stem }
}
