//! Ending a long run from outside: what is under way is ended first, then no more is begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::diagnostic::{Code, Fault};
use crate::feed::Pace;

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
        let asked = Arc::new(AtomicUsize::new(0));
        let second = Arc::new(std::sync::atomic::AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the second time the first of them finds that it was asked before.
            flag::register_conditional_shutdown(signal, 128 + signal, second.clone())
                .and_then(|_| flag::register(signal, second.clone()))
                .and_then(|_| flag::register_usize(signal, asked.clone(), signal as usize))
                .map_err(|e| Fault::new(Code::Other, format!("signals cannot be heard: {e}")))?;
        }
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
            std::thread::sleep(left.min(PIECE));
        }
        false
    }

    fn goes_on(&self) -> bool {
        self.exit_code().is_none()
    }
}
