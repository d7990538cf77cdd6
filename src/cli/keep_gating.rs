//! `sluicegate gate` over batches that keep coming: a topic, a watched directory, data that is read again and again.

use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;

use super::gate::{Batch, Gate, is_unchanged};
use super::output;
use super::run::Begun;
use super::scratch::Scratch;
use super::signals::Stop;
use crate::diagnostic::{Code, Fault, Faults};
use crate::feed::{Arrival, Data, Feed, Next};
use crate::gate::Moving;
use crate::report::Report;
use crate::report::model::PublicationState;
use crate::ruleset::RuleFile;
use crate::source::{self, ReadOptions, Source};
use crate::store::{Quarantine, Store};

/// Where all batches of a run go, and what they have in common.
struct Run {
    publish: Arc<dyn Store>,
    quarantine: Quarantine,
    scratch: Scratch,
    /// Kept from batch to batch: schemas that were asked for stay known.
    options: ReadOptions,
    moving: Moving,
    feed: Box<dyn Feed>,
}

impl Gate {
    /// Gates one batch after the other until no other comes, one does not pass, or someone asks to stop.
    pub(super) fn keep_gating(&self, mut begun: Begun<'_>, names: Vec<String>) -> ExitCode {
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
        ExitCode::from(stop.exit_code().unwrap_or(worst))
    }

    fn open_run(&self, begun: &mut Begun<'_>, names: Vec<String>) -> Result<Run, Faults> {
        let rules = begun.rules()?;
        let (publish, quarantine) = self.destinations.open(rules, self.options.trust.confines()?.as_ref())?;
        let (scratch, options) = (Scratch::new()?, self.read_options(rules)?);
        let feed = self.feeds.open(names, &mut |applications| publish.positions(applications))?;
        let moving = Moving { positions: Vec::new(), seen: Arc::default() };
        Ok(Run { publish, quarantine, scratch, options, moving, feed })
    }

    /// Gates one batch; none if another gate has published its events.
    fn gate_one(&self, begun: &mut Begun<'_>, run: &mut Run, arrival: &mut Arrival) -> Result<Option<Done>, Faults> {
        let moving = Some(Moving { positions: std::mem::take(&mut arrival.positions), ..run.moving.clone() });
        let opening = Opening { gate: self, run, data: RefCell::new(std::mem::replace(&mut arrival.data, Data::Named(Vec::new()))) };
        let batch = Batch {
            id: arrival.id.clone().or_else(|| self.options.batch_id.clone()),
            data: &|rules: &RuleFile| opening.open(rules),
            moving: moving.filter(|moving| !moving.positions.is_empty()),
            remembered: run.options.http.remembered.clone(),
            publish: &run.publish,
            quarantine: &run.quarantine,
            scratch: &run.scratch,
        };
        let judged = self.judge_batch(begun, &batch);
        match judged {
            Err(faults) if faults.0.iter().any(|fault| fault.code == Code::MovedOn) => {
                run.begin_anew()?;
                Ok(None)
            }
            Err(faults) if is_unchanged(&faults) => {
                self.unchanged();
                Ok(None)
            }
            judged => {
                let halts = judged.as_ref().map_or(true, is_withheld);
                // What was set aside as a whole is dealt with.
                let code = begun.tell(self.mode(), judged, |report| self.exit_code_among(report), &output::show_briefly);
                if halts {
                    output::note(&format!("halted at {}: nothing of it was published, and nothing behind it is read", arrival.name));
                } else {
                    run.feed.settled(arrival)?;
                }
                Ok(Some(Done { code, halts }))
            }
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy)]
struct Done {
    code: u8,
    /// No other batch follows.
    halts: bool,
}

fn is_withheld(report: &Report) -> bool {
    report.publication.as_ref().is_none_or(|done| done.state == PublicationState::Withheld)
}

/// What opens the data of a batch, once.
struct Opening<'a> {
    gate: &'a Gate,
    run: &'a Run,
    data: RefCell<Data>,
}

impl Opening<'_> {
    fn open(&self, rules: &RuleFile) -> Result<Arc<dyn Source>, Faults> {
        let Run { options, scratch, .. } = self.run;
        match self.data.replace(Data::Named(Vec::new())) {
            Data::Named(names) => self.gate.options.open_names(&names, rules, options, scratch),
            Data::Events(name, events) => Ok(source::events(events, &name, options, &rules.contract())?),
        }
    }
}

impl Run {
    /// Goes on from where the table is now.
    fn begin_anew(&mut self) -> Result<(), Fault> {
        let publish = self.publish.clone();
        self.feed.moved_on(&mut |applications| publish.positions(applications))
    }
}
