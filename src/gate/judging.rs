//! For runs that only judge: takes no rows, and asks the store what the gate would ask it.

use arrow::datatypes::SchemaRef;

use crate::audit::{Kept, Sink};
use crate::diagnostic::Fault;
use crate::rules::schema::Evolution;
use crate::source::Unit;
use crate::store::Store;
use crate::verdict::Verdict;

/// A sink for audits that only judge. Where it is told of the store that the gate would publish to, that store must take the
/// batch's columns.
#[derive(Default, Clone, Copy)]
pub struct Judging<'a> {
    pub store: Option<&'a dyn Store>,
    pub evolution: Evolution,
}

impl Judging<'_> {
    /// Refuses a batch of this verdict that the gate would publish, and could not.
    ///
    /// # Errors
    /// The store cannot take these columns.
    pub fn end(&self, schema: &SchemaRef, verdict: Verdict) -> Result<(), Fault> {
        match (self.store, verdict) {
            (Some(store), Verdict::Accept | Verdict::Quarantine) => store.takes(schema, self.evolution)?,
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
        let Some(store) = self.store else { return Ok(()) };
        // Where the table cannot take these columns, the finding about the schema says so.
        store.takes(schema, self.evolution).map(|_| ())
    }

    fn open(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn take(&self, (): &mut (), _: Kept) -> Result<(), Fault> {
        Ok(())
    }

    fn close(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn append(&self, _: &Unit, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}
