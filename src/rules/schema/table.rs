//! The table that rows are published to, as far as it decides which rows may come: its columns, and what it promises.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::delta_types::{has_local_time, held_as, in_delta};
use super::{ChangeKind, ColumnContract, Evolution, Observed, SchemaChange, SchemaSection, TypeName};
use crate::diagnostic::{Code, Fault};
use crate::rules::words::{OnFail, Ordered};
use crate::yaml::{Position, Spanned};

/// What the destination's table says of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TableTerms {
    /// Where it is, for messages.
    pub place: String,
    pub schema: SchemaRef,
    /// Columns, and elements of lists, that have a value in every row.
    pub not_null: Vec<String>,
    pub constraints: Vec<TableConstraint>,
    /// Columns that would take another value than null where a batch has no such column.
    pub defaults: Vec<String>,
    /// Why no row can be taken out of it, if so.
    pub keeps_rows: Option<String>,
    /// Whether it can take new columns of timestamps without a zone.
    pub takes_local_time: bool,
}

/// A condition that every row of the table meets: true, and not null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConstraint {
    /// What it is called in reports.
    pub id: String,
    /// For messages: "the constraint `positive` (amount > 0)".
    pub what: String,
    pub sql: String,
}

impl TableTerms {
    /// Of a table at `place` without columns, that promises nothing.
    pub fn of_nothing(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            schema: Arc::new(Schema::empty()),
            not_null: Vec::new(),
            constraints: Vec::new(),
            defaults: Vec::new(),
            keeps_rows: None,
            takes_local_time: false,
        }
    }

    /// Whether rows that were judged under these promises keep the others'.
    pub fn promises_as(&self, other: &Self) -> bool {
        let promises = |t: &Self| (t.not_null.clone(), t.constraints.clone(), t.defaults.clone(), t.keeps_rows.clone());
        promises(self) == promises(other)
    }

    /// Refuses to take rows out of a table that keeps them; `by` is what would.
    ///
    /// # Errors
    /// The table keeps its rows.
    pub fn refuse_removal(&self, by: &str) -> Result<(), Fault> {
        let Some(why) = &self.keeps_rows else { return Ok(()) };
        let fault = Fault::new(Code::TableRefused, format!("{}: {by} takes rows out of the table, and {why}", self.place));
        Err(fault.hint("nothing was changed; publish new batches only, or change the table's properties"))
    }

    /// The table's columns by name.
    pub fn by_name(&self) -> HashMap<&str, &FieldRef> {
        self.schema.fields().iter().rev().map(|field| (field.name().as_str(), field)).collect()
    }

    /// The table's columns as a contract, without those named in `made`, which `transform` computes.
    pub fn section(&self, evolution: Evolution, on_fail: Option<Spanned<OnFail>>, made: &[&str]) -> SchemaSection {
        let not_null: HashSet<&String> = self.not_null.iter().collect();
        let column = |field: &FieldRef| {
            let required = not_null.contains(field.name()).then_some(true);
            let contract = ColumnContract {
                r#type: Some(TypeName(field.data_type().clone())),
                required,
                format: None,
                mask: None,
                _description: None,
            };
            (field.name().clone(), Spanned { at: Position::default(), value: contract })
        };
        let columns = self.schema.fields().iter().filter(|f| !made.contains(&f.name().as_str())).map(column).collect();
        SchemaSection { evolution, on_fail, json_schema: None, against: None, columns: Ordered(columns) }
    }

    /// How a batch that would be published with the columns of `batch` differs from the table. A change that the table
    /// cannot take is never compatible, whatever `evolution` says.
    pub fn changes(&self, batch: &Observed<'_>, evolution: Evolution) -> Vec<SchemaChange> {
        let own = self.by_name();
        let held: Vec<FieldRef> =
            batch.schema.fields().iter().map(|field| as_held(field, own.get(field.name().as_str()).copied())).collect();
        let held = Schema::new(held);
        let section = self.section(evolution, None, &[]);
        let mut changes = section.changes(&Observed { schema: &held, ..*batch });
        for change in &mut changes {
            change.compatible &= self.takes(change, &held);
        }
        changes
    }

    /// Those of the changes for which the batch cannot be written at all.
    pub fn refused(&self, batch: &Observed<'_>, evolution: Evolution) -> Vec<SchemaChange> {
        use ChangeKind::{FormatChanged, NullabilityRelaxed, NullabilityTightened, Reordered, ScaleShifted};
        let is_written = |kind| matches!(kind, Reordered | FormatChanged | ScaleShifted | NullabilityRelaxed | NullabilityTightened);
        let mut changes = self.changes(batch, evolution);
        changes.retain(|change| {
            // Short of `exact`, columns come and go as the table can take them.
            let is_taken = evolution != Evolution::Exact && self.takes(change, batch.schema);
            !change.compatible && !is_written(change.kind) && !is_taken
        });
        changes
    }

    fn takes(&self, change: &SchemaChange, held: &Schema) -> bool {
        use ChangeKind::*;
        let root = change.path.split(['.', '[']).next().unwrap_or_default();
        let is_needed = |name: &str| self.not_null.iter().chain(&self.defaults).any(|n| n == name);
        match change.kind {
            // Its files would no longer agree.
            TypeWidened | TypeNarrowed | TypeChanged | NestedFieldAdded | KeyCaseChanged => false,
            // The table's protocol says whether it has such, and that is not ours to change.
            ColumnAdded => self.takes_local_time || !held.field_with_name(&change.path).is_ok_and(|f| has_local_time(f.data_type())),
            ColumnRemoved => !is_needed(&change.path),
            ColumnRenamed => match path_is_nested(&change.path) {
                true => false,
                false => !is_needed(&change.path),
            },
            NestedFieldRemoved => self.schema.field_with_name(root).is_ok_and(|f| may_lack(f, &change.path)),
            Reordered | FormatChanged | ScaleShifted | NullabilityRelaxed | NullabilityTightened => true,
        }
    }
}

/// The field as a table would hold it that has the column `own` of its name, if any: of the table's types, as far as these hold
/// its values.
fn as_held(field: &FieldRef, own: Option<&FieldRef>) -> FieldRef {
    let Ok(held) = in_delta(field) else { return field.clone() };
    match own {
        Some(own) => Arc::new(held.as_ref().clone().with_data_type(held_as(held.data_type(), own.data_type()))),
        None => held,
    }
}

fn path_is_nested(path: &str) -> bool {
    path.contains(['.', '['])
}

/// Whether the nested field of `path` may be null in the table's column.
fn may_lack(column: &Field, path: &str) -> bool {
    let rest = path.get(column.name().len()..).unwrap_or_default();
    let mut field: Option<FieldRef> = Some(Arc::new(column.clone()));
    for step in crate::types::path_steps(rest.trim_start_matches('.')) {
        field = match field.as_ref().map(|f| f.data_type()) {
            Some(DataType::Struct(fields)) => fields.iter().find(|f| *f.name() == step).cloned(),
            Some(DataType::List(item) | DataType::LargeList(item)) if step == "[]" => Some(item.clone()),
            _ => None,
        };
    }
    field.is_some_and(|f| f.is_nullable())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::datatypes::TimeUnit;

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        Schema::new(columns.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>())
    }

    fn terms(columns: &[(&str, DataType)], not_null: &[&str]) -> TableTerms {
        TableTerms {
            schema: Arc::new(schema(columns)),
            not_null: not_null.iter().map(|n| (*n).to_owned()).collect(),
            ..TableTerms::of_nothing("t")
        }
    }

    fn changes(terms: &TableTerms, batch: &[(&str, DataType)], evolution: Evolution) -> Vec<(ChangeKind, bool)> {
        let (schema, missing) = (schema(batch), BTreeMap::new());
        let observed = Observed { schema: &schema, contradicted: &[], missing: &missing, tallies: &[], is_ordered: true, profiles: None };
        terms.changes(&observed, evolution).iter().map(|c| (c.kind, c.compatible)).collect()
    }

    #[test]
    fn a_column_is_compared_with_the_table_as_the_table_would_hold_it() {
        let berlin = DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into()));
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let table = terms(&[("a", DataType::Int64), ("t", utc), ("n", DataType::Float64)], &[]);
        assert_eq!(changes(&table, &[("a", DataType::UInt32), ("t", berlin), ("n", DataType::Null)], Evolution::Exact), []);
        let wider = [("a", DataType::Float64), ("t", DataType::Utf8), ("n", DataType::Float64)];
        let found = changes(&table, &wider, Evolution::Any);
        assert_eq!(found, [(ChangeKind::TypeWidened, false), (ChangeKind::TypeChanged, false)]);
    }

    #[test]
    fn evolution_decides_only_what_the_table_can_take() {
        let table = terms(&[("a", DataType::Int64), ("b", DataType::Utf8)], &["b"]);
        assert_eq!(changes(&table, &[("a", DataType::Int64)], Evolution::Any), [(ChangeKind::ColumnRemoved, false)]);
        let grown = [("a", DataType::Int64), ("b", DataType::Utf8), ("c", DataType::Boolean)];
        assert_eq!(changes(&table, &grown, Evolution::Backward), [(ChangeKind::ColumnAdded, true)]);
        assert_eq!(changes(&table, &grown, Evolution::Exact), [(ChangeKind::ColumnAdded, false)]);
        let local = [("a", DataType::Int64), ("b", DataType::Utf8), ("c", DataType::Timestamp(TimeUnit::Second, None))];
        assert_eq!(changes(&table, &local, Evolution::Any), [(ChangeKind::ColumnAdded, false)]);
    }
}
