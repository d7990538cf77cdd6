//! How many rows came back, and whether that is too many.

use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, Finding, Message, Outcome, Unit, figures};
use crate::metric::completeness::Completeness;
use crate::rules::queried::{Queried, QueryAnswer, QueryAsked, ReturnedRows};
use crate::rules::{GroupFacts, Handle, Judge, Judgement, QueryHandle, RowsJudged, SecondPass};
use crate::shown::{count, counted};

#[derive(Clone)]
pub(super) struct QueryCheck {
    pub(super) asked: QueryAsked,
    /// So many rows may be returned that are no rows of the batch.
    pub(super) max: u64,
    pub(super) rows: Handle<Completeness>,
    pub(super) handle: Option<QueryHandle>,
}

impl Judge for QueryCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        if of == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let Some(handle) = self.handle else {
            self.handle = Some(pass.query(self.asked.clone()));
            return Ok(Judgement::NeedsPass);
        };
        Ok(match facts.queried(handle) {
            Some(Queried::Answer(answer)) => self.judged(answer, of),
            Some(Queried::Unfit(why)) => Judgement::Unfit(why.clone()),
            None => return Err(Fault::new(Code::Internal, "internal error: a query was not asked")),
        })
    }
}

impl QueryCheck {
    fn judged(&self, answer: &QueryAnswer, of: u64) -> Judgement {
        if answer.rows == 0 {
            return Judgement::NoData("no row is left to judge".into());
        }
        let left_out = answer.unreadable.iter().map(|(name, records)| {
            let are = if *records == 1 { "is" } else { "are" };
            format!("{} of {name} cannot be read, and {are} left out", counted(*records, "record"))
        });
        match &answer.returned {
            ReturnedRows::OfBatch(rows) => {
                let says: Vec<String> = ["returned by the query".to_owned()].into_iter().chain(left_out).collect();
                Judgement::Rows(RowsJudged { failing: rows.len(), of, rows: rows.clone(), says: says.join("; "), ..RowsJudged::default() })
            }
            ReturnedRows::Others { count: returned, first } => {
                let is_too_many = *returned > self.max;
                let mut message: Message = self.says(*returned).into();
                message.extend(left_out);
                message.extend((!first.is_empty()).then(|| shown(first, *returned)));
                let figures = Figures::from([(&figures::RETURNED_ROWS, (*returned).into()), (&figures::ROWS_IN_SCOPE, of.into())]);
                Judgement::measured(Finding {
                    outcome: if is_too_many { Outcome::Fail } else { Outcome::Pass },
                    observed: (*returned).into(),
                    limit: self.max.into(),
                    unit: Unit::ROWS,
                    message,
                    figures,
                    ..Finding::default()
                })
            }
        }
    }

    fn says(&self, returned: u64) -> String {
        let rows = if returned == 0 { "no row".to_owned() } else { counted(returned, "row") };
        match self.max {
            0 if returned == 0 => format!("the query returns {rows}"),
            0 => format!("the query returns {rows}, and none may be"),
            max => format!("the query returns {rows}; {} may be", count(max)),
        }
    }
}

/// The first rows in words.
fn shown(first: &[String], returned: u64) -> String {
    let more = returned - first.len() as u64;
    let rows: Vec<String> = first.iter().map(|row| format!("({row})")).collect();
    let more = if more == 0 { String::new() } else { format!(" and {} more", count(more)) };
    format!("{}{more}", rows.join(", "))
}
