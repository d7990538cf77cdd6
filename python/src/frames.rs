//! Frames: what comes in as Arrow streams, and goes out as them. Nothing is copied here.

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchReader, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PySchema, PyTable};
use sluicegate::cli::embedded;

use crate::views;

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
            Self::Streamed(reader) => return Ok(embedded::Rows::streamed(Box::new(Validated(reader)))),
            Self::Held(readers) => readers,
        };
        let schemas: Vec<SchemaRef> = readers.iter().map(|reader| reader.schema()).collect();
        let schema = common(&schemas)?;
        let mut batches = Vec::new();
        for reader in readers {
            for batch in reader {
                let batch = batch.and_then(validated).map_err(|error| format!("cannot read the batches: {error}"))?;
                batches.push(typed(batch, &schema)?);
            }
        }
        Ok(embedded::Rows::Held { schema, batches })
    }
}

/// A stream whose batches are looked at before anyone believes them.
struct Validated(Box<dyn RecordBatchReader + Send>);

impl Iterator for Validated {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|batch| batch.and_then(validated))
    }
}

impl RecordBatchReader for Validated {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

/// The batch, if its texts are UTF-8 and its offsets and codes lie where values are. What another program hands over is not
/// validated on the way, and no code here may meet text that is none.
fn validated(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()).filter(|(field, _)| has_texts(field.data_type())) {
        let wrong = |error: ArrowError| ArrowError::InvalidArgumentError(format!("column `{}`: {error}", field.name()));
        if !array.as_string_view_opt().is_some_and(views::are_valid) {
            array.to_data().validate_full().map_err(wrong)?;
        }
    }
    Ok(batch)
}

/// Whether values of the type lie somewhere that offsets, views or codes say. Numbers are what they are.
fn has_texts(data_type: &DataType) -> bool {
    !data_type.is_primitive() && !matches!(data_type, DataType::Null | DataType::Boolean | DataType::FixedSizeBinary(_))
}

/// The columns that all frames have. A column without a value in one frame has the type that it has in another.
fn common(schemas: &[SchemaRef]) -> Result<SchemaRef, String> {
    let Some((first, others)) = schemas.split_first() else { return Ok(Schema::empty().into()) };
    let mut fields: Vec<Field> = first.fields().iter().map(|field| field.as_ref().clone()).collect();
    for (number, other) in others.iter().enumerate() {
        let told = |what: String| Err(format!("frame {} has other columns than the first: {what}", number + 2));
        if other.fields().len() != fields.len() {
            return told(format!("{} of them, and not {}", other.fields().len(), fields.len()));
        }
        for (field, other) in fields.iter_mut().zip(other.fields()) {
            if field.name() != other.name() {
                return told(format!("`{}` where the first has `{}`", other.name(), field.name()));
            }
            field.set_nullable(field.is_nullable() || other.is_nullable());
            match (field.data_type(), other.data_type()) {
                (here, there) if here == there => {}
                (DataType::Null, there) => field.set_data_type(there.clone()),
                (_, DataType::Null) => {}
                (here, there) => return told(format!("`{}` is {there} there, and {here} in the first", field.name())),
            }
        }
    }
    Ok(Schema::new(fields).into())
}

/// The batch with the types of `schema`: nulls without a type get one.
fn typed(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let is_typed = |(array, field): (&ArrayRef, &FieldRef)| array.data_type() == field.data_type();
    if batch.columns().iter().zip(schema.fields()).all(is_typed) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| match is_typed((array, field)) {
        true => array.clone(),
        false => new_null_array(field.data_type(), array.len()),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).map_err(|error| format!("cannot read the batches: {error}"))
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
