//! What the destination's table promises of its rows, as rules: a row that breaks a promise is set aside.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};

use super::{Binding, Plan};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::builtin::{CONSTRAINT, HELD, NOT_NULL, REQUIRED, owner_of};
use crate::rules::held::{Held, is_lossy};
use crate::rules::schema::delta_types::{in_delta, is_held_by};
use crate::rules::schema::table::{TableConstraint, TableTerms};
use crate::rules::words::Nulls;
use crate::ruleset::{RuleItem, Words};
use crate::types::places;
use crate::yaml::{Entry, Node, Position, Spanned, Value};

impl Binding<'_, '_> {
    /// Binds what a Delta table asks of its rows. It comes behind known issues: a promise has none.
    pub(super) fn promised(&self, table: Option<&TableTerms>, plan: &mut Plan) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for (name, data_type) in lossy(table, plan) {
            let rule = Box::new(Held { data_type: Some(data_type) });
            let words = Arc::new(Words { id: Some(here(HELD.id_of(&name))), ..Words::default() });
            let item = RuleItem {
                code: HELD.code.clone(),
                entry: &crate::rules::HELD,
                rule,
                words,
                at: Position::default(),
                about_rows: false,
                config: Node::default(),
                meaning: 0,
            };
            faults.take_all(self.bind_check(&item, Some(&here(name)), plan));
        }
        let Some(table) = table else { return faults.or_ok(()) };
        let required = plan.checks.iter().filter(|check| check.known_reasons.is_empty()).map(|check| check.id.clone());
        let required: HashSet<String> = required.collect();
        for name in &table.not_null {
            let is_required = required.contains(&REQUIRED.id_of(name));
            // Where the column is gone, the finding about the schema says so.
            if !is_required && plan.prepare.index_of(name).is_some() {
                let mut item = super::contract::required(name, Position::default());
                item.code = NOT_NULL.code.clone();
                let words = Arc::make_mut(&mut item.words);
                words.id = Some(here(NOT_NULL.id_of(name)));
                words.description = Some(format!("`{name}` is NOT NULL in the table {}", table.place));
                faults.take_all(self.bind_check(&item, Some(&here(name.clone())), plan));
            }
        }
        for constraint in &table.constraints {
            if let Err(more) = self.constraint(constraint, table, plan) {
                for why in more {
                    let fault =
                        Fault::new(Code::TableRefused, format!("{}: {} cannot be evaluated: {}", table.place, constraint.what, why.what));
                    faults.push(fault.hint("nothing was changed; publish to another table"));
                }
            }
        }
        faults.or_ok(())
    }

    /// A row meets a constraint only where it is true: not where it is null.
    fn constraint(&self, constraint: &TableConstraint, table: &TableTerms, plan: &mut Plan) -> Result<(), Faults> {
        let at = Position::default();
        let sql = Node { at, value: Value::Scalar { text: constraint.sql.clone(), quoted: true } };
        let config = Node { at, value: Value::Mapping(vec![Entry { key: "sql".into(), key_at: at, value: sql }]) };
        let entry = &crate::rules::EXPRESSION;
        let words = Arc::new(Words {
            id: Some(here(constraint.id.clone())),
            description: Some(format!("{} of the table {}", constraint.what, table.place)),
            nulls: Some(here(Nulls::Fail)),
            ..Words::default()
        });
        let code = owner_of(&constraint.id).unwrap_or(&CONSTRAINT).code.clone();
        let item = RuleItem {
            code,
            entry,
            rule: (entry.read)(&config, &table.place)?,
            words,
            at,
            about_rows: false,
            config: Node::default(),
            meaning: 0,
        };
        self.bind_check(&item, None, plan)
    }
}

/// Columns and nested fields of which some values may be others in the table, and their types there.
fn lossy(table: Option<&TableTerms>, plan: &Plan) -> Vec<(String, DataType)> {
    let there = table.map(|table| (&table.schema, places(&table.schema)));
    let of_table = |name: &str| there.as_ref().and_then(|(schema, places)| Some(schema.field(*places.get(name)?).data_type()));
    let held = |field: &FieldRef| {
        let held = match of_table(field.name()) {
            Some(there) if is_held_by(field.data_type(), there) => there.clone(),
            // What no table can hold, and what this one cannot, is said elsewhere.
            Some(_) | None => in_delta(field).ok()?.data_type().clone(),
        };
        is_lossy(field.data_type(), &held).then(|| (field.name().clone(), held))
    };
    plan.prepare.rule_schema.fields().iter().filter_map(held).collect()
}

fn here<T>(value: T) -> Spanned<T> {
    Spanned { at: Position::default(), value }
}
