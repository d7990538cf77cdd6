//! Requests as questions: said without any index of this process, so that they can be saved, sent, and asked again elsewhere.

use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::requests::{Requests, Scope, StateRequest, TestRequest};
use super::words::{Nulls, Over};
use crate::diagnostic::{Code, Fault};
use crate::metric::any::AnySpec;
use crate::prepare::Prepare;

/// What a state answers, said by itself: no index of this process stands in it, so it can be saved and sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The name and version of the state, as docs/states.md lists them.
    pub state: String,
    pub version: u32,
    pub spec: Json,
    /// Paths of the columns it reads; those of `by` come first.
    pub columns: Vec<String>,
    /// The SQL text of its `where`.
    pub condition: Option<String>,
    pub by: Vec<String>,
    pub over: Over,
}

/// What a row test answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestQuestion {
    /// The finding that it is for.
    pub id: String,
    pub columns: Vec<String>,
    pub condition: Option<String>,
    pub by: Vec<String>,
    /// The SQL texts of its known issues.
    pub known: Vec<String>,
    pub nulls: Nulls,
}

impl Requests {
    /// What the states from `first` on answer, of the columns that rules see.
    ///
    /// # Errors
    /// A spec cannot be written, which is a mistake of its state.
    pub fn questions(&self, first: usize, rule_schema: &Schema) -> Result<Vec<Question>, Fault> {
        self.questions_of(&self.states[first..], rule_schema)
    }

    /// What these requests ask, of columns of the schema `rule_schema`; their conditions are among these.
    ///
    /// # Errors
    /// See [`Requests::questions`].
    pub fn questions_of<'a>(
        &self,
        requests: impl IntoIterator<Item = &'a StateRequest>,
        rule_schema: &Schema,
    ) -> Result<Vec<Question>, Fault> {
        let question = |request: &StateRequest| {
            Ok(Question {
                state: request.spec.kind().name.to_owned(),
                version: request.spec.kind().version,
                spec: request.spec.json()?,
                columns: names(&request.columns, rule_schema),
                condition: request.scope.condition.map(|c| self.conditions[c].expression.text.clone()),
                by: names(&request.scope.by, rule_schema),
                over: request.scope.over,
            })
        };
        requests.into_iter().map(question).collect()
    }

    /// What the row tests answer.
    pub fn test_questions(&self, rule_schema: &Schema) -> Vec<TestQuestion> {
        let text = |&c: &usize| self.conditions[c].expression.text.clone();
        let question = |request: &TestRequest| TestQuestion {
            id: request.id.clone(),
            columns: names(&request.columns, rule_schema),
            condition: request.scope.condition.as_ref().map(text),
            by: names(&request.scope.by, rule_schema),
            known: request.known.iter().map(text).collect(),
            nulls: request.policy.nulls,
        };
        self.tests.iter().map(question).collect()
    }

    /// Asks for what `question` says, of columns of the schema `rule_schema`. It is not held against what was asked before: a
    /// list of questions is answered by as many states, in its order.
    ///
    /// # Errors
    /// The state, a column or the condition is not known here: the question is of another plan, or another version.
    pub fn ask(&mut self, question: &Question, prepare: &Prepare) -> Result<(), Fault> {
        let foreign = |what: String| Fault::new(Code::ForeignFold, format!("a question of another plan: {what}"));
        let index = |name: &String| prepare.index_of(name).ok_or_else(|| foreign(format!("there is no column `{name}`")));
        let indices = |names: &[String]| names.iter().map(index).collect::<Result<Vec<_>, _>>();
        let condition = |text: &String| self.place_of_condition(text).ok_or_else(|| foreign(format!("no rule says `where: {text}`")));
        let (columns, by) = (indices(&question.columns)?, indices(&question.by)?);
        let condition = question.condition.as_ref().map(condition).transpose()?;
        let spec = AnySpec::read(&question.state, question.version, !by.is_empty(), &question.spec)?;
        self.push(StateRequest { spec, columns, scope: Scope { condition, by, over: question.over } });
        Ok(())
    }
}

/// Paths of columns by their indices.
fn names(columns: &[usize], rule_schema: &Schema) -> Vec<String> {
    columns.iter().map(|&c| rule_schema.field(c).name().clone()).collect()
}
