//! Sluicegate: a data-quality gate between a source of data and the table or training job that would consume it.
//!
//! A batch goes through the house in one direction:
//!
//! 1. [`ruleset::RuleFile`] reads a rule file; every mistake in it is a [`diagnostic::Fault`] with code, place and hint.
//! 2. [`source::open`] opens files as units of Arrow record batches; [`source::from_batches`] takes rows in memory.
//! 3. [`audit::audit`] binds the [`rules`] to the columns, folds every unit once, and judges what was counted. Folds are
//!    values: [`audit::audit_by`] lets others make them, in other processes too. [`audit::RowJudge`] judges rows alone.
//! 4. [`verdict`] decides on the [`findings`]; [`assemble::assemble`] writes it all up as a [`report::model::Report`],
//!    which [`report`] renders and reads back.
//! 5. [`gate::gate`] does all of this, publishes what may pass to a [`store::Store`], and sets the rest aside, atomically.
//!    [`gate::replay`] judges rows again that were set aside.
//!
//! ```
//! use std::sync::Arc;
//! use sluicegate::audit::{self, Budget, Job, NoSink};
//! use sluicegate::ruleset::RuleFile;
//! use sluicegate::source::{self, Spool};
//!
//! # fn main() -> Result<(), sluicegate::diagnostic::Faults> {
//! let rules = RuleFile::parse("dataset: people\nrules:\n  - range: { column: income, above: 0 }\n", "rules.yaml")?;
//! let options = rules.sections.read_options(&rules.path)?;
//! let spool = Spool::new(std::env::temp_dir());
//! let data = source::open(&["fixtures/people/train.csv".to_owned()], &options, &rules.sections.contract(), &spool)?;
//! let budget = Arc::new(Budget::new(1 << 30, std::env::temp_dir()));
//! let job = Job::new(&rules, data, chrono::DateTime::UNIX_EPOCH, budget);
//! let audited = audit::audit(&job, &NoSink::default())?;
//! assert!(audited.set_aside().is_empty());
//! # Ok(())
//! # }
//! ```

pub mod assemble;
pub mod audit;
pub mod baseline;
pub mod compare;
pub mod corrupt;
pub mod diagnostic;
pub mod engine;
pub mod feed;
pub mod findings;
pub mod gate;
pub mod history;
pub mod kafka;
pub mod notify;
pub mod privacy;
pub mod quarantine;
pub mod report;
pub mod retention;
pub mod rows;
pub mod rules;
pub mod ruleset;
pub mod site;
pub mod source;
pub mod store;
pub mod stream;
pub mod summary;
pub mod verdict;
pub mod windows;

// Public for the program, the benchmarks and the tests alone: they may change with every version.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod docs;
#[doc(hidden)]
pub mod metric;
#[doc(hidden)]
pub mod statistics;
#[doc(hidden)]
pub mod yaml;

mod base64;
mod confines;
mod delta_log;
mod files;
mod footer;
mod identity;
mod json;
mod paths;
mod prepare;
mod remote;
mod shown;
mod sql;
mod suggest;
mod text;
mod types;
mod visible;
