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
    /// Type, count, and a few examples, most frequent first.
    pub types: Vec<(String, u64, Vec<String>)>,
}

impl Tally {
    /// From the classes of the texts in a column.
    pub fn of_classes(path: &str, kinds: &BTreeMap<Class, (u64, Vec<String>)>) -> Self {
        let named = |(class, (count, examples)): (&Class, &(u64, Vec<String>))| (type_name(&class.data_type()), *count, examples.clone());
        Self::new(path, kinds.iter().map(named).collect())
    }

    /// The most frequent type first; types of one name come together.
    pub fn new(path: &str, kinds: Vec<(String, u64, Vec<String>)>) -> Self {
        let mut types: Vec<(String, u64, Vec<String>)> = Vec::new();
        for (name, count, examples) in kinds {
            match types.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, sum, all)) => {
                    *sum += count;
                    examples.iter().for_each(|e| add_example(all, e));
                }
                None => types.push((name, count, examples)),
            }
        }
        types.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Self { path: path.to_owned(), types }
    }
}
