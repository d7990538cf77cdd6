//! The command line: exit codes, and a clear word for everything that can be wrong.

use crate::support::{Place, run_in};

const RULES: &str = "dataset: t\nrules:\n  - missing: { column: a }\n";

fn place(data: &str) -> Place {
    Place::with(RULES, data)
}

#[test]
fn exit_codes_of_check_and_gate() {
    let rules = |on_fail: &str| format!("dataset: t\nrules:\n  - missing: {{ column: a, on_fail: {on_fail} }}\n");
    // What fails, then the exit codes of check, check --strict, gate, gate --strict.
    let expected = [("quarantine", [1, 1, 0, 1]), ("reject", [1, 1, 1, 1]), ("warn", [0, 1, 0, 1]), ("info", [0, 0, 0, 0])];
    for (on_fail, codes) in expected {
        for (i, (command, strict)) in [("check", false), ("check", true), ("gate", false), ("gate", true)].into_iter().enumerate() {
            let place = place("a,b\n1,x\n,y\n");
            place.write("r.yaml", rules(on_fail));
            let mut arguments = vec![command, "d.csv", "-r", "r.yaml"];
            arguments.extend(strict.then_some("--strict"));
            arguments.extend((command == "gate").then_some(["--publish", "out"]).into_iter().flatten());
            let run = place.run(&arguments);
            assert_eq!(run.code, codes[i], "{on_fail} {arguments:?}: {}", run.stderr);
        }
    }
    let sound = place("a,b\n1,x\n2,y\n");
    assert_eq!(sound.run(&["check", "d.csv", "-r", "r.yaml", "--strict"]).code, 0);
    assert_eq!(sound.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out", "--strict"]).code, 0);
}

#[test]
fn what_cannot_be_judged_exits_2_with_a_message() {
    let cases: [(&str, &[&str], &str); 9] = [
        ("a missing file", &["check", "nowhere.csv", "-r", "r.yaml"], "nowhere.csv: no such file"),
        ("a glob without files", &["check", "none-*.csv", "-r", "r.yaml"], "no file matches"),
        ("a directory", &["check", "dir", "-r", "r.yaml"], "no data in this directory"),
        ("no data named", &["check", "-r", "r.yaml"], "no data was named"),
        ("an unknown format", &["check", "r.yaml", "-r", "r.yaml"], "the format cannot be told"),
        ("no rule file", &["check", "d.csv", "-r", "none.yaml"], "no such rule file"),
        ("an unknown report format", &["check", "d.csv", "-r", "r.yaml", "--report", "x.docx"], "no report is written in that format"),
        ("nowhere to publish", &["gate", "d.csv", "-r", "r.yaml"], "nothing says where to publish"),
        ("a batch id that is a path", &["gate", "d.csv", "-r", "r.yaml", "--publish", "o", "--batch-id", "../x"], "cannot name a batch"),
    ];
    let place = place("a,b\n1,x\n");
    std::fs::create_dir(place.path("dir")).expect("directory");
    let before = place.files();
    for (what, arguments, message) in cases {
        let run = place.run(arguments);
        assert_eq!(run.code, 2, "{what}");
        assert!(run.stderr.contains(message), "{what}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{what}");
    }
    assert_eq!(before, place.files());
}

#[test]
fn data_that_says_nothing_is_never_accepted() {
    for (data, message) in [("", "has no bytes"), ("\n", "holds blank lines only"), ("a,b\n", "the batch has no rows")] {
        let run = place(data).run(&["check", "d.csv", "-r", "r.yaml"]);
        assert_eq!(run.code, 2, "{data:?}");
        assert!(run.stderr.contains(message) || run.stdout.contains(message), "{data:?}: {}{}", run.stdout, run.stderr);
        assert_eq!(run.verdict(), "undecided");
    }
    let lacking = place("x,b\n1,x\n").run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!(lacking.code, 2);
    assert!(lacking.stderr.contains("r.yaml:3:24: unknown column `a`; "), "{}", lacking.stderr);
    assert_eq!(lacking.report()["faults"].as_array().map(Vec::len), Some(1));
    let dropped = place("a,b\n1,x\n");
    dropped.write("r.yaml", format!("{RULES}clean: [{{ drop_where: \"a = 1\" }}]\n"));
    let run = dropped.run(&["check", "d.csv", "-r", "r.yaml"]);
    assert_eq!((run.code, run.verdict()), (2, "undecided"), "{}", run.stdout);
}

#[test]
fn a_damaged_parquet_file_is_a_message_not_a_crash() {
    let place = place("a\n1\n");
    let gate = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "good.parquet"]);
    assert_eq!(gate.code, 0, "{}", gate.stderr);
    let good = std::fs::read(place.path("good.parquet")).expect("file");
    place.write("short.parquet", &good[..good.len() / 2]);
    place.write("text.parquet", "a,b\n1,2\n");
    let mut flipped = good.clone();
    flipped[4..20].fill(0xff);
    place.write("flipped.parquet", &flipped);
    for file in ["short.parquet", "text.parquet", "flipped.parquet"] {
        let run = place.run(&["check", file, "-r", "r.yaml"]);
        assert_eq!(run.code, 2, "{file}: {}", run.stdout);
        assert!(run.stderr.contains(file) || run.stderr.contains("internal error"), "{file}: {}", run.stderr);
    }
}

#[test]
fn help_is_a_snapshot() {
    let place = Place::new();
    for command in ["", "check", "gate", "rules", "explain", "schema"] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate")).args(&arguments).output().expect("runs");
        assert!(output.status.success());
        let name = if command.is_empty() { "help".to_owned() } else { format!("help_{command}") };
        insta::assert_snapshot!(name, String::from_utf8(output.stdout).expect("UTF-8"));
    }
    let unknown = place.run(&["chekc"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("check"), "{}", unknown.stderr);
}

#[test]
fn the_small_commands_answer() {
    let place = place("a\n1\n");
    assert_eq!(place.run(&["rules", "validate", "r.yaml"]).stdout, "r.yaml: valid, 1 rule\n");
    assert_eq!(place.run(&["rules", "list"]).code, 0);
    assert!(place.run(&["explain", "range"]).stdout.starts_with("# range\n"));
    assert!(place.run(&["explain", "schema"]).stdout.starts_with("# schema\n"));
    assert!(place.run(&["explain", "malformed"]).stdout.contains("| `tolerate` |"));
    let unknown = place.run(&["explain", "rnage"]);
    assert_eq!((unknown.code, unknown.stderr.contains("did you mean `range`?")), (2, true));
    for of in ["rules", "report"] {
        let schema: serde_json::Value = serde_json::from_str(&place.run(&["schema", of]).stdout).expect("JSON");
        assert!(schema["properties"].is_object());
    }
    let script = place.run(&["completions", "bash"]).stdout;
    for offered in ["representation", "malformed", "ndjson", "compgen -f"] {
        assert!(script.contains(offered), "the completion script offers no `{offered}`");
    }
}

#[test]
fn the_terminal_report_is_a_snapshot() {
    let project = crate::support::project("");
    let run = run_in(&project, &["check", "-r", "rules/orders.yaml"]);
    insta::assert_snapshot!("orders_terminal", run.stdout);
    assert!(!run.stdout.contains('\x1b'), "no colour where there is no terminal");
    assert_eq!(run_in(&project, &["check", "-r", "rules/orders.yaml", "-q"]).stdout, "");
}
