//! Events from Kafka topics, and to them.
//!
//! A client of our own for the few requests that are needed, blocking, with threads that read ahead. What it reads is what was
//! committed: records of aborted transactions and the brokers' own marks are no events. Offsets are kept by whoever reads, with
//! what was made of the events; a consumer group can be told as a courtesy.

mod batch;
mod cluster;
mod compression;
mod connection;
mod fetching;
mod producing;
mod reader;
mod request;
mod sasl;
mod settings;
mod trouble;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use self::batch::Outgoing;
use self::cluster::Cluster;
use self::producing::Producing;
pub use self::producing::Target;
pub use self::reader::{Limits, Moved, Polled, Reader, Waker};
use self::request::{Api, End, FetchFrom};
pub use self::settings::Settings;
use self::trouble::{Trouble, refused};
use crate::diagnostic::Fault;
use crate::source::EventRecord;

/// A topic of brokers that were reached once.
pub struct Topic {
    cluster: Mutex<Cluster>,
    producing: Mutex<Producing>,
}

/// What one request for a partition gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// In the order of their offsets, from the one that was asked for on. Offsets may be missing between them: records that
    /// were compacted away, of aborted transactions, and marks of the brokers.
    pub records: Vec<EventRecord>,
    /// The offset to go on with.
    pub next: i64,
    /// The offset after the last record that is there.
    pub high_watermark: i64,
}

impl Topic {
    /// Reaches the brokers and finds the topic.
    ///
    /// # Errors
    /// No broker can be reached within the settings' patience, none takes us, or they have no such topic.
    pub fn connect(settings: &Settings) -> Result<Self, Fault> {
        let mut cluster = Cluster::new(settings.clone());
        cluster.patience().tries(|| cluster.refresh())?;
        Ok(Self { cluster: Mutex::new(cluster), producing: Mutex::default() })
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the brokers call themselves together: the same for all of them, wherever they are reached. None if they have no name.
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster().id.clone()
    }

    /// The settings it was connected with.
    pub fn settings(&self) -> Settings {
        self.cluster().settings.clone()
    }

    /// The partitions, ascending.
    ///
    /// # Errors
    /// No broker answers.
    pub fn partitions(&self) -> Result<Vec<i32>, Fault> {
        let mut cluster = self.cluster();
        cluster.patience().tries(|| cluster.refresh())?;
        Ok(cluster.leaders().keys().copied().collect())
    }

    /// The first offset that is there, and the one after the last.
    ///
    /// # Errors
    /// There is no such partition, or no broker answers.
    pub fn offsets(&self, partition: i32) -> Result<(i64, i64), Fault> {
        let mut cluster = self.cluster();
        let patience = cluster.patience();
        patience.tries(|| Ok((cluster.end(partition, End::Earliest)?, cluster.end(partition, End::Latest)?)))
    }

    /// Reads a partition from `offset` on: about `bytes_max` bytes, one batch at least, or nothing if none comes within `wait`.
    ///
    /// # Errors
    /// Events at `offset` are gone ([`crate::diagnostic::Code::EventsGone`]), a batch is damaged, or no broker answers.
    pub fn fetch(&self, partition: i32, offset: i64, bytes_max: usize, wait: Duration) -> Result<Fetched, Fault> {
        let from = FetchFrom { partition, offset, bytes_max: i32::try_from(bytes_max).unwrap_or(i32::MAX).max(1) };
        let mut cluster = self.cluster();
        let (topic, name) = (cluster.settings.topic().clone(), cluster.settings.to_string());
        let answer = cluster.patience().tries(|| {
            cluster.ask_leader(partition, |connection| {
                let mut answers = fetching::fetch(connection, (&topic, &name), &[from], wait)?;
                answers
                    .pop()
                    .map_or_else(|| Err(Trouble::Passing(format!("{name}: the broker left out partition {partition}"))), |(_, a)| a)
            })
        })?;
        drop(cluster);
        let mut fetched = Fetched { records: Vec::new(), next: offset, high_watermark: answer.high_watermark };
        answer.parts(&topic, &name, |mut part| {
            fetched.records.append(&mut part.records);
            fetched.next = part.next;
            true
        })?;
        Ok(fetched)
    }

    /// Sends records, in their order within each partition; all replicas in sync have them when this returns. A record whose
    /// acknowledgement was lost is sent again and kept once, as long as the brokers remember us.
    ///
    /// # Errors
    /// The brokers refuse a record, or none answers: some of the records may be there all the same.
    pub fn produce(&self, target: Target, records: Vec<Outgoing>) -> Result<(), Fault> {
        let mut producing = self.producing.lock().unwrap_or_else(PoisonError::into_inner);
        producing.send(&mut self.cluster(), target, records)
    }

    /// Tells a consumer group how far its partitions were read. A courtesy to people who watch groups: nothing here reads it.
    ///
    /// # Errors
    /// The brokers refuse, or none answers.
    pub fn commit_group(&self, group: &str, offsets: &[(i32, i64)]) -> Result<(), Fault> {
        let mut cluster = self.cluster();
        let topic = cluster.settings.topic().clone();
        let what = format!("{}, group {group}", cluster.settings);
        let body = request::offset_commit_request(group, &topic, offsets);
        cluster.patience().tries(|| {
            let any = cluster.leaders().keys().next().copied().unwrap_or_default();
            let (error, host, port) = cluster.ask_leader(any, |connection| {
                let answer = connection.call(Api::FindCoordinator, &request::find_coordinator_request(group), Duration::ZERO)?;
                connection.understood(request::find_coordinator(&answer))
            })?;
            if error != 0 {
                return Err(refused(error, &what));
            }
            let error = cluster.ask(&(host, port), |connection| {
                let answer = connection.call(Api::OffsetCommit, &body, Duration::ZERO)?;
                connection.understood(request::offset_commit(&answer))
            })?;
            if error == 0 { Ok(()) } else { Err(refused(error, &what)) }
        })
    }
}
