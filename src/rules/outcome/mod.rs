//! `outcome`: what it says in a rule file, and how it binds. [`rates`] counts what became of each group, [`decide`] says what
//! samples tell of two rates, [`check`] judges the groups, [`said`] puts it in words.

mod check;
mod decide;
mod explain;
mod group_word;
mod rates;
mod said;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use self::check::OutcomeCheck;
use self::decide::{Limit, Limits};
use self::group_word::GroupWord;
use self::rates::{Positive, Rate};
use super::earlier::beside_one;
use super::words::{Literal, Points, Share};
use super::{Alone, Binder, BoundColumn, EarlierLimit, Explanation, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::groups::{GroupCounts, GroupKey, group_name, name_of};
use crate::shown::counted;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Groups that come off worse than others: in who is selected, and in whom errors hit.
///
/// The selection rate of a group is the share of its rows with the positive outcome: of the `label`, or of the `prediction` where
/// there is one. It comes with its Wilson interval. Each group is compared with all others together ("the rest"), or with
/// `reference_group`. Names and definitions are Fairlearn's.
///
/// | limit | a group's … must be |
/// |---|---|
/// | `demographic_parity: 10 points` | selection rate within 10 points of the other one, up or down |
/// | `min_ratio: 80%` | selection rate at least 80 % of the other one |
/// | `four_fifths: true` | the same: the four-fifths rule of US employment law (29 CFR 1607.4 D) |
/// | `equal_opportunity: 10 points` | true positive rate within 10 points: of those with the positive label, who is selected |
/// | `equalized_odds: 10 points` | true and false positive rates within 10 points |
///
/// At least one limit must be given; `equal_opportunity` and `equalized_odds` need a `prediction`.
///
/// | the interval lies | outcome of the group |
/// |---|---|
/// | wholly beyond the limit | `fail` |
/// | wholly within | `pass` |
/// | across it | `insufficient_evidence`, a warning. The message says about how many rows of the group would be enough, if all groups grew alike, or "on the border" if even 1,000 times as many would not |
///
/// `warn` beside one limit is an earlier one in its unit (`warn: 5 points`, `warn: 90%`): a group that keeps to the limit, and whose
/// interval lies wholly beyond `warn`, is a warning.
///
/// - The interval of a difference is Newcombe's (1998, method 10), that of a ratio Katz's (1978): ln r ± z·√(1/x₁ − 1/n₁ + 1/x₂ −
///   1/n₂). Where a part is 0, half a row is added to every count; where a part is the whole, that variance would be 0 however few rows
///   there are, and the interval follows from Wilson's two (Donner and Zou 2012, MOVER-R).
/// - `p_value` is that of the two-proportion test with the pooled share. It is shown, and decides nothing.
/// - Groups with fewer rows than `min_rows` are shown and not judged, but are part of the rest. Where what a group is compared with has
///   fewer rows than that, it is `insufficient_evidence`. A group without any row that a
///   rate is a share of (no positive label, say) cannot be compared by it: `insufficient_evidence`.
/// - `require_evidence: true`: `insufficient_evidence` and groups that are not judged fail.
/// - Several columns of `groups` form intersections. A missing value is a group, written `(missing)`.
///
/// Over all, between the groups that are judged: `demographic_parity_difference` (the largest selection rate less the smallest)
/// and `demographic_parity_ratio` (the smallest by the largest), `equal_opportunity_difference` and `_ratio` of true positive
/// rates, `equalized_odds_difference` (the larger of those of true and false positive rates) and `equalized_odds_ratio` (the
/// smaller). They equal Fairlearn's `between_groups` where every group has positive and other labels; where Fairlearn takes a
/// rate of no rows as 0, it has no value here and is left out.
///
/// - Missing values and NaN: a row without a label, or without a prediction where there is one, is no part of any rate. How many
///   a group has is told: labels that lack in one group alone are a bias too.
/// - Infinities: each is a label of its own.
/// - No rows: `no_data`. So are no row with a label, one group with labels alone, and a positive value that never occurs: in what is
///   selected, or in the labels where true and false positive rates are compared.
///
/// Why: a model learns the decisions that it is shown. If these favoured a group, it will; and a model that is right on average
/// may be wrong for one group alone.
///
/// ```yaml
/// - outcome: { groups: [gender], label: hired, positive: "yes", demographic_parity: 10 points, min_rows: 50 }
/// - outcome: { groups: [race, gender], label: hired, four_fifths: true, reference_group: [white, m] }
/// - outcome: { groups: [gender], label: repaid, prediction: approved, equalized_odds: 5 points }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeRule {
    /// The columns whose combined values are the groups.
    groups: Vec<Spanned<String>>,
    /// The column that says what became of a row.
    label: Spanned<String>,
    /// The value of `label` and `prediction` that is the favourable outcome. If left out: `true`, or 1 among numbers.
    positive: Option<Spanned<Literal>>,
    /// The column with what a model predicted of the row. If left out: the labels themselves are compared.
    prediction: Option<Spanned<String>>,
    /// The group that all others are compared with; of several columns a list. If left out: each group is compared with all others together.
    reference_group: Option<Spanned<GroupWord>>,
    /// How far selection rates may lie apart. If left out: any distance.
    demographic_parity: Option<Points>,
    /// How small a selection rate may be, as a share of the other one. If left out: any share.
    min_ratio: Option<Spanned<Share>>,
    /// Whether a selection rate must be four fifths of the other one at least. If left out: no.
    four_fifths: Option<Spanned<bool>>,
    /// How far true positive rates may lie apart. If left out: any distance.
    equal_opportunity: Option<Spanned<Points>>,
    /// How far true positive rates, and false positive rates, may lie apart. If left out: any distance.
    equalized_odds: Option<Spanned<Points>>,
    /// The confidence of the intervals. If left out: 95%.
    confidence: Option<Spanned<Share>>,
}

/// An earlier limit, in the unit of the limit that it comes before.
#[derive(Debug, Clone, Copy)]
enum Warn {
    Difference { most: Points },
    Ratio { least: Share },
}

fn value(limit: &Option<Spanned<Points>>) -> Option<Points> {
    limit.as_ref().map(|limit| limit.value)
}

impl Rule for OutcomeRule {
    const NAME: &'static str = "outcome";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn validate(&self, alone: &mut Alone<'_>) {
        for (at, code, what) in self.at_odds() {
            alone.fault_at(at, code, what);
        }
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut columns: Vec<BoundColumn> = Vec::new();
        for name in self.groups.iter().chain([&self.label]).chain(&self.prediction) {
            let Some(column) = faults.take(to.find(name)) else { continue };
            if columns.iter().any(|known| known.index == column.index) {
                faults.push(to.fault_at(name, Code::ConflictingWords, format!("`{}` stands twice", name.value)));
            }
            columns.push(column);
        }
        if self.groups.is_empty() {
            faults.push(to.fault(Code::InvalidValue, "`groups` names no column"));
        }
        for (at, code, what) in self.at_odds() {
            faults.push(to.fault_at(at, code, what));
        }
        let limits = faults.take(self.limits(to));
        faults.or_ok(())?;
        let (keys, mut positives, mut faults) = (self.groups.len(), Vec::new(), Faults::default());
        for column in &columns[keys..] {
            positives.extend(faults.take(self.positive_of(column, to)));
        }
        let reference_group = faults.take(self.reference_key(&columns[..keys], to)).flatten();
        faults.or_ok(())?;
        let mut positives = positives.into_iter();
        let positive = Positive { label: positives.next().unwrap_or_default(), prediction: positives.next() };
        let indices: Vec<usize> = columns.iter().map(|column| column.index).collect();
        let terms = said::Terms {
            predicts: self.prediction.is_some(),
            reference: reference_group.as_ref().map(group_name),
            confidence: self.confidence.as_ref().map_or(0.95, |c| c.value.as_f64()),
            min_rows: to.policy.min_rows.unwrap_or(0),
        };
        Ok(Box::new(OutcomeCheck {
            columns: columns.into_iter().map(|column| column.name).collect(),
            keys,
            groups_by: indices[..keys].to_vec(),
            positive,
            reference_group,
            limits: limits.unwrap_or_default(),
            terms,
            require_evidence: to.policy.require_evidence,
            counts: to.want::<GroupCounts>((), &indices),
        }))
    }
}

impl OutcomeRule {
    /// What is wrong with it whatever the data is.
    fn at_odds(&self) -> impl Iterator<Item = (&Spanned<Share>, Code, &'static str)> {
        const TWICE: &str = "`four_fifths` is `min_ratio: 80%`: both say how small a ratio may be";
        const NO_CONFIDENCE: &str = "a confidence lies between 0% and 100%, both excluded";
        let four_fifths = self.four_fifths.as_ref().is_some_and(|wanted| wanted.value);
        let twice = self.min_ratio.as_ref().filter(|_| four_fifths).map(|at| (at, Code::ConflictingWords, TWICE));
        let improper = self.confidence.as_ref().filter(|c| !c.value.is_proper()).map(|at| (at, Code::InvalidValue, NO_CONFIDENCE));
        twice.into_iter().chain(improper)
    }

    fn limits(&self, to: &Binder<'_>) -> Result<Vec<Limits>, Fault> {
        let four_fifths = self.four_fifths.as_ref().filter(|wanted| wanted.value).and_then(|_| "80%".parse().ok());
        let least: Option<Share> = self.min_ratio.as_ref().map(|least| least.value).or(four_fifths);
        let difference = |of: Rate, most: Points| Limit::Difference { of, most };
        let opportunity = self.equal_opportunity.as_ref().map(|most| difference(Rate::TruePositive, most.value));
        let odds = self.equalized_odds.as_ref().map(|most| [Rate::TruePositive, Rate::FalsePositive].map(|of| difference(of, most.value)));
        let needing = self.equal_opportunity.as_ref().map(|given| ("equal_opportunity", given));
        let needing = needing.or(self.equalized_odds.as_ref().map(|given| ("equalized_odds", given)));
        if let (Some((word, given)), None) = (needing, &self.prediction) {
            let fault =
                to.fault_at(given, Code::MissingWord, format!("`{word}` compares predictions with labels, and there is no `prediction`"));
            return Err(fault.hint("name the column: `prediction: …`"));
        }
        let parity = self.demographic_parity.map(|most| difference(Rate::Selection, most));
        let limits: Vec<Limit> = parity
            .into_iter()
            .chain(least.map(|least| Limit::Ratio { least }))
            .chain(opportunity)
            .chain(odds.into_iter().flatten())
            .collect();
        if limits.is_empty() {
            let fault = to.fault(Code::MissingWord, "nothing says how far the groups may be apart");
            return Err(fault.hint("give `demographic_parity: 10 points`, `min_ratio: 80%`, `equal_opportunity` or `equalized_odds`"));
        }
        let differences = [self.demographic_parity, value(&self.equal_opportunity), value(&self.equalized_odds)];
        let differences: Vec<Points> = differences.into_iter().flatten().collect();
        if let (Some(written), Some(_), false) = (&to.warn, least, differences.is_empty()) {
            let what = "`warn` stands beside several limits, and nothing says which it is earlier than";
            return Err(to.fault_at(written, Code::ConflictingWords, what).hint("write a rule for each limit, with its `warn`"));
        }
        let warns = match least {
            Some(least) => {
                let is_earlier = |warn: Share, limit: Share| warn.decimal().compare(limit.decimal()).is_gt();
                beside_one(&[least], to, is_earlier)?.map(|least| Warn::Ratio { least })
            }
            None => beside_one(&differences, to, Points::comes_before)?.map(|most| Warn::Difference { most }),
        };
        let with_warn = |limit: Limit| {
            let warn = match (limit, warns) {
                (Limit::Difference { of, .. }, Some(Warn::Difference { most })) => Some(Limit::Difference { of, most }),
                (Limit::Ratio { .. }, Some(Warn::Ratio { least })) => Some(Limit::Ratio { least }),
                (Limit::Difference { .. } | Limit::Ratio { .. }, _) => None,
            };
            Limits { limit, warn }
        };
        Ok(limits.into_iter().map(with_warn).collect())
    }

    /// The positive value as it is called among those of `column`.
    fn positive_of(&self, column: &BoundColumn, to: &Binder<'_>) -> Result<String, Fault> {
        let (name, data_type) = (&column.name, &column.data_type);
        let written = match (&self.positive, data_type) {
            (Some(given), _) => given.value.0.as_str(),
            (None, DataType::Boolean) => "true",
            (None, data_type) if data_type.is_numeric() => "1",
            (None, _) => {
                let fault = to.fault(Code::MissingWord, format!("nothing says which value of `{name}` is the favourable one"));
                return Err(fault.hint("write `positive: …`"));
            }
        };
        name_of(written, data_type).ok_or_else(|| {
            let what = format!("`{written}` is no value of `{name}`, which is {}", type_name(data_type));
            match &self.positive {
                Some(given) => to.fault_at(given, Code::InvalidValue, what),
                None => to.fault(Code::InvalidValue, what).hint("write `positive: …`"),
            }
        })
    }

    /// The reference group as the values of its columns name it.
    fn reference_key(&self, columns: &[BoundColumn], to: &Binder<'_>) -> Result<Option<GroupKey>, Fault> {
        let Some(given) = &self.reference_group else { return Ok(None) };
        let GroupWord(values) = &given.value;
        if values.len() != columns.len() {
            let what = format!(
                "`reference_group` has {}, and `groups` {}",
                counted(values.len() as u64, "value"),
                counted(columns.len() as u64, "column")
            );
            return Err(to
                .fault_at(given, Code::InvalidValue, what)
                .hint("write a value for each column, in their order: `[first, second]`"));
        }
        let named = |(written, column): (&String, &BoundColumn)| {
            let missing = written == "(missing)";
            (!missing).then(|| name_of(written, &column.data_type).unwrap_or_else(|| written.clone()))
        };
        Ok(Some(values.iter().zip(columns).map(named).collect()))
    }
}
