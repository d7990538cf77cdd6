//! What is Sluicegate's own in a Delta table's directory: staged files and, if one wants, the quarantine.

use std::fs;
use std::process::Command;

use crate::crash::delta_files;
use crate::gate::read;
use crate::support::{Place, skipped};

const RULES: &str = "dataset: t
rules: [{ missing: { column: id } }]
gate: { publish: lake/orders }
";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("a.csv", "id,v\n1,x\n,y\n");
    place
}

#[test]
fn a_quarantine_in_the_tables_directory_is_refused_but_in_what_is_ours() {
    let place = place();
    for directory in ["lake/orders/quarantine", "lake/orders/_delta_log/q", "lake/orders/_sluicegate/../q", "./lake/../lake/orders/.q"] {
        let before = place.files();
        for arguments in [&["gate"][..], &["gate", "--dry-run"]] {
            let run = place.run(&[arguments, &["a.csv", "-r", "r.yaml", "--quarantine", directory]].concat());
            assert!(run.code == 2 && run.stderr.contains("VACUUM"), "{directory}: {}", run.stderr);
            assert_eq!(run.rows("read"), 0);
        }
        place.write("q.yaml", RULES.replace("lake/orders }", &format!("lake/orders, quarantine: {directory} }}")));
        let check = place.run(&["check", "a.csv", "-r", "q.yaml"]);
        assert!(check.code == 2 && check.stderr.contains("VACUUM"), "{directory}: {}", check.stderr);
        fs::remove_file(place.path("q.yaml")).expect("removed");
        assert_eq!(place.files(), before);
    }
    let inside = place.run(&["gate", "a.csv", "-r", "r.yaml", "--quarantine", "lake/orders/_sluicegate/quarantine", "--batch-id", "a"]);
    assert_eq!(inside.code, 0, "{}", inside.stderr);
    assert_eq!(place.parts("lake/orders/_sluicegate/quarantine", "a").len(), 1);
}

#[test]
fn rows_are_staged_in_what_is_ours_and_what_killed_gates_left_goes() {
    let place = place();
    // As an earlier version left it, and as this one does.
    let left = ["lake/orders/.sluicegate-1-0.staged", "lake/orders/_sluicegate/.sluicegate-1-0.staged"];
    left.iter().for_each(|name| _ = place.write(name, "half a file"));
    let killed = place.path("lake/orders/_sluicegate");
    let die = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["gate", "a.csv", "-r", "r.yaml", "--die-at-step", "2"])
        .current_dir(place.path("."))
        .status()
        .expect("runs");
    assert!(!die.success());
    let staged = |files: Vec<String>| files.into_iter().filter(|f| f.ends_with(".staged")).collect::<Vec<_>>();
    let found = staged(place.files());
    assert!(found.iter().any(|f| f.starts_with("lake/orders/_sluicegate/")), "{found:?}");
    assert_eq!(place.run(&["gate", "a.csv", "-r", "r.yaml"]).code, 0);
    assert!(killed.is_dir() && staged(place.files()).is_empty(), "{:?}", place.files());
}

#[test]
fn a_vacuum_by_another_program_deletes_nothing_of_ours() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import deltalake"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        return skipped("Python with deltalake");
    }
    let place = place();
    let inside = ["--quarantine", "lake/orders/_sluicegate/quarantine"];
    let gate = |data: &str, id: &str, more: &[&str]| {
        place.write("a.csv", data);
        place.run(&[&["gate", "a.csv", "-r", "r.yaml", "--batch-id", id], &inside[..], more].concat())
    };
    assert_eq!(gate("id,v\n1,x\n,y\n", "a", &[]).code, 0);
    assert_eq!(gate("id,v\n2,x\n,y\n", "a", &["--supersede"]).code, 0);
    place.write("lake/orders/_sluicegate/.sluicegate-9-9.staged", "being written");
    let script = "import os, sys; from deltalake import DeltaTable as D
t = D(sys.argv[1]); gone = t.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
assert len(gone) == 1 and gone[0].startswith('a.'), gone
assert t.to_pyarrow_table().num_rows == 1
os._exit(0)";
    let table = place.path("lake/orders").display().to_string();
    let vacuum = Command::new(&python).args(["-c", script, &table]).output().expect("python runs");
    assert!(vacuum.status.success(), "{}", String::from_utf8_lossy(&vacuum.stderr));
    assert!(place.path("lake/orders/_sluicegate/.sluicegate-9-9.staged").exists());
    let part = place.part("lake/orders/_sluicegate/quarantine", "a");
    assert_eq!(read(&part).num_rows(), 1);
    assert_eq!(gate("id,v\n3,x\n", "b", &[]).code, 0);
    assert_eq!(delta_files(&place.path("lake/orders")).len(), 2);
}
