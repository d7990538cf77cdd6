//! Types as a Delta table has them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

use super::{ChangeKind, type_change};
use crate::diagnostic::{Code, Fault};
use crate::types::{LEVELS_MAX, levels};

/// The table's type where it holds every value of `held`; of structs and lists, field by field.
pub(super) fn held_as(held: &DataType, table: &DataType) -> DataType {
    use DataType::{List, Map, Struct};
    match (held, table) {
        (Struct(ours), Struct(theirs)) => {
            let field = |f: &FieldRef| match theirs.iter().find(|t| t.name() == f.name()) {
                Some(there) => Arc::new(f.as_ref().clone().with_data_type(held_as(f.data_type(), there.data_type()))),
                None => f.clone(),
            };
            Struct(ours.iter().map(field).collect::<Fields>())
        }
        (List(ours), List(theirs)) => List(Arc::new(ours.as_ref().clone().with_data_type(held_as(ours.data_type(), theirs.data_type())))),
        (Map(..), Map(..)) if fits(held, table) => table.clone(),
        _ if fits(held, table) => table.clone(),
        _ => held.clone(),
    }
}

/// Whether every value of `held`, a type that Delta has, is one of the table's type; nested fields may be missing.
pub fn fits(held: &DataType, table: &DataType) -> bool {
    use DataType::{List, Map, Struct};
    match (held, table) {
        (Struct(ours), Struct(theirs)) => {
            let is_there = |f: &FieldRef| theirs.iter().any(|t| t.name() == f.name() && fits(f.data_type(), t.data_type()));
            ours.iter().all(is_there) && theirs.iter().all(|t| t.is_nullable() || ours.iter().any(|f| f.name() == t.name()))
        }
        (List(ours), List(theirs)) => fits(ours.data_type(), theirs.data_type()),
        (Map(ours, _), Map(theirs, _)) => match (ours.data_type(), theirs.data_type()) {
            (Struct(a), Struct(b)) if a.len() == 2 && b.len() == 2 => {
                fits(a[0].data_type(), b[0].data_type()) && fits(a[1].data_type(), b[1].data_type())
            }
            _ => false,
        },
        // A column without any value.
        (DataType::Null, _) => true,
        _ => matches!(type_change(held, table), None | Some(ChangeKind::TypeWidened)),
    }
}

/// Whether a column of `found`, as a batch has it, can be written to a table's column of type `table`.
pub fn is_held_by(found: &DataType, table: &DataType) -> bool {
    in_delta(&Arc::new(Field::new("", found.clone(), true))).is_ok_and(|held| fits(held.data_type(), table))
}

/// Whether a timestamp without a zone lies in it.
pub fn has_local_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, None) => true,
        DataType::Struct(fields) => fields.iter().any(|f| has_local_time(f.data_type())),
        DataType::List(item) | DataType::Map(item, _) => has_local_time(item.data_type()),
        _ => false,
    }
}

/// The column with a type that Delta has and that holds every value. A column without a type keeps none.
///
/// # Errors
/// There is no such type; the message names the column, or the field in it.
pub fn in_delta(column: &FieldRef) -> Result<FieldRef, Fault> {
    if levels(column.data_type()) > LEVELS_MAX {
        let what = format!("`{}` is nested more than {LEVELS_MAX} levels deep, which a Delta table cannot hold", column.name());
        return Err(Fault::new(Code::UnsupportedType, what).hint("take out what is needed with `transform`"));
    }
    field_in_delta(column.name(), column)
}

fn field_in_delta(path: &str, field: &FieldRef) -> Result<FieldRef, Fault> {
    use DataType::*;
    let refused = |why: &str| {
        let what = format!("`{path}` is of type {}, which a Delta table cannot hold{why}", crate::types::type_name(field.data_type()));
        Err(Fault::new(Code::UnsupportedType, what)
            .hint("convert it with `transform`, or write plain Parquet with `gate: { format: parquet }`"))
    };
    let item = |f: &FieldRef| field_in_delta(&format!("{path}[]"), f);
    let data_type = match field.data_type() {
        UInt8 => Int16,
        UInt16 => Int32,
        UInt32 => Int64,
        UInt64 => Decimal128(20, 0),
        Float16 => Float32,
        Date64 => Date32,
        // A nanosecond that would be lost is refused when it is written. A time with a zone is an instant, kept in UTC.
        Timestamp(_, zone) => Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
        Time32(_) | Time64(_) | Duration(_) | Interval(_) | Union(..) | RunEndEncoded(..) => return refused(""),
        Decimal32(_, s) | Decimal64(_, s) | Decimal128(_, s) | Decimal256(_, s) if *s < 0 => return refused(": its scale is negative"),
        Decimal32(p, s) | Decimal64(p, s) => Decimal128(*p, *s),
        Decimal256(p, s) if *p <= 38 => Decimal128(*p, *s),
        Decimal256(..) => return refused(": it has decimals of 38 digits at most"),
        LargeUtf8 | Utf8View => Utf8,
        LargeBinary | BinaryView | FixedSizeBinary(_) => Binary,
        Dictionary(_, values) => {
            field_in_delta(path, &Arc::new(Field::new(field.name(), values.as_ref().clone(), true)))?.data_type().clone()
        }
        Struct(fields) if fields.is_empty() => return refused(": it has no field"),
        Struct(fields) => {
            let inner = |f: &FieldRef| field_in_delta(&format!("{path}.{}", f.name()), f);
            Struct(fields.iter().map(inner).collect::<Result<_, _>>()?)
        }
        List(inner) | LargeList(inner) | FixedSizeList(inner, _) | ListView(inner) | LargeListView(inner) => List(item(inner)?),
        Map(entries, sorted) => match entries.data_type() {
            Struct(pair) if pair.len() == 2 => {
                let key = item(&pair[0])?.as_ref().clone().with_nullable(false);
                let pair: Fields = vec![Arc::new(key), item(&pair[1])?].into();
                Map(Arc::new(entries.as_ref().clone().with_data_type(Struct(pair))), *sorted)
            }
            _ => return refused(""),
        },
        Null if path != field.name() => return refused(": nothing says of what type its values are"),
        Null | Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Date32 | Utf8 | Binary | Decimal128(..) => {
            field.data_type().clone()
        }
    };
    // What a batch promises of its rows, a later one may not keep.
    Ok(Arc::new(Field::new(field.name(), data_type, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_a_delta_table_lacks_are_named_with_the_column() {
        let field = |data_type: DataType| Arc::new(Field::new("x", data_type, true));
        let inside = DataType::Struct(vec![Field::new("y", DataType::Time64(TimeUnit::Microsecond), true)].into());
        assert!(in_delta(&field(inside)).expect_err("refused").what.starts_with("`x.y` is of type"));
        assert!(in_delta(&field(DataType::Decimal256(39, 0))).expect_err("refused").what.contains("38 digits"));
        assert_eq!(in_delta(&field(DataType::Decimal256(20, 2))).expect("held").data_type(), &DataType::Decimal128(20, 2));
        let deep = (0..49).fold(DataType::Int64, |inner, _| DataType::Struct(vec![Field::new("a", inner, true)].into()));
        assert!(in_delta(&field(deep)).expect_err("refused").what.contains("nested more than 32 levels"));
    }
}
