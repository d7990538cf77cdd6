//! Whether a table's log is whole as far as a version needs it, before anything trusts it.

use deltalake_core::logstore::LogStoreRef;
use deltalake_core::{ObjectStore, Path};
use object_store::ObjectStoreExt;
use serde::de::IgnoredAny;

use crate::delta_log::{LOG, LogVersions, actions, entry_name};
use crate::diagnostic::{Code, Fault};
use crate::remote;

/// The versions that the log of the table called `place` knows.
///
/// # Errors
/// The log cannot be listed.
pub(super) async fn versions(place: &str, store: &LogStoreRef) -> Result<LogVersions, Fault> {
    let listed = store.object_store(None).list_with_delimiter(Some(&Path::from(LOG))).await;
    let listed = listed.map_err(|e| {
        let told = remote::told(&e.to_string());
        Fault::new(Code::Unreadable, format!("{place}: cannot list the log of the Delta table: {told}"))
    })?;
    Ok(LogVersions::of_names(listed.objects.iter().filter_map(|object| object.location.filename())))
}

impl LogVersions {
    /// The last version.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn last(&self, place: &str) -> Result<u64, Fault> {
        let last = self.entries.last().max(self.checkpoints.last()).copied();
        last.ok_or_else(|| Fault::new(Code::Damaged, format!("{place}: the log of the Delta table has no entry")))
    }

    /// The version, if there is one of this number.
    ///
    /// # Errors
    /// There is none, or no longer.
    pub(super) fn wanted(&self, place: &str, version: u64) -> Result<u64, Fault> {
        let last = self.last(place)?;
        if version > last {
            let what = format!("{place}: the Delta table has no version {version}");
            return Err(Fault::new(Code::FileNotFound, what).hint(format!("the last one is {last}")));
        }
        let (earliest, checkpoint) = (self.entries.first().copied(), self.checkpoints.first().copied());
        if self.checkpoint_for(version).is_none() && earliest.is_none_or(|earliest| earliest > 0) {
            let what = format!("{place}: version {version} of the Delta table can no longer be read: its log does not reach back so far");
            let first = checkpoint.map_or_else(|| "restore the log from a copy".into(), |first| format!("the earliest one is {first}"));
            return Err(Fault::new(Code::FileNotFound, what).hint(first));
        }
        Ok(version)
    }

    /// The checkpoint from which `version` is read.
    fn checkpoint_for(&self, version: u64) -> Option<u64> {
        self.checkpoints.range(..=version).next_back().copied()
    }
}

/// Reads the entries of which `version` is made, behind its checkpoint.
///
/// # Errors
/// One is missing, empty or damaged.
pub(super) async fn verify(place: &str, store: &LogStoreRef, versions: &LogVersions, version: u64) -> Result<(), Fault> {
    let first = versions.checkpoint_for(version).map_or(0, |checkpoint| checkpoint + 1);
    for version in first..=version {
        let name = entry_name(version);
        let damaged = |what: &str| {
            let fault = Fault::new(Code::Damaged, format!("{place}/{LOG}/{name}: this entry of the Delta table's log {what}"));
            fault.hint("nothing was read; restore the entry from a copy, or read an earlier version")
        };
        if !versions.entries.contains(&version) {
            return Err(damaged("is missing"));
        }
        let entry = async { store.object_store(None).get(&Path::from_iter([LOG, name.as_str()])).await?.bytes().await };
        let entry = entry.await.map_err(|e| damaged(&format!("cannot be read: {}", remote::told(&e.to_string()))))?;
        actions::<IgnoredAny>(&entry).map_err(|what| damaged(&what))?;
    }
    Ok(())
}
