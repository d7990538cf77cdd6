//! Batches of records, as brokers keep them and producers send them: format 2, that of Kafka 0.11 and later.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::compression::decompressed;
use super::wire::{Parser, Writer};
use crate::source::EventRecord;

/// What stands before a batch: its first offset and its length.
const FRAME_BYTES: usize = 12;
/// What stands between the length and the checksummed part: leader epoch, format, checksum.
const UNCHECKED_BYTES: usize = 9;

const COMPRESSION: i16 = 0b111;
const BROKER_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
/// The kind of a control record that ends an aborted transaction.
const ABORT: i16 = 0;

/// A batch before its records are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    first_offset: i64,
    attributes: i16,
    last_delta: i32,
    first_time: i64,
    last_time: i64,
    producer: i64,
    count: i32,
    records: &'a [u8],
}

/// The next batch of `bytes`, which is taken off; none where what is left is no whole one: brokers cut answers anywhere.
///
/// # Errors
/// It is damaged, or of another format.
pub(super) fn next_batch<'a>(bytes: &mut &'a [u8]) -> Result<Option<Batch<'a>>, String> {
    let mut head = Parser(bytes);
    let (Ok(first_offset), Ok(length)) = (head.i64(), head.i32()) else { return Ok(None) };
    let length = usize::try_from(length).map_err(|_| "its length is negative".to_owned())?;
    let Some((batch, rest)) = bytes.split_at_checked(FRAME_BYTES + length) else { return Ok(None) };
    let read = parsed(first_offset, &batch[FRAME_BYTES..]).map_err(|why| format!("the batch at offset {first_offset}: {why}"))?;
    *bytes = rest;
    Ok(Some(read))
}

fn parsed(first_offset: i64, body: &[u8]) -> Result<Batch<'_>, String> {
    let said = |garbled: super::wire::Garbled| garbled.to_string();
    let mut parser = Parser(body);
    parser.i32().map_err(said)?;
    match parser.i8().map_err(said)? {
        2 => {}
        old @ (0 | 1) => return Err(format!("it is of the old format {old}; copy the topic with a broker of Kafka 1.0 or later")),
        other => return Err(format!("its format {other} is not known")),
    }
    let checksum = parser.u32().map_err(said)?;
    if crc32c::crc32c(&body[UNCHECKED_BYTES..]) != checksum {
        return Err("its checksum is wrong".to_owned());
    }
    let mut fields = || -> Result<Batch<'_>, super::wire::Garbled> {
        let attributes = parser.i16()?;
        let last_delta = parser.i32()?;
        let (first_time, last_time, producer) = (parser.i64()?, parser.i64()?, parser.i64()?);
        // Epoch and first sequence number.
        parser.take(6)?;
        let count = parser.i32()?;
        Ok(Batch { first_offset, attributes, last_delta, first_time, last_time, producer, count, records: parser.0 })
    };
    let batch = fields().map_err(said)?;
    if batch.last_delta < 0 || first_offset < 0 || first_offset.checked_add(i64::from(batch.last_delta) + 1).is_none() {
        return Err("its offsets are out of range".to_owned());
    }
    Ok(batch)
}

/// The transactions of a partition that were aborted: their records are no events.
#[derive(Debug, Default)]
pub(super) struct Aborted {
    /// First offsets with their producers, the later ones first.
    to_come: Vec<(i64, i64)>,
    under_way: BTreeSet<i64>,
}

impl Aborted {
    /// Of producers and the first offsets of their transactions.
    pub(super) fn new(listed: Vec<(i64, i64)>) -> Self {
        let mut to_come: Vec<(i64, i64)> = listed.into_iter().map(|(producer, first)| (first, producer)).collect();
        to_come.sort_unstable_by(|a, b| b.cmp(a));
        Self { to_come, under_way: BTreeSet::new() }
    }
}

impl Batch<'_> {
    /// The offset after the last one.
    pub(super) fn next(&self) -> i64 {
        self.first_offset + i64::from(self.last_delta) + 1
    }

    /// Whether its records are events: no marks of the broker, none of an aborted transaction. Batches must be asked in order.
    pub(super) fn holds_events(&self, aborted: &mut Aborted) -> bool {
        while let Some((_, producer)) = aborted.to_come.pop_if(|(first, _)| *first < self.next()) {
            aborted.under_way.insert(producer);
        }
        if self.attributes & CONTROL != 0 {
            if self.control_kind() == Some(ABORT) {
                aborted.under_way.remove(&self.producer);
            }
            return false;
        }
        self.attributes & TRANSACTIONAL == 0 || !aborted.under_way.contains(&self.producer)
    }

    /// What the mark of a broker says: the second number of its key.
    fn control_kind(&self) -> Option<i16> {
        let mut record = Parser(self.records);
        record.varint().ok()?;
        record.i8().ok()?;
        record.varint().ok()?;
        record.varint().ok()?;
        let mut key = Parser(record.var_bytes().ok()??);
        key.i16().ok()?;
        key.i16().ok()
    }

    /// Reads its records from offset `from` on into `out`. Keys and values are parts of `whole`, the answer that holds the
    /// batch, or of what was decompressed: no byte of them is copied.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn read(
        &self,
        whole: &Bytes,
        (topic, partition): (&Arc<str>, i32),
        from: i64,
        out: &mut Vec<EventRecord>,
    ) -> Result<(), String> {
        let plain = match self.attributes & COMPRESSION {
            0 => whole.slice_ref(self.records),
            codec => {
                let plain = decompressed(codec, self.records).map_err(|e| format!("the batch at offset {}: {e}", self.first_offset))?;
                Bytes::from(plain)
            }
        };
        let mut parser = Parser(&plain);
        // A count says nothing of memory; a record has seven bytes at least.
        out.reserve(usize::try_from(self.count).unwrap_or_default().min(plain.len() / 7));
        for _ in 0..self.count {
            let record = self.record(&mut parser, &plain, topic, partition);
            let record = record.map_err(|garbled| format!("the batch at offset {}: a record: {garbled}", self.first_offset))?;
            if record.offset >= from {
                out.push(record);
            }
        }
        if parser.0.is_empty() { Ok(()) } else { Err(format!("the batch at offset {}: more bytes than records", self.first_offset)) }
    }

    fn record(
        &self,
        parser: &mut Parser<'_>,
        plain: &Bytes,
        topic: &Arc<str>,
        partition: i32,
    ) -> Result<EventRecord, super::wire::Garbled> {
        use super::wire::Garbled;
        let length = usize::try_from(parser.varint()?).map_err(|_| Garbled("its length is negative"))?;
        let mut record = Parser(parser.take(length)?);
        record.i8()?;
        let (time, delta) = (record.varint()?, record.varint()?);
        if !(0..=i64::from(self.last_delta)).contains(&delta) {
            return Err(Garbled("its offset is not one of the batch"));
        }
        let timestamp_ms = match self.attributes & BROKER_TIME {
            0 => self.first_time.saturating_add(time),
            _ => self.last_time,
        };
        let key = record.var_bytes()?.map(|key| plain.slice_ref(key));
        let value = record.var_bytes()?.map(|value| plain.slice_ref(value));
        let mut headers = Vec::new();
        for _ in 0..record.varint()? {
            let name = record.var_bytes()?.ok_or(Garbled("a header has no name"))?;
            let value = record.var_bytes()?.unwrap_or_default();
            headers.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
        }
        if !record.0.is_empty() {
            return Err(Garbled("it is longer than what it holds"));
        }
        let (topic, offset) = (Arc::clone(topic), self.first_offset + delta);
        Ok(EventRecord { topic, partition, offset, timestamp_ms, key, value, headers })
    }
}

/// A record to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Outgoing {
    /// About how many bytes it takes in a batch.
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers + 32
    }
}

/// Who sends, and how many records were sent to the partition before: a broker keeps a batch once, however often it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub producer: i64,
    pub epoch: i16,
    pub sequence: i32,
}

/// `records` as one batch.
pub(super) fn encoded(records: &[Outgoing], sender: Sender) -> Vec<u8> {
    let first_time = records.first().map_or(0, |record| record.timestamp_ms);
    let last_time = records.iter().map(|record| record.timestamp_ms).max().unwrap_or(0);
    let mut checked = Writer::default();
    checked.i16(0).i32(records.len() as i32 - 1).i64(first_time).i64(last_time);
    checked.i64(sender.producer).i16(sender.epoch).i32(sender.sequence).i32(records.len() as i32);
    let mut body = Writer::default();
    for (i, record) in records.iter().enumerate() {
        body.0.clear();
        body.i8(0).varint(record.timestamp_ms.wrapping_sub(first_time)).varint(i as i64);
        body.var_bytes(record.key.as_deref()).var_bytes(record.value.as_deref()).varint(record.headers.len() as i64);
        for (name, value) in &record.headers {
            body.var_bytes(Some(name.as_bytes())).var_bytes(Some(value));
        }
        checked.var_bytes(Some(&body.0));
    }
    let mut batch = Writer::default();
    batch.i64(0).i32((UNCHECKED_BYTES + checked.0.len()) as i32).i32(-1).i8(2);
    batch.i32(crc32c::crc32c(&checked.0) as i32);
    batch.0.append(&mut checked.0);
    batch.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log as kafka-python writes it: producer 7 sends a and b, somebody c, producer 8 d; 7 aborts, sends e and commits; 8
    /// commits.
    const LOG: [&str; 7] = [
        "000000000000000a00000041000000000261de474800100000000100000000000003e800000000000003e90000000000000007000000000000000000020e000000010261000e00020201026200",
        "000000000000000c0000003a00000000026b2045dd00000000000000000000000003e800000000000003e8ffffffffffffffff0000000000000000000110000000026b026300",
        "000000000000000d0000003900000000027d7e085300100000000000000000000003e800000000000003e80000000000000008000000000000000000010e00000001026400",
        "000000000000000e000000420000000002e980060900300000000000000000000003e800000000000003e80000000000000007000000000000000000012000000008000000000c00000000000000",
        "000000000000000f00000039000000000294cf278f00100000000000000000000003e800000000000003e80000000000000007000000000000000000010e00000001026500",
        "00000000000000100000004200000000021dbed04100300000000000000000000003e800000000000003e80000000000000007000000000000000000012000000008000000010c00000000000000",
        "00000000000000110000004200000000027f130e4b00300000000000000000000003e800000000000003e80000000000000008000000000000000000012000000008000000010c00000000000000",
    ];

    fn log() -> Bytes {
        let digits = LOG.concat();
        (0..digits.len()).step_by(2).filter_map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect::<Vec<u8>>().into()
    }

    /// The values from offset `from` on, and the offset to go on with.
    fn read(log: &Bytes, from: i64, aborted: &[(i64, i64)]) -> Result<(String, i64), String> {
        let (mut rest, mut aborted) = (&log[..], Aborted::new(aborted.to_vec()));
        let (mut records, mut next) = (Vec::new(), from);
        while let Some(batch) = next_batch(&mut rest)? {
            if batch.holds_events(&mut aborted) {
                batch.read(log, (&"t".into(), 0), from, &mut records)?;
            }
            next = batch.next();
        }
        let values = records.iter().filter_map(|record| record.value.as_deref().map(String::from_utf8_lossy));
        Ok((values.collect(), next))
    }

    #[test]
    fn records_of_aborted_transactions_and_marks_of_brokers_are_no_events() {
        let log = log();
        assert_eq!(read(&log, 10, &[(7, 10)]), Ok(("cde".to_owned(), 18)));
        // Whoever begins in the midst of a batch gets what follows.
        assert_eq!(read(&log, 11, &[]), Ok(("bcde".to_owned(), 18)));
        assert_eq!(read(&log, 10, &[(8, 13), (7, 10)]), Ok(("ce".to_owned(), 18)));
    }

    #[test]
    fn a_batch_that_is_cut_is_left_and_one_that_is_damaged_is_named() {
        let log = log();
        let cut = log.slice(..log.len() - 1);
        assert_eq!(read(&cut, 10, &[]), Ok(("abcde".to_owned(), 17)));
        for at in 17..77 {
            let mut damaged = log.to_vec();
            damaged[at] ^= 4;
            let why = read(&damaged.into(), 10, &[]).expect_err("it is damaged");
            assert_eq!(why, "the batch at offset 10: its checksum is wrong");
        }
        let mut old = log.to_vec();
        old[16] = 1;
        assert!(read(&old.into(), 10, &[]).is_err_and(|why| why.contains("the old format 1")));
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let record = |key: Option<&'static str>, value: Option<&'static str>, timestamp_ms: i64| Outgoing {
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
            timestamp_ms,
            headers: vec![("a".into(), b"1".to_vec()), ("a".into(), vec![])],
        };
        let sent = [record(Some("k"), Some("v"), 1_700_000_000_000), record(None, None, 5), record(Some(""), Some(""), i64::MAX)];
        let bytes = Bytes::from(encoded(&sent, Sender { producer: 3, epoch: 0, sequence: 9 }));
        let mut rest = &bytes[..];
        let batch = next_batch(&mut rest).expect("it is whole").expect("it is there");
        let mut records = Vec::new();
        batch.read(&bytes, (&"t".into(), 0), 0, &mut records).expect("it is read");
        let back = records.into_iter().map(|r| Outgoing { key: r.key, value: r.value, timestamp_ms: r.timestamp_ms, headers: r.headers });
        assert_eq!(back.collect::<Vec<_>>(), sent);
    }
}
