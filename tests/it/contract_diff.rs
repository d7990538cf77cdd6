//! `contract diff`: what changed between two contracts, and whom that breaks.

use serde_json::Value as Json;

use crate::support::{Place, Run};

fn rules(columns: &str) -> String {
    format!("dataset: orders\nschema: {{ columns: {{ {columns} }} }}\n")
}

/// The changes as `path kind: whom`, a `!` before those that are not compatible.
fn changes(run: &Run) -> Vec<String> {
    let page: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", run.stdout, run.stderr));
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let change = |change: &Json| {
        let whom: Vec<String> = change["breaks"].as_array().expect("a list").iter().map(text).collect();
        let mark = if change["compatible"] == true { "" } else { "! " };
        format!("{mark}{} {}: {}", text(&change["path"]), text(&change["kind"]), whom.join(" "))
    };
    page["changes"].as_array().expect("changes").iter().map(change).collect()
}

fn diff(place: &Place, old: &str, new: &str) -> (Run, Vec<String>) {
    let run = place.run(&["contract", "diff", old, new, "--json"]);
    let changes = changes(&run);
    (run, changes)
}

#[test]
fn contracts_are_compared_under_the_evolution_of_the_new_one() {
    let place = Place::new();
    let old = "id: { type: int64, required: true }, price: { type: float64 }, note: string, day: { type: date, format: \"%d.%m.%Y\" }";
    let new = "id: { type: int64 }, price: { type: int64 }, state: { type: string, required: true }, day: { type: date }";
    place.write("old.yaml", rules(old));
    place.write("new.yaml", rules(new));
    place.write("loose.yaml", rules(new).replace("schema: {", "schema: { evolution: any,"));
    let (run, found) = diff(&place, "old.yaml", "new.yaml");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(
        found,
        [
            "id nullability_relaxed: old_readers",
            "! price type_narrowed: new_readers",
            "! note column_renamed: new_readers old_writers",
            "state nullability_tightened: ",
            "! day format_changed: new_readers old_readers old_writers",
        ]
    );
    let (run, _) = diff(&place, "old.yaml", "loose.yaml");
    assert_eq!((run.code, run.stdout.contains("\"compatible\": true")), (0, true));
    let (run, found) = diff(&place, "old.yaml", "old.yaml");
    assert_eq!((run.code, found.len()), (0, 0));
    let page = place.run(&["contract", "diff", "old.yaml", "new.yaml"]);
    assert_eq!(page.code, 1);
    for said in [
        "old.yaml to new.yaml, evolution `backward`: 3 changes not compatible",
        "FAIL  `price` narrowed from float64 to int64",
        "who reads old data by the new columns",
        "`day` is written as ISO 8601, and was as %d.%m.%Y",
        "ok    `id` was required and may be missing now",
    ] {
        assert!(page.stdout.contains(said), "{said}\n{}", page.stdout);
    }
}

#[test]
fn a_contract_beside_data_is_what_judging_the_data_says() {
    let place = Place::new();
    place.write("r.yaml", rules("id: { type: int64, required: true }, price: { type: float64 }, gone: { type: string, required: true }"));
    place.write("d.csv", "id,price,more\n1,2,x\n,3.5,y\n3,4,z\n");
    let (run, found) = diff(&place, "r.yaml", "d.csv");
    let check = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    let judged = check.report()["schema_changes"].as_array().expect("changes");
    let told = |c: &Json| (c["path"].clone(), c["kind"].clone(), c["compatible"].clone());
    let page: Json = serde_json::from_str(&run.stdout).expect("JSON");
    let ours: Vec<_> = page["changes"].as_array().expect("changes").iter().map(told).collect();
    assert_eq!(ours, judged.iter().map(told).collect::<Vec<_>>());
    assert_eq!(run.code, 1);
    assert_eq!(found, ["id nullability_relaxed: old_readers", "! gone column_renamed: old_readers"]);
}

#[test]
fn data_beside_a_contract_or_other_data_is_read_to_its_end() {
    let place = Place::new();
    place.write("r.yaml", rules("id: { type: int64, required: true }, price: { type: float64, required: true }"));
    let rows: String = (0..20_000).map(|row| format!("{row},{row}\n")).collect();
    place.write("a.csv", format!("id,price\n{rows}"));
    place.write("b.csv", format!("id,price\n{rows}7,0.5\n8,\n"));
    let (run, found) = diff(&place, "a.csv", "b.csv");
    assert_eq!((run.code, found), (0, vec!["price type_widened: old_readers".to_owned()]));
    let (run, found) = diff(&place, "b.csv", "a.csv");
    assert_eq!((run.code, found), (1, vec!["! price type_narrowed: new_readers".to_owned()]));
    // Digits are read as the contract's floats; a value that is missing breaks who demands one.
    let (run, found) = diff(&place, "a.csv", "r.yaml");
    assert_eq!((run.code, found), (0, Vec::new()));
    let (run, found) = diff(&place, "b.csv", "r.yaml");
    assert_eq!((run.code, found), (1, vec!["! price nullability_tightened: new_readers old_writers".to_owned()]));
}

#[test]
fn what_cannot_be_read_exits_with_2_and_says_all_of_it() {
    let place = Place::new();
    place.write("empty.yaml", "dataset: d\n");
    place.write("wrong.yaml", "dataset: d\nschema: { columns: { a: itn64 } }\n");
    let run = place.run(&["contract", "diff", "empty.yaml", "wrong.yaml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("empty.yaml: its `schema` section names no column"), "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `int64`?"), "{}", run.stderr);
    let run = place.run(&["contract", "diff", "none.csv", "none.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("none.yaml"), "{}", run.stderr);
}

#[test]
fn values_of_masked_columns_are_not_shown() {
    let place = Place::new();
    place.write("r.yaml", rules("id: int64, born: { type: date, mask: partial }"));
    place.write("d.csv", "id,born\n1,03/04/1999\n2,05/06/2001\n");
    let run = place.run(&["contract", "diff", "r.yaml", "d.csv"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("`born`") && !run.stdout.contains("1999"), "{}", run.stdout);
}

#[test]
fn a_baseline_is_a_contract_too() {
    let place = Place::with("dataset: d\n", "id,price\n1,0.5\n2,1.5\n");
    let run = place.run(&["baseline", "capture", "d.csv", "-r", "r.yaml", "-o", "b.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    place.write("new.yaml", rules("id: int64, price: int64, note: { type: string, required: true }"));
    place.write("wide.csv", "price,id,more\n1.5,0.5,x\n");
    let (run, found) = diff(&place, "b.json", "new.yaml");
    assert_eq!((run.code, found.len()), (1, 2), "{found:?}");
    assert_eq!(found, ["! price type_narrowed: new_readers", "! note column_added: new_readers old_writers"]);
    let (run, found) = diff(&place, "b.json", "wide.csv");
    assert_eq!((run.code, found), (0, vec!["id type_widened: old_readers".to_owned(), "more column_added: ".to_owned()]));
    let (run, found) = diff(&place, "b.json", "b.json");
    assert_eq!((run.code, found.len()), (0, 0));
}
