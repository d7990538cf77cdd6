//! Type names as rule files write them, and what text says about its own type.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// Reads a type as a rule file writes it: `int64`, `decimal(15,2)`, `timestamp(ms, UTC)`, …
///
/// # Errors
/// The name is not a type's.
pub fn parse_type(text: &str) -> Result<DataType, String> {
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
            let wrong = || format!("`{text}`: precision is 1 to 38, scale 0 to the precision");
            let precision: u8 = precision.parse().map_err(|_| wrong())?;
            let scale: i8 = scale.parse().map_err(|_| wrong())?;
            if precision == 0 || precision > 38 || scale < 0 || scale as u8 > precision {
                return Err(wrong());
            }
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => {
            let known = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"];
            let more = ["decimal(15,2)", "string", "binary", "date", "timestamp", "timestamp(ms)", "timestamp(us, UTC)"];
            let fault = crate::diagnostic::Fault::new(crate::diagnostic::Code::InvalidValue, format!("`{text}` is not a type"));
            let fault = fault.hint_nearest(name, known.into_iter().chain(more));
            Err(format!("{}; {}", fault.what, fault.hint.unwrap_or_default()))
        }
    }
}

/// A path as its steps: keys, and `[]` for the elements of a list. `items[].price` is `items`, `[]`, `price`.
pub fn path_steps(path: &str) -> Vec<String> {
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
fn parse_nested(text: &str) -> Option<Result<DataType, String>> {
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
        let (name, data_type) = part.split_once(':').ok_or_else(|| format!("`{}` is not a field; write `name: type`", part.trim()))?;
        parse_type(data_type).map(|t| Field::new(name.trim(), t, true))
    };
    Some(parts.into_iter().map(field).collect::<Result<Vec<_>, _>>().map(|fields| DataType::Struct(fields.into())))
}

fn time_unit(text: &str) -> Result<TimeUnit, String> {
    match text {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        _ => Err(format!("`{text}` is not a unit of time; write s, ms, us or ns")),
    }
}

/// A type's name with its article: "an int64", "a date".
pub fn a_type(data_type: &DataType) -> String {
    let name = type_name(data_type);
    let an = name.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {name}", if an { "an" } else { "a" })
}

/// Whether values of `data_type` are text.
pub fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The name of a type, as rule files and reports write it.
pub fn type_name(data_type: &DataType) -> String {
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

/// What a text value looks like, ordered by how much it admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Class {
    /// No value seen.
    Missing,
    Boolean,
    Integer,
    /// An integer that a float cannot hold exactly.
    WideInteger,
    Float,
    Date,
    Timestamp,
    /// A timestamp that carries its offset from UTC.
    TimestampZoned,
    Text,
}

impl Class {
    /// The narrowest class that admits both.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Missing, x) | (x, Self::Missing) => x,
            (Self::Integer, Self::Float) | (Self::Float, Self::Integer) => Self::Float,
            (Self::Integer, Self::WideInteger) | (Self::WideInteger, Self::Integer) => Self::WideInteger,
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            _ => Self::Text,
        }
    }

    /// The type a column of this class is read as.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer | Self::WideInteger => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampZoned => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Missing | Self::Text => DataType::Utf8,
        }
    }

    /// The class whose values a column of `data_type` admits.
    pub fn of_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => Self::Float,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampZoned,
            t if t.is_integer() => Self::Integer,
            _ => Self::Text,
        }
    }
}

/// What one unit says against the type its column was read as.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TypeEvidence {
    /// Index into the source's schema.
    pub column: usize,
    /// Join of the classes of the values that could not be read as the column's type.
    pub class: Class,
    /// How many values could not be read.
    pub failures: u64,
    /// How many values were there to be read.
    pub present: u64,
    /// A few of the values that could not be read.
    pub examples: Vec<String>,
    /// In a column of several kinds of values: how many there are of each, with examples.
    pub kinds: BTreeMap<Class, (u64, Vec<String>)>,
}

impl TypeEvidence {
    /// Nothing seen yet.
    pub fn new(column: usize) -> Self {
        Self { column, class: Class::Missing, failures: 0, present: 0, examples: Vec::new(), kinds: BTreeMap::new() }
    }

    /// Counts a value of a column that holds several kinds.
    pub fn count_kind(&mut self, class: Class, text: &str) {
        let (count, examples) = self.kinds.entry(class).or_default();
        *count += 1;
        add_example(examples, text);
    }
}

/// Examples kept of a kind of value.
const EXAMPLES_MAX: usize = 3;

/// Keeps `text`, shortened, if it is new and there is room.
pub fn add_example(examples: &mut Vec<String>, text: &str) {
    if examples.len() < EXAMPLES_MAX {
        let text = shortened(text);
        if !examples.contains(&text) {
            examples.push(text);
        }
    }
}

/// Text short enough for a message.
pub fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// Adds up evidence column by column.
pub fn merge_evidence(into: &mut Vec<TypeEvidence>, more: &[TypeEvidence]) {
    for evidence in more {
        match into.iter_mut().find(|e| e.column == evidence.column) {
            Some(seen) => {
                seen.class = seen.class.join(evidence.class);
                seen.failures += evidence.failures;
                seen.present += evidence.present;
                evidence.examples.iter().for_each(|e| add_example(&mut seen.examples, e));
                for (class, (count, examples)) in &evidence.kinds {
                    let kind = seen.kinds.entry(*class).or_default();
                    kind.0 += count;
                    examples.iter().for_each(|e| add_example(&mut kind.1, e));
                }
            }
            None => into.push(evidence.clone()),
        }
    }
}

/// How many values of which type stand in a column of several.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// The column, or the path of a field.
    pub path: String,
    /// The most frequent first.
    pub kinds: Vec<KindCount>,
}

/// Values of one type among others.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct KindCount {
    #[serde(rename = "type")]
    pub data_type: String,
    pub count: u64,
    /// A few of them.
    pub examples: Vec<String>,
}

impl Tally {
    /// From the classes of the texts in a column.
    pub fn of_classes(path: &str, kinds: &BTreeMap<Class, (u64, Vec<String>)>) -> Self {
        let named = |(class, (count, examples)): (&Class, &(u64, Vec<String>))| (type_name(&class.data_type()), *count, examples.clone());
        Self::new(path, kinds.iter().map(named).collect())
    }

    /// The most frequent type first; types of one name come together.
    pub fn new(path: &str, kinds: Vec<(String, u64, Vec<String>)>) -> Self {
        let mut all: Vec<KindCount> = Vec::new();
        for (data_type, count, examples) in kinds {
            match all.iter_mut().find(|known| known.data_type == data_type) {
                Some(known) => {
                    known.count += count;
                    examples.iter().for_each(|e| add_example(&mut known.examples, e));
                }
                None => all.push(KindCount { data_type, count, examples }),
            }
        }
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.data_type.cmp(&b.data_type)));
        Self { path: path.to_owned(), kinds: all }
    }
}

/// The microseconds since 1970 of a date or timestamp of this type, rounded down; none for other types.
pub fn micros(data_type: &DataType, ticks: i128) -> Option<i128> {
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
        assert!(parse_type("itn64").expect_err("fault").contains("did you mean `int64`?"));
        assert!(parse_type("decimal(2,3)").is_err());
    }

    #[test]
    fn nested_names_round_trip() {
        for name in ["list<int64>", "struct<city: string, geo: struct<lat: float64, lon: decimal(9,6)>>", "list<struct<a: list<date>>>"] {
            assert_eq!(type_name(&parse_type(name).expect(name)), name);
        }
        assert!(parse_type("struct<a>").expect_err("fault").contains("name: type"));
    }

    #[test]
    fn join_is_commutative_and_associative() {
        use Class::*;
        let all = [Missing, Boolean, Integer, WideInteger, Float, Date, Timestamp, TimestampZoned, Text];
        for a in all {
            for b in all {
                assert_eq!(a.join(b), b.join(a));
                for c in all {
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)));
                }
            }
        }
    }
}
