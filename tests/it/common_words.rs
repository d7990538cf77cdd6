//! Words common to all rules: each rule honours a word or refuses it. None takes one and ignores it.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sluicegate::rules::RULES;
use sluicegate::ruleset::Words;

use crate::support::Place;

/// A configuration of each rule that fails on the data below, and `warn` beside limits of its own.
const CONFIGURED: &[(&str, &str, &str)] = &[
    ("missing", "column: x", ""),
    ("missing", "column: x, max_run: 1", ""),
    ("missing", "together: [x, y]", ""),
    ("missing", "column: z, disguised: true", ""),
    ("duplicates", "key: [key]", ""),
    ("conflicts", "key: [x], on: [key]", ""),
    ("vectors", "column: v, dim: 2", ""),
    ("vectors", "column: v, dim: 2, max_centroid_shift: 0.001, against: before.ndjson", ""),
    ("labels", "column: t, min_share: 90%", "column: t, min_share: 1%, warn: 90%"),
    ("split", "against: before.csv, group: g", ""),
    ("split", "near: { column: t }", ""),
    ("foreign_key", "column: x, in: { source: before.csv, column: y }", ""),
    ("foreign_key", "key: [x, y], in: { source: before.csv, columns: [y, y] }", ""),
    ("values", "column: x, in: { source: before.csv, column: y }", ""),
    ("range", "column: x, max: 10", ""),
    ("values", "column: x, in: [1]", ""),
    ("values", "column: x, must_contain: [5001]", ""),
    ("pattern", "column: t, regex: '^a'", ""),
    ("length", "column: t, min: 2", ""),
    ("parse", "column: t, as: uuid", ""),
    ("expression", "sql: \"x < 10\"", ""),
    ("query", "sql: \"SELECT * FROM batch WHERE x < 10\"", ""),
    ("query", "sql: \"SELECT y, count(*) FROM batch GROUP BY y\"", ""),
    ("order", "column: x", ""),
    ("gaps", "column: d, every: 1d", ""),
    ("gaps", "overlap: { from: x, to: z }", ""),
    ("stuck", "column: x, max_run: 1", ""),
    ("outliers", "column: x, k: 0.5", ""),
    ("statistic", "column: x, of: mean, max: 1", "column: x, of: mean, max: 1e9, warn: 1"),
    ("statistic", "column: x, of: mean, against: before.csv, change: 10%", ""),
    ("rows", "against: before.csv, change: 10%", ""),
    ("outliers", "column: x, method: zscore, threshold: 0.5, against: before.csv", ""),
    ("statistic", "column: x, of: most_common, min: 99%", "column: x, of: most_common, above: 1%, warn: 99%"),
    (
        "representation",
        "groups: [g], reference: { a: 99%, b: 1% }, tolerance: 1 points",
        "groups: [g], reference: { a: 99%, b: 1% }, tolerance: 99 points, warn: 1%",
    ),
    ("gate_bias", "groups: [d], max: 1 points", "groups: [d], max: 100 points, warn: 1 points"),
    (
        "outcome",
        "groups: [g], label: t, positive: a, demographic_parity: 1 points",
        "groups: [g], label: t, positive: a, demographic_parity: 100 points, warn: 1 points",
    ),
    ("rows", "max: 3", "max: 1000, warn: 3"),
    ("rows", "min: 1000", "min: 1, warn: 1000"),
    ("freshness", "column: d, max_age: 1d", "column: d, max_age: 99999d, warn: 1d"),
    ("values", "column: x, must_contain: [77]", ""),
    ("values", "column: x, must_equal: [1]", ""),
    ("json_schema", "schema: { properties: { x: { maximum: 2 } } }", ""),
    ("json_schema", "column: x, schema: { maximum: 2 }", ""),
    ("column_set", "contains: [nothing]", ""),
    ("type", "column: x, is: bool", ""),
    ("pii", "column: mail", ""),
    ("diff", "against: before.csv, key: k", "against: before.csv, key: [k, z], max_added: 100%, warn: 0 rows"),
    ("drift", "column: x, test: psi, max: 2, against: before.csv", "column: x, test: psi, against: before.csv, max: 100, warn: 2"),
    ("drift", "column: x, against: before.csv", ""),
    ("drift", "column: x, test: null_share, against: before.csv", ""),
    ("drift", "column: x, test: new_values, against: before.csv", ""),
];

/// Words with a value that shows, and what stands beside them with and without it.
const WORDS: &[(&str, &str, &str)] = &[
    ("id", "another", ""),
    ("description", "about", ""),
    ("owner", "team", ""),
    ("tags", "[label]", ""),
    ("runbook", "page", ""),
    ("column", "y", ""),
    ("columns", "[y]", ""),
    ("where", "\"k > 30\"", ""),
    ("by", "[g]", ""),
    ("on_fail", "info", ""),
    ("tolerate", "100%", ""),
    ("warn", "0 rows", ", tolerate: 100%"),
    ("nulls", "fail", ""),
    ("on_no_data", "stop", ", where: \"k < 0\""),
    ("min_rows", "1000", ""),
    ("require_evidence", "true", ", on_fail: reject, min_rows: 1000"),
    ("over", "all", ""),
];

/// Forty rows; the last ten are set aside by a rule beside, and are unlike the others.
fn data() -> String {
    let row = |k: usize| {
        let x = if k % 4 == 1 || k % 4 == 2 { String::new() } else { (k / 4 % 5).to_string() };
        let (x, key) = if k > 30 && !x.is_empty() { ("5000".to_owned(), 7) } else { (x, k / 2) };
        let y = if k.is_multiple_of(3) { "" } else { "1" };
        let z = if k.is_multiple_of(2) { 999 } else { 1000 + k * 37 };
        let t = if k.is_multiple_of(5) { "" } else { ["a", "bb", "ccc"][k % 3] };
        let d = if k > 30 { "2026-01-09" } else { "2025-12-01" };
        format!("{k},{},{x},{y},{z},{t},{key},{d},user{k}@example.org\n", if k.is_multiple_of(3) { "a" } else { "b" })
    };
    format!("k,g,x,y,z,t,key,d,mail\n{}", (1..=40).map(row).collect::<String>())
}

/// The same rows with a vector each; those of the last ten point elsewhere.
fn vectors() -> String {
    let vector = |k: usize| match k {
        k if k.is_multiple_of(5) => "null".to_owned(),
        k if k.is_multiple_of(7) => "[0.0, 0.0]".to_owned(),
        k if k > 30 => "[-1.0, 1.0]".to_owned(),
        k => format!("[1.0, {}.5]", k % 4),
    };
    let row = |k: usize| format!("{{\"k\": {k}, \"g\": \"{}\", \"v\": {}}}\n", if k.is_multiple_of(3) { "a" } else { "b" }, vector(k));
    (1..=40).map(row).collect()
}

/// Two thousand rows that are quite unlike, to compare with.
fn before() -> String {
    let row = |k: usize| format!("{},{},{},1,{k},a,{k},2025-12-01\n", k % 30, if k.is_multiple_of(3) { "a" } else { "b" }, 100 + k % 50);
    format!("k,g,x,y,z,t,key,d\n{}", (1..=2000).map(row).collect::<String>())
}

/// Runs one rule beside one that sets the last rows aside: its finding, or what is said instead.
fn run(place: &Place, rule: &str, config: &str) -> Result<Json, String> {
    let mut config = config.to_owned();
    if !config.contains("id: ") {
        config.push_str(", id: it");
    }
    place.write("r.yaml", format!("dataset: d\nrules:\n  - range: {{ column: k, max: 30, id: beside }}\n  - {rule}: {{ {config} }}\n"));
    let data = if rule == "vectors" { "v.ndjson" } else { "d.csv" };
    let run = place.run(&["check", data, "-r", "r.yaml", "--as-of", "2026-01-10T00:00:00Z"]);
    let Some(report) = run.report.as_ref().filter(|r| !r["findings"].as_array().is_none_or(Vec::is_empty)) else {
        return Err(run.stderr);
    };
    let mut found = report["findings"].as_array().expect("findings").iter().filter(|f| f["id"] != "beside" && f["rule"] == rule);
    // The lists of columns and `id: it` make ids of their own.
    let mut found = found.next_back().unwrap_or_else(|| panic!("no finding of {rule}: {}", run.stderr)).clone();
    found.as_object_mut().expect("a finding").remove("place");
    Ok(found)
}

#[test]
fn every_common_word_is_honoured_or_refused_by_every_rule() {
    for rule in RULES {
        assert!(CONFIGURED.iter().any(|(name, ..)| *name == rule.name), "{}: no configuration to try words on", rule.name);
    }
    for word in Words::KEYS {
        assert!(WORDS.iter().any(|(name, ..)| *name == word), "{word}: no value to try");
    }
    let place = Place::new();
    place.write("d.csv", data());
    place.write("before.csv", before());
    place.write("v.ndjson", vectors());
    place.write("before.ndjson", "{\"g\": \"a\", \"v\": [0.0, 9.5]}\n{\"g\": \"b\", \"v\": [0.0, 9.5]}\n");
    let (mut ignored, mut honoured, mut listed) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (rule, config, own_warn) in CONFIGURED {
        let entry = sluicegate::rules::find(rule).expect("a rule");
        let plain = run(&place, rule, config).unwrap_or_else(|said| panic!("{rule}: {{ {config} }}: {said}"));
        assert_eq!(plain["outcome"], "fail", "{rule}: {{ {config} }} should fail: {plain}");
        for (word, value, beside) in WORDS {
            // A word that the configuration has already, or that is the rule's own.
            let names_columns = entry.about_rows.iter().any(|own| config.contains(own)) && word.starts_with("column");
            if (*rule, *word) == ("json_schema", "column") {
                continue;
            }
            if names_columns
                || config.contains(&format!("{word}: "))
                || (*word == "columns" && config.contains("column: "))
                || entry.claims.contains(word)
            {
                continue;
            }
            let takes = Words::keys_for(entry).any(|key| key == *word);
            if takes && (*rule, *word) != ("type", "on_no_data") {
                listed.insert((*rule, *word));
            }
            let (without, with) = match (*word, takes) {
                ("warn", true) if !own_warn.is_empty() => {
                    let (without, _) = own_warn.split_once(", warn").expect("a limit of its own");
                    (without.to_owned(), (*own_warn).to_owned())
                }
                // What the word stands beside may be refused itself.
                (_, false) => ((*config).to_owned(), format!("{config}, {word}: {value}")),
                ("on_no_data", true) if *rule == "rows" => {
                    (format!("{config}{beside}, by: [g]"), format!("{config}{beside}, by: [g], {word}: {value}"))
                }
                // There is no column to judge only where the contract has it and the batch does not.
                ("on_no_data", true) if *rule == "type" => continue,
                (_, true) => (format!("{config}{beside}"), format!("{config}{beside}, {word}: {value}")),
            };
            let case = format!("{rule}: {{ {with} }}");
            let without = if with.starts_with(*config) && beside.is_empty() { Ok(plain.clone()) } else { run(&place, rule, &without) };
            let without = match without {
                Ok(found) => found,
                // What the word would stand beside is refused here.
                Err(said) => {
                    assert!(said.contains("`tolerate`") && said.contains("r.yaml:4:"), "{case}: {said}");
                    continue;
                }
            };
            match run(&place, rule, &with) {
                Ok(found) if !takes => ignored.push(format!("{case}: not refused: {found}")),
                Ok(found) if found == without => ignored.push(format!("{case}: ignored")),
                Ok(_) => {
                    honoured.insert((*rule, *word));
                }
                Err(said) => assert!(said.contains(&format!("`{word}`")) && said.contains("r.yaml:4:"), "{case}: {said}"),
            }
        }
    }
    assert!(ignored.is_empty(), "{ignored:#?}");
    // What a rule is documented to take, it honours in one of its configurations at least.
    assert_eq!(listed, honoured);
}

#[test]
fn a_wrong_warn_is_a_fault_with_its_place_wherever_it_stands() {
    let place = Place::new();
    place.write("d.csv", data());
    place.write("before.csv", before());
    for (rule, config, _) in CONFIGURED {
        // Of a mean, −1 is a limit as good as any.
        let wrong = if *rule == "statistic" { &["banana", "36h"] } else { &["banana", "-1"] };
        for wrong in wrong {
            let said = run(&place, rule, &format!("{config}, warn: {wrong}")).expect_err("a fault");
            assert!(said.contains("r.yaml:4:"), "{rule}: {{ {config}, warn: {wrong} }}: {said}");
        }
    }
}

#[test]
fn a_warn_that_could_never_warn_is_refused() {
    let place = Place::new();
    place.write("d.csv", data());
    place.write("before.csv", before());
    for (rule, config) in [
        ("range", "column: x, max: 10, warn: 1%"),
        ("range", "column: x, max: 10, tolerate: 5%, warn: 5%"),
        ("range", "column: x, max: 10, tolerate: 5% and 3 rows, warn: 6% and 3 rows"),
        ("statistic", "column: x, of: mean, max: 10, warn: 10"),
        ("statistic", "column: x, of: mean, max: 10, warn: 11"),
        ("statistic", "column: x, of: mean, above: 10, warn: 9"),
        ("statistic", "column: x, of: mean, min: 1, max: 10, warn: 5"),
        ("rows", "min: 10, warn: 9"),
        ("freshness", "column: d, max_age: 1d, warn: 24h"),
        ("representation", "groups: [g], reference: equal, tolerance: 5 points, warn: 5 points"),
        ("drift", "column: x, test: psi, against: d.csv, max: 0.2, warn: 0.2"),
        ("drift", "column: x, test: new_values, against: d.csv, warn: 0 rows"),
    ] {
        let said = run(&place, rule, config).expect_err("a fault");
        assert!(said.contains("`warn`") && said.contains("r.yaml:4:"), "{rule}: {{ {config} }}: {said}");
    }
}
