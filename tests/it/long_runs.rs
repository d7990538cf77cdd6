//! Runs that go on: data on the web read again and again, and what such a run says of itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::{Place, skipped};
use crate::web::{Web, whole};

const RULES: &str = "dataset: \"watched \\\"d\\\"\"
source: { http: { retries: 0, idle_max: 2s } }
rules:
  - missing: { column: name, tolerate: 0 rows }
  - range: { column: id, min: 0, on_fail: warn }
";

struct Long(Child);

impl Long {
    fn gate(place: &Place, url: &str, more: &[&str]) -> Self {
        let arguments = [&["gate", url, "-r", "r.yaml", "--publish", "table"], more].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.current_dir(place.path(".")).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("it runs"))
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn asked(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}

/// Families, their types and samples, as the parser of Prometheus reads them.
fn parsed(metrics: &str) -> Option<Vec<String>> {
    const READ: &str = "import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for s in family.samples:
        print(family.type, s.name, ','.join(f'{k}={v}' for k, v in sorted(s.labels.items()) if k != 'dataset'), s.labels.get('dataset', '-'), s.value)
";
    let python = std::env::var("SLUICEGATE_PYTHON").ok()?;
    let mut command = Command::new(python);
    let mut reader = command.args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    reader.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).expect("written");
    let output = reader.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("ModuleNotFoundError") {
        return None;
    }
    assert!(output.status.success(), "{said}\n{metrics}");
    Some(String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect())
}

#[test]
fn a_long_run_over_the_web_gates_what_is_new_and_says_how_it_is_doing() {
    // Three times something new, each of which once more.
    let web = Web::new(|request, out| {
        let version = (request.number / 2).min(2);
        let body = format!("id,name\n{version},s3cr3t\n{},\n-{},x\n", version + 10, version + 1);
        whole(out, "200 OK", body.as_bytes());
    });
    let place = Place::with(RULES, "");
    let mut run = Long::gate(&place, &web.url("/d.csv"), &["--every", "1s", "--batches", "6", "--listen", "127.0.0.1:0"]);
    let mut lines = BufReader::new(run.0.stderr.take().expect("a pipe")).lines();
    let note = lines.next().expect("a line").expect("text");
    let address = note.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_else(|| panic!("{note}")).to_owned();
    let (head, body) = asked(&address, "/healthz");
    assert!(head.starts_with("HTTP/1.1 200") && body == "ok\n", "{head} {body}");
    let metrics = loop {
        let (_, metrics) = asked(&address, "/metrics");
        if metrics.contains("sluicegate_rows_read_total{dataset=\"watched \\\"d\\\"\"} 15") {
            break metrics;
        }
        assert!(run.0.try_wait().expect("a state").is_none(), "it ended: {metrics}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert!(!metrics.contains("s3cr3t"), "{metrics}");
    assert_eq!(run.0.wait().expect("it ends").code(), Some(0));
    // What came twice is there once.
    let table = place.run(&["check", "table", "-r", "r.yaml"]);
    assert_eq!(table.rows("read"), 6, "{}", table.stderr);
    let Some(samples) = parsed(&metrics) else { return skipped("prometheus_client (a parser of OpenMetrics, in Python)") };
    for expected in [
        "counter sluicegate_batches_total verdict=quarantine watched \"d\" 5",
        "counter sluicegate_rows_read_total  watched \"d\" 15",
        "counter sluicegate_rows_total fate=published watched \"d\" 10",
        "counter sluicegate_rows_total fate=quarantined watched \"d\" 5",
        "counter sluicegate_rows_total fate=rejected watched \"d\" 0",
        "counter sluicegate_rows_total fate=deletes watched \"d\" 0",
        "counter sluicegate_rows_total fate=late watched \"d\" 0",
        "counter sluicegate_findings_total id=missing-name,on_fail=quarantine,outcome=fail,rule=missing watched \"d\" 5",
        "counter sluicegate_findings_total id=range-id,on_fail=warn,outcome=fail,rule=range watched \"d\" 5",
        "summary sluicegate_batch_seconds_count  watched \"d\" 5",
        "gauge sluicegate_healthy  watched \"d\" 1",
    ] {
        assert!(samples.iter().any(|sample| sample == expected), "{expected}\n{samples:#?}");
    }
}

#[test]
fn a_long_run_passes_over_answers_that_have_not_changed() {
    let web = Web::new(|request, out| {
        let version = request.number / 3;
        let etag = format!("\"{version}\"");
        match request.header("if-none-match") == Some(&etag) {
            true => whole(out, "304 Not Modified", b""),
            false => whole(out, &format!("200 OK\nETag: {etag}"), format!("id,name\n{version},x\n").as_bytes()),
        }
    });
    let place = Place::with(RULES, "");
    let more = ["--every", "1s", "--batches", "2", "--remember-answers", "seen.json"];
    let mut run = Long::gate(&place, &web.url("/d.csv"), &more);
    let mut told = String::new();
    run.0.stdout.take().expect("a pipe").read_to_string(&mut told).expect("text");
    assert_eq!(run.0.wait().expect("it ends").code(), Some(0), "{told}");
    assert_eq!(told.matches("UNCHANGED").count(), 2, "{told}");
    assert_eq!(web.seen().len(), 4);
}
