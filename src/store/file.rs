//! One Parquet file that holds the latest batch.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::durable::{not_durable, sweep_at};
use super::interface::{BatchRows, Commit, CommitDone, Committed, Snapshot, Stage, Store, Terms};
use super::location::{Location, parent};
use super::named::{Named, ensure_apart, quarantine_beside};
use super::parquet::{BatchFile, ParquetStage, StagedFile, Target, held, live_file, stored_at};
use super::stamp::{Stamp, Stored};
use super::summaries::{Coverage, LiveFile, SummaryName, TextFiles, Texts};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::ruleset::TableFormat;

#[derive(Clone)]
struct SingleFile {
    file: PathBuf,
}

/// A place whose name ends in `.parquet`, or that is to hold plain Parquet in an object store, which is refused: nothing but
/// a Delta table can be changed there without overwriting what another gate has just written.
///
/// # Errors
/// It cannot be one file.
pub(super) fn open(named: &Named<'_>) -> Result<Option<Arc<dyn Store>>, Fault> {
    let location = named.location()?;
    let is_plain_elsewhere = location.local().is_none() && named.format == Some(TableFormat::Parquet);
    if !location.name().ends_with(".parquet") && !is_plain_elsewhere {
        return Ok(None);
    }
    match (location, named.format) {
        (Location::Remote(_), _) => {
            let fault =
                Fault::new(Code::UnfitDestination, format!("{location}: an object store holds published rows as a Delta table only"));
            Err(fault.hint("name a directory, and no other `format`"))
        }
        (Location::Local(_), Some(TableFormat::Delta)) => {
            Err(Fault::new(Code::UnfitDestination, format!("{location}: one file cannot be a Delta table")))
        }
        (Location::Local(file), Some(TableFormat::Parquet) | None) => Ok(Some(Arc::new(SingleFile { file: file.clone() }))),
    }
}

impl SingleFile {
    fn location(&self) -> Location {
        Location::Local(self.file.clone())
    }

    /// Where it is staged.
    fn directory(&self) -> &Path {
        parent(&self.file)
    }
}

impl Display for SingleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.display().fmt(f)
    }
}

impl Store for SingleFile {
    fn quarantine(&self) -> Option<Location> {
        Some(quarantine_beside(&self.location()))
    }

    fn allow_quarantine(&self, quarantine: &Location) -> Result<(), Fault> {
        ensure_apart(&self.location(), quarantine)
    }

    fn held_directories(&self) -> Vec<PathBuf> {
        vec![self.directory().to_owned()]
    }

    fn keeps_one_batch(&self) -> bool {
        true
    }

    fn terms(&self) -> Result<Terms, Fault> {
        Ok(Terms::Nothing)
    }

    fn takes(&self, columns: &SchemaRef, _: Evolution) -> Result<Result<(), Fault>, Fault> {
        held(columns).map(|_| Ok(()))
    }

    fn stored(&self, _: &Stamp) -> Result<Stored, Fault> {
        stored_at(&self.location())
    }

    fn rows_of(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault> {
        Ok(Some(Box::new(BatchFile::whole(self.location(), &stamp.batch_id)?)))
    }

    fn snapshot(&self, _: &Stamp) -> Result<Arc<dyn Snapshot>, Fault> {
        let fault = Fault::new(Code::UnfitDestination, format!("{self}: one file holds the latest batch, and no published rows beside it"));
        Err(fault.hint("publish to a directory"))
    }

    fn stage(&self, columns: &SchemaRef, _: Evolution, scratch: Option<&Path>) -> Result<Result<Box<dyn Stage>, Fault>, Fault> {
        let directory = Location::Local(scratch.unwrap_or_else(|| self.directory()).to_owned());
        Ok(Ok(Box::new(ParquetStage::create(directory, held(columns)?, self.clone())?)))
    }

    fn confirm(&self, _: &Stamp) -> Result<(), Fault> {
        let file = self.location();
        file.sync().map_err(|e| not_durable(&file, &e))
    }

    fn sweep(&self) {
        sweep_at(&Location::Local(self.directory().to_owned()));
    }

    fn texts(&self) -> Option<Box<dyn Texts>> {
        Some(Box::new(TextFiles::beside(&self.location())))
    }

    fn coverage(&self, names: &[SummaryName]) -> Result<Coverage, Fault> {
        let file = self.location();
        let live = match stored_at(&file)? {
            Stored::Batch(stamp) => live_file(&file, &stamp.batch_id)?,
            Stored::Foreign => live_file(&file, "")?.map(|live| LiveFile { batch_id: None, ..live }),
            Stored::Nothing | Stored::RolledBack(_) => None,
        };
        Ok(Coverage::of(names, live.as_slice()))
    }
}

impl Target for SingleFile {
    fn rehearse(&self, _: &StagedFile, _: &Commit<'_>) -> Result<u64, Fault> {
        Ok(0)
    }

    fn content(&self, staged: &StagedFile) -> Result<String, Fault> {
        staged.footer_digest()
    }

    fn commit(&mut self, staged: &mut StagedFile, _: &Commit<'_>) -> Result<Committed, Fault> {
        staged.place(&self.location())?;
        Ok(Committed::Done(CommitDone::default()))
    }
}
