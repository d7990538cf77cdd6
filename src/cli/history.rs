//! `sluicegate history`

use chrono::{DateTime, SubsecRound, Utc};
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value as Json, json};

use super::chart;
use super::choices::Meant;
use super::exit::ExitCode;
use super::output::{self, ListOptions};
use super::record::Record;
use super::run::{self, Trust, read_rules_with, surroundings};
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Finding, Label, Unit, Value};
use crate::history::{self, Entry, History, Mark, Shown, word};
use crate::report::Report;
use crate::report::model;
use crate::report::since::shown;
use crate::ruleset::RuleFile;
use crate::shown::{count, minute};
use crate::visible::{self, NAME_MAX};

/// Options of `history`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct HistoryCommand {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say of a run that it is bad, so that nothing is compared with it, or that it is good after all
    Mark(MarkRun),
}

/// Whose runs, and where they are.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The rule file
    #[arg(short, long, value_name = "RULES", required = true)]
    rules: Option<String>,
    #[command(flatten)]
    record: Record,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    trust: Trust,
}

impl Whose {
    /// What paths in the rule file are confined to, if they are.
    pub(super) fn confines(&self) -> Result<Option<Confines>, Fault> {
        self.trust.confines()
    }

    /// The rule file, and the history that it or the command line names.
    pub(super) fn open(&self) -> Result<(RuleFile, History), Faults> {
        let confines = self.trust.confines()?;
        let rules = read_rules_with(self.rules.as_deref().unwrap_or_default(), confines.as_ref(), &self.meant.choices())?;
        match self.record.named(&rules, confines.as_ref(), &surroundings())? {
            Some((_, history)) => Ok((rules, history)),
            None => {
                let fault = Fault::new(Code::MissingOption, "nothing says where runs are recorded");
                Err(fault.hint("give `--record DIR`, or `history: DIR` in the rule file").into())
            }
        }
    }
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    whose: Whose,
    /// So many runs, the last ones
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
    /// A figure over time: a finding's id, `FINDING.FIGURE`, `COLUMN.FIGURE` such as `price.mean`, or `rows.read`
    #[arg(long, value_name = "NAME")]
    figure: Option<String>,
    #[command(flatten)]
    output: ListOptions,
}

#[derive(Debug, Args)]
struct MarkRun {
    /// The run: as `sluicegate history` lists it, the id of its batch, or `last`
    run: String,
    /// What it is
    #[arg(value_enum)]
    word: Standing,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so; the user's name if left out
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// The clock (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", value_parser = run::time)]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Standing {
    Bad,
    Good,
}

impl HistoryCommand {
    pub(super) fn run(self) -> ExitCode {
        match &self.command {
            Some(Command::Mark(mark)) => output::ended(mark.run()),
            None => output::ended_list(self.list.run(), self.list.output),
        }
    }
}

/// A run that could be read.
pub(super) struct Run {
    pub(super) entry: Entry,
    pub(super) report: Report,
}

impl List {
    fn run(&self) -> Result<String, Faults> {
        let (rules, history) = self.whose.open()?;
        let contents = history.contents()?;
        contents.warnings.iter().for_each(|warning| output::note(warning));
        let first = contents.runs.len().saturating_sub(self.last as usize);
        let runs = readable(&history, &contents.runs[first..]);
        match &self.figure {
            Some(name) => self.figure(&rules, &runs, name).map_err(Faults::from),
            None if self.output.is_json() => Ok(text_of(&json!({
                "dataset": rules.sections.dataset,
                "recorded": contents.runs.len(),
                "runs": runs.iter().map(|run| as_json(&history, run)).collect::<Vec<_>>(),
            }))),
            None => Ok(self.table(&history, &rules, &runs, (contents.runs.len() - first, contents.runs.len()))),
        }
    }

    fn table(&self, history: &History, rules: &RuleFile, runs: &[Run], (looked_at, recorded): (usize, usize)) -> String {
        let dataset = visible::cut(&rules.sections.dataset, NAME_MAX);
        if runs.is_empty() {
            return format!("{dataset}: no runs are recorded\n");
        }
        let mut table = table(&["time", "run", "batch", "verdict", "rows", "set aside", "what failed"]);
        let mut marks = Vec::new();
        for run in runs {
            let Run { entry, report } = run;
            let (failed, warned) = problems(report);
            let faults = report.faults.iter().map(|fault| format!("not judged: {}", fault.what));
            let warned = warned.iter().map(|id| format!("{id} (warning)"));
            let what: Vec<String> = failed.into_iter().chain(warned).chain(faults).collect();
            let released = if report.is_released() { ", released" } else { "" };
            let bad = if entry.is_bad { ", bad" } else { "" };
            let verdict = format!("{}{released}{bad}", word(report.verdict));
            let what = visible::cut(&what.join(", "), WHAT_MAX).into_owned();
            let (batch, run) = (visible::cut(&report.batch.id, BATCH_MAX).into_owned(), short_digest(entry));
            table.add_row([minute(&time(entry)), run, batch, verdict, count(report.rows.read), count(set_aside(report)), what]);
            if entry.is_bad {
                marks.push(said(entry, history.last_mark(entry).as_ref()));
            }
        }
        let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        if recorded > looked_at {
            text += &format!("the last {looked_at} of {} runs; `--last N` shows more\n", count(recorded as u64));
        }
        text + &marks.concat()
    }

    fn figure(&self, rules: &RuleFile, runs: &[Run], name: &str) -> Result<String, Fault> {
        let shown_by = Shown::by(rules);
        let points: Vec<Option<(Value, Unit)>> = runs.iter().map(|run| history::figure(&run.report, name, &shown_by)).collect();
        let Some((_, unit)) = points.iter().flatten().next() else {
            let fault = Fault::new(Code::UnknownFigure, format!("none of these runs has a figure `{name}`"));
            let known = runs.last().map(|run| history::names(&run.report)).unwrap_or_default();
            return Err(fault.hint_nearest(name, known.iter().map(String::as_str)));
        };
        if self.output.is_json() {
            let point = |(run, point): (&Run, &Option<(Value, Unit)>)| {
                let value = point.as_ref().map_or(&Value::Nothing, |(value, _)| value);
                json!({ "time": time(&run.entry), "run": run.entry.name.to_string(), "batch": run.report.batch.id,
                    "verdict": run.report.verdict, "bad": run.entry.is_bad, "value": value })
            };
            let points: Vec<Json> = runs.iter().zip(&points).map(point).collect();
            return Ok(text_of(&json!({ "dataset": rules.sections.dataset, "figure": name, "unit": unit, "points": points })));
        }
        let values: Vec<Option<f64>> = points.iter().map(|point| point.as_ref().and_then(|(value, _)| value.as_number())).collect();
        let chart = chart::Chart::of(&values);
        let mut table = table(&["time", "run", "verdict", "value", &chart.axis(|x| shown(&x.into(), unit).unwrap_or_default())]);
        for ((run, point), value) in runs.iter().zip(&points).zip(&values) {
            let text = point.as_ref().and_then(|(value, unit)| shown(value, unit)).unwrap_or_else(|| "-".to_owned());
            let verdict = word(run.report.verdict);
            let verdict = if run.entry.is_bad { format!("{verdict}, bad") } else { verdict.to_owned() };
            table.add_row([minute(&time(&run.entry)), short_digest(&run.entry), verdict, text, chart.line(*value)]);
        }
        Ok(table.lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }
}

/// Characters of a batch's id, and of what failed, that the table shows.
const BATCH_MAX: usize = 24;
const WHAT_MAX: usize = 160;

/// The runs that can be read; what cannot is said.
pub(super) fn readable(history: &History, entries: &[Entry]) -> Vec<Run> {
    let names: Vec<_> = entries.iter().map(|entry| &entry.name).collect();
    let reports = history.read(&names);
    let mut runs = Vec::new();
    for (entry, report) in entries.iter().zip(reports) {
        match report {
            Ok(report) => runs.push(Run { entry: entry.clone(), report }),
            Err(fault) => output::note(&format!("{}; it is left out", fault.what)),
        }
    }
    runs
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

fn time(entry: &Entry) -> String {
    model::time(entry.name.time)
}

fn short_digest(entry: &Entry) -> String {
    entry.name.digest.chars().take(8).collect()
}

/// Rows that were, or would be, set aside.
fn set_aside(report: &Report) -> u64 {
    report.rows.quarantined
}

/// Ids of findings that failed or had nothing to judge, and of those that warn. What is warming up is neither.
fn problems(report: &Report) -> (Vec<String>, Vec<String>) {
    let ids = |is_one: &dyn Fn(&Finding) -> bool| report.findings.iter().filter(|f| is_one(f)).map(|f| f.id.clone()).collect();
    (ids(&|f| f.label() == Label::Fail || f.stops()), ids(&Finding::is_warning))
}

fn said(entry: &Entry, mark: Option<&Mark>) -> String {
    let Some(mark) = mark else { return format!("{} is marked bad; the mark cannot be read\n", short_digest(entry)) };
    let (by, reason) = (visible::cut(&mark.by, NAME_MAX), visible::cut(&mark.reason, WHAT_MAX));
    format!("{} is marked bad: {reason} ({by}, {})\n", short_digest(entry), minute(&mark.at))
}

fn as_json(history: &History, Run { entry, report }: &Run) -> Json {
    let (failed, warned) = problems(report);
    let mark = history.last_mark(entry);
    json!({
        "time": time(entry), "began": report.began, "run": entry.name.to_string(), "batch": report.batch.id, "mode": report.mode,
        "verdict": report.verdict, "rows": report.rows, "failed": failed, "warned": warned,
        "faults": report.faults.len(), "rules_digest": report.batch.rules_digest, "bad": entry.is_bad, "mark": mark,
        "release": report.release,
    })
}

fn text_of(json: &Json) -> String {
    format!("{json:#}\n")
}

/// Who does something: as given, or the user.
pub(super) fn who(given: Option<&str>) -> String {
    let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    given.map(str::to_owned).or_else(user).unwrap_or_else(|| "unknown".to_owned())
}

impl MarkRun {
    fn run(&self) -> Result<String, Faults> {
        let (_, history) = self.whose.open()?;
        let contents = history.contents()?;
        let entry = history.find(&contents, &self.run)?;
        let now = self.now.unwrap_or_else(|| Utc::now().trunc_subsecs(3));
        let by = who(self.by.as_deref());
        let mark = history.mark(entry, self.word == Standing::Bad, &self.reason, &by, now)?;
        let word = if mark.is_bad { "bad: nothing is compared with it any more" } else { "good" };
        Ok(format!("{} is marked {word}\n", visible::line(&mark.run)))
    }
}
