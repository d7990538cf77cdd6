//! Rule cases: `tests/rules/<rule>/{pass,fail,fault}/<name>.yaml` with its data beside it.

use std::path::Path;

use serde_json::Value as Json;

use crate::support::{Run, files_below, project, run_in};

#[test]
fn every_case_comes_out_as_its_folder_says() {
    let root = project("tests/rules");
    let cases = files_below(&root, "yaml");
    assert!(cases.len() > 40, "only {} cases found", cases.len());
    let mut wrong: Vec<String> = Vec::new();
    for case in cases {
        let directory = case.parent().expect("a folder");
        let (stem, kind) = (case.file_stem().expect("a name").to_string_lossy(), name(directory));
        let rule = name(directory.parent().expect("a rule"));
        let (rules, data) = (format!("{stem}.yaml"), format!("{stem}.csv"));
        let run = run_in(directory, &["check", &data, "-r", &rules, "--now", "2026-11-22T00:00:00Z", "--batch-id", "b"]);
        let told = if run.report()["faults"][0].is_null() { outcomes(&run, &rule) } else { Vec::new() };
        let right = match kind.as_str() {
            "pass" => run.code == 0 && told.iter().all(|o| o == "pass" || o == "known"),
            "fail" => told.iter().any(|o| o != "pass"),
            "fault" => run.code == 2 && run.stderr.starts_with("error: "),
            other => panic!("{}: no case folder is called {other}", case.display()),
        };
        if !right {
            wrong.push(format!("{}: exit {}, outcomes {told:?}, stderr: {}", case.display(), run.code, run.stderr));
        }
        insta::with_settings!({ snapshot_path => directory.join("snapshots"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(stem.as_ref(), summary(&run));
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Outcomes of the findings of `rule`.
fn outcomes(run: &Run, rule: &str) -> Vec<String> {
    let findings = run.report()["findings"].as_array().expect("findings").iter();
    let of_rule = findings.filter(|f| f["rule"] == rule || (rule == "schema" && f["rule"] == "missing"));
    of_rule.map(|f| f["outcome"].as_str().expect("an outcome").to_owned()).collect()
}

/// What a reader needs to see that a case is right.
fn summary(run: &Run) -> String {
    let mut out = format!("exit {}\n", run.code);
    out.push_str(&run.stderr);
    let report = run.report();
    if report["faults"].as_array().is_some_and(|f| !f.is_empty()) {
        return out;
    }
    out.push_str(&format!("verdict {}\nrows {}\n", report["verdict"], report["rows"]));
    for finding in report["findings"].as_array().expect("findings") {
        if matches!(finding["id"].as_str(), Some("malformed")) && finding["outcome"] == "pass" {
            continue;
        }
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        out.push_str(&format!("\n{} {} ({})\n  {}\n", text("id"), text("outcome"), text("severity"), text("message")));
        out.push_str(&format!("  observed {} limit {} {}\n", finding["observed"], finding["limit"], text("unit")));
        if finding["figures"].as_object().is_some_and(|f| !f.is_empty()) {
            out.push_str(&format!("  figures {}\n", finding["figures"]));
        }
        for group in finding["groups"].as_array().expect("groups") {
            out.push_str(&format!("  group {} {}\n", group["group"], group["outcome"]));
        }
        for sample in finding["samples"].as_array().expect("samples") {
            let values: Vec<&Json> = sample["values"].as_array().expect("values").iter().collect();
            out.push_str(&format!("  line {} {values:?} {}\n", sample["origin"]["line"], sample["reason"]));
        }
    }
    for change in report["schema_changes"].as_array().expect("changes") {
        out.push_str(&format!("change {} {} compatible {}\n", change["path"], change["kind"], change["compatible"]));
    }
    out
}
