//! Reports for collectors of metrics and of lineage, read by the parsers of those who defined the formats.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;

use serde_json::Value as Json;

use crate::support::{CHECK, Place, project, run_in, skipped};

const ORDERS: &str = "dataset: orders\nowner: data@example.org\ndescription: Orders of a day\nrules:\n  - missing: { column: id }\n  - range: { column: amount, min: 0 }\n  - missing: { id: few, column: note, tolerate: 50%, on_fail: warn }\n";
const ROWS: &str = "id,amount,note\n1,10.5,x\n2,-3,\n3,7,\n,4,\n";

/// What a parser of others makes of a file; none where Python is not installed.
fn read(format: &str, file: &Path) -> Option<Json> {
    let Some(python) = std::env::var_os("SLUICEGATE_PYTHON") else {
        skipped("a Python with prometheus_client and openlineage-python");
        return None;
    };
    let output = Command::new(python).arg(project("tests/telemetry.py")).arg(format).arg(file).output().expect("Python runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stderr), std::fs::read_to_string(file).unwrap_or_default());
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// The sample called `name` whose labels hold `labels`.
fn sample(read: &Json, name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_it = |sample: &&Json| sample[0] == name && labels.iter().all(|(label, value)| sample[1][*label] == *value);
    let found: Vec<&Json> = read["samples"].as_array().expect("samples").iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    found[0][2].as_f64().expect("a number")
}

#[test]
fn a_collector_reads_what_the_run_came_to() {
    let place = Place::with(ORDERS, ROWS);
    let run = place.run(&[&CHECK[..], &["--report", "x.prom", "--now", "2026-11-27T08:00:00.250Z"]].concat());
    let Some(read) = read("openmetrics", &place.path("x.prom")) else { return };
    let of = |name: &str, labels: &[(&str, &str)]| sample(&read, &format!("sluicegate_last_batch_{name}"), labels);
    assert_eq!(read["types"], serde_json::json!(["gauge"]), "what other types there are, the textfile collector does not know");
    assert_eq!(of("timestamp_seconds", &[("dataset", "orders")]), 1_795_766_400.25);
    for verdict in ["accept", "quarantine", "reject", "undecided"] {
        assert_eq!(of("verdict", &[("verdict", verdict)]), f64::from(u8::from(run.verdict() == verdict)), "{verdict}");
    }
    assert_eq!(of("rows_read", &[]), 4.0);
    let fates = ["published", "quarantined", "filtered", "rejected", "deletes", "late"];
    assert_eq!(fates.map(|fate| of("rows", &[("fate", fate)])).iter().sum::<f64>(), 4.0);
    assert_eq!(of("rows", &[("fate", "quarantined")]), 2.0);
    assert_eq!(of("failing_rows", &[("id", "few"), ("severity", "warning"), ("rule", "missing")]), 3.0);
    assert_eq!(of("finding_failed", &[("id", "few")]), 1.0);
    assert_eq!((of("findings", &[("severity", "error")]), of("findings", &[("severity", "warning")])), (2.0, 1.0));
    assert_eq!((of("faults", &[]), of("findings_left_out", &[])), (0.0, 0.0));
}

#[test]
fn labels_hold_any_name_and_the_file_is_bounded() {
    let name = "a\\\"b\"\n{x=\"1\"} 2\r\u{202e}\u{1b}[31m";
    let rules = format!("dataset: {}\nrules:\n  - missing: {{ column: id, id: {} }}\n", Json::from(name), Json::from("# EOF\""));
    let place = Place::with(&rules, "id\n1\n");
    place.run(&[&CHECK[..], &["--report", "x.prom", "--report", "openlineage=x.lineage"]].concat());
    let text = std::fs::read_to_string(place.path("x.prom")).expect("the file");
    assert!(text.ends_with("# EOF\n") && text.matches("\n# EOF").count() == 1 && !text.contains(['\r', '\u{202e}', '\u{1b}']), "{text}");
    if let Some(read) = read("openmetrics", &place.path("x.prom")) {
        assert_eq!(sample(&read, "sluicegate_last_batch_failing_rows", &[("id", "# EOF\"")]), 0.0);
        let dataset = read["samples"][0][1]["dataset"].as_str().expect("a name");
        assert_eq!(dataset, "a\\\"b\"\n{x=\"1\"} 2\\r\\u{202e}\\u{1b}[31m");
    }
    read("openlineage", &place.path("x.lineage"));

    let mut report: Json =
        serde_json::from_slice(&std::fs::read(project("fixtures/written-by-0.1/report.json")).expect("a report")).expect("JSON");
    let finding = report["findings"][0].clone();
    let many = (0..5_000).map(|i| {
        let mut finding = finding.clone();
        finding["id"] = format!("{}{i}", "x".repeat(400)).into();
        finding
    });
    report["findings"] = many.collect();
    place.write("many.json", report.to_string());
    let sizes = ["many.prom", "openlineage=many.lineage"].map(|asked| {
        assert_eq!(place.run(&["report", "many.json", "-o", asked]).code, 0);
        std::fs::metadata(place.path(asked.trim_start_matches("openlineage="))).expect("the file").len()
    });
    assert!(sizes[0] < 1_000_000 && sizes[1] < 1_500_000, "{sizes:?}");
    if let Some(read) = read("openmetrics", &place.path("many.prom")) {
        assert_eq!(sample(&read, "sluicegate_last_batch_findings_left_out", &[]), 4_000.0);
    }
    read("openlineage", &place.path("many.lineage"));
}

#[test]
fn lineage_says_what_was_judged_how_it_came_out_and_where_rows_went() {
    let place = Place::with(ORDERS, ROWS);
    let gate = |now: &str, report: &str| {
        let lineage = format!("openlineage={report}");
        let options =
            ["gate", "d.csv", "-r", "r.yaml", "--publish", "out.parquet", "--quarantine", "aside", "--report", &lineage, "--now", now];
        place.run(&options)
    };
    let run = gate("2026-11-27T08:00:00Z", "a.lineage");
    assert_eq!(run.code, 0, "{}", run.stderr);
    gate("2026-11-28T08:00:00Z", "b.lineage");
    let Some(events) = read("openlineage", &place.path("a.lineage")) else { return };
    let [start, end] = events.as_array().expect("events").as_slice() else { panic!("{events}") };
    assert_eq!((&start["eventType"], &end["eventType"]), (&"START".into(), &"COMPLETE".into()));
    assert_eq!((&start["run"]["runId"], &end["eventTime"]), (&end["run"]["runId"], &"2026-11-27T08:00:00Z".into()));
    assert_eq!((end["job"]["name"].as_str(), end["job"]["namespace"].as_str()), (Some("orders.gate"), Some("sluicegate")));
    let input = &end["inputs"][0];
    assert_eq!((&input["namespace"], &input["name"]), (&"file".into(), &"d.csv".into()));
    let fields = input["facets"]["schema"]["fields"].as_array().expect("fields");
    assert_eq!(fields.iter().map(|f| f["name"].as_str().expect("a name")).collect::<Vec<_>>(), ["id", "amount", "note"]);
    let metrics = &input["inputFacets"]["dataQualityMetrics"];
    assert_eq!((&metrics["rowCount"], &metrics["fileCount"], &metrics["bytes"]), (&4.into(), &1.into(), &ROWS.len().into()));
    assert_eq!(metrics["columnMetrics"]["note"]["nullCount"], 3);
    assert_eq!(metrics["columnMetrics"]["amount"]["min"], -3.0);
    let assertions = input["inputFacets"]["dataQualityAssertions"]["assertions"].as_array().expect("assertions");
    let few = assertions.iter().find(|a| a["name"] == "few").expect("the rule");
    assert_eq!(
        (&few["success"], &few["severity"], &few["column"], &few["assertion"]),
        (&false.into(), &"warn".into(), &"note".into(), &"missing".into())
    );
    let outputs: Vec<(&str, u64)> = end["outputs"]
        .as_array()
        .expect("outputs")
        .iter()
        .map(|o| (o["name"].as_str().expect("a name"), o["outputFacets"]["outputStatistics"]["rowCount"].as_u64().expect("rows")))
        .collect();
    assert!(outputs[0].0.ends_with("out.parquet") && outputs[0].1 == 2, "{outputs:?}");
    assert!(outputs[1].0.contains("aside") && outputs[1].1 == 2, "{outputs:?}");
    let other = read("openlineage", &place.path("b.lineage")).expect("read");
    assert_ne!(other[0]["run"]["runId"], start["run"]["runId"]);
    assert_eq!(other[1]["outputs"], serde_json::json!([]), "the batch was there already");
}

#[test]
fn a_rejected_or_undecided_run_has_failed_and_its_id_follows_from_the_run() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: id, on_fail: reject }\n", "id,x\n1,CANARY\n,2\n");
    let lineage = |name: &str, threads: &str| {
        let asked = format!("openlineage={name}");
        place.run(&["check", "d.csv", "-r", "r.yaml", "--report", &asked, "--threads", threads]);
        std::fs::read_to_string(place.path(name)).expect("the events")
    };
    let first = lineage("a", "1");
    assert_eq!(first, lineage("b", "4"));
    let Some(events) = read("openlineage", &place.path("a")) else { return };
    assert_eq!(events[1]["eventType"], "FAIL");
    let said = events[1]["run"]["facets"]["errorMessage"]["message"].as_str().expect("a message");
    assert!(said.starts_with("reject: missing"), "{said}");
    // A UUID of version 7 tells the time.
    let id = events[0]["run"]["runId"].as_str().expect("an id");
    assert_eq!(u64::from_str_radix(&id.replace('-', "")[..12], 16).expect("hex"), 1_795_305_600_000);
    assert!(id.len() == 36 && id.as_bytes()[14] == b'7' && b"89ab".contains(&id.as_bytes()[19]), "{id}");

    place.write("r.yaml", "dataset: d\nrules:\n  - missing: { column: nowhere }\n");
    let run = run_in(&place.path(""), &["check", "d.csv", "-r", "r.yaml", "--report", "openlineage=c", "--report", "c.prom"]);
    assert_eq!(run.code, 2);
    assert_eq!(read("openlineage", &place.path("c")).expect("read")[1]["eventType"], "FAIL");
    assert_eq!(sample(&read("openmetrics", &place.path("c.prom")).expect("read"), "sluicegate_last_batch_faults", &[]), 1.0);
}

/// A request: the first line, the token, the text.
type Request = (String, Option<String>, String);

/// A server that answers each request with one of these states, and gives what it was sent: the first line, the token, the text.
fn server(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let taken = std::thread::spawn(move || {
        let take = |answer: &&str| {
            let mut stream = BufReader::new(listener.accept().expect("a request").0);
            let (mut lines, mut line) = (Vec::new(), String::new());
            while stream.read_line(&mut line).expect("a line") > 2 {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            let header = |name: &str| {
                lines.iter().find_map(|line| Some(line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name))?.1.to_owned()))
            };
            let mut body = vec![0; header("content-length").expect("a length").parse().expect("a number")];
            stream.read_exact(&mut body).expect("a body");
            write!(stream.get_mut(), "HTTP/1.1 {answer} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect("an answer");
            (lines[0].clone(), header("authorization"), String::from_utf8(body).expect("UTF-8"))
        };
        answers.iter().map(take).collect()
    });
    (url, taken)
}

/// Checks with these variables of the environment; gives exit code and standard error.
fn check_with(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    for name in ["OPENLINEAGE_URL", "OPENLINEAGE_API_KEY", "OPENLINEAGE_ENDPOINT", "OPENLINEAGE_NAMESPACE", "OPENLINEAGE_DISABLED"] {
        command.env_remove(name);
    }
    let output = command.current_dir(place.path("")).args(CHECK).args(arguments).envs(variables.iter().copied()).output().expect("it runs");
    (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_lineage_server_is_told_of_the_run_without_values_and_again_if_it_did_not_answer() {
    let place = Place::with(
        "dataset: d\nrules:\n  - values: { column: x, in: [a] }\n  - range: { column: id, max: 91827000 }\n",
        "id,x\n9182711,CANARY\n2,a\n",
    );
    let (url, taken) = server(&["503", "201", "201"]);
    let (code, said) =
        check_with(&place, &[], &[("OPENLINEAGE_URL", &url), ("OPENLINEAGE_API_KEY", "t0ken"), ("OPENLINEAGE_NAMESPACE", "shop")]);
    assert_eq!((code, said.contains("lineage")), (1, false), "{said}");
    let taken = taken.join().expect("three requests");
    assert!(
        taken.iter().all(|(line, token, _)| line == "POST /api/v1/lineage HTTP/1.1" && token.as_deref() == Some("Bearer t0ken")),
        "{taken:?}"
    );
    assert_eq!(taken[0].2, taken[1].2, "it was told again");
    let text = format!("{}\n{}\n", taken[1].2, taken[2].2);
    assert!(!text.contains("CANARY") && !text.contains("91827"), "{text}");
    place.write("posted", &text);
    let Some(events) = read("openlineage", &place.path("posted")) else { return };
    assert_eq!(
        (&events[0]["eventType"], &events[1]["eventType"], &events[1]["job"]["namespace"]),
        (&"START".into(), &"COMPLETE".into(), &"shop".into())
    );
    assert_eq!(events[1]["inputs"][0]["inputFacets"]["dataQualityMetrics"]["columnMetrics"]["id"]["nullCount"], 0);
}

#[test]
fn a_lineage_server_that_fails_changes_nothing_but_a_note() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: id }\n", "id\n1\n");
    let (url, taken) = server(&["400"]);
    let (code, said) = check_with(&place, &["--lineage", &url], &[]);
    assert_eq!(taken.join().expect("one request").len(), 1, "what a server refuses is not sent again");
    assert!(code == 0 && said.contains("note: warning: the lineage server was not told of this run: "), "{said}");
    let named = [("OPENLINEAGE_URL", "http://127.0.0.1:9")];
    for (arguments, variables) in
        [(&["--lineage", "off"][..], &named[..]), (&[], &[named[0], ("OPENLINEAGE_DISABLED", "true")]), (&[], &[])]
    {
        assert_eq!(check_with(&place, arguments, variables), (0, String::new()), "{arguments:?} {variables:?}");
    }
    let (code, said) = check_with(&place, &["--lineage", "http://lineage.invalid"], &[("OPENLINEAGE_API_KEY", "t0ken")]);
    assert!(code == 0 && said.contains("use `https`") && !said.contains("t0ken"), "{said}");
}
