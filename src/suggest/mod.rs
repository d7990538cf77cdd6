//! A rule file for data that nobody has written rules for.
//!
//! 1. [`sample`] reads all of the data and keeps some of its rows. [`contract`] says what type each column is of; where that is
//!    not how it was read, it is read again, as a rule file with this contract reads it.
//! 2. The other files mine the rows for rules: one file a kind of rule. Each rule is a [`Candidate`] with what speaks for it.
//! 3. Rules are mined from a part of the rows and tried on the part that was held out ([`trial`]): who fails more often there
//!    than it did before does not hold, and goes. What is left is mined again from all rows, so that its figures are of all.
//! 4. All rows are judged by what is left. A rule that no row breaks is written as such; one that some rows break only warns,
//!    and its comment says how many and which. So the data that a file came from is not rejected by it.
//!
//! Nothing is judged here: candidates are text, and are parsed, bound and audited as every rule file is.

mod candidate;
mod column;
mod contract;
mod dependencies;
mod formats;
mod keys;
mod missing;
mod pairs;
mod ranges;
mod sample;
mod sets;
mod trial;
mod written;
mod yaml;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use self::candidate::{Candidate, Likeness, Part};
use self::column::Column;
use self::contract::Contract;
use self::sample::Sample;
use self::trial::{Tried, tried};
use crate::audit::Budget;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::Cancel;
use crate::ruleset::RuleFile;
use crate::source::{self, ReadOptions, Source};

/// Opens the data as a rule file says it is read.
pub(crate) type Open<'a> = dyn Fn(&RuleFile) -> Result<Arc<dyn Source>, Faults> + 'a;

/// With what means data is looked at.
pub(crate) struct Means<'a> {
    pub now: DateTime<Utc>,
    pub threads: usize,
    pub budget: Arc<Budget>,
    pub cancel: Cancel,
    pub open: &'a Open<'a>,
}

/// Fewer rows than this are too few to hold some out.
const HELD_OUT_MIN: usize = 100;

/// One row of so many is held out.
const HELD_OUT_OF: u64 = 3;

/// A rule that more of the rows break than this is none.
const BROKEN_MAX: f64 = 0.1;

/// The rule file that is suggested for the data set `dataset`; `named` is what the file calls the data.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn suggest(dataset: &str, named: &str, means: &Means<'_>) -> Result<String, Faults> {
    let mut base = format!("dataset: {}\n", yaml::scalar(dataset));
    let mut sample = match read(&base, means) {
        Err(faults) if faults.0.iter().any(|fault| fault.code == Code::InvalidLayout) => {
            let (laid_out, sample) = other_layout(&base, means).ok_or(faults)?;
            base = laid_out;
            sample
        }
        read => read?,
    };
    let columns = mined(&sample, &sample.rows)?;
    // The strings of JSON are no numbers, whatever they look like.
    let known = sample.source.known();
    let mut contract = Contract::of(&columns, known.infers_types && known.columns_have_order);
    let mut columns = columns;
    if contract.reads_otherwise(&columns) {
        sample = read(&written::head(&base, &contract), means)?;
        columns = mined(&sample, &sample.rows)?;
    }
    contract.explain(&columns, &sample.malformed_columns);
    let (candidates, held_out) = held(&sample, &columns, &base, means)?;
    let mut candidates = readable(dependencies::chosen(candidates));
    let plain = written::head(&base, &contract);
    let source = (means.open)(&RuleFile::parse(&plain, "suggested rules")?)?;
    let judged = tried(&candidates, &plain, &source, means)?;
    candidates = candidates.into_iter().zip(judged).filter_map(|(candidate, tried)| kept(candidate, tried?)).collect();
    let text = written::file(&written::Parts { base: &base, contract, candidates, sample: &sample, named, held_out });
    // What is suggested must be what a rule file may say.
    RuleFile::parse(&text, "suggested rules")?;
    Ok(text)
}

/// Reads the data as `head` says.
fn read(head: &str, means: &Means<'_>) -> Result<Sample, Faults> {
    let rules = RuleFile::parse(head, "suggested rules")?;
    Ok(Sample::of((means.open)(&rules)?, &means.cancel)?)
}

/// How text is laid out that has no commas, and what it says then.
fn other_layout(base: &str, means: &Means<'_>) -> Option<(String, Sample)> {
    let delimited = [";", "\t", "|"].map(|delimiter| format!("delimiter: {}", yaml::scalar(delimiter)));
    delimited.into_iter().chain(["dialect: sniff".to_owned()]).find_map(|words| {
        let laid_out = format!("{base}source:\n  {words}\n");
        let sample = read(&laid_out, means).ok().filter(|sample| sample.schema.fields().len() > 1)?;
        Some((laid_out, sample))
    })
}

fn mined(sample: &Sample, rows: &RecordBatch) -> Result<Vec<Column>, Fault> {
    sample.schema.fields().iter().zip(rows.columns()).map(|(field, array)| Column::of(field, array)).collect()
}

/// A longer set of values is not listed where another rule does as well.
const LIST_MAX: usize = 25;

/// Every rule that the rows speak for.
fn candidates(columns: &[Column], rows: usize) -> Vec<Candidate> {
    let mut all = missing::suggest(columns, rows);
    let keys = keys::suggest(columns, rows);
    let sets = sets::suggest(columns);
    let names = |of: &dyn Fn(&Candidate) -> bool| sets.iter().filter(|set| of(set)).map(|set| set.columns[0].as_str()).collect::<Vec<_>>();
    all.extend(formats::suggest(columns, &names(&|set| set.members <= LIST_MAX)));
    let alone = keys.iter().filter(|key| key.columns.len() == 1).flat_map(|key| &key.columns).map(String::as_str);
    let others: Vec<&str> = alone.chain(names(&|_| true)).collect();
    all.extend(ranges::suggest(columns, &others));
    all.extend(keys);
    all.extend(sets);
    all.extend(dependencies::suggest(columns, rows));
    all.extend(pairs::suggest(columns, rows));
    all
}

/// Without long lists of values of columns of which another one says which value is right.
fn readable(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let followers: Vec<String> =
        candidates.iter().filter(|rule| rule.part == Part::Dependencies).flat_map(|rule| rule.columns[1..].to_vec()).collect();
    candidates.retain(|rule| rule.members <= LIST_MAX || !followers.contains(&rule.columns[0]));
    // Where there is a list, nothing more is said of how its values are written.
    let listed: Vec<String> = candidates.iter().filter(|rule| rule.part == Part::Sets).map(|rule| rule.columns[0].clone()).collect();
    candidates.retain(|rule| rule.part != Part::Formats || !listed.contains(&rule.columns[0]));
    candidates
}

/// How rules were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldOut {
    /// There were too few rows.
    Nothing,
    /// One row of three.
    Rows,
    /// The last file.
    LastFile,
}

/// The rules that hold on rows that they were not made from, with the figures of all rows.
fn held(sample: &Sample, columns: &[Column], base: &str, means: &Means<'_>) -> Result<(Vec<Candidate>, HeldOut), Faults> {
    let all = candidates(columns, sample.rows.num_rows());
    let last = sample.files.last().copied().unwrap_or(0);
    let of_last = sample.files.iter().filter(|file| **file == last).count();
    let how = match sample.rows.num_rows() {
        rows if rows < HELD_OUT_MIN => return Ok((all, HeldOut::Nothing)),
        rows if of_last >= HELD_OUT_MIN && rows - of_last >= HELD_OUT_MIN => HeldOut::LastFile,
        _ => HeldOut::Rows,
    };
    let is_held_out = |row: usize| match how {
        HeldOut::LastFile => sample.files[row] == last,
        // Which rows are in the sample follows from the upper digits of their place.
        HeldOut::Rows | HeldOut::Nothing => sample::place(sample.numbers[row]).is_multiple_of(HELD_OUT_OF),
    };
    let shown = sample.part(|row| !is_held_out(row))?;
    let from_part = candidates(&mined(sample, &shown)?, shown.num_rows());
    let held_out = sample.part(is_held_out)?;
    let rows = held_out.num_rows();
    let options = ReadOptions { missing_values: Some(Vec::new()), ..ReadOptions::default() };
    let source = source::from_batches(&sample.schema, vec![held_out], &options)?;
    let dataset = base.lines().next().unwrap_or_default();
    let judged = tried(&from_part, &format!("{dataset}\n"), &source, means)?;
    let tried = from_part.iter().zip(&judged);
    let held = tried.filter(|(tried, came)| came.as_ref().is_some_and(|came| is_no_worse(tried.expected, came, rows, shown.num_rows())));
    let held: HashSet<Likeness<'_>> = held.map(|(tried, _)| tried.likeness()).collect();
    Ok((all.into_iter().filter(|candidate| held.contains(&candidate.likeness())).collect(), how))
}

/// Whether no more rows failed than those that the rule was made from lead to expect.
fn is_no_worse(expected: f64, came: &Tried, rows: usize, made_from: usize) -> bool {
    if came.passes {
        return true;
    }
    let mean = expected * rows as f64;
    // Where none failed, one in so many as there were may still be expected.
    let unseen = 1.5 * rows as f64 / made_from.max(1) as f64;
    came.failing as f64 <= 1.5 * mean + 3.0 * mean.sqrt() + unseen.max(1.0)
}

/// The rule with what it says of all rows; none if too many break it.
fn kept(mut candidate: Candidate, tried: Tried) -> Option<Candidate> {
    let is_disguised = candidate.words.iter().any(|(word, _)| *word == "disguised");
    let is_tolerant = candidate.words.iter().any(|(word, _)| *word == "tolerate");
    // Each column that follows from another has errors of its own.
    let parts = if candidate.part == Part::Dependencies { candidate.columns.len() - 1 } else { 1 };
    if tried.failing as f64 > (BROKEN_MAX * parts as f64).min(3.5 * BROKEN_MAX) * tried.rows as f64 && !is_tolerant {
        return None;
    }
    if is_disguised && tried.failing == 0 {
        return None;
    }
    if !tried.passes {
        (candidate.failing, candidate.first) = (tried.failing, tried.first);
    }
    Some(candidate)
}
