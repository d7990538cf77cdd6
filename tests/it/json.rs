//! JSON: strict types, undeclared fields, mixed values, what is malformed, and where records lie.

use crate::support::{Place, Run};

fn check(name: &str, data: &str, rules: &str) -> Run {
    let place = Place::new();
    place.write(name, data);
    place.write("r.yaml", format!("dataset: t\n{rules}"));
    place.run(&["check", name, "-r", "r.yaml"])
}

fn types(run: &Run) -> Vec<(String, String)> {
    let columns = run.report()["columns"].as_array().unwrap_or_else(|| panic!("{}", run.stderr)).iter();
    columns.map(|c| (c["name"].as_str().expect("name").to_owned(), c["type"].as_str().expect("type").to_owned())).collect()
}

#[test]
fn types_are_strict_and_rest_on_all_values() {
    let cases = [
        ("1|2", "int64"),
        ("1|2.0", "float64"),
        ("1|\"2\"", "string"),
        ("true|false", "bool"),
        ("true|1", "string"),
        ("null|null", "string"),
        ("null|7", "int64"),
        ("\"2026-01-01\"|null", "string"),
        ("9007199254740993|1", "int64"),
        ("9007199254740993|0.5", "string"),
        ("18446744073709551616|1", "string"),
        ("[1]|[]", "list<int64>"),
        ("[1]|[\"a\"]", "list<string>"),
        ("[[1],[2]]|null", "list<list<int64>>"),
        ("{\"a\":1}|{\"b\":\"x\"}", "struct<a: int64, b: string>"),
        ("{\"a\":1}|{\"a\":{\"b\":2}}", "struct<a: string>"),
        ("{}|{}", "string"),
        ("{\"a\":1}|[1]", "string"),
    ];
    for (values, expected) in cases {
        let lines: String = values.split('|').enumerate().map(|(i, v)| format!("{{\"id\":{i},\"v\":{v}}}\n")).collect();
        let run = check("d.ndjson", &lines, "rules: []\n");
        assert_eq!((run.code, run.rows("malformed")), (0, 0), "{values}: {}{}", run.stdout, run.stderr);
        let found = types(&run).into_iter().find(|(name, _)| name == "v").map(|(_, t)| t);
        assert_eq!(found.as_deref(), Some(expected), "{values}");
    }
}

#[test]
fn mixed_values_are_tallied_with_examples() {
    let lines: String = ["12", "15", "\"n/a\"", "\"17 USD\"", "null"].map(|v| format!("{{\"price\":{v}}}\n")).concat();
    let kinds = |run: &Run| run.report()["columns"][0]["kinds"].to_string();
    let expected = r#"[{"count":2,"examples":["12","15"],"type":"int64"},{"count":2,"examples":["n/a","17 USD"],"type":"string"}]"#;
    assert_eq!(kinds(&check("d.ndjson", &lines, "rules: []\n")), expected);
    assert_eq!(kinds(&check("d.csv", "price\n12\n15\nn/a\n17 USD\n", "rules: []\n")), expected);
    // Against a contract, a few are malformed records, more than half a change of the column.
    let contract = "schema: { columns: { price: { type: int64 } } }\nrules: []\n";
    let few = check("d.ndjson", "{\"price\":1}\n{\"price\":2}\n{\"price\":\"n/a\"}\n{\"price\":1.5}\n{\"price\":3}\n", contract);
    assert_eq!((few.verdict(), few.rows("malformed")), ("quarantine", 2), "{}", few.stdout);
    let reasons: Vec<&str> =
        few.finding("malformed")["samples"].as_array().expect("samples").iter().map(|s| s["reason"].as_str().expect("why")).collect();
    assert_eq!(reasons, ["price: the string \"n/a\" is not an int64", "price: `1.5` is not an int64"]);
    let many = check("d.ndjson", "{\"price\":1}\n{\"price\":\"2\"}\n{\"price\":\"3\"}\n", contract);
    assert_eq!((many.verdict(), many.rows("malformed")), ("reject", 0));
    let change = &many.report()["schema_changes"][0];
    assert_eq!((&change["path"], &change["kind"], &change["to"]), (&"price".into(), &"type_changed".into(), &"string".into()));
    assert!(many.stdout.contains("2 string, 1 int64"), "{}", many.stdout);
}

#[test]
fn undeclared_fields_are_seen_wherever_they_first_appear() {
    let place = Place::new();
    // The field comes long after the first unit.
    let mut lines: String =
        (0..400_000).map(|i| format!("{{\"id\":{i},\"a\":{{\"b\":1,\"note\":\"some text to fill the line with\"}}}}\n")).collect();
    lines.push_str("{\"id\":-1,\"a\":{\"b\":1,\"secret\":true},\"late\":[1]}\n");
    place.write("d.ndjson", lines);
    place.write(
        "r.yaml",
        "dataset: t\nschema: { evolution: exact, columns: { id: { type: int64 }, a.b: { type: int64 }, a.note: { type: string } } }\nrules: []\nprofile: none\n",
    );
    let run = place.run(&["check", "d.ndjson", "-r", "r.yaml"]);
    assert_eq!((run.code, run.verdict()), (1, "reject"), "{}{}", run.stdout, run.stderr);
    let changes = run.report()["schema_changes"].as_array().expect("changes").iter();
    let told: Vec<(&str, &str)> = changes.map(|c| (c["path"].as_str().expect("path"), c["kind"].as_str().expect("kind"))).collect();
    assert_eq!(told, [("a.secret", "nested_field_added"), ("late", "column_added")]);
}

#[test]
fn a_line_that_is_no_record_costs_itself_alone() {
    let lines = "{\"id\":1,\"v\":\"a\"}\r\n\n{\"id\":2,\"v\":\n{\"id\":3,\"id\":4}\n[1,2]\n{\"id\":5} x\n{\"id\":6,\"v\":NaN}\n{\"id\":7,\"v\":\"é\\u00e9\\ud83d\\ude00\"}\n\"text\"\n{\"id\":8}";
    let run = check("d.ndjson", lines, "rules: []\nprofile: full\n");
    assert_eq!((run.rows("read"), run.rows("malformed")), (9, 6), "{}", run.stdout);
    let samples = run.finding("malformed")["samples"].as_array().expect("samples");
    let told: Vec<(u64, &str)> =
        samples.iter().map(|s| (s["origin"]["line"].as_u64().expect("line"), s["reason"].as_str().expect("why"))).collect();
    assert_eq!(
        told,
        [
            (3, "not JSON at byte 13: the text ends where a value is expected"),
            (4, "the key `id` stands twice"),
            (5, "an object is expected"),
            (6, "text behind the record, at byte 10"),
            (7, "not JSON at byte 13: a value is expected"),
            (9, "an object is expected"),
        ]
    );
    assert_eq!(samples[1]["raw"], "{\"id\":3,\"id\":4}");
}

#[test]
fn arrays_are_read_where_they_lie() {
    let rules = "rules: [{ range: { column: id, max: 2 } }]\n";
    let pretty = "[\n  {\n    \"id\": 1\n  },\n  {\n    \"id\": 2\n  },\n  {\n    \"id\": 3\n  }\n]\n";
    let run = check("d.json", pretty, rules);
    assert_eq!((run.code, run.rows("read")), (1, 3), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.finding("range-id")["samples"][0]["origin"]["line"], 8);
    let document = "{\"meta\":{\"n\":[1]},\"data\":{\"skip\":\"]}\\\"\",\"items\":[{\"id\":1},{\"id\":9}],\"more\":1},\"end\":[]}";
    let run = check("d.json", document, &format!("source: {{ json_path: data.items }}\n{rules}"));
    assert_eq!((run.rows("read"), run.finding("range-id")["failing_rows"].as_u64()), (2, Some(1)), "{}{}", run.stdout, run.stderr);
    // One object a line under the name of JSON is read as such.
    assert_eq!(check("d.json", "{\"id\":1}\n{\"id\":2}\n", rules).rows("read"), 2);
    assert_eq!(check("d.json", "[]", "rules: []\n").code, 2, "an empty array has no rows");
    assert_eq!(check("d.json", "[]", "rules: [{ rows: { min: 0 } }]\n").code, 0);
}

#[test]
fn documents_without_their_array_are_refused() {
    let cases = [
        ("{\"data\":{\"items\":[{\"id\":1}]}}", "", "json_path: data.items"),
        ("{\"data\":{\"itemz\":[{\"id\":1}]}}", "source: { json_path: data.items }\n", "did you mean `itemz`?"),
        ("{\"data\":{\"items\":{}}}", "source: { json_path: data.items }\n", "`data.items` is not an array"),
        ("{\"data\":[1]}", "source: { json_path: data.items }\n", "is not an object"),
        ("[{\"id\":1}] [{\"id\":2}]", "", "text behind the array's closing bracket, at byte 12"),
        ("", "", "is empty"),
        ("id,v\n1,2\n", "", "it looks like delimited text"),
    ];
    for (data, source, message) in cases {
        let run = check("d.json", data, &format!("{source}rules: []\n"));
        assert_eq!(run.code, 2, "{data}: {}", run.stdout);
        assert!(run.stderr.contains(message), "{data}: {}", run.stderr);
    }
}

#[test]
fn broken_elements_and_cut_short_arrays_are_malformed() {
    let reasons = |data: &str| {
        let run = check("d.json", data, "rules: []\n");
        let samples = run.finding("malformed")["samples"].as_array().expect("samples").clone();
        let told: Vec<String> = samples.iter().map(|s| s["reason"].as_str().expect("why").to_owned()).collect();
        (run.rows("read"), told)
    };
    let broken = "[{\"id\":1}, {\"id\":tru}, 7, {\"id\":2} {\"id\":3}, {\"id\":4},]";
    let (read, told) = reasons(broken);
    assert_eq!(read, 7);
    assert_eq!(
        told,
        [
            "not JSON at byte 7: a value is expected",
            "an object is expected",
            "one comma is expected before the record",
            "a comma behind the last record",
        ]
    );
    let (read, told) = reasons("[{\"id\":1}, {\"id\":");
    assert_eq!((read, told.len()), (2, 1), "{told:?}");
    let (read, told) = reasons("[{\"id\":1}, {\"id\":2}");
    assert_eq!((read, told), (3, vec!["the array never closes: the file may be cut short".to_owned()]));
}

#[test]
fn contracts_read_text_as_what_json_has_no_type_for() {
    let rules = "schema: { columns: { d: { type: date }, t: { type: \"timestamp(ms, UTC)\" }, m: { type: \"decimal(12,3)\" }, i: { type: int8 }, b: { type: binary }, f: { type: date, format: \"%d.%m.%Y\" } } }\nrules: []\n";
    let good = "{\"d\":\"2026-02-28\",\"t\":\"2026-01-01T10:00:00.5+02:00\",\"m\":1.25e2,\"i\":1.0,\"b\":\"x\",\"f\":\"28.02.2026\"}\n";
    let bad = [
        "{\"d\":\"2026-02-30\"}",
        "{\"d\":20260228}",
        "{\"t\":\"2026-01-01T10:00:00.0005Z\"}",
        "{\"m\":0.0001}",
        "{\"m\":\"1.5\"}",
        "{\"i\":128}",
        "{\"i\":1.5}",
        "{\"f\":\"2026-02-28\"}",
    ];
    let run = check("d.ndjson", &(good.repeat(20) + &bad.join("\n")), rules);
    assert_eq!((run.rows("read"), run.rows("malformed")), (28, 8), "{}{}", run.stdout, run.stderr);
    let expected = ["date", "timestamp(ms, UTC)", "decimal(12,3)", "int8", "binary", "date"];
    assert_eq!(types(&run).into_iter().map(|(_, t)| t).collect::<Vec<_>>(), expected);
}

#[test]
fn keys_without_end_are_a_map_and_too_many_columns_a_fault() {
    let keys = |n: usize| (0..n).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",");
    let run = check("d.ndjson", &format!("{{\"id\":1,\"m\":{{{}}}}}\n", keys(1500)), "rules: []\n");
    assert_eq!(types(&run)[1], ("m".to_owned(), "string".to_owned()));
    let wide = check("d.ndjson", &format!("{{{}}}\n", keys(1500)), "rules: []\n");
    assert_eq!(wide.code, 2);
    assert!(wide.stderr.contains("more than 1000 different keys"), "{}", wide.stderr);
}
