//! A run as OpenLineage events (<https://openlineage.io/spec/2-0-2/OpenLineage.json>), one a line: that it started, and how it
//! ended. Facets of the data tell its columns, what was counted of them, and what each rule came to.
//!
//! Nothing but the report goes into them: the same run has the same events, under the same id.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};
use xxhash_rust::xxh3::xxh3_128;

use super::hidden::without_values;
use super::model::{BatchFile, ColumnReport, Mode, PublicationState, Report, time};
use super::openmetrics::word;
use super::{Rendering, Values};
use crate::findings::{Finding, Outcome, Severity, Unit, Value};
use crate::shown::cut_short;
use crate::verdict::Verdict;
use crate::visible::{self, MESSAGE_MAX};

/// Who says it.
const PRODUCER: &str = concat!("https://sluicegate.dev/", env!("CARGO_PKG_VERSION"));
const SPEC: &str = "https://openlineage.io/spec";
/// Where jobs belong that nobody gives a namespace.
pub(crate) const NAMESPACE: &str = "sluicegate";

/// So many rules, columns and files are told of one run.
const ENTRIES_MAX: usize = 1_000;

/// The events as lines of JSON.
pub(super) fn render(report: &Report, rendering: &Rendering) -> String {
    events(report, rendering.values, NAMESPACE, None).iter().map(|event| format!("{event}\n")).collect()
}

/// The events for a server: without values of the data, which more people read there than the data.
pub(crate) fn events_to_post(report: &Report, namespace: &str, ended: DateTime<Utc>) -> [Json; 2] {
    events(&without_values(&report.together()), Values::Hidden, namespace, Some(ended))
}

/// That the run started, and how it ended: `ended` if that is known, else when it began. `namespace` is that of the job.
fn events(report: &Report, values: Values, namespace: &str, ended: Option<DateTime<Utc>>) -> [Json; 2] {
    let began = began(report);
    let fails = match report.verdict {
        Verdict::Accept | Verdict::Quarantine => false,
        Verdict::Reject | Verdict::Undecided => true,
    };
    let job = json!({
        "namespace": namespace,
        "name": format!("{}.{}", visible::line(&report.dataset), word(&report.mode)),
        "facets": job_facets(report),
    });
    let event = |kind: &str, at: DateTime<Utc>, facets: Json, inputs: Json, outputs: Json| {
        json!({
            "eventType": kind, "eventTime": time(at), "producer": PRODUCER, "schemaURL": format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"),
            "run": { "runId": run_id(report), "facets": facets }, "job": job, "inputs": inputs, "outputs": outputs,
        })
    };
    let (input, files) = input(report);
    let start = event("START", began, run_facets(report, false), json!([dataset(&input, json!({}))]), json!([]));
    let kind = if fails { "FAIL" } else { "COMPLETE" };
    let mut judged = dataset(&input, dataset_facets(report));
    judged["inputFacets"] = input_facets(report, files, values);
    [start, event(kind, ended.unwrap_or(began).max(began), run_facets(report, fails), json!([judged]), json!(outputs(report)))]
}

/// When the run began; reports of version 0.1 do not say it.
fn began(report: &Report) -> DateTime<Utc> {
    let began = report.began.as_ref().or(report.as_of.as_ref()).and_then(|began| DateTime::parse_from_rfc3339(began).ok());
    began.map_or(DateTime::UNIX_EPOCH, |began| began.to_utc())
}

/// A UUID of version 7: when the run began, and a digest of which data was judged by which rules.
fn run_id(report: &Report) -> String {
    let files: Vec<&str> = report.batch.files.iter().map(|file| file.path.as_str()).collect();
    let of = json!([report.dataset, report.mode, report.batch.id, report.batch.rules_digest, report.began, report.as_of, files]);
    let milliseconds = u128::try_from(began(report).timestamp_millis()).unwrap_or_default();
    let digest = xxh3_128(of.to_string().as_bytes());
    let bits = (milliseconds << 80) | (0x7 << 76) | ((digest >> 64 & 0xfff) << 64) | (0b10 << 62) | (digest & ((1 << 62) - 1));
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A facet, with who says it and what it is.
fn facet(schema: &str, version: &str, mut content: Json) -> Json {
    content["_producer"] = PRODUCER.into();
    content["_schemaURL"] = format!("{SPEC}/facets/{version}/{schema}.json#/$defs/{schema}").into();
    content
}

fn job_facets(report: &Report) -> Json {
    let processing = if report.mode == Mode::Stream { "STREAMING" } else { "BATCH" };
    let kind = json!({ "processingType": processing, "integration": "SLUICEGATE", "jobType": word(&report.mode).to_uppercase() });
    json!({ "jobType": facet("JobTypeJobFacet", "2-0-4", kind) })
}

fn run_facets(report: &Report, fails: bool) -> Json {
    let engine = json!({ "name": "Sluicegate", "version": report.sluicegate_version });
    let tag = |key: &str, value: &str| json!({ "key": key, "value": cut(value, MESSAGE_MAX), "source": "SLUICEGATE" });
    let mut facets = json!({ "processing_engine": facet("ProcessingEngineRunFacet", "1-1-1", engine) });
    let tags =
        json!([tag("batch", &report.batch.id), tag("rules_digest", &report.batch.rules_digest), tag("verdict", &word(&report.verdict))]);
    facets["tags"] = facet("TagsRunFacet", "1-0-0", json!({ "tags": tags }));
    if fails {
        // Sentences of findings may quote values; which findings they are is enough here.
        let stopped = report.findings.iter().filter(|f| f.outcome == Outcome::Fail || f.stops()).map(|finding| finding.id.as_str());
        let faults = report.faults.iter().map(|fault| fault.code.as_str());
        let what: Vec<&str> = stopped.chain(faults).take(20).collect();
        let message =
            format!("{}: {}", word(&report.verdict), if what.is_empty() { "no row may be published".to_owned() } else { what.join(", ") });
        let said = json!({ "message": cut(&message, MESSAGE_MAX), "programmingLanguage": "Rust" });
        facets["errorMessage"] = facet("ErrorMessageRunFacet", "1-0-1", said);
    }
    facets
}

/// Namespace and name, as OpenLineage calls data.
type DatasetName = (String, String);

fn dataset((namespace, name): &DatasetName, facets: Json) -> Json {
    json!({ "namespace": namespace, "name": name, "facets": facets })
}

/// What was judged, and how many files that was: one file, or the directory that holds all of them.
fn input(report: &Report) -> (DatasetName, usize) {
    let files = &report.batch.files;
    let place = match files.as_slice() {
        [] => return ((NAMESPACE.to_owned(), cut(&report.dataset, MESSAGE_MAX)), 0),
        [BatchFile { path, .. }] => path.clone(),
        several => common(several).unwrap_or_else(|| several[0].path.clone()),
    };
    (named(&place), files.len())
}

/// The directory that all of these files are in.
fn common(files: &[BatchFile]) -> Option<String> {
    let mut shared: Vec<&str> = files.first()?.path.split('/').collect();
    shared.pop();
    for file in files {
        let length = shared.iter().zip(file.path.split('/')).take_while(|(a, b)| *a == b).count();
        shared.truncate(length);
    }
    let directory = shared.join("/");
    (!directory.is_empty() && !directory.ends_with(':') && !directory.ends_with(":/")).then_some(directory)
}

/// A path or URL as OpenLineage names data: the store, and what it is called there.
fn named(place: &str) -> DatasetName {
    let parts = place.split_once("://").filter(|(scheme, _)| *scheme != "file");
    let (namespace, name) = match parts {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, "/"));
            (format!("{scheme}://{host}"), path)
        }
        None => ("file".to_owned(), place.strip_prefix("file://").unwrap_or(place)),
    };
    (cut(&namespace, MESSAGE_MAX), cut(if name.is_empty() { "/" } else { name }, MESSAGE_MAX))
}

fn dataset_facets(report: &Report) -> Json {
    let fields: Vec<Json> = report
        .columns
        .iter()
        .take(ENTRIES_MAX)
        .map(|column| json!({ "name": visible::line(&column.name), "type": visible::line(&column.data_type) }))
        .collect();
    let mut facets = json!({ "schema": facet("SchemaDatasetFacet", "1-2-0", json!({ "fields": fields })) });
    if let Some(description) = &report.description {
        let said = json!({ "description": cut(description, MESSAGE_MAX) });
        facets["documentation"] = facet("DocumentationDatasetFacet", "1-1-0", said);
    }
    if let Some(version) = report.batch.version {
        facets["version"] = facet("DatasetVersionDatasetFacet", "1-0-1", json!({ "datasetVersion": version.to_string() }));
    }
    if let Some(owner) = &report.owner {
        let owners = json!({ "owners": [{ "name": cut(owner, MESSAGE_MAX) }] });
        facets["ownership"] = facet("OwnershipDatasetFacet", "1-0-1", owners);
    }
    facets
}

fn input_facets(report: &Report, files: usize, values: Values) -> Json {
    let bytes: u64 = report.batch.files.iter().map(|file| file.bytes).sum();
    let columns: Map<String, Json> =
        report.columns.iter().take(ENTRIES_MAX).map(|c| (visible::line(&c.name).into(), counted(c, values))).collect();
    let mut metrics = json!({ "rowCount": report.rows.read, "columnMetrics": columns });
    if files > 0 {
        metrics["bytes"] = bytes.into();
        metrics["fileCount"] = files.into();
    }
    let told = report.findings.iter().filter(|finding| finding.outcome != Outcome::NotJudged).take(ENTRIES_MAX);
    let assertions: Vec<Json> = told.map(|finding| assertion(finding, values)).collect();
    json!({
        "dataQualityMetrics": facet("DataQualityMetricsInputDatasetFacet", "1-0-3", metrics),
        "dataQualityAssertions": facet("DataQualityAssertionsDatasetFacet", "1-1-0", json!({ "assertions": assertions })),
    })
}

/// What was counted of a column. The smallest and largest value only where they are numbers, and values are shown.
fn counted(column: &ColumnReport, values: Values) -> Json {
    let mut told = json!({ "nullCount": column.missing, "count": column.rows - column.missing.min(column.rows) });
    if let Some(distinct) = column.distinct {
        told["distinctCount"] = distinct.into();
    }
    if values == Values::Hidden {
        return told;
    }
    for (name, value) in [("min", &column.min), ("max", &column.max)] {
        if let Some(value) = value.as_ref().filter(|value| value.is_number()) {
            told[name] = value.clone();
        }
    }
    if let Some(quantiles) = &column.quantiles {
        told["quantiles"] = json!(quantiles);
    }
    told
}

fn assertion(finding: &Finding, values: Values) -> Json {
    let success = match finding.outcome {
        Outcome::Pass | Outcome::Known | Outcome::NotJudged => true,
        Outcome::Warn | Outcome::InsufficientEvidence | Outcome::NoData | Outcome::Fail => false,
    };
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warn",
        Severity::Info => "info",
    };
    let mut told = json!({
        "assertion": visible::line(&finding.rule), "success": success, "severity": severity, "name": cut(&finding.id, MESSAGE_MAX),
    });
    if let [column] = finding.columns.as_slice() {
        told["column"] = visible::line(column).into();
    }
    // Numbers of rows, shares and the like say nothing of any one value.
    let may_show = |value: &Value| values == Values::Shown || (finding.unit != Unit::OF_COLUMN && value.as_number().is_some());
    for (name, value) in [("actual", &finding.observed), ("expected", &finding.limit)] {
        if !value.is_nothing() && may_show(value) {
            told[name] = cut(&in_words(value), MESSAGE_MAX).into();
        }
    }
    told
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Text(text) => text.clone(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
    }
}

/// Where rows went.
fn outputs(report: &Report) -> Vec<Json> {
    let Some(done) = &report.publication else { return Vec::new() };
    let is_written = match done.state {
        PublicationState::Published | PublicationState::Superseded | PublicationState::SetAside => true,
        PublicationState::Unchanged | PublicationState::Withheld | PublicationState::DryRun => false,
    };
    let places = [(&done.published, report.rows.published), (&done.quarantined, report.rows.quarantined + report.rows.rejected)];
    let written = places.into_iter().filter_map(|(place, rows)| Some((place.as_ref()?, rows))).filter(|_| is_written);
    written
        .map(|(place, rows)| {
            let mut output = dataset(&named(place), json!({}));
            let statistics = facet("OutputStatisticsOutputDatasetFacet", "1-0-2", json!({ "rowCount": rows }));
            output["outputFacets"] = json!({ "outputStatistics": statistics });
            output
        })
        .collect()
}

/// So much of a text, on one line.
fn cut(text: &str, characters: usize) -> String {
    visible::line(&cut_short(text, characters)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_named_as_openlineage_names_it() {
        for (place, namespace, name) in [
            ("in/a.csv", "file", "in/a.csv"),
            ("/in/a.csv", "file", "/in/a.csv"),
            ("file:///in/a.csv", "file", "/in/a.csv"),
            ("s3://lake/in/a.csv", "s3://lake", "in/a.csv"),
            ("https://h.example/x/a.csv", "https://h.example", "x/a.csv"),
            ("kafka://broker:9092/orders", "kafka://broker:9092", "orders"),
            ("s3://lake", "s3://lake", "/"),
        ] {
            assert_eq!(named(place), (namespace.to_owned(), name.to_owned()), "{place}");
        }
        let files = |paths: &[&str]| paths.iter().map(|path| BatchFile { path: (*path).to_owned(), bytes: 1 }).collect::<Vec<_>>();
        assert_eq!(common(&files(&["in/a/1.csv", "in/a/2.csv", "in/b/1.csv"])).as_deref(), Some("in"));
        assert_eq!(common(&files(&["s3://b/1.csv", "s3://b/2.csv"])).as_deref(), Some("s3://b"));
        assert_eq!(common(&files(&["s3://b/1.csv", "s3://c/2.csv"])), None);
        assert_eq!(common(&files(&["1.csv", "2.csv"])), None);
    }
}
