//! Faults as the Python exception `sluicegate.Fault`.

use pyo3::prelude::*;
use sluicegate::diagnostic::{Code, Fault, Faults};

/// The exception that says what is wrong: one line a fault, and the faults themselves as JSON.
pub(crate) fn raised(py: Python<'_>, faults: impl Into<Faults>) -> PyErr {
    let faults: Faults = faults.into();
    let text = faults.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let json = serde_json::to_string(&faults.0).unwrap_or_else(|_| "[]".to_owned());
    let made = py.import("sluicegate._errors").and_then(|errors| errors.getattr("Fault")).and_then(|fault| fault.call1((text, json)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// A fault of ours: a library broke.
pub(crate) fn internal() -> Fault {
    Fault::new(Code::Internal, "internal error").hint("please report it, with what led to it")
}
