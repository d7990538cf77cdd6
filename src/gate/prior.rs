//! What is there already where a batch would go.

use super::Request;
use crate::diagnostic::{Code, Fault};
use crate::report::model::PublicationState;
use crate::store::{Stamp, Stored, replays_in, rolled_back};

/// What the destination holds already, before the batch is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prior {
    /// Nothing that the batch would replace.
    Nothing,
    /// The same batch, judged by the same rules, is there.
    Identical,
    /// Something else is there under its id, and may be superseded.
    Different,
    /// The single file holds the batch of this id, whose place it takes.
    OtherBatch(String),
}

impl Prior {
    /// What a commit makes of it.
    pub(super) fn state(&self) -> PublicationState {
        match self {
            Self::Nothing | Self::OtherBatch(_) => PublicationState::Published,
            Self::Identical => PublicationState::Unchanged,
            Self::Different => PublicationState::Superseded,
        }
    }

    /// The batch whose file is replaced.
    pub(super) fn replaced(&self) -> Option<String> {
        match self {
            Self::OtherBatch(batch) => Some(batch.clone()),
            Self::Nothing | Self::Identical | Self::Different => None,
        }
    }
}

/// Looks for what the destination holds already.
///
/// # Errors
/// What is there may not be replaced; or it cannot be read.
pub(super) fn find_prior(request: &Request, stamp: &Stamp) -> Result<Prior, Fault> {
    // What moves a source on has never been there: the positions say so.
    if !request.positions().is_empty() {
        return Ok(Prior::Nothing);
    }
    let place = request.publish.place_of(&stamp.batch_id);
    let other = match request.publish.stored(stamp)? {
        Stored::Nothing => return Ok(Prior::Nothing),
        Stored::Batch(there) if there == *stamp => match rolled_back_replay(request, stamp)? {
            None => return Ok(Prior::Identical),
            Some(_) if request.supersede => return Ok(Prior::Different),
            Some(lost) => return Err(lost),
        },
        Stored::Batch(there) if there.dataset != stamp.dataset => {
            format!("{place}: a batch of the data set `{}` is there", there.dataset)
        }
        Stored::Batch(there) if request.publish.keeps_one_batch() && there.batch_id != stamp.batch_id => {
            return Ok(Prior::OtherBatch(there.batch_id));
        }
        Stored::Batch(there) if there.content_digest == stamp.content_digest => {
            format!("{place}: batch `{}` is already published under other rules", stamp.batch_id)
        }
        // Of a batch without a file only a digest is known, which says that it is another.
        Stored::Batch(there) if there.content_digest.len() < stamp.content_digest.len() => {
            format!(
                "{place}: batch `{}` is already published with other content, under other rules, or of another data set",
                stamp.batch_id
            )
        }
        Stored::Batch(_) => format!("{place}: batch `{}` is already published with other content", stamp.batch_id),
        Stored::Foreign => format!("{place}: a file is there that this gate did not write"),
        Stored::RolledBack(_) if request.supersede => return Ok(Prior::Nothing),
        Stored::RolledBack(how) => return Err(rolled_back(&place, stamp, &how)),
    };
    if request.merge.is_some() {
        let hint = "nothing was changed; rows that it replaced are gone, so it is not superseded: bring corrected rows as another batch, with a higher sequence";
        return Err(Fault::new(Code::AlreadyPublished, other).hint(hint));
    }
    // Where the id follows from the content, nothing else can be meant to take its place.
    if request.supersede || (request.replace.is_some() && request.batch_id.is_some()) {
        return Ok(Prior::Different);
    }
    Err(Fault::new(Code::AlreadyPublished, other).hint("nothing was changed; `--supersede` replaces it"))
}

/// Rows of the batch were set aside, joined it by a replay, and are gone from both places: the file or the table was brought
/// back to what it was before. None where nothing is missing, or the batch's own file can no longer be told.
fn rolled_back_replay(request: &Request, stamp: &Stamp) -> Result<Option<Fault>, Fault> {
    let part = request.quarantine.place_of(stamp);
    if !request.quarantine.has(stamp)? {
        return Ok(None);
    }
    let taken = replays_in(&part)?;
    if taken.is_empty() {
        return Ok(None);
    }
    let Ok(Some(published)) = request.publish.published(stamp) else { return Ok(None) };
    let joined = published.replays()?;
    if taken.iter().all(|replay| joined.contains(replay)) {
        return Ok(None);
    }
    let what = format!(
        "{}: rows of batch `{}` that a replay published are no longer there, and are not set aside either: what is published was brought \
         back to what it was before",
        request.publish, stamp.batch_id
    );
    Ok(Some(
        Fault::new(Code::RowsGone, what)
            .hint("nothing was changed; `gate --supersede` publishes the batch again and sets aside what it left"),
    ))
}
