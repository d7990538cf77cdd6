//! Merging what units counted, in their order.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::finish;
use super::kept::Kept;
use super::states::States;
use super::unit::UnitFold;
use crate::audit::samples::SAMPLES_MAX;
use crate::audit::{Folded, Plan};
use crate::diagnostic::{Code, Fault};
use crate::metric::groups::{GROUPS_MAX, GroupKey};
use crate::rows::{RowId, RowSet};
use crate::rules::{Condition, Facts, TestCounts};
use crate::source::{Evidence, Places, Source};

/// Units merged so far.
pub(super) struct Merging<'a> {
    pub(super) folded: Folded,
    pub(super) states: States,
    pub(super) tests: Vec<BTreeMap<GroupKey, (TestCounts, RowSet)>>,
    pub(super) digest: Xxh3Default,
    conditions: &'a [Condition],
}

impl<'a> Merging<'a> {
    pub(super) fn new(plan: &'a Plan, twins: &Arc<[Option<usize>]>, kept: Option<Kept>) -> Self {
        let folded = Folded {
            facts: Facts::default(),
            places: Places::default(),
            filtered: 0,
            malformed: 0,
            malformed_rows: RowSet::default(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: RowSet::default(),
            evidence: Evidence::None,
            content_digest: None,
            kept,
            stuck: None,
        };
        Self {
            folded,
            states: States::empty(plan, 0, twins),
            tests: plan.requests.tests.iter().map(|_| BTreeMap::new()).collect(),
            digest: Xxh3Default::new(),
            conditions: &plan.requests.conditions,
        }
    }

    pub(super) fn take<P>(&mut self, mut unit: UnitFold<P>, source: &dyn Source) -> Result<(), Fault> {
        let index = unit.unit.index;
        self.states.merge(unit.states);
        for (merged, groups) in self.tests.iter_mut().zip(unit.tests) {
            for (key, group) in groups {
                let (counts, rows) = merged.entry(key).or_default();
                counts.in_scope += group.in_scope;
                counts.failing += group.failing;
                counts.known += group.known;
                rows.insert_unit(index, group.rows);
            }
            if merged.len() > GROUPS_MAX {
                return Err(Fault::new(Code::TooManyGroups, format!("`by` makes more than {GROUPS_MAX} groups"))
                    .hint("group by columns with fewer values"));
            }
        }
        let kept = std::mem::take(&mut unit.kept);
        self.folded.kept = self.folded.kept.take().and_then(|all| all.take(index, kept));
        if let Some(digest) = unit.end.digest {
            self.digest.update(&source.known().head_digest(unit.unit.file).to_le_bytes());
            self.digest.update(&digest.to_le_bytes());
        }
        let folded = &mut self.folded;
        folded.evidence.merge(std::mem::take(&mut unit.end.evidence));
        folded.filtered += unit.filtered;
        folded.malformed += unit.malformed.len() as u64;
        folded.malformed_rows.insert_unit(index, unit.malformed);
        for (column, count) in unit.malformed_columns {
            *folded.malformed_columns.entry(column).or_default() += count;
        }
        let room = SAMPLES_MAX - folded.malformed_samples.len().min(SAMPLES_MAX);
        folded.malformed_samples.extend(unit.malformed_samples.into_iter().take(room).map(|m| (index, m)));
        folded.unsound.insert_unit(index, unit.unsound);
        let header_lines = source.known().header_lines(unit.unit.file);
        folded.places.push(unit.unit, &unit.end, header_lines);
        if let (None, Some(stuck)) = (&folded.stuck, unit.stuck) {
            let origin = folded.places.origin(RowId { unit: index, row: stuck.row }, &source.known().origins);
            let Condition { at, .. } = &self.conditions[stuck.condition];
            let what = format!("cannot tell whether this holds for {origin}: {}", stuck.reason);
            folded.stuck = Some(
                Fault::new(Code::ExpressionFailed, what)
                    .at(at.clone())
                    .hint("hold such rows back, as in `q <> 0 AND p / q > 1`, or use `nullif`"),
            );
        }
        Ok(())
    }

    pub(super) fn finish(mut self, source: &dyn Source) -> Result<Folded, Fault> {
        finish(self.states, &mut self.folded.facts)?;
        let finished = |(mut counts, rows): (TestCounts, RowSet)| {
            counts.rows = Arc::new(rows);
            counts
        };
        let by_group = |groups: BTreeMap<GroupKey, (TestCounts, RowSet)>| groups.into_iter().map(|(k, g)| (k, finished(g))).collect();
        self.folded.facts.tests = self.tests.into_iter().map(by_group).collect();
        self.folded.content_digest = source.known().digests_units.then(|| {
            (0..source.known().starts.len()).for_each(|f| self.digest.update(&source.known().head_digest(f as u32).to_le_bytes()));
            self.digest.digest128()
        });
        Ok(self.folded)
    }
}
