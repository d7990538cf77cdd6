//! The states of a unit, or of consecutive units.
//!
//! A state over the sound rows counts the same as one over all rows until a row is unsound; most batches have no such
//! row. So until then only the latter counts, for both.

use std::any::Any;
use std::sync::Arc;

use serde_json::Value as Json;

use super::batch::{RowBatch, UndecidableRow};
use crate::audit::Plan;
use crate::diagnostic::{Code, Fault};
use crate::metric::any::AnyState;
use crate::metric::completeness::{Completeness, Counts};
use crate::metric::{Budget, Inputs, Rows, State};
use crate::rows::Mask;
use crate::rules::words::Over;

/// How a request is answered.
pub(super) enum Answer {
    /// By its own state.
    Counted(Box<dyn AnyState>),
    /// By the state of this index, which counts over all rows: every row so far was sound.
    SameAs(usize),
    /// By the source's own statistics, without reading.
    FromStatistics(Counts),
}

/// One answer a request.
pub(super) struct States {
    pub(super) answers: Vec<Answer>,
}

impl States {
    /// Nothing counted yet, of the requests from `first_state` on; `same` is of [`crate::rules::Requests::same_over_all_rows`].
    pub(super) fn empty(plan: &Plan, first_state: usize, same: &[Option<usize>], memory: &Arc<Budget>) -> Self {
        let answer = |(i, request): (usize, &crate::rules::StateRequest)| {
            let from_statistics = (first_state == 0).then(|| plan.counts_from_statistics.get(i).copied().flatten()).flatten();
            match (from_statistics, same[i]) {
                (Some(counts), _) => Answer::FromStatistics(counts),
                (None, Some(all)) => Answer::SameAs(all),
                (None, None) => Answer::Counted(request.empty(&plan.prepare.rule_schema, memory)),
            }
        };
        Self { answers: plan.requests.states[first_state..].iter().enumerate().map(answer).collect() }
    }

    /// Takes in a batch, of which the rows `live` are not malformed, and `sound` sound; gives the first row on which a
    /// `where` could not be computed.
    ///
    /// # Errors
    /// A state cannot keep what it must.
    pub(super) fn update(
        &mut self,
        batch: &RowBatch,
        (plan, first_state): (&Plan, usize),
        (live, sound): (&Mask, &Mask),
        unit: u32,
    ) -> Result<Option<UndecidableRow>, Fault> {
        if batch.len() == 0 {
            return Ok(None);
        }
        let mut undecidable: Option<UndecidableRow> = None;
        if !live.without(sound).is_none() {
            self.unshare()?;
        }
        for (request, answer) in plan.requests.states[first_state..].iter().zip(&mut self.answers) {
            let Answer::Counted(state) = answer else { continue };
            let over = match request.scope.over {
                Over::Sound => sound,
                Over::All => live,
            };
            if let Some(more) = batch.undecidable(request.scope.condition, over)
                && undecidable.as_ref().is_none_or(|first| more.comes_before(first))
            {
                undecidable = Some(more);
            }
            let selection = batch.scope(&request.scope).and(over);
            if !selection.is_none() {
                let rows = Rows { unit, numbers: &batch.prepared.rows, selection: &selection };
                state.update(&rows, &batch.columns(&request.columns))?;
            }
        }
        Ok(undecidable)
    }

    /// Whether a state may need a second look at the rows so far.
    pub(super) fn looks_again(&self, state: usize, at_end: bool) -> bool {
        match &self.answers[state] {
            Answer::Counted(state) => state.looks_again(at_end),
            Answer::SameAs(all) => self.looks_again(*all, at_end),
            Answer::FromStatistics(_) => false,
        }
    }

    /// From here on states over the sound rows count by themselves.
    fn unshare(&mut self) -> Result<(), Fault> {
        (0..self.answers.len()).try_for_each(|i| self.unshare_one(i))
    }

    fn unshare_one(&mut self, index: usize) -> Result<(), Fault> {
        if let Answer::SameAs(all) = self.answers[index]
            && let Answer::Counted(state) = &self.answers[all]
        {
            self.answers[index] = Answer::Counted(state.fork()?);
        }
        Ok(())
    }

    /// Takes in what the units that follow counted.
    ///
    /// # Errors
    /// A state cannot be merged.
    pub(super) fn merge(&mut self, mut later: Self) -> Result<(), Fault> {
        for i in 0..self.answers.len() {
            match (&self.answers[i], &later.answers[i]) {
                (Answer::SameAs(_), Answer::Counted(_)) => self.unshare_one(i)?,
                (Answer::Counted(_), Answer::SameAs(_)) => later.unshare_one(i)?,
                _ => {}
            }
        }
        for (ours, theirs) in self.answers.iter_mut().zip(later.answers) {
            match (ours, theirs) {
                (Answer::Counted(ours), Answer::Counted(theirs)) => ours.merge(theirs)?,
                (Answer::SameAs(ours), Answer::SameAs(theirs)) if *ours == theirs => {}
                (Answer::FromStatistics(ours), Answer::FromStatistics(theirs)) if *ours == theirs => {}
                _ => {
                    return Err(Fault::new(Code::ForeignFold, "these folds answer one question in two ways")
                        .hint("fold all units with the same options"));
                }
            }
        }
        Ok(())
    }

    /// What summaries keep of what was counted, by request; none of what they do not hold.
    ///
    /// # Errors
    /// A mistake of ours.
    pub(super) fn summarised(&self) -> Result<Vec<Option<Json>>, Fault> {
        let mut kept = Vec::with_capacity(self.answers.len());
        for answer in &self.answers {
            kept.push(match answer {
                Answer::Counted(state) => state.summarise()?,
                Answer::FromStatistics(counts) => State::summarise(&Completeness::from(*counts))?,
                Answer::SameAs(_) => None,
            });
        }
        for (i, answer) in self.answers.iter().enumerate() {
            if let Answer::SameAs(all) = answer {
                kept[i] = kept.get(*all).cloned().flatten();
            }
        }
        Ok(kept)
    }

    /// What was counted, by request.
    ///
    /// # Errors
    /// Spilled data cannot be read back.
    pub(super) fn finish(self, inputs: &Inputs) -> Result<Vec<Arc<dyn Any + Send + Sync>>, Fault> {
        let mut outs: Vec<Option<Arc<dyn Any + Send + Sync>>> = Vec::with_capacity(self.answers.len());
        let mut same = Vec::new();
        for (i, answer) in self.answers.into_iter().enumerate() {
            outs.push(match answer {
                Answer::Counted(state) => Some(state.finish(inputs)?),
                Answer::FromStatistics(counts) => Some(Arc::new(counts)),
                Answer::SameAs(all) => {
                    same.push((i, all));
                    None
                }
            });
        }
        for (i, all) in same {
            outs[i] = outs.get(all).cloned().flatten();
        }
        let answered: Option<Vec<_>> = outs.into_iter().collect();
        answered.ok_or_else(|| Fault::new(Code::Internal, "internal error: a state answers for one that does not count itself"))
    }
}
