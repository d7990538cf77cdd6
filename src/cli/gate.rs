//! `sluicegate gate`

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::run::{self, Run, surroundings};
use crate::audit::Job;
use crate::diagnostic::{Fault, Faults, Place};
use crate::gate::{self, PublishedTable, Request};
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::{RuleFile, TableFormat};
use crate::store::{self, Destination, Location, Quarantine};
use crate::verdict::Verdict;

/// Options of `gate`.
#[derive(Debug, Args)]
pub struct Gate {
    #[command(flatten)]
    run: Run,
    /// Where passing rows go: a path ending in .parquet is one file, any other, or s3://BUCKET/PATH, a Delta table
    #[arg(long, value_name = "PATH")]
    publish: Option<String>,
    /// How a directory keeps batches: delta (unless it holds plain parts already), or parquet, one part a batch
    #[arg(long, value_name = "FORMAT")]
    publish_format: Option<PublishFormat>,
    /// The directory for rows set aside; beside the destination if nothing names it
    #[arg(long, value_name = "PATH")]
    quarantine: Option<String>,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PublishFormat {
    Delta,
    Parquet,
}

impl Gate {
    pub fn run(self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            store::kill::at_step(step);
        }
        let mode = if self.dry_run { Mode::DryRun } else { Mode::Gate };
        let judge = |rules: &RuleFile, job: Job<'_>| {
            let request = self.request(rules)?;
            gate::gate(&Job { published: Some(request.table.clone()), ..job }, &request)
        };
        run::run(&self.run, mode, judge, |report| self.exit_code(report))
    }

    fn request(&self, rules: &RuleFile) -> Result<Request, Faults> {
        let section = &rules.sections.gate;
        let Some(publish) = self.publish.as_ref().or(section.publish.as_ref()) else {
            let fault = Fault::new("nothing says where to publish").at(Place::file(&rules.path));
            return Err(fault.hint("give `--publish PATH`, or `gate: { publish: … }` in the rule file").into());
        };
        let format = self.publish_format.map(|format| match format {
            PublishFormat::Delta => TableFormat::Delta,
            PublishFormat::Parquet => TableFormat::Parquet,
        });
        let surroundings = surroundings();
        let publish = Destination::new(Location::new(publish, &surroundings)?, format.or(section.format))?;
        let quarantine = match self.quarantine.as_ref().or(section.quarantine.as_ref()) {
            Some(path) => Quarantine { directory: Location::new(path, &surroundings)? },
            None => Quarantine::beside(&publish),
        };
        if quarantine.directory == *publish.location() {
            return Err(Fault::new("published and quarantined rows have the same destination").into());
        }
        let (supersede, dry_run) = (self.supersede, self.dry_run);
        let (batch_id, destination) = (self.run.batch_id.clone(), publish.clone());
        let table = PublishedTable::new(&rules.sections.dataset, batch_id.as_deref(), move || Ok(destination.clone()));
        Ok(Request { publish, table, quarantine, batch_id, supersede, dry_run, as_of: self.run.clock() })
    }

    fn exit_code(&self, report: &Report) -> u8 {
        match report.verdict {
            Verdict::Quarantine if self.run.strict => 1,
            Verdict::Accept | Verdict::Quarantine => u8::from(self.run.strict && report.has_warnings),
            Verdict::Reject => 1,
            Verdict::Undecided => 2,
        }
    }
}
