//! Rejected batches that a person released: published once, whatever dies in between, and every report says who decided so.

use std::process::{Command, Stdio};

use crate::crash::Kind;
use crate::s3;
use crate::support::{Place, Run};

/// Rejects for the sum alone; one row fails a rule of its own.
const RULES: &str = "dataset: t
schema: { evolution: any, columns: { id: { type: int64 }, v: { type: int64 } } }
rules:
  - missing: { column: name }
  - statistic: { id: total, column: v, of: sum, max: 10 }
";
const DATA: &str = "id,name,v\n1,a,10\n2,,2\n3,c,3\n";
const WHO: [&str; 4] = ["--reason", "counted by hand", "--by", "kim"];

fn place() -> Place {
    Place::with(RULES, DATA)
}

fn run(place: &Place, kind: Kind, arguments: &[&str]) -> Run {
    let destination = kind.arguments(place);
    place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
}

fn gate(place: &Place, kind: Kind, more: &[&str]) -> Run {
    run(place, kind, &[&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"], more].concat())
}

fn release(place: &Place, kind: Kind, more: &[&str]) -> Run {
    run(place, kind, &[&["release", "b2", "d.csv", "-r", "r.yaml", "--report", "release.json"], &WHO[..], more].concat())
}

fn report(place: &Place) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(place.path("release.json")).expect("a report")).expect("JSON")
}

fn state(run: &Run) -> &str {
    run.report()["publication"]["state"].as_str().expect("a state")
}

#[test]
fn a_released_batch_is_published_and_every_later_report_says_so() {
    for kind in crate::crash::kinds() {
        let place = place();
        let rejected = gate(&place, kind, &[]);
        assert_eq!((rejected.code, rejected.verdict(), state(&rejected)), (1, "reject", "withheld"), "{kind:?}");
        let released = release(&place, kind, &["--now", "2026-11-27T08:00:00Z"]);
        assert_eq!((released.code, released.stderr.as_str()), (0, ""), "{kind:?} {}", released.stdout);
        assert!(released.stdout.contains("REJECT") && released.stdout.contains("released by kim at 2026-11-27 08:00 UTC: counted by hand"));
        let told = report(&place);
        assert_eq!((told["verdict"].as_str(), told["publication"]["state"].as_str()), (Some("reject"), Some("published")), "{kind:?}");
        let rows = ["read", "published", "quarantined", "rejected"].map(|what| told["rows"][what].as_u64().expect("rows"));
        assert_eq!(rows, [3, 2, 1, 0], "{kind:?}");
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}");
        for run in [gate(&place, kind, &[]), gate(&place, kind, &["--dry-run"])] {
            let release = &run.report()["release"];
            let said = ["reason", "by", "at", "standing"].map(|key| release[key].as_str().expect("a text").to_owned());
            assert_eq!((run.code, said), (0, ["counted by hand", "kim", "2026-11-27T08:00:00Z", "holds"].map(str::to_owned)), "{kind:?}");
        }
        // Again, and by someone else: it is there, and who decided first is who decided.
        let again =
            run(&place, kind, &["release", "b2", "d.csv", "-r", "r.yaml", "--report", "release.json", "--reason", "so", "--by", "lee"]);
        assert_eq!(report(&place)["release"]["by"].as_str(), Some("kim"), "{kind:?}");
        assert_eq!((again.code, report(&place)["publication"]["state"].as_str()), (0, Some("unchanged")), "{kind:?} {}", again.stderr);
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}");
    }
}

#[test]
fn killed_at_any_step_a_released_batch_is_there_once_and_whole() {
    for kind in crate::crash::kinds() {
        let mut steps = 0;
        loop {
            let place = place();
            steps += 1;
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["release", "b2", "d.csv", "-r", "r.yaml", "--die-at-step", &steps.to_string()]);
            command.args(WHO).args(kind.arguments(&place)).envs(s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
            let died = command.status().expect("it runs").code().is_none();
            let seen = kind.visible(&place);
            assert!(seen.is_empty() || seen == [1, 3], "{kind:?}, step {steps}: {seen:?}");
            // Whoever sees the rows finds the decision: a plain gate knows it.
            if !seen.is_empty() {
                assert_eq!((gate(&place, kind, &[]).code, kind.visible(&place)), (0, vec![1, 3]), "{kind:?}, step {steps}");
            }
            let again = release(&place, kind, &[]);
            assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{kind:?}, step {steps}");
            assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3], vec![2]), "{kind:?}, step {steps}");
            if !died {
                break;
            }
        }
        assert!(steps > 8, "{kind:?} has only {steps} steps");
    }
}

#[test]
fn a_release_ends_and_holds_for_one_content_under_its_rules_alone() {
    let kind = Kind::Delta;
    let place = place();
    // The decision is there, and the gate that should have published died right behind it.
    let dies = |step: u32| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command.current_dir(place.path(".")).args([
            "release",
            "b2",
            "d.csv",
            "-r",
            "r.yaml",
            "--until",
            "2026-11-27",
            "--now",
            "2026-11-26",
        ]);
        command.args(WHO).args(kind.arguments(&place)).args(["--die-at-step", &step.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
        place.files().iter().any(|name| name.contains(".release-"))
    };
    let step = (1..40).find(|step| dies(*step)).expect("a step");
    assert_eq!(kind.visible(&place), Vec::<i64>::new(), "recorded before anything is published (step {step})");
    let late = gate(&place, kind, &["--now", "2026-11-28T00:00:00Z"]);
    assert_eq!((late.code, state(&late), late.report()["release"]["standing"].as_str()), (1, "withheld", Some("ended")));
    assert!(late.stdout.contains("that ended at 2026-11-27 23:59 UTC"), "{}", late.stdout);
    place.write("e.csv", "id,name,v\n1,a,10\n3,c,33\n");
    let other = run(&place, kind, &["gate", "e.csv", "-r", "r.yaml", "--batch-id", "b2", "--now", "2026-11-27"]);
    assert_eq!((other.code, state(&other), &other.report()["release"]), (1, "withheld", &serde_json::Value::Null));
    place.write("s.yaml", RULES.replace("max: 10", "max: 11"));
    let ruled = run(&place, kind, &["gate", "d.csv", "-r", "s.yaml", "--batch-id", "b2", "--now", "2026-11-27"]);
    assert_eq!((ruled.code, ruled.report()["release"]["standing"].as_str()), (1, Some("other_rules")));
    assert_eq!(kind.visible(&place), Vec::<i64>::new());
    // While it holds, a plain gate publishes; what is there stays when the time is over.
    let held = gate(&place, kind, &["--now", "2026-11-27T23:00:00Z"]);
    assert_eq!((held.code, state(&held), kind.visible(&place)), (0, "published", vec![1, 3]));
    let after = gate(&place, kind, &["--now", "2026-12-01"]);
    assert_eq!((after.code, state(&after), after.report()["release"]["standing"].as_str()), (0, "unchanged", Some("ended")));
}

#[test]
fn what_cannot_be_released_is_refused_and_nothing_is_written() {
    let kind = Kind::Delta;
    let refused = |rules: &str, data: &str, arguments: &[&str], what: &str| {
        let place = Place::with(rules, data);
        let run = run(&place, kind, &[&["release"], arguments, &["-r", "r.yaml"]].concat());
        assert!(run.code == 2 && run.stderr.contains(what), "{arguments:?}: {} {}", run.code, run.stderr);
        assert!(!place.files().iter().any(|name| name.contains("release-") || name.ends_with(".parquet")), "{:?}", place.files());
    };
    let of = |more: &[&'static str]| [&WHO[..], more].concat();
    refused(RULES, "id,name,v\n1,a,1\n", &of(&["b2", "d.csv"]), "the rules as they are now do not reject it");
    refused(RULES, "id,name,v\n", &of(&["b2", "d.csv"]), "it is undecided, not rejected");
    refused(RULES, "id,name,v\n1,,99\n", &of(&["b2", "d.csv"]), "every row of it is set aside by a rule");
    refused(RULES, DATA, &of(&["b2"]), "batch `b2` is not set aside as a whole, and no data is named");
    refused(RULES, DATA, &of(&[&"0123456789abcdef".repeat(2).leak()[..], "d.csv"]), "and not `0123456789abcdef0123456789abcdef`");
    refused(RULES, DATA, &["b2", "d.csv", "--reason", " ", "--by", "kim"], "a release says why, and who decides so");
    refused(RULES, DATA, &of(&["b2", "d.csv", "--until", "2020-01-01"]), "`--until` is over already");
    refused(RULES, DATA, &of(&["b2", "d.csv", "--batch-id", "b3"]), "names another batch");
    refused(RULES, DATA, &of(&["b2", "kafka://127.0.0.1:1/t"]), "a batch of a topic cannot be read again as it was");
    let place = Place::with(&RULES.replace("max: 10", "max: 100"), DATA);
    assert_eq!(gate(&place, kind, &[]).code, 0);
    let run = release(&place, kind, &[]);
    assert!(run.code == 2 && run.stderr.contains("it is published already"), "{}", run.stderr);
}

#[test]
fn a_batch_without_a_given_id_is_told_by_its_content() {
    let kind = Kind::Parts;
    let place = place();
    let rejected = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml"]);
    let id = rejected.report()["batch"]["id"].as_str().expect("an id").to_owned();
    place.write("e.csv", DATA.replace("3,c,3", "3,c,4"));
    let other = run(&place, kind, &[&["release", &id, "e.csv", "-r", "r.yaml"], &WHO[..]].concat());
    assert!(other.code == 2 && other.stderr.contains(&format!("and not `{id}`")), "{}", other.stderr);
    let released = run(&place, kind, &[&["release", &id, "d.csv", "-r", "r.yaml"], &WHO[..]].concat());
    assert_eq!((released.code, kind.visible(&place)), (0, vec![1, 3]), "{}", released.stderr);
}

#[test]
fn a_release_that_is_rehearsed_records_nothing() {
    let kind = Kind::Delta;
    let place = place();
    let dry = release(&place, kind, &["--dry-run"]);
    assert_eq!((dry.code, report(&place)["publication"]["would_be"].as_str()), (0, Some("published")), "{}", dry.stderr);
    assert!(!place.files().iter().any(|name| name.contains("release-") || name.ends_with(".parquet")), "{:?}", place.files());
}

#[test]
fn check_and_history_say_that_a_batch_was_released() {
    let place = place();
    place.write("r.yaml", format!("{RULES}gate: {{ publish: out, quarantine: aside }}\nhistory: runs\n"));
    let run = |arguments: &[&str]| place.run(arguments);
    assert_eq!(run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2", "--now", "2026-11-26"]).code, 1);
    place.write("r.yaml", format!("{RULES}  - rows: {{ min: 1 }}\ngate: {{ publish: out, quarantine: aside }}\nhistory: runs\n"));
    let released = run(&[&["release", "b2", "d.csv", "-r", "r.yaml", "--now", "2026-11-27"], &WHO[..]].concat());
    assert_eq!(released.code, 0, "{}", released.stderr);
    assert!(released.stderr.contains("the rule file has changed since the run of 2026-11-26 00:00 UTC"), "{}", released.stderr);
    let check = run(&["check", "d.csv", "-r", "r.yaml", "--batch-id", "b2", "--now", "2026-11-28"]);
    // A release lets a batch be published. What was found stays as it is.
    assert_eq!((check.code, check.report()["release"]["by"].as_str()), (1, Some("kim")));
    let history = run(&["history", "-r", "r.yaml"]).stdout;
    assert_eq!(history.matches("reject, released").count(), 1, "{history}");
    let json = run(&["history", "-r", "r.yaml", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let by: Vec<_> = json["runs"].as_array().expect("runs").iter().map(|run| run["release"]["by"].as_str()).collect();
    assert_eq!(by, [None, Some("kim"), Some("kim")]);
}

#[test]
fn a_damaged_release_is_no_permission() {
    let kind = Kind::Delta;
    let place = place();
    place.write("aside/b2.release-00000000.json", "{}");
    let gated = gate(&place, kind, &[]);
    assert!(gated.code == 2 && gated.stderr.contains("this release is damaged"), "{}", gated.stderr);
    assert_eq!(kind.visible(&place), Vec::<i64>::new());
}
