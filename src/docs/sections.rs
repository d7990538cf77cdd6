//! The sections of a rule file, from the documentation of the types that read them.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::keys::{Keys, words};
use crate::rules::schema::{ColumnContract, Evolution, SchemaSection};
use crate::ruleset::{
    BaselineSection, CleanStep, EmailSection, EventsSection, GateSection, HttpSection, KnownIssue, Level, NotifySection, Paging,
    ProfileMap, Sections, SourceSection, Words,
};
use crate::source::{EventColumn, EventKey, EventValue, Tombstones};

/// A section of a rule file, as its page and `explain` describe it.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    /// Tables of keys: a heading, and what is described. The first has no heading.
    tables: &'static [(&'static str, SchemaOf)],
    /// Lists of words with a meaning each.
    lists: &'static [(&'static str, SchemaOf)],
    /// What the section is, with an example.
    text: &'static str,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The sections beside `rules`, in the order of the page.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "source",
        tables: &[
            ("", SourceSection::json_schema),
            ("`http`", HttpSection::json_schema),
            ("`paging`", Paging::json_schema),
            ("`events`", EventsSection::json_schema),
        ],
        lists: &[
            ("`value` of events", EventValue::json_schema),
            ("`columns` of events", EventColumn::json_schema),
            ("`key` of events", EventKey::json_schema),
            ("`tombstones`", Tombstones::json_schema),
        ],
        text: SOURCE,
    },
    Section {
        name: "schema",
        tables: &[("", SchemaSection::json_schema), ("A column", ColumnContract::json_schema)],
        lists: &[("`evolution`", Evolution::json_schema)],
        text: SCHEMA,
    },
    Section { name: "clean", tables: &[("", CleanStep::json_schema)], lists: &[], text: CLEAN },
    Section { name: "transform", tables: &[], lists: &[], text: TRANSFORM },
    Section { name: "malformed", tables: &[], lists: &[], text: MALFORMED },
    Section {
        name: "profile",
        tables: &[("A mapping", ProfileMap::json_schema)],
        lists: &[("A level", Level::json_schema)],
        text: PROFILE,
    },
    Section { name: "baseline", tables: &[("", BaselineSection::json_schema)], lists: &[], text: BASELINE },
    Section { name: "sources", tables: &[], lists: &[], text: SOURCES },
    Section { name: "tables", tables: &[], lists: &[], text: TABLES },
    Section { name: "known", tables: &[("", KnownIssue::json_schema)], lists: &[], text: KNOWN },
    Section { name: "gate", tables: &[("", GateSection::json_schema)], lists: &[], text: GATE },
    Section {
        name: "notify",
        tables: &[("", NotifySection::json_schema), ("`email`", EmailSection::json_schema)],
        lists: &[],
        text: NOTIFY,
    },
];

impl Section {
    /// The section called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.name == name)
    }

    /// The section's page, in Markdown.
    pub fn page(&self) -> String {
        let mut out = format!("# {}\n\n{}\n", self.name, self.text.trim());
        for (heading, schema) in self.tables {
            let title = if heading.is_empty() { String::new() } else { format!("\n### {heading}\n") };
            out.push_str(&format!("{title}\n{}", Keys::of(schema).table()));
        }
        if self.name == "malformed" {
            out.push_str(&format!("\n{}", Keys::of(Words::json_schema).table_of(Words::OF_MALFORMED)));
        }
        for (heading, schema) in self.lists {
            out.push_str(&format!("\n### {heading}\n\n| word | meaning |\n|---|---|\n"));
            let schema = schema(&mut SchemaGenerator::default()).to_value();
            words(&schema).iter().for_each(|(word, meaning)| out.push_str(&format!("| `{word}` | {meaning} |\n")));
        }
        out
    }
}

/// The page of the rule file, in Markdown.
pub fn rule_file() -> String {
    let mut out = format!("<!-- Written by `just regenerate` from the code. -->\n\n# The rule file\n\n{}\n", RULE_FILE.trim());
    let top = Keys::of(Sections::json_schema).linking(SECTIONS.iter().map(|section| section.name).collect());
    out.push_str(&format!("\n## Top level\n\n{}", top.table()));
    for section in SECTIONS {
        out.push_str(&format!("\n#{}", section.page()));
    }
    out
}

const RULE_FILE: &str = include_str!("text/rule_file.md");
const SOURCE: &str = include_str!("text/source.md");
const SCHEMA: &str = include_str!("text/schema.md");
const CLEAN: &str = include_str!("text/clean.md");
const TRANSFORM: &str = include_str!("text/transform.md");
const MALFORMED: &str = include_str!("text/malformed.md");
const PROFILE: &str = include_str!("text/profile.md");
const BASELINE: &str = include_str!("text/baseline.md");
const SOURCES: &str = include_str!("text/sources.md");
const TABLES: &str = include_str!("text/tables.md");
const KNOWN: &str = include_str!("text/known.md");
const GATE: &str = include_str!("text/gate.md");
const NOTIFY: &str = include_str!("text/notify.md");
