//! Values that other data do not have.

use std::sync::Arc;

use arrow::datatypes::DataType;

use crate::diagnostic::Fault;
use crate::findings::{Figures, figures};
use crate::metric::Number;
use crate::metric::cells::{Cells, CellsOut, RowsOfValues, Value, text_key};
use crate::metric::ordered::order_of;
use crate::rules::bounds;
use crate::rules::words::AgainstWord;
use crate::rules::{Answer, Beside, Binder, BoundColumn, GroupFacts, Handle, Judge, Judgement, RowsJudged, SecondPass};

/// Values that the message names.
const SHOWN_MAX: usize = 5;

/// So many values may be new: their rows are looked for value by value.
const NEW_MAX: usize = 100_000;

#[derive(Clone)]
pub(super) struct NewValues {
    column: BoundColumn,
    against: AgainstWord,
    ours: Handle<Cells>,
    theirs: Beside<Cells>,
    found: Option<Found>,
}

/// Values that are new, on their way to their rows.
#[derive(Clone)]
struct Found {
    says: String,
    values: u64,
    rows: Handle<RowsOfValues>,
}

impl NewValues {
    pub(super) fn bind(against: &AgainstWord, to: &mut Binder<'_>) -> Result<Self, Fault> {
        let column = to.column();
        let theirs = to.beside::<Cells>(against, (), &[column.index])?;
        let ours = to.want::<Cells>((), &[column.index]);
        Ok(Self { column, against: against.clone(), ours, theirs, found: None })
    }
}

/// Where a value stands in the order of cells.
fn key_of(value: &Value) -> u64 {
    match value {
        Value::Number(x) => order_of(*x),
        Value::Text(text) => text_key(text),
        Value::Hash(hash) => *hash,
    }
}

/// The value of each cell with how often it occurs, by its place; none where cells hold several values.
fn values(cells: &CellsOut) -> Option<Vec<(u64, u64, &Value)>> {
    let mut values = Vec::with_capacity(cells.cells.len());
    for cell in &cells.cells {
        let value = cell.only.as_ref()?;
        values.push((key_of(value), cell.count, value));
    }
    values.sort_unstable_by_key(|(key, _, _)| *key);
    Some(values)
}

/// A value of a column of this type as people write it; none where it is known by its hash alone.
fn shown(value: &Value, data_type: &DataType) -> Option<String> {
    match value {
        Value::Number(x) if *data_type == DataType::Boolean => Some(format!("`{}`", *x != 0.0)),
        Value::Number(x) if data_type.is_temporal() => Some(format!("`{}`", bounds::shown(Number::int(*x as i128), data_type))),
        Value::Number(x) => Some(format!("`{x}`")),
        Value::Text(text) => Some(format!("`{text}`")),
        Value::Hash(_) => None,
    }
}

impl Judge for NewValues {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let Some(ours) = facts.get(self.ours)?.filter(|cells| cells.count + cells.missing > 0) else {
            return Ok(Judgement::NoData("no rows in scope".into()));
        };
        let of = ours.count + ours.missing;
        if let Some(Found { says, values, rows }) = &self.found {
            let rows = facts.get(*rows)?.cloned().unwrap_or_default();
            let figures = Figures::from([(&figures::NEW_VALUES, (*values).into())]);
            return Ok(Judgement::Rows(RowsJudged {
                failing: rows.len(),
                of,
                rows: Arc::new(rows),
                says: says.clone(),
                figures,
                ..RowsJudged::default()
            }));
        }
        let theirs = match facts.beside(self.theirs)? {
            Answer::NotThere(why) => return Ok(why.into()),
            Answer::There(theirs) => theirs,
        };
        let Some(ours) = values(ours) else {
            return Ok(Judgement::Unfit(
                "there are too many different values to compare them one by one; `drift` compares distributions".into(),
            ));
        };
        let Some(theirs) = values(theirs) else {
            return Ok(Judgement::NoData(format!("needs a scan: of {} single values are not kept", self.against)));
        };
        let is_new = |(key, _, _): &&(u64, u64, &Value)| theirs.binary_search_by_key(key, |(key, _, _)| *key).is_err();
        let mut new: Vec<&(u64, u64, &Value)> = ours.iter().filter(is_new).collect();
        if new.len() > NEW_MAX {
            return Ok(Judgement::Unfit(format!("more than {NEW_MAX} values are new; `drift` compares distributions")));
        }
        let says = says(&mut new, &self.against, &self.column.data_type);
        if new.is_empty() {
            let figures = Figures::from([(&figures::NEW_VALUES, 0u64.into())]);
            return Ok(Judgement::Rows(RowsJudged { of, says, figures, ..RowsJudged::default() }));
        }
        let mut wanted: Vec<u64> = new.iter().map(|(key, _, _)| *key).collect();
        wanted.sort_unstable();
        let values = wanted.len() as u64;
        self.found = Some(Found { says, values, rows: pass.want::<RowsOfValues>(wanted, &[self.column.index]) });
        Ok(Judgement::NeedsPass)
    }
}

/// What is new in words, the most frequent first.
fn says(new: &mut [&(u64, u64, &Value)], against: &AgainstWord, data_type: &DataType) -> String {
    new.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let named: Vec<String> = new.iter().filter_map(|(_, _, value)| shown(value, data_type)).take(SHOWN_MAX).collect();
    let more = if new.len() > named.len() { ", …" } else { "" };
    match named.is_empty() {
        true => format!("with a value that does not occur in {against}"),
        false => format!("with a value that does not occur in {against}: {}{more}", named.join(", ")),
    }
}
