//! Reports in every format: read by parsers and schemas of others, the same whatever the threads, and hostile text is text.

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use sluicegate::report::FORMATS;

use crate::support::{Place, Run, files_below, project, run_in, skipped};

/// Python with the parsers, if it is there.
fn python() -> Option<String> {
    let python = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import junitparser, xmlschema, markdown_it, linkify_it"]).output();
    has.is_ok_and(|output| output.status.success()).then_some(python)
}

/// What parsers of others see in files of a format.
#[track_caller]
fn read(python: &str, format: &str, files: &[String]) -> Vec<Json> {
    let output = Command::new(python).arg(project("tests/report_formats/read.py")).arg(format).args(files).output().expect("python runs");
    assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<Json> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read.len(), files.len());
    read
}

/// Formats that [`read`] knows.
const READ: [&str; 4] = ["junit", "markdown", "github", "gitlab"];

fn path(directory: &Path, format: &str) -> String {
    directory.join(format!("report.{format}")).display().to_string()
}

/// Runs in `place` and writes every format to `directory`.
fn run_all(place: &Path, arguments: &[&str], directory: &Path) -> Run {
    std::fs::create_dir_all(directory).expect("a directory");
    let asked: Vec<String> = FORMATS.iter().map(|format| format!("--report={}={}", format.name, path(directory, format.name))).collect();
    run_in(place, &arguments.iter().copied().chain(asked.iter().map(String::as_str)).collect::<Vec<_>>())
}

fn text(directory: &Path, format: &str) -> String {
    std::fs::read_to_string(path(directory, format)).unwrap_or_else(|e| panic!("{format}: {e}"))
}

/// The log, which fits the schema and names its rules.
#[track_caller]
fn sarif(text: &str) -> Json {
    static SCHEMA: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| {
        let schema = std::fs::read_to_string(project("tests/report_formats/sarif-schema-2.1.0.json")).expect("the schema");
        // As published, this pattern is no regular expression.
        let schema = schema.replace("-[a-zA-Z]{2}]?$", "(-[a-zA-Z]{2})?$");
        let schema: Json = serde_json::from_str(&schema).expect("JSON");
        jsonschema::options().should_validate_formats(true).build(&schema).expect("a JSON Schema")
    });
    let log: Json = serde_json::from_str(text).expect("JSON");
    let errors: Vec<String> = SCHEMA.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let mut fingerprints = std::collections::HashSet::new();
    for result in run["results"].as_array().expect("results") {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small")];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(fingerprints.insert(result["partialFingerprints"].to_string()), "{result}");
        assert!(!result["locations"].as_array().expect("locations").is_empty(), "{result}");
    }
    // Rows of a rule are told up to a number; each mistake of a rule file is one of its own.
    for rule in rules.iter().filter(|rule| !rule["id"].as_str().expect("a name").starts_with("fault/")) {
        let of_rule = run["results"].as_array().expect("results").iter().filter(|result| result["ruleId"] == rule["id"]).count();
        assert!(of_rule <= 10, "{rule}");
    }
    log
}

#[test]
fn every_format_of_the_orders_report_is_a_snapshot() {
    let place = Place::new();
    let all = |directory: &str, threads: &str| {
        let directory = place.path(directory);
        let arguments = ["check", "-r", "rules/orders.yaml", "--now", "2026-11-21T06:00:00Z", "--threads", threads];
        run_all(&project(""), &arguments, &directory);
        FORMATS.iter().map(|format| (format.name, text(&directory, format.name))).collect::<Vec<_>>()
    };
    let one = all("one", "1");
    for threads in ["2", "7"] {
        assert_eq!(one, all(threads, threads), "{threads} threads");
    }
    // The JSON and the page have snapshots and tests of their own.
    for (format, text) in one.into_iter().filter(|(format, _)| !["json", "html"].contains(format)) {
        insta::assert_snapshot!(format!("orders_{format}"), text);
    }
}

#[test]
fn a_batch_that_cannot_be_judged_is_an_error_in_every_format() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: nowhere }\n  - range: { column: a, max: 3 mm }\n", "a\n1\n");
    let run = run_all(&place.path(""), &["check", "d.csv", "-r", "r.yaml", "--now", "2026-11-21T06:00:00Z"], &place.path("out"));
    assert_eq!(run.code, 2);
    for format in FORMATS.iter().filter(|format| !["json", "html"].contains(&format.name)) {
        insta::assert_snapshot!(format!("faults_{}", format.name), text(&place.path("out"), format.name));
    }
    let log = sarif(&text(&place.path("out"), "sarif"));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolConfigurationNotifications"].as_array().map(Vec::len), Some(2));
    let Some(python) = python() else { return skipped("Python with junitparser, xmlschema, markdown-it-py and linkify-it-py") };
    let out = |format: &str| [path(&place.path("out"), format)];
    let cases = &read(&python, "junit", &out("junit"))[0]["cases"];
    let results: Vec<&Json> = cases.as_array().expect("cases").iter().map(|case| &case["result"]).collect();
    assert_eq!(results, ["error"; 3]);
    let commands = &read(&python, "github", &out("github"))[0]["commands"];
    assert_eq!((&commands[0]["file"], &commands[0]["line"], &commands[0]["level"]), (&json!("r.yaml"), &json!("3"), &json!("error")));
    let entries = &read(&python, "gitlab", &out("gitlab"))[0]["entries"];
    assert_eq!(entries.as_array().map(Vec::len), Some(2));
    assert!(read(&python, "markdown", &out("markdown"))[0]["plain"].as_str().expect("text").contains("Undecided"));
}

/// Rules of all kinds, those that pass, fail, and cannot be judged.
#[test]
fn every_format_of_every_case_is_read_by_others() {
    let place = Place::new();
    let mut directories = Vec::new();
    for (at, case) in files_below(&project("tests/rules"), "yaml").into_iter().enumerate() {
        let directory = place.path(&format!("case-{at}"));
        let stem = case.file_stem().expect("a name").to_string_lossy().into_owned();
        let (rules, data) = (format!("{stem}.yaml"), format!("{stem}.csv"));
        let run = run_all(case.parent().expect("a folder"), &["check", &data, "-r", &rules], &directory);
        let log = sarif(&text(&directory, "sarif"));
        let failing = run.report()["findings"].as_array().expect("findings").iter().filter(|f| f["outcome"] == "fail").count();
        let told = log["runs"][0]["results"].as_array().expect("results").len();
        assert!(told >= failing, "{}: {told} results of {failing} failures", case.display());
        directories.push(directory);
    }
    assert!(directories.len() > 40);
    let Some(python) = python() else { return skipped("Python with junitparser, xmlschema, markdown-it-py and linkify-it-py") };
    for format in READ {
        let files: Vec<String> = directories.iter().map(|directory| path(directory, format)).collect();
        read(&python, format, &files);
    }
}

/// Text that wants to be obeyed, and how it is shown where it cannot stand as it is.
const HOSTILE: [(&str, &str); 16] = [
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("<img src=x onerror=alert(2)>&lt;b&gt;", "<img src=x onerror=alert(2)>&lt;b&gt;"),
    ("{{7*7}}${7*7}<%= 7 %>{% raw %}", "{{7*7}}${7*7}<%= 7 %>{% raw %}"),
    ("*bold* _it_ __b__ ~~s~~ `code` ``two``", "*bold* _it_ __b__ ~~s~~ `code` ``two``"),
    ("[link](http://evil.example) ![i](http://evil.example/x.png)", "[link](http://evil.example) ![i](http://evil.example/x.png)"),
    ("www.evil.example a@evil.example https://evil.example", "www.evil.example a@evil.example https://evil.example"),
    ("@octocat #1 !2 GH-3 octo/cat#4 :smile: $x$", "@octocat #1 !2 GH-3 octo/cat#4 :smile: $x$"),
    ("a|b\\|c\\", "a|b\\|c\\"),
    ("::error file=a.yaml,line=1::forged", ":\\u{3a}error file=a.yaml,line=1::forged"),
    ("%0A%3A%2C%25", "%0A%3A%2C%25"),
    ("]]>&amp;<![CDATA[x]]><!-- c -->", "]]>&amp;<![CDATA[x]]><!-- c -->"),
    ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
    ("a\u{202e}b\u{2066}c\u{200b}d", "a\\u{202e}b\\u{2066}c\\u{200b}d"),
    ("line\nbreak\r\n## head\ttab", "line\\nbreak\\r\\n## head\\ttab"),
    ("\u{0}\u{ffff}\u{fffe}", "\\u{0}\\u{ffff}\\u{fffe}"),
    ("\"quoted\" 'so'", "\"quoted\" 'so'"),
];

/// The rule that sees row `at` of [`HOSTILE`], whose words and column are hostile too.
fn hostile_rule(at: usize, text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("JSON").replace('\u{ffff}', "\\uffff").replace('\u{fffe}', "\\ufffe");
    let quoted = quoted.replace('\u{202e}', "\\u202e").replace('\u{2066}', "\\u2066").replace('\u{200b}', "\\u200b");
    // In a rule file, `${` begins a variable.
    let quoted = quoted.replace("${", "$${");
    // GitHub takes ten annotations of a level.
    let on_fail = if at.is_multiple_of(2) { "warn" } else { "info" };
    format!(
        "  - values: {{ id: rule-{at}, column: {quoted}, in: [fine], description: {quoted}, owner: {quoted}, runbook: {quoted}, tags: [{quoted}], on_fail: {on_fail} }}\n"
    )
}

/// A place where everything is hostile that may be; data and rules have such names.
fn hostile() -> (Place, [&'static str; 4]) {
    const DATA: &str = "d<b>*_%0A,::error::|[x](y)\u{202e}\n.ndjson";
    let place = Place::new();
    let row: serde_json::Map<String, Json> = HOSTILE.iter().map(|(text, _)| ((*text).to_owned(), json!(text))).collect();
    place.write(DATA, format!("{}\n", Json::Object(row)));
    let rules: String = HOSTILE.iter().enumerate().map(|(at, (text, _))| hostile_rule(at, text)).collect();
    place.write("r.yaml", format!("dataset: \"a|b<i>::error::@me\"\nowner: \"@me <b>\"\nrules:\n{rules}"));
    (place, ["check", DATA, "-r", "r.yaml"])
}

#[test]
fn hostile_text_is_text_in_every_format() {
    let (place, arguments) = hostile();
    let out = place.path("out");
    let run = run_all(&place.path(""), &arguments, &out);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for (at, (text, _)) in HOSTILE.iter().enumerate() {
        assert_eq!(run.finding(&format!("rule-{at}"))["samples"][0]["values"][0][1], *text);
    }
    let log = sarif(&text(&out, "sarif"));
    let results = log["runs"][0]["results"].as_array().expect("results");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    for (at, (hostile, shown)) in HOSTILE.iter().enumerate() {
        let id = format!("rule-{at}");
        let said = |list: &'_ [Json], key: &str, field: &str| {
            let item = list.iter().find(|item| item[key] == *id).unwrap_or_else(|| panic!("{hostile}"));
            message(item[field]["text"].as_str().expect("text"))
        };
        let (result, help) = (said(results, "ruleId", "message"), said(rules, "id", "help"));
        assert!(result.matches(shown).count() >= 2, "name and value of {shown}: {result}");
        assert!(help.matches(shown).count() >= 3, "{shown}: {help}");
    }
    let Some(python) = python() else { return skipped("Python with junitparser, xmlschema, markdown-it-py and linkify-it-py") };
    let read = |format: &str| read(&python, format, &[path(&out, format)]).remove(0);
    let (junit, markdown, gitlab) = (read("junit"), read("markdown"), read("gitlab"));
    let commands = read("github")["commands"].clone();
    for (at, (_, shown)) in HOSTILE.iter().enumerate() {
        let id = format!("rule-{at}");
        let case = junit["cases"].as_array().expect("cases").iter().find(|case| case["name"] == *id).expect("a case");
        let out = case["out"].as_str().expect("text");
        assert!(out.matches(shown).count() >= 4, "{shown}: {out}");
        let entry = gitlab["entries"].as_array().expect("entries").iter().find(|entry| entry["check_name"] == *id).expect("an entry");
        assert!(entry["description"].as_str().expect("text").matches(shown).count() >= 2, "{shown}: {entry}");
        let command =
            commands.as_array().expect("commands").iter().find(|c| c["title"].as_str().is_some_and(|t| t.ends_with(&format!(": {id}"))));
        let message = command.expect("a command")["message"].as_str().expect("text");
        assert!(message.matches(shown).count() >= 2, "{shown}: {message}");
        let texts = markdown["texts"].as_array().expect("texts").iter().filter_map(Json::as_str);
        assert!(texts.filter(|text| text.contains(shown)).count() >= 2, "{shown}: {markdown}");
    }
    assert_eq!(markdown["rows"], 1 + HOSTILE.len(), "no row breaks apart");
}

/// The text that a message of SARIF stands for (sections 3.11.5 and 3.11.6 of the standard).
fn message(text: &str) -> String {
    let plain = text.replace("{{", "{").replace("}}", "}");
    if !plain.contains("\\]") {
        return plain;
    }
    assert!(!plain.replace("\\]", "").contains("]("), "a link: {text}");
    plain.replace("\\[", "[").replace("\\]", "]").replace("\\\\", "\\")
}

#[test]
fn what_grows_with_the_rules_is_bounded() {
    let place = Place::new();
    let columns: Vec<String> = (0..400).map(|at| format!("column_{at}_{}", "x".repeat(80))).collect();
    let row = |value: &str| columns.iter().map(|_| value.to_owned()).collect::<Vec<_>>().join(",");
    place.write("d.csv", format!("{}\n{}\n", columns.join(","), vec![row(&"*".repeat(60)); 25].join("\n")));
    place.write("r.yaml", "dataset: d\nrules:\n  - values: { columns: '*', in: [fine] }\n");
    run_all(&place.path(""), &["check", "d.csv", "-r", "r.yaml"], &place.path("out"));
    let log = sarif(&text(&place.path("out"), "sarif"));
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(4_000));
    let summary = text(&place.path("out"), "markdown");
    assert!(summary.len() < 64_000 && summary.contains("more findings"), "{}", summary.len());
    assert_eq!(text(&place.path("out"), "github").lines().count(), 10);
    let Some(python) = python() else { return skipped("Python with junitparser, xmlschema, markdown-it-py and linkify-it-py") };
    for format in READ {
        read(&python, format, &[path(&place.path("out"), format)]);
    }
}

#[test]
fn the_page_of_formats_lists_them_all() {
    let page = std::fs::read_to_string(project("docs/report-formats.md")).expect("the page");
    for format in FORMATS {
        let extension = format.extension.map(|extension| format!("`.{extension}` ")).unwrap_or_default();
        let row = format!("| `{}` | {extension}| {} |", format.name, format.meaning);
        assert!(page.contains(&row), "write into docs/report-formats.md: {row}");
    }
}

/// Reports of one stem are one report; a file that others wrote beside it is none.
#[test]
fn every_format_beside_the_json_is_pruned_with_it_and_files_of_others_stay() {
    let place = Place::with("dataset: d\nrules:\n  - missing: { column: a }\ngate: { publish: out.parquet }\n", "a\n1\n");
    let with_extension = FORMATS.iter().filter_map(|format| format.extension);
    let asked: Vec<String> = with_extension.map(|extension| format!("--report=reports/old.{extension}")).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let run = place.run(&[&["gate", "d.csv", "-r", "r.yaml", "--now", "2026-01-01"], asked.as_slice()].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    place.write("reports/old.txt", "notes");
    let of_others = place.write("reports/other.md", "# Notes");
    std::fs::copy(place.path("reports/old.json"), place.path("reports/other.json")).expect("a copy");
    let prune = ["prune", "-r", "r.yaml", "--reports", "reports", "--older-than", "30d", "--now", "2026-03-02", "--only", "reports"];
    let run = place.run(&prune);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let left: Vec<String> = place.files().into_iter().filter(|file| file.starts_with("reports/")).collect();
    assert_eq!(left, ["reports/old.txt", "reports/other.md"], "{}", run.stdout);
    assert_eq!(std::fs::read_to_string(of_others).expect("the notes"), "# Notes");
}
