//! How far a rule file is trusted.

use clap::Args;

use crate::confines::Confines;
use crate::diagnostic::Fault;

/// How far a rule file is trusted.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// Let the rule file read and write below this directory or URL (s3://, https://) only; may be given again. Paths on the command
    /// line are not confined
    #[arg(long = "root", value_name = "DIR")]
    roots: Vec<String>,
}

impl Trust {
    /// What paths in the rule file are confined to, if they are.
    ///
    /// # Errors
    /// A directory is not there.
    pub(super) fn confines(&self) -> Result<Option<Confines>, Fault> {
        if self.roots.is_empty() { Ok(None) } else { Confines::new(&self.roots).map(Some) }
    }
}
