//! A gate that is killed at any instant, and gates that race: every batch is there once and whole, and no row is lost.
//!
//! `SLUICEGATE_KILLS` and `SLUICEGATE_BATCHES` make more of it, `SLUICEGATE_SEED` repeats it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use sluicegate::store::SummaryName;

use crate::gate::of_bytes;
use crate::s3;
use crate::summary_files::{coverage, names, store_of};
use crate::support::{Place, Run};

const RULES: &str = "dataset: crash
rules:
  - missing: { column: name }
  - duplicates: { key: [id] }
";

/// Where batches go, and how a reader sees what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Parts,
    Delta,
    /// A Delta table in an object store.
    S3,
}

/// Those that can be had here.
pub fn kinds() -> Vec<Kind> {
    let mut kinds = vec![Kind::File, Kind::Parts, Kind::Delta];
    kinds.extend(s3::store().map(|_| Kind::S3));
    kinds
}

impl Kind {
    pub fn arguments(self, place: &Place) -> Vec<String> {
        let prefix = format!("s3://lake/{}", place.name());
        let (publish, format, quarantine) = match self {
            Self::File => ("out.parquet".into(), "parquet", "aside".into()),
            Self::Parts => ("out".into(), "parquet", "aside".into()),
            Self::Delta => ("out".into(), "delta", "aside".into()),
            Self::S3 => (format!("{prefix}/out"), "delta", format!("{prefix}/aside")),
        };
        ["--publish".into(), publish, "--publish-format".into(), format.into(), "--quarantine".into(), quarantine].into()
    }

    /// The files that a reader who comes now reads.
    fn files(self, place: &Place) -> Vec<Bytes> {
        let read = |paths: Vec<PathBuf>| -> Vec<Bytes> { paths.iter().map(|p| std::fs::read(p).expect("a file").into()).collect() };
        let out = place.path("out");
        match self {
            Self::File => read(vec![place.path("out.parquet")].into_iter().filter(|f| f.exists()).collect()),
            Self::Parts => read(parts(&out)),
            Self::Delta => read(delta_files(&out)),
            Self::S3 => s3::store().expect("a store").delta_files(&format!("{}/out", place.name())),
        }
    }

    /// The ids that a reader sees, ascending.
    pub fn visible(self, place: &Place) -> Vec<i64> {
        ids(self.files(place))
    }

    /// The ids that a reader of the Delta table at `table` sees, ascending.
    pub fn visible_at(self, table: &Path) -> Vec<i64> {
        ids(delta_files(table).iter().map(|p| std::fs::read(p).expect("a file").into()).collect())
    }

    /// The ids of the batch `b2` in quarantine, ascending.
    pub fn aside(self, place: &Place) -> Vec<i64> {
        let files = match (self, s3::store()) {
            (Self::S3, Some(store)) => {
                let keys = store.keys(&format!("{}/aside", place.name()));
                keys.iter().filter(|key| key.contains("/b2.") && key.ends_with(".parquet")).map(|key| store.get(key)).collect()
            }
            _ => place.parts("aside", "b2").iter().map(|p| std::fs::read(p).expect("a part").into()).collect(),
        };
        ids(files)
    }
}

fn parts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|e| e.path());
    let is_seen = |p: &PathBuf| !p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    entries.filter(|p| p.extension().is_some_and(|e| e == "parquet") && is_seen(p)).collect()
}

/// The data files of the newest version of a Delta table, as its log says.
pub fn delta_files(table: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(table.join("_delta_log")) else { return Vec::new() };
    let mut log: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    log.sort();
    let mut files = BTreeMap::new();
    for entry in log {
        for line in std::fs::read_to_string(&entry).expect("an entry of the log").lines() {
            let action: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if let Some(path) = action["add"]["path"].as_str() {
                files.insert(path.to_owned(), table.join(path));
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
        }
    }
    files.into_values().collect()
}

pub fn ids(files: Vec<Bytes>) -> Vec<i64> {
    let mut ids: Vec<i64> = Vec::new();
    for file in files {
        let batch = of_bytes(file);
        // A record that could not be read has no id.
        ids.extend(batch.column_by_name("id").expect("id").as_primitive::<Int64Type>().iter().flatten());
    }
    ids.sort_unstable();
    ids
}

/// Rows `first..first + 60`: every seventh has no name, and the last is there twice.
fn batch(place: &Place, name: &str, first: i64) -> (Vec<i64>, Vec<i64>) {
    let mut text = "id,name\n".to_owned();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for id in first..first + 60 {
        let is_good = id % 7 != 0;
        text += &if is_good { format!("{id},n{id}\n") } else { format!("{id},\n") };
        if is_good { good.push(id) } else { bad.push(id) }
    }
    let last = *good.last().expect("a good row");
    text += &format!("{last},again\n");
    bad.push(last);
    bad.sort_unstable();
    place.write(name, text);
    (good, bad)
}

fn gate(place: &Place, kind: Kind, data: &str, id: &str, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(place.path(".")).args(["gate", data, "-r", "r.yaml", "--batch-id", id]);
    command.args(kind.arguments(place)).args(more).envs(s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary runs")
}

fn run(place: &Place, kind: Kind, data: &str, id: &str) -> Run {
    let arguments = kind.arguments(place);
    let arguments: Vec<&str> =
        ["gate", data, "-r", "r.yaml", "--batch-id", id].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    place.run(&arguments)
}

/// Whether the process came to its end by itself.
fn ended(mut child: Child) -> bool {
    child.wait().expect("the process ends").code().is_some()
}

/// A place with one batch published, another on its way, and what a reader sees with either.
struct Scene {
    place: Place,
    kind: Kind,
    before: Vec<i64>,
    after: Vec<i64>,
    aside: Vec<i64>,
}

impl Scene {
    fn new(kind: Kind, has_batch: bool) -> Self {
        let place = Place::new();
        place.write("r.yaml", RULES);
        let (first, _) = batch(&place, "first.csv", 1000);
        let (second, aside) = batch(&place, "second.csv", 2000);
        let before = if has_batch { first } else { Vec::new() };
        if has_batch {
            assert!(ended(gate(&place, kind, "first.csv", "b1", &[])));
        }
        let after = if kind == Kind::File { second } else { [before.clone(), second].concat() };
        let scene = Self { place, kind, before, after, aside };
        assert_eq!(scene.visible(), scene.before);
        scene
    }

    fn visible(&self) -> Vec<i64> {
        self.kind.visible(&self.place)
    }

    /// A killed run published all or nothing; the next makes it all, once, and tidies up.
    fn holds(&self, how: &str) {
        let kind = self.kind;
        let seen = self.visible();
        assert!(seen == self.before || seen == self.after, "{kind:?}, killed {how}: a reader sees {seen:?}");
        let again = run(&self.place, kind, "second.csv", "b2");
        assert!(again.stderr.is_empty(), "{kind:?}, killed {how}: {}", again.stderr);
        let state = again.report()["publication"]["state"].as_str().expect("a state").to_owned();
        assert_eq!(state, if seen == self.after { "unchanged" } else { "published" }, "{kind:?}, killed {how}");
        assert_eq!(self.visible(), self.after, "{kind:?}, killed {how}");
        assert_eq!(kind.aside(&self.place), self.aside, "{kind:?}, killed {how}");
        let store = store_of(kind, &self.place);
        let summaries = |names: Vec<SummaryName>| names.into_iter().map(|name| name.batch_id).collect::<Vec<_>>();
        let batches: &[&str] = if kind == Kind::File || self.before.is_empty() { &["b2"] } else { &["b1", "b2"] };
        let found = coverage(store.as_ref());
        assert_eq!((summaries(found.valid), found.without), (batches.iter().map(|b| (*b).to_owned()).collect(), vec![]), "{kind:?} {how}");
        let of_batch = names(store.as_ref()).iter().filter(|name| name.batch_id == "b2").count();
        assert_eq!(of_batch, 1, "{kind:?}, killed {how}: summaries of other contents are left");
        let left: Vec<String> = self.place.files().into_iter().filter(|f| f.contains(".staged")).collect();
        assert!(left.is_empty(), "{kind:?}, killed {how}: {left:?} are left");
    }
}

#[test]
fn killed_at_any_step_a_batch_is_there_whole_or_not_at_all() {
    for kind in kinds() {
        for has_batch in [true, false] {
            let mut steps = 0;
            loop {
                let scene = Scene::new(kind, has_batch);
                let step = (steps + 1).to_string();
                if ended(gate(&scene.place, kind, "second.csv", "b2", &["--die-at-step", &step])) {
                    break;
                }
                steps += 1;
                scene.holds(&format!("at step {steps}"));
            }
            assert!(steps >= 8, "{kind:?} has only {steps} steps");
        }
    }
}

/// Numbers that look random and repeat with their seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % limit
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn killed_at_any_time_while_others_read_a_batch_is_there_whole_or_not_at_all() {
    let seed = number("SLUICEGATE_SEED", 20_261_122);
    println!("SLUICEGATE_SEED={seed}");
    let mut random = Random(seed);
    let (mut killed, mut runs, kinds) = (0, 0, kinds());
    // What a whole run takes here, roughly: the kill falls anywhere in it.
    let started = std::time::Instant::now();
    Scene::new(Kind::Delta, true).holds("not at all");
    let whole = started.elapsed() / 3;
    while killed < number("SLUICEGATE_KILLS", 40) {
        let kind = kinds[random.below(kinds.len() as u64) as usize];
        let scene = Scene::new(kind, random.below(2) == 0);
        let delay = Duration::from_micros(random.below(whole.as_micros() as u64));
        let over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let seen = scene.visible();
                    assert!(seen == scene.before || seen == scene.after, "{kind:?}, seed {seed}: a reader sees {seen:?}");
                }
            });
            let mut child = gate(&scene.place, kind, "second.csv", "b2", &[]);
            std::thread::sleep(delay);
            let _ = child.kill();
            killed += u64::from(!ended(child));
            over.store(true, Ordering::Relaxed);
        });
        runs += 1;
        scene.holds(&format!("after {delay:?} (kill {killed}, seed {seed})"));
    }
    println!("{killed} of {runs} runs were killed");
}

#[test]
fn racing_gates_publish_every_batch_once() {
    let each = number("SLUICEGATE_BATCHES", 4);
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::File) {
        let place = Place::new();
        place.write("r.yaml", RULES);
        let mut expected = Vec::new();
        for process in 0..8 {
            for i in 0..each {
                let first = (process * each + i) as i64 * 100;
                expected.extend(batch(&place, &format!("{process}-{i}.csv"), first).0);
            }
        }
        std::thread::scope(|threads| {
            for process in 0..8 {
                let place = &place;
                threads.spawn(move || {
                    for i in 0..each {
                        let (data, id) = (format!("{process}-{i}.csv"), format!("b{process}-{i}"));
                        let run = run(place, kind, &data, &id);
                        // That it waits for the others may be said.
                        let faults: Vec<&str> = run.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
                        assert_eq!((run.code, faults), (0, Vec::new()), "{kind:?} {id}");
                    }
                });
            }
        });
        assert!(kind.visible(&place) == expected, "{kind:?}");
        assert_eq!(kind.files(&place).len() as u64, 8 * each, "{kind:?}");
    }
}

#[test]
fn gates_that_race_for_one_batch_publish_it_once() {
    for kind in kinds() {
        let scene = Scene::new(kind, false);
        let racers: Vec<Child> = (0..6).map(|_| gate(&scene.place, kind, "second.csv", "b2", &[])).collect();
        let codes: Vec<Option<i32>> = racers.into_iter().map(|mut c| c.wait().expect("ends").code()).collect();
        assert!(codes.iter().all(|c| *c == Some(0)), "{kind:?}: {codes:?}");
        assert_eq!(scene.visible(), scene.after, "{kind:?}");
    }
}
