use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::Handle;
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::metric::completeness::Completeness;
use crate::metric::is_ordered;
use crate::metric::sequence::{Breaks, OrderSpec};
use crate::types::{is_text, type_name};

/// Rows whose value steps back.
///
/// A row breaks the order if its value is less than that of the row before it that has one, in
/// source order (`strict`: not greater), with `by` within its group. For numbers, dates, times and
/// strings. All rows in scope are judged, those that other rules set aside among them; rows that
/// `where` leaves out, or that have no value, are passed over. Without rows there is no data.
///
/// - Missing values and NaN: they are passed over; the next value is compared with the last one before.
/// - Infinities: they are compared as the smallest and the largest number.
/// - No rows: `no_data`.
///
/// Why: a log with a clock that was set back, a file put together from pieces in the wrong order.
///
/// ```yaml
/// - order: { column: event_time, by: [device] }
/// - order: { column: sequence, strict: true }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Which way values go.
    #[serde(default)]
    direction: Direction,
    /// Whether equal neighbours break the order too.
    #[serde(default)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    #[default]
    Increasing,
    Decreasing,
}

impl Rule for Order {
    const NAME: &'static str = "order";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Sequences;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let is_text = is_text(&column.data_type);
        if !is_text && !is_ordered(&column.data_type) {
            let what = format!("`order` needs numbers, dates, times or text, but `{}` is {}", column.name, type_name(&column.data_type));
            return Err(to.fault(Code::UnfitColumn, what).into());
        }
        to.judge_all_rows();
        let decreasing = self.direction == Direction::Decreasing;
        let breaks = to.want::<Breaks>(OrderSpec { decreasing, strict: self.strict }, &[column.index]);
        let rows = to.rows_in_scope();
        let says = match (decreasing, self.strict) {
            (false, false) => "less than the value before",
            (false, true) => "not greater than the value before",
            (true, false) => "greater than the value before",
            (true, true) => "not less than the value before",
        };
        Ok(Box::new(OrderCheck { breaks, rows, says }))
    }

    fn minds_order(&self) -> bool {
        true
    }
}

#[derive(Clone)]
struct OrderCheck {
    breaks: Handle<Breaks>,
    rows: Handle<Completeness>,
    says: &'static str,
}

impl SinglePass for OrderCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |c| c.rows);
        let rows = facts.get(self.breaks)?.cloned().unwrap_or_default();
        Ok(Judgement::Rows(RowsJudged { failing: rows.len(), of, rows: Arc::new(rows), says: self.says.into(), ..RowsJudged::default() }))
    }
}
