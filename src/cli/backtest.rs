//! `sluicegate rules backtest`

use std::collections::BTreeSet;
use std::str::FromStr;

use clap::Args;
use serde_json::json;

use super::exit::ExitCode;
use super::history::{Whose, readable, table};
use super::output::{self, ListOptions};
use crate::diagnostic::Faults;
use crate::history::{AtMost, Backtested, Entry, Shown, backtest};
use crate::report::Report;
use crate::shown::counted;
use crate::visible::{self, NAME_MAX};

/// Options of `rules backtest`.
#[derive(Debug, Args)]
pub(super) struct Backtest {
    #[command(flatten)]
    whose: Whose,
    /// How often a limit may fire: `1/30` is once in 30 runs
    #[arg(long, value_name = "K/N", default_value = "1/30")]
    at_most: Often,
    /// Only the last N runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
    #[command(flatten)]
    output: ListOptions,
}

#[derive(Debug, Clone, Copy)]
struct Often(AtMost);

impl FromStr for Often {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write `1/30`, for once in 30 runs".to_owned();
        let (once, runs) = text.split_once('/').ok_or_else(wrong)?;
        match (once.trim().parse(), runs.trim().parse()) {
            (Ok(once), Ok(runs)) if once < runs => Ok(Self(AtMost { once, runs })),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(wrong()),
        }
    }
}

impl Backtest {
    pub(super) fn run(&self) -> ExitCode {
        output::ended_list(self.told(), self.output)
    }

    fn told(&self) -> Result<String, Faults> {
        let (rules, history) = self.whose.open()?;
        let contents = history.contents()?;
        contents.warnings.iter().for_each(|warning| output::note(warning));
        let mut counted_runs = each_batch_once(&contents.runs);
        let surplus = counted_runs.len().saturating_sub(self.last.map_or(usize::MAX, |last| last as usize));
        counted_runs.drain(..surplus);
        let reports: Vec<Report> =
            readable(&history, &counted_runs).into_iter().map(|run| run.report).filter(|report| report.faults.is_empty()).collect();
        let shown = Shown::by(&rules);
        let told = backtest(&rules, &reports, self.at_most.0, &|finding| shown.admits(finding, &finding.unit));
        let AtMost { once, runs } = self.at_most.0;
        if self.output.is_json() {
            let one = |b: &Backtested| json!({ "id": b.id, "rule": b.rule, "limit": b.limit, "runs": b.runs, "fires": b.fires, "tightest": b.tightest, "note": b.note });
            let json = json!({
                "dataset": rules.sections.dataset, "runs": reports.len(), "at_most": format!("{once}/{runs}"),
                "findings": told.iter().map(one).collect::<Vec<_>>(),
            });
            return Ok(format!("{json:#}\n"));
        }
        if told.is_empty() {
            return Ok(format!("{}: there are no rules\n", visible::line(&rules.path)));
        }
        let mut table = table(&["finding", "limit", "runs", "fires", &format!("fires at most {once} in {runs}"), ""]);
        for b in &told {
            let cell = |text: &str| visible::cut(text, NAME_MAX).into_owned();
            let (tightest, note) = (b.tightest.as_deref().unwrap_or("-"), b.note.as_deref().unwrap_or_default());
            table.add_row([cell(&b.id), cell(&b.limit), b.runs.to_string(), b.fires.to_string(), cell(tightest), cell(note)]);
        }
        let text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let few = if (reports.len() as u64) < runs.div_ceil(once.max(1)) {
            format!("{} are fewer than {runs}: the last column then lets no run fire\n", counted(reports.len() as u64, "run"))
        } else {
            String::new()
        };
        Ok(text + &few)
    }
}

/// Runs that are not marked bad; of several of one batch the last.
fn each_batch_once(runs: &[Entry]) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    let is_first = |entry: &&Entry| entry.name.batch.is_empty() || seen.insert(entry.name.batch.clone());
    let mut kept: Vec<Entry> = runs.iter().rev().filter(|entry| !entry.is_bad).filter(is_first).cloned().collect();
    kept.reverse();
    kept
}
