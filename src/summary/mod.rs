//! Summaries: what is kept of data when the data are gone.
//!
//! A summary holds what states counted of some rows, by the question that each answers, in a bounded form without rows: no
//! row ids, no hashes of keys, nothing that minds the order of rows. Summaries merge, in any order, to the same bytes. They
//! speak of rows that pass: those that were published, or would be. A baseline file is a summary; so is what stands beside
//! each published batch and each recorded run.

mod figures;
mod file;
mod pretty;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Schema};
use serde_json::Value as Json;

pub use self::figures::{ColumnFigures, Difference};
pub use self::file::FORMAT_VERSION;
use crate::diagnostic::{Code, Fault};
use crate::metric::any::{AnySpec, AnyState};
use crate::metric::{Budget, is_held_alike, is_numeric};
use crate::privacy::Privacy;
use crate::rules::Question;
use crate::rules::schema::{ChangeKind, type_change};
use crate::rules::words::Over;
use crate::types::{is_text, parse_type, type_name};

/// What is kept of some rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    pub dataset: String,
    /// How many rows it speaks of.
    pub rows: u64,
    pub batches: Batches,
    /// In the order of the data.
    pub columns: Vec<Column>,
    /// By question: its text orders them.
    entries: BTreeMap<Key, Entry>,
    tests: BTreeMap<String, TestEntry>,
    places: Places,
}

/// Where each column stands, once somebody asks. It is no part of what a summary says.
#[derive(Debug, Default)]
struct Places(OnceLock<HashMap<String, usize>>);

impl Clone for Places {
    /// The columns of a copy may become others.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The batches that the rows came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batches {
    pub count: u64,
    /// The first and the last by name; empty where they have none.
    pub first: String,
    pub last: String,
}

/// A column of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// As rule files write it.
    pub data_type: String,
    pub nullable: bool,
    /// Whether its values are masked: then nothing is kept that shows or tells any of them.
    pub masked: bool,
}

/// Columns, state, `by`, `where`, version and spec of a question.
type Key = (Vec<String>, String, Vec<String>, String, u32, String);

/// An answer, with the types of the columns that it is of.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    question: Question,
    types: Vec<String>,
    /// Null where answers were of types that do not go together.
    value: Json,
    /// Of how many rows it speaks.
    rows: u64,
}

/// What a row test counted of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct TestEntry {
    pub in_scope: u64,
    pub failing: u64,
    pub known: u64,
}

fn key_of(question: &Question) -> Key {
    (
        question.columns.clone(),
        question.state.clone(),
        question.by.clone(),
        question.condition.clone().unwrap_or_default(),
        question.version,
        question.spec.to_string(),
    )
}

/// The type of what is not kept.
const NO_TYPE: &str = "none";

/// States that tell no value of a column: these may be kept of masked ones. Hashes of values are none of them: whoever guesses a
/// value can hash it.
const WITHOUT_VALUES: [&str; 1] = ["completeness"];

impl Summary {
    /// Of `rows` rows of the data set, with the columns of `schema`.
    pub fn new(dataset: &str, batch: Option<&str>, rows: u64, schema: &Schema, privacy: &Privacy) -> Self {
        let column = |field: &arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            nullable: field.is_nullable(),
            masked: privacy.mask_of(field.name()).is_some(),
        };
        let name = batch.unwrap_or_default().to_owned();
        Self {
            dataset: dataset.to_owned(),
            rows,
            batches: Batches { count: 1, first: name.clone(), last: name },
            columns: schema.fields().iter().map(column).collect(),
            ..Self::default()
        }
    }

    /// Takes in an answer; of masked columns only what tells none of their values.
    pub fn insert(&mut self, question: &Question, types: &[DataType], value: Json, privacy: &Privacy) {
        let is_masked = |name: &String| privacy.mask_of(name).is_some();
        let tells = question.columns.iter().chain(&question.by).any(is_masked);
        if tells && !(WITHOUT_VALUES.contains(&question.state.as_str()) && question.by.is_empty()) {
            return;
        }
        if question.condition.as_ref().is_some_and(|text| self.columns.iter().any(|c| c.masked && text.contains(c.name.as_str()))) {
            // A condition may compare with a value that must not be shown.
            return;
        }
        let question = Question { over: Over::default(), ..question.clone() };
        let types = types.iter().map(type_name).collect();
        self.entries.insert(key_of(&question), Entry { question, types, value, rows: self.rows });
    }

    /// Of how many rows the answer to `question` speaks.
    pub fn rows_of(&self, question: &Question) -> u64 {
        self.entries.get(&key_of(question)).map_or(0, |entry| entry.rows)
    }

    /// Takes in what a row test counted, under a text that tells what it tests.
    pub fn insert_test(&mut self, test: String, counted: TestEntry) {
        self.tests.insert(test, counted);
    }

    /// What the row test counted that `test` tells of.
    pub fn test(&self, test: &str) -> Option<TestEntry> {
        self.tests.get(test).copied()
    }

    /// The questions that it answers.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.entries.values().map(|entry| &entry.question)
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        // The first of several counts.
        let all = || self.columns.iter().enumerate().rev().map(|(place, column)| (column.name.clone(), place)).collect();
        self.places.0.get_or_init(all).get(name).map(|place| &self.columns[*place])
    }

    /// The state that answers `question` of columns that have `types` now; inside, why it does not.
    ///
    /// # Errors
    /// The summary is damaged.
    pub fn state(&self, question: &Question, types: &[DataType], memory: &Arc<Budget>) -> Result<Result<Box<dyn AnyState>, String>, Fault> {
        if let Some(gone) = question.columns.iter().find(|name| !name.contains(['.', '[']) && self.column(name).is_none()) {
            return Ok(Err(format!("there was no column `{gone}`")));
        }
        let Some(entry) = self.entries.get(&key_of(question)) else {
            let masked = question.columns.iter().find(|name| self.column(name).is_some_and(|column| column.masked));
            return Ok(Err(match masked {
                Some(name) => format!("nothing is kept of the values of `{name}`, which is masked: needs a scan"),
                None => format!("needs a scan: no `{}` was kept of {}", question.state, of(question)),
            }));
        };
        if entry.value.is_null() {
            return Ok(Err(format!("{} was of several types, or too much to keep", of(question))));
        }
        let before = entry.types().map_err(|why| damaged(&why))?;
        for ((name, before), now) in question.columns.iter().zip(&before).zip(types) {
            if !are_alike(before, now) || (entry.spec()?.kind().minds_types && !is_held_alike(before, now)) {
                return Ok(Err(format!("`{name}` was {} and is {}", type_name(before), type_name(now))));
            }
        }
        entry.state(&before, memory).map(Ok)
    }

    /// Both together.
    ///
    /// # Errors
    /// They are of different data sets or columns; one is damaged.
    pub fn merged(&self, other: &Self, memory: &Arc<Budget>) -> Result<Self, Fault> {
        if self.dataset != other.dataset {
            let what = format!("a summary of `{}` and one of `{}` do not merge", self.dataset, other.dataset);
            return Err(Fault::new(Code::SchemaDiffers, what).hint("merge summaries of one data set"));
        }
        let mut all = self.clone();
        all.rows = all.rows.saturating_add(other.rows);
        all.batches = self.batches.merged(&other.batches);
        all.columns = merged_columns(&self.columns, &other.columns)?;
        for (key, theirs) in &other.entries {
            let value = match self.entries.get(key) {
                None => theirs.clone(),
                Some(ours) => ours.merged(theirs, memory)?,
            };
            all.entries.insert(key.clone(), value);
        }
        let masked: HashSet<&str> = all.columns.iter().filter(|column| column.masked).map(|column| column.name.as_str()).collect();
        let is_masked = |name: &String| masked.contains(name.as_str());
        let mentions = |text: &String| masked.iter().any(|name| text.contains(name));
        let shows = |entry: &Entry| {
            let by_masked = entry.question.by.iter().any(is_masked) || entry.question.condition.as_ref().is_some_and(mentions);
            by_masked
                || entry.question.columns.iter().chain(&entry.question.by).any(is_masked)
                    && !WITHOUT_VALUES.contains(&entry.question.state.as_str())
        };
        all.entries.retain(|_, entry| !shows(entry));
        for (test, theirs) in &other.tests {
            let ours = all.tests.entry(test.clone()).or_default();
            let TestEntry { in_scope, failing, known } = *theirs;
            *ours = TestEntry { in_scope: ours.in_scope + in_scope, failing: ours.failing + failing, known: ours.known + known };
        }
        // What one of them did not test says nothing of all rows.
        all.tests.retain(|test, _| self.tests.contains_key(test) && other.tests.contains_key(test));
        Ok(all)
    }

    /// Drops the answers for which `drop` says so of their question and value; gives how many.
    pub fn drop_entries(&mut self, drop: impl Fn(&Question, &Json) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, entry| !drop(&entry.question, &entry.value));
        before - self.entries.len()
    }
}

/// What a question is about, in words.
fn of(question: &Question) -> String {
    let mut text = match question.columns.as_slice() {
        [] => "the rows".to_owned(),
        columns => format!("`{}`", columns.join("`, `")),
    };
    if let Some(condition) = &question.condition {
        text.push_str(&format!(" where {condition}"));
    }
    if !question.by.is_empty() {
        text.push_str(&format!(" by `{}`", question.by.join("`, `")));
    }
    text
}

impl Batches {
    fn merged(&self, other: &Self) -> Self {
        let named = |a: &String, b: &String, pick: fn(String, String) -> String| match (a.is_empty(), b.is_empty()) {
            (true, _) => b.clone(),
            (_, true) => a.clone(),
            (false, false) => pick(a.clone(), b.clone()),
        };
        Self {
            count: self.count.saturating_add(other.count),
            first: named(&self.first, &other.first, std::cmp::min),
            last: named(&self.last, &other.last, std::cmp::max),
        }
    }
}

/// The columns of all of them.
///
/// # Errors
/// A column has values of one kind in one, and of another in another.
pub fn columns_of<'a>(summaries: impl Iterator<Item = &'a Summary>) -> Result<Vec<Column>, Fault> {
    summaries.map(|summary| &summary.columns).try_fold(Vec::new(), |all: Vec<Column>, more| match all == *more {
        true => Ok(all),
        false if all.is_empty() => Ok(more.clone()),
        false => merged_columns(&all, more),
    })
}

/// The columns of both: the wider type where one admits what the other holds. Columns that both have keep one order; where
/// the orders differ, that of the one that comes first by its text, so that it does not matter which is merged into which.
fn merged_columns(ours: &[Column], theirs: &[Column]) -> Result<Vec<Column>, Fault> {
    let names = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let (first, second) = if (ours.len(), names(theirs)) >= (theirs.len(), names(ours)) { (ours, theirs) } else { (theirs, ours) };
    let by_name =
        |columns: &'_ [Column]| columns.iter().rev().map(|column| (column.name.clone(), column.clone())).collect::<HashMap<_, _>>();
    let (of_first, of_second) = (by_name(first), by_name(second));
    let mut all = Vec::new();
    for column in first {
        all.push(match of_second.get(&column.name) {
            None => column.clone(),
            Some(other) => Column {
                name: column.name.clone(),
                data_type: wider(&column.data_type, &other.data_type, &column.name)?,
                nullable: column.nullable || other.nullable,
                masked: column.masked || other.masked,
            },
        });
    }
    let mut rest: Vec<Column> = second.iter().filter(|column| !of_first.contains_key(&column.name)).cloned().collect();
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    all.extend(rest);
    Ok(all)
}

fn wider(a: &str, b: &str, name: &str) -> Result<String, Fault> {
    let (Ok(x), Ok(y)) = (parse_type(a), parse_type(b)) else { return Ok(std::cmp::max(a, b).to_owned()) };
    match type_change(&x, &y) {
        None | Some(ChangeKind::TypeNarrowed) => Ok(a.to_owned()),
        Some(ChangeKind::TypeWidened) => Ok(b.to_owned()),
        Some(_) => {
            let what = format!("`{name}` is {a} in one summary and {b} in the other");
            Err(Fault::new(Code::SchemaDiffers, what).hint("summaries merge where a column keeps its kind of values"))
        }
    }
}

/// Whether what was counted of one type may be compared with what is counted of the other.
fn are_alike(before: &DataType, now: &DataType) -> bool {
    before == now || (is_numeric(before) && is_numeric(now)) || (is_text(before) && is_text(now)) || {
        use DataType::{Date32, Date64, Timestamp};
        matches!((before, now), (Timestamp(a, x), Timestamp(b, y)) if a == b && x.is_some() == y.is_some())
            || matches!((before, now), (Date32, Date32) | (Date64, Date64))
    }
}

impl Entry {
    fn types(&self) -> Result<Vec<DataType>, String> {
        self.types.iter().map(|text| parse_type(text).map_err(|why| why.what)).collect()
    }

    fn spec(&self) -> Result<AnySpec, Fault> {
        let Question { state, version, spec, by, .. } = &self.question;
        AnySpec::read(state, *version, !by.is_empty(), spec)
    }

    fn state(&self, types: &[DataType], memory: &Arc<Budget>) -> Result<Box<dyn AnyState>, Fault> {
        self.spec()?.of_summary(types, memory, &self.value)
    }

    /// Both together; nothing is kept of what is too much, or of types that do not go together, whatever is merged with it.
    fn merged(&self, other: &Self, memory: &Arc<Budget>) -> Result<Self, Fault> {
        let rows = self.rows.saturating_add(other.rows);
        let nothing = || {
            let types = vec![NO_TYPE.to_owned(); self.types.len()];
            Self { question: self.question.clone(), types, value: Json::Null, rows }
        };
        if self.value.is_null() || other.value.is_null() {
            return Ok(nothing());
        }
        let (ours, theirs) = (self.types().map_err(|why| damaged(&why))?, other.types().map_err(|why| damaged(&why))?);
        let minds_types = self.spec()?.kind().minds_types;
        if !ours.iter().zip(&theirs).all(|(a, b)| are_alike(a, b) && (!minds_types || is_held_alike(a, b))) {
            return Ok(nothing());
        }
        let mut state = self.state(&ours, memory)?;
        state.merge(other.state(&theirs, memory)?)?;
        let types = self.types.iter().zip(&other.types).map(|(a, b)| wider(a, b, "")).collect::<Result<_, _>>()?;
        Ok(match state.summarise()? {
            Some(value) => Self { question: self.question.clone(), types, value, rows },
            None => nothing(),
        })
    }
}

fn damaged(why: &str) -> Fault {
    Fault::new(Code::Damaged, format!("the summary is damaged: {why}")).hint("capture it again")
}
