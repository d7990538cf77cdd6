//! Runs work over units on the threads of one machine, and hands results on in unit order.
//!
//! One worker folds a unit from empty; results pass a bounded window and are merged in the order
//! of the units, so nothing depends on which thread was faster.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::diagnostic::{Code, Fault};
use crate::source::{Preread, Source, Unit};

/// How many finished units may wait for an earlier one, beyond one a thread.
const WINDOW: u32 = 2;

/// Which units to work on.
pub enum Over<'a> {
    /// All, found while going.
    All,
    /// These.
    Units(&'a [Unit]),
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// Units handed out so far.
    handed: u32,
    previous: Option<Unit>,
    exhausted: bool,
    finished: BTreeMap<u32, Result<T, Fault>>,
    merged: u32,
    stop: bool,
}

/// Calls `work` on every unit, on `threads` threads, and `merge` with each result in unit order, on this thread.
///
/// # Errors
/// The first fault, in unit order, of the source, of `work` or of `merge`; a panic in `work` is one.
pub fn each_unit<T: Send>(
    source: &dyn Source,
    over: Over<'_>,
    threads: usize,
    work: impl Fn(&Unit, Preread) -> Result<T, Fault> + Sync,
    mut merge: impl FnMut(T) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let state = State { handed: 0, previous: None, exhausted: false, finished: BTreeMap::new(), merged: 0, stop: false };
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
    let window = threads as u32 + WINDOW;
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| worker(&shared, source, &over, window, &work));
        }
        let result = catch_unwind(AssertUnwindSafe(|| collect(&shared, &mut merge)));
        // Workers wait for room in the window; whatever happened here, they must be told to stop.
        lock(&shared).stop = true;
        shared.changed.notify_all();
        result.unwrap_or_else(|_| Err(internal()))
    })
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    // Panics in workers are caught before they can poison; were one not, the state would still be whole.
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn collect<T>(shared: &Shared<T>, merge: &mut impl FnMut(T) -> Result<(), Fault>) -> Result<(), Fault> {
    loop {
        let mut state = lock(shared);
        let next = state.merged;
        let result = loop {
            if let Some(result) = state.finished.remove(&next) {
                break result;
            }
            if state.exhausted && next >= state.handed {
                return Ok(());
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        merge(result?)?;
        lock(shared).merged += 1;
        shared.changed.notify_all();
    }
}

fn worker<T>(
    shared: &Shared<T>,
    source: &dyn Source,
    over: &Over<'_>,
    window: u32,
    work: &(impl Fn(&Unit, Preread) -> Result<T, Fault> + Sync),
) {
    while let Some((number, next)) = take(shared, source, over, window) {
        let result =
            next.and_then(|(unit, preread)| catch_unwind(AssertUnwindSafe(|| work(&unit, preread))).unwrap_or_else(|_| Err(internal())));
        let mut state = lock(shared);
        state.exhausted |= result.is_err();
        state.finished.insert(number, result);
        drop(state);
        shared.changed.notify_all();
    }
}

/// The next unit and its number, once the window has room; none at the end.
#[allow(clippy::type_complexity)]
fn take<T>(shared: &Shared<T>, source: &dyn Source, over: &Over<'_>, window: u32) -> Option<(u32, Result<(Unit, Preread), Fault>)> {
    let mut state = lock(shared);
    while !state.stop && !state.exhausted && state.handed >= state.merged + window {
        state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    if state.stop || state.exhausted {
        return None;
    }
    let next = match over {
        Over::Units(units) => Ok(units.get(state.handed as usize).map(|u| (u.clone(), None))),
        Over::All => catch_unwind(AssertUnwindSafe(|| source.next_unit(state.previous.as_ref()))).unwrap_or_else(|_| Err(internal())),
    };
    let taken = match next {
        Ok(None) => {
            state.exhausted = true;
            None
        }
        Ok(Some((unit, preread))) => {
            state.previous = Some(unit.clone());
            state.handed += 1;
            Some((state.handed - 1, Ok((unit, preread))))
        }
        Err(fault) => {
            state.handed += 1;
            Some((state.handed - 1, Err(fault)))
        }
    };
    drop(state);
    shared.changed.notify_all();
    taken
}

/// A panic as a fault: the data broke an assumption of a library or of ours. What it says may hold values of the data.
fn internal() -> Fault {
    Fault::new(Code::Internal, "internal error while reading").hint("the file may be damaged; please report it")
}
