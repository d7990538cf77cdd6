//! What goes to standard output: text or JSON, in colours or without, and how far long work is.

use std::process::{Command, Output};

use serde_json::Value as Json;

use crate::support::{Place, skipped};

/// Runs the binary with these variables, and none of those that the environment may have.
fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS", "GITHUB_ACTIONS", "GITLAB_CI"] {
        command.env_remove(name);
    }
    command.current_dir(place.path("")).args(arguments).envs(variables.iter().copied()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn place() -> Place {
    Place::with("dataset: t\nrules:\n  - missing: { column: a }\n", "a,b\n1,x\n,y\n")
}

const CHECK: [&str; 6] = ["check", "d.csv", "-r", "r.yaml", "--now", "2026-11-22"];

#[test]
fn output_json_is_the_report_and_nothing_else_whatever_the_verdict() {
    let place = place();
    place.write("good.csv", "a,b\n1,x\n");
    place.write("wrong.yaml", "dataset: t\nrules:\n  - misssing: { column: a }\n");
    let check = |data: &str, rules: &str, more: &[&str]| {
        let arguments = [&["check", data, "-r", rules, "--now", "2026-11-22", "--output", "json", "--report", "r.json"], more].concat();
        let output = run(&place, &arguments, &[("FORCE_COLOR", "1")]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for (data, rules, code, verdict) in [
        ("good.csv", "r.yaml", 0, "accept"),
        ("d.csv", "r.yaml", 1, "quarantine"),
        ("absent.csv", "r.yaml", 2, "undecided"),
        ("d.csv", "wrong.yaml", 2, "undecided"),
    ] {
        for more in [&[][..], &["-q"], &["-v"]] {
            let (exit, stdout, stderr) = check(data, rules, more);
            assert_eq!(exit, Some(code), "{stderr}");
            let json: Json = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"));
            assert_eq!((json["verdict"].as_str(), stderr.is_empty()), (Some(verdict), code < 2), "{stderr}");
            assert_eq!(stdout, std::fs::read_to_string(place.path("r.json")).expect("the report"), "the same as the file");
        }
    }
    let gate = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--output", "json"], &[]);
    let json: Json = serde_json::from_slice(&gate.stdout).expect("JSON");
    assert_eq!((json["verdict"].as_str(), json["publication"]["state"].as_str()), (Some("quarantine"), Some("published")));
}

#[test]
fn of_many_batches_each_report_is_a_line_of_json() {
    let place = place();
    place.write("in/1.csv", "a,b\n1,x\n");
    place.write("in/2.csv", "a,b\n,x\n3,y\n");
    let arguments = [
        "gate",
        "--watch",
        "in",
        "-r",
        "r.yaml",
        "--publish",
        "lake",
        "--quarantine",
        "aside",
        "--drain",
        "--settle",
        "0s",
        "--output",
        "json",
    ];
    let output = run(&place, &arguments, &[]);
    let stdout = text(&output.stdout);
    let verdicts: Vec<Json> =
        stdout.lines().map(|line| serde_json::from_str::<Json>(line).expect("a line of JSON")["verdict"].clone()).collect();
    assert_eq!(verdicts, ["accept", "quarantine"], "{stdout}{}", text(&output.stderr));
    // Nothing new: no report, and that is said aside.
    assert_eq!(text(&run(&place, &arguments, &[]).stdout), "");
}

#[test]
fn a_stream_prints_its_reports_as_json_where_events_go_elsewhere() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nschema: { columns: { a: { type: int64 } } }\nrules:\n  - range: { column: a, max: 5 }\n");
    place.write("e.ndjson", "{\"a\":1}\n{\"a\":9}\n{\"a\":2}\n");
    let stream = ["stream", "e.ndjson", "-r", "r.yaml", "--bad", "bad.ndjson", "--output", "json"];
    let mixed = run(&place, &stream, &[]);
    assert_eq!((mixed.status.code(), text(&mixed.stdout).as_str()), (Some(2), ""));
    assert!(text(&mixed.stderr).contains("would both go to standard output; let the events go to a file"), "{}", text(&mixed.stderr));
    let apart = run(&place, &[&stream[..], &["--good", "good.ndjson"]].concat(), &[]);
    let json: Json = serde_json::from_slice(&apart.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&apart.stderr)));
    assert_eq!((json["rows"]["published"].as_u64(), json["rows"]["quarantined"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn what_is_listed_is_there_as_json_too() {
    let place = place();
    let gate = run(&place, &["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--quarantine", "aside", "--batch-id", "b-1"], &[]);
    assert!(gate.status.success(), "{}", text(&gate.stderr));
    let json = |arguments: &[&str]| -> Json {
        let output = run(&place, arguments, &[]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}: {}{}", text(&output.stdout), text(&output.stderr)))
    };
    let list = json(&["quarantine", "list", "aside", "--output", "json"]);
    assert_eq!(list["batches"][0]["batch"], "b-1");
    assert_eq!(list["batches"][0]["rules"], serde_json::json!({ "missing-a": 1 }));
    assert_eq!(json(&["quarantine", "list", "aside", "--json"]), list);
    let rules = json(&["rules", "list", "--output", "json"]);
    assert_eq!(rules.as_array().map(Vec::len), Some(sluicegate::rules::RULES.len()));
    assert!(rules.as_array().expect("an array").iter().any(|rule| rule["rule"] == "range" && rule["about"] == "column"));
    place.write("wrong.yaml", "dataset: t\nrules:\n  - misssing: { column: a }\n");
    let valid = json(&["rules", "validate", "r.yaml", "wrong.yaml", "--output", "json"]);
    assert_eq!((&valid[0]["valid"], &valid[0]["rules"], &valid[1]["valid"]), (&true.into(), &1.into(), &false.into()));
    assert_eq!(valid[1]["faults"][0]["code"], "unknown-rule", "{valid:#}");
}

#[test]
fn colours_are_for_terminals_or_for_whoever_asks() {
    let place = place();
    let coloured = |variables: &[(&str, &str)]| text(&run(&place, &CHECK, variables).stdout).contains("\x1b[1;33mQUARANTINE\x1b[0m");
    for (variables, expected) in [
        (&[][..], false),
        (&[("FORCE_COLOR", "1")], true),
        (&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true),
        (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
        (&[("FORCE_COLOR", "0")], false),
    ] {
        assert_eq!(coloured(variables), expected, "{variables:?}");
    }
    let plain = text(&run(&place, &CHECK, &[]).stdout);
    assert!(!plain.contains('\x1b'), "{plain}");
    // What cannot be judged, and what is wrong with the command line.
    let fault = run(&place, &["check", "absent.csv", "-r", "r.yaml"], &[("FORCE_COLOR", "1")]);
    assert!(text(&fault.stderr).starts_with("\x1b[1;31merror:\x1b[0m absent.csv"), "{}", text(&fault.stderr));
    let usage = |variables: &[(&str, &str)]| text(&run(&place, &["chekc"], variables).stderr).contains('\x1b');
    assert!(usage(&[("FORCE_COLOR", "1")]) && !usage(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]) && !usage(&[]));
}

#[test]
fn columns_says_how_wide_text_is_where_no_terminal_does() {
    let place = place();
    place.write("r.yaml", "dataset: t\nrules:\n  - missing: { id: the-id-of-a-rule-that-is-long, column: a, description: x }\n");
    let longest = |columns: &str| {
        let stdout = text(&run(&place, &[&CHECK[..], &["-v"]].concat(), &[("COLUMNS", columns)]).stdout);
        stdout.lines().map(|line| line.chars().count()).max()
    };
    assert!(longest("40") <= Some(40) && longest("200") > Some(60), "{:?} {:?}", longest("40"), longest("200"));
    assert_eq!(longest("wide"), longest("120"));
}

/// Runs the program where standard error is a terminal, and prints what stood there.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
out = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    out += piece
os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
"#;

#[test]
fn long_work_says_rows_a_second_and_the_time_left_on_a_terminal_alone() {
    let Ok(python) = std::env::var("SLUICEGATE_PYTHON") else { return skipped("Python (SLUICEGATE_PYTHON)") };
    let place = place();
    place.write("r.yaml", "dataset: t\nprofile: none\nrules:\n  - rows: { min: 1 }\n");
    // 72 MiB: less than 64 is over before a bar could be read.
    let row = format!("1,{}\n", "x".repeat(1021));
    place.write("d.csv", format!("a,b\n{}", row.repeat(72 << 10)));
    let on_terminal = |variables: &[(&str, &str)]| {
        let mut command = Command::new(&python);
        command.args(["-c", ON_A_TERMINAL, env!("CARGO_BIN_EXE_sluicegate")]).args(CHECK).current_dir(place.path(""));
        command.env("TERM", "xterm").env_remove("CI").envs(variables.iter().copied());
        text(&command.output().expect("Python runs").stdout)
    };
    let watched = on_terminal(&[]);
    assert!(watched.contains(" rows/s, ") && watched.contains(" left") && watched.contains("MiB of 72"), "{watched:?}");
    for quiet in [("CI", "true"), ("TERM", "dumb")] {
        let said = on_terminal(&[quiet]);
        assert!(!said.contains("rows/s") && said.contains("ACCEPT"), "{said:?}");
    }
    let piped = run(&place, &CHECK, &[]);
    assert_eq!(text(&piped.stderr), "");
}
