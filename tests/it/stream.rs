//! `sluicegate stream`: each event is in one place, in order, as `check` and `gate` would have it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use serde_json::Value as Json;

use crate::support::Place;

pub const RULES: &str = r#"dataset: events
profile: none
schema:
  columns:
    n: { type: int64, required: true }
    user: { type: string, required: true }
    price: { type: "decimal(10,2)" }
    score: { type: float64 }
    at: { type: timestamp }
    tags: { type: "list<string>" }
clean: [{ drop_where: "user = 'test'" }]
rules:
  - range: { column: price, above: 0, max: 500 }
  - values: { column: user, not_in: [bot] }
  - pattern: { column: user, regex: '^[a-z]+$' }
  - length: { column: user, max: 6 }
  - expression: { id: even, sql: "n % 7 <> 3 OR score > 0.1", nulls: fail }
  - range: { id: warned, column: score, max: 0.9, on_fail: warn }
known:
  - { rule: even, where: "n = 3", reason: it is being mended }
"#;

/// What a stream made of some input.
pub struct Streamed {
    pub code: i32,
    pub good: Vec<u8>,
    pub bad: Vec<Json>,
    pub stderr: String,
}

impl Streamed {
    pub fn good_lines(&self) -> Vec<String> {
        String::from_utf8(self.good.clone()).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// The lines of the input that were set aside.
    pub fn bad_lines(&self) -> Vec<u64> {
        self.bad.iter().map(|bad| bad["line"].as_u64().expect("a line")).collect()
    }
}

pub fn command(place: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place).args(["stream", "-r", "r.yaml", "--bad", "bad.ndjson"]).args(options);
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn bad_of(place: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(place.join("bad.ndjson")).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// Streams `pieces`, which are written one after the other.
pub fn stream(place: &Place, options: &[&str], pieces: &[&[u8]]) -> Streamed {
    let root = place.path("");
    let mut child = command(&root, options).spawn().expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let writer = std::thread::spawn(move || {
        for piece in pieces {
            if input.write_all(&piece).and_then(|()| input.flush()).is_err() {
                break;
            }
        }
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    Streamed { code: output.status.code().unwrap_or(-1), good: output.stdout, bad: bad_of(&root), stderr }
}

fn place(rules: &str) -> Place {
    let place = Place::new();
    place.write("r.yaml", rules);
    place
}

/// Events of which many are wrong in one way or another.
fn events(count: u64) -> String {
    let mut text = String::new();
    let mut state = 7u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for n in 0..count {
        let user = ["ann", "bob", "bot", "test", "Carl", "abcdefgh", "dora", "é"][random(8) as usize];
        let price = ["1.5", "0", "-3", "499.99", "500.01", "null", "\"7\"", "1e2"][random(8) as usize];
        let score = ["0.05", "0.5", "0.95", "null", "1"][random(5) as usize];
        match random(40) {
            0 => text.push_str("not json\n"),
            1 => text.push_str(&format!("{{\"n\": {n}\n")),
            2 => text.push_str("[1, 2]\n"),
            3 => text.push_str(&format!("{{\"n\": {n}, \"n\": {n}, \"user\": \"ann\"}}\n")),
            4 => text.push_str(" \n"),
            5 => text.push_str(&format!("{{\"user\": \"ann\", \"score\": 1, \"n\": {n}.0, \"tags\": [\"a\", null]}}\r\n")),
            6 => text.push_str(&format!("{{\"user\": \"ann\", \"n\": {n}, \"at\": \"yesterday\"}}\n")),
            _ => text.push_str(&format!(
                "{{\"n\": {n}, \"user\": \"{user}\", \"price\": {price}, \"score\": {score}, \"at\": \"2026-11-27T12:00:0{}\"}}\n",
                n % 10
            )),
        }
    }
    text
}

/// The number of each event, by its `n`.
fn numbers(lines: &[String]) -> Vec<i64> {
    lines.iter().map(|line| serde_json::from_str::<Json>(line).expect("JSON")["n"].as_f64().expect("a number") as i64).collect()
}

#[test]
fn each_event_is_in_one_place_in_its_order_whatever_the_cuts() {
    let text = events(3000);
    let place = place(RULES);
    let whole = stream(&place, &["--quiet"], &[text.as_bytes()]);
    assert_eq!(whole.code, 1, "most events are bad, so the window is rejected: {}", whole.stderr);
    assert_eq!(whole.stderr, "");
    let input: Vec<&str> = text.split_inclusive('\n').collect();
    // Good events are lines of the input, byte for byte and in its order; so are the bad ones, by their numbers.
    let mut at = 0;
    let mut good_numbers = Vec::new();
    for line in String::from_utf8(whole.good.clone()).expect("UTF-8").split_inclusive('\n') {
        let found = input[at..].iter().position(|candidate| *candidate == line).unwrap_or_else(|| panic!("out of order: {line}"));
        good_numbers.push(at as u64 + found as u64 + 1);
        at += found + 1;
    }
    let bad_numbers = whole.bad_lines();
    assert!(bad_numbers.is_sorted_by(|a, b| a < b) && good_numbers.iter().all(|n| !bad_numbers.contains(n)));
    let filtered = input.iter().filter(|line| !line.trim().is_empty()).count() - good_numbers.len() - bad_numbers.len();
    // Nothing else is dropped than what `clean` drops.
    let dropped = (1..=input.len() as u64).filter(|n| !good_numbers.contains(n) && !bad_numbers.contains(n));
    assert_eq!(dropped.filter(|n| input[*n as usize - 1].contains("\"test\"")).count(), filtered);
    assert!(good_numbers.len() > 300 && bad_numbers.len() > 1000 && filtered > 100, "{} {filtered}", good_numbers.len());
    for bad in &whole.bad {
        let line = input[bad["line"].as_u64().expect("a line") as usize - 1].trim();
        match &bad["event"] {
            Json::String(text) => assert_eq!(text, line),
            event => assert_eq!(*event, serde_json::from_str::<Json>(line).expect("JSON")),
        }
        assert!(!bad["rules"].as_array().expect("rules").is_empty() && bad["reason"].as_str().is_some_and(|r| !r.is_empty()), "{bad}");
    }
    // However the pipe cuts the bytes: byte by byte at first, then in pieces of odd lengths.
    let bytes = text.as_bytes();
    let mut pieces: Vec<&[u8]> = bytes[..700].chunks(1).collect();
    pieces.extend(bytes[700..].chunks(997));
    std::fs::remove_file(place.path("bad.ndjson")).expect("removed");
    let cut = stream(&place, &["--quiet"], &pieces);
    assert_eq!((cut.good == whole.good, cut.bad == whole.bad), (true, true));
}

#[test]
fn a_stream_says_of_each_event_what_check_and_gate_say_of_the_file() {
    let text = events(2500);
    let rules = format!("{RULES}gate: {{ reject_above: 100% }}\n");
    let place = place(&rules);
    place.write("e.ndjson", &text);
    let streamed = stream(&place, &["--report", "stream.json"], &[text.as_bytes()]);
    assert_eq!(streamed.code, 0, "{}", streamed.stderr);
    let report: Json = serde_json::from_str(&std::fs::read_to_string(place.path("stream.json")).expect("a report")).expect("JSON");
    let gated = place.run(&["gate", "e.ndjson", "-r", "r.yaml", "--publish", "out.parquet"]);
    assert_eq!(gated.code, 0, "{}", gated.stderr);
    // The same events pass.
    let published = crate::gate::read(&place.path("out.parquet"));
    let expected: Vec<i64> = published.column_by_name("n").expect("n").as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(numbers(&streamed.good_lines()), expected);
    // The same totals, the same findings, in the same words.
    assert_eq!(report["rows"], gated.report()["rows"]);
    assert_eq!(report["verdict"], gated.report()["verdict"]);
    let told = |findings: &Json| -> Vec<(Json, Json, Json, Json)> {
        let findings = findings.as_array().expect("findings").iter();
        let of = |f: &Json| (f["id"].clone(), f["outcome"].clone(), f["failing_rows"].clone(), f["message"].clone());
        findings.map(of).collect()
    };
    assert_eq!(told(&report["findings"]), told(&gated.report()["findings"]));
    assert_eq!(report["mode"], "stream");
    let latency = &report["stream"]["latency_ms"];
    let at = |name: &str| latency[name].as_f64().expect("a latency");
    assert!(0.0 < at("p50") && at("p50") <= at("p99") && at("p99") <= at("p99_9") && at("p99_9") <= at("max"), "{latency}");
}

#[test]
fn marks_carriage_returns_blank_lines_and_a_last_line_without_end_are_what_they_are_in_files() {
    let place = place("dataset: t\nschema: { columns: { n: { type: int64 } } }\nrules:\n  - range: { column: n, min: 0 }\n");
    let text = b"\xef\xbb\xbf{\"n\": 1}\r\n\r\n   \n  {\"n\": 2}  \n{\"n\": -1}\r\n\xff{\"n\": 3}\n{\"n\": \"4\"}\n{\"n\":\t5, \"m\": [1]}";
    let run = stream(&place, &[], &[text]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.good, b"{\"n\": 1}\r\n  {\"n\": 2}  \n{\"n\":\t5, \"m\": [1]}\n");
    assert_eq!(run.bad_lines(), [5, 6, 7]);
    assert_eq!(
        run.bad[0],
        serde_json::json!({"line": 5, "rules": ["range-n"], "reason": "range-n: below 0 (`n` is -1)", "event": {"n": -1}})
    );
    // `printf '\xff{"n": 3}' | base64`
    assert_eq!(run.bad[1]["event_base64"], "/3sibiI6IDN9");
    assert_eq!(run.bad[1]["rules"], serde_json::json!(["malformed"]));
    assert_eq!(run.bad[2]["reason"], "n: the string \"4\" is not an int64");
    assert!(run.stderr.contains("2 blank lines left out"), "{}", run.stderr);
    assert!(run.stderr.contains("keys that no column is known by, passed on unread: `m`"), "{}", run.stderr);
}

#[test]
fn an_event_of_ten_megabytes_passes_or_is_set_aside_whole() {
    let place = place(
        "dataset: t\nschema: { columns: { n: { type: int64 }, text: { type: string } } }\nrules:\n  - range: { column: n, min: 0 }\n",
    );
    let long = "x".repeat(10 << 20);
    let text = format!("{{\"n\": 1, \"text\": \"{long}\"}}\n{{\"n\": 2}}\n{{\"n\": -3, \"text\": \"{long}\"}}\n{{\"n\": 4}}\n");
    let run = stream(&place, &["--quiet"], &[text.as_bytes()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines = run.good_lines();
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [long.len() + 20, 8, 8]);
    assert_eq!(run.bad_lines(), [3]);
    assert_eq!(run.bad[0]["event"]["text"].as_str().map(str::len), Some(long.len()));
}

#[test]
fn repeated_keys_are_told_within_the_window_and_no_further() {
    let rules = "dataset: t\nschema: { columns: { id: { type: int64 }, v: { type: int64 } } }\nrules:\n  \
                 - range: { column: v, min: 0 }\n  - duplicates: { key: [id] }\ngate: { reject_above: 100% }\n";
    let place = place(rules);
    let event = |id: &str, v: i64| format!("{{\"id\": {id}, \"v\": {v}}}\n");
    // 1 and 1.0 are one key; a row that fails another rule is compared with none; rows without a key repeat none.
    let text =
        [event("1", 1), event("2", 1), event("1.0", 1), event("3", -1), event("3", 1), event("null", 1), event("null", 1), event("2", 1)];
    let all = stream(&place, &["--quiet"], &[text.concat().as_bytes()]);
    assert_eq!((all.code, all.bad_lines()), (0, vec![3, 4, 8]), "{}", all.stderr);
    assert_eq!(all.bad[0]["reason"], "duplicates-id: repeats the key of one of the last 1,000,000 events");
    std::fs::remove_file(place.path("bad.ndjson")).expect("removed");
    let near = stream(&place, &["--window", "5 events"], &[text.concat().as_bytes()]);
    assert_eq!(near.bad_lines(), [3, 4], "{}", near.stderr);
    assert!(
        near.stderr.contains("`duplicates-id`: an event whose key is that of one of the last 5 events is set aside"),
        "{}",
        near.stderr
    );
}

#[test]
fn reports_speak_of_a_window_each_and_say_what_came_of_it() {
    let rules = "dataset: t\nschema: { columns: { n: { type: int64 }, g: { type: string } } }\nrules:\n  - range: { column: n, min: 0 }\n  \
                 - statistic: { column: n, of: mean, max: 4 }\n  - rows: { min: 2 }\n";
    let place = place(rules);
    let text: String = [1, 2, 3, -1, 9, 9, 9].iter().map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let run = stream(&place, &["--summary", "4", "--report", "r.json", "--now", "2026-11-27T12:00:00Z"], &[text.as_bytes()]);
    // The mean of the second window is 9: a `statistic` rejects.
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("`statistic-n`, `rows`: judged over the events of each report, when these have passed"), "{}", run.stderr);
    assert!(run.stderr.contains("QUARANTINE  t (stream since 2026-11-27 12:00 UTC)"), "{}", run.stderr);
    assert!(run.stderr.contains("4 rows read = 3 published + 1 quarantined"), "{}", run.stderr);
    assert!(run.stderr.contains("REJECT  t") && run.stderr.contains("3 rows read = 3 published"), "{}", run.stderr);
    assert_eq!((run.good_lines().len(), run.bad_lines()), (6, vec![4]));
    let last: Json = serde_json::from_str(&std::fs::read_to_string(place.path("r.json")).expect("a report")).expect("JSON");
    assert_eq!((&last["verdict"], &last["stream"]["window"]), (&"reject".into(), &2.into()));
    let mean = last["findings"].as_array().expect("findings").iter().find(|f| f["id"] == "statistic-n").expect("a finding");
    assert_eq!((&mean["outcome"], &mean["observed"]), (&"fail".into(), &9.0.into()));
}

#[test]
fn what_transform_makes_is_written_and_the_rest_stands_as_it_was() {
    let rules = "dataset: t\nschema: { columns: { n: { type: int64 }, price: { type: \"decimal(8,2)\" }, at: { type: date } } }\n\
                 transform: { half: 100 / n, price: \"price * 2\", next: n + 1 }\nrules:\n  - range: { column: half, max: 50 }\n\
                 gate: { reject_above: 100% }\n";
    let place = place(rules);
    let text = "{\"n\": 4, \"more\": [1.50, {}], \"price\": 1.25}\n{\"n\": 0}\n{\"n\": 1}\n{ \"at\": \"2026-11-30\", \"n\": 2 }\n";
    let run = stream(&place, &["--quiet"], &[text.as_bytes()]);
    assert_eq!(run.bad_lines(), [2, 3], "{}", run.stderr);
    assert_eq!(run.bad[0]["rules"], serde_json::json!(["malformed"]));
    let [first, second]: [String; 2] = run.good_lines().try_into().expect("two events");
    assert!(first.starts_with("{\"n\": 4,\"more\": [1.50, {}],"), "{first}");
    let json = |line: &str| serde_json::from_str::<Json>(line).expect("JSON");
    assert_eq!(json(&first)["half"], 25);
    assert_eq!(json(&first)["price"].to_string().trim_matches('"').parse::<f64>().ok(), Some(2.5), "{first}");
    assert_eq!(json(&second)["half"], 50);
    assert_eq!((&json(&second)["next"], &json(&second)["price"], &json(&second)["at"]), (&3.into(), &Json::Null, &"2026-11-30".into()));
}

#[test]
fn types_that_nobody_gave_are_asked_for_or_taken_from_a_sample() {
    let place = place("dataset: t\nrules:\n  - range: { column: n, min: 0 }\n");
    let text = b"{\"n\": 1}\n{\"n\": \"x\"}\n{\"n\": 1.5}\n";
    let none = stream(&place, &[], &[text]);
    assert_eq!((none.code, none.good.len()), (2, 0));
    assert!(none.stderr.contains("nothing says which columns events have") && none.stderr.contains("`--like FILE`"), "{}", none.stderr);
    place.write("sample.ndjson", "{\"n\": 7, \"m\": true}\n");
    let like = stream(&place, &["--like", "sample.ndjson"], &[text]);
    assert_eq!((like.code, like.good_lines(), like.bad_lines()), (0, vec!["{\"n\": 1}".to_owned()], vec![2, 3]), "{}", like.stderr);
    place.write("r.yaml", "dataset: t\nschema: { columns: { m: { type: int64 } } }\nrules:\n  - range: { column: n, min: 0 }\n");
    let unknown = stream(&place, &[], &[text]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("unknown column `n`") && unknown.stderr.contains("`--like FILE`"), "{}", unknown.stderr);
    place.write("r.yaml", "dataset: t\nschema: { columns: { n: { required: true } } }\nrules: []\n");
    let untyped = stream(&place, &[], &[text]);
    assert!(untyped.stderr.contains("nothing says which type the column `n` is of"), "{}", untyped.stderr);
    place.write("r.yaml", "dataset: t\nsource: { format: csv }\nschema: { columns: { n: { type: int64 } } }\nrules: []\n");
    let other = stream(&place, &[], &[text]);
    assert!(other.stderr.contains("the rule file says that the data is csv"), "{}", other.stderr);
}

#[test]
fn rules_that_only_a_whole_window_can_judge_are_named_before_the_first_event() {
    let rules = "dataset: t\nschema: { columns: { n: { type: int64 }, g: { type: string } } }\nrules:\n  \
                 - range: { id: some, column: n, min: 0, tolerate: 10% }\n  - outliers: { column: n }\n  - duplicates: { key: [g], keep: last }\n";
    let place = place(rules);
    let run = stream(&place, &[], &[b"{\"n\": -1, \"g\": \"a\"}\n{\"n\": 1, \"g\": \"a\"}\n"]);
    assert!(
        run.stderr.contains("`some`: some failing events are tolerated, so they pass; whether too many fail is told by each report"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`outliers-n`, `duplicates-g`: judged over the events of each report"), "{}", run.stderr);
    assert_eq!(run.good_lines().len(), 2);
    // What should have been set aside has passed: the report does not call that accepted.
    assert!(run.stderr.contains("QUARANTINE  t") || run.stderr.contains("REJECT  t"), "{}", run.stderr);
}

#[test]
fn a_stream_without_any_event_is_no_pass() {
    let rules = "dataset: t\nschema: { columns: { n: { type: int64 } } }\nrules:\n  - range: { column: n, min: 0 }\n";
    let place = place(rules);
    assert_eq!(stream(&place, &[], &[b"\n\n"]).code, 2);
    place.write("r.yaml", format!("{rules}  - rows: {{ min: 0 }}\n"));
    assert_eq!(stream(&place, &[], &[b""]).code, 0);
}

#[test]
fn masked_values_stand_in_no_reason() {
    let rules = "dataset: t\nschema: { columns: { n: { type: int64, mask: true } } }\nrules:\n  - range: { column: n, min: 0 }\n";
    let place = place(rules);
    let run = stream(&place, &[], &[b"{\"n\": -4711}\n{\"n\": \"0815\"}\n{\"n\": 1}\n"]);
    let reasons: String = run.bad.iter().map(|bad| bad["reason"].to_string()).collect();
    assert!(run.bad.len() == 2 && !reasons.contains("4711") && !reasons.contains("0815"), "{reasons}");
    assert!(!run.stderr.contains("4711") && !run.stderr.contains("0815"), "{}", run.stderr);
}
