//! Finished states and row counts, seen through typed handles.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::judgement::{Judgement, TestCounts};
use super::requests::{Handle, Requests, Scope, TestHandle};
use crate::metric::State;
use crate::metric::grouped::{Grouped, GroupedOut, GroupedSpec};
use crate::metric::groups::GroupKey;

/// Everything counted so far.
#[derive(Default)]
pub struct Facts {
    /// By request; none until the state has run.
    pub(crate) states: Vec<Option<Arc<dyn Any + Send + Sync>>>,
    /// By row test, then by group; a test without `by` has one group with an empty key.
    pub(crate) tests: Vec<BTreeMap<GroupKey, TestCounts>>,
}

/// The facts as one check of one group sees them.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) group: Option<&'a GroupKey>,
}

impl<'a> View<'a> {
    /// All groups at once.
    pub(crate) fn whole(facts: &'a Facts) -> Self {
        Self { facts, group: None }
    }

    /// What the state counted, in this group where the rule has `by`; none where it saw no rows.
    pub fn get<S: State>(&self, handle: Handle<S>) -> Option<&'a S::Out> {
        let out = self.facts.states.get(handle.index)?.as_ref()?;
        if !handle.grouped {
            return out.downcast_ref();
        }
        let grouped: &GroupedOut<S::Out> = out.downcast_ref()?;
        grouped.groups.get(self.group?)
    }

    /// What the row test counted, in this group where the rule has `by`.
    pub fn test(&self, handle: TestHandle) -> TestCounts {
        let none = GroupKey::new();
        let group = self.group.unwrap_or(&none);
        self.facts.tests[handle.0].get(group).cloned().unwrap_or_default()
    }
}

/// Asks for a second look.
pub struct Look<'a> {
    pub(crate) requests: &'a mut Requests,
    pub(crate) scope: &'a Scope,
    pub(crate) group: Option<&'a GroupKey>,
    /// Requests before this index have run.
    pub(crate) first_new: usize,
}

impl Look<'_> {
    /// Asks that `S` be counted over `columns`, in the rule's scope and this group.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        let Some(group) = self.group else {
            return self.requests.want::<S>(spec, columns, self.scope);
        };
        let mut all = self.scope.by.clone();
        all.extend(columns);
        // Groups of one check ask one after the other; they share a state with a spec for each.
        let first_new = self.first_new;
        let shared = self.requests.states[first_new..]
            .iter_mut()
            .enumerate()
            .find_map(|(i, r)| r.spec_mut::<Grouped<S>>(&all, self.scope).map(|spec| (first_new + i, spec)));
        let index = match shared {
            Some((index, shared)) if shared.every.is_none() && shared.each.get(group).is_none_or(|s| *s == spec) => {
                shared.each.insert(group.clone(), spec);
                index
            }
            Some(_) | None => {
                let each = BTreeMap::from([(group.clone(), spec)]);
                let spec = GroupedSpec { keys: self.scope.by.len(), every: None, each };
                self.requests.push::<Grouped<S>>(spec, all, self.scope)
            }
        };
        Handle { index, grouped: true, state: PhantomData }
    }
}

/// What judges the facts; sees one column and one group.
pub trait Check: Send + Sync {
    /// Judges, or asks for a second look and answers [`Judgement::Again`].
    fn judge(&mut self, view: &View<'_>, look: &mut Look<'_>) -> Judgement;

    /// A copy for another group.
    fn fresh(&self) -> Box<dyn Check>;
}

/// Most checks judge in one go.
pub trait Simple: Send + Sync + Clone + 'static {
    fn judge(&self, view: &View<'_>) -> Judgement;
}

impl<C: Simple> Check for C {
    fn judge(&mut self, view: &View<'_>, _: &mut Look<'_>) -> Judgement {
        Simple::judge(self, view)
    }

    fn fresh(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
