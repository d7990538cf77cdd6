//! Names of files and directories of a site: safe everywhere, whatever data sets and batches are called.

use xxhash_rust::xxh3::xxh3_64;

use crate::history::{digest, time_of};
use crate::report::Report;

/// Characters of a data set's name that stand in that of its directory.
const NAME_MAX: usize = 40;

/// Names that some systems keep for devices.
const DEVICES: [&str; 6] = ["aux", "con", "nul", "prn", "com", "lpt"];

/// The name of a data set's directory: its own where that is plain, else what is plain of it and a digest. Upper case is not
/// plain: some systems do not tell it from lower case.
pub(super) fn directory_of(dataset: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let is_device = DEVICES.iter().any(|device| dataset.trim_end_matches(|c: char| c.is_ascii_digit()) == *device);
    if !dataset.is_empty() && dataset.len() <= NAME_MAX && dataset.chars().all(is_plain) && !dataset.starts_with('-') && !is_device {
        return dataset.to_owned();
    }
    let plain: String = dataset.to_lowercase().chars().map(|c| if is_plain(c) { c } else { '_' }).take(NAME_MAX).collect();
    format!("{}~{:016x}", plain.trim_start_matches('-'), xxh3_64(dataset.as_bytes()))
}

/// What a run is called on the site: its time, and a digest of what was judged and how it came out. No name of the batch, which
/// may be anything.
pub(super) fn run_of(report: &Report) -> String {
    let time = time_of(report).map_or_else(|| UNDATED.to_owned(), |time| time.format("%Y%m%dT%H%M%S%.3fZ").to_string());
    format!("{time}-{}", digest(report))
}

/// Reports of version 0.1 do not say when they were made.
const UNDATED: &str = "undated";

/// Whether a file can be one of a run.
pub(super) fn is_run(stem: &str) -> bool {
    let Some((time, digest)) = stem.rsplit_once('-') else { return false };
    let is_time = time.len() == "20261127T080000.000Z".len() && time.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'.' | b'Z'));
    (is_time || time == UNDATED) && digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_sets_have_directories_of_their_own_whatever_they_are_called() {
        assert_eq!(directory_of("orders_2026-eu"), "orders_2026-eu");
        let odd = [
            "",
            ".",
            "..",
            "../../x",
            "a/b",
            "a:b",
            "a\\b",
            "Orders",
            "ORDERS",
            "index.html",
            "<script>",
            "con",
            "com1",
            "-r",
            "Ünï",
            "x\0y",
            "~",
        ];
        let long = ["x".repeat(5_000), format!("{}y", "x".repeat(5_000))];
        let mut seen = std::collections::BTreeSet::new();
        for name in odd.iter().copied().chain(long.iter().map(String::as_str)) {
            let directory = directory_of(name);
            let is_safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '~');
            assert!(directory.contains('~') && directory.len() < 60 && directory.chars().all(is_safe), "{name}: {directory}");
            assert!(!directory.starts_with('-') && seen.insert(directory), "{name}");
        }
    }

    #[test]
    fn names_of_runs_are_told_from_others() {
        assert!(is_run("20261127T080000.000Z-5f1d0c9b7a3e2468") && is_run("undated-5f1d0c9b7a3e2468"));
        assert!(!is_run("index") && !is_run("notes-5f1d0c9b7a3e2468") && !is_run("20261127T080000.000Z-5f1d"));
    }
}
