//! The contract and the batch side by side, at every depth.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Fields};

use super::{ChangeKind, ColumnContract, Evolution, Observed, SchemaChange, SchemaSection, TypeName, change, type_change};
use crate::types::{path_steps, type_name};

/// A column, field or element as the contract has it.
struct Node<'a> {
    name: String,
    contract: Option<&'a ColumnContract>,
    /// None where nothing is said of its type.
    data_type: Option<DataType>,
    /// Its fields, or its elements under the name `[]`.
    children: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), contract: None, data_type: None, children: Vec::new() }
    }

    /// The node behind `steps`, made where it is not there.
    fn at<'n>(nodes: &'n mut Vec<Self>, steps: &[String]) -> Option<&'n mut Self> {
        let (first, rest) = steps.split_first()?;
        let index = nodes.iter().position(|n| n.name == *first).unwrap_or_else(|| {
            nodes.push(Self::new(first));
            nodes.len() - 1
        });
        let node = &mut nodes[index];
        if rest.is_empty() { Some(node) } else { Self::at(&mut node.children, rest) }
    }

    /// Takes a declared type; those of structs and lists say what lies below.
    fn declare(&mut self, data_type: &DataType) {
        let mut child = |name: &str, data_type: &DataType| {
            if let Some(child) = Self::at(&mut self.children, &[name.to_owned()]).filter(|c| c.data_type.is_none()) {
                child.declare(data_type);
            }
        };
        match data_type {
            DataType::Struct(fields) => fields.iter().for_each(|f| child(f.name(), f.data_type())),
            DataType::List(item) => child("[]", item.data_type()),
            _ => {}
        }
        self.data_type = Some(data_type.clone());
    }

    /// Its type as a change shows it.
    fn type_name(&self) -> Option<String> {
        let inner = |n: &Node<'_>| format!("{}: {}", n.name, n.type_name().unwrap_or_else(|| "any".into()));
        match (self.children.as_slice(), &self.data_type) {
            ([], data_type) => data_type.as_ref().map(type_name),
            ([item], _) if item.name == "[]" => Some(format!("list<{}>", item.type_name().unwrap_or_else(|| "any".into()))),
            (children, _) => Some(format!("struct<{}>", children.iter().map(inner).collect::<Vec<_>>().join(", "))),
        }
    }

    fn is_optional(&self) -> bool {
        self.contract.is_none_or(|c| c.required != Some(true)) && self.children.iter().all(Node::is_optional)
    }

    /// Whether a value of `found` could be one of this.
    fn fits(&self, found: &DataType) -> bool {
        match (&self.data_type, self.children.is_empty()) {
            (Some(expected), true) => type_change(expected, found) != Some(ChangeKind::TypeChanged),
            (None, true) => true,
            (_, false) => found.is_nested(),
        }
    }
}

/// What became of each node and each field: the field a node was found as.
struct Pairs {
    /// By node: the field's index and whether it bears the name, another case of it, or another name.
    found: Vec<Option<(usize, Bears)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bears {
    Name,
    OtherCase,
    OtherName,
}

impl Pairs {
    fn of(nodes: &[Node<'_>], fields: &Fields) -> Self {
        let by_name = |n: &Node<'_>| fields.iter().position(|f| *f.name() == n.name).map(|i| (i, Bears::Name));
        let mut pairs = Self { found: nodes.iter().map(by_name).collect() };
        pairs.pair(nodes, fields, |node, field| node.name.to_lowercase() == field.name().to_lowercase(), Bears::OtherCase);
        pairs.pair_by_place(nodes, fields);
        pairs
    }

    fn is_free(&self, field: usize) -> bool {
        !self.found.iter().flatten().any(|(i, _)| *i == field)
    }

    /// Pairs nodes that are gone with fields that came, where exactly one is alike.
    fn pair(&mut self, nodes: &[Node<'_>], fields: &Fields, alike: impl Fn(&Node<'_>, &Field) -> bool, bears: Bears) {
        for (n, node) in nodes.iter().enumerate() {
            let free: Vec<usize> = (0..fields.len()).filter(|&i| self.is_free(i) && alike(node, &fields[i])).collect();
            if let (None, [one]) = (self.found[n], free.as_slice()) {
                self.found[n] = Some((*one, bears));
            }
        }
    }

    /// Between the same neighbours, as many gone as came, one after the other of fitting types: probably renamed.
    fn pair_by_place(&mut self, nodes: &[Node<'_>], fields: &Fields) {
        let gaps = |of: &mut dyn Iterator<Item = Option<usize>>| {
            // Members of each gap, by the field before it and the field behind it.
            let (mut gaps, mut open, mut before) = (BTreeMap::<_, Vec<usize>>::new(), Vec::new(), None);
            for (member, anchor) in of.enumerate() {
                match anchor {
                    None => open.push(member),
                    Some(anchor) => {
                        gaps.insert((before, Some(anchor)), std::mem::take(&mut open));
                        before = Some(anchor);
                    }
                }
            }
            gaps.insert((before, None), open);
            gaps
        };
        let gone = gaps(&mut self.found.iter().map(|f| f.map(|(i, _)| i)));
        let came = gaps(&mut (0..fields.len()).map(|i| if self.is_free(i) { None } else { Some(i) }));
        for (place, gone) in gone {
            let Some(came) = came.get(&place).filter(|came| came.len() == gone.len()) else { continue };
            for (&node, &field) in gone.iter().zip(came) {
                if nodes[node].fits(fields[field].data_type()) {
                    self.found[node] = Some((field, Bears::OtherName));
                }
            }
        }
    }
}

impl SchemaSection {
    /// Every difference, in the contract's order, then what came, in the batch's.
    pub fn changes(&self, batch: &Observed<'_>) -> Vec<SchemaChange> {
        let mut nodes: Vec<Node<'_>> = Vec::new();
        for (name, contract) in &self.columns.0 {
            let whole = batch.schema.column_with_name(name).is_some();
            let steps = if whole { vec![name.clone()] } else { path_steps(name) };
            if let Some(node) = Node::at(&mut nodes, &steps) {
                node.contract = Some(&contract.value);
                if let Some(TypeName(data_type)) = &contract.r#type {
                    node.declare(data_type);
                }
            }
        }
        let mut comparing = Comparing { section: self, batch, changes: Vec::new() };
        comparing.fields("", &nodes, batch.schema.fields());
        comparing.changes
    }
}

struct Comparing<'a, 'b> {
    section: &'a SchemaSection,
    batch: &'a Observed<'b>,
    changes: Vec<SchemaChange>,
}

impl Comparing<'_, '_> {
    fn push(&mut self, path: &str, kind: ChangeKind, optional: bool, from: Option<String>, to: Option<String>, examples: Vec<String>) {
        let compatible = self.section.allows(kind, optional);
        self.changes.push(SchemaChange { from, to, examples, ..change(path, kind, compatible) });
    }

    /// Columns, or the fields of a struct at `path`.
    fn fields(&mut self, path: &str, nodes: &[Node<'_>], fields: &Fields) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let (added, removed) = match path {
            "" => (ChangeKind::ColumnAdded, ChangeKind::ColumnRemoved),
            _ => (ChangeKind::NestedFieldAdded, ChangeKind::NestedFieldRemoved),
        };
        let pairs = Pairs::of(nodes, fields);
        for (node, found) in nodes.iter().zip(&pairs.found) {
            let here = below(&node.name);
            let Some((field, bears)) = found.map(|(i, bears)| (&fields[i], bears)) else {
                self.push(&here, removed, node.is_optional(), node.type_name(), None, Vec::new());
                continue;
            };
            if bears != Bears::Name {
                let kind = if bears == Bears::OtherCase { ChangeKind::KeyCaseChanged } else { ChangeKind::ColumnRenamed };
                let optional = node.is_optional() && (field.is_nullable() || self.section.evolution == Evolution::Any);
                self.push(&here, kind, optional, Some(node.name.clone()), Some(field.name().clone()), Vec::new());
            }
            self.node(&below(field.name()), node, field);
        }
        if path.is_empty() && self.batch.is_ordered {
            self.order(nodes, fields, &pairs);
        }
        for (_, field) in fields.iter().enumerate().filter(|(i, _)| pairs.is_free(*i)) {
            self.push(&below(field.name()), added, field.is_nullable(), None, Some(type_name(field.data_type())), Vec::new());
        }
    }

    /// One column or field that is there.
    fn node(&mut self, path: &str, node: &Node<'_>, field: &Field) {
        let contradicted = self.batch.contradicted.iter().find(|(n, _)| n == path);
        let examples = contradicted.map(|(_, examples)| examples.clone()).unwrap_or_default();
        let types = || (node.type_name(), Some(type_name(field.data_type())));
        match (node.children.as_slice(), field.data_type()) {
            ([], found) => match node.data_type.as_ref().map(|expected| (type_change(expected, found), contradicted)) {
                Some((Some(kind), _)) => {
                    let (from, to) = types();
                    self.push(path, kind, true, from, to, examples);
                    let tally = self.batch.tallies.iter().find(|t| t.path == path);
                    if let (Some(change), Some(tally)) = (self.changes.last_mut(), tally) {
                        change.kinds.clone_from(&tally.kinds);
                    }
                }
                // Of the same type, yet not readable as the contract has it: its text has another form.
                Some((None, Some(_))) => {
                    let (from, to) = types();
                    let from = node.contract.and_then(|c| c.format.as_ref()).map(|f| f.value.clone()).or(from);
                    self.push(path, ChangeKind::FormatChanged, true, from, to, examples);
                }
                Some((None, None)) | None => {}
            },
            ([item], DataType::List(found) | DataType::LargeList(found) | DataType::FixedSizeList(found, _)) if item.name == "[]" => {
                self.node(&format!("{path}[]"), item, found);
            }
            (children, DataType::Struct(found)) if children.iter().all(|c| c.name != "[]") => self.fields(path, children, found),
            _ => {
                let (from, to) = types();
                self.push(path, ChangeKind::TypeChanged, true, from, to, examples);
            }
        }
        let Some(contract) = node.contract else { return };
        match (contract.required, self.batch.missing.get(path)) {
            (Some(true), Some(missing)) if *missing > 0 => {
                let (from, to) = (Some("required".to_owned()), Some(format!("{missing} missing")));
                self.push(path, ChangeKind::NullabilityRelaxed, true, from, to, Vec::new());
            }
            (Some(false), _) if !field.is_nullable() => {
                let (from, to) = (Some("optional".to_owned()), Some("required".to_owned()));
                self.push(path, ChangeKind::NullabilityTightened, true, from, to, Vec::new());
            }
            _ => {}
        }
    }

    /// Columns that stand elsewhere among those both sides have.
    fn order(&mut self, nodes: &[Node<'_>], fields: &Fields, pairs: &Pairs) {
        let there: Vec<(&str, usize)> = nodes.iter().zip(&pairs.found).filter_map(|(n, f)| Some((n.name.as_str(), (*f)?.0))).collect();
        let mut in_batch: Vec<usize> = there.iter().map(|(_, field)| *field).collect();
        in_batch.sort_unstable();
        for (to, field) in in_batch.iter().enumerate() {
            let from = there.iter().position(|(_, f)| f == field).unwrap_or(to);
            if from != to {
                let (before, now) = (Some(format!("position {}", from + 1)), Some(format!("position {}", to + 1)));
                self.push(fields[*field].name(), ChangeKind::Reordered, true, before, now, Vec::new());
            }
        }
    }
}
