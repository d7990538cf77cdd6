//! Texts kept beside published rows, a batch each: they count only while just the batch's rows are published, and no reader
//! of the rows sees them.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use sluicegate::store::{self, Coverage, Stamp, Store, Stored, SummaryName, Surroundings};

use crate::beside_others::Other;
use crate::crash::{Kind, kinds};
use crate::s3;
use crate::support::{Place, Run, project, skipped};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, day: { type: date } } }
rules: [{ missing: { column: id } }]
";

/// The gate keeps no summaries, and the tests put texts in their place.
const NONE_KEPT: &str = "gate: { summaries: none }\n";

/// Where batches of a place go.
pub fn store_of(kind: Kind, place: &Place) -> Arc<dyn Store> {
    let arguments = kind.arguments(place);
    let named = if kind == Kind::S3 { arguments[1].clone() } else { place.path(&arguments[1]).display().to_string() };
    let variables = s3::variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let surroundings = Surroundings { variables, staging: place.path("."), ..Surroundings::default() };
    store::open(&named, None, &surroundings).expect("a store")
}

/// All texts there, be they valid or not.
pub fn names(store: &dyn Store) -> Vec<SummaryName> {
    let names = store.texts().expect("texts").names().expect("names");
    names.iter().filter_map(|name| SummaryName::of_file(name)).collect()
}

pub fn coverage(store: &dyn Store) -> Coverage {
    store.coverage(&names(store)).expect("read")
}

/// A place whose gates publish to one kind of store.
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

    /// Gates rows of (id, day of March).
    fn gate(&self, batch: &str, rows: &[(i64, u32)], more: &[&str]) -> Run {
        let rows: String = rows.iter().map(|(id, day)| format!("{id},2026-03-{day:02}\n")).collect();
        let data = format!("{batch}.csv");
        self.place.write(&data, format!("id,day\n{rows}"));
        let destination = self.kind.arguments(&self.place);
        let arguments = ["gate", &data, "-r", "r.yaml", "--batch-id", batch].into_iter().chain(destination.iter().map(String::as_str));
        let run = self.place.run(&arguments.chain(more.iter().copied()).collect::<Vec<_>>());
        assert_eq!(run.code, 0, "{:?} {batch}: {}", self.kind, run.stderr);
        run
    }

    fn store(&self) -> Arc<dyn Store> {
        store_of(self.kind, &self.place)
    }

    /// Puts a text beside the rows of `batch`.
    fn say(&self, batch: &str, text: &str) -> SummaryName {
        let store = self.store();
        let asked = Stamp { dataset: "t".into(), batch_id: batch.into(), rules_digest: String::new(), content_digest: String::new() };
        assert!(matches!(store.stored(&asked), Ok(Stored::Batch(_))), "{:?} {batch}", self.kind);
        let rows = store.rows_of(&asked).expect("read").expect("rows");
        let (content, since) = rows.content().expect("read").expect("it is known which rows these are");
        let name = SummaryName::new(since, batch, &content, 0, text);
        store.texts().expect("texts").put(&name.file_name(), text).expect("put");
        name
    }

    /// What counts now, and what has no text.
    fn coverage(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let Coverage { valid, without } = coverage(self.store().as_ref());
        (valid.into_iter().map(|name| name.batch_id).collect(), without.into_iter().map(|rows| rows.name).collect())
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_text_counts_while_just_its_rows_are_published_in_every_store() {
    for kind in kinds() {
        let scene = Scene::new(kind, &format!("{RULES}{NONE_KEPT}"));
        assert_eq!(scene.coverage(), (set(&[]), set(&[])), "{kind:?}");
        scene.gate("a.1", &[(1, 1)], &[]);
        assert_eq!(scene.coverage(), (set(&[]), set(&["a.1"])), "{kind:?}");
        let name = scene.say("a.1", "{}");
        assert_eq!(scene.coverage(), (set(&["a.1"]), set(&[])), "{kind:?}");
        let texts = scene.store().texts().expect("texts");
        assert_eq!(texts.read(&[name.file_name()]).expect("read"), [Some("{}".into())], "{kind:?}");
        scene.gate("b", &[(2, 2)], &[]);
        let keeps_both = kind != Kind::File;
        assert_eq!(scene.coverage(), (if keeps_both { set(&["a.1"]) } else { set(&[]) }, set(&["b"])), "{kind:?}");
        if keeps_both {
            scene.say("b", "{}");
            assert_eq!(scene.coverage(), (set(&["a.1", "b"]), set(&[])), "{kind:?}");
            scene.gate("a.1", &[(3, 1)], &["--supersede"]);
            assert_eq!(scene.coverage(), (set(&["b"]), set(&["a.1"])), "{kind:?}: superseded");
            scene.say("a.1", "{}");
            assert_eq!(scene.coverage(), (set(&["a.1", "b"]), set(&[])), "{kind:?}");
        }
    }
}

#[test]
fn a_batch_that_lost_rows_to_another_has_no_text_any_more() {
    for kind in kinds().into_iter().filter(|kind| matches!(kind, Kind::Delta | Kind::S3)) {
        let scene = Scene::new(kind, &format!("{RULES}gate: {{ replace: {{ partition: day }}, summaries: none }}\n"));
        for (batch, rows) in [("a", &[(1, 1), (2, 2)][..]), ("b", &[(3, 3)]), ("c", &[(4, 4)])] {
            scene.gate(batch, rows, &[]);
            scene.say(batch, "{}");
        }
        scene.gate("d", &[(5, 2), (6, 3)], &[]);
        assert_eq!(scene.coverage(), (set(&["c"]), set(&["a", "d"])), "{kind:?}: one lost some of its rows, another all");
    }
}

#[test]
fn rows_that_another_program_moved_keep_their_text_and_rows_it_changed_lose_it() {
    let scene = Scene::new(Kind::Delta, &format!("{RULES}{NONE_KEPT}"));
    for (batch, id) in [("a", 1), ("b", 2), ("c", 3)] {
        scene.gate(batch, &[(id, 1), (id * 10, 1)], &[]);
        scene.say(batch, "{}");
    }
    let Some(mut other) = Other::at(&scene.place.path("out")) else { return };
    other.does("compact 0");
    assert_eq!(scene.coverage(), (set(&["a", "b", "c"]), set(&[])), "compaction moves rows");
    scene.gate("d", &[(4, 1)], &[]);
    scene.say("d", "{}");
    other.does("compact 0");
    assert_eq!(scene.coverage(), (set(&["a", "b", "c", "d"]), set(&[])), "moved twice");
    other.does("delete id = 20");
    let (valid, without) = scene.coverage();
    assert!(valid.is_empty() && without.len() == 1, "nobody can tell whose rows are left: {valid:?} {without:?}");
    other.does("restore 2");
    assert_eq!(scene.coverage(), (set(&["a", "b", "c"]), set(&[])), "what was before the deletion is back");
    other.does("delete id = 2");
    assert_eq!(scene.coverage().0, set(&["a", "c"]), "one row of a batch is deleted");
    other.does("delete id > 0");
    assert_eq!(scene.coverage(), (set(&[]), set(&[])));
}

#[test]
fn no_reader_of_the_rows_sees_the_texts() {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import polars, duckdb, duckdb_extensions, pandas, pyarrow, deltalake"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        return skipped("Python with polars, duckdb, pandas, pyarrow and deltalake");
    }
    for kind in [Kind::File, Kind::Parts, Kind::Delta] {
        let scene = Scene::new(kind, &format!("{RULES}{NONE_KEPT}"));
        let rows = if kind == Kind::File { 3 } else { 5 };
        for (batch, count) in [("a", 2), ("b", 3)] {
            scene.gate(batch, &(1..=count).map(|id| (id, 1)).collect::<Vec<_>>(), &[]);
            scene.say(batch, "{\"rows\": 1}");
        }
        let place = scene.place.path(&kind.arguments(&scene.place)[1]);
        let mut command = Command::new(&python);
        let output = command.arg(project("tests/beside_rows.py")).arg(format!("{kind:?}")).arg(&place).arg(rows.to_string()).output();
        let output = output.expect("python runs");
        assert!(output.status.success(), "{kind:?}: {}", String::from_utf8_lossy(&output.stderr));
        // Nor does this program, where the published rows are the data.
        if kind != Kind::Delta {
            let read = scene.place.run(&["check", &kind.arguments(&scene.place)[1], "-r", "r.yaml"]);
            assert_eq!(read.rows("read"), rows, "{kind:?} {}", read.stderr);
        }
    }
}

#[test]
fn texts_are_not_put_through_a_link_of_another_user() {
    // Links of this user are followed; those of others are refused, which only a privileged user can make here.
    let scene = Scene::new(Kind::Parts, &format!("{RULES}{NONE_KEPT}"));
    scene.gate("a", &[(1, 1)], &[]);
    let elsewhere = scene.place.path("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a directory");
    let link = scene.place.path(".out.sluicegate");
    let _ = std::fs::remove_dir_all(&link);
    std::os::unix::fs::symlink(&elsewhere, &link).expect("a link");
    if std::os::unix::fs::lchown(&link, Some(65534), None).is_err() {
        return skipped("the right to give a file to another user");
    }
    let refused = scene.store().texts().expect("texts").put("a.json", "{}").expect_err("a link of another");
    assert!(refused.to_string().contains("symbolic link of another user"), "{refused}");
    assert_eq!(std::fs::read_dir(&elsewhere).expect("a list").count(), 0);
}
