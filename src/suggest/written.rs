//! The file that is suggested, as its new owner reads it.

use std::collections::BTreeSet;

use super::HeldOut;
use super::candidate::{Candidate, Part};
use super::contract::Contract;
use super::missing::DISGUISED;
use super::sample::Sample;
use super::yaml::{comment, list, scalar, shown};
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
    let mut taken: BTreeSet<String> = required_ids(&contract);
    for candidate in &candidates {
        if part != Some(candidate.part) {
            let before = if part.is_some() { "\n" } else { "" };
            out.push_str(&format!("{before}  # ── {} ──\n", candidate.part.title()));
            part = Some(candidate.part);
        }
        rule(candidate, id(candidate, &mut taken), &mut out);
    }
    out
}

/// Ids of the rules that required columns imply.
fn required_ids(contract: &Contract) -> BTreeSet<String> {
    contract.columns.iter().filter(|column| column.required).map(|column| format!("missing-{}", column.name)).collect()
}

/// An id for the rule, where its own would be that of another one too.
fn id(candidate: &Candidate, taken: &mut BTreeSet<String>) -> Option<String> {
    let is_each = matches!(candidate.words[0].0, "column" | "columns");
    let ids = |name: &str| -> Vec<String> {
        match is_each {
            true => candidate.columns.iter().map(|column| format!("{name}-{column}")).collect(),
            false => vec![format!("{name}-{}", candidate.columns.join("-"))],
        }
    };
    let is_free = |ids: &[String], taken: &BTreeSet<String>| ids.iter().all(|id| !taken.contains(id));
    let own = ids(candidate.rule);
    if is_free(&own, taken) {
        taken.extend(own);
        return None;
    }
    let name = (1..).map(|n| format!("{}-{n}", candidate.rule)).find(|name| !taken.contains(name) && is_free(&ids(name), taken))?;
    taken.extend(ids(&name));
    taken.insert(name.clone());
    Some(name)
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
        let is_plain = candidate.part == Part::Missing && candidate.words.len() == 1 && candidate.failing == 0;
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
            other.part == Part::Missing
                && candidate.part == Part::Missing
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
            None if candidate.part == Part::Missing && candidate.words[0].0 == "column" => {
                let why = said(&candidate);
                all.push(Candidate { why, ..candidate });
            }
            None => all.push(candidate),
        }
    }
    for candidate in &mut all {
        if candidate.part == Part::Missing && candidate.words[0].0 == "column" && candidate.columns.len() > 1 {
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

fn rule(candidate: &Candidate, id: Option<String>, out: &mut String) {
    let is_gathered = candidate.part == Part::Missing && matches!(candidate.words[0].0, "column" | "columns");
    let why = if is_gathered { candidate.why.clone() } else { said(candidate) };
    let why = if is_gathered && candidate.columns.len() > 1 { listed(candidate) } else { why };
    why.split('\n').for_each(|line| comment(line, 2, out));
    let warns = candidate.failing > 0 && candidate.words.iter().all(|(word, _)| *word != "disguised");
    let mut more: Vec<(&str, String)> = id.iter().map(|id| ("id", scalar(id))).collect();
    if warns {
        more.push(("on_fail", "warn".to_owned()));
    }
    out.push_str(&wrapped(&format!("  - {}", candidate.written(&more))));
    out.push('\n');
}

/// A long line broken behind commas that stand outside of quotes.
fn wrapped(line: &str) -> String {
    const WIDTH: usize = 120;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let (mut out, mut width, mut part) = (String::new(), 0, String::new());
    let (mut quote, mut is_escaped) = (None, false);
    let mut add = |part: &mut String| {
        let length = part.chars().count();
        if width > 0 && width + length > WIDTH {
            out.truncate(out.trim_end().len());
            out.push_str("\n        ");
            width = 8;
        }
        out.push_str(part);
        width += length;
        part.clear();
    };
    for c in line.chars() {
        part.push(c);
        match quote {
            Some('"') if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(begun) if c == begun => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == ' ' && part.ends_with(", ") => add(&mut part),
            Some(_) | None => {}
        }
    }
    add(&mut part);
    out
}
