//! Columns as trees: the fields of structs and the elements of lists lie below their columns.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Fields};

use super::{ChangeKind, ColumnContract, SchemaSection, TypeName, type_change};
use crate::types::{path_steps, type_name};

/// A column, field or element, as a contract or a batch has it.
pub(super) struct Node {
    pub name: String,
    /// None where nothing is said of its type.
    pub data_type: Option<DataType>,
    /// Whether every row has a value; none where nothing is said of it.
    pub required: Option<bool>,
    /// How a date or time is written, where that is said.
    pub format: Option<String>,
    /// Its fields, or its elements under the name `[]`.
    pub children: Vec<Node>,
    /// Whether a row without this has nothing of what lies below either. Of a contract that is not so: `address.city: { required: true }`
    /// asks for a city in every row.
    holds_children: bool,
}

impl Node {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), data_type: None, required: None, format: None, children: Vec::new(), holds_children: false }
    }

    /// The columns of a contract; `is_column` says which names are those of columns though they look like paths.
    pub(super) fn of_contract(section: &SchemaSection, is_column: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut all = Growing::new("");
        for (name, contract) in &section.columns.0 {
            let steps = if is_column(name) { vec![name.clone()] } else { path_steps(name) };
            if !steps.is_empty() {
                all.at(&steps).agree(&contract.value);
            }
        }
        all.into_node().children
    }

    /// The columns of a batch or table.
    pub(super) fn of_fields(fields: &Fields) -> Vec<Self> {
        fields.iter().map(|field| Self::of_field(field.name(), field)).collect()
    }

    /// A column of earlier data: what none of their rows lacked is no promise, unless their file made it one.
    pub(super) fn of_earlier(name: &str, data_type: Option<&DataType>, nullable: bool) -> Self {
        let mut node = match data_type {
            Some(data_type) => Self::of_field(name, &Field::new(name, data_type.clone(), nullable)),
            None => Self::new(name),
        };
        node.forget_nullable();
        node
    }

    fn of_field(name: &str, field: &Field) -> Self {
        let children = match field.data_type() {
            DataType::Struct(fields) => Self::of_fields(fields),
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => vec![Self::of_field("[]", item)],
            _ => Vec::new(),
        };
        let (data_type, required) = (Some(field.data_type().clone()), Some(!field.is_nullable()));
        Self { data_type, required, children, holds_children: true, ..Self::new(name) }
    }

    /// Takes it as said that values may be missing, where a contract does not require them.
    pub(super) fn need_not_be_there(&mut self) {
        self.required = Some(self.required == Some(true));
        self.children.iter_mut().for_each(Self::need_not_be_there);
    }

    /// That values may be missing says nothing of data: none may be missing all the same.
    pub(super) fn forget_nullable(&mut self) {
        self.required = self.required.filter(|required| *required);
        self.children.iter_mut().for_each(Self::forget_nullable);
    }

    /// Its type as a change shows it.
    pub(super) fn type_name(&self) -> Option<String> {
        let inner = |n: &Self| format!("{}: {}", n.name, n.type_name().unwrap_or_else(|| "any".into()));
        match (self.children.as_slice(), &self.data_type) {
            ([], data_type) => data_type.as_ref().map(type_name),
            ([item], _) if item.name == "[]" => Some(format!("list<{}>", item.type_name().unwrap_or_else(|| "any".into()))),
            (children, _) => Some(format!("struct<{}>", children.iter().map(inner).collect::<Vec<_>>().join(", "))),
        }
    }

    /// Whether a batch without it has all that is needed.
    pub(super) fn is_optional(&self) -> bool {
        self.required != Some(true) && (self.holds_children || self.children.iter().all(Self::is_optional))
    }

    /// Whether a value of `found` could be one of this.
    pub(super) fn fits(&self, found: &Self) -> bool {
        match (&self.data_type, &found.data_type, self.children.is_empty()) {
            (Some(expected), Some(found), true) => type_change(expected, found) != Some(ChangeKind::TypeChanged),
            (None, _, true) | (_, None, true) => true,
            (_, Some(found), false) => found.is_nested(),
            (_, None, false) => !found.children.is_empty(),
        }
    }

    /// Its elements, if it is a list.
    pub(super) fn item(&self) -> Option<&Self> {
        match self.children.as_slice() {
            [item] if item.name == "[]" => Some(item),
            _ => None,
        }
    }

    /// Its fields, if it is a struct.
    pub(super) fn fields(&self) -> Option<&[Self]> {
        let is_struct = matches!(self.data_type, Some(DataType::Struct(_))) || !self.children.is_empty();
        (is_struct && self.item().is_none()).then_some(&self.children)
    }

    /// Whether nothing is said of its type.
    pub(super) fn is_anything(&self) -> bool {
        self.data_type.is_none() && self.children.is_empty()
    }
}

/// A node of a contract while its paths are read, with what lies below by name: a contract may have as many columns as it likes.
struct Growing {
    node: Node,
    children: Vec<Growing>,
    places: HashMap<String, usize>,
}

impl Growing {
    fn new(name: &str) -> Self {
        Self { node: Node::new(name), children: Vec::new(), places: HashMap::new() }
    }

    /// The node behind `steps`, made where it is not there.
    fn at(&mut self, steps: &[String]) -> &mut Self {
        let Some((first, rest)) = steps.split_first() else { return self };
        let index = *self.places.entry(first.clone()).or_insert_with(|| {
            self.children.push(Self::new(first));
            self.children.len() - 1
        });
        self.children[index].at(rest)
    }

    fn agree(&mut self, contract: &ColumnContract) {
        self.node.required = contract.required;
        self.node.format = contract.format.as_ref().map(|format| format.value.clone());
        if let Some(TypeName(data_type)) = &contract.r#type {
            self.declare(data_type);
        }
    }

    /// Takes a declared type; those of structs and lists say what lies below.
    fn declare(&mut self, data_type: &DataType) {
        let mut child = |name: &str, data_type: &DataType| {
            let child = self.at(&[name.to_owned()]);
            if child.node.data_type.is_none() {
                child.declare(data_type);
            }
        };
        match data_type {
            DataType::Struct(fields) => fields.iter().for_each(|f| child(f.name(), f.data_type())),
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => child("[]", item.data_type()),
            _ => {}
        }
        self.node.data_type = Some(data_type.clone());
    }

    fn into_node(self) -> Node {
        Node { children: self.children.into_iter().map(Self::into_node).collect(), ..self.node }
    }
}
