//! A thread that fetches from one broker all partitions that it leads.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Guard, Shared, State};
use crate::diagnostic::{Code, Fault};
use crate::kafka::cluster::Cluster;
use crate::kafka::connection::Connection;
use crate::kafka::fetching::{Answer, Answers, fetch};
use crate::kafka::request::FetchFrom;
use crate::kafka::settings::Address;
use crate::kafka::trouble::Trouble;

/// How long a broker waits for a record before it answers that there is none.
const WAIT: Duration = Duration::from_millis(500);
/// The same while other partitions have no room: they may have some soon, and must not wait for those that are idle.
const WAIT_SHORT: Duration = Duration::from_millis(10);
/// Some brokers do not wait: they are asked anew after this, where they gave nothing.
const PAUSE: Duration = Duration::from_millis(2);
/// What is asked for of a partition at a time.
const BYTES_MAX: usize = 1 << 20;
const BYTES_MIN: usize = 16 << 10;

/// Gives each lane the broker that leads it, and each such broker a thread.
///
/// # Errors
/// A thread cannot be made.
pub(super) fn assign(shared: &Arc<Shared>, state: &mut State) -> Result<(), Fault> {
    for lane in &mut state.lanes {
        lane.leader = state.cluster.leaders().get(&lane.partition).copied().unwrap_or(-1);
        let leader = lane.leader;
        if !state.workers.insert(leader) {
            continue;
        }
        let shared = shared.clone();
        let work = move || {
            let _guard = Guard(&shared);
            work(&shared, leader);
        };
        let made = std::thread::Builder::new().name("kafka".to_owned()).spawn(work);
        made.map_err(|e| Fault::new(Code::Unreadable, format!("cannot make a thread that reads events: {e}")))?;
    }
    // Threads that have no room in their own partitions may have got others.
    shared.room.notify_all();
    Ok(())
}

/// Fetches until all is to end, or the broker leads nothing any more.
fn work(shared: &Arc<Shared>, broker: i32) {
    let mut connection = None;
    while let Some(claim) = claimed(shared, broker) {
        let wanted = &claim.wanted;
        let mut trouble = Vec::new();
        match asked(shared, broker, &claim, &mut connection) {
            Ok(answers) => {
                if answers.iter().all(|(_, answer)| answer.as_ref().is_ok_and(Answer::is_empty)) {
                    std::thread::sleep(PAUSE);
                }
                trouble.extend(answers.into_iter().filter_map(|(partition, answer)| Some((partition, took(shared, answer).err()?))));
            }
            Err(again) => {
                connection = None;
                trouble.extend(wanted.iter().map(|from| (from.partition, again.clone())));
            }
        }
        if let Err(fault) = settled(shared, wanted, trouble) {
            shared.fail(fault);
            return;
        }
    }
}

/// What to fetch now.
struct Claim {
    address: Option<Address>,
    wanted: Vec<FetchFrom>,
    wait: Duration,
}

/// The partitions to fetch now, once one of them has room; none when the thread is to end.
fn claimed(shared: &Shared, broker: i32) -> Option<Claim> {
    let mut state = shared.lock();
    loop {
        if state.is_stopped || !state.lanes.iter().any(|lane| lane.leader == broker) {
            state.workers.remove(&broker);
            return None;
        }
        let bytes_max = (shared.lane_bytes / 4).clamp(BYTES_MIN, BYTES_MAX) as i32;
        let mut wanted = Vec::new();
        for lane in state.lanes.iter_mut().filter(|lane| lane.leader == broker && !lane.is_busy && lane.held <= shared.lane_bytes) {
            lane.is_busy = true;
            wanted.push(FetchFrom { partition: lane.partition, offset: lane.fetched, bytes_max });
        }
        if !wanted.is_empty() {
            let of_broker = state.lanes.iter().filter(|lane| lane.leader == broker).count();
            let wait = if wanted.len() < of_broker { WAIT_SHORT } else { WAIT };
            return Some(Claim { address: state.cluster.address(broker).cloned(), wanted, wait });
        }
        state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn asked(shared: &Shared, broker: i32, claim: &Claim, connection: &mut Option<Connection>) -> Result<Answers, Trouble> {
    let away = || Trouble::Passing(format!("{}: broker {broker} is away", shared.name));
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(claim.address.as_ref().ok_or_else(away)?, &shared.settings)?),
    };
    fetch(open, (&shared.topic, &shared.name), &claim.wanted, claim.wait)
}

/// Puts what was fetched of a partition where polls find it, as room is made.
fn took(shared: &Shared, answer: Result<Answer, Trouble>) -> Result<(), Trouble> {
    let answer = answer?;
    let (partition, high_watermark) = (answer.partition, answer.high_watermark);
    let parts = answer.parts(&shared.topic, &shared.name, |part| {
        let is_full = |state: &mut State| !state.is_stopped && lane(state, partition).is_some_and(|lane| lane.held > shared.lane_bytes);
        let mut state = shared.room.wait_while(shared.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        let Some(lane) = lane(&mut state, partition) else { return false };
        lane.high_watermark = high_watermark;
        lane.put(part);
        let goes_on = !state.is_stopped;
        drop(state);
        shared.came.notify_all();
        goes_on
    });
    parts.map_err(Trouble::Lasting)
}

fn lane(state: &mut State, partition: i32) -> Option<&mut super::Lane> {
    state.lanes.iter_mut().find(|lane| lane.partition == partition)
}

/// Gives the partitions back. After trouble that may pass, waits for a while and asks anew who leads them.
///
/// # Errors
/// The trouble stays.
fn settled(shared: &Arc<Shared>, wanted: &[FetchFrom], trouble: Vec<(i32, Trouble)>) -> Result<(), Fault> {
    let mut state = shared.lock();
    for from in wanted.iter().filter(|from| trouble.iter().all(|(partition, _)| *partition != from.partition)) {
        if let Some(lane) = lane(&mut state, from.partition) {
            lane.is_busy = false;
            lane.patience.restore();
        }
    }
    // Another broker's thread may wait for a partition that this one has fetched last.
    shared.room.notify_all();
    if trouble.is_empty() {
        return Ok(());
    }
    let mut pause = Duration::ZERO;
    let partitions: Vec<i32> = trouble.iter().map(|(partition, _)| *partition).collect();
    for (partition, trouble) in trouble {
        if let Some(lane) = lane(&mut state, partition) {
            pause = pause.max(lane.patience.bear(trouble)?);
        }
    }
    let waited = shared.room.wait_timeout_while(state, pause, |state| !state.is_stopped);
    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if state.is_stopped {
        return Ok(());
    }
    state = refreshed(shared, state)?;
    for partition in partitions {
        if let Some(lane) = lane(&mut state, partition) {
            lane.is_busy = false;
        }
    }
    assign(shared, &mut state)
}

/// Asks who leads what, without keeping polls waiting meanwhile. Trouble with that is met again by the next fetch.
fn refreshed<'a>(shared: &'a Shared, state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, Fault> {
    drop(state);
    let mut cluster = Cluster::new(shared.settings.clone());
    let refreshed = cluster.refresh();
    let mut state = shared.lock();
    match refreshed {
        Ok(()) => state.cluster = cluster,
        Err(Trouble::Lasting(fault)) => return Err(fault),
        Err(Trouble::Passing(_)) => {}
    }
    Ok(state)
}
