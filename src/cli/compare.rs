//! `sluicegate compare`

use clap::Args;

use super::exit::ExitCode;
use super::two::{Two, reported};
use crate::compare::{self, Wanted};
use crate::diagnostic::Faults;
use crate::report::Report;

/// Options of `compare`.
#[derive(Debug, Args)]
pub(super) struct Compare {
    #[command(flatten)]
    two: Two,
    /// No row and no key may be in both, as of training and test data
    #[arg(long)]
    disjoint: bool,
}

impl Compare {
    pub(super) fn run(&self) -> ExitCode {
        self.two.run(|| self.compared(), |report| u8::from(report.has_warnings()))
    }

    fn compared(&self) -> Result<Report, Faults> {
        let two = &self.two;
        let begun = two.begin()?;
        let (a, b) = (two.audited(&begun, &two.a)?, two.audited(&begun, &two.b)?);
        let found = compare::found_columns(&a);
        let rules = two.with_sections(&compare::rules(&begun.dataset, &two.a, a.source.schema(), b.source.schema()))?;
        let mut audited = two.judged(&begun, &rules)?;
        compare::complete(&mut audited, (&a.source, &found), &Wanted { disjoint: self.disjoint }).map_err(|faults| rules.quiet(faults))?;
        Ok(reported(&begun, &rules, &audited))
    }
}
