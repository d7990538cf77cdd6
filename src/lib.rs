//! Sluicegate: a data-quality gate between a source of data and the table or training job that would consume it.
//!
//! A batch goes through the house in one direction:
//!
//! 1. [`ruleset`] reads a rule file; [`yaml`] remembers where everything in it stands, so that every
//!    mistake ([`diagnostic::Fault`]) is named with its place.
//! 2. [`source`] opens the data as units of Arrow record batches; [`prepare`] cleans and transforms
//!    them ([`sql`]).
//! 3. [`audit`] binds the [`rules`] to the schema, folds every unit once through row tests and
//!    [`metric`] states ([`engine`] runs the threads), and judges what was counted.
//! 4. [`verdict`] decides; [`assemble`] writes it all up as a [`report::model::Report`], which
//!    [`report`] renders.
//! 5. [`gate`] publishes what may pass and sets the rest aside in a [`store`], atomically.
//!
//! [`cli`] is the only room that prints, or reads the clock and the environment.
//!
//! ```
//! use std::sync::Arc;
//! use sluicegate::audit::{self, Job, NoSink};
//! use sluicegate::metric::Budget;
//! use sluicegate::ruleset::RuleFile;
//! use sluicegate::source::{self, Spool};
//!
//! # fn main() -> Result<(), sluicegate::diagnostic::Faults> {
//! let rules = RuleFile::parse("dataset: people\nrules:\n  - range: { column: income, above: 0 }\n", "rules.yaml")?;
//! let options = rules.sections.read_options(&rules.path)?;
//! let spool = Spool::new(std::env::temp_dir());
//! let data = source::open(&["fixtures/people/train.csv".to_owned()], &options, &rules.sections.contract(), &spool)?;
//! let job = Job {
//!     rules: &rules,
//!     source: data,
//!     now: chrono::DateTime::UNIX_EPOCH,
//!     as_of: chrono::DateTime::UNIX_EPOCH,
//!     threads: 1,
//!     statistics: true,
//!     budget: Arc::new(Budget::new(1 << 30, std::env::temp_dir())),
//!     published: None,
//!     cancel: Default::default(),
//!     progress: &|_, _| {},
//! };
//! let audited = audit::audit(&job, &NoSink::default())?;
//! assert!(audited.set_aside().is_empty());
//! # Ok(())
//! # }
//! ```

pub mod assemble;
pub mod audit;
pub mod cli;
pub mod confines;
pub mod diagnostic;
pub mod docs;
pub mod engine;
pub mod files;
pub mod findings;
pub mod footer;
pub mod gate;
pub mod identity;
pub mod json;
pub mod metric;
pub mod paths;
pub mod prepare;
pub mod quarantine;
pub mod report;
pub mod rows;
pub mod rules;
pub mod ruleset;
pub mod shown;
pub mod source;
pub mod sql;
pub mod statistics;
pub mod store;
pub mod text;
pub mod types;
pub mod verdict;
pub mod visible;
pub mod yaml;
