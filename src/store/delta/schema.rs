//! Columns as a Delta table holds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};

use crate::diagnostic::Fault;
use crate::rules::schema::{ChangeKind, Evolution, type_change};
use crate::types::type_name;

/// How the columns of a batch are written to a table that has the columns `table`, if there is one; and all columns the
/// table has then, if the batch brings new ones.
///
/// # Errors
/// A type that Delta lacks, or a column that the table cannot take.
pub(super) fn written(batch: &Schema, table: Option<&Schema>, evolution: Evolution) -> Result<(SchemaRef, Option<SchemaRef>), Fault> {
    let columns: Vec<FieldRef> = batch.fields().iter().map(in_delta).collect::<Result<_, _>>()?;
    differ_beyond_case(columns.iter().chain(table.into_iter().flat_map(Schema::fields)))?;
    let Some(table) = table else { return Ok((Arc::new(Schema::new(columns)), None)) };
    let refused = |what: String| Fault::new(what).hint("nothing was changed; `schema: { evolution: … }` says which changes are compatible");
    let mut grown: Vec<FieldRef> = table.fields().iter().cloned().collect();
    let mut written = Vec::with_capacity(columns.len());
    for column in columns {
        let Ok(there) = table.field_with_name(column.name()) else {
            if evolution == Evolution::Exact {
                return Err(refused(format!("the table has no column `{}`", column.name())));
            }
            // The table's protocol says whether it has such, and this library cannot change that later.
            let is_local = |f: &FieldRef| matches!(f.data_type(), DataType::Timestamp(_, None));
            if is_local(&column) && !table.fields().iter().any(is_local) {
                let what =
                    format!("the table cannot take the new column `{}`: its protocol has no timestamps without a zone", column.name());
                return Err(refused(what));
            }
            grown.push(column.clone());
            written.push(column);
            continue;
        };
        match type_change(column.data_type(), there.data_type()) {
            // Every value of the batch is one of the table's type.
            None | Some(ChangeKind::TypeWidened) => {
                written.push(Arc::new(column.as_ref().clone().with_data_type(there.data_type().clone())))
            }
            Some(_) => {
                let (ours, theirs) = (type_name(column.data_type()), type_name(there.data_type()));
                let what = format!("`{}` is of type {ours}, and the table holds {theirs}", column.name());
                return Err(Fault::new(what).hint("nothing was changed; convert it with `transform`, or publish to another table"));
            }
        }
    }
    for gone in table.fields().iter().filter(|f| batch.field_with_name(f.name()).is_err()) {
        if evolution == Evolution::Exact || !gone.is_nullable() {
            return Err(refused(format!("the batch has no column `{}`, which the table has", gone.name())));
        }
    }
    let is_grown = grown.len() > table.fields().len();
    Ok((Arc::new(Schema::new(written)), is_grown.then(|| Arc::new(Schema::new(grown)))))
}

/// A Delta table does not tell upper from lower case in names.
fn differ_beyond_case<'a>(columns: impl Iterator<Item = &'a FieldRef>) -> Result<(), Fault> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in columns.map(|c| c.name().as_str()) {
        let known = *seen.entry(name.to_lowercase()).or_insert(name);
        if known != name {
            let what = format!("the columns `{known}` and `{name}` differ in case only, which a Delta table does not see");
            return Err(Fault::new(what).hint("rename one, or write plain Parquet with `gate: { format: parquet }`"));
        }
    }
    Ok(())
}

/// The field with a type that Delta has and that holds every value.
fn in_delta(field: &FieldRef) -> Result<FieldRef, Fault> {
    use DataType::*;
    let child = |f: &FieldRef| in_delta(f);
    let data_type = match field.data_type() {
        UInt8 => Int16,
        UInt16 => Int32,
        UInt32 => Int64,
        UInt64 => Decimal128(20, 0),
        Float16 => Float32,
        Date64 => Date32,
        // A nanosecond that would be lost is refused when it is written.
        Timestamp(_, zone) => Timestamp(TimeUnit::Microsecond, zone.clone()),
        Time32(_) | Time64(_) | Duration(_) | Interval(_) | Null => {
            let what = format!("`{}` is of type {}, which a Delta table cannot hold", field.name(), type_name(field.data_type()));
            let hint = "convert it with `transform`, or write plain Parquet with `gate: { format: parquet }`";
            return Err(Fault::new(what).hint(hint));
        }
        Decimal32(p, s) | Decimal64(p, s) => Decimal128(*p, *s),
        LargeUtf8 | Utf8View => Utf8,
        LargeBinary | BinaryView | FixedSizeBinary(_) => Binary,
        Struct(fields) => Struct(fields.iter().map(child).collect::<Result<_, _>>()?),
        List(item) | LargeList(item) | FixedSizeList(item, _) => List(child(item)?),
        other => other.clone(),
    };
    // What a batch promises of its rows, a later one may not keep.
    Ok(Arc::new(Field::new(field.name(), data_type, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        Schema::new(columns.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>())
    }

    #[test]
    fn columns_come_and_go_as_the_contract_says() {
        let table = schema(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        let batch = schema(&[("c", DataType::Float64), ("a", DataType::Int32)]);
        let (columns, grown) = written(&batch, Some(&table), Evolution::Backward).expect("compatible");
        assert_eq!(columns.field(1).data_type(), &DataType::Int64);
        let names: Vec<String> = grown.expect("a new column").fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(written(&batch, Some(&table), Evolution::Exact).expect_err("exact").to_string().contains("`c`"));
        let narrower = schema(&[("a", DataType::Utf8)]);
        assert!(written(&narrower, Some(&table), Evolution::Any).expect_err("type").to_string().contains("the table holds int64"));
        let upper = schema(&[("A", DataType::Int64)]);
        assert!(written(&upper, Some(&table), Evolution::Any).expect_err("case").to_string().contains("differ in case only"));
        assert!(written(&schema(&[("t", DataType::Time64(TimeUnit::Microsecond))]), None, Evolution::Any).is_err());
    }
}
