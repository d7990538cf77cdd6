//! Columns as a Delta table holds them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::diagnostic::{Code, Fault};
use crate::rules::schema::Evolution;
use crate::rules::schema::delta_types::{fits, has_local_time, in_delta};
use crate::rules::schema::table::TableTerms;
use crate::types::type_name;

/// How a batch's columns are written, as long as the table stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeltaWriteSchema {
    pub written: SchemaRef,
    pub batch: SchemaRef,
    pub evolution: Evolution,
    /// Columns by whose values the rows are divided into files.
    pub partition_by: Vec<FieldRef>,
}

/// How the columns of a batch are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub columns: SchemaRef,
    /// Columns that the table has not yet.
    pub added: Vec<FieldRef>,
}

/// How the columns of a batch are written to a table that promises `table`, if there is one; or, inside, how they differ
/// from the table so that they cannot be.
///
/// # Errors
/// No Delta table could hold these columns.
pub(super) fn written(batch: &Schema, table: Option<&TableTerms>, evolution: Evolution) -> Result<Result<Written, Fault>, Fault> {
    let columns: Vec<FieldRef> = batch.fields().iter().map(in_delta).collect::<Result<_, _>>()?;
    differ_beyond_case(columns.iter())?;
    let own = table.map(TableTerms::by_name).unwrap_or_default();
    if let Some(column) = columns.iter().find(|c| *c.data_type() == DataType::Null && !own.contains_key(c.name().as_str())) {
        let what = format!("`{0}` has no value and no type, and the table has no column `{0}`", column.name());
        return Err(Fault::new(Code::UnsupportedType, what).hint("give it a type with `transform`, such as `CAST(NULL AS BIGINT)`"));
    }
    Ok(match table {
        None => Ok(Written { columns: Arc::new(Schema::new(columns)), added: Vec::new() }),
        Some(table) => beside(&columns, table, evolution),
    })
}

/// The columns, as the table's types hold them.
fn beside(columns: &[FieldRef], table: &TableTerms, evolution: Evolution) -> Result<Written, Fault> {
    differ_beyond_case(columns.iter().chain(table.schema.fields()))?;
    let refused = |what: String| {
        Err(Fault::new(Code::SchemaDiffers, what).hint("nothing was changed; `schema: { evolution: … }` says which changes are compatible"))
    };
    let own = table.by_name();
    let (mut written, mut added) = (Vec::with_capacity(columns.len()), Vec::new());
    for column in columns {
        let Some(there) = own.get(column.name().as_str()) else {
            if evolution == Evolution::Exact {
                return refused(format!("the table has no column `{}`", column.name()));
            }
            // The table's protocol says whether it has such, and that is not ours to change.
            if has_local_time(column.data_type()) && !table.takes_local_time {
                let what =
                    format!("the table cannot take the new column `{}`: its protocol has no timestamps without a zone", column.name());
                return refused(what);
            }
            added.push(column.clone());
            written.push(column.clone());
            continue;
        };
        if !fits(column.data_type(), there.data_type()) {
            let (ours, theirs) = (type_name(column.data_type()), type_name(there.data_type()));
            let what = format!("`{}` is of type {ours}, and the table holds {theirs}", column.name());
            return Err(
                Fault::new(Code::SchemaDiffers, what).hint("nothing was changed; convert it with `transform`, or publish to another table")
            );
        }
        written.push(Arc::new(Field::new(column.name(), there.data_type().clone(), there.is_nullable())));
    }
    let names: HashSet<&String> = columns.iter().map(|column| column.name()).collect();
    for gone in table.schema.fields().iter().filter(|field| !names.contains(field.name())) {
        if evolution == Evolution::Exact || !gone.is_nullable() || table.defaults.contains(gone.name()) {
            return refused(format!("the batch has no column `{}`, which the table has", gone.name()));
        }
    }
    Ok(Written { columns: Arc::new(Schema::new(written)), added })
}

/// A Delta table does not tell upper from lower case in names.
fn differ_beyond_case<'a>(columns: impl Iterator<Item = &'a FieldRef>) -> Result<(), Fault> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in columns.map(|c| c.name().as_str()) {
        let known = *seen.entry(name.to_lowercase()).or_insert(name);
        if known != name {
            let what = format!("the columns `{known}` and `{name}` differ in case only, which a Delta table does not see");
            return Err(Fault::new(Code::DuplicateColumn, what).hint("rename one, or write plain Parquet with `gate: { format: parquet }`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        Schema::new(columns.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>())
    }

    fn table(columns: &[(&str, DataType)]) -> TableTerms {
        TableTerms { schema: Arc::new(schema(columns)), ..TableTerms::of_nothing("t") }
    }

    #[test]
    fn columns_come_and_go_as_the_contract_says() {
        let table = table(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        let batch = schema(&[("c", DataType::Float64), ("a", DataType::Int32)]);
        let held = |batch: &Schema, evolution| written(batch, Some(&table), evolution).expect("a table could hold it");
        let Written { columns, added } = held(&batch, Evolution::Backward).expect("compatible");
        assert_eq!(columns.field(1).data_type(), &DataType::Int64);
        assert_eq!(added.iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["c"]);
        assert!(held(&batch, Evolution::Exact).expect_err("exact").to_string().contains("`c`"));
        let narrower = schema(&[("a", DataType::Utf8)]);
        assert!(held(&narrower, Evolution::Any).expect_err("type").to_string().contains("the table holds int64"));
        let upper = schema(&[("A", DataType::Int64)]);
        assert!(held(&upper, Evolution::Any).expect_err("case").to_string().contains("differ in case only"));
        assert!(written(&schema(&[("t", DataType::Time64(TimeUnit::Microsecond))]), None, Evolution::Any).is_err());
    }

    #[test]
    fn a_column_without_values_takes_the_tables_type() {
        let table = table(&[("a", DataType::Int64)]);
        let batch = schema(&[("a", DataType::Null)]);
        let Written { columns, .. } = written(&batch, Some(&table), Evolution::Exact).expect("held").expect("compatible");
        assert_eq!(columns.field(0).data_type(), &DataType::Int64);
        assert!(written(&batch, None, Evolution::Any).expect_err("no type").to_string().contains("no type"));
    }
}
