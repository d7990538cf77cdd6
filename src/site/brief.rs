//! What the pages of a site need of one run. It stands beside the run's page as JSON; its first line tells the run as a whole,
//! so that lists of many runs read no more of each.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::name::run_of;
use crate::diagnostic::{Code, Fault};
use crate::findings::{Finding, Label, OnFail, Outcome, Severity, Unit, Value};
use crate::history::{Mark, time_of};
use crate::report::Report;
use crate::report::model::{ColumnReport, Mode, RowTotals, time};
use crate::report::since::Standing;
use crate::shown::cut_short;
use crate::verdict::Verdict;

/// Characters of what is told.
const NAME_MAX: usize = 100;
const WHY_MAX: usize = 240;

/// Columns of a rule that are named, and columns of a run.
const NAMED_MAX: usize = 3;
pub(super) const COLUMNS_MAX: usize = 500;

/// How the first line of a brief begins.
const BEGINS: &str = "{\"run\":";

/// A run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// A digest of the report, of what was said of the run, and of what its page was made with.
    pub of: String,
    /// What the run is called on the site.
    pub name: String,
    pub dataset: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The time that the run speaks of (RFC 3339, UTC).
    pub time: Option<String>,
    pub batch: String,
    pub mode: Mode,
    pub verdict: Verdict,
    pub rows: RowTotals,
    pub failed: u64,
    pub warned: u64,
    pub passed: u64,
    /// Findings that are neither of these.
    pub others: u64,
    pub faults: u64,
    /// The first reason, or the first fault.
    pub why: String,
    pub columns: u64,
    /// Where somebody says that the run is bad: why, who, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<Bad>,
}

/// Why a run must not be compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bad {
    pub reason: String,
    pub by: String,
    pub at: String,
}

/// What the pages need of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    #[serde(rename = "run")]
    pub head: Head,
    pub findings: Vec<FindingBrief>,
    pub columns: Vec<ColumnBrief>,
}

/// One finding, as a row of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "FindingRow", into = "FindingRow")]
pub struct FindingBrief {
    pub id: String,
    pub rule: String,
    pub columns: String,
    pub standing: Standing,
}

type FindingRow = (String, String, String, Outcome, OnFail, Severity, Value, Value, Unit, u64);

impl From<FindingRow> for FindingBrief {
    fn from((id, rule, columns, outcome, on_fail, severity, observed, limit, unit, failing_rows): FindingRow) -> Self {
        Self { id, rule, columns, standing: Standing { outcome, on_fail, severity, observed, limit, unit, failing_rows } }
    }
}

impl From<FindingBrief> for FindingRow {
    fn from(FindingBrief { id, rule, columns, standing }: FindingBrief) -> Self {
        let Standing { outcome, on_fail, severity, observed, limit, unit, failing_rows } = standing;
        (id, rule, columns, outcome, on_fail, severity, observed, limit, unit, failing_rows)
    }
}

impl FindingBrief {
    fn of(finding: &Finding) -> Self {
        let mut columns = finding.columns.iter().take(NAMED_MAX).map(|name| cut(name, NAME_MAX)).collect::<Vec<_>>().join(", ");
        if finding.columns.len() > NAMED_MAX {
            columns += &format!(" and {} more", finding.columns.len() - NAMED_MAX);
        }
        let standing = Standing::of(finding);
        // Lines are drawn of numbers; a text is a value of the data, and stands in the report.
        let observed = if standing.observed.as_number().is_some() { standing.observed } else { Value::Nothing };
        let limit = match standing.limit {
            Value::Text(text) => Value::Text(cut(&text, NAME_MAX)),
            limit @ (Value::Nothing | Value::Integer(_) | Value::Float(_)) => limit,
        };
        Self {
            id: told_apart(&finding.id),
            rule: cut(&finding.rule, NAME_MAX),
            columns,
            standing: Standing { observed, limit, ..standing },
        }
    }

    pub fn label(&self) -> Label {
        Label::of(self.standing.outcome, self.standing.on_fail)
    }
}

/// One column, as a row of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ColumnRow", into = "ColumnRow")]
pub struct ColumnBrief {
    pub name: String,
    pub data_type: String,
    pub is_masked: bool,
    pub rows: u64,
    pub missing: u64,
    pub distinct: Option<u64>,
    pub mean: Option<f64>,
}

type ColumnRow = (String, String, bool, u64, u64, Option<u64>, Option<f64>);

impl From<ColumnRow> for ColumnBrief {
    fn from((name, data_type, is_masked, rows, missing, distinct, mean): ColumnRow) -> Self {
        Self { name, data_type, is_masked, rows, missing, distinct, mean }
    }
}

impl From<ColumnBrief> for ColumnRow {
    fn from(ColumnBrief { name, data_type, is_masked, rows, missing, distinct, mean }: ColumnBrief) -> Self {
        (name, data_type, is_masked, rows, missing, distinct, mean)
    }
}

impl ColumnBrief {
    fn of(column: &ColumnReport) -> Self {
        Self {
            name: told_apart(&column.name),
            data_type: cut(&column.data_type, NAME_MAX),
            is_masked: column.mask.is_some(),
            rows: column.rows,
            missing: column.missing,
            distinct: column.distinct,
            mean: column.mean.as_ref().and_then(Value::as_number).filter(|mean| mean.is_finite()),
        }
    }
}

impl Brief {
    /// Of `report`, of which `mark` was said last; `of` is the digest of both.
    pub(super) fn of(report: &Report, of: String, mark: Option<&Mark>) -> Self {
        let bad = mark.filter(|mark| mark.is_bad).map(|mark| Bad {
            reason: cut(&mark.reason, WHY_MAX),
            by: cut(&mark.by, NAME_MAX),
            at: cut(&mark.at, NAME_MAX),
        });
        let count = |is_one: &dyn Fn(&Finding) -> bool| report.findings.iter().filter(|finding| is_one(finding)).count() as u64;
        let failed = count(&|f| f.label() == Label::Fail || f.stops());
        let (warned, passed) = (count(&Finding::is_warning), count(&|f| matches!(f.outcome, Outcome::Pass | Outcome::Known)));
        let why = report.reasons.first().or_else(|| report.faults.first().map(|fault| &fault.what));
        let head = Head {
            of,
            name: run_of(report),
            dataset: cut(&report.dataset, NAME_MAX),
            description: report.description.as_ref().map(|text| cut(text, WHY_MAX)),
            owner: report.owner.as_ref().map(|text| cut(text, NAME_MAX)),
            time: time_of(report).map(time),
            batch: cut(&report.batch.id, NAME_MAX),
            mode: report.mode,
            verdict: report.verdict,
            rows: report.rows,
            failed,
            warned,
            passed,
            others: (report.findings.len() as u64).saturating_sub(failed + warned + passed),
            faults: report.faults.len() as u64,
            why: why.map(|why| cut(why, WHY_MAX)).unwrap_or_default(),
            columns: report.columns.len() as u64,
            bad,
        };
        Self {
            head,
            findings: report.findings.iter().map(FindingBrief::of).collect(),
            columns: report.columns.iter().take(COLUMNS_MAX).map(ColumnBrief::of).collect(),
        }
    }

    /// As JSON, with the run as a whole on the first line.
    pub(super) fn write(&self) -> Result<String, Fault> {
        let text = |part: serde_json::Result<String>| part.map_err(|e| Fault::new(Code::Internal, format!("internal error: {e}")));
        let (head, findings) = (text(serde_json::to_string(&self.head))?, text(serde_json::to_string(&self.findings))?);
        let columns = text(serde_json::to_string(&self.columns))?;
        Ok(format!("{BEGINS}{head},\n\"findings\":{findings},\n\"columns\":{columns}}}\n"))
    }

    /// What was written; none if it is nothing of ours.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

impl Head {
    /// What the first line of a brief tells.
    pub(super) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line.strip_prefix(BEGINS)?.trim_end().strip_suffix(',')?).ok()
    }

    /// Findings that were judged.
    pub(super) fn judged(&self) -> u64 {
        self.failed + self.warned + self.passed
    }
}

/// Whether a file is a brief, which is no report.
pub(super) fn is_brief(text: &[u8]) -> bool {
    text.starts_with(format!("{BEGINS}{{\"of\":").as_bytes())
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some(_) => cut_short(text, characters).into_owned(),
    }
}

/// A name that is cut still differs from others that begin so.
fn told_apart(name: &str) -> String {
    match name.char_indices().nth(NAME_MAX) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…{:08x}", &name[..end], xxh3_64(name.as_bytes()) >> 32),
    }
}
