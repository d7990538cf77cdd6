//! Rows set aside that have a value or meet a condition: found, and taken out of their parts.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options, filter_record_batch, not};
use arrow::datatypes::{DataType, Int64Type, Schema};

use super::sought::{Sought, number};
use super::{Erased, Erasure, some};
use crate::diagnostic::{Code, Fault};
use crate::metric::plain_floats;
use crate::paths::{PathColumn, PathValues};
use crate::quarantine::{EVENT_KEY, FILE, Part, RAW, ROW, has_values, is_ours, masked};
use crate::retention::{Kind, Places};
use crate::sql::{Expression, Sql};
use crate::store::{done_in, replays_in};
use crate::types::is_text;

/// A part of the quarantine, and which of its rows go.
pub(super) struct Matched {
    pub part: Part,
    /// The names and paths of its columns.
    pub columns: BTreeSet<String>,
    /// Of each row, in order.
    goes: Vec<bool>,
    /// Of these, records that were never read.
    malformed: usize,
    /// Records that were never read, have a value in their text, and stay.
    malformed_staying: usize,
    /// Rows on which the condition cannot be computed.
    not_computed: usize,
    /// Keys whose columns it does not have.
    without: Vec<String>,
    origins: BTreeSet<(String, u64)>,
}

/// Where rows that go came from: file and number of the row, by batch.
pub(super) type Origins = BTreeMap<String, BTreeSet<(String, u64)>>;

pub(super) fn origins(matched: &[Matched]) -> Origins {
    let mut origins = Origins::new();
    for part in matched {
        origins.entry(part.part.stamp.batch_id.clone()).or_default().extend(part.origins.iter().cloned());
    }
    origins
}

/// Looks for the rows of `part` that go.
///
/// # Errors
/// The part cannot be read, or the condition does not fit its columns.
pub(super) fn matched(part: Part, erasure: &Erasure) -> Result<Matched, Fault> {
    let schema = part.schema()?;
    let own: Vec<_> = schema.fields().iter().filter(|field| !is_ours(field.name())).map(|field| field.as_ref().clone()).collect();
    let own = Schema::new(own);
    let paths = PathColumn::all(&own);
    let columns: BTreeSet<String> = own.fields().iter().map(|f| f.name().clone()).chain(paths.iter().map(|p| p.path.clone())).collect();
    let condition = erasure.condition.as_ref().map(|text| condition(text, &own, erasure, &part)).transpose()?;
    let sought = Sought::new(&erasure.keys, &erasure.privacy);
    let without = erasure.keys.iter().map(|key| key.column.clone()).filter(|column| !columns.contains(column)).collect();
    let mut found =
        Matched { columns, goes: Vec::new(), malformed: 0, malformed_staying: 0, not_computed: 0, without, origins: BTreeSet::new(), part };
    let part = found.part.clone();
    for batch in part.batches(None)? {
        let batch = batch?;
        let mut goes = vec![false; batch.num_rows()];
        for key in &erasure.keys {
            mark(&mut goes, &with_value(&batch, &own, &paths, key));
        }
        if let Some(condition) = &condition {
            let arrays: Vec<ArrayRef> =
                condition.columns.iter().filter_map(|&i| batch.column_by_name(own.field(i).name()).cloned()).collect();
            let (meets, failures) = condition.test(&arrays, batch.num_rows());
            mark(&mut goes, &meets);
            found.not_computed += failures.len();
        }
        found.add_malformed(&batch, &mut goes, erasure.malformed, &sought);
        found.add_origins(&batch, &goes);
        found.goes.extend(goes);
    }
    Ok(found)
}

/// The condition over the columns of the source.
fn condition(text: &str, columns: &Schema, erasure: &Erasure, part: &Part) -> Result<Expression, Fault> {
    let expression = Sql::new(erasure.now).condition(text, columns);
    expression.map_err(|misread| {
        let fault = Fault::new(Code::InvalidSql, format!("`--where`: {}: {}", part.place, misread.what));
        match misread.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    })
}

fn mark(goes: &mut [bool], meets: &BooleanArray) {
    goes.iter_mut().enumerate().for_each(|(row, goes)| *goes |= meets.is_valid(row) && meets.value(row));
}

/// The rows of `batch` that have the value of `key`; of a list, where one of its elements is it.
fn with_value(batch: &RecordBatch, columns: &Schema, paths: &[PathColumn], key: &super::Key) -> BooleanArray {
    let none = || BooleanArray::from(vec![false; batch.num_rows()]);
    let values = match paths.iter().find(|path| path.path == key.column) {
        Some(path) => batch.column_by_name(columns.field(path.root).name()).map(|root| path.values(root)),
        None => batch.column_by_name(&key.column).map(|array| PathValues { array: array.clone(), ends: None }),
    };
    let Some(PathValues { array, ends }) = values else { return none() };
    let Some(is_value) = equal(&array, &key.value) else { return none() };
    let Some(ends) = ends else { return is_value };
    let (mut rows, mut begin) = (Vec::with_capacity(ends.len()), 0);
    for &end in ends.iter() {
        rows.push((begin..end as usize).any(|i| is_value.is_valid(i) && is_value.value(i)));
        begin = end as usize;
    }
    rows.into()
}

/// Which values are `value`, read as their type; none where no value of the type is written so.
fn equal(array: &ArrayRef, value: &str) -> Option<BooleanArray> {
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).ok()?,
        _ => plain_floats(array),
    };
    let data_type = array.data_type();
    if data_type.is_nested() {
        return None;
    }
    let text = if data_type.is_numeric() { number(value)? } else { value.to_owned() };
    let one: ArrayRef = std::sync::Arc::new(StringArray::from(vec![text]));
    if !can_cast_types(&DataType::Utf8, data_type) {
        return None;
    }
    let exact = CastOptions { safe: true, ..CastOptions::default() };
    let one = if is_text(data_type) { cast(&one, data_type) } else { cast_with_options(&one, data_type, &exact) }.ok()?;
    if one.is_null(0) {
        return None;
    }
    // What a cast has rounded is another value.
    let back = number(cast(&one, &DataType::Utf8).ok()?.as_string::<i32>().value(0));
    let is_decimal = matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    if (is_decimal || data_type.is_integer()) && back != number(value) {
        return None;
    }
    eq(&array, &Scalar::new(one)).ok()
}

impl Matched {
    pub(super) fn count(&self) -> usize {
        self.goes.iter().filter(|goes| **goes).count()
    }

    /// Records without values that have one of those that are sought in their text.
    fn add_malformed(&mut self, batch: &RecordBatch, goes: &mut [bool], with_them: bool, sought: &Sought) {
        let was_read = has_values(batch);
        let texts: Vec<_> = [RAW, EVENT_KEY].iter().filter_map(|name| Some(batch.column_by_name(name)?.as_binary::<i32>())).collect();
        for (row, goes) in goes.iter_mut().enumerate().filter(|(row, _)| !was_read.value(*row)) {
            let is_in = |text: &[u8]| sought.all().iter().any(|value| value.is_in(text));
            if !*goes && texts.iter().any(|texts| texts.is_valid(row) && is_in(texts.value(row))) {
                *goes = with_them;
                *if with_them { &mut self.malformed } else { &mut self.malformed_staying } += 1;
            }
        }
    }

    fn add_origins(&mut self, batch: &RecordBatch, goes: &[bool]) {
        let (Some(files), Some(rows)) = (batch.column_by_name(FILE), batch.column_by_name(ROW)) else { return };
        let (files, rows) = (files.as_string::<i32>(), rows.as_primitive::<Int64Type>());
        let here = goes.iter().enumerate().filter(|(_, goes)| **goes).map(|(row, _)| (files.value(row).to_owned(), rows.value(row) as u64));
        self.origins.extend(here);
    }

    /// Writes the part again without the rows that go. An empty part stays: without it, the same batch gated again would bring
    /// them back.
    fn rewrite(&self, places: &Places<'_>) -> Result<(), Fault> {
        let part = &self.part;
        let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Unwritable, format!("{}: cannot write again: {e}", part.place));
        let schema = masked(part.schema()?.as_ref(), &part.masks()?);
        let mut staged = places.quarantine.stage(&schema)?;
        let mut begin = 0;
        for batch in part.batches(None)? {
            let batch = batch?;
            let goes = BooleanArray::from(self.goes[begin..begin + batch.num_rows()].to_vec());
            begin += batch.num_rows();
            let stays = filter_record_batch(&batch, &not(&goes).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
            if stays.num_rows() > 0 {
                staged.append(staged.encoder().encode(&[stays])?)?;
            }
        }
        staged.finish(&part.stamp, &replays_in(&part.place)?, &done_in(&part.place)?)?;
        if staged.count()? + self.count() as u64 != self.goes.len() as u64 {
            let what = format!("internal error: {}: what stays and what goes is not what was there", part.place);
            return Err(Fault::new(Code::Internal, what).hint("this part is as it was; please report this"));
        }
        places.quarantine.commit(&mut staged, &part.stamp).map(|_| ())
    }
}

/// Takes the rows that go out of the quarantine.
///
/// # Errors
/// A part cannot be written.
pub(super) fn take_out(places: &Places<'_>, matched: &[Matched]) -> Result<Erased, Fault> {
    let place = places.quarantine.directory.to_string();
    let mut erased = Erased { kind: Kind::Quarantine, place, removed: Vec::new(), kept: 0, notes: Vec::new() };
    for found in matched {
        let (part, count) = (&found.part, found.count());
        let says = |what: String| format!("{}: {what}", part.place);
        erased.notes.extend(found.without.iter().map(|column| says(format!("there is no column `{column}`"))));
        if let Some(records) = some(found.malformed_staying, "malformed record") {
            erased.notes.push(says(format!(
                "{records} with the value in the text stay, since nobody knows what is what there; `--malformed` removes them too"
            )));
        }
        if let Some(rows) = some(found.not_computed, "row") {
            erased.notes.push(says(format!("{rows} stay, since the condition cannot be computed on them")));
        }
        if count == 0 {
            erased.kept += 1;
            continue;
        }
        if !places.quarantine.begun(&part.stamp)?.is_empty() {
            let fault = Fault::new(Code::ReplayUnfinished, format!("{}: a replay of these rows was killed before its end", part.place));
            return Err(fault.hint("`sluicegate replay` ends it; then run this again"));
        }
        if !places.dry_run {
            found.rewrite(places)?;
        }
        let records = some(found.malformed, "malformed record").map_or_else(String::new, |records| format!(", {records} among them"));
        let rows = some(count, "row").unwrap_or_default();
        erased.removed.push(format!("{}: {rows} of batch `{}`{records}", part.place, part.stamp.batch_id));
    }
    Ok(erased)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray as Bools, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray as Texts, TimestampMicrosecondArray,
    };

    use super::*;

    #[test]
    fn a_value_is_read_as_the_column_s_type() {
        let found = |array: ArrayRef, value: &str| -> Vec<usize> {
            let found = equal(&array, value);
            found.map_or_else(Vec::new, |found| (0..found.len()).filter(|&i| found.is_valid(i) && found.value(i)).collect())
        };
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(17), None, Some(170)]));
        assert_eq!(found(integers.clone(), "17"), [0]);
        assert_eq!(found(integers.clone(), "17.0"), [0]);
        assert!(found(integers.clone(), "17.5").is_empty() && found(integers, "x").is_empty());
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, 17.5, f64::NAN]));
        assert_eq!((found(floats.clone(), "0"), found(floats, "17.50")), (vec![0], vec![1]));
        let decimals: ArrayRef = Arc::new(Decimal128Array::from(vec![1700, 1750]).with_precision_and_scale(10, 2).expect("a type"));
        assert_eq!((found(decimals.clone(), "17"), found(decimals.clone(), "17.5")), (vec![0], vec![1]));
        assert!(found(decimals, "17.501").is_empty(), "no value of the type is written so");
        let texts: ArrayRef = Arc::new(Texts::from(vec!["17", "017", "17.0"]));
        assert_eq!((found(texts.clone(), "17"), found(texts, "017")), (vec![0], vec![1]));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![20_454]));
        assert_eq!(found(days, "2026-01-01"), [0]);
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_767_225_600_000_000]));
        assert_eq!(found(times, "2026-01-01T00:00:00"), [0]);
        assert_eq!(found(Arc::new(Bools::from(vec![true, false])), "false"), [1]);
    }
}
