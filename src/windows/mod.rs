//! Windows: what events of several batches hold together, judged once no more of them will come.
//!
//! Each batch is cut into the windows that its events lie in; what the rules ask is counted for each piece and merged with what
//! was counted before. So a window says the same however its events were cut into batches. Of a window only counts are kept,
//! never rows.

mod cut;
mod kind;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::kind::Kind;
use crate::audit::{Job, References};
use crate::diagnostic::Faults;
use crate::metric::Budget;
use crate::privacy::MaskKey;
use crate::report::Report;
use crate::ruleset::RuleFile;
use crate::source::Source;

/// With what means windows are judged.
pub struct Means {
    pub now: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub threads: usize,
    pub budget: Arc<Budget>,
    pub mask_key: Option<MaskKey>,
    pub references: Option<Arc<dyn References>>,
}

impl Means {
    fn job<'a>(&self, rules: &'a RuleFile, source: Arc<dyn Source>) -> Job<'a> {
        let (references, mask_key) = (self.references.clone(), self.mask_key.clone());
        let plain = Job::new(rules, source, self.now, self.budget.clone());
        Job { as_of: self.as_of, threads: self.threads, mask_key, references, ..plain }
    }
}

/// What came of a batch, or of the end.
#[derive(Debug, Default)]
pub struct Told {
    /// One a window that is judged now, in the order in which they end.
    pub reports: Vec<Report>,
    /// What people should know: events that came too late, or that are in no window.
    pub notes: Vec<String>,
}

/// The windows of a rule file.
pub struct Windows {
    kinds: Vec<Kind>,
}

impl Windows {
    /// Those that the rule file asks for; none if it asks for none. `read` reads it anew: windows judge by some of its rules.
    ///
    /// # Errors
    /// A window names a rule that is not there.
    pub fn new(rules: &RuleFile, read: &dyn Fn() -> Result<RuleFile, Faults>) -> Result<Option<Self>, Faults> {
        let kinds = rules.sections.windows.iter().map(|window| Kind::new(window, read()?)).collect::<Result<Vec<_>, Faults>>()?;
        Ok((!kinds.is_empty()).then_some(Self { kinds }))
    }

    /// Takes in the events of a batch, and judges the windows that are whole now.
    ///
    /// # Errors
    /// The batch cannot be read, has no such column, or the rules do not fit it.
    pub fn take(&mut self, source: &Arc<dyn Source>, means: &Means) -> Result<Told, Faults> {
        let (mut told, read) = (Told::default(), cut::read(source)?);
        for kind in &mut self.kinds {
            kind.take(&read, means, &mut told)?;
        }
        Ok(told)
    }

    /// Judges the windows that are not whole: no more events come.
    ///
    /// # Errors
    /// The rules do not fit what was counted.
    pub fn end(&mut self, means: &Means) -> Result<Told, Faults> {
        let mut told = Told::default();
        for kind in &mut self.kinds {
            kind.end(means, &mut told)?;
        }
        Ok(told)
    }
}
