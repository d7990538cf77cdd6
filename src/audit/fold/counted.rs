//! What the first pass counted, finished: what rules judge and reports tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::cache::ColumnCache;
use super::states::States;
use super::value::{RowCounts, TestFold, UnitRead};
use super::{FirstPass, Pass};
use crate::audit::keeps::KeptAnswer;
use crate::audit::{Job, Keeps, Plan};
use crate::diagnostic::{Code, Fault};
use crate::metric::Inputs;
use crate::metric::groups::GroupKey;
use crate::rows::{RowId, RowSet};
use crate::rules::{Facts, TestCounts};
use crate::source::{Malformed, RowOrigins, SchemaEvidence, Source, Unit};

/// What rules and report need of the first pass, once all units were counted.
pub(in crate::audit) struct Counted {
    pub(in crate::audit) facts: Facts,
    pub(in crate::audit) row_origins: RowOrigins,
    pub(in crate::audit) units: Vec<Unit>,
    pub(in crate::audit) filtered: u64,
    pub(in crate::audit) malformed: RowSet,
    pub(in crate::audit) malformed_samples: Vec<(u32, Malformed)>,
    pub(in crate::audit) malformed_columns: BTreeMap<Option<String>, u64>,
    pub(in crate::audit) unsound: RowSet,
    pub(in crate::audit) evidence: SchemaEvidence,
    /// Digest of the units' bytes, for text.
    pub(in crate::audit) content_digest: Option<u128>,
    pub(in crate::audit) cache: Option<ColumnCache>,
    /// What states counted, where it shall be kept.
    pub(in crate::audit) kept: Vec<KeptAnswer>,
    /// The findings that ask for the next look.
    pub(in crate::audit) asked_by: Vec<String>,
}

impl Counted {
    /// No rows, and facts from elsewhere.
    pub(in crate::audit) fn of_nothing(facts: Facts) -> Self {
        Self {
            facts,
            row_origins: RowOrigins::default(),
            units: Vec::new(),
            filtered: 0,
            malformed: RowSet::default(),
            malformed_samples: Vec::new(),
            malformed_columns: BTreeMap::new(),
            unsound: RowSet::default(),
            evidence: SchemaEvidence::default(),
            content_digest: None,
            cache: None,
            kept: Vec::new(),
            asked_by: Vec::new(),
        }
    }

    /// Finishes what the first pass counted.
    ///
    /// # Errors
    /// Some units were not counted; spilled data cannot be read back; a `where` could not be computed on a row.
    pub(in crate::audit) fn of(job: &Job<'_>, first: FirstPass, source: &dyn Source, plan: &Plan) -> Result<Self, Fault> {
        let FirstPass { fold, cache } = first;
        let units = fold.units.ok_or_else(|| Fault::new(Code::ForeignFold, "a fold does not say how many units there are"))?;
        let whole = fold.into_whole(units)?;
        let (units, states, rows) = match whole {
            Some(segment) => (segment.units, Some(segment.states), segment.rows),
            None => (Vec::new(), None, RowCounts::default()),
        };
        let mut row_origins = RowOrigins::default();
        for UnitRead { unit, end } in &units {
            row_origins.push(unit.clone(), end, source.known().header_lines(unit.file));
        }
        if let Some(undecided) = &rows.undecided {
            let origin = row_origins.origin(RowId { unit: undecided.unit, row: undecided.row }, &source.known().origins);
            let what = format!("cannot tell whether this holds for {origin}: {}", undecided.reason);
            let fault = Fault::new(Code::ExpressionFailed, what).hint("hold such rows back, as in `q <> 0 AND p / q > 1`, or use `nullif`");
            let condition = plan.requests.conditions.iter().find(|c| c.expression.text == undecided.condition);
            return Err(match condition {
                Some(condition) => fault.at(condition.at.clone()),
                None => fault,
            });
        }
        let mut facts = Facts::default();
        let of_test = |groups: BTreeMap<GroupKey, TestFold>| {
            let counts = |t: TestFold| TestCounts { in_scope: t.in_scope, failing: t.failing, known: t.known, rows: Arc::new(t.rows) };
            groups.into_iter().map(|(key, test)| (key, counts(test))).collect()
        };
        facts.tests = rows.tests.into_iter().map(of_test).collect();
        facts.tests.resize_with(plan.requests.tests.len(), Default::default);
        let states = match states {
            Some(states) => states,
            None => Pass::new(job, plan, 0)?.empty_states(),
        };
        let kept = if job.keeps == Keeps::Nothing { Vec::new() } else { kept(&states, plan)? };
        facts.states.extend(states.finish(&Inputs::default())?.into_iter().map(Some));
        let content_digest = content_digest(source, &units);
        Ok(Self {
            facts,
            row_origins,
            units: units.into_iter().map(|read| read.unit).collect(),
            filtered: rows.filtered,
            malformed: rows.malformed,
            malformed_samples: rows.malformed_samples,
            malformed_columns: rows.malformed_columns,
            unsound: rows.unsound,
            evidence: rows.evidence,
            content_digest,
            cache,
            kept,
            asked_by: Vec::new(),
        })
    }
}

/// What summaries keep of the states.
fn kept(states: &States, plan: &Plan) -> Result<Vec<KeptAnswer>, Fault> {
    let questions = plan.requests.questions(0, &plan.prepare.rule_schema)?;
    let both = questions.into_iter().zip(states.summarised()?);
    Ok(both.filter_map(|(question, value)| Some(KeptAnswer { question, value: value? })).collect())
}

/// Digest of text: of each unit behind what precedes the first record of its file. Other formats have digests of their own.
fn content_digest(source: &dyn Source, units: &[UnitRead]) -> Option<u128> {
    if !source.known().digests_units {
        return None;
    }
    let mut digest = Xxh3Default::new();
    for UnitRead { unit, end } in units {
        if let Some(of_unit) = end.digest {
            digest.update(&source.known().head_digest(unit.file).to_le_bytes());
            digest.update(&of_unit.to_le_bytes());
        }
    }
    (0..source.known().starts.len()).for_each(|f| digest.update(&source.known().head_digest(f as u32).to_le_bytes()));
    Some(digest.digest128())
}
