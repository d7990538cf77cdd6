//! The section `windows`: what several batches hold together.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::words::Duration;
use crate::yaml::Spanned;

/// Windows over events, judged beside the batches once no more of their events will come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSection {
    /// How long each window is: it holds the events whose `time` lies in it. If left out: `rows` says how many events it holds.
    pub every: Option<Spanned<Duration>>,
    /// How many events each window holds, in the order in which they come. If left out: `every` says how long it is.
    #[schemars(range(min = 1))]
    pub rows: Option<Spanned<u64>>,
    /// The column that says when an event happened: a timestamp or a date. If left out: `every` needs it.
    pub time: Option<Spanned<String>>,
    /// How much later than others an event may come; a window is judged once an event is so much later than its end. Events that
    /// come even later are counted and named. If left out: `0s`.
    pub lateness: Option<Spanned<Duration>>,
    /// The ids of the rules that judge a window. If left out: all of them do.
    pub rules: Option<Vec<Spanned<String>>>,
}

/// What a window spans.
#[derive(Debug, Clone)]
pub enum WindowSpan {
    Rows(u64),
    /// In milliseconds.
    Time {
        column: Spanned<String>,
        every: i64,
        lateness: i64,
    },
}

impl fmt::Display for WindowSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows} events"),
            Self::Time { every, .. } => Duration { seconds: every / 1000 }.fmt(f),
        }
    }
}

impl WindowSection {
    /// What is wrong with it beside the rules of these ids.
    pub(super) fn mistakes(&self, ids: &[&str], path: &str) -> Faults {
        let mut faults = Faults::default();
        faults.extend(self.span(path).err());
        for id in self.rules.iter().flatten().filter(|id| !ids.contains(&id.value.as_str())) {
            let fault = Fault::new(Code::UnknownRule, format!("windows: no rule has the id `{}`", id.value)).at(id.at.in_file(path));
            faults.push(fault.hint_nearest(&id.value, ids.iter().copied()));
        }
        faults
    }

    /// What its windows span.
    ///
    /// # Errors
    /// It says both or neither of `every` and `rows`, or what goes with the other.
    pub fn span(&self, path: &str) -> Result<WindowSpan, Fault> {
        let refused = |at: crate::yaml::Position, what: &str, hint: &str| {
            let fault = Fault::new(Code::ConflictingWords, format!("windows: {what}"));
            Err(fault.at(at.in_file(path)).hint(hint))
        };
        match (&self.every, &self.rows, &self.time) {
            (Some(every), None, Some(column)) if every.value.seconds > 0 => {
                let lateness = self.lateness.as_ref().map_or(0, |lateness| lateness.value.seconds);
                Ok(WindowSpan::Time { column: column.clone(), every: every.value.seconds * 1000, lateness: lateness * 1000 })
            }
            (None, Some(rows), None) if rows.value > 0 && self.lateness.is_none() => Ok(WindowSpan::Rows(rows.value)),
            (Some(every), None, None) => refused(every.at, "`every` needs `time`", "name the column that says when an event happened"),
            (Some(every), _, _) => refused(every.at, "`every` is longer than nothing, and stands without `rows`", "write `every: 15m`"),
            (None, Some(rows), _) => {
                refused(rows.at, "`rows` is at least 1, and stands without `time` and `lateness`", "write `rows: 100000`")
            }
            (None, None, _) => Err(Fault::new(Code::MissingWord, "windows: neither `every` nor `rows` is given")
                .hint("write `{ every: 15m, time: COLUMN }`, or `{ rows: 100000 }`")),
        }
    }
}
