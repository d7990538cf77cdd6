//! The columns of earlier data as a contract: those of a baseline, or of the last recorded run.

use std::fmt;

use arrow::datatypes::DataType;

use super::compare::{Comparing, New};
use super::node::Node;
use super::profile::ColumnProfile;
use super::{ChangeKind, Evolution, Observed, SchemaChange};

/// The columns of earlier data.
#[derive(Debug, Clone)]
pub struct EarlierColumns {
    pub whose: Whose,
    /// The file, or the run.
    pub name: String,
    pub columns: Vec<EarlierColumn>,
}

/// Whose columns they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Baseline,
    LastRun,
    /// Of what the rule file names in their place.
    Named,
}

/// A column of earlier data.
#[derive(Debug, Clone)]
pub struct EarlierColumn {
    pub name: String,
    /// None of a type that has no name in rule files.
    pub data_type: Option<DataType>,
    pub nullable: bool,
    pub profile: ColumnProfile,
}

impl fmt::Display for EarlierColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whose {
            Whose::Baseline => write!(f, "the baseline {}", self.name),
            Whose::LastRun => write!(f, "the last run {}", self.name),
            Whose::Named => f.write_str(&self.name),
        }
    }
}

/// Who says of what types a batch's columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypesBy {
    /// The files themselves.
    Files,
    /// All values of JSON together: text is no number there.
    JsonValues,
    /// What all texts look like.
    Texts,
}

impl EarlierColumns {
    /// How a batch differs from them; `without_values` names its columns of which no value was seen.
    pub fn changes(&self, batch: &Observed<'_>, evolution: Evolution, types: TypesBy, without_values: &[String]) -> Vec<SchemaChange> {
        let old: Vec<Node> = self.columns.iter().map(EarlierColumn::node).collect();
        let new = Node::of_fields(batch.schema.fields());
        let mut comparing = Comparing::new(evolution, New::Batch { batch, lost_are_missed: false });
        comparing.nodes("", &old, &new);
        let is_change =
            |change: &SchemaChange| !(may_be_chance(change, types) || is_about_type(change) && without_values.contains(&change.path));
        comparing.found.into_iter().map(|found| found.change).filter(is_change).collect()
    }
}

impl EarlierColumn {
    fn node(&self) -> Node {
        Node::of_earlier(&self.name, self.data_type.as_ref(), self.nullable)
    }
}

/// Whether the values at hand just happen to look as of another type: each of them is one of the earlier type too.
fn may_be_chance(change: &SchemaChange, types: TypesBy) -> bool {
    let is_of_type = |kind| change.kind == kind;
    let has_no_type = [&change.from, &change.to].iter().any(|name| name.as_deref() == Some("null"));
    let was_text = change.from.as_deref() == Some("string");
    is_about_type(change)
        && (has_no_type
            || (is_of_type(ChangeKind::TypeNarrowed) && types != TypesBy::Files)
            || (is_of_type(ChangeKind::TypeChanged) && types == TypesBy::Texts && was_text))
}

fn is_about_type(change: &SchemaChange) -> bool {
    matches!(change.kind, ChangeKind::TypeChanged | ChangeKind::TypeNarrowed | ChangeKind::TypeWidened)
}
