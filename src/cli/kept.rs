//! What `prune` and `forget` have in common: whose leavings, and where they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use clap::{Args, ValueEnum};

use super::choices::Meant;
use super::destinations::Destinations;
use super::record::Record;
use super::run::{Trust, read_rules_with, surroundings, time};
use crate::diagnostic::Faults;
use crate::history::History;
use crate::retention::{Kind, Places, ReportFiles};
use crate::ruleset::RuleFile;
use crate::store::{GateLock, Quarantine, Store, Waiting};
use crate::visible;

/// Lines that are told of each kind unless all are asked for.
const LINES_MAX: usize = 20;

/// Whose leavings are meant, and where they are.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The rule file
    #[arg(short, long, value_name = "RULES")]
    rules: String,
    #[command(flatten)]
    destinations: Destinations,
    #[command(flatten)]
    record: Record,
    /// Only these kinds; all if left out
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    only: Vec<KindName>,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    trust: Trust,
    /// Say what would be removed; remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Name all that is removed
    #[arg(short, long)]
    pub verbose: bool,
    /// The clock of the run (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", value_parser = time)]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindName {
    Summaries,
    Baselines,
    Quarantine,
    History,
    Reports,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Summaries => Self::Summaries,
            KindName::Baselines => Self::Baselines,
            KindName::Quarantine => Self::Quarantine,
            KindName::History => Self::History,
            KindName::Reports => Self::Reports,
        }
    }
}

/// What was opened.
pub(super) struct Opened {
    pub rules: RuleFile,
    pub now: DateTime<Utc>,
    pub publish: Arc<dyn Store>,
    quarantine: Quarantine,
    history: Option<History>,
    reports: ReportFiles,
    kinds: Vec<Kind>,
    waiting: Waiting,
    dry_run: bool,
}

impl Whose {
    /// Opens the places that the command line or the rule file names.
    ///
    /// # Errors
    /// The rule file is wrong, or a place cannot be one.
    pub(super) fn open(&self, reports: &[PathBuf]) -> Result<Opened, Faults> {
        let confines = self.trust.confines()?;
        let rules = read_rules_with(&self.rules, confines.as_ref(), &self.meant.choices())?;
        for path in rules.sections.baseline.iter().flat_map(|baseline| std::iter::once(&baseline.path).chain(&baseline.anchor)) {
            confines.as_ref().map_or(Ok(()), |confines| confines.allow(&path.value))?;
        }
        let (publish, quarantine) = self.destinations.open(&rules, confines.as_ref())?;
        let history = self.record.named(&rules, confines.as_ref(), &surroundings())?.map(|(_, history)| history);
        Ok(Opened {
            now: self.now.unwrap_or_else(|| Utc::now().trunc_subsecs(3)),
            publish,
            quarantine,
            history,
            reports: ReportFiles { paths: reports.iter().map(|path| Path::new(path).to_owned()).collect() },
            kinds: if self.only.is_empty() { Kind::ALL.to_vec() } else { self.only.iter().map(|kind| (*kind).into()).collect() },
            waiting: self.destinations.waiting(),
            dry_run: self.dry_run,
            rules,
        })
    }
}

impl Opened {
    /// Keeps gates away while something goes.
    ///
    /// # Errors
    /// Another does not let go.
    pub(super) fn hold(&self) -> Result<Option<GateLock>, Faults> {
        Ok(if self.dry_run { None } else { Some(self.publish.hold(&self.quarantine, &self.waiting)?) })
    }

    pub(super) fn places(&self) -> Places<'_> {
        let baseline = self.rules.sections.baseline.as_ref();
        let baselines = baseline.into_iter().flat_map(|baseline| std::iter::once(&baseline.path).chain(&baseline.anchor));
        Places {
            dataset: &self.rules.sections.dataset,
            publish: self.publish.clone(),
            quarantine: self.quarantine.clone(),
            history: self.history.clone(),
            baselines: baselines.map(|path| path.value.clone()).collect(),
            reports: self.reports.clone(),
            kinds: self.kinds.clone(),
            dry_run: self.dry_run,
        }
    }

    /// What is never touched, and what is not looked at.
    pub(super) fn untouched(&self) -> String {
        let mut text = format!(
            "not touched: the published rows in {}: the engine that reads the table deletes there; the source; copies elsewhere\n",
            visible::line(&self.publish.to_string())
        );
        if self.kinds.contains(&Kind::History) && self.history.is_none() {
            text += "not looked at: recorded runs, since nothing names a place (`--record DIR`, or `history` in the rule file)\n";
        }
        if self.kinds.contains(&Kind::Reports) && self.reports.paths.is_empty() {
            text += "not looked at: reports that were written as files (`--reports PATH`)\n";
        }
        text
    }
}

/// What is said of what goes.
pub(super) fn removes(dry_run: bool) -> &'static str {
    if dry_run { "would be removed" } else { "removed" }
}

/// Lines, indented: the first ones, or all.
pub(super) fn said(lines: impl Iterator<Item = String>, all: bool) -> String {
    let lines: Vec<String> = lines.collect();
    let shown = if all { lines.len() } else { lines.len().min(LINES_MAX) };
    let mut text: String = lines[..shown].iter().map(|line| format!("  {line}\n")).collect();
    if shown < lines.len() {
        text += &format!("  and {} more; `--verbose` names them\n", lines.len() - shown);
    }
    text
}
