//! How rows follow each other is judged over all rows in scope, whatever other rules set aside.

use serde_json::Value as Json;

use crate::support::Place;

/// The finding `it` of a batch of one column `x` beside other columns.
fn finding(place: &Place, data: &str, rules: &[&str]) -> Json {
    place.write("d.csv", data);
    let rules: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
    place.write("r.yaml", format!("dataset: d\nrules:\n{rules}"));
    place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone()
}

const MISSING: &str = "missing: { column: x, id: gone }";

#[test]
fn a_missing_value_ends_a_run_though_another_rule_sets_its_row_aside() {
    let place = Place::new();
    let data = "x,t\n5,1\n5,2\n,3\n5,4\n5,5\n";
    for (rule, longest, outcome) in [
        ("stuck: { column: x, max_run: 3, id: it }", 2, "pass"),
        ("stuck: { column: x, max_run: 1, id: it }", 2, "fail"),
        ("stuck: { column: x, max_run: 3, order_by: t, id: it }", 2, "pass"),
        // Out of order, so that the rows are sorted in a second look.
        ("stuck: { column: x, max_run: 3, order_by: u, id: it }", 2, "pass"),
    ] {
        let data = if rule.contains("order_by: u") { "x,u\n5,5\n5,4\n,3\n5,2\n5,1\n" } else { data };
        let found = finding(&place, data, &[MISSING, rule]);
        assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&longest.into(), &outcome.into()), "{rule}");
        assert_eq!(found["figures"], finding(&place, data, &[rule])["figures"], "{rule}: the rule beside it changes nothing");
    }
}

#[test]
fn runs_of_missing_values_are_counted_though_another_rule_sets_them_aside() {
    let place = Place::new();
    let data = "x\n1\n\n\"\"\n\n\"\"\n2\n".replace("\n\n", "\n\"\"\n");
    let found = finding(&place, &data, &[MISSING, "missing: { column: x, max_run: 2, id: it }"]);
    assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&4.into(), &"fail".into()));
    // A row that another rule sets aside between missing ones is a value: it ends the run.
    let data = "x\n\"\"\n\"\"\n-1\n\"\"\n";
    let found = finding(&place, data, &["range: { column: x, min: 0, id: low }", "missing: { column: x, max_run: 2, id: it }"]);
    assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&2.into(), &"pass".into()));
}

#[test]
fn order_minds_rows_that_other_rules_set_aside() {
    let place = Place::new();
    let found = finding(&place, "x\n1\n900\n2\n3\n", &["range: { column: x, max: 100, id: high }", "order: { column: x, id: it }"]);
    assert_eq!((&found["failing_rows"], &found["outcome"]), (&1.into(), &"fail".into()), "2 stands behind 900");
}

#[test]
fn rows_out_of_scope_are_passed_over_as_rows_of_another_group_are() {
    let place = Place::new();
    let data = "x,s\n5,a\n9,b\n5,a\n7,b\n5,a\n,b\n5,a\n";
    let only = finding(&place, data, &[MISSING, "stuck: { column: x, max_run: 3, where: \"s = 'a'\", id: it }"]);
    assert_eq!((&only["figures"]["longest_run"], &only["failing_rows"]), (&4.into(), &4.into()));
    let by = finding(&place, data, &[MISSING, "stuck: { column: x, max_run: 3, by: [s], id: it }"]);
    let of_a = by["groups"].as_array().expect("groups").iter().find(|g| g["group"] == serde_json::json!(["a"])).expect("a").clone();
    assert_eq!(of_a["figures"]["longest_run"], 4);
}
