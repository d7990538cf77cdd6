//! Where the rows of a batch went, counted in the files that were written: the fold's numbers are held against them.

use crate::diagnostic::{Code, Fault};
use crate::report::model::RowTotals;
use crate::store::{Stage, StagedPart};

/// Refuses a part of the quarantine that does not hold just the rows set aside.
pub(super) fn ensure_part_holds(part: &StagedPart, set_aside: u64) -> Result<(), Fault> {
    let holds = part.count()?;
    if holds == set_aside {
        return Ok(());
    }
    let what = format!("internal error: {set_aside} rows are set aside, but the part of the quarantine holds {holds}");
    Err(Fault::new(Code::Internal, what).hint("nothing was written there; please report this"))
}

/// Rows in the files of a batch that is about to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileCounts {
    pub published: u64,
    pub quarantined: u64,
}

impl FileCounts {
    /// Counts the rows of a finished stage and a finished part.
    pub(super) fn of(published: &dyn Stage, quarantined: Option<&StagedPart>) -> Result<Self, Fault> {
        Ok(Self { published: published.count()?, quarantined: quarantined.map_or(Ok(0), StagedPart::count)? })
    }

    /// Refuses a batch of which a row was lost or doubled on the way: `set_aside` is how many must not be published.
    pub(super) fn ensure_conserved(self, read: u64, filtered: u64, set_aside: u64) -> Result<(), Fault> {
        let Self { published, quarantined } = self;
        if quarantined == set_aside && read.checked_sub(filtered + quarantined) == Some(published) {
            return Ok(());
        }
        let what = format!(
            "internal error: of {read} rows {filtered} are filtered and {set_aside} set aside, but the files hold {published} rows to be \
             published and {quarantined} to be set aside"
        );
        Err(Fault::new(Code::Internal, what).hint("nothing was published; please report this"))
    }

    /// The totals of a report, with these numbers.
    pub(super) fn into_totals(self, totals: RowTotals) -> RowTotals {
        RowTotals { published: self.published, quarantined: self.quarantined, ..totals }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::rules::schema::Evolution;
    use crate::ruleset::TableFormat;
    use crate::store::{self, Location, Quarantine, StagedUnit, Stamp, Surroundings};

    fn batch(ids: &[i64]) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(ids.to_vec()))]).expect("a batch")
    }

    fn stamp() -> Stamp {
        let text = || "x".to_owned();
        Stamp { dataset: text(), batch_id: text(), rules_digest: text(), content_digest: text() }
    }

    /// A finished stage with these units.
    fn staged(directory: &std::path::Path, units: &[&[i64]]) -> Box<dyn Stage> {
        let place = directory.join("parts");
        let store = store::open(place.to_str().expect("UTF-8"), Some(TableFormat::Parquet), &Surroundings::default()).expect("a store");
        let mut stage = store.stage(&batch(&[]).schema(), Evolution::Any, None).expect("a stage").expect("any columns");
        for (unit, ids) in (0..).zip(units) {
            let encoded = stage.encoder().encode(&[batch(ids)]).expect("encoded");
            stage.append(StagedUnit::of(unit, 0..ids.len() as u32), encoded).expect("appended");
        }
        stage.finish(&stamp(), &[]).expect("finished");
        stage
    }

    /// A finished part with these rows.
    fn set_aside(directory: &std::path::Path, ids: &[i64]) -> StagedPart {
        let quarantine = Quarantine { directory: Location::Local(directory.join("aside")) };
        let mut part = quarantine.stage(&batch(&[]).schema()).expect("a part");
        part.append(part.encoder().encode(&[batch(ids)]).expect("encoded")).expect("appended");
        part.finish(&stamp(), &[], &[]).expect("finished");
        part
    }

    #[test]
    fn a_row_that_is_missing_in_a_staged_file_or_stands_there_twice_keeps_the_batch_from_being_published() {
        let place = tempfile::tempdir().expect("a directory");
        let (published, aside) = (staged(place.path(), &[&[1, 2, 3], &[4, 5]]), set_aside(place.path(), &[6, 7]));
        let counts = FileCounts::of(published.as_ref(), Some(&aside)).expect("counted");
        assert_eq!(counts, FileCounts { published: 5, quarantined: 2 });
        counts.ensure_conserved(8, 1, 2).expect("8 = 5 + 2 + 1");
        for (read, filtered, set_aside) in [(9, 1, 2), (7, 1, 2), (8, 0, 2), (8, 1, 1), (8, 1, 3), (1, 1, 2)] {
            let fault = counts.ensure_conserved(read, filtered, set_aside).expect_err("refused");
            assert!(fault.to_string().contains("nothing was published"), "{fault}");
        }
        let lacks_one = FileCounts::of(staged(place.path(), &[&[1, 2, 3], &[4]]).as_ref(), Some(&aside)).expect("counted");
        lacks_one.ensure_conserved(8, 1, 2).expect_err("a row is lost");
        ensure_part_holds(&aside, 2).expect("as many");
        ensure_part_holds(&aside, 3).expect_err("a row is lost");
        let without_part = FileCounts::of(published.as_ref(), None).expect("counted");
        without_part.ensure_conserved(8, 1, 2).expect_err("the part is lost");
        without_part.ensure_conserved(6, 1, 0).expect("nothing was set aside");
    }
}
