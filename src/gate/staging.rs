//! Stages passing rows while the audit folds.

use std::sync::{Mutex, PoisonError, RwLock};

use arrow::datatypes::SchemaRef;

use crate::audit::{Sink, SoundRows};
use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::source::Unit;
use crate::store::{Columns, Destination, EncodedGroup, Encoder, GroupEncoder, Location, StagedFile};

/// Which rows of a unit a staged row group holds: runs of (first row, length), ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StagedUnit {
    pub unit: u32,
    pub runs: Vec<(u32, u32)>,
}

/// A row group on its way, and the rows in it.
pub(super) struct OpenUnit {
    group: Option<GroupEncoder>,
    runs: Vec<(u32, u32)>,
}

/// What was staged.
pub(super) struct Staged {
    /// Without its footer yet.
    pub file: StagedFile,
    /// The unit of each of its row groups.
    pub units: Vec<StagedUnit>,
    pub columns: Columns,
    /// Where it is, and where what is made of it is written.
    pub directory: Location,
}

/// A sink that writes a row group a unit to a staged file.
pub(super) struct Staging<'a> {
    destination: &'a Destination,
    evolution: Evolution,
    directory: Location,
    /// The only file whose rows are staged.
    file: Option<u32>,
    encoder: RwLock<Option<Encoder>>,
    staged: Mutex<Option<Result<Staged, Fault>>>,
}

impl<'a> Staging<'a> {
    /// For `destination`, whose columns may change as `evolution` says.
    pub fn new(destination: &'a Destination, evolution: Evolution) -> Self {
        let directory = destination.directory();
        Self { destination, evolution, directory, file: None, encoder: RwLock::new(None), staged: Mutex::new(None) }
    }

    /// The same, in another directory than the destination's.
    #[must_use]
    pub fn in_directory(self, directory: Location) -> Self {
        Self { directory, ..self }
    }

    /// The same, for rows of the file of this index alone.
    #[must_use]
    pub fn only_file(self, file: u32) -> Self {
        Self { file: Some(file), ..self }
    }

    pub fn into_staged(self) -> Result<Staged, Fault> {
        let staged = self.staged.into_inner().unwrap_or_else(PoisonError::into_inner);
        staged.unwrap_or_else(|| Err(Fault::new(Code::Internal, "internal error: nothing was staged")))
    }
}

impl Sink for Staging<'_> {
    type Open = OpenUnit;
    type Part = Option<(EncodedGroup, Vec<(u32, u32)>)>;

    fn wants_rows(&self) -> bool {
        true
    }

    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault> {
        // Where the table cannot take these columns, the batch is judged all the same: the finding about its schema says so.
        let staged = match self.destination.columns(schema, self.evolution)? {
            Ok(columns) => {
                let file = StagedFile::create(&self.directory, &columns)?;
                Ok(Staged { file, units: Vec::new(), columns, directory: self.directory.clone() })
            }
            Err(differs) => Err(differs),
        };
        let encoder = staged.as_ref().ok().map(|staged| staged.file.encoder());
        *self.encoder.write().unwrap_or_else(PoisonError::into_inner) = encoder;
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged);
        Ok(())
    }

    fn open(&self) -> Result<OpenUnit, Fault> {
        let encoder = self.encoder.read().unwrap_or_else(PoisonError::into_inner);
        let group = encoder.as_ref().map(Encoder::begin).transpose()?;
        Ok(OpenUnit { group, runs: Vec::new() })
    }

    fn take(&self, open: &mut OpenUnit, sound: SoundRows) -> Result<(), Fault> {
        for row in sound.rows.iter() {
            match open.runs.last_mut() {
                Some((first, len)) if *first + *len == row => *len += 1,
                Some(_) | None => open.runs.push((row, 1)),
            }
        }
        open.group.as_mut().map_or(Ok(()), |group| group.write(&sound.batch))
    }

    fn close(&self, open: OpenUnit) -> Result<Self::Part, Fault> {
        match open.group.filter(|_| !open.runs.is_empty()) {
            Some(group) => Ok(Some((group.close()?, open.runs))),
            None => Ok(None),
        }
    }

    fn append(&self, unit: &Unit, part: Self::Part) -> Result<(), Fault> {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = self.file.is_none_or(|file| file == unit.file);
        if let (true, Some(Ok(staged)), Some((group, runs))) = (is_wanted, staged.as_mut(), part) {
            staged.file.append(group)?;
            staged.units.push(StagedUnit { unit: unit.index, runs });
        }
        Ok(())
    }
}
