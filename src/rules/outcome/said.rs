//! What is said of groups, in words.

use super::decide::{Limit, Pair, Standing};
use super::rates::{Rate, Tally};
use crate::findings::{GroupFigures, Message, Outcome};
use crate::metric::groups::group_name;
use crate::shown::{beside, count, counted, percent_of};

/// Groups that the message names, of each kind.
const SHOWN_MAX: usize = 10;

/// What the groups are told by.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Whether there are predictions beside the labels.
    pub predicts: bool,
    /// The name of the group that all others are compared with; without it, each is compared with the rest.
    pub reference: Option<String>,
    pub confidence: f64,
    pub min_rows: u64,
}

impl Terms {
    /// What a row must have to count.
    pub(super) fn what(&self) -> &'static str {
        if self.predicts { "label and a prediction" } else { "label" }
    }
}

/// A share with enough digits that it is neither 0% nor 100% where it only comes near.
fn percent((part, whole): (u64, u64)) -> String {
    percent_of(part as f64 / whole as f64, &[0.0, 1.0])
}

pub(super) fn too_small(name: &str, tally: &Tally, terms: &Terms) -> String {
    let without = match tally.missing {
        0 => String::new(),
        missing => format!(", {} without a {}", count(missing), terms.what()),
    };
    match tally.rows {
        0 => format!("{name}: no row with a {}{without}", terms.what()),
        rows => format!("{name}: {}{without}, not judged below {}", counted(rows, "row"), count(terms.min_rows)),
    }
}

/// Of a group beside so few rows that they tell nothing.
pub(super) fn too_small_beside(name: &str, rows: u64, terms: &Terms) -> String {
    let them = terms.reference.as_deref().unwrap_or("the rest");
    format!("{name}: {them} has {}, too few to compare with below {}", counted(rows, "row"), count(terms.min_rows))
}

pub(super) fn reference(name: &str, tally: &Tally) -> String {
    format!("{name}: a selection rate of {}, which the others are compared with", percent(tally.rate(Rate::Selection)))
}

pub(super) fn passing(name: &str, tally: &Tally, terms: &Terms) -> String {
    let mut said = format!("{name}: a selection rate of {}", percent(tally.rate(Rate::Selection)));
    if terms.predicts {
        for rate in [Rate::TruePositive, Rate::FalsePositive] {
            if tally.share(rate).is_some() {
                said.push_str(&format!(", a {} of {}", rate.name(), percent(tally.rate(rate))));
            }
        }
    }
    said
}

/// How a group stands to a limit that it does not keep to for sure.
pub(super) fn of_limit(name: &str, pair: Option<Pair>, (limit, is_early): (Limit, bool), standing: Standing, terms: &Terms) -> String {
    let rate = limit.rate();
    let Some(pair) = pair else {
        return format!("{name}: no {}, so there is no {} to compare", rate.whole(), rate.name());
    };
    let them = terms.reference.as_deref().unwrap_or("the rest");
    let (ours, theirs) = (percent(pair.ours), percent(pair.theirs));
    let allowed = if is_early { "without a warning" } else { "tolerated" };
    let seen = match limit {
        Limit::Difference { most, .. } => {
            let ends = [most.as_f64() * 100.0, most.as_f64() * -100.0, 0.0];
            let points = |x: f64| tenths(x * 100.0, &ends);
            let (low, high) = pair.difference_interval(terms.confidence);
            let (difference, low, high) = (points(pair.difference()), points(low), points(high));
            let what = format!("{name}: a {} of {ours}, {them} {theirs}", rate.name());
            format!("{what}: {difference} points [{low}, {high}], {most} {allowed}")
        }
        Limit::Ratio { least } => {
            let ends = [least.as_f64()];
            let (low, high) = pair.ratio_interval(terms.confidence);
            let ratio = pair.ratio().map_or_else(|| "none".to_owned(), |ratio| hundredths(ratio, &ends));
            let what = format!("{name}: a {} of {ours}, {them} {theirs}", rate.name());
            format!("{what}: a ratio of {ratio} [{}, {}], at least {} {allowed}", hundredths(low, &ends), hundredths(high, &ends), least)
        }
    };
    match standing {
        Standing::Open(Some(rows)) => {
            format!("{seen}: too few rows to tell, about {} of this group would do if all groups grew alike", count(rows))
        }
        Standing::Open(None) => format!("{seen}: on the border of what is tolerated"),
        Standing::Within | Standing::Beyond | Standing::Undefined => seen,
    }
}

/// One decimal, or as many more as it takes to see on which side of each of `limits` the number lies.
fn tenths(x: f64, limits: &[f64]) -> String {
    rounded(x, 1, limits)
}

fn hundredths(x: f64, limits: &[f64]) -> String {
    rounded(x, 2, limits)
}

fn rounded(x: f64, decimals: usize, limits: &[f64]) -> String {
    let agrees = |text: &String| text.parse().is_ok_and(|y: f64| limits.iter().all(|limit| y.partial_cmp(limit) == x.partial_cmp(limit)));
    Some(format!("{x:.decimals$}")).filter(agrees).unwrap_or_else(|| beside(x, limits))
}

/// The groups that do not pass, the worst first.
pub(super) fn of_all(groups: &[GroupFigures], all: &Tally, terms: &Terms) -> Message {
    let of = |outcome: Outcome| groups.iter().filter(move |g| g.outcome == outcome);
    let mut message = Message::default();
    if groups.iter().all(|g| matches!(g.outcome, Outcome::Pass | Outcome::NotJudged)) && of(Outcome::Pass).next().is_some() {
        let (passing, number) = (of(Outcome::Pass).count(), groups.len());
        let them = match number {
            _ if passing < number => format!("{passing} of {number} groups"),
            2 => "both groups".to_owned(),
            _ => format!("all {number} groups"),
        };
        message.push(format!("{them} are within what is tolerated"));
    }
    for outcome in [Outcome::Fail, Outcome::InsufficientEvidence, Outcome::Warn] {
        message.extend(of(outcome).take(SHOWN_MAX).flat_map(|g| g.message.statements().to_vec()));
        let more = of(outcome).count().saturating_sub(SHOWN_MAX);
        if more > 0 {
            message.push(format!("and {} more", counted(more as u64, "group")));
        }
    }
    let small: Vec<String> = of(Outcome::NotJudged).take(SHOWN_MAX).map(|g| group_name(&g.group)).collect();
    if !small.is_empty() {
        let (number, rest) = (of(Outcome::NotJudged).count(), if of(Outcome::NotJudged).count() > SHOWN_MAX { ", …" } else { "" });
        let have = if number == 1 { "group has" } else { "groups have" };
        let least = count(terms.min_rows.max(1));
        message.push(format!("{number} {have} fewer rows than {least}, not judged: {}{rest}", small.join(", ")));
    }
    if all.missing > 0 {
        let are = if all.missing == 1 { "is" } else { "are" };
        message.push(format!("{} without a {} {are} left out", counted(all.missing, "row"), terms.what()));
    }
    message
}
