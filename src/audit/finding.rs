//! A finding, before it is written into a report.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::report::model::Sample;
use crate::rows::RowSet;
use crate::rules::words::{OnFail, OnNoData};
use crate::rules::{Evidence, Figures, GroupFigures, Status};
use crate::ruleset::Words;

/// A finding, before it is written into a report.
#[derive(Debug, Clone)]
pub struct FindingResult {
    pub id: String,
    pub rule: &'static str,
    pub columns: Vec<String>,
    pub words: Words,
    pub on_fail: OnFail,
    pub on_no_data: OnNoData,
    pub status: Status,
    pub observed: Json,
    pub limit: Json,
    pub unit: &'static str,
    pub failing: u64,
    pub known: u64,
    /// The failing rows, of failing groups where the rule has `by`.
    pub rows: Arc<RowSet>,
    /// Of these, rows that are published already.
    pub published: Arc<RowSet>,
    pub evidence: Evidence,
    pub message: String,
    pub figures: Figures,
    pub groups: Vec<GroupFigures>,
    pub samples: Vec<Sample>,
    /// Columns whose values samples show.
    pub(super) shows: Vec<usize>,
}

impl FindingResult {
    /// Whether its rows must not be published.
    pub fn sets_aside(&self) -> bool {
        self.status == Status::Fail && self.on_fail == OnFail::Quarantine
    }

    /// Its rows but for those that are published already.
    pub fn add_bad_rows(&self, to: &mut RowSet) {
        if self.published.is_empty() {
            to.union(&self.rows);
            return;
        }
        for unit in self.rows.units() {
            let rows = self.rows.iter().filter(|row| row.unit == unit && !self.published.contains(*row));
            to.insert_unit(unit, rows.map(|row| row.row).collect());
        }
    }

    /// A finding of a rule that is built in.
    pub(super) fn builtin(id: &str, rule: &'static str, status: Status, on_fail: OnFail, message: String) -> Self {
        Self {
            id: id.to_owned(),
            rule,
            columns: Vec::new(),
            words: Words::default(),
            on_fail,
            on_no_data: OnNoData::Stop,
            status,
            observed: Json::Null,
            limit: Json::Null,
            unit: "",
            failing: 0,
            known: 0,
            rows: Arc::default(),
            published: Arc::default(),
            evidence: Evidence::Scan,
            message,
            figures: Figures::new(),
            groups: Vec::new(),
            samples: Vec::new(),
            shows: Vec::new(),
        }
    }
}
