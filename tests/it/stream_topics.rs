//! `sluicegate stream` between two topics: each event once, in its order, with its key; a run goes on where the last one ended.

use serde_json::{Value as Json, json};

use crate::brokers::Brokers;
use crate::stream::bad_of;
use crate::support::{Place, project};

/// What another client reads of a topic: keys and values, base64 as the server of the tests gives them.
fn read(brokers: &Brokers, topic: &str) -> Vec<(Json, Json, Json)> {
    let records = brokers.does(json!({"do": "consume", "topic": topic, "partition": 0}));
    records.as_array().expect("records").iter().map(|r| (r["key"].clone(), r["value"].clone(), r["headers"].clone())).collect()
}

#[test]
fn purchases_go_from_topic_to_topic_and_a_run_goes_on_where_the_last_one_ended() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.does(json!({"do": "topic", "topic": "good", "partitions": 1}));
    let place = Place::new();
    place.write("r.yaml", std::fs::read(project("examples/purchase-filter/rules.yaml")).expect("rules"));
    let text = std::fs::read_to_string(project("examples/purchase-filter/events.ndjson")).expect("events");
    let events: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let records: Vec<Json> = events
        .iter()
        .enumerate()
        .map(|(n, event)| json!({"key": format!("k{n}"), "value": event, "headers": [["n", n.to_string()]]}))
        .collect();
    brokers.produce(0, records.into());
    // A tombstone, and an event over several lines.
    brokers.produce(0, json!([{"key": "gone"}, {"key": "wide", "value": "{\"purchase_id\":\n\"p-1\", \"user_id\": 5000,\r\n\"item\": \"pen\", \"price\": 1, \"currency\": \"EUR\"}"}]));
    let (from, to) = (brokers.url(), format!("kafka://{}/good", brokers.address));
    let options = [from.as_str(), "--positions", "at.json", "--drain", "--kafka-out", to.as_str()];
    let run = || place.run(&[&["stream", "-r", "r.yaml", "--bad", "bad.ndjson"][..], &options[..]].concat());
    let first = run();
    assert_eq!((first.code, first.stdout.as_str()), (0, ""), "{}", first.stderr);
    assert!(first.stderr.contains("62 rows read = 50 published + 10 quarantined (3 malformed) + 2 filtered"), "{}", first.stderr);
    let bad = bad_of(&place.path(""));
    let aside: Vec<i64> = bad.iter().map(|bad| bad["offset"].as_i64().expect("an offset")).collect();
    // The lines 5, 10, 15, … of the example, without its blank line 31, counted from 0; and the tombstone.
    assert_eq!(aside, [4, 9, 14, 24, 29, 34, 39, 49, 54, 60]);
    assert!(bad.iter().all(|bad| bad["partition"] == 0 && bad["line"].is_null()));
    let passed = read(&brokers, "good");
    let source = read(&brokers, "t");
    let test_accounts = [19, 20];
    let expected: Vec<_> = source
        .into_iter()
        .enumerate()
        .filter(|(offset, _)| !aside.contains(&(*offset as i64)) && !test_accounts.contains(offset))
        .map(|(_, record)| record)
        .collect();
    assert_eq!(passed, expected);
    // Nothing new, then one event more.
    assert_eq!(run().code, 0, "a topic may be idle");
    assert_eq!(read(&brokers, "good").len(), expected.len());
    brokers.produce(0, json!([{"value": events[0].replace("p-1001", "p-9001")}]));
    let last = run();
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert_eq!((read(&brokers, "good").len(), bad_of(&place.path("")).len()), (expected.len() + 1, 10));
    // Positions are of one topic.
    let other = place.run(&["stream", to.as_str(), "-r", "r.yaml", "--bad", "bad.ndjson", "--positions", "at.json", "--drain"]);
    assert!(other.code == 2 && other.stderr.contains("at.json: these are positions of"), "{}", other.stderr);
    let none = place.run(&["stream", from.as_str(), "-r", "r.yaml", "--bad", "bad.ndjson"]);
    assert!(none.code == 2 && none.stderr.contains("`--positions FILE`"), "{}", none.stderr);
}

/// How often the thread that judges events has waited for something.
#[cfg(target_os = "linux")]
fn waits(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/task/{id}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a count");
    line.trim().parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_topic_does_not_keep_a_processor_busy() {
    use std::time::Duration;
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    let place = Place::with("dataset: d\nschema: { columns: { id: int64 } }\nrules: [{ missing: { column: id } }]\n", "");
    brokers.produce(0, json!([{"value": "{\"id\": 1}"}]));
    let mut stream = crate::stream::command(&place.path(""), &[&brokers.url(), "--positions", "at.json", "--good", "good.ndjson"]);
    let mut stream = stream.spawn().expect("it starts");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while std::fs::read_to_string(place.path("at.json")).is_err() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = waits(stream.id());
    std::thread::sleep(Duration::from_secs(2));
    let waits = waits(stream.id()) - before;
    stream.kill().expect("it was running");
    stream.wait().expect("it ends");
    assert!(place.path("at.json").exists());
    assert_eq!(std::fs::read_to_string(place.path("good.ndjson")).expect("events"), "{\"id\": 1}\n");
    // Ten times a second it looks whether someone asks to end.
    assert!(waits < 200, "{waits} in two seconds");
}
