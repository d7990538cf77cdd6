//! Runs that are ended from outside: by a signal, or by `--timeout`. Nothing is published, and nothing is left.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Place;

const RULES: &str = "dataset: t
rules:
  - missing: { column: n }
  - duplicates: { key: [n] }
";
/// So many that they take seconds.
const MANY: usize = 3_000_000;
/// What takes minutes, and looks at nothing but its rows meanwhile.
const STUBBORN: &str = "dataset: t
rules:
  - query: { id: slow, sql: \"SELECT a.n FROM batch a, batch b, batch c WHERE a.n + b.n + c.n < 0\" }
";

struct Run {
    child: Child,
    temporary: PathBuf,
    began: Instant,
}

/// A gate with a directory for temporary files of its own.
fn begin(place: &Place, arguments: &[&str], input: Stdio) -> Run {
    let temporary = place.path("tmp");
    std::fs::create_dir_all(&temporary).expect("a directory");
    let child = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(arguments)
        .args(["-r", "r.yaml", "--report", "r.json", "--quiet"])
        .current_dir(place.path(""))
        .env("TMPDIR", &temporary)
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    Run { child, temporary, began: Instant::now() }
}

impl Run {
    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs").success());
    }

    /// Its exit code, and what it said; it has left nothing behind, and has taken less than so many seconds.
    fn ended(mut self, place: &Place, seconds: u64) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        let code = self.child.wait().expect("it ends").code();
        assert!(self.began.elapsed() < Duration::from_secs(seconds), "{:?}", self.began.elapsed());
        let left: Vec<_> = std::fs::read_dir(&self.temporary).expect("a list").map(|entry| entry.expect("an entry").path()).collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!place.path("out.parquet").exists(), "nothing is published");
        (code, said)
    }
}

fn place(rules: &str, rows: usize) -> Place {
    let rows: String = (0..rows).map(|n| format!("{n}\n")).collect();
    Place::with(rules, &format!("n\n{rows}"))
}

const GATE: [&str; 6] = ["gate", "d.csv", "--publish", "out.parquet", "--quarantine", "aside"];

#[test]
fn a_signal_ends_a_run_and_the_exit_code_names_it() {
    for (name, code, number) in [("-TERM", 143, 15), ("-INT", 130, 2)] {
        let place = place(RULES, MANY);
        let run = begin(&place, &GATE, Stdio::null());
        std::thread::sleep(Duration::from_millis(600));
        run.signal(name);
        let (ended, said) = run.ended(&place, 60);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(&format!("cancelled by signal {number}")) && said.contains("nothing was published"), "{said}");
        let report: serde_json::Value = serde_json::from_reader(File::open(place.path("r.json")).expect("a report")).expect("JSON");
        assert_eq!(report["faults"][0]["code"], "cancelled");
    }
}

#[test]
fn a_run_ends_when_its_time_is_up() {
    for (rules, rows) in [(RULES, MANY), (STUBBORN, 20_000)] {
        let place = place(rules, rows);
        let (ended, said) = begin(&place, &[&GATE[..], &["--timeout", "1s"]].concat(), Stdio::null()).ended(&place, 60);
        assert_eq!(ended, Some(2), "{said}");
        assert!(said.contains("as long as `--timeout` lets it") && said.contains("nothing was published"), "{said}");
    }
}

/// What waits for a pipe cannot look at anything.
#[test]
fn a_run_that_waits_for_its_input_ends_all_the_same() {
    for by_signal in [true, false] {
        let place = place(RULES, 10);
        let arguments = ["gate", "-", "--format", "csv", "--publish", "out.parquet", "--quarantine", "aside"];
        let timeout: &[&str] = if by_signal { &[] } else { &["--timeout", "1s"] };
        let mut run = begin(&place, &[&arguments[..], timeout].concat(), Stdio::piped());
        let mut input = run.child.stdin.take().expect("a pipe");
        input.write_all(b"n\n1\n2\n").and_then(|()| input.flush()).expect("written");
        if by_signal {
            std::thread::sleep(Duration::from_millis(500));
            run.signal("-TERM");
        }
        let (ended, said) = run.ended(&place, 60);
        assert_eq!(ended, Some(if by_signal { 143 } else { 2 }), "{said}");
        assert!(said.contains("nothing was published"), "{said}");
        drop(input);
    }
}

#[test]
fn a_run_with_time_enough_is_not_ended() {
    let place = place(RULES, 10);
    let run = place.run(&[&GATE[..], &["-r", "r.yaml", "--timeout", "10m"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(place.path("out.parquet").exists());
}

#[test]
fn what_goes_on_until_someone_ends_it_has_no_timeout() {
    let place = place(RULES, 10);
    let run = place.run(&[&GATE[..], &["-r", "r.yaml", "--timeout", "10m", "--every", "1s"]].concat());
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`--timeout` belongs to one batch"), "{}", run.stderr);
}
