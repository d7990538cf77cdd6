//! A report in which any text stands: as a column, a value, a dataset, a reason. No text opens a tag or ends an attribute.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sluicegate::report::{FORMATS, Rendering, Report, read};
use sluicegate_fuzz::{contained, quiet, report_about};

/// What the text takes the place of.
const HERE: &str = "PLACEHOLDER";

static TEMPLATE: OnceLock<String> = OnceLock::new();

/// The report with `text` in it, if it still is one.
fn with(text: &str) -> Option<Report> {
    let quoted = serde_json::Value::from(text).to_string();
    read(&TEMPLATE.get().expect("a report").replace(HERE, &quoted[1..quoted.len() - 1]), "r.json").ok()
}

fn count(text: &str, mark: char) -> usize {
    text.chars().filter(|c| *c == mark).count()
}

fuzz_target!(
    init: {
        quiet();
        TEMPLATE.set(report_about(HERE)).expect("set once");
    },
    |text: &str| contained(|| {
        // Words between backticks become code, on purpose.
        let harmless = text.replace(['<', '>', '"', '\'', '&'], "x");
        let (Some(report), Some(plain)) = (with(text), with(&harmless)) else { return };
        for format in FORMATS {
            let (shown, expected) = (format.text(&report, &Rendering::default()), format.text(&plain, &Rendering::default()));
            match format.name {
                "html" | "junit" => assert_eq!(count(&shown, '<'), count(&expected, '<'), "a tag in {}", format.name),
                "json" => assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok(), "no JSON"),
                _ => {}
            }
        }
    })
);
