//! The report on a terminal: what stands where, in how many columns, with and without colour.

use std::process::Command;

use sluicegate::report::Report;
use sluicegate::report::terminal::{Style, render};

use crate::support::{CHECK, Place, Run, run_in};

/// The report of a run, as the library reads it back.
fn report(run: &Run) -> Report {
    sluicegate::report::read(&run.report().to_string(), "r").unwrap_or_else(|fault| panic!("{fault}"))
}

fn plainly(report: &Report, width: u16) -> String {
    render(report, Style { colour: false, width, verbose: false })
}

/// The text without colour codes.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out += before;
        rest = after.split_once('m').expect("a colour code ends").1;
    }
    out + rest
}

/// Columns of a terminal that the text takes, by the ranges of UAX 11 that the tests use: two a wide character, none for an
/// accent that combines.
fn columns(text: &str) -> usize {
    let of = |c| match c {
        '\u{300}'..='\u{36f}' => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{1f300}'..='\u{1faff}' => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
}

/// Rules that fail in every way, over wide and combining characters.
fn every_kind(place: &Place) -> Run {
    let rules = "dataset: 注文\nowner: 分析チーム\nrules:\n  - rows: { id: enough, min: 100, owner: ann, runbook: \"https://wiki.example/runbooks/too-few-rows\" }\n  \
                 - range: { column: 価格, max: 1 }\n  - range: { id: 🙂-limit, column: b, max: 1, on_fail: warn }\n  \
                 - values: { column: s, in: [東京, 大阪, Ge\u{301}ne\u{300}ve] }\n  - missing: { column: b }\n  - range: { id: noted, column: b, max: 1, on_fail: info }\n  \
                 - range: { column: b, where: b > 100, max: 5, on_no_data: warn }\nprofile: full\n";
    place.write("r.yaml", rules);
    let rows: String = (0..12).map(|n| format!("{n},{n},{}\n", if n % 2 == 0 { "京都の長い名前の町" } else { "Zu\u{308}rich" })).collect();
    place.write("d.csv", format!("価格,b,s\n{rows}"));
    place.run(&CHECK)
}

#[test]
fn the_terminal_report_of_each_verdict_is_a_snapshot() {
    let project = crate::support::project("");
    let place = Place::new();
    let out = |name: &str| place.path(name).display().to_string();
    let (publish, aside) = (out("orders.parquet"), out("aside"));
    let gated = run_in(&project, &["gate", "-r", "rules/orders.yaml", "--publish", &publish, "--quarantine", &aside]);
    let shown = |run: &Run| run.stdout.replace(&out(""), "/data/");
    insta::assert_snapshot!("quarantine", shown(&gated));
    insta::assert_snapshot!("quarantine_narrow", plainly(&report(&run_in(&project, &["check", "-r", "rules/orders.yaml"])), 50));
    let posts = run_in(&project, &["check", "-r", "rules/posts.yaml"]);
    insta::assert_snapshot!("accept", shown(&posts));
    insta::assert_snapshot!("accept_verbose", shown(&run_in(&project, &["check", "-r", "rules/posts.yaml", "-v"])));
    let people = report(&run_in(&project, &["check", "-r", "rules/people.yaml"]));
    insta::assert_snapshot!("reject", plainly(&people, 100));
    insta::assert_snapshot!("reject_narrow", plainly(&people, 40));
    insta::assert_snapshot!("reject_wide", plainly(&people, 200));
    // A rule that has nothing to judge.
    let place = Place::with(
        "dataset: t\nschema: { columns: { a: { type: float64 }, b: { type: int64 } } }\nrules:\n  - statistic: { column: a, of: mean, min: 7 }\n",
        "a,b\n,1\n,2\n",
    );
    insta::assert_snapshot!("undecided", place.run(&CHECK).stdout);
    place.write("r.yaml", "dataset: t\nowner: ann\nrules:\n  - range: { column: b, min: 7 }\n  - range: { column: a }\n");
    place.write("d.csv", "a\n1\n2\n");
    let faulty = place.run(&CHECK);
    assert_eq!((faulty.code, faulty.stdout.as_str()), (2, ""));
    insta::assert_snapshot!("faults", format!("{}{}", faulty.stderr, plainly(&report(&faulty), 60)));
}

#[test]
fn colours_say_nothing_that_the_text_does_not_say() {
    let place = Place::new();
    let report = report(&every_kind(&place));
    for (width, verbose) in [(120, false), (120, true), (80, true), (40, true)] {
        let style = |colour| Style { colour, width, verbose };
        let coloured = render(&report, style(true));
        for (sign, code) in [("✗", 31), ("!", 33), ("?", 33)] {
            assert!(coloured.contains(&format!("\x1b[{code}m{sign}\x1b[0m ")), "{sign} {coloured}");
        }
        assert_eq!(plain(&coloured), render(&report, style(false)));
    }
    insta::assert_snapshot!("every_kind_in_colour", render(&report, Style { colour: true, width: 100, verbose: false }));
}

#[test]
fn no_line_is_wider_than_the_terminal_whatever_the_characters() {
    let place = Place::new();
    let report = report(&every_kind(&place));
    for width in [40, 41, 57, 60, 79, 80, 81, 100, 110, 120, 199, 200] {
        for verbose in [false, true] {
            let text = render(&report, Style { colour: false, width, verbose });
            for line in text.lines() {
                // A path and a command can be copied only if they are whole.
                let is_whole = line.trim_start().starts_with("sluicegate ") || line.trim_start().starts_with("batch ");
                assert!(columns(line) <= usize::from(width) || is_whole, "{width}: {line}\n{text}");
            }
        }
    }
    // A terminal that says nothing, or nonsense, of its width.
    for width in [0, 1, u16::MAX] {
        assert!(plainly(&report, width).starts_with("REJECT  注文"), "{width}");
    }
}

#[test]
fn failures_come_first_and_nothing_is_said_twice() {
    let place = Place::new();
    let run = every_kind(&place);
    let headings =
        ["\nFailed: rejects the batch\n", "\nFailed: sets rows aside\n", "\nWarning\n", "\nWarning: no data\n", "\nFor information\n"];
    let places: Vec<usize> =
        headings.iter().map(|heading| run.stdout.find(heading).unwrap_or_else(|| panic!("{heading}{}", run.stdout))).collect();
    assert!(places.is_sorted(), "{places:?}\n{}", run.stdout);
    for once in [
        "12 rows, fewer than 100",
        "✗ enough ",
        "✗ range-価格 ",
        "! 🙂-limit ",
        "✗ values-s ",
        "owner ann · runbook https://wiki.example/runbooks/too-few-rows",
    ] {
        assert_eq!(run.stdout.matches(once).count(), 1, "{once}: {}", run.stdout);
    }
    // What the verdict adds to a finding stands at the finding.
    let place = Place::with(
        "dataset: t\nschema: { columns: { a: { type: float64 }, b: { type: int64 } } }\nrules:\n  - statistic: { column: a, of: mean, min: 7 }\n",
        "a,b\n,1\n,2\n",
    );
    let run = place.run(&CHECK);
    assert_eq!(run.stdout.matches("statistic-a").count(), 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("\n      (rule `statistic` at r.yaml:4:5; `on_no_data: warn` there makes this a warning)\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn many_findings_are_counted_and_all_are_shown_on_request() {
    let columns: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
    let rules: String = columns.iter().map(|name| format!("  - range: {{ column: {name}, max: 0 }}\n")).collect();
    let place = Place::with(
        &format!("dataset: t\nrules:\n{rules}"),
        &format!("{}\n{}\n{}\n", columns.join(","), ["1"; 40].join(","), ["0"; 40].join(",")),
    );
    let run = place.run(&CHECK);
    assert!(
        run.stdout.contains("\n  41 findings: 40 failed, 1 passed (-v shows them)\n")
            && run.stdout.contains("\n  … 20 more that did not pass (-v shows them)\n")
    );
    assert_eq!(run.stdout.matches("  ✗ range-c").count(), 20, "{}", run.stdout);
    let all = place.run(&[&CHECK[..], &["-v"]].concat());
    assert_eq!(all.stdout.matches("  ✗ range-c").count(), 40, "{}", all.stdout);
}

#[test]
fn the_next_step_is_a_command_that_works() {
    let place = Place::with("dataset: t\nowner: ann\nrules:\n  - range: { column: a, max: 5 }\n", "a,b\n1,x\n9,y\n");
    let run =
        place.run(&["gate", "d.csv", "-r", "r.yaml", "--publish", "out/t.parquet", "--quarantine", "rows aside", "--batch-id", "b-1"]);
    let next = run.stdout.split("\nNext\n").nth(1).expect("what to do next");
    assert!(next.contains("sluicegate quarantine show 'rows aside' b-1\n") && next.contains("ask the owner of the data set"), "{next}");
    let commands: Vec<&str> =
        next.lines().filter_map(|line| line.find("sluicegate ").map(|at| &line[at + "sluicegate ".len()..])).collect();
    assert_eq!(commands.len(), 3, "{next}");
    for command in commands {
        // As a shell would run it; the destination stands in the rule file or on the command line.
        let more = if command.starts_with("replay") { " --publish out/t.parquet --quarantine 'rows aside'" } else { "" };
        let script = format!("{} {command}{more}", env!("CARGO_BIN_EXE_sluicegate"));
        let done = Command::new("sh").arg("-c").arg(&script).current_dir(place.path("")).output().expect("a shell");
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(
        !place.run(&["check", "d.csv", "-r", "r.yaml", "--batch-id", "b-1"]).stdout.contains("quarantine show"),
        "a check sets nothing aside"
    );
}

#[test]
fn a_rejected_batch_says_how_a_person_lets_it_pass() {
    let rules = "dataset: t\ngate: { publish: out/t.parquet, quarantine: aside }\nrules:\n  - rows: { min: 100 }\n";
    let place = Place::with(rules, "a,b\n1,x\n");
    let run = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b-1"]);
    assert_eq!(run.code, 1);
    let says = "\n  publish it all the same, on record  sluicegate release b-1 d.csv -r r.yaml --reason 'WHY' --by NAME\n";
    assert!(run.stdout.contains(says), "{}", run.stdout);
    let release = ["release", "b-1", "d.csv", "-r", "r.yaml", "--reason", "a small day", "--by", "ann"];
    let released = place.run(&release);
    assert!(released.code == 0 && place.path("out/t.parquet").exists(), "{}{}", released.stdout, released.stderr);
    // What was released is not offered again.
    let again = place.run(&["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b-1"]);
    assert!(!again.stdout.contains("on record"), "{}", again.stdout);
}
