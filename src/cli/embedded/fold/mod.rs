//! Folding apart, for programs that embed Sluicegate: partitions of Spark, Dask and the like are folded where they lie, folds
//! are merged, and one process judges. All that goes between processes is bytes.

mod judging;
mod orders;
mod reasons;

use std::sync::Arc;

use arrow::array::RecordBatchReader;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, SubsecRound, Utc};

pub use self::judging::{Judged, Partitions, TakeAnswer, drive, judge, minding_order};
pub use self::orders::fold_order;
use self::orders::{split_schema, with_schema};
pub use self::reasons::{Reasons, RowReasons};
use crate::audit::{self, Fold, Job, Means};
use crate::cli::given::read_rules;
use crate::cli::means::{countable, time};
use crate::cli::scratch::Scratch;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::Cancel;
use crate::metric::Budget;
use crate::rules::words::ByteSize;
use crate::ruleset::RuleFile;
use crate::source::{self, ReadOptions};

/// By what rules and as of when something is folded or judged, and with how much memory.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The text of the rule file, and what messages call it.
    pub rules: String,
    pub name: String,
    /// The run's clock, and what ages are measured against if that is another time: RFC 3339, or a day.
    pub now: Option<String>,
    pub as_of: Option<String>,
    /// Bytes.
    pub memory_limit: u64,
    pub threads: usize,
}

/// Terms that were understood.
struct Read {
    rules: RuleFile,
    options: ReadOptions,
    scratch: Scratch,
    budget: Arc<Budget>,
    threads: usize,
}

impl Terms {
    fn read(&self) -> Result<Read, Faults> {
        let rules = RuleFile::parse(&self.rules, &self.name)?;
        let options = rules.sections.read_options(&rules.path)?;
        let scratch = Scratch::new()?;
        let budget = Arc::new(Budget::new(countable(self.memory_limit), scratch.path.clone()));
        Ok(Read { rules, options, scratch, budget, threads: self.threads.max(1) })
    }

    /// The clock, and what ages are measured against.
    fn times(&self, otherwise: impl FnOnce() -> Result<DateTime<Utc>, Fault>) -> Result<(DateTime<Utc>, DateTime<Utc>), Fault> {
        let read = |text: &Option<String>, name: &str| {
            let read = text.as_ref().map(|text| time(text)).transpose();
            read.map_err(|why| Fault::new(Code::MalformedOption, format!("`{name}` is no time")).hint(why))
        };
        let now = read(&self.now, "now")?.map_or_else(otherwise, Ok)?;
        Ok((now, read(&self.as_of, "as_of")?.unwrap_or(now)))
    }

    /// The same for folds that are made one by one: they belong together only if they have one clock. Where the rules do not ask for
    /// it, any clock will do.
    fn shared_times(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), Fault> {
        self.times(|| {
            if !asks_for_clock(&self.rules) && (self.as_of.is_some() || !measures_ages(&self.rules)) {
                return Ok(DateTime::UNIX_EPOCH);
            }
            let fault = Fault::new(Code::MissingOption, "these rules look at the clock, and each fold would have a time of its own");
            Err(fault.hint("give `now`, the same time for every `fold` and for `judge`"))
        })
    }

    /// The clock of a run that begins now.
    fn own_times(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), Fault> {
        self.times(|| Ok(Utc::now().trunc_subsecs(3)))
    }
}

/// Whether rules may depend on the time that ages are measured against.
fn measures_ages(rules: &str) -> bool {
    names_one_of(rules, &["freshness"])
}

/// Whether rules may depend on the clock: SQL and known issues do. A word that only looks so asks for no more than a time.
fn asks_for_clock(rules: &str) -> bool {
    names_one_of(rules, &["now", "current_date", "current_time", "current_timestamp", "today", "until", "known"])
}

fn names_one_of(rules: &str, words: &[&str]) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    rules.split(|c| !is_name(c)).any(|name| words.iter().any(|word| name.eq_ignore_ascii_case(word)))
}

impl Read {
    fn means(&self) -> Means {
        Means { threads: self.threads, budget: self.budget.clone(), cancel: Cancel::default() }
    }
}

/// Folds the rows of one partition, the unit of this number: what [`judge`] takes once all are merged.
///
/// # Errors
/// The rules do not fit the columns; the rows cannot be read or counted.
pub fn fold(terms: &Terms, unit: u32, rows: Box<dyn RecordBatchReader + Send>) -> Result<Vec<u8>, Faults> {
    let read = terms.read()?;
    let (now, as_of) = terms.shared_times()?;
    let data = source::from_partition(&rows.schema(), unit, rows, &read.options)?;
    // Not as they came: libraries leave notes at columns (pandas says where its index begins), and codes of their own.
    let schema = data.known().schema.clone();
    let job = Job { as_of, ..Job::new(&read.rules, data, now, read.budget.clone()) };
    let fold = audit::fold_unit(&job, unit).map_err(|faults| job.quiet(faults))?;
    Ok(with_schema(&schema, &fold.encode()?)?)
}

/// The text of the rule file at `path`.
///
/// # Errors
/// It cannot be read, or says something wrong.
pub fn rules_text(path: &str) -> Result<String, Faults> {
    Ok(read_rules(path, None)?.whole_text().to_owned())
}

/// A size such as `1GB`, in bytes.
///
/// # Errors
/// It is no size.
pub fn memory(text: &str) -> Result<u64, Fault> {
    let size = text.parse::<ByteSize>();
    size.map(|size| size.0).map_err(|why| Fault::new(Code::MalformedOption, format!("`{text}` is no size of memory")).hint(why.to_string()))
}

/// The units that a fold has counted: ranges, each with the number behind its last.
///
/// # Errors
/// The bytes are no fold.
pub fn units(fold: &[u8]) -> Result<Vec<(u32, u32)>, Faults> {
    let scratch = Scratch::new()?;
    let budget = Arc::new(Budget::new(u64::MAX, scratch.path.clone()));
    Ok(Fold::decode(split_schema(fold, "fold")?.1, &budget)?.ranges())
}

/// One fold of several, which may come in any order. A partition that comes twice counts once if both folds of it are the same.
///
/// # Errors
/// Folds are damaged, of different rules, clocks or columns, or of one partition and not the same.
pub fn merge(folds: &[Vec<u8>], memory_limit: u64) -> Result<Vec<u8>, Faults> {
    let scratch = Scratch::new()?;
    let budget = Arc::new(Budget::new(countable(memory_limit), scratch.path.clone()));
    let mut merged = Merged::default();
    folds.iter().try_for_each(|bytes| merged.take_with_schema(bytes, &budget))?;
    let (Some(fold), Some(schema)) = (merged.fold, merged.schema) else {
        return Err(Fault::new(Code::Empty, "there is no fold to merge").into());
    };
    Ok(with_schema(&schema, &fold.encode()?)?)
}

/// Folds that were merged so far.
#[derive(Default)]
struct Merged {
    fold: Option<Fold>,
    /// The columns of the partitions, where folds come with them.
    schema: Option<SchemaRef>,
    /// Which units each of them held, with a digest of its bytes.
    parts: Vec<(Vec<(u32, u32)>, u128)>,
}

impl Merged {
    /// A fold as [`fold`] gives it: with the columns that the data has.
    fn take_with_schema(&mut self, bytes: &[u8], budget: &Arc<Budget>) -> Result<(), Fault> {
        let (schema, fold) = split_schema(bytes, "fold")?;
        match &self.schema {
            Some(ours) if *ours != schema => {
                let fault = Fault::new(Code::ForeignFold, "these folds are of data with different columns");
                return Err(fault.hint("the partitions of one data set have the same columns, of the same types"));
            }
            Some(_) => {}
            None => self.schema = Some(schema),
        }
        self.take(fold, budget)
    }

    fn take(&mut self, bytes: &[u8], budget: &Arc<Budget>) -> Result<(), Fault> {
        let fold = Fold::decode(bytes, budget)?;
        let part = (fold.ranges(), xxhash_rust::xxh3::xxh3_128(bytes));
        // Whoever folds again what was lost on the way may send it twice.
        if !part.0.is_empty() && self.parts.contains(&part) {
            return Ok(());
        }
        if let Some((ranges, _)) = self.parts.iter().find(|(ranges, _)| !ranges.is_empty() && *ranges == part.0) {
            let what = format!("there are two folds of {}, and they differ", named(ranges));
            let hint = "each partition is folded once; folded again, it must hold the same rows in the same order";
            return Err(Fault::new(Code::ForeignFold, what).hint(hint));
        }
        self.parts.push(part);
        match &mut self.fold {
            None => self.fold = Some(fold),
            Some(all) => all.merge(fold)?,
        }
        Ok(())
    }

    /// What was merged, if these are all `partitions` there are.
    fn whole(self, partitions: u32) -> Result<Fold, Fault> {
        self.of(partitions, 0..partitions)
    }

    /// What was merged of so many partitions, if each that was `asked` is among them; in ascending order.
    fn of(self, partitions: u32, asked: impl Iterator<Item = u32>) -> Result<Fold, Fault> {
        let Some(fold) = self.fold else {
            let what = format!("none of the {partitions} partitions was folded");
            return Err(Fault::new(Code::ForeignFold, what));
        };
        let folded = fold.ranges();
        let mut gaps: Vec<(u32, u32)> = Vec::new();
        for partition in asked.filter(|partition| !folded.iter().any(|(first, behind)| (*first..*behind).contains(partition))) {
            match gaps.last_mut() {
                Some((_, behind)) if *behind == partition => *behind += 1,
                Some(_) | None => gaps.push((partition, partition + 1)),
            }
        }
        if gaps.is_empty() {
            return fold.of_all(partitions);
        }
        let what = format!("of {partitions} partitions, {} not folded", named(&gaps) + if is_one(&gaps) { " was" } else { " were" });
        Err(Fault::new(Code::ForeignFold, what).hint("every partition is folded, an empty one too"))
    }
}

fn is_one(ranges: &[(u32, u32)]) -> bool {
    ranges.len() == 1 && ranges[0].1 - ranges[0].0 == 1
}

/// Ranges of partitions, each with the number behind its last.
fn named(ranges: &[(u32, u32)]) -> String {
    let range = |&(first, behind): &(u32, u32)| if behind - first == 1 { first.to_string() } else { format!("{first} to {}", behind - 1) };
    let noun = if is_one(ranges) { "partition" } else { "partitions" };
    format!("{noun} {}", ranges.iter().map(range).collect::<Vec<_>>().join(", "))
}
