//! Figures that rounding, overflow or missing parts once spoiled, beside what exact fractions give.

use serde_json::Value as Json;

use crate::support::Place;

/// The report on `rows` of `columns` under `rules`, each a line.
fn report(header: &str, rows: &[&str], rules: &[&str]) -> Json {
    let place = Place::new();
    let lines: String = [header].iter().chain(rows).flat_map(|line| [line, "\n"]).collect();
    place.write("data.csv", &lines);
    let named = |(i, rule): (usize, &&str)| format!("  - {}\n", rule.replacen("{ ", &format!("{{ id: r{i}, "), 1));
    let rules: String = rules.iter().enumerate().map(named).collect();
    place.write("rules.yaml", format!("dataset: figures\nprofile: full\nrules:\n{rules}"));
    place.run(&["check", "data.csv", "-r", "rules.yaml"]).report().clone()
}

fn observed(report: &Json) -> Vec<f64> {
    findings(report).filter_map(|finding| finding["observed"].as_f64()).collect()
}

/// Those of the rules, in the rules' order.
fn findings(report: &Json) -> impl Iterator<Item = &Json> {
    let mut found: Vec<&Json> = report["findings"].as_array().expect("findings").iter().collect();
    found.retain(|f| f["rule"] != "malformed" && f["rule"] != "schema");
    found.sort_by_key(|f| f["id"].as_str());
    found.into_iter()
}

fn column<'a>(report: &'a Json, name: &str) -> &'a Json {
    report["columns"].as_array().expect("columns").iter().find(|c| c["name"] == name).expect("the column")
}

#[test]
fn a_median_between_the_largest_floats_does_not_overflow() {
    let report = report("x", &["-1.7e308", "1.7e308"], &["statistic: { column: x, of: median, max: 1e308 }"]);
    assert_eq!(observed(&report), [0.0]);
    assert_eq!(column(&report, "x")["quantiles"]["0.75"], 8.5e307);
    assert_eq!(column(&report, "x")["histogram"]["counts"].as_array().map(Vec::len), Some(20));
}

#[test]
fn a_quantile_stands_where_its_decimal_says() {
    // In floats, 0.29 · 100 is 28.999999999999996: below the 29th value.
    let rows: Vec<String> = (0..=100u64).map(|i| (i * i * i * i * 1_000_000).to_string()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(observed(&report("x", &rows, &["statistic: { column: x, of: quantile, q: 0.29, min: 707281000000 }"])), [707_281e6]);
}

#[test]
fn a_standard_deviation_is_a_root_before_it_is_rounded() {
    let rule = "statistic: { column: x, of: stddev, max: 1e308 }";
    assert_eq!(observed(&report("x", &["1e-200", "3e-200"], &[rule])), [1.414_213_562_373_095e-200]);
    assert_eq!(observed(&report("x", &["1e200", "3e200"], &[rule])), [1.414_213_562_373_095e200]);
    let tiny = report("x", &["1e-200", "3e-200"], &[rule]);
    assert_eq!(column(&tiny, "x")["stddev"], 1.414_213_562_373_095e-200);
}

#[test]
fn a_correlation_sees_what_floats_do_not() {
    let rule = "statistic: { column: x, of: correlation, with: y, min: -1 }";
    // 2^60 + i: no float tells them apart. numpy.corrcoef([0, 1, 2, 3], [1, 3, 2, 4])[0, 1] is 0.8.
    let rows = ["1152921504606846976,1", "1152921504606846977,3", "1152921504606846978,2", "1152921504606846979,4"];
    assert_eq!(observed(&report("x,y", &rows, &[rule])), [0.8]);
    // r² is 1e-402: Σxy = 1 of Σx² = 1e402 and Σy² = 1, by fractions.
    let rows = ["1e201,1e-201", "-1e201,1e-201", "1,1", "-1,-1"];
    let r = observed(&report("x,y", &rows, &[rule]))[0];
    assert!((r / 1e-201 - 1.0).abs() < 1e-12, "{r}");
}

#[test]
fn independent_columns_are_not_associated() {
    let rows = ["x,u", "x,v", "x,w", "y,u", "y,v", "y,w", "z,u", "z,v", "z,w"];
    let report = report("a,b", &rows, &["statistic: { column: a, of: cramers_v, with: b, max: 0 }"]);
    assert_eq!((observed(&report), findings(&report).next().map(|f| f["outcome"].clone())), (vec![0.0], Some("pass".into())));
}

#[test]
fn bins_of_integers_hold_whole_numbers_of_them() {
    let rows: Vec<String> = (0..45).map(|i| format!("{i},{}.5,2026-01-{:02}", i, i % 31 + 1)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let report = report("x,y,day", &rows, &["missing: { column: x }"]);
    let x = &column(&report, "x")["histogram"];
    assert_eq!((&x["low"], &x["high"], &x["counts"]), (&0.0.into(), &46.0.into(), &[vec![2; 22], vec![1]].concat().into()));
    // A bin a day, to the end of the last one.
    let day = &column(&report, "day")["histogram"];
    assert_eq!(
        day["edges"].as_array().map(|e| (e.len(), e[0].clone(), e[31].clone())),
        Some((32, "2026-01-01".into(), "2026-02-01".into()))
    );
    assert_eq!(day["counts"].as_array().expect("counts").iter().filter_map(Json::as_u64).sum::<u64>(), 45);
}

#[test]
fn a_float_on_an_edge_is_in_the_bin_that_begins_there() {
    // The edges are the floats nearest to i/20, as the values are: each begins its bin, and the last bin holds 1 too.
    let rows: Vec<String> = (0..=20).map(|i| format!("{:?}", f64::from(i) / 20.0)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let report = report("x", &rows, &["missing: { column: x }"]);
    let expected: Vec<u64> = [vec![1; 19], vec![2]].concat();
    assert_eq!(column(&report, "x")["histogram"]["counts"], Json::from(expected));
}

#[test]
fn deequs_figures_are_over_rows_with_any_part_of_the_key() {
    let rows = ["1,", "1,", "1,2", ",3", ",3", ","];
    let figures = |rule: &str| {
        let report = report("a,b", &rows, &[rule]);
        let figures = findings(&report).next().expect("a finding")["figures"].clone();
        let names = ["rows", "distinct", "duplicate_rows", "duplicated_groups", "distinctness", "uniqueness", "unique_value_ratio"];
        names.map(|name| figures[name].as_f64().expect("a figure"))
    };
    // Of five rows with a part of the key there are three keys, of which one occurs once.
    let deequs = [0.6, 0.2, 1.0 / 3.0];
    assert_eq!(figures("duplicates: { key: [a, b] }"), [&[1.0, 1.0, 0.0, 0.0][..], &deequs].concat()[..]);
    assert_eq!(figures("duplicates: { key: [a, b], nulls: equal }"), [&[6.0, 4.0, 2.0, 2.0][..], &deequs].concat()[..]);
    // Of a key of one column, a part is the whole.
    assert_eq!(figures("duplicates: { key: [a] }")[4..], [1.0 / 3.0, 0.0, 0.0]);
    assert_eq!(figures("duplicates: { key: [a], nulls: equal }"), [6.0, 2.0, 4.0, 2.0, 1.0 / 3.0, 0.0, 0.0]);
}

fn outcomes(report: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    findings(report).map(|f| (text(&f["outcome"]), text(&f["message"]))).collect()
}

fn told(outcome: &str, message: &str) -> (String, String) {
    (outcome.to_owned(), message.to_owned())
}

#[test]
fn several_quantiles_have_bounds_of_their_own() {
    let rows: Vec<String> = (0..=100).map(|i| i.to_string()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let pass = report("x", &rows, &["statistic: { column: x, quantiles: { 0.5: { min: 50, max: 50 }, 0.99: { below: 99.5 } } }"]);
    assert_eq!(outcomes(&pass)[0].0, "pass");
    let fail = report("x", &rows, &["statistic: { column: x, quantiles: { 0.5: { max: 60 }, 0.99: { max: 60 }, 0.1: { above: 5 } } }"]);
    assert_eq!(observed(&fail), [99.0]);
    assert!(outcomes(&fail)[0].1.contains("the 99% quantile is 99, expected at most 60"), "{:?}", outcomes(&fail));
}

#[test]
fn distinct_values_are_a_share_too() {
    let rows = ["a", "a", "b", "c", ""];
    let rules = ["statistic: { column: x, of: distinct_share, min: 75% }", "statistic: { column: x, of: unique_share, max: 0.5 }"];
    let report = report("x,y", &rows.map(|x| format!("{x},1")).each_ref().map(String::as_str), &rules);
    assert_eq!(observed(&report), [0.75, 0.5]);
    assert!(outcomes(&report).iter().all(|(outcome, _)| outcome == "pass"));
}

#[test]
fn booleans_count_as_0_and_1() {
    let of = |of: &str| format!("statistic: {{ column: x, of: {of}, max: 10 }}");
    let rules = ["mean", "sum", "min", "max", "median", "stddev", "correlation, with: y"].map(of);
    let report = report("x,y", &["true,1", "false,2", "true,1", "true,1", ",5"], &rules.each_ref().map(String::as_str));
    // numpy: mean 0.75, std of [1, 0, 1, 1] with ddof=1 is 0.5; where x is 0, y is 2, else 1.
    assert_eq!(observed(&report), [0.75, 3.0, 0.0, 1.0, 1.0, 0.5, -1.0]);
}

#[test]
fn the_first_and_the_last_text_and_day_are_within_bounds_of_their_type() {
    let rows = ["kiwi,2026-01-31", "apple,2026-03-01", "Zebra,2026-02-28"];
    let rules = [
        "statistic: { column: name, of: min, min: A, below: a }",
        "statistic: { column: name, of: max, max: banana }",
        "statistic: { column: day, of: min, above: 2026-01-30 }",
        "statistic: { column: day, of: max, below: 2026-03-01 }",
    ];
    let found = outcomes(&report("name,day", &rows, &rules));
    assert_eq!(found[0].0, "pass");
    assert!(found.contains(&told("fail", "the maximum is \"kiwi\", expected at most \"banana\"")), "{found:?}");
    assert!(found.contains(&told("fail", "the maximum is 2026-03-01, expected below 2026-03-01")), "{found:?}");
    assert_eq!(found.iter().filter(|(outcome, _)| outcome == "pass").count(), 2);
}

#[test]
fn a_missing_value_among_many_decides_nothing() {
    let rows: Vec<String> = (0..10_001).map(|i| if i == 77 { ",a".into() } else { format!("{},{}", i % 10, ["u", "v"][i % 2]) }).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let rules = [
        "statistic: { column: x, of: correlation, with: x, min: 1 }",
        "statistic: { column: x, of: cramers_v, with: y, max: 1 }",
        "statistic: { column: x, of: most_common, max: 11% }",
        "statistic: { column: x, of: distinct, max: 10 }",
        "statistic: { column: x, of: mean, max: 5 }",
    ];
    assert!(outcomes(&report("x,y", &rows, &rules)).iter().all(|(outcome, _)| outcome == "pass"));
}
