//! Topics whose table others change too, and where reading begins: nothing is lost, and nothing comes twice.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::brokers::Brokers;
use crate::kafka_gate::{RULES, ensure_once, events, gate, published, set_aside};
use crate::support::Place;

#[test]
fn a_checkpoint_that_another_gate_writes_hides_no_offset() {
    let Some(brokers) = Brokers::with_topic(1, 2) else { return };
    let rules = RULES.replace("quarantine: aside", "quarantine: aside, compact: { files: 50 }");
    let place = Place::with(&rules, "");
    brokers.produce(0, events(0, 4));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.args(["gate", &brokers.url(), "-r", "r.yaml", "--every", "1s", "--partitions", "0"]);
    let mut first = command.current_dir(place.path(".")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let until = |count: usize| {
        let end = Instant::now() + Duration::from_secs(60);
        while published(&place).len() + set_aside(&place).len() < count && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    until(4);
    // 24 commits: a checkpoint comes after 20. The set-aside events of these must stay when the first gate goes on.
    brokers.produce(1, events(4, 96));
    let second = gate(&place, &brokers, &["--partitions", "1", "--rows", "4"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    let checkpoints = glob::glob(&place.path("lake/_delta_log/*.checkpoint*.parquet").display().to_string()).expect("a pattern").count();
    assert!(checkpoints > 0, "no checkpoint was written");
    brokers.produce(0, events(100, 10));
    until(110);
    first.kill().expect("it was running");
    first.wait().expect("it is over");
    assert_eq!(gate(&place, &brokers, &[]).code, 0);
    ensure_once(&place, 110);
}

#[test]
fn where_a_topic_begins_is_remembered_before_anything_of_it_is_read() {
    let Some(brokers) = Brokers::with_topic(1, 2) else { return };
    let place = Place::with(RULES, "");
    let latest = ["--from", "latest"];
    brokers.produce(0, json!([{"value": "before"}]));
    assert_eq!(gate(&place, &brokers, &latest).code, 0);
    // Nothing was read yet; what comes now is met by the next run, and by the one after it.
    brokers.produce(1, (0..30).map(|id| json!({"value": format!(r#"{{"id": {id}, "seconds": 500}}"#)})).collect::<Vec<_>>().into());
    assert_eq!(gate(&place, &brokers, &latest).code, 1);
    let letters = gate(&place, &brokers, &["--from", "latest", "--on-reject", "dead-letter"]);
    assert_eq!((letters.code, set_aside(&place).len()), (0, 30), "{}{}", letters.stdout, letters.stderr);
    place.write("r.yaml", "dataset: t\ngate: { publish: other, quarantine: aside }\n");
    let refused = gate(&place, &brokers, &latest);
    assert!(refused.code == 2 && refused.stderr.contains("no table yet that could remember where the topic begins"), "{}", refused.stderr);
}

#[test]
fn a_topic_of_the_same_name_at_other_brokers_is_another_one() {
    let (Some(here), Some(there)) = (Brokers::with_topic(1, 1), Brokers::with_topic(1, 1)) else { return };
    let place = Place::with(RULES, "");
    here.produce(0, events(0, 10));
    there.produce(0, events(10, 15));
    assert_eq!(gate(&place, &here, &[]).code, 0);
    let run = gate(&place, &there, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    ensure_once(&place, 25);
}

#[test]
fn what_means_one_batch_is_refused_for_many() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    let place = Place::with(&RULES.replace("publish: lake", "publish: lake, replace: { partition: user }"), "");
    let run = gate(&place, &brokers, &[]);
    assert!(run.code == 2 && run.stderr.contains("with `replace` each micro-batch of a topic would take out"), "{}", run.stderr);
    let run = gate(&place, &brokers, &["--batch-id", "x"]);
    assert!(run.code == 2 && run.stderr.contains("`--batch-id` names one batch"), "{}", run.stderr);
}
