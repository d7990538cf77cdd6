use schemars::JsonSchema;
use serde::Deserialize;

use super::compared::{Comparison, Estimate, Words};
use super::explained::{self, by_group};
use super::facts::SinglePass;
use super::judgement::Judgement;
use super::limits::{CountLimits, Given};
use super::requests::{Beside, Handle};
use super::words::{Against, Change};
use super::{Binder, EarlierLimit, Explanation, GroupFacts, Judge, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::completeness::Completeness;
use crate::shown::counted;
use crate::yaml::Spanned;

/// How many rows there are.
///
/// Rows left by `clean`, those that other rules set aside among them; with `where` those it speaks
/// of, with `by` those of each group. Bounds are whole numbers (`3.0` is 3). A batch without rows is
/// undecided, unless `rows: { min: 0 }` permits it.
///
/// With `against` the number is compared with that of other data: `change` says how far it may be from it. Rows that other
/// rules set aside do not count then, neither here nor there; where the other data are several batches, their average counts.
/// `against: { runs: { last: 30 } }` judges by what is usual: the batch fails if its robust z, 0.6745·(x − median)/MAD over the
/// numbers of the last runs, is beyond `limit`, and the number is further than `min_change` from their median. Fewer than 14
/// runs do not tell what is usual: the outcome is `no_data`, and blocks nothing.
///
/// - Missing values and NaN: their rows count.
/// - Infinities: their rows count.
/// - No rows: `no_data` (verdict `undecided`), unless `min: 0` permits it.
///
/// Why: half a delivery looks like a whole one to every rule about values.
///
/// ```yaml
/// - rows: { min: 1000, max: 2000000 }
/// - rows: { above: 0, where: "status = 'paid'" }
/// - rows: { against: published, change: 50% }
/// - rows: { against: { runs: { last: 28, season: weekday } } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowCount {
    /// At least so many. If left out: no bound.
    min: Option<Spanned<u64>>,
    /// At most so many. If left out: no bound.
    max: Option<Spanned<u64>>,
    /// More than so many. If left out: no bound.
    above: Option<Spanned<u64>>,
    /// Fewer than so many. If left out: no bound.
    below: Option<Spanned<u64>>,
    /// What the number of rows is compared with: a path, `published`, `baseline`, `{ runs: { last: 14 } }`, … If left out: nothing,
    /// or the baseline where `change` is given.
    against: Option<Spanned<Against>>,
    /// How far the number of rows may be from that of `against`: a share of it (`20%`) or a number of rows. If left out: `against`
    /// needs it, unless it names runs.
    change: Option<Spanned<Change>>,
    /// Beside runs: the largest robust z that is still usual. If left out: 5.
    limit: Option<Spanned<f64>>,
    /// Beside runs: what changes by no more than this passes, however unusual it is. If left out: 10% of the runs' median.
    min_change: Option<Spanned<Change>>,
}

impl Rule for RowCount {
    const NAME: &'static str = "rows";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const COUNTS_ROWS: bool = true;
    const WARN: EarlierLimit = EarlierLimit::Count;

    fn explain(told: &Told<'_>) -> Explanation {
        by_group(told, |told, explanation| match told.figure(&figures::COMPARED_WITH) {
            Some(_) => explained::compared(told, explanation),
            None => explained::bounds(told, &told.value(&figures::ROWS), explanation),
        })
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
        if self.compared().are_given() {
            return self.bind_compared(&given, to);
        }
        let limits = CountLimits::read(&given, to)?.with_warn(to)?;
        Ok(Box::new(RowsCheck { rows: to.rows_in_scope(), limits }))
    }

    fn demands_rows(&self) -> bool {
        self.min.as_ref().is_some_and(|min| min.value > 0) || self.above.is_some()
    }

    fn permits_empty(&self) -> bool {
        self.min.as_ref().is_some_and(|min| min.value == 0) && self.above.is_none()
    }
}

impl RowCount {
    fn compared(&self) -> Words<'_> {
        Words {
            against: self.against.as_ref(),
            change: self.change.as_ref(),
            limit: self.limit.as_ref(),
            min_change: self.min_change.as_ref(),
        }
    }

    fn bind_compared(&self, given: &Given<'_, u64>, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        if let Some(bound) = [given.min, given.max, given.above, given.below].into_iter().flatten().next() {
            let fault = to.fault_at(bound, Code::ConflictingWords, "the number of rows is held against bounds or against other data");
            faults.push(fault.hint("write a rule for each"));
        }
        if let Some(warn) = &to.warn {
            let fault = to.fault_at(warn, Code::MisplacedWord, "`warn` cannot stand beside `against`");
            faults.push(fault.hint("write another rule with the smaller change and `on_fail: warn`"));
        }
        let comparison = faults.take_all(self.compared().read(false, to));
        let Some(comparison) = comparison.filter(|_| faults.is_empty()) else { return Err(faults) };
        let rows = to.want::<Completeness>((), &[]);
        let theirs = to.beside::<Completeness>(&comparison.against, (), &[])?;
        Ok(Box::new(ComparedRows { rows, comparison, theirs }))
    }
}

/// The number of rows beside that of other data.
#[derive(Clone)]
struct ComparedRows {
    rows: Handle<Completeness>,
    comparison: Comparison,
    theirs: Beside<Completeness>,
}

impl SinglePass for ComparedRows {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let rows = facts.get(self.rows)?.map_or(0, |c| c.rows);
        let batches = if self.comparison.is_by_run() { 1 } else { facts.batches_beside(self.theirs)? };
        let theirs = self.comparison.other(facts, self.theirs, |c| Ok(Estimate::exact(c.rows as f64 / batches as f64)))?;
        Ok(match theirs {
            Ok(theirs) => {
                let mut judgement = self.comparison.judge("number of rows", rows as f64, theirs);
                if let Judgement::Measured(finding) = &mut judgement {
                    (finding.observed, finding.unit) = (rows.into(), Unit::ROWS);
                    finding.figures.set(&figures::ROWS, rows);
                }
                judgement
            }
            Err(why) => why.into(),
        })
    }
}

#[derive(Clone)]
struct RowsCheck {
    rows: Handle<Completeness>,
    limits: CountLimits,
}

impl SinglePass for RowsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let rows = facts.get(self.rows)?.map_or(0, |c| c.rows);
        let broken = self.limits.breaks(rows);
        let (outcome, says) = match (broken, self.limits.warns(rows)) {
            (Some(broken), _) => (Outcome::Fail, format!("{}, {broken}", counted(rows, "row"))),
            (None, Some(warn)) => (Outcome::Warn, format!("{}, a warning unless there are {warn}", counted(rows, "row"))),
            (None, None) => (Outcome::Pass, counted(rows, "row")),
        };
        Ok(Judgement::measured(Finding {
            outcome,
            observed: rows.into(),
            limit: self.limits.says.clone().into(),
            unit: Unit::ROWS,
            message: says.into(),
            figures: Figures::from([(&figures::ROWS, rows.into())]),
            ..Finding::default()
        }))
    }
}
