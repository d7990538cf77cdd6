//! The gate keeps a summary beside each batch that it publishes: of just the rows that are there, whatever becomes of them.

use std::fs;

use sluicegate::store::{SummaryName, Texts};
use sluicegate::summary::Summary;

use crate::crash::{Kind, kinds};
use crate::summary_files::{coverage, names, store_of};
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, v: { type: int64 } } }
rules:
  - missing: { column: v }
  - duplicates: { key: [id] }
";

struct Scene {
    place: Place,
    kind: Kind,
}

impl Scene {
    fn new(kind: Kind, rules: &str) -> Self {
        let place = Place::new();
        place.write("r.yaml", rules);
        Self { place, kind }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let destination = self.kind.arguments(&self.place);
        self.place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
    }

    fn gate(&self, batch: &str, data: &str, more: &[&str]) -> Run {
        let file = format!("{batch}.csv");
        self.place.write(&file, data);
        self.run(&[&["gate", &file, "-r", "r.yaml", "--batch-id", batch], more].concat())
    }

    fn texts(&self) -> Box<dyn Texts> {
        store_of(self.kind, &self.place).texts().expect("texts")
    }

    /// The summaries that count: batch, rows that it speaks of, since when.
    fn summaries(&self) -> Vec<(String, u64, i64)> {
        let found = coverage(store_of(self.kind, &self.place).as_ref());
        let read = |name: SummaryName| {
            let text = self.texts().read(&[name.file_name()]).expect("read").remove(0).expect("there");
            let summary = Summary::read(std::str::from_utf8(&text).expect("text")).expect("a summary");
            (name.batch_id, summary.rows, name.since)
        };
        found.valid.into_iter().map(read).collect()
    }

    /// Batch and rows of each, in the order of their commits.
    fn rows(&self) -> Vec<(String, u64)> {
        self.summaries().into_iter().map(|(batch, rows, _)| (batch, rows)).collect()
    }
}

fn told(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(batch, rows)| ((*batch).to_owned(), *rows)).collect()
}

#[test]
fn a_summary_speaks_of_the_rows_that_are_published() {
    for kind in kinds() {
        let scene = Scene::new(kind, RULES);
        // One row lacks a value and goes at once, one comes twice and goes after all.
        assert_eq!(scene.gate("b", "id,v\n1,1\n2,\n3,3\n3,4\n", &[]).code, 0);
        assert_eq!(scene.rows(), told(&[("b", 2)]), "{kind:?}");
        assert_eq!(scene.gate("a", "id,v\n5,1\n", &[]).code, 0);
        let all = if kind == Kind::File { told(&[("a", 1)]) } else { told(&[("b", 2), ("a", 1)]) };
        assert_eq!(scene.rows(), all, "{kind:?}: in the order of their commits");
        let again = scene.gate("a", "id,v\n5,1\n", &[]);
        assert_eq!(again.report()["publication"]["state"], "unchanged");
        assert_eq!((scene.rows(), names(store_of(kind, &scene.place).as_ref()).len()), (all, 2));
    }
}

#[test]
fn other_content_has_another_summary_and_the_first_one_goes() {
    for kind in kinds() {
        let scene = Scene::new(kind, RULES);
        assert_eq!(scene.gate("a", "id,v\n1,1\n", &[]).code, 0);
        assert_eq!(scene.gate("a", "id,v\n1,1\n2,2\n3,3\n", &["--supersede"]).code, 0);
        assert_eq!(scene.rows(), told(&[("a", 3)]), "{kind:?}");
        assert_eq!(scene.texts().names().expect("names").len(), 1, "{kind:?}");
    }
}

#[test]
fn what_is_not_published_has_no_summary() {
    for kind in kinds() {
        let scene = Scene::new(kind, &RULES.replace("{ column: v }", "{ column: v, on_fail: reject }"));
        assert_eq!(scene.gate("a", "id,v\n1,\n", &[]).code, 1);
        assert_eq!(scene.gate("b", "id,v\n1,1\n", &["--dry-run"]).code, 0);
        assert!(scene.texts().names().expect("names").is_empty(), "{kind:?}");
        assert!(kind == Kind::S3 || scene.place.files().iter().all(|file| !file.contains("sluicegate")), "{:?}", scene.place.files());
        let none = Scene::new(kind, &format!("{RULES}gate: {{ summaries: none }}\n"));
        assert_eq!(none.gate("a", "id,v\n1,1\n", &[]).code, 0);
        assert!(none.texts().names().expect("names").is_empty(), "{kind:?}");
    }
}

#[test]
fn a_summary_that_is_missing_is_written_when_the_batch_comes_again() {
    for kind in kinds() {
        let scene = Scene::new(kind, RULES);
        let data = "id,v\n1,1\n2,\n3,3\n3,4\n";
        assert_eq!(scene.gate("a", data, &[]).code, 0);
        let before = names(store_of(kind, &scene.place).as_ref());
        before.iter().for_each(|name| scene.texts().remove(&name.file_name()).expect("removed"));
        assert!(scene.rows().is_empty());
        assert_eq!(scene.gate("a", data, &[]).report()["publication"]["state"], "unchanged");
        assert_eq!(names(store_of(kind, &scene.place).as_ref()), before, "{kind:?}: the very same, to the byte");
    }
}

#[test]
fn rows_that_a_replay_brings_are_in_the_summary_and_the_batch_keeps_its_place() {
    for kind in kinds() {
        let scene = Scene::new(kind, RULES);
        assert_eq!(scene.gate("a", "id,v\n1,1\n2,\n3,3\n", &[]).code, 0);
        let first = scene.summaries();
        if kind != Kind::File {
            assert_eq!(scene.gate("b", "id,v\n9,9\n", &[]).code, 0);
        }
        scene.place.write("r.yaml", RULES.replace("{ column: v }", "{ column: v, on_fail: warn }"));
        // The summary follows the rules of now, which ask the same.
        let replay = scene.run(&["replay", "-r", "r.yaml", "a"]);
        assert_eq!(replay.code, 0, "{kind:?} {}", replay.stderr);
        let summaries = scene.summaries();
        assert_eq!((summaries[0].0.as_str(), summaries[0].1, summaries[0].2), ("a", 3, first[0].2), "{kind:?}");
    }
}

#[test]
fn a_batch_is_published_though_its_summary_cannot_be_kept() {
    for (kind, directory) in [(Kind::Delta, "out/_sluicegate"), (Kind::Parts, ".out.sluicegate"), (Kind::File, ".out.parquet.sluicegate")] {
        let scene = Scene::new(kind, RULES);
        assert_eq!(scene.gate("a", "id,v\n1,1\n", &[]).code, 0);
        let summaries = scene.place.path(directory).join("summaries");
        fs::remove_dir_all(&summaries).expect("removed");
        fs::write(&summaries, "in the way").expect("a file");
        let run = scene.gate("b", "id,v\n2,2\n", &[]);
        assert_eq!(run.code, 0, "{kind:?} {}", run.stderr);
        let warnings = run.report()["publication"]["warnings"].to_string();
        assert!(warnings.contains("no summary of the batch could be kept"), "{kind:?} {warnings}");
        assert!(kind.visible(&scene.place).contains(&2));
        fs::remove_file(&summaries).expect("removed");
        assert_eq!(scene.gate("b", "id,v\n2,2\n", &[]).code, 0);
        assert_eq!(scene.rows(), told(&[("b", 1)]), "{kind:?}: it is there when the gate runs again");
    }
}
