//! Frames: what comes in as Arrow streams, and goes out as them. Nothing is copied here.

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PySchema, PyTable};
use sluicegate::cli::embedded;

/// Rows that were handed over.
pub(crate) enum Frames {
    /// Readers of what is held elsewhere: draining them copies nothing.
    Held(Vec<Box<dyn RecordBatchReader + Send>>),
    /// A stream that is made while it is read.
    Streamed(Box<dyn RecordBatchReader + Send>),
}

impl Frames {
    /// Of objects with `__arrow_c_stream__` or `__arrow_c_array__`.
    pub(crate) fn of(objects: Vec<AnyRecordBatch>, is_stream: bool) -> PyResult<Self> {
        let mut readers = objects.into_iter().map(AnyRecordBatch::into_reader).collect::<PyResult<Vec<_>>>()?;
        match (is_stream, readers.len()) {
            (_, 0) => Err(PyValueError::new_err("no frames were given")),
            (true, 1) => Ok(Self::Streamed(readers.remove(0))),
            (_, _) => Ok(Self::Held(readers)),
        }
    }

    /// As rows for a run.
    ///
    /// # Errors
    /// A frame has other columns than the first, or cannot be read.
    pub(crate) fn rows(self) -> Result<embedded::Rows, String> {
        let readers = match self {
            Self::Streamed(reader) => return Ok(embedded::Rows::streamed(reader)),
            Self::Held(readers) => readers,
        };
        let mut schema: Option<SchemaRef> = None;
        let mut batches = Vec::new();
        for (number, reader) in readers.into_iter().enumerate() {
            let first = schema.get_or_insert_with(|| reader.schema());
            if first.fields() != reader.schema().fields() {
                return Err(format!("frame {} has other columns than the first: {} and {}", number + 1, reader.schema(), first));
            }
            for batch in reader {
                batches.push(batch.map_err(|error| format!("cannot read the batches: {error}"))?);
            }
        }
        Ok(embedded::Rows::Held { schema: schema.unwrap_or_else(|| arrow::datatypes::Schema::empty().into()), batches })
    }
}

/// Rows in Arrow's form, which every frame library reads without copying: `__arrow_c_stream__`.
#[pyclass(frozen, module = "sluicegate._sluicegate")]
pub(crate) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    pub(crate) fn of(embedded::Table { schema, batches }: embedded::Table) -> Self {
        Self { schema, batches }
    }
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(&self, py: Python<'py>, requested_schema: Option<Bound<'py, PyCapsule>>) -> PyResult<Bound<'py, PyAny>> {
        let table = Bound::new(py, PyTable::try_new(self.batches.clone(), self.schema.clone())?)?;
        table.call_method1("__arrow_c_stream__", PyTuple::new(py, [requested_schema])?)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, PySchema::new(self.schema.clone()))?.call_method0("__arrow_c_schema__")
    }
}
