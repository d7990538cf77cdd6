//! The store as the table whose rows a batch is judged beside.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::summaries::{Choice, read};
use crate::audit::Kept;
use crate::diagnostic::{Code, Fault};
use crate::identity::Identity;
use crate::rules::published::{Fetched, KeyQuery, Published, PublishedTerms};
use crate::ruleset::RuleFile;
use crate::store::{Partition, Snapshot, Stamp, Store};

/// Published rows but for those of the batch being judged, as they are when a rule first asks.
pub struct PublishedTable {
    store: Arc<dyn Store>,
    dataset: String,
    rules_digest: String,
    given_id: Option<String>,
    replaces: Option<String>,
    state: Mutex<SnapshotState>,
}

#[derive(Default)]
struct SnapshotState {
    identity: Option<Arc<Identity>>,
    snapshot: Option<Arc<dyn Snapshot>>,
    /// Values of the column that is replaced by whose rows were not looked at.
    left_out: Option<BTreeSet<String>>,
}

impl PublishedTable {
    /// Of the batch `given_id` of the data set, or of the one whose id follows from its content; but for rows that it takes
    /// the place of by the values of the column `replaces`.
    pub fn new(rules: &RuleFile, given_id: Option<&str>, replaces: Option<&str>, store: Arc<dyn Store>) -> Arc<Self> {
        let (given_id, replaces) = (given_id.map(str::to_owned), replaces.map(str::to_owned));
        let (dataset, rules_digest) = (rules.sections.dataset.clone(), format!("{:032x}", rules.digest));
        Arc::new(Self { store, dataset, rules_digest, given_id, replaces, state: Mutex::default() })
    }

    /// Whether the rows that were not looked at, if any rule looked, are those that `partition` replaces.
    pub(super) fn left_out_just(&self, partition: &Partition) -> bool {
        self.state().left_out.as_ref().is_none_or(|values| *values == partition.values)
    }

    fn state(&self) -> MutexGuard<'_, SnapshotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the batch.
    fn own_id(&self, identity: Option<&Identity>) -> Result<String, Fault> {
        match (&self.given_id, identity) {
            (Some(id), _) => Ok(id.clone()),
            (None, Some(identity)) => self.store.id_of(&self.dataset, &self.rules_digest, identity.content()?, identity.footers()),
            (None, None) => Err(Fault::new(Code::Internal, "internal error: published rows are asked for before the batch is known")),
        }
    }

    /// The summaries of all published batches, or of the last so many, but for the one that is judged; read by so many threads.
    ///
    /// # Errors
    /// What is published, or a summary, cannot be read.
    pub fn summaries(&self, last: Option<u64>, threads: usize) -> Result<Kept, Fault> {
        let identity = self.state().identity.clone();
        let choice = last.map_or(Choice::All, Choice::Last);
        Ok(read(self.store.as_ref(), &choice, Some(&self.own_id(identity.as_deref())?), threads)?.0)
    }

    fn take_snapshot(&self, identity: Option<&Identity>) -> Result<Arc<dyn Snapshot>, Fault> {
        let batch_id = self.own_id(identity)?;
        let own = Stamp { dataset: self.dataset.clone(), batch_id, rules_digest: String::new(), content_digest: String::new() };
        self.store.snapshot(&own)
    }

    /// The table as it was when a rule first asked; none if none did.
    pub(super) fn snapshot(&self) -> Option<Arc<dyn Snapshot>> {
        self.state().snapshot.clone()
    }

    /// Whether the batch was judged beside rows that are no longer all there are.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(super) fn is_outdated(&self) -> Result<bool, Fault> {
        let state = self.state();
        match &state.snapshot {
            None => Ok(false),
            Some(snapshot) => Ok(self.take_snapshot(state.identity.as_deref())?.version() != snapshot.version()),
        }
    }

    /// The next rule that asks sees the table as it is then.
    pub(super) fn drop_snapshot(&self) {
        self.state().snapshot = None;
    }
}

impl Published for PublishedTable {
    fn batch_is(&self, identity: Arc<Identity>) {
        self.state().identity = Some(identity);
    }

    fn terms(&self) -> PublishedTerms {
        PublishedTerms { replaces: self.replaces.clone() }
    }

    fn rows(&self, wanted: &KeyQuery) -> Result<Fetched, Fault> {
        let mut state = self.state();
        let snapshot = match state.snapshot.take() {
            Some(snapshot) => snapshot,
            None => self.take_snapshot(state.identity.as_deref())?,
        };
        let rows = snapshot.rows(wanted.clone());
        state.snapshot = Some(snapshot);
        state.left_out = wanted.replaced.as_ref().map(|(_, values)| values.clone());
        rows
    }
}
