//! What weighs how much: a rule that only warns never stops a batch, and small groups beside large ones change nothing.

use std::fmt::Write;

use crate::support::{Place, Run};

fn check(data: &str, rules: &str) -> Run {
    let place = Place::new();
    place.write("d.csv", data);
    place.write("r.yaml", format!("dataset: t\n{rules}"));
    place.run(&["check", "d.csv", "-r", "r.yaml"])
}

fn column(name: &str, values: impl IntoIterator<Item = String>) -> String {
    values.into_iter().fold(format!("id,{name}\n"), |mut text, value| {
        let _ = writeln!(text, "1,{value}");
        text
    })
}

#[test]
fn a_rule_that_only_warns_never_stops_a_batch_unless_it_says_so() {
    let few = column("x", ["1", "2"].map(str::to_owned));
    let zero_inflated = column("x", (0..100).map(|i| if i % 5 == 0 { format!("{}", i / 10) } else { "0".to_owned() }));
    let empty = column("x", (0..20).map(|_| String::new()));
    let float = "schema: { columns: { id: { type: int64 }, x: { type: float64 } } }\n";
    for data in [&few, &zero_inflated, &empty] {
        for rule in [
            "outliers: { column: x, k: 3",
            "outliers: { column: x, method: mad",
            "statistic: { column: x, of: correlation, with: none, min: 0, on_fail: warn",
            "statistic: { column: x, of: correlation, with: none, min: 0, on_fail: info",
            "freshness: { column: day, max_age: 1d, on_fail: warn",
        ] {
            let data =
                data.lines().enumerate().map(|(i, l)| format!("{l},{}\n", if i == 0 { "none,day" } else { "," })).collect::<String>();
            let float = float.replace(" } }\n", ", none: { type: float64 }, day: { type: date } } }\n");
            let run = check(&data, &format!("{float}rules:\n  - {rule}, id: r }}\n"));
            let finding = run.finding("r");
            assert_eq!((run.code, run.verdict()), (0, "accept"), "{rule}: {finding}");
            if finding["outcome"] == "no_data" {
                assert_eq!(finding["severity"], "warning", "{rule}");
                let run = check(&data, &format!("{float}rules:\n  - {rule}, id: r, on_no_data: stop }}\n"));
                assert_eq!((run.code, run.verdict()), (2, "undecided"), "what is written holds: {rule}");
            }
        }
    }
    let rejects = check(&empty, &format!("{float}rules:\n  - statistic: {{ id: r, column: x, of: mean, min: 0 }}\n"));
    assert_eq!((rejects.code, rejects.verdict()), (2, "undecided"));
}

#[test]
fn what_lacks_a_column_of_the_contract_weighs_as_much_as_its_rule() {
    let contract = "schema: { evolution: any, on_fail: info, columns: { id: { type: int64 }, x: { type: float64 } } }\n";
    for (on_fail, verdict) in [("reject", "undecided"), ("quarantine", "undecided"), ("warn", "accept"), ("info", "accept")] {
        let run = check("id\n1\n", &format!("{contract}rules:\n  - range: {{ id: r, column: x, min: 0, on_fail: {on_fail} }}\n"));
        assert_eq!((run.verdict(), run.finding("r")["outcome"].as_str()), (verdict, Some("no_data")), "{on_fail}");
    }
}

#[test]
fn a_scope_below_min_rows_is_shown_and_not_judged() {
    let data = column("x", ["-1", "1", "2"].map(str::to_owned));
    for rule in ["range: { id: r, column: x, min: 0", "statistic: { id: r, column: x, of: mean, min: 5"] {
        let of = |more: &str| check(&data, &format!("rules:\n  - {rule}, on_fail: reject{more} }}\n"));
        assert_eq!(of(", min_rows: 3").verdict(), "reject", "{rule}");
        let run = of(", min_rows: 4");
        let finding = run.finding("r");
        assert_eq!((run.verdict(), &finding["outcome"], &finding["severity"]), ("accept", &"not_judged".into(), &"info".into()));
        assert_eq!(finding["message"], "3 rows, not judged below 4");
        let run = of(", min_rows: 4, require_evidence: true");
        assert_eq!((run.verdict(), run.finding("r")["message"].as_str()), ("reject", Some("3 rows, and at least 4 are required")));
        // No row at all is no small sample.
        assert_eq!(of(", min_rows: 4, where: \"x > 10\"").finding("r")["outcome"], "no_data");
        assert_eq!(of(", min_rows: 4, where: \"x > 10\"").verdict(), "accept");
        assert_eq!(of(", min_rows: 4, where: \"x > 10\", require_evidence: true").verdict(), "undecided");
    }
    // Rows of what is not judged are published; a row that another rule sets aside is no evidence for a measure.
    let place = Place::new();
    place.write("d.csv", &data);
    place
        .write("r.yaml", "dataset: t\nrules:\n  - range: { id: r, column: x, min: 0, min_rows: 4 }\ngate: { publish: t, quarantine: q }\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml"]);
    assert_eq!((run.code, run.rows("published"), run.rows("quarantined")), (0, 3, 0));
    let run = check(
        &data,
        "rules:\n  - range: { column: x, min: 0 }\n  - statistic: { id: r, column: x, of: mean, min: 5, min_rows: 3 }\n\
         \x20 - statistic: { id: all, column: x, of: mean, min: 5, min_rows: 3, over: all }\n",
    );
    assert_eq!((run.finding("r")["outcome"].as_str(), run.finding("all")["outcome"].as_str()), (Some("not_judged"), Some("fail")));
}

/// 5,000 groups, most with 1 to 3 rows, two with 2,000. In `bad` one large group is wrong in every column.
fn long_tail(bad: bool) -> String {
    let mut data = String::from("site,x,far,day,code,g,seen,n,follows\n");
    let mut row = |site: &str, i: usize, wrong: bool| {
        let noise = 100 + (i * 7919) % 101;
        let (x, far) = (if wrong { 10_000_000 } else { noise }, if wrong && i.is_multiple_of(400) { 10_000_000 } else { noise });
        let (day, code, seen) = if wrong { ("1999-01-01", "zz!!", "") } else { ("2026-11-21", "123", "y") };
        let (g, n) = (if wrong || i.is_multiple_of(2) { "f" } else { "m" }, if wrong && !i.is_multiple_of(3) { 7 } else { 10 + i });
        let _ = writeln!(data, "{site},{x},{far},{day},{code},{g},{seen},{n},{}", if wrong { n } else { noise });
    };
    (0..2000).for_each(|i| row("large-a", i, false));
    (0..if bad { 2100 } else { 2000 }).for_each(|i| row("large-b", i, bad));
    for site in 0..4998 {
        (0..1 + site % 3).for_each(|i| row(&format!("s{site:04}"), i, false));
    }
    data
}

#[test]
fn under_by_a_long_tail_of_tiny_groups_accepts_and_one_wrong_large_group_is_named() {
    let rules = [
        "missing: { column: seen",
        "duplicates: { key: [n]",
        "range: { column: x, max: 1000",
        "values: { column: code, in: [\"123\"]",
        "pattern: { column: code, regex: \"^[0-9]+$\"",
        "length: { column: code, max: 3",
        "parse: { column: code, as: number",
        "expression: { sql: \"x < 1000\"",
        "stuck: { column: x, max_run: 50",
        "order: { column: n, direction: increasing, strict: true",
        "outliers: { column: far, method: mad, threshold: 50",
        "statistic: { column: x, of: mean, max: 1000",
        "statistic: { column: x, of: stddev, min: 1",
        "statistic: { column: x, of: median, max: 1000",
        "statistic: { column: n, of: unique_share, min: 0.5",
        // Two rows lie on a line, whatever they are.
        "statistic: { column: n, of: correlation, with: follows, max: 0.5, min_rows: 30",
        "representation: { groups: [g], reference: { f: 50%, m: 50% }, tolerance: 10 points",
        "freshness: { column: day, max_age: 36h",
        "rows: { max: 2000",
    ];
    let schema = "schema: { columns: { site: { type: string }, x: { type: int64 }, far: { type: int64 }, day: { type: date }, \
                  code: { type: string }, g: { type: string }, seen: { type: string }, n: { type: int64 }, follows: { type: int64 } } }";
    let file = |more: &str| {
        let each = rules.iter().enumerate().map(|(i, rule)| format!("  - {rule}, id: r{i}, by: [site], on_fail: reject{more} }}\n"));
        format!("{schema}\nrules:\n{}", each.collect::<String>())
    };
    let told = |run: &Run, i: usize| {
        let finding = run.finding(&format!("r{i}"));
        let text = |key: &str| finding[key].as_str().expect("a text").to_owned();
        assert!(finding["groups"].as_array().is_some_and(|groups| groups.len() >= 5000), "every group is shown: {}", rules[i]);
        (text("outcome"), text("message"))
    };
    let run = check(&long_tail(false), &file(""));
    assert_eq!((run.code, run.verdict()), (0, "accept"));
    let of_few = |i: usize| ["stddev", "outliers", "representation", "min_rows"].iter().any(|word| rules[i].contains(word));
    for (i, rule) in rules.iter().enumerate() {
        let (outcome, message) = told(&run, i);
        assert_eq!(outcome, "pass", "{rule}: {message}");
        assert_eq!(message.contains("of 5000 groups have too few values to judge"), of_few(i), "{rule}: {message}");
    }
    let run = check(&long_tail(true), &file(""));
    for (i, rule) in rules.iter().enumerate() {
        let (outcome, message) = told(&run, i);
        assert!(outcome == "fail" && message.starts_with("large-b: "), "{rule}: {message}");
    }
    let strict =
        file(", require_evidence: true").replace("- rows: { max: 2000, id: r18, by: [site], on_fail: reject, require_evidence: true }", "");
    let run = check(&long_tail(false), &strict);
    for (i, rule) in rules.iter().enumerate().take(18) {
        assert_eq!(told(&run, i).0 == "fail", of_few(i), "{rule}");
    }
}

#[test]
fn groups_that_cannot_be_judged_are_counted_apart() {
    let data = "g,x\na,1\na,2\na,3\nb,\nb,\nc,\n";
    let of = |more: &str| check(data, &format!("rules:\n  - statistic: {{ id: r, column: x, of: mean, min: 0, by: [g]{more} }}\n"));
    let run = of("");
    assert_eq!((run.verdict(), run.finding("r")["outcome"].as_str()), ("accept", Some("pass")));
    let message = "1 of 3 groups passes; 2 of 3 groups have too few values to judge (b: no finite values; c: no finite values)";
    assert_eq!(run.finding("r")["message"], message);
    assert_eq!(of(", on_no_data: stop").verdict(), "undecided");
    assert_eq!(of(", on_no_data: warn").finding("r")["outcome"], "warn");
    assert_eq!(of(", on_no_data: pass").finding("r")["outcome"], "pass");
    assert_eq!(of(", require_evidence: true").verdict(), "reject");
    let run = of(", min_rows: 2");
    assert_eq!(
        run.finding("r")["message"],
        "1 of 3 groups passes; 2 of 3 groups have too few values to judge (b: no finite values; c: 1 row, not judged below 2)"
    );
    // None is judged: that warns, since groups may be empty.
    let run = check(
        "g,x\nb,\nc,\n",
        "schema: { columns: { g: { type: string }, x: { type: int64 } } }\nrules:\n  - statistic: { id: r, column: x, of: mean, min: 0, by: [g] }\n",
    );
    assert_eq!((run.verdict(), run.finding("r")["severity"].as_str()), ("accept", Some("warning")));
    let strict = check("g,x\nb,1\nc,2\n", "rules:\n  - statistic: { id: r, column: x, of: mean, min: 3, by: [g], min_rows: 2 }\n");
    assert_eq!((strict.verdict(), strict.finding("r")["outcome"].as_str()), ("accept", Some("not_judged")));
}

#[test]
fn a_rule_that_only_warns_is_not_stopped_by_a_type_that_the_values_made_out() {
    let place = Place::new();
    place.write("d.csv", "id,x,day\n1,1,2026-01-01\n2,2,soon\n3,n/a,2026-01-02\n");
    for rule in [
        "outliers: { column: x }",
        "statistic: { column: x, of: mean, min: 1, on_fail: warn }",
        "freshness: { column: day, max_age: 1d, on_fail: info }",
    ] {
        place.write("r.yaml", format!("dataset: d\nrules:\n  - {rule}\n"));
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        let finding = run.report.as_ref().map(|report| report["findings"][0].clone()).unwrap_or_default();
        assert_eq!((run.code, run.verdict(), &finding["outcome"]), (0, "accept", &"no_data".into()), "{rule}: {}{finding}", run.stderr);
        // Where it is to stop the batch, it does.
        place.write(
            "r.yaml",
            format!(
                "dataset: d\nrules:\n  - {}\n",
                rule.replace("on_fail: warn", "on_fail: reject").replace("x }", "x, on_fail: reject }").replace("info", "reject")
            ),
        );
        assert_eq!(place.run(&["check", "d.csv", "-r", "r.yaml"]).code, 2, "{rule}");
    }
}

#[test]
fn no_rule_about_rows_that_cannot_fail_lets_an_empty_batch_pass() {
    let place = Place::new();
    place.write("d.csv", "g\n");
    for rule in ["max: 100", "below: 100", "min: 5, on_fail: warn", "min: 1, by: g", "min: 0, by: g"] {
        place.write("r.yaml", format!("dataset: d\nschema: {{ columns: {{ g: {{ type: int64 }} }} }}\nrules:\n  - rows: {{ {rule} }}\n"));
        let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out.parquet"]);
        assert_eq!((run.code, run.verdict()), (2, "undecided"), "{rule}");
        assert!(!place.path("out.parquet").exists(), "{rule}");
    }
    for (rule, code, verdict) in [("min: 0", 0, "accept"), ("min: 1", 1, "reject")] {
        place.write("r.yaml", format!("dataset: d\nrules:\n  - rows: {{ {rule} }}\n"));
        let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
        assert_eq!((run.code, run.verdict()), (code, verdict), "{rule}");
    }
}
