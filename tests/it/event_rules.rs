//! What a rule file says of a topic's records, and what is wrong with it.

use sluicegate::ruleset::RuleFile;
use sluicegate::source::{EventColumn, EventKey, EventValue, Tombstones};

fn mistakes(events: &str) -> Vec<String> {
    let text = format!("dataset: d\nsource: {{ events: {events} }}\nrules: [{{ rows: {{ min: 1 }} }}]\n");
    match RuleFile::parse(&text, "r.yaml") {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

fn mistake(events: &str, what: &str, hint: &str) {
    let mistakes = mistakes(events);
    assert!(mistakes.len() == 1 && mistakes[0].contains(what) && mistakes[0].contains(hint), "{events}: {mistakes:?}");
    assert!(mistakes[0].starts_with("r.yaml:2:"), "{mistakes:?}");
}

#[test]
fn every_word_about_events_is_read() {
    let text = "dataset: d
source:
  events:
    value: avro
    registry: https://registry.example:8081/
    columns: [offset, key, headers, partition, timestamp]
    key: binary
    tombstones: skip
rules: [{ rows: { min: 1 } }]
";
    let rules = RuleFile::parse(text, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let events = rules.sections.read_options("r.yaml").unwrap_or_else(|f| panic!("{f}")).events;
    assert_eq!((events.value, events.key, events.tombstones), (EventValue::Avro, EventKey::Binary, Tombstones::Skip));
    let all = [EventColumn::Offset, EventColumn::Key, EventColumn::Headers, EventColumn::Partition, EventColumn::Timestamp];
    assert_eq!((events.columns.as_slice(), events.registry.is_some()), (all.as_slice(), true));
    let plain = RuleFile::parse("dataset: d\nsource: { events: { columns: offset } }\nrules: [{ rows: { min: 1 } }]\n", "r.yaml");
    let events = plain.unwrap_or_else(|f| panic!("{f}")).sections.read_options("r.yaml").unwrap_or_else(|f| panic!("{f}")).events;
    assert_eq!((events.value, events.columns), (EventValue::Json, vec![EventColumn::Offset]));
}

#[test]
fn mistakes_about_events_are_named_with_what_to_write() {
    mistake("{ value: avro }", "`value: avro` needs a `registry`", "registry: http://host:8081");
    mistake("{ registry: \"http://h:1\" }", "asked for `value: avro` alone", "leave `registry` out");
    mistake("{ value: avro, registry: \"http://ann:secret@h:1\" }", "holds credentials", "SCHEMA_REGISTRY_USER");
    assert!(!mistakes("{ value: avro, registry: \"http://ann:secret@h:1\" }")[0].contains("secret"));
    mistake("{ value: avro, registry: \"h:1\" }", "is not the URL of a schema registry", "http://host:8081");
    mistake("{ value: avro, registry: \"http://h/?a=b\" }", "is not the URL of a schema registry", "http://host:8081");
    mistake("{ columns: [offset, offset] }", "`offset` stands twice", "name each once");
    mistake("{ key: binary }", "there is none", "columns: [key]");
    mistake("{ columns: [ofset] }", "ofset", "offset");
    mistake("{ value: protobuf }", "protobuf", "json");
    mistake("{ colums: [key] }", "colums", "columns");
    let both = mistakes("{ value: avro, columns: [key, key] }");
    assert_eq!(both.len(), 2, "{both:?}");
}
