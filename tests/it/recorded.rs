//! Summaries beside recorded runs, runs in an object store, runs that are recorded at once, and what no run may hold.

use serde_json::Value as Json;
use sluicegate::history::{History, Window};
use sluicegate::rules::words::Season;
use sluicegate::store::Location;

use crate::history::{RULES, changes, check, check_with, mark, pairs, place, recorded, runs};
use crate::s3;
use crate::support::Place;

/// The runs that the batch of a day is compared with.
fn compared(place: &Place, day: u32, last: u64, season: Option<Season>, batch: &str) -> (Vec<String>, Option<String>) {
    let root = Location::Local(place.path("runs"));
    let time = format!("2026-11-{day:02}T06:00:00Z").parse().expect("a time");
    let past = History::new(&root, "orders").summaries(&Window { last, season, time, batch: &|| Ok(batch.to_owned()) }).expect("runs");
    (past.parts.into_iter().map(|(label, _)| label).collect(), past.too_few)
}

#[test]
fn a_batch_is_compared_with_the_last_runs_that_published_and_never_with_itself() {
    let place = place();
    for day in 1..=22 {
        let rows = if day == 20 { "500,a\n".to_owned() } else { format!("{day},a\n") };
        check_with(&place, day, &rows, &["--batch-id", &format!("day-{day}")]);
    }
    mark(&place, "day-19", "bad");
    let days = |days: &[u32]| days.iter().map(|day| format!("day-{day}")).collect::<Vec<_>>();
    // The 20th was rejected, the 19th is marked bad; the 22nd is the batch itself, and later ones do not count.
    assert_eq!(compared(&place, 22, 3, None, "day-22"), (days(&[17, 18, 21]), None));
    assert_eq!(compared(&place, 22, 3, None, "other"), (days(&[18, 21, 22]), None));
    assert_eq!(compared(&place, 10, 2, None, "day-10"), (days(&[8, 9]), None));
    // The 1st of November 2026 is a Sunday.
    assert_eq!(compared(&place, 22, 2, Some(Season::Weekday), "day-22"), (days(&[8, 15]), None));
    let (found, why) = compared(&place, 22, 4, Some(Season::Weekday), "day-22");
    assert_eq!((found, why.as_deref()), (days(&[1, 8, 15]), Some("3 of the 4 runs of a Sunday that are needed are recorded")));
    let (_, why) = compared(&place, 1, 30, None, "day-1");
    assert_eq!(why.as_deref(), Some("no run is recorded yet: 14 are needed"));
    // A batch that was judged again counts once.
    check_with(&place, 23, "22,a\n", &["--batch-id", "day-21"]);
    assert_eq!(compared(&place, 24, 3, None, "day-24").0, days(&[18, 22, 21]));
}

#[test]
fn a_summary_that_is_damaged_is_named_and_left_out() {
    let place = place();
    for day in 1..=3 {
        check_with(&place, day, &format!("{day},a\n"), &["--batch-id", &format!("day-{day}")]);
    }
    let summaries: Vec<String> = recorded(&place).into_iter().filter(|file| file.ends_with(".summary.json")).collect();
    assert_eq!(summaries.len(), 3, "{:?}", recorded(&place));
    place.write(&summaries[1], "{");
    let history = History::new(&Location::Local(place.path("runs")), "orders");
    let time = "2026-11-04T06:00:00Z".parse().expect("a time");
    let past = history.summaries(&Window { last: 2, season: None, time, batch: &|| Ok(String::new()) }).expect("runs");
    assert_eq!(past.parts.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), ["day-3"]);
    assert!(past.warnings.len() == 1 && past.warnings[0].contains(&summaries[1]), "{:?}", past.warnings);
}

#[test]
fn runs_are_recorded_in_an_object_store_too() {
    let Some(store) = s3::store() else { return };
    let place = place();
    let (prefix, root) = (place.name(), format!("s3://lake/{}/runs", place.name()));
    let check = |day: u32, rows: &str| {
        place.write("d.csv", format!("price,site\n{rows}"));
        let (now, id) = (format!("2026-11-{day:02}"), format!("day-{day}"));
        place.run(&["check", "d.csv", "-r", "r.yaml", "--record", &root, "--now", &now, "--batch-id", &id])
    };
    assert_eq!(check(9, "5,a\n").code, 0);
    let second = check(10, "500,a\n");
    assert_eq!(changes(&second.report()["history"]["since_last_run"]), pairs(&[("statistic-price", "new")]), "{}", second.stderr);
    assert_eq!(check(10, "500,a\n").code, 1);
    // The same run is one, with its summary.
    let keys = store.keys(&format!("{prefix}/runs/orders"));
    assert!(keys.len() == 4 && keys.iter().filter(|key| key.ends_with(".summary.json")).count() == 2, "{keys:?}");
    let marked = place.run(&["history", "mark", "day-10", "bad", "--reason", "broken", "-r", "r.yaml", "--record", &root]);
    assert_eq!(marked.code, 0, "{}", marked.stderr);
    let shown = place.run(&["history", "-r", "r.yaml", "--record", &root]);
    assert!(shown.stdout.contains("reject, bad") && shown.stdout.contains("day-9"), "{}{}", shown.stdout, shown.stderr);
    let third = check(11, "600,a\n");
    assert_eq!(third.report()["history"]["since_last_run"]["batch_id"], "day-9");
    assert!(check(12, "5,a\n").stderr.is_empty());
    let nowhere = place.run(&["history", "-r", "r.yaml", "--record", "s3://nowhere/runs"]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("s3://nowhere/runs"), "{}", nowhere.stderr);
}

#[test]
fn runs_that_are_recorded_at_once_are_all_there() {
    // With a contract, what a run finds does not depend on which others are there already.
    let contract = "schema:\n  columns:\n    price: { type: int64 }\n    site: { type: string }\n";
    let place = Place::with(&format!("{RULES}{contract}"), "");
    std::thread::scope(|threads| {
        for i in 0..8 {
            let place = &place;
            threads.spawn(move || {
                let (data, id) = (format!("{i}.csv"), format!("b{}", i / 2));
                place.write(&data, format!("price,site\n{},a\n", i / 2 + 1));
                let run = place.run(&["check", &data, "-r", "r.yaml", "--record", "runs", "--batch-id", &id]);
                assert_eq!(run.code, 0, "{}", run.stderr);
            });
        }
    });
    // Each batch was judged twice by the same clock, and came out the same. Racing runs may both be there, under one digest.
    let mut digests: Vec<String> = runs(&place).iter().map(|file| file.rsplit('-').next().expect("a digest").to_owned()).collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4, "{:?}", runs(&place));
    let said = place.run(&["history", "-r", "r.yaml", "--record", "runs"]);
    assert!(said.stderr.is_empty(), "{}", said.stderr);
    assert!(place.files().iter().all(|file| !file.contains(".tmp")), "{:?}", place.files());
}

#[test]
fn no_file_of_the_history_holds_a_value_of_a_masked_column() {
    let schema = "schema:\n  columns:\n    price: { type: float64, mask: true }\n    site: { type: string, mask: partial }\n";
    let rules = format!("{RULES}profile: full\n{schema}").replace("max: 100", "max: 98765.25");
    let place = Place::with(&rules, "");
    for (day, rows) in [(9, "98765.5,Waterkant\n-98764.5,Waterkant\n"), (10, "12345.5,Alsterufer\n")] {
        check(&place, day, rows);
    }
    assert!(recorded(&place).len() >= 3, "{:?}", recorded(&place));
    for file in recorded(&place) {
        let text = std::fs::read_to_string(place.path(&file)).expect("text");
        for value in ["98765", "98764", "12345", "Waterkant", "Alsterufer"] {
            assert!(!text.contains(value), "{file} holds {value}: {text}");
        }
    }
}

#[test]
fn the_report_as_html_says_what_has_changed() {
    let place = place();
    check(&place, 9, "5,a\n");
    let run = check_with(&place, 10, "500,a\n", &["--report", "r.html"]);
    assert_eq!(run.code, 1);
    let html = std::fs::read_to_string(place.path("r.html")).expect("a report");
    let (_, section) = html.split_once("id=\"since\"").expect("the section");
    let section = section.split("</section>").next().expect("its end");
    for part in ["Since earlier runs", "The last run", "statistic-price", "New", "2026-11-09 06:00 UTC", "Pass", "Fail"] {
        assert!(section.contains(part), "{part}: {section}");
    }
    let (_, first): (_, Json) = ((), check(&place, 8, "5,a\n").report()["history"].clone());
    assert_eq!((first["runs"].as_u64(), first.get("since_last_run")), (Some(0), None), "{first}");
}

#[test]
fn without_a_contract_or_a_baseline_the_columns_are_those_of_the_last_run() {
    let place = Place::with("dataset: orders\nrules:\n  - range: { column: price, above: 0 }\n", "");
    check_with(&place, 9, "5,a\n6,b\n", &["--batch-id", "a"]);
    let run = |day: u32, id: &str, header: &str| {
        place.write("d.csv", format!("{header}\n5,a\n6,b\n"));
        let now = format!("2026-11-{day:02}");
        place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now, "--batch-id", id])
    };
    let renamed = run(10, "b", "price,place");
    let changes = renamed.report()["schema_changes"].as_array().expect("changes");
    assert_eq!(changes.iter().map(|c| c["path"].as_str().expect("a path")).collect::<Vec<_>>(), ["site"], "{changes:?}");
    // It is compared with the last run before it, not with itself; and a run that is marked bad does not count.
    assert_eq!(run(11, "b", "price,place").report()["schema_changes"], renamed.report()["schema_changes"]);
    mark(&place, "a", "bad");
    let alone = run(12, "b", "price,place");
    assert!(alone.report()["schema_changes"].as_array().is_some_and(Vec::is_empty), "{}", alone.stdout);
}
