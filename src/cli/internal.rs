//! Errors of our own: what a panic says may hold values of the data, so it is not printed.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

use super::exit::ExitCode;
use super::output;
use crate::diagnostic::{Code, Fault};

/// Where in the source code the last panic was.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Runs `work`. A panic in it becomes a message and the exit code 2; panics that are caught on the way say nothing.
pub(super) fn guarded(work: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::set_hook(Box::new(|info| {
        // A thread that waits for one that broke breaks in the standard library.
        if let (Some(location), Ok(mut place)) = (info.location().filter(|at| !at.file().starts_with("/rustc/")), PLACE.lock()) {
            *place = Some(format!("{}:{}", within_crates(location.file()), location.line()));
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = PLACE.lock().ok().and_then(|mut place| place.take()).unwrap_or_else(|| "an unknown place".to_owned());
        let fault = Fault::new(Code::Internal, format!("internal error at {place}, sluicegate {}", env!("CARGO_PKG_VERSION")));
        output::complain(&fault.hint("please report it, with what led to it").into());
        ExitCode::from(2)
    })
}

/// A source file without the directory where the crates lay when the program was built.
fn within_crates(file: &str) -> &str {
    let registry = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    registry.map_or(file, |(_, path)| path)
}

/// What the hidden subcommand does.
#[expect(clippy::panic, reason = "a test must see what becomes of a panic of a library, and cannot cause one at will")]
pub(super) fn panic_with(text: &str) -> ! {
    panic!("{text}")
}
