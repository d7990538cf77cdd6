//! What the gate does to groups, against numbers counted by hand and from statsmodels.

use serde_json::Value as Json;

use crate::support::{CHECK, Place, Run};

fn rows(header: &str, kinds: &[(&str, usize)]) -> String {
    let lines: String = kinds.iter().flat_map(|(row, number)| std::iter::repeat_n(format!("{row}\n"), *number)).collect();
    format!("{header}\n{lines}")
}

/// 40 of 200 and 4 of 200 rows are set aside.
fn people() -> String {
    rows("gender,age", &[("f,200", 40), ("f,30", 160), ("m,200", 4), ("m,30", 196)])
}

fn run(rules: &str, data: &str) -> Run {
    Place::with(&format!("dataset: people\ngate: {{ reject_above: 100% }}\nrules:\n{rules}"), data).run(&CHECK)
}

fn group<'a>(finding: &'a Json, key: &[&str]) -> &'a Json {
    let groups = finding["groups"].as_array().expect("groups");
    groups.iter().find(|g| g["group"] == serde_json::json!(key)).unwrap_or_else(|| panic!("no group {key:?} in {groups:?}"))
}

#[track_caller]
fn close(found: &Json, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{number} where {expected} is expected");
}

const GROUPS: &str = "  - representation: { groups: [gender], reference: equal, tolerance: 20 points, min_rows: 10 }\n";

/// statsmodels 0.15.0: `confint_proportions_2indep(40, 200, 4, 200, method="newcomb", compare="diff")`,
/// `proportion_confint(40, 200, method="wilson")`.
#[test]
fn every_run_that_sets_rows_aside_says_what_that_does_to_groups_that_rules_declare() {
    let run = run(&format!("  - range: {{ column: age, max: 120 }}\n{GROUPS}"), &people());
    let finding = run.finding("gate-bias-gender");
    assert_eq!((finding["outcome"].as_str(), finding["severity"].as_str()), (Some("pass"), Some("info")));
    assert_eq!((finding["rule"].as_str(), finding["code"].as_str()), (Some("gate_bias"), Some("gate/bias")));
    let f = &group(finding, &["f"])["figures"];
    assert_eq!((&f["count"], &f["set_aside"]), (&Json::from(200), &Json::from(40)));
    for (name, expected) in [
        ("rejection_rate", 0.2),
        ("interval_low", 0.15045200926098118),
        ("interval_high", 0.2608551865653788),
        ("reference", 0.02),
        ("difference", 0.18),
        ("difference_low", 0.12192839747763992),
        ("difference_high", 0.24206517338202882),
        ("share_before", 0.5),
        ("share_after", 160.0 / 356.0),
    ] {
        close(&f[name], expected);
    }
    close(&finding["figures"]["total_variation"], 0.5 - 160.0 / 356.0);
    assert_eq!(finding["figures"]["set_aside"], 44);
    let message = finding["message"].as_str().expect("a message");
    assert!(
        message.starts_with("44 of 400 rows are set aside (11.0%); f: 20.0% of 200 rows set aside, of the others 2.0%: 18.0 points ["),
        "{message}"
    );
    assert!(message.contains("its share goes from 50.0% to 44.9%"), "{message}");
    // The measures of the other rules are over what is left, and say so; this one is over all.
    assert!(finding["taken_over"].is_null(), "{finding}");
}

#[test]
fn without_groups_or_rows_set_aside_there_is_nothing_to_say_and_a_rule_of_ones_own_takes_its_place() {
    let ids = |run: &Run| -> Vec<String> {
        let findings = run.report()["findings"].as_array().expect("findings");
        findings.iter().filter(|f| f["rule"] == "gate_bias").map(|f| f["id"].as_str().expect("an id").to_owned()).collect()
    };
    let sets_aside = "  - range: { column: age, max: 120 }\n";
    assert!(ids(&run(sets_aside, &people())).is_empty());
    assert!(ids(&run(&format!("  - range: {{ column: age, max: 220 }}\n{GROUPS}"), &people())).is_empty());
    assert!(ids(&run(&format!("  - range: {{ column: age, max: 120, on_fail: warn }}\n{GROUPS}"), &people())).is_empty());
    assert_eq!(ids(&run(&format!("{sets_aside}{GROUPS}"), &people())), ["gate-bias-gender"]);
    let twice = "  - outcome: { groups: [gender], label: age, positive: 30, demographic_parity: 50 points }\n";
    assert_eq!(ids(&run(&format!("{sets_aside}{GROUPS}{twice}"), &people())), ["gate-bias-gender"]);
    let own = "  - gate_bias: { id: mine, groups: [gender] }\n";
    let with_own = run(&format!("{sets_aside}{GROUPS}{own}"), &people());
    assert_eq!((ids(&with_own), with_own.verdict()), (vec!["mine".to_owned()], "quarantine"));
    // The name is kept for it.
    let fault = run(&format!("{sets_aside}{}", own.replace("mine", "gate-bias-x")), &people());
    assert!(fault.code == 2 && fault.stderr.contains("gate-bias-x"), "{}", fault.stderr);
}

#[test]
fn rows_that_a_measure_or_a_tolerance_sets_aside_count_as_those_that_go_at_once() {
    let at_once = run("  - range: { column: age, max: 120 }\n  - gate_bias: { id: g, groups: [gender], max: 5 points }\n", &people());
    let later =
        run("  - range: { column: age, max: 120, tolerate: 1% }\n  - gate_bias: { id: g, groups: [gender], max: 5 points }\n", &people());
    for run in [&at_once, &later] {
        assert_eq!((run.verdict(), run.finding("g")["outcome"].as_str()), ("reject", Some("fail")));
    }
    assert_eq!(at_once.finding("g")["figures"], later.finding("g")["figures"]);
    assert_eq!(at_once.finding("g")["groups"], later.finding("g")["groups"]);
    // Both at once, in files of several units, with rows that overlap: what duplicates and the range set aside.
    let place = Place::new();
    let (mut first, mut second) = (String::from("id,gender,age\n"), String::from("id,gender,age\n"));
    for i in 0..300 {
        first.push_str(&format!("{i},{},{}\n", if i % 2 == 0 { "f" } else { "m" }, if i % 10 == 0 { 200 } else { 30 }));
        second.push_str(&format!("{},{},30\n", if i < 60 { i } else { 1000 + i }, if i % 3 == 0 { "f" } else { "m" }));
    }
    place.write("a.csv", first);
    place.write("b.csv", second);
    place.write(
        "r.yaml",
        "dataset: d\ngate: { reject_above: 100% }\nrules:\n  - range: { column: age, max: 120 }\n  - duplicates: { key: [id] }\n  - gate_bias: { id: g, groups: [gender], by: [age] }\n  - gate_bias: { id: all, groups: [gender] }\n  - gate_bias: { id: old, groups: [gender], where: \"age > 100\" }\n",
    );
    let run = place.run(&["check", "a.csv", "b.csv", "-r", "r.yaml", "--threads", "2"]);
    // Of a: 30 rows with 200, all f (i even). Of b: 60 keys that are in a, but for 0, 10, …, 50, whose rows in a are not sound.
    let all = run.finding("all");
    let f = &group(all, &["f"])["figures"];
    let m = &group(all, &["m"])["figures"];
    let of_b = |is_f: bool| (0..60).filter(|i| i % 10 != 0 && (i % 3 == 0) == is_f).count() as u64;
    assert_eq!((&f["count"], &f["set_aside"]), (&Json::from(250), &Json::from(30 + of_b(true))));
    assert_eq!((&m["count"], &m["set_aside"]), (&Json::from(350), &Json::from(of_b(false))));
    assert_eq!(run.rows("quarantined"), 30 + 54);
    let young = &group(run.finding("g"), &["30", "m"])["figures"];
    assert_eq!((&young["count"], &young["set_aside"]), (&Json::from(350), &Json::from(of_b(false))));
    let old = &group(run.finding("old"), &["f"])["figures"];
    assert_eq!((&old["count"], &old["set_aside"]), (&Json::from(30), &Json::from(30)));
}

#[test]
fn check_and_gate_agree_on_it() {
    let rules = "dataset: people\ngate: { publish: out, quarantine: aside, reject_above: 100% }\nrules:\n  - range: { column: age, max: 120, tolerate: 1% }\n  - gate_bias: { id: g, groups: [gender], max: 30 points }\n";
    let place = Place::with(rules, &people());
    let (checked, gated) = (place.run(&CHECK), place.run(&["gate", "d.csv", "-r", "r.yaml"]));
    assert_eq!((checked.verdict(), gated.verdict()), ("quarantine", "quarantine"));
    assert_eq!(checked.finding("g"), gated.finding("g"));
    assert_eq!((gated.rows("published"), gated.rows("quarantined")), (356, 44));
    // What is published was not set aside, and nobody knows any more what was.
    let published = place.run(&["check", "--published", "-r", "r.yaml"]);
    assert_eq!(published.finding("g")["outcome"], "no_data", "{}", published.finding("g"));
}
