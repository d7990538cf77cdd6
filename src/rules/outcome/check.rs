//! Judges the groups, and says how each stands.

use std::collections::BTreeMap;

use super::decide::{Limit, Limits, Pair, Standing};
use super::rates::{Positive, Rate, Tally, between};
use super::said;
use crate::diagnostic::Fault;
use crate::findings::{FigureName, Figures, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupKey, group_name};
use crate::rules::facts::SinglePass;
use crate::rules::{GroupFacts, Handle, Judgement};
use crate::shown::{count, counted};
use crate::statistics::{two_proportions_p_value, wilson_interval};

#[derive(Clone)]
pub(super) struct OutcomeCheck {
    /// Those whose values name the groups, then the label and the prediction.
    pub columns: Vec<String>,
    /// How many of them name the groups.
    pub keys: usize,
    /// These, by index.
    pub groups_by: Vec<usize>,
    pub positive: Positive,
    /// The group that all others are compared with; without it, each is compared with the rest.
    pub reference_group: Option<GroupKey>,
    pub limits: Vec<Limits>,
    pub terms: said::Terms,
    pub require_evidence: bool,
    pub counts: Handle<GroupCounts>,
}

impl SinglePass for OutcomeCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(out) = facts.get(self.counts)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if out.overflow {
            let (columns, most) = (self.columns.join("`, `"), count(GROUPS_MAX as u64));
            let what = format!("`{columns}` make more than {most} groups; a label and a prediction are decisions, not scores");
            return Ok(Judgement::Unfit(what));
        }
        let tallies = self.positive.tallies(&out.counts, self.keys);
        let all = tallies.values().fold(Tally::default(), |all, tally| all.with(tally));
        if let Some(why) = self.lacks(&tallies, &all) {
            return Ok(Judgement::NoData(why));
        }
        let groups: Vec<GroupFigures> = tallies.iter().map(|(key, tally)| self.group(key, tally, &all, &tallies)).collect();
        let worst = groups.iter().map(|g| g.outcome).max().unwrap_or(Outcome::Pass);
        let lacks_evidence = groups.iter().any(|g| matches!(g.outcome, Outcome::InsufficientEvidence | Outcome::NotJudged));
        let failing = groups.iter().filter(|g| g.outcome == Outcome::Fail).count();
        Ok(Judgement::measured(Finding {
            outcome: if lacks_evidence && self.require_evidence { Outcome::Fail } else { worst },
            observed: failing.into(),
            limit: Value::Integer(0),
            unit: Unit::FAILING_GROUPS,
            message: said::of_all(&groups, &all, &self.terms),
            figures: self.overall(&tallies, &all),
            groups,
            ..Finding::default()
        }))
    }

    fn groups_by(&self) -> Vec<usize> {
        self.groups_by.clone()
    }
}

impl OutcomeCheck {
    /// Why there is nothing to judge, if so.
    fn lacks(&self, tallies: &BTreeMap<GroupKey, Tally>, all: &Tally) -> Option<String> {
        let of = |at: usize| self.columns.get(self.keys + at).map_or("", String::as_str);
        if all.rows + all.missing == 0 {
            return Some("no rows in scope".into());
        }
        if all.rows == 0 {
            return Some(format!("no row has a {}", self.terms.what()));
        }
        let compares_errors = self.limits.iter().any(|limits| limits.limit.rate() != Rate::Selection);
        if all.positives == 0 && (compares_errors || !self.terms.predicts) {
            return Some(format!("no `{}` is `{}`", of(0), self.positive.label));
        }
        if let Some(prediction) = self.positive.prediction.as_ref().filter(|_| all.selected == 0) {
            return Some(format!("no `{}` is `{prediction}`", of(1)));
        }
        match &self.reference_group {
            Some(key) => {
                let rows = tallies.get(key).map_or(0, |tally| tally.rows);
                (rows == 0).then(|| format!("the reference group, {}, has no row with a {}", group_name(key), self.terms.what()))
            }
            None => {
                let with_rows = tallies.iter().filter(|(_, tally)| tally.rows > 0).map(|(key, _)| group_name(key)).collect::<Vec<_>>();
                let without = tallies.iter().filter(|(_, tally)| tally.rows == 0);
                let without: Vec<String> =
                    without.map(|(key, tally)| format!("{} ({})", group_name(key), counted(tally.missing, "row"))).collect();
                let what = self.terms.what();
                let only = || match without.is_empty() {
                    true => format!("{} is the only group: there is nothing to compare it with", with_rows.concat()),
                    false => format!("{} is the only group with a {what}; without one: {}", with_rows.concat(), without.join(", ")),
                };
                (with_rows.len() == 1).then(only)
            }
        }
    }

    fn group(&self, key: &GroupKey, tally: &Tally, all: &Tally, tallies: &BTreeMap<GroupKey, Tally>) -> GroupFigures {
        let theirs = match &self.reference_group {
            Some(reference) if reference == key => None,
            Some(reference) => tallies.get(reference).copied(),
            None => Some(all.without(tally)),
        };
        let figures = self.figures(tally, theirs.as_ref());
        let name = group_name(key);
        if tally.rows < self.terms.min_rows.max(1) {
            let message = said::too_small(&name, tally, &self.terms).into();
            return GroupFigures { group: key.clone(), outcome: Outcome::NotJudged, message, figures };
        }
        let Some(theirs) = theirs else {
            let message = said::reference(&name, tally).into();
            return GroupFigures { group: key.clone(), outcome: Outcome::Pass, message, figures };
        };
        if theirs.rows < self.terms.min_rows {
            let message = said::too_small_beside(&name, theirs.rows, &self.terms).into();
            return GroupFigures { group: key.clone(), outcome: Outcome::InsufficientEvidence, message, figures };
        }
        let mut message = Message::default();
        let mut outcome = Outcome::Pass;
        for &Limits { limit, warn } in &self.limits {
            let pair = Pair::of(tally, &theirs, limit.rate());
            let standing = limit.standing(pair, tally.rows, self.terms.confidence);
            let is_beyond = |warn: &Limit| warn.standing(pair, tally.rows, self.terms.confidence) == Standing::Beyond;
            if let Some(warn) = warn.filter(is_beyond).filter(|_| standing == Standing::Within) {
                outcome = outcome.max(Outcome::Warn);
                message.push(said::of_limit(&name, pair, (warn, true), Standing::Beyond, &self.terms));
                continue;
            }
            let so = match standing {
                Standing::Within => Outcome::Pass,
                Standing::Beyond => Outcome::Fail,
                Standing::Open(_) | Standing::Undefined => Outcome::InsufficientEvidence,
            };
            outcome = outcome.max(so);
            if so != Outcome::Pass {
                message.push(said::of_limit(&name, pair, (limit, false), standing, &self.terms));
            }
        }
        if outcome == Outcome::Pass {
            message.push(said::passing(&name, tally, &self.terms));
        }
        GroupFigures { group: key.clone(), outcome, message, figures }
    }

    fn figures(&self, ours: &Tally, theirs: Option<&Tally>) -> Figures {
        let mut figures = Figures::from([(&figures::COUNT, ours.rows.into()), (&figures::MISSING, ours.missing.into())]);
        if ours.rows > 0 {
            let (low, high) = wilson_interval(ours.selected, ours.rows, self.terms.confidence);
            figures.set(&figures::SELECTION_RATE, ours.share(Rate::Selection).unwrap_or_default());
            figures.set(&figures::INTERVAL_LOW, low);
            figures.set(&figures::INTERVAL_HIGH, high);
        }
        let optional = |share: Option<f64>| share.map_or(Value::Nothing, Value::from);
        if self.terms.predicts {
            figures.set(&figures::POSITIVES, ours.positives);
            figures.set(&figures::TRUE_POSITIVE_RATE, optional(ours.share(Rate::TruePositive)));
            figures.set(&figures::FALSE_POSITIVE_RATE, optional(ours.share(Rate::FalsePositive)));
        }
        let Some(theirs) = theirs else { return figures };
        if let Some(pair) = Pair::of(ours, theirs, Rate::Selection) {
            let ((low, high), (least, most)) =
                (pair.difference_interval(self.terms.confidence), pair.ratio_interval(self.terms.confidence));
            figures.set(&figures::REFERENCE, optional(theirs.share(Rate::Selection)));
            figures.set(&figures::DIFFERENCE, pair.difference());
            figures.set(&figures::DIFFERENCE_LOW, low);
            figures.set(&figures::DIFFERENCE_HIGH, high);
            figures.set(&figures::RATIO, optional(pair.ratio()));
            figures.set(&figures::RATIO_LOW, least);
            figures.set(&figures::RATIO_HIGH, most);
            figures.set(&figures::P_VALUE, optional(two_proportions_p_value(pair.ours, pair.theirs)));
        }
        let of_rates: [(Rate, [&'static FigureName; 3]); 2] = [
            (
                Rate::TruePositive,
                [
                    &figures::TRUE_POSITIVE_RATE_DIFFERENCE,
                    &figures::TRUE_POSITIVE_RATE_DIFFERENCE_LOW,
                    &figures::TRUE_POSITIVE_RATE_DIFFERENCE_HIGH,
                ],
            ),
            (
                Rate::FalsePositive,
                [
                    &figures::FALSE_POSITIVE_RATE_DIFFERENCE,
                    &figures::FALSE_POSITIVE_RATE_DIFFERENCE_LOW,
                    &figures::FALSE_POSITIVE_RATE_DIFFERENCE_HIGH,
                ],
            ),
        ];
        for (rate, [difference, low, high]) in of_rates.into_iter().filter(|_| self.terms.predicts) {
            if let Some(pair) = Pair::of(ours, theirs, rate) {
                let interval = pair.difference_interval(self.terms.confidence);
                figures.set(difference, pair.difference());
                figures.set(low, interval.0);
                figures.set(high, interval.1);
            }
        }
        figures
    }

    /// Fairlearn's figures between groups, over those that are judged.
    fn overall(&self, tallies: &BTreeMap<GroupKey, Tally>, all: &Tally) -> Figures {
        let judged: Vec<&Tally> = tallies.values().filter(|tally| tally.rows >= self.terms.min_rows.max(1)).collect();
        let of = |rate: Rate| between(judged.iter().filter_map(|tally| tally.share(rate)));
        let optional = |x: Option<f64>| x.map_or(Value::Nothing, Value::from);
        let mut overall = Figures::from([
            (&figures::ROWS, all.rows.into()),
            (&figures::MISSING, all.missing.into()),
            (&figures::GROUPS, tallies.len().into()),
            (&figures::SELECTION_RATE, optional(all.share(Rate::Selection))),
            (&figures::DEMOGRAPHIC_PARITY_DIFFERENCE, optional(of(Rate::Selection).map(|(difference, _)| difference))),
            (&figures::DEMOGRAPHIC_PARITY_RATIO, optional(of(Rate::Selection).and_then(|(_, ratio)| ratio))),
        ]);
        if self.terms.predicts {
            let (true_positive, false_positive) = (of(Rate::TruePositive), of(Rate::FalsePositive));
            let both = true_positive.zip(false_positive);
            let ratios = both.and_then(|((_, a), (_, b))| a.zip(b));
            overall.set(&figures::EQUAL_OPPORTUNITY_DIFFERENCE, optional(true_positive.map(|(difference, _)| difference)));
            overall.set(&figures::EQUAL_OPPORTUNITY_RATIO, optional(true_positive.and_then(|(_, ratio)| ratio)));
            overall.set(&figures::EQUALIZED_ODDS_DIFFERENCE, optional(both.map(|((a, _), (b, _))| a.max(b))));
            overall.set(&figures::EQUALIZED_ODDS_RATIO, optional(ratios.map(|(a, b)| a.min(b))));
        }
        overall
    }
}
