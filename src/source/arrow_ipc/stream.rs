//! The messages of an Arrow stream, which are found by walking their lengths.

use arrow::ipc::{Block, MessageHeader, root_as_message};
use xxhash_rust::xxh3::Xxh3Default;

use super::{BatchMessage, CONTINUATION, Messages, cut_short, not_arrow, read_schema};
use crate::diagnostic::Fault;
use crate::source::InputFile;
use crate::source::typed::damaged;

/// The messages of the stream, each held against the file's end; nothing may stand behind the last one.
pub(super) fn messages(file: &InputFile) -> Result<Messages, Fault> {
    let mut at: u64 = 0;
    let mut found: Option<Messages> = None;
    let mut digest = Xxh3Default::new();
    while at + 4 <= file.bytes {
        let (prefix, len) = prefix_at(file, at)?;
        if len == 0 {
            at += prefix;
            break;
        }
        let message = StreamMessage::at(file, at, prefix, len)?;
        message.add_to(&mut found, &mut digest, file)?;
        at = message.body_at + message.body_len;
    }
    let mut messages = found.ok_or_else(|| not_arrow(file, &"it holds no schema"))?;
    if at < file.bytes {
        return Err(damaged(file, &"bytes stand behind the end of the stream"));
    }
    messages.digest = digest.digest128();
    Ok(messages)
}

/// How many bytes precede the metadata of the message at `at`, and how many it has: none at the end of the stream.
fn prefix_at(file: &InputFile, at: u64) -> Result<(u64, u32), Fault> {
    let start = file.read_at(at, (file.bytes - at).min(8) as usize)?;
    let word = |i: usize| start.get(i..i + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    // Before version 0.15 the length stood alone.
    let (prefix, len) = if word(0) == CONTINUATION { (8, word(4)) } else { (4, word(0)) };
    if at + prefix > file.bytes { Err(cut_short(file)) } else { Ok((prefix, len)) }
}

/// A message of a stream: its metadata, and where its body is.
struct StreamMessage {
    metadata: Vec<u8>,
    block: Block,
    body_at: u64,
    body_len: u64,
}

impl StreamMessage {
    fn at(file: &InputFile, at: u64, prefix: u64, len: u32) -> Result<Self, Fault> {
        let body_at = at + prefix + u64::from(len);
        if body_at > file.bytes {
            return Err(cut_short(file));
        }
        let metadata = file.read_at(at + prefix, len as usize)?;
        let message = root_as_message(&metadata).map_err(|e| not_arrow(file, &e))?;
        let is_inside = |len: &u64| body_at.checked_add(*len).is_some_and(|end| end <= file.bytes);
        let body_len = u64::try_from(message.bodyLength()).ok().filter(is_inside).ok_or_else(|| cut_short(file))?;
        let block = Block::new(at as i64, (prefix + u64::from(len)) as i32, body_len as i64);
        Ok(Self { metadata, block, body_at, body_len })
    }

    /// Adds the message to those before it; the schema is the first of them.
    fn add_to(&self, messages: &mut Option<Messages>, digest: &mut Xxh3Default, file: &InputFile) -> Result<(), Fault> {
        let message = root_as_message(&self.metadata).map_err(|e| not_arrow(file, &e))?;
        match (message.header_type(), messages) {
            (MessageHeader::Schema, messages @ None) => {
                let schema = message.header_as_schema().ok_or_else(|| damaged(file, &"a schema cannot be read"))?;
                digest.update(&self.metadata);
                let (schema, version) = (read_schema(file, schema)?, message.version());
                *messages = Some(Messages { schema, version, dictionaries: Vec::new(), batches: Vec::new(), digest: 0 });
            }
            (MessageHeader::DictionaryBatch, Some(messages)) => {
                digest.update(&file.read_at(self.body_at, self.body_len as usize)?);
                messages.dictionaries.push(self.block);
            }
            (MessageHeader::RecordBatch, Some(messages)) => {
                messages.batches.push(BatchMessage { block: self.block, dictionaries: messages.dictionaries.len() });
            }
            (other, _) => {
                let kind = other.variant_name().unwrap_or("unknown");
                return Err(damaged(file, &format!("a message of kind {kind} stands where none is expected")));
            }
        }
        Ok(())
    }
}
