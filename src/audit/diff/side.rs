//! One of two data sets: its rows, read unit by unit.

use arrow::array::ArrayRef;

use super::columns::PairedColumns;
use crate::audit::Job;
use crate::diagnostic::{Code, Fault, Faults};
use crate::engine::{self, UnitSelection};
use crate::metric::Column;
use crate::metric::paired::{Block, Hashed, Hashing};
use crate::prepare::{Prepare, Prepared};
use crate::rows::{Mask, RowNumbers, RowSet};
use crate::source::{Projection, RowOrigins, SchemaEvidence, Source, Unit, UnitEnd};
use crate::sql::{Expression, Sql};

/// A data set, and which of its rows are compared.
pub(in crate::audit) struct Side<'a> {
    /// 0 for what is there, 1 for the batch: indices of columns are kept by it.
    pub(in crate::audit) number: usize,
    pub(in crate::audit) job: &'a Job<'a>,
    pub(in crate::audit) source: &'a dyn Source,
    pub(in crate::audit) prepare: &'a Prepare,
    condition: Option<Expression>,
    /// Records that cannot be read, where that is known.
    malformed: Option<&'a RowSet>,
}

/// Some rows of a unit.
pub(in crate::audit) struct SideRows {
    /// The columns that were asked for, in that order.
    pub(in crate::audit) columns: Vec<ArrayRef>,
    pub(in crate::audit) numbers: RowNumbers,
    /// Those that are compared.
    pub(in crate::audit) selected: Mask,
    /// Records among them that could not be read.
    pub(in crate::audit) malformed: u64,
}

/// What the first look at a data set found.
pub(super) struct Looked {
    pub(super) hashed: Hashed,
    /// Rows in scope.
    pub(super) rows: u64,
    pub(super) without_key: RowSet,
    pub(super) unreadable: u64,
    pub(super) origins: RowOrigins,
    pub(super) evidence: SchemaEvidence,
}

/// The same of one unit.
#[derive(Default)]
struct LookedUnit {
    hashing: Hashing,
    rows: u64,
    without_key: Vec<u32>,
    unreadable: u64,
}

impl<'a> Side<'a> {
    /// With the rows for which `condition` holds.
    ///
    /// # Errors
    /// The condition does not fit the columns.
    pub(in crate::audit) fn new(
        number: usize,
        (job, source, prepare): (&'a Job<'a>, &'a dyn Source, &'a Prepare),
        condition: Option<&str>,
        malformed: Option<&'a RowSet>,
    ) -> Result<Self, String> {
        let compile = |text: &str| Sql::new(job.now).condition(text, &prepare.schema).map_err(|why| why.what);
        let condition = condition.map(compile).transpose()?;
        if let Some(broken) = condition.as_ref().and_then(|condition| condition.broken.clone()) {
            return Err(broken);
        }
        Ok(Self { number, job, source, prepare, condition, malformed })
    }

    /// Reads the columns `wanted` of units, compact ones where values are only hashed: `take` gets rows in their order, `merge` the units in theirs.
    pub(in crate::audit) fn read<T: Default + Send>(
        &self,
        wanted: &[usize],
        (units, is_compact): (UnitSelection<'_>, bool),
        take: impl Fn(&mut T, u32, SideRows) -> Result<(), Fault> + Sync,
        mut merge: impl FnMut(&Unit, UnitEnd, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let needed: Vec<usize> = wanted.iter().chain(self.condition.iter().flat_map(|c| &c.columns)).copied().collect();
        let projection = Projection::new(self.source.schema(), self.prepare.source_columns(&needed));
        let projection = if is_compact { projection.compact() } else { projection };
        let work = |unit: &Unit, preread| {
            let mut taken = T::default();
            let end = self.source.read(unit, preread, &projection, &mut |chunk| {
                self.job.cancel.check()?;
                for prepared in self.prepare.apply(chunk, &projection).map_err(Faults::into_first)? {
                    take(&mut taken, unit.index, self.rows(unit, wanted, prepared)?)?;
                }
                Ok(())
            })?;
            Ok((unit.clone(), end, taken))
        };
        engine::each_unit(self.source, units, self.job.threads, &self.job.cancel, work, |(unit, end, taken)| merge(&unit, end, taken))
    }

    fn rows(&self, unit: &Unit, wanted: &[usize], prepared: Prepared) -> Result<SideRows, Fault> {
        let len = prepared.rows.len();
        let column = |&index: &usize| self.prepare.values(&prepared.columns, index).map(|values| values.array);
        let columns: Option<Vec<ArrayRef>> = wanted.iter().map(column).collect();
        let columns = columns.ok_or_else(|| Fault::new(Code::Internal, "internal error: a column to compare was not read"))?;
        let mut selected = match self.malformed {
            // With fewer columns read, records malformed in another one look whole.
            Some(malformed) => malformed.mask(unit.index, &prepared.rows).not(),
            None => Mask::All,
        };
        if let Some(condition) = &self.condition {
            let arrays: Option<Vec<ArrayRef>> = condition.columns.iter().map(|&index| prepared.columns[index].clone()).collect();
            let arrays = arrays.ok_or_else(|| Fault::new(Code::Internal, "internal error: a column of `where` was not read"))?;
            let (holds, failures) = condition.test(&arrays, len);
            let bits = selected.bits(len);
            if let Some(failure) = failures.iter().find(|failure| bits.value(failure.row)) {
                let what = format!("cannot tell whether `where` holds for every row: {}", failure.reason);
                return Err(Fault::new(Code::ExpressionFailed, what));
            }
            selected = selected.and(&Mask::from_boolean(&holds, false));
        }
        Ok(SideRows { columns, numbers: prepared.rows, selected, malformed: prepared.malformed.len() as u64 })
    }

    /// Hashes the keys and the compared values of all rows.
    pub(super) fn look(&self, columns: &PairedColumns) -> Result<Looked, Fault> {
        let mut looked = Looked {
            hashed: Hashed::new(&self.job.budget),
            rows: 0,
            without_key: RowSet::default(),
            unreadable: 0,
            origins: RowOrigins::default(),
            evidence: SchemaEvidence::default(),
        };
        let take = |unit: &mut LookedUnit, number: u32, rows: SideRows| {
            unit.take(number, rows, columns);
            Ok(())
        };
        self.read(&columns.of_side(self.number), (UnitSelection::All, true), take, |unit, mut end, found: LookedUnit| {
            let evidence = std::mem::take(&mut end.evidence);
            looked.evidence.merge(evidence);
            looked.origins.push(unit.clone(), &end, self.source.known().header_lines(unit.file));
            looked.rows += found.rows;
            looked.unreadable += found.unreadable;
            looked.without_key.insert_unit(unit.index, found.without_key);
            let blocks: Vec<Block> = found.hashing.finish();
            looked.hashed.push(blocks)
        })?;
        Ok(looked)
    }

    /// What all values of the columns `wanted` say of their types.
    pub(in crate::audit) fn evidence(&self, wanted: &[usize]) -> Result<SchemaEvidence, Fault> {
        let mut evidence = SchemaEvidence::default();
        self.read(
            wanted,
            (UnitSelection::All, true),
            |(): &mut (), _, _| Ok(()),
            |_, end, ()| {
                evidence.merge(end.evidence);
                Ok(())
            },
        )?;
        Ok(evidence)
    }
}

impl LookedUnit {
    fn take(&mut self, unit: u32, rows: SideRows, columns: &PairedColumns) {
        let SideRows { columns: arrays, numbers, selected, malformed } = rows;
        let len = numbers.len();
        self.rows += selected.count(len) as u64;
        self.unreadable += malformed;
        let forms = columns.key.iter().chain(&columns.compared).map(|column| column.form);
        let formed: Vec<Column> = arrays.iter().zip(forms).map(|(array, form)| form.column(array)).collect();
        let formed: Vec<&Column> = formed.iter().collect();
        let (key, values) = formed.split_at(columns.key.len());
        let whole = key.iter().fold(selected.clone(), |rows, column| column.present(&rows));
        selected.without(&whole).rows(len, |row| self.without_key.push(numbers.get(row)));
        self.hashing.take((key, values), &whole, (unit, &numbers));
    }
}
