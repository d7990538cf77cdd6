//! Requests and their answers, in the versions that brokers since Kafka 1.0 and those of today have in common.

use std::collections::BTreeMap;

use super::wire::{Garbled, Parser, Writer};

/// What a broker can be asked, with the versions that are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetCommit,
    FindCoordinator,
    SaslHandshake,
    Versions,
    InitProducerId,
    SaslAuthenticate,
}

impl Api {
    pub(super) fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetCommit => 8,
            Self::FindCoordinator => 10,
            Self::SaslHandshake => 17,
            Self::Versions => 18,
            Self::InitProducerId => 22,
            Self::SaslAuthenticate => 36,
        }
    }

    /// The lowest and the highest version that is spoken here.
    pub(super) fn versions(self) -> (i16, i16) {
        match self {
            // From version 7 on, batches may be compressed by zstd.
            Self::Produce => (3, 7),
            // From version 10 on, batches may be compressed by zstd.
            Self::Fetch => (4, 10),
            Self::ListOffsets | Self::OffsetCommit => (2, 2),
            Self::Metadata => (4, 4),
            Self::SaslHandshake => (1, 1),
            Self::FindCoordinator | Self::Versions | Self::InitProducerId | Self::SaslAuthenticate => (0, 0),
        }
    }
}

/// The key of a request, with the lowest and the highest version that a broker knows of it.
pub(super) type Known = (i16, i16, i16);

/// The error, and what a broker can be asked.
pub(super) fn api_versions(answer: &[u8]) -> Result<(i16, Vec<Known>), Garbled> {
    let mut parser = Parser(answer);
    let error = parser.i16()?;
    let known = parser.array(|p| Ok((p.i16()?, p.i16()?, p.i16()?)))?;
    Ok((error, known))
}

/// A topic as brokers describe it.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub brokers: BTreeMap<i32, (String, u16)>,
    /// What the brokers call themselves together, if they do.
    pub cluster: Option<String>,
    pub error: i16,
    /// The leader of each partition; -1 where none is.
    pub leaders: BTreeMap<i32, i32>,
}

pub(super) fn metadata_request(topic: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    // A topic that is not there is not made.
    writer.array(&[topic], |w, topic| _ = w.text(topic)).i8(0);
    writer.0
}

pub(super) fn metadata(answer: &[u8], topic: &str) -> Result<Metadata, Garbled> {
    let mut parser = Parser(answer);
    parser.i32()?;
    let brokers = parser.array(|p| {
        let (id, host, port) = (p.i32()?, p.name()?.to_owned(), p.i32()?);
        p.text()?;
        Ok((id, (host, u16::try_from(port).map_err(|_| Garbled("a broker in it has no port"))?)))
    })?;
    let cluster = parser.text()?.map(str::to_owned);
    parser.i32()?;
    let topics = parser.array(|p| {
        let (error, name) = (p.i16()?, p.name()?);
        p.i8()?;
        let partitions = p.array(|p| {
            let (_error, partition, leader) = (p.i16()?, p.i32()?, p.i32()?);
            p.array(|p| p.i32())?;
            p.array(|p| p.i32())?;
            Ok((partition, leader))
        })?;
        Ok((error, name, partitions))
    })?;
    let found = topics.into_iter().find(|(_, name, _)| *name == topic).ok_or(Garbled("the topic is not in it"))?;
    Ok(Metadata { brokers: brokers.into_iter().collect(), cluster, error: found.0, leaders: found.2.into_iter().collect() })
}

/// Asks for the first offset that is there, or the one after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Earliest,
    Latest,
}

pub(super) fn list_offsets_request(topic: &str, partition: i32, end: End) -> Vec<u8> {
    let time = match end {
        End::Earliest => -2,
        End::Latest => -1,
    };
    let mut writer = Writer::default();
    // No replica; transactions that are open end the topic here.
    writer.i32(-1).i8(1);
    writer.array(&[topic], |w, topic| {
        w.text(topic).array(&[partition], |w, partition| _ = w.i32(*partition).i64(time));
    });
    writer.0
}

pub(super) fn list_offsets(answer: &[u8]) -> Result<(i16, i64), Garbled> {
    let mut parser = Parser(answer);
    parser.i32()?;
    let topics = parser.array(|p| {
        p.name()?;
        p.array(|p| {
            p.i32()?;
            let error = p.i16()?;
            p.i64()?;
            Ok((error, p.i64()?))
        })
    })?;
    topics.into_iter().flatten().next().ok_or(Garbled("the partition is not in it"))
}

/// What to read of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct FetchFrom {
    pub partition: i32,
    pub offset: i64,
    pub bytes_max: i32,
}

pub(super) fn fetch_request(version: i16, topic: &str, from: &[FetchFrom], wait_ms: i32) -> Vec<u8> {
    let mut writer = Writer::default();
    let whole = from.iter().fold(0i32, |sum, from| sum.saturating_add(from.bytes_max));
    // No replica; an answer as soon as there is a byte; only what is committed.
    writer.i32(-1).i32(wait_ms).i32(1).i32(whole).i8(1);
    if version >= 7 {
        // No session.
        writer.i32(0).i32(-1);
    }
    writer.array(&[topic], |w, topic| {
        w.text(topic).array(from, |w, from| {
            w.i32(from.partition);
            if version >= 9 {
                w.i32(-1);
            }
            w.i64(from.offset);
            if version >= 5 {
                w.i64(-1);
            }
            w.i32(from.bytes_max);
        });
    });
    if version >= 7 {
        writer.i32(0);
    }
    writer.0
}

/// What a broker gave of a partition.
#[derive(Debug)]
pub(super) struct FetchedPartition<'a> {
    pub partition: i32,
    pub error: i16,
    pub high_watermark: i64,
    /// Producers with the offsets at which a transaction of theirs begins that was aborted.
    pub aborted: Vec<(i64, i64)>,
    pub batches: &'a [u8],
}

pub(super) fn fetch(version: i16, answer: &[u8]) -> Result<(i16, Vec<FetchedPartition<'_>>), Garbled> {
    let mut parser = Parser(answer);
    parser.i32()?;
    let error = if version >= 7 { parser.i16()? } else { 0 };
    if version >= 7 {
        parser.i32()?;
    }
    let topics = parser.array(|p| {
        p.name()?;
        p.array(|p| {
            let (partition, error, high_watermark) = (p.i32()?, p.i16()?, p.i64()?);
            p.i64()?;
            if version >= 5 {
                p.i64()?;
            }
            let aborted = p.array(|p| Ok((p.i64()?, p.i64()?)))?;
            Ok(FetchedPartition { partition, error, high_watermark, aborted, batches: p.bytes()? })
        })
    })?;
    Ok((error, topics.into_iter().flatten().collect()))
}

pub(super) fn produce_request(topic: &str, partition: i32, batch: &[u8], timeout_ms: i32) -> Vec<u8> {
    let mut writer = Writer::default();
    // No transaction; all replicas in sync must have it.
    writer.no_text().i16(-1).i32(timeout_ms);
    writer.array(&[topic], |w, topic| {
        w.text(topic).array(&[partition], |w, partition| _ = w.i32(*partition).bytes(batch));
    });
    writer.0
}

/// The error, and the offset of the first record.
pub(super) fn produced(answer: &[u8]) -> Result<(i16, i64), Garbled> {
    let mut parser = Parser(answer);
    parser.name_in_array()?;
    let count = parser.i32()?;
    if count != 1 {
        return Err(Garbled("the partition is not in it"));
    }
    parser.i32()?;
    Ok((parser.i16()?, parser.i64()?))
}

impl Parser<'_> {
    /// The count of an array of one item, and the name that this begins with.
    fn name_in_array(&mut self) -> Result<(), Garbled> {
        match self.i32()? {
            1 => self.name().map(|_| ()),
            _ => Err(Garbled("the topic is not in it")),
        }
    }
}

pub(super) fn init_producer_request(timeout_ms: i32) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.no_text().i32(timeout_ms);
    writer.0
}

/// The error, the producer's id and its epoch.
pub(super) fn init_producer(answer: &[u8]) -> Result<(i16, i64, i16), Garbled> {
    let mut parser = Parser(answer);
    parser.i32()?;
    Ok((parser.i16()?, parser.i64()?, parser.i16()?))
}

pub(super) fn find_coordinator_request(group: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(group);
    writer.0
}

/// The error, and the broker that keeps the group's offsets.
pub(super) fn find_coordinator(answer: &[u8]) -> Result<(i16, String, u16), Garbled> {
    let mut parser = Parser(answer);
    let error = parser.i16()?;
    parser.i32()?;
    let host = parser.name()?.to_owned();
    let port = parser.i32()?;
    Ok((error, host, u16::try_from(port).unwrap_or_default()))
}

pub(super) fn offset_commit_request(group: &str, topic: &str, offsets: &[(i32, i64)]) -> Vec<u8> {
    let mut writer = Writer::default();
    // A group without members; the broker's own retention of offsets.
    writer.text(group).i32(-1).text("").i64(-1);
    writer.array(&[topic], |w, topic| {
        w.text(topic).array(offsets, |w, (partition, offset)| _ = w.i32(*partition).i64(*offset).no_text());
    });
    writer.0
}

/// The first error, or 0.
pub(super) fn offset_commit(answer: &[u8]) -> Result<i16, Garbled> {
    let mut parser = Parser(answer);
    let topics = parser.array(|p| {
        p.name()?;
        p.array(|p| {
            p.i32()?;
            p.i16()
        })
    })?;
    Ok(topics.into_iter().flatten().find(|error| *error != 0).unwrap_or_default())
}
