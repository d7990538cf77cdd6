//! Frames: what comes in as Arrow streams, and goes out as them. Nothing is copied here.

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchReader, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PySchema, PyTable};
use sluicegate::cli::embedded;
use sluicegate::diagnostic::{Code, Fault};

use crate::faults::raised;
use crate::views;

type Reader = Box<dyn RecordBatchReader + Send>;

/// Frames that were handed over, as one stream with the columns that all of them have. Its batches are looked at before anyone
/// believes them.
pub(crate) struct Frames {
    schema: SchemaRef,
    readers: std::iter::Flatten<std::vec::IntoIter<Reader>>,
}

impl Frames {
    /// Of objects with `__arrow_c_stream__` or `__arrow_c_array__`.
    pub(crate) fn of(py: Python<'_>, objects: Vec<AnyRecordBatch>) -> PyResult<Self> {
        let readers = objects.into_iter().map(AnyRecordBatch::into_reader).collect::<PyResult<Vec<_>>>()?;
        let schemas: Vec<SchemaRef> = readers.iter().map(RecordBatchReader::schema).collect();
        let schema = common(&schemas).map_err(|fault| raised(py, fault))?;
        Ok(Self { schema, readers: readers.into_iter().flatten() })
    }

    /// As rows for a run: of a stream, which is made while it is read, or of what is held elsewhere, so that draining it copies
    /// nothing.
    ///
    /// # Errors
    /// A frame cannot be read.
    pub(crate) fn rows(self, is_stream: bool) -> Result<embedded::Rows, Fault> {
        if is_stream {
            return Ok(embedded::Rows::streamed(Box::new(self)));
        }
        let (schema, unreadable) = (self.schema.clone(), |error| Fault::new(Code::Unreadable, format!("cannot read the batches: {error}")));
        Ok(embedded::Rows::Held { schema, batches: self.collect::<Result<_, _>>().map_err(unreadable)? })
    }
}

impl Iterator for Frames {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.readers.next()?;
        Some(batch.and_then(validated).and_then(|batch| typed(batch, &self.schema)))
    }
}

impl RecordBatchReader for Frames {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
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
fn common(schemas: &[SchemaRef]) -> Result<SchemaRef, Fault> {
    let Some((first, others)) = schemas.split_first() else { return Err(Fault::new(Code::Empty, "no frames were given")) };
    if others.is_empty() {
        return Ok(first.clone());
    }
    let mut fields: Vec<Field> = first.fields().iter().map(|field| field.as_ref().clone()).collect();
    for (number, other) in others.iter().enumerate() {
        let told = |what: String| {
            let what = format!("frame {} has other columns than the first: {what}", number + 2);
            Err(Fault::new(Code::FilesDiffer, what))
        };
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
fn typed(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let is_typed = |(array, field): (&ArrayRef, &FieldRef)| array.data_type() == field.data_type();
    if batch.columns().iter().zip(schema.fields()).all(is_typed) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| match is_typed((array, field)) {
        true => array.clone(),
        false => new_null_array(field.data_type(), array.len()),
    });
    RecordBatch::try_new(schema.clone(), columns.collect())
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
