//! A batch's file divided by the values of a table's partition columns: one file each.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::partition_values::{PartitionValues, written};
use crate::diagnostic::{Code, Fault};
use crate::store::location::Location;
use crate::store::parquet::{GroupEncoder, StagedFile};
use crate::store::stamp::Stamp;

/// Different values that a batch may have: each is a file that is open until the batch is committed.
pub(super) const PARTITIONS_MAX: usize = 500;

/// Files that are written at a time.
const OPEN_MAX: usize = 64;

/// Rows that wait in these files may take so many bytes; then the largest row group is ended.
const BYTES_MAX: usize = 256 << 20;

/// A file of rows that have the same values in the partition columns.
pub(super) struct Part {
    pub values: PartitionValues,
    pub file: StagedFile,
}

/// Divides the finished file `whole` by the columns `by`, in the order in which their values come; the parts are written in
/// `directory`.
///
/// # Errors
/// A file cannot be read or written, there are too many values, or one cannot be written in a table's log.
pub(super) fn divide(
    whole: &StagedFile,
    directory: &Location,
    schema: &SchemaRef,
    by: &[FieldRef],
    (stamp, replays): (&Stamp, &[String]),
) -> Result<Vec<Part>, Fault> {
    let plan = Plan::of(whole, by)?;
    let rest: Vec<usize> = (0..schema.fields().len()).filter(|&i| !by.iter().any(|field| field.name() == schema.field(i).name())).collect();
    let written = SchemaRef::new(schema.project(&rest).map_err(|e| cannot(&e))?);
    let mut parts = Vec::with_capacity(plan.values.len());
    for first in (0..plan.values.len()).step_by(OPEN_MAX) {
        let end = (first + OPEN_MAX).min(plan.values.len());
        let open = (first..end).map(|_| OpenPart::new(directory, &written)).collect::<Result<_, _>>()?;
        let open = plan.fill(whole, first, open, &rest)?;
        for (values, open) in plan.values[first..end].iter().zip(open) {
            parts.push(Part { values: values.clone(), file: open.finish(stamp, replays)? });
        }
    }
    Ok(parts)
}

fn cannot(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unwritable, format!("cannot divide the batch by its partition columns: {error}"))
}

/// Which row goes into which part.
struct Plan {
    values: Vec<PartitionValues>,
    /// The part of each row.
    parts: Vec<u32>,
    /// Those of each row group.
    groups: Vec<BTreeSet<u32>>,
}

impl Plan {
    fn of(whole: &StagedFile, by: &[FieldRef]) -> Result<Self, Fault> {
        let converter =
            RowConverter::new(by.iter().map(|field| SortField::new(field.data_type().clone())).collect()).map_err(|e| cannot(&e))?;
        let (mut known, mut plan) = (HashMap::<OwnedRow, u32>::new(), Self { values: Vec::new(), parts: Vec::new(), groups: Vec::new() });
        for group in 0.. {
            let Some(reader) = group_reader(whole, group, Some(by))? else { break };
            let mut here = BTreeSet::new();
            for batch in reader {
                let batch = batch.map_err(|e| cannot(&e))?;
                let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
                    Some(column) => column.clone(),
                    None => new_null_array(field.data_type(), batch.num_rows()),
                };
                let columns: Vec<ArrayRef> = by.iter().map(column).collect();
                let rows = converter.convert_columns(&columns).map_err(|e| cannot(&e))?;
                let mut last: Option<(usize, u32)> = None;
                for at in 0..batch.num_rows() {
                    let part = match last {
                        // Rows of a day come together, as a rule.
                        Some((before, part)) if rows.row(before) == rows.row(at) => part,
                        Some(_) | None => match known.get(&rows.row(at).owned()) {
                            Some(part) => *part,
                            None => {
                                let part = plan.begin(by, &columns, at)?;
                                known.insert(rows.row(at).owned(), part);
                                part
                            }
                        },
                    };
                    last = Some((at, part));
                    here.insert(part);
                    plan.parts.push(part);
                }
            }
            plan.groups.push(here);
        }
        Ok(plan)
    }

    /// A part for values that were not seen before.
    fn begin(&mut self, by: &[FieldRef], columns: &[ArrayRef], row: usize) -> Result<u32, Fault> {
        if self.values.len() == PARTITIONS_MAX {
            let names = by.iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ");
            let what = format!("the batch has more than {PARTITIONS_MAX} values of {names}, by which the table is partitioned");
            return Err(Fault::new(Code::UnfitDestination, what).hint(
                "nothing was published; cut the batch, or partition by what has fewer values: a day or a month, not a time or a key",
            ));
        }
        let values = by.iter().zip(columns).map(|(field, column)| Ok((field.name().clone(), written(column, row, field.name())?)));
        self.values.push(values.collect::<Result<_, Fault>>()?);
        Ok(self.values.len() as u32 - 1)
    }

    /// Writes the rows of the parts from `first` on into `open`, without the partition columns.
    fn fill(&self, whole: &StagedFile, first: usize, mut open: Vec<OpenPart>, rest: &[usize]) -> Result<Vec<OpenPart>, Fault> {
        let wanted = first as u32..(first + open.len()) as u32;
        let mut begin = 0;
        for (group, here) in self.groups.iter().enumerate() {
            let Some(reader) = group_reader(whole, group, None)? else { break };
            if here.range(wanted.clone()).next().is_none() {
                begin += reader_rows(whole, group)?;
                continue;
            }
            for batch in reader {
                let batch = batch.map_err(|e| cannot(&e))?;
                let mut rows = vec![Vec::new(); open.len()];
                for (row, part) in self.parts[begin..begin + batch.num_rows()].iter().enumerate().filter(|(_, part)| wanted.contains(part))
                {
                    rows[*part as usize - first].push(row as u32);
                }
                begin += batch.num_rows();
                let batch = batch.project(rest).map_err(|e| cannot(&e))?;
                for (open, rows) in open.iter_mut().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
                    open.add(&take_record_batch(&batch, &UInt32Array::from(rows)).map_err(|e| cannot(&e))?)?;
                }
                if open.iter().map(|open| open.group.bytes()).sum::<usize>() > BYTES_MAX
                    && let Some(largest) = open.iter_mut().max_by_key(|open| open.group.bytes())
                {
                    largest.end_group()?;
                }
            }
        }
        Ok(open)
    }
}

/// Row group `group` of the finished file, of all columns or of those `of`; none if it has not so many.
fn group_reader(whole: &StagedFile, group: usize, of: Option<&[FieldRef]>) -> Result<Option<ParquetRecordBatchReader>, Fault> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(whole.readable()?).map_err(|e| cannot(&e))?;
    if group >= builder.metadata().num_row_groups() {
        return Ok(None);
    }
    let builder = match of {
        None => builder,
        Some(of) => {
            let roots: Vec<usize> = of.iter().filter_map(|field| builder.schema().index_of(field.name()).ok()).collect();
            let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
            builder.with_projection(mask)
        }
    };
    builder.with_row_groups(vec![group]).build().map(Some).map_err(|e| cannot(&e))
}

fn reader_rows(whole: &StagedFile, group: usize) -> Result<usize, Fault> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(whole.readable()?).map_err(|e| cannot(&e))?;
    Ok(builder.metadata().row_group(group).num_rows() as usize)
}

/// A part being written.
struct OpenPart {
    file: StagedFile,
    group: GroupEncoder,
}

impl OpenPart {
    /// Rows of a row group.
    const GROUP_ROWS: u64 = 1 << 20;

    fn new(directory: &Location, schema: &SchemaRef) -> Result<Self, Fault> {
        let file = StagedFile::create(directory, schema)?;
        let group = file.encoder().group();
        Ok(Self { file, group })
    }

    fn add(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        self.group.add(rows)?;
        if self.group.rows() >= Self::GROUP_ROWS { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), Fault> {
        let next = self.file.encoder().group();
        self.file.append(std::mem::replace(&mut self.group, next).end()?)
    }

    fn finish(mut self, stamp: &Stamp, replays: &[String]) -> Result<StagedFile, Fault> {
        if self.group.rows() > 0 {
            self.file.append(self.group.end()?)?;
        }
        self.file.finish(stamp, replays)?;
        Ok(self.file)
    }
}

/// The columns of `names` in `schema`; a table needs another one beside them.
///
/// # Errors
/// One is not there, or there is no other.
pub(super) fn columns(names: &[String], schema: &Schema, place: &str) -> Result<Vec<FieldRef>, Fault> {
    let column = |name: &String| {
        let there = schema.fields().iter().find(|field| field.name() == name).cloned();
        there.ok_or_else(|| {
            let fault = Fault::new(Code::UnknownColumn, format!("{place}: there is no column `{name}` to partition by"));
            fault.hint_nearest(name, schema.fields().iter().map(|field| field.name().as_str()))
        })
    };
    let columns: Vec<FieldRef> = names.iter().map(column).collect::<Result<_, _>>()?;
    if !columns.is_empty() && schema.fields().len() <= columns.len() {
        let what = format!("{place}: every column is one to partition by, and a table needs another beside them");
        return Err(Fault::new(Code::UnfitDestination, what).hint("partition by fewer columns"));
    }
    Ok(columns)
}
