//! The reports that were asked for: their places are looked at before anything is judged.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::exit::ExitCode;
use super::output;
use super::repository::rendering;
use crate::diagnostic::{Code, Fault, Faults};
use crate::files::Draft;
use crate::quarantine::RowsFormat;
use crate::report::model::PublicationState;
use crate::report::{self, Report, ReportFormat, Values};

/// Places where reports can be written.
#[derive(Default)]
pub(super) struct Reports {
    places: Vec<(PathBuf, &'static ReportFormat)>,
    /// Where failing rows are written, if they are.
    rows: Option<PathBuf>,
}

impl Reports {
    /// Those of `asked` (`PATH` or `FORMAT=PATH`) where a report can be written, and what is wrong with the others, and with the
    /// file for failing `rows`. Missing directories are made.
    pub(super) fn at(asked: &[PathBuf], rows: Option<&Path>) -> (Self, Faults) {
        let (mut reports, mut faults) = (Self::default(), Faults::default());
        for asked in asked {
            let Some((format, path)) = faults.take(report::asked(asked)) else { continue };
            if faults.take(ensure_usable(&path)).is_some() {
                match reports.places.iter().any(|(other, _)| named(other) == named(&path)) {
                    true => faults.push(Fault::new(Code::ConflictingOptions, format!("{}: the report is asked for twice", path.display()))),
                    false => reports.places.push((path, format)),
                }
            }
        }
        if let Some(path) = rows {
            faults.extend(RowsFormat::of(path).err());
            faults.extend(ensure_usable(path).err());
            if reports.places.iter().any(|(other, _)| named(other) == named(path)) {
                let what = format!("{}: one file cannot hold both a report and the failing rows", path.display());
                faults.push(Fault::new(Code::ConflictingOptions, what));
            }
            reports.rows = Some(path.to_owned());
        }
        (reports, faults)
    }

    /// Strikes out the reports that would take the place of `there`, which is called `what`, or be read as part of it.
    pub(super) fn keep_off(&mut self, what: &str, there: &str) -> Faults {
        let mut faults = Faults::default();
        self.places.retain(|(path, _)| {
            let is_taken = would_be(path, there);
            if is_taken {
                let fault = Fault::new(Code::Occupied, format!("{}: the report would be written to where {what}", path.display()));
                faults.push(fault.hint("write it to another place"));
            }
            !is_taken
        });
        if let Some(path) = self.rows.as_ref().filter(|path| would_be(path, there)) {
            let fault = Fault::new(Code::Occupied, format!("{}: failing rows would be written to where {what}", path.display()));
            faults.push(fault.hint("write them to another place"));
        }
        faults
    }

    /// Shows and writes what a command without a gate found, and gives its exit code: 2 for what could not be found or told.
    pub(super) fn end(&self, found: Result<Report, Faults>, quiet: bool, verbose: bool, code: impl Fn(&Report) -> u8) -> ExitCode {
        let (faults, code) = match found {
            Ok(report) => {
                output::show(&report, output::Printed::Whole, quiet, verbose);
                (self.write(&report), code(&report))
            }
            Err(faults) => (faults, 2),
        };
        output::complain(&faults);
        ExitCode::from(if faults.is_empty() { code } else { 2 })
    }

    /// Writes `report` to each place, whole or not at all.
    pub(super) fn write(&self, report: &Report) -> Faults {
        let (mut faults, rendering) = (Faults::default(), rendering(Values::Shown));
        for (path, format) in &self.places {
            let text = format.text(report, &rendering);
            let written = Draft::of(path).and_then(|draft| {
                draft.file()?.write_all(text.as_bytes())?;
                draft.place()
            });
            if let Err(error) = written {
                faults.push(not_told(report, &format!("the report {} could not be written", path.display()), &error));
            }
        }
        faults
    }
}

/// What `--report` does, with the formats there are.
pub(super) fn reports_help() -> String {
    let format = |format: &ReportFormat| match format.extension {
        Some(extension) => format!("{} (.{extension})", format.name),
        None => format.name.to_owned(),
    };
    let formats: Vec<String> = report::FORMATS.iter().map(format).collect();
    format!("Write a report; the format is named, or follows the extension: {}; may be given again", formats.join(", "))
}

/// A fault that says what was done before something about it could not be told.
pub(super) fn not_told(report: &Report, what: &str, error: &io::Error) -> Fault {
    Fault::new(Code::of_writing(error), format!("{}; {what}: {error}", done(report))).hint("running again is safe")
}

/// The fault, with what was done before it.
pub(super) fn not_told_of(report: &Report, fault: Fault) -> Fault {
    Fault { what: format!("{}; {}", done(report), fault.what), ..fault }
}

/// What was done before the report could not be written.
fn done(report: &Report) -> &'static str {
    match report.publication.as_ref().map(|publication| publication.state) {
        Some(PublicationState::Published | PublicationState::Superseded) => "published",
        Some(PublicationState::Unchanged) => "published before",
        Some(PublicationState::SetAside) => "judged, and set aside as a whole",
        Some(PublicationState::Withheld) => "judged, nothing was published",
        Some(PublicationState::DryRun) => "judged, a dry run",
        None if report.faults.is_empty() => "judged",
        None => "not judged",
    }
}

fn ensure_usable(path: &Path) -> Result<(), Fault> {
    let refused = |why: &str| Fault::new(Code::Unwritable, format!("{}: it cannot be written: {why}", path.display()));
    match path.symlink_metadata() {
        Ok(there) if there.is_dir() => return Err(refused("a directory is there")),
        Ok(there) if !there.is_file() && !there.is_symlink() => return Err(refused("what is there is no regular file")),
        Ok(_) | Err(_) => {}
    }
    if path.components().any(|part| part == Component::Normal("_delta_log".as_ref())) {
        return Err(refused("the log of a Delta table is no place for it"));
    }
    std::fs::create_dir_all(parent(path)).map_err(|e| refused(&e.to_string()))?;
    // Whether something can be written there is known once it was.
    Draft::of(path).map_err(|e| refused(&e.to_string()))?;
    Ok(())
}

/// Whether a file written at `path` is `there`, or one of the files that `there` stands for: a directory, a glob.
pub(super) fn would_be(path: &Path, there: &str) -> bool {
    let there = there.strip_prefix("file://").unwrap_or(there);
    let other = Path::new(there);
    if other.is_dir() {
        let below = other.canonicalize().ok().and_then(|directory| Some(named(path)?.strip_prefix(directory).ok()?.to_owned()));
        let is_passed_over = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with(['_', '.']);
        return below.is_some_and(|rest| !rest.components().any(is_passed_over));
    }
    let is_same =
        named(path).is_some_and(|path| Some(&path) == named(other).as_ref() || other.canonicalize().is_ok_and(|other| other == path));
    let matches = |pattern: &str, path: &Path| glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path(path));
    let whole = whole_pattern(other);
    is_same || matches(there, path) || whole.is_some_and(|pattern| named(path).is_some_and(|path| matches(&pattern, &path)))
}

/// The glob with the directories before its first wildcard as they are without links and detours.
fn whole_pattern(glob: &Path) -> Option<String> {
    let has_wildcard = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let plain: PathBuf = glob.components().take_while(|part| !has_wildcard(part)).collect();
    let rest: PathBuf = glob.components().skip_while(|part| !has_wildcard(part)).collect();
    let directory = if plain.as_os_str().is_empty() { Path::new(".") } else { &plain }.canonicalize().ok()?;
    Some(format!("{}/{}", glob::Pattern::escape(&directory.display().to_string()), rest.display()))
}

/// The file that `path` names, be it there or not, without symbolic links on the way to it.
pub(super) fn named(path: &Path) -> Option<PathBuf> {
    Some(parent(path).canonicalize().ok()?.join(path.file_name()?))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_kept_off_files_globs_and_directories_of_data() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        std::fs::create_dir_all(path("data/deep")).expect("a directory");
        std::fs::write(path("data/a.json"), "{}").expect("a file");
        std::os::unix::fs::symlink(path("data"), path("link")).expect("a link");
        let would = |report: &str, there: &str| would_be(&path(report), &path(there).display().to_string());
        for (report, there) in [
            ("data/a.json", "data/a.json"),
            ("link/a.json", "data/a.json"),
            ("data/b.json", "data"),
            ("data/deep/b.json", "link"),
            ("data/b.json", "data/*.json"),
            ("data/b.json", "data/deep/../*.json"),
            ("data/b.json", "link/*.json"),
            ("new.json", "new.json"),
        ] {
            assert!(would(report, there), "{report} {there}");
        }
        for (report, there) in [("data/b.json", "data/a.json"), ("data/_reports/b.json", "data"), ("b.json", "data"), ("b.json", "*.csv")] {
            assert!(!would(report, there), "{report} {there}");
        }
    }
}
