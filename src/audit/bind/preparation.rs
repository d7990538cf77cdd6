//! Steps of `clean` and `transform`, and which types of columns are only guesses.

use std::collections::HashSet;

use arrow::datatypes::{Field, FieldRef, SchemaRef};

use super::Terms;
use crate::diagnostic::{Code, Fault, Faults};
use crate::prepare::Prepare;
use crate::sql::{Certainty, Expression, LazySql};
use crate::types::is_text;
use crate::yaml::Position;

/// Compiles `clean` and `transform` against a source's schema.
pub(super) fn binding(terms: &Terms<'_>, known: &Known<'_>, schema: &SchemaRef, sql: &LazySql) -> (Prepare, Faults) {
    let mut prepare = Prepare::new(schema);
    let mut faults = Faults::default();
    let place = |at: Position| at.in_file(&terms.rules.path);
    let accept = |expression: Expression, fields: &[FieldRef], at: Position| {
        sql.accept(expression, |why| Fault::new(Code::InvalidSql, why).at(place(at)), |c| known.certainty(&fields[c]))
    };
    for step in &terms.rules.sections.clean {
        let (drops, text) = match (&step.drop_where, &step.keep_where) {
            (Some(text), _) => (true, text),
            (None, Some(text)) => (false, text),
            (None, None) => continue,
        };
        match sql.get().condition(&text.value, schema) {
            Ok(condition) => match accept(condition, schema.fields(), text.at) {
                Ok(condition) => prepare.clean(drops, condition),
                Err(fault) => faults.push(fault),
            },
            Err(why) => faults.push(Fault::told(Code::InvalidSql, why).at(place(text.at))),
        }
    }
    prepare.transform(&terms.rules.sections.transform.0, |name, text, columns| match sql.get().compile(&text.value, columns) {
        Ok(expression) => faults.take(accept(expression, columns.fields(), text.at)),
        Err(why) => {
            faults.push(Fault::told(Code::InvalidSql, why.about(&format!("transform `{name}`"))).at(place(text.at)));
            None
        }
    });
    (prepare, faults)
}

/// What is known of the types of columns.
pub(super) struct Known<'a> {
    infers: bool,
    /// The columns of which the contract gives the type.
    declared: HashSet<&'a str>,
    without_values: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    pub(super) fn of(terms: &Terms<'a>) -> Self {
        let columns = terms.rules.sections.schema.iter().flat_map(|section| &section.columns.0);
        Self {
            infers: terms.infers,
            declared: columns.filter(|(_, column)| column.r#type.is_some()).map(|(name, _)| name.as_str()).collect(),
            without_values: terms.without_values.iter().map(String::as_str).collect(),
        }
    }

    /// Whether a column's type is only what its values look like.
    pub(super) fn is_inferred(&self, name: &str) -> bool {
        self.infers && !self.declared.contains(name)
    }

    /// Whether a later value may change the type of a column: it is what the values so far look like.
    pub(super) fn certainty(&self, field: &Field) -> Certainty {
        match (self.is_inferred(field.name()), is_text(field.data_type())) {
            (true, false) => Certainty::Guess,
            (true, true) if self.without_values.contains(field.name().as_str()) => Certainty::Unseen,
            (true, true) | (false, _) => Certainty::Settled,
        }
    }
}
