//! What fuzz targets share: a place for files, a job over some bytes, and panics that stay where the program catches them.

pub mod seeds;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use chrono::DateTime;
use sluicegate::assemble::{Header, assemble};
use sluicegate::audit::{self, Audited, Budget, Job, NoSink};
use sluicegate::diagnostic::Faults;
use sluicegate::report::Report;
use sluicegate::report::model::Mode;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Source, Spool};

/// A directory for the files of this process, in memory where that can be.
pub fn place() -> &'static Path {
    static PLACE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        tempfile::Builder::new().prefix("sluicegate-fuzz").tempdir_in(root).expect("a directory")
    });
    made.path()
}

/// Panics of libraries become faults where units are read, as in the program; whatever leaves the house ends the process.
pub fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Runs `of`; a panic that leaves it is a crash.
pub fn contained(of: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(of)) {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        eprintln!("panic: {}", text.unwrap_or_default());
        std::process::abort();
    }
}

/// The file `name` with these bytes, opened as the rules say.
///
/// # Errors
/// It cannot be read.
pub fn open(name: &str, bytes: &[u8], rules: &RuleFile) -> Result<Arc<dyn Source>, Faults> {
    let path = place().join(name);
    std::fs::write(&path, bytes).expect("written");
    let options = rules.sections.read_options(&rules.path)?;
    Ok(source::open(&[path.to_string_lossy().into_owned()], &options, &rules.sections.contract(), &Spool::new(place()))?)
}

/// Judges the source in as much memory as small data needs.
///
/// # Errors
/// It cannot be read, or the rules do not fit.
pub fn judge(rules: &RuleFile, source: Arc<dyn Source>) -> Result<Audited, Faults> {
    let budget = Arc::new(Budget::new(64 << 20, place().to_owned()));
    audit::audit(&Job::new(rules, source, DateTime::UNIX_EPOCH, budget), &NoSink::default())
}

/// Writes it up, and holds that no row is lost.
pub fn report(rules: &RuleFile, audited: &Audited) -> Report {
    let header = Header { mode: Mode::Check, batch_id: "b".to_owned(), began: None, as_of: None };
    let report = assemble(header, rules, audited, audited.set_aside().len(), None);
    assert!(report.rows.is_conserved(), "rows are lost: {:?}", report.rows);
    report
}

/// A fold of some rows, as bytes.
pub fn sound_fold() -> Vec<u8> {
    let rules =
        RuleFile::parse("dataset: d\nrules: [{ missing: { column: a } }, { duplicates: { key: [a] } }]\n", "r.yaml").expect("rules");
    let source = open("fold.csv", b"a\n1\n2\n", &rules).expect("data");
    let budget = Arc::new(Budget::new(64 << 20, place().to_owned()));
    audit::fold_unit(&Job::new(&rules, source, DateTime::UNIX_EPOCH, budget), 0).expect("a fold").encode().expect("bytes")
}

/// The JSON of a report in which `text` stands wherever text of strangers may.
pub fn report_about(text: &str) -> String {
    let rules = format!(
        "dataset: {text}\nowner: {text}\ndescription: {text}\nrules:\n  - missing: {{ column: {text}, description: {text}, owner: {text}, tags: [{text}] }}\n  \
         - values: {{ column: {text}, in: [{text}1] }}\n  - duplicates: {{ key: [{text}] }}\n  - length: {{ column: {text}, max: 3 }}\n"
    );
    let rules = RuleFile::parse(&rules, &format!("{text}.yaml")).expect("rules");
    let data = format!("{text},b\n{text},1\n{text},2\n{text}2,3\n,4\n");
    let source = open(&format!("{text}.csv"), data.as_bytes(), &rules).expect("data");
    let audited = judge(&rules, source).expect("judged");
    sluicegate::report::json(&report(&rules, &audited))
}
