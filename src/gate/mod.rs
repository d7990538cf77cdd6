//! The gate: stage while the audit folds, set aside, filter, commit. The only writer of data.

mod filter;
mod measured;
mod published;
mod quarantine;
pub mod replay;
mod staging;

use std::io::Read;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use self::measured::Measured;
pub use self::published::PublishedTable;
use self::staging::{Staged, Staging};
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job, NoSink};
use crate::diagnostic::{Fault, Faults};
use crate::identity;
use crate::report::Report;
use crate::report::model::{Mode, Publication, PublicationState, RowTotals};
use crate::rows::RowSet;
use crate::rules::schema::Evolution;
use crate::store::{Commit, Committed, Destination, Hold, Location, Partition, Quarantine, StagedFile, Stamp, Stored, replays_in};
use crate::verdict::Verdict;

/// What the gate shall do.
pub struct Request {
    pub publish: Destination,
    /// The destination as rules see it; the job has the same.
    pub table: Arc<PublishedTable>,
    pub quarantine: Quarantine,
    pub batch_id: Option<String>,
    /// Whether the batch may take the place of another under its id.
    pub supersede: bool,
    /// The column whose published values the batch's rows take the place of.
    pub replace: Option<String>,
    /// Judge, and say what would be done.
    pub dry_run: bool,
    /// The run's clock, if it was set.
    pub as_of: Option<String>,
}

/// Judges the job's data and publishes what may pass.
///
/// # Errors
/// What cannot be judged, or written; then the destination is as it was.
pub fn gate(job: &Job<'_>, request: &Request) -> Result<Report, Faults> {
    identity::check(request.batch_id.as_deref())?;
    let evolution = job.rules.sections.schema.as_ref().map(|schema| schema.evolution).unwrap_or_default();
    if request.dry_run {
        let audited = audit::audit(job, &NoSink)?;
        request.publish.columns(&audited.plan.prepare.schema, evolution)?;
        let (stamp, set_aside) = (stamp(job, request, &audited)?, audited.set_aside());
        standing(request, &stamp)?;
        let publication = Publication::of_nothing(PublicationState::DryRun);
        return Ok(write_up(job, request, &audited, &stamp, &set_aside, Some(publication)));
    }
    let mut hold = None;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(report) = attempt(job, request, evolution, &mut hold)? {
            return Ok(report);
        }
        request.table.forget();
    }
    let what = format!("{}: others keep changing the table", request.publish.location());
    Err(Fault::new(what).hint("nothing was published; run the gate again").into())
}

/// Judges and publishes; none if others have changed the table that the batch was judged beside.
fn attempt(job: &Job<'_>, request: &Request, evolution: Evolution, hold: &mut Option<Hold>) -> Result<Option<Report>, Faults> {
    let staging = Staging::new(&request.publish, evolution);
    let audited = audit::audit(job, &staging)?;
    let (stamp, set_aside) = (stamp(job, request, &audited)?, audited.set_aside());
    let mut report = write_up(job, request, &audited, &stamp, &set_aside, None);
    // From here on, what is there stays as it is seen.
    if hold.is_none() {
        *hold = Some(request.publish.hold(&request.quarantine)?);
    }
    if request.table.is_outdated()? {
        return Ok(None);
    }
    let batch = Batch { job, request, audited: &audited, stamp: &stamp, set_aside: &set_aside };
    let publication = match (standing(request, &stamp)?, report.verdict) {
        (Standing::Same, _) => Some(batch.unchanged()?),
        (Standing::Free | Standing::Other, Verdict::Reject | Verdict::Undecided) => {
            Some(Publication::of_nothing(PublicationState::Withheld))
        }
        (standing @ (Standing::Free | Standing::Other), Verdict::Accept | Verdict::Quarantine) => {
            batch.publish(staging.into_staged()?, standing, &mut report.rows)?
        }
    };
    let is_done = publication.is_some();
    report.publication = publication;
    Ok(is_done.then_some(report))
}

fn write_up(
    job: &Job<'_>,
    request: &Request,
    audited: &Audited,
    stamp: &Stamp,
    set_aside: &RowSet,
    publication: Option<Publication>,
) -> Report {
    let mode = if request.dry_run { Mode::DryRun } else { Mode::Gate };
    let header = Header { mode, batch_id: stamp.batch_id.clone(), as_of: request.as_of.clone() };
    assemble::assemble(header, job.rules, audited, set_aside.len(), publication)
}

fn stamp(job: &Job<'_>, request: &Request, audited: &Audited) -> Result<Stamp, Fault> {
    let content = match audited.content_digest {
        Some(digest) => digest,
        None => digest_of_files(audited)?,
    };
    Ok(Stamp {
        dataset: job.rules.sections.dataset.clone(),
        batch_id: identity::batch_id(request.batch_id.as_deref(), audited),
        rules_digest: format!("{:032x}", job.rules.digest),
        content_digest: format!("{content:032x}"),
    })
}

/// Every byte of every file: two batches may share their footers' digest, but then not this one.
fn digest_of_files(audited: &Audited) -> Result<u128, Fault> {
    let mut digest = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 20];
    for (i, file) in audited.source.files().iter().enumerate() {
        // The keys of its directories are content too.
        digest.update(&audited.source.head_digest(i as u32).to_le_bytes());
        let failed = |e: std::io::Error| Fault::new(format!("{}: cannot read: {e}", file.path));
        let mut handle = file.open()?;
        loop {
            let read = handle.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
        }
        digest.update(&file.bytes.to_le_bytes());
        file.ensure_unchanged()?;
    }
    Ok(digest.digest128())
}

/// How the batch stands to what its destination holds under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing stands in its way.
    Free,
    /// The same batch, judged by the same rules, is there.
    Same,
    /// Something else is there, and may be superseded.
    Other,
}

fn standing(request: &Request, stamp: &Stamp) -> Result<Standing, Fault> {
    let other = match request.publish.stored(stamp)? {
        Stored::Nothing => return Ok(Standing::Free),
        Stored::Batch(there) if there == *stamp => return Ok(Standing::Same),
        Stored::Batch(there) if there.dataset != stamp.dataset => format!("a batch of the data set `{}` is there", there.dataset),
        // One file holds the latest batch, whatever its id.
        Stored::Batch(there) if there.batch_id != stamp.batch_id => return Ok(Standing::Free),
        Stored::Batch(there) if there.content_digest != stamp.content_digest => {
            format!("batch `{}` is already published with other content", stamp.batch_id)
        }
        Stored::Batch(_) => format!("batch `{}` is already published under other rules", stamp.batch_id),
        Stored::Foreign => "a file is there that this gate did not write".to_owned(),
    };
    if request.supersede || request.replace.is_some() {
        return Ok(Standing::Other);
    }
    let what = format!("{}: {other}", request.publish.place_of(&stamp.batch_id));
    Err(Fault::new(what).hint("nothing was changed; `--supersede` replaces it"))
}

/// How often a commit is tried again that others keep overtaking.
const ATTEMPTS_MAX: usize = 100;

/// A batch that was judged, on its way to its destination.
struct Batch<'a> {
    job: &'a Job<'a>,
    request: &'a Request,
    audited: &'a Audited,
    stamp: &'a Stamp,
    set_aside: &'a RowSet,
}

impl Batch<'_> {
    /// The batch is there; what was set aside is written again only if it is not.
    fn unchanged(&self) -> Result<Publication, Fault> {
        let quarantine = &self.request.quarantine;
        let published = self.request.publish.confirm(self.stamp)?;
        let is_there = quarantine.has(self.stamp)?;
        // Judged beside other rows than then, or with rows replayed since, the batch would set aside others than it did.
        let is_past = self.request.table.seen().is_some() || self.is_replayed()?;
        let sets_aside = !self.set_aside.is_empty();
        let quarantined = match is_there {
            true if is_past || sets_aside => Some(quarantine.confirm(self.stamp)?),
            false if !is_past && sets_aside => Some(quarantine.commit(&mut self.part()?, self.stamp)?),
            true | false => None,
        };
        if !is_there && is_past {
            quarantine.ensure_whole(self.stamp)?;
        }
        let keeps_part = is_past || quarantined.is_some();
        self.settled(PublicationState::Unchanged, published, quarantined, keeps_part)
    }

    /// Whether a replay brought some of the batch's rows, or may have: its file can no longer be told.
    fn is_replayed(&self) -> Result<bool, Fault> {
        match self.request.publish.file_of(self.stamp) {
            Ok(Some(file)) => Ok(!replays_in(&file)?.is_empty()),
            Ok(None) => Ok(false),
            Err(_) => Ok(true),
        }
    }

    /// Quarantine first, then publish: a reader who sees the batch can find what is not in it. None if others have changed
    /// the table that it was judged beside. `rows` become what was counted in the files.
    fn publish(&self, staged: Staged, mut standing: Standing, rows: &mut RowTotals) -> Result<Option<Publication>, Fault> {
        let Self { request, stamp, .. } = self;
        let (mut published, columns) = filter::without(staged, self.set_aside, &request.publish, stamp)?;
        published.finish(stamp)?;
        let as_judged = |column: &str| self.audited.plan.prepare.schema.field_with_name(column).ok().map(|field| field.data_type());
        let replace = request.replace.as_ref().map(|column| Partition::of(&published, column, as_judged(column))).transpose()?;
        if let Some(partition) = replace.as_ref().filter(|partition| !request.table.left_out_just(partition)) {
            let what =
                format!("not every `{}` of the batch has a row to be published, and `across: published` left them out", partition.column);
            return Err(Fault::new(what).hint("nothing was published; `gate: { replace: … }` replaces values that are published"));
        }
        let mut part = if self.set_aside.is_empty() { None } else { Some(self.part()?) };
        let measured = Measured::of(&published, part.as_ref())?;
        measured.ensure_conserved(self.audited, self.set_aside.len())?;
        *rows = measured.into_totals(*rows);
        let quarantined = part.as_mut().map(|part| request.quarantine.commit(part, stamp)).transpose()?;
        let seen = request.table.seen();
        let mut overtaken = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let commit = Commit { stamp, columns: &columns, seen: seen.as_ref(), replace: replace.as_ref() };
            match request.publish.commit(&mut published, &commit)? {
                Committed::There { place, replaced_rows } => {
                    let state = if standing == Standing::Other { PublicationState::Superseded } else { PublicationState::Published };
                    let keeps_part = quarantined.is_some();
                    let publication = self.settled(state, place, quarantined, keeps_part)?;
                    return Ok(Some(Publication { replaced_rows, ..publication }));
                }
                Committed::Overtaken(why) => overtaken = why,
            }
            standing = self::standing(request, stamp)?;
            match (standing, &seen) {
                (Standing::Same, _) => return self.unchanged().map(Some),
                (Standing::Free | Standing::Other, Some(_)) => return Ok(None),
                (Standing::Free | Standing::Other, None) => {}
            }
        }
        let what = format!("{}: others keep changing the table: {overtaken}", request.publish.location());
        Err(Fault::new(what).hint("nothing was published; run the gate again"))
    }

    /// Writes the rows set aside.
    fn part(&self) -> Result<StagedFile, Fault> {
        let mut part = quarantine::write(self.job, self.audited, self.set_aside, &self.request.quarantine)?;
        part.finish(self.stamp)?;
        measured::ensure_part_holds(&part, self.set_aside.len())?;
        Ok(part)
    }

    /// What earlier contents of the batch left in quarantine goes once this one is published.
    fn settled(
        &self,
        state: PublicationState,
        published: Location,
        quarantined: Option<Location>,
        keeps_part: bool,
    ) -> Result<Publication, Fault> {
        self.request.quarantine.settle(self.stamp, keeps_part)?;
        let shown = |place: Location| place.to_string();
        Ok(Publication { published: Some(shown(published)), quarantined: quarantined.map(shown), ..Publication::of_nothing(state) })
    }
}
