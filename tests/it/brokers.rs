//! Kafka brokers for tests: librdkafka's mock cluster, in a Python process that ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value as Json, json};

use crate::support::{project, skipped};

/// Brokers that live as long as this does. They keep the last 5 MB of each partition.
pub struct Brokers {
    server: Child,
    talk: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    pub address: String,
}

impl Brokers {
    /// So many of them; none where the client that brings them is not installed.
    pub fn start(count: usize) -> Option<Self> {
        let brokers = Self::tried(count);
        if brokers.is_none() {
            skipped("confluent-kafka (mock brokers, in Python)");
        }
        brokers
    }

    fn tried(count: usize) -> Option<Self> {
        let mut server = Command::new(std::env::var("SLUICEGATE_PYTHON").ok()?);
        server.arg(project("tests/kafka_server.py")).arg(count.to_string());
        server.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().ok()?;
        let mut answers = BufReader::new(server.stdout.take()?);
        let mut address = String::new();
        answers.read_line(&mut address).ok()?;
        let address = address.trim().to_owned();
        let talk = Mutex::new((server.stdin.take(), answers));
        (!address.is_empty()).then_some(Self { server, talk, address })
    }

    /// With a topic `t` of so many partitions.
    pub fn with_topic(brokers: usize, partitions: usize) -> Option<Self> {
        let brokers = Self::start(brokers)?;
        brokers.does(json!({"do": "topic", "topic": "t", "partitions": partitions}));
        Some(brokers)
    }

    /// What the server answers to a command of `tests/kafka_server.py`.
    pub fn does(&self, command: Json) -> Json {
        let mut talk = self.talk.lock().expect("no test panicked here");
        let (input, answers) = &mut *talk;
        writeln!(input.as_mut().expect("it runs"), "{command}").expect("a command");
        let mut line = String::new();
        answers.read_line(&mut line).expect("an answer");
        let answer: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{command}: {line}: {e}"));
        assert_eq!(answer["error"], Json::Null, "{command}");
        answer["is"].clone()
    }

    /// Sends records to a partition of `t`, as another client does: `key`, `value`, `headers`, `timestamp`, and `times` for
    /// how often.
    pub fn produce(&self, partition: i32, records: Json) {
        self.does(json!({"do": "produce", "topic": "t", "partition": partition, "records": records}));
    }

    /// Sends the numbers of `range` as values, each with its number as its time.
    pub fn count(&self, partition: i32, range: std::ops::Range<u32>) {
        let records: Vec<Json> = range.map(|i| json!({"value": i.to_string(), "timestamp": 1000 + i})).collect();
        self.produce(partition, records.into());
    }

    pub fn url(&self) -> String {
        format!("kafka://{}/t", self.address)
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        // The end of its input is its end.
        if let Ok(talk) = self.talk.get_mut() {
            talk.0 = None;
        }
        let _ = self.server.wait();
    }
}
