//! Documentation derived from the code: what `explain` prints and `docs/` holds.

mod keys;
mod python;
mod sections;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value as Json;

pub use python::builder as python_builder;
pub use sections::{SECTIONS, Section, rule_file};

use crate::diagnostic::Code;
use crate::findings::builtin::{self, Ids};
use crate::findings::figures;
use crate::metric::STATES;
use crate::rules::schema::{ChangeKind, TypeName};
use crate::rules::{RULES, RuleEntry, Subject, words};
use crate::ruleset::Words;

/// A rule's headline, and the rest of its documentation.
pub fn parts(rule: &RuleEntry) -> (String, String) {
    let schema = (rule.schema)(&mut SchemaGenerator::default());
    let text = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    let (headline, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    (headline.replace('\n', " "), rest.to_owned())
}

/// One rule's page, in Markdown.
pub fn rule(rule: &RuleEntry) -> String {
    let (headline, rest) = parts(rule);
    let keys = keys::Keys::of(rule.schema);
    let about = match rule.subject {
        Subject::Column => "About one column; `columns` makes one finding each.",
        Subject::Table => "About the rows as a whole.",
    };
    let names = if rule.names_rows { "It names the rows that fail." } else { "It judges the batch; it names no rows." };
    let on_fail = match rule.on_fail_depends {
        true => String::new(),
        false => format!(" On failure: `{}` unless said otherwise.", rule.on_fail),
    };
    let mut out = format!("# {}\n\n{headline}\n\n{rest}\n\n{about} {names}{on_fail}\n", rule.name);
    if !keys.is_empty() {
        out.push_str(&format!("\n{}", keys.table()));
    }
    let words: Vec<String> = Words::keys_for(rule).map(|w| format!("`{w}`")).collect();
    out.push_str(&format!("\nAlso: {}.\n", words.join(", ")));
    out
}

/// A page for a terminal: Markdown without links.
pub fn plain(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some((before, text, after)) = rest.split_once("](").and_then(|(head, tail)| {
        let (before, text) = head.rsplit_once('[')?;
        Some((before, text, tail.split_once(')')?.1))
    }) {
        out.push_str(before);
        out.push_str(text);
        rest = after;
    }
    out + rest
}

/// The reference of all rules, in Markdown.
pub fn rules() -> String {
    let mut out = String::from(
        "<!-- Written by `just regenerate` from the rules' own documentation. -->\n\n# Rules\n\n| rule | what it finds |\n|---|---|\n",
    );
    for entry in RULES {
        out.push_str(&format!("| [`{0}`](#{0}) | {1} |\n", entry.name, parts(entry).0));
    }
    for entry in RULES {
        out.push_str(&format!("\n#{}", rule(entry)));
    }
    out.push_str(&words());
    out
}

/// The list of states, in Markdown.
pub fn states() -> String {
    let mut out = String::from(
        "<!-- Written by `just regenerate` from the code. -->\n\n# States\n\nWhat rules ask to be counted while the data goes by. \
         Saved counts name their state and its version: another version is refused, and the data counted again. Where the order of \
         rows matters, only the states of neighbours are merged. Every state can be counted by group too.\n\n\
         | state | version | what it counts | order of rows |\n|---|---|---|---|\n",
    );
    for kind in STATES.iter().filter(|kind| !kind.grouped) {
        let order = if kind.ordered { "matters" } else { "does not matter" };
        out.push_str(&format!("| `{}` | {} | {} | {order} |\n", kind.name, kind.version, kind.counts));
    }
    out
}

/// The codes of faults, in Markdown.
pub fn codes() -> String {
    let mut out = String::from(
        "<!-- Written by `just regenerate` from the code. -->\n\n# Codes of faults\n\nA fault says what is wrong, where, and what to do next. \
         Reports (`faults`) give its code too, for programs to act on: codes stay, while texts may change.\n\n| code | meaning |\n|---|---|\n",
    );
    for code in Code::ALL {
        out.push_str(&format!("| `{code}` | {} |\n", code.meaning()));
    }
    out
}

/// The page about findings: codes, reserved ids, figures.
pub fn findings() -> String {
    let mut out = String::from(
        "<!-- Written by `just regenerate` from the code. -->\n\n# Findings\n\nA finding says what became of one rule on one column, or on \
         the rows as a whole. Its `id` is what the rule file calls it; its `code` says which kind it is, for programs to act on: codes \
         stay, while ids and messages may change.\n\n## Codes\n\nThe code of a rule's findings is the rule's name. These need no rule:\n\n\
         | code | reserved ids | when |\n|---|---|---|\n",
    );
    for kind in builtin::ALL {
        let ids = match kind.ids {
            Ids::One(id) => format!("`{id}`"),
            Ids::OneOf(first, second) => format!("`{first}`, `{second}`"),
            Ids::Each(id) => format!("`{id}`, `{id}-…`"),
        };
        out.push_str(&format!("| `{}` | {ids} | {} |\n", kind.code, kind.meaning));
    }
    out.push_str("\nA rule cannot take a reserved id: `id: malformed` is a fault.\n\n| code of a rule | what it finds |\n|---|---|\n");
    for entry in RULES {
        out.push_str(&format!("| `{0}` | {1} |\n", entry.name, parts(entry).0));
    }
    out.push_str("\nChanges of the schema (`schema_changes`) have codes of their own:\n\n| code | when |\n|---|---|\n");
    for kind in ChangeKind::ALL {
        out.push_str(&format!("| `{}` | {} |\n", kind.code(), kind.meaning()));
    }
    out.push_str(
        "\n## Figures\n\nFigures of findings and of their groups, by name. A figure that is named by the data (a column, a value that \
         stands in for a missing one) counts rows.\n\n| figure | what it is | counted in |\n|---|---|---|\n",
    );
    for figure in figures::ALL {
        out.push_str(&format!("| `{}` | {} | {} |\n", figure.name, figure.meaning, figure.unit.as_str()));
    }
    out
}

/// The words common to all rules, and how amounts are written.
fn words() -> String {
    let keys = keys::Keys::of(Words::json_schema);
    let mut out = String::from("\n## Words every rule understands\n\n");
    out.push_str(&keys.table_of(Words::KEYS));
    for (name, title) in [("OnFail", "on_fail"), ("OnNoData", "on_no_data"), ("Over", "over")] {
        let Some(definition) = keys.definition(name) else { continue };
        out.push_str(&format!("\n### `{title}`\n\n| word | meaning |\n|---|---|\n"));
        keys::words(definition).iter().for_each(|(word, meaning)| out.push_str(&format!("| `{word}` | {meaning} |\n")));
    }
    out.push_str(&amounts());
    out
}

/// How amounts are written: definitions that tables of keys link to.
fn amounts() -> String {
    let mut generator = SchemaGenerator::default();
    let mut out = String::new();
    for name in keys::LINKED {
        let schema = match name {
            "ByteSize" => words::ByteSize::json_schema(&mut generator),
            "Columns" => words::ColumnSelection::json_schema(&mut generator),
            "Duration" => words::Duration::json_schema(&mut generator),
            "Margin" => words::Margin::json_schema(&mut generator),
            "Share" => words::Share::json_schema(&mut generator),
            "Tolerance" => words::Tolerance::json_schema(&mut generator),
            _ => TypeName::json_schema(&mut generator),
        };
        let text = schema.get("description").and_then(Json::as_str).unwrap_or_default();
        out.push_str(&format!("\n### {}\n\n{text}\n", keys::linked(name).0));
    }
    out
}
