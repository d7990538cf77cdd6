//! Everything the rules ask for: row tests and states; equal requests are one.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::RowTest;
use super::words::{AgainstWord, Nulls, OnFail, Over, Tolerance};
use crate::diagnostic::Place;
use crate::metric::any::{AnySpec, AnyState};
use crate::metric::completeness::Completeness;
use crate::metric::group_units::GroupUnits;
use crate::metric::grouped::{Grouped, GroupedSpec};
use crate::metric::groups::{GroupCounts, GroupKey};
use crate::metric::ordered::OrderedHistogram;
use crate::metric::overview::Overview;
use crate::metric::{Budget, State};
use crate::sql::Expression;

/// Which rows a request sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
    /// Fewer rows than this are not judged.
    pub min_rows: Option<u64>,
    /// Whether it fails where the data do not suffice to judge.
    pub require_evidence: bool,
}

impl Policy {
    /// Whether failing rows go at once, so that measures never see them: the rule quarantines, tolerates none and is judged
    /// however few rows there are. Such rows are *unsound*.
    pub fn sets_aside_at_once(&self) -> bool {
        self.on_fail == OnFail::Quarantine && self.tolerate.is_none() && self.min_rows.is_none()
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

/// A question that is asked of other data.
pub struct BesideRequest {
    pub against: AgainstWord,
    pub request: StateRequest,
}

/// A claim on what other data will have answered.
#[derive(Debug)]
pub struct Beside<S> {
    pub(super) index: usize,
    pub(super) grouped: bool,
    pub(super) state: PhantomData<fn() -> S>,
}

impl<S> Clone for Beside<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Beside<S> {}

/// A claim on the count of a row test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestHandle(pub(crate) usize);

/// A row test to run.
pub struct TestRequest {
    /// The finding that it is for; named once its rule has bound.
    pub id: String,
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
    /// Of `S` over `columns` in `scope`, by group where the scope groups.
    fn of<S: State>(spec: S::Spec, columns: &[usize], scope: &Scope) -> Self {
        if scope.by.is_empty() {
            return Self { spec: AnySpec::of::<S>(spec), columns: columns.to_vec(), scope: scope.clone() };
        }
        let spec = GroupedSpec { keys: scope.by.len(), every: Some(spec), each: Default::default() };
        Self { spec: AnySpec::of::<Grouped<S>>(spec), columns: by_and(scope, columns), scope: scope.clone() }
    }

    /// The state before it has seen any row.
    pub fn empty(&self, schema: &Schema, memory: &Arc<Budget>) -> Box<dyn AnyState> {
        let types: Vec<DataType> = self.columns.iter().map(|&c| schema.field(c).data_type().clone()).collect();
        self.spec.empty(&types, memory)
    }

    /// The columns whose values are names of groups.
    pub fn named_by(&self) -> &[usize] {
        if self.counts::<GroupCounts>() || self.counts::<GroupUnits>() { &self.columns } else { &self.scope.by }
    }

    /// Whether it counts rows and missing values, and nothing else.
    pub fn is_completeness(&self) -> bool {
        self.counts::<Completeness>() && !self.spec.kind().grouped
    }

    /// Whether it counts by the order of values, so that quantiles will be sought among them.
    pub fn is_histogram(&self) -> bool {
        self.counts::<OrderedHistogram>()
    }

    /// Whether it counts all that a report tells, so that what it leaves open will be looked at again.
    pub fn is_overview(&self) -> bool {
        self.counts::<Overview>()
    }

    /// Whether it counts what `S` does, by group or not.
    fn counts<S: State>(&self) -> bool {
        self.spec.kind().name == S::NAME
    }

    /// What the request is found by that differs from this one only in which rows it sees: all, where this one sees the sound ones.
    fn key_over_all_rows(&self) -> Option<Key> {
        let forks = self.spec.kind().forks && self.scope.over == Over::Sound;
        let (name, grouped, columns, scope) = self.key();
        forks.then_some((name, grouped, columns, Scope { over: Over::All, ..scope }))
    }

    fn key(&self) -> Key {
        (self.spec.kind().name, self.spec.kind().grouped, self.columns.clone(), self.scope.clone())
    }
}

/// A `where`, and where it stands in the rule file.
pub struct Condition {
    pub expression: Expression,
    pub at: Place,
}

/// What a state is found by among the requests: its name, whether it is by group, its columns, and which rows it sees.
type Key = (&'static str, bool, Vec<usize>, Scope);

/// Everything the rules asked for; equal requests are one.
#[derive(Default)]
pub struct Requests {
    pub tests: Vec<TestRequest>,
    pub states: Vec<StateRequest>,
    /// `where` and known-issue conditions.
    pub conditions: Vec<Condition>,
    /// Where each text stands among them.
    condition_places: HashMap<String, usize>,
    /// What is asked of other data.
    pub besides: Vec<BesideRequest>,
    /// Wide tables ask for thousands of states.
    index: HashMap<Key, Vec<usize>>,
}

/// What one rule asks for while it binds, beside what others asked for before: [`Requests::absorb`] takes it over once
/// the rule has bound; of a rule that does not bind nothing is left.
pub struct Asking<'a> {
    before: &'a Requests,
    new: Requests,
    /// Whether it asks for any state, be it one that others asked for too.
    wants_states: bool,
    /// Whether some of them see the sound rows alone.
    counts_sound_rows: bool,
}

impl<'a> Asking<'a> {
    pub fn beside(before: &'a Requests) -> Self {
        Self { before, new: Requests::default(), wants_states: false, counts_sound_rows: false }
    }

    /// What was asked for that nobody had asked for before.
    pub fn into_new(self) -> Requests {
        self.new
    }

    /// The same, while the rule still binds.
    pub fn new_requests(&self) -> &Requests {
        &self.new
    }

    pub fn wants_states(&self) -> bool {
        self.wants_states
    }

    pub fn counts_sound_rows(&self) -> bool {
        self.counts_sound_rows
    }

    /// Asks for a state over `columns` in `scope`, by group where the scope groups.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize], scope: &Scope) -> Handle<S> {
        let request = StateRequest::of::<S>(spec, columns, scope);
        Handle { index: self.state(request), grouped: !scope.by.is_empty(), state: PhantomData }
    }

    /// Asks other data for a state, as [`Asking::want`] does the batch.
    pub fn want_beside<S: State>(&mut self, against: AgainstWord, spec: S::Spec, columns: &[usize], scope: &Scope) -> Beside<S> {
        let request = StateRequest::of::<S>(spec, columns, scope);
        self.new.besides.push(BesideRequest { against, request });
        let index = self.before.besides.len() + self.new.besides.len() - 1;
        Beside { index, grouped: !scope.by.is_empty(), state: PhantomData }
    }

    /// The index of the state, which is kept once.
    fn state(&mut self, request: StateRequest) -> usize {
        self.wants_states = true;
        self.counts_sound_rows |= request.scope.over == Over::Sound;
        let key = request.key();
        let offset = self.before.states.len();
        if let Some(index) = self.before.find(&key, &request) {
            return index;
        }
        if let Some(index) = self.new.find(&key, &request) {
            return offset + index;
        }
        self.new.push(request);
        offset + self.new.states.len() - 1
    }

    /// The index of the condition, kept once, with the place where it stands first.
    pub fn condition(&mut self, expression: Expression, at: Place) -> usize {
        let offset = self.before.conditions.len();
        if let Some(index) = self.before.place_of_condition(&expression.text) {
            return index;
        }
        if let Some(index) = self.new.place_of_condition(&expression.text) {
            return offset + index;
        }
        self.new.condition_places.insert(expression.text.clone(), self.new.conditions.len());
        self.new.conditions.push(Condition { expression, at });
        offset + self.new.conditions.len() - 1
    }

    /// Asks for a row test.
    pub fn test(&mut self, request: TestRequest) -> TestHandle {
        self.new.tests.push(request);
        TestHandle(self.before.tests.len() + self.new.tests.len() - 1)
    }
}

/// The columns of groups, then those of the state.
fn by_and(scope: &Scope, columns: &[usize]) -> Vec<usize> {
    scope.by.iter().chain(columns).copied().collect()
}

impl Requests {
    /// Takes over what a rule asked for beside these; its handles count from their end.
    pub fn absorb(&mut self, new: Self) {
        let offset = self.states.len();
        for (key, indices) in new.index {
            self.index.entry(key).or_default().extend(indices.into_iter().map(|i| offset + i));
        }
        let conditions = self.conditions.len();
        self.condition_places.extend(new.condition_places.into_iter().map(|(text, index)| (text, conditions + index)));
        self.states.extend(new.states);
        self.tests.extend(new.tests);
        self.conditions.extend(new.conditions);
        self.besides.extend(new.besides);
    }

    /// Where the condition of this text stands.
    pub(super) fn place_of_condition(&self, text: &str) -> Option<usize> {
        self.condition_places.get(text).copied()
    }

    /// Leaves nothing of the states that were asked for, and of what was asked of other data.
    pub fn forget_states(&mut self) {
        self.states.clear();
        self.index.clear();
        self.besides.clear();
    }

    /// Asks for a state over `columns` in `scope`, by group where the scope groups.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize], scope: &Scope) -> Handle<S> {
        let mut asking = Asking::beside(self);
        let handle = asking.want::<S>(spec, columns, scope);
        let new = asking.into_new();
        self.absorb(new);
        handle
    }

    /// Asks for a state over `columns` of the one group `group`. Groups ask one after the other: those that ask for the
    /// same kind of state since `first_new` share one, with a spec for each.
    pub(super) fn want_of_group<S: State>(
        &mut self,
        spec: S::Spec,
        columns: &[usize],
        scope: &Scope,
        (group, first_new): (&GroupKey, usize),
    ) -> Handle<S> {
        let columns = by_and(scope, columns);
        let key: Key = (S::NAME, true, columns.clone(), scope.clone());
        let alike = self.index.get(&key).into_iter().flatten().copied();
        let shared = alike.filter(|&i| i >= first_new).collect::<Vec<_>>();
        for index in shared {
            let Some(shared) = self.states[index].spec.downcast_mut::<Grouped<S>>() else { continue };
            if shared.every.is_none() && shared.each.get(group).is_none_or(|s| *s == spec) {
                shared.each.insert(group.clone(), spec);
                return Handle { index, grouped: true, state: PhantomData };
            }
        }
        let each = [(group.clone(), spec)].into();
        let spec = AnySpec::of::<Grouped<S>>(GroupedSpec { keys: scope.by.len(), every: None, each });
        let mut asking = Asking::beside(self);
        let index = asking.state(StateRequest { spec, columns, scope: scope.clone() });
        let new = asking.into_new();
        self.absorb(new);
        Handle { index, grouped: true, state: PhantomData }
    }

    /// Asks for a state again, though it may have been counted: only those asked for since `first_new` count as the same.
    pub(super) fn want_again<S: State>(&mut self, spec: S::Spec, columns: &[usize], scope: &Scope, first_new: usize) -> Handle<S> {
        let request = StateRequest::of::<S>(spec, columns, scope);
        let same = |i: &usize| *i >= first_new && self.states[*i].spec == request.spec;
        let known = self.index.get(&request.key()).and_then(|alike| alike.iter().copied().find(same));
        let index = known.unwrap_or(self.states.len());
        if known.is_none() {
            self.push(request);
        }
        Handle { index, grouped: !scope.by.is_empty(), state: PhantomData }
    }

    /// Asks for a state that is not held against those asked for before.
    pub(super) fn push(&mut self, request: StateRequest) {
        self.index.entry(request.key()).or_default().push(self.states.len());
        self.states.push(request);
    }

    fn find(&self, key: &Key, request: &StateRequest) -> Option<usize> {
        let same = |&&i: &&usize| self.states[i].spec == request.spec;
        self.index.get(key)?.iter().find(same).copied()
    }

    /// For each state from `first` on that sees the sound rows: the one, counted from `first` too, that counts the same
    /// over all rows. Until a row is unsound, both have counted the same.
    pub fn same_over_all_rows(&self, first: usize) -> Vec<Option<usize>> {
        let of = |s: &StateRequest| {
            let alike = self.index.get(&s.key_over_all_rows()?)?;
            alike.iter().find(|&&i| i >= first && s.spec == self.states[i].spec).map(|i| i - first)
        };
        self.states[first..].iter().map(of).collect()
    }

    /// Every column that some request or condition reads.
    pub fn columns(&self) -> Vec<usize> {
        let tests = self.tests.iter().flat_map(|t| t.columns.iter().chain(&t.scope.by));
        let states = self.states.iter().flat_map(|s| s.columns.iter().chain(&s.scope.by));
        tests.chain(states).chain(self.conditions.iter().flat_map(|c| &c.expression.columns)).copied().collect()
    }
}
