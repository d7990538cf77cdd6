//! What a long run says of itself to those who watch it: whether it is healthy, and figures in the text format of OpenMetrics.
//! No values of data: names of rules, of fates and of topics, and numbers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use tiny_http::{Header, Method, Response, Server as Listener};

use super::{output, time};
use crate::diagnostic::{Code, Fault};
use crate::findings::Outcome;
use crate::report::Report;
use crate::report::model::RowTotals;
use crate::report::openmetrics::{Exposition, fates, word};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether, and where, a long run tells how it is doing.
#[derive(Debug, Default, Args)]
pub(super) struct Listen {
    /// Answer `/healthz` and `/metrics` (OpenMetrics) at this address, such as 127.0.0.1:9100; with --every, --watch or a topic
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// A batch that is under way for longer is stuck: `/healthz` says 503
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "listen")]
    pub stuck_after: Duration,
}

impl Listen {
    /// How a run over batches of `dataset` is doing, and the server that says so where one is asked for.
    ///
    /// # Errors
    /// The address is taken, or is none of this machine.
    pub(super) fn open(&self, dataset: &str) -> Result<(Arc<Health>, Option<Server>), Fault> {
        let health = Arc::new(Health::new(dataset, self.stuck_after));
        let server = self.listen.map(|address| Server::start(address, health.clone())).transpose()?;
        if let Some(address) = server.as_ref().and_then(Server::address) {
            output::note(&format!("health and metrics are at http://{address}/healthz and http://{address}/metrics"));
        }
        Ok((health, server))
    }
}

/// How a long run is doing; the loop tells it, and the server asks it.
#[derive(Debug)]
pub(super) struct Health {
    dataset: String,
    /// A batch that is under way for longer is stuck.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when a batch is under way.
    under_way: Option<Instant>,
    batches: BTreeMap<String, u64>,
    unchanged: u64,
    rows: [u64; 7],
    /// By rule, id, what the rule does where it fails, and outcome.
    findings: BTreeMap<[String; 4], u64>,
    seconds: f64,
    last: Option<(SystemTime, f64)>,
    lag: Option<u64>,
    positions: BTreeMap<String, i64>,
}

impl Health {
    /// Of a run over batches of `dataset`, none of which may take longer than `patience`.
    pub(super) fn new(dataset: &str, patience: Duration) -> Self {
        Self { dataset: dataset.to_owned(), patience, state: Mutex::default() }
    }

    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A batch is under way.
    pub(super) fn begun(&self) {
        self.state(|state| state.under_way = Some(Instant::now()));
    }

    /// It came to `report`, after so long.
    pub(super) fn settled(&self, report: &Report, took: Duration) {
        self.state(|state| {
            state.under_way = None;
            *state.batches.entry(word(&report.verdict)).or_default() += 1;
            for (sum, (_, count)) in state.rows.iter_mut().zip(fates(&report.rows)) {
                *sum += count;
            }
            for finding in &report.findings {
                // Counted with 0 where it passes, so that a rule is there before it fails for the first time.
                let counts = u64::from(finding.is_problem());
                let outcome = if counts == 1 { word(&finding.outcome) } else { word(&Outcome::Fail) };
                let key = [finding.rule.clone(), finding.id.clone(), word(&finding.on_fail), outcome];
                *state.findings.entry(key).or_default() += counts;
            }
            let seconds = took.as_secs_f64();
            state.seconds += seconds;
            state.last = Some((SystemTime::now(), seconds));
        });
    }

    /// There was nothing new.
    pub(super) fn unchanged(&self) {
        self.state(|state| {
            state.under_way = None;
            state.unchanged += 1;
        });
    }

    /// Nothing came of it: another gate was faster; or it could not be judged, and the run ends.
    pub(super) fn dropped(&self) {
        self.state(|state| state.under_way = None);
    }

    /// How many events wait, where that is known, and how far the table is with each application.
    pub(super) fn reached(&self, lag: Option<u64>, positions: Vec<(String, i64)>) {
        self.state(|state| {
            state.lag = lag;
            state.positions.extend(positions);
        });
    }

    /// Why the run is not healthy; none if it is.
    fn complaint(&self) -> Option<String> {
        let since = self.state(|state| state.under_way.map(|since| since.elapsed()));
        since.filter(|since| *since > self.patience).map(|since| format!("a batch is under way for {} s", since.as_secs()))
    }

    /// The figures, in the text format of OpenMetrics.
    fn metrics(&self) -> String {
        let healthy = u64::from(self.complaint().is_none());
        let dataset = ("dataset", self.dataset.as_str());
        let mut out = Exposition::default();
        self.state(|state| {
            out.family("sluicegate_build", "info", "The program.");
            out.sample("sluicegate_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
            out.family("sluicegate_healthy", "gauge", "1 unless a batch is stuck.");
            out.sample("sluicegate_healthy", &[dataset], healthy);
            out.family("sluicegate_batches", "counter", "Batches by verdict.");
            for (verdict, count) in &state.batches {
                out.sample("sluicegate_batches_total", &[dataset, ("verdict", verdict)], count);
            }
            out.family("sluicegate_batches_unchanged", "counter", "Looks at the data that found nothing new.");
            out.sample("sluicegate_batches_unchanged_total", &[dataset], state.unchanged);
            let [read, counts @ ..] = &state.rows;
            out.family("sluicegate_rows_read", "counter", "Rows that were read.");
            out.sample("sluicegate_rows_read_total", &[dataset], read);
            out.family("sluicegate_rows", "counter", "Rows by what became of them; together those that were read.");
            for ((fate, _), count) in fates(&RowTotals::default())[1..].iter().zip(counts) {
                out.sample("sluicegate_rows_total", &[dataset, ("fate", fate)], count);
            }
            out.family("sluicegate_findings", "counter", "Findings that did not pass, by rule.");
            for ([rule, id, on_fail, outcome], count) in &state.findings {
                let labels = [dataset, ("rule", rule), ("id", id), ("on_fail", on_fail), ("outcome", outcome)];
                out.sample("sluicegate_findings_total", &labels, count);
            }
            out.family("sluicegate_batch_seconds", "summary", "How long batches took.");
            out.sample("sluicegate_batch_seconds_count", &[dataset], state.batches.values().sum::<u64>());
            out.sample("sluicegate_batch_seconds_sum", &[dataset], state.seconds);
            if let Some((at, seconds)) = state.last {
                out.family("sluicegate_last_batch_seconds", "gauge", "How long the last batch took.");
                out.sample("sluicegate_last_batch_seconds", &[dataset], seconds);
                let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                out.family("sluicegate_last_batch_timestamp_seconds", "gauge", "When the last batch was settled.");
                out.sample("sluicegate_last_batch_timestamp_seconds", &[dataset], at);
            }
            if let Some(lag) = state.lag {
                out.family("sluicegate_lag_events", "gauge", "Events that wait to be read.");
                out.sample("sluicegate_lag_events", &[dataset], lag);
            }
            if !state.positions.is_empty() {
                out.family("sluicegate_position", "gauge", "How far the table is, by source.");
                for (application, offset) in &state.positions {
                    out.sample("sluicegate_position", &[dataset, ("source", application)], offset);
                }
            }
        });
        out.end()
    }
}

/// Answers `/healthz` and `/metrics` until it is dropped.
pub(super) struct Server {
    listener: Arc<Listener>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `address`.
    ///
    /// # Errors
    /// It is taken, or is none of this machine.
    pub(super) fn start(address: SocketAddr, health: Arc<Health>) -> Result<Self, Fault> {
        let listener = Listener::http(address).map_err(|e| {
            let fault = Fault::new(Code::Occupied, format!("--listen {address}: cannot listen: {e}"));
            fault.hint("another program may listen there already; give another port")
        })?;
        let listener = Arc::new(listener);
        let answering = listener.clone();
        let thread = std::thread::spawn(move || {
            for request in answering.incoming_requests() {
                let (status, kind, text) = match (request.method(), request.url().split('?').next().unwrap_or_default()) {
                    (Method::Get | Method::Head, "/healthz") => match health.complaint() {
                        None => (200, "text/plain; charset=utf-8", "ok\n".to_owned()),
                        Some(why) => (503, "text/plain; charset=utf-8", why + "\n"),
                    },
                    (Method::Get | Method::Head, "/metrics") => (200, OPEN_METRICS, health.metrics()),
                    (Method::Get | Method::Head, _) => (404, "text/plain; charset=utf-8", "there are /healthz and /metrics\n".to_owned()),
                    _ => (405, "text/plain; charset=utf-8", "only GET\n".to_owned()),
                };
                let header = Header::from_bytes("Content-Type", kind).expect("a header of plain letters");
                // Whoever has gone away needs no answer.
                drop(request.respond(Response::from_string(text).with_status_code(status).with_header(header)));
            }
        });
        Ok(Self { listener, thread: Some(thread) })
    }

    /// Where it listens: of port 0 the system chooses one.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.server_addr().to_ip()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listener.unblock();
        if let Some(thread) = self.thread.take() {
            // Its panic, if there was one, changes nothing of what was gated.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn asked(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address().expect("an address")).expect("it listens");
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn serving(patience: Duration) -> (Arc<Health>, Server) {
        let health = Arc::new(Health::new("odd \"name\"\n\\", patience));
        let server = Server::start("127.0.0.1:0".parse().expect("an address"), health.clone()).expect("a port is free");
        (health, server)
    }

    #[test]
    fn a_run_is_healthy_unless_a_batch_is_stuck() {
        let (health, server) = serving(Duration::from_millis(20));
        assert!(asked(&server, "GET /healthz").starts_with("HTTP/1.1 200 "));
        health.begun();
        std::thread::sleep(Duration::from_millis(40));
        let stuck = asked(&server, "GET /healthz");
        assert!(stuck.starts_with("HTTP/1.1 503 ") && stuck.contains("a batch is under way for 0 s"), "{stuck}");
        assert!(asked(&server, "GET /metrics").contains("\nsluicegate_healthy{dataset=\"odd \\\"name\\\"\\n\\\\\"} 0\n"));
        health.unchanged();
        assert!(asked(&server, "GET /healthz?x").starts_with("HTTP/1.1 200 "));
        health.begun();
        health.dropped();
        std::thread::sleep(Duration::from_millis(40));
        assert!(asked(&server, "GET /healthz").starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn rows_of_change_data_add_up_to_those_that_were_read() {
        let (health, server) = serving(Duration::from_secs(1));
        let rows = serde_json::json!({
            "read": 21, "published": 6, "quarantined": 5, "filtered": 4, "malformed": 0, "rejected": 3, "deletes": 2, "late": 1
        });
        let report = serde_json::json!({
            "schema_version": "1", "sluicegate_version": "0", "mode": "gate", "dataset": "d", "verdict": "accept", "reasons": [],
            "batch": { "id": "b", "format": "csv", "files": [], "rules_digest": "" }, "faults": [], "rows": rows, "findings": [],
            "schema_changes": [], "columns": []
        });
        health.settled(&serde_json::from_value(report).expect("a report"), Duration::ZERO);
        let metrics = asked(&server, "GET /metrics");
        let counts: Vec<(&str, u64)> = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("sluicegate_rows_total{")?.split("fate=\"").nth(1)?.split_once("\"} "))
            .map(|(fate, count)| (fate, count.parse().expect("a number")))
            .collect();
        assert_eq!(counts, [("published", 6), ("quarantined", 5), ("filtered", 4), ("rejected", 3), ("deletes", 2), ("late", 1)]);
        assert!(metrics.contains("} 21\n"), "{metrics}");
    }

    #[test]
    fn other_requests_are_refused_and_a_taken_port_is_a_fault() {
        let (_, server) = serving(Duration::from_secs(1));
        assert!(asked(&server, "GET /").starts_with("HTTP/1.1 404 "));
        assert!(asked(&server, "DELETE /metrics").starts_with("HTTP/1.1 405 "));
        let taken = Server::start(server.address().expect("an address"), Arc::new(Health::new("d", Duration::ZERO)));
        assert_eq!(taken.err().map(|fault| fault.code), Some(Code::Occupied));
        let metrics = asked(&server, "GET /metrics");
        assert!(metrics.contains("Content-Type: application/openmetrics-text; version=1.0.0") && metrics.ends_with("# EOF\n"), "{metrics}");
    }

    #[test]
    fn the_server_ends_with_the_run() {
        let (_, server) = serving(Duration::from_secs(1));
        let address = server.address().expect("an address");
        drop(server);
        // The socket is closed by a thread of its own.
        let is_closed = || TcpStream::connect(address).is_err();
        let soon = (0..100).any(|_| {
            is_closed() || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        });
        assert!(soon, "it still listens");
    }
}
