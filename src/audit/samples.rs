//! Goes back for the first failing rows of each finding, to show them with their values.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value as Json;

use super::profile::number_json;
use super::{Job, Plan};
use crate::diagnostic::{Fault, Faults};
use crate::each_width;
use crate::engine::{self, UnitSelection};
use crate::metric::{Column, Number, Numbers};
use crate::paths::PathValues;
use crate::privacy::Privacy;
use crate::rows::RowId;
use crate::shown::{VALUE_MAX, cut_short};
use crate::source::{Projection, RowOrigins, Source, Unit};

/// Values of rows, by row and column.
pub(super) type Fetched = BTreeMap<RowId, BTreeMap<usize, Json>>;

/// Rows that findings show.
pub(super) struct SampleRows<'a> {
    /// The units that they lie in.
    pub(super) units: &'a [Unit],
    pub(super) rows: &'a BTreeSet<RowId>,
    /// Columns that rules see.
    pub(super) columns: &'a BTreeSet<usize>,
}

/// Reads `rows` again, `columns` of each; they lie in `units`.
pub(super) fn fetch(
    (job, source, plan, privacy): (&Job<'_>, &dyn Source, &Plan, &Privacy),
    units: &[Unit],
    rows: &BTreeSet<RowId>,
    columns: &BTreeSet<usize>,
) -> Result<Fetched, Fault> {
    let wanted: Vec<usize> = columns.iter().copied().collect();
    let projection = Projection::new(source.schema(), plan.prepare.source_columns(&wanted));
    let work = |unit: &Unit, preread| {
        let mut fetched = Fetched::new();
        source.read(unit, preread, &projection, &mut |chunk| {
            for prepared in plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                let of = |&c: &usize| Some((c, plan.prepare.values(&prepared.columns, c)?));
                let values: BTreeMap<usize, PathValues> = wanted.iter().filter_map(of).collect();
                for i in 0..prepared.rows.len() {
                    let row = RowId { unit: unit.index, row: prepared.rows.get(i) };
                    if rows.contains(&row) {
                        // What is masked is masked whole, not as far as it would be shown.
                        let length = |c: usize| match privacy.mask_of(plan.prepare.rule_schema.field(c).name()) {
                            Some(_) => usize::MAX,
                            None => VALUE_MAX,
                        };
                        let value = |&c: &usize| Some((c, value_json(&values.get(&c)?.array, i, length(c))));
                        fetched.insert(row, wanted.iter().filter_map(value).collect());
                    }
                }
            }
            Ok(())
        })?;
        Ok(fetched)
    };
    let mut all = Fetched::new();
    engine::each_unit(source, UnitSelection::Units(units), job.threads, &job.cancel, work, |fetched| {
        all.extend(fetched);
        Ok(())
    })?;
    Ok(all)
}

/// Where on its line the field of a row begins, by row and column.
pub(super) type LineColumns = BTreeMap<(RowId, usize), u32>;

/// Looks where on their lines the fields of `wanted` begin: in units that were read again for their values just now.
pub(super) fn line_columns(source: &dyn Source, row_origins: &RowOrigins, wanted: &BTreeSet<(RowId, usize)>) -> Result<LineColumns, Fault> {
    let mut of_units: BTreeMap<u32, Vec<(RowId, usize)>> = BTreeMap::new();
    for &(row, column) in wanted {
        of_units.entry(row.unit).or_default().push((row, column));
    }
    let mut all = LineColumns::new();
    for (unit, fields) in of_units {
        let placed = |&(row, column): &(RowId, usize)| Some((row_origins.line_in_unit(row)?, column));
        // Of a unit, all rows have lines or none.
        let places: Vec<(u32, usize)> = fields.iter().filter_map(placed).collect();
        if places.len() < fields.len() {
            continue;
        }
        let starts = source.field_starts(row_origins.unit(unit), &places)?;
        all.extend(fields.into_iter().zip(starts).filter_map(|(field, start)| Some((field, start?))));
    }
    Ok(all)
}

/// One value as reports write it: so many characters of it at most.
pub(super) fn value_json(array: &ArrayRef, index: usize, characters_max: usize) -> Json {
    if array.is_null(index) || *array.data_type() == DataType::Null {
        return Json::Null;
    }
    match array.data_type() {
        DataType::Boolean => return array.as_boolean().value(index).into(),
        DataType::Float32 => return float_json(f64::from(array.as_primitive::<Float32Type>().value(index))),
        DataType::Float64 => return float_json(array.as_primitive::<Float64Type>().value(index)),
        _ => {}
    }
    let column = Column::new(array.slice(index, 1));
    if let Some(Numbers::Ints { values, scale }) = column.numbers() {
        let value = each_width!(values, values => i128::from(values[0]));
        return number_json(Number::Int { value, scale }, array.data_type());
    }
    match ArrayFormatter::try_new(array, &FormatOptions::new()) {
        Ok(formatter) => cut_short(&formatter.value(index).to_string(), characters_max).into(),
        Err(why) => format!("({why})").into(),
    }
}

fn float_json(x: f64) -> Json {
    if x.is_finite() { x.into() } else { x.to_string().into() }
}
