//! A fold: what was counted of some units, as one value.
//!
//! What one unit counted and what a whole run has counted are the same type. Folds merge, can be saved, and sent to
//! another process ([`super::saved`]). A fold holds *segments* of consecutive units, and only neighbours merge: so states that mind
//! the order of rows are safe wherever, and in whatever order, their units were folded.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::states::States;
use crate::diagnostic::{Code, Fault};
use crate::metric::groups::{GROUPS_MAX, GroupKey};
use crate::rows::RowSet;
use crate::rules::{Question, TestQuestion};
use crate::ruleset::SAMPLES_MAX;
use crate::source::{Malformed, SchemaEvidence, Unit, UnitEnd};

/// What a fold answers, said without any index of the process that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Digest of the plan's text: folds of one plan merge, and no others.
    pub plan: String,
    /// The columns that rules see, by path.
    pub schema: SchemaRef,
    pub states: Vec<Question>,
    pub tests: Vec<TestQuestion>,
}

/// What was counted of some units.
pub struct Fold {
    pub(super) asked: Arc<Asked>,
    /// Ascending; no two are neighbours.
    pub(super) segments: Vec<Segment>,
    /// How many units the source has, where it was walked to its end.
    pub(super) units: Option<u32>,
}

/// What was counted of consecutive units.
pub(super) struct Segment {
    /// At least one.
    pub(super) units: Vec<UnitRead>,
    pub(super) states: States,
    pub(super) rows: RowCounts,
}

/// A unit, and what was known of it once it had been read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UnitRead {
    pub(super) unit: Unit,
    pub(super) end: UnitEnd,
}

/// What was counted beside states.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RowCounts {
    /// By row test, then by group; a test without `by` has one group with an empty key.
    pub(super) tests: Vec<BTreeMap<GroupKey, TestFold>>,
    /// Rows that `clean` dropped.
    pub(super) filtered: u64,
    pub(super) malformed: RowSet,
    /// The first malformed records, with their units.
    pub(super) malformed_samples: Vec<(u32, Malformed)>,
    /// Malformed records by the column that could not be read; records that could not be framed under none.
    pub(super) malformed_columns: BTreeMap<Option<String>, u64>,
    /// Rows that a row test without tolerance sets aside.
    pub(super) unsound: RowSet,
    /// What the data says of its columns' types: of each unit, [`UnitEnd::evidence`] is moved here.
    pub(super) evidence: SchemaEvidence,
    pub(super) undecided: Option<UndecidedRow>,
}

/// What one row test counted in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TestFold {
    pub(super) in_scope: u64,
    pub(super) failing: u64,
    pub(super) known: u64,
    /// The failing rows.
    pub(super) rows: RowSet,
}

/// The first row on which a `where` could not be computed: whether the rule speaks of it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UndecidedRow {
    pub(super) unit: u32,
    pub(super) row: u32,
    /// The SQL text of the `where`.
    pub(super) condition: String,
    pub(super) reason: String,
}

impl Segment {
    fn first_unit(&self) -> u32 {
        self.units.first().map_or(0, |read| read.unit.index)
    }

    /// The unit that follows its last.
    fn unit_behind(&self) -> u32 {
        self.units.last().map_or(0, |read| read.unit.index + 1)
    }

    /// Takes in what its neighbour counted; `tests` is what the row tests answer.
    fn merge(&mut self, later: Self, tests: &[TestQuestion]) -> Result<(), Fault> {
        if let (Some(last), Some(next)) = (self.units.last(), later.units.first())
            && !next.unit.may_follow(&last.unit)
        {
            let what = format!("unit {} does not begin where unit {} ends", next.unit.index, last.unit.index);
            return Err(Fault::new(Code::ForeignFold, what).hint("fold all units of the same data, cut alike"));
        }
        self.units.extend(later.units);
        self.states.merge(later.states)?;
        self.rows.merge(later.rows, tests)
    }
}

impl RowCounts {
    fn merge(&mut self, later: Self, tests: &[TestQuestion]) -> Result<(), Fault> {
        for ((groups, more), test) in self.tests.iter_mut().zip(later.tests).zip(tests) {
            for (key, counted) in more {
                groups.entry(key).or_default().merge(counted);
            }
            if groups.len() > GROUPS_MAX {
                return Err(too_many_groups(&test.id));
            }
        }
        self.filtered += later.filtered;
        self.malformed.append(later.malformed);
        let room = SAMPLES_MAX - self.malformed_samples.len().min(SAMPLES_MAX);
        self.malformed_samples.extend(later.malformed_samples.into_iter().take(room));
        for (column, count) in later.malformed_columns {
            *self.malformed_columns.entry(column).or_default() += count;
        }
        self.unsound.append(later.unsound);
        self.evidence.merge(later.evidence);
        self.undecided = self.undecided.take().or(later.undecided);
        Ok(())
    }
}

/// The finding `id` has more groups than are counted.
pub(in crate::audit) fn too_many_groups(id: &str) -> Fault {
    let fault = Fault::new(Code::TooManyGroups, format!("`{id}`: `by` makes more than {GROUPS_MAX} groups"));
    fault.hint("group by columns with fewer values")
}

impl TestFold {
    fn merge(&mut self, later: Self) {
        self.in_scope += later.in_scope;
        self.failing += later.failing;
        self.known += later.known;
        self.rows.append(later.rows);
    }
}

fn foreign() -> Fault {
    let fault = Fault::new(Code::ForeignFold, "these folds are of different plans");
    fault.hint("fold all units of the same data by the same rules and clock, with one version of the program")
}

impl Fold {
    /// Nothing counted yet.
    pub(super) fn empty(asked: Arc<Asked>) -> Self {
        Self { asked, segments: Vec::new(), units: None }
    }

    /// What one unit counted.
    pub(super) fn of_unit(asked: Arc<Asked>, read: UnitRead, states: States, rows: RowCounts) -> Self {
        Self { asked, segments: vec![Segment { units: vec![read], states, rows }], units: None }
    }

    /// What it answers.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The ranges of units that it has counted, ascending: (first, one behind the last).
    pub fn ranges(&self) -> Vec<(u32, u32)> {
        self.segments.iter().map(|segment| (segment.first_unit(), segment.unit_behind())).collect()
    }

    /// The units that it has counted, with their records; without these where it is of a second look.
    pub fn records(&self) -> Vec<(u32, u32)> {
        self.segments.iter().flat_map(|segment| &segment.units).map(|read| (read.unit.index, read.end.records)).collect()
    }

    /// The same fold, of data that has so many `units`.
    ///
    /// # Errors
    /// It has counted a unit that is none of these, or is known to be of data with more or fewer units.
    pub fn of_all(self, units: u32) -> Result<Self, Fault> {
        let counted = self.segments.last().map_or(0, Segment::unit_behind);
        if self.units.is_some_and(|known| known != units) || counted > units {
            let what = format!(
                "these folds are of different data: it has {} units in one and {units} in the other",
                self.units.unwrap_or(counted)
            );
            return Err(Fault::new(Code::ForeignFold, what));
        }
        Ok(Self { units: Some(units), ..self })
    }

    /// Takes in what was counted of other units, before, between or behind its own.
    ///
    /// # Errors
    /// The other fold is of another plan, or has counted a unit that this one has; a state cannot be merged.
    pub fn merge(&mut self, other: Self) -> Result<(), Fault> {
        if !Arc::ptr_eq(&self.asked, &other.asked) && self.asked != other.asked {
            return Err(foreign());
        }
        self.units = match (self.units, other.units) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                let what = format!("these folds are of different data: it has {ours} units in one and {theirs} in the other");
                return Err(Fault::new(Code::ForeignFold, what));
            }
            (ours, theirs) => ours.or(theirs),
        };
        other.segments.into_iter().try_for_each(|segment| self.insert(segment))
    }

    /// Puts a segment in its place, and merges it with its neighbours.
    fn insert(&mut self, segment: Segment) -> Result<(), Fault> {
        let tests = &self.asked.tests;
        let at = self.segments.partition_point(|s| s.first_unit() < segment.first_unit());
        let overlaps_before = at > 0 && self.segments[at - 1].unit_behind() > segment.first_unit();
        let overlaps_after = self.segments.get(at).is_some_and(|s| s.first_unit() < segment.unit_behind());
        if overlaps_before || overlaps_after {
            return Err(Fault::new(Code::ForeignFold, format!("unit {} was counted twice, or one near it", segment.first_unit())));
        }
        let joins_after = self.segments.get(at).is_some_and(|s| s.first_unit() == segment.unit_behind());
        if at > 0 && self.segments[at - 1].unit_behind() == segment.first_unit() {
            self.segments[at - 1].merge(segment, tests)?;
            if joins_after {
                let after = self.segments.remove(at);
                self.segments[at - 1].merge(after, tests)?;
            }
        } else if joins_after {
            let after = std::mem::replace(&mut self.segments[at], segment);
            self.segments[at].merge(after, tests)?;
        } else {
            self.segments.insert(at, segment);
        }
        Ok(())
    }

    /// The counts of all `units` of the source, as one segment; none where it has no unit.
    ///
    /// # Errors
    /// Some units were not counted.
    pub(super) fn into_whole(mut self, units: u32) -> Result<Option<Segment>, Fault> {
        let whole = match (self.segments.len(), units) {
            (0, 0) => return Ok(None),
            (1, _) => self.segments.pop().filter(|s| s.first_unit() == 0 && s.unit_behind() == units),
            _ => None,
        };
        whole.map(Some).ok_or_else(|| Fault::new(Code::ForeignFold, format!("not all of the {units} units were counted")))
    }

    /// What was counted of some units, whichever they are; none of no unit.
    ///
    /// # Errors
    /// A state cannot be merged.
    pub(super) fn into_states(self) -> Result<Option<States>, Fault> {
        let mut segments = self.segments.into_iter().map(|segment| segment.states);
        let Some(mut all) = segments.next() else { return Ok(None) };
        segments.try_for_each(|more| all.merge(more))?;
        Ok(Some(all))
    }

    /// The fold, if it answers what was `asked`.
    ///
    /// # Errors
    /// It is of another plan.
    pub(super) fn answering(self, asked: &Asked) -> Result<Self, Fault> {
        if *self.asked == *asked { Ok(self) } else { Err(foreign()) }
    }

    /// What the data counted so far says of its columns' types.
    pub fn evidence(&self) -> SchemaEvidence {
        let mut evidence = SchemaEvidence::default();
        self.segments.iter().for_each(|segment| evidence.merge(segment.rows.evidence.clone()));
        evidence
    }
}
