//! For runs that only judge: asks the destination what the gate would ask it, before any row is read.

use arrow::datatypes::SchemaRef;

use crate::audit::{Sink, SoundRows};
use crate::diagnostic::Fault;
use crate::rules::schema::Evolution;
use crate::source::Unit;
use crate::store::Destination;
use crate::verdict::Verdict;

/// Takes no rows for `destination`, if there is one.
pub struct Judging<'a> {
    pub destination: Option<&'a Destination>,
    pub evolution: Evolution,
}

impl Judging<'_> {
    /// Refuses a batch of this verdict that the gate would publish, and could not.
    ///
    /// # Errors
    /// The table cannot take these columns.
    pub fn end(&self, schema: &SchemaRef, verdict: Verdict) -> Result<(), Fault> {
        match (self.destination, verdict) {
            (Some(destination), Verdict::Accept | Verdict::Quarantine) => destination.columns(schema, self.evolution)?.map(|_| ()),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

impl Sink for Judging<'_> {
    type Open = ();
    type Part = ();

    fn wants_rows(&self) -> bool {
        false
    }

    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault> {
        let Some(destination) = self.destination else { return Ok(()) };
        // Where the table cannot take these columns, the finding about the schema says so.
        destination.columns(schema, self.evolution).map(|_| ())
    }

    fn open(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn take(&self, (): &mut (), _: SoundRows) -> Result<(), Fault> {
        Ok(())
    }

    fn close(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn append(&self, _: &Unit, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}
