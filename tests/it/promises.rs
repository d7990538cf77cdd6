//! What a Delta table promises its readers: each promise is kept, or the table is refused by name before a row is read.

use std::process::Command;

use serde_json::{Value as Json, json};
use sluicegate::rules::schema::Evolution;
use sluicegate::store::{self, Surroundings, Terms};

use crate::crash::delta_files;
use crate::gate::read;
use crate::support::{Place, Run, skipped};

const RULES: &str = "dataset: t
rules: [{ rows: { min: 1 } }]
gate: { publish: lake, quarantine: aside }
";

/// A table without rows, by the first entry of its log.
pub fn table(place: &Place, name: &str, protocol: &Json, columns: &Json, properties: &Json) {
    let schema = json!({ "type": "struct", "fields": columns }).to_string();
    let metadata = json!({ "metaData": {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": { "provider": "parquet", "options": {} },
        "schemaString": schema, "partitionColumns": [], "configuration": properties, "createdTime": 0,
    } });
    let log = format!("{}\n{metadata}\n", json!({ "protocol": protocol }));
    place.write(&format!("{name}/_delta_log/00000000000000000000.json"), log);
}

pub fn column(name: &str, data_type: impl Into<Json>, nullable: bool, metadata: Json) -> Json {
    json!({ "name": name, "type": data_type.into(), "nullable": nullable, "metadata": metadata })
}

pub fn plain(writer: u32) -> Json {
    json!({ "minReaderVersion": 1, "minWriterVersion": writer })
}

fn listed(features: &[&str]) -> Json {
    json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [], "writerFeatures": features })
}

fn two_columns() -> Json {
    json!([column("id", "long", true, json!({})), column("v", "string", true, json!({}))])
}

/// A place with a table of columns `id` and `v`, and rules for it.
fn place(protocol: &Json, columns: &Json, properties: &Json) -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "id,v\n3,x\n4,y\n");
    table(&place, "lake", protocol, columns, properties);
    place
}

fn rows(place: &Place) -> usize {
    delta_files(&place.path("lake")).iter().map(|file| read(file).num_rows()).sum()
}

fn ways(place: &Place) -> [Run; 3] {
    let run = |arguments: &[&str]| place.run(&[arguments, &["d.csv", "-r", "r.yaml"]].concat());
    [run(&["check"]), run(&["gate", "--dry-run"]), run(&["gate"])]
}

/// `check`, a dry run and the gate refuse the table alike, naming it and `what`, and change nothing.
fn refused(place: &Place, what: &str) {
    let before = place.files();
    for run in ways(place) {
        assert_eq!(run.code, 2, "{what}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(what) && run.stderr.contains("lake"), "{what}: {}", run.stderr);
        assert_eq!(run.rows("read"), 0, "no row was read");
    }
    let replay = place.run(&["replay", "-r", "r.yaml"]);
    assert!(replay.code == 2 && replay.stderr.contains(what) && replay.stderr.contains("lake"), "{what}: {}", replay.stderr);
    assert_eq!(place.files(), before);
}

#[test]
fn a_null_never_goes_into_a_column_that_is_not_null() {
    for writer in [1, 2] {
        let columns = json!([column("id", "long", false, json!({})), column("v", "string", true, json!({}))]);
        let place = place(&plain(writer), &columns, &json!({}));
        place.write("d.csv", "id,v\n3,x\n,y\n");
        for run in ways(&place) {
            assert_eq!(run.verdict(), "quarantine", "{}", run.stderr);
            let finding = run.finding("not-null-id");
            assert_eq!((&finding["failing_rows"], &finding["columns"][0]), (&1.into(), &"id".into()));
            assert_eq!(finding["description"], "`id` is NOT NULL in the table lake");
        }
        assert_eq!(rows(&place), 1);
        let part = crate::support::files_below(&place.path("aside"), "parquet");
        assert_eq!(read(&part[0]).num_rows(), 1);
    }
}

#[test]
fn a_tolerance_or_a_known_issue_lets_no_null_through() {
    let columns = json!([column("id", "long", false, json!({})), column("v", "string", true, json!({}))]);
    let place = place(&plain(2), &columns, &json!({}));
    place.write("d.csv", "id,v\n3,x\n,y\n");
    let known = "known: [{ rule: required-id, where: \"v = 'y'\", reason: old }]\n";
    let contract = "schema: { columns: { id: { type: int64, required: true }, v: {} } }\n";
    place.write(
        "r.yaml",
        format!("{}{known}{contract}", RULES.replace("{ rows: { min: 1 } }", "{ missing: { column: id, tolerate: 90% } }")),
    );
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!((run.code, rows(&place)), (0, 1), "{}", run.stderr);
    // A promise has no known issues.
    place.write("r.yaml", format!("{}{contract}", RULES.to_owned() + &known.replace("required", "not-null")));
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b"]);
    assert!(run.code == 2 && run.stderr.contains("no finding is called `not-null-id`"), "{}", run.stderr);
}

#[test]
fn a_column_that_is_not_null_is_not_left_out() {
    let columns = json!([column("id", "long", true, json!({})), column("v", "string", false, json!({}))]);
    for evolution in ["backward", "any", "exact"] {
        let place = place(&plain(2), &columns, &json!({}));
        place.write("r.yaml", format!("{RULES}schema: {{ evolution: {evolution} }}\n"));
        place.write("d.csv", "id\n3\n");
        for run in ways(&place) {
            assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stderr);
            assert_eq!(run.finding("schema")["columns"][0], "v");
        }
        assert_eq!(rows(&place), 0);
    }
}

#[test]
fn nulls_inside_structs_and_lists_are_kept_out_where_the_table_says_so() {
    let inner =
        json!({ "type": "struct", "fields": [column("city", "string", false, json!({})), column("zip", "string", true, json!({}))] });
    let list = json!({ "type": "array", "elementType": "long", "containsNull": false });
    let columns = json!([column("a", inner, true, json!({})), column("l", list, true, json!({}))]);
    let place = place(&plain(2), &columns, &json!({}));
    let good = "{\"a\":{\"city\":\"x\"},\"l\":[1]}\n{\"a\":null,\"l\":[]}\n{\"a\":{\"city\":\"y\",\"zip\":\"1\"},\"l\":null}\n";
    place.write("d.ndjson", format!("{good}{{\"a\":{{\"zip\":\"1\"}},\"l\":[2]}}\n{{\"a\":{{\"city\":\"z\"}},\"l\":[null]}}\n"));
    let run = place.run(&["gate", "d.ndjson", "-r", "r.yaml"]);
    assert_eq!((run.code, rows(&place)), (0, 3), "{}", run.stderr);
    assert_eq!(run.finding("not-null-a.city")["failing_rows"], 1);
    assert_eq!(run.finding("not-null-l[]")["failing_rows"], 1);
}

#[test]
fn invariants_and_constraints_are_kept() {
    let invariant = json!({ "delta.invariants": json!({ "expression": { "expression": "id > 3" } }).to_string() });
    let with_invariant = json!([column("id", "long", true, invariant), column("v", "string", true, json!({}))]);
    let constraint = json!({ "delta.constraints.large": "id > 3" });
    let cases = [
        ("invariant-id", plain(2), with_invariant, json!({})),
        ("constraint-large", plain(3), two_columns(), constraint.clone()),
        ("constraint-large", listed(&["checkConstraints"]), two_columns(), constraint),
    ];
    for (id, protocol, columns, properties) in cases {
        let place = place(&protocol, &columns, &properties);
        place.write("d.csv", "id,v\n3,x\n4,y\n,z\n");
        for run in ways(&place) {
            assert_eq!(run.verdict(), "quarantine", "{}", run.stderr);
            // A condition that is null is not met.
            assert_eq!(run.finding(id)["failing_rows"], 2, "{id}");
        }
        assert_eq!(rows(&place), 1, "{id}");
        let again = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
        assert_eq!(again.report()["publication"]["state"], "unchanged", "{}", again.stderr);
        // A new column leaves what the table says of the others as it is.
        place.write("e.csv", "id,v,w\n5,x,1\n2,x,1\n");
        let grown = place.run(&["gate", "e.csv", "-r", "r.yaml"]);
        assert_eq!((grown.code, rows(&place)), (0, 2), "{}", grown.stderr);
        place.write("f.csv", "id,v,w\n1,x,2\n7,x,2\n");
        assert_eq!((place.run(&["gate", "f.csv", "-r", "r.yaml"]).finding(id)["failing_rows"].clone(), rows(&place)), (1.into(), 3));
    }
}

#[test]
fn conditions_that_cannot_be_evaluated_refuse_the_table() {
    let condition = json!({ "delta.constraints.even": "id % 2 = 0" });
    refused(&place(&plain(3), &two_columns(), &condition), "the constraint `even` of the Delta table (`id % 2 = 0`) cannot be evaluated");
    let invariant = json!({ "delta.invariants": json!({ "expression": { "expression": "year(id) > 3" } }).to_string() });
    let columns = json!([column("id", "long", true, invariant), column("v", "string", true, json!({}))]);
    refused(&place(&plain(2), &columns, &json!({})), "the invariant of `id`");
}

#[test]
fn promises_that_are_not_kept_refuse_the_table_by_name() {
    let one = |metadata: Json| json!([column("id", "long", true, metadata), column("v", "string", true, json!({}))]);
    let cases = [
        ("generatedColumns", plain(4), one(json!({ "delta.generationExpression": "v" })), json!({})),
        ("identityColumns", plain(6), one(json!({ "delta.identity.start": 1, "delta.identity.step": 1 })), json!({})),
        (
            "columnMapping",
            json!({ "minReaderVersion": 2, "minWriterVersion": 5 }),
            json!([
                column("id", "long", true, json!({ "delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "c1" })),
                column("v", "string", true, json!({ "delta.columnMapping.id": 2, "delta.columnMapping.physicalName": "c2" })),
            ]),
            json!({ "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2" }),
        ),
        ("rowTracking", listed(&["rowTracking", "domainMetadata"]), two_columns(), json!({})),
        ("clustering", listed(&["clustering", "domainMetadata"]), two_columns(), json!({})),
        ("inCommitTimestamp", listed(&["inCommitTimestamp"]), two_columns(), json!({ "delta.enableInCommitTimestamps": "true" })),
        ("checkpointProtection", listed(&["checkpointProtection"]), two_columns(), json!({})),
        ("somethingNew", listed(&["somethingNew"]), two_columns(), json!({})),
        // Its checkpoints forget transactions, and a batch whose file was compacted would come twice.
        (
            "delta.setTransactionRetentionDuration",
            plain(2),
            two_columns(),
            json!({ "delta.setTransactionRetentionDuration": "interval 7 days" }),
        ),
    ];
    for (feature, protocol, columns, properties) in cases {
        refused(&place(&protocol, &columns, &properties), feature);
    }
}

#[test]
fn promises_deep_inside_nested_columns_refuse_the_table() {
    let invariant = json!({ "delta.invariants": json!({ "expression": { "expression": "x > 3" } }).to_string() });
    let promising = json!({ "type": "struct", "fields": [column("x", "long", true, invariant)] });
    let nested = [
        json!({ "type": "struct", "fields": [column("inner", promising.clone(), true, json!({}))] }),
        json!({ "type": "array", "elementType": promising.clone(), "containsNull": true }),
        json!({ "type": "map", "keyType": "string", "valueType": promising, "valueContainsNull": true }),
    ];
    for data_type in nested {
        let columns = json!([
            column("id", "long", true, json!({})),
            column("v", "string", true, json!({})),
            column("deep", data_type, true, json!({})),
        ]);
        refused(&place(&plain(2), &columns, &json!({})), "the column `deep` of the Delta table promises something");
    }
}

#[test]
fn features_that_are_listed_and_not_used_are_no_obstacle() {
    let features = [
        "appendOnly",
        "invariants",
        "checkConstraints",
        "changeDataFeed",
        "generatedColumns",
        "identityColumns",
        "domainMetadata",
        "allowColumnDefaults",
        "inCommitTimestamp",
    ];
    let place = place(&listed(&features), &two_columns(), &json!({}));
    let [.., gate] = ways(&place);
    assert_eq!((gate.code, rows(&place)), (0, 2), "{}", gate.stderr);
    for writer in 3..=6 {
        let place = self::place(&plain(writer), &two_columns(), &json!({}));
        let [.., gate] = ways(&place);
        assert_eq!((gate.code, rows(&place)), (0, 2), "version {writer}: {}", gate.stderr);
    }
}

#[test]
fn a_table_that_keeps_its_rows_takes_new_ones_only() {
    for (why, property) in [("append-only", "delta.appendOnly"), ("change data feed", "delta.enableChangeDataFeed")] {
        let place = place(&plain(4), &two_columns(), &json!({ property: "true" }));
        assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "a"]).code, 0);
        let before = place.files();
        place.write("d.csv", "id,v\n9,x\n");
        let runs = [&["gate", "d.csv", "--batch-id", "a", "--supersede"][..], &["gate", "d.csv", "--supersede", "--dry-run"], &["replay"]];
        for arguments in runs {
            let run = place.run(&[arguments, &["-r", "r.yaml"]].concat());
            assert!(run.code == 2 && run.stderr.contains(why) && run.stderr.contains("lake"), "{arguments:?}: {}", run.stderr);
        }
        place.write("r.yaml", RULES.replace("publish: lake", "publish: lake, replace: { partition: id }"));
        for arguments in [&["check", "d.csv"][..], &["gate", "d.csv"], &["gate", "d.csv", "--dry-run"]] {
            let run = place.run(&[arguments, &["-r", "r.yaml"]].concat());
            assert!(run.code == 2 && run.stderr.contains("`gate: { replace: … }` takes rows out"), "{arguments:?}: {}", run.stderr);
        }
        assert_eq!(place.files(), before);
    }
}

#[test]
fn a_column_with_a_default_is_not_left_out() {
    let columns = json!([column("id", "long", true, json!({})), column("v", "string", true, json!({ "CURRENT_DEFAULT": "'none'" }))]);
    let place = place(&listed(&["allowColumnDefaults"]), &columns, &json!({}));
    place.write("d.csv", "id\n3\n");
    for run in ways(&place) {
        assert_eq!((run.code, run.verdict()), (1, "reject"), "{}", run.stderr);
    }
    place.write("d.csv", "id,v\n3,x\n");
    assert_eq!(place.run(&["gate", "d.csv", "-r", "r.yaml"]).code, 0);
}

#[test]
fn a_promise_made_while_a_batch_is_judged_keeps_it_out() {
    let place = place(&plain(3), &two_columns(), &json!({}));
    let lake = store::open(&place.path("lake").display().to_string(), None, &Surroundings::default()).expect("a table");
    let terms = || match lake.terms().expect("kept") {
        Terms::Table(Some(terms)) => terms,
        other => panic!("{other:?}"),
    };
    let schema = terms().schema;
    let columns = || lake.takes(&schema, Evolution::Backward);
    assert!(columns().expect("read").is_ok());
    let first = std::fs::read_to_string(place.path("lake/_delta_log/00000000000000000000.json")).expect("the log");
    let metadata = first
        .lines()
        .nth(1)
        .expect("the metadata")
        .replace("\"configuration\":{}", "\"configuration\":{\"delta.constraints.c\":\"id > 1\"}");
    place.write("lake/_delta_log/00000000000000000001.json", metadata + "\n");
    assert!(columns().expect_err("changed").what.contains("promises of its rows changed meanwhile"));
    assert_eq!(terms().constraints.len(), 1);
}

#[test]
fn a_table_with_promises_that_another_program_made_is_shared_with_it() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let run = |script: &str, table: &str| Command::new(&python).args(["-c", script, table]).output().expect("python runs");
    if !Command::new(&python).args(["-c", "import deltalake, polars"]).output().is_ok_and(|o| o.status.success()) {
        return skipped("Python with deltalake and polars");
    }
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", "id,v\n1,a\n3,b\n,c\n");
    let table = place.path("lake").display().to_string();
    let make = "import os, sys
from deltalake import DeltaTable, Field, Schema
DeltaTable.create(sys.argv[1], schema=Schema([Field('id', 'long', nullable=False), Field('v', 'string', nullable=True)]))
DeltaTable(sys.argv[1]).alter.add_constraint({'big': 'id > 2'})
sys.stdout.flush(); os._exit(0)";
    let made = run(make, &table);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for gate in ways(&place) {
        assert_eq!(gate.verdict(), "quarantine", "{}", gate.stderr);
        assert_eq!(gate.finding("constraint-big")["failing_rows"], 2);
        assert_eq!(gate.finding("not-null-id")["failing_rows"], 1);
    }
    let share = "import os, sys
import polars, pyarrow as pa
from deltalake import DeltaTable, write_deltalake
fields = pa.schema([pa.field('id', pa.int64(), False), pa.field('v', pa.string())])
write_deltalake(sys.argv[1], pa.table({'id': [9], 'v': ['z']}, schema=fields), mode='append')
table = DeltaTable(sys.argv[1])
table.create_checkpoint()
assert sorted(polars.read_delta(sys.argv[1])['id'].to_list()) == [3, 9]
assert table.schema().fields[0].nullable is False, table.schema()
os._exit(0)";
    let shared = run(share, &table);
    assert!(shared.status.success(), "{}", String::from_utf8_lossy(&shared.stderr));
    place.write("d.csv", "id,v\n4,a\n");
    let [.., gate] = ways(&place);
    assert_eq!((gate.code, gate.verdict()), (0, "accept"), "{}", gate.stderr);
}
