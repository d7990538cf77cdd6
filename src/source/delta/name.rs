//! Which table is meant, and which of its states.

use std::path::Path;

use super::place::Place;
use super::state::TableState;
use crate::delta_log::LOG;
use crate::diagnostic::{Code, Fault};
use crate::remote::{Kind, Surroundings};

/// What stands before a path so that nothing but a table is meant.
pub(super) const SCHEME: &str = "delta://";

/// A table as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct TableName {
    /// As it was written, without a version.
    pub location: String,
    pub(super) place: Place,
    pub state: Option<TableState>,
}

impl TableName {
    /// The table that `path` names, if it is one: `delta://PATH`, or a directory that holds a log, each with or without
    /// `@v12` or `@TIME` behind it.
    ///
    /// # Errors
    /// It is called a table and is none.
    pub(in crate::source) fn of(path: &str, surroundings: &Surroundings) -> Result<Option<Self>, Fault> {
        let (location, is_called_so) = path.strip_prefix(SCHEME).map_or((path, false), |rest| (rest, true));
        let location = location.strip_prefix("file://").unwrap_or(location);
        let plain = location.trim_end_matches('/');
        let named = |location: &str, place, state| Some(Self { location: location.to_owned(), place, state });
        if let Some(place) = Place::of(plain, surroundings) {
            return Ok(named(plain, place, None));
        }
        let with_state = plain.rsplit_once('@').and_then(|(location, state)| Some((location, TableState::parse(state)?)));
        let there = with_state.filter(|_| !Path::new(plain).exists());
        match there.and_then(|(location, state)| Some((location, Place::of(location, surroundings)?, state))) {
            Some((location, place, state)) => Ok(named(location, place, Some(state))),
            None if !is_called_so => Ok(None),
            None => {
                let place = with_state.map_or(plain, |(location, _)| location);
                let (code, what) = match Path::new(place) {
                    _ if Kind::of(place).is_some() => {
                        (Code::FileNotFound, format!("{place}: no Delta table is there, or it cannot be reached"))
                    }
                    there if there.is_dir() => (Code::WrongFormat, format!("{place}: this directory is no Delta table: it has no `{LOG}`")),
                    there if there.exists() => (Code::NotAFile, format!("{place}: this is a file, and a Delta table is a directory")),
                    _ => (Code::FileNotFound, format!("{place}: no such directory")),
                };
                Err(Fault::new(code, what).hint("write `delta://PATH`, `delta://PATH@v12` or `delta://PATH@2026-11-01T00:00:00Z`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_state_is_a_version_or_a_time() {
        assert_eq!(TableState::parse("v12"), Some(TableState::Version(12)));
        let midnight = DateTime::parse_from_rfc3339("2026-11-01T00:00:00Z").expect("a time").to_utc();
        for time in ["2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00"] {
            assert_eq!(TableState::parse(time), Some(TableState::AsOf(midnight)), "{time}");
        }
        for other in ["12", "v", "v-1", "v1.5", "yesterday", ""] {
            assert_eq!(TableState::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_directory_of_the_very_name_comes_first() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name).display().to_string();
        std::fs::create_dir_all(place.path().join("t").join(LOG)).expect("a log");
        std::fs::create_dir_all(place.path().join("plain@v1")).expect("a directory");
        let state = |name: &str| TableName::of(&path(name), &Surroundings::default()).expect("no fault").map(|t| t.state);
        assert_eq!([state("t"), state("t/"), state("plain@v1"), state("u@v1")], [Some(None), Some(None), None, None]);
        assert_eq!(state("t@v3"), Some(Some(TableState::Version(3))));
        std::fs::create_dir_all(place.path().join("t@v3").join(LOG)).expect("a log");
        assert_eq!(state("t@v3"), Some(None));
        let fault = |name: &str| TableName::of(&format!("delta://{}", path(name)), &Surroundings::default()).expect_err("a fault").what;
        assert!(fault("plain@v1").contains("no such directory") && fault("nowhere").contains("no such directory"));
        assert!(fault("").contains("has no `_delta_log`"));
    }
}
