//! Runs work over units on the threads of one machine, and hands results on in unit order.
//!
//! One worker folds a unit from empty; results pass a bounded window and are merged in the order
//! of the units, so nothing depends on which thread was faster.

mod cancel;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

pub use self::cancel::Cancel;
use crate::diagnostic::{Code, Fault};
use crate::source::{Preread, Source, Unit};

/// How many finished units may wait for an earlier one, beyond one a thread.
const WINDOW: u32 = 2;

/// Which units to work on.
pub enum UnitSelection<'a> {
    /// All, found while going.
    All,
    /// These.
    Units(&'a [Unit]),
}

struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
    /// The last unit found. A worker locks it while it looks for the next one, which may mean reading. `state` is not locked
    /// meanwhile, so that nobody else waits.
    last: Mutex<Option<Unit>>,
}

struct QueueState<T> {
    /// Units handed out so far.
    handed: u32,
    exhausted: bool,
    finished: BTreeMap<u32, Result<T, Fault>>,
    merged: u32,
    stop: bool,
}

/// Calls `work` on every unit, on `threads` threads, and `merge` with each result in unit order, on this thread.
///
/// # Errors
/// The first fault, in unit order, of the source, of `work` or of `merge`; a panic in `work` is one, and so is `cancel`.
pub fn each_unit<T: Send>(
    source: &dyn Source,
    selection: UnitSelection<'_>,
    threads: usize,
    cancel: &Cancel,
    work: impl Fn(&Unit, Preread) -> Result<T, Fault> + Sync,
    mut merge: impl FnMut(T) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let state = QueueState { handed: 0, exhausted: false, finished: BTreeMap::new(), merged: 0, stop: false };
    let queue = Queue { state: Mutex::new(state), changed: Condvar::new(), last: Mutex::new(None) };
    let window = threads as u32 + WINDOW;
    thread::scope(|scope| {
        let begin = || thread::Builder::new().spawn_scoped(scope, || worker(&queue, source, &selection, window, cancel, &work));
        // A container may let us have fewer than there are cores.
        let begun: Vec<_> = (0..threads.max(1)).map(|_| begin()).take_while(Result::is_ok).collect();
        if begun.is_empty() {
            return Err(Fault::new(Code::Other, "no thread can be begun").hint("the system limits processes and threads: see `ulimit -u`"));
        }
        if begun.len() < threads {
            cancel.note_threads(begun.len());
        }
        let result = catch_unwind(AssertUnwindSafe(|| collect(&queue, cancel, &mut merge)));
        // Workers wait for room in the window; whatever happened here, they must be told to stop.
        lock(&queue.state).stop = true;
        queue.changed.notify_all();
        result.unwrap_or_else(|_| Err(internal()))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Panics in workers are caught before they can poison; were one not, what is locked would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn collect<T>(queue: &Queue<T>, cancel: &Cancel, merge: &mut impl FnMut(T) -> Result<(), Fault>) -> Result<(), Fault> {
    loop {
        let mut state = lock(&queue.state);
        let next = state.merged;
        let result = loop {
            if let Some(result) = state.finished.remove(&next) {
                break result;
            }
            if state.exhausted && next >= state.handed {
                return cancel.check();
            }
            state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        cancel.check()?;
        merge(result?)?;
        lock(&queue.state).merged += 1;
        queue.changed.notify_all();
    }
}

fn worker<T>(
    queue: &Queue<T>,
    source: &dyn Source,
    selection: &UnitSelection<'_>,
    window: u32,
    cancel: &Cancel,
    work: &(impl Fn(&Unit, Preread) -> Result<T, Fault> + Sync),
) {
    while let Some((number, next)) = take(queue, source, selection, window, cancel) {
        let result =
            next.and_then(|(unit, preread)| catch_unwind(AssertUnwindSafe(|| work(&unit, preread))).unwrap_or_else(|_| Err(internal())));
        let mut state = lock(&queue.state);
        state.exhausted |= result.is_err();
        state.finished.insert(number, result);
        drop(state);
        queue.changed.notify_all();
    }
}

/// A unit to work on and its number, or why there is none where one should be.
type Taken = (u32, Result<(Unit, Preread), Fault>);

/// The next unit, once the window has room; none at the end.
fn take<T>(queue: &Queue<T>, source: &dyn Source, selection: &UnitSelection<'_>, window: u32, cancel: &Cancel) -> Option<Taken> {
    // One worker after the other: where a unit begins is known only once the one before was found.
    let mut last = lock(&queue.last);
    let mut state = lock(&queue.state);
    while !state.stop && !state.exhausted && state.handed >= state.merged + window {
        state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    if state.stop || state.exhausted {
        return None;
    }
    let number = state.handed;
    drop(state);
    let next = cancel.check().and_then(|()| match selection {
        UnitSelection::Units(units) => Ok(units.get(number as usize).map(|u| (u.clone(), None))),
        UnitSelection::All => catch_unwind(AssertUnwindSafe(|| source.next_unit(last.as_ref()))).unwrap_or_else(|_| Err(internal())),
    });
    let taken = next.transpose().map(|next| (number, next));
    let mut state = lock(&queue.state);
    if state.stop {
        return None;
    }
    state.exhausted |= !matches!(taken, Some((_, Ok(_))));
    state.handed += u32::from(taken.is_some());
    if let Some((_, Ok((unit, _)))) = &taken {
        *last = Some(unit.clone());
    }
    drop(state);
    queue.changed.notify_all();
    taken
}

/// A panic as a fault: the data broke an assumption of a library or of ours. What it says may hold values of the data.
fn internal() -> Fault {
    Fault::new(Code::Internal, "internal error while reading").hint("the file may be damaged; please report it")
}
