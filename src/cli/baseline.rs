//! `sluicegate baseline`

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};

use super::begun::Begun;
use super::exit::ExitCode;
use super::history::{Whose, who};
use super::output;
use super::progress::Progress;
use super::run::{self, RunOptions};
use super::scratch::Scratch;
use crate::audit::{Job, Keeps, References};
use crate::baseline::{self, Change};
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::gate::{self, Judged};
use crate::metric::Budget;
use crate::report::Report;
use crate::report::model;
use crate::ruleset::RuleFile;
use crate::shown::{count, counted, minute};
use crate::summary::{Batches, Difference, Summary};
use crate::verdict::Verdict;
use crate::visible;

/// Options of `baseline`.
#[derive(Debug, Args)]
pub(super) struct Baseline {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge data, and write the summary of the rows that pass
    ///
    /// Exit code: 0 it is written; 1 the batch is rejected, and nothing was written; 2 it could not be judged or written.
    Capture(Box<Capture>),
    /// Show what a baseline says of its columns
    Show {
        /// A baseline file
        file: String,
    },
    /// Show how two baselines differ
    ///
    /// Exit code: 0 they say the same; 1 they differ; 2 one could not be read.
    Diff {
        /// A baseline file
        before: String,
        /// Another one
        after: String,
    },
    /// Write the summary of what several baselines summarise
    Merge {
        /// Baseline files
        #[arg(required = true)]
        files: Vec<String>,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: String,
    },
    /// Let a recorded run become the baseline: its values have changed, and are meant to
    Accept(Box<Accept>),
    /// Put back what a baseline was before its last change
    Rollback {
        /// A baseline file
        file: String,
    },
}

/// Options of `baseline capture`.
#[derive(Debug, Args)]
struct Capture {
    #[command(flatten)]
    options: RunOptions,
    /// The file to write; the rule file's `baseline` if left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Write the summary of a batch that is rejected or could not be judged, too
    #[arg(long)]
    anyway: bool,
}

/// Options of `baseline accept`.
#[derive(Debug, Args)]
struct Accept {
    /// The run: as `sluicegate history` lists it, the id of its batch, or `last`
    run: String,
    /// Why its values are right
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so; the user's name if left out
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The file to write; the rule file's `baseline` if left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// The clock (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", value_parser = run::time)]
    now: Option<DateTime<Utc>>,
}

impl Accept {
    fn run(&self) -> Result<String, Faults> {
        let (rules, history) = self.whose.open()?;
        let to = destination(self.output.as_deref(), &rules)?;
        if let Some(confines) = self.whose.confines()?.filter(|_| self.output.is_none()) {
            confines.allow(&to)?;
        }
        let contents = history.contents()?;
        let entry = history.find(&contents, &self.run)?;
        if entry.is_bad {
            let fault = Fault::new(Code::ConflictingOptions, format!("the run {} is marked bad", entry.name));
            return Err(fault.hint("`sluicegate history mark RUN good` takes that back").into());
        }
        let summary = history.summary(entry)?;
        baseline::restart(&to, &summary)?;
        let time = model::time(self.now.unwrap_or_else(|| Utc::now().trunc_subsecs(3)));
        let what = format!("accepted the run {}", entry.name);
        baseline::note(&to, &Change { time, what, reason: self.reason.clone(), by: who(self.by.as_deref()) })?;
        Ok(format!("{to}: the run {} is the baseline now, {}\n", entry.name, counted(summary.rows, "row")))
    }
}

/// Where the baseline goes.
fn destination(given: Option<&str>, rules: &RuleFile) -> Result<String, Fault> {
    let written = || rules.sections.baseline.as_ref().map(|baseline| baseline.path.value.clone());
    given.map(str::to_owned).or_else(written).ok_or_else(|| {
        let fault = Fault::new(Code::MissingOption, "nothing says where the baseline goes");
        fault.hint("give `-o FILE`, or write `baseline: { path: FILE }` in the rule file")
    })
}

impl Baseline {
    pub(super) fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Capture(capture) => return capture.run(),
            Command::Show { file } => load(&file).and_then(|summary| show(&file, &summary)).map(|text| (text, 0)),
            Command::Diff { before, after } => diff(&before, &after),
            Command::Merge { files, output } => merge(&files, &output).map(|text| (text, 0)),
            Command::Accept(accept) => match accept.run() {
                Ok(text) => Ok((text, 0)),
                Err(faults) => {
                    output::complain(&faults);
                    return ExitCode::from(2);
                }
            },
            Command::Rollback { file } => roll_back(&file).map(|text| (text, 0)),
        };
        match done {
            Ok((text, code)) => {
                output::print(&text);
                ExitCode::from(code)
            }
            Err(fault) => {
                output::complain(&fault.into());
                ExitCode::from(2)
            }
        }
    }
}

impl Capture {
    fn run(&self) -> ExitCode {
        let mut begun = Begun::new(&self.options);
        let mut said = None;
        let judged = self.judge(&mut begun, &mut said);
        begun.leave_unrecorded();
        let code = begun.end(crate::report::model::Mode::Check, judged, |report| match report.verdict {
            _ if self.anyway => 0,
            Verdict::Accept | Verdict::Quarantine => 0,
            Verdict::Reject => 1,
            Verdict::Undecided => 2,
        });
        said.iter().for_each(|said: &String| output::note(said));
        code
    }

    /// Judges the data and writes the baseline; `said` becomes what is to be said of that behind the report.
    fn judge(&self, begun: &mut Begun<'_>, said: &mut Option<String>) -> Result<Report, Faults> {
        let now = begun.now;
        let rules = begun.read_rules()?;
        let to = destination(self.output.as_deref(), rules)?;
        let rules = begun.keep_reports_apart(std::slice::from_ref(&to))?;
        let scratch = Scratch::new()?;
        let progress = Progress::new(self.options.quiet);
        let advance = |done, total| progress.advance(done, total);
        let data = self.options.open_data(rules, &scratch)?;
        let references: Arc<dyn References> = Arc::new(self.options.comparable(now, rules, &scratch)?.with_no_baseline_yet());
        let job = self.options.job(now, rules, data, None, &scratch, &advance);
        let job = Job { references: Some(references), keeps: Keeps::Everything, ..job };
        let (Judged { report, summary }, _) = gate::judge(&job, self.options.wanted(None))?;
        let passes = matches!(report.verdict, Verdict::Accept | Verdict::Quarantine);
        if let Some(mut summary) = summary.filter(|_| passes || self.anyway) {
            if self.options.batch_id.is_none() {
                // A name that follows from the content would tell in which order files were read.
                summary.batches = Batches { count: 1, ..Batches::default() };
            }
            baseline::restart(&to, &summary)?;
            *said = Some(format!("{to}: written, {} of {}", counted(summary.rows, "row"), counted(summary.columns.len() as u64, "column")));
        } else {
            *said = Some(format!("{to}: not written: a baseline is of good data; `--anyway` writes it all the same"));
        }
        Ok(report)
    }
}

fn batches(summary: &Summary) -> String {
    if summary.batches.count == 1 { "1 batch".to_owned() } else { format!("{} batches", count(summary.batches.count)) }
}

fn memory() -> Arc<Budget> {
    Arc::new(Budget::new(1 << 30, std::env::temp_dir()))
}

fn load(file: &str) -> Result<Summary, Fault> {
    let none = || Fault::new(Code::FileNotFound, "there is no such baseline").at(Place::file(file));
    baseline::read(file)?.ok_or_else(|| none().hint("`sluicegate baseline capture DATA -r RULES -o FILE` makes one"))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|text| (*text).to_owned()));
    table
}

fn show(file: &str, summary: &Summary) -> Result<String, Fault> {
    let names = match (summary.batches.count, summary.batches.first == summary.batches.last) {
        (_, _) if summary.batches.first.is_empty() => String::new(),
        (1, _) | (_, true) => format!(" ({})", summary.batches.first),
        (_, false) => format!(" ({} to {})", summary.batches.first, summary.batches.last),
    };
    let head = format!(
        "{}: data set {}, {} of {}{names}\n\n",
        visible::line(file),
        summary.dataset,
        counted(summary.rows, "row"),
        batches(summary)
    );
    let mut lines = table(&["column", "type", "missing", "distinct", "figures"]);
    for column in &summary.columns {
        let figures = summary.figures(&column.name, &memory())?;
        let text = |value: Option<String>| value.unwrap_or_default();
        let kind = if column.masked { format!("{}, masked", column.data_type) } else { column.data_type.clone() };
        lines.add_row(vec![
            visible::line(&column.name).into_owned(),
            kind,
            text(figures.missing.map(count)),
            text(figures.distinct.map(|(n, is_exact)| format!("{}{}", if is_exact { "" } else { "about " }, count(n)))),
            visible::line(&figures.others().join(", ")).into_owned(),
        ]);
    }
    let accepted = baseline::last_change(file)?.map_or_else(String::new, |Change { time, what, reason, by }| {
        format!("\n{} {what}, by {}: {}\n", minute(&time), visible::line(&by), visible::line(&reason))
    });
    Ok(format!("{head}{lines}\n{accepted}"))
}

fn diff(before: &str, after: &str) -> Result<(String, u8), Fault> {
    let (a, b) = (load(before)?, load(after)?);
    if a == b {
        return Ok((format!("{before} and {after} say the same\n"), 0));
    }
    let mut lines = table(&["column", "what", "before", "after"]);
    for Difference { column, what, before, after } in a.differences(&b, &memory())? {
        lines.add_row(vec![
            visible::line(&column).into_owned(),
            what,
            visible::line(&before).into_owned(),
            visible::line(&after).into_owned(),
        ]);
    }
    Ok((format!("{lines}\n"), 1))
}

fn merge(files: &[String], to: &str) -> Result<String, Fault> {
    let mut all: Option<Summary> = None;
    for file in files {
        let summary = load(file)?;
        all = Some(match all {
            None => summary,
            Some(all) => all.merged(&summary, &memory()).map_err(|fault| fault.at(Place::file(file)))?,
        });
    }
    let all = all.unwrap_or_default();
    baseline::restart(to, &all)?;
    Ok(format!("{to}: written, {} of {}\n", counted(all.rows, "row"), batches(&all)))
}

fn roll_back(file: &str) -> Result<String, Fault> {
    match baseline::roll_back(file)? {
        Some(summary) => Ok(format!("{file}: as it was before, {} of {}\n", counted(summary.rows, "row"), batches(&summary))),
        None => {
            let fault = Fault::new(Code::FileNotFound, format!("{file}: no earlier content is kept"));
            Err(fault.hint("contents are kept when the gate or `baseline` changes the file"))
        }
    }
}
