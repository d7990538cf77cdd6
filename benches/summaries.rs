//! What `against: published` costs beside a batch: the summaries of a table of many batches, read.
//!
//! `SLUICEGATE_BATCHES` (1000) and `SLUICEGATE_COLUMNS` (50) say how large the table is.

#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use sluicegate::audit::{Job, Keeps};
use sluicegate::gate::{self, PublishedTable, Request};
use sluicegate::metric::Budget;
use sluicegate::ruleset::{OnReject, RuleFile};
use sluicegate::source::{self, Spool};
use sluicegate::store::{self, Location, Quarantine, Surroundings, Waiting};

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Values that differ from batch to batch: numbers, prices, words.
fn data(batch: usize, columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let mut text = names.join(",") + "\n";
    let mut state = batch as u64 + 1;
    for _ in 0..200 {
        let row: Vec<String> = (0..columns)
            .map(|column| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = state >> 40;
                match column % 3 {
                    0 => value.to_string(),
                    1 => format!("{}.{:02}", value % 1000, value % 97),
                    _ => format!("word-{}", value % 60),
                }
            })
            .collect();
        text += &(row.join(",") + "\n");
    }
    text
}

fn publish(place: &Path, rules: &RuleFile, batch: usize, columns: usize) {
    let path = place.join("d.csv");
    std::fs::write(&path, data(batch, columns)).expect("data");
    let options = rules.sections.read_options("r.yaml").expect("options");
    let source = source::open(&[path.display().to_string()], &options, &rules.contract(), &Spool::new(place)).expect("data");
    let publish = store::open(&place.join("lake").display().to_string(), None, &Surroundings::default()).expect("a store");
    let id = format!("b{batch:05}");
    let table = PublishedTable::new(rules, Some(&id), None, publish.clone());
    let budget = Arc::new(Budget::new(1 << 30, PathBuf::from(place)));
    let job = Job { keeps: Keeps::Everything, ..Job::new(rules, source, DateTime::UNIX_EPOCH, budget) };
    let request = Request {
        publish,
        keeps_summary: true,
        table,
        quarantine: Quarantine { directory: Location::Local(place.join("aside")) },
        batch_id: Some(id),
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
    gate::gate(&job, &request).expect("published");
}

fn published(c: &mut Criterion) {
    let place = tempfile::tempdir().expect("a directory");
    let rules = RuleFile::parse("dataset: t\nrules:\n  - missing: { column: c0 }\n", "r.yaml").expect("rules");
    let (batches, columns) = (number("SLUICEGATE_BATCHES", 1000), number("SLUICEGATE_COLUMNS", 50));
    (0..batches).for_each(|batch| publish(place.path(), &rules, batch, columns));
    let lake = place.path().join("lake").display().to_string();
    let opened = || store::open(&lake, None, &Surroundings::default()).expect("a store");
    let bytes: u64 = std::fs::read_dir(place.path().join("lake/_sluicegate/summaries"))
        .expect("summaries")
        .flatten()
        .map(|file| file.metadata().map_or(0, |m| m.len()))
        .sum();
    eprintln!("{batches} batches of {columns} columns: {bytes} bytes of summaries");
    let mut group = c.benchmark_group("published");
    group.sample_size(20);
    group.bench_function("open the table", |b| b.iter(|| opened().terms().expect("terms")));
    for (name, last) in [("all batches", None), ("the last 30", Some(30))] {
        for threads in [1, 2] {
            group.bench_function(format!("{name}, {threads} threads"), |b| {
                b.iter_batched(
                    || {
                        let store = opened();
                        store.terms().expect("terms");
                        PublishedTable::new(&rules, Some("new"), None, store)
                    },
                    |table| table.summaries(last, threads).expect("summaries"),
                    criterion::BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, published);
criterion_main!(benches);
