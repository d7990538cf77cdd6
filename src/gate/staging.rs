//! Stages passing rows while the audit folds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::datatypes::SchemaRef;

use crate::audit::{Sink, SoundRows};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::source::Unit;
use crate::store::{Encoded, Encoder, Stage, StagedUnit, Store, UnitEncoder};

/// A unit's rows on their way, and which ones these are.
pub(super) struct OpenUnit {
    encoder: Option<Box<dyn UnitEncoder>>,
    rows: StagedUnit,
}

/// A sink that stages rows for a store.
pub(super) struct Staging<'a> {
    store: &'a dyn Store,
    evolution: Evolution,
    /// Where a rehearsal stages.
    scratch: Option<PathBuf>,
    /// The only file whose rows are staged.
    file: Option<u32>,
    encoder: RwLock<Option<Arc<dyn Encoder>>>,
    /// Inside, why the store cannot take the batch's columns.
    staged: Mutex<Option<Result<Box<dyn Stage>, Fault>>>,
}

impl<'a> Staging<'a> {
    /// For `store`, whose columns may change as `evolution` says.
    pub(super) fn new(store: &'a dyn Store, evolution: Evolution) -> Self {
        Self { store, evolution, scratch: None, file: None, encoder: RwLock::new(None), staged: Mutex::new(None) }
    }

    /// The same for a rehearsal, in a directory of this run's own.
    #[must_use]
    pub(super) fn in_scratch(self, directory: PathBuf) -> Self {
        Self { scratch: Some(directory), ..self }
    }

    /// The same, for rows of the file of this index alone.
    #[must_use]
    pub(super) fn only_file(self, file: u32) -> Self {
        Self { file: Some(file), ..self }
    }

    pub(super) fn into_staged(self) -> Result<Box<dyn Stage>, Fault> {
        let staged = self.staged.into_inner().unwrap_or_else(PoisonError::into_inner);
        staged.unwrap_or_else(|| Err(Fault::new(Code::Internal, "internal error: nothing was staged")))
    }
}

impl Sink for Staging<'_> {
    type Open = OpenUnit;
    type UnitPart = Option<(StagedUnit, Encoded)>;

    fn wants_rows(&self) -> bool {
        true
    }

    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault> {
        // Where the table cannot take these columns, the batch is judged all the same: the finding about its schema says so.
        let staged = self.store.stage(schema, self.evolution, self.scratch.as_deref())?;
        *self.encoder.write().unwrap_or_else(PoisonError::into_inner) = staged.as_ref().ok().map(|staged| staged.encoder());
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged);
        Ok(())
    }

    fn open(&self) -> Result<OpenUnit, Fault> {
        let encoder = self.encoder.read().unwrap_or_else(PoisonError::into_inner);
        let encoder = encoder.as_ref().map(|encoder| encoder.begin()).transpose()?;
        Ok(OpenUnit { encoder, rows: StagedUnit::default() })
    }

    fn take(&self, open: &mut OpenUnit, sound: SoundRows) -> Result<(), Fault> {
        open.rows.extend(sound.rows.iter());
        open.encoder.as_mut().map_or(Ok(()), |encoder| encoder.write(&sound.batch))
    }

    fn close(&self, open: OpenUnit) -> Result<Self::UnitPart, Fault> {
        match open.encoder.filter(|_| !open.rows.is_empty()) {
            Some(encoder) => Ok(Some((open.rows, encoder.close()?))),
            None => Ok(None),
        }
    }

    fn append(&self, unit: &Unit, part: Self::UnitPart) -> Result<(), Fault> {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = self.file.is_none_or(|file| file == unit.file);
        match (is_wanted, staged.as_mut(), part) {
            (true, Some(Ok(stage)), Some((mut rows, encoded))) => {
                rows.unit = unit.index;
                stage.append(rows, encoded)
            }
            (true | false, _, _) => Ok(()),
        }
    }
}
