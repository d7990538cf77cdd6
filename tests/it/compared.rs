//! `statistic`, `rows` and `outliers` beside other data: a file, a baseline file, several batches merged into one.

use serde_json::Value as Json;

use crate::support::{Place, Run};

/// Rows of a number and a text, from `first` on.
fn rows(first: u64, n: u64) -> String {
    let row = |i: u64| format!("{i},{},item {}\n", (i * 7919 % 10_007) as f64 / 8.0, i % 300);
    format!("id,x,t\n{}", (first..first + n).map(row).collect::<String>())
}

fn place_with_baseline(data: &[(u64, u64)]) -> Place {
    let place = Place::new();
    place.write("none.yaml", "dataset: d\n");
    let captured: Vec<String> = data
        .iter()
        .enumerate()
        .map(|(i, (first, n))| {
            let (csv, json) = (format!("before{i}.csv"), format!("before{i}.json"));
            place.write(&csv, rows(*first, *n));
            let run = place.run(&["baseline", "capture", &csv, "-r", "none.yaml", "-o", &json]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            json
        })
        .collect();
    let merge: Vec<&str> =
        ["baseline", "merge"].into_iter().chain(captured.iter().map(String::as_str)).chain(["-o", "base.json"]).collect();
    match captured.as_slice() {
        [one] => std::fs::copy(place.path(one), place.path("base.json")).map(drop).expect("copied"),
        _ => assert_eq!(place.run(&merge).code, 0),
    }
    place
}

fn check(place: &Place, rules: &str) -> Run {
    place.write("r.yaml", format!("dataset: d\nbaseline: {{ path: base.json }}\nrules:\n{rules}"));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert!(run.report.is_some(), "{}", run.stderr);
    run
}

fn finding(run: &Run, id: &str) -> Json {
    let report = run.report();
    let found = report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == id);
    found.unwrap_or_else(|| panic!("no finding {id}: {}", run.stderr)).clone()
}

#[track_caller]
fn comes_out(run: &Run, id: &str, outcome: &str, message: &str) {
    let finding = finding(run, id);
    assert_eq!((finding["outcome"].as_str(), finding["message"].as_str()), (Some(outcome), Some(message)), "{finding}");
}

/// By numpy, of x = (i·7919 mod 10007)/8 for i below 5,000 and below 2,500:
/// mean 625.777 and 626.062 (0.0455 % more), median 625.75 and 626.4375.
#[test]
fn figures_of_a_baseline_are_exact_where_they_can_be_and_say_where_not() {
    let place = place_with_baseline(&[(0, 5_000)]);
    place.write("d.csv", rows(0, 2_500));
    let run = check(
        &place,
        "  - statistic: { id: mean, column: x, of: mean, change: 0.06% }
  - statistic: { id: mean-tight, column: x, of: mean, change: 0.03% }
  - statistic: { id: median, column: x, of: median, change: 20% }
  - statistic: { id: median-tight, column: x, of: median, change: 0.5% }
  - statistic: { id: distinct, column: t, of: distinct, change: 20% }
  - statistic: { id: distinct-tight, column: t, of: distinct, change: 1% }
  - statistic: { id: distinct-ids, column: id, of: distinct, change: 10% }
  - statistic: { id: most, column: t, of: most_common, change: 5 points }
  - rows: { id: rows, change: 10% }
  - rows: { id: half, change: 50% }
",
    );
    let mut outcomes: Vec<(String, String)> = run.report()["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| (f["id"].as_str().unwrap_or_default().to_owned(), f["outcome"].as_str().unwrap_or_default().to_owned()))
        .filter(|(id, _)| id != "malformed" && id != "schema")
        .collect();
    let mut expected = [
        ("mean", "pass"),
        ("mean-tight", "fail"),
        ("median", "pass"),
        ("median-tight", "insufficient_evidence"),
        ("distinct", "pass"),
        ("distinct-tight", "insufficient_evidence"),
        ("distinct-ids", "fail"),
        ("most", "pass"),
        ("rows", "fail"),
        ("half", "pass"),
    ];
    // The worst stand first in a report.
    expected.sort_unstable();
    outcomes.sort_unstable();
    assert_eq!(outcomes, expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())), "{}", run.stderr);
    comes_out(
        &run,
        "rows",
        "fail",
        "the number of rows is 2500, against 5000 in the baseline: a change of 50.0%, expected a change of at most 10%",
    );
    let theirs = finding(&run, "mean")["figures"]["compared_with"].as_f64().expect("a figure");
    let expected = (0..5_000u64).map(|i| (i * 7919 % 10_007) as f64 / 8.0).sum::<f64>() / 5_000.0;
    assert!((theirs - expected).abs() < 1e-9, "{theirs} {expected}");
}

/// What several batches held together is compared with one of them: sums and rows by their average.
#[test]
fn sums_and_rows_of_several_batches_are_compared_by_their_average() {
    let place = place_with_baseline(&[(0, 1_000), (1_000, 2_000), (3_000, 3_000)]);
    place.write("d.csv", rows(0, 2_000));
    let run = check(&place, "  - rows: { id: rows, change: 0% }\n  - statistic: { id: sum, column: id, of: sum, change: 300% }\n");
    comes_out(&run, "rows", "pass", "the number of rows is 2000, against 2000 in the baseline");
    // 0 + 1 + … + 5,999 is 17,997,000: a third of it.
    assert_eq!(finding(&run, "sum")["figures"]["compared_with"].as_f64(), Some(5_999_000.0), "{}", run.stderr);
}

/// Fences from a baseline are those of its quantiles, within a cell of what is kept.
#[test]
fn fences_from_a_baseline_lie_near_those_of_the_values() {
    let place = place_with_baseline(&[(0, 10_000)]);
    // Of all 10,007 eighths below 1,251 nearly all: quartiles near 312.7 and 938.1, fences near -1563.5 and 2814.2.
    place.write("d.csv", "id,x,t\n1,600,a\n2,2600,b\n3,3200,c\n4,-2000,d\n");
    let run = check(
        &place,
        "  - outliers: { id: far, column: x, k: 3, against: baseline, on_fail: quarantine }
  - outliers: { id: beyond, column: x, method: quantile, against: baseline, tolerate: 1%, on_fail: quarantine }
",
    );
    let (far, beyond) = (finding(&run, "far"), finding(&run, "beyond"));
    assert_eq!((far["failing_rows"].as_u64(), beyond["failing_rows"].as_u64()), (Some(2), Some(3)), "{}", run.stderr);
    for (figure, expected) in [("q1", 312.7), ("q3", 938.1)] {
        let found = far["figures"][figure].as_f64().expect("a figure");
        assert!((found / expected - 1.0).abs() < 0.05, "{figure}: {found}");
    }
}

/// A column that was not there, another type, no runs at all: nothing is judged, and why is said.
#[test]
fn what_other_data_do_not_tell_is_no_data() {
    let place = place_with_baseline(&[(0, 100)]);
    place.write("d.csv", "id,x,t,new\n1,1.5,7,3\n2,2.5,8,4\n");
    let run = check(
        &place,
        "  - statistic: { id: new, column: new, of: mean, change: 10%, on_fail: warn }
  - statistic: { id: type, column: t, of: distinct, change: 10%, on_fail: warn }
  - statistic: { id: where, column: x, of: mean, change: 10%, where: \"id > 1\", on_fail: warn }
",
    );
    comes_out(&run, "new", "no_data", "there was no column `new`");
    comes_out(&run, "type", "no_data", "`t` was string and is int64");
    assert_eq!(finding(&run, "where")["outcome"], "no_data");
    assert!(finding(&run, "where")["message"].as_str().is_some_and(|m| m.contains("needs a scan")), "{}", run.stderr);
}

/// Two weeks of runs warm up; then what is unusual among them fails, and what is only a little different passes.
#[test]
fn what_is_unusual_beside_recorded_runs_fails_once_there_are_enough() {
    let place = Place::new();
    place.write(
        "r.yaml",
        "dataset: d
rules:
  - rows: { id: rows, against: { runs: { last: 14 } } }
  - statistic: { id: mean, column: x, of: mean, against: { runs: { last: 14 } } }
  - statistic: { id: share, column: g, of: most_common, against: { runs: { last: 14 } } }
",
    );
    let check = |day: usize, rows: usize, x: f64, rare: usize| {
        let row = |i: usize| format!("{i},{},{}\n", x + (i % 7) as f64, if i < rare { "b" } else { "a" });
        place.write("d.csv", format!("id,x,g\n{}", (0..rows).map(row).collect::<String>()));
        let now = format!("2026-03-{day:02}T06:00:00Z");
        place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now])
    };
    for day in 1..=14 {
        let run = check(day, 700 + 7 * (day % 5), 20.0 + (day % 3) as f64 / 10.0, 7 + day % 2);
        assert_eq!(run.code, 0, "{day}: {}", run.stderr);
        for id in ["rows", "mean", "share"] {
            let finding = finding(&run, id);
            assert_eq!((finding["outcome"].as_str(), finding["warming_up"].as_bool()), (Some("no_data"), Some(true)), "{day}: {finding}");
        }
    }
    let run = check(15, 721, 20.2, 8);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for id in ["rows", "mean", "share"] {
        assert_eq!(finding(&run, id)["outcome"], "pass", "{}", run.stderr);
    }
    let run = check(16, 1_400, 30.0, 200);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for id in ["rows", "mean", "share"] {
        assert_eq!(finding(&run, id)["outcome"], "fail", "{}", run.stderr);
    }
    // Rows of days 2 to 15: a median of 717.5 and a MAD of 7, so that 1,400 have a z of 0.6745·682.5/7 = 65.76375.
    let figures = &finding(&run, "rows")["figures"];
    assert_eq!(figures["compared_with"].as_f64(), Some(717.5), "{figures}");
    assert!((figures["robust_z"].as_f64().expect("a z") - 65.763_75).abs() < 1e-9, "{figures}");
}

/// Of a masked column no hash of a value is kept: only registers, which tell how many values there are, roughly.
#[test]
fn a_baseline_holds_nothing_by_which_a_masked_value_could_be_guessed() {
    let place = Place::new();
    place.write("r.yaml", "dataset: d\nschema: { columns: { ssn: { type: int64, mask: true }, n: { type: int64 } } }\n");
    place.write("d.csv", "ssn,n\n123456789,1\n987654321,2\n");
    let run = place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "base.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = std::fs::read_to_string(place.path("base.json")).expect("a baseline");
    let baseline: Json = serde_json::from_str(&text).expect("JSON");
    let states = |name: &str| -> Vec<String> {
        let column = baseline["columns"].as_array().expect("columns").iter().find(|c| c["name"] == name).expect("a column").clone();
        column["of"].as_array().expect("answers").iter().map(|a| a["state"].as_str().expect("a name").to_owned()).collect()
    };
    // How many different values there are follows from their hashes.
    assert_eq!(states("ssn"), ["completeness"], "{text}");
    assert!(states("n").contains(&"distinct".to_owned()), "{text}");
}
