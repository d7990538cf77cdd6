//! A directory behind `-r`: each rule file in it is a run of its own, and the worst of them counts.

use std::path::{Path, PathBuf};

use super::begun::Settled;
use super::exit::ExitCode;
use super::output::{self, OutputOptions, Printed};
use super::reports::Reports;
use super::run::RunOptions;
use crate::assemble::{self, Header};
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::report::Report;
use crate::report::model::TableReport;
use crate::ruleset::RuleFile;
use crate::shown::counted;
use crate::visible;

/// The rule files of a directory, and what came of those that were judged.
pub(super) struct Suite {
    directory: String,
    files: Vec<String>,
    reports: Vec<PathBuf>,
    failing_rows: Option<PathBuf>,
    lines: Vec<String>,
    /// What each run found.
    judged: Vec<TableReport>,
    /// What no report may take the place of: what it is called, and where it is.
    apart: Vec<(String, String)>,
    code: u8,
}

impl Suite {
    /// The rule files in the directory that the options name; nothing if they name a file.
    ///
    /// # Errors
    /// It has no rule file, or cannot be read.
    pub(super) fn of(options: &RunOptions) -> Result<Option<Self>, Fault> {
        let directory = &options.rules;
        if !Path::new(directory).is_dir() {
            return Ok(None);
        }
        let unreadable =
            |e: std::io::Error| Fault::new(Code::of_reading(&e), format!("the directory cannot be read: {e}")).at(Place::file(directory));
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_rule_file = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && path.is_file();
            // Files that others include need not be rule files by themselves.
            let is_part = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['_', '.']));
            if is_rule_file && !is_part {
                files.push(path.display().to_string());
            }
        }
        files.sort();
        // By a file of which no rule is asked for, rows would be published that nobody judged.
        let (mut kept, only) = (Vec::new(), options.choices.only());
        for file in std::mem::take(&mut files) {
            if only.is_empty() || options.judges_by(&file) {
                kept.push(file);
            }
        }
        let files = kept;
        if files.is_empty() && !only.is_empty() {
            let names: Vec<String> = only.iter().map(|name| format!("`{name}`")).collect();
            let fault = Fault::new(Code::UnknownRule, format!("`--only`: no rule in this directory is called {}", names.join(" or ")));
            return Err(fault.at(Place::file(directory)).hint("write the id of a rule, or `tag:NAME`"));
        }
        if files.is_empty() {
            let fault = Fault::new(Code::FileNotFound, "no rule file is in this directory").at(Place::file(directory));
            return Err(fault.hint("rule files end in `.yaml` or `.yml`; those that begin with `_` are there to be included"));
        }
        let (reports, failing_rows) = (options.reports.clone(), options.failing_rows.clone());
        Ok(Some(Self {
            directory: directory.clone(),
            files,
            reports,
            failing_rows,
            lines: Vec::new(),
            judged: Vec::new(),
            apart: Vec::new(),
            code: 0,
        }))
    }

    /// The options with the next rule file; none when all are judged.
    pub(super) fn next(&self, options: &mut RunOptions) -> Option<String> {
        let file = self.files.get(self.lines.len())?;
        let stem = self.name_of(file);
        options.rules.clone_from(file);
        options.choices.is_shared = true;
        options.reports = self.reports.iter().map(|path| beside(path, &stem)).collect();
        options.failing_rows = self.failing_rows.as_ref().map(|path| beside(path, &stem));
        Some(file.clone())
    }

    /// What the reports of a rule file are called by: its name without the ending, where no other is called so.
    fn name_of(&self, file: &str) -> String {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = |file: &str| text(Path::new(file).file_stem());
        let is_alone = self.files.iter().filter(|other| stem(other) == stem(file)).count() == 1;
        if is_alone { stem(file) } else { text(Path::new(file).file_name()) }
    }

    /// Notes what came of a rule file; nothing if there was nothing to judge.
    pub(super) fn note(&mut self, file: &str, settled: Option<Settled>) {
        self.code = self.code.max(settled.as_ref().map_or(0, |settled| settled.code));
        let line = match settled {
            Some(Settled { report, apart, .. }) => {
                self.apart.extend(apart);
                let findings = report.together().findings.iter().filter(|finding| finding.is_problem()).count();
                let (verdict, rows) = (format!("{:?}", report.verdict).to_lowercase(), counted(report.rows.read, "row"));
                let line = format!("  {verdict:<11} {file}: {rows}, {}", counted(findings as u64, "finding"));
                self.judged.extend(parts(self.name_of(file), report));
                line
            }
            None => format!("  unchanged   {file}"),
        };
        self.lines.push(line);
    }

    /// Says how all of them came out, and gives the worst exit code.
    pub(super) fn end(self, output: OutputOptions, quiet: bool) -> ExitCode {
        if !quiet && !Printed::of(output).is_json() {
            let mut out = format!("\n{}: {}\n", visible::line(&self.directory), counted(self.lines.len() as u64, "rule file"));
            for line in &self.lines {
                out.push_str(&format!("{}\n", visible::line(line)));
            }
            output::print(&out);
        }
        let written = self.write_whole();
        output::complain(&written);
        ExitCode::from(if written.is_empty() { self.code } else { 2 })
    }

    /// Writes one report of all runs to each place that was asked for.
    fn write_whole(&self) -> Faults {
        // What is printed is each run's own.
        let asked: Vec<PathBuf> = self.reports.iter().filter(|path| path.display().to_string() != "-").cloned().collect();
        let (mut reports, mut faults) = Reports::at(&asked, None);
        for (what, there) in &self.apart {
            faults.extend(reports.keep_off(what, there));
        }
        let whole = RuleFile::parse(&format!("dataset: {}\n", serde_json::Value::from(self.directory.as_str())), &self.directory);
        match (whole, self.judged.first().map(|first| first.report.clone())) {
            (Ok(rules), Some(first)) => {
                let header = Header { mode: first.mode, batch_id: String::new(), began: None, as_of: first.as_of };
                let mut report = assemble::assemble_tables(header, &rules, self.judged.clone());
                report.began = first.began;
                faults.extend(reports.write(&report));
            }
            (Err(wrong), _) => faults.extend(wrong),
            (Ok(_), None) => {}
        }
        faults
    }
}

/// What one run found, as parts of the whole: several where its rule file has several tables. Why it could not be judged is a
/// reason like others there.
fn parts(name: String, mut report: Report) -> Vec<TableReport> {
    if report.tables.is_empty() {
        report.reasons.extend(std::mem::take(&mut report.faults).iter().map(ToString::to_string));
        return vec![TableReport { name, parents: Vec::new(), report }];
    }
    let of_table = |table: TableReport| TableReport { name: format!("{name}/{}", table.name), ..table };
    report.tables.into_iter().map(of_table).collect()
}

/// The path of one rule file's report: `report.html` is `report.orders.html`.
pub(super) fn beside(path: &Path, stem: &str) -> PathBuf {
    let written = path.display().to_string();
    // Behind the name of a format.
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if written == "-" || name.is_empty() {
        return path.to_owned();
    }
    let named = match name.rsplit_once('.') {
        Some((begin, extension)) => format!("{begin}.{stem}.{extension}"),
        None => format!("{name}.{stem}"),
    };
    path.with_file_name(named)
}
