//! Rows on their way to being judged again: out of parts and published files, into files of the source's columns.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{FieldRef, SchemaRef};
use parquet::arrow::ArrowWriter;

use super::cannot;
use super::mended::MendedRows;
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Access};
use crate::quarantine;
use crate::types::places;

/// Which rows of a part are judged.
pub(super) enum ToJudge {
    /// All but records that were never read.
    AllWithValues,
    /// Those that others take the place of.
    Mended(MendedRows),
}

/// How a row of a part is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Not,
    /// With its own values.
    Own,
    /// With the values of this mended row.
    Mended(usize),
}

impl ToJudge {
    /// How each row of `batch` is judged.
    pub(super) fn of(&self, batch: &RecordBatch) -> Vec<Taken> {
        match self {
            Self::AllWithValues => {
                let taken = |has_values| if has_values { Taken::Own } else { Taken::Not };
                quarantine::has_values(batch).values().iter().map(taken).collect()
            }
            Self::Mended(mended) => mended.places_in(batch).into_iter().map(|index| index.map_or(Taken::Not, Taken::Mended)).collect(),
        }
    }

    /// The rows of `batch` that are judged, with the values that they are judged with.
    pub(super) fn rows(&self, batch: &RecordBatch, taken: &[Taken]) -> Result<RecordBatch, Fault> {
        match self {
            Self::AllWithValues => {
                let is_judged: BooleanArray = taken.iter().map(|taken| Some(*taken != Taken::Not)).collect();
                filter_record_batch(batch, &is_judged).map_err(|e| cannot(&e))
            }
            Self::Mended(mended) => {
                let pair = |(row, taken): (usize, &Taken)| match taken {
                    Taken::Mended(index) => Some((row, *index)),
                    Taken::Not | Taken::Own => None,
                };
                mended.values_for(batch, &taken.iter().enumerate().filter_map(pair).collect::<Vec<_>>())
            }
        }
    }
}

/// The columns of `schema`, of its types.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Fault> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let (own, there) = (batch.schema(), batch.columns());
    let places = places(&own);
    let column = |field: &FieldRef| {
        let Some(array) = places.get(field.name().as_str()).map(|&place| &there[place]) else {
            let fault = Fault::new(Code::NotReplayable, format!("the published rows have no column `{}`", field.name()));
            return Err(fault.hint("gate the batch again with `--supersede`"));
        };
        cast_with_options(array, field.data_type(), &options).map_err(|e| cannot(&e))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| cannot(&e))
}

/// A file of rows to be judged.
pub(super) struct Scratch {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl Scratch {
    pub(super) fn new(path: &Path, schema: &SchemaRef) -> Result<Self, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::ScratchFailed, format!("{}: cannot write: {e}", path.display()));
        // The batch before this one, or an attempt that others overtook, has left its own there.
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
            Ok(()) | Err(_) => {}
        }
        let file = files::create(path, Access::Private).map_err(|e| failed(&e))?;
        Ok(Self { writer: ArrowWriter::try_new(file, schema.clone(), None).map_err(|e| failed(&e))?, schema: schema.clone() })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        self.writer.write(&conform(batch, &self.schema)?).map_err(|e| cannot(&e))
    }

    pub(super) fn close(self) -> Result<(), Fault> {
        self.writer.close().map(|_| ()).map_err(|e| cannot(&e))
    }
}
