//! `include`: sections and rules of other files.

use std::collections::HashSet;
use std::path::Path;

use super::taken;
use super::variables::Variables;
use crate::diagnostic::{Code, Fault, Faults};
use crate::ruleset::shape;
use crate::yaml::{self, Entry, FileName, Node, Spanned, Value};

/// Files that include each other may not be nested deeper.
const DEPTH_MAX: usize = 16;

/// A file of more bytes than this is none that a rule file means.
const BYTES_MAX: u64 = 16 << 20;

/// Sections that are lists: what is included comes first.
const LISTS: [&str; 5] = ["rules", "clean", "known", "windows", "notify"];

/// Files that were included.
pub(super) struct Included<'a> {
    allow: &'a dyn Fn(&str) -> Result<(), Fault>,
    /// The files that are being read, each included by the one before: what tells them apart, and their paths.
    open: Vec<(String, String)>,
    /// Name and text of each file, in the order of their reading.
    pub texts: Vec<(String, String)>,
    /// Those files, by names that are the same for the same file.
    known: HashSet<String>,
}

impl<'a> Included<'a> {
    pub(super) fn new(path: &str, allow: &'a dyn Fn(&str) -> Result<(), Fault>) -> Self {
        Self { allow, open: vec![(same(path), path.to_owned())], texts: Vec::new(), known: HashSet::new() }
    }

    /// The tree of the file called `path` with its variables filled, and what it includes beneath it.
    pub(super) fn merged(&mut self, mut tree: Node, path: &str, variables: &mut Variables, faults: &mut Faults) -> Node {
        faults.extend(shape::without_columns(&mut tree, path));
        faults.extend(shape::without_rules(&mut tree, path));
        shape::written_out(&mut tree);
        variables.fill(&mut tree, path, faults);
        let Some(named) = taken(&mut tree, "include") else { return tree };
        let Some(names) = faults.take_all(yaml::read::<Vec<Spanned<String>>>(&named, path)) else { return tree };
        let mut beneath: Option<Node> = None;
        for name in names {
            match self.read(&name, path, variables, faults) {
                Ok(Some(more)) => {
                    beneath = Some(match beneath {
                        Some(first) => over(more, first, true),
                        None => more,
                    });
                }
                Ok(None) => {}
                Err(fault) => faults.push(fault.at(name.at.in_file(path))),
            }
        }
        match beneath {
            Some(beneath) => over(tree, beneath, true),
            None => tree,
        }
    }

    /// What an included file says; nothing if it is included already.
    fn read(&mut self, named: &Spanned<String>, by: &str, variables: &mut Variables, faults: &mut Faults) -> Result<Option<Node>, Fault> {
        let name = named.value.as_str();
        if name.contains("://") {
            let fault = Fault::new(Code::Unsupported, format!("`{name}` is an address, and a rule file includes files"));
            return Err(fault.hint("fetch it beforehand, and give the path of the file"));
        }
        let path = beside(by, name);
        let own = same(&path);
        if let Some(first) = self.open.iter().position(|(open, _)| *open == own) {
            let circle: Vec<&str> = self.open[first..].iter().map(|(_, path)| path.as_str()).chain([path.as_str()]).collect();
            let fault = Fault::new(Code::ConflictingWords, format!("files include each other in a circle: {}", circle.join(" → ")));
            return Err(fault.hint("leave out one of the `include`s"));
        }
        if self.open.len() > DEPTH_MAX {
            return Err(Fault::new(Code::TooLarge, format!("files include each other more than {DEPTH_MAX} deep")));
        }
        if self.known.contains(&own) {
            return Ok(None);
        }
        (self.allow)(&path)?;
        let text = text_of(&path, name)?;
        let (tree, wrong) = Node::read(&text, &path);
        faults.extend(wrong);
        self.texts.push((path.clone(), text));
        self.known.insert(own);
        let Some(tree) = tree else { return Ok(None) };
        if let Some(fault) = shape::foreign(&tree, &path) {
            faults.push(fault);
            return Ok(None);
        }
        match &tree.value {
            Value::Mapping(_) => {}
            Value::Null => return Ok(None),
            Value::Scalar { .. } | Value::Sequence(_) => {
                let what = format!("`{name}` is no rule file: it is {}, and a mapping is needed", tree.kind());
                return Err(Fault::new(Code::InvalidValue, what).hint("write rules below `rules:`"));
            }
        }
        self.open.push((same(&path), path.clone()));
        let merged = self.merged(tree.within(FileName::of(&path)), &path, variables, faults);
        self.open.pop();
        Ok(Some(merged))
    }
}

fn text_of(path: &str, name: &str) -> Result<String, Fault> {
    let unreadable = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Fault::new(Code::FileNotFound, format!("there is no file `{path}`"))
            .hint("an included file is looked for beside the file that includes it"),
        std::io::ErrorKind::InvalidData => Fault::new(Code::InvalidEncoding, format!("`{name}` is not text in UTF-8")),
        _ => Fault::new(Code::of_reading(&e), format!("`{path}` cannot be read: {e}")),
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > BYTES_MAX {
        return Err(Fault::new(Code::NotAFile, format!("`{path}` is no file of at most {} MiB", BYTES_MAX >> 20)));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The path of a file that the file `by` names.
fn beside(by: &str, name: &str) -> String {
    let path = Path::new(by).parent().map_or_else(|| Path::new(name).to_path_buf(), |directory| directory.join(name));
    path.display().to_string()
}

/// A name that is the same for the same file, however its path is written.
fn same(path: &str) -> String {
    std::fs::canonicalize(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// What is written in `own` over what is included: lists are joined, mappings by their keys, and of values the own one counts.
fn over(own: Node, included: Node, is_top: bool) -> Node {
    let (mut own_entries, included_entries) = match (own.value, included.value) {
        (Value::Mapping(own), Value::Mapping(included)) => (own, included),
        (value, _) => return Node { at: own.at, value },
    };
    let mut merged: Vec<Entry> = Vec::new();
    for below in included_entries {
        let Some(index) = own_entries.iter().position(|entry| entry.key == below.key) else {
            merged.push(below);
            continue;
        };
        let mine = own_entries.remove(index);
        let value = match (mine.value.value, below.value.value) {
            (Value::Sequence(own), Value::Sequence(mut first)) if is_top && LISTS.contains(&mine.key.as_str()) => {
                first.extend(own);
                Value::Sequence(first)
            }
            (Value::Null, below) if is_top => below,
            (own, below) => {
                let at = mine.value.at;
                over(Node { at, value: own }, Node { at, value: below }, false).value
            }
        };
        merged.push(Entry { key: mine.key, key_at: mine.key_at, value: Node { at: mine.value.at, value } });
    }
    // What stands in the file itself comes behind, so that `transform` may build on what is included.
    merged.extend(own_entries);
    Node { at: own.at, value: Value::Mapping(merged) }
}
