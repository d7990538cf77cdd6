//! One pass over the units: prepare, test rows, count.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use xxhash_rust::xxh3::Xxh3Default;

use super::samples::SAMPLES_MAX;
use super::{Folded, Job, Kept, Plan, Sink};
use crate::diagnostic::{Fault, Faults};
use crate::engine::{self, Over};
use crate::metric::groups::{BatchGroups, GroupKey};
use crate::metric::{Budget, Column, Rows};
use crate::prepare::Prepared;
use crate::rows::{Mask, RowNumbers, RowSet};
use crate::rules::facts::TestCounts;
use crate::rules::words::{Nulls, Over as Which};
use crate::rules::{AnyState, Facts, Requests, Scope};
use crate::source::{Malformed, Places, Projection, Source, Unit, UnitEnd};
use crate::types::merge_evidence;

/// What one unit counted.
struct UnitFold<P> {
    unit: Unit,
    end: UnitEnd,
    states: Vec<Box<dyn AnyState>>,
    tests: Vec<BTreeMap<GroupKey, GroupFold>>,
    filtered: u64,
    malformed: Vec<u32>,
    malformed_samples: Vec<Malformed>,
    malformed_columns: BTreeMap<Option<String>, u64>,
    unsound: Vec<u32>,
    part: Option<P>,
}

/// What one row test counted in one group of one unit.
#[derive(Default)]
struct GroupFold {
    in_scope: u64,
    failing: u64,
    known: u64,
    rows: Vec<u32>,
}

/// The first pass: row tests, then states over the sound rows; rows that pass go to `sink`.
pub(super) fn fold<S: Sink>(job: &Job<'_>, source: &dyn Source, plan: &Plan, sink: &S) -> Result<Folded, Fault> {
    let wanted: Vec<usize> = match sink.wants_rows() {
        true => (0..plan.prepare.schema.fields().len()).collect(),
        false => needed(&plan.requests, 0).into_iter().chain(source.judged_columns()).collect(),
    };
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&wanted));
    let mut folded = Merging::new(plan);
    let (total, mut done) = (source.bytes(), 0);
    let work = |unit: &Unit, preread| {
        let mut fold = UnitWork::new(plan, &job.budget, unit);
        let mut batches = sink.wants_rows().then(Vec::new);
        let end = source.read(unit, preread, &projection, &mut |chunk| {
            let prepared = plan.prepare.apply(chunk, &projection).map_err(first_fault)?;
            fold.take(prepared, batches.as_mut())
        })?;
        fold.fold.part = batches.map(|batches| sink.encode(batches)).transpose()?;
        fold.fold.end = end;
        Ok(fold.fold)
    };
    engine::each_unit(source, Over::All, job.threads, work, |mut unit| {
        done += source.unit_bytes(&unit.unit);
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
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&needed(requests, first_new)));
    let empty = || requests.states[first_new..].iter().map(|r| r.empty(&plan.prepare.schema)).collect::<Vec<_>>();
    let mut states = empty();
    let (unsound, malformed) = (&folded.unsound, &folded.malformed_rows);
    let work = |unit: &Unit, preread| {
        let mut states = empty();
        source.read(unit, preread, &projection, &mut |chunk| {
            let prepared = plan.prepare.apply(chunk, &projection).map_err(first_fault)?;
            let batch = Batch::new(prepared, requests, first_new);
            // With fewer columns read, records malformed in another one look whole.
            let live = malformed.mask(unit.index, &batch.prepared.rows).not();
            let sound = live.without(&unsound.mask(unit.index, &batch.prepared.rows));
            batch.update(requests, first_new, &mut states, (&live, &sound), unit.index, &job.budget);
            Ok(())
        })?;
        Ok(states)
    };
    let units: Vec<Unit> = folded.places.units().cloned().collect();
    engine::each_unit(source, Over::Units(&units), job.threads, work, |unit_states| {
        states.iter_mut().zip(unit_states).for_each(|(a, b)| a.merge(b));
        Ok(())
    })?;
    finish(states, &mut folded.facts)
}

/// The columns that row tests, states (from `first_new`) and their conditions need.
fn needed(requests: &Requests, first_new: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = Vec::new();
    let scope = |scope: &Scope, columns: &mut Vec<usize>| {
        columns.extend(&scope.by);
        columns.extend(scope.condition.iter().flat_map(|&c| &requests.conditions[c].columns));
    };
    if first_new == 0 {
        for test in &requests.tests {
            columns.extend(&test.columns);
            scope(&test.scope, &mut columns);
            columns.extend(test.known.iter().flat_map(|&c| &requests.conditions[c].columns));
        }
    }
    for state in &requests.states[first_new..] {
        columns.extend(&state.columns);
        scope(&state.scope, &mut columns);
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}

pub(crate) fn first_fault(faults: Faults) -> Fault {
    faults.into_iter().next().unwrap_or_else(|| Fault::new("unknown fault"))
}

/// A batch with its columns and conditions ready for tests and states.
struct Batch {
    prepared: Prepared,
    columns: Vec<Option<Column>>,
    /// One a condition: rows for which it holds, rows on which it fails.
    conditions: Vec<Option<(Mask, Mask)>>,
}

impl Batch {
    fn new(prepared: Prepared, requests: &Requests, first_new: usize) -> Self {
        let len = prepared.rows.len();
        let columns: Vec<Option<Column>> = prepared.columns.iter().map(|a| a.clone().map(Column::new)).collect();
        let wanted = |index: usize| {
            let by_state = requests.states[first_new..].iter().any(|s| s.scope.condition == Some(index));
            let by_test = requests.tests.iter().any(|t| t.scope.condition == Some(index) || t.known.contains(&index));
            by_state || (first_new == 0 && by_test)
        };
        let evaluate = |(index, condition): (usize, &crate::sql::Expression)| {
            if !wanted(index) {
                return None;
            }
            let column = |&c: &usize| columns[c].as_ref().map(Column::nullable);
            let arrays: Vec<ArrayRef> = condition.columns.iter().filter_map(column).collect();
            let (holds, failures) = condition.test(&arrays, len);
            let mut failed = vec![false; len];
            failures.iter().for_each(|f| failed[f.row] = true);
            Some((Mask::from_boolean(&holds, false), if failures.is_empty() { Mask::None } else { Mask::new(failed.into()) }))
        };
        let conditions = requests.conditions.iter().enumerate().map(evaluate).collect();
        Self { prepared, columns, conditions }
    }

    fn len(&self) -> usize {
        self.prepared.rows.len()
    }

    fn columns(&self, indices: &[usize]) -> Vec<&Column> {
        let read = |&i: &usize| self.columns[i].as_ref().expect("the projection covers every request's columns");
        indices.iter().map(read).collect()
    }

    /// The rows of a scope's `where`; a row on which it cannot be computed is in scope, lest it pass unseen.
    fn scope(&self, scope: &Scope) -> Mask {
        match scope.condition.and_then(|c| self.conditions[c].as_ref()) {
            Some((holds, failed)) => holds.or(failed),
            None => Mask::All,
        }
    }

    fn update(
        &self,
        requests: &Requests,
        first_new: usize,
        states: &mut [Box<dyn AnyState>],
        (live, sound): (&Mask, &Mask),
        unit: u32,
        budget: &Budget,
    ) {
        for (request, state) in requests.states[first_new..].iter().zip(states) {
            let over = match request.scope.over {
                Which::Sound => sound,
                Which::All => live,
            };
            let selection = self.scope(&request.scope).and(over);
            if selection.is_none() || self.len() == 0 {
                continue;
            }
            let rows = Rows { unit, numbers: &self.prepared.rows, selection: &selection, budget };
            state.update(&rows, &self.columns(&request.columns));
        }
    }
}

/// The work of folding one unit.
struct UnitWork<'a, P> {
    plan: &'a Plan,
    budget: &'a Budget,
    fold: UnitFold<P>,
}

impl<'a, P> UnitWork<'a, P> {
    fn new(plan: &'a Plan, budget: &'a Budget, unit: &Unit) -> Self {
        let fold = UnitFold {
            unit: unit.clone(),
            end: UnitEnd::default(),
            states: plan.requests.states.iter().map(|r| r.empty(&plan.prepare.schema)).collect(),
            tests: plan.requests.tests.iter().map(|_| BTreeMap::new()).collect(),
            filtered: 0,
            malformed: Vec::new(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: Vec::new(),
            part: None,
        };
        Self { plan, budget, fold }
    }

    fn take(&mut self, mut prepared: Prepared, batches: Option<&mut Vec<Kept>>) -> Result<(), Fault> {
        self.fold.filtered += prepared.filtered;
        for malformed in prepared.malformed.drain(..) {
            *self.fold.malformed_columns.entry(malformed.column.clone()).or_default() += 1;
            self.fold.malformed.push(malformed.row);
            if self.fold.malformed_samples.len() < SAMPLES_MAX {
                self.fold.malformed_samples.push(malformed);
            }
        }
        if prepared.rows.is_empty() {
            return Ok(());
        }
        let batch = Batch::new(prepared, &self.plan.requests, 0);
        let unsound = self.test(&batch);
        unsound.rows(batch.len(), |i| self.fold.unsound.push(batch.prepared.rows.get(i)));
        let sound = unsound.not();
        batch.update(&self.plan.requests, 0, &mut self.fold.states, (&Mask::All, &sound), self.fold.unit.index, self.budget);
        match batches {
            Some(batches) => self.keep(&batch, &sound, batches),
            None => Ok(()),
        }
    }

    /// Runs the row tests; gives the rows that go at once.
    fn test(&mut self, batch: &Batch) -> Mask {
        let len = batch.len();
        let mut unsound = Mask::None;
        for (request, groups) in self.plan.requests.tests.iter().zip(&mut self.fold.tests) {
            let scope = batch.scope(&request.scope);
            let tested = request.test.test(&batch.columns(&request.columns), len);
            let decided = tested.fails.without(&tested.unknown);
            let fails = match request.policy.nulls {
                Nulls::Pass => decided,
                Nulls::Fail => decided.or(&tested.unknown),
            };
            let fails = fails.and(&scope);
            let known = request.known.iter().filter_map(|&c| batch.conditions[c].as_ref());
            let known = known.fold(Mask::None, |all, (holds, _)| all.or(holds)).and(&fails);
            let fails = fails.without(&known);
            if request.policy.sets_aside_at_once() {
                unsound = unsound.or(&fails);
            }
            let rows = &batch.prepared.rows;
            if request.scope.by.is_empty() {
                groups.entry(GroupKey::new()).or_default().add(&scope, &fails, &known, rows);
                continue;
            }
            let by = BatchGroups::new(&batch.columns(&request.scope.by), &scope, len);
            for (code, key) in by.keys.into_iter().enumerate() {
                let bits = arrow::buffer::BooleanBuffer::collect_bool(len, |i| by.codes[i] as usize == code);
                let members = Mask::new(bits);
                groups.entry(key).or_default().add(&members, &fails.and(&members), &known.and(&members), rows);
            }
        }
        unsound
    }

    /// Keeps the sound rows for the sink.
    fn keep(&self, batch: &Batch, sound: &Mask, batches: &mut Vec<Kept>) -> Result<(), Fault> {
        if sound.is_none() {
            return Ok(());
        }
        let arrays: Vec<ArrayRef> = batch.prepared.columns.iter().flatten().cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let whole = RecordBatch::try_new_with_options(self.plan.prepare.schema.clone(), arrays, &options);
        let kept = whole.and_then(|whole| match sound {
            Mask::All => Ok(whole),
            some => {
                let filter = arrow::array::BooleanArray::new(some.bits(batch.len()), None);
                arrow::compute::filter_record_batch(&whole, &filter)
            }
        });
        let rows = match sound {
            Mask::All => batch.prepared.rows.clone(),
            some => batch.prepared.rows.filter(&some.bits(batch.len())),
        };
        let kept = kept.map_err(|e| Fault::new(format!("cannot keep a batch: {e}")))?;
        batches.push(Kept { rows, batch: kept });
        Ok(())
    }
}

impl GroupFold {
    fn add(&mut self, scope: &Mask, fails: &Mask, known: &Mask, rows: &RowNumbers) {
        let len = rows.len();
        self.in_scope += scope.count(len) as u64;
        self.known += known.count(len) as u64;
        self.failing += fails.count(len) as u64;
        fails.rows(len, |i| self.rows.push(rows.get(i)));
    }
}

/// Units merged so far.
struct Merging {
    folded: Folded,
    states: Vec<Box<dyn AnyState>>,
    tests: Vec<BTreeMap<GroupKey, (TestCounts, RowSet)>>,
    digest: Xxh3Default,
}

impl Merging {
    fn new(plan: &Plan) -> Self {
        let folded = Folded {
            facts: Facts::default(),
            places: Places::default(),
            filtered: 0,
            malformed: 0,
            malformed_rows: RowSet::default(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: RowSet::default(),
            evidence: Vec::new(),
            content_digest: None,
        };
        Self {
            folded,
            states: plan.requests.states.iter().map(|r| r.empty(&plan.prepare.schema)).collect(),
            tests: plan.requests.tests.iter().map(|_| BTreeMap::new()).collect(),
            digest: Xxh3Default::new(),
        }
    }

    fn take<P>(&mut self, unit: UnitFold<P>, source: &dyn Source) -> Result<(), Fault> {
        let index = unit.unit.index;
        self.states.iter_mut().zip(unit.states).for_each(|(a, b)| a.merge(b));
        for (merged, groups) in self.tests.iter_mut().zip(unit.tests) {
            for (key, group) in groups {
                let (counts, rows) = merged.entry(key).or_default();
                counts.in_scope += group.in_scope;
                counts.failing += group.failing;
                counts.known += group.known;
                rows.insert_unit(index, group.rows);
            }
        }
        if let Some(digest) = unit.end.digest {
            self.digest.update(&source.head_digest(unit.unit.file).to_le_bytes());
            self.digest.update(&digest.to_le_bytes());
        }
        let folded = &mut self.folded;
        merge_evidence(&mut folded.evidence, &unit.end.evidence);
        folded.filtered += unit.filtered;
        folded.malformed += unit.malformed.len() as u64;
        folded.malformed_rows.insert_unit(index, unit.malformed);
        for (column, count) in unit.malformed_columns {
            *folded.malformed_columns.entry(column).or_default() += count;
        }
        let room = SAMPLES_MAX - folded.malformed_samples.len().min(SAMPLES_MAX);
        folded.malformed_samples.extend(unit.malformed_samples.into_iter().take(room).map(|m| (index, m)));
        folded.unsound.insert_unit(index, unit.unsound);
        let header_lines = source.header_lines(unit.unit.file);
        folded.places.push(unit.unit, &unit.end, header_lines);
        Ok(())
    }

    fn finish(mut self, source: &dyn Source) -> Result<Folded, Fault> {
        finish(self.states, &mut self.folded.facts)?;
        let finished = |(mut counts, rows): (TestCounts, RowSet)| {
            counts.rows = Arc::new(rows);
            counts
        };
        let by_group = |groups: BTreeMap<GroupKey, (TestCounts, RowSet)>| groups.into_iter().map(|(k, g)| (k, finished(g))).collect();
        self.folded.facts.tests = self.tests.into_iter().map(by_group).collect();
        // Parquet has a fingerprint of its own; its bytes are not all read.
        self.folded.content_digest = source.fingerprint().is_none().then(|| {
            (0..source.files().len()).for_each(|f| self.digest.update(&source.head_digest(f as u32).to_le_bytes()));
            self.digest.digest128()
        });
        Ok(self.folded)
    }
}

fn finish(states: Vec<Box<dyn AnyState>>, facts: &mut Facts) -> Result<(), Fault> {
    for state in states {
        let out = state.finish().map_err(|e| Fault::new(format!("cannot read back spilled data: {e}")))?;
        facts.states.push(Some(out));
    }
    Ok(())
}
