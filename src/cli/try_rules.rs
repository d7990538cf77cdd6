//! `sluicegate rules try`

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use super::choices::Meant;
use super::destinations::{beside, named_by, replaces};
use super::exit::ExitCode;
use super::output::{self, Form};
use super::progress::Progress;
use super::references::Surroundings;
use super::run::{Means, Trust, ensure_mask_key, read_options, read_rules_with};
use super::scratch::Scratch;
use super::try_shown;
use super::web::Web;
use crate::audit::{Budget, Job};
use crate::corrupt::{self, Sample, SampleLimits, Settings, Trial};
use crate::diagnostic::{Code, Fault, Faults};
use crate::gate::PublishedTable;
use crate::rules::published::Published;
use crate::rules::words::Share;
use crate::ruleset::RuleFile;
use crate::source::{self, ContractColumn, Format, ReadOptions, Source, Spool};
use crate::store::Store;

/// Bytes of cells that are held and spoilt.
const SAMPLE_BYTES_MAX: usize = 64 << 20;

/// Options of `rules try`.
#[derive(Debug, Args)]
pub(super) struct Try {
    /// Data that the rules accept: files, globs, directories; the rule file's `source.path` if left out
    data: Vec<String>,
    /// The rule file
    #[arg(short, long, value_name = "RULES")]
    rules: String,
    /// The data's format, whatever its name says
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    /// Only the first so many rows are used, and 64 MiB of them
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// The share of the rows that each error is made in; one row at least
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    share: Share,
    /// Decides which rows are spoilt, and how
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Exit with 1 if a smaller share of the errors is caught
    #[arg(long, value_name = "SHARE")]
    fail_under: Option<Share>,
    /// Text for people, or JSON; docs/try.md describes it
    #[arg(long, value_name = "text|json", value_enum, default_value_t = Form::Text, hide_possible_values = true)]
    output: Form,
    /// Also list what is caught, and by which rules
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    web: Web,
}

impl Try {
    pub(super) fn run(&self) -> ExitCode {
        let trial = match self.tried() {
            Ok(trial) => trial,
            Err(faults) => {
                output::complain(&faults);
                return ExitCode::from(2);
            }
        };
        match self.output {
            Form::Text => output::print(&try_shown::text(&trial, self.verbose)),
            Form::Json => match serde_json::to_string_pretty(&trial) {
                Ok(json) => output::print_own(&(json + "\n")),
                Err(e) => {
                    output::complain(&Fault::new(Code::Internal, format!("internal error: cannot write the trial as JSON: {e}")).into());
                    return ExitCode::from(2);
                }
            },
        }
        let Some(least) = self.fail_under else { return ExitCode::SUCCESS };
        let is_less = trial.of > 0 && least.decimal().compare_share(trial.caught, trial.of).is_lt();
        ExitCode::from(u8::from(is_less))
    }

    fn tried(&self) -> Result<Trial, Faults> {
        let now = self.means.clock();
        let rules = self.read_rules()?;
        ensure_mask_key(&rules)?;
        let scratch = Scratch::new()?;
        let budget = Arc::new(Budget::new(self.means.memory_limit.0, scratch.path.clone()));
        let publish = named_by(&rules, self.trust.confines()?.as_ref())?;
        let options = self.read_options(&rules)?;
        let sample = self.sample(&rules, &options, &scratch).map_err(|faults| rules.quiet(faults))?;
        let progress = Progress::of_steps();
        let means = corrupt::Means {
            judging: &Here { options: self, now, publish: publish.map(|(store, _)| store), scratch: &scratch, budget },
            scratch: &scratch.path,
            threads: self.means.threads(),
            progress: &|done, total| progress.step(done, total),
        };
        let settings = Settings { seed: self.seed, share: self.share.as_f64() };
        corrupt::trial(sample, settings, &means).map_err(|faults| rules.quiet(faults))
    }

    fn read_rules(&self) -> Result<RuleFile, Faults> {
        read_rules_with(&self.rules, self.trust.confines()?.as_ref(), &self.meant.choices())
    }

    fn read_options(&self, rules: &RuleFile) -> Result<ReadOptions, Faults> {
        let of_rules = read_options(rules)?;
        let confines = if self.data.is_empty() { self.trust.confines()? } else { None };
        Ok(ReadOptions { format: self.format.or(of_rules.format), confines, http: self.web.allow(of_rules.http.clone()), ..of_rules })
    }

    /// The first rows of the data.
    fn sample(&self, rules: &RuleFile, options: &ReadOptions, scratch: &Scratch) -> Result<Sample, Faults> {
        let of_rules = || rules.sections.source.path.iter().flat_map(|path| path.0.clone()).collect();
        let paths: Vec<String> = if self.data.is_empty() { of_rules() } else { self.data.clone() };
        if paths.iter().any(|path| path == "-") {
            let fault = Fault::new(Code::ConflictingOptions, "standard input can be read once, and a trial reads the data twice");
            return Err(fault.hint("write the data to a file, and name that").into());
        }
        let (spool, contract) = (Spool::new(&scratch.path), rules.contract());
        let mut data = source::open(&paths, options, &contract, &spool)?;
        if corrupt::holds_text(data.as_ref()) {
            // As it stands there, whatever it would be read as.
            let as_text = |field: &arrow::datatypes::FieldRef| ContractColumn {
                name: field.name().clone(),
                data_type: Some(arrow::datatypes::DataType::Utf8),
                format: None,
                is_strict: false,
            };
            let columns: Vec<ContractColumn> = data.schema().fields().iter().map(as_text).collect();
            data = source::open(&paths, options, &columns, &spool)?;
        }
        let limits = SampleLimits { rows: self.rows as usize, bytes: SAMPLE_BYTES_MAX };
        Ok(Sample::of(data, options, &contract, limits)?)
    }
}

/// With what the rules are judged here.
struct Here<'a> {
    options: &'a Try,
    now: DateTime<Utc>,
    publish: Option<Arc<dyn Store>>,
    scratch: &'a Scratch,
    /// For all judgements together.
    budget: Arc<Budget>,
}

impl corrupt::Judging for Here<'_> {
    fn rules(&self) -> Result<RuleFile, Faults> {
        let mut rules = self.options.read_rules()?;
        if let Some(store) = &self.publish {
            let removes = replaces(&rules);
            beside(&mut rules, store.as_ref(), removes)?;
        }
        Ok(rules)
    }

    fn job<'r>(&self, rules: &'r RuleFile, data: Arc<dyn Source>) -> Result<Job<'r>, Faults> {
        // Each judgement has its own: they remember which batch is judged.
        let replaces = rules.sections.gate.replace.as_ref().map(|replace| replace.partition.as_str());
        let table = self.publish.clone().map(|store| PublishedTable::new(rules, None, replaces, store));
        let comparable = Surroundings::of(rules, self.scratch.path.clone(), self.options.trust.confines()?)?;
        let references = comparable.beside(table.clone(), 1);
        let table = table.map(|table| -> Arc<dyn Published> { table });
        let job = self.options.means.job(self.now, rules, data, table, self.scratch, &|_, _| {});
        Ok(Job { references: Some(Arc::new(references)), budget: self.budget.clone(), ..job })
    }
}
