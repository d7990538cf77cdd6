//! The text of a rule file: read, looked through for what is odd, and written as a list.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::ruleset::RuleFile;
use sluicegate_fuzz::{contained, quiet};

fuzz_target!(
    init: quiet(),
    |text: &str| contained(|| match RuleFile::parse(text, "r.yaml") {
        Ok(rules) => {
            drop(rules.sections.read_options("r.yaml"));
            drop(rules.odd());
            drop(serde_json::to_string(&rules.listed()).expect("names can be written"));
            assert!(RuleFile::parse(text, "r.yaml").is_ok(), "what was right is wrong");
        }
        Err(faults) => assert!(!faults.to_string().is_empty(), "a mistake without a word"),
    })
);
