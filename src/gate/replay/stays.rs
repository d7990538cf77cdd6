//! What stays set aside after a replay, with the reasons of now.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListBuilder, RecordBatch, StringArray, StringBuilder};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::FieldRef;

use super::rows::Taken;
use super::{Judged, ReplayedBatch, cannot, conserved};
use crate::diagnostic::{Code, Fault};
use crate::quarantine::{REASON, RULES, masked};
use crate::store::{ReplayedRows, StagedPart, replays_in};

/// The part as it will be.
pub(super) struct Stays {
    pub part: StagedPart,
    /// Whether it differs from the part as it is.
    is_new: bool,
}

impl ReplayedBatch<'_> {
    /// The part without the rows that pass; those that were judged as they are have the rules that they fail now. A row
    /// whose mended values fail stays as it was: these values are not its own.
    pub(super) fn what_stays(&self, judged: &Judged, replays: &[String], done: &[ReplayedRows]) -> Result<Stays, Fault> {
        let changed = || Fault::new(Code::TableChanged, format!("{}: it changed meanwhile", self.part.place)).hint("run the replay again");
        // What was masked stays masked, and what the rules mask now is too.
        let mut privacy = self.part.masks()?;
        self.request.rules.privacy(None).columns().for_each(|(name, mask)| privacy.add(name, mask));
        let schema = masked(self.part.schema()?.as_ref(), &privacy);
        let mut part = self.request.quarantine.stage(&schema)?;
        let (mut next, mut before, mut is_new) = (0, 0, false);
        for batch in self.part.batches(None)? {
            let batch = batch?;
            before += batch.num_rows() as u64;
            let (mut keep, mut renewed) = (Vec::with_capacity(batch.num_rows()), Vec::with_capacity(batch.num_rows()));
            for taken in self.to_judge.of(&batch) {
                if taken == Taken::Not {
                    keep.push(true);
                    renewed.push(None);
                    continue;
                }
                let passes = *judged.passes.get(next).ok_or_else(changed)?;
                keep.push(!passes);
                // A row that `clean` leaves out now fails no rule, and stays for what it failed before.
                renewed.push((taken == Taken::Own && !judged.rules[next].is_empty()).then_some(next));
                next += 1;
            }
            let batch = with_reasons(&batch, judged, &renewed, &mut is_new)?;
            let kept = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(|e| cannot(&e))?;
            if kept.num_rows() > 0 {
                part.append(part.encoder().encode(&[kept])?)?;
            }
        }
        if next != judged.passes.len() {
            return Err(changed());
        }
        part.finish(&self.part.stamp, replays, done)?;
        let took = done.iter().map(|done| done.rows).sum::<u64>() - self.done.iter().map(|done| done.rows).sum::<u64>();
        conserved(part.count()? + took, before, "what stays set aside and what goes is")?;
        Ok(Stays { part, is_new })
    }

    /// No row goes, but why they stay may be another matter now.
    pub(super) fn renew_reasons(&self, judged: &Judged) -> Result<(), Fault> {
        let mut stays = self.what_stays(judged, &self.replays, &self.done)?;
        // In an object store nobody waits: a replay that published rows meanwhile has put another part there.
        if stays.is_new && replays_in(&self.part.place)? == self.replays {
            self.request.quarantine.commit(&mut stays.part, &self.part.stamp)?;
        }
        Ok(())
    }
}

/// The rows with the rules and the reason that were found for those that are `renewed`.
fn with_reasons(batch: &RecordBatch, judged: &Judged, renewed: &[Option<usize>], is_new: &mut bool) -> Result<RecordBatch, Fault> {
    let (Some(rules), Some(reasons)) = (batch.column_by_name(RULES), batch.column_by_name(REASON)) else {
        return Err(cannot(&"the part does not say why its rows are there"));
    };
    let (before, mut now) = (rules.as_list::<i32>(), ListBuilder::new(StringBuilder::new()));
    let texts = reasons.as_string::<i32>();
    let text_before = |row: usize| texts.is_valid(row).then(|| texts.value(row));
    let mut reasons_now = Vec::with_capacity(renewed.len());
    for (row, renewed) in renewed.iter().enumerate() {
        let was: Vec<Option<String>> = before.value(row).as_string::<i32>().iter().map(|rule| rule.map(str::to_owned)).collect();
        let is: Vec<Option<String>> = renewed.map_or_else(|| was.clone(), |i| judged.rules[i].iter().cloned().map(Some).collect());
        let reason = renewed.map_or_else(|| text_before(row), |i| judged.reasons[i].as_deref());
        *is_new |= is != was || reason != text_before(row);
        is.into_iter().for_each(|rule| now.values().append_option(rule));
        now.append(true);
        reasons_now.push(reason);
    }
    let now: ArrayRef = cast(&now.finish(), rules.data_type()).map_err(|e| cannot(&e))?;
    let reasons_now: ArrayRef = Arc::new(StringArray::from(reasons_now));
    let column = |(field, column): (&FieldRef, &ArrayRef)| match field.name().as_str() {
        RULES => now.clone(),
        REASON => reasons_now.clone(),
        _ => column.clone(),
    };
    let columns = batch.schema().fields().iter().zip(batch.columns()).map(column).collect();
    RecordBatch::try_new(batch.schema(), columns).map_err(|e| cannot(&e))
}
