//! Where rows go: options that `gate` and `replay` have in common.

use clap::{Args, ValueEnum};

use super::output;
use super::run::surroundings;
use crate::confines::Confines;
use crate::diagnostic::{Fault, Faults, Place};
use crate::rules::words::Duration;
use crate::ruleset::{RuleFile, TableFormat};
use crate::store::{Destination, Location, Quarantine, Waiting};

/// Lets `rules` judge rows for `publish`, by what the table there promises; `removes` takes rows out of it.
///
/// # Errors
/// The table promises what is not kept, or keeps its rows.
pub fn beside(rules: &mut RuleFile, publish: &Destination, removes: Option<&str>) -> Result<(), Faults> {
    let Destination::Delta(_) = publish else { return Ok(()) };
    let terms = publish.terms()?;
    if let (Some(terms), Some(removes)) = (&terms, removes) {
        terms.refuse_removal(removes)?;
    }
    rules.beside(terms);
    Ok(())
}

/// What in the rule file takes rows out of a table.
pub fn replaces(rules: &RuleFile) -> Option<&'static str> {
    rules.sections.gate.replace.as_ref().map(|_| "`gate: { replace: … }`")
}

/// Options that name places; the rule file's `gate` section names them too.
#[derive(Debug, Args)]
pub struct Destinations {
    /// Where passing rows go: a path ending in .parquet is one file, any other, or s3://BUCKET/PATH, a Delta table
    #[arg(long, value_name = "PATH")]
    publish: Option<String>,
    /// How a directory keeps batches: delta (unless it holds plain parts already), or parquet, one part a batch
    #[arg(long, value_name = "FORMAT")]
    publish_format: Option<PublishFormat>,
    /// The directory for rows set aside; beside the destination if nothing names it
    #[arg(long, value_name = "PATH")]
    quarantine: Option<String>,
    /// How long to wait for other gates that publish to the same place
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = patience)]
    lock_timeout: std::time::Duration,
}

fn patience(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse::<Duration>()?.seconds;
    Ok(std::time::Duration::from_secs(seconds.unsigned_abs()))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PublishFormat {
    Delta,
    Parquet,
}

impl Destinations {
    /// How long to wait for other gates.
    pub fn waiting(&self) -> Waiting {
        Waiting { limit: self.lock_timeout, tell: output::note }
    }

    /// The paths that these options name, or `rules`.
    pub fn named(&self, rules: &RuleFile) -> Vec<String> {
        let section = &rules.sections.gate;
        let publish = self.publish.as_ref().or(section.publish.as_ref());
        publish.into_iter().chain(self.quarantine.as_ref().or(section.quarantine.as_ref())).cloned().collect()
    }

    /// The places that these options name, or `rules` within `confines`.
    ///
    /// # Errors
    /// Nothing names a destination, or it cannot be one.
    pub fn open(&self, rules: &RuleFile, confines: Option<&Confines>) -> Result<(Destination, Quarantine), Faults> {
        let section = &rules.sections.gate;
        let Some(publish) = self.publish.as_ref().or(section.publish.as_ref()) else {
            let fault = Fault::new("nothing says where to publish").at(Place::file(&rules.path));
            return Err(fault.hint("give `--publish PATH`, or `gate: { publish: … }` in the rule file").into());
        };
        let allow = |path: &str| confines.map_or(Ok(()), |confines| confines.allow(path)).map_err(|e| e.at(Place::file(&rules.path)));
        if self.publish.is_none() {
            confines.map_or(Ok(()), |confines| confines.allow_table(publish)).map_err(|e| e.at(Place::file(&rules.path)))?;
        }
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
        match (&self.quarantine, &section.quarantine) {
            (Some(_), _) => {}
            (None, Some(path)) => allow(path)?,
            (None, None) if self.publish.is_none() => allow(&quarantine.directory.to_string())?,
            (None, None) => {}
        }
        if quarantine.directory == *publish.location() {
            return Err(Fault::new("published and quarantined rows have the same destination").into());
        }
        publish.refuse_inside(&quarantine)?;
        Ok((publish, quarantine))
    }
}
