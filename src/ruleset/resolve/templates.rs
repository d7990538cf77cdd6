//! Templates: rules with parameters, written once and used for several columns.

use std::cell::Cell;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::variables::{Escapes, Part, Trouble, filled, parameters, scalar};
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::rules::words::{Ordered, Texts};
use crate::yaml::{self, Entry, Node, Position, Spanned, Value};

/// Templates may use each other no deeper.
const DEPTH_MAX: usize = 16;

/// So many rules may come of templates.
const RULES_MAX: usize = 10_000;

/// Rules that are used several times, with other columns and limits each time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::ruleset) struct Template {
    /// What the rules are for. If left out: nothing is said.
    #[serde(rename = "description")]
    _description: Option<String>,
    /// What each use gives: `${column}` in a rule stands for it, `${max:-100}` for it or for 100 where a use does not give it. If left out:
    /// the rules are the same each time.
    #[serde(default, rename = "params")]
    _params: Option<Texts>,
    /// The rules, each `- name: { … }`.
    #[serde(rename = "rules")]
    #[schemars(with = "Vec<serde_json::Value>")]
    _rules: Vec<IgnoredAny>,
}

/// How a rule uses a template: `use: { template: money, with: { column: price } }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Use {
    template: Spanned<String>,
    #[serde(rename = "with")]
    _with: Option<Ordered<IgnoredAny>>,
}

/// A rule, and the template it comes from.
pub(in crate::ruleset) struct Expanded {
    pub node: Node,
    pub used: Option<Used>,
}

/// A use of a template.
#[derive(Clone)]
pub(in crate::ruleset) struct Used {
    template: String,
    pub at: Position,
}

impl Used {
    /// A fault of a rule of the template, with where the template is used.
    pub(in crate::ruleset) fn note(&self, fault: Fault, path: &str) -> Fault {
        let place = self.at.in_file(path);
        if fault.place.as_ref() == Some(&place) {
            return fault;
        }
        Fault { what: format!("{} (template `{}`, used at {place})", fault.what, self.template), ..fault }
    }
}

/// The rules, with those of templates in the place of their use.
pub(in crate::ruleset) fn expand(rules: Vec<Node>, templates: Option<&Node>, path: &str, faults: &mut Faults) -> Vec<Expanded> {
    let mut known: BTreeMap<&str, &Node> = BTreeMap::new();
    for entry in templates.map(Node::entries).unwrap_or_default() {
        match yaml::read::<Template>(&entry.value, path) {
            Ok(_) => {
                known.insert(&entry.key, &entry.value);
            }
            Err(wrong) => faults.extend(wrong),
        }
    }
    if let Some(other) = templates.filter(|node| !matches!(node.value, Value::Mapping(_) | Value::Null)) {
        let fault = Fault::new(Code::InvalidValue, format!("`templates` is a mapping, this is {}", other.kind()));
        faults.push(fault.at(other.at.in_file(path)).hint("write `templates: { money: { params: [column], rules: [ … ] } }`"));
    }
    let mut out = Vec::new();
    let expansion = Expansion { known: &known, path, left: Cell::new(RULES_MAX), sought: Sought::default() };
    for node in rules {
        match node.entries() {
            [entry] if entry.key == "use" => {
                let used =
                    Used { template: entry.value.get("template").and_then(|t| t.value.text()).unwrap_or_default().to_owned(), at: node.at };
                let mut wrong = Faults::default();
                for rule in expansion.rules(entry, &mut Vec::new(), &mut wrong) {
                    out.push(Expanded { node: rule, used: Some(used.clone()) });
                }
                faults.extend(wrong);
            }
            _ => out.push(Expanded { node, used: None }),
        }
        if expansion.left.get() == 0 {
            faults.push(Fault::new(Code::TooLarge, format!("templates make more than {RULES_MAX} rules")));
            break;
        }
    }
    out
}

struct Expansion<'a> {
    known: &'a BTreeMap<&'a str, &'a Node>,
    path: &'a str,
    /// How many rules and uses there may yet be: uses within uses multiply.
    left: Cell<usize>,
    sought: Sought,
}

impl Expansion<'_> {
    /// The rules that a use stands for; `open` are the templates within which it stands.
    fn rules(&self, entry: &Entry, open: &mut Vec<String>, faults: &mut Faults) -> Vec<Node> {
        if matches!(entry.value.value, Value::Null) {
            let fault = Fault::new(Code::MissingWord, "`use` names no template").at(entry.key_at.in_file(self.path));
            faults.push(fault.hint("write `- use: { template: money, with: { column: price } }`"));
            return Vec::new();
        }
        let Some(used) = faults.take_all(yaml::read::<Use>(&entry.value, self.path)) else { return Vec::new() };
        let name = used.template.value.as_str();
        let at = |fault: Fault| fault.at(used.template.at.in_file(self.path));
        let Some(template) = self.known.get(name) else {
            let fault = at(Fault::new(Code::UnknownRule, format!("there is no template `{name}`")));
            faults.push(match self.known.is_empty() {
                true => fault.hint("write it below `templates:`"),
                false => fault.hint_nearest_within(&self.sought, name, self.known.keys().copied()),
            });
            return Vec::new();
        };
        if open.len() >= DEPTH_MAX && !open.iter().any(|open| open == name) {
            let what = format!("templates use each other more than {DEPTH_MAX} deep");
            faults.push(at(Fault::new(Code::TooLarge, what)).hint("write the rules of the innermost where they are used"));
            return Vec::new();
        }
        if open.iter().any(|open| open == name) {
            let circle: Vec<&str> = open.iter().map(String::as_str).chain([name]).collect();
            faults.push(at(Fault::new(Code::ConflictingWords, format!("templates use each other in a circle: {}", circle.join(" → ")))));
            return Vec::new();
        }
        let (parameters, before) = (parameters(template), faults.0.len());
        let with: &[Entry] = entry.value.get("with").map(|with| with.value.entries()).unwrap_or_default();
        for given in with.iter().filter(|given| !parameters.contains(&given.key)) {
            let fault = Fault::new(Code::UnknownWord, format!("the template `{name}` has no parameter `{}`", given.key));
            faults.push(fault.at(given.key_at.in_file(self.path)).hint_nearest_within(
                &self.sought,
                &given.key,
                parameters.iter().map(String::as_str),
            ));
        }
        let rules = template.get("rules").map(|rules| rules.value.clone());
        let Some(Value::Sequence(mut rules)) = rules.map(|rules| rules.value) else { return Vec::new() };
        self.left.set(self.left.get().saturating_sub(rules.len().max(1)));
        if self.left.get() == 0 {
            return Vec::new();
        }
        let mut filling = Filling { parameters: &parameters, with, missing: Vec::new(), path: self.path };
        rules.iter_mut().for_each(|rule| filling.fill(rule, faults));
        for missing in std::mem::take(&mut filling.missing) {
            let fault = Fault::new(Code::MissingWord, format!("the template `{name}` needs the parameter `{missing}`"));
            faults.push(at(fault).hint(format!("write `with: {{ {missing}: … }}`")));
        }
        if faults.0.len() > before {
            return Vec::new();
        }
        open.push(name.to_owned());
        let rules = rules.into_iter().flat_map(|rule| match rule.entries() {
            [inner] if inner.key == "use" => self.rules(inner, open, faults),
            _ => vec![rule],
        });
        let rules = rules.collect();
        open.pop();
        rules
    }
}

/// Puts what a use gives in the place of parameters.
struct Filling<'a> {
    parameters: &'a [String],
    with: &'a [Entry],
    /// Parameters that are needed and not given.
    missing: Vec<String>,
    path: &'a str,
}

impl<'a> Filling<'a> {
    fn fill(&mut self, node: &mut Node, faults: &mut Faults) {
        match &mut node.value {
            Value::Null => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| self.fill(item, faults)),
            Value::Mapping(entries) => entries.iter_mut().for_each(|entry| self.fill(&mut entry.value, faults)),
            Value::Scalar { text, quoted } if text.contains("${") => {
                if let Some(whole) = self.whole(text, *quoted) {
                    *node = whole;
                    return;
                }
                let (text, quoted, mut listed) = (std::mem::take(text), *quoted, None);
                let filled = filled(&text, Escapes::Resolved, &mut |name, otherwise| match self.given(name) {
                    Some(Node { value: Value::Scalar { text, .. }, .. }) => Some(Part::Value(text.clone())),
                    Some(Node { value: Value::Null, .. }) => Some(Part::Value(String::new())),
                    Some(Node { value: Value::Sequence(_) | Value::Mapping(_), .. }) => {
                        listed = Some(name.to_owned());
                        Some(Part::Kept)
                    }
                    None if otherwise.is_some() => otherwise.map(|otherwise| Part::Value(otherwise.to_owned())),
                    None => {
                        if !self.missing.iter().any(|missing| missing == name) {
                            self.missing.push(name.to_owned());
                        }
                        Some(Part::Kept)
                    }
                });
                match (filled, listed) {
                    (_, Some(name)) => {
                        let what = format!("the parameter `{name}` is a list or a mapping, and stands within a text here");
                        faults.push(Fault::new(Code::InvalidValue, what).at(node.at.in_file(self.path)));
                    }
                    (Ok(new), None) => node.value = scalar(new, quoted),
                    (Err(trouble), None) => faults.push(Trouble::fault(trouble).at(node.at.in_file(self.path))),
                }
            }
            Value::Scalar { .. } => {}
        }
    }

    /// What a text that is a parameter and nothing else stands for: a list, too.
    fn whole(&self, text: &str, quoted: bool) -> Option<Node> {
        let name = text.strip_prefix("${")?.strip_suffix('}')?;
        let given = self.given(name.split(":-").next()?)?;
        match &given.value {
            Value::Scalar { text, .. } if quoted => Some(Node { at: given.at, value: Value::Scalar { text: text.clone(), quoted } }),
            Value::Null if quoted => None,
            Value::Scalar { .. } | Value::Null | Value::Sequence(_) | Value::Mapping(_) => Some(given.clone()),
        }
    }

    fn given(&self, name: &str) -> Option<&'a Node> {
        let is_known = self.parameters.iter().any(|parameter| parameter == name);
        self.with.iter().find(|given| is_known && given.key == name).map(|given| &given.value)
    }
}
