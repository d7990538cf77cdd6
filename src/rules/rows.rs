use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::limits::{Earlier, earlier};
use super::requests::Handle;
use super::words::{Decimal, Literal};
use super::{Binder, EarlierLimit, GroupFacts, Judge, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::Number;
use crate::metric::completeness::Completeness;
use crate::shown::{count, counted};
use crate::yaml::Spanned;

/// How many rows there are.
///
/// Rows left by `clean`, those that other rules set aside among them; with `where` those it speaks
/// of, with `by` those of each group. A batch without rows is undecided, unless `rows: { min: 0 }`
/// permits it.
///
/// Why: half a delivery looks like a whole one to every rule about values.
///
/// ```yaml
/// - rows: { min: 1000, max: 2000000 }
/// - rows: { min: 1, where: "status = 'paid'" }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowCount {
    /// At least so many.
    min: Option<Spanned<u64>>,
    /// At most so many.
    max: Option<Spanned<u64>>,
}

impl Rule for RowCount {
    const NAME: &'static str = "rows";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const COUNTS_ROWS: bool = true;
    const WARN: EarlierLimit = EarlierLimit::Bound;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let (min, max) = (self.min.as_ref().map(|m| m.value), self.max.as_ref().map(|m| m.value));
        match (min, max) {
            (None, None) => return Err(to.fault(Code::MissingWord, "`rows` has no bound").hint("give `min` or `max`").into()),
            (Some(min), Some(max)) if min > max => return Err(to.fault(Code::ConflictingWords, "`min` is more than `max`").into()),
            _ => {}
        }
        let is_count = |w: &Literal| Decimal::parse(&w.0).is_some_and(|w| w.scale() == 0 && !w.is_negative());
        if let Some(written) = to.warn.as_ref().filter(|warn| !is_count(&warn.value)) {
            return Err(to.fault_at(written, Code::InvalidValue, format!("`{}` is not a count of rows", written.value)).into());
        }
        let (low, high) = (min.map(|min| (Number::int(min.into()), true, true)), max.map(|max| (Number::int(max.into()), true, false)));
        let warn = earlier(&low.into_iter().chain(high).collect::<Vec<_>>(), None, to)?;
        Ok(Box::new(RowsCheck { rows: to.rows_in_scope(), min, max, warn }))
    }

    fn permits_empty(&self) -> bool {
        self.min.as_ref().is_some_and(|m| m.value == 0)
    }
}

#[derive(Clone)]
struct RowsCheck {
    rows: Handle<Completeness>,
    min: Option<u64>,
    max: Option<u64>,
    warn: Option<Earlier>,
}

impl SinglePass for RowsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let rows = facts.get(self.rows)?.map_or(0, |c| c.rows);
        let few = self.min.filter(|min| rows < *min);
        let many = self.max.filter(|max| rows > *max);
        let limit = match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => format!("exactly {}", count(min)),
            (Some(min), Some(max)) => format!("{} to {}", count(min), count(max)),
            (Some(min), None) => format!("at least {}", count(min)),
            (None, Some(max)) => format!("at most {}", count(max)),
            (None, None) => String::new(),
        };
        let early = self.warn.as_ref().filter(|warn| few.or(many).is_none() && warn.is_past(Number::int(rows.into())));
        let says = match (few, many) {
            (None, None) if early.is_some() => {
                format!("{}, a warning unless {}", counted(rows, "row"), early.map(|warn| warn.says.as_str()).unwrap_or_default())
            }
            (Some(min), _) => format!("{}, fewer than {}", counted(rows, "row"), count(min)),
            (_, Some(max)) => format!("{}, more than {}", counted(rows, "row"), count(max)),
            (None, None) => counted(rows, "row"),
        };
        Ok(Judgement::measured(Finding {
            outcome: match (few.or(many), early) {
                (Some(_), _) => Outcome::Fail,
                (None, Some(_)) => Outcome::Warn,
                (None, None) => Outcome::Pass,
            },
            observed: rows.into(),
            limit: limit.into(),
            unit: Unit::ROWS,
            message: says.into(),
            figures: Figures::from([(&figures::ROWS, rows.into())]),
            ..Finding::default()
        }))
    }
}
