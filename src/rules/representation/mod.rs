//! `representation`: what it says in a rule file, and how it binds. [`reference`] reads the shares that should be, [`decide`]
//! says what a sample tells of one share, [`counted`] what was counted, [`check`] judges the groups.

mod check;
mod counted;
mod decide;
mod explain;
mod reference;
mod shares_file;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use self::check::RepresentationCheck;
use self::counted::Counts;
use self::reference::Reference;
use super::words::{Against, AgainstWord, Margin, Share};
use super::{Alone, Binder, EarlierLimit, Explanation, Files, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::group_units::GroupUnits;
use crate::metric::groups::GroupCounts;
use crate::yaml::Spanned;

/// Groups whose share of the rows is far from what it should be.
///
/// Each group's share comes with its Wilson score interval (`confidence`).
///
/// | the interval lies | outcome of the group |
/// |---|---|
/// | wholly outside reference ± `tolerance` | `fail` |
/// | wholly inside | `pass` |
/// | across the bound | `insufficient_evidence`, a warning. The message says how many rows would be enough, or "on the border" if even 1,000 times as many would not |
///
/// - An unseen group fails where chance does not explain it: (1 − p)ⁿ < 1 − confidence, for a reference share p and n rows, whatever
///   the tolerance. Else it is `insufficient_evidence`.
/// - A group that the reference does not name has the reference 0, and is judged as any other: a few stray rows within the
///   tolerance pass, and are named. Where the tolerance is relative, that of the smallest share of the reference holds for it.
/// - Groups with fewer rows than `min_rows` are shown and not judged, but for unseen ones that chance does not explain.
/// - `require_evidence: true`: `insufficient_evidence` and groups that are not judged fail.
/// - Several columns form intersections. A missing value is a group, written `(missing)`.
/// - Given shares must add up to 1 ± 0.005. They are divided by their sum; these shares are what is compared and shown. Their
///   keys are read as the column's type: `1` is 1.0 and the decimal 1.00, −0 is 0.
/// - Shares may stand in a file: `reference: census.csv`, with the columns of `groups` and one called `share`, a group on each line
///   (an empty value is `(missing)`, other columns are passed over); or `census.json` or `census.yaml`, with the mapping that would stand
///   in the rule file. It is read with the rule file, and a change of it makes another one.
/// - `against` compares with the groups of other data: a file, the baseline (`reference: baseline` is the same), what is
///   published, or recorded runs. Then the interval is Newcombe's, of the difference of two shares, since the reference is a
///   sample too; and an unseen group fails where the chance that none of its rows fell into the batch is below 1 − confidence.
/// - `equal` gives the same share to each group that was observed and is judged; groups with a missing value have the
///   reference 0.
/// - `unit: user_id` counts different people rather than events: each value of the column counts once a group, however many rows
///   it has. One that is in several groups counts in each, which is said; rows without a value are left out. `min_rows` counts
///   units then. Up to 10,000 units a group are counted exactly, and integers within 262,144 of each other always. More are counted
///   by HyperLogLog with a standard error of 0.8 % (3.3 % where a summary took part), and intervals widen by that of the share,
///   p·(1 − p)·√2·0.8 %.
/// - `correction: holm` is for many groups: that one of them fails or passes by chance is then as unlikely as `confidence`
///   says for one alone (Holm 1979). A group's p-value is the smallest 1 − confidence at which its interval still decides.
///   In the order of their p-values, the first of m groups is judged at 1 − (1 − confidence)/m, the next at
///   1 − (1 − confidence)/(m − 1), and so on. Where the first is undecided, all that follow are. Intervals are shown at the
///   confidence that was used.
///
/// Over all: total variation distance, Jensen–Shannon distance, chi-square goodness of fit with Cohen's w. With `by`, each group
/// of `by` has these figures, and behind it stand its own groups.
///
/// - Missing values and NaN: they are a group, `(missing)`.
/// - Infinities: each is a group.
/// - No rows: `no_data`.
///
/// Why: a model trained on people who are not the people it will judge is wrong about those who are missing.
///
/// ```yaml
/// - representation: { groups: [gender], reference: { f: 0.5, m: 0.5 }, tolerance: 5 points, min_rows: 50 }
/// - representation: { groups: [region, gender], reference: equal, tolerance: 20%, correction: holm }
/// - representation: { groups: [region, gender], reference: census.csv, tolerance: 5 points }
/// - representation: { groups: [gender], against: training/2025.parquet, tolerance: 3 points }
/// - representation: { groups: [gender], unit: user_id, reference: { f: 0.5, m: 0.5 }, tolerance: 5 points }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Representation {
    /// The columns whose combined values are the groups.
    groups: Vec<Spanned<String>>,
    /// The shares that should be: given (nested for several columns), a file of them, `equal` over the groups observed, or `baseline`.
    /// If left out: `against` says what to compare with.
    reference: Option<Spanned<Reference>>,
    /// Other data whose shares are the reference. If left out: `reference` gives the shares.
    against: Option<Spanned<Against>>,
    /// The column whose different values are counted, such as people. If left out: rows are counted.
    unit: Option<Spanned<String>>,
    /// How far a share may lie from its reference: `5 points`, or `20%` of the reference.
    tolerance: Margin,
    /// The confidence of the intervals. If left out: 95%.
    confidence: Option<Spanned<Share>>,
    /// What keeps the risk of a wrong decision the same however many groups there are. If left out: nothing, each group is judged by itself.
    correction: Option<Correction>,
}

/// How decisions on many groups are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Correction {
    /// Holm's step-down procedure.
    Holm,
}

impl Representation {
    /// The other data whose shares are the reference; none where the rule file gives the shares.
    fn compares_with(&self, to: &Binder<'_>) -> Result<Option<AgainstWord>, Fault> {
        match (&self.reference, &self.against) {
            (None, Some(against)) => Ok(Some(against.value.0.clone())),
            (Some(Spanned { value: Reference::Baseline, .. }), None) => Ok(Some(to.default_against())),
            (Some(_), None) => Ok(None),
            (Some(_), Some(against)) => Err(to
                .fault_at(against, Code::ConflictingWords, "`reference` and `against` both say what the shares should be")
                .hint("leave one out")),
            (None, None) => {
                let fault = to.fault(Code::MissingWord, "nothing says what the shares should be");
                Err(fault.hint("give `reference: { group: share, … }`, `reference: equal`, or `against: PATH`"))
            }
        }
    }
}

impl Rule for Representation {
    const NAME: &'static str = "representation";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const WARN: EarlierLimit = EarlierLimit::Margin;

    fn validate(&self, alone: &mut Alone<'_>) {
        if let Some((reference, Err(why))) = self.reference.as_ref().map(|given| (given, given.value.total())) {
            alone.fault_at(reference, Code::InvalidValue, why);
        }
    }

    fn read_files(&mut self, files: &mut Files<'_>) -> Result<(), Faults> {
        if let Some(Spanned { at, value: reference }) = &mut self.reference
            && let Reference::File(path) = reference
        {
            *reference = shares_file::read(&Spanned { at: *at, value: path.clone() }, &self.groups, files)?;
        }
        Ok(())
    }

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        for name in &self.groups {
            columns.extend(faults.take(to.find(name)).map(|c| c.index));
        }
        if self.groups.is_empty() {
            faults.push(to.fault(Code::InvalidValue, "`groups` names no column"));
        }
        let unit = self.unit.as_ref().and_then(|name| faults.take(to.look_up(name)));
        if let Some((name, _)) = self.unit.as_ref().zip(unit.as_ref()).filter(|(_, unit)| columns.contains(&unit.index)) {
            let what = format!("`{}` is the unit and makes the groups", name.value);
            faults.push(to.fault_at(name, Code::ConflictingWords, what));
        }
        if let Some(given) = self.confidence.as_ref().filter(|c| !c.value.is_proper()) {
            faults.push(to.fault_at(given, Code::InvalidValue, "a confidence lies between 0% and 100%, both excluded"));
        }
        let warn = faults.take(to.own_warn::<Margin>()).flatten();
        if let Some(written) = to.warn.as_ref().filter(|_| warn.is_some_and(|warn| !warn.comes_before(self.tolerance))) {
            let what = format!("`warn` is not an earlier limit than `tolerance`, {}", self.tolerance);
            faults.push(to.fault_at(written, Code::ConflictingWords, what).hint("write less"));
        }
        let against = faults.take(self.compares_with(to)).flatten();
        faults.or_ok(())?;
        let types: Vec<DataType> = columns.iter().map(|&c| to.bound(c).data_type).collect();
        let given =
            self.reference.as_ref().map(|given| given.value.of_columns(&types).map_err(|why| to.fault_at(given, Code::InvalidValue, why)));
        let reference = given.transpose()?.unwrap_or(Reference::Baseline);
        let counts = match unit {
            None => Counts::Rows {
                beside: against.map(|against| to.beside::<GroupCounts>(&against, (), &columns)).transpose()?,
                counts: to.want::<GroupCounts>((), &columns),
            },
            Some(unit) => {
                let with_unit = [columns.as_slice(), &[unit.index]].concat();
                Counts::Units {
                    beside: against.map(|against| to.beside::<GroupUnits>(&against, (), &with_unit)).transpose()?,
                    counts: to.want::<GroupUnits>((), &with_unit),
                    column: unit.name,
                }
            }
        };
        Ok(Box::new(RepresentationCheck {
            columns: self.groups.iter().map(|name| name.value.clone()).collect(),
            reference,
            tolerance: self.tolerance,
            warn,
            confidence: self.confidence.as_ref().map_or(0.95, |c| c.value.as_f64()),
            is_corrected: self.correction == Some(Correction::Holm),
            min_rows: to.policy.min_rows.unwrap_or(0),
            require_evidence: to.policy.require_evidence,
            counts,
            groups_by: columns,
        }))
    }
}
