//! What is counted by group: rows, or different units.

use std::collections::BTreeMap;

use crate::diagnostic::Fault;
use crate::findings::Message;
use crate::metric::group_units::{GroupUnits, GroupUnitsOut};
use crate::metric::groups::{GroupCounts, GroupCountsOut, GroupKey};
use crate::rules::{Answer, Beside, GroupFacts, Handle};
use crate::shown::{count, counted, percent_of};

#[derive(Clone)]
pub(super) enum Counts {
    Rows {
        counts: Handle<GroupCounts>,
        /// The groups of other data, whose shares are the reference.
        beside: Option<Beside<GroupCounts>>,
    },
    Units {
        column: String,
        counts: Handle<GroupUnits>,
        beside: Option<Beside<GroupUnits>>,
    },
}

/// What was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub counts: &'a BTreeMap<GroupKey, u64>,
    pub overflow: bool,
    /// The standard error of the counts as a share of them.
    pub error: f64,
    /// Of units, what else there is to know.
    units: Option<&'a GroupUnitsOut>,
}

impl<'a> Counted<'a> {
    fn rows(out: &'a GroupCountsOut) -> Self {
        Self { counts: &out.counts, overflow: out.overflow, error: 0.0, units: None }
    }

    fn units(out: &'a GroupUnitsOut) -> Self {
        Self { counts: &out.counts, overflow: out.overflow, error: out.error, units: Some(out) }
    }

    /// All that was counted.
    pub(super) fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl Counts {
    /// What was counted of the batch; none where it has no rows.
    pub(super) fn of_batch<'a>(&self, facts: &GroupFacts<'a>) -> Result<Option<Counted<'a>>, Fault> {
        Ok(match self {
            Self::Rows { counts, .. } => facts.get(*counts)?.map(Counted::rows),
            Self::Units { counts, .. } => facts.get(*counts)?.map(Counted::units),
        })
    }

    /// What other data answered, if they are asked.
    pub(super) fn of_others<'a>(&self, facts: &GroupFacts<'a>) -> Result<Option<Result<Counted<'a>, crate::rules::Why>>, Fault> {
        fn seen<'a, O>(answer: Answer<'a, O>, of: impl Fn(&'a O) -> Counted<'a>) -> Result<Counted<'a>, crate::rules::Why> {
            match answer {
                Answer::There(out) => Ok(of(out)),
                Answer::NotThere(why) => Err(why),
            }
        }
        Ok(match self {
            Self::Rows { beside, .. } => beside.map(|beside| facts.beside(beside)).transpose()?.map(|answer| seen(answer, Counted::rows)),
            Self::Units { beside, .. } => beside.map(|beside| facts.beside(beside)).transpose()?.map(|answer| seen(answer, Counted::units)),
        })
    }

    /// What is counted, in the plural.
    pub(super) fn noun(&self) -> String {
        match self {
            Self::Rows { .. } => "rows".to_owned(),
            Self::Units { column, .. } => format!("`{column}`"),
        }
    }

    /// So many of them.
    pub(super) fn number(&self, n: u64) -> String {
        match self {
            Self::Rows { .. } => counted(n, "row"),
            Self::Units { column, .. } => format!("{} different `{column}`", count(n)),
        }
    }

    /// What there is to say of the units themselves.
    pub(super) fn remarks(&self, seen: &Counted<'_>) -> Message {
        let (Self::Units { column, .. }, Some(units)) = (self, seen.units) else { return Message::default() };
        let mut message = Message::default();
        let in_several = seen.total().saturating_sub(units.all.count);
        if seen.error == 0.0 && units.all.exact && in_several > 0 {
            let are = if in_several == 1 { "is" } else { "are" };
            message.push(format!("{} of {} {are} in several groups", count(in_several), self.number(units.all.count)));
        }
        if seen.error > 0.0 {
            message.push(format!("`{column}` are counted by estimate, with a standard error of {}", percent_of(seen.error, &[0.0])));
        }
        if units.without > 0 {
            let are = if units.without == 1 { "is" } else { "are" };
            message.push(format!("{} without `{column}` {are} left out", counted(units.without, "row")));
        }
        message
    }

    /// Different units over all groups.
    pub(super) fn distinct(&self, seen: &Counted<'_>) -> Option<u64> {
        seen.units.map(|units| units.all.count)
    }
}
