use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::limits::{CountLimits, Given};
use super::requests::Handle;
use super::{Binder, EarlierLimit, GroupFacts, Judge, Rule, Subject};
use crate::diagnostic::{Fault, Faults};
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
/// - Missing values and NaN: their rows count.
/// - Infinities: their rows count.
/// - No rows: `no_data` (verdict `undecided`), unless `min: 0` permits it.
///
/// Why: half a delivery looks like a whole one to every rule about values.
///
/// ```yaml
/// - rows: { min: 1000, max: 2000000 }
/// - rows: { above: 0, where: "status = 'paid'" }
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
}

impl Rule for RowCount {
    const NAME: &'static str = "rows";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const COUNTS_ROWS: bool = true;
    const WARN: EarlierLimit = EarlierLimit::Count;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let given = Given { min: self.min.as_ref(), max: self.max.as_ref(), above: self.above.as_ref(), below: self.below.as_ref() };
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
