//! What a data set leaves beside its published rows, and the end of it: summaries, rows set aside, recorded runs, reports.
//!
//! - [`prune()`] removes what is old, or of batches that are named.
//! - [`forget()`] removes what shows a value: the erasure of a person's data, for one.
//!
//! Published rows are never touched: the table's own engine deletes there. Each step is whole by itself, so whoever was killed
//! in the middle runs the same command again, and it does what is left.

mod forget;
mod prune;
mod reports;

use std::sync::Arc;

pub use self::forget::{Erased, Erasure, Key, forget};
pub use self::prune::{Item, Limits, Pruned, prune};
pub use self::reports::ReportFiles;
use crate::diagnostic::Fault;
use crate::history::History;
use crate::store::{Quarantine, Store, SummaryName};

/// A kind of what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Summaries,
    Baselines,
    Quarantine,
    History,
    Reports,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Summaries, Self::Baselines, Self::Quarantine, Self::History, Self::Reports];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Summaries => "summaries",
            Self::Baselines => "baselines",
            Self::Quarantine => "quarantine",
            Self::History => "history",
            Self::Reports => "reports",
        }
    }

    /// One of it.
    pub fn one(self) -> &'static str {
        match self {
            Self::Summaries => "summary",
            Self::Baselines => "baseline",
            Self::Quarantine => "part",
            Self::History => "run",
            Self::Reports => "report",
        }
    }
}

/// Where a data set leaves what.
pub struct Places<'a> {
    pub dataset: &'a str,
    /// The published rows, with the summaries beside them.
    pub publish: Arc<dyn Store>,
    pub quarantine: Quarantine,
    /// The runs that are recorded, if any are.
    pub history: Option<History>,
    /// Baseline files.
    pub baselines: Vec<String>,
    pub reports: ReportFiles,
    /// The kinds that are meant.
    pub kinds: Vec<Kind>,
    /// Say what would be done.
    pub dry_run: bool,
}

impl Places<'_> {
    fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The summaries beside the published rows, those of rows that are no longer published too, by age.
    fn summaries(&self) -> Result<Vec<SummaryName>, Fault> {
        let Some(texts) = self.publish.texts() else { return Ok(Vec::new()) };
        let mut names: Vec<SummaryName> = texts.names()?.iter().filter_map(|name| SummaryName::of_file(name)).collect();
        names.sort();
        Ok(names)
    }

    /// Removes what was merged of summaries of which some go: it would tell of them.
    fn remove_merged(&self) -> Result<(), Fault> {
        let Some(texts) = self.publish.texts() else { return Ok(()) };
        let is_other = |name: &&String| SummaryName::of_file(name).is_none();
        texts.names()?.iter().filter(is_other).try_for_each(|name| texts.remove(name))
    }
}
