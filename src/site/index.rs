//! The first page of a site: its data sets, those first that need somebody.

use xxhash_rust::xxh3::Xxh3;

use super::dataset::Row;
use super::directory::Directory;
use super::page::{Pages, given};
use crate::diagnostic::Fault;
use crate::verdict::Verdict;

/// Data sets on one page.
const ROWS_MAX: usize = 300;

/// Writes the first page, and further ones where there are many data sets.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(directory: &Directory, pages: &Pages, mut rows: Vec<Row>) -> Result<(), Fault> {
    rows.sort_by(|a, b| (urgency(a), &a.name, &a.directory).cmp(&(urgency(b), &b.name, &b.directory)));
    let number = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let counts = [Verdict::Reject, Verdict::Undecided, Verdict::Quarantine, Verdict::Accept].map(|verdict| (verdict, number(verdict)));
    let runs: usize = rows.iter().map(|row| row.runs).sum();
    let parts: Vec<&[Row]> = if rows.is_empty() { vec![&[]] } else { rows.chunks(ROWS_MAX).collect() };
    let files: Vec<String> =
        (0..parts.len()).map(|at| if at == 0 { "index.html".to_owned() } else { format!("index-{}.html", at + 1) }).collect();
    for (at, part) in parts.iter().enumerate() {
        let mut digest = Xxh3::new();
        digest.update(&Pages::digest().to_le_bytes());
        digest.update(format!("{at} {} {runs} {counts:?}", parts.len()).as_bytes());
        for row in *part {
            digest.update(row.directory.as_bytes());
            digest.update(&row.digest.to_le_bytes());
        }
        let digest = digest.digest128();
        directory.page(&files[at], digest, || {
            let context = minijinja::context! { datasets => given(part), counts => given(counts), total => rows.len(), runs, files => given(&files), at };
            pages.render("site/index.html", digest, &context)
        })?;
    }
    Ok(())
}

fn urgency(row: &Row) -> u8 {
    match row.verdict {
        Verdict::Reject => 0,
        Verdict::Undecided => 1,
        Verdict::Quarantine => 2,
        Verdict::Accept if row.warned > 0 => 3,
        Verdict::Accept => 4,
    }
}
