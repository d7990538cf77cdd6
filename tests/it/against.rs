//! What rules compare with: other data, baselines, what is published. One word, the same everywhere.

use serde_json::Value as Json;

use crate::support::{CHECK, Place, Run};

fn groups(f: usize, m: usize) -> String {
    format!("g,site\n{}{}", "f,A\n".repeat(f), "m,B\n".repeat(m))
}

fn rules(against: &str, more: &str) -> String {
    format!("dataset: people\n{more}rules:\n  - representation: {{ id: shares, groups: [g], {against}, tolerance: 5 points }}\n")
}

fn outcome(run: &Run) -> (i32, String, String) {
    let finding = run.finding("shares");
    let message = finding["message"].as_str().unwrap_or_default().to_owned();
    (run.code, finding["outcome"].as_str().expect("an outcome").to_owned(), message)
}

#[test]
fn a_file_a_glob_and_a_directory_are_folded_by_the_same_states_and_rules() {
    let place = Place::with(&rules("against: old/*.csv", ""), &groups(500, 500));
    place.write("old/a.csv", groups(700, 300));
    place.write("old/b.csv", groups(300, 700));
    let (code, outcome_of_glob, message) = outcome(&place.run(&CHECK));
    assert_eq!((code, outcome_of_glob.as_str()), (0, "pass"), "{message}");
    for against in ["against: old", "against: [old/a.csv, old/b.csv]"] {
        place.write("r.yaml", rules(against, ""));
        assert_eq!(outcome(&place.run(&CHECK)), (0, "pass".into(), message.clone()), "{against}");
    }
    // Rows that the rules do not let pass are no reference either.
    place.write("r.yaml", rules("against: old/a.csv", "") + "  - expression: { id: no-a, sql: \"site <> 'A'\" }\n");
    let run = place.run(&CHECK);
    let unexpected = outcome(&run).2;
    assert!(unexpected.contains("all 1 groups are within 5 points"), "{unexpected}");
}

#[test]
fn what_cannot_be_reached_is_a_fault_that_names_it() {
    let place = Place::with(&rules("against: nowhere.csv", ""), &groups(5, 5));
    for (against, more, says) in [
        ("against: nowhere.csv", "", "nowhere.csv"),
        ("against: { baseline: b.json }", "", "there is no such baseline"),
        ("reference: baseline", "baseline: { path: b.json }\n", "b.json: there is no such baseline"),
        ("reference: baseline", "", "the rule file names no baseline"),
    ] {
        place.write("r.yaml", rules(against, more));
        let run = place.run(&CHECK);
        assert_eq!(run.code, 2, "{against}");
        assert!(run.stderr.contains(says), "{against}: {}", run.stderr);
    }
    place.write("e.csv", "h\n1\n");
    place.write("r.yaml", rules("against: e.csv", ""));
    let (code, outcome, message) = outcome(&place.run(&CHECK));
    assert_eq!((code, outcome.as_str(), message.as_str()), (2, "no_data", "there is no column `g` to compare with"));
}

#[test]
fn confined_rule_files_compare_with_what_they_may_read_alone() {
    let place = Place::with(&rules("against: ../elsewhere.csv", ""), &groups(5, 5));
    let inside = place.path("").display().to_string();
    for against in ["against: ../elsewhere.csv", "against: { baseline: ../b.json }"] {
        place.write("r.yaml", rules(against, ""));
        let run = place.run(&[&CHECK[..], &["--root", &inside]].concat());
        assert_eq!(run.code, 2);
        let faults = run.report()["faults"].as_array().expect("faults").clone();
        assert!(faults.iter().any(|f| f["code"] == "outside-root"), "{faults:?}");
    }
}

#[test]
fn a_baseline_answers_as_the_data_would_that_it_was_captured_from() {
    let place = Place::with(&rules("against: old.csv", ""), &groups(300, 700));
    place.write("old.csv", groups(480, 520));
    place.write("capture.yaml", "dataset: people\nrules: []\n");
    assert_eq!(place.run(&["baseline", "capture", "old.csv", "-r", "r.yaml", "-o", "b.json", "-q", "--anyway"]).code, 0);
    let of_file = outcome(&place.run(&CHECK));
    assert_eq!((of_file.0, of_file.1.as_str()), (1, "fail"));
    place.write("r.yaml", rules("against: { baseline: b.json }", ""));
    assert_eq!(outcome(&place.run(&CHECK)), of_file);
    // What no rule asked when it was captured is not in it.
    assert_eq!(place.run(&["baseline", "capture", "old.csv", "-r", "capture.yaml", "-o", "b.json", "-q"]).code, 0);
    let (code, outcome_without, message) = outcome(&place.run(&CHECK));
    assert_eq!((code, outcome_without.as_str()), (2, "no_data"));
    assert!(message.starts_with("needs a scan"), "{message}");
}

#[test]
fn what_has_nothing_to_compare_with_yet_warms_up_and_blocks_nothing() {
    let more = "baseline: { path: b.json, first: learn, anchor: pinned.json }\ngate: { publish: lake }\n";
    let place = Place::with(&rules("reference: baseline, on_fail: reject", more), &groups(500, 500));
    let first = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "a", "--strict"]);
    assert_eq!((first.code, first.verdict()), (0, "accept"), "{}", first.stderr);
    let finding = first.finding("shares");
    assert_eq!((&finding["outcome"], &finding["warming_up"], &finding["severity"]), (&"no_data".into(), &true.into(), &"info".into()));
    let reasons: Vec<&Json> = first.report()["reasons"].as_array().expect("reasons").iter().collect();
    assert_eq!(reasons, ["warming up, not judged yet: schema, shares, shares-anchor"]);
    place.write("d.csv", groups(300, 700));
    let second = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!((second.code, second.verdict()), (1, "reject"));
    assert_eq!((&second.finding("shares")["outcome"], &second.finding("shares-anchor")["outcome"]), (&"fail".into(), &"fail".into()));
}

#[test]
fn slow_drift_cannot_move_the_limit_along_past_the_anchor() {
    let more =
        "baseline: { path: b.json, first: learn, advance: on_accept, window: 1 batch, anchor: pinned.json }\ngate: { publish: lake }\n";
    let place = Place::with(&rules("reference: baseline, on_fail: reject", more), "");
    let mut fails = Vec::new();
    for day in 0..6 {
        place.write("d.csv", groups(5000 - day * 150, 5000 + day * 150));
        let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", &format!("day-{day}")]);
        fails.push((run.code, run.finding("shares")["outcome"] == "fail", run.finding("shares-anchor")["outcome"] == "fail"));
    }
    // 1.5 points a day: every day is near the day before, and the sixth is 7.5 points from the first.
    assert!(fails.iter().all(|(_, day, _)| !day), "{fails:?}");
    assert_eq!(fails.iter().position(|(_, _, anchor)| *anchor), Some(5), "{fails:?}");
    assert_eq!(fails[5].0, 1);
}

#[test]
fn a_renamed_column_is_the_batchs_fault_where_the_baseline_knows_it() {
    let place = Place::with("dataset: d\nbaseline: { path: b.json }\nrules:\n  - values: { column: g, in: [f, m] }\n", &groups(50, 50));
    assert_eq!(place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-q"]).code, 0);
    place.write("d.csv", groups(50, 50).replacen("g,site", "gender,site", 1));
    let run = place.run(&CHECK);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let schema = run.finding("schema")["message"].as_str().expect("a message");
    assert!(schema.contains("`g` probably renamed to `gender`"), "{schema}");
    assert_eq!(run.finding("values-g")["outcome"], "no_data");
}

#[test]
fn a_path_to_a_baseline_is_that_baseline_and_words_that_are_none_are_explained() {
    let place = Place::with(&rules("against: d.csv", ""), &groups(500, 500));
    assert_eq!(place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json", "-q", "--anyway"]).code, 0);
    place.write("r.yaml", rules("against: b.json", ""));
    assert_eq!(outcome(&place.run(&CHECK)).1, "pass");
    place.write("r.yaml", rules("against: yesterday", ""));
    let run = place.run(&CHECK);
    assert!(run.code == 2 && run.stderr.contains("`against` takes a path, `published`, `baseline`"), "{}", run.stderr);
    place.write("b.json", "id,price\n1,2\n");
    assert_eq!(place.run(&CHECK).code, 2);
    let run = place.run(&["baseline", "show", "b.json"]);
    assert!(run.code == 2 && run.stderr.contains("this is no summary"), "{}", run.stderr);
}

#[test]
fn what_is_published_without_summaries_warms_up_and_never_locks_the_gate() {
    let more = "gate: { publish: lake, summaries: none }\n";
    let place = Place::with(&format!("dataset: people\n{more}rules: []\n"), &groups(500, 500));
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "a"]).code, 0);
    let more = "gate: { publish: lake }\n";
    place.write("r.yaml", rules("against: published, on_fail: reject", more));
    // It is said that the first batch was not among what the last was compared with.
    for (batch, expected) in [("b", "no_data"), ("c", "warn")] {
        place.write("d.csv", format!("{}f,{batch}\n", groups(500, 500)));
        let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", batch]);
        assert_eq!((run.code, &run.finding("shares")["outcome"]), (0, &expected.into()), "{}", run.finding("shares"));
    }
}
