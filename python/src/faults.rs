//! Faults as the Python exception `sluicegate.Fault`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;
use sluicegate::cli::embedded;
use sluicegate::diagnostic::{Fault, Faults};
use sluicegate::report::terminal;

/// The exception that says what is wrong: one line a fault, and the faults themselves as JSON.
pub(crate) fn raised(py: Python<'_>, faults: impl Into<Faults>) -> PyErr {
    let faults: Faults = faults.into();
    let text = faults.0.iter().map(terminal::fault).collect::<Vec<_>>().join("\n");
    let json = serde_json::to_string(&faults.0).unwrap_or_else(|_| "[]".to_owned());
    let made = py.import("sluicegate._errors").and_then(|errors| errors.getattr("Fault")).and_then(|fault| fault.call1((text, json)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// What `work` gives; a panic in it is a fault, which Python code can catch.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(embedded::internal()))
}
