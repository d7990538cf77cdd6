//! The Python package of Sluicegate.

mod fold;

use pyo3::prelude::*;

#[pymodule]
fn _sluicegate(module: &Bound<'_, PyModule>) -> PyResult<()> {
    fold::register(module)
}
