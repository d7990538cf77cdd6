//! The Python builder of rule files: one method a rule and one a section, from the JSON Schema of rule files.

mod text;
mod types;

use serde_json::{Map, Value as Json};

use self::types::Types;
use crate::rules::{self, Subject};
use crate::ruleset::{self, Words, parameter};

/// The word that a call may give without its name: the first of these that there is.
const FIRST: [&str; 9] = ["column", "key", "groups", "sql", "path", "level", "publish", "columns", "rule"];

/// A method of the builder.
struct Method {
    name: String,
    /// What makes it a method: whether it adds a rule, or what kind of section it is about.
    decorator: String,
    words: Vec<Word>,
    /// The word that may stand first, without its name.
    first: Option<&'static str>,
    says: String,
}

struct Word {
    name: String,
    of: String,
    is_required: bool,
}

/// The module `sluicegate._rules`.
pub fn builder() -> String {
    let schema = ruleset::json_schema();
    let empty = Map::new();
    let definitions = schema["$defs"].as_object().unwrap_or(&empty);
    let mut types = Types::new(definitions);
    let sections =
        schema["properties"].as_object().into_iter().flatten().filter(|(name, _)| !["dataset", "rules"].contains(&name.as_str()));
    let mut methods: Vec<Method> = sections.map(|(name, section)| of_section(name, section, &mut types)).collect();
    let items = schema["properties"]["rules"]["items"]["anyOf"].as_array();
    methods.extend(items.into_iter().flatten().filter_map(|item| of_rule(item, &mut types)));
    let mut names: Vec<&str> = types.names().iter().map(String::as_str).chain(["Rules", "Value", "rules"]).collect();
    names.sort_unstable();
    let names: Vec<String> = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
    let mut out = HEAD.replace("{names}", &names.concat());
    out.push_str(&types.written());
    out.push_str(&format!("\n\n\nclass Rules(build.Builder):\n    {}\n", text::docstring(&about(), "    ")));
    methods.iter().for_each(|method| out.push_str(&method.written()));
    out.push_str(TAIL);
    out
}

const HEAD: &str = r#"# Written by `just regenerate` from the list of rules, `src/rules/mod.rs`: change what a rule says of itself.
"""The builder of rule files: one method a rule, and one a section."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict

from . import _builder as build

__all__ = [
{names}]

Value: TypeAlias = str | float | Decimal | datetime.date
"""A value of a column: it is read as the column's type."""

"#;

const TAIL: &str = r#"

def rules(dataset: str) -> Rules:
    """Begins a rule file for the data set of this name."""
    return Rules(dataset)
"#;

/// What the class says of itself: how it is used, and the words that rules have in common.
fn about() -> String {
    let mut out = ABOUT.trim_end().to_owned();
    let schema = ruleset::json_schema();
    let rules = || schema["properties"]["rules"]["items"]["anyOf"].as_array().into_iter().flatten().filter_map(|item| configuration(item));
    for key in Words::KEYS {
        let property = rules().filter(|(rule, _)| commons(rule).contains(&key)).find_map(|(_, words)| words["properties"].get(key));
        let Some(property) = property else { continue };
        out.push_str(&format!("\n- `{key}`: {}", text::description(property)));
    }
    out
}

const ABOUT: &str = r#"A rule file in the making: `sg.rules("orders").range("price", above=0).missing("email", tolerate="1%")`.

It never changes: each method gives a new builder, so that a beginning can be shared. Each rule is a method, and so is each section of a rule file; `None` is a word that is left out. A word that is a keyword of Python has an underscore behind it: `in_`. Strings are text, also those that YAML would take for something else; numbers, `Decimal`, `date` and `datetime` are written as such.

A builder and a file have the same digest if they say the same in the same order: sections, and words of a rule. Quotes count: the builder sets them around text that a reader of YAML could take for something else, and around text with other characters than letters, digits, `_`, `.`, `/`, `+`, `-`, `%` and single spaces. `Rules.from_file(…)` has the digest of its file, whatever it looks like.

Most rules have these words beside their own:
"#;

/// A rule's name and the schema of its words.
fn configuration(item: &Json) -> Option<(&str, &Json)> {
    let named = item.get("anyOf").and_then(|all| all.get(0)).unwrap_or(item);
    let (name, words) = named["properties"].as_object()?.iter().next()?;
    let words = words.get("anyOf").and_then(|all| all.as_array()?.iter().find(|one| one.get("properties").is_some())).unwrap_or(words);
    Some((name, words))
}

/// The words of a rule that are described once for all rules.
fn commons(rule: &str) -> Vec<&'static str> {
    rules::find(rule).map_or_else(|| Words::OF_MALFORMED.to_vec(), |entry| Words::keys_for(entry).collect())
}

fn of_rule(item: &Json, types: &mut Types<'_>) -> Option<Method> {
    let (name, schema) = configuration(item)?;
    let commons = commons(name);
    let mut words = words_of(name, schema, types);
    words.sort_by_key(|word| (!word.is_required, commons.iter().position(|key| *key == word.name)));
    let needs_columns = rules::find(name).is_some_and(|entry| entry.subject == Subject::Column && entry.about_rows.is_empty());
    let decorator = if needs_columns { "@build.column_rule" } else { "@build.rule" }.to_owned();
    let documentation = match rules::find(name) {
        Some(_) => with_calls(&text::description(schema)),
        // What needs no rule is described beside its words.
        None => text::description(item.get("anyOf").and_then(|all| all.get(0)).unwrap_or(item)),
    };
    let own: String = described(schema, |key| !commons.contains(&key));
    let also: Vec<String> = commons.iter().map(|key| format!("`{}`", parameter(key))).collect();
    let own = if own.is_empty() { own } else { format!("{own}\n") };
    let says = format!("{documentation}\n\n{own}Also: {}.", also.join(", "));
    let has_columns = words.iter().any(|word| word.name == "columns");
    if let Some(column) = words.iter_mut().find(|word| word.name == "column" && has_columns) {
        // One, or what `columns` takes.
        column.of = "Columns".to_owned();
    }
    let first = first(&words);
    Some(Method { name: name.to_owned(), decorator, words, first, says })
}

/// Examples as calls of the builder.
fn with_calls(documentation: &str) -> String {
    let Some((before, rest)) = documentation.split_once("```yaml\n") else { return documentation.to_owned() };
    let Some((example, after)) = rest.split_once("```") else { return documentation.to_owned() };
    let schema = ruleset::json_schema();
    let items = schema["properties"]["rules"]["items"]["anyOf"].as_array();
    let first = |rule: &str| {
        let (_, words) = items?.iter().filter_map(configuration).find(|(name, _)| *name == rule)?;
        FIRST.into_iter().find(|word| words["properties"].get(word).is_some())
    };
    let calls: Vec<String> = ruleset::calls(example, first).iter().map(|call| format!("rules{call}\n")).collect();
    format!("{before}```python\n{}```{after}", calls.concat())
}

fn of_section(name: &str, section: &Json, types: &mut Types<'_>) -> Method {
    let mut method =
        Method { name: name.to_owned(), decorator: String::new(), words: Vec::new(), first: None, says: text::description(section) };
    let item = section.get("items").filter(|_| section["type"] == "array").map(|item| types.resolve(item).clone());
    let mapping = types.resolve(section).clone();
    if let Some(item) = item.as_ref().filter(|item| item.get("properties").is_some()) {
        method.decorator = "@build.item".to_owned();
        method.words = words_of(&text::title(name), item, types);
        method.says.push_str(&format!("\n\nEach call adds one.\n\n{}", described(item, |_| true)));
    } else if mapping.get("properties").is_some() {
        method.words = words_of(&text::title(name), &mapping, types);
        let is_short = first(&method.words).filter(|_| has_short_form(section, types));
        method.decorator = format!("@build.section({})", is_short.map(|word| format!("\"{word}\"")).unwrap_or_default());
        method.says.push_str(&format!("\n\nA later call adds words, and replaces those it names.\n\n{}", described(&mapping, |_| true)));
    } else if section.get("additionalProperties").is_some() {
        method.decorator = "@build.named".to_owned();
    } else {
        method.decorator = "@build.value".to_owned();
        let of = types.of(section, &text::title(name));
        method.words = vec![Word { name: "value".to_owned(), of, is_required: true }];
        method.first = Some("value");
        return method;
    }
    method.words.sort_by_key(|word| !word.is_required);
    method.first = first(&method.words);
    method
}

/// Whether a section may also be a single value.
fn has_short_form(section: &Json, types: &Types<'_>) -> bool {
    let section = types.referred(section);
    match section.get("anyOf").and_then(Json::as_array) {
        Some(alternatives) => alternatives.iter().any(|one| has_short_form(one, types)),
        None => section.get("properties").is_none() && section["type"] != "null",
    }
}

fn first(words: &[Word]) -> Option<&'static str> {
    FIRST.into_iter().find(|first| words.iter().any(|word| word.name == *first))
}

fn words_of(owner: &str, schema: &Json, types: &mut Types<'_>) -> Vec<Word> {
    let required: Vec<&str> = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let owner = format!("{}{}", text::title(owner), text::title(name));
            Word { name: name.clone(), of: types.of(property, &owner), is_required: required.contains(&name.as_str()) }
        })
        .collect()
}

/// What each word means, one an item.
fn described(schema: &Json, is_wanted: impl Fn(&str) -> bool) -> String {
    let properties = schema["properties"].as_object().into_iter().flatten().filter(|(name, _)| is_wanted(name));
    properties.map(|(name, property)| format!("- `{}`: {}\n", parameter(name), text::description(property))).collect()
}

impl Method {
    fn written(&self) -> String {
        let mut out = format!("\n    {}\n    def {}(\n        self,\n", self.decorator, self.name);
        if self.decorator == "@build.named" {
            out.push_str("        entries: Mapping[str, str] | None = None,\n        /,\n        **more: str,\n");
        }
        let one = |word: &Word| {
            let (none, default) = if word.is_required { ("", "") } else { (" | None", " = None") };
            format!("        {}: {}{none}{default},\n", parameter(&word.name), word.of)
        };
        let is_first = |word: &&Word| Some(word.name.as_str()) == self.first;
        out.extend(self.words.iter().filter(is_first).map(one));
        let rest: String = self.words.iter().filter(|word| !is_first(word)).map(one).collect();
        if !rest.is_empty() {
            out.push_str("        *,\n");
        }
        out.push_str(&rest);
        out.push_str(&format!("    ) -> Rules:\n        {}\n        ...\n", text::docstring(&self.says, "        ")));
        out
    }
}
