//! Events that are set aside, as they are written: with their line, the rules that they fail, and why.

use super::{Places, Remembered, is_set};
use crate::audit::{JudgedRows, RowRule};
use crate::base64;
use crate::findings::builtin::MALFORMED;
use crate::privacy::Privacy;
use crate::rows::Mask;
use crate::source::{Malformed, RecordSpan};

/// Why an event is set aside.
#[derive(Debug)]
pub(super) struct Cause {
    rules: Vec<String>,
    reason: String,
    /// Whether its text is a JSON value.
    is_json: bool,
}

impl Cause {
    pub(super) fn malformed(malformed: &Malformed, privacy: &Privacy) -> Self {
        // A record that was read as JSON and then failed has a column, or was no longer text.
        let is_json = malformed.column.is_some() || malformed.raw.is_empty();
        let reason = privacy.reason(&malformed.reason, malformed.column.as_deref(), &malformed.raw);
        Self { rules: vec![MALFORMED.id().to_owned()], reason, is_json }
    }

    /// Of the rules that hold back `row`: row tests, and rules that look for repeated keys.
    pub(super) fn of_rules(
        (rules, key_rules): (&[RowRule], &[RowRule]),
        judged: &JudgedRows,
        repeated: &[Mask],
        row: usize,
        remembered: Remembered,
        privacy: &Privacy,
    ) -> Self {
        let (mut ids, mut reasons) = (Vec::new(), Vec::new());
        for (rule, outcome) in rules.iter().zip(&judged.outcomes) {
            if rule.holds_back && is_set(&outcome.fails, row) {
                let shown = outcome.values(row).into_iter().map(|(name, value)| match privacy.mask_of(&name) {
                    Some(_) => format!("`{name}` is masked"),
                    None => format!("`{name}` is {value}"),
                });
                let shown = shown.collect::<Vec<_>>().join(", ");
                let says = rule.says.as_ref().map_or_else(|| rule.id.clone(), |says| format!("{}: {says}", rule.id));
                reasons.push(if shown.is_empty() { says } else { format!("{says} ({shown})") });
                ids.push(rule.id.clone());
            }
        }
        for (rule, repeated) in key_rules.iter().zip(repeated) {
            if rule.holds_back && is_set(repeated, row) {
                reasons.push(format!("{}: repeats the key of one of {remembered}", rule.id));
                ids.push(rule.id.clone());
            }
        }
        Self { rules: ids, reason: reasons.join("; "), is_json: true }
    }
}

/// Writes events that are set aside.
pub(super) struct SetAside<'a> {
    pub(super) text: &'a [u8],
    pub(super) places: Places<'a>,
    /// Lines of the input before this text.
    pub(super) lines_before: u64,
}

impl SetAside<'_> {
    /// One line: an object. The event stands in it as the JSON that it is, else as a string, else in base64.
    pub(super) fn write(&self, span: &RecordSpan, cause: &Cause, out: &mut Vec<u8>) {
        let raw = &self.text[span.start as usize..span.end as usize];
        let place = match self.places {
            Places::Records(records) if let Some(record) = records.get(span.line as usize) => {
                format!("\"partition\":{},\"offset\":{}", record.partition, record.offset)
            }
            Places::Records(_) | Places::Lines => format!("\"line\":{}", self.lines_before + u64::from(span.line) + 1),
        };
        let rules = serde_json::Value::from(cause.rules.clone());
        out.extend_from_slice(format!("{{{place},\"rules\":{rules},\"reason\":{},", quoted(&cause.reason)).as_bytes());
        match std::str::from_utf8(raw) {
            Ok(text) if cause.is_json => {
                out.extend_from_slice(b"\"event\":");
                out.extend_from_slice(text.trim_matches([' ', '\t', '\r', '\n']).as_bytes());
            }
            Ok(text) => {
                out.extend_from_slice(b"\"event\":");
                out.extend_from_slice(quoted(text).as_bytes());
            }
            Err(_) => {
                out.extend_from_slice(b"\"event_base64\":\"");
                out.extend_from_slice(base64::encoded(raw).as_bytes());
                out.push(b'"');
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
