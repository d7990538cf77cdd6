//! Findings about masked columns, without their values.

use super::{Mask, Privacy};
use crate::findings::builtin::{CONSTRAINT, INVARIANT};
use crate::findings::{Figure, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::shown::{count, counted, percent};

/// What the audit itself says where there is nothing to judge; it holds no value.
const HARMLESS: [&str; 3] = ["no rows in scope", "no row is left to judge", "cannot be judged in this batch: the contract's column"];

/// Why records of a topic without a byte cannot be read: no value is said with it.
const WITHOUT_BYTES: [&str; 2] = ["no value (a tombstone)", "the value is empty"];

impl Privacy {
    /// Leaves of a finding about masked columns what holds none of their values: counts, shares, how it came out. `masks`
    /// gives the masks of a group's values, by how many these are.
    pub fn without_values(&self, finding: &mut Finding, about: &[&str], masks: &dyn Fn(usize) -> Vec<Option<Mask>>) {
        let mut message = without_quotes(finding);
        let names: Vec<String> = about.iter().map(|name| format!("`{name}`")).collect();
        message.push(match names.len() {
            0 => "values of masked columns are not shown".to_owned(),
            _ => format!("values of {} are not shown", names.join(", ")),
        });
        if finding.known_rows > 0 {
            let known = Message::from(finding.known_reasons.clone()).introduced(&format!("{} known: ", count(finding.known_rows)));
            message.extend(known.into_statements());
        }
        finding.message = message;
        // A statistic of the values has no unit.
        if finding.unit == Unit::NONE || !is_harmless(&finding.unit) {
            (finding.observed, finding.limit) = (Value::Nothing, Value::Nothing);
        }
        if [&CONSTRAINT.code, &INVARIANT.code].contains(&&finding.code) {
            // It quotes the table's condition.
            finding.description = None;
        }
        for group in &mut finding.groups {
            let failing = rows_of(group.figures.get(&figures::FAILING_ROWS)).unwrap_or(0);
            let of = rows_of(group.figures.get(&figures::ROWS_IN_SCOPE));
            group.message = said(&finding.rule, group.outcome, failing, of, &group.message);
            group.figures.retain(|name, figure| figures::is_known(name) && is_harmless(&figure.unit));
        }
        finding.figures.retain(|name, figure| figures::is_known(name) && is_harmless(&figure.unit));
        self.mask_groups(&mut finding.groups, masks);
        finding.samples.iter_mut().for_each(|sample| sample.reason = None);
    }

    /// Whether a figure may be shown that an earlier run observed, when other columns may have been masked: it is a count, or
    /// the same figure `is_shown` of this run.
    pub fn may_show(&self, unit: &Unit, is_shown: bool) -> bool {
        self.is_empty() || is_shown || (*unit != Unit::NONE && is_harmless(unit))
    }

    /// Masks the values that samples show, whatever the finding is about.
    pub fn mask_samples(&self, finding: &mut Finding) {
        for sample in &mut finding.samples {
            for (name, value) in sample.values.iter_mut().chain(&mut sample.before) {
                if let Some(mask) = self.mask_of(name) {
                    *value = self.json(mask, value);
                }
            }
            if !self.is_empty() {
                sample.raw = None;
            }
        }
    }

    /// Masks the values that name groups. Groups stay apart: those that would be shown alike are numbered.
    fn mask_groups(&self, groups: &mut [GroupFigures], masks: &dyn Fn(usize) -> Vec<Option<Mask>>) {
        let mut clear: Vec<Vec<String>> = Vec::new();
        for group in groups {
            let masks = masks(group.group.len());
            clear.resize_with(clear.len().max(masks.len()), Vec::new);
            for ((value, mask), known) in group.group.iter_mut().zip(masks).zip(&mut clear) {
                let (Some(text), Some(mask)) = (value.as_mut(), mask) else { continue };
                let number = known.iter().position(|k| k == text).unwrap_or_else(|| {
                    known.push(text.clone());
                    known.len() - 1
                }) + 1;
                *text = match mask {
                    Mask::Hidden => format!("group {number}"),
                    Mask::Hash => self.text(mask, text),
                    Mask::Partial => format!("{} (group {number})", self.text(mask, text)),
                };
            }
        }
    }

    /// Why a record could not be read, without its values: what the reason has in common with the record is not said.
    pub fn reason(&self, reason: &str, column: Option<&str>, raw: &[u8]) -> String {
        if self.is_empty() {
            return reason.to_owned();
        }
        let is_word = |word: &&str| word.chars().nth(1).is_some();
        let is_quoted = |word: &str| memchr::memmem::find(raw, word.as_bytes()).is_some();
        match column {
            Some(column) => format!("{column}: the value cannot be read; it is not shown, since columns are masked"),
            None if raw.is_empty() && WITHOUT_BYTES.contains(&reason) => reason.to_owned(),
            None if raw.is_empty() => "an expression cannot be computed; why is not shown, since columns are masked".to_owned(),
            None if reason.split(|c: char| !c.is_alphanumeric()).filter(is_word).any(is_quoted) => {
                "it cannot be read; why is not shown, since columns are masked".to_owned()
            }
            None => reason.to_owned(),
        }
    }
}

/// How a finding came out, in words that quote no value of the data.
pub fn without_quotes(finding: &Finding) -> Message {
    let of = rows_of(finding.figures.get(&figures::ROWS_IN_SCOPE));
    said(&finding.rule, finding.outcome, finding.failing_rows, of, &finding.message)
}

fn rows_of(figure: Option<&Figure>) -> Option<u64> {
    figure.and_then(|figure| figure.value.as_u64())
}

/// How it came out, in words without values.
fn said(rule: &str, outcome: Outcome, failing: u64, of: Option<u64>, message: &Message) -> Message {
    let is_harmless = |statement: &&String| HARMLESS.iter().any(|begins| statement.starts_with(begins));
    // Where it fails without a row that does, a count of none would read as if nothing had failed.
    let counts_rows = failing > 0 || matches!(outcome, Outcome::Pass | Outcome::Known);
    match (outcome, of.filter(|of| *of > 0 && counts_rows)) {
        (Outcome::NoData, _) => match message.statements().first().filter(is_harmless) {
            Some(statement) => statement.clone().into(),
            None => "there is nothing to judge".into(),
        },
        (Outcome::NotJudged, _) => "fewer rows than `min_rows`: not judged".into(),
        (Outcome::InsufficientEvidence, _) => "the rows are not enough to tell".into(),
        (_, Some(of)) => {
            let share = if failing == 0 { String::new() } else { format!(" ({})", percent(failing, of)) };
            format!("{} of {}{share} fail `{rule}`", count(failing), counted(of, "row")).into()
        }
        (Outcome::Pass | Outcome::Known, None) => format!("`{rule}` holds").into(),
        (Outcome::Warn, None) => format!("`{rule}` is past its limit for a warning").into(),
        (Outcome::Fail, None) => format!("`{rule}` does not hold").into(),
    }
}

/// Whether what is counted so says nothing of values.
pub fn is_harmless(unit: &Unit) -> bool {
    unit.counts() || [Unit::NONE, Unit::TYPE].contains(unit)
}
