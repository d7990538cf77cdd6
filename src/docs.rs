//! Documentation derived from the code: what `explain` prints and `docs/` holds.

use schemars::SchemaGenerator;
use serde_json::Value as Json;

use crate::diagnostic::Code;
use crate::findings::builtin::{self, Ids};
use crate::findings::figures;
use crate::rules::schema::ChangeKind;
use crate::rules::{RULES, RuleEntry, Subject};
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
    let schema = (rule.schema)(&mut SchemaGenerator::default());
    let empty = serde_json::Map::new();
    let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&empty);
    let about = match rule.subject {
        Subject::Column => "About one column; `columns` makes one finding each.",
        Subject::Table => "About the rows as a whole.",
    };
    let names = if rule.names_rows { "It names the rows that fail." } else { "It judges the batch; it names no rows." };
    let on_fail = rule.on_fail;
    let mut out = format!("# {}\n\n{headline}\n\n{rest}\n\n{about} {names} On failure: `{on_fail}` unless said otherwise.\n", rule.name);
    if !properties.is_empty() {
        out.push_str("\n| key | meaning |\n|---|---|\n");
        for (key, property) in properties {
            let meaning = property.get("description").and_then(Json::as_str).unwrap_or_default();
            out.push_str(&format!("| `{key}` | {} |\n", meaning.replace('\n', " ").replace('|', "\\|")));
        }
    }
    let words: Vec<String> = Words::keys_for(rule).map(|w| format!("`{w}`")).collect();
    out.push_str(&format!("\nAlso: {}.\n", words.join(", ")));
    out
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

/// The words common to all rules.
fn words() -> String {
    let mut out = String::from("\n## Words every rule understands\n\n| word | meaning |\n|---|---|\n");
    let schema = SchemaGenerator::default().into_root_schema_for::<Words>();
    let properties = schema.get("properties").and_then(Json::as_object);
    for key in Words::KEYS {
        let property = properties.and_then(|p| p.get(key));
        let meaning = property.and_then(|p| p.get("description")).and_then(Json::as_str).unwrap_or_default();
        out.push_str(&format!("| `{key}` | {} |\n", meaning.replace('\n', " ")));
    }
    out
}
