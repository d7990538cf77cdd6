//! A run can be ended from outside, and its threads do not wait for each other's reading.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use chrono::DateTime;
use sluicegate::audit::{self, Job, NoSink};
use sluicegate::diagnostic::{Code, Fault};
use sluicegate::engine::{self, Cancel, UnitSelection};
use sluicegate::gate::{self, PublishedTable, Request};
use sluicegate::metric::Budget;
use sluicegate::ruleset::{OnReject, RuleFile};
use sluicegate::source::{self, Cut, Known, Piece, Preread, Projection, ReadOptions, Source, TakeChunk, Unit, UnitEnd};
use sluicegate::store::{self, Location, Quarantine, Surroundings, Waiting};

use crate::support::Place;

const ROWS: i64 = 1000;

/// A thousand rows in memory, a row a unit, with hooks where it is read.
struct Watched<C, R> {
    inner: Arc<dyn Source>,
    cuts: C,
    reads: R,
}

fn rows(batch_rows: usize, unit_bytes: usize) -> Arc<dyn Source> {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let batch = RecordBatch::try_from_iter([("n", n)]).expect("a batch");
    let options = ReadOptions { cut: Cut { unit_bytes, batch_rows }, ..ReadOptions::default() };
    source::from_batches(&batch.schema(), vec![batch], &options).expect("a source")
}

impl<C, R> Source for Watched<C, R>
where
    C: Fn(u64) -> Result<(), Fault> + Send + Sync,
    R: Fn() + Send + Sync,
{
    fn known(&self) -> &Known {
        self.inner.known()
    }

    fn cut(&self, file: u32, start: u64) -> Result<Option<Piece>, Fault> {
        (self.cuts)(start)?;
        self.inner.cut(file, start)
    }

    fn read(&self, unit: &Unit, preread: Preread, projection: &Projection, each: &mut TakeChunk<'_>) -> Result<UnitEnd, Fault> {
        self.inner.read(unit, preread, projection, &mut |chunk| {
            (self.reads)();
            each(chunk)
        })
    }
}

fn job<'a>(
    place: &Place,
    rules: &'a RuleFile,
    source: Arc<dyn Source>,
    cancel: &Cancel,
    progress: &'a (dyn Fn(u64, u64) + Sync),
) -> Job<'a> {
    let budget = Arc::new(Budget::new(1 << 20, place.path("")));
    Job { threads: 4, cancel: cancel.clone(), progress, ..Job::new(rules, source, DateTime::UNIX_EPOCH, budget) }
}

const RULES: &str = "dataset: d\nrules:\n  - range: { column: n, min: 10 }\n";

#[test]
fn a_gate_that_is_cancelled_in_mid_run_ends_promptly_and_publishes_nothing() {
    let place = Place::new();
    let rules = RuleFile::parse(RULES, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let out = place.path("out").display().to_string();
    let publish = store::open(&out, None, &Surroundings::default()).unwrap_or_else(|f| panic!("{f}"));
    let gate = |cancel: &Cancel, source: Arc<dyn Source>, progress: &(dyn Fn(u64, u64) + Sync)| {
        let table = PublishedTable::new(&rules, Some("b"), None, publish.clone());
        let request = Request {
            publish: publish.clone(),
            keeps_summary: true,
            table,
            quarantine: Quarantine { directory: Location::Local(place.path("aside")) },
            batch_id: Some("b".into()),
            supersede: false,
            replace: None,
            merge: None,
            release: None,
            on_reject: OnReject::Halt,
            moving: None,
            failing_rows: None,
            dry_run: false,
            as_of: None,
            waiting: Waiting { limit: Duration::from_secs(5), tell: |_| {} },
        };
        gate::gate(&job(&place, &rules, source, cancel, progress), &request).map(|judged| judged.report)
    };
    let (cancel, read) = (Cancel::default(), Arc::new(AtomicU64::new(0)));
    let counted = read.clone();
    let source = Watched { inner: rows_a_unit(), cuts: |_| Ok(()), reads: move || _ = counted.fetch_add(1, Ordering::Relaxed) };
    let half = |done: u64, total: u64| {
        if done * 2 >= total {
            cancel.cancel()
        }
    };
    let faults = gate(&cancel, Arc::new(source), &half).expect_err("cancelled");
    assert_eq!((faults.0[0].code, faults.to_string().as_str()), (Code::Cancelled, "cancelled; nothing was published"));
    // A unit a thread may have been under way, and the window was full.
    let read = read.load(Ordering::Relaxed);
    assert!((ROWS as u64 / 2..ROWS as u64 / 2 + 20).contains(&read), "{read} rows were read");
    let left: Vec<String> = place.files().into_iter().filter(|name| name.contains("parquet")).collect();
    assert!(left.is_empty(), "{left:?}");
    // The same without: what is in memory is published as any other data.
    let report = gate(&Cancel::default(), rows_a_unit(), &|_, _| {}).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((report.rows.published, report.rows.quarantined), (990, 10));
}

fn rows_a_unit() -> Arc<dyn Source> {
    rows(1, 8)
}

#[test]
fn a_unit_of_many_batches_ends_between_two_of_them() {
    let place = Place::new();
    let rules = RuleFile::parse(RULES, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let (cancel, read) = (Cancel::default(), Arc::new(AtomicU64::new(0)));
    let (ends, counted) = (cancel.clone(), read.clone());
    let reads = move || {
        if counted.fetch_add(1, Ordering::Relaxed) == 4 {
            ends.cancel();
        }
    };
    let source = Arc::new(Watched { inner: rows(10, 1 << 20), cuts: |_| Ok(()), reads });
    let faults = audit::audit(&job(&place, &rules, source, &cancel, &|_, _| {}), &NoSink::default()).err().expect("cancelled");
    assert!(faults.to_string().starts_with("cancelled"), "{faults}");
    assert_eq!(read.load(Ordering::Relaxed), 5);
}

#[test]
fn who_looks_for_the_next_unit_holds_up_nobody_who_has_finished_one() {
    let merged = Arc::new((Mutex::new(0u32), Condvar::new()));
    let seen = merged.clone();
    // Reading the second unit takes until the first one is merged.
    let cuts = move |start: u64| {
        let (count, changed) = (&seen.0, &seen.1);
        let waits = |count: &mut u32| start == 1 && *count == 0;
        let (guard, timeout) = changed.wait_timeout_while(count.lock().expect("whole"), Duration::from_secs(20), waits).expect("whole");
        drop(guard);
        if timeout.timed_out() { Err(Fault::new(Code::Internal, "the first unit was not merged meanwhile")) } else { Ok(()) }
    };
    let source = Watched { inner: rows_a_unit(), cuts, reads: || {} };
    let mut order = Vec::new();
    let merge = |unit: u32| {
        order.push(unit);
        *merged.0.lock().expect("whole") += 1;
        merged.1.notify_all();
        Ok(())
    };
    engine::each_unit(&source, UnitSelection::All, 2, &Cancel::default(), |unit, _| Ok(unit.index), merge)
        .unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(order, (0..ROWS as u32).collect::<Vec<_>>());
}
