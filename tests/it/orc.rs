//! ORC files: what pyarrow wrote is read as it reads it, and what cannot be read exactly is a fault.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::{Place, Run, project, skipped};

const RULES: &str = "dataset: t\nprofile: none\nrules:\n  - rows: { min: 0 }\n";

fn check(name: &str, bytes: &[u8]) -> Run {
    let place = Place::with(RULES, "");
    place.write(name, bytes);
    place.run(&["check", name, "-r", "r.yaml"])
}

fn fixture() -> Vec<u8> {
    std::fs::read(project("fixtures/formats/table.orc")).expect("a fixture")
}

#[test]
fn damaged_files_are_faults_or_hold_what_they_say_they_do() {
    let file = fixture();
    let whole = check("a.orc", &file);
    assert_eq!((whole.code, whole.rows("read")), (0, 60), "{}", whole.stderr);
    for len in [0, 3, 10, file.len() / 2, file.len() - 1] {
        let run = check("a.orc", &file[..len]);
        assert_eq!(run.code, 2, "cut to {len}: {}", run.stdout);
    }
    for at in (0..file.len()).step_by(53) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x11;
        let run = check("a.orc", &damaged);
        assert!(run.code == 0 || run.code == 2, "byte {at}: {}{}", run.stdout, run.stderr);
        assert!(run.code == 2 || run.rows("read") == 60, "byte {at}");
        assert!(!run.stderr.contains("internal error"), "byte {at}: {}", run.stderr);
    }
    assert!(check("a.csv", &file).stderr.contains("this is orc, and it is read as csv"));
}

#[test]
fn others_read_the_same_values() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    if !Command::new(&python).args(["-c", "import pyarrow.orc"]).output().is_ok_and(|o| o.status.success()) {
        return skipped("Python with pyarrow");
    }
    let place = Place::with(RULES, "");
    let script = |step: &str| {
        let run = Command::new(&python).arg(project("tests/orc_files.py")).args([step, &place.path("").display().to_string()]).output();
        let run = run.expect("runs");
        assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    let files = script("make");
    assert!(files.lines().count() > 8, "{files}");
    for file in files.lines() {
        let run = place.run(&["gate", &format!("orc/{file}.orc"), "-r", "r.yaml", "--publish", &format!("out/{file}.parquet")]);
        assert_eq!(run.code, 0, "{file}: {}", run.stderr);
    }
    script("compare");
    // Units are stripes, and threads change nothing.
    let told = |threads: &str| {
        let report = place.run(&["check", "orc/uncompressed.orc", "-r", "r.yaml", "--threads", threads]);
        report.report().clone()
    };
    assert_eq!(told("1"), told("4"));
    let refused = |name: &str, rules: &str| {
        place.write("other.yaml", rules);
        let run = place.run(&["check", &format!("orc/{name}.orc"), "-r", "other.yaml"]);
        (run.code, run.stderr.clone(), run.report.unwrap_or(Json::Null))
    };
    // Negative nanoseconds, which other readers take for what they are not.
    let (code, said, _) = refused("before", RULES);
    assert!(code == 2 && said.contains("fractions of seconds before 1970"), "{said}");
    let (code, said, _) = refused("nanos", RULES);
    assert!(code == 2 && said.contains("more digits than it would be read with"), "{said}");
    let shown = RULES.replace("profile: none", "profile: basic");
    let nanos = format!("{shown}schema: {{ columns: {{ t: {{ type: timestamp(ns) }} }} }}\n");
    let (code, said, report) = refused("nanos", &nanos);
    assert_eq!((code, &report["columns"][0]["type"]), (0, &json!("timestamp(ns)")), "{said}");
    let (code, said, _) = refused("nanos_before", &nanos);
    assert!(code == 2 && said.contains("fractions of seconds before 1970"), "{said}");
}
