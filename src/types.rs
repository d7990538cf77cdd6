//! Names of types as rule files and reports write them.

mod inferred;

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

pub(crate) use self::inferred::{Class, KindCount, Tally, TypeEvidence, add_example, merge_evidence, shortened};
use crate::diagnostic::Misread;

/// So many levels of lists, structs and maps a column has at most, in all that is read and written: what reads them recurses,
/// and other programs refuse what is deeper.
pub(crate) const LEVELS_MAX: usize = 32;

/// How many levels of lists, structs and maps a type has.
pub(crate) fn levels(data_type: &DataType) -> usize {
    let (mut deepest, mut open) = (0, vec![(data_type, 0)]);
    while let Some((data_type, level)) = open.pop() {
        deepest = deepest.max(level);
        match data_type {
            DataType::Struct(fields) => open.extend(fields.iter().map(|field| (field.data_type(), level + 1))),
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => open.push((item.data_type(), level + 1)),
            // A map's entries are a struct.
            DataType::Map(entries, _) => open.push((entries.data_type(), level)),
            DataType::Dictionary(_, values) => open.push((values, level)),
            _ => {}
        }
    }
    deepest
}

/// Reads a type as a rule file writes it: `int64`, `decimal(15,2)`, `timestamp(ms, UTC)`, …
///
/// # Errors
/// The name is not a type's.
pub(crate) fn parse_type(text: &str) -> Result<DataType, Misread> {
    let mut level = 0usize;
    let is_deep = |c: char| {
        level = if c == '<' { level + 1 } else { level.saturating_sub(usize::from(c == '>')) };
        level > LEVELS_MAX
    };
    if text.chars().any(is_deep) {
        return Err(Misread::new(format!("a type is nested at most {LEVELS_MAX} levels deep")));
    }
    if let Some(nested) = parse_nested(text.trim()) {
        return nested;
    }
    let (name, arguments) = match text.trim().split_once('(') {
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its closing parenthesis"))?;
            (name.trim(), inner.split(',').map(str::trim).collect::<Vec<_>>())
        }
        None => (text.trim(), Vec::new()),
    };
    let plain = match name {
        "bool" | "boolean" => Some(DataType::Boolean),
        "int8" => Some(DataType::Int8),
        "int16" => Some(DataType::Int16),
        "int32" | "int" => Some(DataType::Int32),
        "int64" | "bigint" | "long" => Some(DataType::Int64),
        "uint8" => Some(DataType::UInt8),
        "uint16" => Some(DataType::UInt16),
        "uint32" => Some(DataType::UInt32),
        "uint64" => Some(DataType::UInt64),
        "float32" | "float" => Some(DataType::Float32),
        "float64" | "double" => Some(DataType::Float64),
        "string" | "text" => Some(DataType::Utf8),
        "binary" => Some(DataType::Binary),
        "date" => Some(DataType::Date32),
        _ => None,
    };
    match (plain, name, arguments.as_slice()) {
        (Some(data_type), _, []) => Ok(data_type),
        (None, "timestamp" | "datetime", []) => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        (None, "timestamp" | "datetime", [unit]) => Ok(DataType::Timestamp(time_unit(unit)?, None)),
        (None, "timestamp" | "datetime", [unit, zone]) => Ok(DataType::Timestamp(time_unit(unit)?, Some((*zone).into()))),
        (None, "decimal", [precision, scale]) => {
            let wrong = || Misread::new(format!("`{text}`: precision is 1 to 38, scale 0 to the precision"));
            let precision: u8 = precision.parse().map_err(|_| wrong())?;
            let scale: i8 = scale.parse().map_err(|_| wrong())?;
            if precision == 0 || precision > 38 || scale < 0 || scale as u8 > precision {
                return Err(wrong());
            }
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => {
            let known = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"];
            let more = ["decimal(15,2)", "string", "binary", "date", "timestamp", "timestamp(ms)", "timestamp(ns)", "timestamp(us, UTC)"];
            let known = known.into_iter().chain(more);
            let misread = Misread::new(format!("`{text}` is not a type"));
            Err(misread.hint_word(name, known.into_iter().chain(["list<int64>", "struct<a: int64>"])))
        }
    }
}

/// Where the columns of a schema stand, by name: Arrow looks at one after the other. The first of several counts.
pub(crate) fn places(schema: &arrow::datatypes::Schema) -> HashMap<&str, usize> {
    schema.fields().iter().enumerate().rev().map(|(index, field)| (field.name().as_str(), index)).collect()
}

/// What to write where the header was read as one column, and would be several with another delimiter.
pub(crate) fn other_delimiter(schema: &arrow::datatypes::Schema) -> Option<String> {
    let [field] = &schema.fields()[..] else { return None };
    let shown = likely_delimiter(field.name(), ',')?.escape_default();
    Some(format!("the header was read as one column; write `source: {{ delimiter: \"{shown}\" }}`"))
}

/// Another delimiter than the present one that would make several names of one.
pub(crate) fn likely_delimiter(header: &str, present: char) -> Option<char> {
    let count = |delimiter: &char| header.matches(*delimiter).count();
    [',', '|', '\t', ';'].into_iter().filter(|d| *d != present && count(d) > 0).max_by_key(count)
}

/// A path as its steps: keys, and `[]` for the elements of a list. `items[].price` is `items`, `[]`, `price`.
pub(crate) fn path_steps(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let name = part.trim_end_matches("[]");
        if !name.is_empty() {
            steps.push(name.to_owned());
        }
        steps.extend(std::iter::repeat_n("[]".to_owned(), (part.len() - name.len()) / 2));
    }
    steps
}

/// `list<int64>`, `struct<city: string, zip: string>`; none where the text is neither.
fn parse_nested(text: &str) -> Option<Result<DataType, Misread>> {
    let inner = |name: &str| text.strip_prefix(name)?.trim_start().strip_prefix('<')?.strip_suffix('>');
    if let Some(item) = inner("list") {
        return Some(parse_type(item).map(|t| DataType::List(Field::new_list_field(t, true).into())));
    }
    let fields = inner("struct")?;
    let (mut depth, mut start, mut parts) = (0i32, 0, Vec::new());
    for (at, c) in fields.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&fields[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&fields[start..]);
    let field = |part: &str| {
        let (name, data_type) =
            part.split_once(':').ok_or_else(|| Misread::new(format!("`{}` is not a field", part.trim())).hint("write `name: type`"))?;
        parse_type(data_type).map(|t| Field::new(name.trim(), t, true))
    };
    Some(parts.into_iter().map(field).collect::<Result<Vec<_>, _>>().map(|fields| DataType::Struct(fields.into())))
}

fn time_unit(text: &str) -> Result<TimeUnit, Misread> {
    match text {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        _ => Err(Misread::new(format!("`{text}` is not a unit of time")).hint("write s, ms, us or ns")),
    }
}

/// A type's name with its article: "an int64", "a date".
pub(crate) fn a_type(data_type: &DataType) -> String {
    let name = type_name(data_type);
    let an = name.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {name}", if an { "an" } else { "a" })
}

/// Whether values of `data_type` are text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The name of a type, as rule files and reports write it.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".into(),
        DataType::Boolean => "bool".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "binary".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("decimal({p},{s})")
        }
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "us",
                TimeUnit::Nanosecond => "ns",
            };
            match zone {
                Some(zone) => format!("timestamp({unit}, {zone})"),
                None => format!("timestamp({unit})"),
            }
        }
        DataType::Dictionary(_, values) => type_name(values),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => format!("list<{}>", type_name(field.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{}, {}>", type_name(fields[0].data_type()), type_name(fields[1].data_type()))
            }
            _ => "map".into(),
        },
        DataType::Union(..) => "union".into(),
        DataType::Struct(fields) => {
            let inner = |f: &std::sync::Arc<Field>| format!("{}: {}", f.name(), type_name(f.data_type()));
            format!("struct<{}>", fields.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}

/// The microseconds since 1970 of a date or timestamp of this type, rounded down; none for other types.
pub(crate) fn micros(data_type: &DataType, ticks: i128) -> Option<i128> {
    const PER_SECOND: i128 = 1_000_000;
    Some(match data_type {
        DataType::Date32 => ticks * 86_400 * PER_SECOND,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => ticks * 1_000,
        DataType::Timestamp(TimeUnit::Second, _) => ticks * PER_SECOND,
        DataType::Timestamp(TimeUnit::Microsecond, _) => ticks,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => ticks.div_euclid(1_000),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["bool", "int8", "uint64", "float32", "decimal(15,2)", "string", "date", "timestamp(ms)", "timestamp(us, UTC)"] {
            assert_eq!(type_name(&parse_type(name).expect(name)), name);
        }
        assert!(parse_type("itn64").expect_err("fault").to_string().contains("did you mean `int64`?"));
        assert!(parse_type("decimal(2,3)").is_err());
    }

    #[test]
    fn nested_names_round_trip() {
        for name in ["list<int64>", "struct<city: string, geo: struct<lat: float64, lon: decimal(9,6)>>", "list<struct<a: list<date>>>"] {
            assert_eq!(type_name(&parse_type(name).expect(name)), name);
        }
        assert!(parse_type("struct<a>").expect_err("fault").to_string().contains("name: type"));
    }
}
