//! Which columns a selection of the rule file names.

use arrow::datatypes::Schema;

use crate::rules::words::Columns;

/// The columns of `schema` that a selection names; names that only the contract knows are kept.
pub(super) fn select(columns: &Columns, schema: &Schema, contract: &Schema) -> Result<Vec<String>, String> {
    let names = match columns {
        Columns::OfType(class) => {
            let of_class = schema.fields().iter().filter(|f| class.admits(f.data_type()));
            let found: Vec<String> = of_class.map(|f| f.name().clone()).collect();
            return if found.is_empty() { Err("no column is of that type".into()) } else { Ok(found) };
        }
        Columns::Named(names) => names,
    };
    let mut selected: Vec<String> = Vec::new();
    for name in names {
        if !name.contains(['*', '?', '[']) || schema.column_with_name(name).is_some() || contract.column_with_name(name).is_some() {
            selected.push(name.clone());
            continue;
        }
        let pattern = glob::Pattern::new(name).map_err(|e| format!("`{name}` is not a pattern: {e}"))?;
        let matching: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).filter(|n| pattern.matches(n)).collect();
        if matching.is_empty() {
            return Err(format!("no column matches `{name}`"));
        }
        selected.extend(matching.into_iter().filter(|n| !selected.contains(n)).collect::<Vec<_>>());
    }
    Ok(selected)
}
