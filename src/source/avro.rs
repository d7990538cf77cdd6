//! Avro object container files; a unit is some of a file's blocks.

mod avro_type;
mod codec;
mod records;

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::datatypes::SchemaRef;
use arrow_avro::compression::CompressionCodec;
use arrow_avro::reader::ReaderBuilder;
use xxhash_rust::xxh3::xxh3_128;

use self::avro_type::AvroType;
pub(super) use self::records::WriterSchema;
use super::typed::{ColumnLayout, damaged, decoded};
use super::{Chunk, Format, InputFile, Known, Piece, Preread, Projection, ReadOptions, RowNumbers, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};

/// A file's header holds its schema; a longer one is refused.
const HEADER_BYTES_MAX: u64 = 16 << 20;

/// Avro files read as one table.
#[derive(Debug)]
pub(super) struct AvroSource {
    known: Known,
    containers: Vec<Container>,
    layout: ColumnLayout,
    batch_rows: usize,
    unit_bytes: u64,
}

/// The header and the blocks of one file.
#[derive(Debug)]
struct Container {
    header: Vec<u8>,
    /// The same of a file that is not compressed.
    plain_header: Vec<u8>,
    sync: [u8; 16],
    codec: Option<CompressionCodec>,
    record_type: AvroType,
    schema: SchemaRef,
    blocks: Vec<AvroBlock>,
}

#[derive(Debug)]
struct AvroBlock {
    start: u64,
    end: u64,
    records: u64,
}

impl AvroSource {
    /// Opens `files`: reads their headers and finds their blocks.
    ///
    /// # Errors
    /// A file is not Avro, is damaged, or has other columns than the first.
    pub(super) fn open(files: Vec<InputFile>, options: &ReadOptions) -> Result<Self, Fault> {
        let containers = files.iter().map(Container::of).collect::<Result<Vec<_>, _>>()?;
        let schemas: Vec<SchemaRef> = containers.iter().map(|c| c.schema.clone()).collect();
        let layout = ColumnLayout::of_files(&files, &schemas, options.missing_values.as_ref())?;
        let mut known = Known::of_typed(Format::Avro, layout.schema.clone(), files);
        for (start, container) in known.starts.iter_mut().zip(&containers) {
            // The sync marker at the header's end is random; two files of the same rows differ in it.
            start.digest = xxh3_128(&container.header[..container.header.len().saturating_sub(16)]);
        }
        Ok(Self { known, containers, layout, batch_rows: options.cut.batch_rows, unit_bytes: options.cut.unit_bytes as u64 })
    }
}

impl Container {
    fn of(file: &InputFile) -> Result<Self, Fault> {
        let not_avro = |why: &dyn std::fmt::Display| {
            Fault::new(Code::Damaged, format!("{}: not Avro: {why}", file.path)).hint("it may be cut short, or of another format")
        };
        let head = file.read_at(0, file.bytes.min(HEADER_BYTES_MAX) as usize)?;
        let read = || {
            let info = arrow_avro::reader::read_header_info(Cursor::new(&head)).map_err(|e| not_avro(&e))?;
            let header = head.get(..info.header_len() as usize).ok_or_else(|| not_avro(&"its header is cut short"))?.to_vec();
            let json = info.writer_schema().map_err(|e| not_avro(&e))?.json_string;
            let record_type = AvroType::of(&json).ok_or_else(|| not_avro(&"its schema cannot be read"))?;
            let codec = info.compression().map_err(|e| not_avro(&e))?;
            let sync = info.sync();
            let plain_header = plain_header(&json, sync);
            let schema = ReaderBuilder::new().build(Cursor::new(&plain_header)).map_err(|e| not_avro(&e))?.schema();
            Ok(Self { header, plain_header, sync, codec, record_type, schema, blocks: Vec::new() })
        };
        let container = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(not_avro(&"its header contradicts itself")))?;
        let blocks = blocks(file, container.header.len() as u64, container.sync)?;
        Ok(Self { blocks, ..container })
    }

    /// The blocks `bytes` without compression, once each is seen to be its number of records.
    fn plain(&self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        let mut rest = bytes.as_slice();
        while let (Some(records), Some(size)) = (long(&mut rest), long(&mut rest)) {
            let data = rest.get(..size as usize).ok_or("a block reaches beyond the end")?;
            rest = rest.get(data.len() + self.sync.len()..).ok_or("a block reaches beyond the end")?;
            let Some(codec) = self.codec else {
                self.record_type.agrees(records as u64, data)?;
                continue;
            };
            let data = codec::unpacked(codec, data).map_err(|e| format!("a block cannot be unpacked: {e}"))?;
            self.record_type.agrees(records as u64, &data)?;
            put_long(&mut plain, records);
            put_long(&mut plain, data.len() as i64);
            plain.extend_from_slice(&data);
            plain.extend_from_slice(&self.sync);
        }
        Ok(if self.codec.is_some() { plain } else { bytes })
    }
}

/// The header of a file of this schema that is not compressed.
fn plain_header(schema: &str, sync: [u8; 16]) -> Vec<u8> {
    let mut header = b"Obj\x01".to_vec();
    put_long(&mut header, 1);
    for text in ["avro.schema", schema] {
        put_long(&mut header, text.len() as i64);
        header.extend_from_slice(text.as_bytes());
    }
    put_long(&mut header, 0);
    header.extend_from_slice(&sync);
    header
}

/// Walks the blocks of a file: count, size, data, sync marker.
fn blocks(file: &InputFile, mut at: u64, sync: [u8; 16]) -> Result<Vec<AvroBlock>, Fault> {
    /// Two numbers of at most ten bytes.
    const HEAD: u64 = 20;
    let mut blocks = Vec::new();
    while at < file.bytes {
        let head = file.read_at(at, (file.bytes - at).min(HEAD) as usize)?;
        let mut rest = head.as_slice();
        let (Some(records), Some(size)) = (long(&mut rest), long(&mut rest)) else { return Err(cut_short(file)) };
        let data = at + (head.len() - rest.len()) as u64;
        let sizes = u64::try_from(records).ok().zip(u64::try_from(size).ok()).filter(|(records, _)| *records <= u64::from(u32::MAX));
        let (records, size) = sizes.ok_or_else(|| damaged(file, &"a block of impossible size"))?;
        let end = data.checked_add(size).and_then(|e| e.checked_add(16)).filter(|&e| e <= file.bytes).ok_or_else(|| cut_short(file))?;
        if file.read_at(end - 16, 16)? != sync {
            return Err(damaged(file, &"a block does not end where it says"));
        }
        blocks.push(AvroBlock { start: at, end, records });
        at = end;
    }
    Ok(blocks)
}

fn cut_short(file: &InputFile) -> Fault {
    damaged(file, &"a block reaches beyond the end").hint("it may be cut short")
}

/// Avro's variable-length zig-zag integer.
fn long(bytes: &mut &[u8]) -> Option<i64> {
    unsigned(bytes).map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
}

fn unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

impl Source for AvroSource {
    fn known(&self) -> &Known {
        &self.known
    }

    /// Blocks `start..end`, as many as come to about [`super::Cut::unit_bytes`].
    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        let blocks = &self.containers[file as usize].blocks[start as usize..];
        let Some(first) = blocks.first() else { return Ok(None) };
        let beyond = blocks.iter().position(|b| b.end - first.start > self.unit_bytes);
        let len = beyond.map_or(blocks.len(), |n| n.max(1));
        let bytes = blocks[..len].iter().map(|b| b.end - b.start).sum();
        Ok(Some(Piece { end: start + len as u64, bytes, preread: None }))
    }

    fn read(&self, unit: &Unit, _: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let (file, container) = (&self.known.files()[unit.file as usize], &self.containers[unit.file as usize]);
        let blocks = &container.blocks[unit.start as usize..unit.end as usize];
        let (start, end) = (blocks.first().map_or(0, |b| b.start), blocks.last().map_or(0, |b| b.end));
        let records: u64 = blocks.iter().map(|b| b.records).sum();
        if records > u64::from(u32::MAX) {
            return Err(damaged(file, &format!("{records} records stand in {} bytes", end - start)));
        }
        let bytes = file.read_at(start, (end - start) as usize)?;
        let digest = Some(xxh3_128(&bytes));
        let mut first = 0;
        if projection.columns.is_empty() {
            let batch = self.layout.batch(&[], records as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len: records as u32 }, malformed: Vec::new() })?;
            return Ok(UnitEnd { records: records as u32, digest, ..UnitEnd::default() });
        }
        let plain = container.plain(bytes).map_err(|e| damaged(file, &e))?;
        let whole = std::io::BufReader::new(Cursor::new(&container.plain_header).chain(Cursor::new(plain)));
        let builder = ReaderBuilder::new().with_batch_size(self.batch_rows.max(1)).with_projection(projection.columns.clone());
        let mut reader = decoded(file, || builder.build(whole))?.map_err(|e| damaged(file, &e))?;
        while let Some(batch) = decoded(file, || reader.next())? {
            let batch = batch.map_err(|e| damaged(file, &e))?;
            let len = batch.num_rows() as u32;
            let batch = self.layout.batch(batch.columns(), len as usize, projection).map_err(|e| damaged(file, &e))?;
            each(Chunk { batch, rows: RowNumbers::Dense { first, len }, malformed: Vec::new() })?;
            first += len;
        }
        if u64::from(first) != records {
            return Err(damaged(file, &format!("its blocks promise {records} records and hold {first}")));
        }
        Ok(UnitEnd { records: first, digest, ..UnitEnd::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::{long, put_long};

    #[test]
    fn longs_are_zig_zag() {
        for (bytes, value) in
            [(&[0x00u8] as &[u8], 0), (&[0x01], -1), (&[0x02], 1), (&[0x7f], -64), (&[0x80, 0x01], 64), (&[0x81, 0x01], -65)]
        {
            assert_eq!(long(&mut &bytes[..]), Some(value));
            let mut written = Vec::new();
            put_long(&mut written, value);
            assert_eq!(written, bytes);
        }
        assert_eq!(long(&mut &[0x80u8][..]), None);
    }
}
