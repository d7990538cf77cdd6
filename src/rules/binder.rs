//! What a rule may ask for while it binds: columns, row tests, states.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::facts::{Handle, TestHandle};
use super::words::{Nulls, OnFail, Over, Tolerance};
use super::{RowTest, facts};
use crate::diagnostic::{Fault, Place};
use crate::metric::completeness::Completeness;
use crate::metric::grouped::{Grouped, GroupedSpec};
use crate::metric::{Budget, State};
use crate::sql::{Expression, LazySql};
use crate::yaml::Spanned;

/// What one finding of a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One column; a rule over several yields one finding each.
    Column,
    /// The rows as a whole.
    Table,
}

/// Which rows a request sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Index of the `where` condition.
    pub condition: Option<usize>,
    /// Columns to group by.
    pub by: Vec<usize>,
    pub over: Over,
}

/// What decides on failing rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub on_fail: OnFail,
    pub tolerate: Tolerance,
    /// Whether the rule file gave a tolerance.
    pub tolerance_given: bool,
    pub warn: Option<Tolerance>,
    pub nulls: Nulls,
}

impl Policy {
    /// Whether failing rows go at once, so that measures never see them.
    pub fn sets_aside_at_once(&self) -> bool {
        self.on_fail == OnFail::Quarantine && self.tolerate.is_none()
    }
}

/// A row test to run.
pub struct TestRequest {
    pub test: Box<dyn RowTest>,
    pub columns: Vec<usize>,
    pub scope: Scope,
    pub policy: Policy,
    /// Conditions of known issues of the rule.
    pub known: Vec<usize>,
}

/// A state to count.
pub struct StateRequest {
    spec: Box<dyn Any + Send + Sync>,
    pub columns: Vec<usize>,
    pub scope: Scope,
    state: TypeId,
    make: fn(&(dyn Any + Send + Sync), &[DataType]) -> Box<dyn AnyState>,
}

impl StateRequest {
    /// The state before it has seen any row.
    pub fn empty(&self, schema: &Schema) -> Box<dyn AnyState> {
        let types: Vec<DataType> = self.columns.iter().map(|&c| schema.field(c).data_type().clone()).collect();
        (self.make)(self.spec.as_ref(), &types)
    }

    fn is<S: State>(&self, spec: &S::Spec, columns: &[usize], scope: &Scope) -> bool {
        self.state == TypeId::of::<S>()
            && self.columns == columns
            && self.scope == *scope
            && self.spec.downcast_ref::<S::Spec>() == Some(spec)
    }

    pub(super) fn spec_mut<S: State>(&mut self, columns: &[usize], scope: &Scope) -> Option<&mut S::Spec> {
        let same = self.state == TypeId::of::<S>() && self.columns == columns && self.scope == *scope;
        if same { self.spec.downcast_mut() } else { None }
    }
}

fn make<S: State>(spec: &(dyn Any + Send + Sync), types: &[DataType]) -> Box<dyn AnyState> {
    let spec: &S::Spec = spec.downcast_ref().expect("a request's spec is of its state's type, by construction");
    Box::new(S::empty(spec, types))
}

/// A state of any kind.
pub trait AnyState: Send {
    fn update(&mut self, rows: &crate::metric::Rows<'_>, columns: &[&crate::metric::Column]);
    fn merge(&mut self, later: Box<dyn AnyState>);
    /// # Errors
    /// See [`State::finish`].
    fn finish(self: Box<Self>) -> Result<Arc<dyn Any + Send + Sync>, std::io::Error>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<S: State> AnyState for S {
    fn update(&mut self, rows: &crate::metric::Rows<'_>, columns: &[&crate::metric::Column]) {
        State::update(self, rows, columns);
    }

    fn merge(&mut self, later: Box<dyn AnyState>) {
        let later = later.into_any().downcast::<S>().expect("units fold the same requests in the same order");
        State::merge(self, *later);
    }

    fn finish(self: Box<Self>) -> Result<Arc<dyn Any + Send + Sync>, std::io::Error> {
        State::finish(*self).map(|out| Arc::new(out) as Arc<dyn Any + Send + Sync>)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Everything the rules asked for; equal requests are one.
#[derive(Default)]
pub struct Requests {
    pub tests: Vec<TestRequest>,
    pub states: Vec<StateRequest>,
    /// `where` and known-issue conditions.
    pub conditions: Vec<Expression>,
}

impl Requests {
    /// Asks for a state over `columns` in `scope`, by group where the scope groups.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize], scope: &Scope) -> Handle<S> {
        let grouped = !scope.by.is_empty();
        let index = if grouped {
            let mut all = scope.by.clone();
            all.extend(columns);
            let spec = GroupedSpec { keys: scope.by.len(), every: Some(spec), each: Default::default() };
            self.push::<Grouped<S>>(spec, all, scope)
        } else {
            self.push::<S>(spec, columns.to_vec(), scope)
        };
        Handle { index, grouped, state: PhantomData }
    }

    pub(super) fn push<S: State>(&mut self, spec: S::Spec, columns: Vec<usize>, scope: &Scope) -> usize {
        if let Some(index) = self.states.iter().position(|r| r.is::<S>(&spec, &columns, scope)) {
            return index;
        }
        self.states.push(StateRequest { spec: Box::new(spec), columns, scope: scope.clone(), state: TypeId::of::<S>(), make: make::<S> });
        self.states.len() - 1
    }

    /// Every column that some request or condition reads.
    pub fn columns(&self) -> Vec<usize> {
        let tests = self.tests.iter().flat_map(|t| t.columns.iter().chain(&t.scope.by));
        let states = self.states.iter().flat_map(|s| s.columns.iter().chain(&s.scope.by));
        tests.chain(states).chain(self.conditions.iter().flat_map(|c| &c.columns)).copied().collect()
    }

    /// The index of `condition`, kept once.
    pub fn condition(&mut self, condition: Expression) -> usize {
        if let Some(index) = self.conditions.iter().position(|c| c.text == condition.text) {
            return index;
        }
        self.conditions.push(condition);
        self.conditions.len() - 1
    }
}

/// A column a rule is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundColumn {
    pub index: usize,
    pub name: String,
    pub data_type: DataType,
}

/// What a rule binds to: the schema of the rows it will see, and the requests being gathered.
pub struct Binder<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) column: Option<BoundColumn>,
    /// Where the rule stands in its file.
    pub(crate) place: Place,
    pub(crate) sql: &'a LazySql,
    pub(crate) requests: &'a mut Requests,
    pub(crate) scope: Scope,
    pub(crate) policy: Policy,
    /// `warn`, for rules whose limit is their own.
    pub(crate) warn: Option<Spanned<super::words::Literal>>,
    pub(crate) known: Vec<usize>,
    pub(crate) budget: &'a Arc<Budget>,
    /// Columns that the findings of this rule show.
    pub(crate) shows: Vec<usize>,
}

impl Binder<'_> {
    /// The column of a rule about columns.
    pub fn column(&self) -> BoundColumn {
        self.column.clone().expect("a rule whose subject is a column is bound column by column")
    }

    /// A fault at the rule's place.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::new(what).at(self.place.clone())
    }

    /// A fault at `spanned`.
    pub fn fault_at<T>(&self, spanned: &Spanned<T>, what: impl Into<String>) -> Fault {
        Fault::told(&what.into()).at(spanned.at.in_file(&self.place.file))
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// There is none; the hint names the nearest.
    pub fn find(&mut self, name: &Spanned<String>) -> Result<BoundColumn, Fault> {
        match self.schema.column_with_name(&name.value) {
            Some((index, field)) => {
                self.shows.push(index);
                Ok(BoundColumn { index, name: field.name().clone(), data_type: field.data_type().clone() })
            }
            None => {
                let known = self.schema.fields().iter().map(|f| f.name().as_str());
                Err(self.fault_at(name, format!("unknown column `{}`", name.value)).hint_nearest(&name.value, known))
            }
        }
    }

    /// Every column's index.
    pub fn all_columns(&self) -> Vec<usize> {
        (0..self.schema.fields().len()).collect()
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// The SQL does not fit the schema.
    pub fn condition(&mut self, text: &Spanned<String>) -> Result<Expression, Fault> {
        let condition = self.sql.get().condition(&text.value, self.schema).map_err(|why| self.fault_at(text, why))?;
        self.shows.extend(&condition.columns);
        Ok(condition)
    }

    /// Asks for a row test over `columns`, in the rule's scope.
    pub fn row_test(&mut self, test: impl RowTest + 'static, columns: &[usize]) -> facts::TestHandle {
        self.requests.tests.push(TestRequest {
            test: Box::new(test),
            columns: columns.to_vec(),
            scope: self.scope.clone(),
            policy: self.policy.clone(),
            known: self.known.clone(),
        });
        TestHandle(self.requests.tests.len() - 1)
    }

    /// Asks for a state over `columns`, in the rule's scope, by group where the rule has `by`.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        self.requests.want::<S>(spec, columns, &self.scope)
    }

    /// Asks for the number of rows in scope, whether sound or not: what shares are taken of.
    pub fn rows_in_scope(&mut self, column: usize) -> Handle<Completeness> {
        let scope = Scope { over: Over::All, ..self.scope.clone() };
        self.requests.want::<Completeness>((), &[column], &scope)
    }

    /// Where memory is accounted.
    pub fn budget(&self) -> Arc<Budget> {
        self.budget.clone()
    }

    /// Lets failing rows stay unless the rule file gives a tolerance: the rule has a limit of its own.
    pub fn tolerate_all_unless_given(&mut self) {
        if !self.policy.tolerance_given {
            self.policy.tolerate = Tolerance::default();
        }
    }

    /// `warn` as the rule's own kind of limit.
    ///
    /// # Errors
    /// It does not read as one.
    pub fn own_warn<T: std::str::FromStr<Err = String>>(&self) -> Result<Option<T>, Fault> {
        let Some(warn) = &self.warn else { return Ok(None) };
        warn.value.0.parse().map(Some).map_err(|why: String| self.fault_at(warn, why))
    }
}
