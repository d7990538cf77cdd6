//! What `representation` says of groups, against numbers from statsmodels and scipy.

use serde_json::Value as Json;

use crate::support::{Place, Run};

/// A CSV file with so many rows of each group.
fn rows(groups: &[(&str, usize)]) -> String {
    let lines: String = groups.iter().flat_map(|(group, number)| std::iter::repeat_n(format!("x,{group}\n"), *number)).collect();
    format!("site,g\n{lines}")
}

fn check(data: &str, rule: &str) -> Run {
    let place = Place::new();
    place.write("d.csv", data);
    place.write("r.yaml", format!("dataset: t\nsource: {{ missing_values: [\"\"] }}\nrules:\n  - representation: {{ id: r, {rule} }}\n"));
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

fn outcome(run: &Run) -> (&str, &str) {
    (run.verdict(), run.finding("r")["outcome"].as_str().expect("an outcome"))
}

fn group<'a>(run: &'a Run, key: &[Option<&str>]) -> &'a Json {
    let groups = run.finding("r")["groups"].as_array().expect("groups");
    groups.iter().find(|g| g["group"] == serde_json::json!(key)).unwrap_or_else(|| panic!("no group {key:?} in {groups:?}"))
}

fn message(run: &Run) -> &str {
    run.finding("r")["message"].as_str().expect("a message")
}

fn close(found: &Json, expected: f64) {
    let number = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{number} where {expected} is expected");
}

#[test]
fn an_unseen_group_fails_where_chance_does_not_explain_it_whatever_the_tolerance() {
    // 0.99^n < 0.05 from n = 299 on.
    for (n, expected) in [(298, ("accept", "insufficient_evidence")), (299, ("reject", "fail"))] {
        let run = check(&rows(&[("m", n)]), "groups: [g], reference: { m: 99%, x: 1% }, tolerance: 5 points");
        assert_eq!(outcome(&run), expected, "{n} rows: {}", message(&run));
        assert_eq!(group(&run, &[Some("x")])["outcome"], expected.1);
        assert!(message(&run).contains(&format!("x: unseen in {n} rows, 1.0% ± 5 points expected")), "{}", message(&run));
    }
    let run = check(&rows(&[("m", 100)]), "groups: [g], reference: { m: 99%, x: 1% }, tolerance: 5 points");
    assert!(message(&run).contains("too few rows to tell, 299 would do"), "{}", message(&run));
    // 0.99^n < 0.01 from n = 459 on.
    for (n, expected) in [(458, "insufficient_evidence"), (459, "fail")] {
        let rule = "groups: [g], reference: { m: 99%, x: 1% }, tolerance: 5 points, confidence: 99%";
        assert_eq!(outcome(&check(&rows(&[("m", n)]), rule)).1, expected);
    }
    // What the reference does not expect may be absent.
    let run = check(&rows(&[("m", 300)]), "groups: [g], reference: { m: 100%, x: 0 }, tolerance: 5 points, min_rows: 10");
    assert_eq!(outcome(&run), ("accept", "pass"));
}

#[test]
fn min_rows_shows_a_small_group_and_excuses_no_absence_that_chance_does_not_explain() {
    let rule = "groups: [g], reference: { f: 45%, m: 45%, x: 10% }, tolerance: 1 points";
    let data = rows(&[("f", 4900), ("m", 4900), ("x", 200)]);
    assert_eq!(outcome(&check(&data, rule)), ("reject", "fail"));
    let wide = rule.replace("1 points", "6 points");
    let run = check(&data, &format!("{wide}, min_rows: 201"));
    assert_eq!(outcome(&run), ("accept", "pass"));
    assert_eq!(group(&run, &[Some("x")])["outcome"], "not_judged");
    assert_eq!(message(&run), "2 of 3 groups are within 6 points; 1 group has fewer rows than 201, not judged: x");
    close(&group(&run, &[Some("x")])["figures"]["share"], 0.02);
    assert_eq!(outcome(&check(&data, &format!("{wide}, min_rows: 200"))), ("reject", "fail"));
    assert_eq!(outcome(&check(&data, &format!("{wide}, min_rows: 201, require_evidence: true"))), ("reject", "fail"));
    let run = check(&rows(&[("f", 5000), ("m", 5000)]), &format!("{wide}, min_rows: 201"));
    assert_eq!(group(&run, &[Some("x")])["outcome"], "fail");
    // All are too few: nothing is judged, and nothing follows.
    let run = check(&rows(&[("f", 20), ("m", 3)]), "groups: [g], reference: { f: 50%, m: 50% }, tolerance: 1 points, min_rows: 50");
    assert_eq!((outcome(&run), run.finding("r")["severity"].as_str()), (("accept", "not_judged"), Some("info")));
    assert_eq!(message(&run), "23 rows, not judged below 50");
}

#[test]
fn a_sample_that_cannot_tell_says_how_many_rows_would_or_that_it_is_on_the_border() {
    // Brute force over statsmodels' proportion_confint(p*N, N, alpha=0.05, method="wilson"): the first N at which the
    // interval lies wholly on one side.
    for (f, n, rule, expected) in [
        (
            6,
            10,
            "f: 50%, m: 50% }, tolerance: 5 points",
            "f: 60.0% [31.3%, 83.2%], 50.0% ± 5 points expected: too few rows to tell, 381 would do",
        ),
        (480, 1000, "f: 50%, m: 50% }, tolerance: 5 points", "too few rows to tell, 1,057 would do"),
        (550, 1000, "f: 50%, m: 50% }, tolerance: 5 points", "50.0% ± 5 points expected: on the border of what is tolerated"),
        (5500, 10_000, "f: 50%, m: 50% }, tolerance: 10%", "± 10% of the reference expected: on the border of what is tolerated"),
    ] {
        let run = check(&rows(&[("f", f), ("m", n - f)]), &format!("groups: [g], reference: {{ {rule}"));
        assert_eq!(outcome(&run), ("accept", "insufficient_evidence"));
        assert!(message(&run).contains(expected), "{f} of {n}: {}", message(&run));
    }
    // So many do.
    for (f, m, expected) in [(508, 549, "pass"), (229, 152, "fail")] {
        let run = check(&rows(&[("f", f), ("m", m)]), "groups: [g], reference: { f: 50%, m: 50% }, tolerance: 5 points");
        assert_eq!(outcome(&run).1, expected, "{}", message(&run));
    }
}

#[test]
fn one_stray_row_of_100_001_does_not_reject_and_is_named() {
    let data = rows(&[("f", 50_000), ("", 1), ("m", 50_000)]);
    for rule in [
        "reference: { f: 50%, m: 50% }, tolerance: 5 points",
        "reference: { f: 50%, m: 50% }, tolerance: 20%",
        "reference: equal, tolerance: 5 points",
        "reference: equal, tolerance: 20%",
    ] {
        let run = check(&data, &format!("groups: [g], {rule}"));
        assert_eq!(outcome(&run), ("accept", "pass"), "{rule}: {}", message(&run));
        assert!(message(&run).contains("(missing): 0.001% [0.0002%, 0.01%], unexpected group"), "{}", message(&run));
        assert_eq!(group(&run, &[None])["figures"]["reference"], 0.0);
    }
    // statsmodels: proportion_confint(600, 10600, method="wilson") is (0.0524, 0.0612): above 5 %.
    let run = check(&rows(&[("f", 5000), ("", 600), ("m", 5000)]), "groups: [g], reference: { f: 50%, m: 50% }, tolerance: 5 points");
    assert_eq!(group(&run, &[None])["outcome"], "fail");
    // A typing error is not judged below `min_rows`, and changes nothing for the others.
    let run = check(&rows(&[("f", 5000), ("ff", 1), ("m", 5000)]), "groups: [g], reference: equal, tolerance: 5 points, min_rows: 50");
    assert_eq!(outcome(&run), ("accept", "pass"), "{}", message(&run));
    assert_eq!(group(&run, &[Some("f")])["figures"]["reference"], 0.5);
}

#[test]
fn references_are_normalised_and_1_is_the_whole() {
    for one in ["1", "1.0", "\"1\"", "100%"] {
        let run = check(&rows(&[("f", 15)]), &format!("groups: [g], reference: {{ f: {one} }}, tolerance: 25 points"));
        assert_eq!(outcome(&run), ("accept", "pass"), "{one}");
    }
    for (shares, total) in [(["0.3", "0.3", "0.395"], 0.995), (["0.3", "0.3", "0.405"], 1.005)] {
        let [a, b, c] = shares;
        let data = rows(&[("a", 300), ("b", 300), ("c", 400)]);
        let run = check(&data, &format!("groups: [g], reference: {{ a: {a}, b: {b}, c: {c} }}, tolerance: 10 points"));
        assert_eq!(outcome(&run), ("accept", "pass"));
        close(&group(&run, &[Some("a")])["figures"]["reference"], 0.3 / total);
    }
    let run = check(&rows(&[("a", 1)]), "groups: [g], reference: { a: 0.5, b: 0.494 }, tolerance: 10 points");
    assert!(run.stderr.contains("the reference shares add up to 99.4%; 0.6% is missing"), "{}", run.stderr);
}

#[test]
fn keys_are_read_as_the_type_of_their_column() {
    for (r#type, values, reference) in [
        ("int64", ["1", "2"], "1.0: 50%, 2: 50%"),
        ("float64", ["1.0", "2.5"], "1: 50%, 2.50: 50%"),
        ("float64", ["-0.0", "2.5"], "0: 50%, 2.5: 50%"),
        ("\"decimal(9, 2)\"", ["1.00", "2.50"], "1: 50%, 2.5: 50%"),
        ("date", ["2026-01-01", "2026-01-02"], "2026-01-01: 50%, 2026-01-02: 50%"),
        ("boolean", ["true", "false"], "true: 50%, false: 50%"),
        ("string", ["017", "17"], "017: 50%, 17: 50%"),
    ] {
        let place = Place::new();
        place.write("d.csv", rows(&[(values[0], 500), (values[1], 500)]));
        place.write(
            "r.yaml",
            format!(
                "dataset: t\nschema: {{ columns: {{ site: {{ type: string }}, g: {{ type: {type} }} }} }}\n\
                 rules: [representation: {{ id: r, groups: [g], reference: {{ {reference} }}, tolerance: 5 points }}]\n",
                type = r#type
            ),
        );
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert_eq!((outcome(&run).1, run.finding("r")["groups"].as_array().map(Vec::len)), ("pass", Some(2)), "{}", message(&run));
    }
    let place = Place::new();
    place.write("d.csv", "g\n1\n2\n");
    place.write("r.yaml", "dataset: t\nrules: [representation: { groups: [g], reference: { 1: 50%, 1.0: 50% }, tolerance: 5 points }]\n");
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("the reference names the group `1` twice"), "{}", run.stderr);
}

#[test]
fn holm_decides_on_many_groups_as_statsmodels_does() {
    // p = 2 * scipy.stats.norm.sf(|share − b| / sqrt(b(1−b)/1000)) at the nearest bound b (0.18 or 0.22), for groups within the
    // larger of both: 1.0149e-9, 1, 1, 0.013537, 0.013537. statsmodels.stats.multitest.multipletests(method="holm") rejects the
    // first alone (5.07e-9, …, 0.0541).
    let data = rows(&[("a", 300), ("b", 220), ("c", 180), ("d", 150), ("e", 150)]);
    let rule = "groups: [g], reference: equal, tolerance: 2 points";
    let alone = check(&data, rule);
    let corrected = check(&data, &format!("{rule}, correction: holm"));
    let outcomes = |run: &Run| ["a", "b", "c", "d", "e"].map(|g| group(run, &[Some(g)])["outcome"].as_str().expect("one").to_owned());
    assert_eq!(outcomes(&alone), ["fail", "insufficient_evidence", "insufficient_evidence", "fail", "fail"]);
    assert_eq!(outcomes(&corrected)[0], "fail");
    assert!(outcomes(&corrected)[1..].iter().all(|outcome| outcome == "insufficient_evidence"), "{}", message(&corrected));
    let figures = |g: &str| group(&corrected, &[Some(g)])["figures"].clone();
    close(&figures("a")["decision_p_value"], 1.0149061877339703e-9);
    close(&figures("d")["decision_p_value"], 0.013536859346243426);
    close(&figures("a")["decision_level"], 0.01);
    close(&figures("d")["decision_level"], 0.0125);
    // proportion_confint(300, 1000, alpha=0.01, method="wilson") and (150, 1000, alpha=0.0125).
    close(&figures("a")["interval_low"], 0.26409079192026474);
    close(&figures("a")["interval_high"], 0.3385456740410979);
    close(&figures("d")["interval_high"], 0.18036906517409637);
    assert!(group(&alone, &[Some("a")])["figures"]["decision_level"].is_null());
}

#[test]
fn figures_stay_under_by_and_very_many_groups_are_no_groups() {
    let lines: String =
        (0..400).map(|i| format!("{},{}\n", if i % 2 == 0 { "A" } else { "B" }, if i % 4 < 2 { "f" } else { "m" })).collect();
    let run = check(&format!("site,g\n{lines}"), "groups: [g], reference: { f: 50%, m: 50% }, tolerance: 10 points, by: [site]");
    assert_eq!(outcome(&run), ("accept", "pass"), "{}", message(&run));
    assert_eq!(group(&run, &[Some("A")])["figures"]["chi_square"], 0.0);
    assert_eq!(run.finding("r")["figures"]["groups"], 2);
    let within = &group(&run, &[Some("B"), Some("m")])["figures"];
    assert_eq!((within["count"].as_u64(), within["share"].as_f64()), (Some(100), Some(0.5)));
    // proportion_confint(100, 200, alpha=0.05, method="wilson").
    close(&within["interval_low"], 0.43136085960389187);
    // 10,001 names.
    let lines: String = (0..=10_000).map(|i| format!("A,{i}\n")).collect();
    for by in ["", ", by: [site]"] {
        let run = check(&format!("site,g\n{lines}"), &format!("groups: [g], reference: equal, tolerance: 10 points{by}"));
        assert_eq!((run.code, outcome(&run)), (2, ("undecided", "no_data")));
        assert!(message(&run).contains("`g` makes more than 10,000 groups; group by columns with fewer values"), "{}", message(&run));
    }
}
