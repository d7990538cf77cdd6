//! Arrow IPC, files and streams; record batches are read one by one, wherever they stand.
//!
//! A file's footer says where its messages are; those of a stream are found by walking their lengths.
//! Each is held against the file's end, since a damaged length may ask for any amount of memory.

mod footer;
mod lz4;
mod stream;
mod validity;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::FileDecoder;
use arrow::ipc::{Block, MetadataVersion, root_as_message};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::typed::{ColumnLayout, damaged, decoded};
use super::{Chunk, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};

const MAGIC: &[u8] = b"ARROW1";
const CONTINUATION: u32 = u32::MAX;
/// What a message's buffers may unpack to; a damaged length asks for more.
const UNPACKED_MAX: i64 = 1 << 32;

/// Arrow IPC files or streams read as one table.
#[derive(Debug)]
pub(super) struct ArrowSource {
    known: Known,
    messages: Vec<Messages>,
    layout: ColumnLayout,
    batch_rows: usize,
    unit_bytes: u64,
}

/// The messages of one file.
#[derive(Debug)]
struct Messages {
    schema: SchemaRef,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<BatchMessage>,
    /// Digest of the schema and the dictionaries.
    digest: u128,
}

#[derive(Debug)]
struct BatchMessage {
    block: Block,
    /// How many dictionary messages it may refer to: in a stream those before it, in a file all.
    dictionaries: usize,
}

impl BatchMessage {
    fn len(&self) -> u64 {
        self.block.metaDataLength() as u64 + self.block.bodyLength() as u64
    }
}

impl ArrowSource {
    /// Opens `files` and finds their messages.
    ///
    /// # Errors
    /// A file is not Arrow IPC, is damaged, or has other columns than the first.
    pub(super) fn open(files: Vec<InputFile>, options: &ReadOptions) -> Result<Self, Fault> {
        let walk = |file: &InputFile| {
            // The reader of flatbuffers may panic where they lie.
            catch_unwind(AssertUnwindSafe(|| Messages::of(file)))
                .unwrap_or_else(|_| Err(damaged(file, &"its messages contradict themselves")))
        };
        let messages = files.iter().map(walk).collect::<Result<Vec<_>, _>>()?;
        let schemas: Vec<SchemaRef> = messages.iter().map(|m| m.schema.clone()).collect();
        let layout = ColumnLayout::of_files(&files, &schemas, options.missing_values.as_ref())?;
        let mut known = Known::of_typed(Format::Arrow, layout.schema.clone(), files);
        for (start, messages) in known.starts.iter_mut().zip(&messages) {
            start.digest = xxh3_128(&messages.digest.to_le_bytes());
        }
        Ok(Self { known, messages, layout, batch_rows: options.cut.batch_rows, unit_bytes: options.cut.unit_bytes as u64 })
    }

    fn decode(
        &self,
        file: &InputFile,
        messages: &Messages,
        unit: &Unit,
        projection: &Projection,
    ) -> Result<(Vec<RecordBatch>, u128), Fault> {
        let batches = &messages.batches[unit.start as usize..unit.end as usize];
        let mut decoder = FileDecoder::new(messages.schema.clone(), messages.version);
        // For each column it searches the projection: all of them are had without one.
        if !projection.columns.iter().copied().eq(0..messages.schema.fields().len()) {
            decoder = decoder.with_projection(projection.columns.clone());
        }
        let mut ready = 0;
        let (mut decoded, mut digest) = (Vec::with_capacity(batches.len()), Xxh3Default::new());
        for batch in batches {
            for block in &messages.dictionaries[ready..batch.dictionaries] {
                decoder.read_dictionary(block, &bytes_of(file, &messages.schema, block)?).map_err(|e| damaged(file, &e))?;
            }
            ready = batch.dictionaries;
            let bytes = bytes_of(file, &messages.schema, &batch.block)?;
            digest.update(&bytes);
            let read = decoder.read_record_batch(&batch.block, &bytes).map_err(|e| damaged(file, &e))?;
            // Of a message of another kind the library gives nothing.
            decoded.push(read.ok_or_else(|| damaged(file, &"a message is not the record batch that should stand there"))?);
        }
        Ok((decoded, digest.digest128()))
    }
}

/// A message's bytes, once they agree with each other and what they promise to unpack to is within reason.
fn bytes_of(file: &InputFile, schema: &Schema, block: &Block) -> Result<Buffer, Fault> {
    let meta = block.metaDataLength() as usize;
    let bytes = file.read_at(block.offset() as u64, meta + block.bodyLength() as usize)?;
    let prefix = if bytes.starts_with(&CONTINUATION.to_le_bytes()) { 8 } else { 4 };
    let message = root_as_message(&bytes[prefix..meta]).map_err(|e| damaged(file, &e))?;
    let batch = message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch()?.data());
    if let Some(batch) = batch {
        let body = &bytes[meta..];
        for buffer in batch.buffers().iter().flatten() {
            let whole = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
            let part = whole.and_then(|(start, len)| body.get(start..start.checked_add(len)?));
            let part = part.ok_or_else(|| damaged(file, &"a buffer lies outside its message"))?;
            let unpacked = part.first_chunk::<8>().filter(|_| batch.compression().is_some()).map_or(0, |len| i64::from_le_bytes(*len));
            if !(-1..=UNPACKED_MAX).contains(&unpacked) {
                return Err(damaged(file, &format!("a buffer promises {unpacked} bytes")));
            }
        }
    }
    validity::agrees(schema, &message, &bytes[meta..]).map_err(|e| damaged(file, &e))?;
    Ok(Buffer::from(bytes))
}

impl Messages {
    fn of(file: &InputFile) -> Result<Self, Fault> {
        let head = file.read_at(0, file.bytes.min(8) as usize)?;
        let is_file = head.starts_with(MAGIC);
        if head.starts_with(b"FEA1") {
            return Err(damaged(file, &"it is of Feather's first version").hint("write it again as Arrow IPC"));
        }
        if is_file && (file.bytes < 18 || file.read_at(file.bytes - 6, 6)? != MAGIC) {
            return Err(damaged(file, &"its footer is missing").hint("it may be cut short"));
        }
        if is_file { footer::messages(file) } else { stream::messages(file) }
    }
}

/// The schema, if its numbers are in this machine's byte order.
fn read_schema(file: &InputFile, schema: arrow::ipc::Schema<'_>) -> Result<SchemaRef, Fault> {
    if !schema.endianness().equals_to_target_endianness() {
        return Err(Fault::new(Code::Unsupported, format!("{}: its numbers are in another byte order", file.path))
            .hint("write it again on a machine like this one"));
    }
    Ok(Arc::new(fb_to_schema(schema)))
}

fn cut_short(file: &InputFile) -> Fault {
    damaged(file, &"a message reaches beyond the end").hint("it may be cut short")
}

fn not_arrow(file: &InputFile, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Damaged, format!("{}: not Arrow IPC: {why}", file.path)).hint("it may be cut short, or of another format")
}

impl Source for ArrowSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Record batches `start..end`, as many as come to about [`super::Cut::unit_bytes`].
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let (mut end, mut bytes) = (start, 0);
        for batch in &self.messages[file as usize].batches[start as usize..] {
            if end > start && bytes >= self.unit_bytes {
                break;
            }
            bytes += batch.len();
            end += 1;
        }
        Ok((end > start).then_some(Piece { end, bytes, preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (file, messages) = (&self.known.files()[unit.file as usize], &self.messages[unit.file as usize]);
        let (batches, digest) = decoded(file, || self.decode(file, messages, unit, projection))??;
        let mut first = 0;
        for batch in batches {
            for start in (0..batch.num_rows()).step_by(self.batch_rows.max(1)) {
                let slice = batch.slice(start, self.batch_rows.max(1).min(batch.num_rows() - start));
                let len = slice.num_rows();
                let batch = self.layout.batch(slice.columns(), len, projection).map_err(|e| damaged(file, &e))?;
                each(Chunk { batch, rows: RowNumbers::Dense { first, len: len as u32 }, malformed: Vec::new() })?;
                first += len as u32;
            }
        }
        Ok(UnitEnd { records: first, digest: Some(digest), ..UnitEnd::default() })
    }
}
