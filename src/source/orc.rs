//! ORC files; a stripe is a unit.

mod times;
mod types;

use std::io::{self, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use orc_rust::array_decoder::NaiveStripeDecoder;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::ChunkReader;
use orc_rust::reader::metadata::{FileMetadata, read_metadata};
use orc_rust::schema::{ArrowSchemaOptions, TimestampPrecision};
use orc_rust::stripe::{Stripe, StripeMetadata};

use super::typed::{ColumnLayout, damaged, too_deep};
use super::{
    Chunk, ContractColumn, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd,
};
use crate::diagnostic::{Code, Fault};

/// ORC files read as one table.
pub(super) struct OrcSource {
    known: Known,
    files: Vec<OpenedFile>,
    layout: ColumnLayout,
    batch_rows: usize,
}

/// A file whose footer was read.
struct OpenedFile {
    footer: FileMetadata,
    /// What its columns are read as.
    schema: SchemaRef,
}

/// The bytes of a file, as the library asks for them.
struct Content<'a>(&'a InputFile);

impl ChunkReader for Content<'_> {
    type T = Cursor<Vec<u8>>;

    fn len(&self) -> u64 {
        self.0.bytes
    }

    fn get_read(&self, start: u64) -> io::Result<Self::T> {
        self.get_bytes(start, self.0.bytes.saturating_sub(start)).map(|bytes| Cursor::new(bytes.into()))
    }

    /// A damaged footer may ask for more than there is, or than memory has.
    fn get_bytes(&self, start: u64, len: u64) -> io::Result<Bytes> {
        let is_there = start.checked_add(len).is_some_and(|end| end <= self.0.bytes);
        let len = usize::try_from(len).ok().filter(|_| is_there).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0.read_at(start, len).map(Bytes::from).map_err(|fault| io::Error::other(fault.what))
    }
}

/// Runs what the library does, which may panic where a file is damaged.
fn caught<T, E: std::fmt::Display>(file: &InputFile, work: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|e| times::too_fine(file, &e.to_string()).unwrap_or_else(|| damaged(file, &e))),
        Err(_) => Err(damaged(file, &"it contradicts itself").hint(times::BEFORE_1970)),
    }
}

impl OrcSource {
    /// Opens `files` and reads their footers.
    ///
    /// # Errors
    /// A file is not ORC, is damaged, or has other columns than the first.
    pub(super) fn open(files: Vec<InputFile>, options: &ReadOptions, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let opened: Vec<OpenedFile> = files.iter().map(|file| OpenedFile::open(file, contract)).collect::<Result<_, _>>()?;
        let schemas: Vec<SchemaRef> = opened.iter().map(|file| file.schema.clone()).collect();
        let layout = ColumnLayout::of_files(&files, &schemas, options.missing_values.as_ref())?;
        let known = Known {
            rows: Some(opened.iter().map(|file| file.footer.number_of_rows()).sum()),
            digests_units: false,
            // A time may have more digits than it is read with: every run must see it.
            judged_columns: (0..layout.schema.fields().len()).filter(|&i| has_time(layout.schema.field(i).data_type())).collect(),
            ..Known::of_typed(Format::Orc, layout.schema.clone(), files)
        };
        Ok(Self { known, files: opened, layout, batch_rows: options.cut.batch_rows.max(1) })
    }
}

impl OpenedFile {
    fn open(file: &InputFile, contract: &[ContractColumn]) -> Result<Self, Fault> {
        match caught(file, || Ok::<_, Fault>(types::wrong(&Content(file))))? {
            None => {}
            Some(types::Wrong::Tangled) => return Err(damaged(file, &"its types are no tree: one lies in itself, or in two others")),
            Some(types::Wrong::TooDeep) => return Err(too_deep(file)),
        }
        let footer = caught(file, || read_metadata(&mut Content(file)))?;
        let rows = footer.stripe_metadatas().iter().map(|stripe| u32::try_from(stripe.number_of_rows()).ok().map(u64::from));
        let (rows, said) = (rows.sum::<Option<u64>>(), footer.number_of_rows());
        if rows != Some(said) {
            return Err(damaged(file, &format!("it promises {said} rows, and its stripes others")));
        }
        let options = ArrowSchemaOptions::new().with_timestamp_precision(TimestampPrecision::Microsecond);
        let schema = footer.root_data_type().create_arrow_schema_with_options(&std::collections::HashMap::new(), options);
        let asks_nanoseconds = |name: &str| {
            let asked = contract.iter().find(|c| c.name == name).and_then(|c| c.data_type.as_ref());
            matches!(asked, Some(DataType::Timestamp(TimeUnit::Nanosecond, _)))
        };
        let field = |field: &FieldRef| match field.data_type() {
            DataType::Timestamp(_, zone) if asks_nanoseconds(field.name()) => {
                Arc::new(Field::new(field.name(), DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()), true))
            }
            _ => field.clone(),
        };
        let fields: Fields = schema.fields().iter().map(field).collect();
        if let Some(field) = fields.iter().find(|field| has_impossible_decimal(field.data_type())) {
            let what = format!("{}: `{}` is a decimal of more than 38 digits, or of none", file.path, field.name());
            return Err(Fault::new(Code::UnsupportedType, what).hint("leave the column out, or write it as another type"));
        }
        Ok(Self { footer, schema: Arc::new(Schema::new(fields)) })
    }

    fn stripe(&self, at: u64) -> Option<&StripeMetadata> {
        self.footer.stripe_metadatas().get(at as usize)
    }

    /// Reads the columns `columns`, at least one and ascending, of a stripe.
    fn decoder(&self, file: &InputFile, stripe: &StripeMetadata, columns: &[usize], rows: usize) -> Result<NaiveStripeDecoder, Fault> {
        let root = self.footer.root_data_type();
        let indices = columns.iter().map(|&column| root.children()[column].data_type().column_index());
        let projected = root.project(&ProjectionMask::roots(root, indices));
        let schema = Arc::new(self.schema.project(columns).map_err(|e| damaged(file, &e))?);
        caught(file, || {
            let stripe = Stripe::new(&mut Content(file), &self.footer, &projected, stripe)?;
            NaiveStripeDecoder::new(stripe, schema, rows)
        })
    }

    /// How the counts of values differ from what the stripe says of them, if they do.
    fn contradiction(&self, stripe: &StripeMetadata, columns: &[usize], held: &[u64]) -> Option<String> {
        let children = self.footer.root_data_type().children();
        columns.iter().zip(held).find_map(|(&column, &held)| {
            let child = &children[column];
            let statistics = stripe.column_statistics().get(child.data_type().column_index())?;
            // Without statistics of values, the count may be one that nobody wrote.
            let said = statistics.number_of_values();
            let is_said = said > 0 || statistics.has_null();
            (is_said && said != held).then(|| format!("`{}` promises {said} values in a stripe and holds {held}", child.name()))
        })
    }
}

impl OpenedFile {
    /// Refuses times that the stripe's statistics show to be misread.
    fn times_fit(&self, file: &InputFile, stripe: &StripeMetadata, columns: &[usize], last: &[Option<i64>]) -> Result<(), Fault> {
        let children = self.footer.root_data_type().children();
        for (&column, last) in columns.iter().zip(last) {
            let Some(last) = *last else { continue };
            let child = &children[column];
            let statistics = stripe.column_statistics().get(child.data_type().column_index()).and_then(|s| s.type_statistics());
            let is_fine = matches!(self.schema.field(column).data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _));
            if !times::fit(statistics, last, is_fine) {
                return Err(
                    damaged(file, &format!("`{}` has times that contradict what its stripe says", child.name())).hint(times::BEFORE_1970)
                );
            }
        }
        Ok(())
    }
}

fn has_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(..) => true,
        DataType::List(item) | DataType::Map(item, _) => has_time(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_time(field.data_type())),
        _ => false,
    }
}

fn has_impossible_decimal(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, scale) => !(1..=38).contains(precision) || *scale < 0 || *scale as u8 > *precision,
        DataType::List(item) | DataType::Map(item, _) => has_impossible_decimal(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_impossible_decimal(field.data_type())),
        _ => false,
    }
}

impl Source for OrcSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// The stripe `start`.
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let stripe = self.files[file as usize].stripe(start);
        Ok(stripe.map(|stripe| Piece { end: start + 1, bytes: stripe.data_length(), preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (file, opened) = (&self.known.files()[unit.file as usize], &self.files[unit.file as usize]);
        file.ensure_unchanged()?;
        let stripe = opened.stripe(unit.start).ok_or_else(|| Fault::new(Code::Internal, "a unit that is none of this source"))?;
        let records = stripe.number_of_rows() as u32;
        let mut chunk = |arrays: &[ArrayRef], first: u32, len: u32| {
            let batch = self.layout.batch(arrays, len as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len }, malformed: Vec::new() })
        };
        let columns = &projection.columns;
        if columns.is_empty() {
            chunk(&[], 0, records)?;
            return Ok(UnitEnd { records, ..UnitEnd::default() });
        }
        let mut decoder = opened.decoder(file, stripe, columns, self.batch_rows)?;
        let (mut first, mut held, mut last_times) = (0, vec![0; columns.len()], vec![None; columns.len()]);
        while let Some(batch) = caught(file, || decoder.next().transpose())? {
            let batch: RecordBatch = batch;
            let len = batch.num_rows() as u32;
            if batch.num_columns() != columns.len() {
                return Err(damaged(file, &"columns of a stripe end before their rows do"));
            }
            held.iter_mut().zip(batch.columns()).for_each(|(held, array)| *held += (array.len() - array.null_count()) as u64);
            last_times.iter_mut().zip(batch.columns()).for_each(|(last, array)| *last = (*last).max(times::last(array)));
            chunk(batch.columns(), first, len)?;
            first += len;
        }
        if first != records {
            return Err(damaged(file, &format!("a stripe promises {records} rows and holds {first}")));
        }
        if let Some(contradiction) = opened.contradiction(stripe, columns, &held) {
            return Err(damaged(file, &contradiction));
        }
        opened.times_fit(file, stripe, columns, &last_times)?;
        Ok(UnitEnd { records, ..UnitEnd::default() })
    }
}
