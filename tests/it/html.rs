//! Reports in their formats: the JSON against its schema, the HTML in a browser where one is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Place, Run, files_below, project, run_in, skipped};

#[test]
fn every_json_report_fits_its_schema() {
    let schema: Json = serde_json::from_slice(&std::fs::read(project("reports/report.schema.json")).expect("schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid JSON Schema");
    let mut runs: Vec<Run> = ["orders", "people"].map(|r| run_in(&project(""), &["check", "-r", &format!("rules/{r}.yaml")])).into();
    for case in files_below(&project("tests/rules"), "yaml") {
        let stem = case.file_stem().expect("a name").to_string_lossy().into_owned();
        runs.push(run_in(case.parent().expect("a folder"), &["check", &format!("{stem}.csv"), "-r", &format!("{stem}.yaml")]));
    }
    for run in runs {
        let errors: Vec<String> = validator.iter_errors(run.report()).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_orders_report_is_a_snapshot() {
    let run = run_in(&project(""), &["check", "-r", "rules/orders.yaml", "--now", "2026-11-21T06:00:00Z"]);
    insta::assert_snapshot!("orders_json", format!("{:#}", run.report()));
}

/// Writes an HTML report of each kind.
fn pages(place: &Place) -> Vec<PathBuf> {
    let page = |name: &str| place.path(&format!("{name}.html"));
    let write = |name: &str, arguments: &[&str]| {
        let path = page(name);
        let report = path.display().to_string();
        run_in(&project(""), &[arguments, &["--report", &report]].concat());
        path
    };
    place.write("faulty.yaml", "dataset: t\nrules:\n  - missing: { column: <script>alert(1)</script> }\n");
    let faulty = place.path("faulty.yaml").display().to_string();
    vec![
        write("quarantine", &["check", "-r", "rules/orders.yaml"]),
        write("reject", &["check", "-r", "rules/people.yaml"]),
        write("undecided", &["check", "fixtures/people/train.csv", "-r", &faulty]),
        write("accept", &["check", "fixtures/people/train.csv", "-r", &project("tests/it/accept.yaml").display().to_string()]),
    ]
}

#[test]
fn html_is_one_file_without_requests_and_escapes_what_it_shows() {
    let place = Place::new();
    for page in pages(&place) {
        let html = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        let verdict = page.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(html.to_lowercase().contains(&verdict), "{verdict} is not said");
        // Our own script, which the policy admits by its hash.
        assert_eq!(html.matches("<script").count(), 1, "{}", page.display());
        assert!(html.contains("script-src &#39;sha256-") || html.contains("script-src 'sha256-"), "{}", page.display());
        for request in ["src=\"http", "href=\"http", "@import", "url(h", "url(\""] {
            assert!(!html.contains(request), "{}: {request}", page.display());
        }
    }
}

pub fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()));
    if found.is_none() {
        skipped("Chromium");
    }
    found
}

/// What the browser makes of a page: its document after layout, with a measure of its width.
fn dump(browser: &str, page: &Path, width: u32) -> String {
    let profile = tempfile::tempdir().expect("a directory");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg("--allow-file-access-from-files")
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_opens_in_a_browser_and_fits_a_phone() {
    let Some(browser) = browser() else { return };
    let place = Place::new();
    for page in pages(&place) {
        // A frame of a phone's width, measured from outside: the page itself may run no script.
        let frame = place.write(
            "frame.html",
            format!(
                "<body><iframe id=f src='{}' style='width:360px;height:800px;border:0'></iframe><p id=w></p><script>\
                 f.onload = () => {{ w.textContent = 'width ' + f.contentDocument.documentElement.scrollWidth + ' headings ' + \
                 f.contentDocument.querySelectorAll('h1,h2').length }}</script>",
                page.file_name().expect("a name").to_string_lossy()
            ),
        );
        let dom = dump(browser, &frame, 520);
        let measured = dom.split("width ").nth(1).unwrap_or_else(|| panic!("{}: not measured: {dom}", page.display()));
        let mut words = measured.split_whitespace();
        let width: u32 = words.next().and_then(|w| w.parse().ok()).expect("a width");
        let headings: u32 = words.nth(1).and_then(|w| w.split('<').next()).and_then(|w| w.parse().ok()).expect("headings");
        assert!(width <= 360, "{}: {width} px wide on a phone of 360", page.display());
        assert!(headings >= 2, "{}: {headings} headings", page.display());
    }
}
