//! `diff`: two data sets row by row.

use std::fmt::Write;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Place, Run, project, skipped};

fn diff(place: &Place, more: &[&str]) -> (Run, Json) {
    let run = place.run(&[&["diff", "--report", "r.json", "--now", "2026-11-22"], more].concat());
    let report = std::fs::read_to_string(place.path("r.json")).unwrap_or_else(|_| panic!("{}", run.stderr));
    (run, serde_json::from_str(&report).expect("JSON"))
}

fn finding<'a>(report: &'a Json, id: &str) -> &'a Json {
    report["findings"].as_array().expect("findings").iter().find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id}: {report}"))
}

/// Rows in an order of their own; of every hundredth the price is another, and some are missing.
fn table(rows: u64, stride: u64, changed: bool) -> String {
    let mut text = String::from("id,price,site\n");
    for i in (0..rows).map(|i| i * stride % rows).filter(|i| !changed || i % 50 != 7) {
        let price = i * 3 + u64::from(changed && i % 100 == 1);
        _ = writeln!(text, "{i},{price},{}", ["A", "B", "C"][i as usize % 3]).is_ok();
    }
    text
}

#[test]
fn rows_added_removed_and_changed_come_with_their_cells() {
    let place = Place::new();
    place.write("a.csv", "id,price,status\n1,1.00,new\n2,2.50,paid\n3,3,paid\n4,4,new\n");
    place.write("b.csv", "status,id,price,extra\nnew,5,5,x\npaid,2,2.5,x\ncancelled,3,3.01,x\nnew,1,1,x\n");
    let (run, report) = diff(&place, &["a.csv", "b.csv", "--key", "id", "--report", "r.html", "--report", "r.md"]);
    assert_eq!((run.code, report["mode"].as_str()), (1, Some("compare")), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("DIFFERENT"), "{}", run.stdout);
    assert_eq!(report["findings"][0]["id"], "schema", "columns that differ come first");
    let found = finding(&report, "diff");
    let figures: Vec<u64> =
        ["added", "removed", "changed", "in_both"].iter().map(|f| found["figures"][f].as_u64().expect("a count")).collect();
    assert_eq!(figures, [1, 1, 1, 3]);
    let changed = &found["samples"][0];
    assert_eq!(changed["values"], serde_json::json!([["id", 3], ["status", "cancelled"], ["price", 3.01]]));
    assert_eq!(changed["before"], serde_json::json!([["status", "paid"], ["price", 3.0]]));
    assert_eq!((changed["origin"]["line"].as_u64(), changed["same_key_as"]["line"].as_u64()), (Some(4), Some(4)));
    let reasons: Vec<&str> = found["samples"].as_array().expect("samples").iter().filter_map(|s| s["reason"].as_str()).collect();
    assert_eq!(reasons, ["changed", "added", "removed"]);
    assert!(run.stdout.contains("status=paid → cancelled price=3 → 3.01"), "{}", run.stdout);
    let read = |name: &str| std::fs::read_to_string(place.path(name)).expect("a report");
    assert!(read("r.html").contains("paid → cancelled") && read("r.md").contains("price=3.0 → 3.01"), "{}", read("r.md"));
}

#[test]
fn equal_data_are_equal_in_any_order_and_limits_and_tolerances_decide_the_rest() {
    let place = Place::new();
    place.write("a.csv", table(999, 1, false));
    place.write("b.csv", table(999, 7, false));
    place.write("c.csv", table(999, 5, true));
    let (run, report) = diff(&place, &["a.csv", "b.csv", "-k", "id"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(finding(&report, "diff")["message"], "999 rows are equal");
    let code = |more: &[&str]| diff(&place, &[&["a.csv", "c.csv", "-k", "id"], more].concat()).0.code;
    assert_eq!(code(&[]), 1);
    assert_eq!(code(&["--max-changed", "1%"]), 1, "10 of 979");
    assert_eq!(code(&["--max-changed", "10 rows"]), 0, "20 removed rows have no limit");
    assert_eq!(code(&["--max-changed", "10 rows", "--max-removed", "19 rows"]), 1);
    assert_eq!(code(&["--tolerance", "1", "--max-changed", "0"]), 0);
    assert_eq!(code(&["--tolerance", "price=0.5", "--max-changed", "0"]), 1);
    assert_eq!(code(&["--columns", "site", "--max-removed", "20 rows"]), 0);
    assert_eq!(code(&["--where", "id % 100 <> 1 and id % 50 <> 7"]), 0);
    for (more, says) in [
        (&["-k", "idd"][..], "did you mean `id`?"),
        (&["-k", "id", "--tolerance", "site=1"], "`1` is no tolerance for `site`, which is string"),
        (&["-k", "id", "--where", "idd > 1"], "did you mean `id`?"),
    ] {
        let run = place.run(&[&["diff", "a.csv", "c.csv"], more].concat());
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains(says) && !run.stderr.contains("compare:"), "{}", run.stderr);
    }
    assert_eq!(place.run(&["diff", "a.csv", "absent.csv", "-k", "id"]).code, 2);
    place.write("d.csv", "id,price,site\n");
    assert_eq!(place.run(&["diff", "d.csv", "a.csv", "-k", "id"]).code, 2, "nothing to compare with");
}

#[test]
fn threads_and_memory_change_no_byte() {
    let place = Place::new();
    place.write("a.csv", table(200_000, 7, false));
    place.write("b.csv", table(200_000, 13, true));
    let report = |more: &[&str]| {
        let (run, _) = diff(&place, &[&["a.csv", "b.csv", "-k", "id"], more].concat());
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        std::fs::read_to_string(place.path("r.json")).expect("a report")
    };
    let plain = report(&["--threads", "1"]);
    assert_eq!(plain, report(&["--threads", "3"]));
    assert_eq!(plain, report(&["--threads", "2", "--memory-limit", "1KB"]), "all of it spills");
    let figures = &finding(&serde_json::from_str(&plain).expect("JSON"), "diff")["figures"].clone();
    assert_eq!((figures["changed"].as_u64(), figures["removed"].as_u64()), (Some(2000), Some(4000)), "{figures}");
}

#[test]
fn random_pairs_differ_as_duckdb_says() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    if !Command::new(&python).args(["-c", "import pyarrow, duckdb"]).output().is_ok_and(|o| o.status.success()) {
        return skipped("Python with pyarrow and DuckDB (SLUICEGATE_PYTHON)");
    }
    for seed in 0..12 {
        let place = Place::new();
        let made = Command::new(&python)
            .arg(project("tests/diff_pairs.py"))
            .args([&seed.to_string(), &place.path("").display().to_string()])
            .output()
            .expect("python runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let expected: Json = serde_json::from_slice(&made.stdout).expect("JSON");
        let (_, report) = diff(&place, &["a.parquet", "b.parquet", "-k", "id", "--threads", "2"]);
        let found = finding(&report, "diff");
        let figure = |name: &str| found["figures"][name].as_u64().unwrap_or(0);
        for (name, number) in expected.as_object().expect("counts").iter().filter(|(_, number)| number.is_u64()) {
            if name != "changed_near" {
                assert_eq!(Some(figure(name)), number.as_u64(), "seed {seed}: {name}");
            }
        }
        for (column, number) in expected["columns"].as_object().expect("columns") {
            let groups = found["groups"].as_array().expect("columns");
            let changed =
                groups.iter().find(|g| g["group"][0] == column.as_str()).map_or(0, |g| g["figures"]["changed"].as_u64().expect("rows"));
            assert_eq!(Some(changed), number.as_u64(), "seed {seed}: {column}");
        }
        let (_, near) = diff(&place, &["a.parquet", "b.parquet", "-k", "id", "--tolerance", "amount=1"]);
        assert_eq!(finding(&near, "diff")["figures"]["changed"], expected["changed_near"], "seed {seed}");
    }
}

#[test]
fn values_of_masked_columns_are_shown_nowhere() {
    let place = Place::new();
    place.write("a.csv", "id,name,pay\n1,SECRET-A,91\n2,SECRET-B,92\n");
    place.write("b.csv", "id,name,pay\n1,SECRET-C,91\n3,SECRET-D,93\n");
    place.write(
        "r.yaml",
        "dataset: d\nschema:\n  columns:\n    id: { type: int64 }\n    name: { type: string, mask: true }\n    pay: { type: int64 }\n",
    );
    let formats = ["r.html", "r.md", "junit=r.xml", "sarif=r.sarif", "github=r.txt"];
    let reports: Vec<&str> = formats.iter().flat_map(|format| ["--report", format]).collect();
    let (run, report) = diff(&place, &[&["a.csv", "b.csv", "-k", "id", "-r", "r.yaml"], reports.as_slice()].concat());
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert_eq!(finding(&report, "diff")["figures"]["changed"], 1, "it is counted all the same");
    for file in place.files().iter().filter(|file| file.starts_with("r.") && *file != "r.yaml") {
        let text = String::from_utf8_lossy(&std::fs::read(place.path(file)).expect("a file")).into_owned();
        assert!(!text.contains("SECRET"), "{file}: {text}");
    }
    assert!(!run.stdout.contains("SECRET"), "{}", run.stdout);
    let (_, report) = diff(&place, &["a.csv", "b.csv", "-k", "name", "-r", "r.yaml"]);
    assert!(!report.to_string().contains("SECRET"), "{report}");
}

#[test]
fn equal_values_of_two_types_are_no_difference_and_the_types_are_told() {
    let place = Place::new();
    place.write("a.csv", "id,v\n1,1\n2,2\n");
    place.write("b.csv", "id,v\n1,1.0\n2,2.0\n");
    let run = place.run(&["diff", "a.csv", "b.csv", "-k", "id", "-v"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("`v` widened from int64 to float64") && run.stdout.contains("2 rows read\n"), "{}", run.stdout);
    // A column that only one has is a difference, unless only rows have a limit.
    place.write("b.csv", "id,v,n\n1,1.0,x\n2,2.0,y\n");
    assert_eq!(place.run(&["diff", "a.csv", "b.csv", "-k", "id"]).code, 1);
    assert_eq!(place.run(&["diff", "a.csv", "b.csv", "-k", "id", "--max-changed", "0"]).code, 0);
}
