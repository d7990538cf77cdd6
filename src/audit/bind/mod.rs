//! Binds a rule file to the data's schema: every mistake at once, equal requests once.

mod absent;
mod contract;
mod known;
mod preparation;
mod promised;
mod proven;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use self::preparation::{binding, is_declared, is_guess};
use super::Job;
use super::profile::{self, ColumnPlan};
use super::select::select;
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::completeness::Counts;
use crate::metric::groups::{GroupCounts, can_be_named};
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::rules::schema::ChangeKind;
use crate::rules::words::{OnNoData, Over, Tolerance};
use crate::rules::{Binder, BoundColumn, Check, Handle, Policy, Requests, Scope};
use crate::ruleset::{RuleItem, Words};
use crate::source::Source;
use crate::sql::LazySql;
use crate::types::type_name;
use crate::yaml::{Position, Spanned};

/// A rule file bound to a schema.
pub struct Plan {
    pub prepare: Prepare,
    pub requests: Requests,
    pub checks: Vec<PlannedCheck>,
    pub(super) profile: Vec<ColumnPlan>,
    /// Columns of [`Prepare::schema`] that name a row: the keys of `duplicates`.
    pub identity: Vec<usize>,
    /// Steps of `clean` and `transform` that this batch's columns do not allow, and why.
    pub unprepared: Vec<String>,
    /// By row test: whether the source's own statistics prove that no row fails.
    pub proven: Vec<bool>,
    /// By state of the first pass: its counts, where the source's own statistics give them.
    pub given: Arc<[Option<Counts>]>,
    /// Faults of expressions over columns whose types are guesses, if they do not change any more.
    pub doubts: Faults,
    /// Known issues past their day, or close to it: the finding's id and a message.
    pub known_notes: Vec<String>,
}

/// One finding to be.
pub struct PlannedCheck {
    pub id: String,
    pub rule: &'static str,
    pub columns: Vec<String>,
    pub words: Words,
    pub policy: Policy,
    pub on_no_data: OnNoData,
    pub scope: Scope,
    /// What judges, or why this batch cannot be judged.
    pub check: Result<Box<dyn Check>, String>,
    /// Where the rule stands in its file.
    pub at: Position,
    /// Its row test, if it judges row by row.
    pub test: Option<usize>,
    /// Whether its row test is all it asks for.
    pub tests_alone: bool,
    /// Why rows that are a known issue are accepted.
    pub known_reasons: Vec<String>,
    /// The groups of `by`.
    pub groups: Option<Handle<GroupCounts>>,
    /// Columns whose values samples show.
    pub shows: Vec<usize>,
}

const READ: &str = "`warn` beside a tolerance was read as one with the rule file";

/// A check that bound, with what it asked for.
struct Bound {
    check: Box<dyn Check>,
    scope: Scope,
    policy: Policy,
    /// Columns the rule itself names, beside `where` and `by`.
    about: Vec<usize>,
    shows: Vec<usize>,
    groups: Option<Handle<GroupCounts>>,
}

pub(super) fn bind(job: &Job<'_>, source: &dyn Source) -> Result<Plan, Faults> {
    let sql = LazySql::new(job.now);
    let infers = source.known().infers_types;
    let (prepare, data_faults) = binding(job, source.schema(), &sql, infers);
    let mut faults = Faults::default();
    let mut unprepared = Vec::new();
    // What does not fit the data is the batch's fault if it would have fitted the contract.
    let contract_schema = std::sync::Arc::new(contract::schema(job, source.schema()));
    let (contract_prepare, contract_faults) = binding(job, &contract_schema, &sql, infers);
    for fault in data_faults.0 {
        match contract_faults.is_empty() {
            true => unprepared.push(fault.what),
            false => faults.push(fault),
        }
    }
    let mut plan = Plan {
        prepare,
        requests: Requests::default(),
        checks: Vec::new(),
        profile: Vec::new(),
        identity: Vec::new(),
        unprepared,
        proven: Vec::new(),
        given: Arc::new([]),
        doubts: Faults::default(),
        known_notes: Vec::new(),
    };
    let binding = Binding { job, sql: &sql, contract: &contract_prepare, infers };
    for (name, contract) in job.rules.sections.schema.iter().flat_map(|s| &s.columns.0) {
        // Where the column is gone, `evolution` decides.
        if contract.required == Some(true)
            && plan.prepare.seen.column_with_name(name).is_some()
            && let Err(more) = binding.required(name, contract.at, &mut plan)
        {
            faults.extend(more);
        }
    }
    for item in &job.rules.items {
        if let Err(more) = binding.item(item, &mut plan) {
            faults.extend(more);
        }
    }
    if let Err(more) = known::attach(job, &sql, |field| is_guess(job, infers, field), &mut plan) {
        faults.extend(more);
    }
    if job.rules.goes_to_delta {
        faults.take_all(binding.promised(job.rules.table.as_ref(), &mut plan));
    }
    ids_differ(job, &plan, &mut faults);
    faults.or_ok(())?;
    plan.doubts = Faults(sql.doubts());
    plan.profile = profile::plan(job, &plan.prepare, &mut plan.requests)?;
    plan.proven = vec![false; plan.requests.tests.len()];
    if job.statistics {
        plan.proven = proven::tests(source, &plan);
        plan.given = proven::counts(source, &plan).into();
    }
    Ok(plan)
}

struct Binding<'a, 'b> {
    job: &'a Job<'b>,
    sql: &'a LazySql,
    contract: &'a Prepare,
    /// Whether types of columns that the contract does not name follow from their values.
    infers: bool,
}

impl Binding<'_, '_> {
    /// A required column is an implied rule: rows without a value are set aside.
    fn required(&self, name: &str, at: Position, plan: &mut Plan) -> Result<(), Faults> {
        let item = contract::required(name, at);
        let column = Spanned { at, value: name.to_owned() };
        self.one(&item, Some(&column), plan)
    }

    fn item(&self, item: &RuleItem, plan: &mut Plan) -> Result<(), Faults> {
        if item.is_about_rows() {
            return self.one(item, None, plan);
        }
        let mut faults = Faults::default();
        for column in self.columns(item, &plan.prepare)? {
            if let Err(more) = self.one(item, Some(&column), plan) {
                faults.extend(more);
            }
        }
        self.absent(item, plan);
        faults.or_ok(())
    }

    /// The columns that an item is about.
    fn columns(&self, item: &RuleItem, prepare: &Prepare) -> Result<Vec<Spanned<String>>, Faults> {
        if let Some(column) = &item.words.column {
            return Ok(vec![column.clone()]);
        }
        let Some(columns) = &item.words.columns else { return Ok(Vec::new()) };
        let some = |named: Vec<String>| if named.is_empty() { Err("`columns` names no column".to_owned()) } else { Ok(named) };
        let named = select(&columns.value, prepare, self.contract)
            .and_then(some)
            .map_err(|what| Fault::new(Code::UnknownColumn, what).at(columns.at.in_file(&self.job.rules.path)))?;
        Ok(named.into_iter().map(|value| Spanned { at: columns.at, value }).collect())
    }

    /// Binds one item to one column, or to the rows as a whole.
    fn one(&self, item: &RuleItem, column: Option<&Spanned<String>>, plan: &mut Plan) -> Result<(), Faults> {
        let schema = plan.prepare.seen.clone();
        let (before, states) = (plan.requests.tests.len(), plan.requests.states.len());
        let drifted = column.filter(|_| !matches!(item.entry.name, "missing" | "type")).and_then(|c| self.drifted(&c.value, &schema));
        let (bound, failure) = match (drifted, self.bind_to(item, column, &plan.prepare, &mut plan.requests)) {
            (None, Ok(bound)) => (Some(bound), None),
            (Some(why), _) => {
                plan.requests.tests.truncate(before);
                self.bind_to(item, column, self.contract, &mut Requests::default())?;
                (None, Some(why))
            }
            (None, Err(faults)) => {
                plan.requests.tests.truncate(before);
                // Against the contract it must bind; if not, the rule file is wrong, not the batch.
                self.bind_to(item, column, self.contract, &mut Requests::default())?;
                (None, Some(faults.0.iter().map(|f| f.what.clone()).collect::<Vec<_>>().join("; ")))
            }
        };
        if item.words.nulls.is_some() && !item.entry.claims.contains(&"nulls") && bound.is_some() && plan.requests.tests.len() == before {
            let fault = Fault::new(Code::MisplacedWord, format!("`nulls` has no meaning for `{}`", item.entry.name));
            return Err(fault.at(item.at.in_file(&self.job.rules.path)).hint("judge missing values with `missing`").into());
        }
        let shows = bound.as_ref().map(|b| b.shows.clone()).unwrap_or_default();
        let columns: Vec<String> = match column {
            Some(column) => vec![column.value.clone()],
            None => bound.iter().flat_map(|b| &b.about).map(|&i| schema.field(i).name().clone()).collect(),
        };
        if item.entry.name == "duplicates" {
            plan.identity.extend(bound.iter().flat_map(|b| &b.about));
        }
        let id = match (&item.words.id, column, &item.words.columns) {
            (Some(id), Some(column), Some(_)) => format!("{}-{}", id.value, column.value),
            (Some(id), _, _) => id.value.clone(),
            (None, _, _) => std::iter::once(item.entry.name).chain(columns.iter().map(String::as_str)).collect::<Vec<_>>().join("-"),
        };
        let (check, scope, policy, groups) = match bound {
            Some(b) => (Ok(b.check), b.scope, b.policy, b.groups),
            None => (Err(failure.unwrap_or_default()), Scope::default(), self.policy(item), None),
        };
        let on_no_data = item.words.on_no_data.unwrap_or(OnNoData::Stop);
        let (rule, words) = (item.entry.name, item.words.clone());
        let test = (plan.requests.tests.len() > before).then_some(before);
        plan.checks.push(PlannedCheck {
            at: item.at,
            known_reasons: Vec::new(),
            test,
            tests_alone: plan.requests.states.len() == states,
            id,
            rule,
            columns,
            words,
            policy,
            on_no_data,
            scope,
            check,
            groups,
            shows,
        });
        Ok(())
    }

    /// Why a rule about the values of `column` cannot be judged: they are of another kind than the
    /// contract's. As text, 61 lies outside 0 to 120.
    fn drifted(&self, column: &str, schema: &Schema) -> Option<String> {
        let (_, found) = schema.column_with_name(column)?;
        let (_, expected) = self.contract.seen.column_with_name(column)?;
        // What lies inside a struct or list is the schema's business; the rule is about the whole.
        let kind = |t: &DataType| {
            (matches!(t, DataType::Struct(_)), matches!(t, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)))
        };
        if expected.data_type().is_nested() && kind(expected.data_type()) == kind(found.data_type()) {
            return None;
        }
        let changed = crate::rules::schema::type_change(expected.data_type(), found.data_type())? == ChangeKind::TypeChanged;
        let (expected, found) = (type_name(expected.data_type()), type_name(found.data_type()));
        changed.then(|| format!("`{column}` is {found} where the contract says {expected}"))
    }

    fn policy(&self, item: &RuleItem) -> Policy {
        Policy {
            on_fail: item.words.on_fail.as_ref().map_or(item.entry.on_fail, |o| o.value),
            on_fail_given: item.words.on_fail.is_some(),
            tolerate: item.words.tolerate.as_ref().map_or(Tolerance::NONE, |t| t.value),
            tolerance_given: item.words.tolerate.is_some(),
            warn: item.words.warn.as_ref().filter(|_| item.entry.names_rows).map(|w| w.value.0.parse().expect(READ)),
            nulls: item.words.nulls.as_ref().map(|n| n.value).unwrap_or_default(),
        }
    }

    fn bind_to(
        &self,
        item: &RuleItem,
        column: Option<&Spanned<String>>,
        prepare: &Prepare,
        requests: &mut Requests,
    ) -> Result<Bound, Faults> {
        let place = column.map_or(item.at, |c| c.at).in_file(&self.job.rules.path);
        let is_inferred = |name: &str| self.infers && !is_declared(self.job, name);
        let mut binder = Binder {
            prepare,
            column: None,
            place,
            sql: self.sql,
            requests,
            scope: Scope { over: item.words.over.unwrap_or_default(), ..Scope::default() },
            policy: self.policy(item),
            warn: item.words.warn.clone(),
            known: Vec::new(),
            budget: &self.job.budget,
            as_of: self.job.as_of,
            published: self.job.published.as_ref(),
            is_inferred: &is_inferred,
            shows: Vec::new(),
        };
        let mut faults = Faults::default();
        if let Some(name) = column {
            let found: Option<BoundColumn> = faults.take(binder.find(name));
            binder.column = found;
        }
        for name in item.words.by.iter().flat_map(|by| by.value.0.iter().map(|n| Spanned { at: by.at, value: n.clone() })) {
            match faults.take(binder.find(&name)) {
                Some(found) if prepare.path(found.index).is_some_and(PathColumn::is_elements) => {
                    faults.push(binder.fault_at(
                        &name,
                        Code::UnfitColumn,
                        format!("`{}` has several values a row, so it makes no groups", found.name),
                    ));
                }
                Some(found) => binder.scope.by.push(found.index),
                None => {}
            }
        }
        if let Some(text) = &item.words.r#where
            && let Some(condition) = faults.take(binder.condition(text))
        {
            binder.scope.condition = Some(binder.requests.condition(condition, text.at.in_file(&self.job.rules.path)));
        }
        faults.or_ok(())?;
        let (before, states, tests) = (binder.shows.len(), binder.requests.states.len(), binder.requests.tests.len());
        let check = item.rule.bind(&mut binder)?;
        // A state counts rows; a row test alone can say that a row fails if one of its elements does.
        let counted = binder.requests.states[states..].iter().flat_map(|s| &s.columns);
        let joined = binder.requests.tests[tests..].iter().filter(|t| t.columns.len() > 1).flat_map(|t| &t.columns);
        if let Some(path) = counted.chain(joined).find_map(|&c| prepare.path(c).filter(|p| p.is_elements())) {
            let what = format!("`{}` has several values a row, and `{}` needs one", path.path, item.entry.name);
            return Err(binder
                .fault(Code::UnfitColumn, what)
                .hint("rules that judge row by row can speak of elements: `range`, `values`, `pattern`, …")
                .into());
        }
        let named = binder.requests.states[states..].iter().flat_map(|s| s.named_by()).chain(&binder.scope.by);
        for column in named.map(|&c| binder.bound(c)).collect::<Vec<_>>() {
            if let Err(why) = can_be_named(&column.data_type) {
                return Err(binder.fault(Code::UnfitColumn, format!("the values of `{}` make no groups: {why}", column.name)).into());
            }
        }
        let mut about: Vec<usize> = binder.shows[before..].to_vec();
        about.dedup();
        let mut shows: Vec<usize> = Vec::new();
        for index in binder.shows.iter().copied() {
            if !shows.contains(&index) {
                shows.push(index);
            }
        }
        let (scope, policy) = (binder.scope.clone(), binder.policy.clone());
        let groups = (!scope.by.is_empty()).then(|| {
            // A group whose rows all fail is a group.
            let ungrouped = Scope { by: Vec::new(), over: Over::All, ..scope.clone() };
            binder.requests.want::<GroupCounts>((), &scope.by, &ungrouped)
        });
        Ok(Bound { check, scope, policy, about, shows, groups })
    }
}

/// Two findings of one name cannot be told apart.
fn ids_differ(job: &Job<'_>, plan: &Plan, faults: &mut Faults) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, check) in plan.checks.iter().enumerate() {
        if let Some(first) = seen.insert(&check.id, i) {
            let fault = Fault::new(Code::DuplicateId, format!("two findings are called `{}`", plan.checks[first].id));
            faults.push(fault.at(check.at.in_file(&job.rules.path)).hint("give one of the rules an `id`"));
        }
    }
}
