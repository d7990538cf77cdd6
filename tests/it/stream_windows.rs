//! Rules of a stream that need a whole window: against other data, and within bounded memory.

use serde_json::Value as Json;

use crate::stream::stream;
use crate::support::Place;

fn events(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|n| format!("{{\"n\": {n}}}\n")).collect()
}

fn finding<'a>(report: &'a Json, id: &str) -> &'a Json {
    report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id}: {report}"))
}

fn report(place: &Place) -> Json {
    serde_json::from_str(&std::fs::read_to_string(place.path("r.json")).expect("a report")).expect("JSON")
}

#[test]
fn drift_and_fences_are_those_of_other_data_and_judged_over_each_window() {
    let place = Place::new();
    place.write("before.ndjson", events((0..1000).map(|n| n % 100)));
    place.write(
        "r.yaml",
        "dataset: t\nprofile: none\nschema: { columns: { n: { type: int64 } } }\nrules:\n  \
         - drift: { column: n, test: psi, against: before.ndjson, on_fail: warn }\n  \
         - outliers: { column: n, method: iqr, k: 3, against: before.ndjson }\n",
    );
    let options = ["--summary", "1000", "--report", "r.json", "--now", "2026-11-27T00:00:00Z"];
    let alike = stream(&place, &options, &[events((0..1000).map(|n| (n * 7) % 100)).as_bytes()]);
    assert_eq!(alike.code, 0, "{}", alike.stderr);
    let told = report(&place);
    assert_eq!((&finding(&told, "drift-n")["outcome"], &finding(&told, "outliers-n")["outcome"]), (&"pass".into(), &"pass".into()));
    // The quartiles of 0 to 99 are 24.75 and 74.25, so the upper fence is 222.75 (numpy.quantile).
    let other = stream(
        &place,
        &options,
        &[events((0..1000).map(|n| {
            if n == 5 {
                222
            } else if n == 6 {
                223
            } else {
                60 + n % 40
            }
        }))
        .as_bytes()],
    );
    let told = report(&place);
    assert_eq!(finding(&told, "drift-n")["outcome"], "fail", "{}", other.stderr);
    assert_eq!((&finding(&told, "outliers-n")["outcome"], &finding(&told, "outliers-n")["failing_rows"]), (&"fail".into(), &1.into()));
    assert_eq!(other.good_lines().len(), 1000, "what is told at the end of a window has passed");
    // What rules compare with is looked for before the first event.
    std::fs::remove_file(place.path("before.ndjson")).expect("removed");
    let none = stream(&place, &options, &[b"{\"n\": 1}\n"]);
    assert!(none.code == 2 && none.good.is_empty() && none.stderr.contains("before.ndjson: no such file"), "{}", none.stderr);
}

#[test]
fn rows_that_do_not_fit_in_memory_are_left_out_of_a_window_and_that_is_said() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nprofile: none\nschema: { columns: { n: { type: int64 } } }\nrules:\n  - statistic: { column: n, of: mean, max: 1e9 }\n");
    let run = stream(&place, &["--memory-limit", "1MB", "--report", "r.json"], &[events(0..100_000).as_bytes()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = report(&place);
    let seen = told["stream"]["measured_over"].as_u64().expect("fewer than all");
    assert!((8_000..60_000).contains(&seen), "{seen}");
    assert_eq!((&told["rows"]["read"], &told["rows"]["published"]), (&100_000.into(), &100_000.into()));
    // The last ones: their mean says so.
    let mean = finding(&told, "statistic-n")["observed"].as_f64().expect("a mean");
    assert!((mean - (100_000.0 - seen as f64 / 2.0 - 0.5)).abs() < 1e-6, "{mean} {seen}");
}
