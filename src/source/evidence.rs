//! What the data says of its own types, and what of that a report shows.

use std::collections::BTreeMap;

use super::json::Shape;
use crate::types::{Class, TypeEvidence, add_example, type_name};

/// What a unit, or all units so far, say against or beyond the types their columns were read as.
#[derive(Debug, Clone, Default)]
pub enum Evidence {
    /// The format knows its types.
    #[default]
    None,
    /// Delimited text: column by column.
    Columns(Vec<TypeEvidence>),
    /// JSON: value by value, at any depth.
    Shape(Box<Shape>),
}

impl Evidence {
    /// Takes in what the units that follow say.
    pub fn merge(&mut self, later: Self) {
        match (&mut *self, later) {
            (_, Self::None) => {}
            (Self::Columns(seen), Self::Columns(more)) => crate::types::merge_evidence(seen, &more),
            (Self::Shape(seen), Self::Shape(more)) => seen.merge(*more),
            (_, later) => *self = later,
        }
    }
}

/// How many values of which type stand in a column of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The column, or the path of a field.
    pub path: String,
    /// The most frequent first.
    pub kinds: Vec<KindCount>,
}

/// Values of one type among others.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
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
