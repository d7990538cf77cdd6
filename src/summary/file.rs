//! Summaries as text.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::pretty::{pretty, whole};
use super::{Batches, Column, Entry, Summary, TestEntry, damaged, key_of};
use crate::diagnostic::{Code, Fault};
use crate::rules::Question;
use crate::rules::words::Over;

/// Raised with every change of the format.
pub const FORMAT_VERSION: u32 = 1;

/// A summary as it stands in a file.
#[derive(Serialize, Deserialize)]
struct FileForm {
    sluicegate_summary: u32,
    dataset: String,
    rows: u64,
    batches: BatchesForm,
    columns: Vec<ColumnForm>,
    /// Answers about several columns, part of the rows, or groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    measures: Vec<MeasureForm>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tests: BTreeMap<String, TestEntry>,
}

#[derive(Serialize, Deserialize)]
struct BatchesForm {
    count: u64,
    first: String,
    last: String,
}

#[derive(Serialize, Deserialize)]
struct ColumnForm {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
    /// Answers about all values of the column, by state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    of: Vec<ValueForm>,
}

#[derive(Serialize, Deserialize)]
struct ValueForm {
    state: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    spec: Json,
    /// Of how many rows it speaks, where that is not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    value: Json,
}

#[derive(Serialize, Deserialize)]
struct MeasureForm {
    state: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    spec: Json,
    columns: Vec<String>,
    types: Vec<String>,
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    by: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    value: Json,
}

impl Summary {
    /// As text: equal summaries are equal text.
    ///
    /// # Errors
    /// A mistake of ours.
    pub fn write(&self) -> Result<String, Fault> {
        let mut by_column: HashMap<&str, Vec<&Entry>> = HashMap::new();
        for entry in self.entries.values() {
            if let [column] = entry.question.columns.as_slice() {
                by_column.entry(column).or_default().push(entry);
            }
        }
        let of = |column: &Column| {
            let entries = by_column.get(column.name.as_str()).into_iter().flatten();
            entries.filter(|entry| entry.is_plainly_of(column)).map(|entry| entry.value_form(self.rows)).collect()
        };
        let column = |column: &Column| ColumnForm {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            nullable: column.nullable,
            masked: column.masked,
            of: of(column),
        };
        let columns: HashMap<&str, &Column> = self.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let is_plain = |entry: &&Entry| {
            entry.question.columns.first().and_then(|name| columns.get(name.as_str())).is_some_and(|column| entry.is_plainly_of(column))
        };
        let form = FileForm {
            sluicegate_summary: FORMAT_VERSION,
            dataset: self.dataset.clone(),
            rows: self.rows,
            batches: BatchesForm { count: self.batches.count, first: self.batches.first.clone(), last: self.batches.last.clone() },
            columns: self.columns.iter().map(column).collect(),
            measures: self.entries.values().filter(|entry| !is_plain(entry)).map(|entry| entry.measure_form(self.rows)).collect(),
            tests: self.tests.clone(),
        };
        let json = serde_json::to_value(&form);
        json.map(|json| pretty(&json)).map_err(|e| Fault::new(Code::Internal, format!("internal error: a summary cannot be written: {e}")))
    }

    /// Reads what [`Summary::write`] wrote.
    ///
    /// # Errors
    /// This is no summary, or one of another version.
    pub fn read(text: &str) -> Result<Self, Fault> {
        if !text.trim_start().starts_with('{') {
            let fault = Fault::new(Code::Damaged, "this is no summary, and no JSON");
            return Err(fault.hint("`sluicegate baseline capture DATA -r RULES -o FILE` makes one"));
        }
        let json: Json = serde_json::from_str(text).map_err(|e| damaged(&e.to_string()))?;
        match json.get("sluicegate_summary").and_then(Json::as_u64) {
            Some(version) if version == u64::from(FORMAT_VERSION) => {}
            Some(version) => {
                let what = format!("the summary is of format version {version}, and this program reads version {FORMAT_VERSION}");
                return Err(Fault::new(Code::Unsupported, what).hint("capture it again"));
            }
            None => {
                let fault = Fault::new(Code::Damaged, "this is no summary: it does not begin as one");
                return Err(fault.hint("`sluicegate baseline capture DATA -r RULES -o FILE` makes one"));
            }
        }
        let form: FileForm = serde_json::from_value(whole(json)).map_err(|e| damaged(&e.to_string()))?;
        let mut summary = Self {
            dataset: form.dataset,
            rows: form.rows,
            batches: Batches { count: form.batches.count, first: form.batches.first, last: form.batches.last },
            tests: form.tests,
            ..Self::default()
        };
        for ColumnForm { name, data_type, nullable, masked, of } in form.columns {
            for ValueForm { state, version, spec, rows, value } in of {
                let (over, columns) = (Over::default(), vec![name.clone()]);
                let question = Question { state, version, spec, columns, condition: None, by: Vec::new(), over };
                let rows = rows.unwrap_or(summary.rows);
                summary.entries.insert(key_of(&question), Entry { question, types: vec![data_type.clone()], value, rows });
            }
            summary.columns.push(Column { name, data_type, nullable, masked });
        }
        for MeasureForm { state, version, spec, columns, types, condition, by, rows, value } in form.measures {
            if columns.len() != types.len() {
                return Err(damaged("a measure does not say of which types its columns are"));
            }
            let question = Question { state, version, spec, columns, condition, by, over: Over::default() };
            let rows = rows.unwrap_or(summary.rows);
            summary.entries.insert(key_of(&question), Entry { question, types, value, rows });
        }
        Ok(summary)
    }
}

impl Entry {
    /// Whether it is of all values of the column, and of nothing else.
    fn is_plainly_of(&self, column: &Column) -> bool {
        let Question { columns, condition, by, .. } = &self.question;
        columns.len() == 1 && columns[0] == column.name && condition.is_none() && by.is_empty() && self.types == [column.data_type.as_str()]
    }

    /// Its rows, where they are not all.
    fn part_of(&self, all: u64) -> Option<u64> {
        (self.rows != all).then_some(self.rows)
    }

    fn value_form(&self, all: u64) -> ValueForm {
        let Question { state, version, spec, .. } = self.question.clone();
        ValueForm { state, version, spec, rows: self.part_of(all), value: self.value.clone() }
    }

    fn measure_form(&self, all: u64) -> MeasureForm {
        let Question { state, version, spec, columns, condition, by, over: _ } = self.question.clone();
        let (types, rows, value) = (self.types.clone(), self.part_of(all), self.value.clone());
        MeasureForm { state, version, spec, columns, types, condition, by, rows, value }
    }
}
