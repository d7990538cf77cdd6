//! The text of rule files, for the builder.

use pyo3::prelude::*;
use sluicegate::ruleset::{self, RuleFile};

use crate::faults::raised;

/// A rule file as JSON whose texts say whether they stood in quotes.
#[pyfunction]
pub(crate) fn rules_marked(py: Python<'_>, text: &str, name: &str) -> PyResult<String> {
    py.detach(|| ruleset::marked(text, name)).map_err(|faults| raised(py, faults))
}

/// The digest of a rule file without mistakes.
#[pyfunction]
pub(crate) fn rules_digest(py: Python<'_>, text: &str, name: &str) -> PyResult<String> {
    let rules = py.detach(|| RuleFile::parse(text, name)).map_err(|faults| raised(py, faults))?;
    Ok(format!("{:032x}", rules.digest))
}
