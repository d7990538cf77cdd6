//! Which rules each row fails that is written down, and what becomes of it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, ListBuilder, StringBuilder};

use crate::audit::{Audited, FindingWithRows};
use crate::findings::builtin::MALFORMED;
use crate::findings::{Finding, OnFail, Outcome};
use crate::rows::{RowId, RowSet};
use crate::source::Unit;

/// Rows that are written down, and what is written beside each.
pub(super) struct Named<'a> {
    pub rows: &'a RowSet,
    pub why: Why<'a>,
}

/// Why rows are written down.
#[derive(Clone, Copy)]
pub(super) enum Why<'a> {
    /// Rules set each of them aside.
    SetAside,
    /// The batch went there as a whole, for this reason.
    Whole(&'a str),
    /// Any rule fails on them; which are not published is said of each.
    Fails(&'a RowSet),
}

/// The ids of rules by row, and for failing rows what each rule does.
pub(super) struct RulesOfRows<'a> {
    why: Why<'a>,
    /// Findings that name rows of the unit.
    findings: Vec<&'a FindingWithRows>,
    /// What kept the batch as a whole from being published; of rows that rules set aside, each names its own.
    deciding: Vec<&'a str>,
    sets_malformed_aside: bool,
    rules: ListBuilder<StringBuilder>,
    on_fail: ListBuilder<StringBuilder>,
    set_aside: BooleanBuilder,
}

impl<'a> RulesOfRows<'a> {
    pub(super) fn new(audited: &'a Audited, unit: &Unit, why: Why<'a>) -> Self {
        let is_told = |f: &&FindingWithRows| match why {
            Why::SetAside | Why::Whole(_) => f.finding.sets_aside(),
            Why::Fails(_) => true,
        };
        let has_rows = |f: &&FindingWithRows| f.rows.len_of(unit.index) + f.spared.len_of(unit.index) > 0;
        let decides = |finding: &&Finding| finding.stops() || (finding.outcome == Outcome::Fail && finding.on_fail == OnFail::Reject);
        let deciding = match why {
            Why::Whole(_) => audited.findings.iter().map(|f| &f.finding).filter(decides).map(|f| f.id.as_str()).collect(),
            Why::SetAside | Why::Fails(_) => Vec::new(),
        };
        Self {
            why,
            findings: audited.findings.iter().filter(is_told).filter(has_rows).collect(),
            deciding,
            sets_malformed_aside: audited.findings.iter().any(|f| f.finding.code == MALFORMED.code && f.finding.sets_aside()),
            rules: ListBuilder::new(StringBuilder::new()),
            on_fail: ListBuilder::new(StringBuilder::new()),
            set_aside: BooleanBuilder::new(),
        }
    }

    /// Adds a row; whether it is a record that could not be read, or on which an expression fails.
    pub(super) fn add(&mut self, row: RowId, is_malformed: bool) {
        match self.why {
            Why::SetAside | Why::Whole(_) => {
                for found in self.findings.iter().filter(|f| f.rows.contains(row)) {
                    self.rules.values().append_value(&found.finding.id);
                }
                if is_malformed && !self.sets_malformed_aside {
                    // Tolerated or not, a record that cannot be read cannot be published.
                    self.rules.values().append_value(MALFORMED.id());
                }
                self.deciding.iter().for_each(|id| self.rules.values().append_value(id));
            }
            Why::Fails(set_aside) => {
                for found in self.findings.iter().filter(|f| f.rows.contains(row) || f.spared.contains(row)) {
                    self.rules.values().append_value(&found.finding.id);
                    self.on_fail.values().append_value(found.finding.on_fail.to_string());
                }
                self.on_fail.append(true);
                self.set_aside.append_value(set_aside.contains(row));
            }
        }
        self.rules.append(true);
    }

    /// Why rules set the row aside, where they have several reasons to.
    pub(super) fn reason(&self, row: RowId) -> Option<String> {
        let mut reasons: Vec<&str> = self.findings.iter().filter(|f| f.rows.contains(row)).filter_map(|f| f.reason_of(row)).collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.rules.finish())];
        if let Why::Fails(_) = self.why {
            columns.push(Arc::new(self.on_fail.finish()));
            columns.push(Arc::new(self.set_aside.finish()));
        }
        columns
    }
}
