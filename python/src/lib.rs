//! The Python module `sluicegate._sluicegate`: thin. What it calls is `sluicegate::cli::embedded`; what users see is Python in
//! `python/sluicegate/`.

mod faults;
mod fold;
mod frames;
mod report;
mod rules;
mod run;
mod views;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command-line program with `arguments`, of which the first is its own name; gives its exit code.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| sluicegate::cli::run(arguments).0)
}

#[pymodule]
fn _sluicegate(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<report::Report>()?;
    module.add_class::<frames::Table>()?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(run::run, module)?)?;
    module.add_function(wrap_pyfunction!(run::listed, module)?)?;
    module.add_function(wrap_pyfunction!(report::read_report, module)?)?;
    module.add_function(wrap_pyfunction!(report::format_of, module)?)?;
    module.add_function(wrap_pyfunction!(rules::rules_marked, module)?)?;
    module.add_function(wrap_pyfunction!(rules::rules_digest, module)?)?;
    fold::register(module)
}
