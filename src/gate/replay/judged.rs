//! What the rules say of each row that was judged again.

use crate::audit::Audited;
use crate::diagnostic::{Fault, Faults};
use crate::findings::builtin::MALFORMED;
use crate::rows::RowSet;
use crate::source::{Projection, Unit};
use crate::store::StagedUnit;

/// What the rules say of each row that could be judged, in the part's order.
pub(super) struct Judged {
    pub passes: Vec<bool>,
    /// The findings that set it aside now.
    pub rules: Vec<Vec<String>>,
    /// Why no expression could be computed on it.
    pub reasons: Vec<Option<String>>,
}

impl Judged {
    /// Of the rows in the file of index `file`.
    pub(super) fn new(audited: &Audited, staged: &[StagedUnit], fails: &RowSet, file: u32) -> Result<Self, Faults> {
        let units: Vec<Unit> = audited.row_origins.units().filter(|u| u.file == file).cloned().collect();
        // Row groups follow each other, and every row of a Parquet file is a record.
        let firsts: Vec<usize> = units.iter().map(|u| audited.row_origins.rows_before(u.index) as usize).collect();
        let len = units.last().map_or(0, |u| firsts[units.len() - 1] + audited.row_origins.records_of(u.index) as usize);
        let mut judged = Self { passes: vec![false; len], rules: vec![Vec::new(); len], reasons: vec![None; len] };
        for (unit, first) in units.iter().zip(firsts) {
            for row in staged.iter().filter(|s| s.unit == unit.index).flat_map(StagedUnit::rows).filter(|row| !fails.contains(*row)) {
                judged.passes[first + row.row as usize] = true;
            }
            for finding in audited.findings.iter().filter(|f| f.finding.sets_aside()) {
                for row in finding.rows.iter().filter(|row| row.unit == unit.index) {
                    judged.rules[first + row.row as usize].push(finding.finding.id.clone());
                }
            }
            if audited.malformed_rows.len_of(unit.index) > 0 {
                judged.find_reasons(audited, unit, first)?;
            }
        }
        Ok(judged)
    }

    /// How many rows pass.
    pub(super) fn passing(&self) -> u64 {
        self.passes.iter().filter(|passes| **passes).count() as u64
    }

    /// Prepares the unit's rows once more: why an expression fails on a row is told nowhere else for all of them.
    fn find_reasons(&mut self, audited: &Audited, unit: &Unit, first: usize) -> Result<(), Faults> {
        let source = audited.source.as_ref();
        let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
        source.read(unit, None, &projection, &mut |chunk| {
            let prepared = audited.plan.prepare.apply(chunk, &projection).map_err(Faults::into_first)?;
            for malformed in prepared.into_iter().flat_map(|prepared| prepared.malformed) {
                let row = first + malformed.row as usize;
                if self.rules[row].is_empty() {
                    // Tolerated or not, such a row cannot be published.
                    self.rules[row].push(MALFORMED.id().to_owned());
                }
                self.reasons[row] = Some(audited.privacy.reason(&malformed.reason, malformed.column.as_deref(), &malformed.raw));
            }
            Ok::<(), Fault>(())
        })?;
        Ok(())
    }
}
