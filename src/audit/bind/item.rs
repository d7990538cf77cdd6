//! One item of the rule file: to which columns it binds, and what it asks for.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field};

use super::preparation::Known;
use super::{Plan, PlannedCheck, Terms, contract};
use crate::audit::select::select;
use crate::diagnostic::{Code, Fault, Faults, Misread, Sought};
use crate::findings::Message;
use crate::metric::completeness::Completeness;
use crate::metric::groups::{GroupCounts, can_be_named};
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::privacy::Privacy;
use crate::rules::schema::ChangeKind;
use crate::rules::words::{AgainstWord, ColumnSelection, OnFail, Over, Tolerance};
use crate::rules::{Asking, BesideRequest, Binder, EarlierLimit, Handle, Judge, Policy, Requests, Scope, StateRequest, Unfit};
use crate::ruleset::{RuleItem, never_warns};
use crate::sql::LazySql;
use crate::types::type_name;
use crate::yaml::{Position, Spanned};

/// Ends the ids of what is held against the baseline's anchor.
const ANCHOR_SUFFIX: &str = "-anchor";

const READ: &str = "`warn` beside a tolerance was read as one with the rule file";

/// A check that bound, with what it asked for.
struct BoundRule {
    check: Box<dyn Judge>,
    /// What nobody had asked for before.
    new: Requests,
    wants_states: bool,
    of_sound_rows: bool,
    scope: Scope,
    policy: Policy,
    /// Columns the rule itself names, beside `where` and `by`.
    about: Vec<usize>,
    shows: Vec<usize>,
    groups: Option<Handle<GroupCounts>>,
    rows_judged: Option<Handle<Completeness>>,
}

/// Binds items of the rule file, one after the other.
pub(super) struct Binding<'a, 'b> {
    pub(super) terms: &'a Terms<'b>,
    pub(super) sql: &'a LazySql,
    /// Of a batch that keeps to the contract.
    pub(super) contract: &'a Prepare,
    pub(super) known: &'a Known<'b>,
    pub(super) sought: &'a Sought,
    /// The columns that the contract masks.
    pub(super) masked: &'a Privacy,
}

impl Binding<'_, '_> {
    /// A required column is an implied rule: rows without a value are set aside.
    pub(super) fn required(&self, name: &str, at: Position, plan: &mut Plan) -> Result<(), Faults> {
        let item = contract::required(name, at);
        let column = Spanned { at, value: name.to_owned() };
        self.bind_check(&item, Some(&column), plan)
    }

    pub(super) fn bind_item(&self, item: &RuleItem, plan: &mut Plan) -> Result<(), Faults> {
        if item.is_about_rows() {
            return self.bind_check(item, None, plan);
        }
        let mut faults = Faults::default();
        for column in self.columns(item, &plan.prepare)? {
            if let Err(more) = self.bind_check(item, Some(&column), plan) {
                faults.extend(more);
            }
        }
        self.absent(item, plan);
        faults.or_ok(())
    }

    /// The column without any value for which alone the rule does not bind: what it is read as says nothing of it.
    fn without_values(&self, item: &RuleItem, column: Option<&Spanned<String>>, faults: &Faults) -> Option<String> {
        let is_about_types = faults.0.iter().all(|fault| fault.code == Code::UnfitColumn);
        let is_named = |name: &&String| column.is_some_and(|column| column.value == **name) || item.mentions(name);
        let is_open = |name: &&String| self.known.is_inferred(name);
        self.terms.without_values.iter().filter(|_| is_about_types).filter(is_open).find(is_named).cloned()
    }

    /// The columns that an item is about.
    fn columns(&self, item: &RuleItem, prepare: &Prepare) -> Result<Vec<Spanned<String>>, Faults> {
        if let Some(column) = &item.words.column {
            return Ok(vec![column.clone()]);
        }
        let Some(columns) = &item.words.columns else { return Ok(Vec::new()) };
        let is_empty = matches!(&columns.value, ColumnSelection::Named(names) if names.is_empty());
        let named = if is_empty { Err(Misread::new("`columns` names no column").hint("write `columns: [a, b]`")) } else { Ok(()) };
        let named = named
            .and_then(|()| select(&columns.value, prepare, self.contract, self.terms.rules.sections.schema.as_deref()))
            .map_err(|what| Fault::told(Code::UnknownColumn, what).at(columns.at.in_file(&self.terms.rules.path)))?;
        Ok(named.into_iter().map(|value| Spanned { at: columns.at, value }).collect())
    }

    /// Binds one item to one column, or to the rows as a whole, and takes over what it asks for. What compares with the
    /// baseline is bound once more, to compare with its anchor.
    pub(super) fn bind_check(&self, item: &RuleItem, column: Option<&Spanned<String>>, plan: &mut Plan) -> Result<(), Faults> {
        let baseline = self.terms.rules.sections.baseline.as_ref();
        let path = baseline.map(|baseline| baseline.path.value.as_str());
        let before = plan.requests.besides.len();
        self.bind_beside(item, column, plan, (path, ""))?;
        let compares = |beside: &BesideRequest| matches!(&beside.against, AgainstWord::Baseline { file } if file.as_deref() == path);
        match baseline.and_then(|baseline| baseline.anchor.as_ref()) {
            Some(anchor) if plan.requests.besides[before..].iter().any(compares) => {
                self.bind_beside(item, column, plan, (Some(&anchor.value), ANCHOR_SUFFIX))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same beside one baseline; `suffix` ends the ids of what compares with it.
    fn bind_beside(
        &self,
        item: &RuleItem,
        column: Option<&Spanned<String>>,
        plan: &mut Plan,
        (baseline, suffix): (Option<&str>, &str),
    ) -> Result<(), Faults> {
        let schema = plan.prepare.rule_schema.clone();
        let drifted = column.filter(|_| item.entry.minds_kind).and_then(|c| self.drifted(&c.value, &plan.prepare));
        let mut untyped = None;
        let bound = match drifted {
            Some(why) => Err(why.into()),
            None => self.bind_rule(item, column, (&plan.prepare, &plan.requests), baseline).map_err(|faults| {
                untyped = self.without_values(item, column, &faults);
                match &untyped {
                    Some(name) => format!("`{name}` has no value, so nothing says what its type is").into(),
                    None => faults.0.into_iter().map(|fault| fault.what).collect::<Message>(),
                }
            }),
        };
        if bound.is_err() && untyped.is_none() {
            // Against the contract it must bind; if not, the rule file is wrong, not the batch.
            self.bind_rule(item, column, (self.contract, &Requests::default()), baseline)?;
        }
        let is_row_test = bound.as_ref().is_ok_and(|b| !b.new.tests.is_empty());
        if item.words.nulls.is_some() && !item.entry.claims.contains(&"nulls") && bound.is_ok() && !is_row_test {
            let fault = Fault::new(Code::MisplacedWord, format!("`nulls` has no meaning for `{}`", item.entry.name));
            return Err(fault.at(item.at.in_file(&self.terms.rules.path)).hint("judge missing values with `missing`").into());
        }
        let about = bound.as_ref().map(|b| b.about.clone()).unwrap_or_default();
        let columns: Vec<String> = match column {
            Some(column) => vec![column.value.clone()],
            None => about.iter().map(|&i| schema.field(i).name().clone()).collect(),
        };
        if item.entry.names_key {
            plan.identity.extend(about);
        }
        let id = match (&item.words.id, column, &item.words.columns) {
            (Some(id), Some(column), Some(_)) => format!("{}-{}", id.value, column.value),
            (Some(id), _, _) => id.value.clone(),
            (None, _, _) => std::iter::once(item.entry.name).chain(columns.iter().map(String::as_str)).collect::<Vec<_>>().join("-"),
        } + suffix;
        let unbound = PlannedCheck {
            at: item.at,
            meaning: item.meaning,
            besides: 0..0,
            rule: item.entry.name,
            words: item.words.clone(),
            policy: self.policy(item),
            scope: Scope::default(),
            check: Err(Message::default()),
            test: None,
            tests_alone: false,
            of_sound_rows: false,
            known_reasons: Vec::new(),
            groups: None,
            rows_judged: None,
            shows: Vec::new(),
            columns,
            id,
            code: item.code.clone(),
        };
        plan.checks.push(match bound {
            Err(why) => PlannedCheck { check: Err(why), ..unbound },
            Ok(BoundRule { check, mut new, wants_states, of_sound_rows, scope, policy, shows, groups, rows_judged, .. }) => {
                new.tests.iter_mut().for_each(|test| test.id.clone_from(&unbound.id));
                let test = is_row_test.then_some(plan.requests.tests.len());
                let first = plan.requests.besides.len();
                plan.requests.absorb(new);
                let besides = first..plan.requests.besides.len();
                let tests_alone = !wants_states;
                PlannedCheck {
                    check: Ok(check),
                    besides,
                    tests_alone,
                    of_sound_rows,
                    test,
                    scope,
                    policy,
                    shows,
                    groups,
                    rows_judged,
                    ..unbound
                }
            }
        });
        Ok(())
    }

    /// Why a rule about the values of `column` cannot be judged: they are of another kind than the
    /// contract's. As text, 61 lies outside 0 to 120.
    fn drifted(&self, column: &str, batch: &Prepare) -> Option<String> {
        let found = batch.rule_schema.field(batch.index_of(column)?);
        let expected = self.contract.rule_schema.field(self.contract.index_of(column)?);
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

    pub(super) fn policy(&self, item: &RuleItem) -> Policy {
        Policy {
            on_fail: item.words.on_fail.as_ref().map_or(item.entry.on_fail, |o| o.value),
            on_fail_given: item.words.on_fail.is_some(),
            tolerate: item.words.tolerate.as_ref().map_or(Tolerance::NONE, |t| t.value),
            tolerance_given: item.words.tolerate.is_some(),
            warn: item.words.warn.as_ref().filter(|_| item.entry.warn == EarlierLimit::Rows).map(|w| w.value.0.parse().expect(READ)),
            nulls: item.words.nulls.as_ref().map(|n| n.value).unwrap_or_default(),
            min_rows: item.words.min_rows,
            require_evidence: item.words.require_evidence.as_ref().is_some_and(|r| r.value),
        }
    }

    /// Binds one item to the columns of `prepare`; what it asks for stands beside what was asked `before`.
    fn bind_rule(
        &self,
        item: &RuleItem,
        column: Option<&Spanned<String>>,
        (prepare, before): (&Prepare, &Requests),
        baseline: Option<&str>,
    ) -> Result<BoundRule, Faults> {
        let path = &self.terms.rules.path;
        let certainty = |field: &Field| self.known.certainty(field);
        let is_inferred = |name: &str| self.known.is_inferred(name);
        let is_masked = |name: &str| self.masked.mask_of(name).is_some();
        let mut binder = Binder {
            prepare,
            column: None,
            place: column.map_or(item.at, |c| c.at).in_file(path),
            sql: self.sql,
            requests: Asking::beside(before),
            scope: Scope { over: item.words.over.unwrap_or_default(), ..Scope::default() },
            policy: self.policy(item),
            warn: item.words.warn.clone(),
            as_of: self.terms.as_of,
            published: self.terms.published,
            baseline: baseline.map(str::to_owned),
            sources: &self.terms.rules.sections.sources.0,
            others: self.terms.others,
            is_table: &|name| self.terms.rules.siblings.has(name),
            is_masked: &is_masked,
            is_inferred: &is_inferred,
            certainty: &certainty,
            sought: self.sought,
            shows: Vec::new(),
        };
        let mut faults = Faults::default();
        binder.column = column.and_then(|name| faults.take(binder.find(name)));
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
            binder.scope.condition = Some(binder.requests.condition(condition, text.at.in_file(path)));
        }
        faults.or_ok(())?;
        let shown_before = binder.shows.len();
        let check = item.rule.bind(&mut binder).or_else(|faults| unfit(&binder, faults))?;
        let Policy { warn, tolerate, .. } = &binder.policy;
        if let Some(written) = item.words.warn.as_ref().filter(|_| warn.is_some_and(|warn| !warn.comes_before(tolerate))) {
            return Err(never_warns(tolerate).at(written.at.in_file(path)).into());
        }
        has_one_value_a_row(&binder, item.entry.name)?;
        has_names_for_groups(&binder)?;
        let (wants_states, of_sound_rows) = (binder.requests.wants_states(), is_of_sound_rows(&binder));
        let mut about: Vec<usize> = binder.shows[shown_before..].to_vec();
        about.dedup();
        let shows = different(&binder.shows);
        let (scope, policy) = (binder.scope.clone(), binder.policy.clone());
        let groups = (!scope.by.is_empty()).then(|| {
            // A group whose rows all fail is a group.
            let ungrouped = Scope { by: Vec::new(), over: Over::All, ..scope.clone() };
            binder.requests.want::<GroupCounts>((), &scope.by, &ungrouped)
        });
        let rows_judged = policy.min_rows.map(|_| {
            // A row test speaks of every row in scope, a measure of the sound ones.
            let over = if binder.requests.new_requests().tests.is_empty() { scope.over } else { Over::All };
            binder.requests.want::<Completeness>((), &[], &Scope { over, ..scope.clone() })
        });
        Ok(BoundRule {
            check,
            new: binder.requests.into_new(),
            wants_states,
            of_sound_rows,
            scope,
            policy,
            about,
            shows,
            groups,
            rows_judged,
        })
    }
}

/// A check that only says why it cannot judge, where a rule that only warns does not fit a type that nobody declared: the
/// values alone made it out, and may make out another one tomorrow. That is no reason to stop the batch.
fn unfit(binder: &Binder<'_>, faults: Faults) -> Result<Box<dyn Judge>, Faults> {
    let of_values = binder.column.as_ref().is_some_and(|column| binder.is_inferred(column));
    let only_warns = matches!(binder.policy.on_fail, OnFail::Warn | OnFail::Info);
    let why: Vec<&str> = faults.0.iter().filter(|f| f.code == Code::UnfitColumn).map(|f| f.what.as_str()).collect();
    if !of_values || !only_warns || why.len() < faults.0.len() {
        return Err(faults);
    }
    Ok(Box::new(Unfit(format!("{}; the `schema` section can say what it is", why.join("; ")))))
}

/// Whether the figures are taken over the sound rows alone: a rule that speaks of all rows may count these beside them.
fn is_of_sound_rows(binder: &Binder<'_>) -> bool {
    binder.requests.counts_sound_rows() && binder.scope.over == Over::Sound
}

/// A state counts rows; a row test alone can say that a row fails if one of its elements does.
fn has_one_value_a_row(binder: &Binder<'_>, rule: &str) -> Result<(), Fault> {
    let new = binder.requests.new_requests();
    let counted = new.states.iter().flat_map(|s| &s.columns);
    let joined = new.tests.iter().filter(|t| t.columns.len() > 1).flat_map(|t| &t.columns);
    match counted.chain(joined).find_map(|&c| binder.prepare.path(c).filter(|p| p.is_elements())) {
        None => Ok(()),
        Some(path) => {
            let fault = binder.fault(Code::UnfitColumn, format!("`{}` has several values a row, and `{rule}` needs one", path.path));
            Err(fault.hint("rules that judge row by row can speak of elements: `range`, `values`, `pattern`, …"))
        }
    }
}

/// Groups are named by their values.
fn has_names_for_groups(binder: &Binder<'_>) -> Result<(), Fault> {
    let named = binder.requests.new_requests().states.iter().flat_map(StateRequest::named_by);
    for column in named.chain(&binder.scope.by).map(|&c| binder.bound(c)) {
        if let Err(why) = can_be_named(&column.data_type) {
            return Err(binder.fault(Code::UnfitColumn, format!("the values of `{}` make no groups: {why}", column.name)));
        }
    }
    Ok(())
}

/// Each index once, where it first stands.
fn different(indices: &[usize]) -> Vec<usize> {
    let mut seen = HashSet::new();
    indices.iter().copied().filter(|index| seen.insert(*index)).collect()
}
