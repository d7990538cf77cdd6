//! The file that is suggested, as its new owner reads it.

use super::HeldOut;
use super::candidate::{Candidate, Part};
use super::contract::Contract;
use super::missing::DISGUISED;
use super::sample::Sample;
use super::yaml::{comment, list, shown};
use crate::shown::{count, counted};

/// What the file is made of.
pub(super) struct Parts<'a> {
    pub base: &'a str,
    pub contract: Contract,
    pub candidates: Vec<Candidate>,
    pub sample: &'a Sample,
    /// What the data are called.
    pub named: &'a str,
    pub held_out: HeldOut,
}

/// What stands before the rules: the data set, how it is read, its columns.
pub(super) fn head(base: &str, contract: &Contract) -> String {
    // Both may speak of the source.
    let of_contract = contract.written();
    match (base.split_once("source:\n"), of_contract.split_once("source:\n")) {
        (Some((before, words)), Some((above, rest))) => format!("{before}\n{above}source:\n{words}{rest}"),
        (_, _) => format!("{base}\n{of_contract}"),
    }
}

pub(super) fn file(parts: &Parts<'_>) -> String {
    let mut contract = parts.contract.clone();
    let mut candidates = parts.candidates.clone();
    require(&mut contract, &mut candidates);
    gather(&mut candidates);
    candidates.sort_by_key(|candidate| candidate.part);
    let mut out = String::new();
    introduce(parts, &candidates, &mut out);
    out.push_str(&head(parts.base, &contract));
    if candidates.is_empty() {
        comment("The data speak for no rule: there are too few rows, or their values follow no habit.", 0, &mut out);
        out.push_str("rules: []\n");
        return out;
    }
    out.push_str("rules:\n");
    let mut part: Option<Part> = None;
    for candidate in &candidates {
        if part != Some(candidate.part) {
            let before = if part.is_some() { "\n" } else { "" };
            out.push_str(&format!("{before}  # ── {} ──\n", candidate.part.title()));
            part = Some(candidate.part);
        }
        rule(candidate, &mut out);
    }
    out
}

fn introduce(parts: &Parts<'_>, candidates: &[Candidate], out: &mut String) {
    let sample = parts.sample;
    let looked = sample.rows.num_rows() as u64;
    let rows = match looked == sample.records - sample.malformed {
        true => counted(sample.records, "row"),
        false => format!("{}, {} of which were looked at", counted(sample.records, "row"), count(looked)),
    };
    comment(
        &format!(
            "Suggested by `sluicegate init` from {}: {rows}, {}.",
            shown(parts.named),
            counted(sample.schema.fields().len() as u64, "column")
        ),
        0,
        out,
    );
    let tried = match parts.held_out {
        HeldOut::Nothing => "There were too few rows to try the rules on others than those they were made from.",
        HeldOut::Rows => "Each rule was made from two thirds of the rows and held on the other third.",
        HeldOut::LastFile => "Each rule was made from all files but the last, and held on the last.",
    };
    comment(&format!("{tried} The figures are of all rows that were looked at."), 0, out);
    if candidates.iter().any(|candidate| candidate.failing > 0) {
        comment(
            "Some rows break a rule: they are suspected errors. Such a rule only warns. Look at the rows; if they are wrong, delete \
             `on_fail: warn`, and the gate sets such rows aside. If they are right, change or delete the rule.",
            0,
            out,
        );
    }
    out.push('\n');
}

/// Columns that are never missing are required by the contract; no rule needs to say so.
fn require(contract: &mut Contract, candidates: &mut Vec<Candidate>) {
    candidates.retain(|candidate| {
        let is_plain = candidate.rule == "missing" && candidate.words.len() == 1 && candidate.failing == 0;
        let column = candidate.columns.first().filter(|_| is_plain);
        match column.and_then(|name| contract.columns.iter_mut().find(|column| column.name == *name && column.data_type.is_some())) {
            Some(column) => {
                column.required = true;
                false
            }
            None => true,
        }
    });
}

/// Rules that say the same of several columns become one.
fn gather(candidates: &mut Vec<Candidate>) {
    let mut all: Vec<Candidate> = Vec::new();
    for candidate in candidates.drain(..) {
        let words = |c: &Candidate| c.words[1..].to_vec();
        let same = |other: &&mut Candidate| {
            other.rule == "missing"
                && candidate.rule == "missing"
                && [&**other, &candidate]
                    .iter()
                    .all(|c| c.words[0].0 == "column" && c.columns.iter().all(|name| !name.contains(['*', '?', '['])))
                && words(other) == words(&candidate)
                && (other.failing > 0) == (candidate.failing > 0)
        };
        match all.iter_mut().find(same) {
            Some(other) => {
                other.columns.extend(candidate.columns.iter().cloned());
                other.why.push('\n');
                other.why.push_str(&said(&candidate));
                other.failing += candidate.failing;
            }
            None if candidate.rule == "missing" && candidate.words[0].0 == "column" => {
                let why = said(&candidate);
                all.push(Candidate { why, ..candidate });
            }
            None => all.push(candidate),
        }
    }
    for candidate in &mut all {
        if candidate.rule == "missing" && candidate.words[0].0 == "column" && candidate.columns.len() > 1 {
            candidate.words[0] = ("columns", list(candidate.columns.iter().map(String::as_str)));
        }
    }
    *candidates = all;
}

/// What speaks for a rule, and what breaks it.
fn said(candidate: &Candidate) -> String {
    if candidate.failing == 0 {
        return candidate.why.clone();
    }
    let first = candidate.first.join(", ");
    let more = if candidate.failing > candidate.first.len() as u64 { ", …" } else { "" };
    let (rows, verb) = (counted(candidate.failing, "row"), if candidate.failing == 1 { "breaks" } else { "break" });
    let place = if first.is_empty() { String::new() } else { format!(" ({first}{more})") };
    format!("{} {rows} {verb} it{place}.", candidate.why)
}

/// What speaks for a rule about several columns, column by column.
fn listed(candidate: &Candidate) -> String {
    let has = |word: &str| candidate.words.iter().any(|(there, _)| *there == word);
    let head = match (has("disguised"), has("tolerate")) {
        (true, _) => "Values that stand in for missing ones, such as `unknown` or 999. ",
        (false, true) => "Sometimes missing. ",
        (false, false) => "Hardly ever missing. ",
    };
    let lines: Vec<String> = candidate.why.split('\n').map(|line| line.replace(DISGUISED, "").replace(": missing in", "")).collect();
    format!("{head}{}", lines.join(" "))
}

fn rule(candidate: &Candidate, out: &mut String) {
    let is_gathered = candidate.rule == "missing" && matches!(candidate.words[0].0, "column" | "columns");
    let why = if is_gathered { candidate.why.clone() } else { said(candidate) };
    let why = if is_gathered && candidate.columns.len() > 1 { listed(candidate) } else { why };
    why.split('\n').for_each(|line| comment(line, 2, out));
    let warns = candidate.failing > 0 && candidate.words.iter().all(|(word, _)| *word != "disguised");
    let more: Vec<(&str, String)> = if warns { vec![("on_fail", "warn".to_owned())] } else { Vec::new() };
    out.push_str(&format!("  - {}\n", candidate.written(&more)));
}
