use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType};
use bytes::Bytes;

use super::*;
use crate::rows::{Origin, RowId};
use crate::source::{self, Cut, Malformed, RowOrigins};
use crate::types::type_name;

mod any;
mod avro;

const NAME: &str = "kafka://broker/t";

fn record(offset: i64, value: Option<&[u8]>) -> EventRecord {
    EventRecord {
        topic: "t".into(),
        partition: (offset % 3) as i32,
        offset: offset / 3,
        timestamp_ms: 1_700_000_000_000 + offset,
        key: None,
        value: value.map(Bytes::copy_from_slice),
        headers: Vec::new(),
    }
}

fn records<V: AsRef<[u8]>>(values: &[V]) -> Vec<EventRecord> {
    (0i64..).zip(values).map(|(offset, value)| record(offset, Some(value.as_ref()))).collect()
}

/// What is read of a source: rows with their numbers in the whole, and malformed records likewise.
struct Read {
    rows: Vec<u64>,
    batch: RecordBatch,
    malformed: Vec<(u64, Malformed)>,
    origins: Vec<Origin>,
}

/// Reads until types settle.
fn read(mut source: Arc<dyn Source>) -> (Arc<dyn Source>, Read) {
    loop {
        let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
        let (mut rows, mut batches, mut malformed, mut evidence) = (Vec::new(), Vec::new(), Vec::new(), SchemaEvidence::None);
        let (mut row_origins, mut previous, mut before) = (RowOrigins::default(), None, 0u64);
        while let Some((unit, preread)) = source.next_unit(previous.as_ref()).expect("a unit") {
            let each = &mut |chunk: Chunk| {
                rows.extend(chunk.rows.iter().map(|row| before + u64::from(row)));
                malformed.extend(chunk.malformed.into_iter().map(|bad| (before + u64::from(bad.row), bad)));
                batches.push(chunk.batch);
                Ok(())
            };
            let end = source.read(&unit, preread, &projection, each).unwrap_or_else(|f| panic!("{f}"));
            before += u64::from(end.records);
            row_origins.push(unit.clone(), &end, source.known().header_lines(0));
            evidence.merge(end.evidence);
            previous = Some(unit);
        }
        match source.retyped(&evidence).unwrap_or_else(|f| panic!("{f}")) {
            Some(again) => source = again,
            None => {
                let batch = concat_batches(source.schema(), &batches).expect("one batch");
                let units: Vec<Unit> = row_origins.units().cloned().collect();
                let of_unit = |unit: &Unit| {
                    let rows = (0..row_origins.records_of(unit.index)).map(|row| RowId { unit: unit.index, row });
                    rows.map(|row| row_origins.origin(row, &source.known().origins)).collect::<Vec<_>>()
                };
                let origins = units.iter().flat_map(of_unit).collect();
                return (source, Read { rows, batch, malformed, origins });
            }
        }
    }
}

fn open(records: Vec<EventRecord>, options: &ReadOptions) -> Arc<dyn Source> {
    source::events(records, NAME, options, &[]).unwrap_or_else(|f| panic!("{f}"))
}

fn small(unit_bytes: usize) -> ReadOptions {
    ReadOptions { cut: Cut { unit_bytes, batch_rows: 3 }, ..ReadOptions::default() }
}

/// Values that have nothing to do with each other, and why each cannot be read; none where it can.
fn hostile() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let long = format!("{{\"n\": 5, \"long\": \"{}\"}}", "x".repeat(1 << 20)).into_bytes();
    let bad_long = [long.as_slice(), b"}"].concat();
    let good = |value: &[u8]| (value.to_vec(), None);
    let bad = |value: &[u8], why| (value.to_vec(), Some(why));
    vec![
        bad(b"\xef\xbb\xbf\xef\xbb\xbf{\"n\": 1}", "not JSON at byte 4"),
        good(b"\xef\xbb\xbf{\"n\": 1}"),
        good(b"{\r\n  \"n\":\r2\n}\r\n"),
        bad(b"", "the value is empty"),
        bad(b" \r\n\t ", "the value is blank"),
        bad(b"{\"n\": \"a\nb\"}", "not JSON at byte 9"),
        bad(b"{\"n\": \"a\rb\"}", "not JSON at byte 9"),
        bad(b"{\"n\": 3}\n{\"n\": 4}", "text behind the record, at byte 10"),
        bad(b"{\"n\": 3}\0", "text behind the record, at byte 9"),
        bad(b"{\"n\": \"a\0b\"}", "not JSON at byte 9"),
        bad(b"{\"n\": \"\xff\"}", "not UTF-8 at byte 8"),
        bad(b"{\"n\": \"\xc3", "not UTF-8 at byte 8"),
        bad(b"\xa9\"}", "not UTF-8 at byte 1"),
        bad(b"[{\"n\": 1}, {\"n\": 2}]", "an object is expected"),
        bad(b"[[[[", "not JSON at byte 5"),
        bad(b"null", "an object is expected"),
        bad(b"0", "an object is expected"),
        bad(b"{\"n\": 1", "not JSON at byte 8"),
        bad(b"}", "not JSON at byte 1"),
        bad(b"{\"n\": 1, \"n\": 2}", "twice"),
        bad(b"\0\0\0\0", "not JSON at byte 1"),
        bad(b"\0\0\0\0\x07", "the value is blank"),
        bad(b"\0\0\0\0\x07\xef\xbb\xbf\n", "the value is blank"),
        good(b"\0\n\r\n\r{\"n\": 6}"),
        bad(b"\0\0\0\0\x07{\"n\": }", "not JSON at byte 12"),
        good(b"\x20{\"deep\": [[[{\"a\": [1, {\"b\": null}]}]]], \"n\": 7}"),
        good(b"{\"n\": 123456789012345678901234567890}"),
        good(&long),
        bad(&bad_long, "text behind the record"),
        good(b"{}"),
        good(b"{\"n\": 8}"),
    ]
}

#[test]
fn row_i_is_record_i_whatever_the_values_hold() {
    let hostile = hostile();
    let values: Vec<&[u8]> = hostile.iter().map(|(value, _)| value.as_slice()).collect();
    for unit_bytes in [1, 60, 1000, 16 << 20] {
        let (_, read) = read(open(records(&values), &small(unit_bytes)));
        assert_eq!(read.origins.len(), values.len());
        for (i, origin) in (0i64..).zip(&read.origins) {
            assert_eq!(*origin, Origin::Event { topic: "t".into(), partition: (i % 3) as i32, offset: i / 3 });
        }
        let mut malformed = read.malformed.iter();
        for (row, (value, why)) in (0u64..).zip(&hostile) {
            let Some(why) = why else {
                assert!(read.rows.contains(&row), "{row}: {:?}", read.malformed.iter().find(|(at, _)| *at == row));
                continue;
            };
            let (at, bad) = malformed.next().expect("a malformed record");
            assert_eq!(*at, row, "{bad:?}");
            assert!(bad.reason.contains(why), "{row}: {} is not {why}", bad.reason);
            assert!(bad.raw == *value, "{row}: {:?}", bad.raw.len());
        }
        assert!(malformed.next().is_none());
        let n = read.batch.column_by_name("n").expect("n").as_string::<i32>().iter().map(|n| n.unwrap_or("-").to_owned());
        let expected = ["1", "2", "6", "7", "123456789012345678901234567890", "5", "-", "8"];
        assert_eq!(n.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_tombstone_is_malformed_or_no_row_as_the_options_say() {
    let events = || vec![record(0, Some(b"{\"n\": 1}")), record(1, None), record(2, Some(b"")), record(3, Some(b"{\"n\": 2}"))];
    let (source, kept) = read(open(events(), &ReadOptions::default()));
    let whys: Vec<(u64, &str)> = kept.malformed.iter().map(|(row, bad)| (*row, bad.reason.as_str())).collect();
    assert_eq!(whys, [(1, "no value (a tombstone)"), (2, "the value is empty")]);
    assert!(kept.malformed.iter().all(|(_, bad)| bad.raw.is_empty()));
    assert_eq!((source.known().rows, source.known().notes.len()), (Some(4), 0));
    let mut options = ReadOptions::default();
    options.events.tombstones = Tombstones::Skip;
    let (source, skipped) = read(open(events(), &options));
    assert_eq!((skipped.rows, skipped.origins.len()), (vec![0, 2], 3));
    assert_eq!(skipped.origins[2].to_string(), "t[0]@1");
    assert_eq!(source.known().notes, ["1 record without a value passed over, as `tombstones: skip` says"]);
}

#[test]
fn columns_on_request_stand_beside_the_values_of_their_record() {
    let mut events = records(&["{\"n\": 1}", "bad", "{\"n\": 2}", "{\"n\": 2.5}", "{}"]);
    events[0].key = Some(Bytes::from_static(b"k0"));
    events[2].key = Some(Bytes::from_static(b"\xff\x00"));
    events[2].headers = vec![("a".into(), b"\"x\"".to_vec()), ("a".into(), vec![0xff, 0xad])];
    events[3].key = Some(Bytes::from_static(b""));
    let mut options = small(10);
    let all = [EventColumn::Offset, EventColumn::Key, EventColumn::Headers, EventColumn::Timestamp, EventColumn::Partition];
    options.events.columns = all.to_vec();
    let (source, seen) = read(open(events.clone(), &options));
    let types: Vec<String> = source.schema().fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
    let utc = type_name(&DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
    let expected = ["n float64", "kafka_offset int64", "kafka_key string", "kafka_headers string"];
    assert_eq!(types[..4], expected);
    assert_eq!(types[4..], [format!("kafka_timestamp {utc}"), "kafka_partition int32".to_owned()]);
    assert_eq!(seen.rows, [0, 2, 3, 4]);
    let column = |name: &str| seen.batch.column_by_name(name).expect("a column");
    let texts = |name: &str| column(name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(column("kafka_offset").as_primitive::<Int64Type>().values().to_vec(), [0, 0, 1, 1]);
    assert_eq!(column("kafka_partition").as_primitive::<Int32Type>().values().to_vec(), [0, 2, 0, 1]);
    let times = column("kafka_timestamp").as_primitive::<TimestampMillisecondType>().values().to_vec();
    assert_eq!(times, [1_700_000_000_000, 1_700_000_000_002, 1_700_000_000_003, 1_700_000_000_004]);
    assert_eq!(texts("kafka_key"), [Some("k0".into()), Some("\\xff00".into()), Some(String::new()), None]);
    let headers = r#"[{"key":"a","value":"\"x\""},{"key":"a","value":"\\xffad"}]"#;
    assert_eq!(texts("kafka_headers"), [None, Some(headers.into()), None, None]);
    options.events.key = EventKey::Binary;
    let (_, seen) = read(open(events, &options));
    let keys = seen.batch.column_by_name("kafka_key").expect("a column").as_binary::<i32>().clone();
    assert_eq!((keys.value(1), keys.is_null(3)), (&b"\xff\x00"[..], true));
}

#[test]
fn a_value_with_a_column_that_is_added_is_refused_whenever_it_comes() {
    let mut options = small(10);
    options.events.columns = vec![EventColumn::Offset];
    let what = |values: &[&str]| {
        let mut source = match source::events(records(values), NAME, &options, &[]) {
            Ok(source) => source,
            Err(fault) => return fault.to_string(),
        };
        loop {
            let projection = Projection::new(source.schema(), Vec::new());
            let (mut previous, mut evidence) = (None, SchemaEvidence::None);
            while let Some((unit, preread)) = source.next_unit(previous.as_ref()).expect("a unit") {
                evidence.merge(source.read(&unit, preread, &projection, &mut |_| Ok(())).expect("an end").evidence);
                previous = Some(unit);
            }
            match source.retyped(&evidence) {
                Ok(Some(again)) => source = again,
                Ok(None) => return "nothing".to_owned(),
                Err(fault) => return fault.to_string(),
            }
        }
    };
    let expected = what(&["{\"kafka_offset\": 1}"]);
    assert!(expected.starts_with("kafka://broker/t: `kafka_offset` stands in the values"), "{expected}");
    assert!(expected.contains("take `offset` out of `columns`"), "{expected}");
    assert_eq!(what(&["{\"n\": 1}", "{\"n\": 1}", "{\"n\": 1, \"kafka_offset\": 1}"]), expected);
    assert_eq!(what(&["{\"n\": 1}", "{\"kafka_key\": 1}"]), "nothing");
}

#[test]
fn the_digest_is_of_all_that_records_hold_and_where_they_stand() {
    let base = records(&["{\"n\": 1}", "{\"n\":\n2}"]);
    let digest = |records: &[EventRecord]| open(records.to_vec(), &ReadOptions::default()).digest().expect("a digest");
    let of_base = digest(&base);
    assert_eq!(digest(&base.clone()), of_base);
    let changes: [fn(&mut EventRecord); 7] = [
        |r| r.topic = "u".into(),
        |r| r.partition += 1,
        |r| r.offset += 1,
        |r| r.timestamp_ms += 1,
        |r| r.key = Some(Bytes::new()),
        |r| r.value = Some(Bytes::from_static(b"{\"n\":\r2}")),
        |r| r.headers.push((String::new(), Vec::new())),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut changed = base.clone();
        change(&mut changed[1]);
        assert_ne!(digest(&changed), of_base, "{i}");
    }
    assert_ne!(digest(&base[..1]), of_base);
}

#[test]
fn no_record_and_no_value_are_a_batch_of_no_columns_unless_a_contract_names_some() {
    let column = ContractColumn { name: "n".into(), data_type: Some(DataType::Int64), format: None, is_strict: false };
    for events in [Vec::new(), records(&["bad", ""])] {
        let rows = events.len() as u64;
        let source = open(events.clone(), &ReadOptions::default());
        let why = source.known().no_columns.clone().expect("a reason").to_string();
        assert!(why.contains(&format!("none of {rows} records has a value with keys")), "{why}");
        let source = source::events(events, NAME, &ReadOptions::default(), std::slice::from_ref(&column)).expect("a source");
        assert_eq!((source.schema().fields().len(), source.known().no_columns.is_none()), (1, true));
        let (_, read) = read(source);
        assert_eq!((read.batch.num_rows(), read.malformed.len() as u64), (0, rows));
    }
}

#[test]
fn text_is_one_column_and_what_is_not_utf_8_is_malformed() {
    let mut options = small(4);
    options.events.value = EventValue::Text;
    options.events.columns = vec![EventColumn::Offset];
    let mut events = records(&["{\"n\": 1}", "", "a\nb", "x"]);
    events.insert(2, record(4, Some(b"ab\xff")));
    events.push(record(5, None));
    let (source, seen) = read(open(events, &options));
    assert_eq!(source.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["value", "kafka_offset"]);
    let texts: Vec<Option<&str>> = seen.batch.column(0).as_string::<i32>().iter().collect();
    assert_eq!((seen.rows.clone(), texts), (vec![0, 1, 3, 4], vec![Some("{\"n\": 1}"), Some(""), Some("a\nb"), Some("x")]));
    assert_eq!(seen.batch.column(1).as_primitive::<Int64Type>().values().to_vec(), [0, 0, 0, 1]);
    let whys: Vec<(u64, &str, &[u8])> = seen.malformed.iter().map(|(row, bad)| (*row, bad.reason.as_str(), bad.raw.as_slice())).collect();
    assert_eq!(whys, [(2, "not UTF-8 at byte 3", b"ab\xff".as_slice()), (5, "no value (a tombstone)", b"")]);
}

#[test]
fn words_about_files_are_refused_for_events() {
    let refused = |options: ReadOptions| {
        let options = ReadOptions { refuses_idle_words: true, ..options };
        source::events(records(&["{\"n\": 1}"]), NAME, &options, &[]).err().map(|fault| fault.to_string())
    };
    assert_eq!(refused(ReadOptions::default()), None);
    assert_eq!(refused(ReadOptions { format: Some(Format::Ndjson), ..ReadOptions::default() }), None);
    let idle = [
        ("format", ReadOptions { format: Some(Format::Csv), ..ReadOptions::default() }),
        ("encoding", ReadOptions { encoding: Encoding::Latin1, ..ReadOptions::default() }),
        ("json_path", ReadOptions { json_path: vec!["a".into()], ..ReadOptions::default() }),
        ("quote", ReadOptions { quote: Some(None), ..ReadOptions::default() }),
    ];
    for (word, options) in idle {
        let said = refused(options).expect("a fault");
        assert!(said.contains(&format!("`source: {{ {word}: … }}` is about files")), "{said}");
    }
}
