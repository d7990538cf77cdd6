//! The loop: what is there is read, judged, written, and only then is more read.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, TimeDelta, Utc};

use super::input::{Arrival, Input};
use super::reports::{self, Shown};
use super::sink::LineSink;
use super::topics::{TopicInput, TopicSink};
use super::{Prepared, StreamCommand};
use crate::audit::{Job, References, RowJudge};
use crate::cli::exit::ExitCode;
use crate::cli::output;
use crate::cli::references::Surroundings;
use crate::cli::reports::Reports;
use crate::cli::scratch::Scratch;
use crate::cli::signals::Stop;
use crate::diagnostic::{Code, Fault, Faults};
use crate::kafka::Settings;
use crate::ruleset::RuleFile;
use crate::shown::{count, counted};
use crate::source::Source;
use crate::stream::{Output, Places, Remembered, Reporter, Span, Stream, Window};

/// So often it is looked whether someone asks to end, where no event comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long the end of a line is waited for when the run is to end.
const LINE_END_PATIENCE: Duration = Duration::from_secs(1);

impl StreamCommand {
    /// Judges events until the input ends, and gives the exit code.
    pub(super) fn run_prepared(&self, prepared: Prepared) -> ExitCode {
        let Prepared { rules, stream, judge, schema, reports } = prepared;
        let rules = &rules;
        match self.judge_all(rules, stream, (judge, schema), &reports) {
            Ok(code) => code,
            Err(faults) => {
                output::complain(&rules.quiet(faults));
                ExitCode::from(2)
            }
        }
    }

    fn judge_all(
        &self,
        rules: &RuleFile,
        stream: Stream,
        (judge, schema): (Arc<RowJudge>, SchemaRef),
        reports: &Reports,
    ) -> Result<ExitCode, Faults> {
        let (scratch, is_of_batch) = (Scratch::new()?, stream.keeps_rows());
        let make = |source: Arc<dyn Source>, now: DateTime<Utc>| self.job(rules, source, now, is_of_batch, &scratch);
        let reporter = &Reporter { rules, judge, schema, remembered: self.window, job: &make };
        let began = self.means.clock();
        if is_of_batch {
            reporter.try_out(began)?;
        }
        let (stop, ends) = (Stop::listen()?, Ends::open(self)?);
        self.announce(&stream);
        let may_be_idle = Settings::is_meant_by(&self.events);
        let shown = Shown { quiet: self.quiet, verbose: self.verbose, strict: self.strict, as_json: self.is_json(), may_be_idle };
        let (to, windows) = sync_channel(1);
        let (ended, outcome) = std::thread::scope(|scope| {
            let reporting = scope.spawn(move || reports::each(&windows, reporter, reports, shown));
            let clock = Clock { began, started: Instant::now() };
            let running = Running { stream, ends, stop: &stop, summary: self.summary, clock, opened: Duration::ZERO, to };
            (running.until_the_end(), reporting.join())
        });
        let outcome = outcome.map_err(|_| Fault::new(Code::Internal, "internal error: a report could not be made"))?;
        Ok(match ended? {
            Ended::Asked(code) => ExitCode::from(code),
            Ended::Input => ExitCode::from(outcome.exit_code()),
        })
    }

    /// A job over the rows of a window.
    fn job<'a>(
        &self,
        rules: &'a RuleFile,
        source: Arc<dyn Source>,
        now: DateTime<Utc>,
        is_of_batch: bool,
        scratch: &Scratch,
    ) -> Result<Job<'a>, Faults> {
        let references: Option<Arc<dyn References>> = match is_of_batch {
            true => Some(Arc::new(Surroundings::of(rules, scratch.path.clone(), self.trust.confines()?)?)),
            false => None,
        };
        Ok(Job { references, ..self.means.job(now, rules, source, None, scratch, &|_, _| {}) })
    }
}

/// Where events come from.
enum From {
    Pipe(Input),
    Topic(Box<TopicInput>),
}

/// Where events go that pass.
enum To {
    Lines(LineSink),
    Topic(Box<TopicSink>),
}

/// Where events come from, and where they go.
struct Ends {
    from: From,
    good: To,
    bad: LineSink,
}

impl Ends {
    fn open(command: &StreamCommand) -> Result<Self, Fault> {
        let from = match Settings::is_meant_by(&command.events) {
            true => From::Topic(Box::new(TopicInput::open(&command.events, command.positions.as_deref(), command.drain)?)),
            false => From::Pipe(Input::open(&command.events)?),
        };
        let bad = LineSink::append_to(&command.bad)?;
        let good = match (&command.good, &command.kafka_out) {
            (_, Some(url)) => To::Topic(Box::new(TopicSink::open(url)?)),
            (Some(path), None) => To::Lines(LineSink::append_to(path)?),
            (None, None) => To::Lines(LineSink::standard_output()?),
        };
        Ok(Self { from, good, bad })
    }

    fn wait(&mut self, within: Duration, elapsed: Duration) -> Result<Arrival, Fault> {
        match &mut self.from {
            From::Pipe(input) => input.wait(within),
            From::Topic(topic) => topic.wait(within, elapsed),
        }
    }

    /// What was read and not yet judged, and where it comes from.
    fn lines(&self) -> (&[u8], Places<'_>) {
        match &self.from {
            From::Pipe(input) => (input.lines(), Places::Lines),
            From::Topic(topic) => (topic.lines(), Places::Records(topic.records())),
        }
    }

    fn passed(&self) -> u64 {
        match &self.good {
            To::Lines(sink) => sink.lines,
            To::Topic(sink) => sink.lines,
        }
    }

    fn pass_on(&mut self, out: &Output, now: DateTime<Utc>) -> Result<(), Fault> {
        match (&mut self.good, &self.from) {
            (To::Lines(sink), _) => sink.write(&out.good),
            (To::Topic(sink), From::Pipe(_)) => sink.write(out, None, now.timestamp_millis()),
            (To::Topic(sink), From::Topic(topic)) => sink.write(out, Some(topic.records()), now.timestamp_millis()),
        }
    }

    fn take(&mut self, bytes: usize, events: u64) {
        match &mut self.from {
            From::Pipe(input) => input.take(bytes),
            From::Topic(topic) => topic.take(bytes, usize::try_from(events).unwrap_or(usize::MAX)),
        }
    }

    /// Makes sure that whoever goes on begins behind what was read.
    fn leave(&mut self) -> Result<(), Fault> {
        match &mut self.from {
            From::Pipe(input) => input.end_of_line(LINE_END_PATIENCE),
            From::Topic(_) => Ok(()),
        }
    }

    /// Keeps how far a topic was read, once what became of its events cannot be lost.
    fn settle(&mut self, elapsed: Duration, at_once: bool) -> Result<(), Fault> {
        let From::Topic(topic) = &mut self.from else { return Ok(()) };
        if !topic.is_to_settle(elapsed, at_once) {
            return Ok(());
        }
        self.bad.make_durable()?;
        match &self.good {
            To::Lines(sink) => sink.make_durable()?,
            // The brokers have acknowledged them.
            To::Topic(_) => {}
        }
        topic.settle(elapsed)
    }
}

/// The time of the run.
#[derive(Clone, Copy)]
struct Clock {
    began: DateTime<Utc>,
    started: Instant,
}

impl Clock {
    fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// The time so long behind the beginning, to a millisecond.
    fn at(self, elapsed: Duration) -> DateTime<Utc> {
        let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        TimeDelta::try_milliseconds(millis).and_then(|elapsed| self.began.checked_add_signed(elapsed)).unwrap_or(self.began)
    }
}

/// Why a stream ended.
enum Ended {
    /// The input did.
    Input,
    /// Someone asked for it; with the exit code that says so.
    Asked(u8),
}

/// A stream under way.
struct Running<'a> {
    stream: Stream,
    ends: Ends,
    stop: &'a Stop,
    summary: Option<Remembered>,
    clock: Clock,
    /// When the window under way began.
    opened: Duration,
    to: SyncSender<(Window, Span)>,
}

impl Running<'_> {
    fn until_the_end(mut self) -> Result<Ended, Fault> {
        let mut out = Output::default();
        let ended = loop {
            if let Some(code) = self.stop.exit_code() {
                self.ends.leave()?;
                self.judge_lines(&mut out)?;
                break Ended::Asked(code);
            }
            let arrival = self.ends.wait(self.patience(), self.clock.elapsed())?;
            self.judge_lines(&mut out)?;
            self.ends.settle(self.clock.elapsed(), false)?;
            if arrival == Arrival::End {
                break Ended::Input;
            }
            if let Some(Remembered::Millis(millis)) = self.summary
                && (self.clock.elapsed() - self.opened).as_millis() >= u128::from(millis)
            {
                self.end_window();
            }
        };
        self.ends.settle(self.clock.elapsed(), true)?;
        if self.stream.events_in_window() > 0 || self.stream.is_in_first_window() {
            self.end_window();
        }
        Ok(ended)
    }

    /// How long events are waited for before something else is looked at.
    fn patience(&self) -> Duration {
        match self.summary {
            Some(Remembered::Millis(millis)) => {
                let over = self.opened + Duration::from_millis(millis);
                over.saturating_sub(self.clock.elapsed()).clamp(Duration::from_millis(1), PATIENCE)
            }
            Some(Remembered::Events(_)) | None => PATIENCE,
        }
    }

    /// Judges and writes all whole lines that were read.
    fn judge_lines(&mut self, out: &mut Output) -> Result<(), Fault> {
        let read = self.clock.elapsed();
        loop {
            let (lines, places) = self.ends.lines();
            if lines.is_empty() {
                return Ok(());
            }
            let piece = match self.summary {
                Some(Remembered::Events(events)) => first_lines(lines, events - self.stream.events_in_window()),
                Some(Remembered::Millis(_)) | None => lines,
            };
            let (bytes, before) = (piece.len(), self.stream.lines());
            let millis = u64::try_from(read.as_millis()).unwrap_or(u64::MAX);
            let judged = self.stream.judge(piece, places, millis, out);
            judged.map_err(|fault| self.stopped(fault, before + 1))?;
            if let Err(fault) = self.ends.bad.write(&out.bad) {
                return Err(self.stopped(fault, before + 1));
            }
            let passed = self.ends.passed();
            if let Err(fault) = self.ends.pass_on(out, self.clock.at(read)) {
                let written = usize::try_from(self.ends.passed() - passed).unwrap_or(usize::MAX);
                let first = out.good_lines.get(written).map_or(before + 1, |line| before + 1 + u64::from(*line));
                return Err(self.stopped(fault, first));
            }
            let took = (self.clock.elapsed() - read).as_micros();
            self.stream.written(out.events, u64::try_from(took).unwrap_or(u64::MAX));
            self.ends.take(bytes, out.events);
            if self.summary == Some(Remembered::Events(self.stream.events_in_window())) {
                self.end_window();
            }
        }
    }

    /// The fault, with what was done before it; no event from the line `first` on was passed on.
    fn stopped(&self, fault: Fault, first: u64) -> Fault {
        let (judged, good, bad) = (self.stream.events(), self.ends.passed(), self.ends.bad.lines);
        let done = format!("{} judged, {} passed on, {} set aside", counted(judged, "event"), count(good), count(bad));
        Fault { what: format!("{}; {done}; none was passed on from line {} on", fault.what, count(first)), ..fault }
    }

    fn end_window(&mut self) {
        let ended = self.clock.elapsed();
        let seconds = (ended - self.opened).as_secs_f64();
        let span = Span { began: self.clock.at(self.opened), ended: self.clock.at(ended), seconds };
        self.opened = ended;
        // Whoever makes reports ends after this one.
        self.to.send((self.stream.end_window(), span)).unwrap_or_default();
    }
}

/// The first so many lines of a text.
fn first_lines(text: &[u8], lines: u64) -> &[u8] {
    let lines = usize::try_from(lines.max(1)).unwrap_or(usize::MAX);
    memchr::memchr_iter(b'\n', text).nth(lines - 1).map_or(text, |end| &text[..=end])
}
