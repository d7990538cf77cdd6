//! What to do next, in words and as a command.

use crate::findings::{Finding, Label};
use crate::report::Report;
use crate::report::model::PublicationState;
use crate::rules;
use crate::verdict::Verdict;
use crate::visible::{self, NAME_MAX};

/// A step in words, and the command that does it, or whom to ask.
pub(super) struct Step {
    pub words: &'static str,
    pub what: String,
}

/// What whoever reads the report may do now; nothing where all is well.
pub(super) fn steps(report: &Report) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |words: &'static str, what: Option<String>| steps.extend(what.map(|what| Step { words, what }));
    let tables = report.tables.iter().map(|table| (&table.report, Some(table.name.as_str())));
    for (one, table) in std::iter::once((report, None)).chain(tables) {
        let Some(quarantine) = one.publication.as_ref().and_then(|done| done.quarantined.as_deref()).and_then(directory) else { continue };
        add("look at the rows set aside", command(&["sluicegate", "quarantine", "show", quarantine, &one.batch.id]));
        if published(one) {
            add("judge them again by rules that have changed", rule_file(report).and_then(|rules| replay(one, rules, table)));
        }
    }
    if withheld(report) && report.tables.is_empty() {
        add("publish it all the same, on record", release(report));
    }
    if let Some(worst) = report.findings.iter().find(|f| is_problem(f)).filter(|f| rules::find(&f.rule).is_some()) {
        add("read what the first rule checks", command(&["sluicegate", "explain", &worst.rule]));
    }
    if report.findings.iter().any(is_problem) || !report.faults.is_empty() {
        add("do as the runbook says", report.runbook.as_deref().map(|runbook| visible::cut(runbook, NAME_MAX).into_owned()));
        add("ask the owner of the data set", report.owner.as_deref().map(|owner| visible::cut(owner, NAME_MAX).into_owned()));
    }
    steps
}

fn is_problem(finding: &Finding) -> bool {
    finding.label() == Label::Fail || finding.stops() || finding.is_warning()
}

fn replay(report: &Report, rules: &str, table: Option<&str>) -> Option<String> {
    let table = table.iter().flat_map(|table| ["--table", table]);
    command(&["sluicegate", "replay", &report.batch.id, "-r", rules].into_iter().chain(table).collect::<Vec<_>>())
}

/// Whether a gate has held the batch back since it is rejected.
fn withheld(report: &Report) -> bool {
    let states = [PublicationState::Withheld, PublicationState::SetAside];
    report.verdict == Verdict::Reject && report.publication.as_ref().is_some_and(|done| states.contains(&done.state))
}

/// The release of a batch: its rows come from where it is set aside, or else from its data.
fn release(report: &Report) -> Option<String> {
    const FILES_MAX: usize = 3;
    let is_aside = report.publication.as_ref().is_some_and(|done| done.state == PublicationState::SetAside);
    let files: Vec<&str> = report.batch.files.iter().filter(|_| !is_aside).map(|file| file.path.as_str()).collect();
    let data = if files.len() > FILES_MAX { "DATA".to_owned() } else { command(&files)? };
    let (head, rules) = (command(&["sluicegate", "release", &report.batch.id])?, command(&["-r", rule_file(report)?])?);
    let data = if data.is_empty() { data } else { format!(" {data}") };
    Some(format!("{head}{data} {rules} --reason 'WHY' --by NAME"))
}

/// Whether the batch is there, so that rows can join it.
fn published(report: &Report) -> bool {
    let states = [PublicationState::Published, PublicationState::Unchanged, PublicationState::Superseded];
    report.publication.as_ref().is_some_and(|done| states.contains(&done.state))
}

/// The rule file, where a rule of it was judged.
fn rule_file(report: &Report) -> Option<&str> {
    report.findings.iter().find_map(|finding| Some(finding.place.as_ref()?.file.as_str()))
}

/// What holds the file: the quarantine.
fn directory(path: &str) -> Option<&str> {
    path.rsplit_once(['/', '\\']).map(|(directory, _)| directory)
}

/// The words as a shell reads them; none where one cannot be written on a line.
fn command(words: &[&str]) -> Option<String> {
    let quoted: Option<Vec<String>> = words.iter().map(|word| quoted(word)).collect();
    Some(quoted?.join(" "))
}

fn quoted(word: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    match word {
        "" => None,
        _ if visible::line(word) != word => None,
        _ if word.chars().all(is_plain) => Some(word.to_owned()),
        _ => Some(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_are_quoted_for_a_shell() {
        assert_eq!(command(&["a", "b c", "it's", "$x"]).as_deref(), Some(r"a 'b c' 'it'\''s' '$x'"));
        assert_eq!(command(&["a", "b\nc"]), None);
        assert_eq!(command(&["a", ""]), None);
    }
}
