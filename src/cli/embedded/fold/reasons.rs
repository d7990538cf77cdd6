//! Row by row: why a row would be set aside, as columns beside the row.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListBuilder, RecordBatch, RecordBatchIterator, StringBuilder};
use arrow::datatypes::SchemaRef;

use super::{Read, Terms};
use crate::audit::{JudgedRows, RowJudge, Standing};
use crate::diagnostic::Faults;
use crate::source::{self, Projection};

/// Rules bound to the columns of batches to come, of which those speak that judge row by row.
pub struct RowReasons {
    judge: RowJudge,
    read: Read,
    schema: SchemaRef,
}

/// What is said of the rows of a batch.
pub struct Reasons {
    /// By row, what is wrong with it: a list of texts. Null where `clean` drops the row.
    pub reasons: ArrayRef,
    /// By row, whether it passes all rules that set rows aside one by one. Null where `clean` drops the row.
    pub passes: ArrayRef,
}

impl RowReasons {
    /// Binds the rules to these columns.
    ///
    /// # Errors
    /// The rules do not fit the columns.
    pub fn new(terms: &Terms, schema: &SchemaRef) -> Result<Self, Faults> {
        let read = terms.read()?;
        let (now, _) = terms.own_times()?;
        // As they are read: dictionaries unpacked, for one.
        let plain = source::of_partitions(schema, &read.options)?.schema().clone();
        Ok(Self { judge: RowJudge::new(&read.rules, &plain, now)?, read, schema: schema.clone() })
    }

    /// The findings of rules that cannot be judged row by row.
    pub fn silent(&self) -> Vec<String> {
        let is_silent = |standing: &Standing| match standing {
            Standing::Keys | Standing::Batch | Standing::Not => true,
            Standing::EachRow | Standing::EachRowTolerated | Standing::EachRowWarned => false,
        };
        self.judge.standings().into_iter().filter(|(_, standing)| is_silent(standing)).map(|(id, _)| id).collect()
    }

    /// Judges the rows of a batch.
    ///
    /// # Errors
    /// It has other columns, or an expression cannot be computed.
    pub fn of(&self, batch: &RecordBatch) -> Result<Reasons, Faults> {
        let rows = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
        let data = source::from_partition(&self.schema, 0, rows, &self.read.options)?;
        let projection = Projection::new(data.schema(), (0..data.schema().fields().len()).collect());
        let Some((unit, _)) = data.next_unit(None)? else { return Ok(Told::new(0).into_reasons()) };
        let mut told = Told::new(batch.num_rows());
        data.read(&unit, None, &projection, &mut |chunk| {
            self.judge.judge_chunk(chunk)?.iter().for_each(|judged| told.take(judged, &self.judge));
            Ok(())
        })?;
        Ok(told.into_reasons())
    }
}

/// What was said so far, by row; none of rows that are dropped.
struct Told(Vec<Option<(Vec<String>, bool)>>);

impl Told {
    fn new(rows: usize) -> Self {
        Self(vec![None; rows])
    }

    fn take(&mut self, judged: &JudgedRows, by: &RowJudge) {
        for row in judged.rows.iter() {
            self.0[row as usize] = Some((Vec::new(), true));
        }
        for malformed in &judged.malformed {
            self.0[malformed.row as usize] = Some((vec![malformed.reason.clone()], false));
        }
        for outcome in &judged.outcomes {
            let says = by.rules().iter().find(|rule| rule.id == outcome.id).and_then(|rule| rule.says.as_deref());
            let text = says.map_or_else(|| outcome.id.clone(), |says| format!("{}: {says}", outcome.id));
            outcome.fails.rows(judged.rows.len(), |index| {
                if let Some((reasons, passes)) = &mut self.0[judged.rows.get(index) as usize] {
                    reasons.push(text.clone());
                    *passes &= !outcome.sets_aside;
                }
            });
        }
    }

    fn into_reasons(self) -> Reasons {
        let mut reasons = ListBuilder::new(StringBuilder::new());
        let passes: BooleanArray = self.0.iter().map(|told| told.as_ref().map(|(_, passes)| *passes)).collect();
        for told in self.0 {
            match told {
                Some((texts, _)) => reasons.append_value(texts.into_iter().map(Some)),
                None => reasons.append_null(),
            }
        }
        Reasons { reasons: Arc::new(reasons.finish()), passes: Arc::new(passes) }
    }
}
