//! What is generated from the code is committed as the code would write it today.

use std::io::ErrorKind;

use sluicegate::diagnostic::Code;
use sluicegate::rules::RULES;

use crate::support::project;

/// Compares a committed file with what the code writes; `SLUICEGATE_REGENERATE=1` writes it.
fn committed(path: &str, content: &str) {
    let file = project(path);
    if std::env::var_os("SLUICEGATE_REGENERATE").is_some() {
        std::fs::write(&file, content).expect("write");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == content, "{path} is not what the code writes; run `just regenerate`");
}

#[test]
fn generated_files_are_up_to_date() {
    committed("rules/rules.schema.json", &format!("{:#}\n", sluicegate::ruleset::json_schema()));
    committed("reports/report.schema.json", &format!("{:#}\n", sluicegate::report::json_schema()));
    committed("docs/rules.md", &sluicegate::docs::rules());
    committed("docs/rule-file.md", &sluicegate::docs::rule_file());
    committed("docs/cli.md", &reference());
    committed("docs/codes.md", &sluicegate::docs::codes());
    committed("docs/findings.md", &sluicegate::docs::findings());
    committed("docs/states.md", &sluicegate::docs::states());
    committed("python/sluicegate/_rules.py", &sluicegate::docs::python_builder());
}

/// The command line's reference, from its own help.
fn reference() -> String {
    let mut out = String::from("<!-- Written by `just regenerate` from the program's own help. -->\n\n# Command line\n");
    let mut root = sluicegate::cli::command().term_width(100);
    root.build();
    for command in root.get_subcommands_mut().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        out.push_str(&format!("\n## {}\n\n```text\n{}\n```\n", command.get_name(), help.join("\n").trim_end()));
    }
    out
}

#[test]
fn every_rule_has_documentation_and_cases() {
    for rule in RULES {
        let (headline, rest) = sluicegate::docs::parts(rule);
        assert!(headline.ends_with('.') && headline.len() > 10, "{}: its documentation begins with a sentence", rule.name);
        assert!(rest.contains("Why:") && rest.contains("```yaml"), "{}: its documentation says why and shows an example", rule.name);
        assert!(rest.contains("- No rows: "), "{}: its documentation says what missing values, infinities and no rows do", rule.name);
        for kind in ["pass", "fail", "fault"] {
            let folder = project("tests/rules").join(rule.name).join(kind);
            let cases = crate::support::files_below(&folder, "yaml");
            assert!(!cases.is_empty(), "{}: no case under {}", rule.name, folder.display());
        }
    }
}

#[test]
fn the_examples_of_the_documentation_are_valid_rules() {
    for rule in RULES {
        let (_, rest) = sluicegate::docs::parts(rule);
        let example = rest.split("```yaml\n").nth(1).and_then(|e| e.split("```").next()).expect("an example");
        let text = format!("dataset: x\nrules:\n{example}");
        // The files that examples name are not there.
        let faults = sluicegate::ruleset::RuleFile::read(&text, rule.name).faults;
        assert!(faults.is_empty(), "{faults}\n{text}");
    }
}

#[test]
fn every_key_says_what_holds_without_it() {
    for (page, text) in [("docs/rules.md", sluicegate::docs::rules()), ("docs/rule-file.md", sluicegate::docs::rule_file())] {
        let keys: Vec<&str> = text.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() > 2).collect();
        assert!(keys.len() > 30, "{page} has tables of keys");
        let silent: Vec<&&str> = keys.iter().filter(|line| line.contains(" |  | ")).collect();
        assert!(
            silent.is_empty(),
            "{page}: what if these are left out? Write `If left out: …` behind the key's documentation.\n{silent:#?}"
        );
    }
}

#[test]
fn every_example_of_the_page_of_the_rule_file_is_valid() {
    let page = sluicegate::docs::rule_file();
    let examples: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > sluicegate::docs::SECTIONS.len(), "each section has one");
    for example in examples {
        let head = if example.starts_with("dataset:") { "" } else { "dataset: x\n" };
        if let Err(faults) = sluicegate::ruleset::RuleFile::parse(&format!("{head}{example}"), "rules.yaml") {
            panic!("{faults}\n{example}");
        }
    }
}

#[test]
fn codes_of_faults_are_unique_documented_and_in_use() {
    let sources: Vec<String> = crate::support::files_below(&project("src"), "rs")
        .into_iter()
        .filter(|file| !file.ends_with("diagnostic/code.rs"))
        .map(|file| std::fs::read_to_string(file).expect("a source file"))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for code in Code::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "`{text}` stands for two codes");
        assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "`{text}` is not in kebab case");
        assert_eq!(serde_json::to_value(code).expect("JSON"), text, "reports write another word");
        assert!(code.meaning().ends_with('.') && code.meaning().len() > 15, "`{text}`: its meaning is a sentence");
        let by_name = format!("Code::{code:?}");
        // These are chosen by the error of the system.
        let by_error = [Code::of_reading, Code::of_writing].iter().any(|of| KINDS.iter().any(|kind| of(&(*kind).into()) == *code));
        let is_used = sources.iter().any(|source| source.split(&by_name).skip(1).any(|rest| !rest.starts_with(char::is_alphanumeric)));
        assert!(is_used || by_error, "no fault has the code `{text}`");
    }
}

const KINDS: [ErrorKind; 5] =
    [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::StorageFull, ErrorKind::IsADirectory, ErrorKind::Other];
