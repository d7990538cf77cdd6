//! What lies beside published rows goes when it is told to: by age, by batch, by value. Killed in the middle and run again, all of
//! it goes, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use crate::crash::{Kind, kinds};
use crate::s3;
use crate::summary_files::{coverage, names, store_of};
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { columns: { id: { type: int64 }, mail: { type: string }, v: { type: int64 } } }
rules:
  - missing: { column: v }
  - pattern: { column: mail, like: '%@%' }
  - statistic: { column: v, of: max, max: 1000, on_fail: warn }
baseline: { path: base.json }
history: runs
";

const IDA: &str = "ida-lovelace@example.com";

struct Scene {
    place: Place,
    kind: Kind,
}

impl Scene {
    /// Two batches, with rows set aside, recorded runs and reports; the value is in both, published and set aside.
    fn new(kind: Kind) -> Self {
        let place = Place::new();
        let arguments = kind.arguments(&place);
        let gate = format!(
            "gate: {{ publish: \"{}\", format: {}, quarantine: \"{}\", reject_above: 90%, summaries: full }}\n",
            arguments[1], arguments[3], arguments[5]
        );
        place.write("r.yaml", format!("{RULES}{gate}"));
        let scene = Self { place, kind };
        scene.place.write("base.csv", format!("id,mail,v\n1,{IDA},5\n2,b@example.com,6\n"));
        scene.ok(&["baseline", "capture", "base.csv", "-r", "r.yaml", "-o", "base.json"]);
        for (batch, first, day) in [("a", 10, "2026-01-01"), ("b", 20, "2026-03-01")] {
            let row = |i: i64, mail: &str, v: &str| format!("{},{mail},{v}\n", first + i);
            let rows =
                [row(0, IDA, "17"), row(1, "b@example.com", "18"), row(2, IDA, ""), row(3, "b@example.com", ""), row(4, "nomail", "17")];
            scene.place.write(&format!("{batch}.csv"), format!("id,mail,v\n{}{IDA},x,y,z\n", rows.concat()));
            let reports = [format!("reports/{batch}.json"), format!("reports/{batch}.html")];
            let data = format!("{batch}.csv");
            let gate = ["gate", &data, "-r", "r.yaml", "--batch-id", batch, "--now", day, "--report", &reports[0], "--report", &reports[1]];
            scene.ok(&gate);
        }
        scene
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let run = self.place.run(arguments);
        assert_eq!(run.code, 0, "{:?} {arguments:?}: {}{}", self.kind, run.stdout, run.stderr);
        run.stdout
    }

    fn run(&self, command: &str, more: &[&str]) -> Run {
        self.place.run(&[&[command, "-r", "r.yaml", "--reports", "reports"], more].concat())
    }

    /// Whether the process came to its end by itself.
    fn dies(&self, command: &str, more: &[&str], step: u64) -> bool {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        child.current_dir(self.place.path(".")).args([command, "-r", "r.yaml", "--reports", "reports"]).args(more);
        child.args(["--die-at-step", &step.to_string()]).envs(s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
        child.status().expect("the binary runs").code().is_none()
    }

    fn summaries(&self) -> BTreeSet<String> {
        coverage(store_of(self.kind, &self.place).as_ref()).valid.into_iter().map(|name| name.batch_id).collect()
    }

    /// The batches of which something is recorded.
    fn runs(&self) -> BTreeSet<String> {
        let files = self.place.files();
        let of = |batch: &&str| files.iter().any(|file| file.starts_with("runs/t/") && file.contains(&format!("-{batch}-")));
        ["a", "b"].iter().filter(|batch| of(batch)).map(|batch| (*batch).to_owned()).collect()
    }

    fn reports(&self) -> Vec<String> {
        self.place.files().into_iter().filter(|file| file.starts_with("reports/")).collect()
    }

    /// The ids of rows that are set aside, of both batches; how many records were never read.
    fn aside(&self) -> (BTreeSet<String>, usize) {
        let place = self.kind.arguments(&self.place)[5].clone();
        self.place.run(&["quarantine", "export", &place, "--to", "out.csv", "--malformed-to", "bad.csv"]);
        let read = |name: &str| fs::read_to_string(self.place.path(name)).unwrap_or_default();
        let ids = read("out.csv").lines().skip(1).filter_map(|line| line.split(',').next().map(str::to_owned)).collect();
        let malformed = read("bad.csv").lines().skip(1).filter(|line| !line.is_empty()).count();
        ["out.csv", "bad.csv"].iter().for_each(|name| _ = fs::remove_file(self.place.path(name)));
        (ids, malformed)
    }

    /// Files beside the source and the published rows in which the text stands.
    fn shown_in(&self, text: &str) -> Vec<String> {
        // The log of a table tells the extremes of its rows.
        let is_ours = |file: &String| !file.ends_with(".csv") && !file.ends_with(".parquet") && !file.starts_with("out/_delta_log");
        let has = |file: &String| String::from_utf8_lossy(&fs::read(self.place.path(file)).expect("a file")).contains(text);
        self.place.files().into_iter().filter(|file| is_ours(file) && has(file)).collect()
    }
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn what_is_old_goes_and_the_newest_stays() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::File) {
        let scene = Scene::new(kind);
        let aside = scene.aside();
        assert_eq!((scene.summaries(), aside.0.len(), aside.1, scene.reports().len()), (set(&["a", "b"]), 6, 2, 4), "{kind:?}");
        let before = scene.place.files();
        let dry = scene.run("prune", &["--older-than", "1d", "--now", "2030-01-01", "--dry-run"]);
        assert_eq!((dry.code, scene.place.files()), (0, before), "{kind:?}: a dry run removes nothing");
        assert!(dry.stdout.contains("2 summaries would be removed, 0 kept"), "{}", dry.stdout);
        let one = scene.run("prune", &["--older-than", "1d", "--now", "2030-01-01", "--keep-last", "1"]);
        assert_eq!(one.code, 0, "{}", one.stderr);
        assert!(one.stdout.contains("summaries:") && one.stdout.contains("not touched: the published rows"), "{}", one.stdout);
        assert_eq!((scene.summaries(), scene.aside().0), (set(&["b"]), set(&["22", "23", "24"])), "{kind:?} {}", one.stdout);
        // What made the baseline is no run.
        assert_eq!((scene.reports().len(), scene.runs()), (2, set(&["b"])), "{kind:?}: {:?}", scene.place.files());
        // By the clock of the runs, the first is older than this.
        let scene = Scene::new(kind);
        scene.run("prune", &["--older-than", "30d", "--now", "2026-03-02", "--only", "history,reports"]);
        assert_eq!(
            (scene.summaries().len(), scene.runs(), scene.reports()),
            (2, set(&["b"]), vec!["reports/b.html".into(), "reports/b.json".into()])
        );
        assert_eq!(kind.visible(&scene.place), [10, 11, 20, 21], "{kind:?}: published rows stay");
    }
}

#[test]
fn a_batch_is_forgotten_by_its_name_and_comes_back_when_it_is_gated_again() {
    let scene = Scene::new(Kind::Delta);
    assert_eq!(scene.run("prune", &["--batch", "a"]).code, 0);
    assert_eq!((scene.summaries(), scene.aside().0), (set(&["b"]), set(&["22", "23", "24"])));
    scene.ok(&["gate", "a.csv", "-r", "r.yaml", "--batch-id", "a"]);
    assert_eq!((scene.summaries(), scene.aside().0.len()), (set(&["a", "b"]), 6));
}

#[test]
fn what_cannot_be_pruned_or_forgotten_is_said() {
    let scene = Scene::new(Kind::Parts);
    let refused = |command: &str, more: &[&str], what: &str| {
        let before = scene.place.files();
        let run = scene.run(command, more);
        assert!(run.code == 2 && run.stderr.contains(what), "{command} {more:?}: {} {}", run.code, run.stderr);
        assert_eq!(scene.place.files(), before);
    };
    refused("prune", &[], "nothing says what to remove");
    refused("forget", &[], "nothing says what to forget");
    refused("forget", &["--key", "mial=x"], "nothing that is kept here has a column `mial`; did you mean `mail`?");
    refused("forget", &["--key", "mail"], "a key is a column and a value");
    refused("forget", &["--where", "mail >"], "--where");
    let nothing = scene.run("forget", &["--key", "mail=nobody@example.com"]);
    assert!(nothing.code == 0 && nothing.stdout.contains("nothing removed"), "{}", nothing.stdout);
}

#[test]
fn a_value_is_shown_nowhere_once_it_is_forgotten() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::File) {
        let scene = Scene::new(kind);
        let shown = scene.shown_in(IDA);
        assert!(shown.iter().any(|f| f.starts_with("runs/")) && shown.iter().any(|f| f.ends_with("a.html")), "{kind:?} {shown:?}");
        assert!(shown.contains(&"base.json".to_owned()), "{shown:?}");
        let key = format!("mail={IDA}");
        let dry = scene.run("forget", &["--key", &key, "--malformed", "--dry-run"]);
        assert_eq!((dry.code, scene.shown_in(IDA)), (0, shown), "{kind:?}: a dry run changes nothing");
        let partly = scene.run("forget", &["--key", &key, "--only", "quarantine"]);
        assert!(partly.stdout.contains("1 malformed record with the value in the text stay"), "{kind:?} {}", partly.stdout);
        assert_eq!(scene.aside(), (set(&["13", "14", "23", "24"]), 2), "{kind:?}");
        let done = scene.run("forget", &["--key", &key, "--malformed"]);
        assert_eq!(done.code, 0, "{kind:?} {}", done.stderr);
        assert_eq!(scene.shown_in(IDA), Vec::<String>::new(), "{kind:?} {}", done.stdout);
        assert_eq!(scene.aside(), (set(&["13", "14", "23", "24"]), 0), "{kind:?}");
        assert!(done.stdout.contains("not touched: the published rows") && done.stdout.contains("not known:"), "{}", done.stdout);
        // Summaries are there, without what named it; and gating the batch again brings nothing back.
        assert_eq!(scene.summaries(), set(&["a", "b"]), "{kind:?}");
        scene.ok(&["gate", "a.csv", "-r", "r.yaml", "--batch-id", "a"]);
        assert_eq!((scene.aside().0, names(store_of(kind, &scene.place).as_ref()).len()), (set(&["13", "14", "23", "24"]), 2));
        let in_summaries = scene.shown_in(IDA).into_iter().filter(|file| file.contains("summaries")).count();
        assert_eq!(in_summaries, 0, "{kind:?}");
        let again = scene.run("forget", &["--key", &key, "--malformed", "--only", "summaries,quarantine,baselines"]);
        assert_eq!(again.stdout.matches("nothing removed").count(), 3, "{}", again.stdout);
    }
}

#[test]
fn numbers_and_conditions_are_forgotten_by_what_they_mean() {
    let scene = Scene::new(Kind::Delta);
    let done = scene.run("forget", &["--key", "v=17.0"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(scene.aside().0, set(&["12", "13", "22", "23"]), "17 is 17.0");
    let texts = store_of(Kind::Delta, &scene.place).texts().expect("texts");
    for text in texts.read(&texts.names().expect("names")).expect("read").into_iter().flatten() {
        let text = String::from_utf8(text.to_vec()).expect("text");
        assert!(!text.contains("\"17") && !text.contains(" 17:"), "{text}");
        assert!(text.contains("b@example.com"), "other columns stay: {text}");
    }
    let done = scene.run("forget", &["--where", "id = 13 or v is null and id > 20"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(scene.aside().0, set(&["12"]));
}

/// Kills `command` at each of its steps, runs it again, and compares with what an undisturbed run leaves.
fn killed_anywhere(command: &str, more: &[&str]) {
    let left = |scene: &Scene| (scene.aside(), scene.summaries(), scene.runs(), scene.reports(), scene.shown_in(IDA).len());
    let whole = Scene::new(Kind::Delta);
    assert_eq!(whole.run(command, more).code, 0);
    let expected = left(&whole);
    let mut step = 0;
    loop {
        step += 1;
        let scene = Scene::new(Kind::Delta);
        if !scene.dies(command, more, step) {
            break;
        }
        let again = scene.run(command, more);
        assert_eq!(again.code, 0, "killed at step {step}: {}", again.stderr);
        assert_eq!(left(&scene), expected, "{command}, killed at step {step}");
        let staged = scene.place.files().into_iter().filter(|file| file.contains(".staged")).count();
        assert_eq!(staged, 0, "{command}, killed at step {step}");
    }
    assert!(step > 4, "{command} has only {step} steps");
}

#[test]
fn a_prune_that_is_killed_is_ended_by_the_next() {
    killed_anywhere("prune", &["--older-than", "1d", "--now", "2030-01-01"]);
}

#[test]
fn an_erasure_that_is_killed_is_ended_by_the_next() {
    killed_anywhere("forget", &["--key", &format!("mail={IDA}"), "--malformed"]);
}
