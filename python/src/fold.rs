//! Folds: made of partitions where these lie, merged, and judged. All that is worth more than a line stands in the library.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator};
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PyArray, PyRecordBatch, PySchema};
use sluicegate::cli::embedded::fold::{self as embedded, Judged, Partitions, TakeAnswer};
use sluicegate::diagnostic::{Code, Fault, Faults};

use crate::faults::raised;
use crate::frames::Frames;

/// By what rules and as of when something is folded or judged.
#[pyclass(name = "Terms", module = "sluicegate._sluicegate", frozen)]
struct Terms(embedded::Terms);

#[pymethods]
impl Terms {
    #[new]
    #[pyo3(signature = (name, rules = None, now = None, as_of = None, memory_limit = "1GB", threads = 1))]
    fn new(
        py: Python<'_>,
        name: String,
        rules: Option<String>,
        now: Option<String>,
        as_of: Option<String>,
        memory_limit: &str,
        threads: usize,
    ) -> PyResult<Self> {
        let rules = rules.map_or_else(|| embedded::rules_text(&name), Ok).map_err(|faults| raised(py, faults))?;
        let memory_limit = memory(py, memory_limit)?;
        Ok(Self(embedded::Terms { rules, name, now, as_of, memory_limit, threads }))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn rules(&self) -> &str {
        &self.0.rules
    }
}

fn memory(py: Python<'_>, limit: &str) -> PyResult<u64> {
    embedded::memory(limit).map_err(|fault| raised(py, fault))
}

fn bytes_or_raise<'py>(py: Python<'py>, done: Result<Vec<u8>, Faults>) -> PyResult<Bound<'py, PyBytes>> {
    done.map(|bytes| PyBytes::new(py, &bytes)).map_err(|faults| raised(py, faults))
}

#[pyfunction]
fn fold_unit<'py>(py: Python<'py>, terms: &Terms, unit: u32, frames: Vec<AnyRecordBatch>) -> PyResult<Bound<'py, PyBytes>> {
    let rows = Frames::of(py, frames)?;
    let done = py.detach(|| embedded::fold(&terms.0, unit, Box::new(rows)));
    bytes_or_raise(py, done)
}

#[pyfunction]
fn merge_folds<'py>(py: Python<'py>, folds: Vec<Vec<u8>>, memory_limit: &str) -> PyResult<Bound<'py, PyBytes>> {
    let memory_limit = memory(py, memory_limit)?;
    let done = py.detach(|| embedded::merge(&folds, memory_limit));
    bytes_or_raise(py, done)
}

#[pyfunction]
fn fold_order<'py>(
    py: Python<'py>,
    order: PyBackedBytes,
    partition: u32,
    frames: Vec<AnyRecordBatch>,
    memory_limit: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let (rows, memory_limit) = (Frames::of(py, frames)?, memory(py, memory_limit)?);
    let done = py.detach(|| embedded::fold_order(&order, partition, Box::new(rows), memory_limit));
    bytes_or_raise(py, done)
}

/// The units that a fold has counted, as ranges.
#[pyfunction]
fn fold_ranges(py: Python<'_>, fold: PyBackedBytes) -> PyResult<Vec<(u32, u32)>> {
    embedded::units(&fold).map_err(|faults| raised(py, faults))
}

#[pyfunction]
fn minding_order(py: Python<'_>, terms: &Terms, schema: PySchema) -> PyResult<Vec<String>> {
    let schema = schema.into_inner();
    py.detach(|| embedded::minding_order(&terms.0, &schema)).map_err(|faults| raised(py, faults))
}

/// A Python function that reaches the partitions: `run(order, columns, only) -> (count, iterable of (partition, answer))`.
struct Callback {
    run: Py<PyAny>,
    /// What it raised.
    error: Mutex<Option<PyErr>>,
}

impl Callback {
    fn new(run: Py<PyAny>) -> Self {
        Self { run, error: Mutex::default() }
    }

    fn keep(&self, error: PyErr) -> Faults {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Fault::new(Code::Cancelled, "what reads the partitions raised an exception").into()
    }
}

impl Partitions for Callback {
    fn each(&self, order: &[u8], columns: &[String], only: Option<&[u32]>, take: &mut TakeAnswer<'_>) -> Result<u32, Faults> {
        let begun = Python::attach(|py| {
            let order = PyBytes::new(py, order);
            let (count, answers) = self.run.bind(py).call1((order, columns, only))?.extract::<(u32, Bound<'_, PyAny>)>()?;
            Ok::<_, PyErr>((count, PyIterator::from_object(&answers)?.unbind()))
        });
        let (count, answers) = begun.map_err(|e| self.keep(e))?;
        loop {
            let next = Python::attach(|py| {
                py.check_signals()?;
                let next = answers.bind(py).clone().next().transpose()?;
                next.map(|next| next.extract::<(u32, PyBackedBytes)>()).transpose()
            });
            match next.map_err(|e| self.keep(e))? {
                Some((partition, answer)) => take(partition, &answer)?,
                None => return Ok(count),
            }
        }
    }
}

/// The report as JSON, or what was raised on the way.
fn report(py: Python<'_>, judged: Judged, callback: Option<Callback>) -> PyResult<String> {
    if let Some(error) = callback.and_then(|callback| callback.error.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        return Err(error);
    }
    let report = judged.map_err(|faults| raised(py, faults))?;
    serde_json::to_string(&report).map_err(|e| PyRuntimeError::new_err(e.to_string()))
}

#[pyfunction]
#[pyo3(signature = (terms, schema, run, batch_id = None))]
fn drive(py: Python<'_>, terms: &Terms, schema: PySchema, run: Py<PyAny>, batch_id: Option<String>) -> PyResult<String> {
    let (schema, callback) = (schema.into_inner(), Callback::new(run));
    let judged = py.detach(|| embedded::drive(&terms.0, &schema, batch_id.as_deref(), &callback));
    report(py, judged, Some(callback))
}

#[pyfunction]
#[pyo3(signature = (terms, fold, partitions = None, batch_id = None, run = None))]
fn judge_fold(
    py: Python<'_>,
    terms: &Terms,
    fold: PyBackedBytes,
    partitions: Option<u32>,
    batch_id: Option<String>,
    run: Option<Py<PyAny>>,
) -> PyResult<String> {
    let callback = run.map(Callback::new);
    let judged = py.detach(|| {
        let looks = callback.as_ref().map(|callback| -> &dyn Partitions { callback });
        embedded::judge(&terms.0, &fold, partitions, batch_id.as_deref(), looks)
    });
    report(py, judged, callback)
}

/// Rules bound to columns, of which those speak that judge row by row.
#[pyclass(module = "sluicegate._sluicegate", frozen)]
struct RowReasons {
    bound: Mutex<embedded::RowReasons>,
}

#[pymethods]
impl RowReasons {
    #[new]
    fn new(py: Python<'_>, terms: &Terms, schema: PySchema) -> PyResult<Self> {
        let bound = embedded::RowReasons::new(&terms.0, &schema.into_inner()).map_err(|faults| raised(py, faults))?;
        Ok(Self { bound: Mutex::new(bound) })
    }

    /// The findings of rules that cannot be judged row by row.
    fn silent(&self) -> Vec<String> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).silent()
    }

    /// Two arrays for a batch: the reasons of each row, and whether it passes.
    fn of(&self, py: Python<'_>, batch: PyRecordBatch) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let batch = batch.into_inner();
        let told = py.detach(|| self.bound.lock().unwrap_or_else(PoisonError::into_inner).of(&batch));
        let told = told.map_err(|faults| raised(py, faults))?;
        let item = Field::new_list_field(DataType::Utf8, true);
        let reasons = PyArray::new(told.reasons, Arc::new(Field::new_list("reasons", item, true)));
        let passes = PyArray::new(told.passes, Arc::new(Field::new("passes", DataType::Boolean, true)));
        Ok((reasons.into_pyobject(py)?.into_any().unbind(), passes.into_pyobject(py)?.into_any().unbind()))
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Terms>()?;
    module.add_class::<RowReasons>()?;
    module.add_function(wrap_pyfunction!(fold_unit, module)?)?;
    module.add_function(wrap_pyfunction!(merge_folds, module)?)?;
    module.add_function(wrap_pyfunction!(fold_order, module)?)?;
    module.add_function(wrap_pyfunction!(fold_ranges, module)?)?;
    module.add_function(wrap_pyfunction!(minding_order, module)?)?;
    module.add_function(wrap_pyfunction!(drive, module)?)?;
    module.add_function(wrap_pyfunction!(judge_fold, module)?)
}
