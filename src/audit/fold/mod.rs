//! One pass over the units: prepare, test rows, count.

mod batch;
mod cache;
mod counted;
mod outcomes;
mod saved;
mod states;
mod unit;
mod value;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value as Json;

use self::batch::RowBatch;
use self::cache::{CachedRows, ColumnCache};
pub(super) use self::counted::Counted;
pub(super) use self::outcomes::{RowOutcomes, TestOutcome};
use self::states::States;
use self::unit::UnitFold;
pub(super) use self::unit::shown;
pub(super) use self::value::too_many_groups;
pub use self::value::{Asked, Fold};
use self::value::{RowCounts, UnitRead};
use super::{Job, Plan, Sink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, UnitSelection};
use crate::metric::{Budget, Inputs};
use crate::prepare::Prepared;
use crate::privacy::Privacy;
use crate::rows::RowSet;
use crate::rules::{Condition, Scope};
use crate::source::{Origins, Projection, Source, Unit, UnitEnd};

/// What a pass counts, and with what means.
struct Pass<'a> {
    plan: &'a Plan,
    asked: Arc<Asked>,
    /// The first of the plan's states that is counted: 0 for the first pass.
    first_state: usize,
    /// Columns that the requests speak of.
    needed: Vec<usize>,
    /// See [`crate::rules::Requests::same_over_all_rows`].
    same: Vec<Option<usize>>,
    memory: Arc<Budget>,
    privacy: Privacy,
}

impl<'a> Pass<'a> {
    /// Of the plan's states from `first_state` on; the row tests too, if that is 0.
    fn new(job: &Job<'_>, plan: &'a Plan, first_state: usize) -> Result<Self, Fault> {
        let rule_schema = &plan.prepare.rule_schema;
        let tests = if first_state == 0 { plan.requests.test_questions(rule_schema) } else { Vec::new() };
        let asked = Asked {
            plan: plan.digest(job),
            schema: rule_schema.clone(),
            states: plan.requests.questions(first_state, rule_schema)?,
            tests,
        };
        Ok(Self {
            plan,
            asked: Arc::new(asked),
            first_state,
            needed: needed(plan, first_state),
            same: plan.requests.same_over_all_rows(first_state),
            memory: job.budget.clone(),
            privacy: job.rules.privacy(None),
        })
    }

    fn empty_states(&self) -> States {
        States::empty(self.plan, self.first_state, &self.same, &self.memory)
    }
}

/// What the first pass leaves: the counts, and columns for the second passes that may follow.
pub(super) struct FirstPass {
    pub(super) fold: Fold,
    pub(super) cache: Option<ColumnCache>,
}

/// The first pass over the units `range`: row tests, then states over the sound rows; rows that pass go to `sink`.
///
/// # Errors
/// What cannot be read, counted or handed to the sink.
pub(super) fn first_pass<S: Sink>(
    job: &Job<'_>,
    source: &dyn Source,
    plan: &Plan,
    sink: &S,
    range: Range<u32>,
) -> Result<FirstPass, Fault> {
    let pass = Pass::new(job, plan, 0)?;
    let wanted: Vec<usize> = match sink.wants_rows() {
        true => (0..plan.prepare.schema.fields().len()).collect(),
        false => pass.needed.iter().copied().chain(source.known().judged_columns.iter().copied()).collect(),
    };
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&wanted));
    // What is published keeps its type; what is only looked at may come as the file holds it.
    let projection = if sink.wants_rows() { projection } else { projection.compact() };
    let again = ColumnCache::columns(source, plan);
    let watchers = ColumnCache::watchers(plan, &again);
    let positions: Option<Vec<usize>> = again.iter().map(|c| projection.columns.binary_search(c).ok()).collect();
    let positions = positions.filter(|positions| !positions.is_empty());
    let mut cache = positions.is_some().then(|| ColumnCache::new(again, &job.budget));
    let mut all = Fold::empty(pass.asked.clone());
    let (total, mut done, mut units) = (source.known().bytes, 0, 0);
    let work = |unit: &Unit, preread| {
        if !range.contains(&unit.index) {
            return Ok(None);
        }
        let mut fold = UnitFold::new(&pass, unit);
        let mut open = if sink.wants_rows() { Some(sink.open()?) } else { None };
        let mut cached = CachedRows::default();
        let end = source.read(unit, preread, &projection, &mut |chunk| {
            job.cancel.check()?;
            if let Some(positions) = &positions {
                cached.push(&chunk.batch, positions, &chunk.rows)?;
            }
            for prepared in plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                if let (Some((batch, sound)), Some(open)) = (fold.take(prepared)?, open.as_mut()) {
                    sink.take(open, batch.sound_rows(&plan.prepare.schema, &sound)?)?;
                }
            }
            cached.let_go(&watchers, |state| fold.looks_again(state, false));
            Ok(())
        })?;
        cached.let_go(&watchers, |state| fold.looks_again(state, true));
        let part = open.map(|open| sink.close(open)).transpose()?;
        job.rows.fetch_add(u64::from(end.records), Ordering::Relaxed);
        Ok(Some((unit.clone(), fold.finish(end), part, cached)))
    };
    engine::each_unit(source, UnitSelection::All, job.threads, &job.cancel, work, |folded| {
        units += 1;
        let Some((unit, fold, part, cached)) = folded else { return Ok(()) };
        done += unit.bytes;
        (job.progress)(done.min(total), total);
        if let Some(part) = part {
            sink.append(&unit, part)?;
        }
        cache = cache.take().and_then(|all| all.take(unit.index, cached));
        all.merge(fold)
    })?;
    all.units = match source.known().origins {
        // Whoever reads one of them does not know how many there are.
        Origins::Partitions => None,
        Origins::Files(_) | Origins::Parts(..) | Origins::Memory | Origins::Events(_) => Some(units),
    };
    Ok(FirstPass { fold: all, cache })
}

/// What a second pass must know of the first pass.
pub(super) struct Before<'a> {
    /// The units to read.
    pub(super) units: &'a [Unit],
    pub(super) unsound: &'a RowSet,
    pub(super) malformed: &'a RowSet,
    pub(super) cache: Option<&'a ColumnCache>,
}

/// The columns of the source that a pass reads which counts the states from `first_state` on and hands no rows on.
pub(super) fn read_columns(source: &dyn Source, plan: &Plan, first_state: usize) -> Vec<usize> {
    let judged = if first_state == 0 { source.known().judged_columns.as_slice() } else { &[] };
    let wanted: Vec<usize> = needed(plan, first_state).iter().chain(judged).copied().collect();
    plan.prepare.source_columns(&wanted)
}

/// A second pass: only the states asked for since `first_state`, over the same rows as before.
///
/// # Errors
/// What cannot be read or counted.
pub(super) fn second_pass(job: &Job<'_>, source: &dyn Source, plan: &Plan, first_state: usize, before: &Before<'_>) -> Result<Fold, Fault> {
    let pass = Pass::new(job, plan, first_state)?;
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&pass.needed)).compact();
    let mut all = Fold::empty(pass.asked.clone());
    let work = |unit: &Unit, preread| {
        let mut states = pass.empty_states();
        let mut each = |chunk| {
            job.cancel.check()?;
            for prepared in plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                let batch = RowBatch::new(prepared, plan, first_state, &pass.needed);
                // With fewer columns read, records malformed in another one look whole.
                let live = before.malformed.mask(unit.index, &batch.prepared.rows).not();
                let sound = live.without(&before.unsound.mask(unit.index, &batch.prepared.rows));
                if let Some(row) = states.update(&batch, (plan, first_state), (&live, &sound), unit.index)? {
                    // The first pass judged by the same conditions; this is for one that only a second pass asks for.
                    let Condition { at, .. } = &plan.requests.conditions[row.condition];
                    return Err(Fault::new(
                        Code::ExpressionFailed,
                        format!("cannot tell whether this holds for every row: {}", row.reason),
                    )
                    .at(at.clone()));
                }
            }
            Ok(())
        };
        match before.cache.and_then(|cache| cache.chunks(unit.index, &projection.columns)) {
            Some(chunks) => chunks.into_iter().try_for_each(&mut each)?,
            None => _ = source.read(unit, preread, &projection, &mut each)?,
        }
        let read = UnitRead { unit: unit.clone(), end: UnitEnd::default() };
        Ok(Fold::of_unit(pass.asked.clone(), read, states, RowCounts::default()))
    };
    engine::each_unit(source, UnitSelection::Units(before.units), job.threads, &job.cancel, work, |fold| all.merge(fold))?;
    Ok(all)
}

/// A fold made elsewhere, if it answers what the plan asks of this data, from the state `first_state` on.
///
/// # Errors
/// It is of another plan.
pub(super) fn of_plan(fold: Fold, job: &Job<'_>, plan: &Plan, first_state: usize) -> Result<Fold, Fault> {
    fold.answering(&Pass::new(job, plan, first_state)?.asked)
}

/// Takes in what a second pass counted of all units.
///
/// # Errors
/// Not all units were counted; spilled data cannot be read back.
pub(super) fn finish_second_pass(fold: Fold, counted: &mut Counted, inputs: &Inputs) -> Result<(), Fault> {
    match fold.into_whole(counted.units.len() as u32)? {
        Some(segment) => counted.facts.states.extend(segment.states.finish(inputs)?.into_iter().map(Some)),
        // Without a unit no check asks again: it has seen no value.
        None => return Err(Fault::new(Code::Internal, "internal error: a second look at no data")),
    }
    Ok(())
}

/// Takes in what a second pass counted of some units, where no state minds the order of rows.
///
/// # Errors
/// What was counted cannot be merged, or read back.
pub(super) fn finish_look_at_some(fold: Fold, counted: &mut Counted, inputs: &Inputs) -> Result<(), Fault> {
    if let Some(states) = fold.into_states()? {
        counted.facts.states.extend(states.finish(inputs)?.into_iter().map(Some));
    }
    Ok(())
}

/// What summaries keep of the states of a fold over all `units`, by state.
///
/// # Errors
/// Not all units were counted.
pub(super) fn kept_of(fold: Fold, units: u32) -> Result<Vec<Option<Json>>, Fault> {
    fold.into_whole(units)?.map_or_else(|| Ok(Vec::new()), |whole| whole.states.summarised())
}

/// Runs the row tests on one batch by itself.
///
/// # Errors
/// A `where` cannot be computed on a row.
pub(super) fn judge_batch(prepared: Prepared, plan: &Plan, needed: &[usize]) -> Result<(Prepared, RowOutcomes), Fault> {
    let batch = RowBatch::new(prepared, plan, 0, needed);
    let outcomes = RowOutcomes::of(&batch, plan);
    match &outcomes.undecidable {
        None => Ok((batch.prepared, outcomes)),
        Some(row) => {
            let Condition { at, .. } = &plan.requests.conditions[row.condition];
            let what = format!("cannot tell whether this holds for row {}: {}", u64::from(row.row) + 1, row.reason);
            Err(Fault::new(Code::ExpressionFailed, what).at(at.clone()))
        }
    }
}

/// The columns that row tests, states (from `first_state` on) and their conditions need; row tests only if `first_state` is 0.
pub(super) fn needed(plan: &Plan, first_state: usize) -> Vec<usize> {
    let requests = &plan.requests;
    let mut columns: Vec<usize> = Vec::new();
    let scope = |scope: &Scope, columns: &mut Vec<usize>| {
        columns.extend(&scope.by);
        columns.extend(scope.condition.iter().flat_map(|&c| &requests.conditions[c].expression.columns));
    };
    if first_state == 0 {
        for (test, _) in requests.tests.iter().zip(&plan.passed_by_statistics).filter(|(_, proven)| !**proven) {
            columns.extend(&test.columns);
            scope(&test.scope, &mut columns);
            columns.extend(test.known.iter().flat_map(|&c| &requests.conditions[c].expression.columns));
        }
    }
    let is_from_statistics = |i: usize| first_state == 0 && plan.counts_from_statistics.get(i).is_some_and(Option::is_some);
    for (_, state) in requests.states[first_state..].iter().enumerate().filter(|(i, _)| !is_from_statistics(*i)) {
        columns.extend(&state.columns);
        scope(&state.scope, &mut columns);
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}
