//! From the text of a rule file to what it says.

use std::sync::Arc;

use super::only::{ByName, Only};
use super::resolve::{self, Choices, Expanded, Wording};
use super::{Parsed, RuleFile, RuleItem, Sections, Words, examples, item, private, several, shape};
use crate::diagnostic::{Code, Fault, Faults};
use crate::yaml::{self, Entry, Node, Position, Spanned, Value};

impl RuleFile {
    /// The rule file as far as it can be read, so that mistakes of one kind hide none of another; without the files that its
    /// rules name, for which see [`Parsed::with_files`].
    pub fn read(text: &str, path: &str) -> Parsed {
        Self::read_with(text, path, &Choices::default(), &|_| Ok(()))
    }

    /// The same with variables, settings, and a choice of rules; `allow` says whether a file may be included.
    pub fn read_with(text: &str, path: &str, choices: &Choices, allow: &dyn Fn(&str) -> Result<(), Fault>) -> Parsed {
        let (tree, mut faults) = Node::read(text, path);
        let nothing = |faults: Faults| Parsed { rules: None, faults: sorted(faults), is_comparable: false };
        let Some(tree) = tree else {
            return nothing(shape::no_mapping(None, path).map_or(faults, Faults::from));
        };
        let whole = !matches!(tree.value, Value::Mapping(_));
        if let Some(fault) = whole.then(|| shape::no_mapping(Some(&tree), path)).flatten().or_else(|| shape::foreign(&tree, path)) {
            return nothing(fault.into());
        }
        let resolved = resolve::resolve(tree, (text, path), choices, allow, &mut faults);
        let is_other = resolved.is_other || !choices.only.is_empty();
        let (mut tree, wording) = (resolved.tree, resolved.wording);
        if several::has_tables(&tree) {
            return several::read(tree, (text, path), &wording, faults, choices);
        }
        if let Some(table) = &choices.table {
            let what = format!("`--table {table}`: the rule file is about one table, and has no `tables`");
            faults.push(Fault::new(Code::MalformedOption, what).hint("leave `--table` out"));
        }
        let parsed = Self::read_tree(&mut tree, (text, path), faults, choices);
        let faults = private::quiet(&tree, (text, path), &wording, parsed.faults);
        let rules = parsed.rules.map(|rules| Self { flat: is_other.then(|| resolve::flat(&tree)), wording, ..rules });
        Parsed { rules, faults, ..parsed }
    }

    /// The same of a tree that is resolved but for templates, with faults that may quote values of masked columns. Then the tree is
    /// that of what is judged.
    pub(super) fn read_tree(tree: &mut Node, (text, path): (&str, &str), mut faults: Faults, choices: &Choices) -> Parsed {
        let (templates, examples) = (resolve::taken(tree, "templates"), resolve::taken(tree, "examples"));
        let nodes = resolve::expand(rule_nodes(tree, path, &mut faults), templates.as_ref(), path, &mut faults);
        let mut rest = tree.clone();
        if let Value::Mapping(rest) = &mut rest.value {
            rest.retain(|e| e.key != "rules");
        }
        let (sections, wrong): (Option<Sections>, Faults) = yaml::read_on(&rest, path);
        let is_comparable = wrong.0.iter().all(|fault| !decides(&rest, fault, path));
        faults.extend(wrong);
        let Rules { mut items, numbers, malformed, lost } = Rules::of(&nodes, path, &mut faults);
        let Some(mut sections) = sections else { return Parsed { rules: None, faults: sorted(faults), is_comparable: false } };
        let mut contradictions = Faults::default();
        sections.validate(&items, path, &mut contradictions);
        // What follows from a part that was left out is not wrong.
        contradictions.0.retain(|fault| !faults.0.iter().any(|part| holds(fault, part)));
        faults.extend(contradictions);
        if lost {
            // What is known of a rule that could not be read is not wrong.
            sections.known.clear();
        }
        let malformed = malformed.unwrap_or_else(|| Spanned { at: Position::default(), value: Words::default() });
        let ids: Vec<&str> = items.iter().filter_map(|item| Some(item.words.id.as_ref()?.value.as_str())).collect();
        faults.extend(sections.windows.iter().flat_map(|window| window.mistakes(&ids, path).0));
        sections.notify.iter().for_each(|notify| notify.value.mistakes(notify.at, path, &mut faults));
        let examples = examples.map(|section| examples::read(&section, &items, lost, path, &mut faults)).unwrap_or_default();
        let only = Only::of(choices, &items, lost, &mut faults);
        let left_out = only.names(&items);
        if !left_out.is_empty() {
            let by_name = ByName::of(&items);
            sections.known.retain(|known| !only.is_of_left_out(&known.rule.value, &by_name));
        }
        let mut kept = (0..items.len()).map(|index| only.keeps(index));
        items.retain(|_| kept.next().unwrap_or(true));
        let is_written = nodes.iter().all(|one| one.used.is_none()) && left_out.is_empty();
        if !is_written {
            let out: Vec<usize> = numbers.iter().enumerate().filter(|(index, _)| !only.keeps(*index)).map(|(_, number)| *number).collect();
            write_rules(tree, nodes, &out);
        }
        let digest = digest(tree);
        let (path, text, wording) = (path.to_owned(), text.to_owned(), Wording::default());
        let rules = Self {
            path,
            text,
            sections,
            items,
            malformed,
            digest,
            table: None,
            goes_to_delta: false,
            wording,
            examples,
            left_out,
            tables: Vec::new(),
            siblings: Arc::default(),
            sibling_places: Vec::new(),
            children: Vec::new(),
            flat: None,
        };
        Parsed { rules: Some(rules), faults: sorted(faults), is_comparable }
    }
}

/// The rules of a file.
struct Rules {
    items: Vec<RuleItem>,
    /// The number of each one's node.
    numbers: Vec<usize>,
    malformed: Option<Spanned<Words>>,
    /// Whether one could not be read.
    lost: bool,
}

impl Rules {
    fn of(nodes: &[Expanded], path: &str, faults: &mut Faults) -> Self {
        let mut rules = Self { items: Vec::new(), numbers: Vec::new(), malformed: None, lost: false };
        for (number, Expanded { node, used }) in nodes.iter().enumerate() {
            let mut wrong = Faults::default();
            match wrong.take(item::read(node, path)) {
                Some(item::Read::Rule(mut item)) => {
                    // A finding leads to where the template is used.
                    item.at = used.as_ref().map_or(item.at, |used| used.at);
                    rules.items.push(*item);
                    rules.numbers.push(number);
                }
                Some(item::Read::Malformed(_)) if rules.malformed.is_some() => {
                    wrong.push(Fault::new(Code::ConflictingWords, "`malformed` stands twice").at(node.at.in_file(path)));
                }
                Some(item::Read::Malformed(words)) => rules.malformed = Some(*words),
                None => rules.lost = true,
            }
            faults.extend(wrong.into_iter().map(|fault| match used {
                Some(used) => used.note(fault, path),
                None => fault,
            }));
        }
        rules
    }
}

/// Writes the rules that are judged into the tree.
fn write_rules(tree: &mut Node, nodes: Vec<Expanded>, out: &[usize]) {
    let Value::Mapping(sections) = &mut tree.value else { return };
    let Some(rules) = sections.iter_mut().find(|section| section.key == "rules") else { return };
    let kept = nodes.into_iter().enumerate().filter(|(number, _)| !out.contains(number)).map(|(_, one)| one.node).collect();
    rules.value.value = Value::Sequence(kept);
}

/// The items of `rules`. Where the rules are a mapping, which is a mistake, each entry is read as one.
fn rule_nodes(tree: &Node, path: &str, faults: &mut Faults) -> Vec<Node> {
    let Some(rules) = tree.get("rules") else { return Vec::new() };
    let fault = |what: String| Fault::new(Code::InvalidValue, what).at(rules.value.at.in_file(path));
    match &rules.value.value {
        Value::Sequence(nodes) => nodes.clone(),
        Value::Null => Vec::new(),
        Value::Scalar { text, .. } => {
            faults.push(
                fault(format!("`rules` is a list, this is `{text}`")).hint("write `rules:`, and below it `- missing: { column: email }`"),
            );
            Vec::new()
        }
        Value::Mapping(entries) => {
            let first = entries.first().map_or("missing", |entry| entry.key.as_str());
            faults.push(
                fault("`rules` is a list, this is a mapping".into()).hint(format!("begin each rule with `- `, such as `- {first}: …`")),
            );
            let item = |entry: &Entry| Node { at: entry.key_at.to(entry.value.at), value: Value::Mapping(vec![entry.clone()]) };
            entries.iter().map(item).collect()
        }
    }
}

/// Whether a fault stands in a section that decides how data is read, or what its columns are.
fn decides(tree: &Node, fault: &Fault, own: &str) -> bool {
    let Some(place) = &fault.place else { return true };
    tree.entries().iter().filter(|e| matches!(e.key.as_str(), "source" | "schema" | "clean" | "transform")).any(|entry| {
        let span = entry.key_at.to(entry.value.at);
        span.in_file(own).file == place.file
            && (span.line, span.column) <= (place.line, place.column)
            && (place.line, place.column) <= (span.end_line, span.end_column)
    })
}

/// Whether `part` lies within what `whole` is about.
fn holds(whole: &Fault, part: &Fault) -> bool {
    let (Some(whole), Some(part)) = (&whole.place, &part.place) else { return false };
    let at = (part.line, part.column);
    whole.file == part.file && (whole.line, whole.column) <= at && at <= (whole.end_line, whole.end_column)
}

/// Of what is judged: with templates written out, and without rules that were left out.
fn digest(tree: &Node) -> u128 {
    let mut canonical = String::new();
    for entry in tree.entries().iter().filter(|e| {
        !matches!(e.key.as_str(), "gate" | "history" | "notify" | "windows" | "samples" | "description" | "owner" | "tags" | "runbook")
    }) {
        canonical.push_str(&entry.key);
        entry.value.canonical(&mut canonical);
    }
    xxhash_rust::xxh3::xxh3_128(canonical.as_bytes())
}

pub(super) fn sorted(faults: Faults) -> Faults {
    faults.or_ok(()).err().unwrap_or_default()
}
