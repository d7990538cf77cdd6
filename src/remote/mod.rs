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
use std::sync::OnceLock;
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
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            Ok(RUNTIME.get_or_init(|| runtime))
        }
    }
}
