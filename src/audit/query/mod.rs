//! A query over the batch and other data: their rows are read for it alone, as far as it reads them.
//!
//! The batch has been read and its types are settled; other data may turn out to be of other types than their first rows look like, and
//! then the query is planned anew. Nothing depends on threads or on how rows are cut into batches.

mod table;

use std::sync::Arc;

use arrow::array::RecordBatch;

use self::table::Loading;
use super::diff::side::Side;
use super::fold::Counted;
use super::samples::value_json;
use super::{Job, Plan};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::engine::UnitSelection;
use crate::prepare::Prepare;
use crate::privacy::Privacy;
use crate::rows::{RowId, RowSet};
use crate::rules::queried::{Queried, QueryAnswer, QueryAsked, ReturnedRows};
use crate::rules::words::Over;
use crate::shown::VALUE_MAX;
use crate::source::Source;
use crate::sql::query::{BATCH, Failed, Means, Named, Query, Reads, Returned, TableRows};

/// The batch as it was read.
type Batch<'a> = (&'a Job<'a>, &'a dyn Source, &'a Plan, &'a Privacy);

/// Other data that the query names.
struct Other {
    name: String,
    source: Arc<dyn Source>,
    prepare: Prepare,
}

impl Other {
    fn new(name: &str, source: Arc<dyn Source>) -> Self {
        Self { name: name.to_owned(), prepare: Prepare::new(source.schema()), source }
    }
}

/// Asks the query.
///
/// # Errors
/// It does not fit the tables, or cannot be computed; other data cannot be opened or read, or the batch cannot be read again.
pub(super) fn ask(batch: Batch<'_>, totals: &Counted, asked: &QueryAsked) -> Result<Queried, Faults> {
    match asked_of(batch, totals, asked) {
        Err(Faults(faults)) if faults.iter().any(table::is_too_large) => Ok(Queried::Unfit(table::too_large().what)),
        asked => asked,
    }
}

fn asked_of(batch: Batch<'_>, totals: &Counted, asked: &QueryAsked) -> Result<Queried, Faults> {
    /// As many as the batch itself may take to settle its types.
    const PASSES_MAX: usize = 4;
    let (job, _, plan, privacy) = batch;
    let mut others = opened(job, asked)?;
    for _ in 0..PASSES_MAX {
        let query = planned(job, plan, &others, asked)?;
        let shows = shows_values(&query, plan, &others, privacy);
        let mut tables = Vec::new();
        let mut unreadable = Vec::new();
        let mut retyped = None;
        for (at, other) in others.iter().enumerate() {
            let read = read_other(job, other, &query.reads(at + 1)).map_err(|fault| among(fault.into(), &other.name, asked))?;
            retyped = other.source.retyped(&read.evidence)?.map(|source| (at, source));
            if retyped.is_some() {
                break;
            }
            unreadable.extend((read.unreadable > 0).then(|| (other.name.clone(), read.unreadable)));
            tables.push(read.loading);
        }
        if let Some((at, source)) = retyped {
            others[at] = Other::new(&others[at].name, source);
            continue;
        }
        let of_batch = read_batch(batch, totals, &query.reads(0), asked)?;
        let rows = of_batch.rows();
        let returned = run(batch, query, (of_batch, tables), shows, asked)?;
        return Ok(Queried::Answer(Box::new(QueryAnswer { rows, unreadable, returned })));
    }
    let fault = Fault::new(Code::TypesUnsettled, "the types of the columns that the query reads did not settle").at(asked.at.clone());
    Err(fault.hint("give other data in a format that has types").into())
}

fn opened(job: &Job<'_>, asked: &QueryAsked) -> Result<Vec<Other>, Faults> {
    let open = |(name, paths): &(String, Vec<String>)| -> Result<Other, Faults> {
        let Some(references) = &job.references else {
            return Err(Fault::new(Code::Unsupported, format!("`{name}` cannot be reached here")).at(asked.at.clone()).into());
        };
        let source = references.open_as(paths, &[]).map_err(|faults| among(faults, name, asked))?;
        Ok(Other::new(name, source))
    };
    asked.sources.iter().map(open).collect()
}

/// Faults of other data, so that nobody takes them for the batch's.
pub(super) fn among(Faults(faults): Faults, name: &str, asked: &QueryAsked) -> Faults {
    let told = |fault: Fault| {
        let place = fault.place.clone().or_else(|| Some(asked.at.clone()));
        Fault { what: format!("in `{name}`, which a query reads: {}", fault.what), place, ..fault }
    };
    Faults(faults.into_iter().map(told).collect())
}

fn planned(job: &Job<'_>, plan: &Plan, others: &[Other], asked: &QueryAsked) -> Result<Query, Fault> {
    let wrong = |why: Misread| Fault::told(Code::InvalidSql, why).at(asked.at.clone());
    let mut tables = vec![Named { name: BATCH, schema: &plan.prepare.schema, unseen: &asked.unseen }];
    tables.extend(others.iter().map(|other| Named { name: &other.name, schema: &other.prepare.schema, unseen: &[] }));
    let query = Query::plan(&asked.sql, &tables, job.now).map_err(|not_fit| wrong(not_fit.why))?;
    match query.names_rows() == asked.names_rows {
        true => Ok(query),
        false => {
            let why = Misread::new("whether the query returns rows of the batch depends on the types of other data");
            Err(wrong(why.hint("give these in a format that has types, or write casts")))
        }
    }
}

/// Whether values of what the query makes may be shown: it reads no masked column, by name.
fn shows_values(query: &Query, plan: &Plan, others: &[Other], privacy: &Privacy) -> bool {
    let schemas = std::iter::once(&plan.prepare.schema).chain(others.iter().map(|other| &other.prepare.schema));
    let mut read =
        schemas.enumerate().flat_map(|(at, schema)| query.reads(at).columns.into_iter().map(|column| schema.field(column).name()));
    read.all(|name| privacy.mask_of(name).is_none())
}

/// Rows of other data.
struct OtherRows {
    loading: Loading,
    unreadable: u64,
    evidence: crate::source::SchemaEvidence,
}

fn read_other(job: &Job<'_>, other: &Other, reads: &Reads) -> Result<OtherRows, Fault> {
    let job = job.of_other(other.source.clone());
    let side = Side::new(0, (&job, other.source.as_ref(), &other.prepare), None, None).map_err(|why| Fault::new(Code::Internal, why))?;
    let mut read = OtherRows { loading: Loading::new(reads, &job.budget), unreadable: 0, evidence: Default::default() };
    side.read(
        &reads.columns,
        (UnitSelection::All, false),
        |(batches, unreadable): &mut (Vec<RecordBatch>, u64), unit, rows| {
            *unreadable += rows.malformed;
            let selected = rows.selected.clone();
            batches.push(table::batch(reads, unit, &rows, &selected)?);
            Ok(())
        },
        |_, mut end, (batches, unreadable)| {
            read.unreadable += unreadable;
            read.evidence.merge(std::mem::take(&mut end.evidence));
            read.loading.push(batches)
        },
    )?;
    Ok(read)
}

fn read_batch((job, source, plan, _): Batch<'_>, totals: &Counted, reads: &Reads, asked: &QueryAsked) -> Result<Loading, Fault> {
    let side = Side::new(1, (job, source, &plan.prepare), asked.condition.as_deref(), Some(&totals.malformed))
        .map_err(|why| Fault::new(Code::Internal, format!("internal error: `where` was bound, and does not fit: {why}")))?;
    let mut loading = Loading::new(reads, &job.budget);
    side.read(
        &reads.columns,
        (UnitSelection::All, false),
        |batches: &mut Vec<RecordBatch>, unit, rows| {
            let selected = match asked.over {
                Over::Sound => rows.selected.without(&totals.unsound.mask(unit, &rows.numbers)),
                Over::All => rows.selected.clone(),
            };
            batches.push(table::batch(reads, unit, &rows, &selected)?);
            Ok(())
        },
        |_, _, batches| loading.push(batches),
    )?;
    Ok(loading)
}

fn run(
    (job, ..): Batch<'_>,
    query: Query,
    (batch, others): (Loading, Vec<Loading>),
    shows: bool,
    asked: &QueryAsked,
) -> Result<ReturnedRows, Fault> {
    let (mut tables, mut held): (Vec<TableRows>, Vec<_>) = (Vec::new(), Vec::new());
    for loading in std::iter::once(batch).chain(others) {
        let (rows, memory) = loading.finish()?;
        tables.push(rows);
        held.push(memory);
    }
    let first = if shows { job.rules.sections.samples() } else { 0 };
    let is_cancelled = || job.cancel.check().is_err();
    let memory = job.budget.limit().saturating_sub(job.budget.used());
    let returned = query.run(tables, &Means { memory, first, is_cancelled: &is_cancelled });
    match returned {
        Ok(Returned::Rows(numbers)) => Ok(ReturnedRows::OfBatch(Arc::new(rows_of(&numbers)))),
        Ok(Returned::Others { count, first }) => Ok(ReturnedRows::Others { count, first: in_words(&first) }),
        Err(Failed::Cancelled) => job.cancel.check().and(Err(Fault::new(Code::Internal, "internal error: a query ended early"))),
        Err(Failed::TooLarge) => Err(table::too_large()),
        Err(Failed::Computing(why)) => {
            // What cannot be computed is told with its value.
            let why = if shows { why } else { "values of masked columns are not shown".to_owned() };
            Err(Fault::new(Code::ExpressionFailed, format!("the query cannot be computed: {why}")).at(asked.at.clone()))
        }
    }
}

/// The rows behind the numbers of [`table::number`], which ascend.
fn rows_of(numbers: &[u64]) -> RowSet {
    let mut rows = RowSet::default();
    for of_unit in numbers.chunk_by(|a, b| a >> 32 == b >> 32) {
        let RowId { unit, .. } = table::row(of_unit[0]);
        rows.insert_unit(unit, of_unit.iter().map(|&number| table::row(number).row).collect());
    }
    rows
}

/// Each row as its columns and values.
fn in_words(first: &RecordBatch) -> Vec<String> {
    let schema = first.schema();
    let cell = |row: usize, column: usize| {
        let value = value_json(first.column(column), row, VALUE_MAX);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{} {value}", schema.field(column).name())
    };
    (0..first.num_rows()).map(|row| (0..first.num_columns()).map(|column| cell(row, column)).collect::<Vec<_>>().join(", ")).collect()
}
