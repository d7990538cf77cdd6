//! Two data sets row by row: hashed and paired by their keys, then the values of those that differ.
//!
//! The batch has been read and its types are settled; here both are read for the comparison alone. Of all rows only hashes are held,
//! of rows that differ their values, part by part. Nothing depends on the order of rows or on threads.

mod cells;
mod columns;
mod kept;
mod samples;
pub(super) mod side;

use std::sync::Arc;

use self::cells::Cells;
use self::columns::PairedColumns;
use self::side::{Looked, Side};
use super::beside::among;
use super::fold::Counted;
use super::kept::plan_of;
use super::{Job, Plan};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::paired::{Paired, pair};
use crate::privacy::Privacy;
use crate::rows::RowSet;
use crate::rules::paired::{Compared, DiffAnswer, DiffQuery, Of};
use crate::rules::words::AgainstWord;
use crate::source::Source;

/// The batch as it was read.
type Batch<'a> = (&'a Job<'a>, &'a dyn Source, &'a Plan, &'a Privacy);

/// Compares the batch with what the query names.
///
/// # Errors
/// The other data cannot be opened or read, or the batch cannot be read again.
pub(super) fn compare(batch: Batch<'_>, totals: &Counted, query: &DiffQuery) -> Result<Compared, Faults> {
    /// As many as the batch itself may take to settle its types.
    const PASSES_MAX: usize = 4;
    let (job, _, plan, _) = batch;
    let against = AgainstWord::Paths(query.against.clone());
    let Some(references) = &job.references else {
        return Err(Fault::new(Code::Unsupported, format!("nothing can be compared with {against} here")).into());
    };
    let (mut other, mut is_settled) = (references.open(&query.against).map_err(|faults| among(faults, &against))?, false);
    for _ in 0..PASSES_MAX {
        let there_job = job.of_other(other.clone());
        let (there_plan, _) = plan_of(&there_job, other.as_ref(), &[])?;
        let of_there = (&there_job, other.as_ref(), &there_plan.prepare);
        let there = match Side::new(0, of_there, query.condition.as_deref(), None) {
            Ok(there) => there,
            Err(why) => return Ok(Compared::Unfit(format!("`where` cannot be asked of {against}: {why}"))),
        };
        let columns = PairedColumns::of(query, &there_plan.prepare, &plan.prepare);
        // Types that are guessed of the first rows may be settled otherwise by all of them.
        if other.known().infers_types && !is_settled && !columns.as_ref().is_ok_and(|columns| columns.differ.is_empty()) {
            is_settled = true;
            let all: Vec<usize> = (0..there_plan.prepare.schema.fields().len()).collect();
            let evidence = there.evidence(&all).map_err(|fault| among(fault.into(), &against))?;
            if let Some(retyped) = other.retyped(&evidence)? {
                other = retyped;
                continue;
            }
        }
        let columns = match columns {
            Ok(columns) => columns,
            Err(why) => return Ok(Compared::Unfit(why)),
        };
        let mut looked = there.look(&columns).map_err(|fault| among(fault.into(), &against))?;
        if let Some(retyped) = other.retyped(&std::mem::take(&mut looked.evidence))? {
            other = retyped;
            continue;
        }
        let there = There { side: there, looked, plan: &there_plan };
        return Ok(Compared::Answer(Box::new(answer(batch, totals, &there, (query, &columns))?)));
    }
    let fault = Fault::new(Code::TypesUnsettled, format!("the columns' types of {against} did not settle"));
    Err(fault.hint("give the types in the rule file's `schema` section").into())
}

/// What the batch is compared with.
struct There<'a> {
    side: Side<'a>,
    looked: Looked,
    plan: &'a Plan,
}

fn answer(
    (job, source, plan, privacy): Batch<'_>,
    totals: &Counted,
    there: &There<'_>,
    (query, columns): (&DiffQuery, &PairedColumns),
) -> Result<DiffAnswer, Faults> {
    let of_here = (job, source, &plan.prepare);
    let here = Side::new(1, of_here, query.condition.as_deref(), Some(&totals.malformed))
        .map_err(|why| Fault::new(Code::Internal, format!("internal error: `where` was bound, and does not fit: {why}")))?;
    let looked = here.look(columns)?;
    let paired = pair(&there.looked.hashed, &looked.hashed, job.threads)?;
    let samples_max = job.rules.sections.samples();
    let sides = [(&there.side, &there.looked.origins), (&here, &totals.row_origins)];
    let cells = cells::compare(sides, columns, &paired, samples_max)?;
    let samples = samples::of(((job, source, plan, privacy), totals, &looked.without_key), there, (columns, &paired, &cells), samples_max)?;
    let Paired { both, alone, repeated, repeated_keys, .. } = paired;
    let of = |sides: [u64; 2]| Of { other: sides[0], batch: sides[1] };
    let failing = RowSet::of_all([&cells.changed, &alone[1], &repeated[1], &looked.without_key]);
    let Cells { changed, by_column, .. } = cells;
    let by_column = columns.compared.iter().zip(by_column).filter(|(_, changed)| *changed > 0);
    Ok(DiffAnswer {
        rows: of([there.looked.rows, looked.rows]),
        without_key: of([there.looked.without_key.len(), looked.without_key.len()]),
        repeated_keys: of(repeated_keys),
        repeated_rows: of([repeated[0].len(), repeated[1].len()]),
        unreadable: there.looked.unreadable,
        both,
        added: alone[1].len(),
        removed: alone[0].len(),
        changed: changed.len(),
        columns: by_column.map(|(column, changed)| (column.name.clone(), changed)).collect(),
        compared: columns.compared.len() as u64,
        columns_differ: columns.differ.clone(),
        failing: Arc::new(failing),
        samples,
    })
}
