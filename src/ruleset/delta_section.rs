//! Which state of a Delta table is read.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault};
use crate::rules::words::Literal;
use crate::source::TableState;
use crate::yaml::Spanned;

/// A state of a Delta table, by one of its keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeltaSource")]
pub(super) struct DeltaSection {
    /// The version of this number. If left out: required unless `as_of` is given.
    version: Option<u64>,
    /// The last version that was committed by this time, such as `2026-11-01T00:00:00Z` or `2026-11-01`.
    /// If left out: required unless `version` is given.
    as_of: Option<Literal>,
}

impl DeltaSection {
    /// The state that is meant.
    ///
    /// # Errors
    /// Neither key is given, or both, or a time is none.
    pub(super) fn state(this: &Spanned<Self>, path: &str) -> Result<TableState, Fault> {
        let at = || this.at.in_file(path);
        match (this.version, &this.as_of) {
            (Some(version), None) => Ok(TableState::Version(version)),
            (None, Some(time)) => {
                let wrong = || Fault::new(Code::InvalidValue, format!("`{time}` is not a time")).at(at());
                let time = TableState::parse_time(&time.0).ok_or_else(|| wrong().hint("write `2026-11-01T00:00:00Z`, or a day"))?;
                Ok(TableState::AsOf(time))
            }
            (Some(_), Some(_)) | (None, None) => {
                let fault = Fault::new(Code::ConflictingWords, "`delta` takes `version` or `as_of`, and one of them").at(at());
                Err(fault.hint("write `delta: { version: 12 }`, or leave `delta` out for the last version"))
            }
        }
    }
}
