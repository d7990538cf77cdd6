//! `explain FINDING --from report.json`: what it says is recomputed from its text, for every case of every rule.

mod arithmetic;

use std::path::Path;
use std::process::Command;

use self::arithmetic::{Value, evaluate};
use crate::support::{Place, files_below, project, run_in};

/// Runs `explain` on a report.
fn explain(place: &Place, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sluicegate")).current_dir(place.path("")).arg("explain").args(arguments).output();
    let output = output.expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

/// What the steps of one finding, or of one of its groups, come to.
#[derive(Default)]
struct Steps {
    came_to: Option<String>,
    /// Steps that do not come to what they say.
    wrong: Vec<String>,
}

impl Steps {
    fn settle(&mut self, outcome: &str) {
        if self.came_to.is_none() {
            self.came_to = Some(outcome.to_owned());
        }
    }

    /// Recomputes one step: `NAME = FORMULA = NUMBERS = VALUE`, or `QUESTION? COMPARISON: yes, so OUTCOME`.
    fn take(&mut self, step: &str) {
        if step.starts_with("note: ") {
            return;
        }
        if step.starts_with("the report says ") || step.starts_with("the report holds more ") {
            self.wrong.push(step.to_owned());
        }
        if let Some(outcome) = step.strip_prefix("otherwise ") {
            return self.settle(outcome);
        }
        if let Some((_, outcome)) = step.rsplit_once(": so ") {
            return self.settle(outcome);
        }
        if let Some((asked, answer)) = step.split_once("? ").and_then(|(_, rest)| rest.rsplit_once(": ")) {
            let (holds, outcome) = match answer.split_once(", so ") {
                Some(("yes", outcome)) => (true, Some(outcome)),
                _ => (false, None),
            };
            match evaluate(asked) {
                Ok(Value::Truth(found)) if found == holds => {}
                other => self.wrong.push(format!("{step}: {other:?}")),
            }
            return outcome.into_iter().for_each(|outcome| self.settle(outcome));
        }
        let mut parts = step.rsplitn(3, " = ");
        if let (Some(value), Some(numbers), Some(_)) = (parts.next(), parts.next(), parts.next()) {
            let shown: f64 = value.parse().unwrap_or(f64::NAN);
            match evaluate(numbers) {
                Ok(Value::Number(found)) if (found - shown).abs() <= 1e-9 * found.abs().max(1e-3) => {}
                other => self.wrong.push(format!("{step}: {other:?}")),
            }
        }
    }
}

/// Recomputes an explanation: the outcomes of its findings, how many steps were numbers, and what is wrong.
fn recompute(text: &str) -> (Vec<String>, usize, Vec<String>) {
    let (mut outcomes, mut wrong, mut numbers) = (Vec::new(), Vec::new(), 0);
    let mut steps = Steps::default();
    for line in text.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim_start());
        if line == "step by step" {
            steps = Steps::default();
        } else if let Some(outcome) = line.strip_prefix("outcome: ") {
            wrong.append(&mut steps.wrong);
            if steps.came_to.as_deref() != Some(outcome) {
                wrong.push(format!("{:?}, not {outcome}", steps.came_to));
            }
            if indent == 2 {
                outcomes.push(outcome.to_owned());
            }
        } else if let Some((number, step)) = line.split_once(". ").filter(|(number, _)| number.parse::<u32>().is_ok()) {
            let _ = number;
            numbers += usize::from(step.contains(" = ") || step.contains("? "));
            steps.take(step);
        }
    }
    (outcomes, numbers, wrong)
}

#[test]
fn the_numbers_shown_give_the_outcome_shown_in_every_case_of_every_rule() {
    let cases = files_below(&project("tests/rules"), "yaml");
    let chunks: Vec<&[std::path::PathBuf]> = cases.chunks(cases.len().div_ceil(4)).collect();
    let (mut wrong, mut findings, mut numbers) = (Vec::new(), 0, 0);
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            chunks.into_iter().map(|cases| scope.spawn(move || cases.iter().map(|case| of_case(case)).collect::<Vec<_>>())).collect();
        for (found, steps, amiss) in runs.into_iter().flat_map(|run| run.join().expect("a thread")) {
            (findings, numbers) = (findings + found, numbers + steps);
            wrong.extend(amiss);
        }
    });
    assert!(wrong.is_empty(), "{} of {findings} findings:\n{}", wrong.len(), wrong.join("\n"));
    assert!(findings > 400 && numbers > 2 * findings, "{findings} findings, {numbers} steps");
}

/// How many findings of a case were recomputed, in how many steps, and what came out otherwise.
fn of_case(case: &Path) -> (usize, usize, Vec<String>) {
    let (directory, stem) = (case.parent().expect("a folder"), case.file_stem().expect("a name").to_string_lossy());
    let (rules, data) = (format!("{stem}.yaml"), format!("{stem}.csv"));
    let run = run_in(directory, &["check", &data, "-r", &rules, "--batch-id", "b"]);
    let Some(report) = run.report.filter(|report| report["faults"][0].is_null()) else { return (0, 0, Vec::new()) };
    let place = Place::new();
    place.write("report.json", report.to_string());
    let (code, text, said) = explain(&place, &["--from", "report.json"]);
    let expected: Vec<String> =
        report["findings"].as_array().expect("findings").iter().map(|f| f["outcome"].as_str().expect("an outcome").to_owned()).collect();
    let (outcomes, numbers, mut wrong) = recompute(&text);
    if code != 0 || outcomes != expected {
        wrong.push(format!("exit {code}, {outcomes:?}, not {expected:?}: {said}"));
    }
    (expected.len(), numbers, wrong.into_iter().map(|what| format!("{}: {what}", case.display())).collect())
}

fn with_report(rules: &str, data: &str) -> Place {
    let place = Place::with(rules, data);
    let run = place.run(&["check", "d.csv", "-r", "r.yaml"]);
    place.write("report.json", run.report().to_string());
    place
}

#[test]
fn a_finding_is_explained_from_its_counts_to_the_verdict() {
    let place = with_report("dataset: t\nrules:\n  - missing: { column: a, tolerate: 25% }\n", "id,a\n1,x\n2,\n3,\n4,y\n");
    let (code, text, _) = explain(&place, &["missing-a", "--from", "report.json"]);
    assert_eq!(code, 0);
    for line in [
        "missing-a: fail",
        "  | missing: { column: a, tolerate: 25% }",
        "    1. completeness = (rows in scope − missing) / rows in scope = (4 - 2) / 4 = 0.5",
        "    2. failing rows = missing − known = 2 - 0 = 2",
        "    3. share of failing rows = failing rows / rows in scope = 2 / 4 = 0.5",
        "    4. is the share of failing rows more than `tolerate` allows? 2 / 4 > 0.25: yes, so fail",
        "  outcome: fail",
        "verdict of the report: quarantine",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    let (code, json, _) = explain(&place, &["missing-a", "--from", "report.json", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let finding = &json["findings"][0];
    assert_eq!((code, finding["id"].as_str(), finding["outcome"].as_str()), (0, Some("missing-a"), Some("fail")));
    assert_eq!(finding["steps"][3]["numbers"], "2 / 4 > 0.25");
}

#[test]
fn an_unknown_finding_names_the_nearest_and_ends_with_2() {
    let place = with_report("dataset: t\nrules:\n  - missing: { column: a }\n", "id,a\n1,x\n");
    let (code, text, said) = explain(&place, &["mising-a", "--from", "report.json"]);
    assert!(code == 2 && text.is_empty() && said.contains("no finding is called `mising-a`") && said.contains("missing-a"), "{said}");
    let (code, _, said) = explain(&place, &["range", "--output", "json"]);
    assert!(code == 2 && said.contains("--from"), "{said}");
    let (code, text, _) = explain(&place, &["range"]);
    assert!(code == 0 && text.contains("below"), "{text}");
}

#[test]
fn what_the_report_masks_stays_masked() {
    let rules = "dataset: t\nschema:\n  columns:\n    pay: { type: int64, mask: true }\n    id: { type: int64 }\nrules:\n  - statistic: { column: pay, of: max, max: 91827 }\n  - range: { column: pay, max: 91826 }\n  - outliers: { column: pay, k: 1.5 }\n";
    let place = with_report(rules, "id,pay\n1,91828\n2,91828\n3,91829\n4,91825\n5,91820\n");
    let (code, text, said) = explain(&place, &["--from", "report.json"]);
    assert!(code == 0 && !text.contains("9182"), "{text}{said}");
    assert!(text.contains("outcome: fail"), "{text}");
}
