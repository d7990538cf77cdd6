//! Micro-batches of a topic through the gate: into a table whose columns they change, and into the quarantine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use chrono::DateTime;
use sluicegate::audit::Job;
use sluicegate::diagnostic::Faults;
use sluicegate::gate::{self, PublishedTable, Request};
use sluicegate::metric::Budget;
use sluicegate::report::terminal::{self, Style};
use sluicegate::report::{self, Report};
use sluicegate::ruleset::{OnReject, RuleFile};
use sluicegate::source::{self, Cut, EventRecord};
use sluicegate::store::{self, Location, Quarantine, Terms, Waiting};
use sluicegate::verdict::Verdict;

use crate::crash::delta_files;
use crate::gate::read;
use crate::support::Place;

/// A topic's records, and the place they are gated into.
pub struct Topic {
    pub place: Place,
    rules: String,
    /// Offsets of partition 0 that were given out.
    next: i64,
    pub on_reject: OnReject,
}

impl Topic {
    pub fn new(rules: &str) -> Self {
        let place = Place::new();
        place.write("r.yaml", rules);
        Self { place, rules: rules.to_owned(), next: 0, on_reject: OnReject::Halt }
    }

    /// The next records, with these values.
    pub fn records<V: AsRef<[u8]>>(&mut self, values: &[V]) -> Vec<EventRecord> {
        let of = |(i, value): (i64, &V)| EventRecord {
            topic: "plays".into(),
            partition: 0,
            offset: self.next + i,
            timestamp_ms: 1_700_000_000_000 + self.next + i,
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_ref())),
            headers: Vec::new(),
        };
        let records = (0..).zip(values).map(of).collect();
        self.next += values.len() as i64;
        records
    }

    /// Gates the records as a micro-batch into `lake`.
    pub fn gate(&self, id: &str, records: Vec<EventRecord>) -> Result<Report, Faults> {
        let mut rules = RuleFile::parse(&self.rules, "r.yaml")?;
        let lake = self.place.path("lake").display().to_string();
        let publish = store::open(&lake, None, &store::Surroundings::default())?;
        if let Terms::Table(terms) = publish.terms()? {
            rules.beside(terms);
        }
        let mut options = rules.sections.read_options("r.yaml")?;
        // Several units.
        options.cut = Cut { unit_bytes: 50, batch_rows: 3 };
        let source = source::events(records, "kafka://broker/plays", &options, &rules.contract())?;
        let table = PublishedTable::new(&rules, Some(id), None, publish.clone());
        let budget = Arc::new(Budget::new(1 << 20, self.place.path("")));
        let job = Job { threads: 2, published: Some(table.clone()), ..Job::new(&rules, source, DateTime::UNIX_EPOCH, budget) };
        let request = Request {
            publish,
            keeps_summary: true,
            table,
            quarantine: Quarantine { directory: Location::Local(self.place.path("aside")) },
            batch_id: Some(id.to_owned()),
            supersede: false,
            replace: None,
            merge: None,
            release: None,
            on_reject: self.on_reject,
            moving: None,
            failing_rows: None,
            dry_run: false,
            as_of: None,
            waiting: Waiting { limit: Duration::from_secs(60), tell: |_| {} },
        };
        let report = gate::gate(&job, &request).map(|judged| judged.report);
        if let Ok(report) = &report {
            let rows = &report.rows;
            assert_eq!(rows.read, rows.published + rows.quarantined + rows.filtered + rows.rejected, "the law of conservation");
        }
        report
    }

    /// All published rows, as JSON without what is null, in the order of `id`.
    pub fn published(&self) -> Vec<String> {
        let mut rows = BTreeMap::new();
        for file in delta_files(&self.place.path("lake")) {
            let batch = read(&file);
            let mut text = Vec::new();
            let mut writer = arrow::json::LineDelimitedWriter::new(&mut text);
            writer.write(&batch).expect("rows");
            writer.finish().expect("an end");
            let ids = batch.column_by_name("id").expect("id").as_primitive::<Int64Type>().clone();
            rows.extend(ids.values().iter().copied().zip(String::from_utf8(text).expect("text").lines().map(str::to_owned)));
        }
        rows.into_values().collect()
    }

    pub fn part(&self, id: &str) -> RecordBatch {
        read(&self.place.part("aside", id))
    }
}

pub fn gated(report: Result<Report, Faults>) -> Report {
    report.unwrap_or_else(|faults| panic!("{faults}"))
}

fn changes(report: &Report) -> Vec<String> {
    let json = serde_json::to_value(&report.schema_changes).expect("JSON");
    json.as_array().expect("changes").iter().map(|change| format!("{} {}", change["path"], change["kind"])).collect()
}

const RULES: &str = "dataset: plays
source: { events: { columns: [offset, key] } }
rules:
  - range: { column: seconds, min: 0 }
gate: { publish: lake, quarantine: aside }
";

#[test]
fn a_key_that_a_micro_batch_lacks_changes_nothing_and_a_new_one_joins_the_table() {
    let mut topic = Topic::new(RULES);
    let first = topic.records(&[r#"{"id": 1, "seconds": 5, "who": "a"}"#, r#"{"id": 2, "seconds": 6, "who": null}"#]);
    assert_eq!(gated(topic.gate("b1", first)).verdict, Verdict::Accept);
    // Without `who`, and with `seconds` in one record alone.
    let second = topic.records(&[r#"{"id": 3}"#, r#"{"id": 4, "seconds": 1}"#]);
    let report = gated(topic.gate("b2", second));
    assert_eq!((report.verdict, changes(&report)), (Verdict::Accept, Vec::new()));
    // Without the column that a rule names; empty where the table has a type.
    let third = topic.records(&[r#"{"id": 5, "who": null}"#]);
    let report = gated(topic.gate("b3", third));
    assert_eq!(changes(&report), Vec::<String>::new());
    assert_eq!(report.rows.published, 1, "{:?}", report.findings);
    // With a new key.
    let fourth = topic.records(&[r#"{"id": 6, "seconds": 2, "who": "b", "title": "x"}"#]);
    let report = gated(topic.gate("b4", fourth));
    assert_eq!((report.verdict, changes(&report)), (Verdict::Accept, vec![r#""title" "column_added""#.to_owned()]));
    // And one that has forgotten it again.
    let fifth = topic.records(&[r#"{"id": 7, "seconds": 2}"#]);
    assert_eq!(changes(&gated(topic.gate("b5", fifth))), Vec::<String>::new());
    let expected = [
        r#"{"id":1,"seconds":5,"who":"a","kafka_offset":0}"#,
        r#"{"id":2,"seconds":6,"kafka_offset":1}"#,
        r#"{"id":3,"kafka_offset":2}"#,
        r#"{"id":4,"seconds":1,"kafka_offset":3}"#,
        r#"{"id":5,"kafka_offset":4}"#,
        r#"{"id":6,"seconds":2,"who":"b","title":"x","kafka_offset":5}"#,
        r#"{"id":7,"seconds":2,"kafka_offset":6}"#,
    ];
    assert_eq!(topic.published(), expected);
}

#[test]
fn what_evolution_forbids_is_rejected_in_mid_stream() {
    let mut topic = Topic::new(&format!("{RULES}schema: {{ evolution: exact }}\n"));
    let first = topic.records(&[r#"{"id": 1, "seconds": 5}"#]);
    gated(topic.gate("b1", first));
    let second = topic.records(&[r#"{"id": 2, "seconds": 5, "title": "x"}"#]);
    let report = gated(topic.gate("b2", second));
    assert_eq!((report.verdict, report.rows.rejected), (Verdict::Reject, 1));
    assert_eq!(topic.published().len(), 1);
}

/// Of six records three pass; one has a bad value, one is no JSON, and one is a tombstone with a key.
fn with_poison(topic: &mut Topic) -> Vec<EventRecord> {
    let mut records = topic.records(&[
        r#"{"id": 1, "seconds": 5}"#,
        r#"{"id": 2, "seconds": -1}"#,
        "{\"id\": 3,\r\n \"seconds\": ",
        r#"{"id": 4, "seconds": 7}"#,
        "",
        r#"{"id": 6, "seconds": 8}"#,
    ]);
    records[1].key = Some(Bytes::from_static(b"k1"));
    records[2].key = Some(Bytes::from_static(b"k2"));
    records[4].key = Some(Bytes::from_static(b"\xffk4"));
    records[4].value = None;
    records[5].partition = 3;
    records[5].offset = 0;
    records
}

#[test]
fn poison_is_set_aside_with_topic_partition_offset_key_and_raw_bytes() {
    let mut topic = Topic::new(RULES);
    let records = with_poison(&mut topic);
    let report = gated(topic.gate("b1", records));
    assert_eq!((report.verdict, report.rows.published, report.rows.quarantined), (Verdict::Quarantine, 3, 3));
    let part = topic.part("b1");
    let column = |name: &str| part.column_by_name(&format!("_sluicegate_{name}")).expect("a column");
    let texts = |name: &str| column(name).as_string::<i32>().iter().map(|text| text.expect("text").to_owned()).collect::<Vec<_>>();
    let bytes = |name: &str| column(name).as_binary::<i32>().iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect::<Vec<_>>();
    assert_eq!((texts("topic"), texts("file")), (vec!["plays".to_owned(); 3], vec!["plays[0]".to_owned(); 3]));
    assert_eq!(column("partition").as_primitive::<Int32Type>().values().to_vec(), [0, 0, 0]);
    assert_eq!(column("offset").as_primitive::<Int64Type>().values().to_vec(), [1, 2, 4]);
    assert_eq!(column("row").as_primitive::<Int64Type>().values().to_vec(), [1, 2, 4]);
    assert_eq!(column("line").null_count(), 3);
    assert_eq!(bytes("raw"), [None, Some(b"{\"id\": 3,\r\n \"seconds\": ".to_vec()), None]);
    assert_eq!(bytes("key"), [None, Some(b"k2".to_vec()), Some(b"\xffk4".to_vec())]);
    let reasons: Vec<Option<&str>> = column("reason").as_string::<i32>().iter().collect();
    assert_eq!((reasons[0], reasons[2]), (None, Some("no value (a tombstone)")));
    // The row that was read has its own columns.
    let keys = part.column_by_name("kafka_key").expect("a column").as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(keys, [Some("k1"), None, None]);
}

#[test]
fn reports_name_an_event_by_topic_partition_and_offset() {
    let mut topic = Topic::new(&RULES.replace("range: { column: seconds, min: 0 }", "duplicates: { key: [seconds] }"));
    let mut records = topic.records(&[r#"{"id": 1, "seconds": 5}"#, r#"{"id": 2, "seconds": 5}"#, r#"{"id": 3, "seconds": 5}"#]);
    records[2].partition = 2;
    let report = gated(topic.gate("b1", records));
    let json = serde_json::to_value(&report).expect("JSON");
    let samples =
        json["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "duplicates-seconds").expect("it")["samples"].clone();
    assert_eq!(samples[0]["origin"], serde_json::json!({ "topic": "plays", "partition": 0, "offset": 1 }));
    assert_eq!(samples[1]["same_key_as"], serde_json::json!({ "topic": "plays", "partition": 0, "offset": 0 }));
    assert_eq!((&json["batch"]["format"], &json["batch"]["files"][0]["path"]), (&"events".into(), &"kafka://broker/plays".into()));
    let html = report::format_of(Path::new("r.html")).expect("a format").text(&report, &report::Rendering::default());
    assert!(html.contains("plays[0]@1") && html.contains("plays[2]@2"), "{html}");
    let back = report::read(&report::json(&report), "r.json").unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(back, report);
    let terminal = terminal::render(&report, Style { colour: false, verbose: true, width: 120 });
    assert!(terminal.contains("plays[0]@1") && terminal.contains("same key as offset 0"), "{terminal}");
    assert!(terminal.contains("plays[2]@2") && terminal.contains("same key as plays[0]@0"), "{terminal}");
}

#[test]
fn events_that_were_set_aside_are_shown_taken_out_mended_and_join_their_batch() {
    let mut topic = Topic::new(RULES);
    let records = with_poison(&mut topic);
    gated(topic.gate("b1", records));
    let place = &topic.place;
    let shown = place.run(&["quarantine", "show", "aside", "b1"]);
    assert!(shown.code == 0 && shown.stdout.contains("plays[0]") && !shown.stdout.contains("_sluicegate"), "{}", shown.stdout);
    for (rows, malformed) in [("rows.ndjson", "bad.ndjson"), ("rows.csv", "bad.csv"), ("rows.parquet", "bad.parquet")] {
        let taken = place.run(&["quarantine", "export", "aside", "b1", "--to", rows, "--malformed-to", malformed]);
        assert_eq!((taken.code, taken.stdout.as_str()), (0, format!("{rows}: 1 row\n{malformed}: 2 malformed records\n").as_str()));
    }
    let text = |name: &str| std::fs::read_to_string(place.path(name)).expect("text");
    let mut taken = text("rows.ndjson");
    assert!(taken.contains(r#""_sluicegate_file":"plays[0]","_sluicegate_row":1,"#), "{taken}");
    assert!(taken.contains(r#""_sluicegate_topic":"plays","_sluicegate_partition":0,"_sluicegate_offset":1"#), "{taken}");
    let malformed = text("bad.ndjson");
    assert!(malformed.lines().count() == 2 && malformed.contains(r#""_sluicegate_key":"k2""#), "{malformed}");
    // The bad value is mended, and so is the record that was no JSON.
    taken = taken.replace("\"seconds\":-1", "\"seconds\":1");
    let poison = malformed.lines().next().expect("a line");
    taken += &format!("{{\"id\":3,\"seconds\":3,\"kafka_offset\":2,{}\n", &poison[1..]);
    place.write("mend.ndjson", &taken);
    let replay = place.run(&["replay", "--mended", "mend.ndjson", "-r", "r.yaml"]);
    assert_eq!(replay.stdout, "b1: 2 mended rows published, 1 set aside as before\n", "{}", replay.stderr);
    let expected = [
        r#"{"id":1,"seconds":5,"kafka_offset":0}"#,
        r#"{"id":2,"seconds":1,"kafka_offset":1,"kafka_key":"k1"}"#,
        r#"{"id":3,"seconds":3,"kafka_offset":2}"#,
        r#"{"id":4,"seconds":7,"kafka_offset":3}"#,
        r#"{"id":6,"seconds":8,"kafka_offset":0}"#,
    ];
    assert_eq!(topic.published(), expected);
    // What stays still says where it came from.
    let part = topic.part("b1");
    assert_eq!(part.column_by_name("_sluicegate_offset").expect("a column").as_primitive::<Int64Type>().values().to_vec(), [4]);
    // With other rules, rows that were read are judged again as they are.
    let other = topic.records(&[r#"{"id": 8, "seconds": -2}"#, r#"{"id": 9, "seconds": 2}"#, r#"{"id": 10, "seconds": 2}"#]);
    gated(topic.gate("b2", other));
    topic.place.write("r.yaml", RULES.replace("min: 0", "min: -5"));
    let replay = topic.place.run(&["replay", "b2", "-r", "r.yaml"]);
    assert!(replay.stdout.starts_with("b2: 1 row published"), "{}{}", replay.stdout, replay.stderr);
    // A record's text is searched for what shall be forgotten, and so is the key of one that has none.
    let mut poison = topic.records(&["{", r#"{"id": 11, "seconds": 2}"#, r#"{"id": 12, "seconds": 2}"#]);
    (poison[0].value, poison[0].key) = (None, Some(Bytes::from_static(b"ida@example.com")));
    gated(topic.gate("b3", poison));
    assert_eq!(topic.part("b3").num_rows(), 1);
    let forgot = topic.place.run(&["forget", "-r", "r.yaml", "--key", "kafka_key=ida@example.com", "--malformed"]);
    assert_eq!(forgot.code, 0, "{}{}", forgot.stdout, forgot.stderr);
    assert_eq!(topic.part("b3").num_rows(), 0, "{}", forgot.stdout);
}

#[test]
fn columns_on_request_are_those_of_the_table_that_they_made() {
    for key in ["text", "binary"] {
        let rules = RULES.replace("[offset, key]", &format!("[key, headers, partition, offset, timestamp], key: {key}"));
        let mut topic = Topic::new(&rules);
        for id in 1..4i64 {
            let mut records = topic.records(&[format!("{{\"id\": {id}, \"seconds\": 1}}")]);
            records[0].key = (id > 1).then(|| Bytes::from_static(b"k"));
            records[0].headers = if id > 2 { vec![("h".to_owned(), b"v".to_vec())] } else { Vec::new() };
            let report = gated(topic.gate(&format!("b{id}"), records));
            assert_eq!((report.verdict, changes(&report)), (Verdict::Accept, Vec::new()), "{key} {id} {:?}", report.findings);
        }
        let seen = topic.published();
        let (no, k) = (r#"{"id":1,"seconds":1,"#, if key == "text" { "k" } else { "6b" });
        assert_eq!(seen[0], format!(r#"{no}"kafka_partition":0,"kafka_offset":0,"kafka_timestamp":"2023-11-14T22:13:20Z"}}"#));
        let rest = r#""kafka_partition":0,"kafka_offset":2,"kafka_timestamp":"2023-11-14T22:13:20.002Z"}"#;
        let headers = r#""kafka_headers":"[{\"key\":\"h\",\"value\":\"v\"}]","#;
        assert_eq!(seen[2], format!(r#"{{"id":3,"seconds":1,"kafka_key":"{k}",{headers}{rest}"#));
    }
}

#[test]
fn where_columns_are_masked_no_key_of_poison_is_shown_and_a_tombstone_is_still_called_one() {
    let columns = "id: int64, seconds: int64, kafka_key: { type: string, mask: true }";
    let rules = format!("{RULES}schema: {{ evolution: any, columns: {{ {columns} }} }}\n");
    let mut topic = Topic::new(&rules);
    let records = with_poison(&mut topic);
    gated(topic.gate("b1", records));
    let part = topic.part("b1");
    let reasons = part.column_by_name("_sluicegate_reason").expect("a column").as_string::<i32>().clone();
    assert_eq!(reasons.value(2), "no value (a tombstone)");
    let keys = part.column_by_name("_sluicegate_key").expect("a column").as_binary::<i32>().clone();
    assert_eq!(keys.value(1), b"k2");
    for (name, is_shown) in [("bad.ndjson", false), ("all.ndjson", true)] {
        let unmasked: &[&str] = if is_shown { &["--unmasked"] } else { &[] };
        let export = ["quarantine", "export", "aside", "b1", "--to", "rows.ndjson", "--malformed-to", name];
        let run = topic.place.run(&[&export[..], unmasked].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let text = std::fs::read_to_string(topic.place.path(name)).expect("text");
        assert_eq!(text.contains("k2"), is_shown, "{text}");
    }
}
