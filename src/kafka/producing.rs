//! Sending records so that none is lost, none comes twice, and order is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::{Outgoing, Sender, encoded};
use super::cluster::Cluster;
use super::request::{self, Api};
use super::trouble::{DUPLICATE_SEQUENCE, Trouble, is_forgotten_producer, refused, refused_now};
use crate::diagnostic::Fault;

/// Brokers take batches of 1 MB unless they are told otherwise.
const BATCH_BYTES_MAX: usize = 900_000;
/// How long replicas may take to have a batch.
const REPLICAS_MAX: Duration = Duration::from_secs(30);

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To this partition.
    Partition(i32),
    /// To the partition of their key, as other producers choose it; records without one go to one partition a call.
    ByKey,
}

/// Who we are for the brokers, and what they have of us.
#[derive(Debug, Default)]
pub(super) struct Producing {
    identity: Option<(i64, i16)>,
    /// How many records each partition has, under this identity.
    sequences: BTreeMap<i32, i32>,
    /// Calls so far: partitions without a key take turns.
    calls: usize,
}

impl Producing {
    pub(super) fn send(&mut self, cluster: &mut Cluster, target: Target, records: Vec<Outgoing>) -> Result<(), Fault> {
        let partitions: Vec<i32> = match target {
            Target::Partition(partition) => vec![partition],
            Target::ByKey => {
                if cluster.leaders().is_empty() {
                    cluster.patience().tries(|| cluster.refresh())?;
                }
                cluster.leaders().keys().copied().collect()
            }
        };
        self.calls = self.calls.wrapping_add(1);
        let mut by_partition: BTreeMap<i32, Vec<Outgoing>> = BTreeMap::new();
        for record in records {
            let at = match (&record.key, partitions.len()) {
                (_, 0) => return Err(cluster.no_partition(0)),
                (_, 1) => 0,
                (Some(key), count) => (murmur2(key) & 0x7fff_ffff) as usize % count,
                (None, count) => self.calls % count,
            };
            by_partition.entry(partitions[at]).or_default().push(record);
        }
        for (partition, records) in by_partition {
            let mut rest = records.as_slice();
            while !rest.is_empty() {
                let (batch, after) = rest.split_at(batch_length(rest));
                self.send_batch(cluster, partition, batch)?;
                rest = after;
            }
        }
        Ok(())
    }

    fn send_batch(&mut self, cluster: &mut Cluster, partition: i32, records: &[Outgoing]) -> Result<(), Fault> {
        cluster.patience().tries(|| {
            let (producer, epoch) = self.identity(cluster, partition)?;
            let sequence = self.sequences.get(&partition).copied().unwrap_or(0);
            let topic = cluster.settings.topic().clone();
            let what = format!("{}, partition {partition}", cluster.settings);
            let batch = encoded(records, Sender { producer, epoch, sequence });
            let body = request::produce_request(&topic, partition, &batch, REPLICAS_MAX.as_millis() as i32);
            let error = cluster.ask_leader(partition, |connection| {
                let answer = connection.call(Api::Produce, &body, REPLICAS_MAX)?;
                match connection.understood(request::produced(&answer))? {
                    // A batch that came before, whose acknowledgement was lost.
                    (0 | DUPLICATE_SEQUENCE, _) => Ok(0),
                    (error, _) if is_forgotten_producer(error) => Ok(error),
                    (error, _) => Err(refused_now(error, &what)),
                }
            })?;
            if error != 0 {
                (self.identity, self.sequences) = (None, BTreeMap::new());
                return Err(Trouble::Passing(format!("{what}: the broker has forgotten what was sent before")));
            }
            // The number after the highest one is 0.
            let sent = i64::from(sequence) + records.len() as i64;
            self.sequences.insert(partition, (sent % (i64::from(i32::MAX) + 1)) as i32);
            Ok(())
        })
    }

    /// The producer's id, by which a broker knows a batch that it has already.
    fn identity(&mut self, cluster: &mut Cluster, partition: i32) -> Result<(i64, i16), Trouble> {
        if let Some(identity) = self.identity {
            return Ok(identity);
        }
        let what = cluster.settings.to_string();
        let identity = cluster.ask_leader(partition, |connection| {
            let body = request::init_producer_request(REPLICAS_MAX.as_millis() as i32);
            let answer = connection.call(Api::InitProducerId, &body, Duration::ZERO)?;
            match connection.understood(request::init_producer(&answer))? {
                (0, producer, epoch) => Ok((producer, epoch)),
                (error, ..) => Err(refused(error, &what)),
            }
        })?;
        self.identity = Some(identity);
        Ok(identity)
    }
}

/// How many of these records, one at least, fit in a batch.
fn batch_length(records: &[Outgoing]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Outgoing| {
        bytes += record.bytes();
        bytes <= BATCH_BYTES_MAX
    };
    records.iter().take_while(fits).count().max(1)
}

/// The hash by which Java's producers choose a partition.
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = chunk.iter().rev().fold(0u32, |k, byte| k << 8 | u32::from(*byte)).wrapping_mul(M);
        k = (k ^ k >> 24).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !chunks.remainder().is_empty() {
        hash = (hash ^ chunks.remainder().iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte))).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Kafka's own test of its hash holds.
    #[test]
    fn keys_go_where_java_s_producers_send_them() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn batches_end_before_brokers_refuse_them() {
        let record = |bytes: usize| Outgoing { value: Some(vec![0; bytes].into()), ..Outgoing::default() };
        assert_eq!(batch_length(&[record(400_000), record(400_000), record(400_000)]), 2);
        assert_eq!(batch_length(&[record(2_000_000), record(1)]), 1);
    }
}
