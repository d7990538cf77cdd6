mod explain;

use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::earlier::{Count, beside_one};
use super::facts::SinglePass;
use super::judgement::Judgement;
use super::requests::{Beside, Handle};
use super::words::{Against, Literal, Share};
use super::{Answer, Binder, EarlierLimit, Explanation, GroupFacts, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, GroupFigures, Message, Outcome, Unit, figures};
use crate::metric::groups::{GROUPS_MAX, GroupCounts, GroupKey, group_name, name_of};
use crate::shown::{count, counted, percent_of};
use crate::types::type_name;
use crate::yaml::Spanned;

/// The classes of a label: whether each has rows enough, and whether all are there.
///
/// Each different value of the column is a class. Its share is its rows / rows with a label. With `min_share` each class must have
/// such a share, with `min_rows` so many rows (here that is a limit for each class). `classes` lists the classes there should be, or
/// `against` takes them from other data: then `unseen` says what follows where one of them has no row, and a class that is not
/// among them fails. `warn` beside one of `min_share` and `min_rows` is an earlier limit: a class with less than that is a warning.
/// Without `classes` and `against`, `unseen` compares with the baseline. The figures count the classes, the rows without a label, and
/// how many times more rows the largest class has than the smallest (`imbalance`). Shares are those of these very rows, so there are
/// no intervals; `representation` asks whether a sample is like its population.
///
/// - Missing values and NaN: they are no class; they are counted apart, and `missing` judges them.
/// - No rows: `no_data`; so are rows without any label, and more than 10,000 classes.
///
/// Why: a class of five examples is not learned, and a class that is gone from the training data is forgotten without a word.
///
/// ```yaml
/// - labels: { column: label, min_share: 5%, min_rows: 100 }
/// - labels: { column: diagnosis, classes: [benign, malignant], unseen: fail }
/// - labels: { column: species, against: train/2025.parquet, unseen: fail, on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    /// The least share that each class must have. If left out: any.
    min_share: Option<Spanned<Share>>,
    /// How many rows each class must have. If left out: any number.
    min_rows: Option<Spanned<u64>>,
    /// The classes there should be. If left out: those of `against`, or any.
    classes: Option<Spanned<Vec<Spanned<Literal>>>>,
    /// Other data that have the classes there should be. If left out: those of `classes`, or any.
    against: Option<Spanned<Against>>,
    /// What follows where a class that should be there has no row: `fail`, `warn` or `pass`. If left out: `warn`.
    unseen: Option<Spanned<Unseen>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unseen {
    Fail,
    #[default]
    Warn,
    Pass,
}

impl Rule for Labels {
    const NAME: &'static str = "labels";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = false;
    const CLAIMS: &'static [&'static str] = &["min_rows", "require_evidence"];
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        if let Some(share) = self.min_share.as_ref().filter(|share| !share.value.is_proper()) {
            faults.push(to.fault_at(share, Code::InvalidValue, "a share of each class lies between 0% and 100%, both excluded"));
        }
        if let (Some(_), Some(against)) = (&self.classes, &self.against) {
            let fault = to.fault_at(against, Code::ConflictingWords, "`classes` and `against` both say which classes there should be");
            faults.push(fault.hint("leave one out"));
        }
        let mut known = None;
        if let Some(classes) = &self.classes {
            let mut names: Vec<GroupKey> = Vec::new();
            for class in &classes.value {
                match name_of(&class.value.0, &column.data_type) {
                    Some(name) => names.push(vec![Some(name)]),
                    None => {
                        let what = format!("column `{}`: `{}` is not {}", column.name, class.value, type_name(&column.data_type));
                        faults.push(to.fault_at(class, Code::InvalidValue, what));
                    }
                }
            }
            known = Some(names);
        }
        let against = match (&self.against, &self.unseen, &self.classes) {
            (Some(against), ..) => Some(against.value.0.clone()),
            (None, Some(_), None) => Some(to.default_against()),
            (None, ..) => None,
        };
        if self.min_share.is_none() && self.min_rows.is_none() && known.is_none() && against.is_none() {
            let hint = "give `min_share`, `min_rows`, `classes` or `against`";
            faults.push(to.fault(Code::MissingWord, "nothing says what the classes should be like").hint(hint));
        }
        let theirs = against.and_then(|against| faults.take(to.beside::<GroupCounts>(&against, (), &[column.index])));
        let warn = faults.take(self.earlier(to)).flatten();
        faults.or_ok(())?;
        Ok(Box::new(LabelsCheck {
            warn,
            column: column.name,
            min_share: self.min_share.as_ref().map(|share| share.value.as_f64()),
            min_rows: self.min_rows.as_ref().map(|rows| rows.value),
            known,
            theirs,
            unseen: self.unseen.as_ref().map(|unseen| unseen.value).unwrap_or_default(),
            counts: to.want::<GroupCounts>((), &[column.index]),
        }))
    }
}

impl Labels {
    /// `warn` beside `min_share` or `min_rows`.
    fn earlier(&self, to: &Binder<'_>) -> Result<Option<Warn>, Fault> {
        let share: Vec<Share> = self.min_share.iter().map(|share| share.value).collect();
        let rows: Vec<Count> = self.min_rows.iter().map(|rows| Count(rows.value)).collect();
        match (share.is_empty(), &to.warn) {
            (false, Some(warn)) if !rows.is_empty() => {
                let what = "`warn` stands beside `min_share` and `min_rows`, and nothing says which it is earlier than";
                Err(to.fault_at(warn, Code::ConflictingWords, what).hint("write a rule for each, with its `warn`"))
            }
            (true, _) => Ok(beside_one(&rows, to, |warn, limit| warn.0 > limit.0)?.map(|Count(rows)| Warn::Rows(rows))),
            (false, _) => {
                let is_earlier = |warn: Share, limit: Share| warn.decimal().compare(limit.decimal()).is_gt();
                Ok(beside_one(&share, to, is_earlier)?.map(|share| Warn::Share(share.as_f64())))
            }
        }
    }
}

/// A class with less is a warning.
#[derive(Debug, Clone, Copy)]
enum Warn {
    Rows(u64),
    Share(f64),
}

#[derive(Clone)]
struct LabelsCheck {
    warn: Option<Warn>,
    column: String,
    min_share: Option<f64>,
    min_rows: Option<u64>,
    /// The classes that the rule file lists.
    known: Option<Vec<GroupKey>>,
    theirs: Option<Beside<GroupCounts>>,
    unseen: Unseen,
    counts: Handle<GroupCounts>,
}

/// Classes that a message names of each outcome.
const SHOWN_MAX: usize = 10;

fn is_missing(key: &GroupKey) -> bool {
    key.iter().all(Option::is_none)
}

impl SinglePass for LabelsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(out) = facts.get(self.counts)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if out.overflow {
            return Ok(Judgement::Unfit(format!(
                "`{}` has more than {} different values: it is no label",
                self.column,
                count(GROUPS_MAX as u64)
            )));
        }
        let without: u64 = out.counts.iter().filter(|(key, _)| is_missing(key)).map(|(_, rows)| rows).sum();
        let mut classes: BTreeMap<&GroupKey, u64> =
            out.counts.iter().filter(|(key, _)| !is_missing(key)).map(|(key, rows)| (key, *rows)).collect();
        let total: u64 = classes.values().sum();
        if total == 0 {
            let why = if without > 0 { "no row has a label" } else { "no rows in scope" };
            return Ok(Judgement::NoData(why.into()));
        }
        let known: Option<Vec<&GroupKey>> = match self.theirs.map(|theirs| facts.beside(theirs)).transpose()? {
            None => self.known.as_ref().map(|known| known.iter().collect()),
            Some(Answer::NotThere(why)) => return Ok(why.into()),
            Some(Answer::There(other)) if other.overflow => {
                return Ok(Judgement::NoData("what it is compared with has too many different values".into()));
            }
            Some(Answer::There(other)) => Some(other.counts.keys().filter(|key| !is_missing(key)).collect()),
        };
        let observed = classes.len();
        for &key in known.iter().flatten() {
            classes.entry(key).or_insert(0);
        }
        let known: Option<HashSet<&GroupKey>> = known.map(|known| known.into_iter().collect());
        let is_known = |key: &GroupKey| known.as_ref().is_none_or(|known| known.contains(key));
        let groups: Vec<GroupFigures> = classes.iter().map(|(key, rows)| self.class(key, *rows, total, is_known(key))).collect();
        let outcome = groups.iter().map(|group| group.outcome).max().unwrap_or(Outcome::Pass);
        let seen = || classes.values().filter(|rows| **rows > 0);
        let (least, most) = (seen().min().copied().unwrap_or(0), seen().max().copied().unwrap_or(0));
        let failing = groups.iter().filter(|group| group.outcome == Outcome::Fail).count();
        Ok(Judgement::measured(Finding {
            outcome,
            observed: failing.into(),
            limit: 0u64.into(),
            unit: Unit::FAILING_GROUPS,
            message: self.message(&groups, observed),
            figures: Figures::from([
                (&figures::ROWS, total.into()),
                (&figures::GROUPS, observed.into()),
                (&figures::MISSING, without.into()),
                (&figures::IMBALANCE, (most as f64 / least.max(1) as f64).into()),
            ]),
            groups,
            ..Finding::default()
        }))
    }
}

impl LabelsCheck {
    fn class(&self, key: &GroupKey, rows: u64, total: u64, is_known: bool) -> GroupFigures {
        let (name, share) = (group_name(key), rows as f64 / total as f64);
        let seen = format!("{name}: {} ({})", counted(rows, "row"), percent_of(share, &[0.0, 1.0, self.min_share.unwrap_or(0.0)]));
        let too_few = self.min_rows.filter(|least| rows < *least).map(|least| format!("at least {} expected", count(least)));
        let too_small = self.min_share.filter(|least| share < *least).map(|least| format!("at least {} expected", percent_of(least, &[])));
        let (outcome, message) = match (rows, is_known, too_few.or(too_small)) {
            (0, ..) => {
                let outcome = match self.unseen {
                    Unseen::Fail => Outcome::Fail,
                    Unseen::Warn => Outcome::Warn,
                    Unseen::Pass => Outcome::Pass,
                };
                (outcome, format!("{name}: unseen in {}", counted(total, "row")))
            }
            (_, false, _) => (Outcome::Fail, format!("{seen}, unexpected class")),
            (_, true, Some(wanted)) => (Outcome::Fail, format!("{seen}, {wanted}")),
            (_, true, None) => match self.warn {
                Some(Warn::Rows(least)) if rows < least => (Outcome::Warn, format!("{seen}, below {}", count(least))),
                Some(Warn::Share(least)) if share < least => (Outcome::Warn, format!("{seen}, below {}", percent_of(least, &[]))),
                Some(_) | None => (Outcome::Pass, seen),
            },
        };
        let figures = Figures::from([(&figures::COUNT, rows.into()), (&figures::SHARE, share.into())]);
        GroupFigures { group: key.clone(), outcome, message: message.into(), figures }
    }

    /// The classes that do not pass, the worst first.
    fn message(&self, groups: &[GroupFigures], observed: usize) -> Message {
        let mut message = Message::default();
        let of = |outcome: Outcome| groups.iter().filter(move |group| group.outcome == outcome);
        for outcome in [Outcome::Fail, Outcome::Warn] {
            message.extend(of(outcome).take(SHOWN_MAX).flat_map(|group| group.message.statements().to_vec()));
            let more = of(outcome).count().saturating_sub(SHOWN_MAX);
            if more > 0 {
                message.push(format!("and {more} more classes"));
            }
        }
        if of(Outcome::Fail).next().is_none() && of(Outcome::Warn).next().is_none() {
            message.push(match observed {
                1 => "the one class is as it should be".to_owned(),
                _ => format!("all {observed} classes are as they should be"),
            });
        }
        message
    }
}
