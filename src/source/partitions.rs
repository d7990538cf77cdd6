//! Columns that stand in the names of directories: `region=eu/date=2026-01-01/part-0.csv`, as Hive lays them out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{Field, Schema};

use xxhash_rust::xxh3::xxh3_128;

use super::csv::column_of_texts;
use super::typed::schema_of;
use super::{Chunk, ContractColumn, Known, Piece, Preread, Projection, SchemaEvidence, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};
use crate::types::Tally;

/// How Hive writes a missing key.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// One `name=value` of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DirectoryKey {
    pub name: String,
    /// None where the value is missing.
    pub value: Option<String>,
}

impl DirectoryKey {
    /// The keys of a path's directories, outermost first.
    pub(super) fn of_path(path: &str) -> Vec<Self> {
        let (directories, _) = path.rsplit_once('/').unwrap_or(("", path));
        let key = |part: &str| {
            let (name, value) = part.split_once('=')?;
            let value = (value != MISSING).then(|| unescaped(value));
            (!name.is_empty()).then(|| Self { name: unescaped(name), value })
        };
        directories.split('/').filter_map(key).collect()
    }
}

/// Text with `%20` and its like as the characters they stand for.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The digest of what precedes a file's records together with the keys of its path, which are content: the same rows under
/// another key are another batch.
fn with_keys(digest: u128, file: usize, values: &[ArrayRef]) -> u128 {
    let mut text = format!("{digest:032x}");
    for array in values {
        let shown = arrow::util::display::array_value_to_string(&array.slice(file, 1), 0);
        text += &format!("\u{1f}{}", shown.unwrap_or_default());
    }
    xxh3_128(text.as_bytes())
}

/// A source with the keys of its files' directories as further columns.
pub(super) struct Partitioned {
    inner: Arc<dyn Source>,
    known: Known,
    /// One value a file, by key.
    values: Vec<ArrayRef>,
}

impl Partitioned {
    /// Adds the columns that `keys` (one list a file) speak of; types come from the contract where it names one
    /// that every value can be read as, else from the values.
    ///
    /// # Errors
    /// Files lie at different depths, or hold a column of a key's name themselves.
    pub(super) fn over(inner: Arc<dyn Source>, keys: &[Vec<DirectoryKey>], contract: &[ContractColumn]) -> Result<Arc<dyn Source>, Fault> {
        let names = |keys: &[DirectoryKey]| keys.iter().map(|k| k.name.clone()).collect::<Vec<_>>();
        let Some(expected) = keys.first().map(|k| names(k)).filter(|_| keys.iter().any(|k| !k.is_empty())) else { return Ok(inner) };
        let files = inner.known().files();
        for (file, keys) in files.iter().zip(keys) {
            if names(keys) != expected {
                let what = format!("{} and {} lie under different keys", files[0].path, file.path);
                return Err(Fault::new(Code::FilesDiffer, what).hint("the files of one batch have the same columns"));
            }
        }
        let distinct: BTreeSet<&String> = expected.iter().collect();
        if let Some(taken) = expected.iter().find(|n| inner.schema().column_with_name(n).is_some() || distinct.len() < expected.len()) {
            let what = format!("{}: `{taken}` stands in the path and also elsewhere", files[0].path);
            return Err(Fault::new(Code::DuplicateColumn, what)
                .hint("every column needs a name of its own; name the files by a glob to leave the path's keys out"));
        }
        let mut values = Vec::with_capacity(expected.len());
        for (i, name) in expected.iter().enumerate() {
            let texts: Vec<Option<&str>> = keys.iter().map(|k| k[i].value.as_deref()).collect();
            let contract = contract.iter().find(|c| c.name == *name);
            values.push(column_of_texts(&texts, contract));
        }
        Ok(Arc::new(Self::with(inner, &expected, values)))
    }

    fn with(inner: Arc<dyn Source>, names: &[String], values: Vec<ArrayRef>) -> Self {
        let mut fields: Vec<Arc<Field>> = inner.schema().fields().iter().cloned().collect();
        fields.extend(names.iter().zip(&values).map(|(name, array)| Arc::new(Field::new(name, array.data_type().clone(), true))));
        let mut known = Known { schema: Arc::new(Schema::new(fields)), ..inner.known().clone() };
        for (file, start) in known.starts.iter_mut().enumerate() {
            start.digest = with_keys(start.digest, file, &values);
        }
        let heads: Vec<u8> = known.starts.iter().flat_map(|start| start.digest.to_le_bytes()).collect();
        known.footers = known.footers.map(|inner| inner ^ xxh3_128(&heads));
        Self { inner, known, values }
    }

    fn own(&self) -> usize {
        self.known.schema.fields().len() - self.values.len()
    }
}

impl Source for Partitioned {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.inner.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (inner, keys): (Vec<usize>, Vec<usize>) = projection.columns.iter().partition(|&&c| c < self.own());
        let read = Projection { compact: projection.compact, ..Projection::new(self.inner.schema(), inner) };
        self.inner.read(unit, preread, &read, &mut |chunk| {
            let failed = |e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}"));
            let len = chunk.batch.num_rows();
            let repeated = UInt32Array::from_value(unit.file, len);
            let mut columns = chunk.batch.columns().to_vec();
            for &key in &keys {
                columns.push(arrow::compute::take(&self.values[key - self.own()], &repeated, None).map_err(failed)?);
            }
            let options = RecordBatchOptions::new().with_row_count(Some(len));
            let schema = schema_of(projection, &columns);
            let batch = RecordBatch::try_new_with_options(schema, columns, &options).map_err(failed)?;
            each(Chunk { batch, ..chunk })
        })
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        let names: Vec<String> = self.known.schema.fields()[self.own()..].iter().map(|f| f.name().clone()).collect();
        let again = |inner| Arc::new(Self::with(inner, &names, self.values.clone())) as Arc<dyn Source>;
        Ok(self.inner.retyped(evidence)?.map(again))
    }

    fn field_starts(&self, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
        self.inner.field_starts(unit, places)
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        self.inner.tallies(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_directories_alone() {
        let keys = DirectoryKey::of_path("/a=1/b=__HIVE_DEFAULT_PARTITION__/plain/c=x=y/part=0.csv");
        let read: Vec<_> = keys.iter().map(|k| (k.name.as_str(), k.value.as_deref())).collect();
        assert_eq!(read, [("a", Some("1")), ("b", None), ("c", Some("x=y"))]);
        assert_eq!(unescaped("a%2Fb%zz%"), "a/b%zz%");
    }
}
