//! What follows from the contract before any rule is bound.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use crate::audit::earlier::Profiled;
use crate::findings::builtin::REQUIRED;
use crate::paths::with_type;
use crate::rules::schema::delta_types::is_held_by;
use crate::ruleset::{RuleFile, RuleItem, Words};
use crate::types::parse_type;
use crate::yaml::{Position, Spanned};

/// The batch's schema as it would be had it kept to the contract; without one, to the columns that there were earlier.
pub(in crate::audit) fn schema(rules: &RuleFile, batch: &Schema, earlier: &[Profiled]) -> Schema {
    let mut fields: Vec<Field> = batch.fields().iter().map(|f| f.as_ref().clone()).collect();
    let of_batch = fields.len();
    // A contract may have as many columns as it likes.
    let mut places: HashMap<String, usize> = fields.iter().enumerate().map(|(index, field)| (field.name().clone(), index)).collect();
    for column in rules.contract() {
        let Some(data_type) = column.data_type else { continue };
        let whole = places.get(&column.name).copied();
        let in_batch = whole.filter(|index| *index < of_batch).map(|index| batch.field(index));
        if column.is_strict && in_batch.is_some_and(|field| is_held_by(field.data_type(), &data_type)) {
            continue;
        }
        let steps = if whole.is_some() || column.is_strict { vec![column.name] } else { crate::types::path_steps(&column.name) };
        let Some((first, rest)) = steps.split_first() else { continue };
        let index = *places.entry(first.clone()).or_insert_with(|| {
            fields.push(Field::new(first, DataType::Null, true));
            fields.len() - 1
        });
        fields[index] = with_type(&fields[index], rest, &data_type);
    }
    if rules.contract().is_empty() {
        for Profiled { name, data_type, .. } in earlier {
            if let (false, Ok(data_type)) = (fields.iter().any(|field| field.name() == name), parse_type(data_type)) {
                fields.push(Field::new(name, data_type, true));
            }
        }
    }
    Schema::new(fields)
}

/// The rule that every row has a value of the column `name`.
pub(super) fn required(name: &str, at: Position) -> RuleItem {
    RuleItem {
        code: REQUIRED.code.clone(),
        entry: &crate::rules::MISSING,
        rule: crate::rules::missing_default(),
        words: Arc::new(Words {
            id: Some(Spanned { at, value: REQUIRED.id_of(name) }),
            column: Some(Spanned { at, value: name.to_owned() }),
            ..Words::default()
        }),
        at,
        about_rows: false,
        config: crate::yaml::Node::default(),
        meaning: 0,
    }
}
