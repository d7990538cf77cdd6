//! Where the rows went, as a sum.

use super::model::{Mode, Report};
use crate::shown::{count, counted};

/// `193 rows read = 190 published + 3 quarantined`.
pub(super) fn sum(report: &Report) -> String {
    let r = &report.rows;
    // Only a gate moves rows, and a stream.
    let would = match report.mode {
        Mode::Gate | Mode::Stream | Mode::Profile | Mode::Compare => "",
        Mode::Check | Mode::DryRun => "would be ",
    };
    let malformed = if r.malformed > 0 { format!(" ({} malformed)", count(r.malformed)) } else { String::new() };
    let (quarantined, rejected) = if r.quarantined > 0 { (malformed, String::new()) } else { (String::new(), malformed) };
    let parts = [
        (r.published, would, "published", String::new()),
        (r.quarantined, would, "quarantined", quarantined),
        (r.filtered, "", "filtered", String::new()),
        (r.deletes, "", "deletes", String::new()),
        (r.late, "", "late", String::new()),
        (r.rejected, would, "rejected", rejected),
    ];
    let part = |(n, would, what, more): (u64, &str, &str, String)| (n > 0).then(|| format!("{} {would}{what}{more}", count(n)));
    let parts: Vec<String> = parts.into_iter().filter_map(part).collect();
    match parts.is_empty() {
        true => "no rows read".to_owned(),
        false => format!("{} read = {}", counted(r.read, "row"), parts.join(" + ")),
    }
}
