//! What one contract changes of another, and what that breaks for whom.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::{Comparing, FoundChange, New};
use super::node::Node;
use super::{ChangeKind, Evolution, Observed, Optional, Readers, SchemaChange, SchemaSection};
use crate::types::places;

/// Columns that are compared.
#[derive(Clone, Copy)]
pub enum Columns<'a> {
    /// As a contract asks for them.
    Contract(&'a SchemaSection),
    /// As they were found.
    Found(&'a FoundColumns),
}

/// The columns of data that were read.
#[derive(Debug, Clone)]
pub struct FoundColumns {
    pub schema: Schema,
    /// Missing values by column, where counted.
    pub missing: BTreeMap<String, u64>,
    /// Columns that could not be read as the other side's types, with examples of their values.
    pub contradicted: Vec<(String, Vec<String>)>,
    /// Whether columns have an order.
    pub are_ordered: bool,
}

/// One difference, and what it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    #[serde(flatten)]
    pub change: SchemaChange,
    /// Whom it breaks; empty for nobody.
    pub breaks: Vec<Broken>,
}

/// Whom a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// Whoever reads old data by the new columns.
    NewReaders,
    /// Whoever reads new data by the old columns.
    OldReaders,
    /// Whoever still writes by the old columns: such batches fail the new contract.
    OldWriters,
}

impl Broken {
    pub const ALL: [Self; 3] = [Self::NewReaders, Self::OldReaders, Self::OldWriters];

    /// Who that is, in words.
    pub fn who(self) -> &'static str {
        match self {
            Self::NewReaders => "who reads old data by the new columns",
            Self::OldReaders => "who reads new data by the old columns",
            Self::OldWriters => "who still writes by the old columns",
        }
    }
}

/// Every difference between the columns `old` and `new`; `evolution` says which are compatible. Of columns that were found
/// beside a contract it says what judging them by the contract says.
pub fn diff(old: Columns<'_>, new: Columns<'_>, evolution: Evolution) -> Vec<Difference> {
    let (is_contract, was_contract) = (matches!(new, Columns::Contract(_)), matches!(old, Columns::Contract(_)));
    let observed = match new {
        Columns::Contract(_) => None,
        Columns::Found(found) => Some(Observed {
            schema: &found.schema,
            contradicted: &found.contradicted,
            missing: &found.missing,
            tallies: &[],
            profiles: None,
            is_ordered: found.are_ordered && !matches!(old, Columns::Found(old) if !old.are_ordered),
        }),
    };
    let side = match &observed {
        Some(batch) => New::Batch { batch, lost_are_missed: was_contract },
        None => New::Contract { are_ordered: !matches!(old, Columns::Found(old) if !old.are_ordered) },
    };
    let mut comparing = Comparing::new(evolution, side);
    comparing.nodes("", &old.nodes(new, is_contract), &new.nodes(old, is_contract));
    let difference = |FoundChange { change, optional, is_renamed, readers }| {
        let is_broken = |who: &Broken| match who {
            Broken::NewReaders => !readers.new_read_old,
            Broken::OldReaders => !readers.old_read_new,
            Broken::OldWriters => is_contract && !is_renamed && !passes_still(change.kind, optional, evolution),
        };
        Difference { breaks: Broken::ALL.into_iter().filter(is_broken).collect(), change }
    };
    comparing.found.into_iter().map(difference).collect()
}

/// Whether a batch that keeps to the old columns passes the new contract, as far as one change goes.
fn passes_still(kind: ChangeKind, optional: Optional, evolution: Evolution) -> bool {
    // Rows without a value would be set aside.
    if kind == ChangeKind::NullabilityTightened {
        return false;
    }
    let seen = kind.reversed();
    let is_missed = seen.takes_a_column_away() && !optional.new;
    // To the new contract the old batch is the new side. A column that it brings is taken as one that may be missing.
    let readers = Readers::after(seen, Optional { old: optional.new, new: true });
    // Where no value need be there, those of the old columns are more than is asked for.
    kind == ChangeKind::NullabilityRelaxed || (!is_missed && evolution.allows(readers))
}

impl Columns<'_> {
    fn nodes(self, beside: Self, towards_contract: bool) -> Vec<Node> {
        match self {
            Self::Contract(section) => {
                let there = match beside {
                    Self::Contract(_) => HashMap::new(),
                    Self::Found(found) => places(&found.schema),
                };
                let is_column = |name: &str| there.contains_key(name);
                let mut nodes = Node::of_contract(section, is_column);
                if towards_contract {
                    nodes.iter_mut().for_each(Node::need_not_be_there);
                }
                nodes
            }
            Self::Found(found) => {
                let mut nodes = Node::of_fields(found.schema.fields());
                for node in &mut nodes {
                    node.forget_nullable();
                    // Nothing says of what type its values are.
                    node.data_type = node.data_type.take().filter(|data_type| *data_type != DataType::Null);
                    if towards_contract && found.missing.get(&node.name).is_some_and(|missing| *missing > 0) {
                        node.required = Some(false);
                    }
                }
                nodes
            }
        }
    }
}
