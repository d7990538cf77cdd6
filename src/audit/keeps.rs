//! What is to be kept of a batch, and the questions that follow from it.

use serde_json::Value as Json;

use crate::metric::cells::{Cells, Shapes};
use crate::metric::completeness::Completeness;
use crate::metric::distinct::Distinct;
use crate::metric::extrema::{Extrema, TextExtrema};
use crate::metric::moments::Moments;
use crate::metric::{Transform, is_numeric, is_ordered};
use crate::prepare::Prepare;
use crate::rules::{Asking, Question, Requests, Scope};
use crate::types::is_text;

/// What shall be kept of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
pub enum Keeps {
    /// Nothing: nobody will ask.
    #[default]
    Nothing,
    /// What rules and profile ask for anyway.
    Asked,
    /// All that a summary can hold of every column.
    Everything,
}

/// What states counted, as summaries keep it; by question.
pub(super) struct KeptAnswer {
    pub(super) question: Question,
    pub(super) value: Json,
}

/// Asks for all that a summary can hold of every column.
pub(super) fn everything(prepare: &Prepare, requests: &Requests) -> Requests {
    let (schema, scope) = (&prepare.rule_schema, Scope::default());
    let mut asking = Asking::beside(requests);
    asking.want::<Completeness>((), &[], &scope);
    for (index, field) in schema.fields().iter().enumerate() {
        let data_type = field.data_type();
        if prepare.path(index).is_some_and(|path| path.is_elements()) {
            continue;
        }
        asking.want::<Completeness>((), &[index], &scope);
        if data_type.is_nested() {
            continue;
        }
        asking.want::<Distinct>((), &[index], &scope);
        if is_ordered(data_type) {
            asking.want::<Extrema>((), &[index], &scope);
        }
        if is_numeric(data_type) {
            asking.want::<Moments>(Transform::IDENTITY, &[index], &scope);
        }
        if data_type.is_binary() {
            continue;
        }
        asking.want::<Cells>((), &[index], &scope);
        if is_text(data_type) {
            asking.want::<Shapes>((), &[index], &scope);
            asking.want::<TextExtrema>((), &[index], &scope);
        }
    }
    asking.into_new()
}
