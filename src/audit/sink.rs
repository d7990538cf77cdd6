//! Where sound rows go while a batch is judged.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::diagnostic::Fault;
use crate::rows::RowNumbers;
use crate::source::Unit;

/// Rows that pass every zero-tolerance row test, with every column.
pub struct SoundRows {
    pub rows: RowNumbers,
    pub batch: RecordBatch,
}

/// Takes the rows that pass every zero-tolerance row test, unit by unit.
pub trait Sink: Sync {
    /// A unit's rows, while they come.
    type Open;
    /// A unit's rows, ready to be appended.
    type UnitPart: Send;

    /// Whether rows are wanted at all; if so, every column is read.
    fn wants_rows(&self) -> bool;

    /// Begins anew: columns may have other types now.
    ///
    /// # Errors
    /// The staging place cannot be written.
    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault>;

    /// Begins a unit; this and the next two run on any thread.
    ///
    /// # Errors
    /// The rows' types cannot be encoded.
    fn open(&self) -> Result<Self::Open, Fault>;

    /// Takes some of the unit's rows, in order.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    fn take(&self, open: &mut Self::Open, rows: SoundRows) -> Result<(), Fault>;

    /// Ends the unit.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    fn close(&self, open: Self::Open) -> Result<Self::UnitPart, Fault>;

    /// Appends a unit's rows; called in unit order.
    ///
    /// # Errors
    /// The staging place cannot be written.
    fn append(&self, unit: &Unit, part: Self::UnitPart) -> Result<(), Fault>;
}

/// Whether a batch's columns can be taken.
pub(super) type TakesColumns<'a> = dyn Fn(&SchemaRef) -> Result<(), Fault> + Sync + 'a;

/// A sink for runs that only judge: it takes no rows.
#[derive(Default, Clone, Copy)]
pub struct NoSink<'a> {
    /// Told of the batch's columns before a row is read, as any sink is; what it cannot take is a fault.
    pub columns: Option<&'a TakesColumns<'a>>,
}

impl Sink for NoSink<'_> {
    type Open = ();
    type UnitPart = ();

    fn wants_rows(&self) -> bool {
        false
    }

    fn begin(&self, schema: &SchemaRef) -> Result<(), Fault> {
        self.columns.map_or(Ok(()), |columns| columns(schema))
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
