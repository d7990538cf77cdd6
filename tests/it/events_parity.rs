//! One set of events, as a file, as one micro-batch, as many: each row is judged alike.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use sluicegate::ruleset::OnReject;

use crate::crash::delta_files;
use crate::events::{Topic, gated};
use crate::gate::read;
use crate::support::Place;

const RULES: &str = "dataset: plays
schema:
  evolution: any
  columns: { id: { type: int64, required: true }, kind: string, seconds: int64, at: timestamp }
clean: [{ drop_where: \"kind = 'test'\" }]
transform: { minutes: \"60 / seconds\" }
rules:
  - range: { id: few, column: seconds, min: 10, where: \"kind = 'play'\" }
  - values: { id: kinds, column: kind, in: [play, pause, rewind, skip] }
  - missing: { id: who, column: who }
  - expression: { id: early, sql: \"at is null or at < '2026-06-01'\" }
gate: { publish: lake, quarantine: aside, reject_above: 100% }
";

/// Numbers that follow from each other, for data that looks like any.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Event number `id`, on one line; some of them are none.
fn event(id: usize, numbers: &mut Numbers) -> String {
    match numbers.below(12) {
        0 => numbers.one(&["{\"id\": 1", "null", "[]", "{\"id\": 1}{\"id\": 2}", "\u{7f}", "{\"a\": 1, \"a\": 2}"]).to_owned(),
        1 => format!("{{\"id\": \"{id}\", \"kind\": \"play\"}}"),
        _ => {
            let mut text = format!("{{\"id\": {id}, \"kind\": \"{}\"", numbers.one(&["play", "pause", "skip", "test", "stop"]));
            let seconds = ["", ", \"seconds\": 5", ", \"seconds\": 20", ", \"seconds\": 0", ", \"seconds\": null", ", \"seconds\": 1.5"];
            let who = ["", ", \"who\": \"ann\"", ", \"who\": \"bob\"", ", \"who\": null"];
            let at = ["", ", \"at\": \"2026-01-01T00:00:00\"", ", \"at\": \"2026-07-01T00:00:00\"", ", \"at\": \"today\""];
            let more = ["", ", \"late\": true", ", \"deep\": {\"a\": [1, {\"b\": 2}]}"];
            for part in [&seconds[..], &who, &at, &more] {
                text += numbers.one(part);
            }
            text + "}"
        }
    }
}

/// What became of each event, by its number: the rules that it failed; nothing for one that was published. Events that `clean`
/// dropped are not among them.
type Fates = BTreeMap<i64, Vec<String>>;

fn add_published(place: &Place, fates: &mut Fates) {
    for file in delta_files(&place.path("lake")) {
        let ids = read(&file).column_by_name("id").expect("id").as_primitive::<Int64Type>().clone();
        ids.values().iter().for_each(|id| assert_eq!(fates.insert(*id, Vec::new()), None));
    }
}

/// `first` is the number of the event that is row 0.
fn add_aside(part: &RecordBatch, first: i64, fates: &mut Fates) {
    let rows = part.column_by_name("_sluicegate_row").expect("rows").as_primitive::<Int64Type>().values().to_vec();
    let rules = part.column_by_name("_sluicegate_rules").expect("rules").as_list::<i32>().clone();
    for (i, row) in rows.into_iter().enumerate() {
        let mut failed: Vec<String> = rules.value(i).as_string::<i32>().iter().map(|rule| rule.expect("a rule").to_owned()).collect();
        failed.sort();
        assert_eq!(fates.insert(row - first, failed), None);
    }
}

/// Read, published, quarantined, filtered, malformed.
type Totals = [u64; 5];

fn as_micro_batches(values: &[String], size: usize) -> (Fates, Totals) {
    let mut topic = Topic::new(RULES);
    topic.on_reject = OnReject::DeadLetter;
    let (mut fates, mut totals) = (Fates::new(), Totals::default());
    for (i, values) in values.chunks(size).enumerate() {
        let records = topic.records(values);
        let id = format!("b{i}");
        let rows = gated(topic.gate(&id, records)).rows;
        let more = [rows.read, rows.published, rows.quarantined, rows.filtered, rows.malformed];
        totals.iter_mut().zip(more).for_each(|(total, more)| *total += more);
        assert_eq!(rows.rejected, 0);
        if rows.quarantined > 0 {
            add_aside(&topic.part(&id), 0, &mut fates);
        }
    }
    add_published(&topic.place, &mut fates);
    (fates, totals)
}

/// As files of `size` events each, in a directory that is watched.
fn as_watched_files(values: &[String], size: usize) -> Fates {
    let place = Place::new();
    place.write("r.yaml", RULES);
    for (i, values) in values.chunks(size).enumerate() {
        place.write(&format!("in/{i:02}.ndjson"), values.join("\n"));
    }
    let run = place.run(&["gate", "--watch", "in", "-r", "r.yaml", "--drain", "--settle", "0s", "--on-reject", "dead-letter"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let mut fates = Fates::new();
    for name in place.files().iter().filter(|name| name.starts_with("aside/") && name.ends_with(".parquet")) {
        let part = read(&place.path(name));
        let file = part.column_by_name("_sluicegate_file").expect("files").as_string::<i32>().value(0).to_owned();
        let chunk: i64 = file.trim_end_matches(".ndjson").rsplit('/').next().expect("a name").parse().expect("a number");
        add_aside(&part, 1 - chunk * size as i64, &mut fates);
    }
    add_published(&place, &mut fates);
    fates
}

/// Event by event.
fn as_a_stream(values: &[String]) -> Fates {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.ndjson", values.join("\n"));
    let run = place.run(&["stream", "d.ndjson", "-r", "r.yaml", "--like", "d.ndjson", "--bad", "bad.ndjson", "--good", "good.ndjson"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(place.path(name)).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let mut fates = Fates::new();
    for good in lines("good.ndjson") {
        assert_eq!(fates.insert(good["id"].as_i64().expect("an id"), Vec::new()), None);
    }
    for bad in lines("bad.ndjson") {
        let rules = bad["rules"].as_array().expect("rules").iter();
        let mut failed: Vec<String> = rules.map(|rule| rule.as_str().expect("a rule").to_owned()).collect();
        failed.sort();
        assert_eq!(fates.insert(bad["line"].as_i64().expect("a line") - 1, failed), None);
    }
    fates
}

fn are_alike(what: &str, there: &Fates, fates: &Fates, values: &[String]) {
    for (id, value) in (0i64..).zip(values) {
        assert_eq!(there.get(&id), fates.get(&id), "{what}: {id}: {value}");
    }
}

#[test]
fn events_are_judged_alike_as_a_file_as_micro_batches_as_watched_files_and_as_a_stream() {
    let mut numbers = Numbers(7);
    let values: Vec<String> = (0..400).map(|id| event(id, &mut numbers)).collect();
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.ndjson", values.join("\n"));
    let file = place.run(&["gate", "d.ndjson", "-r", "r.yaml", "--batch-id", "b"]);
    assert_eq!(file.verdict(), "quarantine", "{}", file.stderr);
    let mut fates = Fates::new();
    add_aside(&read(&place.part("aside", "b")), 1, &mut fates);
    add_published(&place, &mut fates);
    let totals = ["read", "published", "quarantined", "filtered", "malformed"].map(|what| file.rows(what));
    // The data has some of everything.
    let named: Vec<&String> = fates.values().flatten().collect();
    for rule in ["few", "kinds", "who", "early", "malformed"] {
        assert!(named.iter().any(|name| *name == rule), "{rule}");
    }
    assert!(totals.iter().all(|total| *total > 10) && totals[0] == 400, "{totals:?}");
    for size in [400, 150, 7] {
        let (there, theirs) = as_micro_batches(&values, size);
        assert_eq!(theirs, totals, "{size}");
        are_alike(&format!("micro-batches of {size}"), &there, &fates, &values);
    }
    are_alike("watched files", &as_watched_files(&values, 100), &fates, &values);
    are_alike("a stream", &as_a_stream(&values), &fates, &values);
}
