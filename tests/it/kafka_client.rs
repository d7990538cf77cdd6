//! The Kafka client against brokers: what another client wrote is read, and the reverse; trouble costs no event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use sluicegate::diagnostic::{Code, Fault};
use sluicegate::kafka::{Limits, Outgoing, Reader, Settings, Target, Topic};
use sluicegate::source::EventRecord;

use crate::brokers::Brokers;

fn settings(brokers: &Brokers) -> Settings {
    Settings::of(&brokers.url(), &[]).expect("settings").patient_for(20 * SECOND)
}

fn topic(brokers: &Brokers) -> Topic {
    Topic::connect(&settings(brokers)).unwrap_or_else(|fault| panic!("{fault}"))
}

const SECOND: Duration = Duration::from_secs(1);

/// All of a partition.
pub fn all(topic: &Topic, partition: i32) -> Result<Vec<EventRecord>, Fault> {
    let (mut offset, latest) = topic.offsets(partition)?;
    let mut records = Vec::new();
    // A broker hands out as many batches as it likes at a time, and a producer that is slow makes several.
    while offset < latest {
        let mut fetched = topic.fetch(partition, offset, 1 << 20, SECOND)?;
        records.append(&mut fetched.records);
        offset = fetched.next;
    }
    Ok(records)
}

fn number(record: &EventRecord) -> u32 {
    let value = record.value.as_deref().expect("a value");
    std::str::from_utf8(value).expect("text").parse().expect("a number")
}

#[test]
fn records_come_whole_whatever_they_hold_and_however_they_are_compressed() {
    let Some(brokers) = Brokers::with_topic(1, 5) else { return };
    for (partition, compression) in ["none", "gzip", "snappy", "lz4", "zstd"].iter().enumerate() {
        let records = json!([
            {"key": "k", "value": "v", "headers": [["a", "1"], ["b", ""], ["a", "2"]], "timestamp": 1_700_000_000_123i64},
            {"value": "no key", "timestamp": 1},
            {"key": "", "timestamp": 2},
            {"key": {"base64": "AP8="}, "value": {"base64": "gIE="}, "headers": [["none", null]], "timestamp": 3},
            {"value": "the same again and again", "timestamp": 4, "times": 500},
        ]);
        let settings = json!({"compression.type": compression});
        let partition = partition as i32;
        brokers.does(json!({"do": "produce", "topic": "t", "partition": partition, "records": records, "settings": settings}));
        let records = all(&topic(&brokers), partition).expect("records");
        assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), (0..504).collect::<Vec<_>>(), "{compression}");
        let first = &records[0];
        assert_eq!((&*first.topic, first.partition, first.timestamp_ms), ("t", partition, 1_700_000_000_123));
        let headers: Vec<(&str, &[u8])> = first.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(headers, [("a", &b"1"[..]), ("b", b""), ("a", b"2")]);
        let texts = |record: &EventRecord| (record.key.clone().map(Vec::from), record.value.clone().map(Vec::from));
        assert_eq!(texts(first), (Some(b"k".to_vec()), Some(b"v".to_vec())));
        assert_eq!(texts(&records[1]), (None, Some(b"no key".to_vec())));
        assert_eq!(texts(&records[2]), (Some(vec![]), None));
        assert_eq!(texts(&records[3]), (Some(vec![0, 255]), Some(vec![128, 129])));
        assert_eq!(records[3].headers, [("none".to_owned(), vec![])]);
        assert!(records[4..].iter().all(|r| r.value.as_deref() == Some(b"the same again and again") && r.timestamp_ms == 4));
    }
}

#[test]
fn what_is_sent_is_what_another_client_reads() {
    let Some(brokers) = Brokers::with_topic(2, 4) else { return };
    let topic = topic(&brokers);
    assert_eq!(topic.partitions(), Ok(vec![0, 1, 2, 3]));
    let headers = vec![("a".to_owned(), b"1".to_vec()), ("a".to_owned(), b"2".to_vec())];
    let whole = Outgoing { key: Some("abc".into()), value: Some("v".into()), timestamp_ms: 1_700_000_000_001, headers };
    let tombstone = Outgoing { key: Some("abc".into()), value: None, timestamp_ms: 5, headers: vec![] };
    topic.produce(Target::ByKey, vec![whole, tombstone]).unwrap_or_else(|fault| panic!("{fault}"));
    // `abc` has the hash 479470107 in Kafka's own tests, so 3 of 4 partitions.
    let read = brokers.does(json!({"do": "consume", "topic": "t", "partition": 3}));
    let expected = json!([
        {"offset": 0, "timestamp": 1_700_000_000_001i64, "key": "YWJj", "value": "dg==", "headers": [["a", "MQ=="], ["a", "Mg=="]]},
        {"offset": 1, "timestamp": 5, "key": "YWJj", "value": null, "headers": []},
    ]);
    assert_eq!(read, expected);

    // More than a batch holds, in their order.
    let many: Vec<Outgoing> = (0..3000u32).map(|i| Outgoing { value: Some(format!("{i:0>1000}").into()), ..Outgoing::default() }).collect();
    topic.produce(Target::Partition(0), many).unwrap_or_else(|fault| panic!("{fault}"));
    let numbers: Vec<u32> = all(&topic, 0).expect("records").iter().map(number).collect();
    assert_eq!(numbers, (0..3000).collect::<Vec<_>>());
    let refused = topic.produce(Target::Partition(9), vec![Outgoing::default()]).expect_err("no such partition");
    assert_eq!((refused.code, refused.hint.as_deref()), (Code::UnknownTopic, Some("the topic has the partitions 0 to 3")));
}

#[test]
fn a_group_is_told_how_far_it_was_read() {
    let Some(brokers) = Brokers::with_topic(1, 2) else { return };
    topic(&brokers).commit_group("watchers", &[(1, 42)]).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(brokers.does(json!({"do": "committed", "group": "watchers", "topic": "t", "partition": 1})), 42);
}

fn limits(records: usize, bytes: usize, wait: Duration) -> Limits {
    Limits { records, bytes, wait }
}

#[test]
fn a_poll_gives_partitions_and_offsets_in_order_and_no_more_than_it_was_asked_for() {
    let Some(brokers) = Brokers::with_topic(2, 3) else { return };
    (0..3).for_each(|partition| brokers.count(partition, 0..400));
    let reader = Reader::open(&settings(&brokers), &[(2, 0), (0, 0), (1, 100)], 1 << 20).unwrap_or_else(|fault| panic!("{fault}"));
    let mut seen: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    let mut positions: BTreeMap<i32, i64> = BTreeMap::from([(0, 0), (1, 100), (2, 0)]);
    for poll in 0..11 {
        let polled = reader.poll(&limits(100, 1 << 30, 10 * SECOND)).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(polled.records.len(), 100, "poll {poll}");
        assert!(polled.records.is_sorted_by_key(|record| (record.partition, record.offset)));
        for moved in &polled.moved {
            assert_eq!(positions.insert(moved.partition, moved.to), Some(moved.from));
            assert!(moved.high_watermark <= 400 && moved.high_watermark >= moved.to, "{moved:?}");
            let of_it: Vec<i64> = polled.records.iter().filter(|r| r.partition == moved.partition).map(|r| r.offset).collect();
            assert_eq!(of_it, (moved.from..moved.to).collect::<Vec<_>>());
        }
        polled.records.iter().for_each(|record| seen.entry(record.partition).or_default().push(record.offset));
    }
    assert_eq!(reader.positions(), [(0, 400), (1, 400), (2, 400)]);
    assert_eq!(seen, BTreeMap::from([(0, (0..400).collect()), (1, (100..400).collect()), (2, (0..400).collect())]));
    // One record comes even where it is larger than what was asked for.
    brokers.count(0, 400..403);
    let polled = reader.poll(&limits(100, 1, 10 * SECOND)).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(polled.records.len(), 1);
}

#[test]
fn an_idle_topic_is_waited_for_until_time_is_up_or_somebody_wakes_the_reader() {
    let Some(brokers) = Brokers::with_topic(1, 2) else { return };
    let reader = Reader::open(&settings(&brokers), &[(0, 0), (1, 0)], 1 << 20).unwrap_or_else(|fault| panic!("{fault}"));
    let poll = |wait: Duration| reader.poll(&limits(3, 1 << 20, wait)).unwrap_or_else(|fault| panic!("{fault}"));
    let began = Instant::now();
    assert!(poll(SECOND / 4).records.is_empty() && began.elapsed() >= SECOND / 4);
    let (polled, waited) = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(SECOND / 2);
            reader.waker().wake();
        });
        let began = Instant::now();
        (poll(60 * SECOND), began.elapsed())
    });
    assert!(polled.records.is_empty() && waited < 10 * SECOND, "{waited:?}");
    // What comes is given at once when it is enough.
    let began = Instant::now();
    brokers.count(1, 0..3);
    assert_eq!(poll(60 * SECOND).records.iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(began.elapsed() < 10 * SECOND);
}

#[test]
fn events_that_retention_took_are_a_fault_that_names_the_first_one_left() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    // The brokers keep 5 MB.
    brokers.produce(0, json!([{"value": "x".repeat(10_000), "times": 900}]));
    let topic = topic(&brokers);
    let (earliest, latest) = topic.offsets(0).expect("offsets");
    assert!(earliest > 100 && latest == 900, "{earliest} {latest}");
    let reader = Reader::open(&settings(&brokers), &[(0, 7)], 1 << 20).unwrap_or_else(|fault| panic!("{fault}"));
    for fault in [
        topic.fetch(0, 7, 1 << 20, SECOND).expect_err("they are gone"),
        reader.poll(&limits(10, 1 << 20, 20 * SECOND)).expect_err("they are gone"),
    ] {
        assert_eq!(fault.code, Code::EventsGone);
        let what = format!("from offset 7 to {} are gone: the topic keeps those from {earliest} on", earliest - 1);
        assert!(fault.what.contains(&what), "{fault}");
    }
    assert_eq!(topic.fetch(0, earliest, 1 << 20, SECOND).expect("it is there").records[0].offset, earliest);
}

#[test]
fn leaders_that_change_and_brokers_that_restart_cost_no_event() {
    let Some(brokers) = Brokers::with_topic(3, 2) else { return };
    let reader = Reader::open(&settings(&brokers), &[(0, 0), (1, 0)], 1 << 20).unwrap_or_else(|fault| panic!("{fault}"));
    let mut seen: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    let mut read = |until: usize| {
        let began = Instant::now();
        while seen.values().map(Vec::len).sum::<usize>() < until {
            assert!(began.elapsed() < 60 * SECOND, "{:?}", seen.values().map(Vec::len).collect::<Vec<_>>());
            let polled = reader.poll(&limits(50, 1 << 20, SECOND / 10)).unwrap_or_else(|fault| panic!("{fault}"));
            polled.records.iter().for_each(|record| seen.entry(record.partition).or_default().push(number(record)));
        }
    };
    let mut sent = 0;
    let mut send = || {
        (0..2).for_each(|partition| brokers.count(partition, sent..sent + 100));
        sent += 100;
    };
    let leader = |partition: i32, broker: i32| {
        brokers.does(json!({"do": "leader", "topic": "t", "partition": partition, "broker": broker}));
    };
    send();
    read(200);
    leader(0, 1);
    leader(1, 2);
    send();
    read(400);
    leader(0, 2);
    leader(1, 1);
    send();
    // A broker that is away for a while.
    brokers.does(json!({"do": "down", "broker": 1}));
    std::thread::sleep(SECOND);
    brokers.does(json!({"do": "up", "broker": 1}));
    send();
    // Errors that pass: no leader, a failed disk, a topic that is not known yet.
    brokers.does(json!({"do": "fail", "request": 1, "errors": [5, 56, 3, 6]}));
    send();
    read(1000);
    assert!(seen.values().all(|numbers| *numbers == (0..500).collect::<Vec<_>>()));
}

#[test]
fn brokers_that_stay_away_are_a_fault_when_patience_ends() {
    let Some(brokers) = Brokers::with_topic(1, 1) else { return };
    brokers.count(0, 0..10);
    let settings = settings(&brokers).patient_for(SECOND);
    let topic = Topic::connect(&settings).unwrap_or_else(|fault| panic!("{fault}"));
    let reader = Reader::open(&settings, &[(0, 0)], 1 << 20).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(reader.poll(&limits(10, 1 << 20, 10 * SECOND)).expect("they are there").records.len(), 10);
    brokers.does(json!({"do": "down", "broker": 1}));
    let fault = reader.poll(&limits(10, 1 << 20, 30 * SECOND)).expect_err("nobody is there");
    assert!(fault.code == Code::Unreadable && fault.what.contains("tried for 1s"), "{fault}");
    for fault in [
        topic.fetch(0, 0, 1 << 20, SECOND).err(),
        Topic::connect(&settings).err(),
        topic.produce(Target::ByKey, vec![Outgoing::default()]).err(),
    ] {
        let fault = fault.expect("nobody is there");
        assert!(fault.code == Code::Unreadable && fault.what.contains("the broker 127.0.0.1:"), "{fault}");
    }
}

#[test]
fn a_topic_that_is_not_there_is_a_fault_and_is_not_made() {
    let Some(brokers) = Brokers::start(1) else { return };
    let fault = Topic::connect(&settings(&brokers)).err().expect("no topic");
    assert_eq!(fault.code, Code::UnknownTopic);
    assert!(fault.what.ends_with("/t: the brokers have no such topic"), "{fault}");
    let error: Json = brokers.does(json!({"do": "topic", "topic": "t", "partitions": 2}));
    assert_eq!(error, Json::Null);
    let fault = Reader::open(&settings(&brokers), &[(2, 0)], 1 << 20).err().expect("no partition");
    assert_eq!(fault.hint.as_deref(), Some("the topic has the partitions 0 to 1"));
}
