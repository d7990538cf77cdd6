//! Batches that move a source on: each begins where the table says that the last one ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ATTEMPTS_MAX, Request, fate};
use crate::diagnostic::{Code, Fault};
use crate::ruleset::RuleFile;
use crate::store::{Commit, Committed, Position, Quarantine, Stamp, Store, Waiting, moved_on};

/// What a batch moves on.
#[derive(Debug, Clone)]
pub struct Moving {
    /// One of each part of the source that it holds something of; at least one.
    pub positions: Vec<Position>,
    /// Parts of the quarantine that are known to be of published batches; shared by all batches of a run.
    pub seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Moving {
    /// Makes sure that the table is where the batch begins, and removes what gates have set aside that were killed before they
    /// published: the events are judged again.
    ///
    /// # Errors
    /// Another gate has moved on, or something cannot be read or removed.
    pub(super) fn begin(&self, request: &Request) -> Result<(), Fault> {
        let publish = request.publish.as_ref();
        let applications: Vec<String> = self.positions.iter().map(|position| position.application.clone()).collect();
        // The table stays as it is seen while this gate holds it: each application is asked for once.
        let mut known: BTreeMap<String, Option<i64>> = applications.iter().cloned().zip(publish.positions(&applications)?).collect();
        for position in &self.positions {
            let now = known.get(&position.application).copied().flatten();
            if now != position.from {
                return Err(moved_on(publish, position, now));
            }
        }
        // Where gates do not wait for each other, one that is at work may have just set these aside.
        if publish.held_directories().is_empty() {
            return Ok(());
        }
        self.remove_left(request, &mut |positions| {
            for step in positions {
                if !known.contains_key(&step.application) {
                    let application = step.application.clone();
                    known.insert(application.clone(), publish.positions(&[application])?.pop().flatten());
                }
                if known[&step.application] < Some(step.to) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Where gates do not wait for each other: removes what others have set aside of the same events. Since this batch is
    /// there, theirs will never be.
    ///
    /// # Errors
    /// Something cannot be read or removed.
    pub(super) fn end(&self, request: &Request, stamp: &Stamp) -> Result<(), Fault> {
        if !request.publish.held_directories().is_empty() {
            return Ok(());
        }
        self.seen().insert(request.quarantine.place_of(stamp).name().to_owned());
        self.remove_left(request, &mut |positions| {
            let begins_here =
                |step: &Position| self.positions.iter().any(|own| own.application == step.application && own.from == step.from);
            Ok(positions.iter().any(begins_here))
        })
    }

    /// Whether the table is elsewhere than where this batch ends. Where it is there, another gate has published just this batch,
    /// and the part is its.
    pub(super) fn is_cut_otherwise(&self, request: &Request) -> bool {
        let applications: Vec<String> = self.positions.iter().map(|position| position.application.clone()).collect();
        let now = request.publish.positions(&applications);
        now.is_ok_and(|now| self.positions.iter().zip(now).any(|(position, now)| now != Some(position.to)))
    }

    fn seen(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove_left(&self, request: &Request, is_left: &mut dyn FnMut(&[Position]) -> Result<bool, Fault>) -> Result<(), Fault> {
        for left in request.quarantine.left_behind(&table(request.publish.as_ref()), &mut self.seen(), is_left)? {
            request.quarantine.remove(&left)?;
        }
        Ok(())
    }
}

/// Makes the table remember where a source begins, in a commit without rows.
///
/// # Errors
/// There is neither a table nor a contract with its columns, another gate was faster, or the table cannot be written.
pub fn remember(
    rules: &RuleFile,
    publish: &(dyn Store + 'static),
    quarantine: &Quarantine,
    waiting: &Waiting,
    positions: &[Position],
) -> Result<(), Fault> {
    let _hold = publish.hold(quarantine, waiting)?;
    let Some(columns) = fate::columns_without_rows(publish, rules)? else {
        let fault =
            Fault::new(Code::UnfitDestination, format!("{publish}: there is no table yet that could remember where the topic begins"));
        return Err(fault.hint("name the columns with their types in the rule file: `schema: { columns: { id: int64 } }`"));
    };
    let (dataset, rules_digest) = (rules.sections.dataset.clone(), format!("{:032x}", rules.digest));
    let stamp = Stamp { dataset, batch_id: "begin".to_owned(), rules_digest, content_digest: String::new() };
    let mut stage = publish.stage(&columns, rules.sections.evolution(), None)??;
    stage.finish(&stamp, &[])?;
    publish.ready()?;
    let mut conflict = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match stage.commit(&Commit { stamp: &stamp, snapshot: None, replace: None, merge: None, positions })? {
            Committed::Done(_) => return Ok(()),
            Committed::Conflict(why) => conflict = why,
        }
    }
    let what = format!("{publish}: others keep changing the table: {conflict}");
    Err(Fault::new(Code::TableChanged, what).hint("nothing was published; run the gate again"))
}

/// What parts of the quarantine call the table: the same from wherever a gate runs.
pub(super) fn table(publish: &dyn Store) -> String {
    let here = publish.held_directories().into_iter().next();
    let place = here.and_then(|directory| directory.canonicalize().ok()).map(|place| place.display().to_string());
    place.unwrap_or_else(|| publish.to_string()).replace('\n', " ")
}
