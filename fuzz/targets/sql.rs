//! The text of an expression, as a rule, a condition and a computed column over a few rows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::ruleset::RuleFile;
use sluicegate_fuzz::{contained, judge, open, quiet, report};

const ROWS: &[u8] = b"a,b,c,d\n1,1.5,x,2026-01-01\n,,,\n-9223372036854775808,nan,\xc3\xa9,1970-01-01\n3,-0.0,\"\",9999-12-31\n";

fuzz_target!(
    init: quiet(),
    |text: &str| contained(|| {
        let text = serde_json::Value::from(text);
        let all = [
            format!("dataset: d\nrules: [{{ expression: {{ sql: {text} }} }}]\n"),
            format!("dataset: d\nrules: [{{ missing: {{ columns: \"*\", where: {text} }} }}]\n"),
            format!("dataset: d\ntransform: {{ z: {text} }}\nrules: [{{ missing: {{ column: z }} }}]\n"),
            format!("dataset: d\nclean: [{{ drop_where: {text} }}]\nrules: [{{ missing: {{ column: a }} }}]\n"),
        ];
        for rules in all {
            let Ok(rules) = RuleFile::parse(&rules, "r.yaml") else { continue };
            let Ok(source) = open("d.csv", ROWS, &rules) else { continue };
            if let Ok(audited) = judge(&rules, source) {
                drop(report(&rules, &audited));
            }
        }
    })
);
