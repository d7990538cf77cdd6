//! A store that is no file: a table in memory that others may change. The gate publishes to it as to any other, since all
//! it knows of stores is what they promise.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use chrono::DateTime;
use sluicegate::audit::Job;
use sluicegate::diagnostic::{Code, Fault, Faults};
use sluicegate::gate::replay::{self, Replayed};
use sluicegate::gate::{self, PublishedTable, Request};
use sluicegate::metric::Budget;
use sluicegate::metric::keys::{Foreign, TakeKeys};
use sluicegate::report::Report;
use sluicegate::report::model::PublicationState;
use sluicegate::rows::RowSet;
use sluicegate::rules::published::{Fetched, KeyQuery, Published};
use sluicegate::rules::schema::Evolution;
use sluicegate::ruleset::{OnReject, RuleFile};
use sluicegate::source::{self, Cut, Source, Spool};
use sluicegate::store::{
    BatchRows, Commit, CommitDone, Committed, Encoded, Encoder, Location, Quarantine, Snapshot, Stage, StagedUnit, Stamp, Store, Stored,
    Terms, UnitEncoder, Waiting, keys_of,
};

use crate::support::Place;

/// The table: its batches by id. Every change makes another version of it.
#[derive(Default)]
struct Table {
    version: u64,
    batches: BTreeMap<String, Batch>,
    /// Stages that are neither committed nor dropped.
    staged: usize,
    /// What happens when the next commit begins.
    next: Next,
}

#[derive(Default)]
enum Next {
    #[default]
    Nothing,
    /// The connection is lost.
    Fails,
    /// Another publishes this batch first.
    Other(String, Batch),
}

#[derive(Clone)]
struct Batch {
    stamp: Stamp,
    replays: Vec<String>,
    rows: Vec<RecordBatch>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Table>>);

impl Memory {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().expect("no thread panicked")
    }

    /// The ids that a reader sees, ascending; 0 for none.
    fn ids(&self) -> Vec<i64> {
        let table = self.table();
        let of = |rows: &RecordBatch| rows.column_by_name("id").expect("ids").as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        let mut ids: Vec<i64> = table.batches.values().flat_map(|b| &b.rows).flat_map(of).map(Option::unwrap_or_default).collect();
        ids.sort_unstable();
        ids
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory:orders")
    }
}

impl Store for Memory {
    fn quarantine(&self) -> Option<Location> {
        None
    }

    fn allow_quarantine(&self, _: &Location) -> Result<(), Fault> {
        Ok(())
    }

    fn held_directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn terms(&self) -> Result<Terms, Fault> {
        Ok(Terms::Nothing)
    }

    fn takes(&self, _: &SchemaRef, _: Evolution) -> Result<Result<(), Fault>, Fault> {
        Ok(Ok(()))
    }

    fn stored(&self, stamp: &Stamp) -> Result<Stored, Fault> {
        Ok(self.table().batches.get(&stamp.batch_id).map_or(Stored::Nothing, |batch| Stored::Batch(batch.stamp.clone())))
    }

    fn rows_of(&self, stamp: &Stamp) -> Result<Option<Box<dyn BatchRows>>, Fault> {
        Ok(self.table().batches.get(&stamp.batch_id).map(|batch| Box::new(batch.clone()) as Box<dyn BatchRows>))
    }

    fn snapshot(&self, own: &Stamp) -> Result<Arc<dyn Snapshot>, Fault> {
        let table = self.table();
        let others = table.batches.values().filter(|batch| batch.stamp.batch_id != own.batch_id);
        Ok(Arc::new(MemoryView { version: table.version, rows: others.flat_map(|batch| batch.rows.clone()).collect() }))
    }

    fn stage(&self, _: &SchemaRef, _: Evolution, _: Option<&Path>) -> Result<Result<Box<dyn Stage>, Fault>, Fault> {
        self.table().staged += 1;
        let stage = MemoryStage { memory: self.clone(), units: Vec::new(), rows: Vec::new(), joined: 0, replays: Vec::new() };
        Ok(Ok(Box::new(stage)))
    }

    fn confirm(&self, _: &Stamp) -> Result<(), Fault> {
        Ok(())
    }
}

impl BatchRows for Batch {
    fn replays(&self) -> Result<Vec<String>, Fault> {
        Ok(self.replays.clone())
    }

    fn is_partial(&self) -> Result<bool, Fault> {
        Ok(false)
    }

    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + '_>, Fault> {
        Ok(Box::new(self.rows.iter().cloned().map(Ok)))
    }
}

struct MemoryView {
    version: u64,
    rows: Vec<RecordBatch>,
}

impl Snapshot for MemoryView {
    fn version(&self) -> Option<u128> {
        Some(self.version.into())
    }

    fn rows(&self, wanted: KeyQuery) -> Result<Fetched, Fault> {
        Ok(Fetched::Rows(Arc::new(Keys { rows: self.rows.clone(), wanted })))
    }
}

#[derive(Debug)]
struct Keys {
    rows: Vec<RecordBatch>,
    wanted: KeyQuery,
}

impl Foreign for Keys {
    fn each(&self, take: TakeKeys<'_>) -> io::Result<()> {
        for rows in &self.rows {
            let (columns, rows) = keys_of(rows, &self.wanted).map_err(io::Error::other)?;
            take(&columns, &rows);
        }
        Ok(())
    }
}

/// Rows are kept as they come.
struct AsTheyAre(Vec<RecordBatch>);

impl Encoder for AsTheyAre {
    fn begin(&self) -> Result<Box<dyn UnitEncoder>, Fault> {
        Ok(Box::new(Self(Vec::new())))
    }
}

impl UnitEncoder for AsTheyAre {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        self.0.push(rows.clone());
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<Encoded, Fault> {
        Ok(Encoded::new(self.0))
    }
}

struct MemoryStage {
    memory: Memory,
    units: Vec<StagedUnit>,
    /// Of each unit.
    rows: Vec<Vec<RecordBatch>>,
    /// Rows of the batch that are published already, and stay.
    joined: u64,
    replays: Vec<String>,
}

impl Stage for MemoryStage {
    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(AsTheyAre(Vec::new()))
    }

    fn append(&mut self, unit: StagedUnit, rows: Encoded) -> Result<(), Fault> {
        self.units.push(unit);
        self.rows.push(rows.into()?);
        Ok(())
    }

    fn units(&self) -> &[StagedUnit] {
        &self.units
    }

    fn remove(&mut self, gone: &RowSet) -> Result<u64, Fault> {
        let before = self.count()?;
        for (unit, batches) in self.units.iter_mut().zip(&mut self.rows) {
            let mut keep = unit.rows().map(|row| Some(!gone.contains(row)));
            for rows in batches.iter_mut() {
                let keep: BooleanArray = keep.by_ref().take(rows.num_rows()).collect();
                *rows = filter_record_batch(rows, &keep).expect("as many rows");
            }
            drop(keep);
            *unit = unit.without(gone);
        }
        Ok(before - self.count()?)
    }

    fn join(&mut self, published: &dyn BatchRows) -> Result<u64, Fault> {
        for rows in published.read()? {
            self.joined += rows?.num_rows() as u64;
        }
        Ok(self.joined)
    }

    fn finish(&mut self, _: &Stamp, replays: &[String]) -> Result<(), Fault> {
        self.replays = replays.to_vec();
        Ok(())
    }

    fn count(&self) -> Result<u64, Fault> {
        Ok(self.joined + self.rows.iter().flatten().map(|rows| rows.num_rows() as u64).sum::<u64>())
    }

    fn rehearse(&self, _: &Commit<'_>) -> Result<u64, Fault> {
        Ok(0)
    }

    fn commit(&mut self, what: &Commit<'_>) -> Result<Committed, Fault> {
        let mut table = self.memory.table();
        match std::mem::take(&mut table.next) {
            Next::Nothing => {}
            Next::Fails => return Err(Fault::new(Code::Unwritable, "memory:orders: the connection is lost")),
            Next::Other(id, batch) => {
                table.version += 1;
                table.batches.insert(id, batch);
            }
        }
        if what.snapshot.is_some_and(|snapshot| snapshot.version() != Some(table.version.into())) {
            return Ok(Committed::Conflict("another batch was published".into()));
        }
        let there = table.batches.remove(&what.stamp.batch_id).filter(|_| self.joined > 0);
        let rows = there.map(|batch| batch.rows).unwrap_or_default().into_iter().chain(self.rows.iter().flatten().cloned()).collect();
        let batch = Batch { stamp: what.stamp.clone(), replays: self.replays.clone(), rows };
        table.batches.insert(what.stamp.batch_id.clone(), batch);
        table.version += 1;
        Ok(Committed::Done(CommitDone::default()))
    }
}

impl Drop for MemoryStage {
    fn drop(&mut self) {
        self.memory.table().staged -= 1;
    }
}

const RULES: &str = "dataset: orders
rules:
  - missing: { column: city }
  - range: { column: price, max: 100 }
  - duplicates: { key: [id] }
gate: { reject_above: \"100%\" }
";

/// Of eight records four pass: 2 lacks a city, 3 costs too much, the second 4 comes twice, and one has too few fields.
const DATA: &str = "id,city,price\n1,Ulm,1\n2,,2\n3,Ulm,300\n4,Bern,4\n4,Bern,5\n5\n6,Ulm,6\n7,Bern,7\n";

/// A place with a table in memory.
struct Gate {
    place: Place,
    memory: Memory,
}

impl Gate {
    fn new() -> Self {
        Self { place: Place::new(), memory: Memory::default() }
    }

    fn quarantine(&self) -> Quarantine {
        Quarantine { directory: Location::Local(self.place.path("aside")) }
    }

    fn job<'a>(&self, rules: &'a RuleFile, source: Arc<dyn Source>, published: Arc<dyn Published>) -> Job<'a> {
        let budget = Arc::new(Budget::new(1 << 20, self.place.path("")));
        Job { threads: 2, published: Some(published), ..Job::new(rules, source, DateTime::UNIX_EPOCH, budget) }
    }

    /// Gates `data` as the batch `id`.
    fn gate(&self, rules: &str, id: &str, data: &str, supersede: bool) -> Result<Report, Faults> {
        let rules = RuleFile::parse(rules, "r.yaml")?;
        let path = self.place.write("d.csv", data).display().to_string();
        let mut options = rules.sections.read_options("r.yaml")?;
        // Several units.
        options.cut = Cut { unit_bytes: 16, ..Cut::default() };
        let source = source::open(&[path], &options, &rules.contract(), &Spool::new(self.place.path("")))?;
        let publish: Arc<dyn Store> = Arc::new(self.memory.clone());
        let table = PublishedTable::new(&rules, Some(id), None, publish.clone());
        let job = self.job(&rules, source, table.clone());
        let request = Request {
            publish,
            keeps_summary: true,
            table,
            quarantine: self.quarantine(),
            batch_id: Some(id.to_owned()),
            supersede,
            replace: None,
            merge: None,
            release: None,
            on_reject: OnReject::Halt,
            moving: None,
            failing_rows: None,
            dry_run: false,
            as_of: None,
            waiting: Waiting { limit: Duration::from_secs(60), tell: |_| {} },
        };
        let report = gate::gate(&job, &request).map(|judged| judged.report);
        assert_eq!(self.memory.table().staged, 0, "nothing stays staged");
        if let Ok(report) = &report {
            let rows = &report.rows;
            assert_eq!(rows.read, rows.published + rows.quarantined + rows.filtered + rows.rejected, "the law of conservation");
        }
        report
    }

    /// Replays what the batch `id` left.
    fn replay(&self, rules: &str, id: &str) -> Replayed {
        let rules = RuleFile::parse(rules, "r.yaml").expect("rules");
        let parts = replay::parts(&rules, &self.quarantine(), &[id.to_owned()]).unwrap_or_else(|f| panic!("{f}"));
        let scratch = self.place.path("scratch");
        std::fs::create_dir_all(&scratch).expect("a directory");
        let job = |source: Arc<dyn Source>, table: Arc<dyn Published>| self.job(&rules, source, table);
        let request = replay::Request {
            rules: &rules,
            publish: Arc::new(self.memory.clone()),
            quarantine: self.quarantine(),
            job: &job,
            release: None,
            mended: None,
            scratch: &scratch,
            dry_run: false,
            waiting: Waiting { limit: Duration::from_secs(60), tell: |_| {} },
        };
        replay::replay(&request, &parts[0]).unwrap_or_else(|f| panic!("{f}"))
    }

    /// How many rows are set aside.
    fn aside(&self) -> u64 {
        let listing = sluicegate::quarantine::listing(&self.quarantine()).expect("a quarantine");
        listing.parts.iter().map(|part| part.rows).sum()
    }
}

fn state(report: &Report) -> PublicationState {
    report.publication.as_ref().expect("a publication").state
}

#[test]
fn every_row_is_in_the_table_or_set_aside_and_the_same_batch_changes_nothing() {
    let gate = Gate::new();
    let report = gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(state(&report), PublicationState::Published);
    assert_eq!((report.rows.read, report.rows.published, report.rows.quarantined), (8, 4, 4));
    assert_eq!((gate.memory.ids(), gate.aside()), (vec![1, 4, 6, 7], 4));
    let again = gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((state(&again), gate.memory.table().version), (PublicationState::Unchanged, 1));
}

#[test]
fn a_batch_takes_the_place_of_another_only_where_it_may() {
    let gate = Gate::new();
    gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    gate.gate(RULES, "b", "id,city,price\n20,Ulm,2\n", false).unwrap_or_else(|f| panic!("{f}"));
    let data = "id,city,price\n1,Ulm,1\n8,Ulm,8\n";
    let refused = gate.gate(RULES, "a", data, false).expect_err("another content").to_string();
    assert!(refused.contains("memory:orders: batch `a` is already published with other content"), "{refused}");
    assert_eq!((gate.memory.ids(), gate.aside()), (vec![1, 4, 6, 7, 20], 4));
    let superseded = gate.gate(RULES, "a", data, true).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((state(&superseded), gate.memory.ids(), gate.aside()), (PublicationState::Superseded, vec![1, 8, 20], 0));
}

#[test]
fn a_commit_that_fails_leaves_nothing_and_is_made_up_for() {
    let gate = Gate::new();
    gate.memory.table().next = Next::Fails;
    let failed = gate.gate(RULES, "a", DATA, false).expect_err("lost").to_string();
    assert!(failed.contains("the connection is lost"), "{failed}");
    assert_eq!((gate.memory.ids(), gate.memory.table().version), (vec![], 0));
    let report = gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((state(&report), gate.memory.ids(), gate.aside()), (PublicationState::Published, vec![1, 4, 6, 7], 4));
}

#[test]
fn rows_that_pass_under_other_rules_join_their_batch() {
    let gate = Gate::new();
    gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    let rules = RULES.replace("max: 100", "max: 1000");
    let replayed = gate.replay(&rules, "a");
    assert_eq!((replayed.pass, gate.memory.ids(), gate.aside()), (1, vec![1, 3, 4, 6, 7], 3));
    let replayed = gate.replay(&rules, "a");
    assert_eq!((replayed.pass, gate.memory.ids(), gate.memory.table().version), (0, vec![1, 3, 4, 6, 7], 2));
    // The batch is known as it was gated, and what joined it stays.
    let again = gate.gate(RULES, "a", DATA, false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((state(&again), gate.memory.ids(), gate.aside()), (PublicationState::Unchanged, vec![1, 3, 4, 6, 7], 3));
}

#[test]
fn a_key_that_another_publishes_meanwhile_is_seen_before_the_commit() {
    let gate = Gate::new();
    let rules = RULES.replace("key: [id]", "key: [id], across: published");
    gate.gate(&rules, "a", "id,city,price\n1,Ulm,1\n2,Ulm,2\n", false).unwrap_or_else(|f| panic!("{f}"));
    let b = "id,city,price\n2,Ulm,2\n3,Ulm,3\n4,Ulm,4\n";
    let report = gate.gate(&rules, "b", b, false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((report.rows.quarantined, gate.memory.ids()), (1, vec![1, 2, 3, 4]));
    // As `c` is judged, nobody has published 5; as it is committed, another has.
    let other = gate.memory.table().batches["a"].clone();
    let stamp = Stamp { batch_id: "other".to_owned(), ..other.stamp.clone() };
    let five = gate.gate(&rules, "other", "id,city,price\n5,Ulm,5\n", false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(five.rows.published, 1);
    let batch = gate.memory.table().batches.remove("other").expect("published");
    gate.memory.table().next = Next::Other("other".to_owned(), Batch { stamp, ..batch });
    let report = gate.gate(&rules, "c", "id,city,price\n5,Bern,5\n6,Ulm,6\n", false).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((report.rows.published, report.rows.quarantined, gate.memory.ids()), (1, 1, vec![1, 2, 3, 4, 5, 6]));
}

#[test]
fn what_the_store_cannot_do_is_said() {
    let gate = Gate::new();
    let refused = Memory::default().allow_replacing().expect_err("no table of files").to_string();
    assert!(refused.contains("memory:orders: rows can be replaced by their values in a Delta table only"), "{refused}");
    let mut stage = gate.memory.stage(&Arc::new(Schema::empty()), Evolution::Any, None).expect("a stage").expect("any columns");
    let strange = Encoded::new("rows of another store");
    assert!(stage.append(StagedUnit::default(), strange).expect_err("another's").to_string().contains("internal error"));
}
