//! Binds a rule file to the data's schema: every mistake at once, equal requests once.

mod absent;
mod bias;
mod contract;
mod item;
mod known;
mod preparation;
mod promised;
mod statistics;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

pub(super) use self::contract::schema as contract_schema;
use self::item::Binding;
use self::preparation::{Known, binding};
use super::earlier::{self, ComparedColumn, Earlier, Profiled};
use super::keeps::{self, Keeps};
use super::profile::{self, ColumnPlan, Relations};
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::findings::{FindingCode, Message};
use crate::metric::completeness::{Completeness, Counts};
use crate::metric::groups::GroupCounts;
use crate::prepare::Prepare;
use crate::rules::published::PublishedTerms;
use crate::rules::words::OnNoData;
use crate::rules::{Handle, Judge, OtherData, Policy, Requests, Scope};
use crate::ruleset::{RuleFile, Words};
use crate::source::Source;
use crate::sql::LazySql;
use crate::yaml::Position;

/// A rule file bound to a schema.
pub struct Plan {
    pub prepare: Prepare,
    pub requests: Requests,
    pub checks: Vec<PlannedCheck>,
    /// What is judged where rows are set aside, though no rule asks for it.
    pub(super) implied: Vec<PlannedCheck>,
    pub(super) profile: Vec<ColumnPlan>,
    pub(super) relations: Option<Relations>,
    /// Columns of the published schema that name a row: the keys of `duplicates`.
    pub identity: Vec<usize>,
    /// Steps of `clean` and `transform` that this batch's columns do not allow, and why.
    pub skipped_steps: Vec<String>,
    /// By row test: whether the source's own statistics prove that no row fails.
    pub passed_by_statistics: Vec<bool>,
    /// By state of the first pass: its counts, where the source's own statistics give them.
    pub counts_from_statistics: Arc<[Option<Counts>]>,
    /// Faults of expressions over columns whose types are guesses, if they do not change any more.
    pub deferred_faults: Faults,
    /// Known issues past their day, or close to it: the finding's id and a message.
    pub known_notes: Vec<String>,
    /// Earlier data that the columns are held beside, and what is counted for that.
    pub(super) earlier: Earlier,
    pub(super) compared: Vec<ComparedColumn>,
}

/// One finding to be.
pub struct PlannedCheck {
    pub id: String,
    /// Which kind of finding it is to be.
    pub code: FindingCode,
    pub rule: &'static str,
    pub columns: Vec<String>,
    pub words: Arc<Words>,
    pub policy: Policy,
    pub scope: Scope,
    /// What judges, or why this batch cannot be judged.
    pub check: Result<Box<dyn Judge>, Message>,
    /// Where the rule stands in its file.
    pub at: Position,
    /// A digest of what the rule file says of it.
    pub meaning: u128,
    /// What it asks of other data, by index.
    pub besides: Range<usize>,
    /// Its row test, if it judges row by row.
    pub test: Option<usize>,
    /// Whether its row test is all it asks for.
    pub tests_alone: bool,
    /// Whether its figures are taken over the sound rows alone.
    pub of_sound_rows: bool,
    /// Why rows that are a known issue are accepted.
    pub known_reasons: Vec<String>,
    /// The groups of `by`.
    pub groups: Option<Handle<GroupCounts>>,
    /// How many rows it is judged over, where that decides whether it is judged at all.
    pub rows_judged: Option<Handle<Completeness>>,
    /// Columns whose values samples show.
    pub shows: Vec<usize>,
}

impl PlannedCheck {
    /// What follows where there is nothing to judge.
    pub fn on_no_data(&self) -> OnNoData {
        self.words.on_no_data.unwrap_or(OnNoData::no_heavier_than(self.policy.on_fail))
    }
}

/// What a rule file is bound to.
pub(crate) struct Terms<'a> {
    pub rules: &'a RuleFile,
    /// The columns as they are read.
    pub schema: &'a SchemaRef,
    /// Whether types of columns that the contract does not name follow from their values.
    pub infers: bool,
    /// Columns of which no value has been seen, so that nothing is known of their types.
    pub without_values: &'a [String],
    pub now: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    /// The table that batches are published to.
    pub published: Option<&'a PublishedTerms>,
    /// What shall be kept of the batch.
    pub keeps: Keeps,
    /// What is known of the columns of earlier data.
    pub profiled: &'a [Profiled],
    /// Whoever can reach other data, for their columns.
    pub others: Option<&'a dyn OtherData>,
}

/// Binds the rule file; what the source's own statistics prove is not known yet.
///
/// # Errors
/// Every mistake of the rule file that these columns show.
pub(crate) fn bind(terms: &Terms<'_>) -> Result<Plan, Faults> {
    let (mut plan, faults) = bind_on(terms);
    faults.or_ok(())?;
    let (profile, relations, asked) = profile::plan(terms.rules, &plan.prepare, &plan.requests)?;
    (plan.profile, plan.relations) = (profile, relations);
    plan.requests.absorb(asked);
    let (compared, asked) = earlier::ask(terms.profiled, &plan.prepare, plan.profile.iter().map(|column| column.index), &plan.requests);
    plan.compared = compared;
    plan.requests.absorb(asked);
    if terms.keeps == Keeps::Everything {
        let asked = keeps::everything(&plan.prepare, &plan.requests);
        plan.requests.absorb(asked);
    }
    Ok(plan)
}

/// The same for data that rules compare with: rules that do not fit them say nothing of them.
///
/// # Errors
/// `clean` or `transform` do not fit the data.
pub(crate) fn bind_what_fits(terms: &Terms<'_>) -> Result<Plan, Faults> {
    let (plan, faults) = bind_on(terms);
    let of_prepare = |fault: &Fault| {
        fault.code == Code::InvalidSql && !plan.checks.iter().any(|c| fault.place.as_ref().is_some_and(|p| p.line == c.at.line))
    };
    let wrong: Vec<Fault> = faults.0.into_iter().filter(|fault| !plan.skipped_steps.is_empty() && of_prepare(fault)).collect();
    Faults(wrong).or_ok(plan)
}

/// Binds what can be bound, and says what cannot.
fn bind_on(terms: &Terms<'_>) -> (Plan, Faults) {
    let (sql, known) = (LazySql::new(terms.now), Known::of(terms));
    let (prepare, data_faults) = binding(terms, &known, terms.schema, &sql);
    let mut faults = Faults::default();
    let mut skipped_steps = Vec::new();
    // What does not fit the data is the batch's fault if it would have fitted the contract.
    let contract_schema = Arc::new(contract::schema(terms.rules, terms.schema, terms.profiled));
    let (contract_prepare, contract_faults) = binding(terms, &known, &contract_schema, &sql);
    for fault in data_faults.0 {
        match contract_faults.is_empty() {
            true => skipped_steps.push(fault.what),
            false => faults.push(fault),
        }
    }
    let mut plan = Plan {
        prepare,
        requests: Requests::default(),
        checks: Vec::new(),
        implied: Vec::new(),
        profile: Vec::new(),
        relations: None,
        identity: Vec::new(),
        skipped_steps,
        passed_by_statistics: Vec::new(),
        counts_from_statistics: Arc::new([]),
        deferred_faults: Faults::default(),
        known_notes: Vec::new(),
        earlier: Earlier::default(),
        compared: Vec::new(),
    };
    let (masked, sought) = (&terms.rules.privacy(None), &Sought::default());
    let binding = Binding { terms, sql: &sql, contract: &contract_prepare, known: &known, sought, masked };
    for (name, contract) in terms.rules.sections.schema.iter().flat_map(|s| &s.columns.0) {
        // Where the column is gone, the finding about the schema fails.
        if contract.required == Some(true)
            && plan.prepare.index_of(name).is_some()
            && let Err(more) = binding.required(name, contract.at, &mut plan)
        {
            faults.extend(more);
        }
    }
    for item in &terms.rules.items {
        if let Err(more) = binding.bind_item(item, &mut plan) {
            faults.extend(more);
        }
    }
    if let Err(more) = known::attach(terms, &sql, |field| known.certainty(field), &mut plan) {
        faults.extend(more);
    }
    if terms.rules.goes_to_delta {
        faults.take_all(binding.promised(terms.rules.table.as_ref(), &mut plan));
    }
    ids_differ(terms, &plan, &mut faults);
    if faults.is_empty() {
        faults.take_all(bias::imply(&binding, &mut plan));
    }
    plan.deferred_faults = Faults(sql.deferred_faults());
    plan.passed_by_statistics = vec![false; plan.requests.tests.len()];
    (plan, faults)
}

impl Plan {
    /// Takes in what the source's own statistics answer without reading.
    pub(super) fn prove(&mut self, source: &dyn Source) {
        self.passed_by_statistics = statistics::passed_tests(source, self);
        self.counts_from_statistics = statistics::counts(source, self).into();
    }
}

/// Two findings of one name cannot be told apart.
fn ids_differ(terms: &Terms<'_>, plan: &Plan, faults: &mut Faults) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, check) in plan.checks.iter().enumerate() {
        if let Some(first) = seen.insert(&check.id, i) {
            let fault = Fault::new(Code::DuplicateId, format!("two findings are called `{}`", plan.checks[first].id));
            faults.push(fault.at(check.at.in_file(&terms.rules.path)).hint("give one of the rules an `id`"));
        }
    }
}
