//! A place as it was named, and what is there: from these each store tells whether the place is its own.

use std::cell::OnceCell;

use super::location::Location;
use crate::diagnostic::{Code, Fault};
use crate::remote::Surroundings;
use crate::ruleset::TableFormat;

/// A place that rows shall be published to. It is looked at when a store first asks.
pub(super) struct Named<'a> {
    pub text: &'a str,
    pub format: Option<TableFormat>,
    surroundings: &'a Surroundings,
    location: OnceCell<Location>,
    names: OnceCell<Vec<String>>,
}

impl<'a> Named<'a> {
    pub(super) fn new(text: &'a str, format: Option<TableFormat>, surroundings: &'a Surroundings) -> Self {
        Self { text, format, surroundings, location: OnceCell::new(), names: OnceCell::new() }
    }

    /// It as a file or a directory.
    ///
    /// # Errors
    /// It is a URL of no store of files that is known, or that store is not configured.
    pub(super) fn location(&self) -> Result<&Location, Fault> {
        match self.location.get() {
            Some(location) => Ok(location),
            None => Location::new(self.text, self.surroundings).map(|location| self.location.get_or_init(|| location)),
        }
    }

    /// The names of what is in this directory; none if it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn names(&self) -> Result<&[String], Fault> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let location = self.location()?;
        let names = location.names().map_err(|error| {
            let fault = Fault::new(Code::of_reading(&error), format!("{location}: cannot read: {error}"));
            if location.local().is_some() { fault } else { fault.hint("check the store's address and credentials") }
        })?;
        Ok(self.names.get_or_init(|| names))
    }
}

/// Whether a file of this name is one that readers of a directory see.
pub(super) fn is_part(name: &str) -> bool {
    name.ends_with(".parquet") && !name.starts_with(['.', '_'])
}

/// Where rows set aside go if nobody names a place: beside the published ones.
pub fn quarantine_beside(published: &Location) -> Location {
    published.sibling("_quarantine")
}

/// Refuses `quarantine` where `published` rows go.
///
/// # Errors
/// Both are one place.
pub(super) fn ensure_apart(published: &Location, quarantine: &Location) -> Result<(), Fault> {
    if quarantine != published {
        return Ok(());
    }
    Err(Fault::new(Code::ConflictingOptions, "published and quarantined rows have the same destination"))
}
