//! A directory as a Delta table: one data file and one commit a batch.
//!
//! The commit carries an application transaction for (data set, batch), so a batch is known to be there even after
//! another program has compacted the files. Its version is a digest of the batch and its rules, not a counter.
//! The library makes nothing durable: the gate does, before it says that a batch is published.

mod add;
mod append;
mod commit;
mod commit_state;
mod compact;
mod constraints;
mod coverage;
mod deleted;
mod divide;
mod log;
mod merge;
mod name;
mod outgoing;
mod partition_values;
mod paths;
mod pieces;
mod protocol;
mod replace;
mod rewrite;
mod schema;
mod store;
mod table;
mod transactions;
mod upkeep;

pub(super) use self::log::LOG;
pub(super) use self::store::open;
