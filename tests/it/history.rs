//! The history: what is recorded of runs, and what has changed since the last one.

use serde_json::Value as Json;

use crate::support::{Place, Run};

pub const RULES: &str = "dataset: orders\nrules:\n  - range: { column: price, above: 0, tolerate: 50% }\n  - missing: { columns: [site], on_fail: warn }\n  - statistic: { column: price, of: mean, max: 100 }\n";

/// Runs `check` over rows of price and site on a day of November.
pub fn check(place: &Place, day: u32, rows: &str) -> Run {
    check_with(place, day, rows, &[])
}

pub fn check_with(place: &Place, day: u32, rows: &str, more: &[&str]) -> Run {
    place.write("d.csv", format!("price,site\n{rows}"));
    let now = format!("2026-11-{day:02}T06:00:00Z");
    place.run(&[&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now], more].concat())
}

pub fn place() -> Place {
    Place::with(RULES, "")
}

pub fn recorded(place: &Place) -> Vec<String> {
    place.files().into_iter().filter(|file| file.starts_with("runs/")).collect()
}

/// The files of runs alone.
pub fn runs(place: &Place) -> Vec<String> {
    recorded(place).into_iter().filter(|file| !file.ends_with(".summary.json")).collect()
}

/// Finding and change, in the report's order.
pub fn changes(since: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    since["findings"].as_array().expect("findings").iter().map(|f| (text(&f["id"]), text(&f["change"]))).collect()
}

pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, change)| ((*id).to_owned(), (*change).to_owned())).collect()
}

#[test]
fn each_run_is_one_file_whose_name_sorts_by_time_and_holds_the_report() {
    let place = place();
    let first = check(&place, 9, "5,a\n");
    let second = check(&place, 10, "500,a\n");
    assert_eq!((first.code, second.verdict()), (0, "reject"), "{}", second.stdout);
    let files = runs(&place);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].starts_with("runs/orders/20261109T060000.000Z.00-") && files[0].ends_with(".accept.json"), "{files:?}");
    assert!(files[1].starts_with("runs/orders/20261110T060000.000Z.00-") && files[1].ends_with(".reject.json"), "{files:?}");
    let text = std::fs::read_to_string(place.path(&files[1])).expect("a run");
    assert_eq!(&serde_json::from_str::<Json>(&text).expect("JSON"), second.report());
}

#[test]
fn the_same_run_is_recorded_once_and_a_run_that_came_out_otherwise_again() {
    let place = place();
    let of = |rows: &str| check_with(&place, 9, rows, &["--batch-id", "monday"]);
    for rows in ["5,a\n", "5,a\n", "-1,a\n5,a\n", "-1,a\n5,a\n", "5,a\n"] {
        of(rows);
    }
    let files = runs(&place);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].contains(".00-monday-") && files[1].contains(".01-monday-"), "{files:?}");
}

#[test]
fn undecided_runs_and_runs_that_could_not_judge_are_recorded_with_their_verdict() {
    let place = place();
    assert_eq!(check(&place, 9, "").code, 2);
    std::fs::remove_file(place.path("d.csv")).expect("removed");
    let missing = place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs"]);
    assert_eq!(missing.code, 2);
    let files = runs(&place);
    assert_eq!(files.iter().filter(|file| file.ends_with(".undecided.json")).count(), 2, "{files:?}");
}

#[test]
fn a_dry_run_records_nothing_and_says_what_has_changed() {
    let place = place();
    check(&place, 9, "5,a\n");
    place.write("d.csv", "price,site\n500,a\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--record", "runs", "--dry-run"]);
    assert_eq!(runs(&place).len(), 1);
    let history = &run.report()["history"];
    assert_eq!(changes(&history["since_last_run"]), pairs(&[("statistic-price", "new")]), "{history}");
}

#[test]
fn a_run_says_what_is_new_worse_better_recovered_and_gone_since_the_last_run() {
    let place = place();
    let first = check(&place, 9, "-1,a\n5,\n5,a\n5,a\n");
    assert_eq!(first.report()["history"]["runs"], 0);
    assert!(first.report()["history"].get("since_last_run").is_none());
    let second = check(&place, 10, "-1,a\n-1,a\n5,a\n900,a\n");
    let since = &second.report()["history"]["since_last_run"];
    let expected = [("statistic-price", "new"), ("missing-site", "recovered")];
    assert_eq!(changes(since), pairs(&expected), "{since:#}");
    let of = |since: &Json, id: &str| since["findings"].as_array().expect("list").iter().find(|f| f["id"] == id).expect("there").clone();
    let mean = of(since, "statistic-price");
    // (-1 + 5 + 5 + 5) / 4 and (-1 - 1 + 5 + 900) / 4.
    assert_eq!((mean["then"]["observed"].as_f64(), mean["now"]["observed"].as_f64()), (Some(3.5), Some(225.75)), "{mean}");
    assert_eq!((since["verdict"].as_str(), since["same_rules"].as_bool()), (Some("accept"), Some(true)), "{since:#}");
}

/// What `sluicegate history` prints with these arguments.
pub fn history(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["history", "-r", "r.yaml", "--record", "runs"], more].concat())
}

fn lines(run: &Run) -> Vec<&str> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.lines().collect()
}

#[test]
fn the_history_shows_verdicts_over_time_and_what_failed() {
    let place = place();
    assert_eq!(history(&place, &[]).stdout, "orders: no runs are recorded\n");
    for (day, rows) in [(9, "5,a\n"), (10, "500,\n"), (11, "7,a\n")] {
        check_with(&place, day, rows, &["--batch-id", &format!("day-{day}")]);
    }
    let shown = history(&place, &[]);
    let lines = lines(&shown);
    assert_eq!(lines.len(), 4, "{}", shown.stdout);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let second = words(lines[2]);
    assert_eq!(second[..3], ["2026-11-10", "06:00", "UTC"]);
    assert_eq!(second[4..], ["day-10", "reject", "1", "0", "statistic-price,", "missing-site", "(warning)"]);
    assert!(lines[1].contains("day-9") && lines[3].contains("day-11"), "{}", shown.stdout);
    let last = history(&place, &["--last", "1"]);
    assert!(
        last.stdout.contains("day-11") && !last.stdout.contains("day-10") && last.stdout.contains("the last 1 of 3 runs"),
        "{}",
        last.stdout
    );
    let json: Json = serde_json::from_str(&history(&place, &["--json"]).stdout).expect("JSON");
    let shown = json["runs"].as_array().expect("runs");
    assert_eq!(shown.iter().map(|run| run["verdict"].as_str().expect("a verdict")).collect::<Vec<_>>(), ["accept", "reject", "accept"]);
    assert_eq!((&shown[1]["failed"][0], &shown[1]["warned"][0]), (&"statistic-price".into(), &"missing-site".into()));
}

#[test]
fn any_figure_is_shown_over_time() {
    let place = place();
    for (day, rows) in [(9, "5,a\n7,a\n"), (10, "11,a\n"), (11, "8.5,a\n")] {
        check(&place, day, rows);
    }
    for (figure, expected) in [
        ("statistic-price", [6.0, 11.0, 8.5]),
        ("price.mean", [6.0, 11.0, 8.5]),
        ("price.max", [7.0, 11.0, 8.5]),
        ("statistic-price.value", [6.0, 11.0, 8.5]),
        ("rows.read", [2.0, 1.0, 1.0]),
        ("site.missing", [0.0, 0.0, 0.0]),
    ] {
        let json = history(&place, &["--figure", figure, "--json"]);
        let json: Json = serde_json::from_str(&json.stdout).unwrap_or_else(|e| panic!("{figure}: {e}: {}", json.stderr));
        let values: Vec<f64> = json["points"].as_array().expect("points").iter().filter_map(|p| p["value"].as_f64()).collect();
        assert_eq!(values, expected, "{figure}");
    }
    let chart = history(&place, &["--figure", "price.mean"]);
    let lines = lines(&chart);
    let at = |line: &str| line.split('│').nth(1).and_then(|bar| bar.chars().position(|c| c == '●'));
    assert_eq!([1, 2, 3].map(|line| at(lines[line])), [Some(0), Some(39), Some(20)], "{}", chart.stdout);
    let unknown = history(&place, &["--figure", "price.mena"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("did you mean `price.mean`?"), "{}", unknown.stderr);
}

pub fn mark(place: &Place, run: &str, word: &str) -> Run {
    let reason = ["--reason", "the source was broken", "--by", "ann", "--now", "2026-11-12"];
    place.run(&[&["history", "mark", run, word, "-r", "r.yaml", "--record", "runs"], &reason[..]].concat())
}

#[test]
fn a_run_that_is_marked_bad_is_compared_with_no_more_and_stays_as_it_was() {
    let place = place();
    for (day, rows) in [(9, "5,a\n"), (10, "500,a\n")] {
        check_with(&place, day, rows, &["--batch-id", &format!("day-{day}")]);
    }
    let before: Vec<(String, String)> =
        recorded(&place).iter().map(|file| (file.clone(), std::fs::read_to_string(place.path(file)).expect("a run"))).collect();
    let since = |day| check_with(&place, day, "500,a\n", &["--batch-id", "day-11"]).report()["history"]["since_last_run"].clone();
    assert_eq!(changes(&since(11)), pairs(&[("statistic-price", "unchanged")]));
    assert_eq!(mark(&place, "day-10", "bad").code, 0);
    // The run of the 11th itself is there now, and is left out too: it is this very run.
    assert_eq!(changes(&since(12)), pairs(&[("statistic-price", "new")]));
    for (file, text) in before {
        assert_eq!(std::fs::read_to_string(place.path(&file)).expect("still there"), text, "{file}");
    }
    let shown = history(&place, &[]);
    assert!(
        shown.stdout.contains("reject, bad") && shown.stdout.contains("the source was broken (ann, 2026-11-12 00:00 UTC)"),
        "{}",
        shown.stdout
    );
    assert_eq!(mark(&place, "day-10", "good").code, 0);
    assert_eq!(changes(&since(13)), pairs(&[("statistic-price", "unchanged")]));
    assert!(!history(&place, &[]).stdout.contains("bad"));
}

#[test]
fn a_run_is_named_by_its_batch_its_digest_or_as_the_last() {
    let place = place();
    for (day, batch) in [(9, "a"), (10, "b"), (11, "b")] {
        check_with(&place, day, &format!("{day},a\n"), &["--batch-id", batch]);
    }
    let json: Json = serde_json::from_str(&history(&place, &["--json"]).stdout).expect("JSON");
    let name = json["runs"][1]["run"].as_str().expect("a name").to_owned();
    let digest = name.rsplit('-').next().and_then(|rest| rest.split('.').next()).expect("a digest").to_owned();
    for (run, file) in [("last", "20261111"), ("a", "20261109"), (&digest[..8], "20261110"), (name.as_str(), "20261110")] {
        let marked = mark(&place, run, "bad");
        assert!(marked.code == 0 && marked.stdout.starts_with(file), "{run}: {}{}", marked.stdout, marked.stderr);
    }
    let two = mark(&place, "b", "bad");
    assert!(two.code == 2 && two.stderr.contains("2 runs are called `b`"), "{}", two.stderr);
    let none = mark(&place, "c", "bad");
    assert!(none.code == 2 && none.stderr.contains("no run `c` is recorded"), "{}", none.stderr);
}

#[test]
fn a_damaged_run_is_named_and_left_out() {
    let place = place();
    for (day, rows) in [(9, "5,a\n"), (10, "500,a\n"), (11, "6,a\n")] {
        check(&place, day, rows);
    }
    let files = runs(&place);
    let text = std::fs::read_to_string(place.path(&files[2])).expect("a run");
    place.write(&files[2], text.replace("\"read\": 1", "\"read\": 2"));
    place.write(&files[1], "{");
    place.write("runs/orders/notes.txt", "x");
    let next = check(&place, 12, "7,a\n");
    let said = &next.report()["history"];
    assert_eq!(said["since_last_run"]["time"], "2026-11-09T06:00:00Z", "{said:#}");
    let warnings = said["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for file in [&files[1], &files[2], &"runs/orders/notes.txt".to_owned()] {
        assert!(warnings.iter().any(|w| w.as_str().is_some_and(|w| w.contains(file.as_str()))), "{file}: {warnings:?}");
        assert!(next.stderr.contains(file.as_str()), "{}", next.stderr);
    }
    let shown = history(&place, &[]);
    assert!(shown.stderr.contains(&files[1]) && shown.stderr.contains(&files[2]) && shown.stderr.contains("notes.txt"), "{}", shown.stderr);
    assert_eq!(lines(&shown).len(), 3, "{}", shown.stdout);
}

#[test]
fn where_the_last_run_was_rejected_the_last_that_passed_is_compared_with_too() {
    let place = place();
    for (day, rows) in [(9, "5,\n"), (10, "500,a\n")] {
        check(&place, day, rows);
    }
    let third = check(&place, 11, "600,a\n");
    let said = &third.report()["history"];
    assert_eq!(changes(&said["since_last_run"]), pairs(&[("statistic-price", "worse")]), "{said:#}");
    assert_eq!(changes(&said["since_last_passed"]), pairs(&[("statistic-price", "new"), ("missing-site", "recovered")]), "{said:#}");
    assert!(third.stdout.contains("since the run of 2026-11-10 06:00 UTC (reject): 1 worse"), "{}", third.stdout);
    assert!(third.stdout.contains("since the run of 2026-11-09 06:00 UTC (accept): 1 new, 1 recovered"), "{}", third.stdout);
}

#[test]
fn data_sets_share_a_directory_and_no_history() {
    let place = place();
    check(&place, 9, "5,a\n");
    place.write("r.yaml", RULES.replace("dataset: orders", "dataset: ../odd name"));
    let other = check(&place, 10, "6,a\n");
    assert_eq!(other.report()["history"]["runs"], 0);
    let files = runs(&place);
    assert!(files.len() == 2 && files.iter().all(|file| file.split('/').count() == 3), "{files:?}");
}

#[test]
fn runs_are_recorded_where_the_rule_file_says_and_never_among_data() {
    let place = Place::with(&format!("{RULES}history: kept\n"), "price,site\n5,a\n");
    assert_eq!(place.run(&["check", "d.csv", "-r", "r.yaml"]).code, 0);
    assert!(place.files().iter().any(|file| file.starts_with("kept/orders/")), "{:?}", place.files());
    place.write("in/d.csv", "price,site\n5,a\n");
    for (record, data, is_refused) in [
        ("in", "in", true),
        ("in/runs", "in", true),
        ("in/_runs", "in", false),
        ("runs", "in/*.csv", false),
        ("runs", "./runs/*/*", true),
        ("out", "d.csv", true),
        ("out/runs", "d.csv", true),
        ("out_runs", "d.csv", false),
    ] {
        let refused = place.run(&["gate", data, "-r", "r.yaml", "--publish", "out", "--record", record]);
        let says = refused.stderr.contains("runs would be recorded where data is or goes");
        assert_eq!((says, refused.code), (is_refused, if is_refused { 2 } else { 0 }), "{record} {data}: {}", refused.stderr);
    }
    let confined = place.run(&["check", "d.csv", "-r", "r.yaml", "--root", "in"]);
    assert!(confined.code == 2 && confined.stderr.contains("`--root`"), "{}", confined.stderr);
}

#[test]
fn a_run_that_cannot_be_recorded_is_no_success() {
    let place = place();
    place.write("runs", "a file");
    let run = check(&place, 9, "5,a\n");
    assert!(run.code == 2 && run.stderr.contains("the run cannot be recorded"), "{}", run.stderr);
    let nowhere = place.run(&["history", "-r", "r.yaml"]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("nothing says where runs are recorded"), "{}", nowhere.stderr);
}

#[test]
fn what_is_masked_now_is_not_shown_of_runs_that_were_recorded_in_clear() {
    let place = place();
    check(&place, 9, "1234.5,a\n");
    let schema = "schema:\n  columns:\n    price: { type: float64, mask: true }\n    site: { type: string }\n";
    place.write("r.yaml", format!("{RULES}{schema}"));
    let next = check(&place, 10, "5,a\n");
    assert!(!next.stdout.contains("1234") && !next.report().to_string().contains("1234"), "{:#}", next.report()["history"]);
    for figure in ["price.mean", "price.max", "statistic-price", "statistic-price.value"] {
        let shown = history(&place, &["--figure", figure]);
        assert!(shown.code == 2 && !shown.stdout.contains("1234"), "{figure}: {}", shown.stdout);
    }
    assert_eq!(history(&place, &["--figure", "price.missing"]).code, 0);
}
