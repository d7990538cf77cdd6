//! Rows of a stream that come once: held in memory as far as that goes, else written to a file and read again from there.

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;

use super::arrow_ipc::ArrowSource;
use super::file::InputFile;
use super::memory::{self, RowDigest};
use super::{Known, Piece, Preread, Projection, ReadOptions, Source, Spool, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};

/// What was read of a stream.
pub(super) enum Streamed {
    Held(SchemaRef, Vec<RecordBatch>),
    Spooled(Box<SpooledSource>),
}

/// Reads the stream to its end. What is more than `memory` bytes goes to `spool`.
///
/// # Errors
/// The stream fails, or cannot be written down.
pub(super) fn read(
    reader: Box<dyn RecordBatchReader + Send>,
    options: &ReadOptions,
    spool: &Spool,
    memory: u64,
) -> Result<Streamed, Fault> {
    let schema = reader.schema();
    let (mut reader, mut held, mut bytes) = (reader.map(|batch| batch.map_err(|e| failed(&e))), Vec::new(), 0);
    for batch in reader.by_ref() {
        let batch = batch?;
        bytes += measured(&batch);
        held.push(batch);
        if bytes > memory {
            return SpooledSource::of(&schema, held, &mut reader, options, spool).map(|source| Streamed::Spooled(Box::new(source)));
        }
    }
    Ok(Streamed::Held(schema, held))
}

fn measured(batch: &RecordBatch) -> u64 {
    memory::bytes_of_rows(batch, 0, memory::every(batch.num_rows()))
}

fn failed(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Unreadable, format!("cannot read the batches: {error}"))
}

/// A file that holds the rows of a stream: people know them by their number, and nothing of the file.
pub(super) struct SpooledSource {
    file: ArrowSource,
    known: Known,
}

impl SpooledSource {
    fn of(
        schema: &SchemaRef,
        held: Vec<RecordBatch>,
        rest: &mut dyn Iterator<Item = Result<RecordBatch, Fault>>,
        options: &ReadOptions,
        spool: &Spool,
    ) -> Result<Self, Fault> {
        let cannot = |e: &dyn std::fmt::Display| Fault::new(Code::ScratchFailed, format!("the rows of the stream cannot be kept: {e}"));
        let (path, file) = spool.create()?;
        let mut writer = FileWriter::try_new(file, schema).map_err(|e| cannot(&e))?;
        let (mut rows, mut bytes) = (0, 0);
        for batch in held.into_iter().map(Ok).chain(rest) {
            let batch = batch?;
            (rows, bytes) = (rows + batch.num_rows() as u64, bytes + measured(&batch));
            writer.write(&batch).map_err(|e| cannot(&e))?;
        }
        writer.finish().map_err(|e| cannot(&e))?;
        drop(writer);
        let file = ArrowSource::open(vec![InputFile::stat(&path.to_string_lossy())?], options)?;
        let known = Known::in_memory(file.known().schema.clone(), rows, bytes);
        let (starts, rereading) = (file.known().starts.clone(), file.known().rereading);
        Ok(Self { known: Known { starts, rereading, ..known }, file })
    }
}

impl Source for SpooledSource {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.file.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        self.file.read(unit, preread, projection, each)
    }

    /// The same as of rows in memory.
    fn digest(&self) -> Result<u128, Fault> {
        let mut digest = RowDigest::new(&self.known.schema, self.known.rows.unwrap_or(0));
        let projection = Projection::new(&self.known.schema, (0..self.known.schema.fields().len()).collect());
        let mut unit = None;
        while let Some((next, preread)) = (self as &dyn Source).next_unit(unit.as_ref())? {
            self.read(&next, preread, &projection, &mut |chunk| digest.update(&chunk.batch))?;
            unit = Some(next);
        }
        Ok(digest.finish())
    }
}
