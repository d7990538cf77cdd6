//! A Delta table that other programs change too, and a store whose answers cannot be trusted: nothing is lost or doubled,
//! and what happened is said.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::crash::{Kind, delta_files};
use crate::gate::read;
use crate::support::{Place, Run, project, skipped};

const RULES: &str = "dataset: t
rules: [{ missing: { column: id } }]
gate: { publish: lake, quarantine: aside }
";

fn place() -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place
}

fn gate(place: &Place, id: &str, data: &str, more: &[&str]) -> Run {
    let name = format!("{id}.csv");
    place.write(&name, data);
    place.run(&[&["gate", &name, "-r", "r.yaml", "--batch-id", id], more].concat())
}

fn visible(place: &Place) -> Vec<i64> {
    Kind::Delta.visible_at(&place.path("lake"))
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().expect("a state")
}

/// Another program that changes the table: deltalake for Python, told what to do line by line.
pub struct Other {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn new(place: &Place) -> Option<Self> {
        Self::at(&place.path("lake"))
    }

    /// One that changes the table in this directory.
    pub fn at(table: &Path) -> Option<Self> {
        let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
        let has = Command::new(&python).args(["-c", "import deltalake, pyarrow"]).output();
        if !has.is_ok_and(|o| o.status.success()) {
            skipped("Python with deltalake and pyarrow");
            return None;
        }
        let mut command = Command::new(&python);
        command.arg(project("tests/delta_other.py")).arg(table).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python runs");
        let (input, output) = (child.stdin.take().expect("input"), BufReader::new(child.stdout.take().expect("output")));
        Some(Self { child, input, output })
    }

    fn begin(&mut self, what: &str) {
        writeln!(self.input, "{what}").expect("it listens");
    }

    /// What it answers: `ok`, or why it failed.
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.trim().to_owned()
    }

    pub fn does(&mut self, what: &str) {
        self.begin(what);
        assert_eq!(self.answer(), "ok", "{what}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn superseding_while_another_program_compacts_leaves_one_of_both() {
    let races: i64 = std::env::var("SLUICEGATE_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(90);
    let place = place();
    assert_eq!(gate(&place, "first", "id,v\n-1,0\n", &[]).code, 0);
    let Some(mut other) = Other::new(&place) else { return };
    let mut superseded = 0;
    for race in 0..races {
        let (name, old, new) = (format!("b{race}"), format!("id,v\n{race},1\n"), format!("id,v\n{race},2\n"));
        assert_eq!(gate(&place, &name, &old, &[]).code, 0);
        // At another moment of the gate's each time.
        other.begin(&format!("compact {}", race % 30 * 4));
        let run = gate(&place, &name, &new, &["--supersede"]);
        // It may lose the race, and then it says so.
        let compacted = other.answer();
        assert!(compacted == "ok" || compacted.starts_with("CommitFailedError"), "{compacted}");
        match run.code {
            0 => superseded += 1,
            2 => assert!(run.stderr.contains("cannot be told from others"), "{}", run.stderr),
            code => panic!("exit code {code}: {}", run.stderr),
        }
        let mut values = Vec::new();
        for file in delta_files(&place.path("lake")) {
            let batch = read(&file);
            let column = |name: &str| batch.column_by_name(name).expect("a column").as_primitive::<Int64Type>().clone();
            values.extend(column("id").iter().zip(column("v").iter()).filter(|(id, _)| *id == Some(race)).map(|(_, v)| v.expect("v")));
        }
        assert_eq!(values, [if run.code == 0 { 2 } else { 1 }], "race {race}: {}", run.stderr);
    }
    assert_eq!(visible(&place).len() as i64, races + 1);
    eprintln!("{superseded} of {races} came before the compaction");
}

#[test]
fn rows_that_another_program_took_away_are_told_from_those_it_moved() {
    let place = place();
    let Some(mut other) = Other::new(&place) else { return };
    let (a, b) = ("id,v\n1,1\n2,2\n", "id,v\n3,3\n");
    assert_eq!((gate(&place, "a", a, &[]).code, gate(&place, "b", b, &[]).code), (0, 0));
    other.does("compact 0");
    assert_eq!(state(&gate(&place, "a", a, &[])), "unchanged", "compaction moves rows");
    other.does("delete id = 1");
    assert_eq!(state(&gate(&place, "a", a, &[])), "unchanged", "what was deleted on purpose does not come back");
    assert_eq!(visible(&place), [2, 3]);
    // The table as it was before the batch b.
    other.does("restore 0");
    assert_eq!(state(&gate(&place, "a", a, &[])), "unchanged");
    let gone = gate(&place, "b", b, &[]);
    assert_eq!(gone.code, 2, "{}", gone.stdout);
    assert!(
        gone.stderr.contains("batch `b` was published, and another program took all its rows away: RESTORE in version"),
        "{}",
        gone.stderr
    );
    assert!(gone.stderr.contains("--supersede"), "{}", gone.stderr);
    assert_eq!(gate(&place, "b", b, &["--dry-run"]).code, 2, "a dry run says so too");
    let back = gate(&place, "b", b, &["--supersede"]);
    assert_eq!((back.code, state(&back)), (0, "published"), "{}", back.stderr);
    assert_eq!(visible(&place), [1, 2, 3]);
    assert_eq!(state(&gate(&place, "b", b, &[])), "unchanged");
    for (what, said) in [("delete id > 0", "DELETE in version"), ("overwrite", "WRITE in version")] {
        other.does(what);
        let gone = gate(&place, "a", a, &[]);
        assert!(gone.code == 2 && gone.stderr.contains(said), "{what}: {}", gone.stderr);
        assert_eq!(gate(&place, "a", a, &["--supersede"]).code, 0);
    }
    assert_eq!(visible(&place).iter().filter(|id| **id > 0).count(), 2);
    // What the log no longer tells is not guessed.
    other.does("compact 0");
    other.does("forget the log");
    let unknown = gate(&place, "a", a, &[]);
    assert!(unknown.code == 2 && unknown.stderr.contains("does not reach back far enough"), "{}", unknown.stderr);
    let unknown = gate(&place, "a", a, &["--supersede"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("does not reach back far enough"), "{}", unknown.stderr);
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_a_warning() {
    let place = place();
    for batch in 0..99 {
        assert_eq!(gate(&place, &format!("b{batch}"), &format!("id\n{batch}\n"), &["-q"]).code, 0);
    }
    // Room for a batch and its commit, not for a checkpoint of a hundred commits: the library's own error.
    place.write("last.csv", "id\n99\n");
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sluicegate")])
        .args(["gate", "last.csv", "-r", "r.yaml", "--batch-id", "last"])
        .current_dir(place.path("."))
        .output()
        .expect("a shell");
    let said = format!("{}{}", String::from_utf8_lossy(&limited.stdout), String::from_utf8_lossy(&limited.stderr));
    assert_eq!(limited.status.code(), Some(0), "{said}");
    assert!(said.contains("published to lake") && said.contains("warning:") && said.contains("checkpoint"), "{said}");
    assert_eq!(visible(&place).len(), 100);
    let log = || fs::read_dir(place.path("lake/_delta_log")).expect("a log").flatten().map(|e| e.file_name().into_string().expect("text"));
    assert!(!log().any(|name| name == "_last_checkpoint"), "nothing names what is not there");
    // The next commit makes up for it.
    let next = gate(&place, "next", "id\n100\n", &[]);
    assert_eq!((next.code, next.report()["publication"]["warnings"].is_null()), (0, true), "{}", next.stdout);
    assert!(log().any(|name| name == "_last_checkpoint") && log().any(|name| name.ends_with(".checkpoint.parquet")));
    assert_eq!(state(&gate(&place, "b7", "id\n7\n", &[])), "unchanged", "known by the checkpoint");
    if let Some(mut other) = Other::new(&place) {
        other.does("count 101");
    }
}

#[test]
fn rows_of_a_replay_that_another_program_took_back_are_missed() {
    let place = place();
    let Some(mut other) = Other::new(&place) else { return };
    let (data, looser) = ("id,v\n1,1\n,2\n", "r2.yaml");
    place.write(looser, RULES.replace("column: id", "column: v"));
    let replay = || place.run(&["replay", "-r", looser]);
    for publish in ["lake", "one.parquet"] {
        let to = ["--publish", publish, "--quarantine", "aside-one"];
        let more: &[&str] = if publish == "lake" { &[] } else { &to };
        assert_eq!(gate(&place, "a", data, more).code, 0);
        if publish == "lake" {
            assert_eq!(replay().code, 0);
            assert_eq!(state(&gate(&place, "a", data, more)), "unchanged");
            other.does("restore 0");
        } else {
            let before = fs::read(place.path(publish)).expect("a file");
            assert_eq!(place.run(&[&["replay", "-r", looser], more].concat()).code, 0);
            place.write(publish, before);
        }
        // The second row is neither published nor set aside.
        for again in [gate(&place, "a", data, more), gate(&place, "a", data, &[more, &["--dry-run"]].concat())] {
            assert!(again.code == 2 && again.stderr.contains("that a replay published are no longer there"), "{}", again.stdout);
        }
        let back = gate(&place, "a", data, &[more, &["--supersede"]].concat());
        assert_eq!((back.code, state(&back)), (0, "superseded"), "{}", back.stderr);
        assert_eq!((back.rows("published"), back.rows("quarantined")), (1, 1));
        assert_eq!(state(&gate(&place, "a", data, more)), "unchanged");
    }
    assert_eq!(replay().code, 0);
    other.does("count 2");
}

#[test]
fn what_cannot_be_tidied_up_behind_a_published_batch_is_a_warning() {
    // With and without rows that are set aside again.
    for (publish, data, parts) in [("lake", "id,v\n1,3\n", 0), ("one.parquet", "id,v\n1,3\n", 0), ("lake", "id,v\n1,3\n,2\n", 1)] {
        let place = place();
        assert_eq!(gate(&place, "a", "id,v\n1,1\n,2\n", &["--publish", publish]).code, 0);
        // In the place of something that an earlier content left: it cannot be looked at as a part, nor removed as a file.
        fs::create_dir(place.path("aside/a.0123.parquet")).expect("a directory");
        let run = gate(&place, "a", data, &["--publish", publish, "--supersede"]);
        assert_eq!((run.code, state(&run)), (0, "superseded"), "{}", run.stderr);
        assert!(run.stdout.contains("warning: the batch is published; what its earlier content left"), "{}", run.stdout);
        assert!(!run.stderr.contains("nothing was published"), "{}", run.stderr);
        if publish == "lake" {
            assert_eq!(visible(&place), [1]);
        }
        fs::remove_dir(place.path("aside/a.0123.parquet")).expect("removed");
        let again = gate(&place, "a", data, &["--publish", publish]);
        assert_eq!((state(&again), again.report()["publication"]["warnings"].is_null()), ("unchanged", true));
        assert_eq!(place.parts("aside", "a").len(), parts, "the next run makes up for it");
    }
}

/// A library that makes every lock unknown, as some network file systems do.
fn without_locks(place: &Place) -> Option<std::path::PathBuf> {
    let source = place.write("nolock.c", "#include <errno.h>\nint flock(int file, int how) { errno = ENOLCK; return -1; }\n");
    let library = place.path("nolock.so");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output();
    if cfg!(not(target_os = "linux")) || !made.is_ok_and(|made| made.status.success()) {
        skipped("a C compiler on Linux");
        return None;
    }
    Some(library)
}

#[test]
fn without_locks_a_gate_that_lost_the_race_leaves_the_file_of_the_one_that_won() {
    let place = place();
    let Some(library) = without_locks(&place) else { return };
    assert_eq!(gate(&place, "first", "id\n-1\n", &[]).code, 0);
    for race in 0..12_i64 {
        let (name, id) = (format!("b{race}.csv"), format!("b{race}"));
        place.write(&name, format!("id\n{race}\n"));
        let start = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.args(["gate", &name, "-r", "r.yaml", "--batch-id", &id, "-q"]).current_dir(place.path("."));
            command.env("LD_PRELOAD", &library).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
        };
        let gates: Vec<Child> = (0..6).map(|_| start()).collect();
        for gate in gates {
            assert!(gate.wait_with_output().expect("it ends").status.success(), "race {race}");
        }
        // Reads every file that the log names.
        assert_eq!(visible(&place), (-1..=race).collect::<Vec<i64>>(), "race {race}");
    }
}

#[test]
fn a_data_set_by_another_name_does_not_publish_its_batch_again() {
    for format in ["delta", "parquet"] {
        let place = place();
        let more = ["--publish-format", format];
        assert_eq!(gate(&place, "a", "id\n1\n", &more).code, 0);
        assert_eq!(gate(&place, "none", "id,v\n,x\n2,y\n", &more).code, 0);
        place.write("r.yaml", RULES.replace("dataset: t", "dataset: renamed"));
        let before = place.files();
        let again = gate(&place, "a", "id\n1\n", &more);
        assert!(again.code == 2 && again.stderr.contains("a batch of the data set `t` is there"), "{format}: {}", again.stderr);
        assert_eq!(place.files(), before);
        let superseded = gate(&place, "a", "id\n1\n", &[&more[..], &["--supersede"]].concat());
        assert_eq!(superseded.code, 0, "{format}: {}", superseded.stderr);
    }
    let place = place();
    assert_eq!(gate(&place, "a", "id\n1\n", &[]).code, 0);
    assert_eq!(gate(&place, "b", "id\n2\n", &[]).code, 0);
    if let Some(mut other) = Other::new(&place) {
        // Its file is gone too: the transaction alone knows it.
        other.does("compact 0");
        place.write("r.yaml", RULES.replace("dataset: t", "dataset: renamed"));
        let again = gate(&place, "a", "id\n1\n", &[]);
        assert!(again.code == 2 && again.stderr.contains("or of another data set"), "{}", again.stderr);
        assert_eq!(visible(&place), [1, 2]);
    }
}

#[test]
fn a_single_file_names_the_batch_whose_place_is_taken() {
    let place = place();
    let more = ["--publish", "out.parquet"];
    assert_eq!(gate(&place, "monday", "id\n1\n", &more).code, 0);
    let dry = gate(&place, "tuesday", "id\n2\n", &[&more[..], &["--dry-run"]].concat());
    assert!(dry.stdout.contains("would go in place of batch monday"), "{}", dry.stdout);
    let tuesday = gate(&place, "tuesday", "id\n2\n", &more);
    assert_eq!((tuesday.code, &tuesday.report()["publication"]["replaced_batch"]), (0, &"monday".into()), "{}", tuesday.stderr);
    assert!(tuesday.stdout.contains("in place of batch monday, which the file held until now"), "{}", tuesday.stdout);
    place.write("r.yaml", RULES.replace("dataset: t", "dataset: other"));
    let other = gate(&place, "wednesday", "id\n3\n", &more);
    assert!(other.code == 2 && other.stderr.contains("a batch of the data set `t` is there"), "{}", other.stderr);
}

#[test]
fn a_dry_run_says_what_would_be_replaced_and_refused() {
    let place = place();
    place.write("r.yaml", RULES.replace("quarantine: aside", "quarantine: aside, replace: { partition: day }"));
    assert_eq!(gate(&place, "a", "id,day\n1,2026-03-01\n2,2026-03-02\n", &[]).code, 0);
    let before = place.files();
    let dry = |id: &str, data: &str| gate(&place, id, data, &["--dry-run"]);
    let run = dry("b", "id,day\n3,2026-03-02\n");
    let publication = &run.report()["publication"];
    assert_eq!((&publication["would_be"], &publication["replaced_rows"]), (&"published".into(), &1.into()), "{}", run.stderr);
    assert!(
        run.stdout.contains("would be published to lake") && run.stdout.contains("would go in place of 1 row of other batches"),
        "{}",
        run.stdout
    );
    let run = dry("b", "id,day\n3,\n4,2026-03-02\n");
    assert!(run.code == 2 && run.stderr.contains("a row to be published has no `day`"), "{}", run.stderr);
    let run = dry("a", "id,day\n1,2026-03-01\n2,2026-03-02\n");
    assert!(run.stdout.contains("published already, and nothing would change"), "{}", run.stdout);
    let data: Vec<String> = place.files().into_iter().filter(|f| !f.ends_with(".csv")).collect();
    assert_eq!(data, before.into_iter().filter(|f| !f.ends_with(".csv")).collect::<Vec<_>>(), "nothing was written");
}

#[test]
fn a_log_that_names_files_outside_of_its_table_is_refused() {
    for path in
        ["../secret.parquet", "/etc/secret.parquet", "file:///etc/secret.parquet", "s3://bucket/secret.parquet", "a/../../b.parquet"]
    {
        let place = place();
        place.write("r.yaml", RULES.replace("{ missing: { column: id } }", "{ duplicates: { key: [id], across: published } }"));
        assert_eq!(gate(&place, "a", "id\n1\n", &[]).code, 0);
        let add =
            serde_json::json!({ "add": { "path": path, "partitionValues": {}, "size": 9, "modificationTime": 0, "dataChange": true } });
        place.write("lake/_delta_log/00000000000000000001.json", add.to_string());
        let run = gate(&place, "b", "id\n2\n", &[]);
        assert!(run.code == 2 && run.stderr.contains("names a file outside of it"), "{path}: {}", run.stderr);
    }
}
