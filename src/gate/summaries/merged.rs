//! Blocks of summaries, merged and kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::blocks::{Blocks, Piece, is_merged};
use super::read::{parsed, summaries_of};
use crate::diagnostic::Fault;
use crate::metric::Budget;
use crate::store::{Store, SummaryName};
use crate::summary::Summary;

/// So many files are read at most behind one commit; the next does the rest.
const READ_MAX: usize = 512;

/// Merges the blocks that are whole and not merged yet, and removes those that are no block any more.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn build(store: &dyn Store, memory: &Arc<Budget>) -> Result<(), Fault> {
    let Some(texts) = store.texts() else { return Ok(()) };
    let files = texts.names()?;
    let names: Vec<SummaryName> = files.iter().filter_map(|name| SummaryName::of_file(name)).collect();
    let valid = store.coverage(&names)?.valid;
    let blocks = Blocks::new(&valid);
    let whole = blocks.whole();
    let mut cached: BTreeSet<String> = files.into_iter().filter(|name| is_merged(name)).collect();
    let wanted: BTreeSet<&String> = whole.iter().map(|(_, name)| name).collect();
    cached.iter().filter(|name| !wanted.contains(name)).try_for_each(|name| texts.remove(name))?;
    let mut read = 0;
    for (block, name) in &whole {
        if cached.contains(name) {
            continue;
        }
        let pieces = blocks.pieces_of(block.clone(), &cached);
        read += pieces.len();
        if read > READ_MAX {
            return Ok(());
        }
        // Summaries of columns that changed their kind do not merge; they are read one by one.
        if let Some(merged) = merge(store, &valid, &pieces, memory)? {
            texts.put(name, &merged.write()?)?;
            cached.insert(name.clone());
        }
    }
    Ok(())
}

/// The summaries of `pieces` as one; none if they do not merge, or one of them is not there.
fn merge(store: &dyn Store, valid: &[SummaryName], pieces: &[Piece], memory: &Arc<Budget>) -> Result<Option<Summary>, Fault> {
    let found = summaries_of(store, valid, pieces, 1, &parsed)?;
    let mut all: Option<Summary> = None;
    for summary in found {
        let Some(mut summary) = summary else { return Ok(None) };
        all = Some(match all {
            None => summary,
            Some(before) => {
                // A data set may have been renamed.
                summary.dataset.clone_from(&before.dataset);
                match before.merged(&summary, memory) {
                    Ok(both) => both,
                    Err(_) => return Ok(None),
                }
            }
        });
    }
    Ok(all)
}
