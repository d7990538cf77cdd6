//! Outlier fences and statistics against numpy, scipy and exact fractions (`tests/reference/measures.py`).

use serde_json::Value as Json;

use crate::support::{Place, Run, project};

fn reference() -> Json {
    let text = std::fs::read(project("tests/reference/measures.json")).expect("the reference values");
    serde_json::from_slice(&text).expect("JSON")
}

/// A place that holds the data set `name` as `d.csv`, and the contract of its columns.
fn data_set(reference: &Json, name: &str) -> (Place, String) {
    let set = &reference["datasets"][name];
    let types = set["types"].as_object().unwrap_or_else(|| panic!("no data set {name}"));
    let names: Vec<&String> = types.keys().collect();
    let columns: Vec<&Vec<Json>> = names.iter().map(|n| set["columns"][n.as_str()].as_array().expect("values")).collect();
    let mut csv = format!("row,{}\n", names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(","));
    for row in 0..columns[0].len() {
        let cells: Vec<String> = columns.iter().map(|c| c[row].as_str().unwrap_or_default().to_owned()).collect();
        csv.push_str(&format!("{row},{}\n", cells.join(",")));
    }
    let place = Place::new();
    place.write("d.csv", csv);
    let declared: Vec<String> =
        names.iter().map(|n| format!("{n}: {{ type: \"{}\" }}", types[n.as_str()].as_str().expect("a type"))).collect();
    (place, format!("dataset: t\nschema: {{ evolution: any, columns: {{ {} }} }}\nprofile: none\nrules:\n", declared.join(", ")))
}

fn judged(place: &Place, head: &str, rule: &str) -> Run {
    place.write("r.yaml", format!("{head}  - {rule}\n"));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert!(run.report()["faults"].as_array().is_some_and(Vec::is_empty), "{rule}: {}", run.stderr);
    run
}

fn close(found: &Json, expected: &Json, what: &str) {
    let (Some(found), Some(expected)) = (found.as_f64(), expected.as_f64()) else {
        panic!("{what}: {found} where {expected} is expected");
    };
    let error = (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(found == expected || error <= 1e-9, "{what}: {found} where {expected} is expected");
}

#[test]
fn fences_and_the_rows_beyond_them() {
    let reference = reference();
    let mut judged_cases = 0;
    for kind in ["mad", "mad_log", "mean_ad", "mean_ad_log", "zscore", "zscore_log"] {
        for case in reference[kind].as_array().unwrap_or_else(|| panic!("no cases of {kind}")) {
            let text = |key: &str| case[key].as_str().unwrap_or_default();
            let (place, head) = data_set(&reference, text("dataset"));
            let fallback = case["fallback"].as_str().map(|f| format!(", fallback: {f}")).unwrap_or_default();
            let rule = format!(
                "outliers: {{ id: o, column: {}, method: {}, threshold: {}, log: {}{fallback}, on_fail: quarantine }}",
                text("column"),
                text("method"),
                case["threshold"],
                case["log"]
            );
            let what = format!("{kind} {case} {rule}");
            let run = judged(&place, &head, &rule);
            let finding = run.finding("o");
            if case["no_data"].is_string() {
                assert_eq!(finding["outcome"], "no_data", "{what}: {finding}");
                continue;
            }
            judged_cases += 1;
            for figure in ["median", "mad", "mean_ad", "mean", "stddev", "lower_fence", "upper_fence"] {
                if case[figure].is_number() {
                    close(&finding["figures"][figure], &case[figure], &format!("{figure} of {what}"));
                }
            }
            let (low, high) = (case["low"].as_array().expect("low"), case["high"].as_array().expect("high"));
            assert_eq!((&finding["figures"]["low"], &finding["figures"]["high"]), (&low.len().into(), &high.len().into()), "{what}");
            let mut expected: Vec<u64> = low.iter().chain(high).map(|i| i.as_u64().expect("an index") + 1).collect();
            expected.sort_unstable();
            expected.truncate(10);
            let samples = finding["samples"].as_array().expect("samples").iter();
            let found: Vec<u64> = samples.map(|s| s["origin"]["row"].as_u64().expect("a row")).collect();
            assert_eq!(found, expected, "{what}");
        }
    }
    assert!(judged_cases > 90, "only {judged_cases} cases were judged");
}

#[test]
fn statistics_of_one_column_and_of_two() {
    let reference = reference();
    let mut judged_cases = 0;
    for kind in ["correlation", "cramers_v", "statistic"] {
        for case in reference[kind].as_array().unwrap_or_else(|| panic!("no cases of {kind}")) {
            let of = case["of"].as_str().unwrap_or(kind);
            let (place, head) = data_set(&reference, case["dataset"].as_str().expect("a data set"));
            let with = case["with"].as_str().map(|w| format!(", with: {w}")).unwrap_or_default();
            let q = if case["q"].is_number() { format!(", q: {}", case["q"]) } else { String::new() };
            let column = case["column"].as_str().expect("a column");
            let rule = format!("statistic: {{ id: s, column: {column}, of: {of}{q}{with}, min: -1e308 }}");
            let run = judged(&place, &head, &rule);
            let finding = run.finding("s");
            if case["no_data"].is_string() {
                assert_eq!(finding["outcome"], "no_data", "{case}: {finding}");
                continue;
            }
            judged_cases += 1;
            close(&finding["observed"], &case["value"], &case.to_string());
        }
    }
    assert!(judged_cases > 300, "only {judged_cases} cases were judged");
}
