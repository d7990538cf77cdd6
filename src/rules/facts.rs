//! Finished states and row counts, seen through typed handles.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::beside::{Answer, BesideAnswer, Each, Out, Why};
use super::judgement::{Judgement, TestCounts};
use super::paired::{Compared, DiffQuery};
use super::published::{Fetched, InputQuery, KeyQuery, OtherQuery};
use super::queried::{Queried, QueryAsked};
use super::requests::{Beside, Handle, Requests, Scope, TestHandle};
use super::words::Over;
use crate::diagnostic::{Code, Fault};
use crate::metric::State;
use crate::metric::canonical::Normalize;
use crate::metric::grouped::GroupedOut;
use crate::metric::groups::GroupKey;
use crate::metric::keys::KeyRows;

/// Everything counted so far.
#[derive(Default)]
pub struct Facts {
    /// By request; none until the state has run.
    pub(crate) states: Vec<Option<Arc<dyn Any + Send + Sync>>>,
    /// Why a state has not run, where summaries stand in for the data: by request.
    pub(crate) unanswered: BTreeMap<usize, String>,
    /// By row test, then by group; a test without `by` has one group with an empty key.
    pub(crate) tests: Vec<BTreeMap<GroupKey, TestCounts>>,
    /// By input that a check asked for.
    pub(crate) inputs: Vec<Fetched>,
    /// By question that is asked of other data.
    pub(crate) besides: Vec<BesideAnswer>,
    /// By query that compares rows with those of other data.
    pub(crate) compared: Vec<Compared>,
    /// By query over the batch and other data.
    pub(crate) queried: Vec<Queried>,
    /// What the rules that do not wait for it set aside; none before they have judged, and where there are no rows.
    pub(crate) set_aside: Option<SetAside>,
}

/// The rows that must not be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// Whether they are those alone that row tests set aside at once, so that states over the sound rows have seen what is left.
    pub at_once: bool,
}

/// What checks want from beside the batch, in the order of their handles.
#[derive(Default)]
pub struct Wanted {
    pub(crate) rows: Vec<InputQuery>,
    pub(crate) diffs: Vec<DiffQuery>,
    pub(crate) queries: Vec<QueryAsked>,
}

/// A claim on a comparison with the rows of other data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffHandle(usize);

/// A claim on what a query over the batch and other data returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryHandle(usize);

/// A claim on something beside the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputHandle(pub(crate) usize);

impl InputHandle {
    /// What states call the input.
    pub fn name(self) -> String {
        format!("input {}", self.0)
    }
}

/// The facts as one check of one group sees them.
#[derive(Clone, Copy)]
pub struct GroupFacts<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) group: Option<&'a GroupKey>,
}

impl<'a> GroupFacts<'a> {
    /// All groups at once.
    pub(crate) fn whole(facts: &'a Facts) -> Self {
        Self { facts, group: None }
    }

    /// What the state counted, in this group where the rule has `by`; none where it saw no rows of the group.
    ///
    /// # Errors
    /// The handle is of another plan, or its state has not run: a mistake of ours, and never "no data"; or summaries stand in for
    /// the data, and do not answer ([`Code::NeedsScan`]).
    pub fn get<S: State>(&self, handle: Handle<S>) -> Result<Option<&'a S::Out>, Fault> {
        let wrong = || {
            Fault::new(Code::Internal, format!("internal error: nothing was counted under the handle {} of `{}`", handle.index, S::NAME))
        };
        if let Some(why) = self.facts.unanswered.get(&handle.index) {
            return Err(Fault::new(Code::NeedsScan, why.clone()));
        }
        let out = self.facts.states.get(handle.index).and_then(Option::as_ref).ok_or_else(wrong)?;
        if !handle.grouped {
            return out.downcast_ref().map(Some).ok_or_else(wrong);
        }
        let grouped: &GroupedOut<S::Out> = out.downcast_ref().ok_or_else(wrong)?;
        Ok(grouped.groups.get(self.group.ok_or_else(wrong)?))
    }

    /// What the row test counted, in this group where the rule has `by`.
    pub fn test(&self, handle: TestHandle) -> TestCounts {
        let none = GroupKey::new();
        let group = self.group.unwrap_or(&none);
        self.facts.tests[handle.0].get(group).cloned().unwrap_or_default()
    }

    /// What is set aside, once that is known.
    pub fn set_aside(&self) -> Option<SetAside> {
        self.facts.set_aside
    }

    /// What came of an input that was asked for; none until it was fetched.
    pub fn input(&self, handle: InputHandle) -> Option<&'a Fetched> {
        self.facts.inputs.get(handle.0)
    }

    /// What came of a comparison that was asked for; none until it was made.
    pub fn compared(&self, handle: DiffHandle) -> Option<&'a Compared> {
        self.facts.compared.get(handle.0)
    }

    /// What came of a query that was asked; none until it was.
    pub fn queried(&self, handle: QueryHandle) -> Option<&'a Queried> {
        self.facts.queried.get(handle.0)
    }
}

impl<'a> GroupFacts<'a> {
    /// What other data answered, in this group where the rule has `by`.
    ///
    /// # Errors
    /// The handle is of another plan: a mistake of ours.
    pub fn beside<S: State>(&self, handle: Beside<S>) -> Result<Answer<'a, S::Out>, Fault> {
        match &self.answer(handle)?.merged {
            Err(why) => Ok(Answer::NotThere(why.clone())),
            Ok(out) => Ok(match self.of_group::<S>(out, handle)? {
                Some(out) => Answer::There(out),
                None => Answer::NotThere(Why::NoData("there is no such group to compare with".into())),
            }),
        }
    }

    /// The same of each run or batch by itself, the oldest first: none where it does not answer. With why there is no answer
    /// at all, if so.
    ///
    /// # Errors
    /// See [`GroupFacts::beside`].
    pub fn beside_each<S: State>(&self, handle: Beside<S>) -> Result<Result<Each<'a, S::Out>, Why>, Fault> {
        let answer = self.answer(handle)?;
        if let (Err(why), true) = (&answer.merged, answer.each.is_empty()) {
            return Ok(Err(why.clone()));
        }
        let each = answer.each.iter().map(|(label, out)| {
            let out = out.as_ref().map(|out| self.of_group::<S>(out, handle)).transpose()?.flatten();
            Ok((label.as_str(), out))
        });
        each.collect::<Result<Each<'_, _>, Fault>>().map(Ok)
    }

    /// How many batches other data came in, so that counts and sums can be compared with those of one: at least 1.
    ///
    /// # Errors
    /// See [`GroupFacts::beside`].
    pub fn batches_beside<S: State>(&self, handle: Beside<S>) -> Result<u64, Fault> {
        Ok(self.answer(handle)?.batches.max(1))
    }

    fn answer<S: State>(&self, handle: Beside<S>) -> Result<&'a BesideAnswer, Fault> {
        self.facts.besides.get(handle.index).ok_or_else(unanswered::<S>)
    }

    fn of_group<S: State>(&self, out: &'a Out, handle: Beside<S>) -> Result<Option<&'a S::Out>, Fault> {
        if !handle.grouped {
            return out.downcast_ref().map(Some).ok_or_else(unanswered::<S>);
        }
        let grouped: &GroupedOut<S::Out> = out.downcast_ref().ok_or_else(unanswered::<S>)?;
        Ok(grouped.groups.get(self.group.ok_or_else(unanswered::<S>)?))
    }
}

fn unanswered<S: State>() -> Fault {
    Fault::new(Code::Internal, format!("internal error: other data were not asked for `{}`", S::NAME))
}

/// Asks for a second pass, or for something beside the batch.
pub struct SecondPass<'a> {
    pub(crate) requests: &'a mut Requests,
    pub(crate) scope: &'a Scope,
    pub(crate) group: Option<&'a GroupKey>,
    /// Requests before this index have run.
    pub(crate) first_new: usize,
    /// What is to be fetched from beside the batch.
    pub(crate) inputs: &'a mut Wanted,
}

impl SecondPass<'_> {
    /// Asks that `S` be counted over `columns`, in the rule's scope and this group.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        match self.group {
            Some(group) => self.requests.want_of_group(spec, columns, self.scope, (group, self.first_new)),
            None => self.requests.want(spec, columns, self.scope),
        }
    }

    /// The same over all rows in scope, sound or not: those that fail are among them.
    pub fn want_of_all_rows<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        let scope = Scope { over: Over::All, ..self.scope.clone() };
        match self.group {
            Some(group) => self.requests.want_of_group(spec, columns, &scope, (group, self.first_new)),
            None => self.requests.want(spec, columns, &scope),
        }
    }

    /// Asks that `S` be counted again over `columns`, in the rule's scope and every group, though the first pass has counted it:
    /// of checks that wait for what is set aside, a second look sees the units that hold such rows alone, and takes for sound what
    /// is left.
    pub fn want_again<S: State>(&mut self, over: Over, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        let scope = Scope { over, ..self.scope.clone() };
        self.requests.want_again(spec, columns, &scope, self.first_new)
    }

    /// Asks for published rows. No check opens a table: the audit fetches them before it judges again.
    pub fn fetch(&mut self, wanted: KeyQuery) -> InputHandle {
        self.inputs.rows.push(InputQuery::Published(wanted));
        InputHandle(self.inputs.rows.len() - 1)
    }

    /// Asks that rows be compared with those of other data, in the rule's scope. No check opens data: the audit does, before it
    /// judges again.
    pub fn compare(&mut self, query: DiffQuery) -> DiffHandle {
        let condition = self.scope.condition.map(|index| self.requests.conditions[index].expression.text.clone());
        self.inputs.diffs.push(DiffQuery { condition, ..query });
        DiffHandle(self.inputs.diffs.len() - 1)
    }

    /// Asks a query, of the rows in the rule's scope. No check reads rows: the audit does, before it judges again.
    pub fn query(&mut self, asked: QueryAsked) -> QueryHandle {
        let condition = self.scope.condition.map(|index| self.requests.conditions[index].expression.text.clone());
        self.inputs.queries.push(QueryAsked { condition, over: self.scope.over, ..asked });
        QueryHandle(self.inputs.queries.len() - 1)
    }

    /// Asks for keys of other data. Checks and groups that ask for the same share them.
    pub fn fetch_other(&mut self, wanted: OtherQuery) -> InputHandle {
        let wanted = InputQuery::Other(wanted);
        let rows = &mut self.inputs.rows;
        let same = rows.iter().position(|before| *before == wanted);
        InputHandle(same.unwrap_or_else(|| {
            rows.push(wanted);
            rows.len() - 1
        }))
    }
}

/// What judges the facts; sees one column and one group.
pub trait Judge: Send + Sync {
    /// Judges, or asks for a second pass and answers [`Judgement::NeedsPass`].
    ///
    /// # Errors
    /// What was fetched contradicts itself; or a mistake of ours.
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault>;

    /// A copy for another group.
    fn for_group(&self) -> Box<dyn Judge>;

    /// The key by which rows can be judged one after the other, where the first row of each key passes and no other.
    fn repeated_key(&self) -> Option<RepeatedKey> {
        None
    }

    /// The columns whose values name the groups that it makes, beside those of `by`; none if it makes none.
    fn groups_by(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Whether it judges what the others set aside, so that it waits for them.
    fn waits(&self) -> bool {
        false
    }
}

/// What makes two rows the same.
#[derive(Debug, Clone)]
pub struct RepeatedKey {
    /// By index into the columns that rules see.
    pub columns: Vec<usize>,
    pub rows: KeyRows,
    pub normalize: Normalize,
}

/// Most checks judge in one go.
pub trait SinglePass: Send + Sync + Clone + 'static {
    /// # Errors
    /// See [`Judge::judge`].
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault>;

    /// See [`Judge::groups_by`].
    fn groups_by(&self) -> Vec<usize> {
        Vec::new()
    }
}

impl<C: SinglePass> Judge for C {
    fn judge(&mut self, facts: &GroupFacts<'_>, _: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        SinglePass::judge(self, facts)
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn groups_by(&self) -> Vec<usize> {
        SinglePass::groups_by(self)
    }
}

/// A check that the batch does not allow, and why.
#[derive(Clone)]
pub struct Unfit(pub String);

impl SinglePass for Unfit {
    fn judge(&self, _: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Unfit(self.0.clone()))
    }
}
