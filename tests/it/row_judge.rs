//! Rules bound to columns judge rows batch by batch, without a source or an engine, and say what a whole run says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use chrono::DateTime;
use parquet::arrow::ArrowWriter;
use sluicegate::audit::{self, Job, NoSink, RowJudge};
use sluicegate::metric::Budget;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Spool};

use crate::support::Place;

const RULES: &str = "dataset: rows
clean: [{ drop_where: \"city = 'nowhere'\" }]
transform: { ratio: 100 / size }
rules:
  - missing: { columns: [city, note] }
  - missing: { id: rarely, column: city, where: \"size > 3\", tolerate: 50% }
  - range: { column: size, max: 6 }
  - range: { column: ratio, max: 40, on_fail: warn }
  - values: { column: city, in: [Ulm, Bern], on_fail: warn }
  - pattern: { column: note, regex: '^[a-z]*$', nulls: fail }
  - length: { column: note, max: 5, on_fail: warn }
  - expression: { id: told, sql: \"size <> 2\" }
known:
  - { rule: told, where: \"city = 'Köln'\", reason: it is being mended }
gate: { reject_above: 100% }
";

fn batch() -> RecordBatch {
    let cities = [Some("Ulm"), Some("Köln"), Some("Bern"), None, Some("nowhere"), Some("Ulm")];
    let notes = [Some("plain"), Some("UPPER"), None, Some(""), Some("longer than five")];
    let city: ArrayRef = Arc::new(StringArray::from_iter((0..200).map(|i| cities[i * 7 % 6])));
    let size: ArrayRef = Arc::new(Int64Array::from_iter((0..200).map(|i| (i % 11 != 5).then_some(i * 5 % 9))));
    let note: ArrayRef = Arc::new(StringArray::from_iter((0..200).map(|i| notes[i * 3 % 5])));
    RecordBatch::try_from_iter([("city", city), ("size", size), ("note", note)]).expect("a batch")
}

#[test]
fn rows_are_judged_alone_as_they_are_in_a_run() {
    let place = Place::new();
    let batch = batch();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(place.path("d.parquet")).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let rules = RuleFile::parse(RULES, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let options = rules.sections.read_options("r.yaml").expect("options");
    let path = place.path("d.parquet").display().to_string();
    let source = source::open(&[path], &options, &[], &Spool::new(place.path(""))).unwrap_or_else(|f| panic!("{f}"));
    let schema = source.schema().clone();
    let job = Job { statistics: false, ..Job::new(&rules, source, DateTime::UNIX_EPOCH, Arc::new(Budget::new(1 << 20, place.path("")))) };
    let audited = audit::audit(&job, &NoSink::default()).unwrap_or_else(|f| panic!("{f}"));
    let mut expected: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for finding in audited.findings.iter().filter(|f| f.finding.id != "malformed") {
        expected.insert(finding.finding.id.clone(), finding.rows.iter().map(|row| row.row).collect());
    }
    assert!(expected.values().filter(|rows| !rows.is_empty()).count() > 5, "{expected:?}");

    let judge = RowJudge::new(&rules, &schema, DateTime::UNIX_EPOCH).unwrap_or_else(|f| panic!("{f}"));
    let mut found: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let (mut unsound, mut malformed, mut filtered, mut known) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
    for start in (0..batch.num_rows()).step_by(7) {
        let part = batch.slice(start, 7.min(batch.num_rows() - start));
        for judged in judge.judge(&part).unwrap_or_else(|f| panic!("{f}")) {
            let at = |i: usize| start as u32 + judged.rows.get(i);
            judged.sound.not().rows(judged.rows.len(), |i| _ = unsound.insert(at(i)));
            malformed.extend(judged.malformed.iter().map(|m| start as u32 + m.row));
            filtered += judged.filtered;
            for outcome in &judged.outcomes {
                let rows = found.entry(outcome.id.clone()).or_default();
                outcome.fails.rows(judged.rows.len(), |i| {
                    rows.insert(at(i));
                    if outcome.id == "range-size" {
                        let shown = outcome.values(i);
                        assert_eq!(shown.len(), 1, "the column that the rule is about");
                        assert!(shown[0].0 == "size" && shown[0].1.as_i64().is_some_and(|size| size > 6), "{shown:?}");
                    }
                });
                known += outcome.known.count(judged.rows.len()) as u64;
            }
        }
    }
    assert_eq!(found, expected);
    assert_eq!(unsound, audited.unsound.iter().map(|row| row.row).collect());
    assert_eq!(malformed, audited.malformed_rows.iter().map(|row| row.row).collect());
    assert_eq!(filtered, audited.filtered);
    assert_eq!(known, audited.findings.iter().map(|f| f.finding.known_rows).sum::<u64>());
    assert!(known > 0 && filtered > 0 && !malformed.is_empty() && !unsound.is_empty(), "{known} {filtered} {malformed:?} {unsound:?}");
}

#[test]
fn rules_that_do_not_fit_the_columns_and_other_columns_are_faults() {
    let rules = RuleFile::parse("dataset: t\nrules:\n  - range: { column: sise, max: 3 }\n", "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let batch = batch();
    let faults = RowJudge::new(&rules, &batch.schema(), DateTime::UNIX_EPOCH).err().expect("a fault");
    assert!(faults.to_string().contains("r.yaml:3:22: unknown column `sise`; did you mean `size`?"), "{faults}");
    let rules = RuleFile::parse("dataset: t\nrules:\n  - range: { column: size, max: 3 }\n", "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let judge = RowJudge::new(&rules, &batch.schema(), DateTime::UNIX_EPOCH).unwrap_or_else(|f| panic!("{f}"));
    let other = RecordBatch::try_from_iter([("other", batch.column(1).clone())]).expect("a batch");
    assert!(judge.judge(&other).is_err());
}

#[test]
fn rows_do_not_pass_rules_that_their_columns_cannot_answer() {
    let judge = |text: &str| {
        let rules = RuleFile::parse(&format!("dataset: t\n{text}"), "r.yaml").unwrap_or_else(|f| panic!("{f}"));
        RowJudge::new(&rules, &batch().schema(), DateTime::UNIX_EPOCH).map(|_| ()).map_err(|faults| faults.to_string())
    };
    // `city` is text where the contract says that it is a number, and there is no `height`.
    let drifted = "schema: { columns: { city: { type: int64 }, height: { type: int64 } } }\n";
    let fault = judge(&format!("{drifted}rules:\n  - range: {{ column: city, max: 3 }}\n")).expect_err("a fault");
    assert!(fault.contains("`range-city` cannot be judged: `city` is string where the contract says int64"), "{fault}");
    let fault = judge(&format!("{drifted}rules:\n  - range: {{ column: height, max: 3 }}\n")).expect_err("a fault");
    assert!(fault.contains("`range-height` cannot be judged"), "{fault}");
    let fault = judge(&format!("{drifted}clean: [{{ drop_where: height > 3 }}]\n")).expect_err("a fault");
    assert!(fault.contains("height"), "{fault}");
    assert_eq!(judge(&format!("{drifted}rules:\n  - range: {{ column: height, max: 3, on_no_data: warn }}\n")), Ok(()));
}
