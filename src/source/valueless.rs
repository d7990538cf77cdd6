//! Columns without a value, of formats that then know no type either: each has the type that the contract gives it.
//!
//! A pandas column of Python objects that are all missing today, a Polars column of `None`, a column of Parquet's null type: no
//! value contradicts the contract, so nothing has changed.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Chunk, ContractColumn, Known, Piece, Preread, Projection, SchemaEvidence, Source, TakeChunk, Unit, UnitEnd};
use crate::diagnostic::{Code, Fault};
use crate::types::Tally;

/// A source whose columns without a type have the contract's.
pub(super) struct Typed {
    inner: Arc<dyn Source>,
    known: Known,
    contract: Vec<ContractColumn>,
}

impl Typed {
    /// The source itself, if the contract names no column of it that has no type.
    pub(super) fn over(inner: Arc<dyn Source>, contract: &[ContractColumn]) -> Arc<dyn Source> {
        let wanted = |field: &Arc<Field>| {
            let asked = || contract.iter().find(|c| c.name == *field.name())?.data_type.clone();
            (*field.data_type() == DataType::Null).then(asked).flatten()
        };
        let fields = inner.schema().fields();
        if !fields.iter().any(|field| wanted(field).is_some()) {
            return inner;
        }
        let typed = |field: &Arc<Field>| match wanted(field) {
            Some(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type).with_nullable(true)),
            None => field.clone(),
        };
        let known = Known { schema: Arc::new(Schema::new(fields.iter().map(typed).collect::<Vec<_>>())), ..inner.known().clone() };
        Arc::new(Self { inner, known, contract: contract.to_vec() })
    }
}

impl Source for Typed {
    fn known(&self) -> &Known {
        &self.known
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        self.inner.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        let read = Projection { compact: projection.compact, ..Projection::new(self.inner.schema(), projection.columns.clone()) };
        self.inner.read(unit, preread, &read, &mut |chunk| {
            let failed = |e| Fault::new(Code::Internal, format!("cannot assemble a batch: {e}"));
            let rows = chunk.batch.num_rows();
            let (mut columns, mut fields) = (chunk.batch.columns().to_vec(), chunk.batch.schema().fields().to_vec());
            for (i, field) in projection.schema.fields().iter().enumerate() {
                if *columns[i].data_type() == DataType::Null && *field.data_type() != DataType::Null {
                    columns[i] = new_null_array(field.data_type(), rows);
                    fields[i] = field.clone();
                }
            }
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(failed)?;
            each(Chunk { batch, ..chunk })
        })
    }

    fn digest(&self) -> Result<u128, Fault> {
        self.inner.digest()
    }

    fn retyped(&self, evidence: &SchemaEvidence) -> Result<Option<Arc<dyn Source>>, Fault> {
        Ok(self.inner.retyped(evidence)?.map(|inner| Self::over(inner, &self.contract)))
    }

    fn field_starts(&self, unit: &Unit, places: &[(u32, usize)]) -> Result<Vec<Option<u32>>, Fault> {
        self.inner.field_starts(unit, places)
    }

    fn tallies(&self, evidence: &SchemaEvidence) -> Vec<Tally> {
        self.inner.tallies(evidence)
    }
}
