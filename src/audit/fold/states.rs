//! The states of a unit, or of all units so far.
//!
//! A state over the sound rows and its twin over all rows count the same until a row is unsound;
//! most batches have none, so until then only the twin counts.

use std::any::Any;
use std::sync::Arc;

use super::batch::{Batch, Stuck};
use crate::audit::Plan;
use crate::diagnostic::Fault;
use crate::metric::completeness::Counts;
use crate::metric::{AnyState, Budget, Inputs, Rows};
use crate::rows::Mask;
use crate::rules::words::Over;

/// One state a request, none where its twin speaks for it.
pub(super) struct States {
    states: Vec<Option<Box<dyn AnyState>>>,
    twins: Arc<[Option<usize>]>,
    /// The first of the plan's requests that is counted.
    first: usize,
    /// What is known without counting.
    given: Arc<[Option<Counts>]>,
}

impl States {
    /// Nothing counted yet, of the requests from `first` on.
    pub fn empty(plan: &Plan, first: usize, twins: &Arc<[Option<usize>]>, memory: &Arc<Budget>) -> Self {
        let given: Arc<[Option<Counts>]> = if first == 0 { plan.given.clone() } else { Arc::new([]) };
        let requests = plan.requests.states[first..].iter().zip(twins.iter()).enumerate();
        let is_counted = |i: usize, twin: &Option<usize>| twin.is_none() && given.get(i).is_none_or(Option::is_none);
        let states = requests.map(|(i, (request, twin))| is_counted(i, twin).then(|| request.empty(&plan.prepare.seen, memory))).collect();
        Self { states, twins: twins.clone(), first, given }
    }

    /// Takes in a batch, of which the rows `live` are not malformed, and `sound` sound; gives the first row on which a
    /// `where` could not be computed.
    pub fn update(&mut self, batch: &Batch, plan: &Plan, (live, sound): (&Mask, &Mask), unit: u32) -> Result<Option<Stuck>, Fault> {
        if batch.len() == 0 {
            return Ok(None);
        }
        let mut stuck: Option<Stuck> = None;
        if !live.without(sound).is_none() {
            self.part()?;
        }
        for (request, state) in plan.requests.states[self.first..].iter().zip(&mut self.states) {
            let Some(state) = state else { continue };
            let over = match request.scope.over {
                Over::Sound => sound,
                Over::All => live,
            };
            if let Some(more) = batch.stuck(request.scope.condition, over)
                && stuck.as_ref().is_none_or(|first| (more.row, more.condition) < (first.row, first.condition))
            {
                stuck = Some(more);
            }
            let selection = batch.scope(&request.scope).and(over);
            if !selection.is_none() {
                let rows = Rows { unit, numbers: &batch.prepared.rows, selection: &selection };
                state.update(&rows, &batch.columns(&request.columns))?;
            }
        }
        Ok(stuck)
    }

    /// From here on twins go their own ways.
    fn part(&mut self) -> Result<(), Fault> {
        for (i, twin) in self.twins.iter().enumerate() {
            if let (None, Some(twin)) = (&self.states[i], twin) {
                self.states[i] = self.states[*twin].as_ref().map(|s| s.fork()).transpose()?;
            }
        }
        Ok(())
    }

    /// Takes in what the units that follow counted.
    pub fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        for (i, twin) in self.twins.clone().iter().enumerate().filter_map(|(i, twin)| Some((i, (*twin)?))) {
            match (self.states[i].is_some(), later.states[i].is_some()) {
                (false, true) => self.states[i] = self.states[twin].as_ref().map(|s| s.fork()).transpose()?,
                (true, false) => later.states[i] = later.states[twin].as_ref().map(|s| s.fork()).transpose()?,
                (true, true) | (false, false) => {}
            }
        }
        for (ours, theirs) in self.states.iter_mut().zip(later.states) {
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                ours.merge(theirs)?;
            }
        }
        Ok(())
    }

    /// What was counted, by request.
    ///
    /// # Errors
    /// Spilled data cannot be read back.
    pub fn finish(self, inputs: &Inputs) -> Result<Vec<Arc<dyn Any + Send + Sync>>, Fault> {
        let finished = self.states.into_iter().map(|s| s.map(|s| s.finish(inputs)).transpose()).collect::<Result<Vec<_>, _>>()?;
        let given = |i: usize| Some(Arc::new(*self.given.get(i)?.as_ref()?) as Arc<dyn Any + Send + Sync>);
        let of = |i: usize| {
            given(i).or_else(|| finished[i].clone()).or_else(|| finished[self.twins[i]?].clone().or_else(|| given(self.twins[i]?)))
        };
        Ok((0..finished.len()).map(|i| of(i).expect("a state is counted, or given, or its twin is")).collect())
    }
}
