//! What CI systems are told unasked.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::private::{all_rules, ensure_clean, people, people_before, rule_file};
use crate::support::Place;

const RULES: &str = "dataset: d\nrules:\n  - range: { column: n, max: 5 }\n  - values: { column: name, in: [good], on_fail: warn }\n";
const DATA: &str = "n,name\n1,good\n9,SECRET-ONE\n8,SECRET-TWO\n";

/// A repository whose files lie in a directory of it.
fn repository() -> Place {
    let place = Place::new();
    place.write("jobs/r.yaml", RULES);
    place.write("jobs/d.csv", DATA);
    place
}

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs in `jobs`, with these variables and none of the systems' others. `@` stands for the root of the place.
fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path("jobs")).args(arguments).args(["--now", "2026-11-22"]).env("RUST_BACKTRACE", "0");
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR", "SLUICEGATE_CI"] {
        command.env_remove(name);
    }
    let root = place.path("").display().to_string();
    command.envs(variables.iter().map(|(name, value)| (*name, value.replace('@', root.trim_end_matches('/')))));
    let output = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code().expect("an exit code"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const CHECK: [&str; 4] = ["check", "d.csv", "-r", "r.yaml"];
const GITHUB: [(&str, &str); 3] = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "@/summary.md"), ("GITHUB_WORKSPACE", "@")];
const GITLAB: [(&str, &str); 2] = [("GITLAB_CI", "true"), ("CI_PROJECT_DIR", "@")];

#[test]
fn github_is_told_beside_the_rules_and_in_the_summary_without_values() {
    let place = repository();
    let alone = run(&place, &CHECK, &[]);
    assert_eq!((alone.code, alone.stderr.as_str()), (1, ""));
    place.write("summary.md", "# of another step");
    let told = run(&place, &CHECK, &GITHUB);
    assert_eq!((told.code, &told.stdout), (1, &alone.stdout), "nothing else changes");
    let lines: Vec<&str> = told.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "::error file=jobs/r.yaml,line=3,col=5,endColumn=33,title=d%3A range-n::2 of 3 rows (66.7%25) fail `range` (d.csv:3 and 1 more)",
            "::warning file=jobs/r.yaml,line=4,col=5,endColumn=56,title=d%3A values-name::2 of 3 rows (66.7%25) fail `values` (d.csv:3 and 1 more)",
        ]
    );
    let summary = fs::read_to_string(place.path("summary.md")).expect("a summary");
    assert!(summary.starts_with("# of another step\n\n### ") && summary.contains("range-n"), "{summary}");
    assert!(!summary.contains("SECRET"), "{summary}");
    run(&place, &CHECK, &GITHUB);
    assert_eq!(fs::read_to_string(place.path("summary.md")).expect("a summary").matches("### ").count(), 2, "each run adds its own");
}

#[test]
fn values_are_told_where_that_is_asked_for_and_nothing_where_it_is_turned_off() {
    let place = repository();
    let with = |arguments: &[&str], variables: &[(&str, &str)]| {
        let said = run(&place, &[&CHECK, arguments].concat(), &[&GITHUB, variables].concat());
        assert_eq!(said.code, 1);
        let summary = fs::read_to_string(place.path("summary.md")).unwrap_or_default();
        let _ = fs::remove_file(place.path("summary.md"));
        (said.stderr, summary)
    };
    for (arguments, variables) in [(&["--ci", "values"][..], &[][..]), (&[], &[("SLUICEGATE_CI", "values")])] {
        let (annotations, summary) = with(arguments, variables);
        assert!(annotations.contains("name=SECRET-ONE") && summary.contains("SECRET-TWO"), "{annotations}{summary}");
    }
    for (arguments, variables) in
        [(&["--ci", "off"][..], &[][..]), (&[], &[("SLUICEGATE_CI", "off")]), (&["--ci", "off"], &[("SLUICEGATE_CI", "values")])]
    {
        assert_eq!(with(arguments, variables), (String::new(), String::new()));
    }
    let (note, summary) = with(&[], &[("SLUICEGATE_CI", "loud")]);
    assert!(note.starts_with("note: SLUICEGATE_CI is `loud`") && summary.is_empty(), "{note}");
    assert!(with(&["--ci", "auto"], &[("SLUICEGATE_CI", "off")]).0.contains("::error "), "an option goes before the variable");
}

#[test]
fn what_cannot_be_told_is_a_note_and_changes_no_exit_code() {
    let place = repository();
    fs::create_dir(place.path("summary.md")).expect("a directory");
    let said = run(&place, &CHECK, &GITHUB);
    assert!(said.code == 1 && said.stderr.contains("note: the summary of the step was not written"), "{}", said.stderr);
    fs::remove_dir(place.path("summary.md")).expect("removed");
    let large = "x".repeat((1 << 20) - 10);
    place.write("summary.md", &large);
    let said = run(&place, &CHECK, &GITHUB);
    assert!(said.code == 1 && said.stderr.contains("larger than the 1 MiB that GitHub shows"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(place.path("summary.md")).expect("a summary"), large, "what others wrote stays");
    for there in ["{\"a\": 1}", "not JSON", "[1, 2"] {
        place.write("gl-code-quality-report.json", there);
        let said = run(&place, &CHECK, &GITLAB);
        assert!(said.code == 1 && said.stderr.contains("is no code quality report, and is left alone"), "{}", said.stderr);
        assert_eq!(fs::read_to_string(place.path("gl-code-quality-report.json")).expect("a file"), there);
    }
    // What is read or written is never written over.
    fs::remove_file(place.path("gl-code-quality-report.json")).expect("removed");
    place.write("n.json", "[{\"n\": 1, \"name\": \"good\"}]");
    let said = run(&place, &["check", "../*.json", "-r", "r.yaml"], &GITLAB);
    assert!(said.code == 0 && said.stderr.contains("it would be written to where the data is"), "{}", said.stderr);
    assert!(!place.path("gl-code-quality-report.json").exists());
}

#[test]
fn gitlab_gets_one_code_quality_report_of_all_data_sets() {
    let place = repository();
    place.write("jobs/other.yaml", RULES.replace("dataset: d", "dataset: other"));
    let entries = || -> Vec<Json> {
        let text = fs::read_to_string(place.path("gl-code-quality-report.json")).expect("a report");
        assert!(!text.contains("SECRET"), "{text}");
        serde_json::from_str(&text).expect("an array")
    };
    let said = run(&place, &CHECK, &GITLAB);
    assert_eq!((said.code, said.stderr.as_str()), (1, ""));
    let first = entries();
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["location"], serde_json::json!({ "path": "jobs/r.yaml", "lines": { "begin": 3 } }));
    run(&place, &["check", "d.csv", "-r", "other.yaml"], &GITLAB);
    assert_eq!(entries().len(), 4, "other data sets stay");
    run(&place, &CHECK, &GITLAB);
    assert_eq!(entries().len(), 4, "what was said of the same data set is said once");
    assert_eq!(entries()[2]["fingerprint"], first[0]["fingerprint"], "the same from run to run");
    // Mended, its entries go.
    place.write("jobs/d.csv", "n,name\n1,good\n");
    run(&place, &CHECK, &GITLAB);
    assert_eq!(entries().len(), 2);
}

#[test]
fn a_run_that_cannot_judge_tells_why() {
    let place = repository();
    place.write("jobs/r.yaml", "dataset: d\nrules:\n  - range: { colum: n, max: 5 }\n");
    let said = run(&place, &CHECK, &GITHUB);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("::error file=jobs/r.yaml,line=3,"), "{}", said.stderr);
    assert!(fs::read_to_string(place.path("summary.md")).expect("a summary").contains("Undecided"));
}

/// Columns that nobody masked: what a CI system is told unasked holds none of their values, whatever the rule.
#[test]
fn no_value_of_the_data_is_told_unasked() {
    let place = Place::new();
    place.write("jobs/people.csv", people());
    place.write("jobs/before.csv", people_before());
    let rules = rule_file("true", &all_rules()).replace(", mask: true", "").replace("CANARY-ALLOWED, ", "");
    place.write("jobs/rules.yaml", rules);
    let check = ["check", "people.csv", "-r", "rules.yaml", "--quiet", "--record", "../runs"];
    for _ in 0..2 {
        let said = run(&place, &check, &GITHUB);
        assert!(said.stderr.contains("::error "), "{}", said.stderr);
        ensure_clean(&said.stderr, "annotations");
    }
    ensure_clean(&fs::read_to_string(place.path("summary.md")).expect("a summary"), "the summary");
    run(&place, &check, &GITLAB);
    ensure_clean(&fs::read_to_string(place.path("gl-code-quality-report.json")).expect("a report"), "code quality");
    // Masked columns are masked there too.
    place.write("jobs/masked.yaml", rule_file("true", &all_rules()));
    let said = run(&place, &["check", "people.csv", "-r", "masked.yaml", "--quiet", "--ci", "values"], &GITHUB);
    assert!(said.stderr.contains("***"), "{}", said.stderr);
    ensure_clean(&said.stderr, "annotations with values");
    ensure_clean(&fs::read_to_string(place.path("summary.md")).expect("a summary"), "the summary with values");
    // With values they are there: the search finds what is planted.
    let said = run(&place, &[&check[..], &["--ci", "values"]].concat(), &GITHUB);
    assert!(said.stderr.contains("CANARY"), "{}", said.stderr);
}
