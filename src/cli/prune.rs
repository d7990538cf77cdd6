//! `sluicegate prune`

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;

use super::exit::ExitCode;
use super::kept::{Whose, removes, said};
use super::{output, time};
use crate::diagnostic::Faults;
use crate::retention::{self, Item, Kind, Limits, Pruned};
use crate::shown::counted;
use crate::store::kill;
use crate::visible::{self, NAME_MAX};

/// Options of `prune`.
#[derive(Debug, Args)]
pub(super) struct Prune {
    #[command(flatten)]
    whose: Whose,
    /// What was written longer ago than this: `90d`, `12h`
    #[arg(long, value_name = "AGE", value_parser = time)]
    older_than: Option<Duration>,
    /// All but so many of the newest of each kind
    #[arg(long, value_name = "N")]
    keep_last: Option<usize>,
    /// What is of this batch; may be given again
    #[arg(long = "batch", value_name = "ID")]
    batches: Vec<String>,
    /// Reports that were written as files: files or directories; may be given again
    #[arg(long = "reports", value_name = "PATH")]
    reports: Vec<PathBuf>,
    /// Kills the process at a step, for tests of what a crash leaves
    #[arg(long, value_name = "N", hide = true)]
    die_at_step: Option<u64>,
}

impl Prune {
    pub(super) fn run(self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            kill::at_step(step);
        }
        output::ended(self.prune())
    }

    fn prune(&self) -> Result<String, Faults> {
        let opened = self.whose.open(&self.reports)?;
        let before = self.older_than.map(|age| opened.now.timestamp_millis() - i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let limits = Limits { before, keep_last: self.keep_last, batches: self.batches.clone() };
        let _hold = opened.hold()?;
        let pruned = retention::prune(&opened.places(), &limits)?;
        let mut text: String = pruned.iter().map(|pruned| self.told(pruned)).collect();
        text += &opened.untouched();
        Ok(text)
    }

    fn told(&self, pruned: &Pruned) -> String {
        let Pruned { kind, place, removed, kept, notes } = pruned;
        let verb = removes(self.whose.dry_run);
        let removed_in_words = match removed.len() {
            0 => format!("nothing {verb}"),
            n => format!("{} {verb}", of_kind(*kind, n as u64)),
        };
        let mut text = format!("{}: {}: {removed_in_words}, {kept} kept\n", kind.name(), visible::line(place));
        let line = |item: &Item| {
            let holds = if item.holds.is_empty() { String::new() } else { format!("  {}", item.holds) };
            let batch = if item.batch_id.is_empty() { "(no batch)" } else { item.batch_id.as_str() };
            format!("{}  {}{holds}", day(item.at), visible::cut(batch, NAME_MAX))
        };
        text += &said(removed.iter().map(line), self.whose.verbose);
        text += &said(notes.iter().map(|note| format!("note: {}", visible::line(note))), true);
        text
    }
}

/// So many of a kind, in words.
fn of_kind(kind: Kind, n: u64) -> String {
    match kind {
        Kind::Summaries if n != 1 => format!("{n} summaries"),
        Kind::Summaries | Kind::Baselines | Kind::Quarantine | Kind::History | Kind::Reports => counted(n, kind.one()),
    }
}

fn day(milliseconds: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(milliseconds).map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
}
