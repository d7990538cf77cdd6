//! How values are read, and what the contract says of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use crate::source::ContractColumn;
use crate::types::type_name;

/// How the values at one path are read.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadPlan {
    Scalar(ScalarPlan),
    /// Values of several kinds: strings as they are, all else as its JSON text.
    Text,
    Struct(Vec<(String, ReadPlan)>),
    List(Box<ReadPlan>),
}

/// How a scalar is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarPlan {
    pub data_type: DataType,
    /// strftime format of a date or timestamp.
    pub format: Option<String>,
    /// A guess gives way to what contradicts it; the contract does not.
    pub guessed: bool,
}

impl ReadPlan {
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Scalar(plan) => plan.data_type.clone(),
            Self::Text => DataType::Utf8,
            Self::Struct(_) => DataType::Struct(self.fields().into()),
            Self::List(item) => DataType::List(Field::new_list_field(item.data_type(), true).into()),
        }
    }

    /// The fields of a struct, all of them nullable: any key may be absent.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Struct(fields) => fields.iter().map(|(name, plan)| Field::new(name, plan.data_type(), true)).collect(),
            Self::Scalar(_) | Self::Text | Self::List(_) => Vec::new(),
        }
    }
}

/// What the contract says of a path and what lies below it.
#[derive(Debug, Clone, Default)]
pub struct ContractNode {
    pub data_type: Option<DataType>,
    pub format: Option<String>,
    fields: Vec<(String, ContractNode)>,
    /// Where each of them stands.
    places: HashMap<String, usize>,
    items: Option<Box<ContractNode>>,
    /// Paths at which the data said otherwise.
    pub overruled: Arc<HashSet<String>>,
}

impl ContractNode {
    /// The contract's columns, whose names may be paths, as a tree; what it says of `overruled` paths does not count.
    pub fn new(columns: &[ContractColumn], overruled: Vec<String>) -> Self {
        let mut root = Self::default();
        for column in columns.iter().filter(|column| column.is_strict) {
            if let (Some(node), Some(data_type)) = (root.at(std::slice::from_ref(&column.name)), &column.data_type) {
                node.strict(data_type);
            }
        }
        for column in columns.iter().filter(|column| !column.is_strict) {
            // A name with a dot may be a key with a dot: then it stands at the top as it is.
            for steps in [vec![column.name.clone()], crate::types::path_steps(&column.name)] {
                if let Some(node) = root.at(&steps) {
                    (node.data_type, node.format) = (column.data_type.clone(), column.format.clone());
                }
            }
        }
        root.rule_over(&Arc::new(overruled.into_iter().collect()));
        root
    }

    /// Takes over a table's type. What is text there is left to the values: a table
    /// also holds as text what was of several kinds.
    fn strict(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Struct(fields) => {
                for field in fields {
                    if let Some(node) = self.at(std::slice::from_ref(field.name())) {
                        node.strict(field.data_type());
                    }
                }
            }
            DataType::List(item) => self.items.get_or_insert_default().strict(item.data_type()),
            DataType::Utf8 | DataType::Binary | DataType::Map(..) => {}
            scalar => self.data_type = Some(scalar.clone()),
        }
    }

    /// The node behind `steps`: keys, or `[]` for the elements of a list.
    fn at(&mut self, steps: &[String]) -> Option<&mut Self> {
        let Some((first, rest)) = steps.split_first() else { return Some(self) };
        if first == "[]" {
            return self.items.get_or_insert_default().at(rest);
        }
        let index = *self.places.entry(first.clone()).or_insert_with(|| {
            self.fields.push((first.clone(), Self::default()));
            self.fields.len() - 1
        });
        self.fields[index].1.at(rest)
    }

    fn rule_over(&mut self, overruled: &Arc<HashSet<String>>) {
        self.overruled = overruled.clone();
        self.fields.iter_mut().for_each(|(_, field)| field.rule_over(overruled));
        self.items.iter_mut().for_each(|items| items.rule_over(overruled));
    }

    /// The same without what it says of this path's own type.
    pub fn without_type(&self) -> Self {
        Self { data_type: None, format: None, ..self.clone() }
    }

    /// What it says of the key `name`: by its path, else by the struct's type.
    pub fn field(&self, name: &str) -> Self {
        let by_type = match &self.data_type {
            Some(DataType::Struct(fields)) => fields.iter().find(|f| f.name() == name).map(|f| f.data_type().clone()),
            _ => None,
        };
        self.below(self.places.get(name).map(|&place| &self.fields[place].1), by_type)
    }

    /// What it says of the elements.
    pub fn items(&self) -> Self {
        let by_type = match &self.data_type {
            Some(DataType::List(item)) => Some(item.data_type().clone()),
            _ => None,
        };
        self.below(self.items.as_deref(), by_type)
    }

    /// The keys it knows below this path.
    pub fn names(&self) -> Vec<String> {
        let typed = match &self.data_type {
            Some(DataType::Struct(fields)) => fields.iter().map(|f| f.name().clone()).collect(),
            _ => Vec::new(),
        };
        let known: HashSet<&String> = typed.iter().collect();
        let more: Vec<String> = self.fields.iter().map(|(name, _)| name).filter(|name| !known.contains(name)).cloned().collect();
        typed.into_iter().chain(more).collect()
    }

    /// Whether it says that a list is here.
    pub fn has_items(&self) -> bool {
        self.items.is_some() || matches!(self.data_type, Some(DataType::List(_)))
    }

    fn below(&self, by_path: Option<&Self>, by_type: Option<DataType>) -> Self {
        let mut below = by_path.cloned().unwrap_or_else(|| Self { overruled: self.overruled.clone(), ..Self::default() });
        below.data_type = below.data_type.or(by_type);
        below
    }
}

/// A type's name for a message, with its article.
pub(super) fn a_type_of(plan: &ReadPlan) -> String {
    match plan {
        ReadPlan::Struct(_) => "an object".into(),
        ReadPlan::List(_) => "an array".into(),
        ReadPlan::Scalar(_) | ReadPlan::Text => {
            let name = type_name(&plan.data_type());
            format!("{} {name}", if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" })
        }
    }
}
