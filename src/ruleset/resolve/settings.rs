//! Parts of a rule file that the command line writes anew: `--set gate.publish=lake/orders`.

use crate::diagnostic::{Code, Fault, Faults};
use crate::yaml::{Entry, FileName, Node, Value};

/// Sets what stands at `keys`, a path with dots, to the YAML `value`. What is on the way there is made.
pub(super) fn set(tree: &mut Node, keys: &str, value: &str, faults: &mut Faults) {
    let name = format!("--set {keys}");
    let file = FileName::of(&name);
    let (node, wrong) = Node::read(value, &name);
    faults.extend(wrong);
    let Some(node) = node.map(|node| node.within(file)) else { return };
    let at = node.at;
    let mut here = tree;
    let steps: Vec<&str> = keys.split('.').collect();
    for step in &steps {
        if here.text().is_some() || matches!(here.value, Value::Null) {
            *here = Node { at, value: Value::Mapping(Vec::new()) };
        }
        let Value::Mapping(entries) = &mut here.value else {
            let fault = Fault::new(Code::MalformedOption, format!("`--set {keys}=…`: `{step}` would stand within a list"));
            faults.push(fault.hint("a variable can stand in a list: write `${name}` there, and give `--var name=…`"));
            return;
        };
        let index = entries.iter().position(|entry| entry.key == *step).unwrap_or_else(|| {
            entries.push(Entry { key: (*step).to_owned(), key_at: at, value: Node { at, value: Value::Null } });
            entries.len() - 1
        });
        here = &mut entries[index].value;
    }
    *here = node;
}
