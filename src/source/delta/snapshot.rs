//! A state of a table: its columns and its files, as the log has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use delta_kernel::actions::deletion_vector::{DeletionVectorDescriptor, DeletionVectorStorageType};
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::history_manager::{HistoryCommitType, latest_version_as_of};
use delta_kernel::scan::StatsOptions;
use delta_kernel::schema::StructType;
use delta_kernel::table_features::ColumnMappingMode;
use delta_kernel::{Engine, Snapshot as KernelSnapshot};
use deltalake_core::logstore::LogStoreRef;
use url::Url;

use super::log;
use super::state::TableState;
use crate::diagnostic::{Code, Fault};
use crate::remote;

/// What readers of a table must know to read it right, as far as this one does.
const KNOWN: [&str; 8] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    // Refused only where a column is of the type.
    "variantType",
];

/// A table as it was.
pub(super) struct Snapshot {
    pub version: u64,
    pub columns: Arc<StructType>,
    pub mapping: ColumnMappingMode,
    /// As the table calls them.
    pub partition_columns: Vec<String>,
    /// In byte order of their paths.
    pub files: Vec<DataFile>,
}

/// A file with rows of the table.
pub(super) struct DataFile {
    /// Within the table's directory, as a file system writes it.
    pub path: String,
    pub bytes: u64,
    /// By the name that the log has for the column; none where the value is missing.
    pub partition: BTreeMap<String, Option<String>>,
    /// Rows that are deleted, from 0, ascending.
    pub deleted: Vec<u64>,
}

/// Reads the state `wanted` of the table called `place`, or the last one.
///
/// # Errors
/// The log is damaged, has no such state, or asks for what is not supported here.
pub(super) fn read(place: &str, store: LogStoreRef, wanted: Option<TableState>) -> Result<Snapshot, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{place}: cannot read the Delta table: {e}"));
    let name = place.to_owned();
    let read = remote::block_on(async move {
        let versions = log::versions(&name, &store).await?;
        // The kernel's reader needs the runtime that this thread belongs to, and it may panic where the log is damaged.
        let engine = store.engine(None);
        let root = store.transaction_url(None).map_err(|e| cannot_read(&name, &e))?;
        let version = match wanted {
            None => versions.last(&name)?,
            Some(TableState::Version(version)) => versions.wanted(&name, version)?,
            Some(TableState::AsOf(time)) => {
                let last = versions.last(&name)?;
                log::verify(&name, &store, &versions, last).await?;
                let (engine, root, name) = (engine.clone(), root.clone(), name.clone());
                let found = tokio::task::spawn_blocking(move || {
                    let snapshot = KernelSnapshot::builder_for(&root).at_version(last).build(engine.as_ref())?;
                    latest_version_as_of(&snapshot, engine.as_ref(), time.timestamp_millis(), HistoryCommitType::Recreatable)
                });
                let found = found.await.map_err(|_| contradicts_itself(&name))?;
                found.map_err(|e| no_version_by(&name, time, &e))?.version
            }
        };
        log::verify(&name, &store, &versions, version).await?;
        let place = name.clone();
        let snapshot = tokio::task::spawn_blocking(move || of_kernel(&place, engine.as_ref(), &root, version));
        snapshot.await.map_err(|_| contradicts_itself(&name))?
    });
    read.map_err(|e| failed(&e))?
}

fn no_version_by(place: &str, time: chrono::DateTime<chrono::Utc>, error: &delta_kernel::Error) -> Fault {
    let time = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let fault = Fault::new(Code::FileNotFound, format!("{place}: the Delta table has no version that was committed by {time}"));
    fault.hint(format!("name a later time, or a version: {}", remote::told(&error.to_string())))
}

fn contradicts_itself(place: &str) -> Fault {
    Fault::new(Code::Damaged, format!("{place}: the log of the Delta table contradicts itself"))
}

fn cannot_read(place: &str, error: &dyn std::fmt::Display) -> Fault {
    let text = error.to_string();
    // The kernel adds where in its code it was.
    let told = remote::told(text.split("\n").next().unwrap_or_default());
    let code = if text.starts_with("Unsupported") { Code::Unsupported } else { Code::Damaged };
    Fault::new(code, format!("{place}: cannot read the Delta table: {told}")).hint("nothing was read; look whether others can read it")
}

fn of_kernel(place: &str, engine: &dyn Engine, root: &Url, version: u64) -> Result<Snapshot, Fault> {
    let failed = |e: delta_kernel::Error| cannot_read(place, &e);
    let snapshot = KernelSnapshot::builder_for(root).at_version(version).build(engine).map_err(failed)?;
    features_are_known(place, &snapshot)?;
    let mapping = snapshot.table_configuration().column_mapping_mode();
    let partition_columns = snapshot.table_configuration().metadata().partition_columns().to_vec();
    let columns = snapshot.schema();
    let scan = snapshot.scan_builder().with_stats(StatsOptions::none()).without_row_transforms().build().map_err(failed)?;
    let mut files = Vec::new();
    for part in scan.scan_metadata(engine).map_err(failed)? {
        let (data, selection) = part.map_err(failed)?.scan_files.into_parts();
        let data = ArrowEngineData::try_from_engine_data(data).map_err(failed)?;
        let rows = FileRows::of(data.record_batch()).ok_or_else(|| contradicts_itself(place))?;
        for row in (0..rows.len()).filter(|row| selection.get(*row).copied().unwrap_or(true)) {
            files.push(data_file(place, engine, root, &rows, row)?);
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if let Some(twice) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(Fault::new(Code::Damaged, format!("{place}: the log of the Delta table names `{}` twice", twice[0].path)));
    }
    Ok(Snapshot { version, columns, mapping, partition_columns, files })
}

/// Refuses a table whose readers must know what this one does not.
fn features_are_known(place: &str, snapshot: &KernelSnapshot) -> Result<(), Fault> {
    let protocol = snapshot.table_configuration().protocol();
    let refused = |what: String| {
        let fault = Fault::new(Code::Unsupported, format!("{place}: the Delta table {what}, which is not read here"));
        Err(fault.hint("write its rows to Parquet files with the program that made it, and name these"))
    };
    if protocol.min_reader_version() > 3 {
        return refused(format!("has reader version {}", protocol.min_reader_version()));
    }
    let mut features = protocol.reader_features().into_iter().flatten().map(ToString::to_string);
    match features.find(|feature| !KNOWN.contains(&feature.as_str())) {
        Some(feature) => refused(format!("has the feature `{feature}`")),
        None => Ok(()),
    }
}

/// Files of a table, a row each.
struct FileRows<'a>(&'a RecordBatch);

impl<'a> FileRows<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let has = |name: &str| batch.column_by_name(name).is_some();
        ["path", "size", "deletionVector", "fileConstantValues"].into_iter().all(has).then_some(Self(batch))
    }

    fn len(&self) -> usize {
        self.0.num_rows()
    }

    fn text(&self, column: &str, row: usize) -> Option<&'a str> {
        let texts = self.0.column_by_name(column)?.as_string_opt::<i32>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    fn bytes(&self, row: usize) -> Option<u64> {
        let sizes = self.0.column_by_name("size")?.as_primitive_opt::<Int64Type>()?;
        sizes.is_valid(row).then(|| sizes.value(row)).and_then(|bytes| u64::try_from(bytes).ok())
    }

    fn partition(&self, row: usize) -> Option<BTreeMap<String, Option<String>>> {
        let values = self.0.column_by_name("fileConstantValues")?.as_struct_opt()?.column_by_name("partitionValues")?.as_map_opt()?;
        if values.is_null(row) {
            return Some(BTreeMap::new());
        }
        let entries = values.value(row);
        let (names, texts) = (entries.column(0).as_string_opt::<i32>()?, entries.column(1).as_string_opt::<i32>()?);
        // An empty text is how a log writes a missing value of any type.
        let text = |i: usize| texts.is_valid(i).then(|| texts.value(i)).filter(|text| !text.is_empty()).map(str::to_owned);
        Some((0..entries.len()).map(|i| (names.value(i).to_owned(), text(i))).collect())
    }

    /// The deletion vector; inside none where there is none, outside where it cannot be understood.
    fn vector(&self, row: usize) -> Option<Option<DeletionVectorDescriptor>> {
        let vectors = self.0.column_by_name("deletionVector")?.as_struct_opt()?;
        if vectors.is_null(row) {
            return Some(None);
        }
        let text =
            |name: &str| Some(vectors.column_by_name(name)?.as_string_opt::<i32>()?).filter(|t| t.is_valid(row)).map(|t| t.value(row));
        let Some(kind) = text("storageType") else { return Some(None) };
        let int = |name: &str| {
            let ints = vectors.column_by_name(name)?.as_primitive_opt::<Int32Type>()?;
            ints.is_valid(row).then(|| ints.value(row))
        };
        let cardinality = vectors.column_by_name("cardinality")?.as_primitive_opt::<Int64Type>()?;
        let cardinality = cardinality.is_valid(row).then(|| cardinality.value(row))?;
        let kind: DeletionVectorStorageType = kind.parse().ok()?;
        let vector = DeletionVectorDescriptor::try_new(kind, text("pathOrInlineDv")?, int("offset"), int("sizeInBytes")?, cardinality);
        vector.ok().map(Some)
    }
}

fn data_file(place: &str, engine: &dyn Engine, root: &Url, rows: &FileRows<'_>, row: usize) -> Result<DataFile, Fault> {
    let damaged = |what: String| Fault::new(Code::Damaged, format!("{place}: the log of the Delta table {what}"));
    let written = rows.text("path", row).ok_or_else(|| damaged("names a file without a path".into()))?;
    let path = within(place, root, written)?;
    let bytes = rows.bytes(row).ok_or_else(|| damaged(format!("gives `{path}` no size")))?;
    let partition = rows.partition(row).ok_or_else(|| damaged(format!("gives `{path}` no partition values")))?;
    let vector = rows.vector(row).ok_or_else(|| damaged(format!("has a deletion vector for `{path}` that cannot be understood")))?;
    let Some(vector) = vector else { return Ok(DataFile { path, bytes, partition, deleted: Vec::new() }) };
    let unread = |e: delta_kernel::Error| cannot_read(place, &format!("the deletion vector of `{path}`: {e}"));
    if let Some(file) = vector.absolute_path(root).map_err(unread)? {
        within(place, root, file.as_str())?;
    }
    let deleted = vector.row_indexes(engine.storage_handler(), root).map_err(unread)?;
    if i64::try_from(deleted.len()) != Ok(vector.cardinality) {
        let (said, held) = (vector.cardinality, deleted.len());
        return Err(damaged(format!("promises {said} deleted rows of `{path}`, and their list holds {held}")));
    }
    Ok(DataFile { path, bytes, partition, deleted })
}

/// A file's path within the table, as a file system writes it: whoever wrote the log must not lead a run to files that are
/// none of the table's.
fn within(place: &str, root: &Url, written: &str) -> Result<String, Fault> {
    let elsewhere = || {
        let fault = Fault::new(Code::Unsupported, format!("{place}: the log of the Delta table names a file outside of it: `{written}`"));
        fault.hint("a shallow clone of another table is not supported; copy its files")
    };
    let url = root.join(written).map_err(|_| elsewhere())?;
    let below = |url: &Url| {
        let decoded = percent_decoded(url.path());
        let root = percent_decoded(root.path());
        decoded.strip_prefix(root.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
    };
    let is_same_place = (url.scheme(), url.host_str(), url.port()) == (root.scheme(), root.host_str(), root.port());
    let path = below(&url).filter(|_| is_same_place).ok_or_else(elsewhere)?;
    if crate::delta_log::leads_elsewhere(&path) || path.is_empty() { Err(elsewhere()) } else { Ok(path) }
}

fn percent_decoded(path: &str) -> String {
    crate::source::partitions::unescaped(path)
}
