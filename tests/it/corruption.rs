//! Files of every format, damaged in many ways, through the built binary: each run ends with a verdict or a fault, in little memory.
//!
//! `SLUICEGATE_MUTANTS` is how many there are in all, `SLUICEGATE_BINARY` another build of the program. See `docs/reliability.md`.

mod mutate;
mod text;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use serde_json::Value as Json;

use self::mutate::{Chance, mutant};
use crate::support::{Place, project};

/// In tests of every day.
const FEW: usize = 240;
const LIMIT: &str = "256MB";
/// What a process may hold at most, in bytes.
const MEMORY_MAX: u64 = 400_000_000;
const TIME_MAX: Duration = Duration::from_secs(10);

/// Names of data of each format, and of what text comes wrapped in: all that lies in `fixtures/formats`.
fn files() -> Vec<String> {
    let listed = std::fs::read_dir(project("fixtures/formats")).expect("a directory").flatten().filter(|entry| entry.path().is_file());
    let names = listed.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !["README.md", "make.py"].contains(&name.as_str())).collect();
    names.sort();
    names
}

const RULES: &str = r#"
dataset: d
rules:
  - missing: { columns: "*", tolerate: 50% }
  - duplicates: {}
  - stuck: { columns: "*", max_run: 3 }
  - outliers: { columns: { type: numeric }, method: iqr, tolerate: 10% }
  - rows: { min: 1 }
"#;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    stderr: String,
    took: Duration,
    is_hang: bool,
    memory: u64,
}

/// Runs the program with these arguments until it ends, or for as long as it may.
fn run(directory: &Path, arguments: &[&str]) -> Ended {
    let program = std::env::var_os("SLUICEGATE_BINARY").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_sluicegate")), PathBuf::from);
    let stderr = directory.join("stderr");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(std::fs::File::create(&stderr).expect("a file")).env("TMPDIR", directory).env("RUST_BACKTRACE", "1");
    let begin = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let (mut is_hang, mut memory) = (false, 0);
    let status = loop {
        memory = memory.max(peak(child.id()));
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begin.elapsed() > TIME_MAX && !is_hang {
            is_hang = true;
            child.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    let mut text = Vec::new();
    std::fs::File::open(stderr).and_then(|mut file| file.read_to_end(&mut text)).expect("what it says");
    Ended { status, stderr: String::from_utf8_lossy(&text).into_owned(), took: begin.elapsed(), is_hang, memory }
}

/// How many bytes the process has held at most so far, files that it maps included. What is told of a child that has ended counts what
/// its parent held when it began, which is more.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes * 1024)
}

/// What is wrong with how the run ended; nothing where it is as promised.
fn wrong(ended: &Ended) -> Option<String> {
    if ended.is_hang {
        return Some(format!("a hang: {:?}", ended.took));
    }
    if ended.memory > MEMORY_MAX {
        return Some(format!("{} MB of memory", ended.memory / 1_000_000));
    }
    match ended.status.code() {
        Some(0 | 1) if ended.stderr.contains("panicked at") => Some("a panic on the terminal".to_owned()),
        Some(0 | 1) => None,
        Some(2) if ended.stderr.contains("panicked at") => Some("a panic on the terminal".to_owned()),
        Some(2) if ended.stderr.contains("error: ") => None,
        _ => Some(format!("a crash: {:?}", ended.status)),
    }
}

/// What is wrong with what the run left behind.
fn lost(place: &Place, ended: &Ended, gates: bool) -> Option<String> {
    let published = place.path("out.parquet");
    if ended.status.code() == Some(2) {
        return published.exists().then(|| "published with exit code 2".to_owned());
    }
    let text = std::fs::read_to_string(place.path("report.json")).expect("a report");
    let report: Json = serde_json::from_str(&text).expect("JSON");
    let rows = |what: &str| report["rows"][what].as_u64().expect("a number of rows");
    if rows("read") != ["published", "quarantined", "filtered", "rejected"].into_iter().map(rows).sum::<u64>() {
        return Some(format!("rows are lost: {}", report["rows"]));
    }
    if !gates {
        return None;
    }
    let there = if published.exists() { rows_of(&published) } else { 0 };
    let aside: u64 = place.parts("aside", "b").iter().map(|part| rows_of(part)).sum();
    let expected = (rows("published"), rows("quarantined"));
    ((there, aside) != expected).then(|| format!("{there} rows published and {aside} set aside, told are {expected:?}"))
}

fn rows_of(path: &Path) -> u64 {
    let file = SerializedFileReader::new(std::fs::File::open(path).expect("a file")).expect("Parquet");
    u64::try_from(file.metadata().file_metadata().num_rows()).expect("a number of rows")
}

/// What became of the mutants of one file.
#[derive(Debug, Default)]
struct Tally {
    verdicts: usize,
    faults: usize,
    /// Faults of a library that broke, and was caught.
    caught: usize,
    slowest: Duration,
    memory: u64,
    wrong: Vec<String>,
}

#[test]
fn damaged_files_end_in_a_verdict_or_a_fault() {
    let all = number("SLUICEGATE_MUTANTS", FEW);
    let first = number("SLUICEGATE_FIRST_MUTANT", 0);
    let files = files();
    let whole: Vec<Vec<u8>> = files.iter().map(|name| std::fs::read(project("fixtures/formats").join(name)).expect("data")).collect();
    let (next, tallies) = (AtomicUsize::new(first), Mutex::new(BTreeMap::<&String, Tally>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + all {
                        break;
                    }
                    let name = &files[number % files.len()];
                    let mut chance = Chance::new(number as u64);
                    let other = &whole[chance.below(files.len())];
                    let bytes = mutant(&mut chance, &whole[number % files.len()], other);
                    let (ended, lost) = judged(name, &bytes, number / files.len());
                    let mut tallies = tallies.lock().expect("nobody panics with it");
                    let tally = tallies.entry(name).or_default();
                    tally.slowest = tally.slowest.max(ended.took);
                    tally.memory = tally.memory.max(ended.memory);
                    match wrong(&ended).or(lost) {
                        Some(what) => tally.wrong.push(format!("mutant {number}: {what}: {}", ended.stderr.lines().next().unwrap_or(""))),
                        None if ended.stderr.contains("internal error") => tally.caught += 1,
                        None if ended.status.code() == Some(2) => tally.faults += 1,
                        None => tally.verdicts += 1,
                    }
                }
            });
        }
    });
    let tallies = tallies.into_inner().expect("nobody panicked with it");
    println!("{:20} {:>8} {:>8} {:>8} {:>8} {:>9} {:>7}", "file", "verdicts", "faults", "caught", "wrong", "slowest s", "MB");
    for (name, tally) in &tallies {
        let Tally { verdicts, faults, caught, slowest, memory, wrong } = tally;
        let (wrong, slowest, memory) = (wrong.len(), slowest.as_secs_f64(), memory / 1_000_000);
        println!("{name:20} {verdicts:8} {faults:8} {caught:8} {wrong:8} {slowest:9.2} {memory:7}");
    }
    let wrong: Vec<&String> = tallies.values().flat_map(|tally| &tally.wrong).collect();
    assert!(wrong.is_empty(), "{} of {all} are wrong:\n{wrong:#?}", wrong.len());
    let judged: usize = tallies.values().map(|tally| tally.verdicts + tally.faults + tally.caught).sum();
    assert!(judged == all && tallies.values().all(|tally| tally.verdicts + tally.faults > 0));
}

/// `fuzz/regressions` has a directory for each format.
#[test]
fn what_once_broke_something_is_judged_or_refused() {
    let mut tried = 0;
    for file in glob::glob(&project("fuzz/regressions/*/*").display().to_string()).expect("a pattern").flatten() {
        let format = file.parent().and_then(Path::file_name).expect("a format").to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).expect("data");
        for turn in [0, 4] {
            let (ended, lost) = judged(&format!("found.{format}"), &bytes, turn);
            assert_eq!(wrong(&ended).or(lost), None, "{}: {}", file.display(), ended.stderr);
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// The file, judged by the command whose turn it is, and what was lost of its rows.
fn judged(name: &str, bytes: &[u8], turn: usize) -> (Ended, Option<String>) {
    let place = Place::with(RULES, "");
    let name = format!("m-{name}");
    place.write(&name, bytes);
    let common = ["--memory-limit", LIMIT, "--threads", if turn.is_multiple_of(2) { "1" } else { "2" }, "--report", "report.json"];
    let judge = [&common[..], &["--rules", "r.yaml", "--batch-id", "b", &name]].concat();
    let gates = turn % 5 < 3;
    let arguments = match turn % 5 {
        0..3 => [&["gate"], &judge[..], &["--publish", "out.parquet", "--quarantine", "aside"]].concat(),
        _ => [&["check"], &judge[..]].concat(),
    };
    let ended = run(&place.path(""), &arguments);
    let lost = if ended.is_hang || ended.status.code().is_none_or(|code| code > 2) { None } else { lost(&place, &ended, gates) };
    (ended, lost)
}
