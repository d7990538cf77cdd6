//! What every store of published rows can do, whatever it keeps them in.
//!
//! A batch goes there in four steps. Its rows are *staged* while it is judged: written where no reader looks. Rows that
//! turn out not to pass are *removed* again. When the stage is *finished* it says whose rows these are, and can be counted
//! and read back. Then it is *committed*: readers see all of the batch, or nothing of it.

use std::any::Any;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};

use super::encoded::{Encoded, Encoder, StagedUnit};
use super::location::Location;
use super::merge::Merge;
use super::partition::Partition;
use super::position::Position;
use super::stamp::{Stamp, Stored};
use super::summaries::{Coverage, SummaryName, Texts};
use crate::diagnostic::{Code, Fault};
use crate::rows::RowSet;
use crate::rules::published::{Fetched, KeyQuery};
use crate::rules::schema::Evolution;
use crate::rules::schema::table::TableTerms;

/// A place for published rows: a file, a directory, a table. `Display` names it for people.
pub trait Store: Display + Send + Sync {
    /// Where the batch `id` is or would be, for people.
    fn place_of(&self, id: &str) -> String {
        let _ = id;
        self.to_string()
    }

    /// Where rows set aside go if nobody names a place; none where one must be named.
    fn quarantine(&self) -> Option<Location>;

    /// Refuses a quarantine that lies in the way of the published rows, or they in its.
    ///
    /// # Errors
    /// It does.
    fn allow_quarantine(&self, quarantine: &Location) -> Result<(), Fault>;

    /// Directories of this machine that one gate holds at a time, from looking at what is there until its batch is. Where
    /// there are none, the store itself tells racing gates apart when they commit.
    fn held_directories(&self) -> Vec<PathBuf>;

    /// Whether it keeps the latest batch only, whose place any other takes.
    fn keeps_one_batch(&self) -> bool {
        false
    }

    /// What it asks of rows. From now on it refuses rows if it comes to ask for something else.
    ///
    /// # Errors
    /// It cannot be read, or asks for what cannot be kept.
    fn terms(&self) -> Result<Terms, Fault>;

    /// Refuses batches that take the place of published rows by their values.
    ///
    /// # Errors
    /// It cannot take single rows away.
    fn allow_replacing(&self) -> Result<(), Fault> {
        let fault = Fault::new(Code::UnfitDestination, format!("{self}: rows can be replaced by their values in a Delta table only"));
        Err(fault.hint("publish to a directory without `format: parquet`, or leave `gate: { replace: … }` out"))
    }

    /// Refuses batches whose rows insert, update and delete others by their key.
    ///
    /// # Errors
    /// It cannot take single rows away.
    fn allow_merging(&self) -> Result<(), Fault> {
        let fault = Fault::new(Code::UnfitDestination, format!("{self}: rows can be merged by their key into a Delta table only"));
        Err(fault.hint("publish to a directory without `format: parquet`, or leave `gate: { merge: … }` out"))
    }

    /// The same store, laid out so.
    ///
    /// # Errors
    /// It cannot be.
    fn with_layout(&self, layout: &Layout) -> Result<Arc<dyn Store>, Fault> {
        let _ = layout;
        let fault =
            Fault::new(Code::UnfitDestination, format!("{self}: only a Delta table can be partitioned, or its small files put together"));
        Err(fault.hint("publish to a directory without `format: parquet`, or leave `partition_by` and `compact` out of `gate`"))
    }

    /// Whether rows of `columns` can be published; inside, why what is there does not let them.
    ///
    /// # Errors
    /// The store cannot be read, or nothing of its kind could hold these columns.
    fn takes(&self, columns: &SchemaRef, evolution: Evolution) -> Result<Result<(), Fault>, Fault>;

    /// What stands where the batch that `stamp` names would go.
    ///
    /// # Errors
    /// Something is there and cannot be read.
    fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault>;

    /// The published rows of the batch that `stamp` names, which is there; none if it published none.
    ///
    /// # Errors
    /// They cannot be told from others, or cannot be read.
    fn rows_of(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault>;

    /// The published rows as they are now, but for those of the batch `own`, of which data set and id count.
    ///
    /// # Errors
    /// They cannot be read, or the store keeps none beside the batch.
    fn snapshot(&self, own: &Stamp) -> Result<Arc<dyn Snapshot>, Fault>;

    /// Stages rows of `columns`, for a rehearsal in the directory `scratch`; inside, why what is there does not let them.
    ///
    /// # Errors
    /// It cannot be read or written, or nothing of its kind could hold these columns.
    fn stage(&self, columns: &SchemaRef, evolution: Evolution, scratch: Option<&Path>) -> Result<Result<Box<dyn Stage>, Fault>, Fault>;

    /// Makes sure, before anything is committed, that a commit can be told to fail if another came first.
    ///
    /// # Errors
    /// It cannot, or the store cannot be asked.
    fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Up to where each of `applications` has been published, as the store remembers it.
    ///
    /// # Errors
    /// The store cannot be read, or remembers no such thing.
    fn positions(&self, applications: &[String]) -> Result<Vec<Option<i64>>, Fault> {
        let _ = applications;
        let fault = Fault::new(Code::UnfitDestination, format!("{self}: only a Delta table remembers how far a topic has been read"));
        Err(fault.hint("publish to a directory without `format: parquet`"))
    }

    /// Makes a batch that is there durable: the gate that published it may have been killed before it did.
    ///
    /// # Errors
    /// It cannot be written.
    fn confirm(&self, stamp: &Stamp) -> Result<(), Fault>;

    /// Removes what killed runs have staged.
    fn sweep(&self) {}

    /// The texts it keeps beside the published rows, of which none is read as a row; none where it keeps no such.
    fn texts(&self) -> Option<Box<dyn Texts>> {
        None
    }

    /// Which of the texts called `names` speak of rows that are published now, and which of these rows have none.
    ///
    /// # Errors
    /// What is published cannot be read.
    fn coverage(&self, names: &[SummaryName]) -> Result<Coverage, Fault> {
        let _ = names;
        Ok(Coverage::default())
    }
}

/// How a table shall be laid out, beyond what its rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns by whose values the rows are divided into files; none where nothing is said.
    pub partition_by: Option<Vec<String>>,
    /// When small files are put together; never where nothing is said.
    pub compact: Option<Compact>,
}

/// When small files are put together, and into how large ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compact {
    /// So many, in one partition.
    pub files: u64,
    /// A file of so many rows is not small, and none is made larger.
    pub rows: u64,
}

/// What a store asks of the rows that are published there.
#[derive(Debug, Clone, PartialEq)]
pub enum Terms {
    /// Nothing: any column may come.
    Nothing,
    /// Columns of types that a Delta table has, and what the table promises, if there is one already.
    Table(Option<TableTerms>),
}

/// Published rows, to be read beside a batch.
pub trait Snapshot: Send + Sync {
    /// What changes with the published rows; none where there are none.
    fn version(&self) -> Option<u128>;

    /// The rows wanted, as far as what is known of them cannot tell that none has a key of the batch.
    ///
    /// # Errors
    /// They cannot be read.
    fn rows(&self, wanted: KeyQuery) -> Result<Fetched, Fault>;
}

/// The published rows of one batch, told from those of others.
pub trait BatchRows: Any {
    /// The replays that brought some of them, by their digests.
    ///
    /// # Errors
    /// They cannot be read.
    fn replays(&self) -> Result<Vec<String>, Fault>;

    /// Whether other batches took the place of some.
    ///
    /// # Errors
    /// They cannot be read.
    fn is_partial(&self) -> Result<bool, Fault>;

    /// Which rows these are, as the names of texts about them say it, and when they were published; none if the store keeps
    /// no such texts, or the rows are not all that the batch published.
    ///
    /// # Errors
    /// They cannot be read.
    fn content(&self) -> Result<Option<(String, i64)>, Fault> {
        Ok(None)
    }

    /// How many they are, where it is known without reading them.
    ///
    /// # Errors
    /// It cannot be read.
    fn count(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }

    /// All of them.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_>, Fault>;
}

/// Rows on their way, where no reader sees them; they are gone if this is dropped before they are committed.
pub trait Stage: Send {
    /// What encodes rows for it.
    fn encoder(&self) -> Arc<dyn Encoder>;

    /// Takes the rows of a unit, as its encoder encoded them; in the order of units.
    ///
    /// # Errors
    /// They cannot be written.
    fn append(&mut self, unit: StagedUnit, rows: Encoded) -> Result<(), Fault>;

    /// Which rows are in it, in their order.
    fn units(&self) -> &[StagedUnit];

    /// Takes those of `rows` that are in it out again; gives how many these were.
    ///
    /// # Errors
    /// It cannot be read or written.
    fn remove(&mut self, rows: &RowSet) -> Result<u64, Fault>;

    /// Puts them behind the rows that their batch has published already; gives how many these are. Nothing is appended or
    /// removed after that.
    ///
    /// # Errors
    /// The published rows cannot be read, or have other columns.
    fn join(&mut self, published: &dyn BatchRows) -> Result<u64, Fault>;

    /// Says whose rows these are, and which replays brought some of them, and makes them durable. Nothing is appended or
    /// removed after that.
    ///
    /// # Errors
    /// They cannot be written.
    fn finish(&mut self, stamp: &Stamp, replays: &[String]) -> Result<(), Fault>;

    /// How many rows the batch will have, counted in what was written.
    ///
    /// # Errors
    /// It cannot be read back.
    fn count(&self) -> Result<u64, Fault>;

    /// Which rows these will be, as the names of texts about them say it, and when they were written; none where the store
    /// keeps no such texts.
    ///
    /// # Errors
    /// It cannot be read back.
    fn content(&self) -> Result<Option<(String, i64)>, Fault> {
        Ok(None)
    }

    /// The values of `column` in it, as values of the type `judged`: rows with one of them can be replaced.
    ///
    /// # Errors
    /// It has no such column, a row has no value, or there are too many values; or the store replaces no rows by their values.
    fn values_of(&self, column: &str, judged: Option<&DataType>) -> Result<Partition, Fault> {
        let _ = judged;
        Err(Fault::new(Code::Internal, format!("internal error: rows cannot be replaced by values of `{column}` here")))
    }

    /// Refuses rows, finished, of which it is unclear how they become those of the table.
    ///
    /// # Errors
    /// A row has no key or no sequence, what deletes cannot be computed, or the store merges no rows.
    fn ensure_merges(&self, merge: &Merge<'_>) -> Result<(), Fault> {
        let _ = merge;
        Err(Fault::new(Code::Internal, "internal error: rows cannot be merged by their key here"))
    }

    /// How many rows of other batches a commit would take the place of.
    ///
    /// # Errors
    /// Those of the commit, as far as they can be foreseen.
    fn rehearse(&self, what: &Commit<'_>) -> Result<u64, Fault>;

    /// Publishes the rows, finished, in place of what is there of their batch, durably. After a conflict it can be tried
    /// again.
    ///
    /// # Errors
    /// The store cannot be written.
    fn commit(&mut self, what: &Commit<'_>) -> Result<Committed, Fault>;
}

/// What is committed, and under which conditions.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    pub stamp: &'a Stamp,
    /// The published rows that the batch was judged beside: committed is only what finds them as they were.
    pub snapshot: Option<&'a dyn Snapshot>,
    /// The rows of other batches that the batch takes the place of.
    pub replace: Option<&'a Partition>,
    /// How the batch's rows become those of the table; without it they are added.
    pub merge: Option<&'a Merge<'a>>,
    /// What the batch moves on; committed is only what finds each where it begins. Then nothing else is remembered of it.
    pub positions: &'a [Position],
}

/// What came of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The batch is there, durably.
    Done(CommitDone),
    /// Another gate or program changed the store first, as the text says; the batch is not there, or that other brought it.
    Conflict(String),
}

/// A commit that is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitDone {
    /// Rows of other batches that went for it.
    pub replaced_rows: u64,
    /// Rows of the batch that deleted one, and are not in the table.
    pub deletes: u64,
    /// Rows of the batch that are not there since a newer one of their key is.
    pub late: u64,
    /// What failed afterwards, for people; the batch is published all the same.
    pub warnings: Vec<String>,
}
