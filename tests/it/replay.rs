//! Rows set aside, judged again under changed rules: those that pass now are published, each once, whatever dies in between.

use std::process::{Command, Stdio};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::crash::Kind;
use crate::gate::read;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 } } }
transform: { name: \"lower(name)\", long: \"v * 2\" }
rules:
  - missing: { column: name }
  - duplicates: { key: [id] }
  - range: { column: v, max: 10 }
  - outliers: { column: v, k: 1.5, on_fail: quarantine, over: all }
";

/// Nine rows of which four pass: 2 has no name, 4 comes twice, 5 and 6 are above 10, 6 is far out; one cannot be read.
const DATA: &str = "id,name,v\n1,a,1\n2,,2\n3,C,3\n4,d,4\n4,e,5\n5,f,11\n6,g,60\nx,h,7\n7,i,8\n";

fn place(kind: Kind) -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("s.yaml", RULES.replace("max: 10", "max: 100"));
    place.write("d.csv", DATA);
    let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
    assert_eq!((gated.code, gated.rows("published"), gated.rows("quarantined")), (0, 4, 5), "{}", gated.stderr);
    place
}

fn run(place: &Place, kind: Kind, arguments: &[&str]) -> Run {
    let destination = kind.arguments(place);
    place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
}

#[test]
fn rows_that_pass_now_are_published_once() {
    for kind in crate::crash::kinds() {
        let place = place(kind);
        let dry = run(&place, kind, &["replay", "-r", "s.yaml", "--dry-run"]);
        assert_eq!(
            dry.stdout,
            "b2: 1 row would be published, 4 set aside as before; 1 of them could not be read, and cannot be judged again\n"
        );
        assert_eq!(kind.visible(&place), [1, 3, 4, 7], "{kind:?}");
        let replay = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert_eq!((replay.code, replay.stderr.as_str()), (0, ""), "{kind:?}");
        assert!(replay.stdout.starts_with("b2: 1 row published, 4 set aside"), "{kind:?} {}", replay.stdout);
        // 5 is above 10 no more; 6 is an outlier beside the others, 4 is published already.
        assert_eq!(kind.visible(&place), [1, 3, 4, 5, 7], "{kind:?}");
        let again = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert!(again.stdout.starts_with("b2: 0 rows published, 4 set aside"), "{kind:?} {}", again.stdout);
        assert_eq!(kind.visible(&place), [1, 3, 4, 5, 7], "{kind:?}");
        // The batch is what it was: known, and replaced whole.
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!(gated.report()["publication"]["state"], "unchanged", "{kind:?} {}", gated.stderr);
        place.write("e.csv", "id,name,v\n9,a,1\n10,b,2\n11,c,3\n12,d,4\n");
        let superseded = run(&place, kind, &["gate", "e.csv", "-r", "r.yaml", "--batch-id", "b2", "--supersede"]);
        assert_eq!((superseded.code, kind.visible(&place)), (0, vec![9, 10, 11, 12]), "{kind:?} {}", superseded.stderr);
        assert!(kind.aside(&place).is_empty(), "{kind:?}");
    }
}

#[test]
fn all_batches_that_left_rows_are_replayed_in_one_run() {
    for kind in [Kind::Parts, Kind::Delta] {
        let place = Place::new();
        place.write("r.yaml", "dataset: t\nrules: [{ missing: { column: v } }]\n");
        place.write("s.yaml", "dataset: t\nrules: [{ missing: { column: id } }]\n");
        for batch in 0..3 {
            let name = format!("d{batch}.csv");
            place.write(&name, format!("id,v\n{},1\n{},\n", 2 * batch, 2 * batch + 1));
            assert_eq!(run(&place, kind, &["gate", &name, "-r", "r.yaml", "--batch-id", &format!("b{batch}")]).code, 0);
        }
        let dry = run(&place, kind, &["replay", "-r", "s.yaml", "--dry-run"]);
        assert_eq!(dry.code, 0, "{}", dry.stderr);
        let replay = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert_eq!(replay.stdout.matches(": 1 row published, 0 set aside as before").count(), 3, "{}{}", replay.stdout, replay.stderr);
        assert_eq!((replay.code, kind.visible(&place), kind.aside(&place)), (0, (0..6).collect(), vec![]));
    }
}

#[test]
fn what_stays_says_why_it_stays_now() {
    let kind = Kind::Parts;
    let place = place(kind);
    assert_eq!(run(&place, kind, &["replay", "b2", "-r", "s.yaml"]).code, 0);
    let part = read(&place.part("aside", "b2"));
    let list = place.run(&["quarantine", "list", "aside"]).stdout;
    assert!(list.contains("duplicates-id 1, malformed 1, missing-name 1, outliers-v 1"), "{list}");
    let lines = part.column_by_name("_sluicegate_line").expect("line").as_primitive::<Int64Type>();
    assert_eq!(lines.values(), &[3, 6, 8, 9]);
    let out = read(&place.path("out/b2.parquet"));
    assert_eq!(out.column_by_name("long").expect("made").as_primitive::<arrow::datatypes::Int64Type>().values(), &[2, 6, 8, 16, 22]);
}

#[test]
fn what_a_killed_replay_left_and_another_hand_removed_is_missed() {
    let kind = Kind::Delta;
    let place = place(kind);
    let part = place.part("aside", "b2");
    let before = std::fs::read(&part).expect("a part");
    assert_eq!(run(&place, kind, &["replay", "-r", "s.yaml"]).code, 0);
    // As if the part had never been replaced: its rows are published, and would be again.
    std::fs::write(&part, before).expect("write");
    let again = run(&place, kind, &["replay", "-r", "s.yaml"]);
    assert!(again.code == 2 && again.stderr.contains("were published by a replay, and are still set aside"), "{}", again.stderr);
    assert_eq!(kind.visible(&place), [1, 3, 4, 5, 7]);
}

#[test]
fn a_batch_that_left_all_its_rows_can_come_back_whole() {
    // All are published already: only then is a batch without a row to publish not rejected.
    for kind in crate::crash::kinds().into_iter().filter(|kind| *kind != Kind::File) {
        let place = Place::new();
        place.write("r.yaml", "dataset: t\nrules: [{ duplicates: { key: [id], across: published } }]\n");
        place.write("s.yaml", "dataset: t\nrules: [{ duplicates: { key: [id, v], across: published } }]\n");
        place.write("d.csv", "id,v\n1,2\n2,3\n");
        assert_eq!(run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b1"]).code, 0);
        place.write("d.csv", "id,v\n1,4\n2,5\n");
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!((gated.code, gated.rows("quarantined")), (0, 2), "{kind:?} {}{}", gated.stdout, gated.stderr);
        assert_eq!(kind.visible(&place), [1, 2], "{kind:?}");
        let replay = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert_eq!(replay.stdout, "b2: 2 rows published, 0 set aside as before\n", "{kind:?} {}", replay.stderr);
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 1, 2, 2], Vec::new()), "{kind:?}");
        assert!(run(&place, kind, &["replay", "-r", "s.yaml"]).stdout.contains("no rows of `t` are set aside"), "{kind:?}");
        let again = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!(again.report()["publication"]["state"], "unchanged", "{kind:?} {}", again.stderr);
        assert_eq!(kind.visible(&place), [1, 1, 2, 2], "{kind:?}");
    }
}

#[test]
fn reasons_are_those_of_now_even_where_no_row_passes() {
    for kind in crate::crash::kinds() {
        let place = Place::new();
        let rules = "dataset: t\nrules:\n  - range: { column: age, min: 0, max: 120 }\n  - duplicates: { key: [id], keep: first }\n";
        place.write("r.yaml", rules);
        place.write("s.yaml", rules.replace("120", "250"));
        place.write("d.csv", "id,age\n1,30\n2,200\n3,-1\n2,40\n");
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!((gated.code, gated.rows("published")), (0, 2), "{}", gated.stderr);
        let aside = kind.arguments(&place).pop().expect("the quarantine");
        let rules = || {
            let list = place.run(&["quarantine", "list", &aside]).stdout;
            list.lines().nth(1).expect("a batch").split("  -").nth(1).expect("rules").trim().to_owned()
        };
        assert_eq!(rules(), "range-age 2");
        let dry = run(&place, kind, &["replay", "-r", "s.yaml", "--dry-run"]);
        assert_eq!(dry.stdout, "b2: 0 rows would be published, 2 set aside as before\n", "{kind:?} {}", dry.stderr);
        assert_eq!(rules(), "range-age 2", "{kind:?}");
        // 200 is no longer too much, but its key is published.
        let replay = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert_eq!(replay.stdout, "b2: 0 rows published, 2 set aside as before\n", "{kind:?} {}", replay.stderr);
        assert_eq!(rules(), "duplicates-id 1, range-age 1", "{kind:?}");
        let files = place.files();
        let again = run(&place, kind, &["replay", "-r", "s.yaml"]);
        assert_eq!((again.stdout, rules().as_str()), (replay.stdout, "duplicates-id 1, range-age 1"), "{kind:?}");
        assert_eq!((place.files(), kind.visible(&place)), (files, vec![1, 2]), "{kind:?}");
        // The batch is known, and what is set aside stays as the replay left it.
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!(gated.report()["publication"]["state"], "unchanged", "{kind:?} {}", gated.stderr);
    }
}

#[test]
fn rows_on_which_an_expression_failed_are_judged_again_and_say_why_it_fails_now() {
    let kind = Kind::Parts;
    let place = Place::new();
    let rules = "dataset: t\ntransform: { share: \"100 / n\" }\nrules: [{ range: { column: v, max: 10 } }]\n";
    place.write("r.yaml", rules);
    place.write("d.csv", "id,n,v\n1,1,1\n2,0,2\n3,0,30\n4,4,4\n5,5,5\n");
    let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
    assert_eq!((gated.code, gated.rows("published"), gated.rows("malformed")), (0, 3, 2), "{}", gated.stderr);
    let replay = run(&place, kind, &["replay", "-r", "r.yaml"]);
    assert_eq!(replay.stdout, "b2: 0 rows published, 2 set aside as before\n", "{}", replay.stderr);
    let show = place.run(&["quarantine", "show", "aside", "b2"]).stdout;
    assert_eq!(show.matches("[malformed]").count(), 2, "{show}");
    assert_eq!(show.matches("division by zero").count(), 2, "{show}");
    place.write("s.yaml", rules.replace("100 / n", "100 / nullif(n, 0)"));
    let replay = run(&place, kind, &["replay", "-r", "s.yaml"]);
    assert_eq!(replay.stdout, "b2: 1 row published, 1 set aside as before\n", "{}", replay.stderr);
    assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 2, 4, 5], vec![3]));
    let list = place.run(&["quarantine", "list", "aside"]).stdout;
    assert!(list.contains(" 1     1 replayed  range-v 1"), "{list}");
    let show = place.run(&["quarantine", "show", "aside", "b2"]).stdout;
    assert!(show.contains("[range-v]") && !show.contains("division"), "{show}");
}

#[test]
fn what_cannot_be_judged_again_is_said() {
    let kind = Kind::Delta;
    let place = place(kind);
    let said = |rules: &str, more: &[&str]| {
        place.write("t.yaml", rules);
        let run = run(&place, kind, &[&["replay", "-r", "t.yaml"], more].concat());
        (run.code, run.stdout + &run.stderr)
    };
    // What `transform` makes now is not what is published.
    let (code, text) = said(&RULES.replace("v * 2", "v * 3"), &[]);
    assert!(code == 2 && text.contains("the published `long` of batch `b2` is not what `transform` makes"), "{text}");
    let (code, text) = said(&RULES.replace("max: 10", "max: 100, on_fail: reject").replace("max: 100", "max: 50"), &[]);
    assert!(code == 1 && text.contains("nothing published: the batch as a whole is rejected"), "{text}");
    let (code, text) = said(&RULES.replace("dataset: t", "dataset: u"), &["b2"]);
    assert!(code == 2 && text.contains("is of the data set `t`"), "{text}");
    let (code, text) = said(RULES, &["b3"]);
    assert!(code == 2 && text.contains("no rows of batch `b3` are there"), "{text}");
    for rule in [
        "duplicates: { key: [id], keep: last }",
        "duplicates: { key: [id], order_by: v }",
        "order: { column: id, direction: increasing }",
        "stuck: { column: v, max_run: 3 }",
    ] {
        let (code, text) = said(&RULES.replace("duplicates: { key: [id] }", rule), &[]);
        assert!(code == 2 && text.contains("judges a row by those before it"), "{text}");
    }
    // Rules that are stricter take nothing back.
    let (code, text) = said(&RULES.replace("max: 10", "max: 2"), &[]);
    assert!(code == 0 && text.contains("3 rows published before fail now, and stay"), "{text}");
    assert_eq!(kind.visible(&place), [1, 3, 4, 7]);
}

#[test]
fn a_replay_killed_at_any_step_is_ended_by_the_next() {
    for kind in crate::crash::kinds() {
        let mut steps = 0;
        loop {
            let place = place(kind);
            let step = (steps + 1).to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["replay", "-r", "s.yaml", "--die-at-step", &step]).args(kind.arguments(&place));
            command.envs(crate::s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
            let is_over = command.status().expect("it runs").code().is_some();
            let seen = kind.visible(&place);
            assert!(seen == [1, 3, 4, 7] || seen == [1, 3, 4, 5, 7], "{kind:?}, step {step}: a reader sees {seen:?}");
            let again = run(&place, kind, &["replay", "-r", "s.yaml"]);
            assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{kind:?}, step {step}");
            assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3, 4, 5, 7], vec![2, 4, 6]), "{kind:?}, step {step}");
            let left: Vec<String> = place.files().into_iter().filter(|f| f.contains(".staged") || f.contains(".pending")).collect();
            assert!(left.is_empty(), "{kind:?}, step {step}: {left:?} are left");
            if is_over {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 8, "{kind:?} has only {steps} steps");
    }
}
