//! Folds made apart: the units of a data set are cut among several folds, which are saved, read back and merged in any
//! grouping of neighbours. The report is the same, byte for byte.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use sluicegate::assemble::{self, Header};
use sluicegate::audit::{self, Fold, Job, Kept, Means, NoSink, Order, References, Runner};
use sluicegate::diagnostic::Faults;
use sluicegate::engine::Cancel;
use sluicegate::metric::Budget;
use sluicegate::report::model::Mode;
use sluicegate::rules::RULES;
use sluicegate::rules::words::AgainstWord;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, ContractColumn, Cut, ReadOptions, Source, Spool};

use crate::support::{Place, files_below, project};

/// Every rule, plain and by group, with looks after the first: quantiles, fences, keys that do not ascend, sorted runs.
pub(crate) const RULES_TEXT: &str = "dataset: apart
schema:
  evolution: any
  columns:
    day: { type: date }
clean: [{ drop_where: \"city = 'nowhere'\" }]
transform: { ratio: 100 / size }
sources: { other: d.csv }
rules:
  - missing: { columns: [city, note], tolerate: 30% }
  - missing: { id: runs, column: score, by: [city], max_run: 3, on_fail: warn }
  - missing: { id: stand-ins, column: size, disguised: true }
  - duplicates: { key: [id], on_fail: warn }
  - duplicates: { id: pairs, key: [city, size], keep: last, on_fail: warn }
  - duplicates: { id: in-city, key: [size], by: [city], on_fail: warn }
  - conflicts: { key: [id], on: [city], on_fail: warn }
  - gaps: { column: day, every: 1d, by: [city], allow: [sunday], on_fail: warn }
  - gaps: { id: overlaps, overlap: { from: day, to: day, inclusive: true }, by: [city], on_fail: warn }
  - labels: { column: city, min_share: 30%, against: d.csv, on_fail: warn }
  - split: { against: d.ndjson, key: [id], group: city, time: day, near: { column: note }, on_fail: warn }
  - split: { id: near, near: { column: city }, by: [size], on_fail: warn }
  - foreign_key: { column: city, in: { source: d.csv, column: note }, on_fail: warn }
  - foreign_key: { id: by-key, key: [city, size], by: [city], in: { source: d.ndjson, columns: [city, id] }, on_fail: warn }
  - values: { id: elsewhere, column: size, not_in: { source: d.csv, column: id }, on_fail: warn }
  - diff: { against: d.ndjson, key: id, on_fail: warn }
  - pii: { columns: [city, note], on_fail: warn }
  - range: { column: size, min: 1, max: 900, on_fail: warn }
  - range: { id: by-range, column: score, above: -2, by: [city], tolerate: 5 rows, on_fail: warn }
  - values: { column: city, in: [Ulm, Bern], on_fail: warn }
  - values: { id: members, column: city, must_contain: [Ulm, Bern, Trier], on_fail: warn }
  - values: { id: by-members, column: size, by: [city], must_contain: [1, 2, 3, null], on_fail: warn }
  - json_schema: { schema: { properties: { size: { maximum: 500 }, note: { type: string } } }, on_fail: warn }
  - json_schema: { id: notes, column: note, by: [city], schema: { type: integer }, on_fail: warn }
  - pattern: { column: note, regex: '^[a-z ,]*$', tolerate: 50%, on_fail: warn }
  - length: { column: note, max: 8, by: [city], on_fail: warn }
  - parse: { column: note, as: number, on_fail: warn }
  - expression: { sql: \"score < size\", where: \"city <> 'Ulm'\", on_fail: warn }
  - query: { sql: \"SELECT * FROM batch WHERE size > 500\", on_fail: warn }
  - query: { id: cities, sql: \"SELECT b.city, count(*) FROM batch b JOIN other o ON b.id = o.id GROUP BY b.city\", on_fail: warn }
  - order: { column: id, on_fail: warn }
  - order: { id: by-order, column: size, by: [city], strict: true, on_fail: warn }
  - stuck: { column: size, max_run: 2, on_fail: warn }
  - stuck: { id: sorted, column: size, max_run: 2, by: [city], order_by: score, on_fail: warn }
  - outliers: { column: score, k: 1.5, on_fail: warn }
  - outliers: { id: by-mad, column: score, method: mad, by: [city], on_fail: warn }
  - outliers: { id: z, column: score, method: zscore, log: true, on_fail: warn }
  - drift: { columns: [score, city], against: d.csv, on_fail: warn }
  - drift: { id: by-drift, column: size, by: [city], test: psi, against: d.ndjson, on_fail: warn }
  - statistic: { column: score, of: mean, max: 900, on_fail: warn }
  - statistic: { id: median, column: score, of: median, by: [city], min: 0, on_fail: warn }
  - statistic: { id: many, column: id, of: distinct, min: 10, on_fail: warn }
  - statistic: { id: together, column: size, of: correlation, with: score, max: 0.9, on_fail: warn }
  - representation: { groups: [city], reference: equal, tolerance: 20 points, on_fail: warn }
  - representation: { id: people, groups: [city], unit: id, reference: equal, tolerance: 20 points, on_fail: warn }
  - representation: { id: by-people, groups: [note], by: [city], unit: size, against: d.csv, tolerance: 20 points, on_fail: warn }
  - gate_bias: { groups: [city], max: 5 points, on_fail: warn }
  - gate_bias: { id: by-gate, groups: [note], by: [city], where: \"size > 3\", on_fail: warn }
  - range: { id: set-aside, column: id, max: 300, tolerate: 1 row }
  - outcome: { groups: [city], label: note, positive: plain, demographic_parity: 5 points, on_fail: warn }
  - outcome: { id: by-outcome, groups: [size], by: [city], label: note, positive: plain, min_ratio: 80%, on_fail: warn }
  - rows: { min: 10, on_fail: warn }
  - rows: { id: by-rows, min: 10, by: [city], on_fail: warn }
  - freshness: { column: day, max_age: 30d, on_fail: warn }
  - column_set: { contains: [id, city], on_fail: warn }
  - type: { column: id, is: int64, on_fail: warn }
gate: { reject_above: 100% }
profile: full
";

/// The same for vectors.
const VECTORS_TEXT: &str = "dataset: apart
rules:
  - vectors: { column: v, dim: 2, norm: { max: 9 } }
  - vectors: { id: shift, column: v, dim: 2, zero: pass, max_centroid_shift: 0.001, against: v.ndjson, on_fail: warn }
  - vectors: { id: by-shift, column: v, dim: 2, by: [city], max_centroid_shift: 0.5, against: v.ndjson, on_fail: warn }
gate: { reject_above: 100% }
";

/// How pieces come together: pairs of pieces to be merged, one after the other, into the first of them.
const GROUPINGS: [[(usize, usize); 2]; 3] = [[(0, 1), (0, 2)], [(1, 2), (0, 1)], [(0, 2), (0, 1)]];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("a time")
}

struct Data {
    paths: Vec<String>,
    rules: RuleFile,
    cut: Cut,
    memory: u64,
    spool: PathBuf,
}

impl Data {
    fn open(&self) -> Arc<dyn Source> {
        open(&self.rules, &self.paths, self.cut, &self.spool)
    }

    fn budget(&self) -> Arc<Budget> {
        Arc::new(Budget::new(self.memory, self.spool.clone()))
    }

    fn job(&self) -> Job<'_> {
        let references: Arc<dyn References> = Arc::new(Beside {
            directory: Path::new(&self.paths[0]).parent().expect("a directory").to_owned(),
            options: self.rules.sections.read_options("r.yaml").expect("options"),
            contract: self.rules.sections.contract(),
            spool: self.spool.clone(),
        });
        Job { references: Some(references), ..Job::new(&self.rules, self.open(), now(), self.budget()) }
    }

    /// The report, or what is wrong.
    fn told(&self, audited: Result<audit::Audited, Faults>) -> String {
        let header = Header { mode: Mode::Check, batch_id: "b".into(), began: None, as_of: None };
        let report = match audited {
            Ok(audited) => assemble::assemble(header, &self.rules, &audited, audited.set_aside().len(), None),
            Err(faults) => assemble::faulty(header, Some(&self.rules), &faults),
        };
        serde_json::to_string_pretty(&report).expect("JSON")
    }

    fn units(&self) -> u32 {
        let source = self.open();
        let (mut last, mut units) = (None, 0);
        while let Some((unit, _)) = source.next_unit(last.as_ref()).expect("units") {
            (last, units) = (Some(unit), units + 1);
        }
        units
    }
}

/// What rules compare with: files beside the data.
struct Beside {
    directory: PathBuf,
    options: ReadOptions,
    contract: Vec<ContractColumn>,
    spool: PathBuf,
}

impl References for Beside {
    fn open(&self, paths: &[String]) -> Result<Arc<dyn Source>, Faults> {
        let paths: Vec<String> = paths.iter().map(|path| self.directory.join(path).display().to_string()).collect();
        Ok(source::open(&paths, &self.options, &self.contract, &Spool::new(&self.spool))?)
    }

    fn open_as(&self, paths: &[String], columns: &[ContractColumn]) -> Result<Arc<dyn Source>, Faults> {
        let paths: Vec<String> = paths.iter().map(|path| self.directory.join(path).display().to_string()).collect();
        Ok(source::open(&paths, &self.options, columns, &Spool::new(&self.spool))?)
    }

    fn summaries(&self, _: &AgainstWord) -> Result<Kept, Faults> {
        Ok(Kept::default())
    }
}

fn open(rules: &RuleFile, paths: &[String], cut: Cut, spool: &Path) -> Arc<dyn Source> {
    let mut options = rules.sections.read_options("r.yaml").expect("options");
    options.cut = cut;
    source::open(paths, &options, &rules.sections.contract(), &Spool::new(spool)).unwrap_or_else(|f| panic!("{f}"))
}

type FoldPiece<'a> = dyn Fn(&Order, usize) -> Result<Vec<u8>, Faults> + 'a;

/// Cuts what is ordered into three pieces, has each folded, and merges what comes back.
struct Pieces<'a> {
    data: &'a Data,
    grouping: [(usize, usize); 2],
    units: u32,
    /// Folds one piece; gives the fold's bytes.
    fold: &'a FoldPiece<'a>,
}

impl Runner for Pieces<'_> {
    fn run(&self, order: &Order) -> Result<Fold, Faults> {
        let budget = self.data.budget();
        let third = self.units.div_ceil(3);
        let ranges = [0..third, third..2 * third, 2 * third..u32::MAX];
        let mut folds: Vec<Option<Fold>> = Vec::new();
        for (piece, range) in ranges.into_iter().enumerate() {
            let order = match order.clone() {
                Order::FirstPass { plan, .. } => Order::FirstPass { plan, units: range },
                Order::SecondPass { plan, questions, units, unsound, malformed, asked_by } => {
                    let (unsound, malformed) = (unsound.within(range.clone()), malformed.within(range.clone()));
                    let units = units.into_iter().filter(|unit| range.contains(&unit.index)).collect();
                    Order::SecondPass { plan, questions, units, unsound, malformed, asked_by }
                }
            };
            let bytes = (self.fold)(&order, piece)?;
            let fold = Fold::decode(&bytes, &budget)?;
            assert!(fold.encode()? == bytes, "what was read back is written in the same bytes");
            folds.push(Some(fold));
        }
        for (into, from) in self.grouping {
            let from = folds[from].take().expect("a piece");
            folds[into].as_mut().expect("a piece").merge(from)?;
        }
        Ok(folds.into_iter().flatten().next().expect("one fold is left"))
    }
}

/// In this process, but through text and bytes all the same.
fn fold_here(data: &Data, order: &Order) -> Result<Vec<u8>, Faults> {
    let text = serde_json::to_string(order).expect("an order is text");
    let order: Order = serde_json::from_str(&text).expect("an order");
    let means = Means { threads: 1, budget: data.budget(), cancel: Cancel::default() };
    Ok(order.fold(data.open(), &means)?.encode()?)
}

const ORDER: &str = "SLUICEGATE_TEST_ORDER";

/// Run by [`fold_elsewhere`] in a process of its own: folds what the file that the environment names orders.
#[test]
#[ignore = "a part of the tests that fold in several processes, which run it"]
fn one_process_of_several() {
    let place = PathBuf::from(std::env::var_os(ORDER).expect("the tests that fold in several processes name an order"));
    let text = std::fs::read_to_string(place.join("order.json")).expect("an order");
    let (order, paths, cut, memory): (Order, Vec<String>, (usize, usize), u64) = serde_json::from_str(&text).expect("an order");
    let rules = RuleFile::parse(RULES_TEXT, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let source = open(&rules, &paths, Cut { unit_bytes: cut.0, batch_rows: cut.1 }, &place);
    let means = Means { threads: 2, budget: Arc::new(Budget::new(memory, place.clone())), cancel: Cancel::default() };
    let bytes = order.fold(source, &means).unwrap_or_else(|f| panic!("{f}")).encode().unwrap_or_else(|f| panic!("{f}"));
    std::fs::write(place.join("fold"), bytes).expect("written");
}

/// In a process of its own.
fn fold_elsewhere(data: &Data, order: &Order) -> Vec<u8> {
    let place = Place::new();
    let text = serde_json::to_string(&(order, &data.paths, (data.cut.unit_bytes, data.cut.batch_rows), data.memory)).expect("text");
    place.write("order.json", text);
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "apart::one_process_of_several", "--ignored"]).env(ORDER, place.path(""));
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    std::fs::read(place.path("fold")).expect("a fold")
}

fn rows(count: u64) -> Vec<(u64, &'static str, u64, Option<f64>, &'static str)> {
    let mut seed = 7u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let cities = ["Ulm", "Köln", "Bern", "", "nowhere"];
    let notes = ["plain", "with, comma", "a long note", "", "UPPER"];
    let mut row = |i| {
        let id = if next(40) == 0 { i / 2 } else { i };
        let city = cities[[0, 0, 0, 1, 1, 1, 1, 2, 3, 4][next(10) as usize]];
        let size = next(9);
        let score = (next(7) > 0).then(|| next(6000) as f64 / 1000.0 - 2.5 + if next(80) == 0 { 50.0 } else { 0.0 });
        (id, city, size, score, notes[next(5) as usize])
    };
    (0..count).map(&mut row).collect()
}

/// As CSV, whose `size` looks like an integer until late, and whose `day` breaks off.
fn csv(count: u64) -> String {
    let mut text = String::from("id,city,size,score,note,day\n");
    for (i, (id, city, size, score, note)) in rows(count).into_iter().enumerate() {
        let score = score.map_or_else(String::new, |s| format!("{s:.3}"));
        let size = if i as u64 == count * 4 / 5 { "7.5".to_owned() } else { size.to_string() };
        match i % 97 {
            13 => text.push_str(&format!("{id},{city},{size}\n")),
            _ => text.push_str(&format!("{id},{city},{size},{score},\"{note}\",2026-05-{:02}\n", 1 + i % 28)),
        }
    }
    text
}

fn ndjson(count: u64) -> String {
    let record = |(i, (id, city, size, score, note)): (usize, (u64, &str, u64, Option<f64>, &str))| {
        let late = if i as u64 > count * 3 / 5 { format!(", \"late\": {{\"x\": [{i}, null]}}") } else { String::new() };
        let score = score.map_or("null".to_owned(), |s| format!("{s:.3}"));
        let size = if i as u64 == count * 4 / 5 { "7.5".to_owned() } else { size.to_string() };
        match i % 97 {
            13 => format!("{{\"id\": {id}, \"city\": }}\n"),
            _ => format!(
                "{{\"id\": {id}, \"city\": \"{city}\", \"size\": {size}, \"score\": {score}, \"note\": \"{note}\", \"day\": \"2026-05-01\"{late}}}\n"
            ),
        }
    };
    rows(count).into_iter().enumerate().map(record).collect()
}

fn parquet(path: &Path, count: u64) {
    let rows = rows(count);
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0 as i64)));
    let city: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|r| (!r.1.is_empty()).then_some(r.1))));
    let size: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2 as i64)));
    let score: ArrayRef = Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.3)));
    let note: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|r| Some(r.4))));
    let day: ArrayRef = Arc::new(arrow::array::Date32Array::from_iter_values((0..rows.len()).map(|i| 20_570 + i as i32 % 20)));
    let columns = [("id", id), ("city", city), ("size", size), ("score", score), ("note", note), ("day", day)];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(60)).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).expect("a file"), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

fn data_sets(place: &Place, count: u64) -> Vec<String> {
    place.write("d.csv", csv(count));
    place.write("d.ndjson", ndjson(count));
    parquet(&place.path("d.parquet"), count);
    ["d.csv", "d.ndjson", "d.parquet"].map(|file| place.path(file).display().to_string()).to_vec()
}

fn data(place: &Place, path: &str, memory: u64) -> Data {
    judged_by(RULES_TEXT, place, path, memory)
}

fn judged_by(rules: &str, place: &Place, path: &str, memory: u64) -> Data {
    let rules = RuleFile::parse(rules, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
    let cut = Cut { unit_bytes: 2000, batch_rows: 17 };
    Data { paths: vec![path.to_owned()], rules, cut, memory, spool: place.path("") }
}

#[test]
fn the_rules_of_these_tests_are_all_there_are() {
    // Vectors are no text, so the files of the others hold none.
    for rule in RULES.iter().filter(|rule| !VECTORS_TEXT.contains(&format!("- {}: {{", rule.name))) {
        assert!(RULES_TEXT.contains(&format!("- {}: {{", rule.name)), "no `{}` in the rules", rule.name);
    }
}

#[test]
fn folds_made_in_three_processes_give_the_report_of_one() {
    let place = Place::new();
    for (path, memory) in data_sets(&place, 600).into_iter().zip([1 << 30, 1 << 30, 1]) {
        let data = data(&place, &path, memory);
        let units = data.units();
        assert!(units >= 6, "{path} has {units} units only");
        let whole = data.told(audit::audit(&data.job(), &NoSink::default()));
        assert!(whole.contains("\"verdict\": \"quarantine\""), "{whole}");
        let fold = |order: &Order, _: usize| Ok(fold_elsewhere(&data, order));
        let pieces = Pieces { data: &data, grouping: GROUPINGS[2], units, fold: &fold };
        let apart = data.told(audit::audit_by(&data.job(), &pieces));
        assert!(whole == apart, "{path}: {}", first_difference(&whole, &apart));
    }
}

#[test]
fn vectors_folded_in_three_processes_give_the_report_of_one() {
    let place = Place::new();
    let row = |(i, (_, city, size, score, _)): (usize, (u64, &str, u64, Option<f64>, &str))| match i % 41 {
        7 => format!("{{\"city\": \"{city}\", \"v\": [0.0, 0.0]}}\n"),
        8 => format!("{{\"city\": \"{city}\", \"v\": [1.0]}}\n"),
        _ => format!("{{\"city\": \"{city}\", \"v\": [{size}.5, {:.3}]}}\n", score.unwrap_or(1.0)),
    };
    place.write("v.ndjson", rows(600).into_iter().enumerate().map(row).collect::<String>());
    let path = place.path("v.ndjson").display().to_string();
    let data = judged_by(&VECTORS_TEXT.replace("v.ndjson", &path), &place, &path, 1 << 30);
    let units = data.units();
    assert!(units >= 6, "{units} units only");
    let whole = data.told(audit::audit(&data.job(), &NoSink::default()));
    assert!(whole.contains("\"centroid_shift\"") && whole.contains("\"verdict\": \"quarantine\""), "{whole}");
    let fold = |order: &Order, _: usize| Ok(fold_elsewhere(&data, order));
    let apart = data.told(audit::audit_by(&data.job(), &Pieces { data: &data, grouping: GROUPINGS[1], units, fold: &fold }));
    assert!(whole == apart, "{}", first_difference(&whole, &apart));
}

#[test]
fn folds_merge_in_any_grouping_of_neighbours_spilled_or_not() {
    let place = Place::new();
    for path in data_sets(&place, 400) {
        for (grouping, memory) in GROUPINGS.into_iter().zip([1 << 30, 1, 20_000]) {
            let data = data(&place, &path, memory);
            let whole = data.told(audit::audit(&data.job(), &NoSink::default()));
            assert!(whole.contains("\"verdict\": \"quarantine\""), "{whole}");
            let fold = |order: &Order, _: usize| fold_here(&data, order);
            let pieces = Pieces { data: &data, grouping, units: data.units(), fold: &fold };
            let apart = data.told(audit::audit_by(&data.job(), &pieces));
            assert!(
                whole == apart,
                "{path} {grouping:?} {memory}: {}\n{}",
                first_difference(&whole, &apart),
                &apart[..apart.len().min(1500)]
            );
        }
    }
}

#[test]
fn every_case_of_every_rule_comes_out_alike_when_it_is_folded_apart() {
    let place = Place::new();
    let cases = files_below(&project("tests/rules"), "yaml");
    let mut compared = 0;
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        let Ok(rules) = RuleFile::parse(&text, "r.yaml") else { continue };
        let paths = vec![case.with_extension("csv").display().to_string()];
        if rules.sections.gate.publish.is_some() || !case.with_extension("csv").exists() {
            continue;
        }
        let Ok(options) = rules.sections.read_options("r.yaml") else { continue };
        if source::open(&paths, &options, &rules.sections.contract(), &Spool::new(place.path(""))).is_err() {
            continue;
        }
        let data = Data { paths, rules, cut: Cut { unit_bytes: 30, batch_rows: 2 }, memory: 1 << 30, spool: place.path("") };
        let whole = data.told(audit::audit(&data.job(), &NoSink::default()));
        let fold = |order: &Order, _: usize| fold_here(&data, order);
        let pieces = Pieces { data: &data, grouping: GROUPINGS[compared % 3], units: data.units(), fold: &fold };
        let apart = data.told(audit::audit_by(&data.job(), &pieces));
        assert!(whole == apart, "{}: {}\n{apart}", case.display(), first_difference(&whole, &apart));
        compared += 1;
    }
    assert!(compared > 150, "only {compared} cases were compared");
}

#[test]
fn damaged_and_foreign_folds_are_faults() {
    let place = Place::new();
    let path = data_sets(&place, 200).remove(0);
    let data = data(&place, &path, 1 << 30);
    let bytes = std::cell::RefCell::new(Vec::new());
    let fold = |order: &Order, _: usize| {
        let folded = fold_here(&data, order)?;
        bytes.borrow_mut().push(folded.clone());
        Ok(folded)
    };
    let pieces = Pieces { data: &data, grouping: GROUPINGS[0], units: data.units(), fold: &fold };
    audit::audit_by(&data.job(), &pieces).unwrap_or_else(|f| panic!("{f}"));
    let bytes = bytes.into_inner();
    let decode = |bytes: &[u8]| Fold::decode(bytes, &data.budget()).map(|_| ()).map_err(|f| f.to_string());
    let whole = &bytes[0];
    assert!(decode(whole).is_ok());
    for cut in [0, 7, 31, 32, whole.len() / 2, whole.len() - 1] {
        assert!(decode(&whole[..cut]).is_err(), "cut to {cut} bytes");
    }
    for at in (0..whole.len()).step_by(whole.len() / 200 + 1) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        assert!(decode(&flipped).is_err(), "a bit of byte {at} is flipped");
    }
    let mut later = whole.clone();
    later[7] += 1;
    assert!(decode(&later).expect_err("a fault").contains("format version"));
    assert!(decode(&[whole.as_slice(), b"x"].concat()).is_err());
    // The same units twice, and units of another plan.
    let fold = |i: usize| Fold::decode(&bytes[i], &data.budget()).unwrap_or_else(|f| panic!("{f}"));
    assert!(fold(0).merge(fold(0)).is_err());
    let last = bytes.len() - 1;
    assert!(fold(0).merge(fold(last)).is_err(), "a first pass and a second look do not merge");
}

fn first_difference(a: &str, b: &str) -> String {
    let differ = a.lines().zip(b.lines()).enumerate().find(|(_, (x, y))| x != y);
    differ.map_or_else(String::new, |(n, (x, y))| format!("line {n}\n  {x}\n  {y}"))
}
