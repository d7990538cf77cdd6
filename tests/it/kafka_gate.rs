//! A topic gated in micro-batches: every event is in the table or set aside, exactly once, whatever is killed and whoever races.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use serde_json::{Value as Json, json};

use crate::brokers::Brokers;
use crate::gate::of_bytes;
use crate::support::{Place, Run};

pub const RULES: &str = "dataset: plays
schema:
  columns: { id: { type: int64, required: true }, seconds: float64, user: string }
rules:
  - range: { column: seconds, min: 0, max: 100 }
gate: { publish: lake, quarantine: aside }
";

/// So many events, in one partition, from `first` on: each tenth is out of range, each 25th is no JSON.
pub fn events(first: u32, count: u32) -> Json {
    let value = |id: u32| match id {
        _ if id % 25 == 7 => format!("{{bad {id}"),
        _ => format!(r#"{{"id": {id}, "seconds": {}, "user": "u{}"}}"#, if id % 10 == 3 { -1 } else { 5 }, id % 7),
    };
    (first..first + count).map(|id| json!({"value": value(id)})).collect::<Vec<_>>().into()
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("{name} in {:?}", batch.schema()));
    let ids = column("id").as_primitive::<Int64Type>();
    let of_raw = |row: usize| {
        let raw = column("_sluicegate_raw").as_binary::<i32>().value(row);
        String::from_utf8_lossy(raw).trim_start_matches("{bad ").parse().expect("a number")
    };
    (0..batch.num_rows()).map(|row| if ids.is_valid(row) { ids.value(row) } else { of_raw(row) }).collect()
}

/// The ids in the files of the table that count.
pub fn published(place: &Place) -> Vec<i64> {
    let log = place.path("lake/_delta_log");
    let mut entries: Vec<_> = std::fs::read_dir(&log).map_or_else(|_| Vec::new(), |all| all.flatten().map(|e| e.path()).collect());
    entries.retain(|path| path.extension().is_some_and(|end| end == "json") && !path.to_string_lossy().contains("checkpoint"));
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        for line in std::fs::read_to_string(entry).expect("an entry").lines() {
            let action: Json = serde_json::from_str(line).expect("JSON");
            files.extend(action["add"]["path"].as_str().map(str::to_owned));
            files.retain(|file| action["remove"]["path"].as_str() != Some(file));
        }
    }
    let read = |file: &String| ids(&of_bytes(std::fs::read(place.path("lake").join(file)).expect("a file").into()));
    files.iter().flat_map(read).collect()
}

pub fn set_aside(place: &Place) -> Vec<i64> {
    let pattern = place.path("aside/*.parquet").display().to_string();
    let files = glob::glob(&pattern).expect("a pattern").flatten();
    files.flat_map(|file| ids(&of_bytes(std::fs::read(file).expect("a file").into()))).collect()
}

/// Makes sure that the events `0..count` are there, each once and in its place.
pub fn ensure_once(place: &Place, count: u32) {
    let (good, bad) = (published(place), set_aside(place));
    let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
    good.iter().chain(&bad).for_each(|id| *seen.entry(*id).or_default() += 1);
    let odd: Vec<_> = (0..i64::from(count)).filter(|id| seen.get(id) != Some(&1)).map(|id| (id, seen.get(&id).copied())).collect();
    assert!(odd.is_empty(), "not once: {odd:?}");
    assert_eq!(seen.len(), count as usize);
    let is_bad = |id: &i64| id % 25 == 7 || id % 10 == 3;
    assert!(bad.iter().all(is_bad) && !good.iter().any(is_bad));
}

pub fn gate(place: &Place, brokers: &Brokers, more: &[&str]) -> Run {
    let url = brokers.url();
    place.run(&[&["gate", &url, "-r", "r.yaml", "--drain"], more].concat())
}

fn scene(partitions: usize) -> Option<(Brokers, Place)> {
    let brokers = Brokers::with_topic(1, partitions)?;
    Some((brokers, Place::with(RULES, "")))
}

#[test]
fn events_are_gated_once_and_the_next_run_goes_on_behind_them() {
    let Some((brokers, place)) = scene(2) else { return };
    brokers.produce(0, events(0, 500));
    brokers.produce(1, events(500, 500));
    let run = gate(&place, &brokers, &["--rows", "300"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 4, "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.starts_with("t.") && line.contains(" quarantine: ")), "{}", run.stdout);
    ensure_once(&place, 1000);
    assert_eq!(gate(&place, &brokers, &[]).stdout, "");
    brokers.produce(1, events(1000, 50));
    assert_eq!(gate(&place, &brokers, &[]).stdout.lines().count(), 1);
    ensure_once(&place, 1050);
    // One entry a partition, however many batches there were.
    let log = std::fs::read_to_string(place.path("lake/_delta_log/00000000000000000004.json")).expect("an entry");
    assert!(log.contains(r#"/t/1","version":550}}"#) && !log.contains("sluicegate-batch"), "{log}");
}

#[test]
fn killed_at_any_step_and_run_again_with_another_cut_each_event_is_there_once() {
    let Some((brokers, _)) = scene(1) else { return };
    brokers.produce(0, events(0, 120));
    for step in 1.. {
        let place = Place::with(RULES, "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.args(["gate", &brokers.url(), "-r", "r.yaml", "--drain", "--rows", "50", "--die-at-step", &step.to_string()]);
        let died = !command.current_dir(place.path(".")).output().expect("it runs").status.success();
        // Cut elsewhere, the batch that was under way has another name.
        let again = gate(&place, &brokers, &["--rows", "70"]);
        assert_eq!(again.code, 0, "step {step}: {}", again.stderr);
        ensure_once(&place, 120);
        if !died {
            assert!(step > 15, "{step} steps");
            return;
        }
    }
}

/// A gate that runs until it is ended.
fn running(place: &Place, brokers: &Brokers, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.args(["gate", &brokers.url(), "-r", "r.yaml", "--every", "1s"]).args(more);
    command.current_dir(place.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[test]
fn killed_at_random_and_raced_by_another_gate_each_event_is_there_once() {
    let kills: u32 = std::env::var("SLUICEGATE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let Some((brokers, place)) = scene(2) else { return };
    let mut next = 0;
    for kill in 0..kills {
        for partition in 0..2 {
            brokers.produce(partition, events(next, 200));
            next += 200;
        }
        let rows = (20 + 17 * (kill % 9)).to_string();
        let mut gates: Vec<Child> = (0..1 + kill % 2).map(|_| running(&place, &brokers, &["--rows", &rows])).collect();
        std::thread::sleep(Duration::from_millis(u64::from(100 + (kill * 137) % 900)));
        for gate in &mut gates {
            gate.kill().expect("it was running");
            gate.wait().expect("it is over");
        }
    }
    let run = gate(&place, &brokers, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    ensure_once(&place, next);
}

#[test]
fn gates_that_share_a_topic_take_turns_and_lose_nothing() {
    let Some((brokers, place)) = scene(3) else { return };
    for partition in 0..3u32 {
        brokers.produce(partition as i32, events(partition * 400, 400));
    }
    let url = brokers.url();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let run = |more: &'static [&'static str]| {
            let (place, url) = (&place, &url);
            scope.spawn(move || place.run(&[&["gate", url, "-r", "r.yaml", "--drain", "--rows", "90"], more].concat()))
        };
        let all: [&'static [&'static str]; 3] = [&[], &["--partitions", "0-1"], &["--partitions", "2"]];
        let running: Vec<_> = all.into_iter().map(run).collect();
        running.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    for run in runs {
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    }
    ensure_once(&place, 1200);
}

#[test]
fn a_batch_that_does_not_pass_halts_the_run_or_goes_aside_as_a_whole() {
    let Some((brokers, place)) = scene(1) else { return };
    brokers.produce(0, events(0, 50));
    let bad = |id: u32| json!({"value": format!(r#"{{"id": {id}, "seconds": 500}}"#)});
    brokers.produce(0, (50..90).map(bad).collect::<Vec<_>>().into());
    brokers.produce(0, events(90, 10));
    let by_hundred = ["--rows", "50"];
    let halted = gate(&place, &brokers, &by_hundred);
    assert_eq!(halted.code, 1, "{}", halted.stdout);
    assert!(halted.stderr.contains("halted at kafka://") && halted.stdout.contains("range-seconds"), "{}", halted.stderr);
    assert_eq!((published(&place).len(), set_aside(&place).len()), (43, 7));
    // The offsets stay: it halts again.
    assert_eq!(gate(&place, &brokers, &by_hundred).code, 1);
    let letters = gate(&place, &brokers, &["--rows", "50", "--on-reject", "dead-letter", "--report", "r.json"]);
    assert_eq!(letters.code, 0, "{}{}", letters.stdout, letters.stderr);
    assert_eq!((published(&place).len(), set_aside(&place).len()), (43, 57));
    let report: Json = serde_json::from_slice(&std::fs::read(place.path("r.json")).expect("a report")).expect("JSON");
    assert_eq!((&report["rows"]["quarantined"], &report["rows"]["rejected"]), (&json!(50), &json!(0)));
    assert_eq!(report["publication"]["state"], "set_aside");
    assert_eq!(gate(&place, &brokers, &[]).stdout, "");
    // Under other rules they pass, and join the table.
    place.write("r.yaml", RULES.replace("max: 100", "max: 1000"));
    let replayed = place.run(&["replay", "t.0-50-100", "-r", "r.yaml"]);
    assert_eq!(replayed.code, 0, "{}{}", replayed.stdout, replayed.stderr);
    ensure_all_of(&place, 100);
}

fn ensure_all_of(place: &Place, count: i64) {
    let mut all: Vec<i64> = published(place).into_iter().chain(set_aside(place)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..count).collect::<Vec<_>>());
}

#[test]
fn an_undecided_batch_halts_the_run_or_goes_aside_as_a_whole() {
    let Some((brokers, place)) = scene(1) else { return };
    let rules = RULES.replace("user: string }", "user: string, extra: float64 }");
    place.write("r.yaml", rules.replace("rules:", "rules:\n  - statistic: { column: extra, of: mean, min: 0 }"));
    brokers.produce(0, events(0, 20));
    let halted = gate(&place, &brokers, &[]);
    assert_eq!((halted.code, published(&place).len()), (2, 0), "{}", halted.stdout);
    let letters = gate(&place, &brokers, &["--on-reject", "dead-letter"]);
    assert_eq!(letters.code, 0, "{}{}", letters.stdout, letters.stderr);
    assert_eq!((published(&place).len(), set_aside(&place).len()), (0, 20));
}

#[test]
fn events_that_are_gone_are_said_and_passed_over_only_when_that_is_asked_for() {
    let Some((brokers, place)) = scene(1) else { return };
    brokers.produce(0, events(0, 20));
    assert_eq!(gate(&place, &brokers, &[]).code, 0);
    // The brokers keep 5 MB.
    let long = |id: i64| json!({"value": format!(r#"{{"id": {id}, "seconds": 1, "user": "{}"}}"#, "x".repeat(10_000))});
    brokers.produce(0, (20..920).map(long).collect::<Vec<_>>().into());
    let halted = gate(&place, &brokers, &[]);
    assert_eq!(halted.code, 2, "{}", halted.stdout);
    assert!(halted.stderr.contains("were removed before they were read") && halted.stderr.contains("--accept-gap"), "{}", halted.stderr);
    let goes_on = gate(&place, &brokers, &["--accept-gap"]);
    assert_eq!(goes_on.code, 0, "{}", goes_on.stderr);
    assert!(goes_on.stderr.contains("as `--accept-gap` says"), "{}", goes_on.stderr);
    // Ids are offsets: those before the gap, and all that the brokers still have.
    let there = brokers.does(json!({"do": "consume", "topic": "t", "partition": 0}));
    let there: Vec<i64> = there.as_array().expect("records").iter().filter_map(|record| record["offset"].as_i64()).collect();
    assert!(there[0] > 20 && there.last() == Some(&919), "{there:?}");
    let mut all: Vec<i64> = published(&place).into_iter().chain(set_aside(&place)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..20).chain(there).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn asked_to_end_a_run_ends_behind_a_whole_batch() {
    let Some((brokers, place)) = scene(1) else { return };
    brokers.produce(0, events(0, 100));
    let child = running(&place, &brokers, &[]);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while published(&place).is_empty() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().expect("kill");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(143), "{}", String::from_utf8_lossy(&ended.stderr));
    ensure_once(&place, 100);
}

#[test]
fn a_lone_bad_event_is_set_aside_and_does_not_halt_the_run() {
    let Some((brokers, place)) = scene(1) else { return };
    brokers.produce(0, events(0, 1));
    brokers.produce(0, json!([{"value": "{bad 1"}]));
    let run = gate(&place, &brokers, &["--rows", "1"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!((published(&place), set_aside(&place)), (vec![0], vec![1]));
}

#[test]
fn only_a_table_remembers_how_far_a_topic_was_read() {
    let Some((brokers, place)) = scene(1) else { return };
    let refused = gate(&place, &brokers, &["--publish", "plain", "--publish-format", "parquet"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("only a Delta table remembers how far a topic has been read"), "{}", refused.stderr);
}

#[test]
fn tables_that_share_a_quarantine_leave_each_other_s_rows_there() {
    let Some((brokers, place)) = scene(1) else { return };
    brokers.produce(0, events(0, 100));
    assert_eq!(gate(&place, &brokers, &["--publish", "first"]).code, 0);
    let aside = set_aside(&place).len();
    assert!(aside > 5);
    // The second table is further behind than what the first one set aside.
    assert_eq!(gate(&place, &brokers, &["--publish", "second", "--rows", "30", "--batches", "1"]).code, 0);
    assert!(set_aside(&place).len() > aside);
}
