//! Many small files of a table made few, in a commit of its own that changes no row. Each file says whose rows it holds, so
//! that every batch stays known as if it had its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use deltalake_core::kernel::{Action, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;

use super::add::add;
use super::append::conflict;
use super::name::COMPACTED;
use super::partition_values::PartitionValues;
use super::rewrite::FileRows;
use super::table::{DeltaStore, Table};
use crate::diagnostic::{Code, Fault};
use crate::store::RESERVED;
use crate::store::interface::Compact;
use crate::store::kill;
use crate::store::parquet::{Span, StagedFile};
use crate::types::places;

/// Others come first so often at most; then the next commit tries again.
const ATTEMPTS_MAX: usize = 3;

/// Batches whose rows are in one file, at most: its footer names each.
const BATCHES_MAX: usize = 1_000;

/// Makes few files of many where the policy says that it is time; gives whether it did.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn compact(store: &DeltaStore) -> Result<bool, Fault> {
    let Some(policy) = store.layout.compact else { return Ok(false) };
    for _ in 0..ATTEMPTS_MAX {
        let Some(table) = Table::open(store)? else { return Ok(false) };
        let due = due(&table.files()?, policy);
        if due.is_empty() {
            return Ok(false);
        }
        let (mut staged, mut actions) = (Vec::new(), Vec::new());
        for files in due {
            let (mut file, name) = merged(&table, &files)?;
            actions.extend(files.iter().map(|file| Action::Remove(file.remove_action(false))));
            let mut added = add(file.path(), name.clone())?;
            added.partition_values = files[0].partition_values_map();
            added.data_change = false;
            actions.push(Action::Add(added));
            file.place(&table.location.descend(&name))?;
            staged.push(file);
        }
        let rows = i64::try_from(policy.rows).unwrap_or(i64::MAX);
        match table.rewrite(actions, DeltaOperation::Optimize { predicate: None, target_size: rows }) {
            Ok(version) => {
                kill::step();
                super::log::sync_entry(table.location, version)?;
                super::log::sync_directories(table.location)?;
                kill::step();
                return Ok(true);
            }
            // Another gate or program came first, or the answer was lost: what is there is looked at again.
            Err(error) if conflict(&error).is_some() => staged.iter_mut().for_each(StagedFile::take_back),
            Err(error) => {
                // Whether the commit is there is not known, and then the files must be: VACUUM removes them if it is not.
                return Err(Fault::new(Code::Unwritable, format!("{}: cannot commit: {error}", table.location)));
            }
        }
    }
    Ok(false)
}

/// The files that shall become one, for each that shall be.
fn due(files: &[LogicalFileView], policy: Compact) -> Vec<Vec<LogicalFileView>> {
    let mut of_values: BTreeMap<PartitionValues, Vec<(u64, &LogicalFileView)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.deletion_vector_descriptor().is_none()) {
        if let Some(rows) = file.num_records().map(|rows| rows as u64).filter(|rows| *rows < policy.rows) {
            let mut values: Vec<_> = file.partition_values_map().into_iter().collect();
            values.sort();
            of_values.entry(values).or_default().push((rows, file));
        }
    }
    let mut due = Vec::new();
    for mut small in of_values.into_values() {
        small.sort_by_key(|(rows, file)| (*rows, file.modification_time(), file.path().into_owned()));
        let rows: Vec<u64> = small.iter().map(|(rows, _)| *rows).collect();
        let count = chosen(&rows, policy);
        if count > 0 {
            let mut files: Vec<LogicalFileView> = small[..count].iter().map(|(_, file)| (*file).clone()).collect();
            files.sort_by_key(|file| (file.modification_time(), file.path().into_owned()));
            due.push(files);
        }
    }
    due
}

/// How many of the smallest files, by their rows in order, shall become one: so many as the policy asks, and then each that
/// has no more rows than those before it together. So each row is written again about as often as the rows double. Files are of
/// one size here if the largest has no more rows than the others together.
fn chosen(rows: &[u64], policy: Compact) -> usize {
    let (least, mut count, mut sum) = (policy.files as usize, 0, 0_u64);
    for &rows in rows {
        let outgrows = count > 0 && rows > sum.max(LIKE_ROWS);
        if outgrows || sum + rows > policy.rows || count >= BATCHES_MAX {
            break;
        }
        sum += rows;
        count += 1;
    }
    if count >= least { count } else { 0 }
}

/// Files of so few rows are of one size.
const LIKE_ROWS: u64 = 1_000;

/// The rows of `files` in one file, and its name.
fn merged(table: &Table<'_>, files: &[LogicalFileView]) -> Result<(StagedFile, String), Fault> {
    let partitions = table.partition_columns()?;
    let is_written = |field: &&FieldRef| !partitions.iter().any(|partition| partition.name() == field.name());
    let fields: Vec<FieldRef> = table.terms.schema.fields().iter().filter(is_written).cloned().collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut merged = StagedFile::create(&table.location.join(RESERVED), &schema)?;
    let mut spans: Vec<Span> = Vec::new();
    let mut rows: Vec<FileRows> = Vec::with_capacity(files.len());
    for file in files {
        spans.extend(table.contents_of(file)?);
        rows.push(FileRows::open(table, &table.location.descend(&file.path()))?);
    }
    merged.append_rows(rows.into_iter().flatten().map(|batch| filled(&batch?, &schema)))?;
    merged.finish_spans(&spans)?;
    let path = files[0].path();
    let directory = path.rsplit_once('/').map_or(String::new(), |(directory, _)| format!("{directory}/"));
    let version = table.table.version().unwrap_or(0) + 1;
    let name = format!("{directory}{COMPACTED}{:032x}.{version}.parquet", merged.digest()?);
    Ok((merged, name))
}

/// The rows with all columns of `schema`; where they had none, there was no value.
fn filled(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Fault> {
    let own = batch.schema();
    let places = places(&own);
    let column = |field: &FieldRef| -> ArrayRef {
        let there = places.get(field.name().as_str()).map(|&place| batch.column(place).clone());
        there.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| Fault::new(Code::Unwritable, format!("cannot put rows together: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_written_again_as_often_as_the_rows_double() {
        let policy = Compact { files: 10, rows: 1_000_000 };
        let (mut files, mut written, batches) = (Vec::<u64>::new(), 0, 10_000);
        for _ in 0..batches {
            files.push(100);
            files.sort_unstable();
            let count = chosen(&files, policy);
            if count > 0 {
                let sum: u64 = files.drain(..count).sum();
                written += sum;
                files.push(sum);
            }
            assert!(files.len() < 40, "{} files", files.len());
        }
        // log2 of how often 10 files of 100 rows are in a million, and one more.
        let each = written / (batches * 100);
        assert!(each <= 11, "each row was written {each} times");
        assert_eq!(chosen(&[100; 9], policy), 0);
        assert_eq!(chosen(&[100; 10], policy), 10);
        assert_eq!(chosen(&[600_000; 10], policy), 0, "they would be too large together");
        assert_eq!(chosen(&[[100; 9].as_slice(), &[500_000]].concat(), policy), 0, "half a million rows for nine hundred");
    }
}
