//! `tables`: several tables in one rule file, which are judged and gated as one. Each is read as a rule file of its own.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::{Map, Value as Json, json};

use super::resolve::{self, Choices, Wording};
use super::{Parsed, RuleFile, private, shape};
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::rules::words::Elsewhere;
use crate::yaml::{Entry, Node, Position, Spanned, Value};

/// The section, once its tables are read.
#[derive(Debug, Clone)]
pub(super) struct TablesWord;

impl<'de> Deserialize<'de> for TablesWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for TablesWord {
    fn schema_name() -> Cow<'static, str> {
        "Tables".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Completes the JSON Schema of rule files: a table has sections of its own, which then do not stand beside `tables`.
pub(super) fn complete_schema(root: &mut Json) {
    let Some(all) = root["properties"].as_object().cloned() else { return };
    let mut own: Map<String, Json> = all.into_iter().filter(|(key, _)| !NOT_OF_A_TABLE.contains(&key.as_str())).collect();
    let with_path = json!({ "anyOf": [{ "type": ["string", "array"] }, { "type": "object", "required": ["path"] }] });
    if let Some(source) = own.get_mut("source") {
        *source = json!({ "allOf": [source.take(), with_path] });
    }
    root["$defs"]["Table"] = json!({
        "description": "One of several tables, with its own sections: each means what it means in a rule file about one data set.",
        "type": "object", "properties": own, "required": ["source"], "additionalProperties": false
    });
    let tables = &mut root["properties"]["tables"];
    tables["type"] = json!(["object", "null"]);
    tables["additionalProperties"] = json!({ "$ref": "#/$defs/Table" });
    tables["propertyNames"] = json!({ "pattern": "^[A-Za-z0-9_-]+$" });
    tables["minProperties"] = 1.into();
    let refused = OF_A_TABLE.iter().chain(NOT_OF_A_TABLE.iter().filter(|key| !OF_ALL.contains(key)));
    let refused: Map<String, Json> = refused.map(|key| ((*key).to_owned(), Json::Bool(false))).collect();
    let is_given = json!({ "required": ["tables"], "properties": { "tables": { "not": { "type": "null" } } } });
    root["if"] = is_given;
    root["then"] = json!({ "properties": refused });
}

/// One of the tables of a rule file.
pub struct Table {
    pub name: String,
    /// The tables in which its foreign keys look.
    pub parents: Vec<String>,
    pub rules: RuleFile,
}

/// The names of all tables of a rule file, which each of them knows.
#[derive(Debug, Clone, Default)]
pub struct Siblings {
    /// In the order of the file.
    pub names: Vec<String>,
    all: HashSet<String>,
}

impl Siblings {
    pub fn has(&self, name: &str) -> bool {
        self.all.contains(name)
    }
}

/// Sections beside `tables` that are about all of them together.
const OF_ALL: [&str; 4] = ["dataset", "description", "include", "tables"];

/// Sections beside `tables` that each table has which does not say otherwise.
const SHARED: [&str; 8] = ["owner", "tags", "runbook", "templates", "samples", "why", "profile", "sources"];

/// Sections that stand within a table only.
const OF_A_TABLE: [&str; 9] = ["source", "schema", "clean", "transform", "rules", "examples", "baseline", "known", "gate"];

/// Sections that a table does not have.
const NOT_OF_A_TABLE: [&str; 6] = ["dataset", "include", "tables", "history", "notify", "windows"];

/// Whether the rule file is about several tables.
pub(super) fn has_tables(tree: &Node) -> bool {
    tree.get("tables").is_some_and(|tables| !matches!(tables.value.value, Value::Null))
}

/// Reads a rule file that is about several tables; where one is chosen, that one.
pub(super) fn read(mut tree: Node, text_and_path: (&str, &str), wording: &Wording, mut faults: Faults, choices: &Choices) -> Parsed {
    let path = text_and_path.1;
    if choices.table.is_none() && !choices.only.is_empty() {
        let fault = Fault::new(Code::ConflictingOptions, "`--only` chooses rules of one table, and the rule file has several");
        faults.push(fault.hint("choose the table too: `--table NAME`"));
    }
    let section = tree.get("tables").map(|entry| entry.value.clone()).unwrap_or_default();
    refuse_sections(&tree, path, &mut faults);
    let entries = named(&section, path, &mut faults);
    let names: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let siblings = Arc::new(Siblings { all: names.iter().cloned().collect(), names: names.clone() });
    let (mut tables, mut is_comparable) = (Vec::new(), true);
    for entry in &entries {
        let mut own = table_tree(&tree, entry, path, &mut faults);
        // Ids are known within a table only.
        let is_shared = choices.is_shared || choices.table.as_ref() != Some(&entry.key);
        let parsed = RuleFile::read_tree(&mut own, text_and_path, Faults::default(), &Choices { is_shared, ..choices.clone() });
        faults.extend(private::quiet(&own, text_and_path, wording, parsed.faults));
        is_comparable &= parsed.is_comparable;
        let Some(rules) = parsed.rules else { continue };
        let siblings = siblings.clone();
        let rules = RuleFile { flat: Some(resolve::flat(&own)), wording: wording.clone(), siblings, ..rules };
        refuse_words(&rules, entry, path, &mut faults);
        let parents = parents(&rules, path, &mut faults);
        tables.push((entry.key_at, Table { name: entry.key.clone(), parents, rules }));
    }
    let is_whole = tables.len() == entries.len();
    let tables = in_order(tables, path, &mut faults);
    refuse_moving_parents(&tables, path, &mut faults);
    if let Some(chosen) = &choices.table {
        let sibling_places: Vec<_> = tables.iter().map(|table| (table.name.clone(), table.rules.sections.gate.clone())).collect();
        let looks = |table: &&Table| table.parents.contains(chosen);
        let children: Vec<String> = tables.iter().filter(looks).map(|table| table.name.clone()).collect();
        let rules = tables.into_iter().find(|table| table.name == *chosen);
        let rules = rules.map(|table| RuleFile { sibling_places, children, ..table.rules });
        if rules.is_none() && !names.contains(chosen) {
            let fault = Fault::new(Code::MalformedOption, format!("`--table {chosen}`: the rule file has no such table"));
            faults.push(fault.hint_nearest(chosen, names.iter().map(String::as_str)));
        }
        return Parsed { rules, faults: faults.or_ok(()).err().unwrap_or_default(), is_comparable };
    }
    if let Value::Mapping(sections) = &mut tree.value {
        let is_of_tables = |key: &str| OF_A_TABLE.contains(&key) || SHARED.contains(&key) && !is_about_people(key);
        let is_refused = |key: &str| NOT_OF_A_TABLE.contains(&key) && !OF_ALL.contains(&key);
        sections.retain(|section| section.key != "tables" && !is_of_tables(&section.key) && !is_refused(&section.key));
    }
    let Parsed { rules, faults, .. } = RuleFile::read_tree(&mut tree, text_and_path, faults, &Choices::default());
    let rules = rules.map(|rules| {
        let digests: Vec<u8> = tables.iter().flat_map(|table| table.rules.digest.to_le_bytes()).collect();
        let digest = xxhash_rust::xxh3::xxh3_128(&digests);
        RuleFile { tables: if is_whole { tables } else { Vec::new() }, digest, wording: wording.clone(), ..rules }
    });
    Parsed { rules, faults, is_comparable }
}

fn is_about_people(section: &str) -> bool {
    matches!(section, "owner" | "tags" | "runbook")
}

/// Refuses sections beside `tables` that are about the rows of one table.
fn refuse_sections(tree: &Node, path: &str, faults: &mut Faults) {
    for section in tree.entries() {
        let key = section.key.as_str();
        let is_refused = OF_A_TABLE.contains(&key) || NOT_OF_A_TABLE.contains(&key) && !OF_ALL.contains(&key);
        if !is_refused {
            continue;
        }
        let fault = Fault::new(Code::ConflictingWords, format!("`{key}` stands beside `tables`")).at(section.key_at.in_file(path));
        faults.push(match NOT_OF_A_TABLE.contains(&key) {
            true => fault.hint(format!("several tables are judged without `{key}`; leave it out")),
            false => fault.hint(format!("write it within the table that it is about: `tables: {{ NAME: {{ {key}: … }} }}`")),
        });
    }
}

/// The entries of `tables` whose names can be referred to.
fn named(section: &Node, path: &str, faults: &mut Faults) -> Vec<Entry> {
    let Value::Mapping(entries) = &section.value else {
        let fault = Fault::new(Code::InvalidValue, format!("`tables` is a mapping of tables by name, this is {}", section.kind()));
        faults.push(fault.at(section.at.in_file(path)).hint("write `tables: { orders: { source: data/orders.csv, rules: [ … ] } }`"));
        return Vec::new();
    };
    let mut kept = Vec::new();
    for entry in entries {
        let is_name = !entry.key.is_empty() && entry.key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        match (&entry.value.value, is_name) {
            (_, false) => {
                let fault = Fault::new(Code::InvalidValue, format!("`{}` is no name of a table", entry.key));
                faults.push(fault.at(entry.key_at.in_file(path)).hint("names are letters, digits, `_` and `-`"));
            }
            (Value::Mapping(_), true) => kept.push(entry.clone()),
            (Value::Null | Value::Scalar { .. } | Value::Sequence(_), true) => {
                let what = format!("the table `{}` is a mapping of sections, this is {}", entry.key, entry.value.kind());
                let fault = Fault::new(Code::InvalidValue, what).at(entry.value.at.in_file(path));
                faults.push(fault.hint(format!("write `{}: {{ source: PATH, rules: [ … ] }}`", entry.key)));
            }
        }
    }
    if kept.is_empty() && faults.is_empty() {
        faults.push(Fault::new(Code::InvalidValue, "`tables` names no table").at(section.at.in_file(path)));
    }
    kept
}

/// The rule file that a table would be by itself.
fn table_tree(tree: &Node, entry: &Entry, path: &str, faults: &mut Faults) -> Node {
    let own: Vec<Entry> = entry.value.entries().to_vec();
    for section in own.iter().filter(|section| NOT_OF_A_TABLE.contains(&section.key.as_str())) {
        let fault = Fault::new(Code::ConflictingWords, format!("`{}` does not stand within a table", section.key));
        let hint = match section.key.as_str() {
            "dataset" | "include" => format!("write `{}` once, beside `tables`", section.key),
            other => format!("several tables are judged without `{other}`; leave it out"),
        };
        faults.push(fault.at(section.key_at.in_file(path)).hint(hint));
    }
    let dataset = tree.get("dataset").and_then(|dataset| dataset.value.text()).unwrap_or_default();
    let name = Value::Scalar { text: format!("{dataset}.{}", entry.key), quoted: true };
    let mut sections = vec![Entry { key: "dataset".into(), key_at: entry.key_at, value: Node { at: entry.key_at, value: name } }];
    let is_own = |key: &str| own.iter().any(|section| section.key == key);
    let shared = tree.entries().iter().filter(|section| SHARED.contains(&section.key.as_str()) && !is_own(&section.key));
    sections.extend(shared.cloned());
    let stands = |section: &Entry| !NOT_OF_A_TABLE.contains(&section.key.as_str());
    sections.extend(own.into_iter().filter(stands).map(|mut section| {
        let shared = tree.get(&section.key).filter(|_| matches!(section.key.as_str(), "sources" | "templates"));
        if let (Some(shared), Value::Mapping(entries)) = (shared, &mut section.value.value) {
            let known: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
            entries.extend(shared.value.entries().iter().filter(|entry| !known.contains(&entry.key)).cloned());
        }
        section
    }));
    let mut own = Node { at: entry.value.at, value: Value::Mapping(sections) };
    shape::written_out(&mut own);
    own
}

/// Refuses what cannot be done with a table among others.
fn refuse_words(rules: &RuleFile, entry: &Entry, path: &str, faults: &mut Faults) {
    let name = &entry.key;
    match &rules.sections.source.path {
        None => {
            let fault = Fault::new(Code::MissingOption, format!("nothing says where the data of the table `{name}` is"));
            faults.push(fault.at(entry.key_at.in_file(path)).hint("write `source: PATH` in it"));
        }
        Some(named) if named.value.0.iter().any(|named| named.starts_with("kafka://") || named == "-") => {
            let fault = Fault::new(Code::Unsupported, format!("the table `{name}` is a stream, and tables are judged beside each other"));
            faults.push(fault.at(named.at.in_file(path)).hint("name files, directories, URLs or Delta tables"));
        }
        Some(_) => {}
    }
    for (source, paths) in rules.sections.sources.0.iter().filter(|(source, _)| rules.siblings.has(source)) {
        let fault = Fault::new(Code::ConflictingWords, format!("`{source}` is both a table and one of `sources`"));
        faults.push(fault.at(paths.at.in_file(path)).hint("give the source another name"));
    }
}

/// The other tables in which the rules of a table look, each once.
fn parents(rules: &RuleFile, path: &str, faults: &mut Faults) -> Vec<String> {
    let (mut parents, mut met, sought): (Vec<String>, HashSet<String>, Sought) = Default::default();
    let sources: HashSet<&String> = rules.sections.sources.0.iter().map(|(known, _)| known).collect();
    for named in rules.items.iter().flat_map(|item| item.rule.looks_into()) {
        let Spanned { at, value: Elsewhere { source, is_declared, .. } } = &named;
        let [name] = source.as_slice() else { continue };
        let is_source = sources.contains(name);
        if rules.siblings.has(name) {
            if met.insert(name.clone()) {
                parents.push(name.clone());
            }
        } else if *is_declared && !is_source {
            let known = rules.sections.sources.0.iter().map(|(known, _)| known).chain(&rules.siblings.names);
            let fault = Fault::new(Code::MissingOption, format!("no table or source is called `{name}`")).at(at.in_file(path));
            faults.push(fault.hint_nearest_within(&sought, name, known.map(String::as_str)));
        }
    }
    parents
}

/// The tables, parents first; otherwise in the order of the file. A circle is a fault.
fn in_order(mut left: Vec<(Position, Table)>, path: &str, faults: &mut Faults) -> Vec<Table> {
    let places: HashMap<String, usize> = left.iter().enumerate().map(|(place, (_, table))| (table.name.clone(), place)).collect();
    // By table: for how many parents it waits, and who waits for it.
    let (mut waits, mut children) = (vec![0usize; left.len()], vec![Vec::new(); left.len()]);
    for (place, (_, table)) in left.iter().enumerate() {
        for &parent in table.parents.iter().filter_map(|parent| places.get(parent)) {
            waits[place] += 1;
            children[parent].push(place);
        }
    }
    let mut ready: BTreeSet<usize> = (0..left.len()).filter(|&place| waits[place] == 0).collect();
    let mut left: Vec<Option<(Position, Table)>> = left.drain(..).map(Some).collect();
    let mut ordered: Vec<Table> = Vec::new();
    while let Some(next) = ready.pop_first() {
        ordered.extend(left[next].take().map(|(_, table)| table));
        for &child in &children[next] {
            waits[child] -= 1;
            if waits[child] == 0 {
                ready.insert(child);
            }
        }
    }
    let left: Vec<(Position, Table)> = left.into_iter().flatten().collect();
    if !left.is_empty() {
        faults.push(circle(&left, path));
    }
    ordered.extend(left.into_iter().map(|(_, table)| table));
    ordered
}

/// A fault that names tables of which each is the parent of the next.
fn circle(left: &[(Position, Table)], path: &str) -> Fault {
    let places: HashMap<&str, &(Position, Table)> = left.iter().map(|one| (one.1.name.as_str(), one)).collect();
    let by_name = |name: &str| places.get(name).copied();
    let (mut walked, mut met, mut next) = (Vec::<&str>::new(), HashSet::new(), left.first());
    while let Some((_, table)) = next.filter(|(_, table)| met.insert(table.name.as_str())) {
        walked.push(&table.name);
        next = table.parents.iter().find_map(|parent| by_name(parent));
    }
    let (at, met) = next.map(|(at, table)| (*at, table.name.as_str())).unwrap_or_default();
    let round: Vec<String> = walked.iter().skip_while(|name| **name != met).chain([&met]).map(|name| format!("`{name}`")).collect();
    let what = match round.len() {
        2 => format!("the table {} looks for keys in itself", round[0]),
        _ => format!("tables look for keys in each other, in a circle: {}", round.join(" → ")),
    };
    let hint = "a table is judged after those in which its keys are looked for; leave one of these rules out, or name a file instead";
    Fault::new(Code::ConflictingWords, what).at(at.in_file(path)).hint(hint)
}

/// Refuses parents whose published rows go away again when a batch is published: their children would lose them.
fn refuse_moving_parents(tables: &[Table], path: &str, faults: &mut Faults) {
    let parents: HashSet<&String> = tables.iter().flat_map(|table| &table.parents).collect();
    for table in tables.iter().filter(|table| parents.contains(&table.name)) {
        let gate = &table.rules.sections.gate;
        let word = gate.replace.as_ref().map(|_| "replace").or_else(|| gate.merge.as_ref().map(|_| "merge"));
        if let Some(word) = word {
            let what =
                format!("`{}` takes published rows away (`gate: {{ {word}: … }}`), and other tables look for keys in it", table.name);
            let fault = Fault::new(Code::Unsupported, what).at(crate::diagnostic::Place::file(path));
            faults.push(fault.hint(format!("leave `{word}` out of its `gate`")));
        }
    }
}
