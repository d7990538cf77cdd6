//! What values say about the type of their column.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use super::type_name;

/// What a text value looks like, ordered by how much it admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
            (
                Self::Boolean
                | Self::Integer
                | Self::WideInteger
                | Self::Float
                | Self::Date
                | Self::Timestamp
                | Self::TimestampZoned
                | Self::Text,
                _,
            ) => Self::Text,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) fn add_example(examples: &mut Vec<String>, text: &str) {
    if examples.len() < EXAMPLES_MAX {
        let text = shortened(text);
        if !examples.contains(&text) {
            examples.push(text);
        }
    }
}

/// Text short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// Adds up evidence column by column.
pub(crate) fn merge_evidence(into: &mut Vec<TypeEvidence>, more: &[TypeEvidence]) {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The column, or the path of a field.
    pub path: String,
    /// The most frequent first.
    pub kinds: Vec<KindCount>,
}

/// Values of one type among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
