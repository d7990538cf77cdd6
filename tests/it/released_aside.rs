//! Batches that were set aside as a whole, and that a person released: their rows come from the quarantine.

use std::process::{Command, Stdio};

use crate::crash::Kind;
use crate::s3;
use crate::support::{Place, Run};

const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 }, name: { type: string }, v: { type: int64 } } }
rules:
  - missing: { column: name }
  - statistic: { id: total, column: v, of: sum, max: 10 }
gate: { on_reject: dead_letter }
";
const DATA: &str = "id,name,v\n1,a,10\n2,,2\n3,c,3\nx,d,4\n";
const WHO: [&str; 4] = ["--reason", "counted by hand", "--by", "kim"];

fn run(place: &Place, kind: Kind, arguments: &[&str]) -> Run {
    let destination = kind.arguments(place);
    place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
}

/// A place where the batch was set aside as a whole.
fn place(kind: Kind) -> Place {
    let place = Place::with(RULES, DATA);
    let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
    assert_eq!((gated.code, gated.report()["publication"]["state"].as_str()), (1, Some("set_aside")), "{kind:?} {}", gated.stderr);
    assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![], vec![1, 2, 3]), "{kind:?}");
    // The data is gone: the quarantine alone has its rows.
    std::fs::remove_file(place.path("d.csv")).expect("removed");
    place
}

#[test]
fn its_rows_come_from_the_quarantine_once() {
    for kind in crate::crash::kinds() {
        let place = place(kind);
        let arguments = [&["release", "b2", "-r", "r.yaml", "--report", "o.json", "--now", "2026-11-27"], &WHO[..]].concat();
        let released = run(&place, kind, &arguments);
        assert_eq!((released.code, released.stderr.as_str()), (0, ""), "{kind:?} {}", released.stdout);
        assert!(released.stdout.contains("released by kim at 2026-11-27 00:00 UTC: counted by hand"), "{}", released.stdout);
        let told: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(place.path("o.json")).expect("it")).expect("JSON");
        let rows = ["read", "published", "quarantined", "malformed"].map(|what| told["rows"][what].as_u64().expect("rows"));
        assert_eq!((rows, told["verdict"].as_str()), ([4, 2, 2, 1], Some("reject")), "{kind:?}");
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}");
        let again = run(&place, kind, &arguments);
        assert_eq!(again.code, 0, "{kind:?} {}", again.stderr);
        assert!(again.stdout.contains("was released before, by kim at 2026-11-27 00:00 UTC: nothing was changed"), "{}", again.stdout);
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}");
        // The source again: the batch is known, and so is who let it pass.
        place.write("d.csv", DATA);
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!((gated.code, gated.report()["publication"]["state"].as_str()), (0, Some("unchanged")), "{kind:?} {}", gated.stderr);
        assert_eq!(gated.report()["release"]["by"].as_str(), Some("kim"), "{kind:?}");
    }
}

#[test]
fn killed_at_any_step_no_row_is_lost_or_comes_twice() {
    for kind in crate::crash::kinds() {
        let mut steps = 0;
        loop {
            let place = place(kind);
            steps += 1;
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["release", "b2", "-r", "r.yaml", "--die-at-step", &steps.to_string()]);
            command.args(WHO).args(kind.arguments(&place)).envs(s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
            let died = command.status().expect("it runs").code().is_none();
            let seen = kind.visible(&place);
            assert!(seen.is_empty() || seen == [1, 3], "{kind:?}, step {steps}: {seen:?}");
            // The source again: nothing is said to be published that is not.
            place.write("d.csv", DATA);
            let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
            let state = gated.report()["publication"]["state"].as_str().map(str::to_owned);
            let expected = if seen.is_empty() { (1, Some("set_aside")) } else { (0, Some("unchanged")) };
            assert_eq!((gated.code, state.as_deref()), expected, "{kind:?}, step {steps} {}", gated.stderr);
            assert_eq!(kind.visible(&place), seen, "{kind:?}, step {steps}");
            std::fs::remove_file(place.path("d.csv")).expect("removed");
            let again = run(&place, kind, &[&["release", "b2", "-r", "r.yaml"], &WHO[..]].concat());
            assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{kind:?}, step {steps}");
            assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}, step {steps}");
            if !died {
                break;
            }
        }
        assert!(steps > 6, "{kind:?} has only {steps} steps");
    }
}

#[test]
fn a_replay_knows_a_release_that_was_killed_before_it_published() {
    let kind = Kind::Delta;
    let place = place(kind);
    for step in 1.. {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.current_dir(place.path(".")).args(["release", "b2", "-r", "r.yaml", "--die-at-step", &step.to_string()]);
        command.args(WHO).args(kind.arguments(&place)).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
        if place.files().iter().any(|name| name.contains(".release-")) {
            break;
        }
    }
    assert_eq!(kind.visible(&place), Vec::<i64>::new());
    let replay = run(&place, kind, &["replay", "-r", "r.yaml"]);
    assert_eq!((replay.code, kind.visible(&place)), (0, vec![1, 3]), "{}", replay.stderr);
    assert!(replay.stdout.contains("rejected, and released by kim"), "{}", replay.stdout);
}

#[test]
fn rules_that_reject_it_no_more_need_no_release() {
    let kind = Kind::Parts;
    let place = place(kind);
    place.write("s.yaml", RULES.replace("max: 10", "max: 100"));
    let released = run(&place, kind, &[&["release", "b2", "-r", "s.yaml"], &WHO[..]].concat());
    assert!(released.code == 2 && released.stderr.contains("do not reject it"), "{}", released.stderr);
    assert!(released.stderr.contains("set aside under other rules"), "{}", released.stderr);
    place.write("d.csv", DATA);
    let with_data = run(&place, kind, &[&["release", "b2", "d.csv", "-r", "r.yaml"], &WHO[..]].concat());
    assert!(with_data.code == 2 && with_data.stderr.contains("its rows come from there: leave the data out"), "{}", with_data.stderr);
    assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![], vec![1, 2, 3]));
}

#[test]
fn rows_judged_by_their_order_come_back_as_they_came() {
    // A replay of single rows cannot know where these stood; a whole batch is in the order of its source.
    let kind = Kind::Parts;
    let place = Place::with(&RULES.replace("rules:\n", "rules:\n  - order: { column: id }\n"), &DATA.replace("x,d,4", "3,d,4\n2,e,5"));
    assert_eq!(run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]).code, 1);
    let released = run(&place, kind, &[&["release", "b2", "-r", "r.yaml"], &WHO[..]].concat());
    assert_eq!((released.code, kind.visible(&place), kind.aside(&place)), (0, vec![1, 3, 3], vec![2, 2]), "{}", released.stderr);
}
