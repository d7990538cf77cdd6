//! Statistics against values computed by scipy, statsmodels and exact fractions (`tests/reference/statistics.py`).

use std::process::Command;

use serde_json::Value as Json;
use sluicegate::statistics::{goodness_of_fit, jensen_shannon, total_variation, wilson_interval};

use crate::support::{Place, project, skipped};

fn reference() -> Json {
    let text = std::fs::read(project("tests/reference/statistics.json")).expect("the reference values");
    serde_json::from_slice(&text).expect("JSON")
}

fn list<'a>(value: &'a Json, key: &str) -> &'a Vec<Json> {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

fn floats(value: &Json) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn close(found: f64, expected: &Json, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no reference"));
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(error <= 1e-9 || (found - expected).abs() <= 1e-15, "{what}: {found} where {expected} is expected");
}

#[test]
fn intervals_tests_and_distances() {
    let reference = reference();
    for case in list(&reference, "wilson") {
        let (count, n) = (case["count"].as_u64().expect("count"), case["n"].as_u64().expect("n"));
        let (low, high) = wilson_interval(count, n, case["confidence"].as_f64().expect("confidence"));
        close(low, &case["low"], &format!("wilson {case}"));
        close(high, &case["high"], &format!("wilson {case}"));
    }
    for case in list(&reference, "chi_square") {
        let observed: Vec<u64> = floats(&case["observed"]).into_iter().map(|x| x as u64).collect();
        let total: f64 = observed.iter().sum::<u64>() as f64;
        let expected = floats(&case["expected"]);
        let sum: f64 = expected.iter().sum();
        // References may be given as counts or as shares.
        let shares: Vec<f64> = if sum > 1.5 { expected.iter().map(|e| e / total).collect() } else { expected };
        let fit = goodness_of_fit(&observed, &shares).expect("a fit");
        close(fit.statistic, &case["statistic"], &format!("chi-square {case}"));
        close(fit.p_value, &case["p_value"], &format!("chi-square {case}"));
        close(fit.cohens_w, &case["cohens_w"], &format!("chi-square {case}"));
    }
    for case in list(&reference, "distances") {
        let (p, q) = (floats(&case["p"]), floats(&case["q"]));
        close(total_variation(&p, &q), &case["total_variation"], "total variation");
        close(jensen_shannon(&p, &q), &case["jensen_shannon"], "Jensen-Shannon");
    }
}

/// Checks one column of floats, written so that reading gives the same floats back.
fn profile(values: &[f64], k: f64) -> crate::support::Run {
    let place = Place::new();
    let lines: String = values.iter().map(|x| format!("{x:?}\n")).collect();
    place.write("d.csv", format!("x\n{lines}"));
    place.write(
        "r.yaml",
        format!(
            "dataset: t\nschema: {{ columns: {{ x: {{ type: float64 }} }} }}\nrules: [outliers: {{ column: x, k: {k} }}]\nprofile: full\n"
        ),
    );
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

#[test]
fn moments_quantiles_and_fences() {
    let reference = reference();
    for case in list(&reference, "moments") {
        let run = profile(&floats(&case["values"]), 3.0);
        let column = &run.report()["columns"][0];
        close(column["mean"].as_f64().expect("mean"), &case["mean"], &format!("mean of {}", case["name"]));
        match case["stddev"].as_f64() {
            Some(_) => close(column["stddev"].as_f64().expect("stddev"), &case["stddev"], &format!("stddev of {}", case["name"])),
            // One value has none.
            None => assert!(column["stddev"].is_null(), "stddev of {}", case["name"]),
        }
    }
    let (mut quantiles_compared, mut fences_compared) = (0, 0);
    for case in list(&reference, "quantiles") {
        let run = profile(&floats(&case["values"]), 3.0);
        let quantiles = &run.report()["columns"][0]["quantiles"];
        for (p, expected) in floats(&case["probabilities"]).iter().zip(case["quantiles"].as_array().expect("quantiles")) {
            if let Some(found) = quantiles[p.to_string()].as_f64() {
                close(found, expected, &format!("quantile {p} of {}", case["name"]));
                quantiles_compared += 1;
            }
        }
    }
    for case in list(&reference, "iqr") {
        let run = profile(&floats(&case["values"]), case["k"].as_f64().expect("k"));
        let finding = run.finding("outliers-x");
        let is_of_one_value = floats(&case["values"]).windows(2).all(|w| w[0] == w[1]);
        if finding["outcome"] == "no_data" || is_of_one_value {
            assert_eq!(finding["failing_rows"], 0, "{finding}");
            continue;
        }
        close(finding["figures"]["lower_fence"].as_f64().expect("fence"), &case["lower_fence"], &format!("fence of {}", case["name"]));
        close(finding["figures"]["upper_fence"].as_f64().expect("fence"), &case["upper_fence"], &format!("fence of {}", case["name"]));
        assert_eq!(finding["failing_rows"], case["outliers"], "outliers of {}", case["name"]);
        fences_compared += 1;
    }
    // Probabilities the profile does not report, and data without spread, are passed over; most are not.
    assert!(quantiles_compared >= 20 && fences_compared >= 4, "{quantiles_compared} quantiles, {fences_compared} fences");
}

/// By hand: `python tests/reference/differential.py --sets 600 --seed 1 --binary target/debug/sluicegate`.
#[test]
fn figures_of_random_data_are_those_of_fractions_scipy_and_statsmodels() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_them = Command::new(&python).args(["-c", "import numpy, scipy, statsmodels"]).output().is_ok_and(|o| o.status.success());
    if !has_them {
        return skipped("a Python with scipy and statsmodels");
    }
    let script = project("tests/reference/differential.py");
    let arguments = ["--sets", "60", "--seed", "2026", "--binary", env!("CARGO_BIN_EXE_sluicegate")];
    let run = Command::new(&python).arg(script).args(arguments).output().expect("Python runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    assert!(text(&run.stdout).contains("statistics: 10 data sets, "), "{}", text(&run.stdout));
}
