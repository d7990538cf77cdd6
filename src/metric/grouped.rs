//! Any state, by group.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::compute::take;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::{Budget, Reservation};
use super::column::Column;
use super::encoding;
use super::groups::{BatchGroups, GROUP_BYTES, GROUPS_MAX, GroupKey, KEPT_BYTES_MAX, KEPT_MAX};
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::rows::{Mask, RowNumbers};

/// One `S` a group. The first `spec.keys` columns name the group, the others go to `S`.
pub struct Grouped<S: State> {
    spec: GroupedSpec<S::Spec>,
    types: Vec<DataType>,
    /// Of the groups themselves; what each counts it holds itself.
    memory: Reservation,
    groups: BTreeMap<GroupKey, S>,
    overflow: bool,
}

/// How each group is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupedSpec<P> {
    /// How many of the columns name the group.
    pub keys: usize,
    /// The spec of every group; with `None`, groups without one of their own are not counted.
    #[serde(with = "super::plain::maybe", bound(serialize = "P: Serialize", deserialize = "P: Deserialize<'de>"))]
    pub every: Option<P>,
    /// Specs of single groups.
    #[serde(with = "super::plain::pairs")]
    pub each: BTreeMap<GroupKey, P>,
}

impl<P> GroupedSpec<P> {
    /// How the group is counted, if it is.
    fn of(&self, key: &GroupKey) -> Option<&P> {
        self.each.get(key).or(self.every.as_ref())
    }
}

/// What was counted, by group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupedOut<O> {
    pub groups: BTreeMap<GroupKey, O>,
    /// More than [`GROUPS_MAX`] groups, or more than a summary keeps: nothing is known.
    pub overflow: bool,
}

impl<S: State> State for Grouped<S> {
    type Spec = GroupedSpec<S::Spec>;
    type Out = GroupedOut<S::Out>;
    const NAME: &'static str = S::NAME;
    const VERSION: u32 = S::VERSION;
    const ORDERED: bool = S::ORDERED;
    const FORKS: bool = S::FORKS;
    const GROUPED: bool = true;

    fn empty(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>) -> Self {
        Self {
            spec: spec.clone(),
            types: types[spec.keys..].to_vec(),
            memory: Reservation::new(memory),
            groups: BTreeMap::new(),
            overflow: false,
        }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        if self.overflow {
            return Ok(());
        }
        let (by, of) = columns.split_at(self.spec.keys);
        let groups = BatchGroups::new(by, rows.selection, rows.len());
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); groups.keys.len()];
        for (i, &code) in groups.codes.iter().enumerate().filter(|(_, c)| **c != u32::MAX) {
            members[code as usize].push(i as u32);
        }
        for (key, members) in groups.keys.into_iter().zip(members).filter(|(_, m)| !m.is_empty()) {
            let Some(spec) = self.spec.of(&key) else { continue };
            let numbers = RowNumbers::List(members.iter().map(|&i| rows.numbers.get(i as usize)).collect());
            let indices = UInt32Array::from(members);
            let taken = |c: &&Column| take(&c.array, &indices, None).expect("some of a batch's rows, each once, fit where the batch does");
            let part: Vec<Column> = of.iter().map(taken).map(Column::new).collect();
            let state = self.groups.entry(key).or_insert_with(|| S::empty(spec, &self.types, self.memory.budget()));
            let part_rows = Rows { numbers: &numbers, selection: &Mask::All, ..*rows };
            state.update(&part_rows, &part.iter().collect::<Vec<_>>())?;
        }
        self.note_overflow();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.overflow |= later.overflow;
        for (key, state) in later.groups {
            match self.groups.get_mut(&key) {
                Some(ours) => ours.merge(state)?,
                None => {
                    self.groups.insert(key, state);
                }
            }
        }
        self.note_overflow();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let groups = self.groups.iter().map(|(key, state)| Ok((key.clone(), state.fork()?)));
        let groups = groups.collect::<Result<_, Fault>>()?;
        Ok(Self { spec: self.spec.clone(), types: self.types.clone(), memory: self.memory.again(), groups, overflow: self.overflow })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&(self.overflow, self.groups.len()), to)?;
        for (key, state) in &self.groups {
            encoding::write(key, to)?;
            state.encode(to)?;
        }
        Ok(())
    }

    fn decode(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        encoding::ensure(spec.keys <= types.len(), "its groups are named by more columns than there are")?;
        let (overflow, len): (bool, usize) = encoding::read(from)?;
        encoding::ensure(len <= if overflow { 0 } else { GROUPS_MAX }, "it has more groups than there can be")?;
        let mut all = Self::empty(spec, types, memory);
        all.overflow = overflow;
        for _ in 0..len {
            let key: GroupKey = encoding::read(from)?;
            all.take(key, |of_group, types| S::decode(of_group, types, memory, from))?;
        }
        Ok(all)
    }

    fn finish(self, inputs: &Inputs) -> Result<Self::Out, Fault> {
        let finished = self.groups.into_iter().map(|(key, state)| Ok((key, state.finish(inputs)?)));
        Ok(GroupedOut { groups: finished.collect::<Result<_, Fault>>()?, overflow: self.overflow })
    }

    const SUMMARISED: bool = S::SUMMARISED;
    /// Groups go by the names of values.
    const MINDS_TYPES: bool = true;

    fn summarise(&self) -> Result<Option<Json>, Fault> {
        let bytes = |key: &GroupKey| key.iter().flatten().map(String::len).sum::<usize>();
        if self.overflow || self.groups.len() > KEPT_MAX || self.groups.keys().map(bytes).sum::<usize>() > KEPT_BYTES_MAX {
            return Ok(Some(Json::Null));
        }
        let mut groups = Vec::new();
        for (key, state) in &self.groups {
            let Some(kept) = state.summarise()? else { return Ok(None) };
            groups.push((key, kept));
        }
        encoding::to_json(&groups).map(Some)
    }

    fn of_summary(spec: &Self::Spec, types: &[DataType], memory: &Arc<Budget>, json: &Json) -> Result<Self, Fault> {
        encoding::ensure(spec.keys <= types.len(), "its groups are named by more columns than there are")?;
        let kept: Option<Vec<(GroupKey, Json)>> = encoding::of_json(json)?;
        let mut all = Self { overflow: kept.is_none(), ..Self::empty(spec, types, memory) };
        for (key, kept) in kept.into_iter().flatten() {
            all.take(key, |of_group, types| S::of_summary(of_group, types, memory, &kept))?;
        }
        Ok(all)
    }
}

impl<S: State> Grouped<S> {
    /// Takes in the next group, which `read` reads.
    fn take(&mut self, key: GroupKey, read: impl FnOnce(&S::Spec, &[DataType]) -> Result<S, Fault>) -> Result<(), Fault> {
        let is_next = self.groups.last_key_value().is_none_or(|(last, _)| *last < key);
        encoding::ensure(is_next && key.len() == self.spec.keys, "its groups are out of order")?;
        let of_group = self.spec.of(&key).ok_or_else(|| encoding::damaged("it counts a group that nobody asked for"))?;
        let state = read(of_group, &self.types)?;
        self.groups.insert(key, state);
        self.note_overflow();
        Ok(())
    }

    fn note_overflow(&mut self) {
        if self.overflow || self.groups.len() > GROUPS_MAX {
            self.overflow = true;
            self.groups.clear();
        }
        self.memory.resize(self.groups.len() * (GROUP_BYTES + size_of::<S>()));
    }
}
