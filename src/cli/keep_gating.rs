//! `sluicegate gate` over batches that keep coming: a topic, a watched directory, data that is read again and again.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use super::begun::Begun;
use super::exit::ExitCode;
use super::gate::{Batch, Gate, is_unchanged};
use super::output::{self, Printed};
use super::scratch::Scratch;
use super::serve::{Health, Server};
use super::signals::Stop;
use crate::diagnostic::{Code, Fault, Faults};
use crate::feed::{Arrival, Data, Feed, Next};
use crate::gate::{self, Moving};
use crate::kafka::Settings;
use crate::report::Report;
use crate::report::model::PublicationState;
use crate::ruleset::{OnReject, RuleFile};
use crate::source::{self, ReadOptions, Source};
use crate::store::{Quarantine, Store};
use crate::windows::Windows;

/// Where all batches of a run go, and what they have in common.
struct Run {
    publish: Arc<dyn Store>,
    quarantine: Quarantine,
    scratch: Scratch,
    /// Kept from batch to batch: schemas that were asked for stay known.
    options: ReadOptions,
    moving: Moving,
    feed: Box<dyn Feed>,
    windows: Option<Windows>,
    health: Arc<Health>,
    /// Answers as long as the run goes on.
    _server: Option<Server>,
}

impl Gate {
    /// Gates one batch after the other until no other comes, one does not pass, or someone asks to stop.
    pub(super) fn keep_gating(&self, mut begun: Begun<'_>, names: Vec<String>) -> ExitCode {
        begun.print_as(Printed::of_many(self.output));
        let opened = Stop::listen().map_err(Faults::from).and_then(|stop| Ok((stop, self.open_run(&mut begun, names)?)));
        let (stop, mut run) = match opened {
            Ok(opened) => opened,
            Err(faults) => return begun.end(self.mode(), Err(faults), |_| 2),
        };
        let (mut worst, mut batches) = (0, 0);
        while self.feeds.batches.is_none_or(|max| batches < max) {
            run.feed.notes().iter().for_each(|note| output::note(note));
            let next = run.feed.next(&stop).map_err(Faults::from);
            let settled = match next {
                Ok(Next::End) => break,
                Ok(Next::Grown) => run.begin_anew().map_err(Faults::from).map(|()| None),
                Ok(Next::Batch(mut arrival)) => {
                    begun.renew();
                    self.gate_one(&mut begun, &mut run, &mut arrival)
                }
                Err(faults) => Err(faults),
            };
            match settled {
                // Another gate was faster: its events are not ours.
                Ok(None) => {}
                Ok(Some(done)) if done.halts => return ExitCode::from(done.code),
                Ok(Some(done)) => (worst, batches) = (worst.max(done.code), batches + 1),
                Err(faults) => return begun.end(self.mode(), Err(faults), |_| 2),
            }
        }
        run.feed.notes().iter().for_each(|note| output::note(note));
        match self.look_at_windows(&mut begun, &mut run, None) {
            Ok(last) => ExitCode::from(stop.exit_code().unwrap_or(worst.max(last.code))),
            Err(faults) => begun.end(self.mode(), Err(faults), |_| 2),
        }
    }

    fn open_run(&self, begun: &mut Begun<'_>, names: Vec<String>) -> Result<Run, Faults> {
        let rules = begun.rules()?;
        let (publish, quarantine) = self.destinations.open(rules, self.options.trust.confines()?.as_ref())?;
        let (scratch, options) = (Scratch::new()?, self.read_options(rules)?);
        let (health, server) = self.feeds.listen.open(&rules.sections.dataset)?;
        self.ensure_many(&names, rules)?;
        let mut feed = self.feeds.open(names, &mut |applications| publish.positions(applications))?;
        let begins = feed.begins();
        if !begins.is_empty() && !self.is_dry() {
            match gate::remember(rules, publish.as_ref(), &quarantine, &self.destinations.waiting(), &begins) {
                // Another gate begins at the same time: what it made the table remember holds for both.
                Err(fault) if fault.code != Code::MovedOn => return Err(fault.into()),
                Ok(()) | Err(_) => feed.moved_on(&mut |applications| publish.positions(applications))?,
            }
        }
        let moving = Moving { positions: Vec::new(), seen: Arc::default() };
        let windows = if self.is_dry() { None } else { Windows::new(rules, &|| self.options.read_rules_again())? };
        Ok(Run { publish, quarantine, scratch, options, moving, feed, windows, health, _server: server })
    }

    /// Refuses what only one batch can mean.
    fn ensure_many(&self, names: &[String], rules: &RuleFile) -> Result<(), Fault> {
        let refused = |what: &str, hint: &str| Err(Fault::new(Code::ConflictingOptions, what.to_owned()).hint(hint));
        if self.options.batch_id.is_some() {
            return refused("`--batch-id` names one batch, and many are gated", "leave it out: each batch has an id of its own");
        }
        if self.options.failing_rows.is_some() {
            return refused(
                "`--failing-rows` is the file of one batch, and many are gated",
                "leave it out: the quarantine holds the rows of each",
            );
        }
        if rules.sections.gate.replace.is_some() && names.iter().any(|name| Settings::is_meant_by(name)) {
            let hint = "leave it out, or merge rows by their key: `gate: { merge: { key: …, sequence: … } }`";
            return refused("with `replace` each micro-batch of a topic would take out the rows of those before it", hint);
        }
        Ok(())
    }

    /// Gates one batch; none if another gate has published its events.
    fn gate_one(&self, begun: &mut Begun<'_>, run: &mut Run, arrival: &mut Arrival) -> Result<Option<Done>, Faults> {
        let moving = Some(Moving { positions: std::mem::take(&mut arrival.positions), ..run.moving.clone() });
        // What a batch leaves in it goes with the batch.
        let scratch = run.scratch.within()?;
        let reached = positions(&moving);
        let data = std::mem::replace(&mut arrival.data, Data::Named(Vec::new()));
        let opening = Opening { gate: self, run, scratch: &scratch, data: RefCell::new(data), opened: RefCell::default() };
        let batch = Batch {
            id: arrival.id.clone().or_else(|| self.options.batch_id.clone()),
            data: &|rules: &RuleFile| opening.open(rules),
            moving: moving.filter(|moving| !moving.positions.is_empty()),
            release: None,
            remembered: run.options.http.remembered.clone(),
            publish: &run.publish,
            quarantine: &run.quarantine,
            scratch: &scratch,
        };
        run.health.begun();
        let began = Instant::now();
        let judged = self.judge_batch(begun, &batch);
        let opened = opening.opened.take();
        match &judged {
            Ok(report) => run.health.settled(report, began.elapsed()),
            Err(faults) if is_unchanged(faults) => run.health.unchanged(),
            Err(_) => run.health.dropped(),
        }
        match judged {
            Err(faults) if faults.0.iter().any(|fault| fault.code == Code::MovedOn) => {
                run.begin_anew()?;
                Ok(None)
            }
            Err(faults) if is_unchanged(&faults) => {
                self.unchanged();
                Ok(None)
            }
            Err(faults) if has_changed(&faults) && run.feed.comes_again() => {
                output::note(&format!("{} changed while it was being read: it is waited for", arrival.name));
                Ok(None)
            }
            judged => {
                let halts = judged.as_ref().map_or(true, is_withheld);
                // What is there already was in its windows before.
                let is_new = judged.as_ref().is_ok_and(|report| state(report) != Some(PublicationState::Unchanged));
                // What was set aside as a whole is dealt with.
                let code = begun.tell(self.mode(), judged, |report| self.exit_code_among(report));
                if halts {
                    output::note(&format!("halted at {}: nothing of it was published, and nothing behind it is read", arrival.name));
                } else {
                    // Before the file is moved away.
                    let by_window = match opened.filter(|_| is_new) {
                        Some(opened) => self.look_at_windows(begun, run, Some(&opened))?,
                        None => Done { code: 0, halts: false },
                    };
                    if self.is_dry() {
                        run.feed.pass_over(arrival);
                    } else {
                        run.feed.settled(arrival)?;
                    }
                    run.health.reached(run.feed.lag(), reached);
                    return Ok(Some(Done { code: code.max(by_window.code), halts: by_window.halts }));
                }
                Ok(Some(Done { code, halts }))
            }
        }
    }
}

impl Gate {
    /// Judges the windows that are whole now that a batch is there; at the end, all that are left.
    fn look_at_windows(&self, begun: &mut Begun<'_>, run: &mut Run, batch: Option<&Arc<dyn Source>>) -> Result<Done, Faults> {
        let mut done = Done { code: 0, halts: false };
        let Some(windows) = &mut run.windows else { return Ok(done) };
        let now = begun.now;
        let means = self.options.window_means(now, begun.rules()?, &run.scratch)?;
        let told = match batch {
            Some(batch) => windows.take(batch, &means)?,
            None => windows.end(&means)?,
        };
        told.notes.iter().for_each(|note| output::note(note));
        let halts = self.feeds.on_reject(begun.rules()?.sections.gate.on_reject) == OnReject::Halt;
        for report in &told.reports {
            output::show(report, Printed::of_many(self.output), self.options.quiet, self.options.verbose);
            let code = self.exit_code(report);
            if code > 0 && halts && batch.is_some() {
                output::note(&format!("halted: {} does not pass; its events are published", report.batch.id));
                done.halts = true;
            }
            done.code = done.code.max(code);
        }
        Ok(done)
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy)]
struct Done {
    code: u8,
    /// No other batch follows.
    halts: bool,
}

/// Whether the data changed, or went, while it was read.
fn has_changed(faults: &Faults) -> bool {
    faults.0.iter().any(|fault| matches!(fault.code, Code::FileChanged | Code::FileNotFound))
}

fn state(report: &Report) -> Option<PublicationState> {
    report.publication.as_ref().map(|done| done.state)
}

fn is_withheld(report: &Report) -> bool {
    state(report).is_none_or(|state| state == PublicationState::Withheld)
}

/// Where the table is once the batch is there.
fn positions(moving: &Option<Moving>) -> Vec<(String, i64)> {
    let of = |moving: &Moving| moving.positions.iter().map(|to| (to.application.clone(), to.to)).collect();
    moving.as_ref().map(of).unwrap_or_default()
}

/// What opens the data of a batch, once.
struct Opening<'a> {
    gate: &'a Gate,
    run: &'a Run,
    scratch: &'a Scratch,
    data: RefCell<Data>,
    opened: RefCell<Option<Arc<dyn Source>>>,
}

impl Opening<'_> {
    fn open(&self, rules: &RuleFile) -> Result<Arc<dyn Source>, Faults> {
        let (options, scratch) = (&self.run.options, self.scratch);
        let opened = match self.data.replace(Data::Named(Vec::new())) {
            Data::Named(names) => self.gate.options.open_names(&names, rules, options, scratch)?,
            Data::Events(name, events) => source::events(events, &name, options, &rules.contract())?,
        };
        *self.opened.borrow_mut() = self.run.windows.as_ref().map(|_| opened.clone());
        Ok(opened)
    }
}

impl Run {
    /// Goes on from where the table is now.
    fn begin_anew(&mut self) -> Result<(), Fault> {
        let publish = self.publish.clone();
        self.feed.moved_on(&mut |applications| publish.positions(applications))
    }
}
