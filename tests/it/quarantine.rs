//! Rows set aside are looked at, taken out, mended and gated again.

use std::fs;

use crate::gate::read;
use crate::support::Place;

const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 } } }
rules:
  - missing: { column: name }
  - range: { column: v, max: 10 }
gate: { publish: out, quarantine: aside }
";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "id,name,v\n1,a,1\n2,,2\nx,c,3\n4,,40\n5,\"e\ne\",5\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "monday"]).code, 0);
    place.write("e.csv", "id,name,v\n7,a,1\n8,b,80\n");
    assert_eq!(place.run(&["gate", "e.csv", "-r", "r.yaml", "--batch-id", "tuesday"]).code, 0);
    place
}

#[test]
fn batches_are_listed_and_rows_shown_with_their_reasons() {
    let place = place();
    let list = place.run(&["quarantine", "list", "aside"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    insta::assert_snapshot!("quarantine_list", list.stdout);
    insta::assert_snapshot!("quarantine_show", place.run(&["quarantine", "show", "aside", "monday", "--limit", "2"]).stdout);
    let of_rule = place.run(&["quarantine", "show", "aside", "monday", "--rule", "malformed"]);
    insta::assert_snapshot!("quarantine_show_rule", of_rule.stdout);
}

#[test]
fn rows_are_taken_out_mended_and_gated_again() {
    let place = place();
    for (name, rows) in [("a.csv", 4), ("a.ndjson", 4), ("a.parquet", 4)] {
        let export = place.run(&["quarantine", "export", "aside", "--to", name]);
        assert_eq!((export.code, export.stdout), (0, format!("{name}: {rows} rows\n")), "{}", export.stderr);
    }
    assert_eq!(read(&place.path("a.parquet")).num_rows(), 4);
    let json = fs::read_to_string(place.path("a.ndjson")).expect("NDJSON");
    assert!(json.contains(r#""_sluicegate_rules":["missing-name","range-v"]"#), "{json}");
    assert!(json.contains(r#""_sluicegate_raw":"x,c,3""#), "{json}");
    let one = place.run(&["quarantine", "export", "aside", "tuesday", "--rule", "range-v", "--only-values", "--to", "one.csv"]);
    assert_eq!(one.stdout, "one.csv: 1 row\n", "{}", one.stderr);
    let taken = fs::read_to_string(place.path("one.csv")).expect("CSV");
    assert_eq!(taken.lines().next(), Some("id,name,v"));
    place.write("one.csv", taken.replace("80", "8"));
    let again = place.run(&["gate", "one.csv", "-r", "r.yaml", "--batch-id", "tuesday-mended"]);
    assert_eq!((again.code, again.verdict(), again.rows("published")), (0, "accept", 1), "{}", again.stderr);
}

#[test]
fn what_is_not_there_is_said() {
    let place = place();
    let said = |arguments: &[&str]| {
        let run = place.run(&[&["quarantine"], arguments].concat());
        assert_eq!(run.code, 2);
        run.stderr
    };
    assert!(said(&["list", "nowhere"]).contains("no gate has set rows aside there"));
    assert!(said(&["show", "aside", "mondey"]).contains("did you mean `monday`?"));
    assert!(said(&["show", "aside", "monday", "--rule", "range-w"]).contains("rules with rows there"));
    assert!(said(&["export", "aside", "--to", "a.xlsx"]).contains("unknown format `xlsx`"));
    assert!(!place.path("a.xlsx").exists());
    let empty = Place::new();
    fs::create_dir(empty.path("aside")).expect("a directory");
    assert_eq!(empty.run(&["quarantine", "list", "aside"]).stdout, "aside: no rows are set aside\n");
}
