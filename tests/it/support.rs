//! Running the binary, and reading what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use tempfile::TempDir;

/// What a run of the binary gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The JSON report, where one was written.
    pub report: Option<Json>,
}

impl Run {
    pub fn report(&self) -> &Json {
        self.report.as_ref().unwrap_or_else(|| panic!("no report; exit code {}, stderr: {}", self.code, self.stderr))
    }

    pub fn verdict(&self) -> &str {
        self.report()["verdict"].as_str().expect("a verdict")
    }

    /// The finding called `id`.
    pub fn finding(&self, id: &str) -> &Json {
        let findings = self.report()["findings"].as_array().expect("findings");
        let found = findings.iter().find(|f| f["id"] == id);
        found.unwrap_or_else(|| panic!("no finding {id} among {:?}", findings.iter().map(|f| &f["id"]).collect::<Vec<_>>()))
    }

    pub fn rows(&self, what: &str) -> u64 {
        self.report()["rows"][what].as_u64().expect("a count of rows")
    }
}

/// Checks what [`Place::with`] wrote.
pub const CHECK: [&str; 4] = ["check", "d.csv", "-r", "r.yaml"];

/// A directory of its own for one test.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    /// With the rule file `r.yaml` and the data `d.csv`.
    pub fn with(rules: &str, data: &str) -> Self {
        let place = Self::new();
        place.write("r.yaml", rules);
        place.write("d.csv", data);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
        std::fs::write(&path, content).expect("write");
        path
    }

    /// Its name, which no other place has.
    pub fn name(&self) -> String {
        self.0.path().file_name().expect("a name").to_string_lossy().trim_start_matches('.').to_owned()
    }

    /// The files in `quarantine` that hold rows of the batch `id`.
    pub fn parts(&self, quarantine: &str, id: &str) -> Vec<PathBuf> {
        let pattern = self.path(quarantine).join(format!("{id}.*.parquet"));
        glob::glob(&pattern.display().to_string()).expect("a pattern").flatten().collect()
    }

    /// The only such file.
    pub fn part(&self, quarantine: &str, id: &str) -> PathBuf {
        let mut parts = self.parts(quarantine, id);
        assert_eq!(parts.len(), 1, "{parts:?}");
        parts.remove(0)
    }

    /// Runs the binary here.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run_in(self.0.path(), arguments)
    }

    /// Every file below, hidden ones included, by relative path.
    pub fn files(&self) -> Vec<String> {
        fn walk(directory: &Path, root: &Path, out: &mut Vec<String>) {
            for entry in std::fs::read_dir(directory).expect("list").flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, root, out),
                    path => out.push(path.strip_prefix(root).expect("below").display().to_string()),
                }
            }
        }
        let mut files = Vec::new();
        walk(self.0.path(), self.0.path(), &mut files);
        files.sort();
        files
    }
}

/// Says that a test was skipped for want of `what`; where everything is required, as in CI, fails instead.
///
/// The test harness swallows what a passing test prints, but not what is written to the stream itself.
pub fn skipped(what: &str) {
    use std::io::Write;
    assert!(std::env::var_os("SLUICEGATE_REQUIRE_ALL").is_none(), "{what} is required and not installed");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what} is not installed");
}

/// The root of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs the binary in `directory` with `input` as its standard input.
pub fn run_with_input(directory: &Path, arguments: &[&str], input: &Path) -> Run {
    let file = std::fs::File::open(input).unwrap_or_else(|e| panic!("{}: {e}", input.display()));
    run(directory, arguments, Some(file))
}

/// Runs the binary in `directory`; `check` and `gate` also write a JSON report, whose rows must add up.
pub fn run_in(directory: &Path, arguments: &[&str]) -> Run {
    run(directory, arguments, None)
}

/// When runs begin that do not set their clock: so their reports can be compared.
const NOW: &str = "2026-11-22T00:00:00Z";

fn run(directory: &Path, arguments: &[&str], input: Option<std::fs::File>) -> Run {
    let reports = tempfile::tempdir().expect("a temporary directory");
    let path = reports.path().join("report.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.current_dir(directory).args(arguments).env("RUST_BACKTRACE", "0").env("SLUICEGATE_CI", "off").envs(crate::s3::variables());
    command.stdin(input.map_or_else(std::process::Stdio::null, Into::into));
    if matches!(arguments.first(), Some(&"check" | &"gate")) {
        command.arg("--report").arg(&path);
        if !arguments.contains(&"--now") {
            command.args(["--now", NOW]);
        }
    }
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let report: Option<Json> = std::fs::read(&path).ok().map(|bytes| read_back(&text(bytes)));
    if let Some(report) = &report {
        let rows = |what: &str| report["rows"][what].as_u64().expect("a count");
        let of_changes = |what: &str| report["rows"][what].as_u64().unwrap_or_default();
        let sum =
            rows("published") + rows("quarantined") + rows("filtered") + rows("rejected") + of_changes("deletes") + of_changes("late");
        assert_eq!(rows("read"), sum, "the law of conservation: {}", report["rows"]);
    }
    let code = output.status.code().unwrap_or_else(|| panic!("killed by a signal"));
    Run { code, stdout: text(output.stdout), stderr: text(output.stderr), report }
}

/// The report as JSON. Whoever reads it back has the very same report, and each finding is of a kind that is documented.
fn read_back(text: &str) -> Json {
    let report = sluicegate::report::read(text, "the report").unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    assert_eq!(sluicegate::report::json(&report), text, "written again, it is another text");
    let codes = crate::findings::codes();
    for finding in &report.findings {
        assert!(codes.contains(&finding.code), "{}: `{}` is no code", finding.id, finding.code);
    }
    serde_json::from_str(text).expect("JSON")
}

/// Every file below `directory` with `extension`, sorted.
pub fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let pattern = format!("{}/**/*.{extension}", directory.display());
    let mut files: Vec<PathBuf> = glob::glob(&pattern).expect("a pattern").flatten().collect();
    files.sort();
    files
}
