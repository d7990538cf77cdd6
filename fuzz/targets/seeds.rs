//! What fuzzing begins with: files of the project, what was counted of them, baselines.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use sluicegate::audit::{self, Budget, Job, Keeps, NoSink};
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Spool};

use crate::place;

/// No larger file is a seed: small ones are looked at more often.
const BYTES_MAX: u64 = 60_000;

const RULES: &[&str] = &[
    "dataset: d\nprofile: full\nrules: [{ missing: { columns: \"*\" } }, { duplicates: {} }]\n",
    "dataset: d\nprofile: none\nrules: [{ outliers: { columns: { type: numeric }, method: mad } }, { stuck: { columns: \"*\", max_run: 2 } }]\n",
    "dataset: d\nprofile: none\nrules: [{ duplicates: { key: [id], keep: last } }, { statistic: { columns: { type: numeric }, of: median, min: 0 } }]\n",
];

const SQL: &[&str] = &[
    "a + b * 2 > 3 AND c IS NOT NULL",
    "CASE WHEN a > 1 THEN 'x' ELSE upper(c) END = 'x' OR length(c) < 3",
    "coalesce(try_cast(c AS DOUBLE), b) BETWEEN -1 AND 1e300",
    "d >= DATE '2026-01-01' AND extract(year FROM d) = 2026",
    "c LIKE 'a%' OR regexp_like(c, '^x+$') OR c IN ('a', 'b', NULL)",
    "abs(a) % 7 = 0 AND round(b, 2) <> power(a, 0.5)",
    "concat(c, '-', a) || repeat(c, 3)",
    "date_trunc('month', d) + INTERVAL '1' DAY > now()",
];

/// Writes all of it into `corpus`.
pub fn write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").to_owned();
    let corpus = root.join("fuzz/corpus");
    for file in files_below(&root.join("fixtures/formats")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        if let Some((_, extension)) = name.split_once('.').filter(|(_, extension)| !["md", "py"].contains(extension)) {
            add(&corpus.join(extension), &fs::read(&file).expect("read"));
        }
    }
    for file in
        ["rules", "tests/rules", "tests/rulesets", "tests/mistakes", "examples"].iter().flat_map(|part| files_below(&root.join(part)))
    {
        if file.extension().is_some_and(|extension| extension == "yaml") {
            add(&corpus.join("rule_file"), &fs::read(&file).expect("read"));
        }
    }
    SQL.iter().for_each(|text| add(&corpus.join("sql"), text.as_bytes()));
    ["<script>alert(1)</script>", "\" onload=\"x", "&amp;&lt;", "'`${}", "]]>", "\u{202e}\u{0}"]
        .iter()
        .for_each(|text| add(&corpus.join("escaping"), text.as_bytes()));
    for name in ["table.csv", "nested.ndjson", "table.parquet"] {
        for rules in RULES {
            counted(&root.join("fixtures/formats").join(name), rules, &corpus);
        }
    }
}

/// What the rules count of the file, as a fold and as a baseline.
fn counted(data: &Path, rules: &str, corpus: &Path) {
    const HEAD: usize = 32;
    let rules = RuleFile::parse(rules, "r.yaml").expect("rules");
    let options = rules.sections.read_options("r.yaml").expect("options");
    let source = source::open(&[data.to_string_lossy().into_owned()], &options, &[], &Spool::new(place())).expect("data");
    let job =
        |keeps| Job { keeps, ..Job::new(&rules, source.clone(), DateTime::UNIX_EPOCH, Arc::new(Budget::new(1 << 30, place().to_owned()))) };
    if let Ok(fold) = audit::fold_unit(&job(Keeps::Nothing), 0) {
        add(&corpus.join("fold"), &fold.encode().expect("bytes")[HEAD..]);
    }
    let job = job(Keeps::Everything);
    if let Ok(audited) = audit::audit(&job, &NoSink::default()) {
        let summary = audited.summary(&job, Some("b"), &audited.set_aside()).expect("a summary");
        add(&corpus.join("baseline"), summary.write().expect("text").as_bytes());
    }
}

fn add(directory: &Path, bytes: &[u8]) {
    if bytes.len() as u64 <= BYTES_MAX {
        fs::create_dir_all(directory).expect("a directory");
        fs::write(directory.join(format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes))), bytes).expect("written");
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("listed").flatten() {
        match entry.path() {
            path if path.is_dir() => files.extend(files_below(&path)),
            path => files.push(path),
        }
    }
    files
}
