//! `sluicegate replay`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::choices::Choices;
use super::destinations::{Destinations, beside};
use super::exit::ExitCode;
use super::output;
use super::references::{OnlyKeys, Surroundings};
use super::run::{Means, Trust, ensure_mask_key, read_rules_with};
use super::scratch::Scratch;
use crate::audit::{Job, References};
use crate::diagnostic::Faults;
use crate::gate::replay::{self, Mended, Replayed, Request};
use crate::report::model::Release;
use crate::rules::published::Published;
use crate::shown::{counted, minute};
use crate::source::Source;
use crate::store;
use crate::verdict::Verdict;
use crate::visible::{self, MESSAGE_MAX, NAME_MAX};

/// Options of `replay`.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Ids of batches; all of the data set that left rows if none is named
    batches: Vec<String>,
    /// The rule file, as it is now
    #[arg(short, long, value_name = "RULES")]
    rules: String,
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    destinations: Destinations,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    trust: Trust,
    /// Rows that were taken out and mended (.csv, .ndjson, .parquet): they take the place of those set aside, and join their
    /// batch if they pass
    #[arg(long, value_name = "FILE")]
    mended: Option<PathBuf>,
    /// Judge, and say what would be done; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Kills the process at a step of the publish, for tests of what a crash leaves
    #[arg(long, value_name = "N", hide = true)]
    die_at_step: Option<u64>,
}

impl Replay {
    pub(super) fn run(self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            store::kill::at_step(step);
        }
        match self.replay() {
            Ok(code) => code,
            Err(faults) => {
                output::complain(&faults);
                ExitCode::from(2)
            }
        }
    }

    fn replay(&self) -> Result<ExitCode, Faults> {
        let now = self.means.clock();
        let mut rules = read_rules_with(&self.rules, self.trust.confines()?.as_ref(), &self.choices.choices())?;
        ensure_mask_key(&rules)?;
        let (publish, quarantine) = self.destinations.open(&rules, self.trust.confines()?.as_ref())?;
        beside(&mut rules, publish.as_ref(), Some("a replay"))?;
        let spill = Scratch::new()?;
        let mended = self.mended.as_ref().map(|path| Mended::open(path, &rules, &spill.path)).transpose()?;
        let parts = match &mended {
            None => replay::parts(&rules, &quarantine, &self.batches)?,
            Some(mended) => replay::parts_of_mended(&rules, &quarantine, mended, &self.batches)?,
        };
        match &self.mended {
            None if parts.is_empty() => {
                let (place, dataset) = (quarantine.directory.to_string(), visible::cut(&rules.sections.dataset, NAME_MAX));
                output::print(&format!("{}: no rows of `{dataset}` are set aside\n", visible::line(&place)));
            }
            Some(path) if parts.is_empty() => {
                output::print(&format!("{}: there are no rows in it\n", visible::line(&path.display().to_string())));
            }
            None | Some(_) => {}
        }
        // Rows that come back are too few to be compared with other data; their keys can be looked for there.
        let keys: Arc<dyn References> = Arc::new(OnlyKeys(Surroundings::of(&rules, spill.path.clone(), self.trust.confines()?)?));
        let job = |source: Arc<dyn Source>, table: Arc<dyn Published>| Job {
            references: Some(keys.clone()),
            ..self.means.job(now, &rules, source, Some(table), &spill, &|_, _| {})
        };
        let (scratch, dry_run, waiting) = (spill.path.as_path(), self.dry_run, self.destinations.waiting());
        let mended = mended.as_ref();
        let request = Request { rules: &rules, publish, quarantine, job: &job, release: None, mended, scratch, dry_run, waiting };
        let (mut faults, mut worst) = (Faults::default(), 0);
        for part in &parts {
            if let Some(replayed) = faults.take_all(replay::replay(&request, part)) {
                worst = worst.max(exit_code(&replayed));
                output::print(&self.said(&visible::line(&part.stamp.batch_id), &replayed));
            }
        }
        faults.or_ok(ExitCode::from(worst))
    }

    fn said(&self, batch: &str, replayed: &Replayed) -> String {
        let Replayed { verdict, reasons, released, pass, stay, unreadable, published_failing, not_mended, joined_before, warnings, .. } =
            replayed;
        let of_mended = if self.mended.is_some() { "mended " } else { "" };
        let mut text = match verdict {
            Verdict::Reject | Verdict::Undecided if released.is_none() => {
                let why = if *verdict == Verdict::Reject { "is rejected" } else { "cannot be decided on" };
                format!("{batch}: nothing published: the batch as a whole {why}; {} stay set aside", counted(pass + stay, "row"))
            }
            Verdict::Accept | Verdict::Quarantine | Verdict::Reject | Verdict::Undecided => {
                let does = if self.dry_run { "would be published" } else { "published" };
                format!("{batch}: {} {does}, {stay} set aside as before", counted(*pass, &format!("{of_mended}row")))
            }
        };
        if let Some(Release { by, at, .. }) = released {
            text += &format!("; rejected, and released by {} at {}", visible::cut(by, NAME_MAX), minute(at));
        }
        if *unreadable > 0 {
            text += &format!("; {unreadable} of them could not be read, and cannot be judged again");
        }
        if *joined_before > 0 {
            text += &format!("; {} joined before", counted(*joined_before, "mended row"));
        }
        if *published_failing > 0 {
            text += &format!("; {} published before fail now, and stay", counted(*published_failing, "row"));
        }
        text.push('\n');
        if matches!(verdict, Verdict::Reject | Verdict::Undecided) {
            reasons.iter().for_each(|reason| text += &format!("  {}\n", visible::cut(reason, MESSAGE_MAX)));
        }
        for (place, row, why) in not_mended {
            let why = visible::cut(why, MESSAGE_MAX);
            text += &format!("  {}: {} stays set aside as it was; {why}\n", visible::line(place), visible::line(row));
        }
        for warning in warnings {
            text += &format!("  warning: {}\n", visible::cut(warning, visible::MESSAGE_MAX));
        }
        text
    }
}

fn exit_code(replayed: &Replayed) -> u8 {
    match replayed.verdict {
        Verdict::Accept | Verdict::Quarantine => 0,
        Verdict::Reject => u8::from(replayed.released.is_none()),
        Verdict::Undecided => 2,
    }
}
