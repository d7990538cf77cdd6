//! What a rule may ask for while it binds: columns, row tests, states.

use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};

use super::RowTest;
use super::column::BoundColumn;
use super::published::{OtherColumns, OtherData, OtherQuery, PublishedTerms, TableRows};
use super::requests::{Asking, Beside, Handle, Policy, Scope, TestHandle, TestRequest};
use super::words::{self, AgainstWord, Elsewhere, Nulls, OnFail, Over, Texts, Tolerance};
use crate::diagnostic::{Code, Fault, Faults, Misread, Place, Sought};
use crate::metric::State;
use crate::metric::completeness::Completeness;
use crate::prepare::Prepare;
use crate::shown::counted;
use crate::sql::{Certainty, Expression, LazySql};
use crate::types::{is_text, other_delimiter, type_name};
use crate::yaml::Spanned;

/// What one finding of a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One column; a rule over several yields one finding each.
    Column,
    /// The rows as a whole.
    Table,
}

/// What a rule binds to: the schema of the rows it will see, and the requests being gathered.
pub struct Binder<'a> {
    pub(crate) prepare: &'a Prepare,
    pub(crate) column: Option<BoundColumn>,
    /// Where the rule stands in its file.
    pub(crate) place: Place,
    pub(crate) sql: &'a LazySql,
    pub(crate) requests: Asking<'a>,
    pub(crate) scope: Scope,
    pub(crate) policy: Policy,
    /// `warn`, for rules whose limit is their own.
    pub(crate) warn: Option<Spanned<super::words::Literal>>,
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) published: Option<&'a PublishedTerms>,
    /// The baseline file that the rule is judged by, if the rule file names one.
    pub(crate) baseline: Option<String>,
    /// The other data that the rule file names.
    pub(crate) sources: &'a [(String, Spanned<Texts>)],
    /// Whoever can reach other data, where someone can.
    pub(crate) others: Option<&'a dyn OtherData>,
    /// Whether a table of the name is judged with this one.
    pub(crate) is_table: &'a dyn Fn(&str) -> bool,
    /// Whether the values of a column are shown nowhere.
    pub(crate) is_masked: &'a dyn Fn(&str) -> bool,
    /// Whether a column's type is only what its text looks like.
    pub(crate) is_inferred: &'a dyn Fn(&str) -> bool,
    pub(crate) sought: &'a Sought,
    /// How much is known of a column's type.
    pub(crate) certainty: &'a dyn Fn(&Field) -> Certainty,
    /// Columns that the findings of this rule show.
    pub(crate) shows: Vec<usize>,
}

impl Binder<'_> {
    /// The column of a rule about columns.
    pub fn column(&self) -> BoundColumn {
        self.column.clone().expect("a rule whose subject is a column is bound column by column")
    }

    /// A fault at the rule's place.
    pub fn fault(&self, code: Code, what: impl Into<String>) -> Fault {
        Fault::new(code, what).at(self.place.clone())
    }

    /// A fault at `spanned`.
    pub fn fault_at<T>(&self, spanned: &Spanned<T>, code: Code, what: impl Into<Misread>) -> Fault {
        Fault::told(code, what).at(spanned.at.in_file(&self.place.file))
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// There is none; the hint names the nearest.
    pub fn find(&mut self, name: &Spanned<String>) -> Result<BoundColumn, Fault> {
        let column = self.look_up(name)?;
        // Of elements, samples show the list they stand in.
        self.shows.push(self.prepare.path(column.index).filter(|p| p.is_elements()).map_or(column.index, |p| p.root));
        Ok(column)
    }

    /// The column called `name`, which the rule is not about: samples do not show it.
    ///
    /// # Errors
    /// There is none; the hint names the nearest.
    pub fn look_up(&self, name: &Spanned<String>) -> Result<BoundColumn, Fault> {
        self.named(&name.value).ok_or_else(|| {
            let schema = &self.prepare.rule_schema;
            let known = schema.fields().iter().map(|f| f.name().as_str());
            let fault = self.fault_at(name, Code::UnknownColumn, format!("unknown column `{}`", name.value));
            match other_delimiter(schema) {
                Some(hint) => fault.hint(hint),
                None if name.value.contains(['*', '?']) => {
                    fault.hint(format!("patterns stand in `columns`: write `columns: \"{}\"`", name.value))
                }
                None => fault.hint_nearest_within(self.sought, &name.value, known),
            }
        })
    }

    /// The column of this name, if there is one.
    pub fn named(&self, name: &str) -> Option<BoundColumn> {
        self.prepare.index_of(name).map(|index| self.bound(index))
    }

    /// The column of this index.
    pub fn bound(&self, index: usize) -> BoundColumn {
        let field = self.prepare.rule_schema.field(index);
        BoundColumn { index, name: field.name().clone(), data_type: field.data_type().clone() }
    }

    /// Why `rule`, which judges text, cannot judge `column`; none if it can.
    pub fn not_text(&self, rule: &str, column: &BoundColumn) -> Option<Fault> {
        let what = || format!("`{rule}` needs text, but `{}` is {}", column.name, type_name(&column.data_type));
        (!is_text(&column.data_type)).then(|| self.fault(Code::UnfitColumn, what()).hint("declare it as `string` in the `schema` section"))
    }

    /// Whether the column's values are shown nowhere, since the contract masks it.
    pub fn is_masked(&self, column: &BoundColumn) -> bool {
        (self.is_masked)(&column.name)
    }

    /// Whether nobody says what the column's type is: it is what all its values look like.
    pub fn is_inferred(&self, column: &BoundColumn) -> bool {
        (self.is_inferred)(&column.name)
    }

    /// Whether the column holds the elements of a list, several a row.
    pub fn is_element(&self, column: usize) -> bool {
        self.prepare.path(column).is_some_and(|path| path.is_elements())
    }

    /// Every column's index, nested fields aside.
    pub fn all_columns(&self) -> Vec<usize> {
        (0..self.prepare.schema.fields().len()).collect()
    }

    /// The columns that rows have, nested fields aside.
    pub fn schema(&self) -> &Schema {
        &self.prepare.schema
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// The SQL does not fit the schema.
    pub fn condition(&mut self, text: &Spanned<String>) -> Result<Expression, Fault> {
        let condition =
            self.sql.get().condition(&text.value, &self.prepare.schema).map_err(|why| self.fault_at(text, Code::InvalidSql, why))?;
        let certainty = |column: usize| (self.certainty)(self.prepare.schema.field(column));
        let condition = self.sql.accept(condition, |why| self.fault_at(text, Code::InvalidSql, why), certainty)?;
        self.shows.extend(&condition.columns);
        Ok(condition)
    }

    /// Asks for a row test over `columns`, in the rule's scope.
    pub fn row_test(&mut self, test: impl RowTest + 'static, columns: &[usize]) -> TestHandle {
        self.requests.test(TestRequest {
            id: String::new(),
            test: Box::new(test),
            columns: columns.to_vec(),
            scope: self.scope.clone(),
            policy: self.policy.clone(),
            known: Vec::new(),
        })
    }

    /// Asks for a state over `columns`, in the rule's scope, by group where the rule has `by`.
    pub fn want<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        self.requests.want::<S>(spec, columns, &self.scope)
    }

    /// Asks for a state over `columns`, in the rule's scope but for `over`.
    pub fn want_over<S: State>(&mut self, over: Over, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        let scope = Scope { over, ..self.scope.clone() };
        self.requests.want::<S>(spec, columns, &scope)
    }

    /// Asks for a state over `columns` of all sound rows, whatever the rule's scope.
    pub fn want_of_sound_rows<S: State>(&mut self, spec: S::Spec, columns: &[usize]) -> Handle<S> {
        self.requests.want::<S>(spec, columns, &Scope { over: Over::Sound, ..Scope::default() })
    }

    /// From here on asks over all rows in scope, whatever other rules set aside: how rows follow each other is judged as
    /// they came. A row that is set aside neither joins its neighbours nor vanishes between them.
    pub fn judge_all_rows(&mut self) {
        self.scope.over = Over::All;
    }

    /// Asks for the number of rows in scope, whether sound or not: what shares are taken of.
    pub fn rows_in_scope(&mut self) -> Handle<Completeness> {
        let scope = Scope { over: Over::All, ..self.scope.clone() };
        self.requests.want::<Completeness>((), &[], &scope)
    }

    /// The table that batches are published to, if there is one.
    pub fn published(&self) -> Option<&PublishedTerms> {
        self.published
    }

    /// Whether the rule file gives a tolerance.
    pub fn tolerates(&self) -> bool {
        self.policy.tolerance_given
    }

    /// The other data that the rule file names.
    pub fn sources(&self) -> &[(String, Spanned<Texts>)] {
        self.sources
    }

    /// The columns of other data; none where these cannot be reached from here.
    pub fn open(&self, paths: &[String]) -> Option<Result<OtherColumns, Faults>> {
        self.others?.columns(paths)
    }

    /// Where `spanned` stands.
    pub fn place_of<T>(&self, spanned: &Spanned<T>) -> Place {
        spanned.at.in_file(&self.place.file)
    }

    /// Lets samples show a column.
    pub fn show(&mut self, column: usize) {
        self.shows.push(column);
    }

    /// The columns of which no value has been seen: that they are text is no more than a guess.
    pub fn unseen_columns(&self) -> Vec<String> {
        let fields = self.prepare.schema.fields().iter();
        fields.filter(|field| (self.certainty)(field) == Certainty::Unseen).map(|field| field.name().clone()).collect()
    }

    /// Whether the type of a column follows from values that were not all read yet.
    pub fn infers_types(&self) -> bool {
        self.prepare.schema.fields().iter().any(|field| (self.certainty)(field) != Certainty::Settled)
    }

    /// What `now()` is.
    pub fn now(&self) -> DateTime<Utc> {
        self.sql.now()
    }

    /// Whether the rule is judged by group.
    pub fn has_groups(&self) -> bool {
        !self.scope.by.is_empty()
    }

    /// A failure is a warning unless the rule file says more: what is found is a suspicion.
    pub fn warn_unless_given(&mut self) {
        if !self.policy.on_fail_given {
            self.policy.on_fail = OnFail::Warn;
        }
    }

    /// Whether rows without a value fail.
    pub fn nulls_fail(&self) -> bool {
        self.policy.nulls == Nulls::Fail
    }

    /// The run's clock, or the time it is told to judge as of.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.as_of
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
    pub fn own_warn<T: std::str::FromStr<Err = Misread>>(&self) -> Result<Option<T>, Fault> {
        let Some(warn) = &self.warn else { return Ok(None) };
        warn.value.0.parse().map(Some).map_err(|why| self.fault_at(warn, Code::InvalidValue, why))
    }

    /// Asks of other data what [`Binder::want`] asks of the batch, in the same scope.
    ///
    /// # Errors
    /// The rule file names no baseline, or what is named cannot answer such a question.
    pub fn beside<S: State>(&mut self, against: &AgainstWord, spec: S::Spec, columns: &[usize]) -> Result<Beside<S>, Fault> {
        let against = match against {
            AgainstWord::Baseline { file: None } => match &self.baseline {
                Some(file) => AgainstWord::Baseline { file: Some(file.clone()) },
                None => {
                    let fault = self.fault(Code::MissingOption, "there is nothing to compare with: the rule file names no baseline");
                    return Err(fault.hint("write `baseline: { path: baselines/NAME.json }`, or say `against: …` in the rule"));
                }
            },
            AgainstWord::Paths(paths) => AgainstWord::Paths(self.located(paths).to_vec()),
            AgainstWord::Baseline { file: Some(_) } | AgainstWord::Published { .. } | AgainstWord::Runs { .. } => against.clone(),
        };
        if !S::SUMMARISED && !matches!(against, AgainstWord::Paths(_)) {
            let what = format!("this cannot be compared with {against}: no summary holds what it needs");
            return Err(self.fault(Code::Unsupported, what).hint("name a file: `against: PATH`"));
        }
        let scope = self.scope.clone();
        Ok(self.requests.want_beside::<S>(against, spec, columns, &scope))
    }

    /// Where other data lie: a name that `sources` gives stands for the paths there.
    pub fn located<'p>(&'p self, named: &'p [String]) -> &'p [String] {
        words::located(self.sources, named)
    }

    /// The keys of other data that `named` means beside the key that `columns` make.
    ///
    /// # Errors
    /// The rule file declares no such source, or as many columns are not named there.
    pub fn elsewhere(&self, named: &Spanned<Elsewhere>, columns: &[BoundColumn]) -> Result<OtherQuery, Fault> {
        let Elsewhere { source, columns: theirs, is_declared } = &named.value;
        let declared = words::declared(self.sources, source);
        let table = match source.as_slice() {
            [name] if (self.is_table)(name) => Some(TableRows::Passing),
            _ => None,
        };
        let paths = match declared {
            Some((_, paths)) => paths.value.0.clone(),
            None if table.is_some() => Vec::new(),
            None if *is_declared => {
                let fault = self.fault_at(named, Code::MissingOption, format!("no source is called `{}`", source.join(", ")));
                let hint = "name it: `sources: { NAME: PATH }`, or write `{ source: PATH, column: NAME }`";
                return Err(if self.sources.is_empty() {
                    fault.hint(hint)
                } else {
                    fault.hint_nearest_within(self.sought, &source.join(", "), self.sources.iter().map(|(name, _)| name.as_str()))
                });
            }
            None => source.clone(),
        };
        if !theirs.is_empty() && theirs.len() != columns.len() {
            let what = format!("the key has {}, and {} named there", counted(columns.len() as u64, "column"), theirs.len());
            return Err(self.fault_at(named, Code::InvalidValue, what).hint("name as many columns, in the order of the key"));
        }
        if let Some(column) = columns.iter().find(|column| self.is_element(column.index)) {
            let what = format!("`{}` has several values a row, so it makes no key", column.name);
            return Err(self.fault(Code::UnfitColumn, what));
        }
        let name = declared.map_or_else(|| source.join(", "), |(name, _)| name.clone());
        let theirs = columns.iter().enumerate().map(|(i, ours)| (ours.clone(), theirs.get(i).unwrap_or(&ours.name).clone()));
        Ok(OtherQuery { name, paths, key: theirs.collect(), at: named.at.in_file(&self.place.file), table })
    }

    /// What `against: baseline` is when a rule says nothing of it.
    pub fn default_against(&self) -> AgainstWord {
        AgainstWord::Baseline { file: None }
    }
}
