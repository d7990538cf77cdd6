//! A directory as a Delta table: what others read, how its columns change, and what it refuses.

use std::fs;
use std::process::Command;

use crate::crash::delta_files;
use crate::gate::read;
use crate::support::{Place, Run, skipped};

const RULES: &str = "dataset: t
schema: { evolution: backward, columns: { id: { type: int64 } } }
rules: [{ missing: { column: id } }]
gate: { publish: lake, quarantine: aside }
";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place
}

fn gate(place: &Place, name: &str, data: &str, id: &str, more: &[&str]) -> Run {
    place.write(name, data);
    place.run(&[&["gate", name, "-r", "r.yaml", "--batch-id", id], more].concat())
}

/// Version of the table, columns of each file, rows.
fn rows(place: &Place) -> usize {
    delta_files(&place.path("lake")).iter().map(|file| read(file).num_rows()).sum()
}

fn log(place: &Place, version: u64) -> String {
    fs::read_to_string(place.path(&format!("lake/_delta_log/{version:020}.json"))).expect("an entry of the log")
}

#[test]
fn a_batch_is_one_commit_and_comes_once() {
    let place = place();
    let first = gate(&place, "a.csv", "id,v\n1,x\n2,y\n", "a", &[]);
    assert_eq!((first.code, &first.report()["publication"]["state"]), (0, &"published".into()), "{}", first.stderr);
    assert_eq!(gate(&place, "b.csv", "id,v\n3,z\n,none\n", "b", &[]).code, 0);
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n2,y\n", "a", &[]).report()["publication"]["state"], "unchanged");
    assert_eq!(rows(&place), 3);
    assert!(!place.path("lake/_delta_log/00000000000000000002.json").exists());
    assert!(log(&place, 1).contains("\"appId\":\"sluicegate-batch/b\""), "{}", log(&place, 1));
    assert!(log(&place, 1).contains(r#"\"numRecords\":1"#), "{}", log(&place, 1));

    let refused = gate(&place, "a.csv", "id,v\n9,x\n", "a", &[]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("already published with other content"), "{}", refused.stderr);
    assert_eq!(rows(&place), 3);
    let superseded = gate(&place, "a.csv", "id,v\n9,x\n", "a", &["--supersede"]);
    assert_eq!((superseded.code, &superseded.report()["publication"]["state"]), (0, &"superseded".into()), "{}", superseded.stderr);
    assert_eq!(rows(&place), 2);
    let commit = log(&place, 2);
    assert!(commit.contains("\"remove\"") && commit.contains("\"add\""), "both in one commit: {commit}");
    // And back, under the name of what is gone.
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n2,y\n", "a", &["--supersede"]).code, 0);
    assert_eq!(rows(&place), 3);
}

#[test]
fn a_batch_without_a_row_to_publish_is_known_all_the_same() {
    let place = place();
    // What `clean` leaves nothing of, and may.
    place.write("r.yaml", RULES.replace("rules: [", "clean: [{ drop_where: id is null }]\nrules: [{ rows: { min: 0 } }, "));
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n", "a", &[]).code, 0);
    assert_eq!(gate(&place, "b.csv", "id,v\n,x\n", "b", &[]).code, 0);
    assert_eq!((rows(&place), delta_files(&place.path("lake")).len()), (1, 1));
    assert_eq!(gate(&place, "b.csv", "id,v\n,x\n", "b", &[]).report()["publication"]["state"], "unchanged");
    // Nothing of it is there, so another program cannot have rewritten it: it can be superseded, to and fro.
    for (data, published) in [("id,v\n2,x\n", 2), ("id,v\n,x\n", 1), ("id,v\n2,x\n", 2)] {
        let superseded = gate(&place, "b.csv", data, "b", &["--supersede"]);
        assert_eq!((superseded.code, rows(&place)), (0, published), "{}", superseded.stderr);
    }
}

#[test]
fn a_batch_whose_file_was_rewritten_is_known_and_not_superseded() {
    let place = place();
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n", "a", &[]).code, 0);
    assert_eq!(gate(&place, "b.csv", "id,v\n2,x\n", "b", &[]).code, 0);
    // What a compaction leaves: other names, no stamps.
    let files = delta_files(&place.path("lake"));
    let mut commit = String::new();
    for (i, file) in files.iter().enumerate() {
        let name = file.file_name().and_then(|n| n.to_str()).expect("a name");
        fs::copy(file, place.path(&format!("lake/part-{i}.parquet"))).expect("a copy");
        let size = fs::metadata(file).expect("a file").len();
        commit += &format!("{{\"remove\":{{\"path\":\"{name}\",\"dataChange\":false,\"deletionTimestamp\":0}}}}\n");
        let add =
            format!("\"path\":\"part-{i}.parquet\",\"partitionValues\":{{}},\"size\":{size},\"modificationTime\":0,\"dataChange\":false");
        commit += &format!("{{\"add\":{{{add}}}}}\n");
    }
    place.write("lake/_delta_log/00000000000000000002.json", commit);
    let again = gate(&place, "a.csv", "id,v\n1,x\n", "a", &[]);
    assert_eq!(again.report()["publication"]["state"], "unchanged", "{}", again.stderr);
    let superseded = gate(&place, "a.csv", "id,v\n9,x\n", "a", &["--supersede"]);
    assert!(superseded.code == 2 && superseded.stderr.contains("cannot be told from others"), "{}", superseded.stderr);
    assert_eq!(rows(&place), 2);
}

#[test]
fn a_rejected_first_batch_leaves_nothing_at_all() {
    let place = place();
    place.write("r.yaml", RULES.replace("{ column: id }", "{ column: id, on_fail: reject }"));
    assert_eq!(gate(&place, "a.csv", "id,v\n,x\n", "a", &[]).code, 1);
    assert!(!place.path("lake").exists() && !place.path("aside").exists());
}

#[test]
fn columns_change_as_the_contract_says() {
    let place = place();
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n", "a", &[]).code, 0);
    let added = gate(&place, "b.csv", "id,v,w\n2,y,0.5\n", "b", &[]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(log(&place, 1).contains("metaData"));
    let gone = gate(&place, "c.csv", "id\n3\n", "c", &[]);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert_eq!(rows(&place), 3);
    let before = place.files();
    let changed = gate(&place, "d.csv", "id,v,w\n4,y,yes\n5,z,no\n", "d", &[]);
    let refused = "the table lake: `w` changed from float64 to string, such as `yes`, `no`";
    assert_eq!((changed.code, changed.finding("schema-table")["message"].as_str()), (1, Some(refused)), "{}", changed.stderr);
    let dry = gate(&place, "d.csv", "id,v,w\n4,y,yes\n5,z,no\n", "d", &["--dry-run"]);
    assert_eq!((dry.code, &dry.finding("schema-table")["message"]), (1, &refused.into()), "a dry run says so too");
    let check = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!((check.code, &check.finding("schema-table")["message"]), (1, &refused.into()), "and so does a check");
    let after: Vec<String> = place.files().into_iter().filter(|f| f != "d.csv").collect();
    assert_eq!(before, after);
    place.write("r.yaml", RULES.replace("backward", "exact").replace("id: { type: int64 }", "id: { type: int64 }, v: { type: string }"));
    let exact = gate(&place, "e.csv", "id,v\n6,y\n", "e", &[]);
    assert_eq!((exact.code, exact.finding("schema-table")["columns"][0].as_str()), (1, Some("w")), "{}", exact.stderr);
}

#[test]
fn a_damaged_log_is_refused() {
    let place = place();
    for (name, id) in [("a.csv", "a"), ("b.csv", "b")] {
        assert_eq!(gate(&place, name, &format!("id,v\n1,{id}\n"), id, &[]).code, 0);
    }
    let last = place.path("lake/_delta_log/00000000000000000001.json");
    let whole = fs::read(&last).expect("an entry");
    for (damage, message) in [(&whole[..0], "is empty"), (&whole[..whole.len() - 9], "is damaged in line")] {
        fs::write(&last, damage).expect("damage");
        let before = place.files();
        let refused = gate(&place, "b.csv", "id,v\n1,b\n", "b", &[]);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains(message) && refused.stderr.contains("00000000000000000001.json"), "{}", refused.stderr);
        assert_eq!(place.files(), before);
    }
    fs::write(&last, &whole).expect("repair");
    assert_eq!(gate(&place, "b.csv", "id,v\n1,b\n", "b", &[]).report()["publication"]["state"], "unchanged");
}

#[test]
fn plain_parts_stay_plain_and_a_table_stays_a_table() {
    let place = place();
    assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n", "a", &["--publish-format", "parquet"]).code, 0);
    assert_eq!(gate(&place, "b.csv", "id,v\n2,x\n", "b", &[]).code, 0);
    assert!(place.path("lake/b.parquet").exists() && !place.path("lake/_delta_log").exists());
    let refused = gate(&place, "c.csv", "id,v\n3,x\n", "c", &["--publish-format", "delta"]);
    assert!(refused.code == 2 && refused.stderr.contains("holds plain parts"), "{}", refused.stderr);
    assert_eq!(gate(&place, "d.csv", "id,v\n4,x\n", "d", &["--publish", "table"]).code, 0);
    let refused = gate(&place, "e.csv", "id,v\n5,x\n", "e", &["--publish", "table", "--publish-format", "parquet"]);
    assert!(refused.code == 2 && refused.stderr.contains("is a Delta table"), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_written_is_a_message_and_changes_nothing() {
    for publish in [&["--publish", "lake"][..], &["--publish", "one.parquet"], &["--publish", "parts", "--publish-format", "parquet"]] {
        let place = place();
        assert_eq!(gate(&place, "a.csv", "id,v\n1,x\n", "a", publish).code, 0);
        let text: String = (0..200_000u64).map(|i| format!("{i},{:x}\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        place.write("b.csv", format!("id,v\n{text}"));
        let before = place.files();
        let limited = Command::new("sh")
            .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sluicegate")])
            .args(["gate", "b.csv", "-r", "r.yaml", "--batch-id", "b"])
            .args(publish)
            .current_dir(place.path("."))
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&limited.stderr);
        assert_eq!(limited.status.code(), Some(2), "{said}");
        assert!(said.contains("File too large") && said.contains("nothing was published"), "{said}");
        assert_eq!(place.files(), before, "{publish:?}");
        // The quarantine comes first: where it cannot be written, nothing is published.
        let aside = gate(&place, "c.csv", "id,v\n1,x\n,y\n", "c", &[publish, &["--quarantine", "r.yaml/aside"]].concat());
        assert_eq!(aside.code, 2);
        assert!(aside.stderr.contains("r.yaml/aside"), "{}", aside.stderr);
        let after: Vec<String> = place.files().into_iter().filter(|f| f != "c.csv").collect();
        assert_eq!(after, before, "{publish:?}");
        let clock = gate(&place, "c.csv", "id,v\n7,x\n", "c", &[publish, &["--now", "1999-01-01"]].concat());
        assert_eq!(clock.code, 0, "a clock that went backwards: {}", clock.stderr);
    }
}

#[test]
fn deltalake_pandas_polars_and_duckdb_read_the_table() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import deltalake, duckdb_extensions, pandas, polars, pyarrow, pytz"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        return skipped("Python with deltalake, pandas, polars, pyarrow and duckdb");
    }
    let place = place();
    let rules = "dataset: f\nrules: []\nsource: { timezone: UTC }\n";
    place.write("r.yaml", rules);
    let table = crate::support::project("fixtures/formats/table.parquet").display().to_string();
    let run = place.run(&["gate", &table, "-r", "r.yaml", "--publish", "lake"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lake = place.path("lake").display().to_string();
    let read = Command::new(&python).arg(crate::support::project("tests/delta_readers.py")).args([&lake, &table, "1"]).output();
    let read = read.expect("python runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}
