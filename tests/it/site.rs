//! A site over runs: what is on it, what is written and removed when runs come and go, what it leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Place, Run, project, skipped};

const RULES: &str = "dataset: orders\nowner: data@example.org\nrules:\n  - missing: { column: id }\n  - range: { column: amount, min: 0 }\n  - missing: { id: few, column: note, tolerate: 50%, on_fail: warn }\n";

/// Records `runs` daily runs of the data set in `runs/`, of which each third has a row that fails.
fn recorded(runs: u32) -> Place {
    let place = Place::with(RULES, "");
    for day in 1..=runs {
        let bad = if day % 3 == 0 { ",-1,\n2,-5,x\n" } else { "1,5,x\n" };
        place.write("d.csv", format!("id,amount,note\n{day},10,x\n{bad}3,4,\n"));
        let now = format!("2026-11-{day:02}T08:00:00Z");
        place.run(&["check", "d.csv", "-r", "r.yaml", "--record", "runs", "--now", &now]);
    }
    place
}

/// A small report, as another run of its data set: of this day and batch, with this verdict.
fn another(of: &Json, day: u32, verdict: &str) -> String {
    let mut report = of.clone();
    let date = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date") + chrono::Days::new(day.into());
    let time = format!("{date}T08:00:00Z");
    (report["began"], report["as_of"]) = (time.as_str().into(), time.as_str().into());
    report["batch"]["id"] = format!("b{day}").into();
    report["verdict"] = verdict.into();
    report.to_string()
}

fn small() -> Json {
    let place = Place::with("dataset: orders\nprofile: none\nrules:\n  - missing: { column: id }\n", "id\n1\n");
    place.run(&crate::support::CHECK).report.expect("a report")
}

/// Every file of the site, with what is in it.
fn content(site: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = glob::glob(&format!("{}/**/*", site.display())).expect("a pattern").flatten().filter(|path| path.is_file());
    files.map(|file| (file.strip_prefix(site).expect("below").to_owned(), std::fs::read(&file).expect("the file"))).collect()
}

fn text(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// How many files were written and removed, as it was said.
fn said(run: &Run) -> (usize, usize) {
    let number = |what: &str| {
        let before = run.stdout.split(what).next().expect("a part").trim_end().trim_end_matches(" files").trim_end_matches(" file");
        before.rsplit(' ').next().and_then(|n| n.replace(',', "").parse().ok()).unwrap_or_else(|| panic!("{}{}", run.stdout, run.stderr))
    };
    (number("written"), number("removed"))
}

/// Each link of each page leads to a file of the site, and nothing is fetched.
fn ensure_linked(site: &Path) {
    for (file, page) in content(site).into_iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "html")) {
        let page = String::from_utf8(page).expect("UTF-8").replace("&#x2f;", "/");
        let page = page.split("<script>").next().expect("a part");
        for part in page.split("href=\"").skip(1) {
            let link = part.split('"').next().expect("a link");
            if link.starts_with(['#', 'd']) && !link.contains(".html") {
                continue;
            }
            let target = site.join(&file).parent().expect("a parent").join(link.split('#').next().expect("a part"));
            assert!(target.is_file(), "{}: {link} leads nowhere", file.display());
        }
        for word in ["src=\"", "url(h", "@import", "http-equiv=\"refresh"] {
            assert!(!page.contains(word), "{}: {word}", file.display());
        }
    }
}

#[test]
fn a_site_tells_of_data_sets_of_their_runs_and_of_each_run() {
    let place = recorded(7);
    let run = place.run(&["report", "runs", "-o", "site"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "site/index.html: 1 data set and 7 runs; 7 new; 18 files written, 0 removed\n");
    ensure_linked(&place.path("site"));
    let (index, dataset) = (text(&place, "site/index.html"), text(&place, "site/orders/index.html"));
    assert!(index.contains("Accept") && index.contains("orders/index.html") && index.contains("2026-11-07 08:00 UTC"), "{index}");
    assert!(index.contains("The last 7 runs: 5 accepted, 2 quarantined"), "{index}");
    // The run before failed, by two rules; this one passes.
    assert!(index.contains("<b>2</b> recovered"), "{index}");
    for part in ["A problem in 2 of 7 runs", "data@example.org", "columns.html", "runs-2026-11.html", "2 were problems lately"] {
        assert!(dataset.contains(part), "{part}: {dataset}");
    }
    let pages = content(&place.path("site/orders/runs"));
    assert_eq!(pages.len(), 14);
    let page = pages
        .iter()
        .find(|(name, _)| name.to_string_lossy().starts_with("20261106T080000.000Z-") && name.extension().is_some_and(|e| e == "html"));
    let page = String::from_utf8_lossy(page.expect("the page").1).into_owned();
    assert!(page.contains("Quarantine") && page.contains("../index.html") && page.starts_with("<!doctype html>"), "{page}");
}

#[test]
fn the_site_follows_from_the_reports_however_it_came_to_be() {
    let place = recorded(6);
    let files: Vec<String> =
        content(&place.path("runs/orders")).into_keys().map(|name| format!("runs/orders/{}", name.display())).collect();
    let report = |arguments: &[&str], to: &str| place.run(&[&["report"], arguments, &["-o", to]].concat());
    report(&["runs"], "at-once");
    let reversed: Vec<&str> = files.iter().rev().map(String::as_str).collect();
    report(&reversed, "reversed");
    report(&["runs/orders/*.json", "runs"], "globbed");
    for number in 1..=files.len() {
        report(&reversed[reversed.len() - number..], "grown");
    }
    report(&reversed[..2], "added");
    report(&["--add", "runs/orders"], "added");
    let expected = content(&place.path("at-once"));
    for site in ["reversed", "globbed", "grown", "added"] {
        let there = content(&place.path(site));
        assert!(there == expected, "{site}: {:?} {:?}", there.keys(), expected.keys());
    }
    let again = report(&["runs"], "at-once");
    assert_eq!((said(&again), again.stdout.contains("; 0 new;")), ((0, 0), true), "{}", again.stdout);
}

#[test]
fn adding_the_thousandth_run_writes_as_many_files_as_adding_the_tenth() {
    let place = Place::new();
    let report = small();
    let write = |days: std::ops::Range<u32>| {
        for day in days {
            place
                .write(&format!("in/{day}.json"), another(&report, day, ["accept", "quarantine", "reject", "undecided"][day as usize % 4]));
        }
    };
    let build = || place.run(&["report", "in", "-o", "site"]);
    write(0..9);
    build();
    write(9..10);
    let tenth = said(&build());
    write(10..999);
    build();
    write(999..1_000);
    let thousandth = said(&build());
    assert_eq!((tenth, thousandth), ((6, 0), (6, 0)), "index, data set, columns, list, run and what is known of it");
    let largest = content(&place.path("site")).into_values().map(|page| page.len()).max().expect("pages");
    assert!(largest < 200_000, "{largest}");
    ensure_linked(&place.path("site"));
    // One that goes from the middle takes its page with it, and no other run's page is touched.
    std::fs::remove_file(place.path("in/400.json")).expect("removed");
    assert_eq!(said(&build()), (3, 2), "index, data set and list; its page and what was known of it");
}

#[test]
fn what_is_removed_from_the_history_goes_from_the_site_and_foreign_files_stay() {
    let place = recorded(4);
    place.run(&["report", "runs", "-o", "site"]);
    for file in ["site/.nojekyll", "site/CNAME", "site/notes/readme.html", "site/orders/mine.html", "site/orders/runs/mine.json"] {
        place.write(file, "mine");
    }
    let pruned = place.run(&["prune", "-r", "r.yaml", "--record", "runs", "--publish", "out.parquet", "--keep-last", "2"]);
    assert_eq!(pruned.code, 0, "{}", pruned.stderr);
    let run = place.run(&["report", "runs", "-o", "site"]);
    assert_eq!((run.code, said(&run).1), (0, 4), "{}{}", run.stdout, run.stderr);
    let site = place.path("site");
    assert!(!content(&site).keys().any(|file| file.to_string_lossy().contains("20261101T")), "{:?}", content(&site).keys());
    for file in ["index.html", "orders/index.html", "orders/columns.html", "orders/runs-2026-11.html"] {
        assert!(!text(&place, &format!("site/{file}")).contains("2026-11-01"), "{file}");
    }
    // The data set goes, the files of others stay.
    std::fs::remove_dir_all(place.path("runs/orders")).expect("removed");
    let run = place.run(&["report", "runs", "-o", "site"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let left: BTreeSet<String> = content(&site).into_keys().map(|file| file.display().to_string()).collect();
    let expected = [".nojekyll", "CNAME", "index.html", "notes/readme.html", "orders/mine.html", "orders/runs/mine.json"];
    assert_eq!(left, expected.map(str::to_owned).into());
    assert!(text(&place, "site/index.html").contains("There are no runs."));
}

#[test]
fn a_directory_that_is_no_site_is_refused_and_a_broken_report_is_left_out() {
    let place = recorded(2);
    place.write("full/precious.txt", "mine");
    let refused = place.run(&["report", "runs", "-o", "full"]);
    assert_eq!((refused.code, place.path("full/index.html").exists()), (2, false));
    assert!(refused.stderr.contains("no site that Sluicegate wrote") && refused.stderr.contains("of its own"), "{}", refused.stderr);

    place.write("runs/orders/broken.json", "{\"schema_version\": \"1.0\", ");
    place.write("runs/orders/other.json", "{\"a\": 1}");
    place.write("newer.json", "{\"schema_version\": \"7.0\"}");
    let run = place.run(&["report", "runs", "newer.json", "-o", "site"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.contains("1 data set and 2 runs"), "{}", run.stdout);
    let mut lines: Vec<&str> = run.stderr.lines().map(|line| line.split(": ").nth(1).expect("a place")).collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{}", run.stderr);
    for part in [
        "broken.json: not a report",
        "it is left out",
        "newer.json: a report of schema version 7.0",
        "note: runs/orders/other.json: this is no report",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    ensure_linked(&place.path("site"));
    // A file that is named must be one.
    assert_eq!(place.run(&["report", "runs/orders/other.json", "-o", "site"]).code, 2);
    for (arguments, said) in [
        (["nowhere", "-o", "site"], "no report can be read"),
        (["no*.json", "-o", "site"], "no file matches"),
        (["runs", "-o", "one.html"], "one file holds one report, and there are 4"),
        (["runs", "-o", "one.xyz"], "no report is written in that format"),
    ] {
        let run = place.run(&[&["report"], &arguments[..]].concat());
        assert!(run.code == 2 && run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn data_sets_of_hostile_names_have_pages_of_their_own_and_are_shown_as_text() {
    let place = Place::new();
    let names = [
        "../../x",
        "<script>alert(1)</script>",
        "a/b",
        "a:b",
        "{{ 7 * 7 }}",
        "Orders",
        "orders",
        "con",
        "",
        "\u{202e}x\u{1b}[31m",
        "index.html",
    ];
    let long = "ü".repeat(3_000);
    let report = small();
    for (number, name) in names.iter().copied().chain([long.as_str()]).enumerate() {
        let mut report = report.clone();
        report["dataset"] = name.into();
        report["batch"]["id"] = format!("../{name}").into();
        report["owner"] = name.into();
        report["reasons"] = vec![format!("`{name}`")].into();
        report["findings"][0]["id"] = name.into();
        place.write(&format!("in/{number}.json"), report.to_string());
    }
    let before = place.files().len();
    let run = place.run(&["report", "in", "-o", "site"]);
    assert!(run.code == 0 && run.stdout.contains("12 data sets and 12 runs"), "{}{}", run.stdout, run.stderr);
    let site = content(&place.path("site"));
    assert_eq!(place.files().len(), before + site.len(), "nothing is written elsewhere");
    let directories: BTreeSet<String> =
        site.keys().filter_map(|file| Some(file.parent()?.iter().next()?.to_string_lossy().to_lowercase())).collect();
    assert_eq!(directories.len(), 12, "{directories:?}");
    assert!(directories.contains("orders"), "{directories:?}");
    for (file, page) in site.iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "html")) {
        let page = String::from_utf8_lossy(page);
        assert!(!page.contains("<script>alert") && !page.contains(['\u{202e}', '\u{1b}']), "{}", file.display());
    }
    let index = String::from_utf8_lossy(&site[Path::new("index.html")]).into_owned();
    assert!(index.contains("{{ 7 * 7 }}") && index.contains("(no name)"), "{index}");
    ensure_linked(&place.path("site"));
}

#[test]
fn a_run_that_is_marked_bad_is_shown_so_until_it_is_good_again() {
    let place = recorded(3);
    let mark = |word: &str| {
        let run = place.run(&[
            "history",
            "mark",
            "last",
            word,
            "-r",
            "r.yaml",
            "--record",
            "runs",
            "--reason",
            "a <b>half</b> file",
            "--by",
            "Ada",
        ]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        place.run(&["report", "runs", "-o", "site"])
    };
    place.run(&["report", "runs", "-o", "site"]);
    let clean = content(&place.path("site"));
    let run = mark("bad");
    assert_eq!(said(&run), (6, 0), "the pages that show it: {}", run.stdout);
    let pages = content(&place.path("site"));
    let says: Vec<String> = pages
        .iter()
        .filter(|(file, page)| {
            file.extension().is_some_and(|e| e == "html") && String::from_utf8_lossy(page).contains("a &lt;b&gt;half&lt;")
        })
        .map(|(file, _)| file.iter().next_back().expect("a name").to_string_lossy().chars().take(9).collect())
        .collect();
    assert_eq!(says, ["index.htm", "20261103T", "runs-2026"], "the data set, the run, the list");
    assert!(text(&place, "site/index.html").contains("marked bad"));
    mark("good");
    let again = content(&place.path("site"));
    assert!(again.values().all(|page| !String::from_utf8_lossy(page).contains("a &lt;b&gt;half")) && again.len() == clean.len());
}

#[test]
fn pages_are_accessible_fit_a_phone_and_fetch_nothing() {
    let Some(python) = std::env::var_os("SLUICEGATE_PYTHON") else { return skipped("a Python with playwright and axe") };
    let place = recorded(5);
    place.run(&["history", "mark", "last", "bad", "-r", "r.yaml", "--record", "runs", "--reason", "x", "--by", "y"]);
    place.run(&["report", "runs", "-o", "site"]);
    let pages: Vec<PathBuf> =
        content(&place.path("site")).into_keys().filter(|file| file.extension().is_some_and(|e| e == "html")).collect();
    let pages: Vec<PathBuf> = pages.into_iter().rev().take(5).map(|file| place.path("site").join(file)).collect();
    let output = Command::new(python).arg(project("tests/site_pages.py")).args(&pages).output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if said.contains("NO BROWSER") {
        return skipped("Chromium");
    }
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn one_report_is_written_in_another_format() {
    let place = Place::with(RULES, "id,amount,note\n1,2,x\n");
    place.run(&[&crate::support::CHECK[..], &["--report", "a.json", "--report", "a.html"]].concat());
    for (to, file) in [("b.html", "b.html"), ("html=c", "c"), ("d.json", "d.json"), ("openmetrics=e", "e")] {
        let run = place.run(&["report", "a.json", "-o", to]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{to}");
        assert!(place.path(file).is_file(), "{to}");
    }
    assert_eq!(text(&place, "a.html"), text(&place, "b.html"));
    assert_eq!(text(&place, "a.html"), text(&place, "c"));
    assert_eq!(text(&place, "a.json"), text(&place, "d.json"));
}
