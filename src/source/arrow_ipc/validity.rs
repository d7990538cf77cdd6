//! Whether the parts of a message agree: how many values there are, and which of them are missing.
//!
//! The library believes a count of no missing values and throws away the bitmap that marks them: what it marks would
//! become 0. Other counts it holds against the bitmap itself.

use std::borrow::Cow;
use std::io::Read;

use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::datatypes::{DataType, Field, Schema, UnionMode};
use arrow::ipc::{CompressionType, FieldNode, Message, MetadataVersion, RecordBatch};

use super::lz4;

/// How `message`, of a file of columns `schema`, contradicts itself; `body` holds its buffers.
///
/// # Errors
/// It does.
pub(super) fn agrees(schema: &Schema, message: &Message<'_>, body: &[u8]) -> Result<(), String> {
    if let Some(batch) = message.header_as_record_batch() {
        let mut walk = BatchWalk::new(message.version(), &batch, body);
        schema.fields().iter().try_for_each(|field| walk.column(field, Some(batch.length())))?;
        return walk.end();
    }
    let Some(dictionary) = message.header_as_dictionary_batch() else { return Ok(()) };
    let Some(batch) = dictionary.data() else { return Err("a dictionary holds nothing".to_owned()) };
    let field = schema.fields().iter().find_map(|field| values_of(field, dictionary.id()));
    let field = field.ok_or_else(|| format!("no column has the dictionary {}", dictionary.id()))?;
    let mut walk = BatchWalk::new(message.version(), &batch, body);
    walk.column(&field, Some(batch.length()))?;
    walk.end()
}

/// The values of dictionary `id`, if `field` or a field below it has it.
fn values_of(field: &Field, id: i64) -> Option<Field> {
    #[allow(deprecated)]
    let own = field.dict_id();
    match field.data_type() {
        DataType::Dictionary(_, values) if own == Some(id) => Some(Field::new(field.name(), values.as_ref().clone(), true)),
        DataType::Dictionary(_, values) => values_of(&Field::new(field.name(), values.as_ref().clone(), true), id),
        DataType::Struct(fields) => fields.iter().find_map(|field| values_of(field, id)),
        DataType::Union(fields, _) => fields.iter().find_map(|(_, field)| values_of(field, id)),
        DataType::RunEndEncoded(_, item)
        | DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => values_of(item, id),
        _ => None,
    }
}

/// Goes through the nodes and buffers of a batch, which stand one after the other, column by column.
struct BatchWalk<'a> {
    nodes: std::vec::IntoIter<FieldNode>,
    buffers: std::vec::IntoIter<&'a [u8]>,
    variadic: std::vec::IntoIter<i64>,
    codec: Option<CompressionType>,
    version: MetadataVersion,
}

impl<'a> BatchWalk<'a> {
    fn new(version: MetadataVersion, batch: &RecordBatch<'_>, body: &'a [u8]) -> Self {
        let bytes = |b: &arrow::ipc::Buffer| body.get(b.offset() as usize..)?.get(..b.length() as usize);
        let buffers: Vec<_> = batch.buffers().into_iter().flatten().map(|b| bytes(b).unwrap_or_default()).collect();
        Self {
            nodes: batch.nodes().into_iter().flatten().copied().collect::<Vec<_>>().into_iter(),
            buffers: buffers.into_iter(),
            variadic: batch.variadicBufferCounts().into_iter().flatten().collect::<Vec<_>>().into_iter(),
            codec: batch.compression().map(|c| c.codec()),
            version,
        }
    }

    /// The column `field`, which has `rows` values where that is known.
    fn column(&mut self, field: &Field, rows: Option<i64>) -> Result<(), String> {
        let name = field.name();
        let node = self.nodes.next().ok_or_else(|| format!("a batch lacks the column `{name}`"))?;
        if let Some(rows) = rows.filter(|rows| *rows != node.length()) {
            return Err(format!("`{name}` has {} values in a batch of {rows}", node.length()));
        }
        if !(0..=node.length()).contains(&node.null_count()) {
            return Err(format!("`{name}` says that {} of its {} values are missing", node.null_count(), node.length()));
        }
        match field.data_type() {
            DataType::Null => return Ok(()),
            DataType::RunEndEncoded(ends, values) => {
                self.column(ends, None)?;
                return self.column(values, None);
            }
            DataType::Union(fields, mode) => {
                let bitmap = i64::from(self.version < MetadataVersion::V5);
                self.pass(name, bitmap + 1 + i64::from(*mode == UnionMode::Dense))?;
                return fields.iter().try_for_each(|(_, field)| self.column(field, None));
            }
            _ => self.validity(name, node)?,
        }
        match field.data_type() {
            DataType::Struct(fields) => fields.iter().try_for_each(|field| self.column(field, Some(node.length()))),
            DataType::FixedSizeList(item, _) => self.column(item, None),
            DataType::List(item) | DataType::LargeList(item) | DataType::Map(item, _) => {
                self.pass(name, 1)?;
                self.column(item, None)
            }
            DataType::ListView(item) | DataType::LargeListView(item) => {
                self.pass(name, 2)?;
                self.column(item, None)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => self.pass(name, 2),
            DataType::Utf8View | DataType::BinaryView => {
                let more = self.variadic.next().ok_or_else(|| format!("`{name}` lacks its number of buffers"))?;
                self.pass(name, more.saturating_add(1))
            }
            _ => self.pass(name, 1),
        }
    }

    /// Passes over `count` buffers.
    fn pass(&mut self, name: &str, count: i64) -> Result<(), String> {
        let there = i64::try_from(self.buffers.len()).unwrap_or(i64::MAX);
        if !(0..=there).contains(&count) {
            return Err(format!("`{name}` lacks a buffer"));
        }
        self.buffers.by_ref().take(count as usize).for_each(drop);
        Ok(())
    }

    fn validity(&mut self, name: &str, node: FieldNode) -> Result<(), String> {
        let bitmap = self.buffers.next().ok_or_else(|| format!("`{name}` lacks a buffer"))?;
        if node.null_count() > 0 || bitmap.is_empty() {
            return Ok(());
        }
        let bits = node.length() as usize;
        let bitmap = unpacked(bitmap, self.codec, bits.div_ceil(8)).ok_or_else(|| format!("the bitmap of `{name}` cannot be unpacked"))?;
        let bits = bits.min(bitmap.len() * 8);
        let missing = bits - BooleanBuffer::new(Buffer::from(bitmap.as_ref()), 0, bits).count_set_bits();
        if missing > 0 {
            return Err(format!("`{name}` says that none of its values is missing, and marks {missing}"));
        }
        Ok(())
    }

    /// Nothing may be left that is no column's.
    fn end(&self) -> Result<(), String> {
        if self.nodes.len() + self.buffers.len() + self.variadic.len() > 0 {
            return Err("a batch holds more than its columns".to_owned());
        }
        Ok(())
    }
}

/// The first `len` bytes of a buffer, which says first how long it is once unpacked, or -1 where it is not packed.
fn unpacked(buffer: &[u8], codec: Option<CompressionType>, len: usize) -> Option<Cow<'_, [u8]>> {
    let Some(codec) = codec else { return Some(Cow::from(buffer)) };
    let (said, packed) = buffer.split_first_chunk::<8>()?;
    match (i64::from_le_bytes(*said), codec) {
        (-1, _) => Some(Cow::from(packed)),
        (_, CompressionType::ZSTD) => {
            let mut out = Vec::new();
            zstd::stream::read::Decoder::new(packed).ok()?.take(len as u64).read_to_end(&mut out).ok()?;
            Some(Cow::from(out))
        }
        (_, CompressionType::LZ4_FRAME) => lz4::unpacked(packed, len).map(Cow::from),
        _ => None,
    }
}
