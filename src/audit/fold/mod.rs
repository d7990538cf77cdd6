//! One pass over the units: prepare, test rows, count.

mod batch;
mod kept;
mod merging;
mod states;
mod unit;

use std::sync::Arc;

use self::batch::Batch;
pub(crate) use self::kept::Kept;
use self::kept::KeptRows;
use self::merging::Merging;
use self::states::States;
use self::unit::UnitWork;
use super::{Folded, Job, Plan, Sink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, Over};
use crate::rules::{Condition, Facts, Scope};
use crate::source::{Projection, Source, Unit};

/// The first pass: row tests, then states over the sound rows; rows that pass go to `sink`.
pub(super) fn fold<S: Sink>(job: &Job<'_>, source: &dyn Source, plan: &Plan, sink: &S) -> Result<Folded, Fault> {
    let needed = needed(plan, 0);
    let wanted: Vec<usize> = match sink.wants_rows() {
        true => (0..plan.prepare.schema.fields().len()).collect(),
        false => needed.iter().copied().chain(source.known().judged_columns.iter().copied()).collect(),
    };
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&wanted));
    // What is published keeps its type; what is only looked at may come as the file holds it.
    let projection = if sink.wants_rows() { projection } else { projection.compact() };
    let twins: Arc<[Option<usize>]> = plan.requests.twins(0).into();
    let again = Kept::columns(source, plan);
    let places: Vec<usize> = again.iter().filter_map(|c| projection.columns.binary_search(c).ok()).collect();
    let is_kept = !again.is_empty() && places.len() == again.len();
    let mut folded = Merging::new(plan, &twins, is_kept.then(|| Kept::new(again, &job.budget)));
    let (total, mut done) = (source.known().bytes, 0);
    let work = |unit: &Unit, preread| {
        let mut fold = UnitWork::new(plan, &job.budget, unit, &needed, &twins);
        let mut open = if sink.wants_rows() { Some(sink.open()?) } else { None };
        let mut kept = KeptRows::new();
        let end = source.read(unit, preread, &projection, &mut |chunk| {
            job.cancel.check()?;
            if is_kept {
                let columns = chunk.batch.project(&places).map_err(|e| Fault::new(Code::Internal, format!("cannot keep columns: {e}")))?;
                kept.push((columns, chunk.rows.clone()));
            }
            for prepared in plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                if let (Some((batch, sound)), Some(open)) = (fold.take(prepared)?, open.as_mut()) {
                    sink.take(open, batch.kept(&plan.prepare.schema, &sound)?)?;
                }
            }
            Ok(())
        })?;
        fold.fold.part = open.map(|open| sink.close(open)).transpose()?;
        fold.fold.end = end;
        fold.fold.kept = kept;
        Ok(fold.fold)
    };
    engine::each_unit(source, Over::All, job.threads, &job.cancel, work, |mut unit| {
        done += unit.unit.bytes;
        (job.progress)(done.min(total), total);
        if let Some(part) = unit.part.take() {
            sink.append(&unit.unit, part)?;
        }
        folded.take(unit, source)
    })?;
    folded.finish(source)
}

/// A second look: only the states asked for since `first_new`, over the same rows as before.
pub(super) fn look_again(job: &Job<'_>, source: &dyn Source, plan: &Plan, folded: &mut Folded, first_new: usize) -> Result<(), Fault> {
    let requests = &plan.requests;
    let needed = needed(plan, first_new);
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&needed)).compact();
    let twins: Arc<[Option<usize>]> = requests.twins(first_new).into();
    let empty = || States::empty(plan, first_new, &twins);
    let mut states = empty();
    let (unsound, malformed, kept) = (&folded.unsound, &folded.malformed_rows, folded.kept.as_ref());
    let work = |unit: &Unit, preread| {
        let mut states = empty();
        let mut each = |chunk| {
            job.cancel.check()?;
            for prepared in plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                let batch = Batch::new(prepared, plan, first_new, &needed);
                // With fewer columns read, records malformed in another one look whole.
                let live = malformed.mask(unit.index, &batch.prepared.rows).not();
                let sound = live.without(&unsound.mask(unit.index, &batch.prepared.rows));
                if let Some(stuck) = states.update(&batch, plan, (&live, &sound), unit.index, &job.budget) {
                    // The first look judged by the same conditions; this is for one that only a second look asks for.
                    let Condition { at, .. } = &requests.conditions[stuck.condition];
                    return Err(Fault::new(
                        Code::ExpressionFailed,
                        format!("cannot tell whether this holds for every row: {}", stuck.reason),
                    )
                    .at(at.clone()));
                }
            }
            Ok(())
        };
        match kept.and_then(|kept| kept.chunks(unit.index, &projection.columns)) {
            Some(chunks) => chunks.into_iter().try_for_each(&mut each)?,
            None => _ = source.read(unit, preread, &projection, &mut each)?,
        }
        Ok(states)
    };
    let units: Vec<Unit> = folded.places.units().cloned().collect();
    engine::each_unit(source, Over::Units(&units), job.threads, &job.cancel, work, |unit_states| {
        states.merge(unit_states);
        Ok(())
    })?;
    finish(states, &mut folded.facts)
}

/// The columns that row tests, states (from `first_new`) and their conditions need.
fn needed(plan: &Plan, first_new: usize) -> Vec<usize> {
    let requests = &plan.requests;
    let mut columns: Vec<usize> = Vec::new();
    let scope = |scope: &Scope, columns: &mut Vec<usize>| {
        columns.extend(&scope.by);
        columns.extend(scope.condition.iter().flat_map(|&c| &requests.conditions[c].expression.columns));
    };
    if first_new == 0 {
        for (test, _) in requests.tests.iter().zip(&plan.proven).filter(|(_, proven)| !**proven) {
            columns.extend(&test.columns);
            scope(&test.scope, &mut columns);
            columns.extend(test.known.iter().flat_map(|&c| &requests.conditions[c].expression.columns));
        }
    }
    let is_given = |i: usize| first_new == 0 && plan.given.get(i).is_some_and(Option::is_some);
    for (_, state) in requests.states[first_new..].iter().enumerate().filter(|(i, _)| !is_given(*i)) {
        columns.extend(&state.columns);
        scope(&state.scope, &mut columns);
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn finish(states: States, facts: &mut Facts) -> Result<(), Fault> {
    let finished = states.finish().map_err(|e| Fault::new(Code::ScratchFailed, format!("cannot count: {e}")))?;
    facts.states.extend(finished.into_iter().map(Some));
    Ok(())
}
