//! Reports, and the judged rows behind them.

use std::sync::Mutex;

use pyo3::prelude::*;
use sluicegate::cli::embedded::{self, Done, Kept};
use sluicegate::report;

use crate::faults::{guarded, raised};
use crate::frames::Table;

/// A report, and the rows that it speaks of while they are kept.
#[pyclass(frozen, module = "sluicegate._sluicegate")]
pub(crate) struct Report {
    report: report::Report,
    is_ok: bool,
    notes: Vec<String>,
    kept: Option<Mutex<Kept>>,
}

impl Report {
    pub(crate) fn of(Done { report, is_ok, kept }: Done, notes: Vec<String>) -> Self {
        Self { report, is_ok, notes, kept: kept.map(Mutex::new) }
    }
}

#[pymethods]
impl Report {
    /// Whether the program would have ended with 0.
    #[getter]
    fn is_ok(&self) -> bool {
        self.is_ok
    }

    /// What the program would have noted on standard error.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Whether the judged rows are still at hand.
    #[getter]
    fn has_rows(&self) -> bool {
        self.kept.is_some()
    }

    /// The report in a format, by its name.
    fn render(&self, py: Python<'_>, format: &str) -> PyResult<String> {
        py.detach(|| guarded(|| embedded::rendered(&self.report, format))).map_err(|fault| raised(py, fault))
    }

    /// The rows that may pass, and those that may not.
    fn split(&self, py: Python<'_>) -> PyResult<(Table, Table)> {
        let split = py.detach(|| {
            guarded(|| {
                let kept = self.kept.as_ref().ok_or_else(embedded::internal)?;
                kept.lock().map_err(|_| embedded::internal())?.split()
            })
        });
        let (good, bad) = split.map_err(|fault| raised(py, fault))?;
        Ok((Table::of(good), Table::of(bad)))
    }
}

/// Reads a report back from its JSON. What its exit code was follows from its verdict alone.
#[pyfunction]
pub(crate) fn read_report(py: Python<'_>, text: &str, is_ok: bool) -> PyResult<Report> {
    let report = report::read(text, "the report").map_err(|fault| raised(py, fault))?;
    Ok(Report { report, is_ok, notes: Vec::new(), kept: None })
}

/// The name of the format that a path asks for by its extension.
#[pyfunction]
pub(crate) fn format_of(py: Python<'_>, path: &str) -> PyResult<&'static str> {
    embedded::format_of(path).map_err(|fault| raised(py, fault))
}
