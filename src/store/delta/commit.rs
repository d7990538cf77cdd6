//! Commits: a batch's files, in place of what they replace.

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::TransactionError;

use super::append::{conflict, create, properties};
use super::commit_state::{CommitState, unknown, untold};
use super::deleted;
use super::divide::{Part, divide};
use super::log::{self, LOG};
use super::merge::Merged;
use super::outgoing::Outgoing;
use super::pieces::Piece;
use super::rewrite::Leaving;
use super::schema::{self, DeltaWriteSchema, Written};
use super::table::{DeltaStore, Table, had_rows};
use super::transactions::{Transactions, ensure_at};
use super::{replace, upkeep};
use crate::diagnostic::{Code, Fault};
use crate::remote;
use crate::store::RESERVED;
use crate::store::durable::{cannot_write_at, make_directory};
use crate::store::interface::{Commit, CommitDone, Committed};
use crate::store::kill;
use crate::store::location::Location;
use crate::store::parquet::StagedFile;
use crate::store::stamp::Stamp;

/// Commits that lost a race are tried again so often.
const ATTEMPTS_MAX: usize = 100;

/// Publishes the finished files as the batch that the stamp names, in place of what the table holds of it.
///
/// # Errors
/// The table cannot be written, or has changed since `columns` was asked.
pub(super) fn commit(store: &DeltaStore, given: Outgoing<'_>, columns: &DeltaWriteSchema, what: &Commit<'_>) -> Result<Committed, Fault> {
    let (location, stamp) = (&store.location, what.stamp);
    let table = Table::open(store)?;
    if what.snapshot.is_some_and(|snapshot| snapshot.version() != table.as_ref().and_then(|t| t.table.version()).map(u128::from)) {
        return Ok(Committed::Conflict("another batch was published".into()));
    }
    if let Some(table) = &table {
        store.promises_as_judged(table)?;
    }
    ensure_at(location, table.as_ref(), what.positions)?;
    let terms = table.as_ref().map(|table| &table.terms);
    let Written { columns: written, added } = schema::written(&columns.batch, terms, columns.evolution)??;
    let partition_by = table.as_ref().map_or_else(|| Ok(columns.partition_by.clone()), Table::partition_columns)?;
    if written != columns.written || partition_by != columns.partition_by {
        let fault = Fault::new(Code::TableChanged, format!("{location}: the columns of the Delta table changed meanwhile"));
        return Err(fault.hint("nothing was published; run the gate again"));
    }
    make_log(location, given.whole)?;
    let mut change = Change::of(table.as_ref(), what, given.whole)?;
    let deleted = change.merged.as_mut().map(|merged| merged.write_deleted(store)).transpose()?.flatten();
    let mut own = Own::of(&change, given.whole, columns, (store, stamp))?;
    let mut outgoing = match &mut own.kept {
        Some(kept) => Outgoing { whole: kept, divided: own.divided.as_mut() },
        None => given,
    };
    change.name(table.as_ref(), what, &outgoing)?;
    let has_rows = outgoing.has_rows();
    change.actions.extend(outgoing.place(location, &change.names)?);
    // What takes files out of the table, or was judged beside its rows, is not committed behind others: the library would not
    // look again what they did. Nor is a new table, whose columns would take the place of those of another that was made meanwhile.
    let takes_out = change.actions.iter().any(|action| matches!(action, Action::Remove(_)));
    let is_merged = what.merge.is_some();
    let attempts =
        if takes_out || is_merged || what.snapshot.is_some() || what.replace.is_some() || table.is_none() { 0 } else { ATTEMPTS_MAX };
    let mut transactions = Transactions::of(what, has_rows);
    let deleted_before = table.as_ref().map(|table| table.transaction_of(deleted::APPLICATION.to_owned())).transpose()?.flatten();
    deleted.into_iter().for_each(|version| transactions.with(deleted::APPLICATION, version));
    let properties = properties(stamp, &transactions, attempts);
    let committed = match table {
        Some(table) => table.append(change.actions, properties, &added, (stamp, &transactions)),
        None => create(location, change.actions, stamp, properties, columns),
    };
    let version = match committed {
        Ok(version) => version,
        Err(error) => match after_error(store, &mut outgoing, (what, &transactions), &change.names, &error)? {
            Landing::At(version) => version,
            Landing::Conflict(why) => return Ok(Committed::Conflict(why)),
        },
    };
    kill::step();
    settle(store, version, &transactions)?;
    let warnings = upkeep::keep_up(store);
    deleted.into_iter().for_each(|version| deleted::tidy(store, deleted_before, version));
    let (deletes, late) = change.merged.as_ref().map_or((0, 0), |merged| (merged.deletes, merged.late));
    Ok(Committed::Done(CommitDone { replaced_rows: change.replaced_rows, deletes, late, warnings }))
}

/// With a log, though an empty one, the directory is no place of plain parts.
fn make_log(location: &Location, staged: &StagedFile) -> Result<(), Fault> {
    let Location::Local(directory) = location else { return Ok(()) };
    make_directory(&directory.join(LOG)).map_err(|e| cannot_write_at(location, &e))?;
    if let Ok(now) = staged.path().metadata().and_then(|m| m.modified()) {
        log::sweep(directory, now);
    }
    Ok(())
}

/// What became of a commit that was answered with an error.
enum Landing {
    /// It is this version all the same.
    At(u64),
    Conflict(String),
}

/// Looks what became of a commit that was answered with `error`.
///
/// # Errors
/// It is not there, or nobody can tell.
fn after_error(
    store: &DeltaStore,
    outgoing: &mut Outgoing<'_>,
    batch: (&Commit<'_>, &Transactions),
    names: &[String],
    error: &DeltaTableError,
) -> Result<Landing, Fault> {
    let location = &store.location;
    match (conflict(error), landed(store, batch, names)) {
        (Some(why), there) => {
            // Nobody but this gate knows the file, unless the commit is there after all.
            if matches!(there, Ok(None)) {
                outgoing.take_back();
            }
            Ok(Landing::Conflict(why))
        }
        (None, Ok(Some(version))) => Ok(Landing::At(version)),
        (None, Ok(None)) => {
            outgoing.take_back();
            let fault = Fault::new(Code::Unwritable, format!("{location}: cannot commit to the Delta table: {}", cause(error)));
            Err(fault.hint("nothing was published"))
        }
        (None, Err(unread)) => {
            let what = format!("{location}: cannot commit to the Delta table: {}; and whether it was done cannot be read", cause(error));
            let again = "run the gate again: a batch that is there does not come twice";
            Err(Fault::new(Code::FateUnknown, format!("{what}: {}", unread.what)).hint(again))
        }
    }
}

/// Reads the commit back and makes it durable. The batch is there: no fault from here on may say that it is not.
fn settle(store: &DeltaStore, version: u64, transactions: &Transactions) -> Result<(), Fault> {
    let location = &store.location;
    let landed = |fault: Fault| fault.hint("the batch is committed; run the gate again: it does not come twice");
    if !transactions.are_in(location, version).map_err(landed)? {
        let what = format!("{location}: version {version} of the Delta table, which this gate committed, is another's now");
        return Err(Fault::new(Code::UnsafeStore, what)
            .hint("the store lets writers overwrite each other: look into the table before anything else is published there"));
    }
    log::sync_entry(location, version).map_err(landed)?;
    kill::step();
    log::sync_directories(location).map_err(landed)?;
    kill::step();
    Ok(())
}

/// The version by which the batch's file came into the table, if it did: an answer of the store may be lost after it has
/// done what it was asked.
fn landed(store: &DeltaStore, (what, transactions): (&Commit<'_>, &Transactions), names: &[String]) -> Result<Option<u64>, Fault> {
    let Some(table) = Table::open(store)? else { return Ok(None) };
    let is_there = match names {
        [] => transactions.are_last(&table)?,
        _ => table.pieces_of(what.stamp)?.iter().any(|piece| names.iter().any(|name| *name == piece.file.path())),
    };
    if !is_there {
        return Ok(None);
    }
    let (versions, _) = log::entries(&store.location.join(LOG))?;
    for entry in versions.into_iter().rev() {
        if transactions.are_in(&store.location, entry)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// The batch's own rows in the table, which its commit takes out.
///
/// # Errors
/// Its rows are in the table and cannot be told from others.
fn own(table: &Table<'_>, what: &Commit<'_>) -> Result<Vec<Piece>, Fault> {
    // What moves a source on has never been there.
    if !what.positions.is_empty() {
        return Ok(Vec::new());
    }
    let own = table.pieces_of(what.stamp)?;
    // Where rows are replaced by value, another batch may have taken the place of this one's.
    if own.is_empty() && what.replace.is_none() && what.merge.is_none() && table.transaction(what.stamp)?.is_some_and(had_rows) {
        match table.commit_state(what.stamp)? {
            CommitState::RolledBack(_) => {}
            CommitState::Rewritten | CommitState::Replaced => return Err(untold(table.location, what.stamp)),
            CommitState::Unknown => return Err(unknown(table.location, what.stamp)),
        }
    }
    Ok(own)
}

/// How many rows of other batches a commit would take out.
///
/// # Errors
/// Those of the commit, as far as they can be foreseen.
pub(super) fn rehearse(store: &DeltaStore, whole: &StagedFile, columns: &DeltaWriteSchema, what: &Commit<'_>) -> Result<u64, Fault> {
    let Some(table) = Table::open(store)? else {
        return what.merge.map_or(Ok(0), |merge| Merged::of(None, whole, merge, &mut Leaving::default()).map(|merged| merged.replaced));
    };
    schema::written(&columns.batch, Some(&table.terms), columns.evolution)??;
    let mut leaving = Leaving::default();
    own(&table, what)?.into_iter().try_for_each(|piece| leaving.piece(&table, piece))?;
    let merged = what.merge.map(|merge| Merged::of(Some(&table), whole, merge, &mut leaving)).transpose()?;
    let replaced = what.replace.map_or(Ok(0), |partition| replace::mark(&table, &mut leaving, partition))?;
    Ok(replaced + merged.map_or(0, |merged| merged.replaced))
}

/// The files of a merged batch, of which not every row goes into the table.
struct Own {
    kept: Option<StagedFile>,
    divided: Option<Vec<Part>>,
}

impl Own {
    fn of(change: &Change, whole: &StagedFile, columns: &DeltaWriteSchema, (store, stamp): (&DeltaStore, &Stamp)) -> Result<Self, Fault> {
        let directory = store.location.join(RESERVED);
        let Some(merged) = &change.merged else { return Ok(Self { kept: None, divided: None }) };
        let kept = merged.kept(whole, &directory, &columns.written, stamp)?;
        let divided = match &kept {
            Some(kept) if !columns.partition_by.is_empty() => {
                Some(divide(kept, &directory, &columns.written, &columns.partition_by, (stamp, &[]))?)
            }
            Some(_) | None => None,
        };
        Ok(Self { kept, divided })
    }
}

/// What a commit takes out of the table, and what it calls its files.
struct Change {
    actions: Vec<Action>,
    /// Rows of other batches that go.
    replaced_rows: u64,
    merged: Option<Merged>,
    names: Vec<String>,
}

impl Change {
    fn of(table: Option<&Table<'_>>, what: &Commit<'_>, whole: &StagedFile) -> Result<Self, Fault> {
        let (mut leaving, mut replaced_rows) = (Leaving::default(), 0);
        if let Some(table) = table {
            own(table, what)?.into_iter().try_for_each(|piece| leaving.piece(table, piece))?;
            if let Some(partition) = what.replace {
                replaced_rows = replace::mark(table, &mut leaving, partition)?;
            }
        }
        let merged = what.merge.map(|merge| Merged::of(table, whole, merge, &mut leaving)).transpose()?;
        replaced_rows += merged.as_ref().map_or(0, |merged| merged.replaced);
        let actions = table.map_or_else(|| Ok(Vec::new()), |table| leaving.actions(table))?;
        Ok(Self { actions, replaced_rows, merged, names: Vec::new() })
    }

    /// A name is used once, since readers of an older version may still read what was superseded; and it says what the file
    /// holds, since nothing keeps two gates from sending files of one name to a store.
    fn name(&mut self, table: Option<&Table<'_>>, what: &Commit<'_>, outgoing: &Outgoing<'_>) -> Result<(), Fault> {
        let stem = format!("{}.{:032x}", what.stamp.batch_id, outgoing.whole.digest()?);
        let mut ending = String::new();
        if let Some(table) = table
            && what.positions.is_empty()
            && table.transaction(what.stamp)?.is_some()
        {
            ending += &format!(".{}", table.table.version().unwrap_or(0) + 1);
        }
        // Where gates cannot wait for each other, one that lost the race must not move or remove the other's file.
        ending.extend(outgoing.whole.own_name().map(|nonce| format!(".{nonce}")));
        self.names = outgoing.names(&stem, &(ending + ".parquet"));
        Ok(())
    }
}

/// What went wrong, without the library's words around it.
fn cause(error: &DeltaTableError) -> String {
    remote::told(&match error {
        DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } } => source.to_string(),
        other => other.to_string(),
    })
}
