//! Where batches are kept: whatever can do what [`Store`] asks for, such as one Parquet file, a directory of one part a batch,
//! or a Delta table.
//!
//! Everything is staged under a name no reader looks at, made durable, and renamed into place or committed to the
//! table's log: a reader sees a batch whole or not at all.

mod beside;
mod common;
mod delta;
mod durable;
mod encoded;
mod file;
mod interface;
pub mod kill;
mod list;
mod location;
mod merge;
mod named;
mod once;
mod parquet;
mod partition;
mod parts;
mod position;
mod quarantine;
mod releases;
mod stamp;
mod summaries;

pub use self::beside::keys_of;
pub use self::common::rolled_back;
pub use self::durable::{GateLock, Waiting, sweep_at};
pub use self::encoded::{Encoded, Encoder, StagedUnit, UnitEncoder};
pub use self::interface::{BatchRows, Commit, CommitDone, Committed, Compact, Layout, Snapshot, Stage, Store, Terms};
pub use self::list::{open, refuse_other_files};
pub use self::location::Location;
pub use self::merge::{Deletes, Merge};
pub use self::named::quarantine_beside;
pub(crate) use self::parquet::is_wide;
pub use self::parquet::{as_parquet, done_in, held as held_in_parquet, replays_in, stored_at};
pub use self::partition::Partition;
pub use self::position::{Position, moved_on};
pub use self::quarantine::{Contents, MASKS, Quarantine, StagedPart};
pub use self::releases::Release;
pub use self::stamp::{ReplayedRows, Stamp, Stored};
pub use self::summaries::{Coverage, SummaryName, Texts, Uncovered};
pub use crate::remote::{Readable, Surroundings};

/// The directory in that of a table where what is ours lives: other programs leave alone what begins with `_`.
const RESERVED: &str = "_sluicegate";
