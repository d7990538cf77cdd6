//! A Delta table as a store.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::commit::{commit, rehearse};
use super::commit_state::{CommitState, unknown, untold};
use super::coverage::coverage;
use super::log::{self, LOG};
use super::schema::{self, DeltaWriteSchema};
use super::table::{DeltaStore, Table, had_rows, transaction_version};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::ruleset::TableFormat;
use crate::store::RESERVED;
use crate::store::durable::{not_durable, sweep_at};
use crate::store::interface::{BatchRows, Commit, Committed, Snapshot, Stage, Store, Terms};
use crate::store::location::Location;
use crate::store::named::{Named, ensure_apart, is_part, quarantine_beside};
use crate::store::parquet::{BatchFile, FilesView, ParquetStage, StagedFile, TableFile, Target};
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
        Ok(written.map(|written| DeltaWriteSchema { written: written.columns, batch: batch.clone(), evolution }))
    }
}

impl Store for DeltaStore {
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

    fn takes(&self, columns: &SchemaRef, evolution: Evolution) -> Result<Result<(), Fault>, Fault> {
        Ok(self.columns(columns, evolution)?.map(|_| ()))
    }

    fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        let Some(table) = Table::open(self)? else { return Ok(Stored::Nothing) };
        if let Some((_, there)) = table.files_of(stamp)?.pop() {
            return Ok(Stored::Batch(there));
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
        match (table.files_of(stamp)?.pop(), table.transaction(stamp)?) {
            (Some((file, _)), _) => {
                let content = table.content_of(&file.path)?;
                Ok(Some(Box::new(BatchFile { file: self.location.join(&file.path), batch: stamp.batch_id.clone(), content })))
            }
            (None, Some(version)) if had_rows(version) => Err(untold(&self.location, stamp)),
            (None, _) => Ok(None),
        }
    }

    /// No file at all if the batch is there and its rows cannot be told from others: then it will not be published again.
    fn snapshot(&self, own: &Stamp) -> Result<Arc<dyn Snapshot>, Fault> {
        let location = &self.location;
        let Some(table) = Table::open(self)? else { return Ok(Arc::new(FilesView::default())) };
        let version = table.table.version().map(u128::from);
        let ours = table.files_of(own)?;
        if ours.is_empty()
            && table.transaction(own)?.is_some_and(had_rows)
            && !matches!(table.commit_state(own)?, CommitState::RolledBack(_))
        {
            return Ok(Arc::new(FilesView { version, ..FilesView::default() }));
        }
        let mut files = Vec::new();
        for file in table.files()? {
            if file.deletion_vector_descriptor().is_some() {
                let fault = Fault::new(
                    Code::Unsupported,
                    format!("{location}: another program deleted single rows of the table by deletion vectors"),
                );
                return Err(
                    fault.hint("rows cannot be judged beside those that are left; rewrite the table's files without deletion vectors")
                );
            }
            if !ours.iter().any(|(own, _)| own.path == file.path()) {
                let statistics = file.stats().and_then(|stats| serde_json::from_str(&stats).ok());
                files.push(TableFile { location: location.join(&file.path()), statistics });
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
        Ok(Ok(Box::new(ParquetStage::create(directory, written, ToTable { store: self.clone(), columns })?)))
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
        for (file, _) in table.files_of(stamp)? {
            let path = location.join(&file.path);
            path.sync().map_err(|e| not_durable(&path, &e))?;
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
}

impl Target for ToTable {
    fn rehearse(&self, what: &Commit<'_>) -> Result<u64, Fault> {
        rehearse(&self.store, &self.columns, what)
    }

    fn content(&self, staged: &StagedFile) -> Result<String, Fault> {
        Ok(format!("{:032x}", staged.digest()?)[..16].to_owned())
    }

    fn commit(&self, staged: &mut StagedFile, what: &Commit<'_>) -> Result<Committed, Fault> {
        commit(&self.store, staged, &self.columns, what)
    }
}
