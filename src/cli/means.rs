//! Options of whatever judges: threads, memory, and the clock.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use clap::Args;

use super::given::mask_key;
use super::scratch::Scratch;
use super::signals;
use crate::audit::Job;
use crate::metric::Budget;
use crate::rules::published::Published;
use crate::rules::words::ByteSize;
use crate::ruleset::RuleFile;
use crate::source::Source;

/// With what means, and as of when, something is judged.
#[derive(Debug, Args)]
pub(super) struct Means {
    /// Threads; all cores if left out. Changes nothing in the report
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory of the process: what grows with the data spills to disk before; a run that takes a tenth more ends, with exit code 2
    #[arg(long, value_name = "SIZE", default_value = "1GB")]
    pub memory_limit: ByteSize,
    /// End the run after so long (`90s`, `10m`), with exit code 2 and nothing published
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    pub timeout: Option<Duration>,
    /// The clock of the run (RFC 3339, or a day), for reports that can be reproduced
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
    /// The time that `freshness` measures ages against; the run's clock if left out
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub as_of: Option<DateTime<Utc>>,
}

impl Means {
    /// The clock of the run that begins now, to a millisecond.
    pub(super) fn clock(&self) -> DateTime<Utc> {
        self.now.unwrap_or_else(|| Utc::now().trunc_subsecs(3))
    }

    /// How many threads may work.
    pub(super) fn threads(&self) -> usize {
        self.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()), usize::from)
    }

    /// A job with these means, of a run that began at `now`.
    pub(super) fn job<'a>(
        &self,
        now: DateTime<Utc>,
        rules: &'a RuleFile,
        source: Arc<dyn Source>,
        published: Option<Arc<dyn Published>>,
        spill: &Scratch,
        progress: &'a (dyn Fn(u64, u64) + Sync),
    ) -> Job<'a> {
        let budget = Arc::new(Budget::new(countable(self.memory_limit.0), spill.path.clone()));
        let (as_of, threads) = (self.as_of.unwrap_or(now), self.threads());
        // Whether it is one was asked when the rules were read.
        let mask_key = mask_key().ok().flatten();
        Job { as_of, threads, mask_key, published, progress, cancel: signals::cancel(), ..Job::new(rules, source, now, budget) }
    }
}

/// Reads a time of the command line.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let day = text.parse::<NaiveDate>().ok().and_then(|d| d.and_hms_opt(0, 0, 0));
    day.map(|d| d.and_utc()).ok_or_else(|| "write `2026-11-22T10:00:00Z` or `2026-11-22`".into())
}

/// How much of a memory limit states may hold: the program itself, decoders and units under way need some too.
pub(super) fn countable(limit: u64) -> u64 {
    const UNCOUNTED: u64 = 96 << 20;
    limit.saturating_sub(UNCOUNTED).max(limit / 2)
}
