//! The file that is suggested, as its new owner reads it.

use std::collections::{BTreeSet, HashMap};

use super::HeldOut;
use super::candidate::{Candidate, Part};
use super::contract::Contract;
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
    let typed = contract.columns.iter_mut().rev().filter(|column| column.data_type.is_some());
    let mut required: HashMap<String, &mut bool> = typed.map(|column| (column.name.clone(), &mut column.required)).collect();
    candidates.retain(|candidate| {
        let is_plain = candidate.part == Part::Missing && candidate.words.len() == 1 && candidate.failing == 0;
        let column = candidate.columns.first().filter(|_| is_plain);
        match column.and_then(|name| required.get_mut(name)) {
            Some(is_required) => {
                **is_required = true;
                false
            }
            None => true,
        }
    });
}

/// Rules that say the same of several columns become one.
fn gather(candidates: &mut Vec<Candidate>) {
    let mut all: Vec<Candidate> = Vec::new();
    let mut alike = HashMap::new();
    let mut joined = BTreeSet::new();
    for candidate in candidates.drain(..) {
        if !may_be_gathered(&candidate) {
            all.push(candidate);
            continue;
        }
        let why = said(&candidate);
        let at = *alike.entry((candidate.part, candidate.words[1..].to_vec(), candidate.failing > 0)).or_insert(all.len());
        match all.get_mut(at) {
            Some(other) => {
                other.columns.extend(candidate.columns);
                other.why.push('\n');
                other.why.push_str(&why);
                other.failing += candidate.failing;
                joined.insert(at);
            }
            None => all.push(Candidate { why, ..candidate }),
        }
    }
    for at in joined {
        all[at].words[0] = ("columns", list(all[at].columns.iter().map(String::as_str)));
    }
    *candidates = all;
}

/// Whether a rule may name further columns: it is about values that are there or not, or about a range that all values keep to.
fn may_be_gathered(candidate: &Candidate) -> bool {
    let is_such = candidate.part == Part::Missing || (candidate.part == Part::Ranges && candidate.failing == 0);
    // In `columns` some characters stand for others.
    let is_plain = candidate.columns.iter().all(|name| !name.contains(['*', '?', '[']));
    is_such && is_plain && matches!(candidate.words[0].0, "column" | "columns")
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
    // How many values are missing has been said.
    match candidate.part == Part::Missing && candidate.words.len() == 1 {
        true => format!("{}{place}.", candidate.why.trim_end_matches('.')),
        false => format!("{} {rows} {verb} it{place}.", candidate.why),
    }
}

/// The comment above a rule.
fn comments(candidate: &Candidate, out: &mut String) {
    /// Of more columns than this it is enough to say how many there are.
    const COLUMNS_MAX: usize = 20;
    if !may_be_gathered(candidate) {
        return comment(&said(candidate), 2, out);
    }
    let lines: Vec<&str> = candidate.why.split('\n').collect();
    let shown_max = if candidate.part == Part::Ranges { 3 } else { COLUMNS_MAX };
    lines.iter().take(shown_max).for_each(|line| comment(line, 2, out));
    if lines.len() > shown_max {
        comment(&format!("Likewise {}.", counted((lines.len() - shown_max) as u64, "more column")), 2, out);
    }
}

fn rule(candidate: &Candidate, id: Option<String>, out: &mut String) {
    comments(candidate, out);
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
