//! The texts that a rule file is made of, for whoever quotes them.

use std::collections::BTreeMap;

/// What stands behind a rule file beside its own text.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    /// Included files: name and text.
    pub(in crate::ruleset) included: Vec<(String, String)>,
    /// What variables stand for.
    pub(in crate::ruleset) given: BTreeMap<String, String>,
    /// All texts and all values of variables, where the rule file is made of more than its text. A part whose meaning stands elsewhere
    /// may speak of whatever is in here.
    everything: Option<String>,
}

impl Wording {
    /// `own` is the text of the rule file, if there is more than that; `beside` are values of variables and settings.
    pub(super) fn new(own: Option<&str>, included: Vec<(String, String)>, beside: &[String], given: BTreeMap<String, String>) -> Self {
        let texts = || own.into_iter().chain(included.iter().map(|(_, text)| text.as_str())).chain(beside.iter().map(String::as_str));
        let everything = own.is_some().then(|| texts().collect::<Vec<_>>().join("\n"));
        Self { everything, included, given }
    }

    /// The text of the file called `name`; `own` is that of the rule file.
    pub(in crate::ruleset) fn text_of<'a>(&'a self, name: &str, own: &'a str) -> &'a str {
        let included = self.included.iter().find(|(file, _)| file == name);
        match included {
            Some((_, text)) => text,
            None if name.starts_with("--set ") => self.everything.as_deref().unwrap_or(own),
            None => own,
        }
    }

    /// What a part of a rule file may speak of: itself, or anything where its meaning stands elsewhere.
    pub(in crate::ruleset) fn spoken<'a>(&'a self, part: &'a str) -> &'a str {
        match &self.everything {
            Some(everything) if part.contains("${") || part.contains("use") => everything,
            Some(_) | None => part,
        }
    }
}
