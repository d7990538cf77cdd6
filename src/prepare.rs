//! `clean` and `transform`: which rows go on, and with which columns.
//!
//! Parse, then clean, then transform. A row on which an expression cannot be computed is malformed;
//! the batch goes on without it.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};

use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::paths::{PathColumn, PathValues};
use crate::rows::{Mask, RowNumbers};
use crate::source::{Chunk, Malformed, Projection};
use crate::sql::{Columns, Expression, RowFailure, Sql};

/// A condition on rows that are published, compiled over their columns when the first come.
pub(crate) struct RowCondition {
    text: String,
    now: DateTime<Utc>,
    compiled: OnceCell<Expression>,
}

impl RowCondition {
    pub(crate) fn new(text: &str, now: DateTime<Utc>) -> Self {
        Self { text: text.to_owned(), now, compiled: OnceCell::new() }
    }

    /// For which rows it is true; all batches of rows have the same columns.
    ///
    /// # Errors
    /// It fits no such rows, or cannot be computed on one.
    pub(crate) fn test(&self, rows: &RecordBatch) -> Result<BooleanArray, Fault> {
        let expression = match self.compiled.get() {
            Some(expression) => expression,
            None => {
                let told = |why: Misread| Fault::told(Code::InvalidSql, why.about(&format!("`{}`", self.text)));
                let expression = Sql::new(self.now).condition(&self.text, &rows.schema()).map_err(told)?;
                self.compiled.get_or_init(|| expression)
            }
        };
        let failed = |why: &str| Fault::new(Code::ExpressionFailed, format!("`{}` cannot be computed on a row: {why}", self.text));
        if let Some(why) = &expression.broken {
            return Err(failed(why));
        }
        let arrays: Vec<ArrayRef> = expression.columns.iter().map(|&column| rows.column(column).clone()).collect();
        let (found, failures) = expression.test(&arrays, rows.num_rows());
        failures.first().map_or(Ok(found), |failure| Err(failed(&failure.reason)))
    }
}

/// What happens to rows between the source and the rules.
#[derive(Debug, Clone)]
pub struct Prepare {
    /// The columns that are published: the source's, then those that `transform` adds.
    pub schema: SchemaRef,
    /// The columns rules see: those of `schema`, then the nested fields they hold, by path.
    pub rule_schema: SchemaRef,
    /// Where each name stands in `rule_schema`, once somebody asks: Arrow looks at one field after the other.
    places: OnceLock<HashMap<String, usize>>,
    paths: Vec<PathColumn>,
    clean: Vec<Clean>,
    transform: Vec<Transform>,
    source_columns: usize,
}

#[derive(Debug, Clone)]
struct Clean {
    /// Whether rows for which the condition holds are dropped, or all others.
    drops: bool,
    condition: Expression,
}

#[derive(Debug, Clone)]
struct Transform {
    target: usize,
    expression: Expression,
}

/// Rows ready to be judged.
#[derive(Debug)]
pub struct Prepared {
    /// By index into [`Prepare::schema`]; none for columns that were not read.
    pub columns: Vec<Option<ArrayRef>>,
    pub rows: RowNumbers,
    /// Rows that `clean` dropped.
    pub filtered: u64,
    /// Records that could not be read or computed.
    pub malformed: Vec<Malformed>,
}

impl Prepare {
    /// Nothing to clean, nothing to transform yet.
    pub fn new(source: &SchemaRef) -> Self {
        let source_columns = source.fields().len();
        let mut new = Self {
            schema: source.clone(),
            rule_schema: source.clone(),
            places: OnceLock::new(),
            paths: Vec::new(),
            clean: Vec::new(),
            transform: Vec::new(),
            source_columns,
        };
        new.find_paths();
        new
    }

    /// Adds a step of `clean`, compiled against the source's schema.
    pub fn clean(&mut self, drops: bool, condition: Expression) {
        self.clean.push(Clean { drops, condition });
    }

    /// Adds columns, or replaces those of the same names. `compile` compiles each over the columns as they stand by then; where it
    /// gives nothing, there is no such column.
    pub(crate) fn transform<T>(&mut self, steps: &[(String, T)], mut compile: impl FnMut(&str, &T, &Columns) -> Option<Expression>) {
        if steps.is_empty() {
            return;
        }
        let mut columns = Columns::of(self.schema.fields());
        for (name, step) in steps {
            let Some(expression) = compile(name, step, &columns) else { continue };
            let target = columns.set(Arc::new(Field::new(name, expression.data_type.clone(), true)));
            self.transform.push(Transform { target, expression });
        }
        self.schema = Arc::new(Schema::new(columns.fields().to_vec()));
        self.find_paths();
    }

    fn find_paths(&mut self) {
        self.paths = PathColumn::all(&self.schema);
        let fields = self.schema.fields().iter().cloned().chain(self.paths.iter().map(|p| Arc::new(p.field())));
        self.rule_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        self.places = OnceLock::new();
    }

    /// The index in [`Prepare::rule_schema`] of the column called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        // The first of several counts.
        let all = || self.rule_schema.fields().iter().enumerate().rev().map(|(index, field)| (field.name().clone(), index)).collect();
        self.places.get_or_init(all).get(name).copied()
    }

    /// The index in [`Prepare::schema`] of the column called `name`.
    pub fn schema_index_of(&self, name: &str) -> Option<usize> {
        // Columns come first, and no field within one bears the name of one.
        self.index_of(name).filter(|index| *index < self.schema.fields().len())
    }

    /// Whether rows are left out, or may turn out malformed, on the way.
    pub fn changes_rows(&self) -> bool {
        !self.clean.is_empty() || !self.transform.is_empty()
    }

    /// Whether the column `index` of [`Prepare::rule_schema`] is one of the source's, as it stands there.
    pub fn is_untouched(&self, index: usize) -> bool {
        index < self.source_columns && self.transform.iter().all(|t| t.target != index)
    }

    /// The nested field that the column `index` of [`Prepare::rule_schema`] is, if it is one.
    pub fn path(&self, index: usize) -> Option<&PathColumn> {
        self.paths.get(index.checked_sub(self.schema.fields().len())?)
    }

    /// The values of the column `index` of [`Prepare::rule_schema`], if what they lie in was read.
    pub fn values(&self, columns: &[Option<ArrayRef>], index: usize) -> Option<PathValues> {
        match self.path(index) {
            Some(path) => Some(path.values(columns[path.root].as_ref()?)),
            None => Some(PathValues { array: columns[index].clone()?, ends: None }),
        }
    }

    /// The source columns to read so that the columns `wanted` of [`Prepare::rule_schema`] can be had.
    ///
    /// Every transform is computed whether wanted or not: a row it fails on is malformed in any run.
    pub fn source_columns(&self, wanted: &[usize]) -> Vec<usize> {
        let expressions = self.clean.iter().map(|c| &c.condition).chain(self.transform.iter().map(|t| &t.expression));
        let root = |&c: &usize| self.path(c).map_or(c, |p| p.root);
        let mut all: Vec<usize> = expressions.flat_map(|e| &e.columns).chain(wanted).map(root).collect();
        all.retain(|&c| c < self.source_columns);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Cleans and transforms one chunk; gives its rows in order, in several batches where a transformed column is too large
    /// for one.
    ///
    /// # Errors
    /// Arrow refuses to filter, which a well-formed batch does not let it.
    pub fn apply(&self, chunk: Chunk, projection: &Projection) -> Result<Vec<Prepared>, Faults> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for (&index, array) in projection.columns.iter().zip(chunk.batch.columns()) {
            columns[index] = Some(array.clone());
        }
        let mut prepared = Prepared { columns, rows: chunk.rows, filtered: 0, malformed: chunk.malformed };
        for Clean { drops, condition } in &self.clean {
            let len = prepared.rows.len();
            let (holds, failures) = condition.test(&arrays(&prepared.columns, condition), len);
            let keep = if *drops { Mask::from_boolean(&holds, false).not() } else { Mask::from_boolean(&holds, false) };
            let failed = failed_rows(&failures, len);
            prepared.filtered += keep.not().without(&failed).count(len) as u64;
            prepared.drop_failed(&failures);
            prepared.keep(&keep.without(&failed))?;
        }
        let mut batches = vec![prepared];
        for Transform { target, expression } in &self.transform {
            let mut transformed = Vec::with_capacity(batches.len());
            for mut prepared in batches {
                let len = prepared.rows.len();
                let (parts, failures) = expression.evaluate(&arrays(&prepared.columns, expression), len);
                prepared.drop_failed(&failures);
                let keep = failed_rows(&failures, len).not().bits(len);
                let mut start = 0;
                for part in parts {
                    let end = start + part.len();
                    let mut batch = prepared.cut(start..end);
                    batch.columns[*target] = Some(part);
                    batch.keep(&Mask::new(keep.slice(start, end - start)))?;
                    transformed.push(batch);
                    start = end;
                }
            }
            batches = transformed;
        }
        batches.iter_mut().for_each(|b| b.malformed.sort_by_key(|m| m.row));
        Ok(batches)
    }
}

impl Prepared {
    /// The rows of `range`; what was filtered and malformed goes with whatever is cut first.
    fn cut(&mut self, range: Range<usize>) -> Self {
        let (filtered, malformed) = (std::mem::take(&mut self.filtered), std::mem::take(&mut self.malformed));
        if range == (0..self.rows.len()) {
            return Self { columns: std::mem::take(&mut self.columns), rows: self.rows.clone(), filtered, malformed };
        }
        let columns = self.columns.iter().map(|c| c.as_ref().map(|a| a.slice(range.start, range.len()))).collect();
        let inside = BooleanBuffer::collect_bool(self.rows.len(), |i| range.contains(&i));
        Self { columns, rows: self.rows.filter(&inside), filtered, malformed }
    }

    fn drop_failed(&mut self, failures: &[RowFailure]) {
        for RowFailure { row, reason } in failures {
            self.malformed.push(Malformed { row: self.rows.get(*row), reason: reason.clone(), column: None, raw: Vec::new() });
        }
    }

    fn keep(&mut self, keep: &Mask) -> Result<(), Faults> {
        let len = self.rows.len();
        if matches!(keep, Mask::All) || len == 0 {
            return Ok(());
        }
        let bits = keep.bits(len);
        let filter = BooleanArray::new(bits.clone(), None);
        for column in self.columns.iter_mut().flatten() {
            *column = arrow::compute::filter(column, &filter).map_err(|e| Fault::new(Code::Internal, format!("cannot filter: {e}")))?;
        }
        self.rows = self.rows.filter(&bits);
        Ok(())
    }
}

fn failed_rows(failures: &[RowFailure], len: usize) -> Mask {
    if failures.is_empty() {
        return Mask::None;
    }
    let mut failed = vec![false; len];
    failures.iter().for_each(|f| failed[f.row] = true);
    Mask::new(failed.into())
}

/// The expression's columns.
fn arrays(columns: &[Option<ArrayRef>], expression: &Expression) -> Vec<ArrayRef> {
    let read = |&i: &usize| columns[i].clone().expect("the projection covers every expression's columns");
    expression.columns.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Sql;
    use arrow::array::{AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Int64Type};
    use chrono::DateTime;

    #[test]
    fn a_transform_too_large_for_one_array_cuts_the_batch_and_loses_no_row() {
        let source = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let sql = Sql::new(DateTime::UNIX_EPOCH);
        let mut prepare = Prepare::new(&source);
        prepare.clean(true, sql.condition("n = 4", &source).expect("compiles"));
        let steps = [("long".to_owned(), "repeat('ab', 100 / n)"), ("length".to_owned(), "length(long)")];
        prepare.transform(&steps, |name, text, columns| {
            let compiled = sql.compile(text, columns).expect("compiles");
            Some(if name == "long" { compiled.with_bytes_max(600) } else { compiled })
        });
        let n: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 0, 1, 4, 1, 0, 5]));
        let batch = RecordBatch::try_new(source.clone(), vec![n]).expect("a batch");
        let chunk = Chunk { batch, rows: RowNumbers::of((0..8).collect()), malformed: Vec::new() };
        let batches = prepare.apply(chunk, &Projection::new(&source, vec![0])).expect("prepares");
        assert!(batches.len() > 1);
        let rows: Vec<u32> = batches.iter().flat_map(|b| b.rows.iter().collect::<Vec<_>>()).collect();
        let malformed: Vec<u32> = batches.iter().flat_map(|b| b.malformed.iter().map(|m| m.row)).collect();
        let filtered: u64 = batches.iter().map(|b| b.filtered).sum();
        assert_eq!((rows, malformed, filtered), (vec![0, 1, 3, 5, 7], vec![2, 6], 1));
        let whole = |b: &Prepared| b.columns.iter().flatten().all(|c| c.len() == b.rows.len());
        assert!(batches.iter().all(whole));
        let length = |b: &Prepared| {
            let lengths = arrow::compute::cast(b.columns[2].as_ref().expect("computed"), &DataType::Int64).expect("numbers");
            lengths.as_primitive::<Int64Type>().values().to_vec()
        };
        assert_eq!(batches.iter().flat_map(length).collect::<Vec<_>>(), [200, 100, 200, 200, 40]);
    }
}
