//! Stages passing rows while the audit folds.

use std::sync::{Mutex, PoisonError, RwLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::audit::{Kept, Sink};
use crate::diagnostic::Fault;
use crate::source::Unit;
use crate::store::{Destination, EncodedGroup, Encoder, StagedFile};

/// Which rows of a unit a staged row group holds: runs of (first row, length), ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StagedUnit {
    pub unit: u32,
    pub runs: Vec<(u32, u32)>,
}

/// A sink that writes a row group a unit to a staged file.
pub(super) struct Staging<'a> {
    destination: &'a Destination,
    encoder: RwLock<Option<Encoder>>,
    staged: Mutex<Option<(StagedFile, Vec<StagedUnit>)>>,
}

impl<'a> Staging<'a> {
    pub fn new(destination: &'a Destination) -> Self {
        Self { destination, encoder: RwLock::new(None), staged: Mutex::new(None) }
    }

    /// The staged file, without its footer yet, and the unit of each of its row groups.
    pub fn into_parts(self) -> Result<(StagedFile, Vec<StagedUnit>), Fault> {
        let staged = self.staged.into_inner().unwrap_or_else(PoisonError::into_inner);
        staged.ok_or_else(|| Fault::new("internal error: nothing was staged"))
    }
}

impl Sink for Staging<'_> {
    type Part = Option<(EncodedGroup, Vec<(u32, u32)>)>;

    fn wants_rows(&self) -> bool {
        true
    }

    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault> {
        let file = StagedFile::create(self.destination, schema)?;
        *self.encoder.write().unwrap_or_else(PoisonError::into_inner) = Some(file.encoder());
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some((file, Vec::new()));
        Ok(())
    }

    fn encode(&self, kept: Vec<Kept>) -> Result<Self::Part, Fault> {
        let encoder = self.encoder.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(encoder) = encoder.filter(|_| !kept.is_empty()) else { return Ok(None) };
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for row in kept.iter().flat_map(|k| k.rows.iter()) {
            match runs.last_mut() {
                Some((first, len)) if *first + *len == row => *len += 1,
                Some(_) | None => runs.push((row, 1)),
            }
        }
        let batches: Vec<RecordBatch> = kept.into_iter().map(|k| k.batch).collect();
        Ok(Some((encoder.encode(&batches)?, runs)))
    }

    fn append(&self, unit: &Unit, part: Self::Part) -> Result<(), Fault> {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((file, units)), Some((group, runs))) = (staged.as_mut(), part) {
            file.append(group)?;
            units.push(StagedUnit { unit: unit.index, runs });
        }
        Ok(())
    }
}
