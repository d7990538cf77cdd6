//! A directory of plain Parquet files, one a batch, named by its id.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use xxhash_rust::xxh3::Xxh3Default;

use super::delta::LOG;
use super::durable::{not_durable, sweep_at};
use super::interface::{BatchRows, Commit, CommitDone, Committed, Snapshot, Stage, Store, Terms};
use super::location::Location;
use super::named::{Named, ensure_apart, is_part, quarantine_beside};
use super::parquet::{BatchFile, Constants, FilesView, ParquetStage, StagedFile, TableFile, Target};
use super::parquet::{held, live_file, replays_in, stored_at, whole_at};
use super::stamp::{Stamp, Stored};
use super::summaries::{Coverage, SummaryName, TextFiles, Texts};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::ruleset::TableFormat;

#[derive(Clone)]
struct Parts {
    directory: Location,
}

/// A directory of this machine that holds such files already, or is to.
///
/// # Errors
/// It is to hold them, and is a table; or it cannot be read.
pub(super) fn open(named: &Named<'_>) -> Result<Option<Arc<dyn Store>>, Fault> {
    let (directory, names) = (named.location()?, named.names()?);
    let is_table = names.iter().any(|name| name == LOG);
    // In a store elsewhere a killed gate may leave the first data file of a table before its log.
    let has_parts = directory.local().is_some() && names.iter().any(|name| is_part(name));
    match (named.format, is_table, has_parts) {
        (Some(TableFormat::Parquet), true, _) => {
            let fault = Fault::new(
                Code::UnfitDestination,
                format!("{directory}: the directory is a Delta table, and `format` asks for plain Parquet"),
            );
            Err(fault.hint("publish to another directory"))
        }
        (Some(TableFormat::Parquet), false, _) | (None, false, true) => Ok(Some(Arc::new(Parts { directory: directory.clone() }))),
        (Some(TableFormat::Delta) | None, _, _) => Ok(None),
    }
}

impl Parts {
    fn names(&self) -> Result<Vec<String>, Fault> {
        let directory = &self.directory;
        directory.names().map_err(|e| Fault::new(Code::of_reading(&e), format!("{directory}: cannot read: {e}")))
    }

    /// The file of the batch `id`.
    fn part(&self, id: &str) -> Location {
        self.directory.join(&format!("{id}.parquet"))
    }
}

impl Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.fmt(f)
    }
}

impl Store for Parts {
    fn place_of(&self, id: &str) -> String {
        self.part(id).to_string()
    }

    fn quarantine(&self) -> Option<Location> {
        Some(quarantine_beside(&self.directory))
    }

    fn allow_quarantine(&self, quarantine: &Location) -> Result<(), Fault> {
        ensure_apart(&self.directory, quarantine)
    }

    fn held_directories(&self) -> Vec<PathBuf> {
        self.directory.local().into_iter().map(Path::to_owned).collect()
    }

    fn terms(&self) -> Result<Terms, Fault> {
        Ok(Terms::Nothing)
    }

    fn takes(&self, columns: &SchemaRef, _: Evolution) -> Result<Result<(), Fault>, Fault> {
        held(columns).map(|_| Ok(()))
    }

    fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        stored_at(&self.part(&stamp.batch_id))
    }

    fn rows_of(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault> {
        Ok(Some(Box::new(BatchFile::whole(self.part(&stamp.batch_id), &stamp.batch_id)?)))
    }

    fn snapshot(&self, own: &Stamp) -> Result<Arc<dyn Snapshot>, Fault> {
        let directory = &self.directory;
        let (mut files, mut version) = (Vec::new(), Xxh3Default::new());
        for name in self.names()?.iter().filter(|name| is_part(name)) {
            let location = directory.join(name);
            // A damaged part holds keys that nobody could see.
            match whole_at(&location)? {
                Stored::Batch(stamp) if !stamp.is_of_batch(own) => {
                    version.update(&stamp.digest().to_le_bytes());
                    version.update(replays_in(&location)?.join(" ").as_bytes());
                }
                Stored::Batch(_) => continue,
                // Whatever it is, it is read as it is now.
                Stored::Foreign => version.update(name.as_bytes()),
                Stored::Nothing | Stored::RolledBack(_) => continue,
            }
            files.push(TableFile { location, statistics: None, constants: Constants::default(), without: Vec::new() });
        }
        let version = (!files.is_empty()).then(|| version.digest128());
        Ok(Arc::new(FilesView { version, files, schema: None }))
    }

    fn stage(&self, columns: &SchemaRef, _: Evolution, scratch: Option<&Path>) -> Result<Result<Box<dyn Stage>, Fault>, Fault> {
        let directory = scratch.map_or_else(|| self.directory.clone(), |scratch| Location::Local(scratch.to_owned()));
        Ok(Ok(Box::new(ParquetStage::create(directory, held(columns)?, self.clone())?)))
    }

    fn confirm(&self, stamp: &Stamp) -> Result<(), Fault> {
        let part = self.part(&stamp.batch_id);
        part.sync().map_err(|e| not_durable(&part, &e))
    }

    fn sweep(&self) {
        sweep_at(&self.directory);
    }

    /// Beside the directory: some readers take every file below it for rows.
    fn texts(&self) -> Option<Box<dyn Texts>> {
        Some(Box::new(TextFiles::beside(&self.directory)))
    }

    fn coverage(&self, names: &[SummaryName]) -> Result<Coverage, Fault> {
        let mut files = Vec::new();
        for name in self.names()?.iter().filter(|name| is_part(name)) {
            files.extend(live_file(&self.directory.join(name), name.trim_end_matches(".parquet"))?);
        }
        Ok(Coverage::of(names, &files))
    }
}

impl Target for Parts {
    fn rehearse(&self, _: &StagedFile, _: &Commit<'_>) -> Result<u64, Fault> {
        Ok(0)
    }

    fn content(&self, staged: &StagedFile) -> Result<String, Fault> {
        staged.footer_digest()
    }

    fn commit(&mut self, staged: &mut StagedFile, what: &Commit<'_>) -> Result<Committed, Fault> {
        staged.place(&self.part(&what.stamp.batch_id))?;
        Ok(Committed::Done(CommitDone::default()))
    }
}
