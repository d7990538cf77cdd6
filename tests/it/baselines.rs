//! Baseline files: the same bytes for any order of shards, small, without what is masked; learned, moved on, taken back.

use std::fmt::Write as _;

use crate::private::clean;
use crate::support::Place;

const RULES: &str = "dataset: shop\nrules:\n  - missing: { column: id, tolerate: 5% }\n";

/// Rows with a number, a text and a date each, from a seed.
fn rows(seed: u64, n: u64) -> String {
    let mut text = String::new();
    let mut state = seed;
    for i in 0..n {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = (state >> 33, state >> 50);
        let day = b % 28 + 1;
        writeln!(text, "{},{}.{:02},kind-{},2026-01-{day:02}", seed * 1_000_000 + i, a % 1000, b % 100, a % 7).expect("a string");
    }
    text
}

fn table(parts: &[(u64, u64)]) -> String {
    parts.iter().fold("id,price,kind,day\n".to_owned(), |text, (seed, n)| text + &rows(*seed, *n))
}

fn capture(place: &Place, data: &[&str], to: &str) -> String {
    let run = place.run(&[&["baseline", "capture", "-r", "r.yaml", "-o", to, "-q"], data].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    std::fs::read_to_string(place.path(to)).expect("a baseline")
}

fn merge(place: &Place, files: &[&str], to: &str) -> String {
    let run = place.run(&[&["baseline", "merge", "-o", to], files].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    std::fs::read_to_string(place.path(to)).expect("a baseline")
}

#[test]
fn shards_in_any_order_and_merged_in_any_way_are_the_same_bytes_as_the_whole() {
    let place = Place::new();
    place.write("r.yaml", RULES);
    let parts = [(1, 700), (2, 1), (3, 2500), (4, 90)];
    for part in parts {
        place.write(&format!("{}.csv", part.0), table(&[part]));
        capture(&place, &[&format!("{}.csv", part.0)], &format!("{}.json", part.0));
    }
    place.write("all.csv", table(&parts));
    let whole = capture(&place, &["all.csv"], "whole.json");
    assert_eq!(whole, capture(&place, &["3.csv", "1.csv", "4.csv", "2.csv"], "shards.json"));
    assert_eq!(whole, capture(&place, &["1.csv", "2.csv", "3.csv", "4.csv"], "shards.json"));
    let four = whole.replace("\"count\": 1,", "\"count\": 4,");
    assert_eq!(four, merge(&place, &["1.json", "2.json", "3.json", "4.json"], "a.json"));
    assert_eq!(four, merge(&place, &["4.json", "2.json", "3.json", "1.json"], "b.json"));
    merge(&place, &["3.json", "2.json"], "x.json");
    merge(&place, &["4.json", "1.json"], "y.json");
    assert_eq!(four, merge(&place, &["y.json", "x.json"], "c.json"));
    let run = place.run(&["baseline", "diff", "a.json", "b.json"]);
    assert_eq!((run.code, run.stdout.trim()), (0, "a.json and b.json say the same"));
    let run = place.run(&["baseline", "diff", "1.json", "whole.json"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("rows") && run.stdout.contains("3,291"), "{}", run.stdout);
}

#[test]
fn fifty_columns_of_many_values_fit_in_200_kb_whatever_the_rows() {
    let place = Place::new();
    place.write("r.yaml", "dataset: wide\nrules: []\n");
    let header = (0..25).map(|c| format!("n{c},t{c}")).collect::<Vec<_>>().join(",");
    let mut state = 9u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 20
    };
    let mut sizes = Vec::new();
    for n in [2_000, 20_000] {
        let mut text = header.clone() + "\n";
        for _ in 0..n {
            let row: Vec<String> = (0..25).map(|_| format!("{}e{},x{}", next() as f64 / 1e3, next() % 20, next())).collect();
            writeln!(text, "{}", row.join(",")).expect("a string");
        }
        place.write("d.csv", text);
        sizes.push(capture(&place, &["d.csv"], "b.json").len());
    }
    assert!(sizes.iter().all(|size| *size < 200_000), "{sizes:?}");
    assert!(sizes[1] < sizes[0] * 3 / 2, "{sizes:?}");
}

#[test]
fn of_masked_columns_a_baseline_keeps_no_value() {
    let place = Place::new();
    let schema = "schema:\n  evolution: any\n  columns:\n    name: { type: string, mask: true }\n    code: { type: string, mask: hash }\n";
    let rule = "rules:\n  - statistic: { column: pay, of: mean, min: 0, where: \"name <> 'CANARY-WHERE'\", by: [name] }\n";
    place.write("r.yaml", format!("dataset: people\n{schema}{rule}"));
    place.write("d.csv", "id,name,code,pay\n1,CANARY-A,CANARY-K,5\n2,CANARY-B,CANARY-L,6\n3,CANARY-A,CANARY-K,7\n");
    clean(&place, &["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]);
    let text = std::fs::read_to_string(place.path("b.json")).expect("a baseline");
    crate::private::ensure_clean(&text, "the baseline");
    assert!(text.contains("\"masked\": true") && text.contains("\"name\": \"pay\""), "{text}");
    clean(&place, &["baseline", "show", "b.json"]);
    place.write("e.csv", "id,name,code,pay\n1,CANARY-C,CANARY-M,5\n");
    clean(&place, &["baseline", "capture", "e.csv", "-r", "r.yaml", "-o", "c.json"]);
    clean(&place, &["baseline", "diff", "b.json", "c.json"]);
}

#[test]
fn bad_batches_make_no_baseline_and_bad_files_are_faults() {
    let place = Place::with("dataset: shop\nrules:\n  - range: { column: price, max: 10, on_fail: reject }\n", "id,price\n1,5\n2,99\n");
    let run = place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]);
    assert_eq!((run.code, place.path("b.json").exists()), (1, false));
    assert!(run.stderr.contains("not written: a baseline is of good data"), "{}", run.stderr);
    assert_eq!(place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json", "--anyway"]).code, 0);
    place.write("t.json", "{}");
    place.write("u.json", "{\"sluicegate_summary\": 7}");
    place.write("v.json", std::fs::read_to_string(place.path("b.json")).expect("text").replace("\"rows\"", "\"rowz\""));
    for (file, says) in
        [("t.json", "this is no summary"), ("u.json", "format version 7"), ("v.json", "damaged"), ("w.json", "there is no such baseline")]
    {
        let run = place.run(&["baseline", "show", file]);
        assert_eq!(run.code, 2, "{file}");
        assert!(run.stderr.contains(says) && run.stderr.contains(file), "{file}: {}", run.stderr);
    }
}

/// Gates a day of some rows; the text of the baseline behind it.
fn gate(place: &Place, day: u64, n: u64, expected: i32) -> String {
    place.write("day.csv", table(&[(day, n)]));
    let run = place.run(&["gate", "day.csv", "-r", "r.yaml", "--batch-id", &format!("day-{day:02}")]);
    assert_eq!(run.code, expected, "{} {}", run.stdout, run.stderr);
    std::fs::read_to_string(place.path("b.json")).unwrap_or_default()
}

#[test]
fn a_baseline_is_learned_moves_on_within_its_window_and_is_taken_back() {
    let place = Place::new();
    let gated = "gate: { publish: lake }\nrules:\n  - rows: { min: 10, on_fail: reject }\n";
    place.write("r.yaml", format!("dataset: shop\nbaseline: {{ path: b.json, first: learn, anchor: anchor.json }}\n{gated}"));
    assert_eq!(gate(&place, 1, 3, 1), "", "a rejected batch teaches nothing");
    let first = gate(&place, 2, 50, 0);
    assert!(first.contains("\"rows\": 50,") && first.contains("day-02"), "{first}");
    assert_eq!(std::fs::read_to_string(place.path("anchor.json")).expect("an anchor"), first);
    assert_eq!(gate(&place, 3, 60, 0), first, "it moves only where the rule file says so");
    let advance = "baseline: { path: b.json, first: learn, advance: on_accept, window: 2 batches }\n";
    place.write("r.yaml", format!("dataset: shop\n{advance}{gated}"));
    assert!(gate(&place, 4, 70, 0).contains("\"rows\": 120,"));
    let two = gate(&place, 5, 80, 0);
    assert!(two.contains("\"rows\": 150,") && two.contains("\"first\": \"day-04\""), "{two}");
    assert_eq!(gate(&place, 5, 80, 0), two, "the same batch again counts once");
    let run = place.run(&["baseline", "rollback", "b.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let back = std::fs::read_to_string(place.path("b.json")).expect("a baseline");
    assert!(back.contains("\"rows\": 120,"), "{back}");
    assert_eq!(std::fs::read_to_string(place.path("anchor.json")).expect("an anchor"), first, "an anchor stays");
}

#[test]
fn what_a_person_puts_there_starts_the_window_anew() {
    let place = Place::new();
    let rules = "rules:\n  - rows: { min: 10, on_fail: reject }\n";
    let advance = "baseline: { path: b.json, first: learn, advance: on_accept, window: 3 }\n";
    place.write("r.yaml", format!("dataset: shop\n{advance}gate: {{ publish: lake }}\n{rules}"));
    (1..=4).for_each(|day| _ = gate(&place, day, 20 + day, 0));
    let run = place.run(&["baseline", "rollback", "b.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let back = gate(&place, 5, 25, 0);
    assert!(back.contains("\"count\": 3") && back.contains("\"first\": \"day-02\"") && !back.contains("day-04"), "{back}");
    place.write("good.csv", table(&[(9, 100)]));
    capture(&place, &["good.csv", "--batch-id", "good"], "b.json");
    let after = gate(&place, 6, 26, 0);
    assert!(after.contains("\"rows\": 126,") && after.contains("\"count\": 2"), "{after}");
}

#[test]
fn a_rejected_run_can_be_accepted_as_the_new_baseline() {
    let place = Place::new();
    let rules = "rules:\n  - statistic: { column: price, of: mean, against: baseline, change: 20%, on_fail: reject }\n";
    place.write(
        "r.yaml",
        format!("dataset: shop\nbaseline: {{ path: b.json, first: learn }}\nhistory: runs\ngate: {{ publish: lake }}\n{rules}"),
    );
    gate(&place, 1, 200, 0);
    let more = table(&[(2, 200)])
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line}\n") } else { line.replacen(',', ",9", 1) + "\n" })
        .collect::<String>();
    place.write("day.csv", more);
    let day = ["gate", "day.csv", "-r", "r.yaml", "--batch-id", "day-02"];
    assert_eq!(place.run(&day).code, 1);
    let run = place.run(&["baseline", "accept", "day-02", "-r", "r.yaml", "--reason", "prices went up"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(place.run(&day).code, 0);
    let shown = place.run(&["baseline", "show", "b.json"]).stdout;
    assert!(shown.contains("prices went up") && shown.contains("day-02"), "{shown}");
}
