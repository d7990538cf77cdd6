//! Reading several partitions ahead, in bounded memory: a thread a broker fetches, whoever polls takes what is there.

mod lane;
mod worker;

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::lane::{Lane, taken};
use super::cluster::Cluster;
use super::settings::Settings;
use super::trouble::Patience;
use crate::diagnostic::{Code, Fault};
use crate::source::EventRecord;

/// When a poll has enough.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub records: usize,
    /// Of keys, values and headers. One record is taken in any case.
    pub bytes: usize,
    pub wait: Duration,
}

/// How far a poll came in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub partition: i32,
    /// The offset that the poll began with.
    pub from: i64,
    /// The offset to go on with.
    pub to: i64,
    /// The offset after the last record that was there when it was last looked.
    pub high_watermark: i64,
}

/// What a poll took.
#[derive(Debug, Clone, Default)]
pub struct Polled {
    /// By partition and offset.
    pub records: Vec<EventRecord>,
    /// The partitions in which it came further, ascending. Some may have done so without a record: see [`super::Fetched`].
    pub moved: Vec<Moved>,
}

/// Reads ahead until it is dropped.
pub struct Reader {
    shared: Arc<Shared>,
}

/// Ends a poll of a [`Reader`] from another thread.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
}

/// What threads and polls have in common.
struct Shared {
    topic: Arc<str>,
    /// The URL, for people.
    name: String,
    settings: Settings,
    /// What a partition may have ready before no more of it is fetched.
    lane_bytes: usize,
    state: Mutex<State>,
    /// Something came, or went wrong: polls wait for this.
    came: Condvar,
    /// Something was taken, or all is to end: threads wait for this.
    room: Condvar,
}

struct State {
    cluster: Cluster,
    lanes: Vec<Lane>,
    /// The lane from which the next poll takes first.
    turn: usize,
    /// The brokers that have a thread.
    workers: BTreeSet<i32>,
    fault: Option<Fault>,
    is_woken: bool,
    is_stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, fault: Fault) {
        self.lock().fault.get_or_insert(fault);
        self.came.notify_all();
    }
}

impl Reader {
    /// Reads `starts`, partitions with the offsets to begin with. About `bytes_max` bytes are held at a time, and what a fetch
    /// of each broker gives; brokers may be away for as long as the settings allow.
    ///
    /// # Errors
    /// The brokers cannot be reached, or there is no such partition.
    pub fn open(settings: &Settings, starts: &[(i32, i64)], bytes_max: usize) -> Result<Self, Fault> {
        let mut cluster = Cluster::new(settings.clone());
        cluster.patience().tries(|| cluster.refresh())?;
        if let Some((partition, _)) = starts.iter().find(|(partition, _)| !cluster.leaders().contains_key(partition)) {
            return Err(cluster.no_partition(*partition));
        }
        let mut lanes: Vec<Lane> =
            starts.iter().map(|(partition, offset)| Lane::new(*partition, *offset, Patience::new(settings.patience))).collect();
        lanes.sort_by_key(|lane| lane.partition);
        lanes.dedup_by_key(|lane| lane.partition);
        let (topic, name, lane_bytes) = (settings.topic().clone(), settings.to_string(), bytes_max / lanes.len().max(1));
        let state = State { cluster, lanes, turn: 0, workers: BTreeSet::new(), fault: None, is_woken: false, is_stopped: false };
        let (state, came, room) = (Mutex::new(state), Condvar::new(), Condvar::new());
        let reader = Self { shared: Arc::new(Shared { topic, name, settings: settings.clone(), lane_bytes, state, came, room }) };
        worker::assign(&reader.shared, &mut reader.shared.lock())?;
        Ok(reader)
    }

    /// What came: until one of the limits is reached, or somebody wakes it. Nothing may have come.
    ///
    /// # Errors
    /// A partition cannot be read on: events are gone ([`Code::EventsGone`]), a batch is damaged, brokers stayed away for too
    /// long. What came before that was given by the poll before.
    pub fn poll(&self, limits: &Limits) -> Result<Polled, Fault> {
        let mut took = lane::Taking::new(limits);
        let state = self.shared.lock();
        let more = |state: &mut State| {
            taken(state, &mut took);
            // Threads may wait for room that is there now.
            self.shared.room.notify_all();
            !(took.is_full() || state.fault.is_some() || state.is_woken)
        };
        let (mut state, _) = self.shared.came.wait_timeout_while(state, limits.wait, more).unwrap_or_else(PoisonError::into_inner);
        taken(&mut state, &mut took);
        state.is_woken = false;
        let polled = took.into_polled(&state.lanes);
        match &state.fault {
            Some(fault) if polled.moved.is_empty() => Err(fault.clone()),
            Some(_) | None => Ok(polled),
        }
    }

    /// The partitions, with the offset that the next poll begins with.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        self.shared.lock().lanes.iter().map(|lane| (lane.partition, lane.handed)).collect()
    }

    /// What ends polls from elsewhere.
    pub fn waker(&self) -> Waker {
        Waker { shared: self.shared.clone() }
    }
}

impl Waker {
    /// Ends the poll that is under way, or the next one, with what it has.
    pub fn wake(&self) {
        self.shared.lock().is_woken = true;
        self.shared.came.notify_all();
    }
}

impl Drop for Reader {
    /// Threads end when the answer comes that they wait for.
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.room.notify_all();
    }
}

/// A thread that panicked must not leave polls waiting for ever.
struct Guard<'a>(&'a Shared);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(Fault::new(Code::Internal, "a thread that reads events ended with an internal error"));
        }
    }
}
