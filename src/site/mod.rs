//! A site over many runs: static pages that link to each other and to nothing else.
//!
//! - [`gather`] finds the reports. The site is a function of them: in any order, built at once or run by run, it is the same
//!   site, byte for byte; what is not among them any more goes.
//! - [`Brief`] is what the pages need of one run. It stands beside the run's page, so that old reports are not judged anew:
//!   a report whose digest it names is not even parsed.
//! - Of a data set the newest runs are on pages that are written anew with each run; all runs are in lists by month, day or
//!   hour (`lists`), of which a run touches one. So adding a run writes as many files at the tenth as at the thousandth.
//! - [`Directory`] is the place: it touches what is its own and nothing else.

mod brief;
mod changes;
mod columns;
mod dataset;
mod directory;
mod drawing;
mod findings;
mod gather;
mod index;
mod lists;
mod name;
mod page;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

pub use self::brief::Brief;
use self::brief::Head;
pub use self::directory::Directory;
pub use self::gather::{Found, gather};
use self::page::Pages;
use self::settle::settle;
use crate::diagnostic::{Fault, Faults};

/// What came of building a site.
#[derive(Debug, Default)]
pub struct Built {
    pub datasets: usize,
    pub runs: usize,
    /// Runs that were not there before, or not so.
    pub new: usize,
    /// Files that were written, and that went.
    pub written: usize,
    pub removed: usize,
    /// Reports that could not be read; they are left out.
    pub broken: Faults,
    /// What else was left out.
    pub notes: Vec<String>,
}

/// What becomes of runs that are on the site and were not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Go,
    Stay,
}

/// Runs of one data set, the oldest first.
type Runs = Vec<Head>;

/// Builds the site of the reports that were found, as far as it is not there yet, with so many threads.
///
/// # Errors
/// The directory cannot be read or written.
pub fn build(found: &[Found], directory: &Directory, others: Others, threads: usize) -> Result<Built, Fault> {
    let pages = Pages::new();
    let known = directory.briefs()?;
    let settled = settle(found, directory, &pages, &known, threads)?;
    let mut built = Built { new: settled.new, broken: settled.broken, notes: settled.notes, ..Built::default() };
    let mut datasets: BTreeMap<String, BTreeMap<String, Head>> = BTreeMap::new();
    for (dataset, head) in settled.heads {
        datasets.entry(dataset).or_default().insert(head.name.clone(), head);
    }
    if others == Others::Stay {
        for (dataset, head) in known.into_values() {
            datasets.entry(dataset).or_default().entry(head.name.clone()).or_insert(head);
        }
    }
    let mut rows = Vec::new();
    for (dataset, runs) in datasets {
        let mut runs: Runs = runs.into_values().collect();
        runs.sort_by(|a, b| (&a.time, &a.name).cmp(&(&b.time, &b.name)));
        built.runs += runs.len();
        runs.iter().for_each(|run| directory.keep_run(&dataset, &run.name));
        rows.push(dataset::write(directory, &pages, &dataset, &runs)?);
    }
    built.datasets = rows.len();
    index::write(directory, &pages, rows)?;
    built.removed = directory.sweep()?;
    built.written = directory.written();
    Ok(built)
}

/// Of each item what `work` makes of it, in their order, with so many threads.
fn each<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(at)
        {
            done.push((at, work(item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let begin = |_| std::thread::Builder::new().spawn_scoped(scope, take).ok();
        let workers: Vec<_> = (1..threads.clamp(1, items.len().max(1))).map_while(begin).collect();
        let own = take();
        // What a worker panics with goes on here.
        let of_others = workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        of_others.chain(own).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Names that occur in no other place of the site.
type Names = BTreeSet<String>;
