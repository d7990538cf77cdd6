//! Summaries beside the published batches.
//!
//! A summary is put there before its batch is committed, under a name that says which rows it speaks of. A gate that is killed in
//! between leaves one that speaks of rows that are not published, and does not count; once the batch is there, so is its summary.
//! Where it could not be written the batch is published without one, and gating it again writes it.

mod blocks;
mod merged;
mod read;

use std::sync::Arc;

pub use self::read::Choice;
pub(super) use self::read::read;
use crate::audit::Keeps;
use crate::diagnostic::Fault;
use crate::metric::Budget;
use crate::ruleset::{KeptSummaries, RuleFile};
use crate::store::{BatchRows, Stage, Stamp, Store, SummaryName};
use crate::summary::Summary;

/// The summary of one batch on its way to its place.
pub(super) struct Keeping<'a> {
    store: &'a dyn Store,
    batch_id: &'a str,
    summary: Option<&'a Summary>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(in crate::gate) struct Put {
    name: Option<SummaryName>,
    /// Why the batch has no summary, for people.
    pub warning: Option<String>,
}

impl<'a> Keeping<'a> {
    pub(super) fn new(store: &'a dyn Store, batch_id: &'a str, summary: Option<&'a Summary>) -> Self {
        Self { store, batch_id, summary }
    }

    /// Puts it beside the rows that `staged` will be, which are published for the first time now, or since `since`.
    pub(super) fn put(&self, staged: &dyn Stage, since: Option<i64>) -> Put {
        let put = || -> Result<Option<SummaryName>, Fault> {
            let Some((summary, (content, written))) = self.summary.zip(staged.content()?) else { return Ok(None) };
            if staged.count()? != summary.rows {
                return Ok(None);
            }
            self.put_as(summary, &content, since.unwrap_or(written))
        };
        self.told(put())
    }

    /// Puts it beside rows that are published already, unless it is there.
    pub(super) fn put_late(&self, stamp: &Stamp) -> Put {
        let put = || -> Result<Option<SummaryName>, Fault> {
            let Some(summary) = self.summary else { return Ok(None) };
            // Rows that another program moved into other files cannot be told from others.
            let Some(published) = self.store.rows_of(stamp).ok().flatten() else { return Ok(None) };
            let Some((content, since)) = published.content()? else { return Ok(None) };
            // Were it another count, the summary would be that of other rows.
            if published.is_partial()? || published.count()? != Some(summary.rows) {
                return Ok(None);
            }
            if let Some(there) = self.there(&content)? {
                return Ok(Some(there));
            }
            self.put_as(summary, &content, since)
        };
        self.told(put())
    }

    fn told(&self, put: Result<Option<SummaryName>, Fault>) -> Put {
        match put {
            Ok(name) => Put { name, warning: None },
            Err(fault) => Put {
                name: None,
                warning: Some(format!("no summary of the batch could be kept, so others are not compared with it: {}", fault.what)),
            },
        }
    }

    /// The one that counts, if the rows have one.
    fn there(&self, content: &str) -> Result<Option<SummaryName>, Fault> {
        let names = names(self.store)?;
        let of_rows = names.iter().filter(|name| name.batch_id == self.batch_id && name.content == content);
        Ok(of_rows.max_by(|a, b| a.rank().cmp(&b.rank())).cloned())
    }

    fn put_as(&self, summary: &Summary, content: &str, since: i64) -> Result<Option<SummaryName>, Fault> {
        let Some(texts) = self.store.texts() else { return Ok(None) };
        let text = summary.write()?;
        let name = SummaryName::new(since, self.batch_id, content, 0, &text);
        texts.put(&name.file_name(), &text)?;
        Ok(Some(name))
    }

    /// Takes it away again: the batch could not be published.
    pub(super) fn take_back(&self, put: &Put) {
        if let (Some(name), Some(texts)) = (&put.name, self.store.texts()) {
            // What stays speaks of rows that are not there, and does not count.
            _ = texts.remove(&name.file_name()).is_ok();
        }
    }

    /// Removes what earlier contents of the batch left, and killed gates, now that it is published; merges others' where that helps. What fails
    /// costs time or space later, and nothing else.
    pub(super) fn tidy(&self, put: &Put, memory: &Arc<Budget>) {
        let Some(name) = &put.name else { return };
        let tidied = || -> Result<(), Fault> {
            let Some(texts) = self.store.texts() else { return Ok(()) };
            let is_outdated = |other: &&SummaryName| other.batch_id == name.batch_id && *other != name;
            let names = names(self.store)?;
            names.iter().filter(is_outdated).try_for_each(|other| texts.remove(&other.file_name()))?;
            if blocks::is_worth_merging_at(name, names.len()) { merged::build(self.store, memory) } else { Ok(()) }
        };
        _ = tidied().is_ok();
    }
}

/// What is kept of the batches of a rule file beside their rows.
pub fn keeps(rules: &RuleFile) -> Keeps {
    match rules.sections.gate.summaries.unwrap_or_default() {
        KeptSummaries::None => Keeps::Nothing,
        KeptSummaries::Asked => Keeps::Asked,
        KeptSummaries::Full => Keeps::Everything,
    }
}

/// The names of all summaries beside the published rows, whether they count or not.
pub(super) fn names(store: &dyn Store) -> Result<Vec<SummaryName>, Fault> {
    let Some(texts) = store.texts() else { return Ok(Vec::new()) };
    Ok(texts.names()?.iter().filter_map(|name| SummaryName::of_file(name)).collect())
}

/// Since when the rows are published that a batch has now, by its summary if it has one.
pub(super) fn since(store: &dyn Store, batch_id: &str, published: &dyn BatchRows) -> Result<Option<i64>, Fault> {
    let Some((content, since)) = published.content()? else { return Ok(None) };
    let names = names(store)?;
    let of_rows = names.iter().find(|name| name.batch_id == batch_id && name.content == content);
    Ok(Some(of_rows.map_or(since, |name| name.since)))
}
