//! Everything the rules ask for: row tests and states; equal requests are one.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::RowTest;
use super::words::{Nulls, OnFail, Over, Tolerance};
use crate::diagnostic::Place;
use crate::metric::completeness::Completeness;
use crate::metric::grouped::{Grouped, GroupedSpec};
use crate::metric::groups::GroupCounts;
use crate::metric::ordered::OrderedHistogram;
use crate::metric::{AnySpec, AnyState, Budget, Inputs, State};
use crate::sql::Expression;

/// Which rows a request sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Index of the `where` condition.
    pub condition: Option<usize>,
    /// Columns to group by.
    pub by: Vec<usize>,
    pub over: Over,
}

/// What decides on failing rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub on_fail: OnFail,
    /// Whether the rule file says what follows a failure.
    pub on_fail_given: bool,
    pub tolerate: Tolerance,
    /// Whether the rule file gave a tolerance.
    pub tolerance_given: bool,
    pub warn: Option<Tolerance>,
    pub nulls: Nulls,
}

impl Policy {
    /// Whether failing rows go at once, so that measures never see them.
    pub fn sets_aside_at_once(&self) -> bool {
        self.on_fail == OnFail::Quarantine && self.tolerate.is_none()
    }
}

/// A claim on what a state will have counted.
#[derive(Debug)]
pub struct Handle<S> {
    pub(super) index: usize,
    pub(super) grouped: bool,
    pub(super) state: PhantomData<fn() -> S>,
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Handle<S> {}

/// A claim on the count of a row test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestHandle(pub(crate) usize);

/// A row test to run.
pub struct TestRequest {
    pub test: Box<dyn RowTest>,
    pub columns: Vec<usize>,
    pub scope: Scope,
    pub policy: Policy,
    /// Conditions of known issues of the rule.
    pub known: Vec<usize>,
}

/// A state to count.
pub struct StateRequest {
    pub spec: AnySpec,
    pub columns: Vec<usize>,
    pub scope: Scope,
}

impl StateRequest {
    /// The types of its columns.
    pub fn types(&self, schema: &Schema) -> Vec<DataType> {
        self.columns.iter().map(|&c| schema.field(c).data_type().clone()).collect()
    }

    /// The state before it has seen any row.
    pub fn empty(&self, schema: &Schema, memory: &Arc<Budget>) -> Box<dyn AnyState> {
        self.spec.empty(&self.types(schema), memory)
    }

    /// The columns whose values are names of groups.
    pub fn named_by(&self) -> &[usize] {
        if self.spec.kind().is::<GroupCounts>() { &self.columns } else { &self.scope.by }
    }

    /// Whether it counts rows and missing values, and nothing else.
    pub fn is_completeness(&self) -> bool {
        self.spec.kind().is::<Completeness>()
    }

    /// Whether it counts by the order of values, so that quantiles will be sought among them.
    pub fn is_histogram(&self) -> bool {
        self.spec.kind().name == OrderedHistogram::NAME
    }

    /// Whether it differs from `other` only in which rows it sees: all, where this one sees the sound ones.
    fn is_sound_twin_of(&self, other: &Self) -> bool {
        self.spec.kind().forks
            && self.scope.over == Over::Sound
            && other.scope.over == Over::All
            && self.columns == other.columns
            && self.scope.condition == other.scope.condition
            && self.scope.by == other.scope.by
            && self.spec == other.spec
    }

    fn is<S: State>(&self, spec: &S::Spec, columns: &[usize], scope: &Scope) -> bool {
        self.columns == columns && self.scope == *scope && self.spec.downcast::<S>() == Some(spec)
    }

    pub(super) fn spec_mut<S: State>(&mut self, columns: &[usize], scope: &Scope) -> Option<&mut S::Spec> {
        if self.columns == columns && self.scope == *scope { self.spec.downcast_mut::<S>() } else { None }
    }

    /// What requests that may be alike have in common.
    fn alike(&self) -> Alike {
        let kind = self.spec.kind();
        (kind.name, kind.grouped, self.columns.clone())
    }
}

/// A state's name, whether it counts by group, and its columns.
type Alike = (&'static str, bool, Vec<usize>);

/// A `where`, and where it stands in the rule file.
pub struct Condition {
    pub expression: Expression,
    pub at: Place,
}

/// Everything the rules asked for; equal requests are one.
#[derive(Default)]
pub struct Requests {
    pub tests: Vec<TestRequest>,
    pub states: Vec<StateRequest>,
    /// `where` and known-issue conditions.
    pub conditions: Vec<Condition>,
    /// What states need beside the batch, by name.
    pub inputs: Inputs,
    /// Requests by state and columns: wide tables ask for thousands.
    index: HashMap<Alike, Vec<usize>>,
}

impl Requests {
    /// Asks for a state over `columns` in `scope`, by group where the scope groups.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize], scope: &Scope) -> Handle<S> {
        let grouped = !scope.by.is_empty();
        let index = if grouped {
            let mut all = scope.by.clone();
            all.extend(columns);
            let spec = GroupedSpec { keys: scope.by.len(), every: Some(spec), each: Default::default() };
            self.push::<Grouped<S>>(spec, all, scope)
        } else {
            self.push::<S>(spec, columns.to_vec(), scope)
        };
        Handle { index, grouped, state: PhantomData }
    }

    pub(super) fn push<S: State>(&mut self, spec: S::Spec, columns: Vec<usize>, scope: &Scope) -> usize {
        let alike = self.index.entry((S::NAME, S::GROUPED, columns.clone())).or_default();
        if let Some(&index) = alike.iter().find(|&&i| self.states[i].is::<S>(&spec, &columns, scope)) {
            return index;
        }
        alike.push(self.states.len());
        self.states.push(StateRequest { spec: AnySpec::of::<S>(spec), columns, scope: scope.clone() });
        self.states.len() - 1
    }

    /// For each state from `first` on that sees the sound rows: the one, counted from `first` too, that counts the same
    /// over all rows. Until a row is unsound, both have counted the same.
    pub fn twins(&self, first: usize) -> Vec<Option<usize>> {
        let twin = |s: &StateRequest| {
            let alike = self.index.get(&s.alike())?;
            alike.iter().find(|&&i| i >= first && s.is_sound_twin_of(&self.states[i])).map(|i| i - first)
        };
        self.states[first..].iter().map(twin).collect()
    }

    /// Every column that some request or condition reads.
    pub fn columns(&self) -> Vec<usize> {
        let tests = self.tests.iter().flat_map(|t| t.columns.iter().chain(&t.scope.by));
        let states = self.states.iter().flat_map(|s| s.columns.iter().chain(&s.scope.by));
        tests.chain(states).chain(self.conditions.iter().flat_map(|c| &c.expression.columns)).copied().collect()
    }

    /// The index of the condition, kept once, with the place where it stands first.
    pub fn condition(&mut self, expression: Expression, at: Place) -> usize {
        if let Some(index) = self.conditions.iter().position(|c| c.expression.text == expression.text) {
            return index;
        }
        self.conditions.push(Condition { expression, at });
        self.conditions.len() - 1
    }
}
