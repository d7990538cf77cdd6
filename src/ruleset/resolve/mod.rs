//! From what is written to what is meant: variables, settings of the command line, included files, templates.

mod flat;
mod include;
mod settings;
mod templates;
mod variables;
mod wording;

use std::collections::BTreeSet;

pub(super) use flat::flat;
pub(super) use templates::{Expanded, Template, expand};
pub(super) use variables::shown;
pub use wording::Wording;

use self::variables::Variables;
use crate::diagnostic::{Code, Fault, Faults, Sought, nearest};
use crate::yaml::{Node, Value};

/// What a rule file is read with beside its text.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// What `${name}` stands for.
    pub variables: Vec<(String, String)>,
    /// Parts of the rule file that are written anew: a path of keys with dots, and YAML.
    pub settings: Vec<(String, String)>,
    /// The rules that are judged, by id or as `tag:NAME`; all if there is none.
    pub only: Vec<String>,
    /// The table that alone is meant, of a rule file that has several.
    pub table: Option<String>,
    /// Whether other rule files are read with the same choices: then one need not use them all.
    pub is_shared: bool,
}

/// A rule file as it is meant.
pub(super) struct Resolved {
    pub tree: Node,
    pub wording: Wording,
    /// Whether it is another than the one that is written.
    pub is_other: bool,
}

/// Resolves what is written in `tree`, which is that of `text`. `allow` says whether an included file may be read.
pub(super) fn resolve(
    tree: Node,
    (text, path): (&str, &str),
    choices: &Choices,
    allow: &dyn Fn(&str) -> Result<(), Fault>,
    faults: &mut Faults,
) -> Resolved {
    let mut variables = Variables::new(&choices.variables);
    let mut included = include::Included::new(path, allow);
    let mut tree = included.merged(tree, path, &mut variables, faults);
    let mut places = settings::Places::default();
    for (keys, value) in &choices.settings {
        settings::set(&mut tree, (keys, value), &mut places, faults);
    }
    if !choices.is_shared {
        let (known, sought): (BTreeSet<&str>, Sought) = (variables.met().collect(), Sought::default());
        for (name, _) in choices.variables.iter().filter(|(name, _)| !known.contains(name.as_str())) {
            let what = format!("`--var {name}=…`: the rule file has no `${{{name}}}`");
            let fault = Fault::new(Code::MalformedOption, what);
            let near = if sought.admits(known.len()) { nearest(name, known.iter().copied()) } else { None };
            faults.push(match near {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
    }
    let is_other = variables.has_filled() || !included.texts.is_empty() || !choices.settings.is_empty() || tree.get("templates").is_some();
    let values = variables.values().map(str::to_owned);
    let settings = choices.settings.iter().map(|(keys, value)| format!("{keys}: {value}"));
    let beside: Vec<String> = values.chain(settings).collect();
    let wording = Wording::new(is_other.then_some(text), included.texts, &beside, variables.into_given());
    Resolved { tree, wording, is_other }
}

/// Takes a section out of the tree.
pub(super) fn taken(tree: &mut Node, key: &str) -> Option<Node> {
    let Value::Mapping(sections) = &mut tree.value else { return None };
    let index = sections.iter().position(|section| section.key == key)?;
    Some(sections.remove(index).value)
}
