//! `${name}` and `${name:-otherwise}` in the values of a rule file.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Fault, Faults, Sought, nearest};
use crate::yaml::{Node, Value};

/// What variables stand for, and which the rule file has.
pub(super) struct Variables {
    given: BTreeMap<String, String>,
    met: BTreeSet<String>,
    has_filled: bool,
    sought: Sought,
}

impl Variables {
    pub(super) fn new(given: &[(String, String)]) -> Self {
        Self { given: given.iter().cloned().collect(), met: BTreeSet::new(), has_filled: false, sought: Sought::default() }
    }

    /// Names that were met in the rule file.
    pub(super) fn met(&self) -> impl Iterator<Item = &str> {
        self.met.iter().map(String::as_str)
    }

    pub(super) fn has_filled(&self) -> bool {
        self.has_filled
    }

    /// The values of variables that were met.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.given.iter().filter(|(name, _)| self.met.contains(*name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn into_given(self) -> BTreeMap<String, String> {
        self.given
    }

    /// Puts values in the place of variables, in a whole file.
    pub(super) fn fill(&mut self, tree: &mut Node, path: &str, faults: &mut Faults) {
        let Value::Mapping(sections) = &mut tree.value else { return };
        for section in sections {
            match section.key.as_str() {
                // Here `${NAME}` stands for a variable of the environment, which is looked up when it is needed.
                "notify" => {}
                "source" => {
                    if let Value::Mapping(keys) = &mut section.value.value {
                        let others = keys.iter_mut().filter(|key| key.key != "http");
                        others.for_each(|key| self.fill_node(&mut key.value, None, path, faults));
                    }
                }
                "templates" => self.fill_templates(&mut section.value, path, faults),
                _ => self.fill_node(&mut section.value, None, path, faults),
            }
        }
    }

    /// In a template, a parameter goes before a variable of its name.
    fn fill_templates(&mut self, templates: &mut Node, path: &str, faults: &mut Faults) {
        let Value::Mapping(templates) = &mut templates.value else { return };
        for template in templates {
            let parameters: Vec<String> = parameters(&template.value);
            let Value::Mapping(keys) = &mut template.value.value else { continue };
            for key in keys.iter_mut().filter(|key| key.key == "rules") {
                self.fill_node(&mut key.value, Some(&parameters), path, faults);
            }
        }
    }

    fn fill_node(&mut self, node: &mut Node, beside: Option<&[String]>, path: &str, faults: &mut Faults) {
        match &mut node.value {
            Value::Null => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| self.fill_node(item, beside, path, faults)),
            Value::Mapping(entries) => {
                for entry in entries {
                    if entry.key.contains("${") {
                        let fault =
                            Fault::new(Code::InvalidValue, format!("`{}`: a variable stands for a value, never for a key", entry.key));
                        faults.push(fault.at(entry.key_at.in_file(path)));
                    }
                    self.fill_node(&mut entry.value, beside, path, faults);
                }
            }
            Value::Scalar { text, quoted } if text.contains("${") => {
                // Rules of a template are filled once more, with its parameters.
                let escapes = if beside.is_some() { Escapes::Kept } else { Escapes::Resolved };
                let filled = filled(text, escapes, &mut |name, otherwise| self.value(name, otherwise, beside.unwrap_or_default()));
                match filled {
                    Ok(new) => {
                        self.has_filled = true;
                        node.value = scalar(new, *quoted);
                    }
                    Err(trouble) => faults.push(self.fault(trouble).at(node.at.in_file(path))),
                }
            }
            Value::Scalar { .. } => {}
        }
    }

    fn value(&mut self, name: &str, otherwise: Option<&str>, beside: &[String]) -> Option<Part> {
        if beside.iter().any(|parameter| parameter == name) {
            return Some(Part::Kept);
        }
        self.met.insert(name.to_owned());
        self.given.get(name).map(String::as_str).or(otherwise).map(|value| Part::Value(value.to_owned()))
    }

    fn fault(&self, trouble: Trouble) -> Fault {
        let Trouble::Unset(name) = trouble else { return trouble.fault() };
        let fault = Trouble::Unset(name.clone()).fault();
        let near = if self.sought.admits(self.given.len()) { nearest(&name, self.given.keys().map(String::as_str)) } else { None };
        match near {
            Some(near) => fault.hint(format!("`--var {near}=…` is given; is that the one?")),
            None => {
                fault.hint(format!("give it with `--var {name}=VALUE`, or write `${{{name}:-VALUE}}`; for the text itself write `$${{`"))
            }
        }
    }
}

/// What stands in the place of a variable.
pub(super) enum Part {
    Value(String),
    /// The variable itself: someone else fills it.
    Kept,
}

/// What becomes of `$${`, which is no variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// It is the text `${`.
    Resolved,
    /// It stays: the text is filled again.
    Kept,
}

/// Why a text cannot be filled.
pub(super) enum Trouble {
    Unset(String),
    NoName(String),
    Unclosed,
}

impl Trouble {
    pub(super) fn fault(self) -> Fault {
        const HINT: &str = "write `${name}` or `${name:-otherwise}`; for the text `${` itself write `$${`";
        match self {
            Self::Unset(name) => Fault::new(Code::MissingOption, format!("the variable `{name}` is not set")),
            Self::NoName(name) => {
                Fault::new(Code::InvalidValue, format!("`{name}` is no name of a variable: letters, digits and `_`")).hint(HINT)
            }
            Self::Unclosed => Fault::new(Code::InvalidValue, "`${` begins a variable that `}` does not end").hint(HINT),
        }
    }
}

/// The text with each variable filled; `value` gets its name and what it is otherwise.
pub(super) fn filled(text: &str, escapes: Escapes, value: &mut dyn FnMut(&str, Option<&str>) -> Option<Part>) -> Result<String, Trouble> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(unescaped) = before.strip_suffix('$') {
            out.push_str(if escapes == Escapes::Kept { before } else { unescaped });
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let end = from.find('}').ok_or(Trouble::Unclosed)?;
        let inner = &from[2..end];
        let (name, otherwise) = inner.split_once(":-").map_or((inner, None), |(name, otherwise)| (name, Some(otherwise)));
        let is_name =
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(Trouble::NoName(name.to_owned()));
        }
        match value(name, otherwise) {
            Some(Part::Value(value)) => out.push_str(&value),
            Some(Part::Kept) => out.push_str(&from[..=end]),
            None => return Err(Trouble::Unset(name.to_owned())),
        }
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// A text as people are shown it: with the values of variables that are known.
pub(in crate::ruleset) fn shown(text: &str, given: &BTreeMap<String, String>) -> String {
    let mut value = |name: &str, otherwise: Option<&str>| {
        Some(given.get(name).map(String::as_str).or(otherwise).map_or(Part::Kept, |value| Part::Value(value.to_owned())))
    };
    filled(text, Escapes::Kept, &mut value).unwrap_or_else(|_| text.to_owned())
}

/// A scalar of this text: never more than one, whatever the text is.
pub(super) fn scalar(text: String, quoted: bool) -> Value {
    if !quoted && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    // What could not stand there without quotes is a text.
    let is_plain = text.trim() == text
        && !text.starts_with(|c: char| ",[]{}#&*!|>'\"%@`".contains(c))
        && !["- ", "? ", ": "].iter().any(|start| text.starts_with(start))
        && !text.contains(['\n', '\r', '\t'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':');
    Value::Scalar { text, quoted: quoted || !is_plain }
}

/// The parameters that a template says it has.
pub(super) fn parameters(template: &Node) -> Vec<String> {
    match template.get("params").map(|params| &params.value) {
        Some(params) => match &params.value {
            Value::Sequence(items) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
            Value::Scalar { text, .. } => vec![text.clone()],
            Value::Mapping(_) | Value::Null => Vec::new(),
        },
        None => Vec::new(),
    }
}
