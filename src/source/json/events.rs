//! Events: lines of JSON in memory, read with types that are given beforehand and never change.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::layout::{BOM, Layout};
use super::plan::{ContractNode, ReadPlan};
use super::reading::{RecordFrames, RecordSpan, UnitReader, shape_of};
use super::{Common, Contradiction, JsonSource};
use crate::diagnostic::{Code, Fault};
use crate::source::{Chunk, ContractColumn, Format, Known, Projection, ReadOptions};
use crate::types::path_steps;

/// Reads lines of JSON. A value that is not of its column's type makes its record malformed, whatever the records beside it hold.
pub struct EventReader {
    source: JsonSource,
    projection: Projection,
    /// Columns of the contract whose type nothing tells.
    untyped: Vec<String>,
}

/// Some lines, read.
pub struct ReadLines {
    /// Their records; rows are numbered from 0 on in each text.
    pub chunks: Vec<Chunk>,
    /// Where each record stands, malformed ones included, by its number.
    pub spans: Vec<RecordSpan>,
    /// Keys that no column is known by.
    pub unknown_keys: Vec<String>,
    /// Line ends.
    pub lines: u32,
}

impl EventReader {
    /// Of events with the columns of `contract`, and with those of `sample`, which is lines of JSON: its values tell the types
    /// that the contract does not.
    pub fn new(contract: &[ContractColumn], sample: &[u8], options: &ReadOptions) -> Self {
        let missing = options.missing_values.clone().unwrap_or_default();
        let mut shape = shape_of(RecordFrames::new(without_mark(sample), Layout::Lines, true, true), &missing);
        let mut untyped = Vec::new();
        for column in contract {
            let is_whole = shape.fields.iter().any(|(name, _)| *name == column.name);
            let top = if is_whole { column.name.clone() } else { path_steps(&column.name).swap_remove(0) };
            let is_seen = shape.fields.iter().any(|(name, _)| *name == top);
            if column.data_type.is_none() && !is_seen {
                untyped.push(column.name.clone());
            }
            // A field that no value was seen of is what the contract says.
            shape.field(&top, &mut 0);
        }
        let node = ContractNode::new(contract, Vec::new());
        let mut plan = shape.fields_plan(&node, "");
        plan.settle();
        let schema = Arc::new(Schema::new(plan.fields()));
        let common = Common {
            known: Known { columns_have_order: false, ..Known::of_text(Format::Ndjson, Vec::new()) },
            regions: Vec::new(),
            contract: contract.to_vec(),
            missing,
            timezone_seconds: options.timezone_seconds,
            cut: options.cut,
            json_path: Vec::new(),
            contradiction: Contradiction::IsOfRecords,
        };
        let known = Known { schema: schema.clone(), ..common.known.clone() };
        let projection = Projection::new(&schema, (0..schema.fields().len()).collect());
        Self { source: JsonSource { common: Arc::new(common), plan, known }, projection, untyped }
    }

    /// Every column.
    pub fn schema(&self) -> &SchemaRef {
        &self.projection.schema
    }

    /// Columns that the contract names, and of which neither it nor the sample tells the type.
    pub fn untyped(&self) -> &[String] {
        &self.untyped
    }

    /// Reads whole lines; the last one may lack its line end.
    ///
    /// # Errors
    /// The text is larger than what can be read at a time.
    pub fn read(&self, text: &[u8]) -> Result<ReadLines, Fault> {
        if text.len() > Self::TEXT_BYTES_MAX {
            let what = format!("an event is longer than {} MiB", Self::TEXT_BYTES_MAX >> 20);
            return Err(Fault::new(Code::TooLarge, what).hint("do events end with line ends, LF or CRLF?"));
        }
        let mut reader = UnitReader::new(&self.source, RecordFrames::new(text, Layout::Lines, true, true), &self.projection);
        let (mut chunks, mut spans) = (Vec::new(), Vec::new());
        while !reader.is_done() {
            let chunk = reader.chunk_with(|span| spans.push(span))?;
            if !chunk.rows.is_empty() || !chunk.malformed.is_empty() {
                chunks.push(chunk);
            }
        }
        Ok(ReadLines { chunks, spans, unknown_keys: reader.unknown_keys().map(str::to_owned).collect(), lines: reader.lines() })
    }

    /// The most text that is read at a time.
    pub const TEXT_BYTES_MAX: usize = 256 << 20;
}

/// Text without the byte order mark that it may begin with.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text)
}

impl ReadPlan {
    /// No type gives way to a value any more.
    fn settle(&mut self) {
        match self {
            Self::Scalar(plan) => plan.guessed = false,
            Self::Text => {}
            Self::Struct(fields) => fields.iter_mut().for_each(|(_, plan)| plan.settle()),
            Self::List(item) => item.settle(),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Int64Type};

    use super::*;

    fn column(name: &str, data_type: Option<DataType>) -> ContractColumn {
        ContractColumn { name: name.to_owned(), data_type, format: None, is_strict: false }
    }

    #[test]
    fn types_are_the_contracts_and_the_samples_and_do_not_give_way() {
        let contract = [column("id", Some(DataType::Int64)), column("at.place", Some(DataType::Utf8)), column("note", None)];
        let reader = EventReader::new(&contract, b"{\"n\": 1, \"id\": 3}\n{\"n\": 2}\n", &ReadOptions::default());
        let types: Vec<String> = reader.schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
        assert_eq!(types, ["n Int64", "id Int64", "at Struct(\"place\": Utf8)", "note Utf8"]);
        assert_eq!(reader.untyped(), ["note"]);
        let text = b"{\"id\": 1, \"n\": 1.5}\r\n\n{\"id\": 2, \"n\": 7, \"more\": 1}\nnone\n{\"id\": 3}";
        let read = reader.read(text).expect("read");
        let [chunk] = read.chunks.as_slice() else { panic!("one chunk") };
        assert_eq!(chunk.rows.iter().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(chunk.batch.column(1).as_primitive::<Int64Type>().values(), &[2, 3]);
        assert_eq!(chunk.malformed.iter().map(|m| (m.row, m.column.as_deref())).collect::<Vec<_>>(), [(0, Some("n")), (2, None)]);
        assert_eq!((read.unknown_keys, read.lines), (vec!["more".to_owned()], 4));
        let lines: Vec<&[u8]> = read.spans.iter().map(|s| &text[s.start as usize..s.behind as usize]).collect();
        assert_eq!(lines[0], b"{\"id\": 1, \"n\": 1.5}\r\n");
        assert_eq!(lines[3], b"{\"id\": 3}");
        assert_eq!(read.spans.iter().map(|s| s.line).collect::<Vec<_>>(), [0, 2, 3, 4]);
    }
}
