//! The cases of every rule, as events: those that a file's audit sets aside at once are those that a stream sets aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use chrono::{DateTime, Utc};
use sluicegate::audit::{self, Job, NoSink, RowJudge, Standing};
use sluicegate::metric::Budget;
use sluicegate::rows::RowSet;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, ContractColumn, EventReader, Projection, ReadOptions, Source, Spool};
use sluicegate::stream::{Output, Places, Remembered, Stream, Terms};

use crate::support::{Place, files_below, project};

/// Every row of `source`, malformed ones left out.
fn rows_of(source: &dyn Source) -> Vec<RecordBatch> {
    let projection = Projection::new(source.schema(), (0..source.schema().fields().len()).collect());
    let (mut batches, mut previous) = (Vec::new(), None);
    while let Some((unit, preread)) = source.next_unit(previous.as_ref()).expect("a unit") {
        source
            .read(&unit, preread, &projection, &mut |chunk| {
                batches.push(chunk.batch);
                Ok(())
            })
            .expect("read");
        previous = Some(unit);
    }
    batches
}

/// As lines of JSON; none where JSON cannot say it (an infinity, bytes).
fn as_events(batches: &[RecordBatch]) -> Option<Vec<u8>> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    batches.iter().try_for_each(|batch| writer.write(batch)).ok()?;
    writer.finish().ok()?;
    Some(writer.into_inner())
}

/// The lines that a stream sets aside, and those it passes on.
fn streamed(rules: &RuleFile, reader: EventReader, now: DateTime<Utc>, text: &[u8]) -> Option<(BTreeSet<u64>, u64)> {
    let judge = Arc::new(RowJudge::new(rules, reader.schema(), now).ok()?);
    // Rules that need a whole window, and those that look for keys, set aside other rows, or at another time.
    let is_by_row = |standing: Standing| !matches!(standing, Standing::Batch | Standing::Keys | Standing::Not);
    if !judge.standings().iter().all(|(_, standing)| is_by_row(*standing)) {
        return None;
    }
    let privacy = rules.privacy(None);
    let remembered = Remembered::Events(1000);
    let mut stream = Stream::new(Terms { reader, judge, remembered, keys_max: 1000, kept_bytes_max: None, privacy });
    let (mut out, mut aside, mut good) = (Output::default(), BTreeSet::new(), 0);
    for piece in text.chunk_by(|a, _| *a != b'\n') {
        stream.judge(piece, Places::Lines, 0, &mut out).unwrap_or_else(|fault| panic!("{fault}"));
        good += out.good_lines.len() as u64;
        let bad: Vec<serde_json::Value> =
            String::from_utf8(out.bad.clone()).expect("UTF-8").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        aside.extend(bad.iter().map(|bad| bad["line"].as_u64().expect("a line")));
    }
    Some((aside, good))
}

#[test]
fn cases_of_rules_come_out_event_by_event_as_they_do_in_a_file() {
    let now = DateTime::from_timestamp(1_795_000_000, 0).expect("a time");
    let (mut compared, mut with_aside, mut wrong) = (Vec::new(), 0, Vec::new());
    for case in files_below(&project("tests/rules"), "yaml") {
        let text = std::fs::read_to_string(&case).expect("a rule file");
        let Ok(rules) = RuleFile::parse(&text, &case.display().to_string()) else { continue };
        let place = Place::new();
        let options = rules.sections.read_options(&rules.path).unwrap_or_else(|f| panic!("{f}"));
        let data = case.with_extension("csv").display().to_string();
        let Ok(source) = source::open(&[data], &options, &rules.contract(), &Spool::new(place.path(""))) else { continue };
        // Over the rows alone, as a table that is in memory: what text could not be read as is another matter.
        let budget = Arc::new(Budget::new(1 << 24, place.path("")));
        let Ok(first) = audit::audit(&Job::new(&rules, source, now, budget.clone()), &NoSink::default()) else { continue };
        let batches = rows_of(first.source.as_ref());
        let schema = first.source.schema().clone();
        let memory = source::from_batches(&schema, batches.clone(), &ReadOptions::default()).unwrap_or_else(|f| panic!("{f}"));
        let Ok(audited) = audit::audit(&Job::new(&rules, memory, now, budget), &NoSink::default()) else { continue };
        let Some(events) = as_events(&batches) else { continue };
        let column = |field: &arrow::datatypes::FieldRef| ContractColumn {
            name: field.name().clone(),
            data_type: Some(field.data_type().clone()),
            format: None,
            is_strict: false,
        };
        let contract: Vec<ContractColumn> = schema.fields().iter().map(column).collect();
        let reader = EventReader::new(&contract, b"", &ReadOptions::default());
        // A name with a dot is a path in JSON; infinities are null there, and bytes are no JSON.
        let has_bytes = schema.fields().iter().any(|field| *field.data_type() == DataType::Binary);
        if reader.schema().fields() != schema.fields() || text.contains("inf") || has_bytes {
            continue;
        }
        let Some((aside, good)) = streamed(&rules, reader, now, &events) else { continue };
        let mut expected: RowSet = audited.unsound.clone();
        expected.union(&audited.malformed_rows);
        // A rule that rejects without tolerance sets aside, in a stream, what a batch is rejected for.
        for finding in
            audited.findings.iter().filter(|f| f.finding.sets_aside() || f.finding.on_fail == sluicegate::findings::OnFail::Reject)
        {
            if rules.items.iter().all(|item| item.words.tolerate.is_none() && item.words.min_rows.is_none()) {
                expected.union(&finding.rows);
            }
        }
        let expected: BTreeSet<u64> = expected.iter().map(|row| u64::from(row.row) + 1).collect();
        if aside != expected {
            wrong.push(format!("{}: {aside:?} where {expected:?} is right", case.display()));
            continue;
        }
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        assert_eq!(good + aside.len() as u64 + audited.filtered, rows, "{}", case.display());
        compared.push(case.display().to_string());
        with_aside += usize::from(!aside.is_empty());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared.len() > 60 && with_aside > 20, "{} compared, {with_aside} with events set aside", compared.len());
}
