//! Ranges that overlap.

use std::sync::Arc;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::completeness::Completeness;
use crate::metric::overlaps::{Overlaps, OverlapsSpec};
use crate::rules::facts::SinglePass;
use crate::rules::{Binder, GroupFacts, Handle, Judgement, RowsJudged};
use crate::types::type_name;
use crate::yaml::Spanned;

/// The columns between whose values ranges lie.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Overlap {
    /// Where a row's range begins: dates, timestamps or integers.
    from: Spanned<String>,
    /// Where it ends, of the same type. Missing, it never ends.
    to: Spanned<String>,
    /// Whether the end is still in the range: with it, a range that begins on the day on which another ends overlaps it.
    #[serde(default)]
    inclusive: bool,
}

#[derive(Clone)]
pub(super) struct OverlapCheck {
    found: Handle<Overlaps>,
    rows: Handle<Completeness>,
}

impl OverlapCheck {
    pub(super) fn bind(overlap: &Overlap, to: &mut Binder<'_>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        for name in [&overlap.from, &overlap.to] {
            let Some(column) = faults.take(to.find(name)) else { continue };
            let is_fit = match &column.data_type {
                DataType::UInt64 => false,
                DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => true,
                other => other.is_integer(),
            };
            if !is_fit {
                let what =
                    format!("`overlap` needs dates, timestamps or integers, but `{}` is {}", column.name, type_name(&column.data_type));
                faults.push(to.fault_at(name, Code::UnfitColumn, what));
            }
            columns.push(column);
        }
        if let [from, end] = columns.as_slice()
            && from.data_type != end.data_type
        {
            let what = format!(
                "`{}` is {} and `{}` is {}: a range lies between values of one type",
                from.name,
                type_name(&from.data_type),
                end.name,
                type_name(&end.data_type)
            );
            faults.push(to.fault_at(&overlap.to, Code::UnfitColumn, what).hint("convert one with `transform`"));
        }
        faults.or_ok(())?;
        let indices: Vec<usize> = columns.iter().map(|column| column.index).collect();
        let found = to.want::<Overlaps>(OverlapsSpec { inclusive: overlap.inclusive }, &indices);
        Ok(Self { found, rows: to.rows_in_scope() })
    }
}

impl SinglePass for OverlapCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        let found = match facts.get(self.found)? {
            Some(Some(found)) => found.clone(),
            Some(None) => return Ok(Judgement::Unfit("the ranges of all rows take more than --memory-limit".into())),
            None => Default::default(),
        };
        if found.ranges == 0 && of > 0 {
            return Ok(Judgement::NoData("no row has a range: each lacks both ends".into()));
        }
        let mut rows = found.overlapping.clone();
        rows.union(&found.inverted);
        let says = match (found.overlapping.is_empty(), found.inverted.is_empty()) {
            (false, false) => "with a range that overlaps another row's, or ends before it begins",
            (true, false) => "with a range that ends before it begins",
            (_, true) => "with a range that overlaps another row's",
        };
        Ok(Judgement::Rows(RowsJudged {
            failing: rows.len(),
            of,
            rows: Arc::new(rows),
            says: says.to_owned(),
            figures: Figures::from([
                (&figures::ROWS, found.ranges.into()),
                (&figures::OVERLAPPING_ROWS, found.overlapping.len().into()),
                (&figures::INVERTED_ROWS, found.inverted.len().into()),
            ]),
            ..RowsJudged::default()
        }))
    }
}
