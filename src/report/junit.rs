//! JUnit's XML, as Jenkins' schema has it: a case a finding, and one for the verdict.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::model::Report;
use super::rendering::Rendering;
use super::told::{self, Weight, contact, dataset, message, more_rows, placed_row};
use crate::findings::{Finding, Label};
use crate::shown::count;
use crate::verdict::Verdict;
use crate::visible;

/// Failing rows of a case.
const ROWS_MAX: usize = 10;

/// How a case came out.
enum Outcome {
    Passed,
    Skipped,
    Failure,
    Error,
}

struct Case {
    /// What JUnit calls the class; names are unique in it.
    class: String,
    name: String,
    outcome: Outcome,
    /// The kind of failure, for machines.
    kind: String,
    message: String,
    /// A line each.
    details: Vec<String>,
}

pub(super) fn render(report: &Report, _: &Rendering) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, report).expect("writing to memory cannot fail");
    let mut text = String::from_utf8(writer.into_inner()).expect("what was written is UTF-8");
    text.push('\n');
    text
}

fn write(writer: &mut Writer<Vec<u8>>, report: &Report) -> io::Result<()> {
    let (own, of_data) = ("sluicegate".to_owned(), dataset(report));
    let mut cases = vec![verdict(report, &own)];
    cases.extend(report.faults.iter().enumerate().map(|(at, told)| fault(told, at + 1, &own)));
    cases.extend(report.findings.iter().map(|told| finding(told, &of_data)));
    let count_of = |is: fn(&Outcome) -> bool| cases.iter().filter(|case| is(&case.outcome)).count().to_string();
    let tests = cases.len().to_string();
    let failures = count_of(|outcome| matches!(outcome, Outcome::Failure));
    let errors = count_of(|outcome| matches!(outcome, Outcome::Error));
    let skipped = count_of(|outcome| matches!(outcome, Outcome::Skipped));
    let counts = [("tests", tests.as_str()), ("failures", &failures), ("errors", &errors)];
    // JUnit's times have no zone.
    let began = report.began.as_deref().map(|began| visible::line(began.trim_end_matches('Z')).into_owned());
    let mut suite = vec![("name", of_data.as_str())];
    suite.extend(counts);
    suite.push(("skipped", &skipped));
    suite.extend(began.iter().map(|began| ("timestamp", began.as_str())));
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").with_attributes([("name", "sluicegate")].into_iter().chain(counts)).write_inner_content(
        |writer| {
            writer.create_element("testsuite").with_attributes(suite).write_inner_content(|writer| {
                properties(writer, report)?;
                cases.iter().try_for_each(|case| case.write(writer))
            })?;
            Ok(())
        },
    )?;
    Ok(())
}

fn properties(writer: &mut Writer<Vec<u8>>, report: &Report) -> io::Result<()> {
    let rows = &report.rows;
    let batch = told::text(&report.batch.id);
    let numbers = [
        ("rows.read", rows.read),
        ("rows.published", rows.published),
        ("rows.quarantined", rows.quarantined),
        ("rows.rejected", rows.rejected),
    ]
    .map(|(name, n)| (name, n.to_string()));
    let mut all = vec![
        ("sluicegate.version", told::text(&report.sluicegate_version)),
        ("verdict", told::verdict(report.verdict).to_owned()),
        ("batch", batch),
    ];
    all.extend(numbers);
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in &all {
            writer.create_element("property").with_attributes([("name", *name), ("value", value.as_str())]).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

impl Case {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let case = writer.create_element("testcase").with_attributes([("name", self.name.as_str()), ("classname", self.class.as_str())]);
        let details = self.details.join("\n");
        let (tag, text) = match &self.outcome {
            Outcome::Passed if details.is_empty() => return case.write_empty().map(|_| ()),
            Outcome::Passed => return case.write_inner_content(|writer| plain(writer, &details)).map(|_| ()),
            Outcome::Skipped => ("skipped", ""),
            Outcome::Failure => ("failure", details.as_str()),
            Outcome::Error => ("error", details.as_str()),
        };
        case.write_inner_content(|writer| {
            let element = writer.create_element(tag).with_attributes([("type", self.kind.as_str()), ("message", self.message.as_str())]);
            if text.is_empty() {
                element.write_empty()?
            } else {
                element.write_text_content(BytesText::new(text))?
            };
            Ok(())
        })?;
        Ok(())
    }
}

fn plain(writer: &mut Writer<Vec<u8>>, text: &str) -> io::Result<()> {
    writer.create_element("system-out").write_text_content(BytesText::new(text)).map(|_| ())
}

/// The batch as a whole: a file without rules or findings is no empty suite.
fn verdict(report: &Report, class: &str) -> Case {
    let word = told::verdict(report.verdict);
    let reasons: Vec<String> = report.reasons.iter().map(|reason| told::text(reason)).collect();
    let reasons: Vec<String> = told::release(report).into_iter().chain(reasons).collect();
    let outcome = match report.verdict {
        Verdict::Accept | Verdict::Quarantine => Outcome::Passed,
        // It is published, and the exit code is 0.
        Verdict::Reject if report.is_released() => Outcome::Passed,
        Verdict::Reject => Outcome::Failure,
        Verdict::Undecided => Outcome::Error,
    };
    let details = match report.verdict {
        Verdict::Accept | Verdict::Quarantine => [vec![word.to_owned()], reasons].concat(),
        Verdict::Reject | Verdict::Undecided => reasons,
    };
    let message = match (report.verdict, report.faults.len()) {
        (Verdict::Undecided, faults) if faults > 0 => "the batch could not be judged".to_owned(),
        (Verdict::Accept | Verdict::Quarantine | Verdict::Reject | Verdict::Undecided, _) => format!("the verdict is {word}"),
    };
    Case { class: class.to_owned(), name: "verdict".to_owned(), outcome, kind: word.to_owned(), message, details }
}

fn fault(fault: &crate::diagnostic::Fault, number: usize, class: &str) -> Case {
    let place = fault.place.as_ref().map(told::place);
    let code = fault.code.as_str();
    let name = format!("mistake {number}: {code}{}", place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default());
    let message = told::fault(fault);
    let details = vec![place.map_or_else(|| message.clone(), |place| format!("{place}: {message}"))];
    Case { class: class.to_owned(), name, outcome: Outcome::Error, kind: code.to_owned(), message, details }
}

fn finding(finding: &Finding, class: &str) -> Case {
    let (outcome, word) = match (Weight::of(finding), finding.label()) {
        (Weight::Error, Label::NoData) => (Outcome::Error, ""),
        (Weight::Error, _) => (Outcome::Failure, ""),
        (Weight::Warning, _) => (Outcome::Passed, "warning: "),
        (Weight::Nothing, Label::NotJudged) | (Weight::Note, Label::NoData) => (Outcome::Skipped, ""),
        (Weight::Note, _) => (Outcome::Passed, "note: "),
        (Weight::Nothing, Label::Known) => (Outcome::Passed, "known issue: "),
        (Weight::Nothing, _) => (Outcome::Passed, ""),
    };
    let message = message(finding);
    let mut details = vec![format!("{word}{message}")];
    if Weight::of(finding) != Weight::Nothing {
        details.extend(finding.place.as_ref().map(|place| format!("rule: {}", told::place(place))));
        details.extend(contact(finding));
        details.extend(finding.samples.iter().take(ROWS_MAX).map(placed_row));
        let more = more_rows(finding, finding.samples.len().min(ROWS_MAX));
        details.extend((more > 0 && !finding.samples.is_empty()).then(|| format!("… {} more", count(more))));
    }
    Case {
        class: class.to_owned(),
        name: told::text(&finding.id),
        outcome,
        kind: visible::line(finding.code.as_str()).into_owned(),
        message,
        details,
    }
}
