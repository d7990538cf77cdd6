//! Different units by group: people rather than events.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde_json::Value as Json;

use super::budget::Budget;
use super::column::Column;
use super::distinct::{Distinct, DistinctOut};
use super::encoding;
use super::grouped::{Grouped, GroupedSpec};
use super::groups::GroupKey;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;

/// Counts the different values of the last column by the groups that the others make.
pub struct GroupUnits {
    groups: Grouped<Distinct>,
    all: Distinct,
    /// Rows without a unit.
    without: u64,
}

/// Different units by group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupUnitsOut {
    pub counts: BTreeMap<GroupKey, u64>,
    /// More groups than are counted, or than a summary keeps: nothing is known.
    pub overflow: bool,
    /// Different units over all: fewer than the groups have together where a unit is in several.
    pub all: DistinctOut,
    /// The standard error of the counts as a share of them: 0 where all are exact.
    pub error: f64,
    /// Rows without a unit: they are in no group.
    pub without: u64,
}

/// The groups go by all columns but the last.
fn spec(types: &[DataType]) -> GroupedSpec<()> {
    GroupedSpec { keys: types.len().saturating_sub(1), every: Some(()), each: BTreeMap::new() }
}

/// The types of the unit alone.
fn of_unit(types: &[DataType]) -> &[DataType] {
    &types[types.len().saturating_sub(1)..]
}

impl State for GroupUnits {
    const NAME: &'static str = "group_units";
    const VERSION: u32 = 1;
    type Spec = ();
    type Out = GroupUnitsOut;

    fn empty((): &(), types: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { groups: Grouped::empty(&spec(types), types, memory), all: Distinct::empty(&(), of_unit(types), memory), without: 0 }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let Some(unit) = columns.last() else { return Ok(()) };
        let present = unit.present(rows.selection);
        self.without += (rows.selection.count(rows.len()) - present.count(rows.len())) as u64;
        let rows = Rows { selection: &present, ..*rows };
        self.all.update(&rows, &[unit])?;
        self.groups.update(&rows, columns)
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.without += later.without;
        self.all.merge(later.all)?;
        self.groups.merge(later.groups)
    }

    fn fork(&self) -> Result<Self, Fault> {
        Ok(Self { groups: self.groups.fork()?, all: self.all.fork()?, without: self.without })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&self.without, to)?;
        self.all.encode(to)?;
        self.groups.encode(to)
    }

    fn decode((): &(), types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let without: u64 = encoding::read(from)?;
        encoding::ensure_counts([without])?;
        let all = Distinct::decode(&(), of_unit(types), memory, from)?;
        Ok(Self { groups: Grouped::decode(&spec(types), types, memory, from)?, all, without })
    }

    fn finish(self, inputs: &Inputs) -> Result<GroupUnitsOut, Fault> {
        let (groups, all) = (self.groups.finish(inputs)?, self.all.finish(inputs)?);
        let error = groups.groups.values().map(|group| group.error).fold(0.0, f64::max);
        let counts = groups.groups.into_iter().map(|(key, group)| (key, group.count)).collect();
        Ok(GroupUnitsOut { counts, overflow: groups.overflow, all, error, without: self.without })
    }

    const SUMMARISED: bool = true;
    const MINDS_TYPES: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        match (self.groups.summarise()?, self.all.summarise()?) {
            (Some(groups), Some(all)) => encoding::to_json(&(self.without, groups, all)).map(Some),
            _ => Ok(None),
        }
    }

    fn of_summary((): &(), types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        let (without, groups, all): (u64, Json, Json) = encoding::of_json(json)?;
        encoding::ensure_counts([without])?;
        let all = Distinct::of_summary(&(), of_unit(types), memory, &all)?;
        Ok(Self { groups: Grouped::of_summary(&spec(types), types, memory, &groups)?, all, without })
    }
}
