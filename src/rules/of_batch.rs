//! Binding rules that can fail without a row that fails: which common words have no meaning then.

use super::Binder;
use super::words::{Nulls, OnFail};
use crate::diagnostic::{Code, Fault};

impl Binder<'_> {
    /// What fails is no row that could be set aside: a failure rejects the batch unless the rule file says otherwise. `word` is
    /// what the rule file asks for.
    ///
    /// # Errors
    /// The rule file wants rows set aside; the hint says what to write.
    pub fn rejects_unless_given(&mut self, word: &str, hint: &str) -> Result<(), Fault> {
        match (self.policy.on_fail_given, self.policy.on_fail) {
            (false, _) => self.policy.on_fail = OnFail::Reject,
            (true, OnFail::Quarantine) => {
                let what = format!("`{word}` can fail without a row that could be set aside");
                return Err(self.fault(Code::MisplacedWord, what).hint(hint));
            }
            (true, OnFail::Reject | OnFail::Warn | OnFail::Info) => {}
        }
        Ok(())
    }

    /// The same, where the rule counts no failing rows at all.
    ///
    /// # Errors
    /// The rule file says something of failing rows.
    pub fn names_no_rows(&mut self, word: &str) -> Result<(), Fault> {
        self.judges_the_batch(word)?;
        match &self.warn {
            Some(warn) => Err(self.fault_at(warn, Code::MisplacedWord, beside_the_batch("warn", word)).hint("leave it out")),
            None => Ok(()),
        }
    }

    /// The same, where `warn` is an earlier limit of the rule's own.
    ///
    /// # Errors
    /// The rule file says something of failing rows.
    pub fn judges_the_batch(&mut self, word: &str) -> Result<(), Fault> {
        self.rejects_unless_given(word, "write `reject`, `warn` or `info`")?;
        let misplaced = |other: &str| beside_the_batch(other, word);
        if self.policy.tolerance_given {
            return Err(self.fault(Code::MisplacedWord, misplaced("tolerate")).hint("leave it out"));
        }
        if self.policy.nulls == Nulls::Fail {
            return Err(self.fault(Code::MisplacedWord, misplaced("nulls")).hint("leave it out, or write `null` among the members"));
        }
        Ok(())
    }
}

fn beside_the_batch(other: &str, word: &str) -> String {
    format!("`{other}` has no meaning beside `{word}`, which judges the batch and not its rows")
}
