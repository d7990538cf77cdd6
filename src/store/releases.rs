//! Releases: recorded decisions that a rejected batch may be published all the same.
//!
//! Each is a small file in the quarantine, which every gate of the batch looks into. It is written before a row is published and
//! never changed, so that whoever finds the rows finds who let them pass.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::durable::cannot_write_at;
use super::kill;
use super::location::Location;
use super::quarantine::Quarantine;
use super::stamp::Stamp;
use crate::diagnostic::{Code, Fault};

/// How names of releases go on behind the batch's id, and how they end.
const MARK: &str = ".release-";
const SUFFIX: &str = ".json";

/// That a person lets a rejected batch be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub dataset: String,
    pub batch_id: String,
    pub content_digest: String,
    /// The rules that rejected the batch: under others it does not hold.
    pub rules_digest: String,
    pub reason: String,
    pub by: String,
    /// When it was decided (RFC 3339, UTC).
    pub at: String,
    /// Up to when the batch may be published (RFC 3339, UTC); for ever if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Release {
    /// Whether it speaks of this content of this batch, whatever the rules.
    fn is_of(&self, stamp: &Stamp) -> bool {
        (&self.dataset, &self.batch_id, &self.content_digest) == (&stamp.dataset, &stamp.batch_id, &stamp.content_digest)
    }

    /// Whether the batch may no longer be published at the time `now`.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.until.as_deref().and_then(time).is_some_and(|until| now > until)
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

impl Quarantine {
    /// Whether any batch was ever released.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn has_releases(&self) -> Result<bool, Fault> {
        Ok(self.release_names("")?.next().is_some())
    }

    /// The names of releases of batches whose ids begin with `id`.
    fn release_names(&self, id: &str) -> Result<impl Iterator<Item = String> + use<>, Fault> {
        let names = self.directory.names().map_err(|e| cannot_read(&self.directory, &e))?;
        let id = id.to_owned();
        Ok(names.into_iter().filter(move |name| name.starts_with(&id) && name.contains(MARK) && name.ends_with(SUFFIX)))
    }

    /// What was decided about the content that `stamp` names, under whatever rules; the oldest first.
    ///
    /// # Errors
    /// The directory or a release cannot be read.
    pub fn releases(&self, stamp: &Stamp) -> Result<Vec<Release>, Fault> {
        // A batch whose id goes on in the same way is told by what is in the file.
        let names = self.release_names(&format!("{}{MARK}", stamp.batch_id))?;
        let places: Vec<Location> = names.map(|name| self.directory.join(&name)).collect();
        let mut releases = Vec::new();
        for (place, bytes) in places.iter().zip(Location::read_all(&places)) {
            let release: Release = serde_json::from_slice(&bytes.map_err(|e| cannot_read(place, &e))?).map_err(|e| damaged(place, &e))?;
            let is_dated = time(&release.at).is_some() && release.until.as_deref().is_none_or(|until| time(until).is_some());
            match is_dated {
                true if release.is_of(stamp) => releases.push(release),
                true => {}
                false => return Err(damaged(place, &"it has no time")),
            }
        }
        releases.sort_by_key(|release| time(&release.at));
        Ok(releases)
    }

    /// Records a release, durably.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn release(&self, release: &Release) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(release).map_err(|e| Fault::new(Code::Internal, format!("internal error: {e}")))? + "\n";
        // Named by what it says: the same decision is one file, and two that come at once are two.
        let digest = xxh3_128(text.as_bytes()) >> 96;
        let place = self.directory.join(&format!("{}{MARK}{digest:08x}{SUFFIX}", release.batch_id));
        place.put_new(text.as_bytes()).map_err(|e| cannot_write_at(&place, &e))?;
        kill::step();
        Ok(())
    }
}

fn cannot_read(place: &Location, error: &io::Error) -> Fault {
    Fault::new(Code::of_reading(error), format!("{place}: cannot read: {error}"))
}

fn damaged(place: &Location, why: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(Code::Damaged, format!("{place}: this release is damaged: {why}"));
    fault.hint("bring it back from a backup, or move it away; `sluicegate release` records it anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(batch: &str, content: &str) -> Stamp {
        Stamp { dataset: "t".into(), batch_id: batch.into(), rules_digest: "r".into(), content_digest: content.into() }
    }

    fn release(batch: &str, content: &str, at: &str, until: Option<&str>) -> Release {
        let Stamp { dataset, batch_id, rules_digest, content_digest } = stamp(batch, content);
        let (reason, by, at, until) = ("known".into(), "kim".into(), at.into(), until.map(str::to_owned));
        Release { dataset, batch_id, content_digest, rules_digest, reason, by, at, until }
    }

    #[test]
    fn a_release_speaks_of_one_content_of_one_batch() {
        let place = tempfile::tempdir().expect("a directory");
        let quarantine = Quarantine { directory: Location::Local(place.path().join("aside")) };
        assert_eq!(quarantine.releases(&stamp("b", "c")).expect("none"), []);
        let (late, early) = (release("b", "c", "2026-11-27T09:00:00Z", None), release("b", "c", "2026-11-27T08:00:00Z", None));
        let others = [release("b", "d", "2026-11-27T08:00:00Z", None), release("b.release-1", "c", "2026-11-27T08:00:00Z", None)];
        for one in others.iter().chain([&late, &early, &late]) {
            quarantine.release(one).expect("recorded");
        }
        assert_eq!(quarantine.releases(&stamp("b", "c")).expect("read"), [early, late]);
        assert_eq!(std::fs::read_dir(place.path().join("aside")).expect("a list").count(), 4);
        std::fs::write(place.path().join("aside/b.release-00000000.json"), "{").expect("write");
        assert_eq!(quarantine.releases(&stamp("b", "c")).expect_err("damaged").code, Code::Damaged);
    }

    #[test]
    fn a_release_ends_behind_its_last_instant() {
        let one = release("b", "c", "2026-11-27T08:00:00Z", Some("2026-11-28T00:00:00Z"));
        let at = |text: &str| time(text).expect("a time");
        assert!(!one.is_over(at("2026-11-28T00:00:00Z")) && one.is_over(at("2026-11-28T00:00:00.001Z")));
        assert!(!Release { until: None, ..one }.is_over(at("2999-01-01T00:00:00Z")));
    }
}
