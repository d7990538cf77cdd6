//! Keys of other data that rules name, among which those of the batch are looked for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::DataType;

use super::Job;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, Cancel, UnitSelection};
use crate::metric::Column;
use crate::metric::inputs::{Foreign, TakeKeys, has_whole_key};
use crate::paths::PathColumn;
use crate::rows::Mask;
use crate::rules::alike::{are_comparable, as_type};
use crate::rules::published::{Fetched, OtherQuery};
use crate::source::{ContractColumn, Projection, Source};
use crate::types::type_name;

/// Opens the data; its rows are read by whoever asks for them.
///
/// # Errors
/// They are not there, or have no such column.
pub(super) fn fetch(job: &Job<'_>, wanted: &OtherQuery) -> Result<Fetched, Faults> {
    let Some(references) = &job.references else {
        let what = format!("no key can be looked for in {} here", wanted.name);
        return Err(Fault::new(Code::Unsupported, what).at(wanted.at.clone()).into());
    };
    if let Some(rows) = wanted.table {
        return references.rows_of_table(wanted, rows);
    }
    let contract = |(ours, theirs): &(crate::rules::BoundColumn, String)| ContractColumn {
        name: theirs.clone(),
        data_type: plain(&ours.data_type),
        format: None,
        is_strict: false,
    };
    let contract: Vec<ContractColumn> = wanted.key.iter().map(contract).collect();
    let source = references.open_as(&wanted.paths, &contract).map_err(|faults| named(faults, wanted))?;
    let schema = source.schema().clone();
    let paths = PathColumn::all(&schema);
    let (mut columns, mut faults) = (Vec::new(), Faults::default());
    for (ours, theirs) in &wanted.key {
        let place = match schema.index_of(theirs) {
            Ok(root) => Some(Place { root, path: None, data_type: ours.data_type.clone() }),
            Err(_) => paths.iter().find(|path| path.path == *theirs && !path.is_elements()).map(|path| Place {
                root: path.root,
                path: Some(path.clone()),
                data_type: ours.data_type.clone(),
            }),
        };
        let Some(place) = place else {
            let known = schema.fields().iter().map(|field| field.name().as_str());
            let fault = Fault::new(Code::UnknownColumn, format!("{} has no column `{theirs}`", wanted.name));
            faults.push(fault.at(wanted.at.clone()).hint_nearest(theirs, known));
            continue;
        };
        let there = place.path.as_ref().map_or_else(|| schema.field(place.root).data_type(), |path| &path.data_type);
        if !are_comparable(there, &ours.data_type) {
            let why = format!(
                "`{}` is {}, and `{theirs}` in {} is {}: values of such types are never equal; convert it with `transform`",
                ours.name,
                type_name(&ours.data_type),
                wanted.name,
                type_name(there),
            );
            return Ok(Fetched::OtherType(why));
        }
        columns.push(place);
    }
    faults.or_ok(())?;
    let (name, threads, cancel) = (wanted.name.clone(), job.threads, job.cancel.clone());
    Ok(Fetched::Rows(Arc::new(OtherRows { name, source, columns, threads, cancel, has_keys: AtomicBool::new(false) })))
}

/// The type that values are read as: of codes, what they stand for.
fn plain(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        // Text is read in one form, however the batch holds it.
        DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8),
        nested if nested.is_nested() => None,
        other => Some(other.clone()),
    }
}

/// Faults of other data, so that nobody takes them for the batch's.
fn named(faults: Faults, wanted: &OtherQuery) -> Faults {
    let of_other = |fault: Fault| Fault { what: format!("in {}, in which a rule looks for keys: {}", wanted.name, fault.what), ..fault };
    Faults(faults.0.into_iter().map(of_other).collect())
}

/// A column of the key in the other data.
struct Place {
    root: usize,
    path: Option<PathColumn>,
    /// The batch's.
    data_type: DataType,
}

/// Rows of other data, of which some columns are read.
struct OtherRows {
    name: String,
    source: Arc<dyn Source>,
    columns: Vec<Place>,
    threads: usize,
    cancel: Cancel,
    /// Whether a row that was given had a whole key.
    has_keys: AtomicBool,
}

impl std::fmt::Debug for OtherRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtherRows").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Foreign for OtherRows {
    /// Records that cannot be read as the batch's types have no key.
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()> {
        let source = self.source.as_ref();
        let projection = Projection::new(source.schema(), self.columns.iter().map(|column| column.root).collect());
        let read = engine::each_unit(
            source,
            UnitSelection::All,
            self.threads,
            &self.cancel,
            |unit, preread| {
                let mut parts: Vec<(Vec<Column>, Mask)> = Vec::new();
                source.read(unit, preread, &projection, &mut |chunk| {
                    let (mut columns, mut rows) = (Vec::with_capacity(self.columns.len()), Mask::All);
                    for place in &self.columns {
                        let name = source.schema().field(place.root).name();
                        let whole = chunk.batch.column_by_name(name).ok_or_else(lost)?;
                        let values = place.path.as_ref().map_or_else(|| whole.clone(), |path| path.values(whole).array);
                        let (array, same) = as_type(&values, &place.data_type).map_err(|e| failed(&e.to_string()))?;
                        rows = rows.and(&same);
                        columns.push(Column::new(array));
                    }
                    parts.push((columns, rows));
                    Ok(())
                })?;
                Ok(parts)
            },
            |parts| {
                for (columns, rows) in &parts {
                    if !self.has_keys() && has_whole_key(columns, rows) {
                        self.has_keys.store(true, Ordering::Relaxed);
                    }
                    take(columns, rows);
                }
                Ok(())
            },
        );
        read.map_err(|fault| io::Error::other(format!("{}: {}", self.name, fault.what)))
    }

    fn has_keys(&self) -> bool {
        self.has_keys.load(Ordering::Relaxed)
    }
}

fn lost() -> Fault {
    Fault::new(Code::Internal, "internal error: a column of other data was not read")
}

fn failed(why: &str) -> Fault {
    Fault::new(Code::Unsupported, format!("its values cannot be compared with the batch's: {why}"))
}
