//! Rows whose key occurs in other data, or does not: found without holding either in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{InputHandle, SecondPass};
use super::published::{Fetched, OtherQuery, TableRows};
use super::requests::Handle;
use super::{Binder, BoundColumn, GroupFacts, Judge, Judgement, RowsJudged};
use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, figures};
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysOut, KeysSpec, Lookup};
use crate::rows::RowSet;
use crate::shown::counted;

/// Keys on their way to being looked for.
#[derive(Clone)]
pub(super) struct KeyLookup {
    query: OtherQuery,
    columns: Vec<usize>,
    lookup: Lookup,
    says: String,
    /// How many rows each key of the other data must have, and how many may have one, where that is limited.
    least: Option<u32>,
    most: Option<u32>,
    rows: Handle<Completeness>,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Start,
    /// The other data are being opened; with those whose keys need rows.
    Fetched(InputHandle, Option<InputHandle>),
    Looked(Counted),
    /// Rows that the other table sets aside are being opened.
    SetAside(Counted, InputHandle),
    /// The keys of these were looked for too.
    Told(Counted, Handle<Keys>),
}

/// What was counted of the batch's keys.
#[derive(Clone, Copy)]
struct Counted {
    beside: InputHandle,
    looked: Handle<Keys>,
    frequent: Option<Handle<Keys>>,
    /// How often the keys of the other data occur.
    lacking: Option<Handle<Keys>>,
}

impl KeyLookup {
    /// Of the key that `columns` make; `says` what is wrong with a row.
    pub(super) fn bind(query: OtherQuery, columns: &[BoundColumn], lookup: Lookup, says: String, to: &mut Binder<'_>) -> Self {
        let columns = columns.iter().map(|column| column.index).collect();
        Self { query, columns, lookup, says, least: None, most: None, rows: to.rows_in_scope(), stage: Stage::Start }
    }

    /// The same, where each key of the other data must have so many rows, and only so many may have one.
    pub(super) fn limited(self, least: Option<u32>, most: Option<u32>) -> Self {
        Self { least, most, ..self }
    }

    fn spec(lookup: Lookup, beside: Option<String>) -> KeysSpec {
        KeysSpec { keep: Keep::First, rows: KeyRows::Whole, normalize: Normalize::default(), optimistic: false, beside, lookup }
    }

    fn want(&self, lookup: Lookup, beside: Option<InputHandle>, pass: &mut SecondPass<'_>) -> Handle<Keys> {
        pass.want::<Keys>(Self::spec(lookup, beside.map(InputHandle::name)), &self.columns)
    }

    /// Whether it is worth knowing which keys are those of rows that the other table sets aside.
    fn asks_why(&self, found: &KeysOut) -> bool {
        self.query.table.is_some() && self.lookup == Lookup::Absent && !found.failing.is_empty()
    }

    /// What comes of it; `gone` are the keys whose rows in the other table are set aside.
    fn judged(&self, facts: &GroupFacts<'_>, keys: Counted, gone: Option<&KeysOut>, of: u64) -> Result<Judgement, Fault> {
        let none = KeysOut::default();
        let found = facts.get(keys.looked)?.unwrap_or(&none);
        if found.rows == 0 {
            return Ok(Judgement::NoData("no row has a complete key: each lacks a part of it".into()));
        }
        let sought = if self.lookup == Lookup::Absent { &figures::ABSENT_KEYS } else { &figures::SHARED_KEYS };
        let mut figures = Figures::from([
            (&figures::ROWS, found.rows.into()),
            (&figures::DISTINCT, found.distinct.into()),
            (sought, found.sought.into()),
            (&figures::HASH, HASH_NAME.into()),
        ]);
        let (mut says, mut reasons, mut failing) = (self.says.clone(), Vec::new(), found.failing.clone());
        let name = &self.query.name;
        if let Some(gone) = gone {
            let with_parent = common(&found.failing, &gone.failing);
            figures.set(&figures::PARENTS_SET_ASIDE, with_parent.len());
            if !with_parent.is_empty() {
                let which = if with_parent == found.failing { "each".to_owned() } else { counted(with_parent.len(), "row") };
                says.push_str(&format!(" (the parent of {which} was set aside)"));
            }
            reasons.push((format!("its parent in `{name}` was set aside"), Arc::new(with_parent)));
        }
        if self.query.table.is_some() && self.lookup == Lookup::Absent {
            reasons.push((format!("there is no such parent in `{name}`"), Arc::new(found.failing.clone())));
        }
        if let (Some(frequent), Some(most)) = (keys.frequent, self.most) {
            let frequent = facts.get(frequent)?.unwrap_or(&none);
            figures.set(&figures::FREQUENT_KEYS, frequent.sought);
            let most = counted(u64::from(most), "row");
            says.push_str(&format!(", or that more than {most} of the batch have"));
            failing.union(&frequent.failing);
            reasons.push((format!("more than {most} of the batch have its key"), Arc::new(frequent.failing.clone())));
        }
        let mut broken = None;
        if let (Some(lacking), Some(least)) = (keys.lacking, self.least) {
            let lacking = facts.get(lacking)?.unwrap_or(&none).sought;
            figures.set(&figures::LACKING_KEYS, lacking);
            let (parents, least) = (counted(lacking, "key"), counted(u64::from(least), "row"));
            let have = if lacking == 1 { "has" } else { "have" };
            broken = (lacking > 0).then(|| format!("{parents} of {name} {have} fewer than {least} here"));
        }
        let (failing, rows) = (failing.len(), Arc::new(failing));
        Ok(Judgement::Rows(RowsJudged { failing, of, rows, says, reasons, figures, broken, ..RowsJudged::default() }))
    }
}

/// The rows that are in both.
fn common(one: &RowSet, other: &RowSet) -> RowSet {
    let mut by_unit: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    one.iter().filter(|row| other.contains(*row)).for_each(|row| by_unit.entry(row.unit).or_default().push(row.row));
    let mut both = RowSet::default();
    by_unit.into_iter().for_each(|(unit, rows)| both.insert_unit(unit, rows));
    both
}

impl Judge for KeyLookup {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        let lost = || Fault::new(Code::Internal, "internal error: rows of other data were not fetched");
        match self.stage {
            Stage::Start if of == 0 => Ok(Judgement::NoData("no rows in scope".into())),
            Stage::Start => {
                let new = self.query.table.map(|_| TableRows::New);
                let parents = self.least.map(|_| pass.fetch_other(OtherQuery { table: new, ..self.query.clone() }));
                self.stage = Stage::Fetched(pass.fetch_other(self.query.clone()), parents);
                Ok(Judgement::NeedsPass)
            }
            Stage::Fetched(input, parents) => {
                for fetched in std::iter::once(input).chain(parents) {
                    match facts.input(fetched) {
                        Some(Fetched::Rows(_)) => {}
                        Some(Fetched::OtherType(why)) => return Ok(Judgement::Unfit(why.clone())),
                        Some(Fetched::NoRows) | None => return Err(lost()),
                    }
                }
                let looked = self.want(self.lookup, Some(input), pass);
                let frequent = self.most.map(|most| self.want(Lookup::MoreThan(most), None, pass));
                let lacking = self.least.zip(parents).map(|(least, parents)| self.want(Lookup::FewerThan(least), Some(parents), pass));
                self.stage = Stage::Looked(Counted { beside: input, looked, frequent, lacking });
                Ok(Judgement::NeedsPass)
            }
            Stage::Looked(keys) => {
                // Where there is no key, each of ours is absent; but that none occurs there would say nothing.
                if self.lookup == Lookup::Present
                    && let Some(why) = lacks_keys(facts, keys.beside, &self.query)
                {
                    return Ok(Judgement::NoData(why));
                }
                if !facts.get(keys.looked)?.is_some_and(|found| self.asks_why(found)) {
                    return self.judged(facts, keys, None, of);
                }
                let set_aside = OtherQuery { table: Some(TableRows::SetAside), ..self.query.clone() };
                self.stage = Stage::SetAside(keys, pass.fetch_other(set_aside));
                Ok(Judgement::NeedsPass)
            }
            Stage::SetAside(keys, input) => match facts.input(input) {
                Some(Fetched::Rows(_)) => {
                    self.stage = Stage::Told(keys, self.want(Lookup::Present, Some(input), pass));
                    Ok(Judgement::NeedsPass)
                }
                Some(Fetched::NoRows | Fetched::OtherType(_)) | None => Err(lost()),
            },
            Stage::Told(keys, told) => {
                let none = KeysOut::default();
                let gone = facts.get(told)?.unwrap_or(&none);
                self.judged(facts, keys, Some(gone), of)
            }
        }
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
