//! One kind of windows of the rule file, and those of them that are not whole yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::cut::{Piece, Read};
use super::{Means, Told};
use crate::assemble::{self, Header};
use crate::audit::{self, Job, Keeps, NoSink};
use crate::diagnostic::Faults;
use crate::findings::OnFail;
use crate::report::model::Mode;
use crate::ruleset::{RuleFile, WindowSection, WindowSpan};
use crate::shown::counted;
use crate::source::{self, ReadOptions};
use crate::summary::Summary;
use crate::yaml::Spanned;

/// More windows are not kept open: their counts take memory.
const OPEN_MAX: usize = 1000;

/// Windows that follow each other without gaps.
pub(super) struct Kind {
    span: WindowSpan,
    /// The rule file with the rules that judge these windows.
    rules: RuleFile,
    /// By where they begin: milliseconds since 1970, or how many events came before.
    open: BTreeMap<i64, Open>,
    /// The time of the latest event.
    latest: Option<i64>,
    /// Where the first window begins that is not judged yet.
    closed: Option<i64>,
    /// What the data is called.
    name: String,
}

/// What was counted of a window.
#[derive(Default)]
struct Open {
    counted: Option<Arc<Summary>>,
    rows: u64,
}

impl Kind {
    /// # Errors
    /// It names a rule that is not there.
    pub(super) fn new(section: &WindowSection, mut rules: RuleFile) -> Result<Self, Faults> {
        if let Some(wanted) = &section.rules {
            rules.items.retain(|item| item.words.id.as_ref().is_some_and(|id| wanted.iter().any(|wanted| wanted.value == id.value)));
        }
        // Rows that fail were set aside with their batch, or stayed: a window counts them, and sets none aside.
        for item in &mut rules.items {
            let (written, at) = (item.words.on_fail.as_ref().map(|on_fail| on_fail.value), item.at);
            if written.unwrap_or(item.entry.on_fail) == OnFail::Quarantine {
                let words = Arc::make_mut(&mut item.words);
                words.on_fail = Some(Spanned { value: OnFail::Warn, at });
                words.warn = None;
            }
        }
        rules.sections.windows.clear();
        let path = rules.path.clone();
        let (open, name) = (BTreeMap::new(), String::new());
        Ok(Self { span: section.span(&path)?, rules, open, latest: None, closed: None, name })
    }

    pub(super) fn take(&mut self, read: &Read, means: &Means, told: &mut Told) -> Result<(), Faults> {
        self.name.clone_from(&read.name);
        match self.span.clone() {
            WindowSpan::Rows(rows) => self.take_rows(read, rows, means, told),
            WindowSpan::Time { column, every, lateness } => {
                let now = means.now.timestamp_millis().saturating_add(lateness);
                let by_time = read.by_time(&column.value, every, (self.closed, now))?;
                if by_time.ahead > 0 {
                    let events = counted(by_time.ahead, "event");
                    told.notes.push(format!(
                        "{events} of a time that is still to come in `{}`: no window of {} ends by them",
                        column.value, self.span
                    ));
                }
                if by_time.timeless > 0 {
                    let events = counted(by_time.timeless, "event");
                    told.notes.push(format!("{events} without a value of `{}`: in no window of {}", column.value, self.span));
                }
                if by_time.late > 0 {
                    let (events, places) = (counted(by_time.late, "event"), by_time.late_places.join(", "));
                    let more = if by_time.late > by_time.late_places.len() as u64 { ", …" } else { "" };
                    told.notes
                        .push(format!("{events} came too late, for windows of {} that were judged already: {places}{more}", self.span));
                }
                self.latest = self.latest.max(by_time.latest);
                for (begin, piece) in by_time.pieces {
                    self.add(begin, &piece, read, means)?;
                }
                // What may still come is not older than this.
                if let Some(watermark) = self.latest.map(|latest| latest.saturating_sub(lateness)) {
                    self.close_before(watermark.saturating_sub(watermark.rem_euclid(every)), means, told)?;
                }
                self.bound(every, means, told)
            }
        }
    }

    /// Judges the oldest windows before their time where too many are open.
    fn bound(&mut self, every: i64, means: &Means, told: &mut Told) -> Result<(), Faults> {
        while self.open.len() > OPEN_MAX
            && let Some((begin, open)) = self.open.pop_first()
        {
            self.judge(begin, open, ", not whole", means, told)?;
            self.closed = self.closed.max(Some(begin.saturating_add(every)));
        }
        Ok(())
    }

    fn take_rows(&mut self, read: &Read, each: u64, means: &Means, told: &mut Told) -> Result<(), Faults> {
        let mut begin = self.closed.unwrap_or(0);
        let there = self.open.get(&begin).map_or(0, |open| open.rows);
        for (index, piece) in read.by_count(each - there, each).iter().enumerate() {
            if index > 0 {
                begin += each as i64;
            }
            self.add(begin, piece, read, means)?;
            if self.open.get(&begin).is_some_and(|open| open.rows == each) {
                self.close_before(begin + each as i64, means, told)?;
            }
        }
        Ok(())
    }

    /// Counts a piece of the window that begins at `begin`.
    fn add(&mut self, begin: i64, piece: &Piece, read: &Read, means: &Means) -> Result<(), Faults> {
        if piece.rows == 0 {
            return Ok(());
        }
        let source = source::from_batches(&read.schema, piece.batches.clone(), &ReadOptions::default())?;
        let job = Job { keeps: Keeps::Asked, ..means.job(&self.rules, source) };
        let audited = audit::audit(&job, &NoSink::default())?;
        let summary = audited.summary(&job, None, &audited.set_aside())?;
        let open = self.open.entry(begin).or_default();
        open.rows += piece.rows;
        open.counted = Some(Arc::new(match &open.counted {
            None => summary,
            Some(before) => before.merged(&summary, &means.budget)?,
        }));
        Ok(())
    }

    /// Judges the windows that begin before `closed`.
    fn close_before(&mut self, closed: i64, means: &Means, told: &mut Told) -> Result<(), Faults> {
        let still_open = self.open.split_off(&closed);
        for (begin, open) in std::mem::replace(&mut self.open, still_open) {
            self.judge(begin, open, "", means, told)?;
        }
        self.closed = self.closed.max(Some(closed));
        Ok(())
    }

    pub(super) fn end(&mut self, means: &Means, told: &mut Told) -> Result<(), Faults> {
        for (begin, open) in std::mem::take(&mut self.open) {
            self.judge(begin, open, ", not whole", means, told)?;
        }
        Ok(())
    }

    fn judge(&self, begin: i64, open: Open, how: &str, means: &Means, told: &mut Told) -> Result<(), Faults> {
        let Some(summary) = open.counted else { return Ok(()) };
        let id = format!("window {}{how}", self.named(begin));
        let summaries = [(id.clone(), summary)];
        let job = means.job(&self.rules, audit::source_of(&self.rules, &summaries)?);
        let judged = audit::audit_summaries(&job, &summaries)?;
        let header = Header { mode: Mode::Check, batch_id: id, began: Some(means.now), as_of: None };
        told.reports.push(assemble::assemble_summaries(header, &self.rules, &judged, &self.name));
        Ok(())
    }

    /// What people call the window that begins at `begin`.
    fn named(&self, begin: i64) -> String {
        match &self.span {
            WindowSpan::Rows(rows) => format!("of events {} to {}", begin + 1, begin + *rows as i64),
            WindowSpan::Time { every, .. } => {
                let text = |at: i64| {
                    let time = DateTime::<Utc>::from_timestamp_millis(at);
                    time.map_or_else(|| at.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
                };
                format!("{} to {}", text(begin), text(begin.saturating_add(*every)))
            }
        }
    }
}
