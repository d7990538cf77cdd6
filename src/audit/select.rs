//! Which columns a selection of the rule file names.

use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::rules::words::Columns;

/// The columns that a selection names; names that only the contract knows are kept. A glob without a dot is about
/// columns, one with a dot about nested fields too.
pub(super) fn select(columns: &Columns, data: &Prepare, contract: &Prepare) -> Result<Vec<String>, String> {
    let has_one_value = |index: usize| !data.path(index).is_some_and(PathColumn::is_elements);
    let names = match columns {
        Columns::OfType(class) => {
            let fields = data.seen.fields().iter().enumerate();
            let of_class = fields.filter(|(i, f)| class.admits(f.data_type()) && has_one_value(*i));
            let found: Vec<String> = of_class.map(|(_, f)| f.name().clone()).collect();
            return if found.is_empty() { Err("no column is of that type".into()) } else { Ok(found) };
        }
        Columns::Named(names) => names,
    };
    let mut selected: Vec<String> = Vec::new();
    for name in names {
        let known = data.seen.column_with_name(name).is_some() || contract.seen.column_with_name(name).is_some();
        if known || !name.replace("[]", "").contains(['*', '?', '[']) {
            selected.push(name.clone());
            continue;
        }
        let pattern = glob::Pattern::new(&name.replace("[]", "[[][]]")).map_err(|e| format!("`{name}` is not a pattern: {e}"))?;
        let speaks_of = |i: usize| data.path(i).is_none() || (name.contains('.') && (has_one_value(i) || name.contains("[]")));
        let all = data.seen.fields().iter().enumerate().filter(|(i, _)| speaks_of(*i)).map(|(_, f)| f.name().clone());
        let matching: Vec<String> = all.filter(|n| pattern.matches(n)).collect();
        if matching.is_empty() {
            return Err(format!("no column matches `{name}`"));
        }
        selected.extend(matching.into_iter().filter(|n| !selected.contains(n)).collect::<Vec<_>>());
    }
    Ok(selected)
}
