//! What is asked of every store in the same way.

use super::durable::{GateLock, Waiting};
use super::interface::{BatchRows, Store};
use super::quarantine::Quarantine;
use super::stamp::{Stamp, Stored};
use crate::diagnostic::{Code, Fault};

impl dyn Store {
    /// Holds this store and `quarantine` for this gate alone, as far as they are on this machine.
    ///
    /// # Errors
    /// A directory cannot be made or opened, or another program does not let go of it.
    pub fn hold(&self, quarantine: &Quarantine, waiting: &Waiting) -> Result<GateLock, Fault> {
        let aside = quarantine.directory.local().map(ToOwned::to_owned);
        GateLock::of(self.held_directories().into_iter().chain(aside).collect(), waiting)
    }

    /// The published rows of just the batch that `stamp` names, of this content and under these rules; none if it published
    /// none.
    ///
    /// # Errors
    /// The store cannot be read, does not hold this batch, or its rows cannot be told from others.
    pub fn published(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault> {
        let refused = |code, what: String, hint: &str| Err(Fault::new(code, format!("{self}: {what}")).hint(hint));
        match self.stored(stamp)? {
            Stored::Batch(there) if there == *stamp => self.rows_of(stamp),
            Stored::Nothing | Stored::Foreign => {
                refused(Code::NotPublished, format!("batch `{}` is not published", stamp.batch_id), "gate it first")
            }
            Stored::RolledBack(how) => Err(rolled_back(&self.to_string(), stamp, &how)),
            Stored::Batch(there) if there.batch_id != stamp.batch_id => refused(
                Code::NotPublished,
                format!("the file holds batch `{}` now, and no longer `{}`", there.batch_id, stamp.batch_id),
                "gate the source again; a directory as a destination keeps all batches",
            ),
            Stored::Batch(_) => refused(
                Code::NotReplayable,
                format!("batch `{}` is published with other content, or under other rules", stamp.batch_id),
                "gate it again",
            ),
        }
    }

    /// The id of a batch of `dataset` that was given none: the digest of its content. Version 0.1 took that of the footers
    /// where files have such; what it published by that id stays known.
    ///
    /// # Errors
    /// The store cannot be read, or whether a batch of version 0.1 is this one cannot be told.
    pub fn id_of(&self, dataset: &str, rules_digest: &str, content: u128, footers: Option<u128>) -> Result<String, Fault> {
        let id = format!("{content:032x}");
        let Some(footers) = footers.map(|footers| format!("{footers:032x}")) else { return Ok(id) };
        let of_0_1 = Stamp {
            dataset: dataset.to_owned(),
            batch_id: footers.clone(),
            rules_digest: rules_digest.to_owned(),
            content_digest: id.clone(),
        };
        match self.stored(&of_0_1)? {
            Stored::Batch(there) if there.batch_id == footers && there.content_digest == id => Ok(footers),
            Stored::Batch(there) if there.batch_id == footers && there.content_digest.len() < id.len() => {
                let what = format!(
                    "{self}: a batch `{footers}` with the same footers was published, and another program has rewritten its file: whether it was this batch is not known"
                );
                Err(Fault::new(Code::FateUnknown, what)
                    .hint("look whether the table has the batch's rows; if not, give it a name with `--batch-id`"))
            }
            Stored::RolledBack(_) => Ok(footers),
            Stored::Batch(_) | Stored::Nothing | Stored::Foreign => Ok(id),
        }
    }
}

/// Another program took all rows of the batch away.
pub fn rolled_back(place: &str, stamp: &Stamp, how: &str) -> Fault {
    let what = format!("{place}: batch `{}` was published, and another program took all its rows away: {how}", stamp.batch_id);
    Fault::new(Code::RowsGone, what).hint("nothing was changed; `gate --supersede` publishes the batch again")
}
