//! The gate: stage while the audit folds, set aside, filter, commit. The only writer of data.

mod filter;
mod quarantine;
mod staging;

use std::io::Read;

use xxhash_rust::xxh3::Xxh3Default;

use self::staging::{Staged, Staging};
use crate::assemble::{self, Header};
use crate::audit::{self, Audited, Job, NoSink};
use crate::diagnostic::{Fault, Faults};
use crate::identity;
use crate::report::Report;
use crate::report::model::{Mode, Publication, PublicationState};
use crate::rows::RowSet;
use crate::store::{Destination, Stamp, Stored};
use crate::verdict::Verdict;

/// What the gate shall do.
pub struct Request {
    pub publish: Destination,
    pub quarantine: Destination,
    pub batch_id: Option<String>,
    /// Whether the batch may take the place of another under its id.
    pub supersede: bool,
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
        let publication = Publication { state: PublicationState::DryRun, published: None, quarantined: None };
        return Ok(write_up(job, request, &audited, &stamp, &set_aside, Some(publication)));
    }
    let staging = Staging::new(&request.publish, evolution);
    let audited = audit::audit(job, &staging)?;
    let (stamp, set_aside) = (stamp(job, request, &audited)?, audited.set_aside());
    let mut report = write_up(job, request, &audited, &stamp, &set_aside, None);
    // From here on, what is there stays as it is seen.
    let _hold = request.publish.hold(&request.quarantine)?;
    let publication = match (standing(request, &stamp)?, report.verdict) {
        (Standing::Same, _) => unchanged(job, request, &audited, &stamp, &set_aside)?,
        (Standing::Free | Standing::Other, Verdict::Reject | Verdict::Undecided) => {
            Publication { state: PublicationState::Withheld, published: None, quarantined: None }
        }
        (standing @ (Standing::Free | Standing::Other), Verdict::Accept | Verdict::Quarantine) => {
            publish(job, request, &audited, &stamp, &set_aside, staging.into_staged()?, standing)?
        }
    };
    report.publication = Some(publication);
    Ok(report)
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
    let refused = |destination: &Destination, why: &str| {
        let what = format!("{}: {why}", destination.place_of(&stamp.batch_id).display());
        Err(Fault::new(what).hint("nothing was changed; `--supersede` replaces it"))
    };
    // What a run that was cut short left in quarantine is of this data set, and may be replaced.
    let stranger = match request.quarantine.stored(stamp)? {
        Stored::Nothing => None,
        Stored::Batch(there) => (there.dataset != stamp.dataset).then(|| format!("rows of the data set `{}` are there", there.dataset)),
        Stored::Foreign => Some("a file is there that this gate did not write".to_owned()),
    };
    if let Some(why) = stranger.filter(|_| !request.supersede) {
        return refused(&request.quarantine, &why);
    }
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
    if request.supersede { Ok(Standing::Other) } else { refused(&request.publish, &other) }
}

/// The batch is there; what was set aside is written again only if it is not.
fn unchanged(job: &Job<'_>, request: &Request, audited: &Audited, stamp: &Stamp, set_aside: &RowSet) -> Result<Publication, Fault> {
    let published = Some(request.publish.confirm(stamp)?.display().to_string());
    let quarantined = match set_aside.is_empty() {
        true => None,
        false if request.quarantine.stored(stamp)? == Stored::Batch(stamp.clone()) => {
            Some(request.quarantine.confirm(stamp)?.display().to_string())
        }
        false => Some(quarantine(job, request, audited, stamp, set_aside)?),
    };
    Ok(Publication { state: PublicationState::Unchanged, published, quarantined })
}

/// Writes and commits the rows set aside; gives the part's path.
fn quarantine(job: &Job<'_>, request: &Request, audited: &Audited, stamp: &Stamp, set_aside: &RowSet) -> Result<String, Fault> {
    let (mut part, columns) = quarantine::write(job, audited, set_aside, &request.quarantine)?;
    part.finish(stamp)?;
    Ok(request.quarantine.commit(part, stamp, &columns)?.display().to_string())
}

/// Quarantine first, then publish: a reader who sees the batch can find what is not in it.
fn publish(
    job: &Job<'_>,
    request: &Request,
    audited: &Audited,
    stamp: &Stamp,
    set_aside: &RowSet,
    staged: Staged,
    standing: Standing,
) -> Result<Publication, Fault> {
    let (mut published, columns) = filter::without(staged, set_aside, &request.publish, stamp)?;
    published.finish(stamp)?;
    let quarantined = match set_aside.is_empty() {
        true => {
            request.quarantine.remove(&stamp.batch_id)?;
            None
        }
        false => Some(quarantine(job, request, audited, stamp, set_aside)?),
    };
    let path = request.publish.commit(published, stamp, &columns)?;
    let state = if standing == Standing::Other { PublicationState::Superseded } else { PublicationState::Published };
    Ok(Publication { state, published: Some(path.display().to_string()), quarantined })
}
