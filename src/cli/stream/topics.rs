//! Topics that events come from, and go to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::input::Arrival;
use crate::cli::run::surroundings;
use crate::diagnostic::{Code, Fault};
use crate::files::Draft;
use crate::kafka::{Limits, Moved, Outgoing, Reader, Settings, Target, Topic};
use crate::source::EventRecord;
use crate::stream::Output;

/// An event waits so long for the next ones, to be judged with them.
const POLL: Duration = Duration::from_millis(1);

/// Records and bytes of a poll, at most.
const RECORDS: usize = 8192;
const BYTES: usize = 256 << 10;

/// What is read ahead.
const AHEAD_BYTES: usize = 16 << 20;

/// How often it is written down how far the topic was read.
const SETTLE: Duration = Duration::from_secs(1);

/// How often new partitions are looked for.
const LOOK: Duration = Duration::from_secs(30);

/// A topic that events come from, a line of text for each record.
pub(super) struct TopicInput {
    topic: Topic,
    reader: Reader,
    positions: Positions,
    /// Where each partition ended at the beginning, if the stream ends there.
    ends: Option<BTreeMap<i32, i64>>,
    records: Vec<EventRecord>,
    moved: Vec<Moved>,
    text: Vec<u8>,
    /// How much of both was judged.
    judged_bytes: usize,
    judged_records: usize,
    /// When new partitions were last looked for.
    looked: Duration,
}

impl TopicInput {
    /// The topic of `url`, from where the file at `positions` says, else from its first event on.
    ///
    /// # Errors
    /// The brokers cannot be reached, or the file cannot be read.
    pub(super) fn open(url: &str, positions: Option<&Path>, drain: bool) -> Result<Self, Fault> {
        let Some(path) = positions else {
            let fault = Fault::new(Code::MissingOption, format!("nothing says where it is kept how far {url} was read"));
            return Err(fault.hint("give `--positions FILE`; if the file is not there yet, the topic is read from its beginning"));
        };
        let settings = Settings::of(url, &surroundings().variables)?;
        let topic = Topic::connect(&settings)?;
        let positions = Positions::read(path, &settings.to_string())?;
        let (mut starts, mut ends) = (Vec::new(), BTreeMap::new());
        for partition in topic.partitions()? {
            let (earliest, latest) = topic.offsets(partition)?;
            starts.push((partition, positions.offsets.get(&partition).copied().unwrap_or(earliest)));
            ends.insert(partition, latest);
        }
        let reader = Reader::open(&settings, &starts, AHEAD_BYTES)?;
        let (records, moved, text) = (Vec::new(), Vec::new(), Vec::new());
        let ends = drain.then_some(ends);
        Ok(Self { topic, reader, positions, ends, records, moved, text, judged_bytes: 0, judged_records: 0, looked: Duration::ZERO })
    }

    /// Goes on with partitions too that the topic has got since: these from their first event on.
    fn take_in_new_partitions(&mut self, elapsed: Duration) -> Result<(), Fault> {
        if self.ends.is_some() || elapsed < self.looked + LOOK {
            return Ok(());
        }
        self.looked = elapsed;
        let mut starts = self.reader.positions();
        let known: BTreeSet<i32> = starts.iter().map(|(partition, _)| *partition).collect();
        let there = self.topic.partitions()?;
        for partition in there.into_iter().filter(|partition| !known.contains(partition)) {
            starts.push((partition, self.topic.offsets(partition)?.0));
        }
        if starts.len() > known.len() {
            self.reader = Reader::open(&self.topic.settings(), &starts, AHEAD_BYTES)?;
        }
        Ok(())
    }

    /// Takes what is there, waiting `within` for it.
    ///
    /// # Errors
    /// The topic cannot be read on.
    pub(super) fn wait(&mut self, within: Duration, elapsed: Duration) -> Result<Arrival, Fault> {
        self.take_in_new_partitions(elapsed)?;
        let is_drained = |ends: &BTreeMap<i32, i64>| {
            self.reader.positions().iter().all(|(partition, next)| ends.get(partition).is_none_or(|end| next >= end))
        };
        if self.ends.as_ref().is_some_and(is_drained) {
            return Ok(Arrival::End);
        }
        let first = self.reader.poll(&Limits { records: 1, bytes: BYTES, wait: within })?;
        (self.records, self.moved) = (first.records, first.moved);
        if !self.records.is_empty() {
            let more = self.reader.poll(&Limits { records: RECORDS, bytes: BYTES, wait: POLL });
            // What is here is judged first; trouble that lasts is told by the next poll.
            let more = more.unwrap_or_default();
            self.records.extend(more.records);
            self.moved.extend(more.moved);
        }
        for record in &self.records {
            let start = self.text.len();
            // A record without a value is no event.
            self.text.extend_from_slice(record.value.as_deref().unwrap_or(b"null"));
            // A line end within a value is white space of JSON.
            self.text[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
            if self.text[start..].iter().all(u8::is_ascii_whitespace) {
                self.text.truncate(start);
                self.text.extend_from_slice(b"\"\"");
            }
            self.text.push(b'\n');
        }
        if self.records.is_empty() {
            self.note();
        }
        Ok(if self.records.is_empty() { Arrival::Nothing } else { Arrival::Lines })
    }

    pub(super) fn lines(&self) -> &[u8] {
        &self.text[self.judged_bytes..]
    }

    /// The record of each of these lines.
    pub(super) fn records(&self) -> &[EventRecord] {
        &self.records[self.judged_records..]
    }

    /// Forgets the first so many bytes of the lines, of so many records: they were judged, and what became of them is written.
    pub(super) fn take(&mut self, bytes: usize, records: usize) {
        self.judged_bytes += bytes;
        self.judged_records += records;
        if self.judged_bytes == self.text.len() {
            (self.judged_bytes, self.judged_records) = (0, 0);
            self.text.clear();
            self.records.clear();
            self.note();
        }
    }

    fn note(&mut self) {
        for moved in self.moved.drain(..) {
            self.positions.offsets.insert(moved.partition, moved.to);
            self.positions.has_changed = true;
        }
    }

    /// Whether it is time to write down how far the topic was read.
    pub(super) fn is_to_settle(&self, elapsed: Duration, at_once: bool) -> bool {
        self.positions.has_changed && (at_once || elapsed.saturating_sub(self.positions.written) >= SETTLE)
    }

    /// Writes down how far the topic was read. What became of all events before is durable.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn settle(&mut self, elapsed: Duration) -> Result<(), Fault> {
        self.positions.written = elapsed;
        self.positions.has_changed = false;
        self.positions.write()
    }
}

/// How far a topic was read: what became of all events before is written.
struct Positions {
    path: PathBuf,
    topic: String,
    offsets: BTreeMap<i32, i64>,
    has_changed: bool,
    written: Duration,
}

impl Positions {
    fn read(path: &Path, topic: &str) -> Result<Self, Fault> {
        let mut positions =
            Self { path: path.to_owned(), topic: topic.to_owned(), offsets: BTreeMap::new(), has_changed: false, written: Duration::ZERO };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(positions),
            Err(e) => return Err(Fault::new(Code::of_reading(&e), format!("{}: cannot read: {e}", path.display()))),
        };
        let wrong = |why: &str| Fault::new(Code::Damaged, format!("{}: not a file of positions: {why}", path.display()));
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| wrong(&e.to_string()))?;
        if json["topic"] != topic {
            let what = format!("{}: these are positions of {}", path.display(), json["topic"]);
            return Err(Fault::new(Code::ConflictingOptions, what).hint(format!("name another file for {topic}")));
        }
        for (partition, offset) in json["offsets"].as_object().ok_or_else(|| wrong("it has no `offsets`"))? {
            let (Ok(partition), Some(offset)) = (partition.parse(), offset.as_i64()) else { return Err(wrong("an offset is no number")) };
            positions.offsets.insert(partition, offset);
        }
        Ok(positions)
    }

    fn write(&self) -> Result<(), Fault> {
        let offsets: serde_json::Map<String, serde_json::Value> =
            self.offsets.iter().map(|(partition, offset)| (partition.to_string(), (*offset).into())).collect();
        let text = serde_json::json!({ "topic": self.topic, "offsets": offsets }).to_string() + "\n";
        let written = Draft::of(&self.path).and_then(|draft| {
            draft.file()?.write_all(text.as_bytes())?;
            draft.place()
        });
        written.map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: cannot write: {e}", self.path.display())))
    }
}

/// A topic that events go to.
pub(super) struct TopicSink {
    topic: Topic,
    /// Events that the brokers have acknowledged.
    pub(super) lines: u64,
}

impl TopicSink {
    /// # Errors
    /// The brokers cannot be reached.
    pub(super) fn open(url: &str) -> Result<Self, Fault> {
        Ok(Self { topic: Topic::connect(&Settings::of(url, &surroundings().variables)?)?, lines: 0 })
    }

    /// Sends the events that pass. Where they come from a topic, each keeps its key, its headers and its time, and its value where
    /// `transform` makes nothing.
    ///
    /// # Errors
    /// The brokers do not take them: some of them may be there all the same.
    pub(super) fn write(&mut self, out: &Output, records: Option<&[EventRecord]>, now_ms: i64) -> Result<(), Fault> {
        let lines = out.good.split(|byte| *byte == b'\n');
        let outgoing = lines.zip(&out.good_lines).map(|(line, at)| {
            let text = || Some(Bytes::copy_from_slice(line.strip_suffix(b"\r").unwrap_or(line)));
            match records.and_then(|records| records.get(*at as usize)) {
                Some(record) => Outgoing {
                    key: record.key.clone(),
                    value: if out.is_made { text() } else { record.value.clone() },
                    timestamp_ms: record.timestamp_ms,
                    headers: record.headers.clone(),
                },
                None => Outgoing { key: None, value: text(), timestamp_ms: now_ms, headers: Vec::new() },
            }
        });
        let outgoing: Vec<Outgoing> = outgoing.collect();
        let count = outgoing.len() as u64;
        if count > 0 {
            self.topic.produce(Target::ByKey, outgoing)?;
        }
        self.lines += count;
        Ok(())
    }
}
