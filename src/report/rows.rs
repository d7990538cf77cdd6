//! Where the rows went, as a sum.

use super::model::{Mode, Report};
use crate::shown::{count, counted};

/// `193 rows read = 190 published + 3 quarantined`.
pub(super) fn sum(report: &Report) -> String {
    let r = &report.rows;
    // Only a gate moves rows, and a stream.
    let would = match report.mode {
        Mode::Gate | Mode::Stream => "",
        Mode::Check | Mode::DryRun => "would be ",
        Mode::Profile | Mode::Compare => return looked_at(report),
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

/// The same where rows are looked at and go nowhere: `193 rows read, 2 of them malformed`.
fn looked_at(report: &Report) -> String {
    let r = &report.rows;
    if r.read == 0 {
        return "no rows read".to_owned();
    }
    let parts = [(r.filtered, "filtered"), (r.malformed, "malformed")];
    let more: String = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {} of them {what}", count(n))).collect();
    format!("{} read{more}", counted(r.read, "row"))
}
