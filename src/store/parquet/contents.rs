//! Whose rows a file holds, batch by batch in its order: those of several batches where small files were made one.

use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use serde_json::{Value, json};

use super::metadata::{PARTIAL, REPLAYS};
use super::staged::StagedFile;
use crate::diagnostic::{Code, Fault};
use crate::store::location::Location;
use crate::store::stamp::Stamp;

/// The key under which a file of several batches says which rows are whose.
const CONTENTS: &str = "sluicegate.batches";

/// Rows of one batch that stand together in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Span {
    /// None of rows that no gate published.
    pub stamp: Option<Stamp>,
    /// The name of the file that the batch was published as, and when that was written.
    pub name: String,
    pub since: i64,
    pub rows: u64,
    pub replays: Vec<String>,
    /// Whether others took the place of some of its rows.
    pub is_partial: bool,
}

impl Span {
    /// Spans as a file's metadata has them.
    fn written(spans: &[Self]) -> String {
        let one = |span: &Self| {
            let stamp = span.stamp.as_ref().map(|stamp| stamp.entries().map(|(_, value)| value.to_owned()));
            json!({ "stamp": stamp, "name": span.name, "since": span.since, "rows": span.rows, "replays": span.replays, "partial": span.is_partial })
        };
        Value::from(spans.iter().map(one).collect::<Vec<_>>()).to_string()
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let stamp = match &value["stamp"] {
            Value::Null => None,
            stamp => {
                let keys = Stamp::KEYS.iter().zip(stamp.as_array()?);
                Some(Stamp::read(keys.filter_map(|(key, value)| Some((*key, value.as_str()?))))?)
            }
        };
        Some(Self {
            stamp,
            name: text(&value["name"])?,
            since: value["since"].as_i64()?,
            rows: value["rows"].as_u64()?,
            replays: value["replays"].as_array()?.iter().map(text).collect::<Option<_>>()?,
            is_partial: value["partial"].as_bool()?,
        })
    }
}

impl StagedFile {
    /// Says whose rows these are in their order, where those of several batches are, or are left, and makes the file durable.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish_spans(&mut self, spans: &[Span]) -> Result<(), Fault> {
        match spans {
            [Span { stamp: Some(stamp), replays, is_partial: true, .. }] => self.finish_partial(stamp, replays),
            [Span { stamp: Some(stamp), replays, is_partial: false, .. }] => self.finish(stamp, replays),
            [] | [Span { stamp: None, .. }] => self.finish_plain(),
            several => {
                self.say(CONTENTS, Span::written(several))?;
                self.finish_plain()
            }
        }
    }
}

/// Whose rows the file at `location` holds, which a table calls `name` since `since`.
///
/// # Errors
/// It cannot be read, or contradicts itself.
pub(in crate::store) fn contents(location: &Location, name: &str, since: i64) -> Result<Vec<Span>, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{location}: cannot read: {e}"));
    let file = location.open().map_err(|e| failed(&e))?.ok_or_else(|| failed(&"it went away meanwhile"))?;
    let reader = SerializedFileReader::new(file).map_err(|e| failed(&e))?;
    let metadata = reader.metadata().file_metadata();
    let rows = metadata.num_rows().unsigned_abs();
    let entries = metadata.key_value_metadata().into_iter().flatten();
    let entries: Vec<(&str, &str)> = entries.filter_map(|kv| Some((kv.key.as_str(), kv.value.as_deref()?))).collect();
    let said = |key: &str| entries.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
    let Some(text) = said(CONTENTS) else {
        let replays = said(REPLAYS).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let (stamp, is_partial) = (Stamp::read(entries.iter().copied()), said(PARTIAL).is_some());
        return Ok(vec![Span { stamp, name: name.to_owned(), since, rows, replays, is_partial }]);
    };
    let spans = serde_json::from_str::<Value>(text).ok();
    let spans: Option<Vec<Span>> = spans.as_ref().and_then(Value::as_array).and_then(|all| all.iter().map(Span::read).collect());
    match spans.filter(|spans| spans.iter().map(|span| span.rows).sum::<u64>() == rows) {
        Some(spans) => Ok(spans),
        None => Err(Fault::new(Code::Damaged, format!("{location}: what the file says of its batches contradicts itself"))),
    }
}
