//! What a run has to say: the one model that every format renders.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::columns::{Alert, CandidateKey, Correlations, Fence, Formats, Lengths, Overlay, Role, Scale};
use super::since::HistoryReport;
use super::stream::StreamReport;
use crate::diagnostic::Place;
use crate::findings::builtin::{EMPTY, KNOWN, MALFORMED, PREPARE, SOURCE};
use crate::findings::{Finding, Value};
use crate::privacy::Mask;
use crate::rules::schema::SchemaChange;
use crate::types::KindCount;
use crate::verdict::Verdict;

/// Version of this model; the major number changes when a reader of the old one would be misled.
pub const SCHEMA_VERSION: &str = "1.2";

/// A quality report: what was judged, how it came out, what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub schema_version: String,
    /// Version of the program that wrote the report.
    pub sluicegate_version: String,
    pub mode: Mode,
    pub dataset: String,
    pub description: Option<String>,
    pub owner: Option<String>,
    /// Labels of the data set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where to read what to do when the gate closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    pub batch: Batch,
    /// When the run began (RFC 3339, UTC); `--now` sets it. Reports of version 0.1 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// The time that ages are measured against (RFC 3339), where it was set with `--now` or `--as-of`.
    pub as_of: Option<String>,
    pub verdict: Verdict,
    /// Why, in a sentence each.
    pub reasons: Vec<String>,
    /// Why nothing could be judged, if so.
    #[schemars(with = "Vec<FaultModel>")]
    pub faults: Vec<crate::diagnostic::Fault>,
    pub rows: RowTotals,
    /// Of a rejected batch: where its rows would have gone, had it not been rejected as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_pass: Option<WouldPass>,
    /// Worst first; otherwise in the rule file's order.
    pub findings: Vec<Finding>,
    pub schema_changes: Vec<SchemaChange>,
    pub columns: Vec<ColumnReport>,
    /// What the gate did; none for `check`.
    pub publication: Option<Publication>,
    /// That a person let the batch be published although it is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// What has changed since earlier runs, where runs are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryReport>,
    /// Of a stream: which events it speaks of, and how fast they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamReport>,
    /// How columns go together, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlations: Option<Correlations>,
    /// Names of rules that were not judged, because `--only` asked for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Columns, and pairs of them, that name each row, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_keys: Option<Vec<CandidateKey>>,
    /// Of several tables that were judged as one: a report each, parents first. Then findings and columns stand there, and the
    /// verdict is the worst of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableReport>,
}

/// One of several tables that were judged as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableReport {
    pub name: String,
    /// The tables in which its foreign keys look.
    pub parents: Vec<String>,
    /// What was found in it, and what was done with its rows.
    pub report: Report,
}

impl Report {
    /// Whether nothing was asked of the rows: no rule, no contract.
    pub fn checks_nothing(&self) -> bool {
        let without_rules = [&MALFORMED.code, &EMPTY.code, &PREPARE.code, &SOURCE.code, &KNOWN.code];
        // A rule `malformed` has a place in the rule file.
        let is_written = |f: &Finding| f.code == MALFORMED.code && f.place.is_some();
        let own = self.faults.is_empty() && self.findings.iter().all(|f| without_rules.contains(&&f.code) && !is_written(f));
        own && self.tables.iter().all(|table| table.report.checks_nothing())
    }

    /// Whether the batch is published, or would be, only since a person released it.
    pub fn is_released(&self) -> bool {
        let (Some(release), Some(publication)) = (&self.release, &self.publication) else { return false };
        let is_there = match publication.would_be.unwrap_or(publication.state) {
            PublicationState::Published | PublicationState::Superseded => release.standing == ReleaseStanding::Holds,
            // A permission that has ended takes nothing back.
            PublicationState::Unchanged => release.standing != ReleaseStanding::OtherRules,
            PublicationState::SetAside | PublicationState::Withheld | PublicationState::DryRun => false,
        };
        self.verdict == Verdict::Reject && is_there
    }

    /// Whether some finding warns; `--strict` minds.
    pub fn has_warnings(&self) -> bool {
        self.findings.iter().any(Finding::is_warning) || self.tables.iter().any(|table| table.report.has_warnings())
    }
}

/// A person's decision that a rejected batch is published all the same. It changes no finding and no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Up to when the batch may be published (RFC 3339, UTC); for ever if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Digest of the rules that had rejected the batch.
    pub rules_digest: String,
    pub standing: ReleaseStanding,
}

/// Whether a release lets the batch be published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStanding {
    Holds,
    /// Its time is over. What was published before stays.
    Ended,
    /// It was given under other rules than those of this run, and does not hold under these.
    OtherRules,
}

/// How a [`crate::diagnostic::Fault`] is written.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct FaultModel {
    code: crate::diagnostic::Code,
    place: Option<String>,
    what: String,
    hint: Option<String>,
    /// The place, from where to where.
    span: Option<Place>,
}

/// A time as reports have it: RFC 3339, UTC.
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What kind of run it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Check,
    Gate,
    DryRun,
    /// Two data sets were compared, without a rule file: the second is the batch.
    Compare,
    /// Events were judged one by one; the report speaks of those since the last report.
    Stream,
    /// Nothing was judged: the report says what the data are like.
    Profile,
}

/// The data that was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// As given, or derived from the content; empty where `check` did not have to read every byte of binary files.
    pub id: String,
    pub format: String,
    /// Which version of a table was read, where the data is a table with versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    pub files: Vec<BatchFile>,
    /// Digest of the rule file's meaning.
    pub rules_digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchFile {
    pub path: String,
    pub bytes: u64,
}

/// Where every row went; `read = published + quarantined + filtered + rejected`, and of change data `+ deletes + late`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RowTotals {
    pub read: u64,
    pub published: u64,
    /// Set aside, malformed records included.
    pub quarantined: u64,
    /// Dropped by `clean`.
    pub filtered: u64,
    /// Records that could not be read; counted among quarantined or rejected.
    pub malformed: u64,
    /// Withheld because the batch as a whole did not pass.
    pub rejected: u64,
    /// Of change data: rows that deleted the row of their key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deletes: u64,
    /// Of change data: rows that were ignored, since a newer one of their key was there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
}

/// What would have become of the rows of a rejected batch; those that `clean` dropped aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WouldPass {
    /// Rows that fail no rule that names rows.
    pub published: u64,
    pub quarantined: u64,
}

impl RowTotals {
    /// The law of conservation.
    pub fn is_conserved(&self) -> bool {
        self.read == self.published + self.quarantined + self.filtered + self.rejected + self.deletes + self.late
    }
}

/// One column of the batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnReport {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    /// How the values are masked; then no figure is told that follows from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Where text or JSON holds values of several types: how many of each, most frequent first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<KindCount>>,
    /// What it is for, where its values tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What is remarkable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// Rows left by `clean`.
    pub rows: u64,
    pub missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Whether `distinct` is exact, or estimated with a standard error of 0.8 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_exact: Option<bool>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub min: Option<Json>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub max: Option<Json>,
    /// Null where it is no finite number.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub mean: Option<Value>,
    /// Sample standard deviation (n − 1); null where it is no finite number.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub stddev: Option<Value>,
    /// The skewness g₁ = m₃ / m₂^1.5: 0 for a symmetric distribution, above 0 where the long tail is at the high end. Where there
    /// are more than 10,000 different values that lie far apart, of a sample of 20,000 rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skewness: Option<f64>,
    /// How many of the numbers are 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
    /// Of text: how long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
    /// By probability; linear interpolation (type 7), exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<BTreeMap<String, f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
    /// The fences of rules `outliers` about the column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fences: Vec<Fence>,
    /// Most frequent first; none where there are too many distinct values to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_values: Option<Vec<TopValue>>,
    /// Values that seem to stand for missing ones, most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stand_ins: Vec<TopValue>,
    /// Formats of text, where most values have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<Formats>,
}

/// What is given is given, be it null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Finite values in bins. A value on an edge is in the bin that begins there; the last bin of floats holds `high` too, if no value
/// is above it. Bins of integers and decimals are whole numbers of their smallest step, so `high` may lie behind the largest value.
/// Where a long tail would leave nearly all values in a few bins, the bins end near its 1st or 99th percentile, and the rest is
/// counted in `below` and `above`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// Where the first bin begins; of dates and times, as a count in the column's unit.
    pub low: f64,
    /// Where the last bin ends.
    pub high: f64,
    /// Of dates and times, and of bins that are not equally wide: the edges of the bins, one more than there are bins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<Json>>,
    pub counts: Vec<u64>,
    #[serde(default, skip_serializing_if = "Scale::is_linear")]
    pub scale: Scale,
    /// Finite values below the first bin.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub below: u64,
    /// Finite values above the last bin.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub above: u64,
    /// The distribution that the batch is compared with, over the same bins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TopValue {
    pub value: Json,
    pub count: u64,
    /// The share of it in the data that the batch is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_share: Option<f64>,
}

/// What became of the batch in storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    pub state: PublicationState,
    /// The file or part that holds the published rows.
    pub published: Option<String>,
    /// The part that holds the rows set aside.
    pub quarantined: Option<String>,
    /// Rows of other batches that it took the place of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replaced_rows: u64,
    /// The batch that the single file held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_batch: Option<String>,
    /// What a dry run found that the gate would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_be: Option<PublicationState>,
    /// What failed after the batch was published, and did not undo that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Publication {
    /// Nothing is named that was written.
    pub fn of_nothing(state: PublicationState) -> Self {
        Self { state, published: None, quarantined: None, replaced_rows: 0, replaced_batch: None, would_be: None, warnings: Vec::new() }
    }

    /// Of a dry run: the gate would leave `state`.
    pub fn of_dry_run(state: PublicationState) -> Self {
        Self { would_be: Some(state), ..Self::of_nothing(PublicationState::DryRun) }
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicationState {
    /// The batch is there now.
    Published,
    /// The same batch was there already; nothing changed.
    Unchanged,
    /// The batch took the place of what stood there under its id.
    Superseded,
    /// The batch as a whole did not pass, and all of it was set aside.
    SetAside,
    /// Nothing was written: the verdict forbids it.
    Withheld,
    /// Nothing was written: a dry run.
    DryRun,
}
