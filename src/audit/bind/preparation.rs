//! Steps of `clean` and `transform`, and which types of columns are only guesses.

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::Terms;
use crate::diagnostic::{Code, Fault, Faults};
use crate::prepare::Prepare;
use crate::sql::{Certainty, Expression, LazySql};
use crate::types::is_text;
use crate::yaml::Position;

/// Compiles `clean` and `transform` against a source's schema.
pub(super) fn binding(terms: &Terms<'_>, schema: &SchemaRef, sql: &LazySql) -> (Prepare, Faults) {
    let mut prepare = Prepare::new(schema);
    let mut faults = Faults::default();
    let place = |at: Position| at.in_file(&terms.rules.path);
    let accept = |expression: Expression, schema: &Schema, at: Position| {
        sql.accept(expression, |why| Fault::new(Code::InvalidSql, why).at(place(at)), |c| certainty(terms, schema.field(c)))
    };
    for step in &terms.rules.sections.clean {
        let (drops, text) = match (&step.drop_where, &step.keep_where) {
            (Some(text), _) => (true, text),
            (None, Some(text)) => (false, text),
            (None, None) => continue,
        };
        match sql.get().condition(&text.value, schema) {
            Ok(condition) => match accept(condition, schema, text.at) {
                Ok(condition) => prepare.clean(drops, condition),
                Err(fault) => faults.push(fault),
            },
            Err(why) => faults.push(Fault::told(Code::InvalidSql, why).at(place(text.at))),
        }
    }
    for (name, text) in &terms.rules.sections.transform.0 {
        match sql.get().compile(&text.value, &prepare.schema) {
            Ok(expression) => match accept(expression, &prepare.schema, text.at) {
                Ok(expression) => prepare.transform(name, expression),
                Err(fault) => faults.push(fault),
            },
            Err(why) => faults.push(Fault::told(Code::InvalidSql, why.about(&format!("transform `{name}`"))).at(place(text.at))),
        }
    }
    (prepare, faults)
}

/// Whether the contract gives the type of a column.
pub(super) fn is_declared(terms: &Terms<'_>, name: &str) -> bool {
    terms.rules.sections.schema.iter().flat_map(|s| &s.columns.0).any(|(n, c)| n == name && c.r#type.is_some())
}

/// Whether a later value may change the type of a column: it is what the values so far look like.
pub(super) fn certainty(terms: &Terms<'_>, field: &Field) -> Certainty {
    match (terms.infers && !is_declared(terms, field.name()), is_text(field.data_type())) {
        (true, false) => Certainty::Guess,
        (true, true) if terms.without_values.contains(field.name()) => Certainty::Unseen,
        (true, true) | (false, _) => Certainty::Settled,
    }
}
