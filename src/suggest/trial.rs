//! Suggestions are tried as every rule file is judged: parsed, bound and audited.

use std::sync::Arc;

use super::Means;
use super::candidate::Candidate;
use super::yaml::shown;
use crate::audit::{self, Job, NoSink};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::Outcome;
use crate::rows::Origin;
use crate::ruleset::RuleFile;
use crate::source::Source;

/// What became of a candidate that was tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried {
    pub failing: u64,
    /// Rows that could have failed.
    pub rows: u64,
    /// Whether it passes: nothing fails, or no more than it tolerates.
    pub passes: bool,
    /// Where the first failing rows stand.
    pub first: Vec<String>,
}

/// Of each candidate what it says of `source`; none of those that cannot be judged there. `head` is the rule file without rules.
///
/// # Errors
/// The data cannot be read.
pub(super) fn tried(
    candidates: &[Candidate],
    head: &str,
    source: &Arc<dyn Source>,
    means: &Means<'_>,
) -> Result<Vec<Option<Tried>>, Faults> {
    /// A candidate that does not bind takes itself away; what is left binds.
    const ROUNDS_MAX: usize = 3;
    let mut judged: Vec<Option<Tried>> = vec![None; candidates.len()];
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    for _ in 0..ROUNDS_MAX {
        let (text, first_line) = text_of(candidates, &left, head);
        let faults = match judge(&text, source, means) {
            Ok(found) => {
                for (line, tried) in found {
                    if let Some(&at) = line.checked_sub(first_line).and_then(|at| left.get(at)) {
                        judged[at] = tried;
                    }
                }
                return Ok(judged);
            }
            Err(faults) => faults,
        };
        let lines: Vec<usize> = faults
            .0
            .iter()
            .filter_map(|fault| fault.place.as_ref())
            .map(|place| place.line as usize)
            .filter(|line| *line >= first_line)
            .collect();
        if lines.is_empty() {
            return Err(faults);
        }
        let mut at = first_line;
        left.retain(|_| {
            at += 1;
            !lines.contains(&(at - 1))
        });
    }
    Err(Fault::new(Code::Internal, "internal error: suggested rules do not bind").into())
}

/// A rule file with one candidate a line, and the line of the first.
fn text_of(candidates: &[Candidate], left: &[usize], head: &str) -> (String, usize) {
    let mut text = format!("{head}profile: none\nrules:\n");
    let first_line = text.lines().count() + 1;
    for &at in left {
        let more = [("on_fail", "warn".to_owned()), ("id", format!("c{at}"))];
        text.push_str(&format!("  - {}\n", candidates[at].written(&more)));
    }
    (text, first_line)
}

/// What each line's rule says.
fn judge(text: &str, source: &Arc<dyn Source>, means: &Means<'_>) -> Result<Vec<(usize, Option<Tried>)>, Faults> {
    let rules = RuleFile::parse(text, "suggested rules")?;
    let job =
        Job { threads: means.threads, cancel: means.cancel.clone(), ..Job::new(&rules, source.clone(), means.now, means.budget.clone()) };
    let audited = audit::audit(&job, &NoSink::default())?;
    let files = audited.source.known().files().len();
    let mut found = Vec::new();
    for finding in audited.findings {
        let finding = finding.finding;
        let Some(place) = &finding.place else { continue };
        let rows = audited.row_origins.records() - audited.filtered;
        let first = finding.samples.iter().take(3).map(|sample| place_of(&sample.origin, files)).collect();
        let tried = Tried { failing: finding.failing_rows, rows, passes: finding.outcome == Outcome::Pass, first };
        let is_judged = matches!(finding.outcome, Outcome::Pass | Outcome::Fail | Outcome::Warn);
        found.push((place.line as usize, is_judged.then_some(tried)));
    }
    Ok(found)
}

/// Where a row stands, for a comment: the file is named if there are several.
fn place_of(origin: &Origin, files: usize) -> String {
    match origin {
        Origin::File { line: Some(line), .. } if files == 1 => format!("line {line}"),
        Origin::File { line: None, row, .. } if files == 1 => format!("row {row}"),
        Origin::File { .. } | Origin::Memory { .. } | Origin::Event { .. } => shown(&origin.to_string()),
    }
}
