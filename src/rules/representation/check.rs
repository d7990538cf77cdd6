//! Judges the groups, and says how each stands.

use std::collections::BTreeMap;

use super::counted::{Counted, Counts};
use super::decide::{Sample, Standing, error_of_share, holm};
use super::reference::Reference;
use crate::diagnostic::Fault;
use crate::findings::{Figures, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::metric::groups::{GROUPS_MAX, GroupKey, group_name};
use crate::rules::facts::SinglePass;
use crate::rules::words::Margin;
use crate::rules::{GroupFacts, Judgement};
use crate::shown::{count, counted, percent_of};
use crate::statistics::{goodness_of_fit, jensen_shannon, total_variation};

/// Groups that the message names, of each kind.
const SHOWN_MAX: usize = 10;

#[derive(Clone)]
pub(super) struct RepresentationCheck {
    pub columns: Vec<String>,
    /// The same, by index.
    pub groups_by: Vec<usize>,
    pub reference: Reference,
    pub tolerance: Margin,
    pub warn: Option<Margin>,
    pub confidence: f64,
    /// Whether decisions are corrected for the number of groups.
    pub is_corrected: bool,
    pub min_rows: u64,
    pub require_evidence: bool,
    pub counts: Counts,
}

impl SinglePass for RepresentationCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(out) = self.counts.of_batch(facts)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if out.overflow {
            let (columns, most) = (self.columns.join("`, `"), count(GROUPS_MAX as u64));
            return Ok(Judgement::Unfit(format!("`{columns}` makes more than {most} groups; group by columns with fewer values")));
        }
        let total = out.total();
        if total == 0 {
            let mut why = Message::from("no rows in scope");
            why.extend(self.counts.remarks(&out).into_statements());
            return Ok(Judgement::NoData(why.to_string()));
        }
        let other = match self.counts.of_others(facts)? {
            None => None,
            Some(Err(why)) => return Ok(why.into()),
            Some(Ok(other)) if other.overflow || other.counts.is_empty() => {
                let what = if other.overflow { "makes too many groups" } else { "has no rows" };
                return Ok(Judgement::NoData(format!("what it is compared with {what}")));
            }
            Some(Ok(other)) => Some(other),
        };
        let expected = self.expected(out.counts, other.map(|other| other.counts));
        let groups = self.groups((&expected, other), &out);
        let worst = groups.iter().map(|g| g.outcome).max().unwrap_or(Outcome::Pass);
        let lacks_evidence = groups.iter().any(|g| matches!(g.outcome, Outcome::InsufficientEvidence | Outcome::NotJudged));
        let observed: Vec<u64> = expected.keys().map(|key| out.counts.get(key).copied().unwrap_or(0)).collect();
        let shares: Vec<f64> = observed.iter().map(|&o| o as f64 / total as f64).collect();
        let reference: Vec<f64> = expected.values().copied().collect();
        let judged = shares.iter().zip(&reference).zip(&groups).filter(|(_, g)| g.outcome != Outcome::NotJudged);
        let widest = judged.map(|((p, q), _)| (p - q).abs()).fold(0.0, f64::max);
        let mut message = self.message(&groups);
        message.extend(self.counts.remarks(&out).into_statements());
        let mut figures = overall(&observed, &shares, &reference);
        match self.counts.distinct(&out) {
            None => figures.set(&figures::ROWS, total),
            Some(units) => figures.set(&figures::DISTINCT, units),
        }
        Ok(Judgement::measured(Finding {
            outcome: if lacks_evidence && self.require_evidence { Outcome::Fail } else { worst },
            observed: widest.into(),
            limit: self.tolerance.to_string().into(),
            unit: Unit::LARGEST_DIFFERENCE,
            message,
            figures,
            groups,
            ..Finding::default()
        }))
    }

    fn groups_by(&self) -> Vec<usize> {
        self.groups_by.clone()
    }
}

impl RepresentationCheck {
    /// The reference share of every group, expected or observed.
    fn expected(&self, observed: &BTreeMap<GroupKey, u64>, other: Option<&BTreeMap<GroupKey, u64>>) -> BTreeMap<GroupKey, f64> {
        let none = observed.keys().map(|key| (key.clone(), 0.0));
        match &self.reference {
            Reference::Baseline | Reference::File(_) => {
                let all = other.into_iter().flatten().map(|(_, count)| count).sum::<u64>().max(1) as f64;
                none.chain(other.into_iter().flatten().map(|(key, &count)| (key.clone(), count as f64 / all))).collect()
            }
            Reference::Shares(shares) => none.chain(shares.iter().map(|(key, share)| (key.clone(), *share))).collect(),
            Reference::Equal => {
                // Stray rows must not change what the others are held against.
                let counts = |(key, count): &(&GroupKey, &u64)| **count >= self.min_rows && key.iter().all(Option::is_some);
                let share = 1.0 / observed.iter().filter(counts).count().max(1) as f64;
                none.chain(observed.iter().filter(counts).map(|(key, _)| (key.clone(), share))).collect()
            }
        }
    }

    fn groups(&self, (expected, other): (&BTreeMap<GroupKey, f64>, Option<Counted<'_>>), observed: &Counted<'_>) -> Vec<GroupFigures> {
        let smallest = expected.values().copied().filter(|&share| share > 0.0).fold(1.0, f64::min);
        let (total, all_others) = (observed.total(), other.map_or(0, |other| other.total()));
        let sample = |(key, &reference): (&GroupKey, &f64)| {
            let count = observed.counts.get(key).copied().unwrap_or(0);
            let (from, to) = allowed(self.tolerance, reference, smallest);
            let of_other = other.map(|other| (other.counts.get(key).copied().unwrap_or(0), all_others));
            let ours = error_of_share(count as f64 / total as f64, observed.error);
            let estimated = ours.hypot(error_of_share(reference, other.map_or(0.0, |other| other.error)));
            Sample { count, total, reference, of_other, estimated, from, to }
        };
        let samples: Vec<Sample> = expected.iter().map(sample).collect();
        let is_tested = |s: &Sample| !s.is_vacuous() && (s.is_unseen() || s.count >= self.min_rows);
        let mut levels = Vec::new();
        if self.is_corrected {
            levels = holm(&samples.iter().copied().filter(is_tested).collect::<Vec<_>>(), self.confidence);
        }
        let mut levels = levels.into_iter();
        let mut judged = Vec::new();
        for (key, sample) in expected.keys().zip(&samples) {
            let corrected = if is_tested(sample) { levels.next() } else { None };
            judged.push(self.group(key, sample, corrected.unwrap_or(self.confidence), smallest));
        }
        judged
    }

    fn group(&self, key: &GroupKey, sample: &Sample, confidence: f64, smallest: f64) -> GroupFigures {
        let &Sample { count, reference, from, to, .. } = sample;
        let share = sample.share();
        let (low, high) = sample.interval(confidence);
        let (outcome, message) = self.outcome(key, sample, confidence, smallest);
        let ratio = if reference > 0.0 { (share / reference).into() } else { Value::Nothing };
        let mut figures = Figures::from([
            (&figures::ALLOWED_LOW, from.into()),
            (&figures::ALLOWED_HIGH, to.into()),
            (&figures::COUNT, count.into()),
            (&figures::SHARE, share.into()),
            (&figures::INTERVAL_LOW, low.into()),
            (&figures::INTERVAL_HIGH, high.into()),
            (&figures::REFERENCE, reference.into()),
            (&figures::DIFFERENCE, (share - reference).into()),
            (&figures::RATIO, ratio),
        ]);
        if self.is_corrected && outcome != Outcome::NotJudged {
            figures.set(&figures::DECISION_P_VALUE, sample.p_value());
            figures.set(&figures::DECISION_LEVEL, 1.0 - confidence);
        }
        GroupFigures { group: key.clone(), outcome, message: message.into(), figures }
    }

    /// How a group comes out, and why.
    fn outcome(&self, key: &GroupKey, sample: &Sample, confidence: f64, smallest: f64) -> (Outcome, String) {
        let &Sample { count, total, reference, .. } = sample;
        let (low, high) = sample.interval(confidence);
        let name = group_name(key);
        // Digits enough to see on which side of what is allowed the interval ends.
        let ends = [sample.from, sample.to, 0.0, 1.0];
        let seen = format!("{name}: {} [{}, {}]", percent(sample.share()), percent_of(low, &ends), percent_of(high, &ends));
        let wanted = match reference > 0.0 {
            true => format!("{} ± {} expected", percent(reference), self.tolerance),
            false => format!("unexpected group, at most {} tolerated", percent(sample.to)),
        };
        let standing = sample.standing(confidence);
        let is_small = count < self.min_rows && !sample.is_vacuous();
        match standing {
            Standing::Unseen => (Outcome::Fail, format!("{name}: unseen in {}, {wanted}", self.counts.number(total))),
            Standing::Inside | Standing::Outside | Standing::Open(_) if is_small => {
                (Outcome::NotJudged, format!("{name}: {}, not judged below {}", self.counts.number(count), self::count(self.min_rows)))
            }
            Standing::Outside => (Outcome::Fail, format!("{seen}, {wanted}")),
            Standing::Open(rows) => {
                let seen = if sample.is_unseen() { format!("{name}: unseen in {}", self.counts.number(total)) } else { seen };
                let advice = match rows {
                    Some(rows) => format!("too few {} to tell, {} would do", self.counts.noun(), self::count(rows)),
                    None => "on the border of what is tolerated".to_owned(),
                };
                (Outcome::InsufficientEvidence, format!("{seen}, {wanted}: {advice}"))
            }
            Standing::Inside => match self.warn.map(|warn| (warn, allowed(warn, reference, smallest))) {
                Some((warn, (from, to))) if !sample.is_vacuous() && (high < from || low > to) => {
                    (Outcome::Warn, format!("{seen}, beyond {warn} of {}", percent(reference)))
                }
                Some(_) | None => (Outcome::Pass, format!("{seen}, {wanted}")),
            },
        }
    }

    /// The groups that do not pass, the worst first; unexpected ones in any case.
    fn message(&self, groups: &[GroupFigures]) -> Message {
        let of = |outcome: Outcome| groups.iter().filter(move |g| g.outcome == outcome);
        let mut message = Message::default();
        let failing = [Outcome::Fail, Outcome::InsufficientEvidence, Outcome::Warn];
        if failing.iter().all(|&outcome| of(outcome).next().is_none()) && of(Outcome::Pass).next().is_some() {
            let (passing, all) = (of(Outcome::Pass).count(), groups.len());
            let them = if passing == all { format!("all {all} groups are") } else { format!("{passing} of {all} groups are") };
            message.push(format!("{them} within {}", self.tolerance));
        }
        for outcome in failing {
            message.extend(of(outcome).take(SHOWN_MAX).flat_map(|g| g.message.statements().to_vec()));
            let more = of(outcome).count().saturating_sub(SHOWN_MAX);
            if more > 0 {
                message.push(format!("and {} more", counted(more as u64, "group")));
            }
        }
        let is_unexpected = |g: &&GroupFigures| g.figures.get(&figures::REFERENCE).and_then(|f| f.value.as_f64()) == Some(0.0);
        let unexpected = of(Outcome::Pass).filter(is_unexpected).filter(|g| has_rows(g));
        message.extend(unexpected.take(SHOWN_MAX).flat_map(|g| g.message.statements().to_vec()));
        let small: Vec<String> = of(Outcome::NotJudged).take(SHOWN_MAX).map(|g| group_name(&g.group)).collect();
        if !small.is_empty() {
            let (number, rest) = (of(Outcome::NotJudged).count(), if of(Outcome::NotJudged).count() > SHOWN_MAX { ", …" } else { "" });
            let have = if number == 1 { "group has" } else { "groups have" };
            let names = small.join(", ");
            message.push(format!("{number} {have} fewer {} than {}, not judged: {names}{rest}", self.counts.noun(), count(self.min_rows)));
        }
        message
    }
}

fn has_rows(group: &GroupFigures) -> bool {
    group.figures.get(&figures::COUNT).and_then(|f| f.value.as_u64()).is_some_and(|rows| rows > 0)
}

/// The least and the largest share that `margin` allows. A share of 0 has no relative distance: that of the smallest
/// reference holds for it.
fn allowed(margin: Margin, reference: f64, smallest: f64) -> (f64, f64) {
    let reach = margin.reach(if reference > 0.0 { reference } else { smallest });
    ((reference - reach).max(0.0), (reference + reach).min(1.0))
}

/// A share with enough digits that it is neither 0% nor 100% where it only comes near.
fn percent(share: f64) -> String {
    percent_of(share, &[0.0, 1.0])
}

fn overall(observed: &[u64], shares: &[f64], reference: &[f64]) -> Figures {
    let mut overall = Figures::from([
        (&figures::GROUPS, observed.len().into()),
        (&figures::TOTAL_VARIATION, total_variation(shares, reference).into()),
        (&figures::JENSEN_SHANNON, jensen_shannon(shares, reference).into()),
    ]);
    if let Some(fit) = goodness_of_fit(observed, reference) {
        overall.set(&figures::CHI_SQUARE, fit.statistic);
        overall.set(&figures::DEGREES_OF_FREEDOM, fit.degrees_of_freedom);
        overall.set(&figures::P_VALUE, fit.p_value);
        overall.set(&figures::COHENS_W, fit.cohens_w);
    }
    overall
}
