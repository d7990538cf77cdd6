//! Each report to its run on the site: those that are there already are not even parsed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use super::brief::{Brief, Head, is_brief};
use super::directory::Directory;
use super::each;
use super::gather::Found;
use super::name::{directory_of, run_of};
use super::page::Pages;
use crate::diagnostic::{Code, Fault, Faults};
use crate::history::Mark;
use crate::report::{self, Report};
use crate::store::Location;

/// The runs that were found.
pub(super) struct Settled {
    /// Each with the directory of its data set.
    pub heads: Vec<(String, Head)>,
    pub new: usize,
    pub broken: Faults,
    pub notes: Vec<String>,
}

/// Runs that are on the site, by the digest of what they are of.
type Known = BTreeMap<String, (String, Head)>;

/// What a file came to.
enum Came {
    /// A run: the directory of its data set, and whether it was there.
    Run(String, Box<Head>, bool),
    /// It is no report, and nobody said so.
    NoReport,
    Broken(Fault),
    /// The site cannot be written.
    Failed(Fault),
}

/// Which report is on the site as the run of a data set.
type Claims = Mutex<BTreeMap<(String, String), String>>;

/// Writes the page of each report that is not on the site yet.
///
/// # Errors
/// The directory cannot be written.
pub(super) fn settle(found: &[Found], directory: &Directory, pages: &Pages, known: &Known, threads: usize) -> Result<Settled, Fault> {
    let claims = Claims::default();
    let came = each(found, threads, |found| one(found, directory, pages, known, &claims));
    let claims = claims.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut settled = Settled { heads: Vec::new(), new: 0, broken: Faults::default(), notes: Vec::new() };
    let mut seen = super::Names::new();
    for (came, found) in came.into_iter().zip(found) {
        match came {
            Came::Run(dataset, head, was_there) => match claims.get(&(dataset.clone(), head.name.clone())) {
                Some(of) if *of == head.of => {
                    settled.new += usize::from(!was_there && seen.insert(of.clone()));
                    settled.heads.push((dataset, *head));
                }
                Some(_) | None => {
                    settled.notes.push(format!("{}: another report of the very same run is there; this one is left out", found.place))
                }
            },
            Came::NoReport => settled.notes.push(format!("{}: this is no report; it is left alone", found.place)),
            Came::Broken(fault) => settled.broken.push(fault),
            Came::Failed(fault) => return Err(fault),
        }
    }
    Ok(settled)
}

fn one(found: &Found, directory: &Directory, pages: &Pages, known: &Known, claims: &Claims) -> Came {
    let (bytes, mark, of) = match read(found) {
        Ok(read) => read,
        Err(fault) => return Came::Broken(fault),
    };
    if is_brief(&bytes) {
        return Came::NoReport;
    }
    if let Some((dataset, head)) = known.get(&of) {
        let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = claims.entry((dataset.clone(), head.name.clone())).or_insert_with(|| of.clone());
        // Where another report has written its page over this one, it is written again below, if it is to stay.
        if *claim == of {
            return Came::Run(dataset.clone(), Box::new(head.clone()), true);
        }
    }
    let report = match parse(&bytes, found) {
        Ok(Some(report)) => report.together().into_owned(),
        Ok(None) => return Came::NoReport,
        Err(fault) => return Came::Broken(fault),
    };
    drop(bytes);
    let (dataset, name) = (directory_of(&report.dataset), run_of(&report));
    let brief = Brief::of(&report, of.clone(), mark.as_ref());
    let (text, page) = match brief.write().and_then(|text| Ok((text, pages.run(&report, &brief.head)?))) {
        Ok(made) => made,
        Err(fault) => return Came::Failed(fault),
    };
    let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
    let claim = claims.entry((dataset.clone(), name.clone())).or_insert_with(|| of.clone());
    // Of several reports of one run, the one with the smallest digest stays, whatever comes first.
    if of <= *claim {
        *claim = of;
        if let Err(fault) = directory.put_run(&dataset, &name, &page, &text) {
            return Came::Failed(fault);
        }
    }
    Came::Run(dataset, Box::new(brief.head), false)
}

/// The report's bytes, what was said last of the run, and the digest of both and of what pages are made with.
fn read(found: &Found) -> Result<(bytes::Bytes, Option<Mark>, String), Fault> {
    let mut places = vec![found.place.clone()];
    places.extend(found.marks.last().cloned());
    let mut read = Location::read_all(&places)
        .into_iter()
        .zip(&places)
        .map(|(bytes, place)| bytes.map_err(|e| Fault::new(Code::of_reading(&e), format!("{place}: cannot read: {e}; it is left out"))));
    let bytes = read.next().unwrap_or_else(|| Ok(bytes::Bytes::new()))?;
    let mark = read.next().transpose()?;
    let mut digest = Xxh3::new();
    digest.update(&Pages::digest().to_le_bytes());
    digest.update(&(bytes.len() as u64).to_le_bytes());
    digest.update(&bytes);
    digest.update(mark.as_deref().unwrap_or_default());
    let of = format!("{:032x}", digest.digest128());
    let mark = mark.map(|text| serde_json::from_slice(&text)).transpose();
    let damaged = |e| Fault::new(Code::Damaged, format!("{}: this mark of a run is damaged: {e}", places[places.len() - 1]));
    Ok((bytes, mark.map_err(damaged)?, of))
}

/// The report; none if the file holds JSON that is none, and nobody said that it is one.
fn parse(bytes: &[u8], found: &Found) -> Result<Option<Report>, Fault> {
    #[derive(Deserialize)]
    struct Peek {
        schema_version: Option<serde::de::IgnoredAny>,
    }
    let name = found.place.to_string();
    let text = std::str::from_utf8(bytes).map_err(|e| Fault::new(Code::Damaged, format!("{name}: not a report: {e}")));
    let read = text.and_then(|text| report::read(text, &name));
    match read {
        Err(_) if !found.is_named && serde_json::from_slice::<Peek>(bytes).is_ok_and(|peek| peek.schema_version.is_none()) => Ok(None),
        Err(fault) => Err(Fault { what: format!("{}; it is left out", fault.what), ..fault }),
        Ok(report) => Ok(Some(report)),
    }
}
