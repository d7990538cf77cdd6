//! The bytes of Avro records, as the schema lays them out.
//!
//! The library accepts bytes that are no valid record: of a union it takes every branch number but that of null for the other
//! branch, and every byte but 0 for true; and it never ends where bytes stand behind a block's last record. So all records are
//! gone through here first.

use std::collections::HashMap;

use serde_json::Value;

use super::long;

/// Elements that take no bytes: a list of more is no data.
const EMPTY_ELEMENTS_MAX: u64 = 1 << 20;

/// How a value is written.
#[derive(Debug, Clone)]
pub(super) enum AvroType {
    Null,
    Boolean,
    Int,
    Long,
    /// Bytes or text behind their length.
    Bytes,
    Fixed(usize),
    Enum(u64),
    Union(Vec<Self>),
    /// Elements in blocks.
    Array(Box<Self>),
    Map(Box<Self>),
    Record(Vec<Self>),
}

impl AvroType {
    /// Of a schema as JSON; none where it is not one.
    pub(super) fn of(schema: &str) -> Option<Self> {
        parse(&serde_json::from_str(schema).ok()?, "", &mut HashMap::new())
    }

    /// Whether `bytes` are exactly so many values.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn agrees(&self, values: u64, mut bytes: &[u8]) -> Result<(), String> {
        for value in 1..=values {
            let before = bytes.len();
            self.pass(&mut bytes).map_err(|why| format!("record {value} of a block of {values}: {why}"))?;
            if bytes.len() == before {
                break;
            }
        }
        if bytes.is_empty() { Ok(()) } else { Err(format!("{} bytes stand behind the {values} records of a block", bytes.len())) }
    }

    /// Whether `bytes` are exactly one value.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn is_one(&self, mut bytes: &[u8]) -> Result<(), String> {
        self.pass(&mut bytes)?;
        if bytes.is_empty() { Ok(()) } else { Err(format!("{} bytes stand behind the record", bytes.len())) }
    }

    /// Takes one value off `bytes`.
    fn pass(&self, bytes: &mut &[u8]) -> Result<(), &'static str> {
        match self {
            Self::Null => Ok(()),
            Self::Boolean if matches!(take(bytes, 1)?, [0 | 1]) => Ok(()),
            Self::Boolean => Err("a boolean is neither true nor false"),
            Self::Int => i32::try_from(number(bytes)?).map(|_| ()).map_err(|_| "an int has more than 32 bits"),
            Self::Long => number(bytes).map(|_| ()),
            Self::Bytes => pass_bytes(bytes),
            Self::Fixed(len) => take(bytes, *len).map(|_| ()),
            Self::Enum(symbols) if u64::try_from(number(bytes)?).is_ok_and(|index| index < *symbols) => Ok(()),
            Self::Enum(_) => Err("an enum has no such symbol"),
            Self::Union(branches) => {
                let branch = usize::try_from(number(bytes)?).ok().and_then(|branch| branches.get(branch));
                branch.ok_or("a union has no such branch")?.pass(bytes)
            }
            Self::Array(item) => pass_blocks(bytes, &mut |bytes| item.pass(bytes)),
            Self::Map(value) => pass_blocks(bytes, &mut |bytes| pass_bytes(bytes).and_then(|()| value.pass(bytes))),
            Self::Record(fields) => fields.iter().try_for_each(|field| field.pass(bytes)),
        }
    }
}

fn number(bytes: &mut &[u8]) -> Result<i64, &'static str> {
    long(bytes).ok_or("a number is cut short")
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or("a value is cut short")?;
    *bytes = rest;
    Ok(taken)
}

fn pass_bytes(bytes: &mut &[u8]) -> Result<(), &'static str> {
    let len = usize::try_from(number(bytes)?).map_err(|_| "a length is negative")?;
    take(bytes, len).map(|_| ())
}

/// A negative number of elements has its size in bytes behind it.
fn pass_blocks(bytes: &mut &[u8], element: &mut dyn FnMut(&mut &[u8]) -> Result<(), &'static str>) -> Result<(), &'static str> {
    loop {
        let count = number(bytes)?;
        if count == 0 {
            return Ok(());
        }
        let size = if count < 0 { Some(number(bytes)?) } else { None };
        let whole = bytes.len();
        for _ in 0..count.unsigned_abs() {
            let before = bytes.len();
            element(bytes)?;
            if bytes.len() == before && count.unsigned_abs() > EMPTY_ELEMENTS_MAX {
                return Err("a list of too many elements that take no bytes");
            }
        }
        if size.is_some_and(|size| usize::try_from(size) != Ok(whole - bytes.len())) {
            return Err("a list takes other bytes than it says");
        }
    }
}

/// Named types are known by their full names from their definition on.
fn parse(schema: &Value, space: &str, names: &mut HashMap<String, AvroType>) -> Option<AvroType> {
    let full = |name: &str, space: &str| if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") };
    let object = match schema {
        Value::String(name) => {
            return match name.as_str() {
                "null" => Some(AvroType::Null),
                "boolean" => Some(AvroType::Boolean),
                "int" => Some(AvroType::Int),
                "long" => Some(AvroType::Long),
                "float" => Some(AvroType::Fixed(4)),
                "double" => Some(AvroType::Fixed(8)),
                "bytes" | "string" => Some(AvroType::Bytes),
                name => names.get(&full(name, space)).or_else(|| names.get(name)).cloned(),
            };
        }
        Value::Array(branches) => {
            return branches.iter().map(|branch| parse(branch, space, names)).collect::<Option<_>>().map(AvroType::Union);
        }
        Value::Object(object) => object,
        _ => return None,
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let name = text("name").unwrap_or_default();
    // A name with dots says its namespace itself.
    let space = name.rsplit_once('.').map_or_else(|| text("namespace").unwrap_or(space), |(space, _)| space).to_owned();
    let parsed = match text("type") {
        Some("array") => return Some(AvroType::Array(Box::new(parse(object.get("items")?, &space, names)?))),
        Some("map") => return Some(AvroType::Map(Box::new(parse(object.get("values")?, &space, names)?))),
        Some("enum") => AvroType::Enum(object.get("symbols")?.as_array()?.len() as u64),
        Some("fixed") => AvroType::Fixed(usize::try_from(object.get("size")?.as_u64()?).ok()?),
        Some("record" | "error") => {
            let fields = object.get("fields")?.as_array()?;
            AvroType::Record(fields.iter().map(|field| parse(field.get("type")?, &space, names)).collect::<Option<_>>()?)
        }
        _ => return parse(object.get("type")?, &space, names),
    };
    names.insert(full(name, &space), parsed.clone());
    Some(parsed)
}
