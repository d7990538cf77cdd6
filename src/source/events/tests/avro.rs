//! Values of Avro, and a schema registry that answers as it is told.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use tiny_http::{Header, Response, Server};

use super::*;
use crate::remote::Surroundings;

/// A registry on loopback: what it answers to each path, and how often it was asked.
struct FakeRegistry {
    url: String,
    asked: Arc<AtomicUsize>,
    credentials: Arc<Mutex<Vec<String>>>,
    server: Arc<Server>,
}

impl FakeRegistry {
    fn of(schemas: &[(u32, u16, String)]) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a server"));
        let url = format!("http://{}", server.server_addr());
        let answers: HashMap<String, (u16, String)> =
            schemas.iter().map(|(id, status, body)| (format!("/schemas/ids/{id}"), (*status, body.clone()))).collect();
        let (asked, credentials) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (listening, count, seen) = (server.clone(), asked.clone(), credentials.clone());
        std::thread::spawn(move || {
            for request in listening.incoming_requests() {
                count.fetch_add(1, Ordering::SeqCst);
                let header = request.headers().iter().find(|header| header.field.equiv("authorization"));
                seen.lock().expect("a list").extend(header.map(|header| header.value.to_string()));
                let unknown = (404, r#"{"error_code": 40403, "message": "Schema not found"}"#.to_owned());
                let (status, body) = answers.get(request.url()).cloned().unwrap_or(unknown);
                let json = Header::from_bytes("content-type", "application/vnd.schemaregistry.v1+json").expect("a header");
                let answered = request.respond(Response::from_string(body).with_status_code(status).with_header(json));
                answered.unwrap_or_default();
            }
        });
        Self { url, asked, credentials, server }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn options(&self) -> ReadOptions {
        let mut options = small(40);
        options.events.value = EventValue::Avro;
        options.events.registry = Some(Arc::new(Registry::new(&self.url)));
        options
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn record_schema(fields: &str) -> String {
    let schema = format!(r#"{{"type": "record", "name": "play", "namespace": "tv", "fields": [{fields}]}}"#);
    serde_json::json!({ "schema": schema }).to_string()
}

fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn text(value: &[u8]) -> Vec<u8> {
    [long(value.len() as i64), value.to_vec()].concat()
}

fn framed(id: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    [vec![0], id.to_be_bytes().to_vec(), parts.concat()].concat()
}

const FIRST: &str = r#"{"name": "id", "type": "int"}, {"name": "who", "type": "string"}"#;
const SECOND: &str = r#"{"name": "id", "type": "long"}, {"name": "who", "type": ["null", "string"], "default": null},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}"#;

fn texts(read: &Read, name: &str) -> Vec<Option<String>> {
    let column = read.batch.column_by_name(name).expect("a column");
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn records_of_several_schemas_are_one_table_in_their_order() {
    let registry = FakeRegistry::of(&[(7, 200, record_schema(FIRST)), (9, 200, record_schema(SECOND))]);
    let second = |id: i64, who: Option<&str>, at: i64| {
        let who = who.map_or_else(|| long(0), |who| [long(1), text(who.as_bytes())].concat());
        framed(9, &[long(id), who, long(at)])
    };
    let values = [
        framed(7, &[long(1), text(b"ann")]),
        second(1 << 40, Some("bob"), 5),
        framed(7, &[long(-2), text("zoë".as_bytes())]),
        second(4, None, -1),
    ];
    let options = registry.options();
    let (source, seen) = read(open(records(&values), &options));
    let types: Vec<String> = source.schema().fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
    let utc = type_name(&DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(types, ["id int64".to_owned(), "who string".to_owned(), format!("at {utc}")]);
    let ids = seen.batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((seen.rows.clone(), ids), (vec![0, 1, 2, 3], vec![1, 1 << 40, -2, 4]));
    assert_eq!(texts(&seen, "who"), [Some("ann".into()), Some("bob".into()), Some("zoë".into()), None]);
    let at: Vec<Option<i64>> = seen.batch.column(2).as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(at, [None, Some(5), None, Some(-1)]);
    assert!(seen.malformed.is_empty());
    // Every micro-batch is a source of its own; a schema is asked for once.
    read(open(records(&values[..1]), &options));
    assert_eq!(registry.asked(), 2);
}

#[test]
fn a_record_that_is_none_of_its_schema_costs_no_other() {
    let bad = (404, r#"{"error_code": 40403}"#.to_owned());
    let json = serde_json::json!({ "schema": "{}", "schemaType": "JSON" }).to_string();
    let refers = serde_json::json!({ "schema": "{}", "references": [{ "name": "a", "subject": "a", "version": 1 }] }).to_string();
    let schemas = [(7, 200, record_schema(FIRST)), (8, bad.0, bad.1), (10, 200, json), (11, 200, refers), (12, 200, record_schema("7"))];
    let registry = FakeRegistry::of(&schemas);
    let good = |id: i64| framed(7, &[long(id), text(b"x")]);
    let values: Vec<(Vec<u8>, Option<&str>)> = vec![
        (good(0), None),
        (framed(7, &[long(1), text(b"\xff")]), Some("not a record of schema 7")),
        (framed(8, &[long(1)]), Some("the schema registry has no schema 8")),
        (good(3), None),
        (framed(7, &[long(1 << 40), text(b"x")]), Some("an int has more than 32 bits")),
        ([good(5), vec![0]].concat(), Some("1 bytes stand behind the record")),
        (framed(7, &[long(6), long(100)]), Some("a value is cut short")),
        (framed(7, &[]), Some("a number is cut short")),
        (b"{\"id\": 8}".to_vec(), Some("no schema registry's header")),
        (vec![0, 0, 0], Some("no schema registry's header")),
        (Vec::new(), Some("no schema registry's header")),
        (framed(10, &[]), Some("schema 10 is of JSON")),
        (framed(11, &[]), Some("refers to other schemas")),
        (framed(12, &[]), Some("schema 12 cannot be used")),
        (good(14), None),
    ];
    let mut events = records(&values.iter().map(|(value, _)| value.as_slice()).collect::<Vec<_>>());
    events.push(record(15, None));
    let (_, seen) = read(open(events, &registry.options()));
    let why: HashMap<u64, &Malformed> = seen.malformed.iter().map(|(row, bad)| (*row, bad)).collect();
    for (row, (value, expected)) in (0u64..).zip(&values) {
        match (expected, why.get(&row)) {
            (None, None) => {}
            (Some(expected), Some(bad)) => {
                assert!(bad.reason.contains(expected), "{row}: {}", bad.reason);
                assert_eq!(bad.raw, *value);
            }
            (expected, bad) => panic!("{row}: {expected:?} {bad:?}"),
        }
    }
    assert_eq!(why[&15].reason, "no value (a tombstone)");
    assert_eq!((seen.rows, seen.batch.num_rows()), (vec![0, 3, 14], 3));
}

#[test]
fn a_registry_that_is_not_there_or_talks_nonsense_is_a_fault_and_no_poison() {
    let fault = |options: &ReadOptions| {
        let opened = source::events(records(&[framed(7, &[long(1)])]), NAME, options, &[]);
        opened.err().map(|fault| (fault.code, fault.to_string())).expect("a fault")
    };
    for (status, body, code, says) in [
        (200, "<html>", Code::Unreadable, "none of a schema registry"),
        (404, "no such page", Code::Unreadable, "answers 404"),
        (404, r#"{"error_code": 40401}"#, Code::Unreadable, "answers 404"),
        (500, r#"{"error_code": 50001}"#, Code::Unreadable, "answers 500"),
        (302, "", Code::Unreadable, "answers 302"),
        (401, "", Code::PermissionDenied, "SCHEMA_REGISTRY_USER"),
    ] {
        let registry = FakeRegistry::of(&[(7, status, body.to_owned())]);
        let (found, text) = fault(&registry.options());
        assert!(found == code && text.contains(says), "{status}: {text}");
        assert_eq!(registry.asked(), if status == 500 { 3 } else { 1 }, "{status}");
    }
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut options = small(40);
    options.events.value = EventValue::Avro;
    options.events.registry = Some(Arc::new(Registry::new(&format!("http://{free}/"))));
    let (code, text) = fault(&options);
    assert!(code == Code::Unreadable && text.contains("cannot reach the schema registry"), "{text}");
}

#[test]
fn user_and_password_come_from_the_environment_or_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("password").display().to_string();
    std::fs::write(&file, "s3cret\n").expect("written");
    let pair = |name: &str, value: &str| (format!("SCHEMA_REGISTRY_{name}"), value.to_owned());
    for second in [pair("PASSWORD", "s3cret"), pair("PASSWORD_FILE", &file)] {
        let registry = FakeRegistry::of(&[(7, 200, record_schema(FIRST))]);
        let surroundings = Surroundings { variables: vec![pair("USER", "ann"), second], ..Surroundings::default() };
        let options = ReadOptions { surroundings: Arc::new(surroundings), ..registry.options() };
        read(open(records(&[framed(7, &[long(1), text(b"x")])]), &options));
        // The base64 of `ann:s3cret`.
        assert_eq!(*registry.credentials.lock().expect("a list"), ["Basic YW5uOnMzY3JldA=="]);
    }
}

/// A process of its own, which has a proxy in its environment that answers nothing.
#[test]
fn a_registry_is_asked_without_the_proxy_that_the_environment_names() {
    let test = "source::events::tests::avro::user_and_password_come_from_the_environment_or_a_file";
    let mut process = std::process::Command::new(std::env::current_exe().expect("this program"));
    process.args(["--exact", test]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        process.env(name, "http://127.0.0.1:1");
    }
    let output = process.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn types_widen_as_far_as_nothing_is_lost_and_else_a_record_is_malformed() {
    let schema = |kind: &str| record_schema(&format!(r#"{{"name": "x", "type": {kind}}}"#));
    let nested = |fields: &str| format!(r#"{{"type": "record", "name": "in", "fields": [{fields}]}}"#);
    let registry = FakeRegistry::of(&[
        (1, 200, schema("\"double\"")),
        (2, 200, schema("\"long\"")),
        (3, 200, schema("\"string\"")),
        (4, 200, schema(&nested(r#"{"name": "a", "type": "int"}"#))),
        (5, 200, schema(&nested(r#"{"name": "b", "type": "string"}, {"name": "a", "type": "long"}"#))),
    ]);
    let options = registry.options();
    let double = |value: f64| framed(1, &[value.to_le_bytes().to_vec()]);
    let values = [double(0.5), framed(2, &[long(3)]), framed(2, &[long((1 << 53) + 1)]), framed(3, &[text(b"4")]), double(2.0)];
    let (_, seen) = read(open(records(&values), &options));
    assert_eq!(seen.batch.column(0).as_primitive::<Float64Type>().values().to_vec(), [0.5, 3.0, 2.0]);
    let whys: Vec<(u64, &str, Option<&str>)> =
        seen.malformed.iter().map(|(row, bad)| (*row, bad.reason.as_str(), bad.column.as_deref())).collect();
    let expected = [
        (2, "`x`: a whole number has more digits than a float64, which the column is by other schemas, holds", Some("x")),
        (3, "`x`: it is string by the record's schema, and float64 by others", Some("x")),
    ];
    assert_eq!(whys, expected);
    // Fields of records likewise.
    let values = [framed(4, &[long(1)]), framed(5, &[text(b"t"), long(1 << 40)])];
    let (source, seen) = read(open(records(&values), &options));
    assert_eq!(type_name(source.schema().field(0).data_type()), "struct<a: int64, b: string>");
    let a = seen.batch.column(0).as_struct().column(0).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((a, seen.malformed.len()), (vec![1, 1 << 40], 0));
    // What the table has counts, where it is wide enough.
    let contract = |name: &str, data_type| ContractColumn { name: name.into(), data_type: Some(data_type), format: None, is_strict: true };
    let contract = [contract("x", DataType::Float64), contract("y", DataType::Int64)];
    let source = source::events(records(&values_of_longs()), NAME, &options, &contract).expect("a source");
    let (source, seen) = read(source);
    let types: Vec<String> = source.schema().fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
    assert_eq!((types, seen.batch.column(1).null_count()), (vec!["x float64".to_owned(), "y int64".to_owned()], 2));
}

fn values_of_longs() -> [Vec<u8>; 2] {
    [framed(2, &[long(3)]), framed(2, &[long(-3)])]
}
