//! From a window to its report.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

use super::{Remembered, Window};
use crate::assemble::{self, Header};
use crate::audit::{self, Job, NoSink, RowJudge, Standing};
use crate::diagnostic::Faults;
use crate::report::Report;
use crate::report::model::{Mode, RowTotals, time};
use crate::report::stream::StreamReport;
use crate::ruleset::RuleFile;
use crate::source::{self, ReadOptions, Source};

/// From when to when a window was open.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub began: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub seconds: f64,
}

/// Makes the reports of a stream.
pub struct Reporter<'a> {
    pub rules: &'a RuleFile,
    pub judge: Arc<RowJudge>,
    /// The columns of events.
    pub schema: SchemaRef,
    pub remembered: Remembered,
    /// Makes a job over rows, with the means of the run.
    pub job: &'a (dyn Fn(Arc<dyn Source>, DateTime<Utc>) -> Result<Job<'a>, Faults> + Sync),
}

impl Reporter<'_> {
    /// Finds out whether rules that need a whole window can be judged at all: what they compare with is looked at.
    ///
    /// # Errors
    /// They cannot.
    pub fn try_out(&self, now: DateTime<Utc>) -> Result<(), Faults> {
        let nothing = source::from_batches(&self.schema, Vec::new(), &ReadOptions::default())?;
        audit::audit(&(self.job)(nothing, now)?, &NoSink::default()).map(|_| ())
    }

    /// The report of a window: rules that judge row by row by what was counted of all its events, the others by the rows that were
    /// kept.
    ///
    /// # Errors
    /// What cannot be judged.
    pub fn report(&self, mut window: Window, span: Span) -> Result<Report, Faults> {
        let options = ReadOptions::default();
        let (records, filtered) = (window.tally.records(), window.tally.filtered());
        let nothing = source::from_batches(&self.schema, Vec::new(), &options)?;
        let tally = std::mem::take(&mut window.tally);
        let mut job = (self.job)(nothing, span.ended)?;
        job.references = None;
        let mut audited = audit::audit_tally(&job, &self.judge, tally, &self.remembered.to_string())?;
        let mut measured_over = None;
        if let Some(kept) = window.kept.take() {
            let gone = kept.gone;
            let batches = kept.into_batches()?;
            let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            measured_over = (gone > 0).then_some(rows);
            let whole = audit::audit(&(self.job)(source::from_batches(&self.schema, batches, &options)?, span.ended)?, &NoSink::default())?;
            let standings = self.judge.standings();
            let is_of_batch = |id: &str| standings.iter().any(|(known, standing)| known == id && *standing == Standing::Batch);
            audited.findings.extend(whole.findings.into_iter().filter(|found| is_of_batch(&found.finding.id)));
            audited.columns = whole.columns;
        }
        // Rows that a rule of the whole window would set aside have passed: its report is none of a window where all is well.
        let passed = audited.findings.iter().filter(|found| found.finding.sets_aside()).map(|found| found.finding.failing_rows).max();
        let set_aside = window.bad.max(passed.unwrap_or(0)).min(records - filtered);
        let header = Header { mode: Mode::Stream, batch_id: format!("window-{}", window.number), began: Some(span.began), as_of: None };
        let malformed = audited.malformed;
        let mut report = assemble::assemble(header, self.rules, &audited, set_aside, None);
        report.batch.format = "ndjson".to_owned();
        report.rows =
            RowTotals { read: records, published: window.good, quarantined: window.bad, filtered, malformed, ..RowTotals::default() };
        report.stream = Some(StreamReport {
            window: window.number,
            ended: time(span.ended),
            seconds: span.seconds,
            events_per_second: if span.seconds > 0.0 { records as f64 / span.seconds } else { 0.0 },
            latency_ms: window.latencies.summary(),
            blank_lines: window.blank_lines,
            unknown_keys: window.unknown_keys.into_iter().collect(),
            measured_over,
            keys_forgotten: window.forgot_early,
        });
        Ok(report)
    }
}
