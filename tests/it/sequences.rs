//! How rows follow each other is judged over all rows in scope, whatever other rules set aside.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use proptest::prelude::*;
use serde_json::Value as Json;
use sluicegate::metric::canonical::Normalize;
use sluicegate::metric::keys::{Keep, KeyRows, SortedKeys, SortedKeysSpec};
use sluicegate::metric::{Budget, Column, Inputs, Rows, State};
use sluicegate::rows::{Mask, RowNumbers};

use crate::support::Place;

/// The finding `it` of a batch of one column `x` beside other columns.
fn finding(place: &Place, data: &str, rules: &[&str]) -> Json {
    place.write("d.csv", data);
    let rules: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
    place.write("r.yaml", format!("dataset: d\nrules:\n{rules}"));
    place.run(&["check", "d.csv", "-r", "r.yaml"]).finding("it").clone()
}

const MISSING: &str = "missing: { column: x, id: gone }";

#[test]
fn a_missing_value_ends_a_run_though_another_rule_sets_its_row_aside() {
    let place = Place::new();
    let data = "x,t\n5,1\n5,2\n,3\n5,4\n5,5\n";
    for (rule, longest, outcome) in [
        ("stuck: { column: x, max_run: 3, id: it }", 2, "pass"),
        ("stuck: { column: x, max_run: 1, id: it }", 2, "fail"),
        ("stuck: { column: x, max_run: 3, order_by: t, id: it }", 2, "pass"),
        // Out of order, so that the rows are sorted in a second look.
        ("stuck: { column: x, max_run: 3, order_by: u, id: it }", 2, "pass"),
    ] {
        let data = if rule.contains("order_by: u") { "x,u\n5,5\n5,4\n,3\n5,2\n5,1\n" } else { data };
        let found = finding(&place, data, &[MISSING, rule]);
        assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&longest.into(), &outcome.into()), "{rule}");
        assert_eq!(found["figures"], finding(&place, data, &[rule])["figures"], "{rule}: the rule beside it changes nothing");
    }
}

#[test]
fn runs_of_missing_values_are_counted_though_another_rule_sets_them_aside() {
    let place = Place::new();
    let data = "x\n1\n\n\"\"\n\n\"\"\n2\n".replace("\n\n", "\n\"\"\n");
    let found = finding(&place, &data, &[MISSING, "missing: { column: x, max_run: 2, id: it }"]);
    assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&4.into(), &"fail".into()));
    // A row that another rule sets aside between missing ones is a value: it ends the run.
    let data = "x\n\"\"\n\"\"\n-1\n\"\"\n";
    let found = finding(&place, data, &["range: { column: x, min: 0, id: low }", "missing: { column: x, max_run: 2, id: it }"]);
    assert_eq!((&found["figures"]["longest_run"], &found["outcome"]), (&2.into(), &"pass".into()));
}

#[test]
fn order_minds_rows_that_other_rules_set_aside() {
    let place = Place::new();
    let found = finding(&place, "x\n1\n900\n2\n3\n", &["range: { column: x, max: 100, id: high }", "order: { column: x, id: it }"]);
    assert_eq!((&found["failing_rows"], &found["outcome"]), (&1.into(), &"fail".into()), "2 stands behind 900");
}

#[test]
fn rows_out_of_scope_are_passed_over_as_rows_of_another_group_are() {
    let place = Place::new();
    let data = "x,s\n5,a\n9,b\n5,a\n7,b\n5,a\n,b\n5,a\n";
    let only = finding(&place, data, &[MISSING, "stuck: { column: x, max_run: 3, where: \"s = 'a'\", id: it }"]);
    assert_eq!((&only["figures"]["longest_run"], &only["failing_rows"]), (&4.into(), &4.into()));
    let by = finding(&place, data, &[MISSING, "stuck: { column: x, max_run: 3, by: [s], id: it }"]);
    let of_a = by["groups"].as_array().expect("groups").iter().find(|g| g["group"] == serde_json::json!(["a"])).expect("a").clone();
    assert_eq!(of_a["figures"]["longest_run"], 4);
}

/// The rows that do not stay, one key and one place a row, found by looking at each key by itself.
fn repeats(rows: &[(i64, Option<i64>)], keep_last: bool) -> Vec<usize> {
    let mut by_key: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    rows.iter().enumerate().for_each(|(row, (key, _))| by_key.entry(*key).or_default().push(row));
    let mut failing = Vec::new();
    for of_key in by_key.into_values() {
        let placed: Vec<usize> = of_key.iter().copied().filter(|&row| rows[row].1.is_some()).collect();
        let candidates = if placed.is_empty() { &of_key } else { &placed };
        let stays = match keep_last {
            // Of equal ones `max_by_key` gives the last, and `min_by_key` the first.
            true => candidates.iter().copied().max_by_key(|&row| rows[row].1),
            false => candidates.iter().copied().min_by_key(|&row| rows[row].1),
        };
        failing.extend(of_key.into_iter().filter(|&row| Some(row) != stays));
    }
    failing.sort_unstable();
    failing
}

proptest! {
    #[test]
    fn the_row_that_stays_by_another_column_is_that_of_its_key(
        rows in prop::collection::vec((0i64..6, prop::option::weighted(0.8, 0i64..5)), 0..60),
        size in 1usize..20,
        in_reverse: bool,
    ) {
        let place = tempfile::tempdir().expect("a directory");
        let memory = Arc::new(Budget::new(1 << 20, place.path().to_owned()));
        for keep in [Keep::First, Keep::Last] {
            let spec = SortedKeysSpec { keep, rows: KeyRows::Whole, normalize: Normalize::default() };
            let types = [DataType::Int64, DataType::Int64];
            let mut units: Vec<SortedKeys> = Vec::new();
            for (unit, part) in rows.chunks(size).enumerate() {
                let key = Column::new(Arc::new(Int64Array::from_iter_values(part.iter().map(|row| row.0))));
                let order = Column::new(Arc::new(Int64Array::from_iter(part.iter().map(|row| row.1))));
                let numbers = RowNumbers::Dense { first: 0, len: part.len() as u32 };
                let mut state = SortedKeys::empty(&spec, &types, &memory);
                state.update(&Rows { unit: unit as u32, numbers: &numbers, selection: &Mask::All }, &[&key, &order]).expect("counted");
                units.push(state);
            }
            if in_reverse {
                units.reverse();
            }
            let mut all = SortedKeys::empty(&spec, &types, &memory);
            units.into_iter().for_each(|unit| all.merge(unit).expect("merged"));
            let found = all.finish(&Inputs::default()).expect("finished").expect("they fit");
            let failing: Vec<usize> = found.failing.iter().map(|id| id.unit as usize * size + id.row as usize).collect();
            prop_assert_eq!(failing, repeats(&rows, keep == Keep::Last));
        }
    }
}

#[test]
fn rows_that_are_too_many_to_be_sorted_are_not_judged() {
    let place = Place::new();
    let data: String = (0..4000).map(|row| format!("{},{}\n", row % 1000, 4000 - row)).collect();
    place.write("d.csv", format!("x,t\n{data}"));
    place.write("r.yaml", "dataset: d\nrules:\n  - duplicates: { id: it, key: [x], keep: last, order_by: t }\n");
    let run = |arguments: &[&str]| {
        let run = place.run(&[&["check", "d.csv", "-r", "r.yaml"], arguments].concat());
        let found = run.finding("it").clone();
        (found["outcome"].clone(), found["failing_rows"].clone())
    };
    assert_eq!(run(&[]), ("fail".into(), 3000.into()));
    assert_eq!(run(&["--memory-limit", "64KB"]).0, Json::from("no_data"));
}
