//! A Delta table as a store.

use std::fmt::{self, Display};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};

use super::commit::{commit, rehearse};
use super::commit_state::{CommitState, unknown, untold};
use super::coverage::coverage;
use super::divide::{self, Part, divide};
use super::log::{self, LOG};
use super::merge::Merged;
use super::outgoing::Outgoing;
use super::partition_values::ensure_divides;
use super::pieces::Piece;
use super::rewrite::Leaving;
use super::schema::{self, DeltaWriteSchema};
use super::table::{DeltaStore, Table, had_rows, transaction_version};
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::rules::schema::Evolution;
use crate::ruleset::TableFormat;
use crate::store::RESERVED;
use crate::store::durable::{not_durable, sweep_at};
use crate::store::interface::{BatchRows, Commit, Committed, Layout, Snapshot, Stage, Store, Terms};
use crate::store::location::{Location, parent};
use crate::store::merge::Merge;
use crate::store::named::{Named, ensure_apart, is_part, quarantine_beside};
use crate::store::parquet::{FilesView, ParquetStage, StagedFile, TableFile, Target};
use crate::store::stamp::{Stamp, Stored};
use crate::store::summaries::{Coverage, SummaryName, TextFiles, Texts};

/// Any directory, of this machine or in an object store: nothing but a table can be changed there without overwriting what
/// another gate has just written.
///
/// # Errors
/// It holds plain parts, its path cannot be that of a table, or it cannot be read.
pub(in crate::store) fn open(named: &Named<'_>) -> Result<Option<Arc<dyn Store>>, Fault> {
    let (location, names) = (named.location()?, named.names()?);
    let is_table = names.iter().any(|name| name == LOG);
    let has_parts = location.local().is_some() && names.iter().any(|name| is_part(name));
    if named.format == Some(TableFormat::Delta) && has_parts && !is_table {
        let fault =
            Fault::new(Code::UnfitDestination, format!("{location}: the directory holds plain parts, and `format` asks for a Delta table"));
        return Err(fault.hint("publish to another directory"));
    }
    if location.is_misread_in_urls() {
        let fault = Fault::new(Code::UnfitDestination, format!("{location}: a Delta table's path cannot hold `\\` or control characters"));
        return Err(fault.hint("a URL says another path then; publish to another directory"));
    }
    Ok(Some(Arc::new(DeltaStore::new(location.clone()))))
}

impl Display for DeltaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

impl DeltaStore {
    /// Where files are staged.
    fn staging(&self) -> Location {
        self.location.join(RESERVED)
    }

    /// How the columns of a batch are written to the table; inside, why its columns do not let them.
    ///
    /// # Errors
    /// The table cannot be read, or no table could hold these columns.
    fn columns(&self, batch: &SchemaRef, evolution: Evolution) -> Result<Result<DeltaWriteSchema, Fault>, Fault> {
        let table = Table::open(self)?;
        if let Some(table) = &table {
            self.promises_as_judged(table)?;
        }
        let written = schema::written(batch, table.as_ref().map(|table| &table.terms), evolution)?;
        let written = match written {
            Ok(written) => written,
            Err(differs) => return Ok(Err(differs)),
        };
        let partition_by = self.partition_by(table.as_ref(), &written.columns)?;
        Ok(Ok(DeltaWriteSchema { written: written.columns, batch: batch.clone(), evolution, partition_by }))
    }
}

impl DeltaStore {
    /// The columns by whose values the rows are divided: the table's, or of a new one those that were asked for.
    ///
    /// # Errors
    /// The table is divided otherwise than was asked for, or cannot be divided so.
    fn partition_by(&self, table: Option<&Table<'_>>, written: &SchemaRef) -> Result<Vec<FieldRef>, Fault> {
        let (place, asked) = (self.location.to_string(), self.layout.partition_by.as_deref());
        let columns = match table {
            None => divide::columns(asked.unwrap_or_default(), written, &place)?,
            Some(table) => table.partition_columns()?,
        };
        let names: Vec<&str> = columns.iter().map(|column| column.name().as_str()).collect();
        if let Some(asked) = asked.filter(|asked| *asked != names) {
            let listed = |names: &[&str]| if names.is_empty() { "no column".to_owned() } else { format!("[{}]", names.join(", ")) };
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            let what = format!("{place}: the table is partitioned by {}, and `partition_by` asks for {}", listed(&names), listed(&asked));
            return Err(Fault::new(Code::SchemaDiffers, what)
                .hint("how a table is partitioned is said when it is made: leave `partition_by` out, or publish to another table"));
        }
        columns.iter().try_for_each(|column| ensure_divides(column, &place))?;
        if !columns.is_empty() && written.fields().iter().all(|field| names.contains(&field.name().as_str())) {
            let what = format!("{place}: the batch has no column beside those by which the table is partitioned");
            return Err(Fault::new(Code::UnfitDestination, what).hint("a data file needs another column"));
        }
        Ok(columns)
    }
}

impl Store for DeltaStore {
    fn with_layout(&self, layout: &Layout) -> Result<Arc<dyn Store>, Fault> {
        Ok(Arc::new(self.laid_out(layout)))
    }

    fn quarantine(&self) -> Option<Location> {
        Some(quarantine_beside(&self.location))
    }

    /// Another program's VACUUM would delete a quarantine in the table's directory, but for what is ours of it.
    fn allow_quarantine(&self, quarantine: &Location) -> Result<(), Fault> {
        ensure_apart(&self.location, quarantine)?;
        if !quarantine.is_within(&self.location) || quarantine.is_within(&self.staging()) {
            return Ok(());
        }
        let what = format!("{}: the quarantine lies in the directory of a Delta table, where VACUUM would delete it", quarantine);
        let within = self.staging().join("quarantine");
        Err(Fault::new(Code::UnfitDestination, what).hint(format!("name a directory elsewhere, or {within}")))
    }

    fn held_directories(&self) -> Vec<PathBuf> {
        self.location.local().into_iter().map(Path::to_owned).collect()
    }

    fn terms(&self) -> Result<Terms, Fault> {
        let terms = Table::open(self)?.map(|table| table.terms);
        self.judged_under(terms.as_ref());
        Ok(Terms::Table(terms))
    }

    fn allow_replacing(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn allow_merging(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn takes(&self, columns: &SchemaRef, evolution: Evolution) -> Result<Result<(), Fault>, Fault> {
        Ok(self.columns(columns, evolution)?.map(|_| ()))
    }

    fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        let Some(table) = Table::open(self)? else { return Ok(Stored::Nothing) };
        if let Some(piece) = table.pieces_of(stamp)?.pop() {
            return Ok(Stored::Batch(piece.stamp));
        }
        let Some(version) = table.transaction(stamp)? else { return Ok(Stored::Nothing) };
        if had_rows(version) {
            match table.commit_state(stamp)? {
                CommitState::Rewritten | CommitState::Replaced => {}
                CommitState::RolledBack(how) => return Ok(Stored::RolledBack(how)),
                CommitState::Unknown => return Err(unknown(&self.location, stamp)),
            }
        }
        Ok(match [true, false].map(|has_rows| transaction_version(stamp, has_rows)).contains(&version) {
            true => Stored::Batch(stamp.clone()),
            // It published no row, or another program has rewritten its file: what it was is known by this digest alone.
            false => Stored::Batch(Stamp { content_digest: format!("{version:x}"), ..stamp.clone() }),
        })
    }

    fn rows_of(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault> {
        let Some(table) = Table::open(self)? else { return Ok(None) };
        let pieces = table.pieces_of(stamp)?;
        if !pieces.is_empty() {
            return Ok(Some(Box::new(table.rows_in(pieces, &stamp.batch_id)?)));
        }
        match table.transaction(stamp)? {
            Some(version) if had_rows(version) => Err(untold(&self.location, stamp)),
            Some(_) | None => Ok(None),
        }
    }

    /// No file at all if the batch is there and its rows cannot be told from others: then it will not be published again.
    fn snapshot(&self, own: &Stamp) -> Result<Arc<dyn Snapshot>, Fault> {
        let location = &self.location;
        let Some(table) = Table::open(self)? else { return Ok(Arc::new(FilesView::default())) };
        let version = table.table.version().map(u128::from);
        let ours = table.pieces_of(own)?;
        if ours.is_empty()
            && table.transaction(own)?.is_some_and(had_rows)
            && !matches!(table.commit_state(own)?, CommitState::RolledBack(_))
        {
            return Ok(Arc::new(FilesView { version, ..FilesView::default() }));
        }
        let mut files = Vec::new();
        for (index, file) in table.files()?.into_iter().enumerate() {
            if file.deletion_vector_descriptor().is_some() {
                let fault = Fault::new(
                    Code::Unsupported,
                    format!("{location}: another program deleted single rows of the table by deletion vectors"),
                );
                return Err(
                    fault.hint("rows cannot be judged beside those that are left; rewrite the table's files without deletion vectors")
                );
            }
            let own: Vec<Range<u64>> = ours.iter().filter(|own| own.index == index).map(Piece::range).collect();
            if own.iter().all(|own| own.end < u64::MAX) {
                let statistics = file.stats().and_then(|stats| serde_json::from_str(&stats).ok());
                let constants = table.constants_of(&file)?;
                files.push(TableFile { location: location.descend(&file.path()), statistics, constants, without: own });
            }
        }
        Ok(Arc::new(FilesView { version, files, schema: Some(table.schema()?) }))
    }

    fn stage(&self, columns: &SchemaRef, evolution: Evolution, scratch: Option<&Path>) -> Result<Result<Box<dyn Stage>, Fault>, Fault> {
        let columns = match self.columns(columns, evolution)? {
            Ok(columns) => columns,
            Err(differs) => return Ok(Err(differs)),
        };
        let directory = scratch.map_or_else(|| self.staging(), |scratch| Location::Local(scratch.to_owned()));
        let written = columns.written.clone();
        Ok(Ok(Box::new(ParquetStage::create(
            directory.clone(),
            written,
            ToTable { store: self.clone(), columns, directory: directory.clone(), divided: None },
        )?)))
    }

    fn positions(&self, applications: &[String]) -> Result<Vec<Option<i64>>, Fault> {
        let Some(table) = Table::open(self)? else { return Ok(vec![None; applications.len()]) };
        applications.iter().map(|application| table.transaction_of(application.clone())).collect()
    }

    /// An object store must refuse to write over what is there.
    fn ready(&self) -> Result<(), Fault> {
        match &self.location {
            Location::Local(_) => Ok(()),
            Location::Remote(remote) => remote.refuses_to_overwrite(RESERVED),
        }
    }

    fn confirm(&self, stamp: &Stamp) -> Result<(), Fault> {
        let location = &self.location;
        let Some(table) = Table::open(self)? else { return Ok(()) };
        for piece in table.pieces_of(stamp)? {
            let path = location.descend(&piece.file.path());
            path.sync().map_err(|e| not_durable(&path, &e))?;
            if let Some(local) = path.local() {
                files::sync_directory(parent(local)).map_err(|e| not_durable(&path, &e))?;
            }
        }
        // Nothing tells which of the commits was the batch's.
        let is_there = |version: &u64| log::entry(location, *version).local().is_some_and(Path::exists);
        (0..=table.table.version().unwrap_or(0)).filter(is_there).try_for_each(|v| log::sync_entry(location, v))?;
        log::sync_directories(location)
    }

    fn sweep(&self) {
        sweep_at(&self.staging());
    }

    fn texts(&self) -> Option<Box<dyn Texts>> {
        Some(Box::new(TextFiles { reserved: self.staging() }))
    }

    fn coverage(&self, names: &[SummaryName]) -> Result<Coverage, Fault> {
        coverage(self, names)
    }
}

/// A staged file on its way into a table.
struct ToTable {
    store: DeltaStore,
    columns: DeltaWriteSchema,
    /// Where files are staged.
    directory: Location,
    /// The files of a partitioned table that the staged one was divided into.
    divided: Option<Vec<Part>>,
}

impl Target for ToTable {
    fn rehearse(&self, staged: &StagedFile, what: &Commit<'_>) -> Result<u64, Fault> {
        rehearse(&self.store, staged, &self.columns, what)
    }

    fn ensure_merges(&self, staged: &StagedFile, merge: &Merge<'_>) -> Result<(), Fault> {
        Merged::of(None, staged, merge, &mut Leaving::default()).map(|_| ())
    }

    fn content(&self, staged: &StagedFile) -> Result<String, Fault> {
        Ok(format!("{:032x}", staged.digest()?)[..16].to_owned())
    }

    fn divide(&mut self, staged: &StagedFile, stamp: &Stamp, replays: &[String]) -> Result<(), Fault> {
        let DeltaWriteSchema { written, partition_by, .. } = &self.columns;
        if !partition_by.is_empty() {
            self.divided = Some(divide(staged, &self.directory, written, partition_by, (stamp, replays))?);
        }
        Ok(())
    }

    fn count(&self, staged: &StagedFile) -> Result<u64, Fault> {
        match &self.divided {
            None => staged.rows_written(),
            Some(parts) => parts.iter().map(|part| part.file.rows_written()).sum(),
        }
    }

    fn commit(&mut self, staged: &mut StagedFile, what: &Commit<'_>) -> Result<Committed, Fault> {
        let outgoing = Outgoing { whole: staged, divided: self.divided.as_mut() };
        commit(&self.store, outgoing, &self.columns, what)
    }
}
