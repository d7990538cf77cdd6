//! What limits would have done over recorded runs.

use serde_json::Value as Json;

use crate::support::Place;

const RULES: &str = "dataset: orders\nrules:\n\
    - range: { column: price, above: 0, tolerate: 50% }\n\
    - statistic: { column: price, of: mean, max: 100 }\n\
    - rows: { min: 1, max: 1000 }\n\
    - missing: { columns: [site], id: gaps, on_fail: warn }\n";

/// Ten days; day N has N + 1 rows of price N, one of them not above 0 on days that end in 5, and site is missing on the 3rd and 7th.
fn ten_days() -> Place {
    let place = Place::with(RULES, "");
    for day in 1..=10 {
        let site = if day == 3 || day == 7 { "" } else { "a" };
        let first = if day == 5 { "-5".to_owned() } else { day.to_string() };
        let rows: String =
            std::iter::once(first).chain((0..day).map(|_| day.to_string())).map(|price| format!("{price},{site}\n")).collect();
        place.write("d.csv", format!("price,site\n{rows}"));
        let (now, id) = (format!("2026-11-{day:02}"), format!("day-{day}"));
        let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now, "--batch-id", &id]);
        assert!(run.code < 2, "{}", run.stderr);
    }
    place
}

fn backtest(place: &Place, more: &[&str]) -> Json {
    let run = place.run(&[&["rules", "backtest", "-r", "r.yaml", "--record", "runs", "--json"], more].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Limit, runs, how often it fires, the tightest.
fn of(told: &Json, id: &str) -> (String, u64, u64, Option<String>) {
    let found = told["findings"].as_array().expect("findings").iter().find(|f| f["id"] == id);
    let found = found.unwrap_or_else(|| panic!("{id}: {told:#}"));
    let text = |key: &str| found[key].as_str().map(str::to_owned);
    let number = |key: &str| found[key].as_u64().expect("a number");
    (text("limit").expect("a limit"), number("runs"), number("fires"), text("tightest"))
}

fn told(limit: &str, runs: u64, fires: u64, tightest: &str) -> (String, u64, u64, Option<String>) {
    (limit.to_owned(), runs, fires, Some(tightest.to_owned()))
}

#[test]
fn each_limit_is_held_against_what_the_runs_observed() {
    let place = ten_days();
    let all = backtest(&place, &[]);
    // Means are 1 to 10, rows 2 to 11; 1 of 6 rows fails on the 5th.
    assert_eq!(of(&all, "statistic-price"), told("max: 100", 10, 0, "max: 10"));
    assert_eq!(of(&all, "rows"), told("min: 1, max: 1000", 10, 0, "min: 2, max: 11"));
    assert_eq!(of(&all, "range-price"), told("tolerate: 50%", 10, 0, "tolerate: 16.7%"));
    assert_eq!(of(&all, "gaps-site"), told("no failing row", 10, 2, "tolerate: 100%"));
    // Once in ten runs, one may be left out.
    let looser = backtest(&place, &["--at-most", "1/10"]);
    assert_eq!(of(&looser, "statistic-price").3.as_deref(), Some("max: 9"));
    assert_eq!(of(&looser, "rows").3.as_deref(), Some("min: 2, max: 10"));
    assert_eq!(of(&looser, "range-price").3.as_deref(), Some("no failing row"));
    assert_eq!(of(&backtest(&place, &["--last", "3"]), "statistic-price"), told("max: 100", 3, 0, "max: 10"));
}

#[test]
fn a_limit_that_is_changed_is_held_against_what_was_recorded_under_the_old_one() {
    let place = ten_days();
    place.write("r.yaml", RULES.replace("max: 100 }", "below: 8 }").replace("tolerate: 50%", "tolerate: 1%").replace("min: 1,", "min: 5,"));
    let all = backtest(&place, &[]);
    assert_eq!(of(&all, "statistic-price"), told("below: 8", 10, 3, "max: 10"));
    assert_eq!(of(&all, "range-price"), told("tolerate: 1%", 10, 1, "tolerate: 16.7%"));
    assert_eq!(of(&all, "rows"), told("min: 5, max: 1000", 10, 3, "min: 2, max: 11"));
}

#[test]
fn a_rule_that_was_never_recorded_says_so_and_bad_runs_do_not_count() {
    let place = ten_days();
    place.write("r.yaml", format!("{RULES}- statistic: {{ column: price, of: max, max: 7, id: dearest }}\n"));
    let mark = ["history", "mark", "day-10", "bad", "--reason", "broken", "-r", "r.yaml", "--record", "runs"];
    assert_eq!(place.run(&mark).code, 0);
    let all = backtest(&place, &[]);
    assert_eq!(of(&all, "statistic-price"), told("max: 100", 9, 0, "max: 9"));
    assert_eq!(of(&all, "dearest"), ("max: 7".to_owned(), 0, 0, None));
    let text = place.run(&["rules", "backtest", "-r", "r.yaml", "--record", "runs"]);
    assert!(text.stdout.contains("not recorded") && text.stdout.contains("9 runs are fewer than 30"), "{}", text.stdout);
    for wrong in ["1", "30/1", "0.1"] {
        let run = place.run(&["rules", "backtest", "-r", "r.yaml", "--record", "runs", "--at-most", wrong]);
        assert!(run.code == 2 && run.stderr.contains("write `1/30`"), "{wrong}: {}", run.stderr);
    }
}

#[test]
fn of_a_column_that_is_masked_now_no_bound_is_told() {
    let place = ten_days();
    place.write("r.yaml", format!("schema:\n  columns:\n    price: {{ type: int64, mask: true }}\n    site: {{ type: string }}\n{RULES}"));
    let all = backtest(&place, &[]);
    let (limit, _, _, tightest) = of(&all, "statistic-price");
    assert!(tightest.is_none() && limit == "as recorded", "{all:#}");
    assert_eq!(of(&all, "range-price").3.as_deref(), Some("tolerate: 16.7%"));
}
