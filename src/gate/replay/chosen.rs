//! Which parts of the quarantine are replayed.

use super::Mended;
use crate::diagnostic::{Code, Fault, Faults};
use crate::quarantine::{self, Part};
use crate::ruleset::RuleFile;
use crate::store::Quarantine;

/// The parts to be replayed: those of the rules' data set that hold rows, or of the batches `wanted`.
///
/// # Errors
/// A batch left no rows of this data set there, or a part cannot be read.
pub fn parts(rules: &RuleFile, quarantine: &Quarantine, wanted: &[String]) -> Result<Vec<Part>, Faults> {
    let dataset = &rules.sections.dataset;
    ensure_replayable(rules)?;
    let mut parts = quarantine::parts_of(quarantine, wanted)?;
    if let Some(part) = parts.iter().find(|p| p.stamp.dataset != *dataset && wanted.contains(&p.stamp.batch_id)) {
        return Err(of_other_data(part, dataset).into());
    }
    parts.retain(|p| p.stamp.dataset == *dataset && p.rows > 0);
    Ok(parts)
}

/// The parts that the rows of `mended` are of; all must be of the batches `wanted`, where any is named.
///
/// # Errors
/// A part is not there, is of another batch or data set, or cannot be read.
pub fn parts_of_mended(rules: &RuleFile, quarantine: &Quarantine, mended: &Mended, wanted: &[String]) -> Result<Vec<Part>, Faults> {
    ensure_replayable(rules)?;
    let there = quarantine::parts_of(quarantine, wanted)?;
    let (mut parts, mut faults) = (Vec::new(), Faults::default());
    for (name, place) in mended.parts() {
        match there.iter().find(|part| part.place.name() == name) {
            Some(part) if part.stamp.dataset != rules.sections.dataset => faults.push(of_other_data(part, &rules.sections.dataset)),
            Some(part) if !wanted.is_empty() && !wanted.contains(&part.stamp.batch_id) => {
                faults.push(Fault::new(
                    Code::InvalidMended,
                    format!("{place}: the row is of batch `{}`, which is not named", part.stamp.batch_id),
                ));
            }
            Some(part) => parts.push(part.clone()),
            None => {
                let fault = Fault::new(Code::InvalidMended, format!("{place}: `{name}` is no part of {}", quarantine.directory));
                faults.push(fault.hint("the rows were taken out of another quarantine, or their batch was superseded since"));
            }
        }
    }
    faults.or_ok(parts)
}

/// The part that holds all rows of the batch `id`, which was set aside as a whole; none if there is no such part.
///
/// # Errors
/// The quarantine cannot be read.
pub fn part_set_aside_whole(rules: &RuleFile, quarantine: &Quarantine, id: &str) -> Result<Option<Part>, Fault> {
    if !quarantine.is_there()? {
        return Ok(None);
    }
    for part in quarantine::listing(quarantine)?.parts {
        if part.stamp.batch_id == id && part.stamp.dataset == rules.sections.dataset && part.is_whole()? {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

fn of_other_data(part: &Part, dataset: &str) -> Fault {
    let Part { stamp, .. } = part;
    Fault::new(
        Code::UnknownBatch,
        format!("batch `{}` is of the data set `{}`, and the rules are of `{dataset}`", stamp.batch_id, stamp.dataset),
    )
}

/// Refuses rules that need to know where set-aside rows stood.
fn ensure_replayable(rules: &RuleFile) -> Result<(), Fault> {
    let Some(item) = rules.items.iter().find(|item| item.rule.minds_order()) else { return Ok(()) };
    let name = item.entry.name;
    let what = format!("`{name}` judges a row by those before it, and where set-aside rows stood among the published is not known");
    Err(Fault::new(Code::NotReplayable, what).at(item.at.in_file(&rules.path)).hint("gate the batches again with `--supersede`"))
}
