//! The rule `drift`: edges, what a baseline file can answer, and how tests of one rule are decided together.

use serde_json::Value as Json;

use crate::support::{Place, Run};

/// Numbers in [0, 1), always the same: Knuth's MMIX generator.
fn noise(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A CSV file of one column.
fn column<T: std::fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().fold("x\n".to_owned(), |text, x| text + &format!("{x}\n"))
}

fn floats(place: &Place, name: &str, values: &[&str]) {
    // A quoted field: a line of its own would be no record.
    place.write(name, format!("x,y\n{}", values.iter().map(|x| format!("{x},1\n")).collect::<String>()));
}

/// Judges `d.csv` by one rule.
fn check(place: &Place, drift: &str) -> Run {
    place.write("r.yaml", format!("dataset: t\nschema: {{ columns: {{ x: {{ type: float64 }} }}, evolution: any }}\nrules:\n  - drift: {{ id: it, column: x, {drift} }}\n"));
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

#[track_caller]
fn outcome(place: &Place, drift: &str, expected: &str, says: &str) -> Json {
    let run = check(place, drift);
    let finding = run.finding("it").clone();
    assert_eq!(finding["outcome"], expected, "{drift}: {finding}");
    assert!(finding["message"].as_str().is_some_and(|message| message.contains(says)), "{drift}: {finding}");
    finding
}

const TESTS: [&str; 8] = [
    "test: ks",
    "test: chi2",
    "test: psi",
    "test: js, max: 0.1",
    "test: hellinger, max: 0.1",
    "test: linf, max: 0.1",
    "test: wasserstein, max: 0.1",
    "test: cardinality, max: 10%",
];

#[test]
fn nothing_to_compare_is_no_data_in_every_test() {
    let place = Place::new();
    let some: Vec<String> = (0..200).map(|i| (i % 50).to_string()).collect();
    let some: Vec<&str> = some.iter().map(String::as_str).collect();
    for test in TESTS {
        let against = format!("{test}, against: before.csv");
        floats(&place, "before.csv", &some);
        floats(&place, "d.csv", &[]);
        outcome(&place, &against, "no_data", "no rows in scope");
        floats(&place, "d.csv", &["", "NaN", ""]);
        outcome(&place, &against, "no_data", "all values in scope are missing");
        floats(&place, "d.csv", &some);
        floats(&place, "before.csv", &["", "NaN"]);
        outcome(&place, &against, "no_data", "there are no values to compare with in before.csv");
        floats(&place, "before.csv", &[]);
        outcome(&place, &against, "no_data", "there are no values to compare with in before.csv");
        if !test.contains("cardinality") {
            floats(&place, "before.csv", &["0", "-0.0", "0"]);
            outcome(&place, &against, "no_data", "all values in before.csv are equal");
        }
    }
}

#[test]
fn one_row_is_too_few_and_a_constant_batch_is_not() {
    let place = Place::new();
    let some: Vec<String> = (0..1000).map(|i| (i % 10).to_string()).collect();
    let some: Vec<&str> = some.iter().map(String::as_str).collect();
    floats(&place, "before.csv", &some);
    floats(&place, "d.csv", &["3"]);
    for test in ["test: ks", "test: chi2", "test: psi", "test: js, max: 0.1", "test: linf, max: 0.1"] {
        let finding = outcome(&place, &format!("{test}, against: before.csv"), "insufficient_evidence", "would do");
        assert_ne!(finding["figures"]["rows"], 0);
        outcome(&place, &format!("{test}, against: before.csv, require_evidence: true"), "fail", "would do");
    }
    floats(&place, "d.csv", &["3"; 500]);
    for test in TESTS {
        outcome(&place, &format!("{test}, against: before.csv"), "fail", "");
    }
}

#[test]
fn infinities_lie_at_the_ends_and_zeros_are_one_value() {
    let place = Place::new();
    let all = |values: [&'static str; 4]| values.repeat(100);
    floats(&place, "before.csv", &all(["-inf", "0", "-0.0", "inf"]));
    floats(&place, "d.csv", &all(["inf", "-0.0", "0", "-inf"]));
    for test in ["test: ks", "test: psi", "test: chi2", "test: js, max: 0.1"] {
        let finding = outcome(&place, &format!("{test}, against: before.csv"), "pass", "");
        assert_eq!(finding["observed"], 0.0, "{finding}");
    }
    outcome(&place, "test: wasserstein, max: 0.1, against: before.csv", "no_data", "no spread to compare with");
    floats(&place, "d.csv", &all(["inf", "-0.0", "0", "inf"]));
    let finding = outcome(&place, "test: ks, against: before.csv", "fail", "D 0.25");
    assert_eq!(finding["observed"], 0.25);
    floats(&place, "before.csv", &all(["-inf", "0", "1", "inf"]));
    floats(&place, "d.csv", &all(["inf", "0", "1", "inf"]));
    let finding = outcome(&place, "test: wasserstein, max: 0.3, against: before.csv", "pass", "");
    assert_eq!(finding["observed"], 0.0, "infinities are left out: {finding}");
}

#[test]
fn a_share_of_missing_values_is_judged_where_no_value_is_left() {
    let place = Place::new();
    floats(&place, "before.csv", &["1"; 300]);
    floats(&place, "d.csv", &["NaN"; 100]);
    let finding = outcome(&place, "test: null_share, against: before.csv", "fail", "100% of rows have no value, 0% in before.csv");
    assert_eq!((&finding["observed"], &finding["severity"]), (&1.0.into(), &"warning".into()), "{finding}");
    floats(&place, "d.csv", &["1", "", "", ""]);
    outcome(&place, "test: null_share, against: before.csv", "fail", "");
    floats(&place, "before.csv", &["1", "1", "1"]);
    outcome(&place, "test: null_share, against: before.csv", "insufficient_evidence", "so few rows");
    // Exactly the limit is no more than that.
    let share = |missing: usize| [vec![""; missing], vec!["1"; 10_000 - missing]].concat();
    floats(&place, "before.csv", &share(100));
    floats(&place, "d.csv", &share(200));
    outcome(&place, "test: null_share, against: before.csv", "pass", "1 points are allowed");
    floats(&place, "d.csv", &share(201));
    outcome(&place, "test: null_share, against: before.csv", "fail", "more than 1 points apart");
}

/// Two hundred columns that did not change: of so many, one is unlike by chance more often than not.
#[test]
fn p_values_are_adjusted_to_the_columns_of_one_rule_and_never_beyond() {
    let place = Place::new();
    let mut draw = noise(11);
    let mut table = |rows: usize, extra: f64| {
        let names: Vec<String> = (0..20).map(|i| format!("c{i}")).collect();
        let mut row = |_| (0..20).map(|i| format!("{:.3}", draw() + if i == 0 { extra } else { 0.0 })).collect::<Vec<_>>().join(",");
        let rows: Vec<String> = (0..rows).map(&mut row).collect();
        format!("{}\n{}\n", names.join(","), rows.join("\n"))
    };
    place.write("before.csv", table(300, 0.0));
    place.write("d.csv", table(300, 0.14));
    let rules = "  - drift: { id: all, columns: \"*\", against: before.csv }\n  - drift: { id: alone, column: c0, against: before.csv }\n";
    place.write("r.yaml", format!("dataset: t\nrules:\n{rules}"));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    let of = |id: &str, figure: &str| run.finding(id)["figures"][figure].as_f64().expect("a figure");
    let raw: Vec<f64> = (0..20).map(|i| of(&format!("all-c{i}"), "p_value")).collect();
    let expected = sluicegate::statistics::benjamini_hochberg(&raw);
    for (i, expected) in expected.iter().enumerate() {
        assert_eq!(of(&format!("all-c{i}"), "adjusted_p_value"), *expected);
    }
    assert!(of("all-c0", "adjusted_p_value") > of("all-c0", "p_value"));
    // The other rule tests one column, and stands for itself.
    assert_eq!(of("alone", "adjusted_p_value"), of("alone", "p_value"));
    assert_eq!(of("alone", "p_value"), of("all-c0", "p_value"));
}

/// A file and the summary of it give the same verdicts, and where all values have cells of their own, the same figures.
#[test]
fn a_baseline_file_answers_as_the_data_themselves() {
    let place = Place::new();
    let mut draw = noise(5);
    let mut rows = |n: usize, shift: f64, names: &[&str]| {
        let mut row = |_| {
            let name = names[(draw() * names.len() as f64) as usize];
            format!("{},{name},{}\n", ((draw() + draw() + shift) * 10.0).floor(), draw() < 0.3)
        };
        format!("x,t,b\n{}", (0..n).map(&mut row).collect::<String>())
    };
    place.write("before.csv", rows(2000, 0.0, &["a", "b", "c", "d"]));
    place.write("d.csv", rows(1000, 0.4, &["a", "b", "c", "n"]));
    let each = |against: &str| {
        format!(
            "  - drift: {{ id: auto, columns: \"*\"{against} }}\n  - drift: {{ id: psi, columns: \"*\", test: psi{against} }}\n  - drift: {{ id: w, column: x, test: wasserstein, max: 0.1{against} }}\n  - drift: {{ id: new, column: t, test: new_values{against} }}\n  - drift: {{ id: nulls, column: t, test: null_share{against} }}\n  - drift: {{ id: many, column: t, test: cardinality, max: 1%{against} }}\n  - drift: {{ id: by, column: x, by: [b], test: psi{against} }}\n"
        )
    };
    place.write("file.yaml", format!("dataset: t\nrules:\n{}", each(", against: before.csv")));
    place.write("summary.yaml", format!("dataset: t\nbaseline: {{ path: b.json }}\nrules:\n{}", each("")));
    let captured = place.run(&["baseline", "capture", "before.csv", "-r", "summary.yaml", "-o", "b.json"]);
    assert_eq!(captured.code, 0, "{}", captured.stderr);
    let (file, summary) = (place.run(&["check", "d.csv", "-r", "file.yaml"]), place.run(&["check", "d.csv", "-r", "summary.yaml"]));
    for id in ["auto-x", "auto-t", "auto-b", "psi-x", "psi-t", "psi-b", "w", "new", "nulls", "many", "by"] {
        let (a, b) = (file.finding(id), summary.finding(id));
        for part in ["outcome", "observed", "figures", "groups"] {
            assert_eq!(a[part].to_string().replace("before.csv", "the baseline"), b[part].to_string(), "{id}: {part}");
        }
    }
    for (id, outcome) in [("auto-x", "fail"), ("auto-t", "fail"), ("auto-b", "pass"), ("new", "fail"), ("nulls", "pass"), ("by", "fail")] {
        assert_eq!(summary.finding(id)["outcome"], outcome, "{}", summary.finding(id));
    }
}

/// Of many different values a summary keeps ranges. Where what lies inside could change the verdict, there is none.
#[test]
fn a_verdict_is_withheld_where_the_cells_of_a_summary_could_change_it() {
    let place = Place::new();
    let mut draw = noise(9);
    let mut normal = |n: usize, shift: f64| column((0..n).map(|_| (0..12).map(|_| draw()).sum::<f64>() - 6.0 + shift));
    place.write("before.csv", normal(3000, 0.0));
    place.write("d.csv", normal(3000, 0.4));
    let rule = |min_effect: f64, against: &str| {
        format!(
            "dataset: t\nbaseline: {{ path: b.json }}\nrules:\n  - drift: {{ id: it, column: x, test: ks, min_effect: {min_effect}{against} }}\n"
        )
    };
    place.write("r.yaml", rule(0.1, ""));
    assert_eq!(place.run(&["baseline", "capture", "before.csv", "-r", "r.yaml", "-o", "b.json"]).code, 0);
    let found = place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone();
    let (low, high) = (found["observed"].as_f64().expect("D"), found["figures"]["at_most"].as_f64().expect("D at most"));
    place.write("exact.yaml", rule(0.1, ", against: before.csv"));
    let exact = place.run(&["check", "d.csv", "-r", "exact.yaml"]).finding("it")["observed"].as_f64().expect("D");
    assert!(low <= exact && exact <= high && high - low < 0.05, "{low} {exact} {high}");
    assert_eq!(found["outcome"], "fail", "{found}");
    place.write("r.yaml", rule(low + (high - low) / 2.0, ""));
    let found = place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone();
    assert_eq!(found["outcome"], "insufficient_evidence", "{found}");
    assert!(found["message"].as_str().is_some_and(|message| message.contains("needs a scan")), "{found}");
}

/// Where the baseline has many values once, the batch has others once.
#[test]
fn values_that_were_seen_once_explain_new_ones() {
    let place = Place::new();
    let mut draw = noise(21);
    // Half of the rows have a common value, the others one of a hundred thousand.
    let mut rows = |n: usize| {
        let mut value =
            |_| if draw() < 0.5 { format!("common{}", (draw() * 5.0) as u32) } else { format!("rare{}", (draw() * 1e5) as u32) };
        column((0..n).map(&mut value))
    };
    place.write("before.csv", rows(3000));
    place.write("d.csv", rows(3000));
    place.write("r.yaml", "dataset: t\nrules:\n  - drift: { id: it, column: x, test: psi, against: before.csv }\n");
    let found = place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone();
    assert_eq!(found["outcome"], "pass", "{found}");
    assert!(found["message"].as_str().is_some_and(|message| message.contains("are new")), "{found}");
}

/// A summary keeps groups of hashes where there are many texts; what is compared then, the finding says.
#[test]
fn texts_of_many_values_are_compared_in_groups_of_their_hash() {
    let place = Place::new();
    let mut draw = noise(33);
    let mut rows = |n: usize, most: f64| column((0..n).map(|_| format!("user{}", (draw() * most) as u64)));
    place.write("before.csv", rows(20_000, 5000.0));
    place.write("same.csv", rows(10_000, 5000.0));
    place.write("other.csv", rows(10_000, 40.0));
    let words = ["{ id: chi2, column: x }", "{ id: psi, column: x, test: psi }", "{ id: new, column: x, test: new_values }"];
    let rules: String = words.iter().map(|rule| format!("  - drift: {rule}\n")).collect();
    place.write("r.yaml", format!("dataset: t\nbaseline: {{ path: b.json }}\nrules:\n{rules}"));
    assert_eq!(place.run(&["baseline", "capture", "before.csv", "-r", "r.yaml", "-o", "b.json"]).code, 0);
    for (data, expected) in [("same.csv", "pass"), ("other.csv", "fail")] {
        let run = place.run(&["check", data, "-r", "r.yaml"]);
        for id in ["chi2", "psi"] {
            let found = run.finding(id);
            assert_eq!(found["outcome"], expected, "{found}");
            assert!(found["message"].as_str().is_some_and(|message| message.contains("groups of their hash")), "{found}");
        }
        let found = run.finding("new");
        assert_eq!(found["outcome"], "no_data", "{found}");
        assert!(found["message"].as_str().is_some_and(|message| message.contains("needs a scan")), "{found}");
    }
}

#[test]
fn what_differs_in_kind_or_is_rare_throughout_is_not_judged() {
    let place = Place::new();
    place.write("before.csv", column((0..1000).map(|i| format!("v{i}"))));
    place.write("d.csv", column((0..1000).map(|i| format!("v{}", i * 2))));
    let run = |rule: &str| {
        place.write("r.yaml", format!("dataset: t\nrules:\n  - drift: {{ id: it, column: x, against: before.csv, {rule} }}\n"));
        place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone()
    };
    let found = run("test: chi2");
    assert_eq!(found["outcome"], "insufficient_evidence", "{found}");
    let found = run("test: new_values, max: 49%");
    assert_eq!((&found["outcome"], &found["observed"]), (&"fail".into(), &0.5.into()), "{found}");
    place.write("before.csv", column(0..1000));
    assert_eq!(run("test: chi2")["outcome"], "no_data");
}

#[test]
fn ids_and_times_run_on_and_are_no_drift_unless_a_test_is_named() {
    let place = Place::new();
    let mut random = noise(5);
    let mut rows = |first: usize, n: usize, month: usize| {
        let mut text = "id,at,born,cents\n".to_owned();
        for i in 0..n {
            let (born, cents) = (1950.0 + random() * 50.0, random() * 90_000.0);
            text += &format!("{},2026-{month:02}-{:02},{:04.0}-01-01,{:.0}\n", first + i, i % 28 + 1, born, cents);
        }
        text
    };
    place.write("before.csv", rows(1000, 3000, 10));
    place.write("same.csv", rows(4000, 1000, 11));
    place.write("again.csv", rows(1000, 1000, 10));
    place.write("r.yaml", "dataset: t\nrules:\n  - drift: { columns: \"*\", against: before.csv }\n");
    let outcomes = |run: &Run| ["id", "at", "born", "cents"].map(|name| run.finding(&format!("drift-{name}"))["outcome"].clone());
    for data in ["same.csv", "again.csv"] {
        let run = place.run(&["check", data, "-r", "r.yaml"]);
        let at = if data == "same.csv" { "not_judged" } else { "pass" };
        assert_eq!(outcomes(&run), ["not_judged", at, "pass", "pass"], "{data}");
        assert!(run.finding("drift-id")["message"].as_str().is_some_and(|text| text.contains("only tell rows apart")));
    }
    place.write("r.yaml", "dataset: t\nrules:\n  - drift: { columns: [id, at, born, cents], test: ks, against: before.csv }\n");
    assert_eq!(outcomes(&place.run(&["check", "same.csv", "-r", "r.yaml"])), ["fail", "fail", "pass", "pass"]);
}
