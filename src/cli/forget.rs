//! `sluicegate forget`

use std::path::PathBuf;

use clap::Args;

use super::exit::ExitCode;
use super::kept::{Whose, removes, said};
use super::output;
use super::run::mask_key;
use crate::diagnostic::Faults;
use crate::retention::{self, Erased, Erasure, Key};
use crate::store::{Terms, kill};
use crate::visible;

/// Options of `forget`.
#[derive(Debug, Args)]
pub(super) struct Forget {
    #[command(flatten)]
    whose: Whose,
    /// Rows with this value, and the value itself wherever it is shown; may be given again, for any of the values
    #[arg(long = "key", value_name = "COLUMN=VALUE", value_parser = str::parse::<Key>)]
    keys: Vec<Key>,
    /// Rows that are set aside and meet this condition, in SQL over the columns of the source
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
    /// Also records that were never read and have the value in their text
    #[arg(long)]
    malformed: bool,
    /// Reports that were written as files: files or directories; may be given again
    #[arg(long = "reports", value_name = "PATH")]
    reports: Vec<PathBuf>,
    /// Kills the process at a step, for tests of what a crash leaves
    #[arg(long, value_name = "N", hide = true)]
    die_at_step: Option<u64>,
}

impl Forget {
    pub(super) fn run(self) -> ExitCode {
        if let Some(step) = self.die_at_step {
            kill::at_step(step);
        }
        output::ended(self.forget())
    }

    fn forget(&self) -> Result<String, Faults> {
        let opened = self.whose.open(&self.reports)?;
        let mut columns: std::collections::BTreeSet<String> = opened.rules.contract().into_iter().map(|column| column.name).collect();
        if let Terms::Table(Some(terms)) = opened.publish.terms()? {
            columns.extend(terms.schema.fields().iter().map(|field| field.name().clone()));
        }
        let erasure = Erasure {
            keys: self.keys.clone(),
            condition: self.condition.clone(),
            malformed: self.malformed,
            privacy: opened.rules.privacy(mask_key()?),
            columns,
            now: opened.now,
        };
        let _hold = opened.hold()?;
        let erased = retention::forget(&opened.places(), &erasure)?;
        let mut text: String = erased.iter().map(|erased| self.told(erased)).collect();
        text += &opened.untouched();
        text += "not known: what hashes tell of a value to someone who has it (summaries keep some of distinct values and long texts); \
                 what was exported or printed before\n";
        Ok(text)
    }

    fn told(&self, erased: &Erased) -> String {
        let Erased { kind, place, removed, kept, notes } = erased;
        let verb = removes(self.whose.dry_run);
        let what = if removed.is_empty() { format!("nothing {verb}") } else { format!("{verb} from {}", removed.len()) };
        let mut text = format!("{}: {}: {what}, {kept} without it\n", kind.name(), visible::line(place));
        text += &said(removed.iter().map(|line| visible::line(line).into_owned()), self.whose.verbose);
        text += &said(notes.iter().map(|note| format!("note: {}", visible::line(note))), true);
        text
    }
}
