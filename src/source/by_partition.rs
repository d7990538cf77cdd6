//! Rows that another system (Spark, Dask) holds in partitions: one of these is read where its rows are, once, and others judge.

use std::sync::{Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatchReader};
use arrow::datatypes::{DataType, SchemaRef};

use super::memory::head_digest;
use super::typed::ColumnLayout;
use super::{Chunk, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};
use crate::types::{is_text, places, type_name};

/// A number above this is a mistake: partitions are numbered without gaps.
const NUMBER_MAX: u32 = 1 << 24;

type Rows = Box<dyn RecordBatchReader + Send>;

/// Partitions read as one table: at most one of them can be read here.
pub(super) struct PartitionSource {
    known: Known,
    layout: ColumnLayout,
    here: Option<Partition>,
    batch_rows: usize,
}

/// The partition whose rows are here.
struct Partition {
    number: u32,
    /// By column of the schema, which one of the rows it is; none where it was left out.
    columns: Vec<Option<usize>>,
    /// None once they were read.
    rows: Mutex<Option<Rows>>,
}

impl PartitionSource {
    /// The rows of the partition `number`.
    ///
    /// # Errors
    /// A column is of a kind that cannot be judged, or not one of those of `schema`.
    pub(super) fn one(schema: &SchemaRef, number: u32, rows: Rows, options: &ReadOptions) -> Result<Self, Fault> {
        if number > NUMBER_MAX {
            let fault = Fault::new(Code::MalformedOption, format!("partition {number}: no number is above {NUMBER_MAX}"));
            return Err(fault.hint("number the partitions from 0, without gaps"));
        }
        let columns = columns_of(schema, &rows.schema(), number)?;
        let here = Partition { number, columns, rows: Mutex::new(Some(rows)) };
        Ok(Self { here: Some(here), ..Self::all(schema, options)? })
    }

    /// All of them, none of which is here.
    ///
    /// # Errors
    /// A column is of a kind that cannot be judged.
    pub(super) fn all(schema: &SchemaRef, options: &ReadOptions) -> Result<Self, Fault> {
        let layout = ColumnLayout::of(&["the data"], std::slice::from_ref(schema), options.missing_values.as_ref())?;
        let mut known = Known::in_partitions(layout.schema.clone());
        known.starts[0].digest = head_digest(&layout.schema);
        Ok(Self { known, layout, here: None, batch_rows: options.cut.batch_rows.max(1) })
    }
}

/// By column of `schema`, where it stands among the columns `there` of the partition `number`.
fn columns_of(schema: &SchemaRef, there: &SchemaRef, number: u32) -> Result<Vec<Option<usize>>, Fault> {
    let name = format!("partition {number}");
    let plain = |of: &SchemaRef| Ok::<_, Fault>(ColumnLayout::of(&[&name], std::slice::from_ref(of), None)?.schema);
    let (schema, there) = (plain(schema)?, plain(there)?);
    let differs = |what: String| Fault::new(Code::FilesDiffer, what).hint("the partitions of one data set have the same columns");
    let (ours, theirs) = (places(&schema), places(&there));
    for field in there.fields() {
        let Some(own) = ours.get(field.name().as_str()).map(|&place| schema.field(place)) else {
            return Err(differs(format!("{name} has a column `{}` that the others do not have", field.name())));
        };
        if !is_alike(own.data_type(), field.data_type()) {
            let (kind, own) = (type_name(field.data_type()), type_name(own.data_type()));
            return Err(differs(format!("{name} has `{}` {kind} where the others have it {own}", field.name())));
        }
    }
    Ok(schema.fields().iter().map(|field| theirs.get(field.name().as_str()).copied()).collect())
}

/// Whether values of the one type are those of the other, and only held or shown otherwise.
fn is_alike(a: &DataType, b: &DataType) -> bool {
    let is_binary = |t: &DataType| matches!(t, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    match (a, b) {
        _ if a == b || (is_text(a) && is_text(b)) || (is_binary(a) && is_binary(b)) => true,
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(other, Some(_))) => unit == other,
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && is_alike(a.data_type(), b.data_type()))
        }
        (DataType::List(a), DataType::List(b) | DataType::LargeList(b)) => is_alike(a.data_type(), b.data_type()),
        _ => false,
    }
}

impl Source for PartitionSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Partition `start`, as far as that which is here: those behind it are not known of.
    fn cut(&self, _: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let is_there = self.here.as_ref().is_some_and(|here| start <= u64::from(here.number));
        Ok(is_there.then_some(Piece { end: start + 1, bytes: 0, preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let Some(Partition { number, columns, rows }) = self.here.as_ref().filter(|here| here.number == unit.index) else {
            return Err(Fault::new(Code::Internal, format!("internal error: partition {} is not read here", unit.index)));
        };
        let there: Option<Vec<usize>> = projection.columns.iter().map(|&column| columns[column]).collect();
        let Some(there) = there else {
            let gone = projection.columns.iter().find(|&&column| columns[column].is_none()).map(|&column| self.schema_name(column));
            let what = format!("partition {number} lacks the column `{}`", gone.unwrap_or_default());
            return Err(Fault::new(Code::FilesDiffer, what).hint("the partitions of one data set have the same columns"));
        };
        let Some(rows) = rows.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Err(Fault::new(Code::Internal, format!("internal error: partition {number} is read twice from one stream")));
        };
        let mut first: u32 = 0;
        for batch in rows {
            let batch = batch.map_err(|e| Fault::new(Code::Unreadable, format!("partition {number} cannot be read: {e}")))?;
            for start in (0..batch.num_rows()).step_by(self.batch_rows) {
                let len = self.batch_rows.min(batch.num_rows() - start);
                let arrays: Vec<ArrayRef> = there.iter().map(|&column| batch.column(column).slice(start, len)).collect();
                let chunk = self.layout.batch(&arrays, len, projection);
                let chunk = chunk.map_err(|e| Fault::new(Code::Damaged, format!("partition {number}: {e}")))?;
                each(Chunk { batch: chunk, rows: RowNumbers::Dense { first, len: len as u32 }, malformed: Vec::new() })?;
                first = first.checked_add(len as u32).ok_or_else(|| too_long(*number))?;
            }
        }
        Ok(UnitEnd { records: first, ..UnitEnd::default() })
    }

    fn digest(&self) -> Result<u128, Fault> {
        let fault = Fault::new(Code::Unsupported, "the content of partitions is not digested");
        Err(fault.hint("give the batch a name: `batch_id`"))
    }
}

impl PartitionSource {
    fn schema_name(&self, column: usize) -> &str {
        self.known.schema.field(column).name()
    }
}

fn too_long(number: u32) -> Fault {
    Fault::new(Code::TooLarge, format!("partition {number} has more than {} rows", u32::MAX)).hint("cut the data into more partitions")
}
