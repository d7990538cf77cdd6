//! The README's pipelines, as anyone would run them.

use std::process::Command;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;

use crate::support::{Place, project, run_in, skipped};

#[test]
fn batch_yesterdays_orders() {
    let place = Place::new();
    let (publish, quarantine) = (place.path("orders_daily.parquet"), place.path("aside"));
    let run = run_in(
        &project(""),
        &[
            "gate",
            "-r",
            "rules/orders.yaml",
            "--publish",
            &publish.display().to_string(),
            "--quarantine",
            &quarantine.display().to_string(),
        ],
    );
    assert_eq!((run.code, run.verdict()), (0, "quarantine"), "{}", run.stderr);
    assert_eq!(run.rows("read"), 202);
    assert_eq!(run.rows("filtered"), 8);
    assert_eq!(run.rows("malformed"), 1);
    assert_eq!(run.rows("quarantined"), 7);
    assert_eq!(run.rows("published"), 187);
    for (finding, rows) in [("missing-email", 3), ("range-price", 1), ("range-age", 1), ("duplicates-order_id", 1), ("malformed", 1)] {
        assert_eq!(run.finding(finding)["failing_rows"], rows, "{finding}");
    }
    let ragged = &run.finding("malformed")["samples"][0];
    assert_eq!(ragged["raw"], "10999,2026-11-20T11:58:00Z,c007,nobody@example.com");
    let published = crate::gate::read(&publish);
    assert_eq!(published.num_rows(), 187);
    assert!(published.column_by_name("revenue").is_some());
}

#[test]
fn training_set_of_people_far_from_the_population() {
    let run = run_in(&project(""), &["check", "-r", "rules/people.yaml"]);
    assert_eq!((run.code, run.verdict()), (1, "reject"));
    let gender = run.finding("gender");
    assert_eq!(gender["outcome"], "fail");
    let women = gender["groups"].as_array().expect("groups").iter().find(|g| g["group"][0] == "f").expect("women");
    let figure = |name: &str| women["figures"][name].as_f64().expect("a figure");
    assert!(figure("interval_low") < figure("share") && figure("share") < figure("interval_high"));
    assert!(figure("interval_high") < figure("reference") - 0.05);
}

#[test]
fn first_posts_for_a_text_model() {
    let place = Place::new();
    let (publish, quarantine) = (place.path("posts_processed.parquet").display().to_string(), place.path("aside").display().to_string());
    let run = run_in(&project(""), &["gate", "-r", "rules/posts.yaml", "--publish", &publish, "--quarantine", &quarantine]);
    assert_eq!((run.code, run.verdict()), (0, "accept"), "{}{}", run.stdout, run.stderr);
    assert_eq!(["read", "filtered", "published"].map(|w| run.rows(w)), [40, 15, 25]);
    let published = crate::gate::read(&place.path("posts_processed.parquet"));
    let names: Vec<&str> = published.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "userId", "title", "body", "word_count"]);
    let bodies = published.column_by_name("body").expect("bodies").as_string::<i32>();
    let counts = published.column_by_name("word_count").expect("counts").as_primitive::<Int64Type>();
    assert_eq!((0..5).map(|c| published.column(c).null_count()).sum::<usize>(), 0);
    for (body, count) in bodies.iter().zip(counts) {
        let body = body.expect("no nulls");
        assert!(body.chars().count() > 50, "{body}");
        assert_eq!(count, Some(body.split_whitespace().count() as i64), "{body}");
    }
    assert_eq!(counts.iter().flatten().sum::<i64>(), 515);
}

#[test]
fn upstream_drift_is_rejected_and_each_change_named() {
    let place = Place::new();
    let publish = place.path("posts_processed.parquet").display().to_string();
    let run = run_in(&project(""), &["gate", "fixtures/posts/posts-week2.json", "-r", "rules/posts.yaml", "--publish", &publish]);
    assert_eq!((run.code, run.verdict()), (1, "reject"), "{}{}", run.stdout, run.stderr);
    assert!(!place.path("posts_processed.parquet").exists());
    let changes = run.report()["schema_changes"].as_array().expect("changes").iter();
    let told: Vec<(&str, &str, &str)> = changes
        .map(|c| (c["path"].as_str().expect("path"), c["kind"].as_str().expect("kind"), c["to"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ("id", "type_changed", "string"),
            ("userId", "column_renamed", "user_id"),
            ("meta", "column_added", "struct<source: string, lang: string>"),
        ]
    );
    for path in ["`id`", "`userId`", "`meta`"] {
        assert!(run.stdout.contains(path), "{}", run.stdout);
    }
}

#[test]
fn the_fixtures_are_what_their_script_makes() {
    let Ok(output) = Command::new("python3").arg("--version").output() else {
        return skipped("python3");
    };
    assert!(output.status.success());
    let place = Place::new();
    place.write("orders/x", "");
    place.write("people/x", "");
    std::fs::copy(project("fixtures/make.py"), place.path("make.py")).expect("copy");
    let made = Command::new("python3").arg(place.path("make.py")).status().expect("runs");
    assert!(made.success());
    place.write("posts/make.py", std::fs::read(project("fixtures/posts/make.py")).expect("a script"));
    assert!(Command::new("python3").arg(place.path("posts/make.py")).status().expect("runs").success());
    for file in ["orders/2026-11-20.csv", "people/train.csv", "posts/posts.json", "posts/posts-week2.json"] {
        let (made, kept) = (std::fs::read(place.path(file)).expect("made"), std::fs::read(project("fixtures").join(file)).expect("kept"));
        assert!(made == kept, "{file} differs from what its script makes");
    }
}

#[test]
fn the_readme_shows_the_rule_file_as_it_is() {
    let read = |path: &str| std::fs::read_to_string(project(path)).expect(path);
    let (readme, file) = (read("README.md"), read("rules/people.yaml"));
    assert!(readme.contains(&format!("```yaml\n{file}```")), "README.md does not show rules/people.yaml");
}
