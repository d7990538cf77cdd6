//! The page that people look at: opened in a browser, searched, sorted, filtered, judged by axe-core; its size; hostile text.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::html::browser;
use crate::support::{Place, project, run_in, skipped};

/// Text that a page must show, and not obey.
const HOSTILE: &str = "<b>x</b><script>alert(1)</script>{{ 7*7 }}{% raw %}\u{202e}\u{7}'\"`&lt;](javascript:x)";

/// A page of each kind: accept, quarantine, reject, undecided, a wide table, recorded runs, hostile text, a stream.
fn pages(place: &Place) -> Vec<PathBuf> {
    let page = |name: &str| place.path(&format!("{name}.html"));
    let write = |name: &str, arguments: &[&str]| {
        let path = page(name);
        let report = path.display().to_string();
        let run = run_in(&project(""), &[arguments, &["--report", &report]].concat());
        assert!(path.exists(), "{name}: no report: {}", run.stderr);
        path
    };
    let here = |name: &str| place.path(name).display().to_string();
    place.write("faulty.yaml", "dataset: t\nrules:\n  - missing: { column: <script>alert(1)</script> }\n");
    wide(place, 100, 600);
    hostile(place);
    history(place);
    let mut pages = vec![
        write("accept", &["check", "fixtures/people/train.csv", "-r", &project("tests/it/accept.yaml").display().to_string()]),
        write("quarantine", &["check", "-r", "rules/orders.yaml"]),
        write("reject", &["check", "-r", "rules/people.yaml"]),
        write("undecided", &["check", "fixtures/people/train.csv", "-r", &here("faulty.yaml")]),
        write("wide", &["check", &here("wide.csv"), "-r", &here("wide.yaml")]),
        write("hostile", &["check", &here("hostile.csv"), "-r", &here("hostile.yaml")]),
        page("history"),
    ];
    pages.push(stream(place));
    pages
}

/// A table of so many columns under rules that mostly fail, in the files `wide.csv` and `wide.yaml`.
fn wide(place: &Place, columns: usize, rules: usize) {
    let names: Vec<String> = (0..columns).map(|i| format!("measurement_{i:03}")).collect();
    let mut csv = format!("id,{}\n", names.join(","));
    for row in 0..400 {
        let values: Vec<String> = (0..columns).map(|i| ((row * 7919 + i * 104_729) % 1000).to_string()).collect();
        writeln!(csv, "{row},{}", values.join(",")).expect("text");
    }
    let mut yaml = "dataset: wide\nprofile: full\nrules:\n  - duplicates: { key: [id] }\n".to_owned();
    for i in 0..rules {
        writeln!(yaml, "  - range: {{ id: rule-{i:04}, column: {}, max: {}, on_fail: warn }}", names[i % columns], i % 1200).expect("text");
    }
    place.write("wide.csv", csv);
    place.write("wide.yaml", yaml);
}

/// Names, values, groups, rules and descriptions that are no plain text.
fn hostile(place: &Place) {
    let quoted = HOSTILE.replace('"', "\"\"");
    let mut csv = format!("id,\"{quoted}\",group\n");
    for row in 0..60 {
        writeln!(csv, "{row},\"{quoted}{}\",\"{quoted}\"", row % 7).expect("text");
    }
    csv.push_str("1,too few\n");
    let yaml = serde_json::json!({
        "dataset": HOSTILE, "description": HOSTILE, "owner": HOSTILE, "profile": "full",
        "rules": [
            { "pattern": { "id": "p", "column": HOSTILE, "regex": "^<b>$", "description": HOSTILE, "owner": HOSTILE, "runbook": "javascript:alert(1)", "tags": [HOSTILE] } },
            { "values": { "id": "v", "column": HOSTILE, "in": [HOSTILE], "on_fail": "warn" } },
            { "rows": { "id": "r", "min": 100, "by": ["group"], "on_fail": "warn" } },
            { "duplicates": { "id": "d", "key": ["id"] } }
        ]
    });
    place.write("hostile.csv", csv);
    place.write("hostile.yaml", yaml.to_string());
}

/// Runs of one data set, recorded one after the other: the last has what is new, worse, known and recovered.
fn history(place: &Place) {
    let rules = "dataset: h\nhistory: runs\nrules:\n  - missing: { column: a, on_fail: warn }\n  - missing: { column: b }\n  - range: { column: c, max: 50 }\n  - statistic: { id: mean, column: c, of: mean, max: 20, on_fail: warn }\n  - rows: { min: 5 }\n";
    place.write("h.yaml", rules);
    for day in 1..=6 {
        let mut csv = "id,a,b,c\n".to_owned();
        for row in 0..40 {
            let a = if row < 3 { "" } else { "x" };
            let b = if (day == 5 && row == 1) || (day == 6 && row < 5) { "" } else { "y" };
            let c = if day == 6 && row == 7 { 70 } else { (row + day * 5) % 50 };
            writeln!(csv, "{row},{a},{b},{c}").expect("text");
        }
        let data = format!("h{day}.csv");
        place.write(&data, csv);
        let now = format!("2026-11-{:02}T06:00:00Z", 20 + day);
        let run = place.run(&["check", &data, "-r", "h.yaml", "--now", &now, "--report", "history.html"]);
        assert!(place.path("history.html").exists(), "{}", run.stderr);
    }
}

/// The report of a stream.
fn stream(place: &Place) -> PathBuf {
    let rules =
        "dataset: s\nschema:\n  columns:\n    id: { type: int64 }\n    v: { type: float64 }\nrules:\n  - range: { column: v, max: 5 }\n";
    place.write("s.yaml", rules);
    let events: String = (0..50).map(|i| format!("{{\"id\": {i}, \"v\": {}, \"other\": 1}}\n", i % 7)).collect();
    let input = place.write("events.ndjson", events);
    let path = place.path("stream.html");
    let arguments = ["stream", "-r", "s.yaml", "--bad", "bad.ndjson", "--report", "stream.html"];
    let run = crate::support::run_with_input(&place.path(""), &arguments, &input);
    assert!(path.exists(), "{}", run.stderr);
    path
}

#[test]
fn people_open_every_kind_of_page_search_sort_and_filter_it_and_axe_objects_to_nothing() {
    let Some(browser) = browser() else { return };
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_both =
        Command::new(&python).args(["-c", "import playwright, axe_playwright_python"]).output().is_ok_and(|o| o.status.success());
    if !has_both {
        return skipped("a Python with playwright and axe_playwright_python");
    }
    let place = Place::new();
    let pages = pages(&place);
    let output = Command::new(python).arg(project("tests/pages.py")).arg(which(browser)).args(&pages).output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // Each page was looked at.
    assert_eq!(said.lines().filter(|line| line.contains(" px, ")).count(), pages.len(), "{said}");
    let height = |page: &str| -> u64 {
        let line = said.lines().find(|line| line.starts_with(page)).unwrap_or_else(|| panic!("no {page}: {said}"));
        line.split(' ').nth(1).and_then(|px| px.parse().ok()).expect("a height")
    };
    assert!(height("quarantine.html") < 2_500, "{said}");
}

fn which(browser: &str) -> String {
    let found = Command::new("which").arg(browser).output().expect("`which` runs");
    String::from_utf8_lossy(&found.stdout).trim().to_owned()
}

#[test]
fn a_page_stays_small_however_many_rules_and_columns_there_are() {
    let place = Place::new();
    for (columns, rules, bytes_max) in [(15, 40, 300_000), (100, 3_000, 1_000_000)] {
        wide(&place, columns, rules);
        place.run(&["check", "wide.csv", "-r", "wide.yaml", "--report", "wide.html"]);
        let page = std::fs::read_to_string(place.path("wide.html")).expect("a page");
        assert!(page.len() < bytes_max, "{columns} columns, {rules} rules: {} bytes", page.len());
        if rules > 1_000 {
            // The number of those left out is said, and that they are in the JSON report.
            let shown = page.matches("<tbody class=\"finding").count();
            let left: usize = page
                .split("are left out here")
                .filter_map(|before| before.rsplit("<p class=\"note\">").next()?.split(' ').next()?.replace(',', "").parse::<usize>().ok())
                .sum();
            assert!(shown > 100 && shown + left == rules + 2, "{shown} shown, {left} left out");
        }
    }
}

#[test]
fn hostile_text_is_text_on_the_page() {
    let place = Place::new();
    hostile(&place);
    place.run(&["check", "hostile.csv", "-r", "hostile.yaml", "--report", "hostile.html"]);
    let page = std::fs::read_to_string(place.path("hostile.html")).expect("a page");
    assert_eq!(page.matches("<script").count(), 1, "our own script alone");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;") && page.contains("{{ 7*7 }}"), "text stays as it is");
    for obeyed in ["<b>x", "\u{202e}", "\u{7}", "href=\"javascript"] {
        assert!(!page.contains(obeyed), "{obeyed:?}");
    }
}

#[test]
fn a_page_is_the_same_whatever_the_threads() {
    let place = Place::new();
    let page = |threads: &str| {
        run_in(
            &project(""),
            &["check", "-r", "rules/people.yaml", "--threads", threads, "--report", &place.path("p.html").display().to_string()],
        );
        std::fs::read_to_string(place.path("p.html")).expect("a page")
    };
    assert_eq!(page("1"), page("7"));
}

#[test]
fn the_page_of_orders_is_a_snapshot() {
    let place = Place::new();
    let path = place.path("orders.html").display().to_string();
    run_in(&project(""), &["check", "-r", "rules/orders.yaml", "--now", "2026-11-21T06:00:00Z", "--report", &path]);
    let page = std::fs::read_to_string(&path).expect("a page");
    // Styles and script are files of their own.
    let (head, rest) = page.split_once("<style>").expect("styles");
    let (_, body) = rest.split_once("</style>").expect("styles end");
    let (body, end) = body.split_once("<script>").expect("a script");
    let (_, end) = end.split_once("</script>").expect("the script ends");
    insta::assert_snapshot!("orders_html", format!("{head}<style></style>{body}<script></script>{end}"));
}

#[test]
fn a_rejected_batch_says_what_would_have_passed_by_check_and_gate_alike() {
    let rules = "dataset: t\nrules:\n  - range: { column: v, max: 5 }\n  - rows: { min: 1000 }\ngate: { publish: out.parquet, quarantine: aside }\n";
    let data: String = (0..40).fold("id,v\n".to_owned(), |text, i| text + &format!("{i},{}\n", i % 8));
    let place = Place::with(rules, &data);
    let would = |command: &str| place.run(&[command, "d.csv", "-r", "r.yaml"]).report()["would_pass"].clone();
    let expected = serde_json::json!({ "published": 30, "quarantined": 10 });
    assert_eq!((would("check"), would("gate")), (expected.clone(), expected));
    place.run(&["check", "d.csv", "-r", "r.yaml", "--report", "p.html"]);
    let page = std::fs::read_to_string(place.path("p.html")).expect("a page");
    assert!(page.contains("<b>30</b> would have passed and <b>10</b> been set aside"), "the page says so too");
}

#[test]
fn a_report_tells_what_findings_observed_in_earlier_runs() {
    let place = Place::new();
    history(&place);
    let run = place.run(&["check", "h6.csv", "-r", "h.yaml", "--now", "2026-11-27T06:00:00Z"]);
    let trends = run.report()["history"]["trends"].as_array().expect("trends");
    let values = |id: &str| -> Vec<f64> {
        let trend = trends.iter().find(|trend| trend["id"] == id).unwrap_or_else(|| panic!("no trend of {id}"));
        trend["points"].as_array().expect("points").iter().filter_map(|point| point["value"].as_f64()).collect()
    };
    assert_eq!(values("missing-b"), [0.0, 0.0, 0.0, 0.0, 1.0, 5.0]);
    // What passes is no trend.
    assert!(trends.iter().all(|trend| trend["id"] != "rows"));
    let page = std::fs::read_to_string(place.path("history.html")).expect("a page");
    for said in [
        "Since <a href=\"#since\">the last accepted run</a>",
        "<b>1</b> new",
        "<b>1</b> worse",
        "<b>1</b> known",
        "1d after the last run",
        "class=\"trend\"",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_finding_holds_its_rule_as_it_is_written() {
    let rules = "dataset: t\nrules:\n  # The bounds are those of the sensor.\n  - range: { column: v, max: 5 }   # volts\n  - missing:\n      column: v\n      on_fail: warn\n";
    let run = Place::with(rules, "id,v\n1,7\n").run(&crate::support::CHECK);
    assert_eq!(run.finding("range-v")["written"], "range: { column: v, max: 5 }   # volts");
    assert_eq!(run.finding("missing-v")["written"], "missing:\n  column: v\n  on_fail: warn");
}
