//! A file of one format, judged by rules that look at every value. `SLUICEGATE_FUZZ_FORMAT` is its extension.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sluicegate::ruleset::RuleFile;
use sluicegate_fuzz::{contained, judge, open, quiet, report};

const RULES: &str = r#"
dataset: d
profile: full
rules:
  - missing: { columns: "*", disguised: true, tolerate: 50% }
  - duplicates: {}
  - stuck: { columns: "*", max_run: 5 }
  - rows: { min: 1 }
"#;

static RULE_FILE: OnceLock<RuleFile> = OnceLock::new();
static NAME: OnceLock<String> = OnceLock::new();

fuzz_target!(
    init: {
        quiet();
        RULE_FILE.set(RuleFile::parse(RULES, "r.yaml").expect("rules")).ok().expect("set once");
        NAME.set(format!("d.{}", std::env::var("SLUICEGATE_FUZZ_FORMAT").expect("an extension"))).expect("set once");
    },
    |bytes: &[u8]| contained(|| {
        let (rules, name) = (RULE_FILE.get().expect("rules"), NAME.get().expect("a name"));
        let Ok(source) = open(name, bytes, rules) else { return };
        if let Ok(audited) = judge(rules, source) {
            drop(report(rules, &audited));
        }
    })
);
