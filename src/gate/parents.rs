//! Tables judged in one run, in which others look for their parents.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::DataType;

use super::stamp;
use crate::audit::{Audited, Job};
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, Cancel, UnitSelection};
use crate::metric::Column;
use crate::metric::inputs::{Foreign, TakeKeys, has_whole_key};
use crate::rows::{Mask, RowSet};
use crate::rules::BoundColumn;
use crate::rules::alike::{are_comparable, as_type};
use crate::rules::published::{Fetched, KeyQuery, OtherQuery, TableRows};
use crate::source::{Chunk, Projection};
use crate::store::{Snapshot, Stamp, Store, Stored};
use crate::types::type_name;

/// The tables that have been judged so far, by name.
#[derive(Default)]
pub struct Parents {
    judged: Mutex<BTreeMap<String, Arc<Parent>>>,
}

/// A table that was judged: which of its rows are, or will be, published.
pub struct Parent {
    audited: Arc<Audited>,
    set_aside: Arc<RowSet>,
    threads: usize,
    cancel: Cancel,
    /// Where it is published, and as which batch; none where nothing says it.
    place: Option<(Arc<dyn Store>, Stamp)>,
    /// Whether its batch is published already: then what is published decides, and nothing else.
    is_there: bool,
    /// What is published, as it was when it was first asked for.
    snapshot: Mutex<Option<Arc<dyn Snapshot>>>,
}

impl Parent {
    /// Of the batch `given`, or of the one whose id follows from the content, that `job` has judged and that goes to `publish`.
    ///
    /// # Errors
    /// The store cannot be read, or keeps one batch only; or the data cannot be read again.
    pub fn of(job: &Job<'_>, audited: Arc<Audited>, publish: Option<Arc<dyn Store>>, given: Option<&str>) -> Result<Self, Fault> {
        let place = match publish {
            Some(store) => {
                ensure_keeps_batches(store.as_ref())?;
                let stamp = stamp(job, store.as_ref(), given, &audited)?;
                Some((store, stamp))
            }
            None => None,
        };
        let is_there = match &place {
            Some((store, stamp)) => matches!(store.stored(stamp)?, Stored::Batch(there) if there == *stamp),
            None => false,
        };
        let (set_aside, threads, cancel) = (Arc::new(audited.set_aside()), job.threads, job.cancel.clone());
        Ok(Self { audited, set_aside, threads, cancel, place, is_there, snapshot: Mutex::default() })
    }

    /// What is published now: without the batch, unless that is there already.
    fn take_snapshot(&self) -> Result<Option<Arc<dyn Snapshot>>, Fault> {
        let Some((store, stamp)) = &self.place else { return Ok(None) };
        if self.is_there { store.snapshot(&no_batch()).map(Some) } else { store.snapshot(stamp).map(Some) }
    }

    fn snapshot(&self) -> Result<Option<Arc<dyn Snapshot>>, Fault> {
        let mut held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = self.take_snapshot()?;
        }
        Ok(held.clone())
    }

    /// Whether what is published is no longer what children were judged beside.
    fn is_outdated(&self) -> Result<bool, Fault> {
        let held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match held {
            None => Ok(false),
            Some(held) => Ok(self.take_snapshot()?.and_then(|now| now.version()) != held.version()),
        }
    }

    fn rows(&self, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
        let schema = &self.audited.plan.prepare.rule_schema;
        let known = self.audited.source.known();
        // Nothing says what the type of such a column is; and no row of it has a key.
        let is_untyped = |name: &String| known.infers_types && known.without_values.contains(name);
        let (mut columns, mut faults, mut has_keys) = (Vec::new(), Faults::default(), true);
        for (ours, theirs) in &wanted.key {
            let Ok(index) = schema.index_of(theirs) else {
                let known = schema.fields().iter().map(|field| field.name().as_str());
                let fault = Fault::new(Code::UnknownColumn, format!("the table `{}` has no column `{theirs}`", wanted.name));
                faults.push(fault.at(wanted.at.clone()).hint_nearest(theirs, known));
                continue;
            };
            let there = schema.field(index).data_type();
            if is_untyped(theirs) {
                has_keys = false;
                continue;
            }
            if !are_comparable(there, &ours.data_type) {
                let (here, there) = (type_name(&ours.data_type), type_name(there));
                return Ok(Fetched::OtherType(format!(
                    "`{}` is {here}, and `{theirs}` in `{}` is {there}: values of such types are never equal; convert it with `transform`",
                    ours.name, wanted.name,
                )));
            }
            columns.push((index, ours.data_type.clone()));
        }
        faults.or_ok(())?;
        let takes = |passing: bool| JudgedRows {
            name: wanted.name.clone(),
            audited: self.audited.clone(),
            set_aside: self.set_aside.clone(),
            passing,
            columns: columns.clone(),
            threads: self.threads,
            cancel: self.cancel.clone(),
        };
        let mut all: Vec<Arc<dyn Foreign>> = Vec::new();
        match rows {
            TableRows::SetAside => all.extend(has_keys.then(|| Arc::new(takes(false)) as Arc<dyn Foreign>)),
            TableRows::New => all.extend(has_keys.then(|| Arc::new(takes(true)) as Arc<dyn Foreign>)),
            TableRows::Passing => {
                if !self.is_there && has_keys {
                    all.push(Arc::new(takes(true)));
                }
                match self.snapshot()?.map(|snapshot| snapshot.rows(key_query(wanted))).transpose()? {
                    Some(Fetched::Rows(published)) => all.push(published),
                    Some(Fetched::OtherType(why)) => return Ok(Fetched::OtherType(why)),
                    Some(Fetched::NoRows) | None => {}
                }
            }
        }
        Ok(Together::of(all))
    }
}

/// Refuses a destination in which a batch takes the place of the one before: children of that would lose their parents.
fn ensure_keeps_batches(store: &dyn Store) -> Result<(), Fault> {
    if !store.keeps_one_batch() {
        return Ok(());
    }
    let what = format!("{store}: this file holds one batch only, and other tables look for keys in what was published before");
    Err(Fault::new(Code::UnfitDestination, what).hint("publish to a directory"))
}

/// Rows that a table has published, which is not judged in this run.
///
/// # Errors
/// They cannot be read.
pub fn published_parents(store: Arc<dyn Store>, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
    let mut all: Vec<Arc<dyn Foreign>> = Vec::new();
    match rows {
        // Why a row is not there is not known any more.
        TableRows::SetAside => {}
        TableRows::New => return Ok(Fetched::OtherType(format!("the rows of `{}` are judged beside it only", wanted.name))),
        TableRows::Passing => match store.snapshot(&no_batch())?.rows(key_query(wanted))? {
            Fetched::Rows(published) => all.push(published),
            Fetched::OtherType(why) => return Ok(Fetched::OtherType(why)),
            Fetched::NoRows => {}
        },
    }
    Ok(Together::of(all))
}

/// All published rows, as far as the columns of the key are concerned.
fn key_query(wanted: &OtherQuery) -> KeyQuery {
    let key = |(ours, theirs): &(BoundColumn, String)| (BoundColumn { name: theirs.clone(), ..ours.clone() }, None);
    KeyQuery { key: wanted.key.iter().map(key).collect(), since: None, replaced: None }
}

/// The stamp of no batch: beside it, all rows are those of others.
fn no_batch() -> Stamp {
    Stamp { dataset: String::new(), batch_id: String::new(), rules_digest: String::new(), content_digest: String::new() }
}

impl Parents {
    fn judged(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Parent>>> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a table has been judged.
    pub fn note(&self, name: &str, parent: Parent) {
        self.judged().insert(name.to_owned(), Arc::new(parent));
    }

    /// Forgets what was judged.
    pub(super) fn clear(&self) {
        self.judged().clear();
    }

    /// Whether what is published of one is no longer what children were judged beside.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn are_outdated(&self) -> Result<bool, Fault> {
        let judged: Vec<Arc<Parent>> = self.judged().values().cloned().collect();
        for parent in judged {
            if parent.is_outdated()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Rows of a table that was judged before.
    ///
    /// # Errors
    /// It was not judged, has no such column, or what is published cannot be read.
    pub fn rows(&self, wanted: &OtherQuery, rows: TableRows) -> Result<Fetched, Faults> {
        let parent = self.judged().get(&wanted.name).cloned();
        let unknown = || Fault::new(Code::Internal, format!("internal error: the table `{}` was not judged yet", wanted.name));
        parent.ok_or_else(unknown)?.rows(wanted, rows)
    }
}

/// Rows of several places.
#[derive(Debug)]
struct Together {
    all: Vec<Arc<dyn Foreign>>,
    /// Whether a row that was given had a whole key.
    has_keys: AtomicBool,
}

impl Together {
    fn of(all: Vec<Arc<dyn Foreign>>) -> Fetched {
        Fetched::Rows(Arc::new(Self { all, has_keys: AtomicBool::new(false) }))
    }
}

impl Foreign for Together {
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()> {
        let mut see = |columns: &[Column], rows: &Mask| {
            if !self.has_keys() && has_whole_key(columns, rows) {
                self.has_keys.store(true, Ordering::Relaxed);
            }
            take(columns, rows);
        };
        self.all.iter().try_for_each(|rows| rows.each(&mut see))
    }

    fn has_keys(&self) -> bool {
        self.has_keys.load(Ordering::Relaxed)
    }
}

/// The rows of a batch that pass, or those that are set aside, of which some columns are read.
struct JudgedRows {
    name: String,
    audited: Arc<Audited>,
    set_aside: Arc<RowSet>,
    passing: bool,
    /// By index among the columns that rules see; each as values of the type that the children's column has.
    columns: Vec<(usize, DataType)>,
    threads: usize,
    cancel: Cancel,
}

impl std::fmt::Debug for JudgedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JudgedRows").field("name", &self.name).field("passing", &self.passing).finish_non_exhaustive()
    }
}

impl Foreign for JudgedRows {
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()> {
        let (source, prepare) = (self.audited.source.as_ref(), &self.audited.plan.prepare);
        let wanted: Vec<usize> = self.columns.iter().map(|(index, _)| *index).collect();
        let projection = Projection::new(source.schema(), prepare.source_columns(&wanted));
        let read = engine::each_unit(
            source,
            UnitSelection::All,
            self.threads,
            &self.cancel,
            |unit, preread| {
                let mut parts: Vec<(Vec<Column>, Mask)> = Vec::new();
                source.read(unit, preread, &projection, &mut |chunk| {
                    // Records that could not be read have no key.
                    let readable = Chunk { malformed: Vec::new(), ..chunk };
                    for prepared in prepare.apply(readable, &projection).map_err(Faults::into_first)? {
                        let aside = self.set_aside.mask(unit.index, &prepared.rows);
                        let mut rows = if self.passing { aside.not() } else { aside };
                        let mut columns = Vec::with_capacity(self.columns.len());
                        for (index, data_type) in &self.columns {
                            let values = prepare.values(&prepared.columns, *index).ok_or_else(lost)?;
                            let (array, same) = as_type(&values.array, data_type).map_err(|e| failed(&e.to_string()))?;
                            rows = rows.and(&same);
                            columns.push(Column::new(array));
                        }
                        parts.push((columns, rows));
                    }
                    Ok(())
                })?;
                Ok(parts)
            },
            |parts| {
                parts.iter().for_each(|(columns, rows)| take(columns, rows));
                Ok(())
            },
        );
        read.map_err(|fault| io::Error::other(format!("{}: {}", self.name, fault.what)))
    }
}

fn lost() -> Fault {
    Fault::new(Code::Internal, "internal error: a column of another table was not read")
}

fn failed(why: &str) -> Fault {
    Fault::new(Code::Unsupported, format!("its values cannot be compared with the batch's: {why}"))
}
