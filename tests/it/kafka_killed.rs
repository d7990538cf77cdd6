//! A broker with a log on disk that is killed while events are sent and gated: every event is there once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sluicegate::kafka::{Outgoing, Settings, Target, Topic};

use crate::kafka_gate::{RULES, ensure_once};
use crate::support::{Place, project, skipped};

/// A broker that keeps in a directory what it acknowledged.
struct Broker {
    process: Child,
    port: String,
}

impl Broker {
    /// Of two partitions; at any port if it is `0`.
    fn start(place: &Place, port: &str) -> Option<Self> {
        let python = std::env::var("SLUICEGATE_PYTHON").ok()?;
        let mut command = Command::new(python);
        command.arg(project("benches/kafka_broker.py")).args([port, "2"]).arg(place.path("log")).stdout(Stdio::piped());
        let mut process = command.spawn().ok()?;
        let mut port = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut port).ok()?;
        let port = port.trim().to_owned();
        (!port.is_empty()).then_some(Self { process, port })
    }

    /// Killed, and started again where it was.
    fn again(mut self, place: &Place) -> Self {
        self.process.kill().expect("it was running");
        self.process.wait().expect("it is over");
        std::thread::sleep(Duration::from_millis(200));
        Self::start(place, &self.port).expect("it starts again")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// As `kafka_gate` has them: each tenth is out of range, each 25th is no JSON.
fn event(id: u32) -> Outgoing {
    let value = match id {
        _ if id % 25 == 7 => format!("{{bad {id}"),
        _ => format!(r#"{{"id": {id}, "seconds": {}, "user": "u{}"}}"#, if id % 10 == 3 { -1 } else { 5 }, id % 7),
    };
    Outgoing { value: Some(value.into()), ..Outgoing::default() }
}

#[test]
fn a_broker_killed_again_and_again_while_events_are_sent_and_gated_loses_and_doubles_none() {
    let kills: u32 = std::env::var("SLUICEGATE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let place = Place::with(RULES, "");
    std::fs::create_dir(place.path("log")).expect("a directory");
    let Some(mut broker) = Broker::start(&place, "0") else { return skipped("Python (a broker for tests)") };
    let url = format!("kafka://127.0.0.1:{}/t", broker.port);
    let count = kills * 400;
    let sender = std::thread::spawn({
        let url = url.clone();
        move || {
            let topic = Topic::connect(&Settings::of(&url, &[]).expect("settings")).unwrap_or_else(|fault| panic!("{fault}"));
            for first in (0..count).step_by(20) {
                let target = Target::Partition((first / 20 % 2) as i32);
                topic.produce(target, (first..first + 20).map(event).collect()).unwrap_or_else(|fault| panic!("{fault}"));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let gate = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.args(["gate", &url, "-r", "r.yaml", "--every", "1s", "--rows", "150"]).args(more).current_dir(place.path("."));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let mut running = gate(&[]);
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(u64::from(200 + kill * 173 % 700)));
        broker = broker.again(&place);
        // The gate is killed every other time; else it must outlive the broker.
        if kill % 2 == 1 {
            running.kill().expect("it was running");
            running.wait().expect("it is over");
            running = gate(&[]);
        }
        assert!(running.try_wait().expect("its state").is_none(), "the gate ended by itself");
    }
    sender.join().expect("all is sent");
    running.kill().expect("it was running");
    running.wait().expect("it is over");
    let last = gate(&["--drain"]).wait_with_output().expect("it ends");
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    ensure_once(&place, count);
}
