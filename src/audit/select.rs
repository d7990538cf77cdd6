//! Which columns a selection of the rule file names.

use std::collections::HashSet;

use arrow::datatypes::DataType;

use crate::diagnostic::Misread;
use crate::paths::PathColumn;
use crate::prepare::Prepare;
use crate::rules::schema::SchemaSection;
use crate::rules::words::ColumnSelection;
use crate::types::{other_delimiter, type_name};

/// The columns that a selection names; names that only the contract knows are kept. A glob without a dot is about
/// columns, one with a dot about nested fields too.
pub(super) fn select(
    columns: &ColumnSelection,
    data: &Prepare,
    contract: &Prepare,
    section: Option<&SchemaSection>,
) -> Result<Vec<String>, Misread> {
    // What only the contract has, and the batch lacks, is no mistake of the rule file: it is found to be absent.
    let is_absent = |columns: &ColumnSelection| section.is_some_and(|section| !absent(columns, data, section).is_empty());
    let has_one_value = |index: usize| !data.path(index).is_some_and(PathColumn::is_elements);
    let names = match columns {
        ColumnSelection::OfType(class) => {
            let fields = data.rule_schema.fields().iter().enumerate();
            let of_class = fields.filter(|(i, f)| class.admits(f.data_type()) && has_one_value(*i));
            let found: Vec<String> = of_class.map(|(_, f)| f.name().clone()).collect();
            let is_none = found.is_empty() && !is_absent(columns);
            return if is_none { Err(Misread::new("no column is of that type").hint(of_types(data))) } else { Ok(found) };
        }
        ColumnSelection::Named(names) => names,
    };
    let mut selected: Vec<String> = Vec::new();
    let (mut seen, mut seen_up_to) = (HashSet::new(), 0);
    for name in names.iter() {
        let known = data.index_of(name).is_some() || contract.index_of(name).is_some();
        if known || !is_pattern(name) {
            selected.push(name.clone());
            continue;
        }
        let pattern = glob::Pattern::new(&name.replace("[]", "[[][]]")).map_err(|e| format!("`{name}` is not a pattern: {e}"))?;
        let speaks_of = |i: usize| data.path(i).is_none() || (name.contains('.') && (has_one_value(i) || name.contains("[]")));
        let all = data.rule_schema.fields().iter().enumerate().filter(|(i, _)| speaks_of(*i)).map(|(_, f)| f.name().clone());
        let matching: Vec<String> = all.filter(|n| pattern.matches(n)).collect();
        if matching.is_empty() && !is_absent(&ColumnSelection::Named([name.clone()].into())) {
            let misread = Misread::new(format!("no column matches `{name}`"));
            let known = data.rule_schema.fields().iter().map(|f| f.name().as_str());
            return Err(match other_delimiter(&data.rule_schema) {
                Some(hint) => misread.hint(hint),
                None => misread.hint_nearest(name, known),
            });
        }
        seen.extend(selected[seen_up_to..].iter().cloned());
        seen_up_to = selected.len();
        selected.extend(matching.into_iter().filter(|n| !seen.contains(n)));
    }
    Ok(selected)
}

fn is_pattern(name: &str) -> bool {
    name.replace("[]", "").contains(['*', '?', '['])
}

/// The columns with their types, for a hint.
fn of_types(data: &Prepare) -> String {
    const SHOWN_MAX: usize = 8;
    let named = data.rule_schema.fields().iter().take(SHOWN_MAX).map(|f| format!("`{}` is {}", f.name(), type_name(f.data_type())));
    format!("{}; a `schema` section can say otherwise", named.collect::<Vec<_>>().join(", "))
}

/// The contract's columns that the batch lacks and that a selection speaks of without naming them: nothing else would
/// say that the rule did not judge them.
pub(super) fn absent(columns: &ColumnSelection, data: &Prepare, contract: &SchemaSection) -> Vec<String> {
    let names: &[String] = match columns {
        ColumnSelection::OfType(_) => &[],
        ColumnSelection::Named(names) => names,
    };
    // Names alone are no patterns, and there may be thousands of them.
    let named: HashSet<&str> = names.iter().map(String::as_str).collect();
    let pattern = |name: &String| Some((name.contains('.'), glob::Pattern::new(&name.replace("[]", "[[][]]")).ok()?));
    let patterns: Vec<(bool, glob::Pattern)> = names.iter().filter(|name| is_pattern(name)).filter_map(pattern).collect();
    let speaks_of = |name: &str, data_type: Option<&DataType>| match columns {
        ColumnSelection::OfType(class) => data_type.is_some_and(|t| class.admits(t)),
        ColumnSelection::Named(_) if named.contains(name) => false,
        ColumnSelection::Named(_) => patterns.iter().any(|(of_fields, p)| (*of_fields || !name.contains('.')) && p.matches(name)),
    };
    let (mut absent, mut told): (Vec<String>, HashSet<String>) = Default::default();
    for (path, column) in &contract.columns.0 {
        let is_there = |name: &str| data.index_of(name).is_some();
        let steps = crate::types::path_steps(path);
        let Some(root) = steps.first().filter(|_| !is_there(path)) else { continue };
        // Of a struct that is gone as a whole, a selection of columns speaks by its own name.
        let whole = (steps.len() > 1 && !is_there(root)).then_some((root.as_str(), None));
        let own = (path.as_str(), column.r#type.as_ref().map(|t| &t.0));
        for (name, data_type) in [Some(own), whole].into_iter().flatten() {
            if speaks_of(name, data_type) && told.insert(name.to_owned()) {
                absent.push(name.to_owned());
            }
        }
    }
    absent
}
