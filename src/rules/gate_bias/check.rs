//! Compares what is left of each group with what there was.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, Finding, GroupFigures, Message, Outcome, Unit, Value, figures};
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupKey, group_name};
use crate::rules::words::{Over, Points};
use crate::rules::{GroupFacts, Handle, Judge, Judgement, SecondPass};
use crate::shown::{beside, count, counted, percent_of};
use crate::statistics::{newcombe_interval, total_variation, wilson_interval};

/// Groups that the message names, of each kind.
const SHOWN_MAX: usize = 10;

#[derive(Clone)]
pub(super) struct GateBiasCheck {
    /// The columns whose values name the groups.
    pub columns: Vec<usize>,
    pub names: Vec<String>,
    /// All rows left by `clean`, and those that row tests do not set aside at once.
    pub before: Handle<GroupCounts>,
    pub sound: Handle<GroupCounts>,
    /// The same in a second look, where more rows are set aside than those: all rows of the units that hold such, and what is left.
    pub looked: Option<(Handle<GroupCounts>, Handle<GroupCounts>)>,
    pub terms: Terms,
}

/// What is held against the groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub max: Option<Points>,
    /// An earlier limit than `max`.
    pub warn: Option<Points>,
    pub confidence: f64,
    pub min_rows: u64,
    pub require_evidence: bool,
}

/// What the gate does to one group.
#[derive(Debug, Clone, Copy)]
struct Losses {
    before: u64,
    aside: u64,
    /// The same of all rows.
    all_before: u64,
    all_aside: u64,
}

impl Judge for GateBiasCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn waits(&self) -> bool {
        true
    }

    fn groups_by(&self) -> Vec<usize> {
        self.columns.clone()
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let Some(set_aside) = facts.set_aside() else {
            return Err(Fault::new(Code::NeedsScan, "needs a scan: what was set aside is not kept"));
        };
        let none = BTreeMap::new();
        let Some(before) = facts.get(self.before)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if before.overflow {
            let (columns, most) = (self.names.join("`, `"), count(GROUPS_MAX as u64));
            return Ok(Judgement::Unfit(format!("`{columns}` makes more than {most} groups; group by columns with fewer values")));
        }
        if before.counts.is_empty() {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let (all, left) = match (set_aside.at_once, self.looked) {
            (true, _) => (&before.counts, facts.get(self.sound)?.map_or(&none, |out| &out.counts)),
            (false, None) => {
                let all = pass.want_again::<GroupCounts>(Over::All, (), &self.columns);
                self.looked = Some((all, pass.want_again::<GroupCounts>(Over::Sound, (), &self.columns)));
                return Ok(Judgement::NeedsPass);
            }
            (false, Some((all, left))) => {
                (facts.get(all)?.map_or(&none, |out| &out.counts), facts.get(left)?.map_or(&none, |out| &out.counts))
            }
        };
        let rows = |of: &BTreeMap<GroupKey, u64>, key: &GroupKey| of.get(key).copied().unwrap_or(0);
        let aside: BTreeMap<&GroupKey, u64> = before.counts.keys().map(|key| (key, rows(all, key) - rows(left, key))).collect();
        let (all_before, all_aside) = (before.counts.values().sum(), aside.values().sum());
        let losses = |(key, &before): (&'_ GroupKey, &u64)| {
            let aside = aside.get(key).copied().unwrap_or(0);
            (key.clone(), Losses { before, aside, all_before, all_aside })
        };
        Ok(self.terms.judge(&before.counts.iter().map(losses).collect()))
    }
}

impl Losses {
    fn rest(&self) -> (u64, u64) {
        (self.all_aside - self.aside, self.all_before - self.before)
    }

    fn ours(&self) -> (u64, u64) {
        (self.aside, self.before)
    }

    /// The rejection rate less that of all other rows, with its interval; none where there are no others.
    fn difference(&self, confidence: f64) -> Option<(f64, f64, f64)> {
        let (ours, rest) = (self.ours(), self.rest());
        let (low, high) = (rest.1 > 0).then(|| newcombe_interval(ours, rest, confidence))?;
        Some((share(ours) - share(rest), low, high))
    }
}

fn share((part, whole): (u64, u64)) -> f64 {
    part as f64 / whole as f64
}

impl Terms {
    fn judge(&self, losses: &BTreeMap<GroupKey, Losses>) -> Judgement {
        let only = losses.iter().next().filter(|(_, of)| losses.len() == 1 && of.aside > 0 && self.max.is_some());
        if let Some((only, _)) = only {
            return Judgement::NoData(format!("{} is the only group: there is nothing to compare it with", group_name(only)));
        }
        let groups: Vec<GroupFigures> = losses.iter().map(|(key, of)| self.group(key, of)).collect();
        let worst = groups.iter().map(|g| g.outcome).max().unwrap_or(Outcome::Pass);
        let lacks_evidence = groups.iter().any(|g| matches!(g.outcome, Outcome::InsufficientEvidence | Outcome::NotJudged));
        let judged = losses.values().filter(|of| of.before >= self.min_rows);
        let widest = judged.filter_map(|of| of.difference(self.confidence)).map(|(difference, ..)| difference.abs()).fold(0.0, f64::max);
        Judgement::measured(Finding {
            outcome: if lacks_evidence && self.require_evidence { Outcome::Fail } else { worst },
            observed: widest.into(),
            limit: self.max.map_or(Value::Nothing, |max| max.to_string().into()),
            unit: Unit::LARGEST_DIFFERENCE,
            message: self.message(losses, &groups),
            figures: overall(losses),
            groups,
            ..Finding::default()
        })
    }

    fn group(&self, key: &GroupKey, of: &Losses) -> GroupFigures {
        let (low, high) = wilson_interval(of.aside, of.before, self.confidence);
        let mut figures = Figures::from([
            (&figures::COUNT, of.before.into()),
            (&figures::SET_ASIDE, of.aside.into()),
            (&figures::REJECTION_RATE, share(of.ours()).into()),
            (&figures::INTERVAL_LOW, low.into()),
            (&figures::INTERVAL_HIGH, high.into()),
            (&figures::SHARE_BEFORE, share((of.before, of.all_before)).into()),
            (&figures::SHARE_AFTER, share((of.before - of.aside, of.all_before - of.all_aside)).into()),
        ]);
        let difference = of.difference(self.confidence);
        if let Some((difference, low, high)) = difference {
            figures.set(&figures::REFERENCE, share(of.rest()));
            figures.set(&figures::DIFFERENCE, difference);
            figures.set(&figures::DIFFERENCE_LOW, low);
            figures.set(&figures::DIFFERENCE_HIGH, high);
        }
        let outcome = match (difference, self.max.map(Points::as_f64)) {
            // What did not happen to anybody is no sample of what might.
            _ if of.all_aside == 0 => Outcome::Pass,
            _ if of.before < self.min_rows => Outcome::NotJudged,
            (Some((_, low, high)), Some(max)) if low > max || high < -max => Outcome::Fail,
            (Some((_, low, high)), Some(max)) if low < -max || high > max => Outcome::InsufficientEvidence,
            (Some((_, low, high)), _) if self.warn.is_some_and(|warn| low > warn.as_f64() || high < -warn.as_f64()) => Outcome::Warn,
            (_, _) => Outcome::Pass,
        };
        let message = if outcome == Outcome::NotJudged {
            format!("{}: {}, not judged below {}", group_name(key), counted(of.before, "row"), count(self.min_rows))
        } else {
            self.said(key, of, outcome)
        };
        GroupFigures { group: key.clone(), outcome, message: message.into(), figures }
    }

    /// `f: 12.0% of 500 rows are set aside, of the others 3.0%: 9.0 points [6.1, 12.3]; its share goes from 50.0% to 47.6%`.
    fn said(&self, key: &GroupKey, of: &Losses, outcome: Outcome) -> String {
        let percent = |pair: (u64, u64)| percent_of(share(pair), &[0.0, 1.0]);
        let mut said = format!("{}: {} of {} set aside", group_name(key), percent(of.ours()), counted(of.before, "row"));
        let Some((difference, low, high)) = of.difference(self.confidence) else { return said };
        let max = self.max.map(Points::as_f64);
        let limits: Vec<f64> =
            max.into_iter().chain(self.warn.map(Points::as_f64)).flat_map(|max| [max * 100.0, max * -100.0]).chain([0.0]).collect();
        let points = |x: f64| rounded(x * 100.0, &limits);
        said.push_str(&format!(
            ", of the others {}: {} points [{}, {}]",
            percent(of.rest()),
            points(difference),
            points(low),
            points(high)
        ));
        if let Some(warn) = self.warn.filter(|_| outcome == Outcome::Warn) {
            said.push_str(&format!(", beyond {warn}"));
        } else if let Some(max) = self.max {
            said.push_str(&format!(", {max} tolerated"));
        }
        if of.all_before > of.all_aside {
            let after = (of.before - of.aside, of.all_before - of.all_aside);
            said.push_str(&format!("; its share goes from {} to {}", percent((of.before, of.all_before)), percent(after)));
        }
        said
    }

    fn message(&self, losses: &BTreeMap<GroupKey, Losses>, groups: &[GroupFigures]) -> Message {
        let of = |outcome: Outcome| groups.iter().filter(move |g| g.outcome == outcome);
        let mut message = Message::default();
        let all: Option<&Losses> = losses.values().next();
        if all.is_none_or(|all| all.all_aside == 0) {
            message.push("no row of a group is set aside");
            return message;
        }
        if let Some(all) = all {
            let (aside, rows) = (count(all.all_aside), counted(all.all_before, "row"));
            message.push(format!("{aside} of {rows} are set aside ({})", percent_of(share((all.all_aside, all.all_before)), &[0.0, 1.0])));
        }
        let named: BTreeSet<&GroupKey> =
            [Outcome::Fail, Outcome::InsufficientEvidence, Outcome::Warn].into_iter().flat_map(of).map(|g| &g.group).collect();
        // Without a limit, groups are named that chance does not explain.
        let is_unlike = |key: &GroupKey| {
            let difference = losses.get(key).and_then(|of| of.difference(self.confidence));
            self.max.is_none() && difference.is_some_and(|(_, low, high)| low > 0.0 || high < 0.0)
        };
        let mut telling: Vec<&GroupFigures> =
            groups.iter().filter(|g| named.contains(&g.group) || (g.outcome == Outcome::Pass && is_unlike(&g.group))).collect();
        let how_far = |g: &GroupFigures| g.figures.get(&figures::DIFFERENCE).and_then(|f| f.value.as_f64()).unwrap_or(0.0);
        telling.sort_by(|a, b| b.outcome.cmp(&a.outcome).then(how_far(b).total_cmp(&how_far(a))));
        if telling.is_empty() {
            message.push(match self.max {
                Some(max) => format!("no group's rate is further than {max} from that of the others"),
                None => "chance explains how the groups differ".to_owned(),
            });
        }
        message.extend(telling.iter().take(SHOWN_MAX).flat_map(|g| g.message.statements().to_vec()));
        let more = telling.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            message.push(format!("and {} more", counted(more as u64, "group")));
        }
        let small = of(Outcome::NotJudged).count();
        if small > 0 {
            let have = if small == 1 { "group has" } else { "groups have" };
            message.push(format!("{small} {have} fewer rows than {}, not judged", count(self.min_rows)));
        }
        message
    }
}

/// One decimal, or as many more as it takes to see on which side of each of `limits` the number lies.
fn rounded(x: f64, limits: &[f64]) -> String {
    let agrees = |text: &String| text.parse().is_ok_and(|y: f64| limits.iter().all(|limit| y.partial_cmp(limit) == x.partial_cmp(limit)));
    Some(format!("{x:.1}")).filter(agrees).unwrap_or_else(|| beside(x, limits))
}

fn overall(losses: &BTreeMap<GroupKey, Losses>) -> Figures {
    let Some(all) = losses.values().next() else { return Figures::default() };
    let mut overall = Figures::from([
        (&figures::ROWS, all.all_before.into()),
        (&figures::GROUPS, losses.len().into()),
        (&figures::SET_ASIDE, all.all_aside.into()),
        (&figures::REJECTION_RATE, share((all.all_aside, all.all_before)).into()),
    ]);
    if all.all_aside < all.all_before {
        let shares = |of: fn(&Losses) -> (u64, u64)| losses.values().map(|l| share(of(l))).collect::<Vec<f64>>();
        let before = shares(|l| (l.before, l.all_before));
        let after = shares(|l| (l.before - l.aside, l.all_before - l.all_aside));
        overall.set(&figures::TOTAL_VARIATION, total_variation(&after, &before));
    }
    overall
}
