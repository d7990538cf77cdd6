//! A Delta table as a source: the rows that one of its versions has.
//!
//! Which files count, what columns are called, which rows are deleted: the log says it. The files are read as other Parquet
//! files are, a row group a unit.

mod columns;
mod log;
mod name;
mod place;
mod snapshot;
mod state;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{concat, filter_record_batch, take};
use arrow::datatypes::{Schema, SchemaRef};
use delta_kernel::engine::arrow_conversion::TryIntoArrow;
use delta_kernel::schema::{DataType as KernelType, PrimitiveType, StructType};
use delta_kernel::table_features::ColumnMappingMode;
use xxhash_rust::xxh3::Xxh3Default;

use self::columns::TableField;
use self::name::TableName;
use self::snapshot::{DataFile, Snapshot};
pub use self::state::TableState;
use super::origin::RowGaps;
use super::parquet::{FooterStatistics, OpenedFile, Statistics};
use super::typed::{ColumnLayout, damaged};
use super::{
    Chunk, Format, InputFile, Known, Origins, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};
use crate::metric::ColumnStatistics;
use crate::remote::Kind;

/// The table that `paths` name, opened; none where they name files.
///
/// # Errors
/// Other data is named beside it, or it cannot be read.
pub(super) fn open(paths: &[String], options: &ReadOptions) -> Result<Option<Arc<dyn Source>>, Fault> {
    for path in paths.iter().filter(|path| path.as_str() != "-") {
        let path = path.strip_prefix(name::SCHEME).unwrap_or(path);
        // Nothing is asked of a place that a rule file must not name. Of URLs of other kinds, those who fetch them say so.
        if let Some(confines) = options.confines.as_ref().filter(|_| Kind::of(path).is_some() || !path.contains("://")) {
            confines.allow(path)?;
        }
    }
    let names = paths.iter().map(|path| TableName::of(path, &options.surroundings)).collect::<Result<Vec<_>, _>>()?;
    let Some(table) = names.iter().flatten().next() else {
        return match options.table_state {
            None => Ok(None),
            Some(_) => Err(Fault::new(Code::WrongFormat, "`source: { delta: … }` asks for a version, and the data is no Delta table")
                .hint("leave `delta` out, or name the table's directory")),
        };
    };
    if paths.len() > 1 {
        let what = format!("{}: a Delta table is a batch by itself, and other data is named beside it", table.location);
        return Err(Fault::new(Code::ConflictingOptions, what).hint("judge each by itself"));
    }
    if let Some(format) = options.format.filter(|format| *format != Format::Parquet) {
        let what = format!("{}: this is a Delta table, and it is to be read as {}", table.location, format.name());
        return Err(Fault::new(Code::WrongFormat, what).hint("leave `--format` or `source: { format: … }` out"));
    }
    if options.refuses_idle_words {
        options.ensure_of(Format::Parquet)?;
    }
    if let Some(confines) = &options.confines {
        confines.allow_all_in(&table.location)?;
    }
    let log_store = table.place.log_store(&table.location)?;
    let snapshot = snapshot::read(&table.location, log_store, table.state.or(options.table_state))?;
    Ok(Some(Arc::new(DeltaSource::of(table, snapshot, options)?)))
}

/// A version of a table.
struct DeltaSource {
    known: Known,
    files: Vec<TableFile>,
    columns: Vec<Column>,
    layout: ColumnLayout,
    digest: u128,
    batch_rows: usize,
}

/// A file of the table.
struct TableFile {
    opened: OpenedFile,
    deleted: RowGaps,
}

/// Where a column's values are.
enum Column {
    /// In the files, as far as they have it.
    Stored(TableField),
    /// In the log, one value a file.
    Partition(ArrayRef),
}

impl DeltaSource {
    fn of(table: &TableName, snapshot: Snapshot, options: &ReadOptions) -> Result<Self, Fault> {
        let place = table.location.as_str();
        let layout = layout(place, &snapshot.columns, options)?;
        let mut digest = Xxh3Default::new();
        let inputs = table.place.inputs(place, &snapshot.files)?;
        let opened = inputs.iter().zip(&snapshot.files).map(|(input, file)| table_file(input, file, &mut digest));
        let files: Vec<TableFile> = opened.collect::<Result<_, _>>()?;
        let columns = snapshot.columns.fields().zip(TableField::all(&snapshot.columns, layout.schema.fields(), snapshot.mapping));
        let columns = columns.map(|(column, field)| {
            if !snapshot.partition_columns.contains(column.name()) {
                return Ok(Column::Stored(field));
            }
            Ok(Column::Partition(partition_values(place, column.data_type(), &field, &snapshot.files)?))
        });
        let columns: Vec<Column> = columns.collect::<Result<_, Fault>>()?;
        if snapshot.mapping == ColumnMappingMode::Id {
            files_are_numbered(&inputs, &files)?;
        }
        let digest = content_digest(digest, &layout.schema, &snapshot.files);
        let gaps = files.iter().map(|file| file.deleted.clone()).collect();
        let is_whole = files.iter().all(|file| file.deleted.is_empty());
        let known = Known {
            rows: Some(files.iter().map(|file| file.opened.rows() - file.deleted.len()).sum()),
            // Where rows are deleted, footers still count them.
            statistics: if is_whole { statistics_of(&columns, &files) } else { Vec::new() },
            digests_units: false,
            judged_columns: judged_columns(&columns, &files),
            table_version: Some(snapshot.version),
            ..Known::of_typed(Format::Parquet, layout.schema.clone(), inputs.clone())
        };
        let known = Known { origins: Origins::Parts(inputs, gaps), ..known };
        Ok(Self { known, files, columns, layout, digest, batch_rows: options.cut.batch_rows.max(1) })
    }
}

/// The table's columns as batches will hold them.
fn layout(place: &str, columns: &StructType, options: &ReadOptions) -> Result<ColumnLayout, Fault> {
    for column in columns.fields() {
        if let Some(unread) = columns::unread_type(column.data_type()) {
            let what = format!("{place}: `{}` is or holds a {unread}, which is not read", column.name());
            return Err(Fault::new(Code::UnsupportedType, what).hint("make a table without the column"));
        }
    }
    let schema: Schema = columns.try_into_arrow().map_err(|e| Fault::new(Code::Unsupported, format!("{place}: {e}")))?;
    ColumnLayout::of(&[place], &[SchemaRef::new(schema)], options.missing_values.as_ref())
}

fn table_file(input: &InputFile, file: &DataFile, digest: &mut Xxh3Default) -> Result<TableFile, Fault> {
    let opened = OpenedFile::open(input, &|_| None, digest)?;
    if file.deleted.last().is_some_and(|last| *last >= opened.rows()) {
        return Err(damaged(input, &"rows are deleted in the Delta table's log that it does not have"));
    }
    Ok(TableFile { opened, deleted: RowGaps::new(file.deleted.clone()) })
}

fn files_are_numbered(inputs: &[InputFile], files: &[TableFile]) -> Result<(), Fault> {
    match inputs.iter().zip(files).find(|(_, file)| !columns::has_ids(file.opened.footer.schema().fields())) {
        None => Ok(()),
        Some((input, _)) => {
            let what = format!("{}: the Delta table maps columns by number (`id`), and this file numbers none", input.path);
            Err(Fault::new(Code::Unsupported, what).hint("write the file again with the program that made the table"))
        }
    }
}

/// The values of a partition column, by file.
fn partition_values(place: &str, data_type: &KernelType, field: &TableField, files: &[DataFile]) -> Result<ArrayRef, Fault> {
    let wrong = |text: &str| {
        let what = format!("{place}: the log of the Delta table gives the partition column `{}` the value `{text}`", field.field.name());
        Fault::new(Code::Damaged, what).hint("it is none of the column's type")
    };
    let KernelType::Primitive(plain) = data_type else { return Err(wrong("of a nested type")) };
    let mut values: Vec<ArrayRef> = Vec::with_capacity(files.len());
    for file in files {
        let text = file.partition.get(&field.physical).and_then(Option::as_deref).unwrap_or_default();
        // How other bytes are written, writers do not agree on.
        if *plain == PrimitiveType::Binary && !text.is_ascii() {
            return Err(wrong(text));
        }
        let scalar = plain.parse_scalar(text).map_err(|_| wrong(text))?;
        values.push(field.adapted(&scalar.to_array(1).map_err(|_| wrong(text))?).map_err(|_| wrong(text))?);
    }
    let values: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
    if values.is_empty() {
        return Ok(new_null_array(field.field.data_type(), 0));
    }
    concat(&values).map_err(|e| Fault::new(Code::Internal, format!("{place}: cannot assemble partition values: {e}")))
}

/// What the footers say of each column, if all of them do.
fn statistics_of(columns: &[Column], files: &[TableFile]) -> Vec<Option<ColumnStatistics>> {
    let footers: Vec<FooterStatistics<'_>> = files.iter().map(|file| FooterStatistics::of(&file.opened.footer)).collect();
    let of_column = |column: &Column| {
        let Column::Stored(field) = column else { return None };
        let of_file = |(file, footer): (&TableFile, &FooterStatistics<'_>)| {
            let fields = file.opened.footer.schema().fields();
            let Some(at) = field.position(fields) else { return Some(Statistics::of_nulls(file.opened.rows())) };
            let is_same = fields[at].data_type() == field.field.data_type();
            if is_same { footer.column(at, fields[at].data_type()) } else { None }
        };
        files.iter().zip(&footers).map(of_file).sum::<Option<Statistics>>().map(Into::into)
    };
    columns.iter().map(of_column).collect()
}

/// Columns that every run reads, since what they hold may not fit.
fn judged_columns(columns: &[Column], files: &[TableFile]) -> Vec<usize> {
    let is_judged = |field: &TableField, file: &TableFile| {
        let at = field.position(file.opened.footer.schema().fields());
        file.opened.judged_columns().any(|judged| Some(judged) == at)
    };
    let stored = columns.iter().enumerate().filter_map(|(i, column)| match column {
        Column::Stored(field) => Some((i, field)),
        Column::Partition(_) => None,
    });
    stored.filter(|(_, field)| files.iter().any(|file| is_judged(field, file))).map(|(i, _)| i).collect()
}

/// What makes the rows what they are: columns, files by their names, sizes and footers, partition values, deleted rows.
/// The files of a table are never written again, so their bytes need not be read for it.
fn content_digest(mut footers: Xxh3Default, schema: &Schema, files: &[DataFile]) -> u128 {
    let part = |digest: &mut Xxh3Default, text: &str| {
        digest.update(&(text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    };
    for field in schema.fields() {
        part(&mut footers, field.name());
        part(&mut footers, &crate::types::type_name(field.data_type()));
    }
    for file in files {
        part(&mut footers, &file.path);
        for (name, value) in &file.partition {
            part(&mut footers, name);
            part(&mut footers, value.as_deref().unwrap_or("\u{0}"));
        }
        footers.update(&(file.deleted.len() as u64).to_le_bytes());
        file.deleted.iter().for_each(|row| footers.update(&row.to_le_bytes()));
    }
    footers.digest128()
}

impl DeltaSource {
    /// The columns of the projection, of `len` rows of `file`; `arrays` are those that it holds, by their position there.
    fn batch(&self, file: u32, arrays: &[(usize, &ArrayRef)], len: usize, projection: &Projection) -> Result<RecordBatch, Fault> {
        let input = &self.known.files()[file as usize];
        let fields = self.files[file as usize].opened.footer.schema().fields();
        let column = |index: &usize| -> Result<ArrayRef, Fault> {
            match &self.columns[*index] {
                Column::Partition(values) => {
                    let values = take(values, &UInt32Array::from_value(file, len), None);
                    values.map_err(|e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}")))
                }
                Column::Stored(field) => {
                    let held = field.position(fields).and_then(|at| arrays.iter().find(|(position, _)| *position == at));
                    match held {
                        None => Ok(new_null_array(field.field.data_type(), len)),
                        Some((_, array)) if projection.compact && is_same_in_less(array, field) => Ok((*array).clone()),
                        Some((_, array)) => field.adapted(array).map_err(|why| damaged(input, &why)),
                    }
                }
            }
        };
        let columns = projection.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        self.layout.batch(&columns, len, projection).map_err(|e| damaged(input, &e))
    }

    /// Where the projection's columns stand in a file, ascending.
    fn roots(&self, file: &TableFile, projection: &Projection) -> Vec<usize> {
        let fields = file.opened.footer.schema().fields();
        let stored = projection.columns.iter().filter_map(|&column| match &self.columns[column] {
            Column::Stored(field) => field.position(fields),
            Column::Partition(_) => None,
        });
        let mut roots: Vec<usize> = stored.collect();
        roots.sort_unstable();
        roots
    }
}

/// Whether the array stands for the same values in a smaller form.
fn is_same_in_less(array: &ArrayRef, field: &TableField) -> bool {
    use arrow::datatypes::DataType::{Decimal64, Decimal128, Dictionary, Int32, Utf8};
    match (array.data_type(), field.field.data_type()) {
        (Dictionary(keys, values), Utf8) => **keys == Int32 && **values == Utf8,
        (Decimal64(p, s), Decimal128(precision, scale)) => (p, s) == (precision, scale),
        _ => false,
    }
}

impl Source for DeltaSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// The row group `start`.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        Ok(self.files[file as usize].opened.cut(start))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (input, file) = (&self.known.files()[unit.file as usize], &self.files[unit.file as usize]);
        input.ensure_unchanged()?;
        let (before, records) = (file.opened.rows_before(unit.start), file.opened.group_rows(unit.start));
        let (mut row, mut first) = (before, 0);
        let mut chunk = |arrays: &[(usize, &ArrayRef)], len: u32| {
            let batch = self.batch(unit.file, arrays, len as usize, projection)?;
            let batch = match file.deleted.kept(row, len) {
                None => batch,
                Some(kept) => filter_record_batch(&batch, &BooleanArray::new(kept, None)).map_err(|e| damaged(input, &e))?,
            };
            let len_left = batch.num_rows() as u32;
            row += u64::from(len);
            if len_left > 0 {
                each(Chunk { batch, rows: RowNumbers::Dense { first, len: len_left }, malformed: Vec::new() })?;
                first += len_left;
            }
            Ok(())
        };
        let roots = self.roots(file, projection);
        if roots.is_empty() {
            let step = if projection.columns.is_empty() { records.max(1) } else { self.batch_rows as u32 };
            for start in (0..records).step_by(step as usize) {
                chunk(&[], step.min(records - start))?;
            }
        } else {
            file.opened.read(input, unit.start, (&roots, projection.compact, self.batch_rows), &mut |arrays, len| {
                let held: Vec<(usize, &ArrayRef)> = roots.iter().copied().zip(arrays).collect();
                chunk(&held, len)
            })?;
        }
        Ok(UnitEnd { records: first, ..UnitEnd::default() })
    }

    fn digest(&self) -> Result<u128, Fault> {
        self.known.files().iter().try_for_each(InputFile::ensure_unchanged)?;
        Ok(self.digest)
    }
}
