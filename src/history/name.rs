//! What recorded runs are called: names sort by time, and say what a reader wants to know before it opens a file.
//!
//! `20261127T080000.000Z.00-orders_2026-11-27-5f1d0c9b7a3e2468.accept.json`: the run's time, how many runs of that time came
//! before, the batch, a digest of what was judged and how it came out, and the verdict. Beside it may lie
//! `….mark-000-bad-5f1d0c9b.json`.

use std::cmp::Ordering;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use crate::report::Report;
use crate::verdict::Verdict;

/// Characters of a batch's id that stand in a name.
const BATCH_MAX: usize = 48;
const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";
const TIME_LENGTH: usize = "20261127T080000.000Z".len();
const DIGEST_LENGTH: usize = 16;

/// How names of what is ours end.
pub(super) const SUFFIX: &str = ".json";

const VERDICTS: [(Verdict, &str); 4] =
    [(Verdict::Accept, "accept"), (Verdict::Quarantine, "quarantine"), (Verdict::Reject, "reject"), (Verdict::Undecided, "undecided")];

/// The name of a run. Names are ordered as the runs were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunName {
    pub time: DateTime<Utc>,
    /// How many runs of the same time were recorded before.
    ordinal: u32,
    /// The batch's id as far as it fits.
    pub batch: String,
    /// Of what was judged, when, and how it came out.
    pub digest: String,
    pub verdict: Verdict,
}

impl RunName {
    /// The name of the run that `report` is of, after `ordinal` others of its time; none if the report does not say when it was.
    pub(super) fn of(report: &Report, ordinal: u32) -> Option<Self> {
        let (time, batch) = (time_of(report)?.trunc_subsecs(3), batch_in_name(&report.batch.id));
        Some(Self { time, ordinal, batch, digest: digest(report), verdict: report.verdict })
    }

    /// The same, after `ordinal` others of its time.
    pub(super) fn after(self, ordinal: u32) -> Self {
        Self { ordinal, ..self }
    }

    /// Of the name of a file.
    pub(super) fn read(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(SUFFIX)?;
        let (stem, verdict) = VERDICTS.iter().find_map(|(verdict, word)| Some((stem.strip_suffix(word)?.strip_suffix('.')?, *verdict)))?;
        let (time, rest) = stem.split_at_checked(TIME_LENGTH)?;
        let time = NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc();
        let (ordinal, rest) = rest.strip_prefix('.')?.split_once('-')?;
        let (batch, digest) = rest.rsplit_once('-')?;
        let is_digest = digest.len() == DIGEST_LENGTH && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let ordinal = ordinal.parse().ok()?;
        is_digest.then(|| Self { time, ordinal, batch: batch.to_owned(), digest: digest.to_owned(), verdict })
    }

    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("{self}{SUFFIX}")
    }

    /// Whether it is a run of the batch `id`, as far as its name tells.
    pub fn is_of_batch(&self, id: &str) -> bool {
        !id.is_empty() && self.batch == batch_in_name(id)
    }
}

impl Ord for RunName {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |name: &Self| (name.time, name.ordinal, name.batch.clone(), name.digest.clone(), word(name.verdict));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for RunName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ordinal, batch, digest, .. } = self;
        write!(f, "{}.{ordinal:02}-{batch}-{digest}.{}", self.time.format(TIME), word(self.verdict))
    }
}

/// A verdict as reports write it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Quarantine => "quarantine",
        Verdict::Reject => "reject",
        Verdict::Undecided => "undecided",
    }
}

/// The time that a run speaks of: what its ages were measured against, else when it began.
pub fn time_of(report: &Report) -> Option<DateTime<Utc>> {
    let time = report.as_of.as_ref().or(report.began.as_ref())?;
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.to_utc())
}

/// Ids are plain names, which have no `~`.
fn batch_in_name(id: &str) -> String {
    match id.char_indices().nth(BATCH_MAX) {
        None => id.to_owned(),
        Some((end, _)) => format!("{}~{:08x}", &id[..end], xxh3_128(id.as_bytes()) >> 96),
    }
}

/// A digest of what was judged, by which rules, when, and how it came out: not of what became of the batch in storage, which is
/// another thing when the same run is repeated.
pub fn digest(report: &Report) -> String {
    let text = json!([outcome(report), report.began, report.as_of, report.mode]).to_string();
    format!("{:016x}", xxh3_128(text.as_bytes()) >> 64)
}

/// What was judged and how it came out, whenever that was.
pub(super) fn outcome(report: &Report) -> String {
    let Report { dataset, batch, verdict, rows, findings, faults, .. } = report;
    // A batch without an id is told by its files.
    let files: Vec<_> = batch.files.iter().filter(|_| batch.id.is_empty()).map(|file| json!([file.path, file.bytes])).collect();
    let findings: Vec<_> = findings.iter().map(|f| json!([f.id, f.outcome, f.on_fail, f.observed, f.failing_rows])).collect();
    let faults: Vec<_> = faults.iter().map(|fault| json!([fault.code, fault.what])).collect();
    json!([dataset, batch.id, files, batch.rules_digest, verdict, rows, findings, faults]).to_string()
}

/// The name of the directory of a data set: its own where that is plain.
pub(super) fn directory_of(dataset: &str) -> String {
    if crate::files::is_plain_name(dataset) && !dataset.starts_with('_') && dataset.len() <= 100 {
        return dataset.to_owned();
    }
    let plain: String = dataset.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(BATCH_MAX).collect();
    // No plain name has a `~`.
    format!("{plain}~{:08x}", xxh3_128(dataset.as_bytes()) >> 96)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RunName {
        RunName::read(&format!("{text}.json")).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn names_come_back_and_sort_by_time() {
        let names = [
            "20251231T235959.999Z.00-b-0123456789abcdef.accept",
            "20260101T000000.000Z.00--0123456789abcdef.undecided",
            "20260101T000000.000Z.00-a-1.b=2-ffffffffffffffff.quarantine",
            "20260101T000000.000Z.10-a-0000000000000000.reject",
            "20260101T000000.000Z.100-a-0000000000000000.reject",
        ];
        for text in names {
            assert_eq!(name(text).to_string(), text);
        }
        let read: Vec<RunName> = names.iter().map(|text| name(text)).collect();
        assert!(read.is_sorted(), "{read:?}");
        assert_eq!(read[2].batch, "a-1.b=2");
        for text in ["x", "20260101T000000.000Z.00-a-0123456789abcdef", "20260101T000000.000Z.00-a-xyz.accept", "a.mark-000-bad-01234567"] {
            assert_eq!(RunName::read(&format!("{text}.json")), None, "{text}");
        }
    }

    #[test]
    fn a_batch_is_told_by_its_name_however_long_its_id_is() {
        let long = "x".repeat(200);
        let other = format!("{}y", &long[..199]);
        let run = RunName { batch: batch_in_name(&long), ..name("20260101T000000.000Z.00-b-0123456789abcdef.accept") };
        assert!(run.is_of_batch(&long) && !run.is_of_batch(&other) && !run.is_of_batch(""));
        assert!(run.file().len() < 160);
        assert_eq!(RunName::read(&run.file()), Some(run));
    }

    #[test]
    fn a_data_set_has_a_directory_of_its_own_whatever_it_is_called() {
        assert_eq!(directory_of("orders"), "orders");
        for odd in ["a/b", "..", ".x", "_x", "", "Ünï", &"x".repeat(300)] {
            let directory = directory_of(odd);
            assert!(directory.contains('~') && !directory.starts_with(['.', '/']) && directory.len() < 64, "{odd}: {directory}");
        }
        assert_ne!(directory_of("a/b"), directory_of("a:b"));
    }
}
