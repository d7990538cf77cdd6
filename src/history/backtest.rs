//! What each limit of a rule file would have done over the recorded runs, and the tightest that would have been quiet.

use std::collections::BTreeMap;

use super::limits::{Limit, Measure};
use crate::findings::{Finding, Outcome, figures};
use crate::report::Report;
use crate::rules::words::ColumnSelection;
use crate::ruleset::{RuleFile, RuleItem};

/// How often a limit may fire: `once` in `runs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost {
    pub once: u64,
    pub runs: u64,
}

impl AtMost {
    /// How many of `n` runs these are.
    fn of(self, n: usize) -> usize {
        let allowed = n as u128 * u128::from(self.once) / u128::from(self.runs.max(1));
        usize::try_from(allowed).unwrap_or(usize::MAX)
    }
}

/// One finding over the recorded runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtested {
    pub id: String,
    pub rule: &'static str,
    /// The limit as it is now.
    pub limit: String,
    /// Runs that tell what was observed.
    pub runs: u64,
    /// In how many of these the limit would have been broken.
    pub fires: u64,
    /// The tightest limit that would have fired no more often than allowed, as a rule file has it.
    pub tightest: Option<String>,
    /// What a reader must know beside: why there are no runs, or no tightest limit.
    pub note: Option<String>,
}

/// Holds the limits of `rules` against what the runs of `reports` observed. Nothing of a finding is shown for which `shows`
/// does not say so.
pub fn backtest(rules: &RuleFile, reports: &[Report], at_most: AtMost, shows: &dyn Fn(&Finding) -> bool) -> Vec<Backtested> {
    rules.items.iter().flat_map(|item| of_item(item, reports, at_most, shows)).collect()
}

fn of_item(item: &RuleItem, reports: &[Report], at_most: AtMost, shows: &dyn Fn(&Finding) -> bool) -> Vec<Backtested> {
    let limit = Limit::of(item);
    let mut by_id: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in reports.iter().flat_map(|report| &report.findings).filter(|finding| is_of(item, finding)) {
        by_id.entry(&finding.id).or_default().push(finding);
    }
    let rule = item.entry.name;
    if by_id.is_empty() {
        let note = Some("not recorded: no run has a finding of this id".to_owned());
        let limit = limit.map(|limit| limit.to_string()).unwrap_or_default();
        return vec![Backtested { id: id_of(item), rule, limit, runs: 0, fires: 0, tightest: None, note }];
    }
    let of = |(id, findings): (&str, Vec<&Finding>)| {
        let judged: Vec<&Finding> = findings.into_iter().filter(|finding| is_judged(finding)).collect();
        let told =
            Backtested { id: id.to_owned(), rule, limit: String::new(), runs: judged.len() as u64, fires: 0, tightest: None, note: None };
        if !judged.iter().all(|finding| shows(finding)) {
            return as_recorded(told, &judged, "", "it speaks of masked columns");
        }
        of_finding(told, limit.as_ref(), &judged, at_most, item.words.by.is_some())
    };
    by_id.into_iter().map(of).collect()
}

/// Whether there was something to judge.
fn is_judged(finding: &Finding) -> bool {
    match finding.outcome {
        Outcome::Pass | Outcome::Known | Outcome::Warn | Outcome::Fail => true,
        Outcome::NotJudged | Outcome::InsufficientEvidence | Outcome::NoData => false,
    }
}

fn of_finding(told: Backtested, limit: Option<&Limit>, judged: &[&Finding], at_most: AtMost, by_group: bool) -> Backtested {
    let last_limit = judged.last().map(|finding| super::limits::written(&finding.limit)).unwrap_or_default();
    let unchanged = |told: Backtested, note: &str| as_recorded(told, judged, &last_limit, note);
    if judged.is_empty() {
        let limit = limit.map(ToString::to_string).unwrap_or_default();
        return Backtested { limit, note: Some("no recorded run had anything to judge".into()), ..told };
    }
    let recorded;
    let limit = match limit {
        Some(limit) => limit,
        None => match Limit::recorded(judged[judged.len() - 1]) {
            Some(limit) => {
                recorded = limit;
                &recorded
            }
            None => return unchanged(told, "what it observed has no single limit"),
        },
    };
    let p_values = [&figures::P_VALUE, &figures::ADJUSTED_P_VALUE];
    if !limit.is_of_rows() && judged.iter().any(|finding| p_values.iter().any(|name| finding.figures.get(name).is_some())) {
        return unchanged(told, "a p-value decides too");
    }
    if by_group && !limit.is_of_rows() {
        return unchanged(told, "groups are judged each by itself");
    }
    let measures: Option<Vec<Measure>> = judged.iter().map(|finding| limit.measure(finding)).collect();
    let Some(measures) = measures else { return unchanged(told, "what it observed is no number") };
    let fires = measures.iter().filter(|measure| limit.is_broken_by(measure)).count() as u64;
    let (tightest, note) = match limit.tightest(&measures, at_most.of(measures.len())) {
        Ok(tightest) => (Some(tightest), None),
        Err(why) => (None, Some(why.to_owned())),
    };
    Backtested { limit: limit.to_string(), fires, tightest, note, ..told }
}

/// How often it failed under the limits of then.
fn as_recorded(told: Backtested, judged: &[&Finding], limit: &str, note: &str) -> Backtested {
    let fires = judged.iter().filter(|finding| finding.outcome == Outcome::Fail).count() as u64;
    let limit = if limit.is_empty() { "as recorded".to_owned() } else { format!("{limit}, as recorded") };
    Backtested { limit, fires, note: Some(note.to_owned()), ..told }
}

/// How ids end of what is held against the anchor of the baseline.
const ANCHOR: &str = "-anchor";

/// Whether the finding is one that the item makes, be it beside the baseline's anchor.
fn is_of(item: &RuleItem, finding: &Finding) -> bool {
    let is_called = |id: &str| is_called(item, finding, id);
    let is_of_rule = finding.rule == item.entry.name && finding.place.is_some();
    is_of_rule && (is_called(&finding.id) || finding.id.strip_suffix(ANCHOR).is_some_and(is_called))
}

/// Whether a finding of these columns that the item makes is called `id`.
fn is_called(item: &RuleItem, finding: &Finding, id: &str) -> bool {
    let selects = |column: &str| match (&item.words.column, &item.words.columns) {
        (Some(named), _) => named.value == column,
        (None, Some(columns)) => match &columns.value {
            ColumnSelection::OfType(_) => true,
            ColumnSelection::Named(names) => {
                names.iter().any(|name| name == column || glob::Pattern::new(name).is_ok_and(|glob| glob.matches(column)))
            }
        },
        (None, None) => true,
    };
    let column = finding.columns.first().map(String::as_str).unwrap_or_default();
    match (&item.words.id, &item.words.columns) {
        (Some(own), Some(_)) if !item.is_about_rows() => id == format!("{}-{column}", own.value) && selects(column),
        (Some(own), _) => id == own.value,
        (None, _) => {
            let derived = std::iter::once(item.entry.name).chain(finding.columns.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
            id == derived && (item.is_about_rows() || selects(column))
        }
    }
}

/// What the item's finding would be called, as far as that can be told without data.
fn id_of(item: &RuleItem) -> String {
    let column = item.words.column.as_ref().map(|column| column.value.as_str());
    match (&item.words.id, column) {
        (Some(id), _) => id.value.clone(),
        (None, Some(column)) => format!("{}-{column}", item.entry.name),
        (None, None) => item.entry.name.to_owned(),
    }
}
