//! Which brokers there are, which of them leads each partition, and the connections to them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use super::connection::Connection;
use super::request::{self, Api, End, Metadata};
use super::settings::{Address, Settings};
use super::trouble::{Patience, Trouble, UNKNOWN_TOPIC, refused, refused_now, unknown_topic};
use crate::diagnostic::Fault;

/// What is known of the brokers of a topic.
pub(super) struct Cluster {
    pub(super) settings: Settings,
    brokers: BTreeMap<i32, Address>,
    /// What the brokers call themselves together, if they do.
    pub(super) id: Option<String>,
    leaders: BTreeMap<i32, i32>,
    connections: BTreeMap<Address, Connection>,
}

impl Cluster {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, brokers: BTreeMap::new(), id: None, leaders: BTreeMap::new(), connections: BTreeMap::new() }
    }

    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.settings.patience)
    }

    /// The leader of each partition, -1 where there is none, by the last answer.
    pub(super) fn leaders(&self) -> &BTreeMap<i32, i32> {
        &self.leaders
    }

    pub(super) fn address(&self, broker: i32) -> Option<&Address> {
        self.brokers.get(&broker)
    }

    /// Asks the brokers anew who leads what.
    ///
    /// # Errors
    /// None of them can be reached, or they do not know the topic.
    pub(super) fn refresh(&mut self) -> Result<(), Trouble> {
        let mut last = None;
        // Those of the URL come first: others may have moved, or never have been meant for us.
        let known: Vec<Address> = self.settings.brokers.iter().chain(self.brokers.values()).cloned().collect();
        for address in known {
            match self.described_by(&address) {
                Ok(described) if described.error == UNKNOWN_TOPIC => return Err(unknown_topic(&self.settings.to_string()).into()),
                Ok(described) if described.error != 0 => last = Some(refused(described.error, &self.settings.to_string())),
                Ok(described) => {
                    (self.brokers, self.leaders, self.id) = (described.brokers, described.leaders, described.cluster);
                    return Ok(());
                }
                Err(lasting @ Trouble::Lasting(_)) => return Err(lasting),
                Err(passing @ Trouble::Passing(_)) => last = Some(passing),
            }
        }
        Err(last.unwrap_or_else(|| Trouble::Passing(format!("{}: no broker is known", self.settings))))
    }

    fn described_by(&mut self, address: &Address) -> Result<Metadata, Trouble> {
        let topic = self.settings.topic().clone();
        self.ask(address, |connection| {
            let answer = connection.call(Api::Metadata, &request::metadata_request(&topic), Duration::ZERO)?;
            connection.understood(request::metadata(&answer, &topic))
        })
    }

    /// Asks the broker at `address`. A connection on which something went wrong is not used again.
    pub(super) fn ask<T>(&mut self, address: &Address, question: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let connection = match self.connections.entry(address.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert(Connection::open(address, &self.settings)?),
        };
        let answer = question(connection);
        if answer.is_err() {
            self.connections.remove(address);
        }
        answer
    }

    /// Asks the leader of `partition`, of whoever leads it after something went wrong.
    pub(super) fn ask_leader<T>(
        &mut self,
        partition: i32,
        question: impl FnOnce(&mut Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if self.leaders.is_empty() {
            self.refresh()?;
        }
        let what = format!("{}, partition {partition}", self.settings);
        let Some(leader) = self.leaders.get(&partition) else { return Err(self.no_partition(partition).into()) };
        let answer = match self.brokers.get(leader).cloned() {
            Some(address) => self.ask(&address, question),
            None => Err(Trouble::Passing(format!("{what}: it has no leader now"))),
        };
        if answer.is_err() {
            self.leaders.clear();
        }
        answer
    }

    pub(super) fn no_partition(&self, partition: i32) -> Fault {
        let fault = unknown_topic(&format!("{}, partition {partition}", self.settings));
        let known: Vec<i32> = self.leaders.keys().copied().collect();
        let what = format!("{}: there is no partition {partition}", self.settings);
        Fault { what, ..fault }.hint(match (known.first(), known.last()) {
            (Some(first), Some(last)) => format!("the topic has the partitions {first} to {last}"),
            _ => "the topic has no partitions".to_owned(),
        })
    }

    /// The first offset that is there, or the one after the last.
    pub(super) fn end(&mut self, partition: i32, end: End) -> Result<i64, Trouble> {
        let topic = self.settings.topic().clone();
        let what = format!("{}, partition {partition}", self.settings);
        self.ask_leader(partition, |connection| offset(connection, &topic, partition, end, &what))
    }
}

/// Asks one broker for it.
pub(super) fn offset(connection: &mut Connection, topic: &str, partition: i32, end: End, what: &str) -> Result<i64, Trouble> {
    let answer = connection.call(Api::ListOffsets, &request::list_offsets_request(topic, partition, end), Duration::ZERO)?;
    match connection.understood(request::list_offsets(&answer))? {
        (0, offset) => Ok(offset),
        (error, _) => Err(refused_now(error, what)),
    }
}
