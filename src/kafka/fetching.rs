//! Reading some partitions from the broker that leads them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::batch::{Aborted, Batch, next_batch};
use super::cluster::offset;
use super::connection::Connection;
use super::request::{self, Api, End, FetchFrom};
use super::trouble::{OFFSET_OUT_OF_RANGE, Trouble, refused_now};
use crate::diagnostic::{Code, Fault};
use crate::source::EventRecord;

/// What a broker has of one partition.
pub(super) struct Answer {
    pub partition: i32,
    /// The offset that was asked for.
    pub from: i64,
    /// The offset after the last record that is there.
    pub high_watermark: i64,
    whole: Bytes,
    batches: std::ops::Range<usize>,
    aborted: Vec<(i64, i64)>,
}

/// An answer for each partition, or why there is none.
pub(super) type Answers = Vec<(i32, Result<Answer, Trouble>)>;

/// Asks for the records of these partitions; each has an answer of its own.
///
/// # Errors
/// The connection broke.
pub(super) fn fetch(
    connection: &mut Connection,
    (topic, name): (&str, &str),
    from: &[FetchFrom],
    wait: Duration,
) -> Result<Answers, Trouble> {
    let version = connection.version(Api::Fetch)?;
    let body = request::fetch_request(version, topic, from, i32::try_from(wait.as_millis()).unwrap_or(i32::MAX));
    let whole = Bytes::from(connection.call(Api::Fetch, &body, wait)?);
    let (error, partitions) = connection.understood(request::fetch(version, &whole))?;
    if error != 0 {
        return Err(refused_now(error, name));
    }
    let mut answers = Vec::with_capacity(partitions.len());
    let mut beyond = Vec::new();
    for fetched in partitions {
        let Some(asked) = from.iter().find(|asked| asked.partition == fetched.partition) else { continue };
        let what = format!("{name}, partition {}", fetched.partition);
        let answer = match fetched.error {
            0 => {
                let start = fetched.batches.as_ptr() as usize - whole.as_ptr() as usize;
                let batches = if fetched.batches.is_empty() { 0..0 } else { start..start + fetched.batches.len() };
                let (partition, high_watermark, aborted) = (fetched.partition, fetched.high_watermark, fetched.aborted);
                Ok(Answer { partition, from: asked.offset, high_watermark, whole: whole.clone(), batches, aborted })
            }
            OFFSET_OUT_OF_RANGE => {
                beyond.push(*asked);
                continue;
            }
            error => Err(refused_now(error, &what)),
        };
        answers.push((fetched.partition, answer));
    }
    for asked in beyond {
        answers.push((asked.partition, Err(gone(connection, topic, name, asked)?)));
    }
    Ok(answers)
}

/// Why an offset is none: events are gone, or have not come.
fn gone(connection: &mut Connection, topic: &str, name: &str, asked: FetchFrom) -> Result<Trouble, Trouble> {
    let FetchFrom { partition, offset: wanted, .. } = asked;
    let what = format!("{name}, partition {partition}");
    let earliest = offset(connection, topic, partition, End::Earliest, &what)?;
    if wanted < earliest {
        let lost = earliest - wanted;
        let what =
            format!("{what}: the events from offset {wanted} to {} are gone: the topic keeps those from {earliest} on", earliest - 1);
        let fault = Fault::new(Code::EventsGone, what);
        return Ok(fault
            .hint(format!("{lost} offsets were not read before their retention ended; keep events longer, or begin at {earliest}"))
            .into());
    }
    let latest = offset(connection, topic, partition, End::Latest, &what)?;
    // Replicas that follow slowly are behind for a moment; a topic that was made anew is so for long.
    Ok(Trouble::Passing(format!("{what}: it ends at offset {latest}, before {wanted}; was the topic made anew?")))
}

/// The records of one batch.
pub(super) struct Part {
    pub records: Vec<EventRecord>,
    /// The offset to go on with.
    pub next: i64,
}

impl Answer {
    /// Whether nothing came.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Hands on the events of each batch, in order, until `each` says that it is enough.
    ///
    /// # Errors
    /// A batch is damaged.
    pub(super) fn parts(self, topic: &Arc<str>, name: &str, mut each: impl FnMut(Part) -> bool) -> Result<(), Fault> {
        let mut rest = &self.whole[self.batches.clone()];
        let mut aborted = Aborted::new(self.aborted);
        let mut from = self.from;
        let mut is_whole = self.batches.is_empty();
        let damaged = |why: String| {
            let fault = Fault::new(Code::Damaged, format!("{name}, partition {}: {why}", self.partition));
            fault.hint("nothing was skipped; if the topic is damaged, begin after it")
        };
        while let Some(batch) = next_batch(&mut rest).map_err(damaged)? {
            is_whole = true;
            // Batches are whole, so the first one may begin before what was asked for, or even end there.
            let mut part = Part { records: Vec::new(), next: batch.next().max(from) };
            if Batch::holds_events(&batch, &mut aborted) {
                batch.read(&self.whole, (topic, self.partition), from, &mut part.records).map_err(damaged)?;
            }
            from = part.next;
            if !each(part) {
                return Ok(());
            }
        }
        // Brokers cut the last batch of an answer, never the first.
        if is_whole { Ok(()) } else { Err(damaged(format!("the batch at offset {from} is cut short"))) }
    }
}
