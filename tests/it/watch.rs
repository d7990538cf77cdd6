//! A directory that is watched: each complete new file is a batch, once.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kafka_gate::published;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
rules:
  - range: { column: id, min: 0 }
gate: { publish: lake, quarantine: aside }
";

fn watch(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["gate", "--watch", "in", "-r", "r.yaml", "--drain", "--settle", "0s"], more].concat())
}

fn scene() -> Place {
    let place = Place::with(RULES, "");
    for (name, ids) in [("b.csv", "3\n4\n"), ("a.csv", "1\n2\n"), (".c.csv", "9\n"), ("d.csv.part", "9\n"), ("_e.csv", "9\n")] {
        place.write(&format!("in/{name}"), format!("id\n{ids}"));
    }
    place
}

#[test]
fn each_new_file_is_a_batch_once_and_stays_remembered() {
    let place = scene();
    let run = watch(&place, &[]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 2), "{}{}", run.stdout, run.stderr);
    assert_eq!(published(&place), [1, 2, 3, 4]);
    assert_eq!(watch(&place, &[]).stdout, "");
    // A file of new content is a new batch, whatever its name; the same content under another name is not.
    place.write("in/a.csv", "id\n5\n");
    place.write("in/copy.csv", "id\n3\n4\n");
    let run = watch(&place, &[]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 2), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.lines().any(|line| line.ends_with("published before")), "{}", run.stdout);
    assert_eq!(published(&place), [1, 2, 3, 4, 5]);
}

#[test]
fn a_file_whose_batch_is_there_and_was_not_remembered_does_not_come_twice() {
    let place = scene();
    assert_eq!(watch(&place, &["--remember", "seen.ndjson"]).code, 0);
    std::fs::remove_file(place.path("seen.ndjson")).expect("removed");
    let run = watch(&place, &["--remember", "seen.ndjson"]);
    assert!(run.code == 0 && run.stdout.lines().all(|line| line.ends_with("published before")), "{}", run.stdout);
    assert_eq!(published(&place), [1, 2, 3, 4]);
}

#[test]
fn files_are_moved_once_they_are_gated_and_none_takes_the_place_of_another() {
    let place = scene();
    place.write("done/a.csv", "other");
    assert_eq!(watch(&place, &["--move-to", "done"]).code, 0);
    assert!(!place.path("in/a.csv").exists() && !place.path("in/b.csv").exists());
    assert_eq!(std::fs::read_to_string(place.path("done/a.csv")).expect("text"), "other");
    assert_eq!(std::fs::read_to_string(place.path("done/a.csv.1")).expect("text"), "id\n1\n2\n");
    assert!(place.path("done/b.csv").exists());
}

#[test]
fn with_a_marker_a_file_waits_for_it() {
    let place = scene();
    place.write("in/b.csv.done", "");
    let run = watch(&place, &["--marker", ".done", "--move-to", "gone"]);
    assert_eq!((run.code, published(&place)), (0, vec![3, 4]), "{}{}", run.stdout, run.stderr);
    assert!(place.path("in/a.csv").exists() && place.path("gone/b.csv.done").exists());
}

#[test]
fn a_rejected_file_halts_the_run_where_it_is_or_goes_aside_as_a_whole() {
    let place = scene();
    place.write("in/a.csv", "id\n-1\n-2\n");
    let halted = watch(&place, &[]);
    assert_eq!((halted.code, published(&place).len()), (1, 0), "{}", halted.stdout);
    assert!(halted.stderr.contains("halted at in/a.csv"), "{}", halted.stderr);
    let letters = watch(&place, &["--on-reject", "dead-letter"]);
    assert_eq!((letters.code, published(&place)), (0, vec![3, 4]), "{}{}", letters.stdout, letters.stderr);
    assert_eq!(watch(&place, &[]).stdout, "");
}

#[test]
fn a_file_that_is_still_written_is_waited_for() {
    let place = Place::with(RULES, "");
    place.write("in/slow.csv", "id\n1\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.args(["gate", "--watch", "in", "-r", "r.yaml", "--every", "1s", "--settle", "3s", "--batches", "1"]);
    let child = command.current_dir(place.path(".")).stdout(Stdio::piped()).spawn().expect("it starts");
    let began = Instant::now();
    for id in 2..6 {
        std::thread::sleep(Duration::from_secs(1));
        let text = std::fs::read_to_string(place.path("in/slow.csv")).expect("text");
        place.write("in/slow.csv", format!("{text}{id}\n"));
    }
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && began.elapsed() > Duration::from_secs(6));
    assert_eq!(published(&place), [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_read_again_and_again_is_a_batch_only_when_it_is_new() {
    let place = Place::with(RULES, "id\n1\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--every", "1s", "--batches", "2"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[1].ends_with("published before"), "{}", run.stdout);
    assert_eq!(published(&place), [1]);
}

#[test]
fn a_dry_run_leaves_files_where_they_are_and_remembers_none() {
    let place = scene();
    let dry = watch(&place, &["--dry-run", "--move-to", "gone", "--remember", "seen.ndjson"]);
    assert_eq!((dry.code, dry.stdout.lines().count()), (0, 2), "{}{}", dry.stdout, dry.stderr);
    assert!(place.path("in/a.csv").exists() && !place.path("seen.ndjson").exists() && !place.path("lake").exists());
    assert_eq!(watch(&place, &["--move-to", "gone", "--remember", "seen.ndjson"]).code, 0);
    assert_eq!(published(&place), [1, 2, 3, 4]);
}

#[test]
fn options_that_belong_to_batches_of_another_kind_are_refused() {
    let place = scene();
    place.write("d.csv", "id\n1\n");
    let refused = |data: &[&str], option: &[&str], says: &str| {
        let run = place.run(&[&["gate", "-r", "r.yaml"], data, option].concat());
        assert_eq!((run.code, &run.report()["faults"][0]["code"]), (2, &"conflicting-options".into()), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("`{}` belongs to {says}", option[0])), "{}", run.stderr);
    };
    let of_topic: [&[&str]; 6] =
        [&["--rows", "5"], &["--bytes", "1MB"], &["--partitions", "0"], &["--from", "latest"], &["--accept-gap"], &["--group", "g"]];
    for option in of_topic {
        for data in [&["d.csv"][..], &["d.csv", "--every", "1s"], &["--watch", "in"]] {
            refused(data, option, "a topic");
        }
    }
    refused(&["d.csv"], &["--drain"], "a topic or `--watch`");
    refused(&["d.csv", "--every", "1s"], &["--drain"], "a topic or `--watch`");
    refused(&["d.csv"], &["--listen", "127.0.0.1:0"], "batches that keep coming");
    refused(&["d.csv"], &["--batches", "1"], "batches that keep coming");
    assert!(!place.path("lake").exists(), "nothing was published");
    // All of them are told at once.
    let all = place.run(&["gate", "d.csv", "-r", "r.yaml", "--rows", "5", "--drain", "--batches", "1"]);
    assert_eq!(all.report()["faults"].as_array().map(Vec::len), Some(3), "{}", all.stderr);
    for option in [&["--drain"][..], &["--positions", "at.json"]] {
        let run = place.run(&[&["stream", "d.csv", "-r", "r.yaml", "--bad", "bad.ndjson"], option].concat());
        assert!(run.code == 2 && run.stderr.contains(&format!("`{}` belongs to a topic", option[0])), "{}", run.stderr);
    }
}
