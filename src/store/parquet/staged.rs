//! A Parquet file on its way: row groups appended in order, made durable, renamed.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use xxhash_rust::xxh3::Xxh3Default;

use super::groups::{EncodedGroup, GroupsEncoder};
use super::metadata::{DONE, PARTIAL, POSITIONS, REPLAYS, footer_digest};
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Access};
use crate::remote::{Readable, Remote};
use crate::store::durable::{Staged, cannot_write, cannot_write_at, make_directory, not_durable, stage};
use crate::store::kill;
use crate::store::location::{Location, parent};
use crate::store::position::Position;
use crate::store::stamp::{ReplayedRows, Stamp};

/// A Parquet file being written beside its destination, or on this machine for a store elsewhere; removed if it is
/// dropped before it is in its place.
pub(in crate::store) struct StagedFile {
    path: PathBuf,
    /// Holds the lock that says that this file is being worked on.
    _alive: File,
    writer: Option<SerializedFileWriter<BufWriter<File>>>,
    encoder: GroupsEncoder,
    rows: u64,
    renamed: bool,
    /// A digest of the finished file, once it was asked for.
    digest: OnceCell<u128>,
    /// Where it was sent.
    sent: Option<Remote>,
    /// Directories that were made for it, the innermost first.
    made: Vec<PathBuf>,
    own_name: Option<String>,
}

impl StagedFile {
    /// Begins a file for rows of the columns `schema` that will go to `directory`.
    ///
    /// # Errors
    /// The place cannot be written, or a type cannot be written as Parquet.
    pub(crate) fn create(directory: &Location, schema: &SchemaRef) -> Result<Self, Fault> {
        if schema.fields().is_empty() {
            return Err(Fault::new(Code::Empty, "there are no columns to write").hint("a table needs at least one"));
        }
        let Staged { path, file, made, own_name } = match directory {
            Location::Local(path) => stage(path, Access::Umask),
            // In a directory that others share.
            Location::Remote(remote) => stage(remote.staging(), Access::Private),
        }?;
        let level = ZstdLevel::try_new(1).expect("level 1 is one of zstd's");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            // Types that Parquet lacks are written as the nearest it has, a day in milliseconds as a day.
            .set_coerce_types(true)
            .set_created_by(concat!("sluicegate ", env!("CARGO_PKG_VERSION")).to_owned());
        let begun = file.try_clone().map_err(ParquetError::from).and_then(|alive| {
            let writer = ArrowWriter::try_new(BufWriter::with_capacity(1 << 20, file), schema.clone(), Some(properties.clone().build()))?;
            let (writer, factory) = writer.into_serialized_writer()?;
            Ok((alive, writer, GroupsEncoder::new(factory, schema.clone(), properties)?))
        });
        match begun {
            Ok((alive, writer, encoder)) => Ok(Self {
                path,
                _alive: alive,
                writer: Some(writer),
                encoder,
                rows: 0,
                renamed: false,
                digest: OnceCell::new(),
                sent: None,
                made,
                own_name,
            }),
            Err(error) => {
                files::discard(&path);
                Err(Fault::new(Code::UnsupportedType, format!("cannot write these columns as Parquet: {error}")))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells this gate's files from those of others that cannot be waited for; none where they can.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.own_name.as_deref()
    }

    /// How many rows were appended.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn encoder(&self) -> GroupsEncoder {
        self.encoder.clone()
    }

    /// Appends a row group.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn append(&mut self, group: EncodedGroup) -> Result<(), Fault> {
        self.rows += group.rows;
        kill::step();
        self.with_writer(|writer| {
            let mut row_group = writer.next_row_group()?;
            for column in group.columns {
                column.append_to_row_group(&mut row_group)?;
            }
            row_group.close().map(|_| ())
        })
    }

    /// Appends row group `index` of the finished file `source`, byte for byte.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn append_copy(&mut self, source: &Readable, index: usize) -> Result<(), Fault> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load(source, options).map_err(|e| cannot_write(&self.path, &io_error(e)))?;
        let metadata = footer.metadata();
        // The writer keeps page indexes for all row groups or for none, and breaks on anything else.
        let indexed = metadata.offset_index().and_then(|groups| groups.get(index)).map_or(0, Vec::len);
        if indexed != metadata.row_group(index).num_columns() {
            let fault = Fault::new(Code::NotReplayable, "another program has rewritten the published file, and left no index of its pages");
            return Err(fault.hint("nothing was changed; gate the batch again with `--supersede`"));
        }
        let mut copied = 0;
        let done = self.with_writer(|writer| {
            copied = metadata.row_group(index).num_rows() as u64;
            let mut row_group = writer.next_row_group()?;
            for (i, column) in metadata.row_group(index).columns().iter().enumerate() {
                let close = ColumnCloseResult {
                    bytes_written: column.compressed_size() as u64,
                    rows_written: metadata.row_group(index).num_rows() as u64,
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: metadata.column_index().and_then(|c| c.get(index)?.get(i)).cloned(),
                    offset_index: metadata.offset_index().and_then(|o| o.get(index)?.get(i)).cloned(),
                };
                row_group.append_column(source, close)?;
            }
            row_group.close().map(|_| ())
        });
        self.rows += copied;
        done
    }

    /// This file, to be read back.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn readable(&self) -> Result<Readable, Fault> {
        files::open(&self.path).map(Readable::from).map_err(|e| cannot_write(&self.path, &e))
    }

    /// Reads row group `index` of this finished file.
    ///
    /// # Errors
    /// The file cannot be read back.
    pub(crate) fn read_group(&self, index: usize) -> Result<Vec<RecordBatch>, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unreadable, format!("{}: cannot read back: {e}", self.path.display()));
        let file = files::open(&self.path).map_err(|e| failed(&e))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
        let reader = reader.with_row_groups(vec![index]).build().map_err(|e| failed(&e))?;
        reader.collect::<Result<_, _>>().map_err(|e| failed(&e))
    }

    /// What was brought to its place is nobody's yet: it goes with this file, unless it is brought to another.
    pub(crate) fn take_back(&mut self) {
        self.renamed = false;
    }

    /// Writes the footer, without a word of whose rows these are, and makes the file durable.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish_plain(&mut self) -> Result<(), Fault> {
        self.close()
    }

    /// Writes the footer, with `stamp` in it and the digests of the replays that brought some of the rows, and makes the file
    /// durable.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish(&mut self, stamp: &Stamp, replays: &[String]) -> Result<(), Fault> {
        self.with_writer(|writer| {
            for (key, value) in stamp.entries() {
                writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
            }
            if !replays.is_empty() {
                writer.append_key_value_metadata(KeyValue::new(REPLAYS.to_owned(), replays.join(" ")));
            }
            Ok(())
        })?;
        self.close()
    }

    /// The same, of rows that are left of a batch since others took the place of some.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish_partial(&mut self, stamp: &Stamp, replays: &[String]) -> Result<(), Fault> {
        self.say(PARTIAL, "true".to_owned())?;
        self.finish(stamp, replays)
    }

    /// The same, of a part of the quarantine, with what the replays took out of it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish_without(&mut self, stamp: &Stamp, replays: &[String], done: &[ReplayedRows]) -> Result<(), Fault> {
        if !done.is_empty() {
            self.say(DONE, ReplayedRows::written(done))?;
        }
        self.finish(stamp, replays)
    }

    /// Says what the batch moves on that these rows are of, and in which table.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn say_positions(&mut self, table: &str, positions: &[Position]) -> Result<(), Fault> {
        if positions.is_empty() { Ok(()) } else { self.say(POSITIONS, format!("{table}\n{}", Position::written(positions))) }
    }

    pub(super) fn say(&mut self, key: &str, value: String) -> Result<(), Fault> {
        self.with_writer(|writer| {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
            Ok(())
        })
    }

    /// A digest of the finished file's bytes.
    ///
    /// # Errors
    /// It cannot be read back.
    pub(crate) fn digest(&self) -> Result<u128, Fault> {
        if let Some(digest) = self.digest.get() {
            return Ok(*digest);
        }
        let digest = || {
            let (mut file, mut digest, mut buffer) = (files::open(&self.path)?, Xxh3Default::new(), vec![0; 1 << 20]);
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(digest.digest128()),
                    read => digest.update(&buffer[..read]),
                }
            }
        };
        let digest = digest().map_err(|e: io::Error| cannot_write(&self.path, &e))?;
        Ok(*self.digest.get_or_init(|| digest))
    }

    /// A digest of the finished file's footer, which says where each value stands.
    ///
    /// # Errors
    /// It cannot be read back.
    pub(crate) fn footer_digest(&self) -> Result<String, Fault> {
        footer_digest(&self.readable()?).map_err(|e| cannot_write(&self.path, &io_error(e)))
    }

    /// When the finished file was written, in milliseconds since 1970, by the file system's clock.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(crate) fn written(&self) -> Result<i64, Fault> {
        milliseconds(&self.path).map_err(|e| cannot_write(&self.path, &e))
    }

    /// How many rows the finished file holds, as its footer says.
    ///
    /// # Errors
    /// It cannot be read back.
    pub(crate) fn rows_written(&self) -> Result<u64, Fault> {
        let reader = SerializedFileReader::new(self.readable()?);
        let reader = reader.map_err(|e| Fault::new(Code::Unreadable, format!("{}: cannot read back: {e}", self.path.display())))?;
        Ok(reader.metadata().row_groups().iter().map(|group| group.num_rows().unsigned_abs()).sum())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let closed = writer.into_inner().map_err(io_error).and_then(|mut buffer| {
            buffer.flush()?;
            kill::step();
            buffer.get_ref().sync_all()
        });
        kill::step();
        closed.map_err(|e| cannot_write(&self.path, &e))
    }

    /// Brings the finished file to its place, durably. It can be brought to another again.
    ///
    /// # Errors
    /// The place cannot be written.
    pub(crate) fn place(&mut self, at: &Location) -> Result<(), Fault> {
        let placed = match at {
            // After a conflict a commit is tried again, often with the file where it was.
            Location::Remote(remote) if self.sent.as_ref() == Some(remote) => return Ok(()),
            Location::Remote(remote) => remote.receive(&self.path).map(|()| self.sent = Some(remote.clone())),
            Location::Local(path) => make_directory(parent(path)).and_then(|()| fs::rename(&self.path, path)),
        };
        placed.map_err(|e| cannot_write_at(at, &e))?;
        if let Location::Local(path) = at {
            self.path.clone_from(path);
            self.renamed = true;
            kill::step();
            files::sync_directory(parent(path)).map_err(|e| not_durable(at, &e))?;
        }
        kill::step();
        Ok(())
    }

    fn with_writer(&mut self, f: impl FnOnce(&mut SerializedFileWriter<BufWriter<File>>) -> Result<(), ParquetError>) -> Result<(), Fault> {
        let writer = self.writer.as_mut().expect("nothing is appended after the footer");
        f(writer).map_err(|e| cannot_write(&self.path, &io_error(e)))
    }
}

/// When the file was written, in milliseconds since 1970.
pub(in crate::store) fn milliseconds(path: &Path) -> io::Result<i64> {
    let modified = path.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(modified.as_millis()).unwrap_or(i64::MAX))
}

/// The error of the file beneath, if there is one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => inner.downcast::<io::Error>().map_or_else(io::Error::other, |io| *io),
        other => io::Error::other(other),
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed is hidden from readers and recognised by its name.
            files::discard(&self.path);
            for directory in &self.made {
                // Nothing came of it; it stays if another gate has put something there.
                files::discard_empty_directory(directory);
            }
        }
    }
}
