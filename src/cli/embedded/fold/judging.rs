//! One process judges what others counted of partitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};

use super::orders::{Ordered, answer, values};
use super::{Merged, Read, Terms};
use crate::assemble::{self, Header};
use crate::audit::{self, Fold, Job, Means, Order, References, RowValues, RowsOrder, Runner};
use crate::cli::references::Surroundings;
use crate::cli::run::{ensure_mask_key, mask_key};
use crate::diagnostic::{Code, Fault, Faults};
use crate::identity;
use crate::report::Report;
use crate::report::model::{self, Mode};
use crate::source::{self, Source};

/// What came of judging.
pub type Judged = Result<Report, Faults>;

/// Takes what one partition answers, which has this number; answers may come in any order.
pub type TakeAnswer<'a> = dyn FnMut(u32, &[u8]) -> Result<(), Faults> + 'a;

/// Whoever can reach the partitions.
pub trait Partitions {
    /// Has [`super::fold_order`] do what `order` says with each partition, or with `only` these, and hands on what it gives. Only the
    /// `columns` need to be there. Gives how many partitions there are in all.
    ///
    /// # Errors
    /// A partition could not be read.
    fn each(&self, order: &[u8], columns: &[String], only: Option<&[u32]>, take: &mut TakeAnswer<'_>) -> Result<u32, Faults>;
}

/// Folds partitions, merges what was counted, and judges, with second looks where rules ask for them.
///
/// # Errors
/// What cannot be judged.
pub fn drive(terms: &Terms, schema: &SchemaRef, batch_id: Option<&str>, partitions: &dyn Partitions) -> Judged {
    let read = terms.read()?;
    let times = terms.own_times()?;
    let runner = Looks { read: &read, schema, given: Mutex::default(), partitions: Some(partitions), seen: Mutex::default() };
    judge_by(&read, &runner, schema, times, Some(times.0), terms, batch_id)
}

/// Judges a fold of all partitions, `count` of them or as many as it holds; rules that must look again ask `partitions`.
///
/// # Errors
/// What cannot be judged; without `partitions` also where a rule must look again.
pub fn judge(terms: &Terms, fold: &[u8], count: Option<u32>, batch_id: Option<&str>, partitions: Option<&dyn Partitions>) -> Judged {
    let read = terms.read()?;
    let times = terms.shared_times()?;
    let mut merged = Merged::default();
    merged.take_with_schema(fold, &read.budget)?;
    let schema = merged.schema.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
    let held = merged.fold.as_ref().map_or_else(Vec::new, Fold::ranges);
    let whole = merged.whole(count.unwrap_or_else(|| held.last().map_or(0, |(_, behind)| *behind)))?;
    let seen = whole.records().into_iter().map(|(unit, records)| (unit, u64::from(records))).collect();
    let runner = Looks { read: &read, schema: &schema, given: Mutex::new(Some(whole)), partitions, seen: Mutex::new(Some(seen)) };
    let began = terms.now.is_some().then_some(times.0);
    judge_by(&read, &runner, &schema, times, began, terms, batch_id)
}

/// The findings of the rules that mind in which order rows come.
///
/// # Errors
/// The rules do not fit the columns.
pub fn minding_order(terms: &Terms, schema: &SchemaRef) -> Result<Vec<String>, Faults> {
    let read = terms.read()?;
    let (now, _) = terms.own_times()?;
    audit::minding_order(&Job::new(&read.rules, source::of_partitions(schema, &read.options)?, now, read.budget.clone()))
}

fn judge_by(
    read: &Read,
    runner: &Looks<'_>,
    schema: &SchemaRef,
    (now, as_of): (DateTime<Utc>, DateTime<Utc>),
    began: Option<DateTime<Utc>>,
    terms: &Terms,
    batch_id: Option<&str>,
) -> Judged {
    identity::ensure_name(batch_id)?;
    ensure_mask_key(&read.rules)?;
    let data = source::of_partitions(schema, &read.options)?;
    let references: Arc<dyn References> = Arc::new(Surroundings::of(&read.rules, read.scratch.path.clone(), None)?);
    let (mask_key, threads) = (mask_key()?, read.threads);
    let job = Job { as_of, mask_key, threads, references: Some(references), ..Job::new(&read.rules, data, now, read.budget.clone()) };
    let audited = audit::audit_by(&job, runner)?;
    let set = terms.as_of.as_ref().map(|_| as_of).or_else(|| terms.now.as_ref().map(|_| now)).map(model::time);
    let header = Header { mode: Mode::Check, batch_id: batch_id.unwrap_or_default().to_owned(), began, as_of: set };
    Ok(assemble::assemble(header, &read.rules, &audited, audited.set_aside().len(), None))
}

/// Has partitions looked at, as far as what they hold is not known yet.
struct Looks<'a> {
    read: &'a Read,
    schema: &'a SchemaRef,
    /// What was counted before.
    given: Mutex<Option<Fold>>,
    partitions: Option<&'a dyn Partitions>,
    /// How many rows each partition held when it was first read; none before.
    seen: Mutex<Option<BTreeMap<u32, u64>>>,
}

impl Looks<'_> {
    fn columns(&self, ordered: &Ordered) -> Result<Vec<String>, Faults> {
        let (data, means): (Arc<dyn Source>, Means) = (source::of_partitions(self.schema, &self.read.options)?, self.read.means());
        match ordered {
            Ordered::Fold(order) => order.columns(data, &means),
            Ordered::Rows(order) => order.columns(data, &means),
        }
    }

    /// Asks the partitions; gives how many there are.
    fn ask(&self, partitions: &dyn Partitions, ordered: &Ordered, take: &mut TakeAnswer<'_>) -> Result<u32, Faults> {
        let only: Option<Vec<u32>> = match ordered {
            Ordered::Fold(Order::FirstPass { .. }) => None,
            Ordered::Fold(Order::SecondPass { units, .. }) | Ordered::Rows(RowsOrder { units, .. }) => {
                Some(units.iter().map(|unit| unit.index).collect())
            }
        };
        let (order, columns) = (ordered.encode(self.schema)?, self.columns(ordered)?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.take();
        let mut now = BTreeMap::new();
        let count = partitions.each(&order, &columns, only.as_deref(), &mut |partition, bytes| {
            let (rows, answer) = answer(bytes)?;
            if let Some(before) = before.as_ref().map(|before| before.get(&partition).copied().unwrap_or_default()).filter(|n| *n != rows) {
                return Err(changed(format!("partition {partition} had {before} rows and has {rows} now")).into());
            }
            now.insert(partition, rows);
            take(partition, answer)
        })?;
        if let Some(before) = before.as_ref().filter(|before| before.len() != count as usize) {
            return Err(changed(format!("there were {} partitions, and there are {count} now", before.len())).into());
        }
        *seen = Some(before.unwrap_or(now));
        Ok(count)
    }
}

fn changed(what: String) -> Fault {
    let fault = Fault::new(Code::FileChanged, format!("the data is not the same when it is looked at again: {what}"));
    fault.hint("keep what was computed: `cache=True` for Spark, `persist()` for Dask")
}

impl Runner for Looks<'_> {
    fn run(&self, order: &Order) -> Result<Fold, Faults> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(fold), Order::FirstPass { .. }) = (given, order) {
            return Ok(fold);
        }
        let Some(partitions) = self.partitions else { return Err(cannot_look(order).into()) };
        let mut merged = Merged::default();
        let count = self.ask(partitions, &Ordered::Fold(order.clone()), &mut |_, bytes| Ok(merged.take(bytes, &self.read.budget)?))?;
        Ok(match order {
            Order::FirstPass { .. } => merged.whole(count)?,
            // Where a look is at some of them, nobody folds the others.
            Order::SecondPass { units, .. } => merged.of(count, units.iter().map(|unit| unit.index))?,
        })
    }

    fn reads_here(&self) -> bool {
        false
    }

    fn rows(&self, order: &RowsOrder) -> Result<Option<RowValues>, Faults> {
        let mut all = RowValues::default();
        if let Some(partitions) = self.partitions {
            self.ask(partitions, &Ordered::Rows(order.clone()), &mut |_, bytes| {
                all.extend(values(bytes)?);
                Ok(())
            })?;
        }
        Ok(Some(all))
    }
}

/// Rules must look again, and nobody has the data.
fn cannot_look(order: &Order) -> Fault {
    let asked_by: &[String] = match order {
        Order::FirstPass { .. } => &[],
        Order::SecondPass { asked_by, .. } => asked_by,
    };
    let names = asked_by.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let what = format!("a fold does not decide on {names}: the data must be looked at again");
    Fault::new(Code::NeedsScan, what).hint("give `judge` the data too: `data=[…]`, the partitions in their order")
}
