//! `sluicegate release`

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Args;

use super::begun::Begun;
use super::destinations::{Destinations, beside};
use super::exit::ExitCode;
use super::gate::Gate;
use super::output::{self, OutputOptions, Printed};
use super::run::{self, RunOptions};
use super::scratch::Scratch;
use crate::diagnostic::{Code, Fault, Faults};
use crate::gate::AskedRelease;
use crate::gate::replay::{self, Request};
use crate::history::History;
use crate::kafka::Settings;
use crate::quarantine::{self, Part};
use crate::report::Report;
use crate::rules::published::Published;
use crate::ruleset::RuleFile;
use crate::shown::minute;
use crate::source::Source;
use crate::store::{self, Quarantine, Store};
use crate::visible::{self, NAME_MAX};

/// Options of `release`.
#[derive(Debug, Args)]
pub(super) struct Release {
    /// The batch, as its report names it
    batch: String,
    /// Why it may pass
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who decides so
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Up to when it may be published (RFC 3339, or a day, which counts); what is published by then stays
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<DateTime<Utc>>,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    destinations: Destinations,
    /// Let the batch take the place of another under its id
    #[arg(long)]
    supersede: bool,
    /// Judge, and say what would be done; write nothing but reports
    #[arg(long)]
    dry_run: bool,
    /// Kills the process at a step of the publish, for tests of what a crash leaves
    #[arg(long, value_name = "N", hide = true)]
    die_at_step: Option<u64>,
}

/// Reads a time of the command line; a day goes on to its end.
fn until(text: &str) -> Result<DateTime<Utc>, String> {
    let time = run::time(text)?;
    Ok(if text.parse::<NaiveDate>().is_ok() { time + TimeDelta::days(1) - TimeDelta::milliseconds(1) } else { time })
}

impl Release {
    pub(super) fn run(mut self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            store::kill::at_step(step);
        }
        let given = self.options.batch_id.take();
        let asked = self.asked(given.as_deref());
        // An id that somebody gave may look like one that follows from the content.
        if !is_derived(&self.batch) || given.is_some() {
            self.options.batch_id = Some(self.batch.clone());
        }
        let Self { options, output, destinations, supersede, dry_run, .. } = self;
        let gate = Gate::releasing(options, output, destinations, supersede, dry_run);
        let mut begun = Begun::new(&gate.options);
        begun.print_as(Printed::of(gate.output));
        let judged = asked.map_err(Faults::from).and_then(|asked| release(&gate, &mut begun, asked));
        match judged {
            Ok(None) => ExitCode::SUCCESS,
            Ok(Some(report)) => begun.end(gate.mode(), Ok(report), |report| gate.exit_code(report)),
            Err(faults) => {
                // Nothing was judged: what is recorded of the batch stays the last word on it.
                begun.leave_unrecorded();
                begun.end(gate.mode(), Err(faults), |_| 2)
            }
        }
    }

    /// What is asked for.
    fn asked(&self, given: Option<&str>) -> Result<AskedRelease, Fault> {
        let refused = |what: &str, hint: &str| Err(Fault::new(Code::MalformedOption, what.to_owned()).hint(hint));
        let (reason, by) = (self.reason.trim(), self.by.trim());
        if given.is_some_and(|given| given != self.batch) {
            return refused("`--batch-id` names another batch than the one to be released", "leave it out");
        }
        if reason.is_empty() || by.is_empty() {
            return refused("a release says why, and who decides so", "give `--reason TEXT` and `--by NAME`");
        }
        if self.until.is_some_and(|until| until < self.options.clock()) {
            return refused("`--until` is over already", "name a time to come, or leave it out: then the release has no end");
        }
        Ok(AskedRelease { batch: self.batch.clone(), reason: reason.to_owned(), by: by.to_owned(), until: self.until })
    }
}

/// Whether a batch of this id was given none: then it follows from the content.
fn is_derived(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Publishes the batch, from where its rows are: its data, or the quarantine where it was set aside as a whole. Nothing is
/// reported of a batch whose rows have left the quarantine for a release before.
fn release(gate: &Gate, begun: &mut Begun<'_>, asked: AskedRelease) -> Result<Option<Report>, Faults> {
    let names = gate.begin(begun)?;
    let rules = begun.rules()?;
    let (publish, quarantine) = gate.destinations.open(rules, gate.options.trust.confines()?.as_ref())?;
    let has_data = !gate.options.data.is_empty();
    if let Some(part) = replay::part_set_aside_whole(rules, &quarantine, &asked.batch)? {
        if has_data {
            let fault = Fault::new(Code::ConflictingOptions, format!("batch `{}` is set aside as a whole: {}", asked.batch, part.place));
            return Err(fault.hint("its rows come from there: leave the data out").into());
        }
        if gate.options.failing_rows.is_some() {
            let fault = Fault::new(Code::ConflictingOptions, format!("the rows of batch `{}` are in the quarantine already", asked.batch));
            return Err(fault.hint("leave `--failing-rows` out; `sluicegate quarantine export` takes them out").into());
        }
        if part.stamp.rules_digest != format!("{:032x}", rules.digest) {
            output::note(&format!("batch {} was set aside under other rules; it is judged by the rules as they are now", asked.batch));
        }
        return from_quarantine(gate, begun, &asked, (publish, quarantine), &part).map(Some);
    }
    // What the rule file calls the data is the batch of today; only one whose id follows from the content cannot be mistaken.
    if names.is_empty() || !has_data && !is_derived(&asked.batch) {
        let before = released_before(rules, &quarantine, &asked.batch)?;
        let before = before.ok_or_else(|| nothing_to_release(&quarantine, &asked.batch))?;
        match Printed::of(gate.output).is_json() {
            true => output::note(before.trim_end()),
            false => output::print(&before),
        }
        return Ok(None);
    }
    if names.iter().any(|name| Settings::is_meant_by(name)) {
        let fault = Fault::new(Code::NotReleasable, "a batch of a topic cannot be read again as it was");
        return Err(fault
            .hint("let the gate set it aside with `--on-reject dead-letter`; then release it from there, without data")
            .into());
    }
    if let Some(history) = begun.history().cloned() {
        say_what_changed(&history, begun.rules()?, &asked.batch);
    }
    gate.judge(begun, Some(asked)).map(Some)
}

/// What is said where rows of the batch have left the quarantine for a release before; none if there is no such batch.
fn released_before(rules: &RuleFile, quarantine: &Quarantine, batch: &str) -> Result<Option<String>, Fault> {
    let parts = if quarantine.is_there()? { quarantine::listing(quarantine)?.parts } else { Vec::new() };
    for part in parts.iter().filter(|part| part.stamp.batch_id == batch && part.stamp.dataset == rules.sections.dataset) {
        if let Some(release) = quarantine.releases(&part.stamp)?.pop() {
            let (by, at) = (visible::cut(&release.by, NAME_MAX), minute(&release.at));
            return Ok(Some(format!("batch {} was released before, by {by} at {at}: nothing was changed\n", visible::line(batch))));
        }
    }
    Ok(None)
}

fn nothing_to_release(quarantine: &Quarantine, batch: &str) -> Fault {
    let what = format!("{}: batch `{batch}` is not set aside as a whole, and no data is named", quarantine.directory);
    let hint = format!("a rejected batch is where it came from: `sluicegate release {batch} DATA … -r RULES`");
    Fault::new(Code::UnknownBatch, what).hint(hint)
}

/// Publishes what passes of a batch that was set aside as a whole.
fn from_quarantine(
    gate: &Gate,
    begun: &mut Begun<'_>,
    asked: &AskedRelease,
    (publish, quarantine): (Arc<dyn Store>, Quarantine),
    part: &Part,
) -> Result<Report, Faults> {
    let now = begun.now;
    let rules = begun.rules()?;
    beside(rules, publish.as_ref(), Some("a release out of the quarantine"))?;
    let rules = &*rules;
    let scratch = Scratch::new()?;
    let job = |source: Arc<dyn Source>, table: Arc<dyn Published>| gate.options.job(now, rules, source, Some(table), &scratch, &|_, _| {});
    let request = Request {
        rules,
        publish,
        quarantine,
        job: &job,
        release: Some(asked),
        mended: None,
        scratch: &scratch.path,
        dry_run: gate.is_dry(),
        waiting: gate.destinations.waiting(),
    };
    let replayed = replay::replay(&request, part)?;
    let mut report = replayed.report.ok_or_else(|| Fault::new(Code::Internal, "internal error: nothing was judged"))?;
    if let Some(publication) = &mut report.publication {
        publication.warnings.extend(replayed.warnings);
    }
    Ok(report)
}

/// Says so where the batch was rejected by other rules than those it is released under.
fn say_what_changed(history: &History, rules: &RuleFile, batch: &str) {
    // What the history cannot tell changes nothing.
    let Ok(contents) = history.contents() else { return };
    let Some(last) = contents.runs.iter().rfind(|entry| entry.name.is_of_batch(batch)) else { return };
    let Some(Ok(report)) = history.read(&[&last.name]).pop() else { return };
    if report.batch.rules_digest != format!("{:032x}", rules.digest) {
        let when = minute(report.began.as_deref().unwrap_or_default());
        output::note(&format!("the rule file has changed since the run of {when}, which judged batch {batch} last"));
    }
}
