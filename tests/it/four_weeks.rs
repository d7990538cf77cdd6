//! The example `examples/four-weeks`: four weeks of daily files through the gate, day by day. Which day is caught, by which rule;
//! and healthy days raise nothing.

use serde_json::Value as Json;

use crate::support::{Place, Run, project};

/// What is wrong with a day, and the findings that must say so, beside those of the slow drift.
const PLANTED: [(u32, &str, &[&str]); 4] = [
    (9, "reject", &["schema"]),
    (12, "reject", &["schema", "drift-price", "drift-price-anchor"]),
    (18, "reject", &["drift-payment", "drift-payment-anchor"]),
    (22, "reject", &["duplicates-order_id", "usual-rows"]),
];

/// From this day on deliveries take longer, by 0.03 days every day.
const SLOWER_FROM: u32 = 14;
/// The day on which that is seen first, and on every day after it.
const SLOWER_SEEN: u32 = 21;
const SLOWER: &str = "drift-delivery_days-anchor";

fn date(day: u32) -> String {
    format!("2026-11-{:02}", day + 1)
}

/// A copy of the example, so that it starts without history, baseline and table.
fn example() -> Place {
    let (place, example) = (Place::new(), project("examples/four-weeks"));
    place.write("rules.yaml", std::fs::read(example.join("rules.yaml")).expect("rules"));
    for day in 1..=28 {
        let name = format!("data/{}.csv", date(day));
        place.write(&name, std::fs::read(example.join(&name)).expect("a day"));
    }
    place
}

fn gate(place: &Place, day: u32) -> Run {
    let (data, date) = (format!("data/{}.csv", date(day)), date(day));
    let now = format!("{date}T06:00:00Z");
    place.run(&["gate", &data, "-r", "rules.yaml", "--batch-id", &date, "--now", &now])
}

/// The findings that fail or warn, or cannot be judged though nothing is warming up.
fn raised(run: &Run) -> Vec<String> {
    let is_raised = |f: &&Json| {
        let warms_up = f["warming_up"] == true;
        !matches!(f["outcome"].as_str(), Some("pass")) && !warms_up
    };
    let findings = run.report()["findings"].as_array().expect("findings");
    findings.iter().filter(is_raised).map(|f| f["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn four_weeks_of_daily_files_each_fault_is_caught_on_its_day_and_healthy_days_raise_nothing() {
    let place = example();
    let mut seen = Vec::new();
    for day in 1..=28 {
        let run = gate(&place, day);
        assert!(run.report()["faults"].as_array().is_some_and(Vec::is_empty), "day {day}: {}", run.stderr);
        let raised = raised(&run);
        let (verdict, planted) = PLANTED.iter().find(|(of, ..)| *of == day).map_or(("accept", &[][..]), |(_, verdict, by)| (*verdict, *by));
        assert_eq!(run.verdict(), verdict, "day {day}: {raised:?}");
        for id in planted {
            assert!(raised.iter().any(|r| r == id), "day {day}: `{id}` is not among {raised:?}");
        }
        if raised.iter().any(|id| id == SLOWER) {
            seen.push(day);
        }
        // Of a column that has another name, nothing else can be said.
        let follows = |id: &String| day == 9 && id.starts_with("drift-payment");
        let others: Vec<&String> =
            raised.iter().filter(|id| !(planted.contains(&id.as_str()) || follows(id) || day >= SLOWER_FROM && **id == SLOWER)).collect();
        assert!(others.is_empty(), "day {day} raises {others:?}");
    }
    assert_eq!(seen, (SLOWER_SEEN..=28).collect::<Vec<_>>(), "the slow drift");
    the_page_says_so();
    history_tells(&place);
}

/// `docs/four-weeks.md` has a row for each day that was caught, with the rules.
fn the_page_says_so() {
    let page = std::fs::read_to_string(project("docs/four-weeks.md")).expect("the page");
    let row = |day: u32| page.lines().find(|line| line.starts_with(&format!("| {day} "))).unwrap_or_else(|| panic!("no row of day {day}"));
    for (day, verdict, by) in PLANTED {
        assert!(row(day).contains(&format!("| {verdict} |")) && by.iter().all(|id| row(day).contains(&format!("`{id}`"))), "{}", row(day));
    }
    assert!(row(SLOWER_SEEN).contains(&format!("`{SLOWER}`")), "{}", row(SLOWER_SEEN));
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).count();
    assert_eq!(rows, PLANTED.len() + 1);
}

/// What the recorded runs say of the four weeks.
fn history_tells(place: &Place) {
    let shown = place.run(&["history", "-r", "rules.yaml", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).expect("JSON");
    let runs = shown["runs"].as_array().expect("runs");
    let verdicts: Vec<&str> = runs.iter().map(|run| run["verdict"].as_str().expect("a verdict")).collect();
    assert_eq!((verdicts.len(), verdicts.iter().filter(|v| **v == "reject").count()), (28, PLANTED.len()));
    // The day after the rename, what was new has recovered.
    let next = place.run(&[
        "check",
        &format!("data/{}.csv", date(10)),
        "-r",
        "rules.yaml",
        "--now",
        &format!("{}T07:00:00Z", date(9)),
        "--batch-id",
        "x",
    ]);
    let since = &next.report()["history"]["since_last_run"];
    let schema = since["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "schema");
    assert_eq!(schema.map(|f| &f["change"]), Some(&"recovered".into()), "{since:#}");
    // The generator draws around 3.0 until the drift begins.
    let figure = place.run(&["history", "-r", "rules.yaml", "--figure", "delivery_days.mean", "--json"]);
    let figure: Json = serde_json::from_str(&figure.stdout).expect("JSON");
    let means: Vec<f64> = figure["points"].as_array().expect("points").iter().filter_map(|p| p["value"].as_f64()).collect();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!(means.len() >= 28 && (mean(&means[..8]) - 3.0).abs() < 0.05, "{means:?}");
}
