use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SecondPass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::Handle;
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::completeness::Completeness;
use crate::metric::is_ordered;
use crate::metric::sequence::{Breaks, OrderSpec};
use crate::metric::stuck::{EqualRuns, RunsOut, SortedRuns, SortedSpec};
use crate::types::type_name;
use crate::yaml::Spanned;

/// The same value too many times in a row.
///
/// All rows of a run that is longer than `max_run` fail. Rows follow each other in source order, or
/// as `order_by` sorts them; rows without an order value come first, ties keep source order. A
/// missing value ends a run. All rows in scope count, those that other rules set aside among them;
/// rows that `where` leaves out, or of another group, are passed over. Rows that come in order already take constant memory; others are held
/// in memory to be sorted, within `--memory-limit`.
///
/// - Missing values and NaN: they end a run.
/// - Infinities: they are values, and each equals itself.
/// - No rows: `no_data`.
///
/// Why: a frozen sensor delivers values that are each beyond suspicion.
///
/// ```yaml
/// - stuck: { column: temperature, max_run: 30, by: [sensor], order_by: time }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stuck {
    /// So many times in a row are still right.
    max_run: Spanned<u64>,
    /// The column that says in which order rows follow each other. If left out: the order of the source.
    order_by: Option<Spanned<String>>,
}

impl Rule for Stuck {
    const NAME: &'static str = "stuck";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Sequences;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        to.judge_all_rows();
        let column = to.column().index;
        let max_run = self.max_run.value;
        if max_run == 0 {
            return Err(to.fault_at(&self.max_run, Code::InvalidValue, "`max_run` must be at least 1").into());
        }
        let order = match &self.order_by {
            None => None,
            Some(name) => {
                let order = to.find(name)?;
                if !is_ordered(&order.data_type) {
                    let what = format!("`order_by` needs numbers, dates or times, but `{}` is {}", order.name, type_name(&order.data_type));
                    return Err(to.fault_at(name, Code::UnfitColumn, what).into());
                }
                let breaks = to.want::<Breaks>(OrderSpec { decreasing: false, strict: false }, &[order.index]);
                Some(Ordered { column: order.index, breaks, present: to.want::<Completeness>((), &[order.index]) })
            }
        };
        let runs = to.want::<EqualRuns>(max_run, &[column]);
        let rows = to.rows_in_scope();
        Ok(Box::new(StuckCheck { column, max_run, order, runs, rows, sorted: None }))
    }

    fn minds_order(&self) -> bool {
        self.order_by.is_none()
    }
}

#[derive(Clone)]
struct StuckCheck {
    column: usize,
    max_run: u64,
    order: Option<Ordered>,
    runs: Handle<EqualRuns>,
    rows: Handle<Completeness>,
    sorted: Option<Handle<SortedRuns>>,
}

/// Whether rows come in the order of a column already.
#[derive(Clone, Copy)]
struct Ordered {
    column: usize,
    breaks: Handle<Breaks>,
    present: Handle<Completeness>,
}

impl Judge for StuckCheck {
    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |c| c.rows);
        if let Some(sorted) = self.sorted {
            return Ok(match facts.get(sorted)? {
                Some(Some(runs)) => self.told(runs, of),
                Some(None) => Judgement::Unfit("sorting the rows takes more than --memory-limit".into()),
                None => Judgement::NoData("no rows in scope".into()),
            });
        }
        if let Some(order) = self.order {
            let in_order =
                facts.get(order.breaks)?.is_none_or(|b| b.is_empty()) && facts.get(order.present)?.is_none_or(|c| c.missing == 0);
            if !in_order {
                let spec = SortedSpec { max_run: self.max_run };
                self.sorted = Some(pass.want::<SortedRuns>(spec, &[self.column, order.column]));
                return Ok(Judgement::NeedsPass);
            }
        }
        Ok(self.told(facts.get(self.runs)?.unwrap_or(&RunsOut::default()), of))
    }

    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }
}

impl StuckCheck {
    fn told(&self, runs: &RunsOut, of: u64) -> Judgement {
        Judgement::Rows(RowsJudged {
            failing: runs.rows.len(),
            of,
            rows: Arc::new(runs.rows.clone()),
            says: format!("in runs of more than {} equal values", self.max_run),
            figures: Figures::from([(&figures::LONGEST_RUN, runs.longest.into()), (&figures::RUNS, runs.runs.into())]),
            ..RowsJudged::default()
        })
    }
}
