//! Being asked to end: SIGTERM and SIGINT are noted, and the run ends when it is ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::diagnostic::{Code, Fault};

/// Whether someone has asked this program to end.
pub(super) struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Notes signals from now on. A second one ends the program at once.
    ///
    /// # Errors
    /// The system does not let signals be noted.
    pub(super) fn on_signals() -> Result<Self, Fault> {
        let (signal, again) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for (number, value) in [(SIGTERM, SIGTERM as usize), (SIGINT, SIGINT as usize)] {
            let registered = flag::register_conditional_shutdown(number, 128 + number, again.clone())
                .and_then(|_| flag::register(number, again.clone()))
                .and_then(|_| flag::register_usize(number, signal.clone(), value));
            registered.map_err(|e| Fault::new(Code::Internal, format!("cannot be told of signals: {e}")))?;
        }
        Ok(Self { signal })
    }

    /// The signal that asked for it.
    pub(super) fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|signal| *signal > 0)
    }
}
