//! Events for throughput, and a plain consumer to compare with: `cargo bench --bench kafka -- produce URL COUNT [RATE]` sends
//! events of 200 bytes to a topic, `… -- consume URL COUNT` reads so many with the gate's own client and decodes each with
//! serde, and nothing else. Both print one line of JSON.

#![allow(clippy::print_stdout, reason = "figures are printed")]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::json;
use sluicegate::diagnostic::Fault;
use sluicegate::kafka::{Limits, Outgoing, Reader, Settings, Target, Topic};

const EVENT_BYTES: usize = 200;
const ACTIONS: [&str; 4] = ["play", "pause", "rewind", "skip"];
/// What a reader may hold, as in the gate.
const AHEAD_BYTES: usize = 64 << 20;

/// What a consumer would make of an event.
#[derive(Deserialize)]
struct Event<'a> {
    event_id: u64,
    user: &'a str,
    title: &'a str,
    action: &'a str,
    position_s: f64,
    duration_s: f64,
    device: &'a str,
    at: &'a str,
}

fn event(i: u64) -> Vec<u8> {
    let (user, title) = (i.wrapping_mul(2_654_435_761) % 50_000, i.wrapping_mul(40_503) % 3_000);
    let (action, duration) = (ACTIONS[(i % 4) as usize], 1_800 + title % 5_400);
    let (position, device) = (i.wrapping_mul(7_919) % duration, i % 9);
    let (hour, minute, second) = (i / 3_600_000 % 24, i / 60_000 % 60, i / 1_000 % 60);
    let mut text = format!(
        r#"{{"event_id":{i},"user":"user-{user:05}","title":"title-{title:04}","action":"{action}","position_s":{position}.5,"duration_s":{duration}.0,"device":"tv-{device}","at":"2026-11-27T{hour:02}:{minute:02}:{second:02}.{:03}Z""#,
        i % 1_000
    );
    // JSON allows blanks before the last brace.
    text.extend(std::iter::repeat_n(' ', EVENT_BYTES.saturating_sub(text.len() + 1)));
    text.push('}');
    text.into_bytes()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn produce(url: &Settings, count: u64, rate: Option<f64>) -> Result<(), Fault> {
    const AT_ONCE: u64 = 4_000;
    let topic = Topic::connect(url)?;
    let partitions = topic.partitions()?;
    let began = Instant::now();
    let mut sent = 0;
    let mut turn = 0;
    while sent < count {
        let due = rate.map_or(count, |rate| ((began.elapsed().as_secs_f64() * rate) as u64).min(count));
        if due == sent {
            std::thread::sleep(Duration::from_micros(500));
            continue;
        }
        let now = now_ms();
        let until = due.min(sent + AT_ONCE);
        let records = (sent..until).map(|i| Outgoing { value: Some(event(i).into()), timestamp_ms: now, ..Outgoing::default() }).collect();
        topic.produce(Target::Partition(partitions[turn % partitions.len()]), records)?;
        (sent, turn) = (until, turn + 1);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{}", json!({"produced": count, "seconds": seconds, "per_second": count as f64 / seconds}));
    Ok(())
}

/// Resident memory in MB; 0 where nobody tells.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kb| kb / 1024.0)
}

fn consume(url: &Settings, count: u64, decodes: bool) -> Result<(), Fault> {
    let topic = Topic::connect(url)?;
    let mut starts = Vec::new();
    for partition in topic.partitions()? {
        starts.push((partition, topic.offsets(partition)?.0));
    }
    let reader = Reader::open(url, &starts, AHEAD_BYTES)?;
    // What is there is taken at once: a plain consumer waits for nothing.
    let limits = Limits { records: 10_000, bytes: 16 << 20, wait: Duration::from_millis(1) };
    let mut latencies = hdrhistogram::Histogram::<u64>::new(3).expect("three digits");
    let (mut read, mut bytes, mut sum, mut memory) = (0u64, 0usize, 0.0, Vec::new());
    let began = Instant::now();
    while read < count {
        let polled = reader.poll(&limits)?;
        let now = now_ms();
        for record in &polled.records {
            let value = record.value.as_deref().unwrap_or_default();
            bytes += value.len();
            if decodes {
                let event: Event<'_> = serde_json::from_slice(value).expect("an event");
                sum += event.position_s / event.duration_s + (event.event_id % 7) as f64;
                sum += (event.user.len() + event.title.len() + event.action.len() + event.device.len() + event.at.len()) as f64;
            }
            latencies.saturating_record((now - record.timestamp_ms).max(0) as u64);
        }
        read += polled.records.len() as u64;
        if began.elapsed().as_secs() as usize >= memory.len() {
            memory.push(resident_mb().round());
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let at = |quantile: f64| latencies.value_at_quantile(quantile);
    let said = json!({
        "consumed": read, "seconds": seconds, "per_second": read as f64 / seconds, "bytes": bytes, "sum": sum, "memory_mb": memory,
        "latency_ms": {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999)},
    });
    println!("{said}");
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ([what, url, count] | [what, url, count, _]) = words[..] else {
        println!("say `produce URL COUNT [RATE]`, `consume URL COUNT` or `fetch URL COUNT`");
        return ExitCode::FAILURE;
    };
    let variables: Vec<(String, String)> = std::env::vars().filter(|(name, _)| name.starts_with("KAFKA_")).collect();
    let count = count.parse().expect("a count");
    let done = Settings::of(url, &variables).and_then(|settings| match what {
        "produce" => produce(&settings, count, words.get(3).map(|rate| rate.parse().expect("a rate"))),
        "consume" => consume(&settings, count, true),
        _ => consume(&settings, count, false),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("{fault}");
            ExitCode::FAILURE
        }
    }
}
