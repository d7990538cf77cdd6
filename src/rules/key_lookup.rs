//! Rows whose key occurs in other data, or does not: found without holding either in memory.

use std::sync::Arc;

use super::facts::{InputHandle, SecondPass};
use super::published::{Fetched, OtherQuery};
use super::requests::Handle;
use super::{Binder, BoundColumn, GroupFacts, Judge, Judgement, RowsJudged};
use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, figures};
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysOut, KeysSpec, Lookup};

/// Keys on their way to being looked for.
#[derive(Clone)]
pub(super) struct KeyLookup {
    query: OtherQuery,
    columns: Vec<usize>,
    lookup: Lookup,
    says: String,
    rows: Handle<Completeness>,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Start,
    /// The other data are being opened.
    Fetched(InputHandle),
    Looked(Handle<Keys>, InputHandle),
}

impl KeyLookup {
    /// Of the key that `columns` make; `says` what is wrong with a row.
    pub(super) fn bind(query: OtherQuery, columns: &[BoundColumn], lookup: Lookup, says: String, to: &mut Binder<'_>) -> Self {
        let columns = columns.iter().map(|column| column.index).collect();
        Self { query, columns, lookup, says, rows: to.rows_in_scope(), stage: Stage::Start }
    }

    fn spec(&self, input: InputHandle) -> KeysSpec {
        KeysSpec {
            keep: Keep::First,
            rows: KeyRows::Whole,
            normalize: Normalize::default(),
            optimistic: false,
            beside: Some(input.name()),
            lookup: self.lookup,
        }
    }
}

impl Judge for KeyLookup {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        let found = match self.stage {
            Stage::Start if of == 0 => return Ok(Judgement::NoData("no rows in scope".into())),
            Stage::Start => {
                self.stage = Stage::Fetched(pass.fetch_other(self.query.clone()));
                return Ok(Judgement::NeedsPass);
            }
            Stage::Fetched(input) => match facts.input(input) {
                Some(Fetched::Rows(_)) => {
                    self.stage = Stage::Looked(pass.want::<Keys>(self.spec(input), &self.columns), input);
                    return Ok(Judgement::NeedsPass);
                }
                Some(Fetched::OtherType(why)) => return Ok(Judgement::Unfit(why.clone())),
                Some(Fetched::NoRows) | None => {
                    return Err(Fault::new(Code::Internal, "internal error: rows of other data were not fetched"));
                }
            },
            Stage::Looked(handle, input) => {
                // Where there is no key, each of ours is absent; but that none occurs there would say nothing.
                if self.lookup == Lookup::Present
                    && let Some(why) = lacks_keys(facts, input, &self.query)
                {
                    return Ok(Judgement::NoData(why));
                }
                facts.get(handle)?
            }
        };
        let none = KeysOut::default();
        let found = found.unwrap_or(&none);
        if found.rows == 0 {
            return Ok(Judgement::NoData("no row has a complete key: each lacks a part of it".into()));
        }
        let sought = if self.lookup == Lookup::Absent { &figures::ABSENT_KEYS } else { &figures::SHARED_KEYS };
        Ok(Judgement::Rows(RowsJudged {
            failing: found.failing.len(),
            of,
            rows: Arc::new(found.failing.clone()),
            says: self.says.clone(),
            figures: Figures::from([
                (&figures::ROWS, found.rows.into()),
                (&figures::DISTINCT, found.distinct.into()),
                (sought, found.sought.into()),
                (&figures::HASH, HASH_NAME.into()),
            ]),
            ..RowsJudged::default()
        }))
    }
}

/// Why nothing can be compared with what was fetched, once it was read: no row of it has a whole key.
pub(super) fn lacks_keys(facts: &GroupFacts<'_>, input: InputHandle, query: &OtherQuery) -> Option<String> {
    match facts.input(input) {
        Some(Fetched::Rows(rows)) if !rows.has_keys() => {
            let columns: Vec<&str> = query.key.iter().map(|(_, theirs)| theirs.as_str()).collect();
            Some(format!("no row of {} has a value of `{}` to compare with", query.name, columns.join("`, `")))
        }
        Some(Fetched::Rows(_) | Fetched::OtherType(_) | Fetched::NoRows) | None => None,
    }
}
