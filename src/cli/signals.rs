//! Ending a run from outside. One batch: nothing is published, unless its commit has begun. Batches that keep coming: the one
//! that is under way is ended first, then no more is begun.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use super::exit::ExitCode;
use super::{memory, output, scratch};
use crate::diagnostic::{Code, Fault};
use crate::engine::Cancel;
use crate::feed::Pace;
use crate::shown::counted;

/// What ends the run of this program; none where another program runs it within itself.
static ENDING: OnceLock<Ending> = OnceLock::new();

/// So long a run that is asked to end may take until it does: it may wait for a server, or for a pipe.
const PATIENCE: Duration = Duration::from_secs(3);

struct Ending {
    cancel: Cancel,
    handlers: Mutex<Vec<SigId>>,
}

/// From now on a signal ends the run, and so does the time if it is given. Asked by a signal a second time, it ends at once.
///
/// Where signals cannot be heard, or no thread can be had, the system ends the process as it does any other.
pub(super) fn watch(timeout: Option<Duration>) {
    let (cancel, began) = (Cancel::default(), Instant::now());
    let handlers = Mutex::new(hear(&cancel.signalled()).unwrap_or_default());
    let watched = cancel.clone();
    let watcher = thread::Builder::new().name("ending".to_owned()).spawn(move || wait_for_end(&watched, began, timeout));
    let ending = Ending { cancel, handlers };
    if watcher.is_err() {
        ending.leave();
    }
    drop(ENDING.set(ending));
}

/// What ends the run that begins now.
pub(super) fn cancel() -> Cancel {
    ENDING.get().map(|ending| ending.cancel.clone()).unwrap_or_default()
}

/// The exit code: what ended by a signal says so, as in a shell.
pub(super) fn finish(code: ExitCode) -> ExitCode {
    let cancel = cancel();
    if let Some(begun) = cancel.fewer_threads() {
        output::note(&format!(
            "the system lets the run have {} only, fewer than asked for; nothing changes in the report",
            counted(begun as u64, "thread")
        ));
    }
    match cancel.signal() {
        Some(signal) if cancel.is_heeded() && code == ExitCode(2) => ExitCode(128 + signal),
        Some(_) | None => code,
    }
}

impl Ending {
    /// Lets signals do what they do without it.
    fn leave(&self) {
        if let Ok(mut handlers) = self.handlers.lock() {
            handlers.drain(..).for_each(|handler| _ = low_level::unregister(handler));
        }
    }
}

/// Puts the number of a signal into `asked`; the second signal ends the process.
fn hear(asked: &Arc<AtomicUsize>) -> std::io::Result<Vec<SigId>> {
    let second = Arc::new(AtomicBool::new(false));
    let mut handlers = Vec::new();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second time the first of them finds that it was asked before.
        handlers.push(flag::register_conditional_shutdown(signal, 128 + signal, second.clone())?);
        handlers.push(flag::register(signal, second.clone())?);
        handlers.push(flag::register_usize(signal, asked.clone(), signal as usize)?);
    }
    Ok(handlers)
}

/// Ends a run that was asked to end, and does not.
#[expect(clippy::exit, reason = "a thread that waits for a pipe or a server cannot be woken")]
fn wait_for_end(cancel: &Cancel, began: Instant, timeout: Option<Duration>) {
    const PIECE: Duration = Duration::from_millis(20);
    while !cancel.is_asked() {
        if timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            cancel.time_is_up();
        }
        memory::look();
        thread::sleep(PIECE);
    }
    let asked = Instant::now();
    // One that ends has to clean up, and to tell of it.
    while cancel.is_committing() || asked.elapsed() < if cancel.is_heeded() { 10 * PATIENCE } else { PATIENCE } {
        memory::look();
        thread::sleep(PIECE);
    }
    scratch::discard_all();
    output::complain(&cancel.fault().into());
    std::process::exit(cancel.signal().map_or(2, |signal| 128 + i32::from(signal)));
}

/// Whether someone asked the run to end: Ctrl-C, or a service manager. Asked a second time, the process ends at once.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    asked: Arc<AtomicUsize>,
    began: Instant,
}

impl Stop {
    /// From now on, signals are heard.
    ///
    /// # Errors
    /// The system does not let them be.
    pub(super) fn listen() -> Result<Self, Fault> {
        ENDING.get().into_iter().for_each(Ending::leave);
        let asked = Arc::new(AtomicUsize::new(0));
        hear(&asked).map_err(|e| Fault::new(Code::Other, format!("signals cannot be heard: {e}")))?;
        Ok(Self { asked, began: Instant::now() })
    }

    /// The signal that asked for it.
    pub(super) fn signal(&self) -> Option<u8> {
        u8::try_from(self.asked.load(Ordering::Relaxed)).ok().filter(|signal| *signal > 0)
    }

    /// The exit code of a run that was asked to end; none if it was not.
    pub(super) fn exit_code(&self) -> Option<u8> {
        self.signal().map(|signal| 128 + signal)
    }
}

impl Pace for Stop {
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&self, time: Duration) -> bool {
        const PIECE: Duration = Duration::from_millis(50);
        let until = Instant::now() + time;
        while self.goes_on() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(PIECE));
        }
        false
    }

    fn goes_on(&self) -> bool {
        self.exit_code().is_none()
    }
}
