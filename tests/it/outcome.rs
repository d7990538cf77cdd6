//! What `outcome` says of groups, against numbers from Fairlearn, statsmodels and scipy.

use serde_json::Value as Json;

use crate::support::{CHECK, Place, Run};

/// A CSV file with so many rows of each kind.
pub fn rows(header: &str, kinds: &[(&str, usize)]) -> String {
    let lines: String = kinds.iter().flat_map(|(row, number)| std::iter::repeat_n(format!("{row}\n"), *number)).collect();
    format!("{header}\n{lines}")
}

fn check(data: &str, rule: &str) -> Run {
    let rules = format!("dataset: t\nsource: {{ missing_values: [\"\"] }}\nrules:\n  - outcome: {{ id: o, {rule} }}\n");
    Place::with(&rules, data).run(&CHECK)
}

fn outcome(run: &Run) -> &str {
    run.finding("o")["outcome"].as_str().expect("an outcome")
}

fn message(run: &Run) -> &str {
    run.finding("o")["message"].as_str().expect("a message")
}

fn group<'a>(run: &'a Run, key: &[Option<&str>]) -> &'a Json {
    let groups = run.finding("o")["groups"].as_array().expect("groups");
    groups.iter().find(|g| g["group"] == serde_json::json!(key)).unwrap_or_else(|| panic!("no group {key:?} in {groups:?}"))
}

#[track_caller]
fn close(found: &Json, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{number} where {expected} is expected");
}

/// Groups a, b and c; label; prediction.
fn three() -> String {
    rows(
        "g,y,p",
        &[
            ("a,1,1", 61),
            ("a,1,0", 39),
            ("a,0,1", 22),
            ("a,0,0", 178),
            ("b,1,1", 70),
            ("b,1,0", 80),
            ("b,0,1", 15),
            ("b,0,0", 235),
            ("c,1,1", 33),
            ("c,1,0", 7),
            ("c,0,1", 18),
            ("c,0,0", 42),
        ],
    )
}

/// fairlearn 0.15.0, of a data frame `df` with the columns g, y and p of `three`:
/// `k = dict(y_true=df.y, y_pred=df.p, sensitive_features=df.g)`; `demographic_parity_difference(**k)` and so on;
/// `MetricFrame(metrics=dict(selection_rate=selection_rate, tpr=true_positive_rate, fpr=false_positive_rate), **k)`.
#[test]
fn figures_are_those_of_fairlearn() {
    let rule = "groups: [g], label: y, prediction: p, demographic_parity: 50 points, on_fail: warn";
    let run = check(&three(), rule);
    let figures = &run.finding("o")["figures"];
    close(&figures["demographic_parity_difference"], 0.2975);
    close(&figures["demographic_parity_ratio"], 0.41666666666666663);
    close(&figures["equalized_odds_difference"], 0.3583333333333333);
    close(&figures["equalized_odds_ratio"], 0.2);
    close(&figures["equal_opportunity_difference"], 0.3583333333333333);
    close(&figures["equal_opportunity_ratio"], 0.5656565656565657);
    close(&figures["selection_rate"], 0.27375);
    for (key, selection, tpr, fpr) in
        [("a", 0.27666666666666667, 0.61, 0.11), ("b", 0.2125, 0.4666666666666667, 0.06), ("c", 0.51, 0.825, 0.3)]
    {
        let figures = &group(&run, &[Some(key)])["figures"];
        close(&figures["selection_rate"], selection);
        close(&figures["true_positive_rate"], tpr);
        close(&figures["false_positive_rate"], fpr);
    }
    // The same of the labels alone: y_pred is y_true.
    let run = check(&three(), "groups: [g], label: y, demographic_parity: 50 points");
    let figures = &run.finding("o")["figures"];
    close(&figures["demographic_parity_difference"], 0.06666666666666671);
    close(&figures["demographic_parity_ratio"], 0.8333333333333333);
    assert!(figures["equalized_odds_difference"].is_null(), "without predictions there are no errors: {figures}");
}

/// statsmodels 0.15.0, of the group b (85 of 400 selected, 70 of 150, 15 of 250) and the rest (134 of 400, 94 of 140, 40 of 260):
/// `confint_proportions_2indep(85, 400, 134, 400, method="newcomb", compare="diff")`, `method="log", compare="ratio"`,
/// `proportions_ztest([85, 134], [400, 400])`, `proportion_confint(85, 400, method="wilson")`.
#[test]
fn intervals_are_those_of_statsmodels() {
    let rule = "groups: [g], label: y, prediction: p, demographic_parity: 50 points, on_fail: warn";
    let run = check(&three(), rule);
    let figures = &group(&run, &[Some("b")])["figures"];
    for (name, expected) in [
        ("interval_low", 0.17524350992363666),
        ("interval_high", 0.2552260593185839),
        ("reference", 0.335),
        ("difference", -0.1225),
        ("difference_low", -0.18297032857501502),
        ("difference_high", -0.060815658550583164),
        ("ratio", 0.6343283582089552),
        ("ratio_low", 0.5020927730093835),
        ("ratio_high", 0.801390674508969),
        ("p_value", 0.00010217954736594213),
        ("true_positive_rate_difference", -0.2047619047619047),
        ("true_positive_rate_difference_low", -0.31113165251076497),
        ("true_positive_rate_difference_high", -0.09080950158297278),
        ("false_positive_rate_difference", -0.09384615384615386),
        ("false_positive_rate_difference_low", -0.14798543462339453),
        ("false_positive_rate_difference_high", -0.0405017543721129),
    ] {
        close(&figures[name], expected);
    }
    // Beside the group a alone: 70 of 150 and 61 of 100.
    let run = check(&three(), &format!("{rule}, reference_group: a"));
    let figures = &group(&run, &[Some("b")])["figures"];
    close(&figures["true_positive_rate_difference"], -0.1433333333333333);
    close(&figures["true_positive_rate_difference_low"], -0.2623065072598338);
    close(&figures["true_positive_rate_difference_high"], -0.017057719815037148);
    let reference = group(&run, &[Some("a")]);
    assert!(reference["figures"]["difference"].is_null() && reference["outcome"] == "pass", "{reference}");
}

#[test]
fn a_group_fails_where_its_interval_lies_beyond_the_limit_and_not_before() {
    // The interval of b ends at 6.0816 points below the rest, that of its ratio at 0.80139.
    for (limit, expected) in [
        ("demographic_parity: 6.08 points", "fail"),
        ("demographic_parity: 6.09 points", "insufficient_evidence"),
        ("demographic_parity: 18.29 points", "insufficient_evidence"),
        ("demographic_parity: 18.3 points", "pass"),
        ("min_ratio: 80.14%", "fail"),
        ("min_ratio: 80.13%", "insufficient_evidence"),
        ("four_fifths: true", "insufficient_evidence"),
        ("min_ratio: 50.3%", "insufficient_evidence"),
        ("min_ratio: 50.2%", "pass"),
        ("equal_opportunity: 9.08 points", "fail"),
        ("equal_opportunity: 9.09 points", "insufficient_evidence"),
        ("equalized_odds: 31.2 points", "pass"),
    ] {
        let run = check(&three(), &format!("groups: [g], label: y, prediction: p, {limit}"));
        assert_eq!(group(&run, &[Some("b")])["outcome"], expected, "{limit}: {}", message(&run));
    }
}

#[test]
fn rates_of_no_rows_have_no_value_and_nobody_is_held_against_them() {
    // b has no positive label, c no label at all.
    let data = rows("g,y,p", &[("a,1,1", 50), ("a,1,0", 50), ("a,0,1", 50), ("a,0,0", 50), ("b,0,1", 50), ("b,0,0", 50), ("c,,1", 40)]);
    let run = check(&data, "groups: [g], label: y, prediction: p, equal_opportunity: 10 points");
    let (b, c) = (group(&run, &[Some("b")]), group(&run, &[Some("c")]));
    assert_eq!((b["outcome"].as_str(), c["outcome"].as_str()), (Some("insufficient_evidence"), Some("not_judged")));
    assert!(b["figures"]["true_positive_rate"].is_null() && b["figures"]["positives"] == 0, "{b}");
    assert_eq!(c["figures"]["missing"], 40);
    assert!(c["message"].as_str().is_some_and(|m| m.contains("40 without a label and a prediction")), "{c}");
    assert!(message(&run).contains("b: no positive label, so there is no true positive rate to compare"), "{}", message(&run));
    assert!(message(&run).contains("40 rows without a label and a prediction are left out"), "{}", message(&run));
    // Fairlearn takes the rate of no rows as 0, and would say 0.5.
    close(&run.finding("o")["figures"]["equal_opportunity_difference"], 0.0);
    let strict = check(&data, "groups: [g], label: y, prediction: p, equal_opportunity: 10 points, require_evidence: true");
    assert_eq!(outcome(&strict), "fail");
}

#[test]
fn nothing_selected_or_everything_has_intervals_that_decide_only_with_enough_rows() {
    let of = |n: usize| rows("g,y", &[("a,0", n), ("b,1", n / 2), ("b,0", n - n / 2)]);
    for (n, expected) in [(4, "insufficient_evidence"), (60, "fail")] {
        let run = check(&of(n), "groups: [g], label: y, min_ratio: 80%");
        assert_eq!(group(&run, &[Some("a")])["outcome"], expected, "{n}: {}", message(&run));
        assert_eq!(group(&run, &[Some("a")])["figures"]["ratio_low"], 0.0);
        assert_eq!(group(&run, &[Some("b")])["figures"]["ratio"], "inf");
    }
    let run = check(&rows("g,y", &[("a,1", 3), ("b,1", 4)]), "groups: [g], label: y, demographic_parity: 10 points, min_ratio: 80%");
    assert_eq!(outcome(&run), "insufficient_evidence", "{}", message(&run));
    assert!(message(&run).contains("too few rows to tell, about"), "{}", message(&run));
    let run = check(&rows("g,y", &[("a,1", 300), ("b,1", 400)]), "groups: [g], label: y, demographic_parity: 10 points, min_ratio: 80%");
    assert_eq!(outcome(&run), "pass", "{}", message(&run));
}

#[test]
fn the_rows_that_would_do_do() {
    let data = |times: usize| rows("g,y", &[("a,1", 30 * times), ("a,0", 70 * times), ("b,1", 40 * times), ("b,0", 60 * times)]);
    let run = check(&data(1), "groups: [g], label: y, demographic_parity: 5 points");
    let said = message(&run).split("about ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number").replace(',', "");
    let wanted: usize = said.parse().unwrap_or_else(|_| panic!("{said}: {}", message(&run)));
    let enough = wanted.div_ceil(100);
    assert_eq!(outcome(&check(&data(enough), "groups: [g], label: y, demographic_parity: 5 points")), "fail");
    assert_eq!(outcome(&check(&data(enough - 2), "groups: [g], label: y, demographic_parity: 5 points")), "insufficient_evidence");
}

#[test]
fn what_cannot_be_judged_is_no_pass() {
    let data = rows("g,y,s", &[("a,1,0.5", 10), ("a,0,0.25", 10), ("b,1,0.75", 10), ("b,0,0.3", 10)]);
    for (rule, says) in [
        ("groups: [g], label: y, positive: 2, demographic_parity: 10 points", "no `y` is `2`"),
        ("groups: [g], label: y, prediction: s, demographic_parity: 10 points", "no `s` is `1.0`"),
        ("groups: [y], label: s, positive: 0.5, demographic_parity: 10 points, where: \"y = 1\"", "1 is the only group"),
        ("groups: [g], label: y, demographic_parity: 10 points, reference_group: z", "the reference group, z, has no row with a label"),
        ("groups: [g], label: y, demographic_parity: 10 points, where: \"y > 5\"", "no rows in scope"),
    ] {
        let run = check(&data, rule);
        assert_eq!(outcome(&run), "no_data", "{rule}: {}", message(&run));
        assert!(message(&run).contains(says), "{rule}: {}", message(&run));
    }
    assert_eq!(check(&data, "groups: [g], label: y, positive: 2, demographic_parity: 10 points").code, 2);
}

#[test]
fn a_rule_with_groups_over_a_column_whose_values_have_no_names_is_a_fault_with_by_too() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    let times = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("Nowhere/At_All");
    let columns: [(&str, ArrayRef); 2] = [("t", Arc::new(times)), ("g", Arc::new(StringArray::from(vec!["a", "b"])))];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let place = Place::new();
    let file = std::fs::File::create(place.path("d.parquet")).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    for by in ["", ", by: [g]"] {
        place.write(
            "r.yaml",
            format!("dataset: t\nrules:\n  - representation: {{ groups: [t], reference: equal, tolerance: 5 points{by} }}\n"),
        );
        let run = place.run(&["check", "d.parquet", "-r", "r.yaml"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("the values of `t` make no groups"), "{by}: {}", run.stderr);
    }
}
