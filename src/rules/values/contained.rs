//! `must_contain` with a column of other data: whether each value of it occurs in the batch.

use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, Finding, Outcome, Unit, figures};
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysSpec, Lookup};
use crate::rules::facts::{GroupFacts, InputHandle, SecondPass};
use crate::rules::key_lookup::lacks_keys;
use crate::rules::published::{Fetched, OtherQuery};
use crate::rules::requests::Handle;
use crate::rules::{Binder, Judge, Judgement};
use crate::shown::counted;

/// Values of other data on their way to being looked for.
#[derive(Clone)]
pub(super) struct Contained {
    query: OtherQuery,
    column: usize,
    rows: Handle<Completeness>,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Start,
    Fetched(InputHandle),
    Looked(InputHandle, Handle<Keys>),
}

impl Contained {
    /// Asks for the values of `query` in the rule's column.
    pub(super) fn bind(query: OtherQuery, to: &mut Binder<'_>) -> Self {
        Self { query, column: to.column().index, rows: to.want::<Completeness>((), &[]), stage: Stage::Start }
    }

    fn judged(&self, absent: u64, rows: u64) -> Judgement {
        let name = &self.query.name;
        let does = if absent == 1 { "does" } else { "do" };
        let message = match absent {
            0 => format!("all values of {name} occur"),
            _ => format!("{} of {name} {does} not occur", counted(absent, "value")),
        };
        Judgement::measured(Finding {
            outcome: if absent > 0 { Outcome::Fail } else { Outcome::Pass },
            observed: absent.into(),
            limit: 0u64.into(),
            unit: Unit::KEYS,
            message: message.into(),
            figures: Figures::from([
                (&figures::ABSENT_VALUES, absent.into()),
                (&figures::ROWS, rows.into()),
                (&figures::HASH, HASH_NAME.into()),
            ]),
            ..Finding::default()
        })
    }
}

impl Judge for Contained {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let rows = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        match self.stage {
            Stage::Start if rows == 0 => Ok(Judgement::NoData("no rows in scope".into())),
            Stage::Start => {
                self.stage = Stage::Fetched(pass.fetch_other(self.query.clone()));
                Ok(Judgement::NeedsPass)
            }
            Stage::Fetched(input) => match facts.input(input) {
                Some(Fetched::Rows(_)) => {
                    let spec = KeysSpec {
                        keep: Keep::First,
                        rows: KeyRows::Whole,
                        normalize: Normalize::default(),
                        optimistic: false,
                        beside: Some(input.name()),
                        lookup: Lookup::FewerThan(1),
                    };
                    self.stage = Stage::Looked(input, pass.want::<Keys>(spec, &[self.column]));
                    Ok(Judgement::NeedsPass)
                }
                Some(Fetched::OtherType(why)) => Ok(Judgement::Unfit(why.clone())),
                Some(Fetched::NoRows) | None => Err(Fault::new(Code::Internal, "internal error: rows of other data were not fetched")),
            },
            Stage::Looked(input, handle) => match lacks_keys(facts, input, &self.query) {
                Some(why) => Ok(Judgement::NoData(why)),
                None => Ok(match facts.get(handle)? {
                    Some(found) => self.judged(found.sought, rows),
                    None => Judgement::NoData("no rows in scope".into()),
                }),
            },
        }
    }
}
