//! Parts of a rule file that the command line writes anew: `--set gate.publish=lake/orders`.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Code, Fault, Faults};
use crate::yaml::{Entry, FileName, Node, Value};

/// Where the entries of mappings stand that were written into, by their paths: many may be written into one.
#[derive(Default)]
pub(super) struct Places(BTreeMap<String, HashMap<String, usize>>);

impl Places {
    /// Where the entry `key` of the mapping at `path` stands, made by `make` where it is not there.
    fn entry(&mut self, path: &str, key: &str, entries: &mut Vec<Entry>, make: impl FnOnce() -> Entry) -> usize {
        let all = || entries.iter().enumerate().rev().map(|(place, entry)| (entry.key.clone(), place)).collect();
        let places = self.0.entry(path.to_owned()).or_insert_with(all);
        *places.entry(key.to_owned()).or_insert_with(|| {
            entries.push(make());
            entries.len() - 1
        })
    }

    /// What stands at `path` is another one now.
    fn forget(&mut self, path: &str) {
        let below = format!("{path}.");
        let is_inside = |known: &String| known == path || known.starts_with(&below);
        let inside: Vec<String> =
            self.0.range(path.to_owned()..).map(|(known, _)| known).take_while(|k| k.starts_with(path)).cloned().collect();
        inside.iter().filter(|known| is_inside(known)).for_each(|known| _ = self.0.remove(known));
    }
}

/// Sets what stands at `keys`, a path with dots, to the YAML `value`. What is on the way there is made.
pub(super) fn set(tree: &mut Node, (keys, value): (&str, &str), places: &mut Places, faults: &mut Faults) {
    let name = format!("--set {keys}");
    let file = FileName::of(&name);
    let (node, wrong) = Node::read(value, &name);
    faults.extend(wrong);
    let Some(node) = node.map(|node| node.within(file)) else { return };
    let at = node.at;
    let mut here = tree;
    let steps: Vec<&str> = keys.split('.').collect();
    let mut path = String::new();
    for step in &steps {
        if here.text().is_some() || matches!(here.value, Value::Null) {
            *here = Node { at, value: Value::Mapping(Vec::new()) };
            places.forget(&path);
        }
        let Value::Mapping(entries) = &mut here.value else {
            let fault = Fault::new(Code::MalformedOption, format!("`--set {keys}=…`: `{step}` would stand within a list"));
            faults.push(fault.hint("a variable can stand in a list: write `${name}` there, and give `--var name=…`"));
            return;
        };
        let new = || Entry { key: (*step).to_owned(), key_at: at, value: Node { at, value: Value::Null } };
        let index = places.entry(&path, step, entries, new);
        path = if path.is_empty() { (*step).to_owned() } else { format!("{path}.{step}") };
        here = &mut entries[index].value;
    }
    *here = node;
    places.forget(&path);
}
