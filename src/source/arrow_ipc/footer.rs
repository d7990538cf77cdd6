//! The footer of an Arrow file, which says where its messages are.

use arrow::ipc::{Block, MessageHeader, root_as_footer, root_as_message};
use xxhash_rust::xxh3::Xxh3Default;

use super::{BatchMessage, CONTINUATION, Messages, bytes_of, cut_short, not_arrow, read_schema};
use crate::diagnostic::Fault;
use crate::source::InputFile;
use crate::source::typed::damaged;

/// How far a gap between messages is looked into: a batch that nothing names begins where the one before ends.
const GAP_BYTES_MAX: u64 = 16 << 20;

/// The messages that the footer names, each held against the file's end; there are no others.
pub(super) fn messages(file: &InputFile) -> Result<Messages, Fault> {
    let tail = file.read_at(file.bytes - 10, 4)?;
    let len = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let start = (file.bytes - 10).checked_sub(len).filter(|start| *start >= 8).ok_or_else(|| cut_short(file))?;
    let bytes = file.read_at(start, len as usize)?;
    let footer = root_as_footer(&bytes).map_err(|e| not_arrow(file, &e))?;
    let schema = read_schema(file, footer.schema().ok_or_else(|| not_arrow(file, &"it holds no schema"))?)?;
    let is_inside = |b: &Block| {
        let sizes = u64::try_from(b.offset()).ok().zip(u64::try_from(b.metaDataLength()).ok()).zip(u64::try_from(b.bodyLength()).ok());
        sizes.is_some_and(|((at, meta), body)| {
            meta > 8 && at.checked_add(meta).and_then(|e| e.checked_add(body)).is_some_and(|e| e <= start)
        })
    };
    let blocks = |listed: Option<Vec<Block>>| match listed.unwrap_or_default() {
        all if all.iter().all(is_inside) => Ok(all),
        _ => Err(cut_short(file)),
    };
    let dictionaries = blocks(footer.dictionaries().map(|d| d.iter().copied().collect()))?;
    let batches = blocks(footer.recordBatches().map(|b| b.iter().copied().collect()))?;
    names_all(file, dictionaries.iter().chain(&batches), start)?;
    let mut digest = Xxh3Default::new();
    digest.update(&bytes);
    for block in &dictionaries {
        digest.update(&bytes_of(file, &schema, block)?);
    }
    let batches = batches.into_iter().map(|block| BatchMessage { block, dictionaries: dictionaries.len() }).collect();
    Ok(Messages { schema, version: footer.version(), dictionaries, batches, digest: digest.digest128() })
}

/// Whether `blocks` are all messages before the footer, which begins at `end`, but for the schema: a damaged footer may
/// leave a batch out, or name one twice.
fn names_all<'a>(file: &InputFile, blocks: impl Iterator<Item = &'a Block>, end: u64) -> Result<(), Fault> {
    let mut spans: Vec<(u64, u64)> =
        blocks.map(|b| (b.offset() as u64, b.offset() as u64 + b.metaDataLength() as u64 + b.bodyLength() as u64)).collect();
    spans.sort_unstable();
    // Behind the magic at the beginning.
    let mut at = 8;
    for (start, block_end) in spans.into_iter().chain([(end, end)]) {
        if start < at {
            return Err(damaged(file, &"its footer names some bytes twice"));
        }
        if start > at {
            holds_no_batch(file, at, start)?;
        }
        at = block_end;
    }
    Ok(())
}

/// Whether no batch stands between `start` and `end`: the schema does, the mark of a stream's end, zeros, and what else
/// a writer leaves there.
fn holds_no_batch(file: &InputFile, start: u64, end: u64) -> Result<(), Fault> {
    let bytes = file.read_at(start, (end - start).min(GAP_BYTES_MAX) as usize)?;
    let is_batch = |at: usize| {
        let rest = bytes[at..].strip_prefix(&CONTINUATION.to_le_bytes())?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let message = root_as_message(rest.get(..u32::from_le_bytes(*len) as usize)?).ok()?;
        Some(matches!(message.header_type(), MessageHeader::RecordBatch | MessageHeader::DictionaryBatch))
    };
    // Messages begin at multiples of 8.
    match (0..bytes.len()).step_by(8).find(|at| is_batch(*at) == Some(true)) {
        Some(at) => Err(damaged(file, &format!("its footer does not name the batch at byte {}", start + at as u64))),
        None => Ok(()),
    }
}
