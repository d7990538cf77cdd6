//! Partitions that another system holds: each is folded where it lies, and one process judges that sees no row.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use serde_json::Value as Json;
use sluicegate::cli::embedded::fold::{self as embedded, Partitions, TakeAnswer, Terms};
use sluicegate::diagnostic::{Code, Faults};

use crate::apart::RULES_TEXT;
use crate::support::Place;

const NOW: &str = "2026-05-29T00:00:00Z";

fn terms(rules: &str) -> Terms {
    let now = Some(NOW.to_owned());
    Terms { rules: rules.to_owned(), name: "r.yaml".into(), now, as_of: None, memory_limit: 1 << 30, threads: 1 }
}

/// Rows of the same kind as those of `apart`, drawn with a seed.
fn rows(count: u64) -> RecordBatch {
    let mut seed = 7u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let cities = ["Ulm", "Köln", "Bern", "", "nowhere"];
    let notes = ["plain", "with, comma", "a long note", "", "UPPER"];
    let (mut id, mut city, mut size, mut score, mut note, mut day) = (vec![], vec![], vec![], vec![], vec![], vec![]);
    for i in 0..count {
        id.push(if next(40) == 0 { i / 2 } else { i } as i64);
        let name = cities[[0, 0, 0, 1, 1, 1, 1, 2, 3, 4][next(10) as usize]];
        city.push((!name.is_empty()).then_some(name));
        size.push(next(9) as i64);
        score.push((next(7) > 0).then(|| next(6000) as f64 / 1000.0 - 2.5 + if next(80) == 0 { 50.0 } else { 0.0 }));
        note.push(Some(notes[next(5) as usize]));
        day.push(20_570 + (i % 20) as i32);
    }
    let columns: [(&str, ArrayRef, bool); 6] = [
        ("id", Arc::new(Int64Array::from(id)), true),
        ("city", Arc::new(StringArray::from(city)), true),
        ("size", Arc::new(Int64Array::from(size)), true),
        ("score", Arc::new(Float64Array::from(score)), true),
        ("note", Arc::new(StringArray::from(note)), true),
        ("day", Arc::new(Date32Array::from(day)), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

/// The rows in `count` partitions of different sizes, the second of which is empty.
fn cut(rows: &RecordBatch, count: usize) -> Vec<RecordBatch> {
    let mut parts = vec![];
    let mut at = 0;
    for part in 0..count {
        let len = match part {
            1 => 0,
            _ if part == count - 1 => rows.num_rows() - at,
            _ => (rows.num_rows() - at).min(rows.num_rows() / count + part % 5),
        };
        parts.push(rows.slice(at, len));
        at += len;
    }
    parts
}

/// How a partition's rows come: in small batches, with the columns asked for alone.
fn stream(part: &RecordBatch, columns: &[String], batch_rows: usize) -> Box<dyn arrow::array::RecordBatchReader + Send> {
    let chosen: Vec<usize> = columns.iter().map(|name| part.schema().index_of(name).expect("a column")).collect();
    let part = part.project(&chosen).expect("columns");
    let batches: Vec<_> =
        (0..part.num_rows()).step_by(batch_rows).map(|at| Ok(part.slice(at, batch_rows.min(part.num_rows() - at)))).collect();
    Box::new(RecordBatchIterator::new(batches, part.schema()))
}

fn names(part: &RecordBatch) -> Vec<String> {
    part.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// Folds partitions one after the other, in the order that `places` gives.
struct Cluster {
    parts: Vec<RecordBatch>,
    order: Vec<usize>,
    batch_rows: usize,
    /// How often partitions were read, and the columns that were.
    passes: RefCell<Vec<(usize, Vec<String>)>>,
    /// Changes what a pass sees.
    change: Box<dyn Fn(usize, usize, RecordBatch) -> Option<RecordBatch>>,
}

impl Cluster {
    fn new(parts: Vec<RecordBatch>) -> Self {
        let order = (0..parts.len()).rev().collect();
        Self { parts, order, batch_rows: 13, passes: RefCell::default(), change: Box::new(|_, _, part| Some(part)) }
    }
}

impl Partitions for Cluster {
    fn each(&self, order: &[u8], columns: &[String], only: Option<&[u32]>, take: &mut TakeAnswer<'_>) -> Result<u32, Faults> {
        let pass = self.passes.borrow().len();
        let wanted = |part: &&usize| only.is_none_or(|only| only.contains(&(**part as u32)));
        let mut read = 0;
        for &part in self.order.iter().filter(wanted) {
            let Some(rows) = (self.change)(pass, part, self.parts[part].clone()) else { continue };
            read += 1;
            let answer = embedded::fold_order(order, part as u32, stream(&rows, columns, self.batch_rows), 1 << 30)?;
            take(part as u32, &answer)?;
        }
        self.passes.borrow_mut().push((read, columns.to_vec()));
        Ok(self.parts.len() as u32)
    }
}

fn told(judged: embedded::Judged) -> Json {
    serde_json::to_value(judged.unwrap_or_else(|faults| panic!("{faults}"))).expect("JSON")
}

/// What must be the same however rows are cut: verdict, counts, and of each finding everything but which rows are shown.
fn figures(report: &Json) -> BTreeMap<String, Json> {
    let mut told = BTreeMap::from([("verdict".to_owned(), report["verdict"].clone()), ("rows".to_owned(), report["rows"].clone())]);
    for finding in report["findings"].as_array().expect("findings") {
        let mut finding = finding.clone();
        let id = finding["id"].as_str().expect("an id").to_owned();
        finding.as_object_mut().expect("an object").remove("samples");
        told.insert(format!("finding {id}"), finding);
    }
    for column in report["columns"].as_array().into_iter().flatten() {
        let mut column = column.clone();
        // An example is a row with its place.
        column.as_object_mut().expect("an object").remove("formats");
        told.insert(format!("column {}", column["name"]), column);
    }
    told
}

/// Parts of reports that differ.
fn differing(one: &Json, other: &Json) -> Vec<String> {
    let (one_figures, other_figures) = (figures(one), figures(other));
    let names = one.as_object().expect("an object").keys();
    let parts = names.filter(|name| one[name.as_str()] != other[name.as_str()]).cloned();
    let figures = one_figures.iter().filter(|(name, figure)| other_figures.get(*name) != Some(figure));
    parts.chain(figures.map(|(name, figure)| format!("{name}: {figure} and {:?}", other_figures.get(name)))).collect()
}

fn drive(rules: &str, cluster: &Cluster) -> embedded::Judged {
    embedded::drive(&terms(rules), &cluster.parts[0].schema(), Some("b"), cluster)
}

fn local_rules(place: &Place) -> String {
    place.write(
        "d.csv",
        "id,city,size,score,note,day\n1,Ulm,3,0.5,plain,2026-05-01\n2,Bern,4,1.5,Ulm,2026-05-02\n3,Ulm,5,0.25,a long note,2026-05-03\n",
    );
    let beside = place.path("d.csv").display().to_string();
    let word = |text: String, word: &str| {
        ["d.csv", "d.ndjson"].iter().fold(text, |text, file| text.replace(&format!("{word}: {file}"), &format!("{word}: {beside}")))
    };
    word(word(word(RULES_TEXT.to_owned(), "against"), "source"), "other")
}

#[test]
fn twenty_partitions_give_verdict_counts_and_figures_of_one() {
    let place = Place::new();
    let (rules, rows) = (local_rules(&place), rows(1000));
    let whole = told(drive(&rules, &Cluster::new(vec![rows.clone()])));
    assert_eq!(whole["verdict"], "quarantine");
    assert_eq!(whole["rows"]["read"], 1000);
    let cluster = Cluster::new(cut(&rows, 20));
    let apart = told(drive(&rules, &cluster));
    let (one, many) = (figures(&whole), figures(&apart));
    assert!(one.len() > 40, "{}", one.len());
    for (name, figure) in &one {
        assert_eq!(Some(figure), many.get(name), "{name}");
    }
    assert!(cluster.passes.borrow().len() > 2, "rules look again");
}

#[test]
fn the_same_partitions_give_the_same_report_however_they_come() {
    let place = Place::new();
    let (rules, rows) = (local_rules(&place), rows(700));
    let mut cluster = Cluster::new(cut(&rows, 12));
    let first = told(drive(&rules, &cluster));
    for (order, batch_rows) in [((0..12).collect::<Vec<_>>(), 1000), ((0..12).map(|i| (i * 5) % 12).collect(), 1)] {
        (cluster.order, cluster.batch_rows) = (order, batch_rows);
        assert_eq!(told(drive(&rules, &cluster)), first);
    }
}

#[test]
fn a_finding_names_partition_and_row_with_its_values() {
    let rules = "dataset: d\nprofile: none\nrules:\n  - range: { column: size, max: 7, on_fail: warn }\n";
    let cluster = Cluster::new(cut(&rows(300), 4));
    let report = told(drive(rules, &cluster));
    let samples = report["findings"].as_array().expect("findings").iter().find(|f| f["rule"] == "range").expect("it")["samples"].clone();
    for sample in samples.as_array().expect("samples") {
        let (part, index) =
            (sample["origin"]["partition"].as_u64().expect("a partition"), sample["origin"]["index"].as_u64().expect("a row"));
        let size = cluster.parts[part as usize].column(2).as_any().downcast_ref::<Int64Array>().expect("numbers").value(index as usize);
        assert_eq!((size, &sample["values"]), (8, &serde_json::json!([["size", 8]])));
    }
    assert!(!samples.as_array().expect("samples").is_empty());
    // Only what is asked for was read: by the first pass, and for the values.
    assert_eq!(cluster.passes.borrow().iter().map(|(_, columns)| columns.clone()).collect::<Vec<_>>(), [["size"], ["size"]]);
}

#[test]
fn a_partition_that_is_missing_or_has_changed_is_a_fault() {
    let rules = "dataset: d\nrules:\n  - statistic: { column: score, of: median, max: 900, on_fail: warn }\n";
    let wrong = |change: Box<dyn Fn(usize, usize, RecordBatch) -> Option<RecordBatch>>| {
        let cluster = Cluster { change, ..Cluster::new(cut(&rows(400), 5)) };
        drive(rules, &cluster).expect_err("a fault").to_string()
    };
    let missing = wrong(Box::new(|_, part, rows| (part != 4).then_some(rows)));
    assert!(missing.contains("of 5 partitions, partition 4 was not folded"), "{missing}");
    let missing = wrong(Box::new(|_, part, rows| (part % 2 == 1).then_some(rows)));
    assert!(missing.contains("of 5 partitions, partitions 0, 2, 4 were not folded"), "{missing}");
    let changed = wrong(Box::new(|pass, part, rows| Some(if pass > 0 && part == 2 { rows.slice(1, rows.num_rows() - 1) } else { rows })));
    assert!(changed.contains("not the same when it is looked at again: partition 2 had"), "{changed}");
    let missing = wrong(Box::new(|pass, part, rows| (pass == 0 || part != 3).then_some(rows)));
    assert!(missing.contains("partition 3 was not folded"), "{missing}");
}

/// Folds made one by one, as [`embedded::fold`] gives them.
fn folds(rules: &str, parts: &[RecordBatch]) -> Vec<Vec<u8>> {
    let fold = |(unit, part): (usize, &RecordBatch)| embedded::fold(&terms(rules), unit as u32, stream(part, &names(part), 50));
    parts.iter().enumerate().map(|part| fold(part).unwrap_or_else(|f| panic!("{f}"))).collect()
}

#[test]
fn folds_made_one_by_one_are_merged_and_judged_with_and_without_the_data() {
    let place = Place::new();
    let rules = local_rules(&place);
    let parts = cut(&rows(500), 6);
    let cluster = Cluster::new(parts.clone());
    let driven = told(drive(&rules, &cluster));
    let mut folds = folds(&rules, &parts);
    folds.swap(0, 4);
    // One that comes twice counts once; merging in two steps changes nothing.
    let twice = [&folds[..], &folds[2..3]].concat();
    let merged = embedded::merge(&twice, 1 << 30).unwrap_or_else(|f| panic!("{f}"));
    let merge = |folds: &[Vec<u8>]| embedded::merge(folds, 1 << 30).unwrap_or_else(|f| panic!("{f}"));
    let steps = merge(&[merge(&folds[..2]), merge(&folds[2..])]);
    let judged = told(embedded::judge(&terms(&rules), &steps, Some(6), Some("b"), Some(&cluster)));
    assert_eq!(differing(&judged, &driven), Vec::<String>::new());
    assert_eq!(told(embedded::judge(&terms(&rules), &merged, Some(6), Some("b"), Some(&cluster))), driven);
    let without = embedded::judge(&terms(&rules), &merged, None, Some("b"), None).expect_err("a fault");
    assert_eq!(without.0[0].code, Code::NeedsScan);
    assert!(without.to_string().contains("`outliers"), "{without}");
    // Where nothing must be looked at again, the fold is enough: rows are named, and shown without values.
    let plain = "dataset: d\nrules:\n  - range: { column: size, max: 7, on_fail: warn }\n";
    let merged = embedded::merge(&self::folds(plain, &parts), 1 << 30).unwrap_or_else(|f| panic!("{f}"));
    let alone = told(embedded::judge(&terms(plain), &merged, None, Some("b"), None));
    let beside = told(embedded::judge(&terms(plain), &merged, None, Some("b"), Some(&cluster)));
    assert_eq!(figures(&alone), figures(&beside));
    let samples = |report: &Json| {
        report["findings"].as_array().expect("findings").iter().find(|f| f["rule"] == "range").expect("it")["samples"].clone()
    };
    assert_eq!(samples(&alone)[0]["values"], serde_json::json!([]));
    assert_eq!(samples(&alone)[0]["origin"], samples(&beside)[0]["origin"]);
}

#[test]
fn folds_that_do_not_belong_together_are_faults() {
    let plain = "dataset: d\nrules:\n  - range: { column: size, max: 7, on_fail: warn }\n";
    let parts = cut(&rows(200), 4);
    let ours = folds(plain, &parts);
    let merge = |folds: &[Vec<u8>]| embedded::merge(folds, 1 << 30).map(|_| ()).map_err(|f| (f.0[0].code, f.to_string()));
    let foreign = |folds: &[Vec<u8>], words: &str| {
        let (code, said) = merge(folds).expect_err("a fault");
        assert!(code == Code::ForeignFold && said.contains(words), "{said}");
    };
    foreign(&[ours[0].clone(), folds(&plain.replace('7', "6"), &parts)[1].clone()], "different plans");
    let later = Terms { now: Some("2027-01-01".into()), ..terms(plain) };
    let of_later = embedded::fold(&later, 1, stream(&parts[1], &names(&parts[1]), 9)).unwrap_or_else(|f| panic!("{f}"));
    foreign(&[ours[0].clone(), of_later], "different plans");
    let other = embedded::fold(&terms(plain), 2, stream(&parts[0], &names(&parts[0]), 9)).unwrap_or_else(|f| panic!("{f}"));
    foreign(&[ours[2].clone(), other], "two folds of partition 2, and they differ");
    let fewer = embedded::fold(&terms(plain), 3, stream(&parts[3], &["size".into(), "id".into()], 9)).unwrap_or_else(|f| panic!("{f}"));
    foreign(&[ours[0].clone(), fewer], "data with different columns");
    // A partition in the middle or at the end is missing.
    for (left_out, count) in [(1, None), (3, Some(4))] {
        let folds: Vec<_> = ours.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, fold)| fold.clone()).collect();
        let merged = embedded::merge(&folds, 1 << 30).unwrap_or_else(|f| panic!("{f}"));
        let wrong = embedded::judge(&terms(plain), &merged, count, None, None).expect_err("a fault").to_string();
        assert!(wrong.contains(&format!("of 4 partitions, partition {left_out} was not folded")), "{wrong}");
    }
    assert_eq!(merge(&[]).expect_err("a fault").0, Code::Empty);
    for cut in [0, 4, 9, ours[0].len() / 3, ours[0].len() - 1] {
        assert_eq!(merge(&[ours[0][..cut].to_vec()]).expect_err("a fault").0, Code::Damaged, "cut to {cut}");
    }
}

#[test]
fn rules_that_look_at_the_clock_want_one_for_all_folds() {
    let fold = |rules: &str, now: Option<&str>| {
        let rows = rows(20);
        let terms = Terms { now: now.map(str::to_owned), ..terms(rules) };
        embedded::fold(&terms, 0, stream(&rows, &names(&rows), 9)).map(|_| ()).map_err(|f| (f.0[0].code, f.to_string()))
    };
    let rules = "dataset: d\nrules:\n  - freshness: { column: day, max_age: 30d }\n";
    assert_eq!(fold(rules, None).expect_err("a fault").0, Code::MissingOption);
    assert_eq!(fold(rules, Some(NOW)), Ok(()));
    assert_eq!(fold("dataset: d\nrules:\n  - range: { column: size, max: 7 }\n", None), Ok(()));
    assert!(fold("dataset: d\nrules:\n  - expression: { sql: 'day < now()' }\n", None).is_err());
}
