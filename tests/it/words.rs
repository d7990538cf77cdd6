//! What people read: in the terminal, in the HTML report, in messages.

use std::process::Command;

use chrono::{DateTime, Utc};

use crate::support::{CHECK, Place, Run, project};

#[test]
fn a_report_says_when_the_run_began() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: a }\n", "a\n1\n");
    let set = place.run(&[&CHECK[..], &["--now", "2026-11-27T08:00:59.5Z", "--report", "r.html"]].concat());
    assert_eq!(set.report()["began"], "2026-11-27T08:00:59.500Z");
    assert!(set.stdout.starts_with("ACCEPT  d (checked 2026-11-27 08:00 UTC)\n"), "{}", set.stdout);
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert!(html.contains("<dt>Check</dt><dd title=\"2026-11-27T08:00:59.500Z\">2026-11-27 08:00 UTC</dd>"), "{html}");
    let gated = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "o.parquet", "--now", "2026-11-27T09:00:00+01:00"]);
    assert_eq!(gated.report()["began"], "2026-11-27T08:00:00Z");
    assert!(gated.stdout.starts_with("ACCEPT  d (gated 2026-11-27 08:00 UTC)\n"), "{}", gated.stdout);
    // Nothing could be judged: the report has its time all the same.
    let faulty = place.run(&["check", "absent.csv", "-r", "r.yaml", "--now", "2026-11-27"]);
    assert_eq!((faulty.code, faulty.report()["began"].as_str()), (2, Some("2026-11-27T00:00:00Z")));
}

#[test]
fn without_now_a_run_begins_by_the_clock() {
    let place = Place::with("dataset: d\nrules: []\n", "a\n1\n");
    let before = Utc::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    let output = command.current_dir(place.path("")).args(CHECK).args(["--report", "r.json"]).output().expect("it runs");
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).expect("a report")).expect("JSON");
    let began: DateTime<Utc> = report["began"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    assert!((began - before).num_seconds().abs() < 60, "{began} {before}");
    assert!(report["as_of"].is_null());
}

#[test]
fn a_report_of_0_1_has_no_time_and_keeps_none() {
    let text = std::fs::read_to_string(project("fixtures/written-by-0.1/report.json")).expect("the fixture");
    let old = sluicegate::report::read(&text, "report.json").unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(old.began, None);
    assert!(!sluicegate::report::json(&old).contains("began"));
}

#[test]
fn a_check_publishes_nothing_and_says_so() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: a }\n", "a,b\n1,1\n,1\n2,1\n");
    let check = place.run(&[&CHECK[..], &["--report", "check.html"]].concat());
    assert!(check.stdout.contains("\n  3 rows read = 2 would be published + 1 would be quarantined\n"), "{}", check.stdout);
    let dry = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "o", "--dry-run", "--report", "dry.html"]);
    assert!(dry.stdout.contains("\n  3 rows read = 2 would be published + 1 would be quarantined\n"), "{}", dry.stdout);
    let gate = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "o", "--report", "gate.html"]);
    assert!(gate.stdout.contains("\n  3 rows read = 2 published + 1 quarantined\n"), "{}", gate.stdout);
    for (page, published) in [("check.html", "would be published"), ("dry.html", "would be published"), ("gate.html", "published")] {
        let html = std::fs::read_to_string(place.path(page)).expect("the page");
        assert!(html.contains(&format!("<b>2</b> <span><i class=\"key published\"></i>{published}</span>")), "{page}");
    }
}

#[test]
fn a_rule_that_only_warns_has_no_failures() {
    let rules = "dataset: d\nrules:\n  - range: { id: w, column: a, max: 1, on_fail: warn }\n  - range: { id: i, column: a, max: 1, on_fail: info }\n  \
                 - range: { id: q, column: b, max: 1 }\n  - range: { id: p, column: a, max: 2 }\n";
    let place = Place::with(rules, "a,b\n1,1\n2,1\n1,1\n1,2\n");
    let run = place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    assert_eq!((run.finding("w")["outcome"].as_str(), run.finding("w")["severity"].as_str()), (Some("fail"), Some("warning")));
    assert!(run.stdout.contains("\n  5 findings: 1 failed, 1 warning, 1 for information, 2 passed (-v shows them)\n"), "{}", run.stdout);
    let told = "\nFailed: sets rows aside\n  ✗ q  1 of 4 rows (25.0%) above 1\n      d.csv:5  b=2\n\nWarning\n  ! w  1 of 4 rows (25.0%) above 1\n      \
                d.csv:3  a=2\n\nFor information\n  ! i  1 of 4 rows (25.0%) above 1\n      d.csv:3  a=2\n\n  batch ";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    // What fails comes first.
    let order: Vec<&str> = run.report()["findings"].as_array().expect("findings").iter().filter_map(|f| f["id"].as_str()).collect();
    assert_eq!(order, ["q", "w", "i", "malformed", "p"]);
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    let badges = |word: &str| html.matches(&format!("</svg>{word}</span>")).count();
    assert_eq!((badges("Fail"), badges("Warning"), badges("Info")), (1, 1, 1));
    for tally in ["<b>1</b> fail", "<b>1</b> warning", "<b>1</b> info", "<b>2</b> pass"] {
        assert!(html.contains(tally), "{tally}");
    }
}

#[test]
fn the_limit_that_rejects_a_batch_is_among_the_reasons() {
    let rules = "dataset: d\ngate: { reject_above: 10% }\nrules:\n  - missing: { column: a }\n";
    let place = Place::with(rules, "a,b\n1,1\n,2\n3,3\n4,4\n5,5\n,6\n");
    let run = place.run(&CHECK);
    let reason = "2 of 6 rows (33.3%) would be set aside, more than `reject_above: 10%` allows: 33.3% of rows fail `missing-a`";
    assert_eq!(run.report()["reasons"], serde_json::json!([reason]));
    assert!(run.stdout.contains(&format!("  ✗ {reason}\n")), "{}", run.stdout);
    // Tolerated, a record that cannot be read is set aside all the same: no row of the table says so.
    place.write("r.yaml", "dataset: d\nrules:\n  - malformed: { tolerate: 50% }\n");
    place.write("d.csv", "a,b\n1,1\n2\n3,3\n");
    let run = place.run(&CHECK);
    assert!(run.stdout.contains("  ✗ 1 malformed record set aside\n"), "{}", run.stdout);
}

#[test]
fn a_rule_file_without_rules_checks_nothing_and_the_report_says_so() {
    let place = Place::with("dataset: d\nrules: []\n", "a\n1\n");
    let run = place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    assert!(run.stdout.contains("  ! nothing was checked: the rule file has no rules\n"), "{}", run.stdout);
    assert!(std::fs::read_to_string(place.path("r.html")).expect("the page").contains("Nothing was checked: the rule file has no rules."));
    place.write("r.yaml", "dataset: d\nschema: { columns: { a: { type: int64 } } }\nrules: []\n");
    assert!(!place.run(&CHECK).stdout.contains("nothing was checked"), "a contract is checked");
}

#[test]
fn figures_in_the_page_have_names_for_people() {
    let place = Place::with(
        "dataset: d\nrules:\n  - outliers: { column: a, k: 1 }\n  - duplicates: { key: [a] }\n",
        "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n999\n999\n",
    );
    place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert!(html.contains("<dt>First quartile <small>the first quartile</small></dt>"), "{html}");
    assert!(html.contains("<dt>Unique value ratio <small>keys of one row by different keys</small></dt>"), "{html}");
    for figure in sluicegate::findings::figures::ALL {
        assert!(!figure.title().contains('_') && figure.title().starts_with(|c: char| c.is_uppercase() || c == 'p'), "{}", figure.title());
    }
}

#[test]
fn figures_over_sound_rows_say_so() {
    let rules = "dataset: d\nrules:\n  - range: { id: r, column: a, max: 100 }\n  - statistic: { id: mean, column: a, of: mean, max: 20 }\n  \
                 - rows: { min: 1 }\n  - statistic: { id: all, column: a, of: max, max: 1000, over: all }\n";
    let place = Place::with(rules, "a\n1\n2\n3\n500\n600\n");
    let run = place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    assert_eq!(run.finding("mean")["taken_over"], serde_json::json!({ "rows": 3, "of": 5 }));
    let message = run.finding("mean")["message"].as_str().expect("a message");
    assert!(message.ends_with("; over 3 of 5 rows (2 fail another rule)"), "{message}");
    // What counts every row says nothing.
    for id in ["r", "rows", "all"] {
        assert!(run.finding(id).get("taken_over").is_none(), "{id}");
    }
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert_eq!(html.matches("over 3 of 5 rows (2 fail another rule)").count(), 1);
    place.write("d.csv", "a\n1\n2\nx,y\n3\n");
    let sound = place.run(&CHECK);
    assert!(sound.finding("mean").get("taken_over").is_none(), "every row passes; a record that cannot be read is none");
}

#[test]
fn duplicates_say_what_the_failing_rows_do_and_among_which_rows() {
    let rules = "dataset: d\nrules:\n  - range: { id: r, column: b, max: 100 }\n  - duplicates: { id: first, key: [a] }\n  \
                 - duplicates: { id: last, key: [a], keep: last }\n  - duplicates: { id: none, key: [a], keep: none }\n  \
                 - duplicates: { id: whole, over: all }\n  - missing: { id: gaps, column: b, max_run: 2, tolerate: 100% }\n";
    let place = Place::with(rules, "a,b\n1,2\n1,3\n4,5\n5,\n5,\n6,500\n");
    let run = place.run(&CHECK);
    let says = |id: &str| run.finding(id)["message"].as_str().expect("a message").to_owned();
    let among = "; compared among 5 rows (1 failed another rule)";
    assert_eq!(says("first"), format!("2 of 6 rows (33.3%) repeat the key of an earlier row{among}"));
    assert_eq!(says("last"), format!("2 of 6 rows (33.3%) repeat the key of a later row{among}"));
    assert_eq!(says("none"), format!("4 of 6 rows (66.7%) share their key with another row{among}"));
    assert_eq!(says("whole"), "1 of 6 rows (16.7%) repeats an earlier row");
    assert!(says("gaps").starts_with("2 of 6 rows (33.3%) without a value, longest run 2; 2 allowed"), "{}", says("gaps"));
}

#[test]
fn a_finding_that_follows_from_another_names_it() {
    let follows = |run: &Run, id: &str| run.finding(id)["follows_from"].clone();
    let contract = "dataset: d\nschema: { evolution: any, columns: { a: { type: int64, required: true }, b: { type: int64 } } }\nrules:\n  \
                    - range: { column: a, max: 100 }\n  - range: { column: b, max: 100 }\n  - missing: { column: a }\n";
    let place = Place::with(contract, "a\n1\n\"\"\n");
    let run = place.run(&CHECK);
    assert_eq!(follows(&run, "range-b"), serde_json::json!(["schema"]));
    let message = run.finding("range-b")["message"].as_str().expect("a message");
    assert!(message.ends_with("; follows from `schema`"), "{message}");
    assert_eq!(follows(&run, "required-a"), serde_json::json!(["missing-a"]), "the same rows");
    assert!(follows(&run, "missing-a").is_null() && follows(&run, "range-a").is_null());
    // No row is left: who set them aside?
    place.write(
        "r.yaml",
        "dataset: d\nrules:\n  - range: { id: high, column: a, max: 0 }\n  - range: { id: low, column: a, min: 100 }\n  \
                           - range: { id: fine, column: a, max: 9 }\n  - statistic: { id: mean, column: a, of: mean, max: 20 }\n",
    );
    place.write("d.csv", "a\n1\n2\nx,y\n");
    let run = place.run(&CHECK);
    assert_eq!(follows(&run, "mean"), serde_json::json!(["malformed", "high", "low"]));
    let message = "no row is left to judge: all 3 rows are set aside; follows from `malformed`, `high`, `low`";
    assert_eq!(run.finding("mean")["message"], message);
}

#[test]
fn duplicates_name_the_row_whose_key_they_have() {
    let rules = |more: &str| format!("dataset: d\nrules:\n  - duplicates: {{ id: k, key: [a]{more} }}\n");
    let place = Place::with(&rules(""), "a,b\n7,1\n8,2\n7,3\n8,4\n7,5\n9,6\n");
    let lines = |run: &Run| -> Vec<(u64, u64)> {
        let samples = run.finding("k")["samples"].as_array().expect("samples");
        samples
            .iter()
            .map(|s| (s["origin"]["line"].as_u64().expect("a line"), s["same_key_as"]["line"].as_u64().expect("another")))
            .collect()
    };
    let run = place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    assert_eq!(lines(&run), [(4, 2), (5, 3), (6, 2)]);
    assert!(run.stdout.contains("    d.csv:4  a=7  same key as line 2\n"), "{}", run.stdout);
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert!(html.contains("<small>same key as line 2</small>") && html.contains("<small>same key as line 3</small>"), "{html}");
    for (more, expected) in [
        (", keep: last", &[(2, 4), (3, 5), (4, 6)][..]),
        (", keep: none", &[(2, 4), (3, 5), (4, 2), (5, 3), (6, 2)]),
        (", by: [b]", &[]),
        (", tolerate: 50%", &[(4, 2), (5, 3), (6, 2)]),
    ] {
        place.write("r.yaml", rules(more));
        assert_eq!(lines(&place.run(&CHECK)), expected, "{more}");
    }
    // In another file, and beside published rows.
    place.write("e.csv", "a,b\n9,1\n10,2\n");
    place.write("r.yaml", rules(""));
    let run = place.run(&["check", "d.csv", "e.csv", "-r", "r.yaml", "-v"]);
    assert!(run.stdout.contains("    e.csv:2  a=9  same key as line 7 of d.csv\n"), "{}", run.stdout);
    place.write("r.yaml", format!("{}gate: {{ publish: lake, quarantine: aside }}\n", rules(", across: published")));
    assert_eq!(place.run(&["gate", "e.csv", "-r", "r.yaml"]).code, 0);
    place.write("f.csv", "a,b\n10,3\n11,1\n11,2\n");
    let run = place.run(&["check", "f.csv", "-r", "r.yaml"]);
    assert!(run.stdout.contains("    f.csv:2  a=10  a published row has its key\n"), "{}", run.stdout);
    assert!(run.stdout.contains("    f.csv:4  a=11  same key as line 3\n"), "{}", run.stdout);
}

#[test]
fn messages_agree_with_verdicts() {
    let schema = "schema: { columns: { a: { type: float64 }, d: { type: \"decimal(12,3)\" } } }\n";
    let rules = format!(
        "dataset: d\n{schema}rules:\n  - statistic: {{ id: mean, column: a, of: mean, max: 20 }}\n  - statistic: {{ id: sum, column: d, of: sum, max: 30 }}\n  \
         - range: {{ id: r, column: a, max: 20, on_fail: warn }}\n  - statistic: {{ id: least, column: a, of: min, above: 20 }}\n"
    );
    let place = Place::with(&rules, "a,d\n20.000001,10.004\n20,10.005\n20,10.001\n");
    let run = place.run(&CHECK);
    let message = |run: &Run, id: &str| run.finding(id)["message"].as_str().expect("a message").to_owned();
    // 60.000001 / 3, and 10.004 + 10.005 + 10.001.
    assert_eq!(message(&run, "mean"), "the mean is 20.0000003, expected at most 20");
    assert_eq!(message(&run, "sum"), "the sum is 30.01, expected at most 30");
    assert_eq!(message(&run, "least"), "the minimum is 20, expected above 20");
    assert!(run.stdout.contains("    d.csv:2  a=20.000001\n"), "{}", run.stdout);
    place.write("e.csv", "a\n1234567.25\n1234567.5\n");
    place.write(
        "e.yaml",
        "dataset: d\nrules:\n  - statistic: { id: mean, column: a, of: mean, max: 1234567 }\n  \
         - statistic: { id: most, column: a, of: max, max: 1234567 }\n  - statistic: { id: least, column: a, of: min, max: 1234567.25 }\n",
    );
    let run = place.run(&["check", "e.csv", "-r", "e.yaml", "--report", "e.html"]);
    assert_eq!(message(&run, "mean"), "the mean is 1234567.4, expected at most 1234567");
    assert_eq!(message(&run, "most"), "the maximum is 1234567.5, expected at most 1234567");
    assert_eq!(message(&run, "least"), "the minimum is 1234567.25");
    let html = std::fs::read_to_string(place.path("e.html")).expect("the page");
    assert!(html.contains("<b>1234567.4</b></span> <small>at most 1234567 allowed</small>"), "{html}");
}

#[test]
fn a_share_of_some_rows_never_reads_as_none_or_all() {
    let place = Place::with(
        "dataset: d\nrules:\n  - missing: { column: a, tolerate: 1% }\n  - values: { column: b, in: [y], tolerate: 99% }\n",
        "",
    );
    let rows = (0..200_000).map(|_| "1,x\n").collect::<String>();
    place.write("d.csv", format!("a,b\n{rows},y\n"));
    let run = place.run(&[&CHECK[..], &["--report", "r.html"]].concat());
    let message = |id: &str| run.finding(id)["message"].as_str().expect("a message").to_owned();
    assert_eq!(message("missing-a"), "1 of 200,001 rows (0.0005%) without a value; 1% tolerated");
    assert_eq!(message("values-b"), "200,000 of 200,001 rows (99.9995%) not in {y}; 99% tolerated");
    let html = std::fs::read_to_string(place.path("r.html")).expect("the page");
    assert!(html.contains("<b>0.0005% of rows</b></span> <small>1% allowed</small>") && !html.contains("0.00%"), "{html}");
    // 56 of 999 are 5.6056 %: with one decimal that reads as 5.6 %.
    let rows = (0..999).map(|n| if n < 56 { ",x\n" } else { "1,x\n" }).collect::<String>();
    place.write("d.csv", format!("a,b\n{rows}"));
    place.write(
        "r.yaml",
        "dataset: d\nrules:\n  - missing: { column: a, tolerate: 5.6% }\n  - statistic: { id: m, column: a, of: most_common, max: 5.6% }\n",
    );
    let run = place.run(&CHECK);
    assert_eq!(run.finding("missing-a")["outcome"], "fail");
    assert_eq!(run.finding("missing-a")["message"], "56 of 999 rows (5.61%) without a value; 5.6% tolerated");
}

#[test]
fn an_age_over_its_limit_reads_as_more() {
    let rules = "dataset: d\nrules:\n  - freshness: { column: t, max_age: 111h }\n";
    let place = Place::with(rules, "t\n2026-11-01T00:00:00Z\n");
    let message = |as_of: &str| {
        let run = place.run(&[&CHECK[..], &["--as-of", as_of]].concat());
        (run.code, run.finding("freshness-t")["message"].as_str().expect("a message").to_owned())
    };
    let says = |age: &str| format!("the newest value, 2026-11-01T00:00:00Z, is {age}");
    assert_eq!(message("2026-11-05T15:00:00Z"), (0, says("4d 15h old; 4d 15h is allowed")));
    assert_eq!(message("2026-11-05T15:00:07Z"), (1, says("4d 15h and 7 seconds old, more than the allowed 4d 15h")));
    assert_eq!(message("2026-11-05T15:00:00.5Z"), (1, says("4d 15h and 500000 µs old, more than the allowed 4d 15h")));
    place.write("r.yaml", rules.replace("111h", "111h, warn: 1d"));
    assert_eq!(message("2026-11-02T00:00:00.25Z"), (0, says("1d and 250000 µs old; 4d 15h is allowed; more than 1d is a warning")));
    assert_eq!(message("2026-11-06T00:00:00Z"), (1, says("5d old, more than the allowed 4d 15h")));
}

#[test]
fn a_fence_lies_visibly_between_what_is_inside_and_what_is_not() {
    // Quartiles 1000000.25 and 1000000.75: with k = 1, the fences are 999999.75 and 1000001.25. Six digits of the lower one
    // would read as 1000000, the smallest value.
    let values = ["1000000", "1000000.25", "1000000.5", "1000000.75", "1000001.375"];
    let place = Place::with("dataset: d\nrules:\n  - outliers: { column: a, k: 1 }\n", &format!("a\n{}\n", values.join("\n")));
    let run = place.run(&CHECK);
    let finding = run.finding("outliers-a");
    assert_eq!((finding["failing_rows"].as_u64(), finding["figures"]["upper_fence"].as_f64()), (Some(1), Some(1_000_001.25)));
    assert_eq!(finding["message"], "1 of 5 rows (20.0%) outside 999999.8 to 1000001");
    assert!(run.stdout.contains("  a=1000001.375\n"), "{}", run.stdout);
}
