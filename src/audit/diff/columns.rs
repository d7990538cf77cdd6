//! Which columns of two data sets are compared, and in which form.

use std::collections::HashSet;

use crate::metric::paired::Form;
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::rules::paired::{Apart, DiffQuery};
use crate::types::type_name;

/// A column that both have.
#[derive(Debug, Clone)]
pub(super) struct PairedColumn {
    pub(super) name: String,
    /// Its index there and here.
    pub(super) indices: [usize; 2],
    pub(super) form: Form,
    pub(super) apart: Option<Apart>,
}

/// The columns of both.
#[derive(Debug, Clone)]
pub(super) struct PairedColumns {
    pub(super) key: Vec<PairedColumn>,
    pub(super) compared: Vec<PairedColumn>,
    /// What only one of both has, or cannot be compared, in words.
    pub(super) differ: Vec<String>,
}

impl PairedColumns {
    /// Of what is there, and of the batch here.
    ///
    /// # Errors
    /// Why nothing can be compared.
    pub(super) fn of(query: &DiffQuery, there: &Prepare, here: &Prepare) -> Result<Self, String> {
        let against = query.against.join(", ");
        let mut key = Vec::new();
        for name in &query.key {
            key.push(paired(name, there, here, query)??);
        }
        let (mut compared, mut differ) = (Vec::new(), Vec::new());
        let named: Vec<String> = match &query.columns {
            Some(columns) => columns.clone(),
            None => {
                let names = |prepare: &Prepare| prepare.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                let (of_there, of_here) = (names(there), names(here));
                let only = |names: &[String], others: &Prepare| {
                    let only = names.iter().filter(|name| others.schema_index_of(name).is_none());
                    let only: Vec<String> = only.map(|name| format!("`{name}`")).collect();
                    (!only.is_empty()).then(|| only.join(", "))
                };
                differ.extend(only(&of_here, there).map(|only| format!("only in the batch: {only}")));
                differ.extend(only(&of_there, here).map(|only| format!("only in {against}: {only}")));
                let key: HashSet<&String> = query.key.iter().collect();
                of_here.into_iter().filter(|name| there.schema_index_of(name).is_some() && !key.contains(name)).collect()
            }
        };
        for name in &named {
            match paired(name, there, here, query)? {
                Ok(column) => compared.push(column),
                Err(why) => differ.push(format!("{why}: not compared")),
            }
        }
        Ok(Self { key, compared, differ })
    }

    /// Indices of the key's columns, then of those that are compared, on one side.
    pub(super) fn of_side(&self, side: usize) -> Vec<usize> {
        self.key.iter().chain(&self.compared).map(|column| column.indices[side]).collect()
    }
}

/// The column of this name; outside, that one of both has none; inside, why its values cannot be compared.
fn paired(name: &str, there: &Prepare, here: &Prepare, query: &DiffQuery) -> Result<Result<PairedColumn, String>, String> {
    let find = |prepare: &Prepare| {
        let index = prepare.index_of(name)?;
        let field = prepare.rule_schema.field(index);
        let is_elements = prepare.path(index).is_some_and(PathColumn::is_elements);
        (!is_elements).then(|| (index, field.data_type().clone()))
    };
    let against = query.against.join(", ");
    let (of_there, type_there) = find(there).ok_or_else(|| format!("there is no column `{name}` in {against} to compare with"))?;
    let (of_here, type_here) = find(here).ok_or_else(|| format!("there is no column `{name}` to compare"))?;
    let Some(form) = Form::of(&type_there, &type_here) else {
        return Ok(Err(format!("`{name}` is {} here, and {} in {against}", type_name(&type_here), type_name(&type_there))));
    };
    Ok(Ok(PairedColumn { name: name.to_owned(), indices: [of_there, of_here], form, apart: query.tolerance_of(name) }))
}
