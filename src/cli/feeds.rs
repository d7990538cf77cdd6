//! Batches that keep coming: options of `gate`, and the feed that they ask for.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::run::{Means, surroundings};
use super::serve::Listen;
use super::time;
use crate::diagnostic::{Code, Fault, Faults};
use crate::feed::{Begin, Feed, Positions, Repeat, TopicFeed, TopicOptions, Watch, WatchOptions};
use crate::kafka::Settings;
use crate::rules::words::ByteSize;
use crate::ruleset::OnReject;

/// Options for batches that keep coming.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Batches that keep coming")]
pub(super) struct Feeds {
    /// Judge again so often: micro-batches of a topic end so long after their first event (5s if left out), a watched directory
    /// is looked at, other data is read anew
    #[arg(long, value_name = "TIME", value_parser = time)]
    every: Option<Duration>,
    /// Events in a micro-batch of a topic, at most; 100000 if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows: Option<u32>,
    /// Bytes of events in a micro-batch of a topic, at most; 64MB if left out
    #[arg(long, value_name = "SIZE")]
    bytes: Option<ByteSize>,
    /// Gate each complete new file of this directory, once
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    watch: Option<PathBuf>,
    #[command(flatten)]
    pub listen: Listen,
    /// How long a file must stay as it is to be complete
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time, requires = "watch")]
    settle: Duration,
    /// A file is complete once one of its name with this behind it is there, such as `.done`
    #[arg(long, value_name = "SUFFIX", requires = "watch")]
    marker: Option<String>,
    /// Move files there once they are gated
    #[arg(long, value_name = "DIR", requires = "watch")]
    move_to: Option<PathBuf>,
    /// Where it is remembered which files were gated; `_sluicegate/seen.ndjson` in the watched directory if left out
    #[arg(long, value_name = "FILE", requires = "watch")]
    remember: Option<PathBuf>,
    /// Of a topic or a watched directory: end once all is gated that is there now
    #[arg(long)]
    drain: bool,
    /// End after so many batches; with --every, --watch or a topic
    #[arg(long, value_name = "N")]
    pub batches: Option<u64>,
    /// Partitions of the topic, such as `0,2-5`; all of them if left out
    #[arg(long, value_name = "LIST", value_parser = partitions)]
    partitions: Option<Partitions>,
    /// Where a topic begins of which the table has nothing yet; with the first event that is there if left out
    #[arg(long, value_name = "PLACE")]
    from: Option<From>,
    /// Of a topic: go on behind events that the brokers removed before they were read
    #[arg(long)]
    accept_gap: bool,
    /// Of a topic: a consumer group that is told how far the table is
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// What becomes of a batch that is rejected or undecided; the rule file's `on_reject` if left out
    #[arg(long, value_name = "FATE")]
    on_reject: Option<Fate>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// With the first event that is there
    Earliest,
    /// With the next one that comes
    Latest,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Fate {
    /// End, and leave it where it is
    Halt,
    /// Set all of it aside, and go on
    DeadLetter,
}

/// Numbers of partitions.
#[derive(Debug, Clone)]
struct Partitions(Vec<i32>);

fn partitions(text: &str) -> Result<Partitions, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<i32>().ok().filter(|n| (0..=100_000).contains(n));
        match number(first).zip(number(last)) {
            Some((first, last)) if first <= last => all.extend(first..=last),
            Some(_) | None => return Err("write numbers and ranges, such as `0,2-5`".into()),
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(Partitions(all))
}

/// Events and bytes of a micro-batch, at most.
const ROWS: u32 = 100_000;
const BYTES: ByteSize = ByteSize(64_000_000);

impl Feeds {
    /// Whether more than one batch is asked for, of the data `names`.
    pub(super) fn is_asked(&self, names: &[String]) -> bool {
        self.watch.is_some() || self.every.is_some() || has_topic(names)
    }

    /// That each option means something for the data `names`.
    ///
    /// # Errors
    /// One belongs to batches of another kind.
    pub(super) fn ensure_meant(&self, names: &[String]) -> Result<(), Faults> {
        let has_topic = self.watch.is_none() && has_topic(names);
        let of_topic = [
            ("--rows", self.rows.is_some()),
            ("--bytes", self.bytes.is_some()),
            ("--partitions", self.partitions.is_some()),
            ("--from", self.from.is_some()),
            ("--accept-gap", self.accept_gap),
            ("--group", self.group.is_some()),
        ];
        let of_many = [("--listen", self.listen.listen.is_some()), ("--batches", self.batches.is_some())];
        let kinds = [
            (has_topic, &of_topic[..], "a topic, and the data are none", "a topic is kafka://HOST:PORT/TOPIC"),
            (
                has_topic || self.watch.is_some(),
                &[("--drain", self.drain)][..],
                "a topic or `--watch`",
                "other data is gated once, or with `--every` again and again; `--batches N` ends that",
            ),
            (
                self.is_asked(names),
                &of_many[..],
                "batches that keep coming",
                "`--every`, `--watch` or a topic make them; here is one batch",
            ),
        ];
        let mut faults = Faults::default();
        for (is_meant, options, belongs, hint) in kinds {
            let alone = options.iter().filter(|(_, is_given)| *is_given && !is_meant);
            faults.extend(alone.map(|(option, _)| meaningless(option, belongs).hint(hint)));
        }
        faults.or_ok(())
    }

    /// The directory that is watched.
    pub(super) fn watched(&self) -> Option<String> {
        self.watch.as_ref().map(|directory| directory.display().to_string())
    }

    /// What becomes of a batch that does not pass, unless the rule file's word stands.
    pub(super) fn on_reject(&self, of_rules: Option<OnReject>) -> OnReject {
        match self.on_reject {
            Some(Fate::Halt) => OnReject::Halt,
            Some(Fate::DeadLetter) => OnReject::DeadLetter,
            None => of_rules.unwrap_or_default(),
        }
    }

    /// The feed over `names`; `positions` says where the table is.
    ///
    /// # Errors
    /// The options contradict each other, or the source cannot be opened.
    pub(super) fn open(&self, names: Vec<String>, positions: &mut Positions<'_>) -> Result<Box<dyn Feed>, Fault> {
        const TICK: Duration = Duration::from_secs(1);
        if let Some(directory) = &self.watch {
            return Ok(Box::new(Watch::new(WatchOptions {
                directory: directory.clone(),
                every: self.every.unwrap_or(TICK),
                settle: self.settle,
                marker: self.marker.clone(),
                move_to: self.move_to.clone(),
                remember: self.remember.clone().unwrap_or_else(|| directory.join("_sluicegate").join("seen.ndjson")),
                drain: self.drain,
            })?));
        }
        match names.iter().find(|name| Settings::is_meant_by(name)) {
            None => Ok(Box::new(Repeat::new(names, self.every.unwrap_or(TICK)))),
            Some(_) if names.len() > 1 => {
                let fault = Fault::new(Code::ConflictingOptions, "one topic is gated at a time");
                Err(fault.hint("run another gate for the other: both may publish to one table"))
            }
            Some(topic) => {
                let settings = Settings::of(topic, &surroundings().variables)?;
                let options = TopicOptions {
                    rows: self.rows.unwrap_or(ROWS) as usize,
                    bytes: usize::try_from(self.bytes.unwrap_or(BYTES).0).unwrap_or(usize::MAX),
                    every: self.every.unwrap_or(TICK * 5),
                    partitions: self.partitions.as_ref().map(|partitions| partitions.0.clone()),
                    begin: match self.from {
                        Some(From::Earliest) | None => Begin::Earliest,
                        Some(From::Latest) => Begin::Latest,
                    },
                    accepts_gap: self.accept_gap,
                    drain: self.drain,
                    group: self.group.clone(),
                };
                Ok(Box::new(TopicFeed::open(settings, options, positions)?))
            }
        }
    }
}

fn has_topic(names: &[String]) -> bool {
    names.iter().any(|name| Settings::is_meant_by(name))
}

/// An option that changes nothing here: whoever gives it expects something else.
pub(super) fn meaningless(option: &str, belongs: &str) -> Fault {
    Fault::new(Code::ConflictingOptions, format!("`{option}` belongs to {belongs}"))
}

/// # Errors
/// What goes on until someone ends it has no time after which it ends.
pub(super) fn ensure_no_timeout(means: &Means) -> Result<(), Fault> {
    match means.timeout {
        Some(_) => {
            Err(meaningless("--timeout", "one batch, and here they keep coming").hint("SIGTERM ends it: what is under way is ended first"))
        }
        None => Ok(()),
    }
}
