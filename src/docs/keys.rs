//! Tables of keys: what each takes, what holds if it is left out, what it means; from JSON Schemas.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json};

/// Definitions that are documented once, at the end of a page, and linked to from there.
pub(super) const LINKED: [&str; 7] = ["ByteSize", "Columns", "Duration", "Margin", "Share", "Tolerance", "TypeName"];

/// What begins the last sentence of a key's documentation: what holds without the key.
const IF_LEFT_OUT: &str = "If left out: ";

/// So many keys of a mapping are listed where the mapping is a value.
const KEYS_MAX: usize = 3;

/// A schema, with the definitions that it refers to.
pub(super) struct Keys {
    properties: Map<String, Json>,
    required: Vec<String>,
    definitions: Map<String, Json>,
    /// Keys whose values are described in a section of the page.
    sections: Vec<&'static str>,
}

impl Keys {
    /// Keys whose values have a page section of their own, to link to.
    pub(super) fn linking(self, sections: Vec<&'static str>) -> Self {
        Self { sections, ..self }
    }

    /// Of what `of` describes.
    pub(super) fn of(of: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Self {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let schema = of(&mut generator).to_value();
        let definitions = generator.take_definitions(true);
        // A section's type may be a reference to its definition.
        let schema = resolve(&schema, &definitions).clone();
        let properties = schema.get("properties").and_then(Json::as_object).cloned().unwrap_or_default();
        let required = texts(schema.get("required"));
        Self { properties, required, definitions, sections: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    /// A table of the keys, in Markdown.
    pub(super) fn table(&self) -> String {
        self.table_of(self.properties.keys().map(String::as_str))
    }

    /// A table of the keys that are named, in their order.
    pub(super) fn table_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("| key | takes | if left out | meaning |\n|---|---|---|---|\n");
        for name in names {
            let Some(property) = self.properties.get(name) else { continue };
            let meaning = property.get("description").and_then(Json::as_str).unwrap_or_default();
            let takes = match self.sections.contains(&name) {
                true => format!("[a section](#{name})"),
                false => takes(property, &self.definitions),
            };
            let (meaning, if_left_out) = meaning.split_once(IF_LEFT_OUT).unwrap_or((meaning, ""));
            let left_out =
                if if_left_out.is_empty() { self.left_out(name, property) } else { if_left_out.trim_end_matches('.').to_owned() };
            let cells = [format!("`{name}`"), takes, left_out, meaning.trim_end().to_owned()];
            out.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('\n', " ").replace('|', "\\|")).join(" | ")));
        }
        out
    }

    /// What the definition of this name says of itself, and each of its words where it lists them.
    pub(super) fn definition(&self, name: &str) -> Option<&Json> {
        self.definitions.get(name)
    }

    /// What holds if the key is left out.
    fn left_out(&self, name: &str, property: &Json) -> String {
        if self.required.iter().any(|required| required == name) {
            return "is required".into();
        }
        match property.get("default") {
            None | Some(Json::Null) => String::new(),
            Some(Json::Array(list)) if list.is_empty() => "none".into(),
            Some(Json::String(word)) => format!("`{word}`"),
            Some(value) => format!("`{value}`"),
        }
    }
}

fn texts(list: Option<&Json>) -> Vec<String> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The definition's name, where the schema is a reference.
fn reference(schema: &Json) -> Option<&str> {
    schema.get("$ref").and_then(Json::as_str).and_then(|r| r.rsplit('/').next())
}

fn resolve<'a>(schema: &'a Json, definitions: &'a Map<String, Json>) -> &'a Json {
    reference(schema).and_then(|name| definitions.get(name)).unwrap_or(schema)
}

/// What may be written, in words.
fn takes(schema: &Json, definitions: &Map<String, Json>) -> String {
    if let Some(name) = reference(schema).filter(|name| LINKED.contains(name)) {
        let (title, phrase) = linked(name);
        return format!("[{phrase}](rules.md#{})", title.to_lowercase());
    }
    let schema = resolve(schema, definitions);
    let words = words(schema);
    if !words.is_empty() {
        return either(&words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>());
    }
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key).and_then(Json::as_array));
    if let Some(alternatives) = alternatives {
        let mut all: Vec<String> =
            alternatives.iter().filter(|a| a.get("type") != Some(&"null".into())).map(|a| takes(a, definitions)).collect();
        all.dedup();
        return either(&all);
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).filter(|t| *t != "null").collect(),
        _ => Vec::new(),
    };
    match types.as_slice() {
        ["boolean"] => "`true` or `false`".into(),
        ["string"] => "text".into(),
        ["integer"] => "a whole number".into(),
        ["number"] | ["number", "string"] | ["string", "number"] => "a number".into(),
        ["array"] => match schema.get("items").map(|items| takes(items, definitions)).unwrap_or_default().as_str() {
            "text" => "a list of texts".into(),
            "a value" => "a list of values".into(),
            words if words.starts_with('`') => format!("a list of {words}"),
            other => format!("a list, each {other}"),
        },
        ["object"] => mapping(schema, definitions),
        // A literal, to be read as its column's type.
        _ => "a value".into(),
    }
}

fn mapping(schema: &Json, definitions: &Map<String, Json>) -> String {
    let properties = schema.get("properties").and_then(Json::as_object);
    match (properties, schema.get("additionalProperties")) {
        (Some(properties), _) if !properties.is_empty() => {
            let keys: Vec<String> = properties.iter().map(|(key, property)| format!("`{key}`: {}", takes(property, definitions))).collect();
            // More keys have a table of their own.
            if keys.len() > KEYS_MAX { "a mapping".into() } else { format!("a mapping ({})", keys.join("; ")) }
        }
        (_, Some(of @ Json::Object(_))) => format!("a mapping from name to {}", takes(of, definitions)),
        _ => "a mapping".into(),
    }
}

/// The words that a schema lists, and what each means.
pub(super) fn words(schema: &Json) -> Vec<(String, String)> {
    let mut words = Vec::new();
    if let Some(word) = schema.get("const").and_then(Json::as_str) {
        words.push((word.to_owned(), schema.get("description").and_then(Json::as_str).unwrap_or_default().to_owned()));
    }
    words.extend(texts(schema.get("enum")).into_iter().map(|word| (word, String::new())));
    if let Some(alternatives) = schema.get("oneOf").and_then(Json::as_array) {
        words.extend(alternatives.iter().flat_map(self::words));
    }
    words
}

/// How a linked definition is headed, and how it is called in a sentence.
pub(super) fn linked(name: &str) -> (&'static str, &'static str) {
    match name {
        "ByteSize" => ("Size", "a size"),
        "Columns" => ("Columns", "columns"),
        "Duration" => ("Duration", "a duration"),
        "Margin" => ("Margin", "a margin"),
        "Share" => ("Share", "a share"),
        "Tolerance" => ("Tolerance", "a tolerance"),
        _ => ("Type", "a type"),
    }
}

/// `a, b or c`.
fn either(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
