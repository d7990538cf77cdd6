//! Two sets of columns side by side, at every depth.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::DataType;

use super::change::LIKE;
use super::node::Node;
use super::profile::{ALIKE_MIN, Profiles, UNLIKE_MAX};
use super::scale::scale_shift;
use super::written::{Rewritten, rewritten};
use super::{ChangeKind, Evolution, Observed, Optional, Readers, SchemaChange, SchemaSection, type_change};
use crate::metric::is_numeric;
use crate::shown::digits;
use crate::types::{Tally, places};

/// Where more nodes are gone and came than that, none is sought by its values.
const LIKENESSES_MAX: usize = 1_000_000;

/// What became of each old node: the new one that it was found as.
struct Pairs {
    /// By old node: the new one's index and whether it bears the name, another case of it, or another name.
    found: Vec<Option<(usize, Bears)>>,
    /// By new node: whether an old one was found as it.
    taken: Vec<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bears {
    Name,
    OtherCase,
    OtherName,
}

impl Pairs {
    fn of(old: &[Node], new: &[Node], likeness: &dyn Fn(&Node, &Node) -> Option<f64>) -> Self {
        // The first of several counts.
        let places: HashMap<&str, usize> = new.iter().enumerate().rev().map(|(i, node)| (node.name.as_str(), i)).collect();
        let mut pairs = Self { found: vec![None; old.len()], taken: vec![false; new.len()] };
        for (o, node) in old.iter().enumerate() {
            if let Some(&n) = places.get(node.name.as_str()) {
                pairs.take(o, n, Bears::Name);
            }
        }
        pairs.pair_by_case(old, new);
        pairs.pair_by_values(old, new, likeness);
        pairs.pair_by_place(old, new, likeness);
        pairs
    }

    fn is_free(&self, new: usize) -> bool {
        !self.taken[new]
    }

    fn take(&mut self, old: usize, new: usize, bears: Bears) {
        self.found[old] = Some((new, bears));
        self.taken[new] = true;
    }

    /// Pairs nodes that are gone with nodes that came, where exactly one has the name in another case.
    fn pair_by_case(&mut self, old: &[Node], new: &[Node]) {
        let mut came: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, node) in new.iter().enumerate().filter(|(n, _)| !self.taken[*n]) {
            came.entry(node.name.to_lowercase()).or_default().push(n);
        }
        for (o, node) in old.iter().enumerate().filter(|_| !came.is_empty()) {
            if self.found[o].is_some() {
                continue;
            }
            let alike = came.get(&node.name.to_lowercase()).into_iter().flatten();
            let free: Vec<usize> = alike.copied().filter(|&n| self.is_free(n)).collect();
            if let [one] = free.as_slice() {
                self.take(o, *one, Bears::OtherCase);
            }
        }
    }

    /// Pairs nodes that are gone with nodes that came of which the values are alike, and no other's.
    fn pair_by_values(&mut self, old: &[Node], new: &[Node], likeness: &dyn Fn(&Node, &Node) -> Option<f64>) {
        let gone: Vec<usize> = (0..old.len()).filter(|&o| self.found[o].is_none()).collect();
        let came: Vec<usize> = (0..new.len()).filter(|&n| self.is_free(n)).collect();
        if gone.len() * came.len() > LIKENESSES_MAX {
            return;
        }
        let all = gone.iter().flat_map(|&o| came.iter().map(move |&n| (o, n)));
        let is_alike = |&(o, n): &(usize, usize)| likeness(&old[o], &new[n]).is_some_and(|alike| alike >= ALIKE_MIN);
        let alike: Vec<(usize, usize)> = all.filter(is_alike).collect();
        let (mut of_old, mut of_new) = (vec![0usize; old.len()], vec![0usize; new.len()]);
        for &(o, n) in &alike {
            of_old[o] += 1;
            of_new[n] += 1;
        }
        for (o, n) in alike {
            if (of_old[o], of_new[n]) == (1, 1) {
                self.take(o, n, Bears::OtherName);
            }
        }
    }

    /// Between the same neighbours, as many gone as came, one after the other of fitting types: probably renamed.
    fn pair_by_place(&mut self, old: &[Node], new: &[Node], likeness: &dyn Fn(&Node, &Node) -> Option<f64>) {
        let gaps = |of: &mut dyn Iterator<Item = Option<usize>>| {
            // Members of each gap, by the node before it and the node behind it.
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
        let came = gaps(&mut (0..new.len()).map(|i| if self.is_free(i) { None } else { Some(i) }));
        for (place, gone) in gone {
            let Some(came) = came.get(&place).filter(|came| came.len() == gone.len()) else { continue };
            for (&o, &n) in gone.iter().zip(came) {
                if old[o].fits(&new[n]) && likeness(&old[o], &new[n]).is_none_or(|alike| alike > UNLIKE_MAX) {
                    self.take(o, n, Bears::OtherName);
                }
            }
        }
    }
}

impl SchemaSection {
    /// Every difference, in the contract's order, then what came, in the batch's.
    pub fn changes(&self, batch: &Observed<'_>) -> Vec<SchemaChange> {
        let columns = places(batch.schema);
        let old = Node::of_contract(self, |name| columns.contains_key(name));
        let new = Node::of_fields(batch.schema.fields());
        let mut comparing = Comparing::new(self.evolution, New::Batch { batch, lost_are_missed: true });
        comparing.nodes("", &old, &new);
        comparing.found.into_iter().map(|found| found.change).collect()
    }
}

/// What stands on the new side.
#[derive(Clone, Copy)]
pub(super) enum New<'a> {
    /// What was seen of a batch.
    Batch {
        batch: &'a Observed<'a>,
        /// Whether each row of it owes a value of every required column: then such a column cannot be gone, whatever readers say.
        lost_are_missed: bool,
    },
    /// What another contract says, or what was found of other data.
    Contract { are_ordered: bool },
}

/// A comparison under way.
pub(super) struct Comparing<'a> {
    evolution: Evolution,
    new: New<'a>,
    /// Whether what is compared bears another name now: to whoever reads by name, its type has nothing to do with what it was.
    is_renamed: bool,
    pub(super) found: Vec<FoundChange>,
    /// Of a batch, by path: examples of values that contradict the contract, and kinds of values.
    contradicted: HashMap<&'a str, &'a [String]>,
    tallies: HashMap<&'a str, &'a Tally>,
}

/// A change, and what it means to others.
pub(super) struct FoundChange {
    pub(super) change: SchemaChange,
    pub(super) optional: Optional,
    /// Whether it is about a column that bears another name now.
    pub(super) is_renamed: bool,
    /// Who can read what after it.
    pub(super) readers: Readers,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(evolution: Evolution, new: New<'a>) -> Self {
        let mut new = Self { evolution, new, is_renamed: false, found: Vec::new(), contradicted: HashMap::new(), tallies: HashMap::new() };
        if let New::Batch { batch, .. } = new.new {
            // The first of several counts.
            new.contradicted.extend(batch.contradicted.iter().rev().map(|(path, examples)| (path.as_str(), examples.as_slice())));
            new.tallies.extend(batch.tallies.iter().rev().map(|tally| (tally.path.as_str(), tally)));
        }
        new
    }

    fn push(&mut self, path: &str, kind: ChangeKind, optional: Optional, from: Option<String>, to: Option<String>) {
        let is_missed = matches!(self.new, New::Batch { lost_are_missed: true, .. }) && kind.takes_a_column_away() && !optional.old;
        let readers = if self.is_renamed { Readers::ALL } else { Readers::after(kind, optional) };
        let change = SchemaChange { from, to, ..SchemaChange::new(path, kind, self.evolution.allows(readers) && !is_missed) };
        self.found.push(FoundChange { change, optional, is_renamed: self.is_renamed, readers });
    }

    /// A change that has nothing to do with who must be there.
    fn push_plain(&mut self, path: &str, kind: ChangeKind, from: Option<String>, to: Option<String>) {
        self.push(path, kind, Optional { old: true, new: true }, from, to);
    }

    /// Columns, or the fields of a struct at `path`.
    pub(super) fn nodes(&mut self, path: &str, old: &[Node], new: &[Node]) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let (added, removed) = match path {
            "" => (ChangeKind::ColumnAdded, ChangeKind::ColumnRemoved),
            _ => (ChangeKind::NestedFieldAdded, ChangeKind::NestedFieldRemoved),
        };
        let profiles = self.profiles(path);
        let likeness = |old: &Node, new: &Node| profiles.and_then(|profiles| profiles.likeness(&old.name, &new.name));
        let pairs = Pairs::of(old, new, &likeness);
        for (node, found) in old.iter().zip(&pairs.found) {
            let here = below(&node.name);
            let Some((field, bears)) = found.map(|(i, bears)| (&new[i], bears)) else {
                self.push(&here, removed, Optional { old: node.is_optional(), new: true }, node.type_name(), None);
                continue;
            };
            if bears != Bears::Name {
                let kind = if bears == Bears::OtherCase { ChangeKind::KeyCaseChanged } else { ChangeKind::ColumnRenamed };
                let optional = Optional { old: node.is_optional(), new: field.is_optional() };
                self.push(&here, kind, optional, Some(node.name.clone()), Some(field.name.clone()));
                if let (ChangeKind::ColumnRenamed, Some(last), Some(alike)) = (kind, self.found.last_mut(), likeness(node, field)) {
                    last.change.alike_percent = Some((alike * 100.0).floor() as u8);
                }
            }
            let (was_renamed, first) = (self.is_renamed, self.found.len());
            self.is_renamed |= bears != Bears::Name;
            self.node(&below(&field.name), node, field);
            if let Some(profiles) = profiles {
                self.values(node, field, profiles, first);
            }
            self.is_renamed = was_renamed;
        }
        if path.is_empty() && self.has_order() {
            self.order(new, &pairs);
        }
        for (_, node) in new.iter().enumerate().filter(|(i, _)| pairs.is_free(*i)) {
            self.push(&below(&node.name), added, Optional { old: true, new: node.is_optional() }, None, node.type_name());
        }
    }

    /// How values looked earlier and look now, of columns.
    fn profiles(&self, path: &str) -> Option<&'a Profiles> {
        match self.new {
            New::Batch { batch, .. } => batch.profiles.filter(|_| path.is_empty()),
            New::Contract { .. } => None,
        }
    }

    /// What the values of a column show that its type does not; from `first` on stands what was found of it so far.
    fn values(&mut self, old: &Node, new: &Node, profiles: &Profiles, first: usize) {
        let (Some(before), Some(now)) = (profiles.old.get(&old.name), profiles.new.get(&new.name)) else { return };
        let said = |kind| self.found[first..].iter().any(|f| f.change.kind == kind && f.change.path == new.name);
        if said(ChangeKind::TypeChanged) {
            return;
        }
        if let (Some(a), Some(b)) = (&before.shapes, &now.shapes)
            && !said(ChangeKind::FormatChanged)
            && let Some(Rewritten { before, now }) = rewritten(a, b)
        {
            let (from, to) = (format!("{LIKE}`{before}` in {}", profiles.label), format!("{LIKE}`{now}`"));
            self.push_plain(&new.name, ChangeKind::FormatChanged, Some(from), Some(to));
        }
        let is_whole = new.data_type.as_ref().is_some_and(DataType::is_integer);
        if let (Some(a), Some(b)) = (&before.cells, &now.cells)
            && new.data_type.as_ref().is_some_and(is_numeric)
            && let Some(shift) = scale_shift(a, b, is_whole)
        {
            let (from, to) = (format!("about {} in {}", digits(shift.before, 4), profiles.label), shift.to_string());
            self.push_plain(&new.name, ChangeKind::ScaleShifted, Some(from), Some(to));
        }
    }

    fn has_order(&self) -> bool {
        match self.new {
            New::Batch { batch, .. } => batch.is_ordered,
            New::Contract { are_ordered } => are_ordered,
        }
    }

    /// One column or field that both sides have.
    fn node(&mut self, path: &str, old: &Node, new: &Node) {
        self.types(path, old, new);
        match self.new {
            New::Batch { batch, .. } => self.nullability_of_batch(path, old, new, batch),
            New::Contract { .. } => self.nullability(path, old, new),
        }
    }

    fn types(&mut self, path: &str, old: &Node, new: &Node) {
        if let (Some(old), Some(new)) = (old.item(), new.item()) {
            return self.node(&format!("{path}[]"), old, new);
        }
        if let (Some(old), Some(new)) = (old.fields(), new.fields()) {
            return self.nodes(path, old, new);
        }
        let kind = match (old.is_anything(), new.is_anything(), self.new) {
            (true, true, _) | (true, false, New::Batch { .. }) => None,
            (true, false, New::Contract { .. }) => Some(ChangeKind::TypeNarrowed),
            (false, true, _) => Some(ChangeKind::TypeWidened),
            (false, false, _) => match (&old.data_type, &new.data_type, old.children.is_empty()) {
                (Some(old), Some(new), true) => type_change(old, new),
                _ => Some(ChangeKind::TypeChanged),
            },
        };
        let any = || Some("any".to_owned());
        let change = kind.map(|kind| (kind, old.type_name().or_else(any), new.type_name().or_else(any)));
        match self.new {
            New::Batch { .. } => self.type_of_batch(path, old, new, change),
            New::Contract { .. } => match change {
                Some((kind, from, to)) => self.push_plain(path, kind, from, to),
                None if is_time(new) && old.format != new.format => {
                    let written = |node: &Node| node.format.clone().or(Some("ISO 8601".into()));
                    self.push_plain(path, ChangeKind::FormatChanged, written(old), written(new));
                }
                None => {}
            },
        }
    }

    /// A type that changed, and what a batch shows of it.
    fn type_of_batch(&mut self, path: &str, old: &Node, new: &Node, change: Option<Change>) {
        let contradicted = self.contradicted.get(path).copied();
        match (change, contradicted) {
            (Some((kind, from, to)), _) => {
                self.push_plain(path, kind, from, to);
                let tally = self.tallies.get(path).copied();
                if let (Some(found), Some(tally)) = (self.found.last_mut(), tally) {
                    found.change.kinds.clone_from(&tally.kinds);
                }
            }
            // Of the same type, yet not readable as the contract has it: its text has another form.
            (None, Some(_)) if old.data_type.is_some() => {
                let from = old.format.clone().or_else(|| old.type_name());
                self.push_plain(path, ChangeKind::FormatChanged, from, new.type_name());
            }
            (None, _) => return,
        }
        if let (Some(found), Some(examples)) = (self.found.last_mut(), contradicted) {
            found.change.examples = examples.to_vec();
        }
    }

    fn nullability_of_batch(&mut self, path: &str, old: &Node, new: &Node, batch: &Observed<'_>) {
        match (old.required, batch.missing.get(path)) {
            (Some(true), Some(missing)) if *missing > 0 => {
                self.push_plain(path, ChangeKind::NullabilityRelaxed, Some("required".into()), Some(format!("{missing} missing")));
            }
            (Some(false), _) if new.required == Some(true) => {
                self.push_plain(path, ChangeKind::NullabilityTightened, Some("optional".into()), Some("required".into()));
            }
            _ => {}
        }
    }

    fn nullability(&mut self, path: &str, old: &Node, new: &Node) {
        let says = |from: &str, to: &str| (Some(from.to_owned()), Some(to.to_owned()));
        let (kind, (from, to)) = match (old.required, new.required) {
            (Some(true), Some(false)) => (ChangeKind::NullabilityRelaxed, says("required", "optional")),
            (Some(false), Some(true)) => (ChangeKind::NullabilityTightened, says("optional", "required")),
            _ => return,
        };
        self.push_plain(path, kind, from, to);
    }

    /// Columns that stand elsewhere among those both sides have.
    fn order(&mut self, new: &[Node], pairs: &Pairs) {
        let there: Vec<usize> = pairs.found.iter().filter_map(|found| found.map(|(i, _)| i)).collect();
        let mut in_new = there.clone();
        in_new.sort_unstable();
        let from: HashMap<usize, usize> = there.iter().enumerate().map(|(from, field)| (*field, from)).collect();
        for (to, field) in in_new.iter().enumerate() {
            let from = from.get(field).copied().unwrap_or(to);
            if from != to {
                let (before, now) = (Some(format!("position {}", from + 1)), Some(format!("position {}", to + 1)));
                self.push_plain(&new[*field].name, ChangeKind::Reordered, before, now);
            }
        }
    }
}

/// A kind of change with the types before and after.
type Change = (ChangeKind, Option<String>, Option<String>);

fn is_time(node: &Node) -> bool {
    node.data_type.as_ref().is_some_and(|t| t.is_temporal())
}
