//! Object stores: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage. What must be known of this machine
//! for them, and one way to read a file wherever its bytes are.

mod answer;
mod azure;
mod columns;
mod configured;
mod listing;
mod name;
mod object;
mod place;
mod profile;
mod readable;
mod surroundings;

use std::io;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;

use self::answer::said;
pub(crate) use self::answer::{fault_in, told};
pub(crate) use self::listing::find;
pub(crate) use self::name::Kind;
pub(crate) use self::object::Object;
pub(crate) use self::place::Remote;
pub use self::readable::Readable;
pub use self::surroundings::Surroundings;

/// A store that does not answer is asked so often again, for so long.
const RETRIES_MAX: usize = 8;
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);
/// Requests that are under way at a time.
const REQUESTS_MAX: usize = 16;

/// Threads that wait: for a table, and for a file of that.
const WAITING: usize = 2;

/// Threads that were begun once are kept, since another may not be given.
const FOR_GOOD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Waits for an answer of the store.
fn wait<T>(future: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
    block_on(future)?.map_err(said)
}

/// Runs `future` to its end.
pub(crate) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(runtime()?.block_on(future))
}

/// What all connections live on.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    match RUNTIME.get() {
        Some(runtime) => Ok(runtime),
        None => {
            ensure_threads()?;
            let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_keep_alive(FOR_GOOD).enable_all().build()?;
            // Threads that wait for files come at once, and stay.
            let met = Arc::new(Barrier::new(WAITING));
            let meeting = |met: Arc<Barrier>| threads.spawn_blocking(move || met.wait());
            let waiting: Vec<_> = (0..WAITING).map(|_| meeting(Arc::clone(&met))).collect();
            for wait in waiting {
                threads.block_on(wait).map_err(|_| io::Error::other("internal error"))?;
            }
            Ok(RUNTIME.get_or_init(|| threads))
        }
    }
}

/// The runtime needs one thread that works beside those that wait: where the system gives it less, it waits for ever.
fn ensure_threads() -> io::Result<()> {
    let begun: Vec<_> = (0..=WAITING).map(|_| thread::Builder::new().spawn(thread::park)).collect();
    let is_all = begun.iter().all(Result::is_ok);
    for thread in begun.into_iter().flatten() {
        thread.thread().unpark();
        thread.join().map_err(|_| io::Error::other("internal error"))?;
    }
    let why = "no thread can be begun; the system limits processes and threads: see `ulimit -u`";
    if is_all { Ok(()) } else { Err(io::Error::other(why)) }
}
