//! Python's types for what a JSON Schema admits.

use serde_json::{Map, Value as Json};

use super::text;
use crate::ruleset::parameter;

/// Words that together are longer than this have a name.
const WORDS_MAX: usize = 50;

/// Types of values: definitions of the schema that have a name in Python too, each behind those it needs.
pub(super) struct Types<'a> {
    definitions: &'a Map<String, Json>,
    names: Vec<String>,
    written: Vec<String>,
}

/// A part of a union.
#[derive(Debug, Clone, PartialEq)]
enum Member {
    /// A value by itself, as Python writes it.
    Literal(String),
    Type(String),
}

impl<'a> Types<'a> {
    pub(super) fn new(definitions: &'a Map<String, Json>) -> Self {
        Self { definitions, names: Vec::new(), written: Vec::new() }
    }

    /// The definitions in Python, in an order in which each can be evaluated.
    pub(super) fn written(self) -> String {
        let mut out = self.written.concat();
        while out.contains("\n\n\n\n") {
            out = out.replace("\n\n\n\n", "\n\n\n");
        }
        out.trim().to_owned()
    }

    /// The names of the definitions.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// What a reference stands for.
    pub(super) fn referred<'b>(&self, schema: &'b Json) -> &'b Json
    where
        'a: 'b,
    {
        reference(schema).and_then(|name| self.definitions.get(name)).unwrap_or(schema)
    }

    /// What a reference stands for; of alternatives the mapping with keys of its own, if there is one.
    pub(super) fn resolve<'b>(&self, schema: &'b Json) -> &'b Json
    where
        'a: 'b,
    {
        let schema = self.referred(schema);
        let alternatives = schema.get("anyOf").and_then(Json::as_array);
        let mapping = alternatives.into_iter().flatten().map(|one| self.resolve(one)).find(|one| one.get("properties").is_some());
        mapping.unwrap_or(schema)
    }

    /// The type of what `schema` admits. `owner` names what has no name of its own.
    pub(super) fn of(&mut self, schema: &Json, owner: &str) -> String {
        let mut all = Vec::new();
        self.members(schema, owner, &mut all);
        let has_float = all.contains(&Member::Type("float".into()));
        let mut parts: Vec<String> = Vec::new();
        let literals: Vec<&str> =
            all.iter().filter_map(|member| if let Member::Literal(text) = member { Some(text.as_str()) } else { None }).collect();
        for member in &all {
            let part = match member {
                Member::Type(name) if name == "int" && has_float => continue,
                Member::Type(name) => name.clone(),
                Member::Literal(_) => format!("Literal[{}]", literals.join(", ")),
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        if parts.is_empty() { "Any".to_owned() } else { parts.join(" | ") }
    }

    fn members(&mut self, schema: &Json, owner: &str, out: &mut Vec<Member>) {
        if let Some(name) = reference(schema) {
            let Some(definition) = self.definitions.get(name) else { return };
            if is_words(definition) && !self.is_long(definition) {
                return self.members(definition, name, out);
            }
            self.write(name, definition);
            return push(out, Member::Type(name.to_owned()));
        }
        if let Some(alternatives) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key).and_then(Json::as_array)) {
            return alternatives.iter().for_each(|one| self.members(one, owner, out));
        }
        let words = schema.get("const").into_iter().chain(schema.get("enum").and_then(Json::as_array).into_iter().flatten());
        let words: Vec<String> = words.filter(|word| !word.is_null()).map(text::literal).collect();
        if !words.is_empty() {
            return words.into_iter().for_each(|word| push(out, Member::Literal(word)));
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        if ["string", "number", "boolean"].iter().all(|part| types.contains(part)) {
            return push(out, Member::Type("Value".into()));
        }
        for one in types {
            let name = match one {
                "string" => "str".to_owned(),
                "integer" => "int".to_owned(),
                "number" => "float".to_owned(),
                "boolean" => "bool".to_owned(),
                "array" => format!("Iterable[{}]", schema.get("items").map_or("Any".into(), |items| self.of(items, owner))),
                "object" => self.mapping(schema, owner),
                _ => continue,
            };
            push(out, Member::Type(name));
        }
    }

    /// Whether words are so many that they need a name.
    fn is_long(&mut self, definition: &Json) -> bool {
        let mut words = Vec::new();
        self.members(definition, "", &mut words);
        words.iter().map(|word| if let Member::Literal(text) = word { text.len() + 2 } else { 0 }).sum::<usize>() > WORDS_MAX
    }

    fn mapping(&mut self, schema: &Json, owner: &str) -> String {
        let keys: Vec<&String> = schema.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::keys).collect();
        if let Some(first) = keys.first() {
            let name = format!("{owner}{}", if keys.len() == 1 { text::title(first) } else { "Words".to_owned() });
            self.write(&name, schema);
            return name;
        }
        match schema.get("additionalProperties") {
            Some(of @ Json::Object(_)) => format!("Mapping[str, {}]", self.of(of, owner)),
            _ => "Mapping[str, Any]".to_owned(),
        }
    }

    /// Writes the definition called `name`, unless it is there.
    fn write(&mut self, name: &str, definition: &Json) {
        if self.names.iter().any(|there| there == name) {
            return;
        }
        self.names.push(name.to_owned());
        let says = text::description(definition);
        let says = if says.is_empty() { String::new() } else { text::docstring(&says, "") };
        let Some(properties) = definition.get("properties").and_then(Json::as_object) else {
            let of = self.of(definition, name);
            let one_line = format!("{name}: TypeAlias = {of}");
            let line = match of.strip_prefix("Literal[").and_then(|words| words.strip_suffix(']')) {
                Some(words) if one_line.len() > text::LINE_MAX => {
                    let words: String = words.split(", ").map(|word| format!("    {word},\n")).collect();
                    format!("{name}: TypeAlias = Literal[\n{words}]")
                }
                Some(_) | None => one_line,
            };
            self.written.push(format!("{line}\n{says}{}", if says.is_empty() { "" } else { "\n" }));
            return;
        };
        let required: Vec<&str> =
            definition.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
        let keys: Vec<(String, String, bool)> = properties
            .iter()
            .map(|(key, property)| {
                let title = text::title(key);
                let owner = if name.ends_with(&title) { name.to_owned() } else { format!("{name}{title}") };
                (key.clone(), self.of(property, &owner), required.contains(&key.as_str()))
            })
            .collect();
        let (needed, free): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(_, _, is_required)| *is_required);
        let is_word = |(key, ..): &(String, String, bool)| parameter(key) == *key;
        let fields = |keys: &[(String, String, bool)]| keys.iter().map(|(key, of, _)| format!("    {key}: {of}\n")).collect::<String>();
        let mut out = String::new();
        let base = match needed.is_empty() {
            true => "TypedDict",
            false if free.is_empty() && needed.iter().all(is_word) => {
                self.written.push(format!("\n\nclass {name}(TypedDict):\n{}{}\n\n", indented(&says), fields(&needed)));
                return;
            }
            false if needed.iter().all(is_word) => {
                out.push_str(&format!("\n\nclass _{name}(TypedDict):\n{}", fields(&needed)));
                &format!("_{name}")
            }
            // A key that is a keyword cannot stand in a class.
            false => {
                let fields: String = needed.iter().map(|(key, of, _)| format!("        \"{key}\": {of},\n")).collect();
                out.push_str(&format!("_{name} = TypedDict(\n    \"_{name}\",\n    {{\n{fields}    }},\n)\n"));
                &format!("_{name}")
            }
        };
        out.push_str(&format!("\n\nclass {name}({base}, total=False):\n{}{}\n\n", indented(&says), fields(&free)));
        self.written.push(out);
    }
}

fn indented(docstring: &str) -> String {
    if docstring.is_empty() { String::new() } else { format!("    {docstring}\n\n") }
}

fn push(out: &mut Vec<Member>, member: Member) {
    if !out.contains(&member) {
        out.push(member);
    }
}

fn reference(schema: &Json) -> Option<&str> {
    schema.get("$ref").and_then(Json::as_str).and_then(|path| path.rsplit('/').next())
}

/// Whether a definition is nothing but words to choose from.
fn is_words(definition: &Json) -> bool {
    match definition.get("oneOf").and_then(Json::as_array) {
        Some(alternatives) => alternatives.iter().all(is_words),
        None => definition.get("const").is_some() || definition.get("enum").is_some(),
    }
}
