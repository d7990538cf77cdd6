//! The end of a run that is asked for from outside, and what the run has to say to whoever began it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::diagnostic::{Code, Fault};

/// Ends a run from outside. Clones are one token; a run that was ended publishes nothing.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// Who asked the run to end: the number of a signal, or one of those below; 0 while nobody has.
    by: Arc<AtomicUsize>,
    is_heeded: AtomicBool,
    is_committing: AtomicBool,
    /// How many threads could be begun, where they are fewer than asked for; else 0.
    threads: AtomicUsize,
}

/// Numbers of no signal.
const CALLER: usize = 1 << 16;
const TIME: usize = 1 << 17;

impl Cancel {
    /// Asks the run to end; it does between two batches of rows.
    pub fn cancel(&self) {
        self.0.by.store(CALLER, Ordering::Relaxed);
    }

    /// Asks the run to end because it has taken as long as it may.
    pub fn time_is_up(&self) {
        self.0.by.store(TIME, Ordering::Relaxed);
    }

    /// Where the number of a signal goes that asks the run to end.
    pub fn signalled(&self) -> Arc<AtomicUsize> {
        self.0.by.clone()
    }

    /// The signal that asked for it.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.0.by.load(Ordering::Relaxed)).ok().filter(|signal| *signal > 0)
    }

    /// Whether anybody asked.
    pub fn is_asked(&self) -> bool {
        self.0.by.load(Ordering::Relaxed) != 0
    }

    /// Whether the run has ended because it was asked to.
    pub fn is_heeded(&self) -> bool {
        self.0.is_heeded.load(Ordering::Relaxed)
    }

    /// Whether the run is where it must not be broken off.
    pub fn is_committing(&self) -> bool {
        self.0.is_committing.load(Ordering::SeqCst)
    }

    /// Notes that the system let the run begin only so many threads.
    pub fn note_threads(&self, begun: usize) {
        self.0.threads.store(begun, Ordering::Relaxed);
    }

    /// How many threads could be begun, where they are fewer than asked for.
    pub fn fewer_threads(&self) -> Option<usize> {
        Some(self.0.threads.load(Ordering::Relaxed)).filter(|begun| *begun > 0)
    }

    /// From here on the run is brought to its end, whoever asks.
    ///
    /// # Errors
    /// It was asked to end before.
    pub fn begin_commit(&self) -> Result<(), Fault> {
        self.check()?;
        // Whoever asks from now on waits for longer than it takes to get here.
        self.0.is_committing.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// What was begun is at its end.
    pub fn end_commit(&self) {
        self.0.is_committing.store(false, Ordering::SeqCst);
    }

    /// Whether the run may go on.
    ///
    /// # Errors
    /// It was asked to end.
    pub fn check(&self) -> Result<(), Fault> {
        let by = self.0.by.load(Ordering::Relaxed);
        if by == 0 {
            return Ok(());
        }
        self.0.is_heeded.store(true, Ordering::Relaxed);
        Err(self.fault())
    }

    /// That it was asked to end, and by whom.
    pub fn fault(&self) -> Fault {
        let fault = match (self.0.by.load(Ordering::Relaxed), self.signal()) {
            (TIME, _) => Fault::new(Code::TimedOut, "the run has taken as long as `--timeout` lets it"),
            (_, Some(signal)) => Fault::new(Code::Cancelled, format!("cancelled by signal {signal}")),
            (_, None) => Fault::new(Code::Cancelled, "cancelled"),
        };
        fault.hint(if self.is_committing() { "what was published before stays" } else { "nothing was published" })
    }
}
