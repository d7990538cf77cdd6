//! Why rows fail: values in which failing rows concentrate.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::support::Place;

/// Rows of several sites and devices; of those for which `fails` says so, the price is below 0.
fn table(rows: u64, fails: impl Fn(u64, &str) -> bool) -> String {
    let mut text = String::from("id,site,device,secret,price\n");
    for i in 0..rows {
        // Two numbers that look like chance.
        let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let (site, device) = (["A", "B", "C", "D", "E"][(mixed % 5) as usize], mixed / 5 % 7);
        let price = if fails(mixed / 35, site) { -1 } else { i as i64 % 90 };
        _ = writeln!(text, "{i},{site},d{device},CANARY{site},{price}").is_ok();
    }
    text
}

/// Of site B three rows of ten fail, of others one of a hundred.
fn of_site_b(chance: u64, site: &str) -> bool {
    if site == "B" { chance % 10 < 3 } else { chance.is_multiple_of(100) }
}

fn checked(place: &Place, more: &[&str]) -> Json {
    let run = place.run(&[&["check", "d.csv", "-r", "r.yaml", "--now", "2026-11-22"], more].concat());
    run.report.clone().unwrap_or_else(|| panic!("{}", run.stderr))
}

fn why(report: &Json, id: &str) -> Vec<Json> {
    let found = report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == id);
    let found = found.unwrap_or_else(|| panic!("no {id}: {report}"));
    found["why"].as_array().cloned().unwrap_or_default()
}

const RULES: &str = "dataset: d\nrules:\n  - range: { column: price, min: 0 }\n";

#[test]
fn a_planted_cause_is_told_in_every_format() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", table(5000, of_site_b));
    let run = place.run(&["check", "d.csv", "-r", "r.yaml", "--report", "r.html", "--report", "r.md", "--report", "r.json"]);
    let found = why(run.report(), "range-price");
    // The column beside says the same of each row.
    assert_eq!((found.len(), &found[0]["column"], &found[0]["value"]), (2, &"site".into(), &"B".into()), "{found:?}");
    let number = |name: &str| found[0][name].as_f64().unwrap_or_else(|| panic!("no {name}: {found:?}"));
    // All is looked at: so these are the counts of the data themselves.
    let data = std::fs::read_to_string(place.path("d.csv")).expect("data");
    let count = |holds: &dyn Fn(&str) -> bool| data.lines().skip(1).filter(|line| holds(line)).count() as f64;
    let (b, bad) = (count(&|line| line.contains(",B,")), count(&|line| line.ends_with(",-1")));
    let both = count(&|line| line.contains(",B,") && line.ends_with(",-1"));
    assert_eq!(["rows", "rows_with", "failing_rows", "failing_rows_with"].map(number), [5000.0, b, bad, both]);
    assert!((number("lift") - both / b / ((bad - both) / (5000.0 - b))).abs() < 1e-9 && number("lift_low") > 10.0, "{found:?}");
    let says = " of these have `site` = B: ";
    assert!(run.stdout.contains(says), "{}", run.stdout);
    let read = |name: &str| std::fs::read_to_string(place.path(name)).expect("a report");
    assert!(read("r.md").contains("of these have"), "{}", read("r.md"));
    let html = read("r.html");
    assert!(html.contains("of these have") && html.contains("the rate elsewhere"), "it stands on the page");
}

#[test]
fn what_has_no_cause_is_given_none_and_it_can_be_turned_off() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", table(5000, |chance, _| chance % 20 == 3));
    assert_eq!(why(&checked(&place, &[]), "range-price"), Vec::<Json>::new());
    place.write("d.csv", table(5000, of_site_b));
    place.write("r.yaml", format!("why: false\n{RULES}"));
    assert_eq!(why(&checked(&place, &[]), "range-price"), Vec::<Json>::new());
}

#[test]
fn what_the_rule_speaks_of_and_what_is_masked_is_no_cause() {
    let place = Place::new();
    place.write("d.csv", table(5000, of_site_b));
    let rules = |more: &str| {
        format!(
            "dataset: d\nschema:\n  columns:\n    secret: {{ type: string, mask: true }}\nrules:\n  - range: {{ column: price, min: 0{more} }}\n"
        )
    };
    place.write("r.yaml", rules(", by: [site], id: it"));
    let report = checked(&place, &[]);
    assert_eq!(why(&report, "it"), Vec::<Json>::new(), "the masked column says the same of the site, and is not shown");
    assert!(!report.to_string().contains("CANARY"));
    // Where all rows have the value, it explains nothing.
    place.write("r.yaml", rules(", where: \"site = 'B'\", id: it"));
    assert_eq!(why(&checked(&place, &[]), "it"), Vec::<Json>::new());
    place.write("r.yaml", rules(", where: \"device <> 'd1'\", id: it"));
    let found = why(&checked(&place, &[]), "it");
    assert_eq!((found.len(), &found[0]["value"]), (1, &"B".into()), "{found:?}");
    assert!(found[0]["rows"].as_u64().expect("rows") < 4500, "of the rows in scope alone: {found:?}");
}

#[test]
fn a_missing_value_and_rows_that_repeat_have_causes_too() {
    let place = Place::new();
    let mut data = String::from("id,app,note\n");
    for i in 0..3000u64 {
        let is_bad = i % 40 == 0;
        let (id, app) = (if is_bad { 7 } else { i + 10 }, if is_bad || i % 90 == 1 { "" } else { "web" });
        _ = writeln!(data, "{id},{app},{}", if app.is_empty() { "x" } else { ["y", "z"][i as usize % 2] }).is_ok();
    }
    place.write("d.csv", &data);
    place.write("r.yaml", "dataset: d\nrules:\n  - duplicates: { key: [id] }\n");
    let report = checked(&place, &[]);
    let found = why(&report, "duplicates-id");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((&found[0]["column"], &found[0]["value"]), (&"app".into(), &Json::Null));
    assert_eq!((&found[1]["column"], &found[1]["value"]), (&"note".into(), &"x".into()));
    assert!(found[0]["lift"].is_null() && found[0]["lift_high"].is_null() && found[0]["lift_low"].as_f64().expect("a bound") > 20.0);
}

#[test]
fn threads_change_no_byte_of_it() {
    let place = Place::new();
    place.write("r.yaml", format!("profile: none\n{RULES}"));
    place.write("d.csv", table(20_000, of_site_b));
    let report = |threads: &str| {
        checked(&place, &["--threads", threads, "--report", "r.json"]);
        std::fs::read_to_string(place.path("r.json")).expect("a report")
    };
    let one = report("1");
    assert!(one.contains("\"why\""), "{one}");
    assert_eq!(one, report("3"));
}

#[test]
fn rows_that_changed_have_causes_as_rows_that_fail() {
    let place = Place::new();
    place.write("a.csv", table(3000, |_, _| false));
    place.write("d.csv", table(3000, of_site_b));
    place.write("r.yaml", "dataset: d\nrules:\n  - diff: { id: it, against: a.csv, key: id, columns: [price], max_changed: 0 }\n");
    let found = why(&checked(&place, &[]), "it");
    assert_eq!((&found[0]["column"], &found[0]["value"]), (&"site".into(), &"B".into()), "{found:?}");
}
