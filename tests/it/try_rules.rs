//! `rules try`: each class of error is caught by the rule that is made for it, and missed without it.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value as Json;

use crate::support::Place;

const ROWS: usize = 500;

/// 500 orders without a fault. 2 % of them are 10.
fn orders() -> String {
    let mut out = "order_id,code,country,price,temp_c,ordered_at,shipped_at,note\n".to_owned();
    for i in 0..ROWS {
        let country = ["DE", "FR", "IT", "ES"][i * 7 % 4];
        let (price, celsius) = (500 + i * 37 % 4000, 180 + i * 13 % 60);
        let (day, days) = (1 + i % 20, i % 5);
        let (letter, word) = (char::from(b'A' + (i % 26) as u8), ["green", "red", "blue"][i % 3]);
        let _ = writeln!(
            out,
            "{},{letter}-{:03},{country},{}.{:02},{}.{},2026-03-{day:02},2026-03-{:02},{word} {}",
            1000 + i,
            100 + i % 900,
            price / 100,
            price % 100,
            celsius / 10,
            celsius % 10,
            day + days,
            "x".repeat(1 + i % 9),
        );
    }
    out
}

fn place(rules: &str) -> Place {
    Place::with(&format!("dataset: orders\nrules:\n{rules}"), &orders())
}

fn trial(place: &Place, more: &[&str]) -> Json {
    let arguments = [&["rules", "try", "-r", "r.yaml", "d.csv", "--output", "json"], more].concat();
    let run = place.run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn case<'a>(trial: &'a Json, column: Option<&str>, class: &str) -> &'a Json {
    let is = |case: &&Json| case["column"].as_str() == column && case["class"] == class;
    trial["cases"].as_array().expect("cases").iter().find(is).unwrap_or_else(|| panic!("no {class} in {column:?}"))
}

/// The rule that is made for an error, and how many of the 10 rows it names.
const MADE_FOR: [(&str, Option<&str>, &str, &str, u64); 14] = [
    ("missing: { column: price }", Some("price"), "missing", "missing-price", 10),
    ("expression: { sql: ordered_at <= shipped_at, id: in-order }", Some("ordered_at"), "swapped", "in-order", 10),
    ("range: { column: price, max: 45 }", Some("price"), "unit_10", "range-price", 10),
    ("range: { column: price, max: 45 }", Some("price"), "unit_1000", "range-price", 10),
    ("range: { column: shipped_at, min: 2026-01-01 }", Some("shipped_at"), "unit_1000", "range-shipped_at", 10),
    ("range: { column: temp_c, max: 40 }", Some("temp_c"), "unit_fahrenheit", "range-temp_c", 10),
    ("values: { column: country, in: [DE, FR, IT, ES] }", Some("country"), "typo", "values-country", 10),
    ("pattern: { column: code, regex: '^[A-Z]-[0-9]{3}$' }", Some("code"), "format", "pattern-code", 10),
    ("duplicates: { key: [order_id] }", Some("order_id"), "duplicate", "duplicates-order_id", 0),
    ("duplicates: { id: whole }", None, "duplicate", "whole", 10),
    ("values: { column: country, in: [DE, FR, IT, ES] }", Some("country"), "category", "values-country", 10),
    ("values: { column: country, in: [DE, FR, IT, ES] }", Some("country"), "format", "values-country", 10),
    ("missing: { column: code }", Some("code"), "shifted", "missing-code", 10),
    ("pattern: { column: note, regex: '^[a-z]+ x+$' }", Some("note"), "format", "pattern-note", 10),
];

#[test]
fn each_class_of_error_is_caught_by_the_rule_made_for_it_and_missed_without_it() {
    let without = trial(&place("  - rows: { min: 1 }\n"), &[]);
    assert_eq!((&without["clean"]["verdict"], &without["clean"]["rows"]), (&"accept".into(), &500.into()));
    let rules: BTreeSet<&str> = MADE_FOR.iter().map(|(rule, ..)| *rule).collect();
    let rules: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
    let with = trial(&place(&rules), &[]);
    for (rule, column, class, id, named) in MADE_FOR {
        let (missed, caught) = (case(&without, column, class), case(&with, column, class));
        assert_eq!((&missed["outcome"], &missed["rows"]), (&"missed".into(), &10.into()), "{class} in {column:?}: {missed}");
        assert_eq!(caught["outcome"], "caught", "{class} in {column:?} by {rule}: {caught}");
        let by =
            caught["by"].as_array().expect("rules").iter().find(|by| by["id"] == id).unwrap_or_else(|| panic!("not by {id}: {caught}"));
        assert_eq!(by["as"], "sets_aside", "{caught}");
        // Of two rows with one key either may be the one that is spoilt.
        assert!(by["named"].as_u64() >= Some(named.max(1)), "{caught}");
    }
}

#[test]
fn the_rule_of_a_hint_catches_what_it_is_a_hint_for() {
    let without = trial(&place("  - rows: { min: 1 }\n"), &[]);
    let mut rules = String::from("  - rows: { min: 1 }\n");
    let missed: Vec<&Json> = without["cases"].as_array().expect("cases").iter().filter(|case| case["outcome"] == "missed").collect();
    let mut hints: Vec<&str> = missed.iter().filter_map(|case| case["hints"][0]["rule"].as_str()).collect();
    hints.sort_unstable();
    hints.dedup();
    hints.iter().for_each(|hint| rules.push_str(&format!("  - {hint}\n")));
    let with = trial(&place(&rules), &[]);
    assert_eq!(with["clean"]["verdict"], "accept");
    // 8 columns and whole rows: with all the hints nothing is missed that they were hints for.
    assert!(missed.len() > 30, "{}", missed.len());
    assert_eq!(with["caught"], with["of"]);
    assert!(with["of"].as_u64() >= Some(missed.len() as u64), "{}", with["of"]);
}

#[test]
fn the_same_comes_of_it_whatever_the_threads_and_something_else_of_another_seed() {
    let place = place("  - missing: { columns: \"*\" }\n  - outliers: { column: price }\n");
    let one = trial(&place, &["--threads", "1"]);
    assert_eq!(trial(&place, &["--threads", "4"]), one);
    let messages = |trial: &Json| case(trial, Some("price"), "unit_1000").to_string();
    assert_ne!(messages(&trial(&place, &["--seed", "2"])), messages(&one));
}

#[test]
fn ci_can_ask_for_a_share_that_must_be_caught() {
    let place = place("  - missing: { columns: \"*\" }\n");
    let run = |share: &str| place.run(&["rules", "try", "-r", "r.yaml", "d.csv", "--fail-under", share]);
    let told = run("1%");
    assert_eq!(told.code, 0, "{}", told.stderr);
    let score = told.stdout.lines().find(|line| line.starts_with("caught ")).expect("a score");
    let numbers: Vec<f64> = score.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let share = 100.0 * numbers[0] / numbers[1];
    assert_eq!(run(&format!("{}%", share.floor())).code, 0, "{score}");
    assert_eq!(run(&format!("{}%", share.ceil())).code, 1, "{score}");
    assert_eq!(place.run(&["rules", "try", "-r", "absent.yaml", "d.csv"]).code, 2);
}

#[test]
fn that_the_data_do_not_pass_is_said_first() {
    let place = place("  - range: { column: price, max: 40 }\n  - missing: { column: note, on_fail: warn }\n");
    let told = place.run(&["rules", "try", "-r", "r.yaml", "d.csv"]);
    assert!(told.stdout.starts_with("THE DATA DO NOT PASS AS THEY ARE: quarantine (all 500 rows)"), "{}", told.stdout);
    let trial = trial(&place, &[]);
    // Rows that fail anyway are told apart from rows that were spoilt.
    let caught = case(&trial, Some("price"), "unit_1000");
    assert_eq!((&caught["outcome"], &caught["by"][0]["named"]), (&"caught".into(), &10.into()));
    assert_eq!(case(&trial, Some("note"), "missing")["by"][0]["as"], "warns");
    assert_eq!(case(&trial, Some("code"), "missing")["outcome"], "missed");
}

#[test]
fn what_a_rule_tolerates_is_missed_and_the_rule_is_named() {
    let trial = trial(&place("  - missing: { column: code, tolerate: 5% }\n  - missing: { column: note, on_fail: info }\n"), &[]);
    for (column, id) in [("code", "missing-code"), ("note", "missing-note")] {
        let missed = case(&trial, Some(column), "missing");
        assert_eq!((&missed["outcome"], &missed["let_pass"]), (&"missed".into(), &serde_json::json!([id])));
    }
}

#[test]
fn no_value_of_a_masked_column_is_told() {
    let schema = "schema: { columns: { country: { mask: true }, price: { mask: true }, note: { mask: true } } }\n";
    let place = Place::with(&format!("dataset: orders\n{schema}rules:\n  - rows: {{ min: 1 }}\n"), &orders());
    let told = place.run(&["rules", "try", "-r", "r.yaml", "d.csv", "-v"]);
    let json = trial(&place, &[]).to_string();
    for text in [told.stdout.as_str(), json.as_str()] {
        assert!(text.contains("values: { column: country, in: […] }") && text.contains("range: { column: price, min: …, max: … }"));
        // The smallest price, the largest, and a country.
        assert!(!text.contains("5.00") && !text.contains("44.9") && !text.contains("FR"), "{text}");
    }
}

#[test]
fn values_of_a_type_are_spoilt_within_their_type() {
    let place = place("  - range: { column: price, max: 45 }\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "d.parquet"]).code, 0);
    let run = place.run(&["rules", "try", "-r", "r.yaml", "d.parquet", "--output", "json", "--rows", "300"]);
    let trial: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stderr));
    assert_eq!((&trial["clean"]["rows"], &trial["clean"]["is_part"]), (&300.into(), &true.into()));
    let caught = case(&trial, Some("price"), "unit_1000");
    assert_eq!((&caught["rows"], &caught["by"][0]["named"]), (&6.into(), &6.into()));
    for (column, class) in [("price", "typo"), ("ordered_at", "format"), ("code", "shifted")] {
        assert_eq!(case(&trial, Some(column), class)["outcome"], "not_applicable", "{class} in {column}");
    }
    assert_eq!(case(&trial, Some("country"), "category")["outcome"], "missed");
    assert_eq!(case(&trial, None, "duplicate")["outcome"], "missed");
}

#[test]
fn text_is_spoilt_as_text_and_read_anew() {
    let rules = "dataset: orders\nschema: { columns: { price: { type: float64 } } }\nrules:\n  - rows: { min: 1 }\n";
    let trial = trial(&Place::with(rules, &orders()), &[]);
    // A declared type makes the record malformed; a guessed one gives way, and nobody says so.
    let typo = case(&trial, Some("price"), "typo");
    assert_eq!((&typo["by"][0]["id"], &typo["by"][0]["named"]), (&"malformed".into(), &10.into()));
    assert_eq!(case(&trial, Some("temp_c"), "typo")["hints"][0]["rule"], "type: { column: temp_c, is: float64 }");
}
