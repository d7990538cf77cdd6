//! Micro-batches of a topic: each begins where the table says that the last one ended.

use std::collections::BTreeMap;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::{Arrival, Data, Feed, Next, Pace, Positions};
use crate::diagnostic::{Code, Fault};
use crate::kafka::{Limits, Moved, Reader, Settings, Topic};
use crate::shown::counted;
use crate::source::EventRecord;
use crate::store::Position;

/// Where a partition begins of which the table remembers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Begin {
    /// With the first event that is there.
    #[default]
    Earliest,
    /// With the next one that comes.
    Latest,
}

/// How a topic is cut into batches.
#[derive(Debug, Clone)]
pub struct TopicOptions {
    /// A batch has so many events at most.
    pub rows: usize,
    /// Keys, values and headers of a batch take so many bytes at most, but for one event.
    pub bytes: usize,
    /// A batch ends so long after its first event came.
    pub every: Duration,
    /// The partitions to read; all of them, those too that come later, if none are named.
    pub partitions: Option<Vec<i32>>,
    pub begin: Begin,
    /// Goes on behind events that the brokers removed before they were read.
    pub accepts_gap: bool,
    /// Ends once all is read that was there at the beginning.
    pub drain: bool,
    /// A consumer group that is told how far the table is.
    pub group: Option<String>,
}

/// How often new partitions are looked for.
const LOOK: Duration = Duration::from_secs(30);
/// What waits to be judged is held in so many bytes, as a multiple of those of a batch.
const AHEAD: usize = 2;
/// A wait is cut into pieces of this length, to hear whether the run shall go on.
const PIECE: Duration = Duration::from_millis(100);

/// A topic and how far it was read.
pub struct TopicFeed {
    settings: Settings,
    topic: Topic,
    options: TopicOptions,
    /// What the table remembers of each partition.
    at: BTreeMap<i32, Option<i64>>,
    /// Where reading began.
    starts: BTreeMap<i32, i64>,
    reader: Reader,
    /// Where each partition ended at the beginning, if the run ends there.
    ends: Option<BTreeMap<i32, i64>>,
    /// How far the last batch comes.
    moved: Vec<Moved>,
    /// How far partitions were read, and where they ended then.
    marks: BTreeMap<i32, (i64, i64)>,
    /// When new partitions were last looked for.
    looked: Duration,
    notes: Vec<String>,
}

impl TopicFeed {
    /// Reads the topic on from where the table is.
    ///
    /// # Errors
    /// The brokers cannot be reached, have no such partition, or no longer have what comes next.
    pub fn open(settings: Settings, options: TopicOptions, positions: &mut Positions<'_>) -> Result<Self, Fault> {
        let topic = Topic::connect(&settings)?;
        let there = topic.partitions()?;
        if let Some(none) = options.partitions.iter().flatten().find(|wanted| !there.contains(wanted)) {
            let fault = Fault::new(Code::MalformedOption, format!("{settings}: there is no partition {none}"));
            return Err(fault.hint(format!("it has {}, counted from 0", counted(there.len() as u64, "partition"))));
        }
        let partitions = options.partitions.clone().unwrap_or(there);
        let Begun { at, starts, notes } = begin(&settings, &topic, &options, (&partitions, None), positions)?;
        let ends = if options.drain { Some(ends(&topic, &partitions)?) } else { None };
        let reader = Reader::open(&settings, &starts, options.bytes.saturating_mul(AHEAD))?;
        let (moved, marks, looked) = (Vec::new(), BTreeMap::new(), Duration::ZERO);
        let starts = starts.into_iter().collect();
        Ok(Self { settings, topic, options, at, starts, reader, ends, moved, marks, looked, notes })
    }

    /// Whether all was read that was there at the beginning.
    fn is_drained(&self) -> bool {
        let Some(ends) = &self.ends else { return false };
        self.reader.positions().iter().all(|(partition, next)| ends.get(partition).is_none_or(|end| next >= end))
    }

    /// The next events, until there are enough or it is time.
    fn gather(&mut self, pace: &dyn Pace) -> Result<Vec<EventRecord>, Fault> {
        let (mut events, mut bytes, mut since) = (Vec::new(), 0, None);
        let mut moved: BTreeMap<i32, Moved> = BTreeMap::new();
        while events.len() < self.options.rows && bytes < self.options.bytes {
            let now = pace.elapsed();
            let left = since.map_or(PIECE, |since: Duration| (since + self.options.every).saturating_sub(now).min(PIECE));
            if left.is_zero() || (!pace.goes_on() && !events.is_empty()) {
                break;
            }
            let limits = Limits { records: self.options.rows - events.len(), bytes: self.options.bytes - bytes, wait: left };
            let polled = self.reader.poll(&limits)?;
            for step in polled.moved {
                self.marks.insert(step.partition, (step.to, step.high_watermark));
                moved.entry(step.partition).and_modify(|all| *all = Moved { from: all.from, ..step }).or_insert(step);
            }
            if !polled.records.is_empty() {
                since.get_or_insert(pace.elapsed());
            }
            bytes += polled.records.iter().map(EventRecord::bytes).sum::<usize>();
            events.extend(polled.records);
            if self.is_drained() || !pace.goes_on() {
                break;
            }
        }
        // However it was polled, a batch is in one order.
        events.sort_by_key(|event| (event.partition, event.offset));
        self.moved = moved.into_values().collect();
        Ok(events)
    }

    /// Whether the topic has got partitions since they were last looked at.
    fn has_grown(&mut self, now: Duration) -> Result<bool, Fault> {
        if self.options.partitions.is_some() || now < self.looked + LOOK {
            return Ok(false);
        }
        self.looked = now;
        Ok(self.topic.partitions()?.iter().any(|partition| !self.at.contains_key(partition)))
    }

    fn positions(&self) -> Vec<Position> {
        let cluster = self.topic.cluster_id();
        let position = |step: &Moved| Position {
            application: application(cluster.as_deref(), self.settings.topic(), step.partition),
            from: self.at.get(&step.partition).copied().flatten(),
            to: step.to,
        };
        self.moved.iter().map(position).collect()
    }

    /// Names the batch by what it holds: partitions with the first offset and the one after the last.
    fn id(&self) -> String {
        const LONG: usize = 100;
        let steps: Vec<String> = self.moved.iter().map(|step| format!("{}-{}-{}", step.partition, step.from, step.to)).collect();
        let (topic, steps) = (self.settings.topic(), steps.join("_"));
        let steps = if steps.len() > LONG { format!("{:016x}", xxh3_64(steps.as_bytes())) } else { steps };
        format!("{}.{steps}", topic.chars().take(LONG).collect::<String>())
    }
}

impl Feed for TopicFeed {
    fn next(&mut self, pace: &dyn Pace) -> Result<Next, Fault> {
        loop {
            if self.has_grown(pace.elapsed())? {
                return Ok(Next::Grown);
            }
            let events = self.gather(pace)?;
            if !events.is_empty() {
                let (name, positions) = (self.settings.to_string(), self.positions());
                let told = format!("{name}: {}", counted(events.len() as u64, "event"));
                let arrival = Arrival { name: told, id: Some(self.id()), data: Data::Events(name, events), positions };
                return Ok(Next::Batch(arrival));
            }
            if self.is_drained() || !pace.goes_on() {
                return Ok(Next::End);
            }
            // What has no event, such as an aborted transaction, comes with the next batch.
        }
    }

    fn pass_over(&mut self, _: &Arrival) {
        for step in &self.moved {
            self.at.insert(step.partition, Some(step.to));
        }
    }

    fn settled(&mut self, arrival: &Arrival) -> Result<(), Fault> {
        self.pass_over(arrival);
        if let Some(group) = &self.options.group {
            let offsets: Vec<(i32, i64)> = self.moved.iter().map(|step| (step.partition, step.to)).collect();
            // A courtesy: the table alone decides.
            if let Err(fault) = self.topic.commit_group(group, &offsets) {
                self.notes.push(format!("the consumer group `{group}` could not be told: {}", fault.what));
            }
        }
        Ok(())
    }

    fn moved_on(&mut self, positions: &mut Positions<'_>) -> Result<(), Fault> {
        let partitions = self.options.partitions.clone().map_or_else(|| self.topic.partitions(), Ok)?;
        let Begun { at, starts, notes } = begin(&self.settings, &self.topic, &self.options, (&partitions, Some(&self.starts)), positions)?;
        self.starts.extend(starts.iter().copied().filter(|(partition, _)| !self.starts.contains_key(partition)).collect::<Vec<_>>());
        self.reader = Reader::open(&self.settings, &starts, self.options.bytes.saturating_mul(AHEAD))?;
        self.at = at;
        self.notes.extend(notes);
        Ok(())
    }

    /// Else a run that ends before its first batch is there would begin behind the events that it met.
    fn begins(&self) -> Vec<Position> {
        if self.options.begin == Begin::Earliest {
            return Vec::new();
        }
        let cluster = self.topic.cluster_id();
        let unknown = self.at.iter().filter(|(_, at)| at.is_none()).map(|(partition, _)| partition);
        let begin = |partition: &i32| Position {
            application: application(cluster.as_deref(), self.settings.topic(), *partition),
            from: None,
            to: self.starts.get(partition).copied().unwrap_or(0),
        };
        unknown.map(begin).collect()
    }

    fn lag(&self) -> Option<u64> {
        Some(self.marks.values().map(|(to, end)| (end - to).max(0).unsigned_abs()).sum())
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// Where partitions are in the table, and where they are read on.
struct Begun {
    at: BTreeMap<i32, Option<i64>>,
    starts: Vec<(i32, i64)>,
    notes: Vec<String>,
}

fn begin(
    settings: &Settings,
    topic: &Topic,
    options: &TopicOptions,
    (partitions, known): (&[i32], Option<&BTreeMap<i32, i64>>),
    positions: &mut Positions<'_>,
) -> Result<Begun, Fault> {
    let cluster = topic.cluster_id();
    let applications: Vec<String> =
        partitions.iter().map(|partition| application(cluster.as_deref(), settings.topic(), *partition)).collect();
    let positions = positions(&applications)?;
    // Where the table remembers one partition, another of which it remembers nothing came later.
    let is_known = known.is_some() || positions.iter().any(Option::is_some);
    let mut begun = Begun { at: BTreeMap::new(), starts: Vec::new(), notes: Vec::new() };
    for (&partition, at) in partitions.iter().zip(positions) {
        let (earliest, latest) = topic.offsets(partition)?;
        let place = format!("{settings}, partition {partition}");
        let start = match (at, options.begin) {
            (Some(at), _) if at > latest => {
                let fault =
                    Fault::new(Code::EventsGone, format!("{place}: the table is at offset {at}, and the partition ends at {latest}"));
                return Err(
                    fault.hint("the topic was made anew, or is another's: publish to another table, or give the topic another name")
                );
            }
            (Some(at), _) if at < earliest => {
                let gone = counted((earliest - at).unsigned_abs(), "offset");
                let what = format!("{place}: {gone}, {at} to {}, were removed before they were read", earliest - 1);
                if !options.accepts_gap {
                    let fault = Fault::new(Code::EventsGone, what);
                    return Err(fault.hint("`--accept-gap` goes on without them; longer retention keeps it from happening again"));
                }
                begun.notes.push(format!("{what}; goes on at {earliest}, as `--accept-gap` says"));
                earliest
            }
            (Some(at), _) => at,
            // A partition that came later is read from its beginning; one of which nothing was published, from where it was.
            (None, _) if is_known => known.and_then(|known| known.get(&partition)).copied().unwrap_or(earliest),
            (None, Begin::Earliest) => earliest,
            (None, Begin::Latest) => latest,
        };
        begun.at.insert(partition, at);
        begun.starts.push((partition, start));
    }
    Ok(begun)
}

/// Where partitions end now.
fn ends(topic: &Topic, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, Fault> {
    partitions.iter().map(|&partition| Ok((partition, topic.offsets(partition)?.1))).collect()
}

/// What the table remembers a partition as. Other brokers' topic of the same name is another one.
fn application(cluster: Option<&str>, topic: &str, partition: i32) -> String {
    let is_plain = |cluster: &&str| !cluster.is_empty() && cluster.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match cluster {
        Some(cluster) if is_plain(&cluster) => format!("sluicegate-topic/{cluster}/{topic}/{partition}"),
        Some(cluster) => format!("sluicegate-topic/{:016x}/{topic}/{partition}", xxh3_64(cluster.as_bytes())),
        None => format!("sluicegate-topic/{topic}/{partition}"),
    }
}
