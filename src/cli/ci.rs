//! What CI systems are told unasked, in the way they show: annotations and a summary for GitHub Actions, a code quality report
//! for GitLab. More people read these than the data, so they hold no values unless that is asked for. That something of it fails
//! is noted, and changes neither verdict nor exit code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::output;
use super::reports::would_be;
use super::repository::{rendering, variable};
use crate::files::{self, Draft};
use crate::report::{self, Rendering, Report, Values};

/// What CI systems are told.
#[derive(Debug, Args)]
pub(super) struct CiOptions {
    /// What GitHub Actions and GitLab are told where this runs in them: annotations and a summary without values of the data
    /// (`auto`), with values (`values`), or nothing (`off`). Without it, the variable SLUICEGATE_CI says so [default: auto]
    #[arg(long, value_name = "auto|values|off", hide_possible_values = true)]
    ci: Option<Telling>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Telling {
    Auto,
    Values,
    Off,
}

/// A CI system that the program runs in, and where it wants to be told.
#[derive(Debug)]
enum System {
    /// GitHub Actions, with the file of the step's summary.
    GitHub { summary: Option<PathBuf> },
    /// GitLab, with the file of the code quality report.
    GitLab { quality: PathBuf },
}

/// What is told unasked, if anything is.
#[derive(Debug, Default)]
pub(super) struct Ci {
    system: Option<System>,
    values: Values,
    /// Why the file is not written.
    taken: Option<String>,
}

/// GitHub drops the whole summary of a step that is larger.
const SUMMARY_BYTES_MAX: u64 = 1 << 20;

impl CiOptions {
    /// The system that the program runs in, if it is to be told something.
    pub(super) fn system(&self) -> Ci {
        let values = match self.telling() {
            Telling::Off => return Ci::default(),
            Telling::Auto => Values::Hidden,
            Telling::Values => Values::Shown,
        };
        let is_set = |name: &str| variable(name).is_some_and(|value| value != "false");
        let system = if is_set("GITHUB_ACTIONS") {
            Some(System::GitHub { summary: variable("GITHUB_STEP_SUMMARY").map(PathBuf::from) })
        } else if is_set("GITLAB_CI") {
            let directory = variable("CI_PROJECT_DIR").map(PathBuf::from).unwrap_or_default();
            Some(System::GitLab { quality: directory.join("gl-code-quality-report.json") })
        } else {
            None
        };
        Ci { system, values, taken: None }
    }

    fn telling(&self) -> Telling {
        let named = || {
            let name = variable("SLUICEGATE_CI")?;
            let known = Telling::from_str(&name, true).ok();
            if known.is_none() {
                output::note(&format!("SLUICEGATE_CI is `{name}`, so nothing is told to a CI system: write `auto`, `values` or `off`"));
            }
            Some(known.unwrap_or(Telling::Off))
        };
        self.ci.or_else(named).unwrap_or(Telling::Auto)
    }
}

impl Ci {
    /// Writes no file where it would take the place of `there`, which is called `what`, or be read as part of it.
    pub(super) fn keep_off(&mut self, what: &str, there: &str) {
        let file = match &self.system {
            Some(System::GitHub { summary }) => summary.as_deref(),
            Some(System::GitLab { quality }) => Some(quality.as_path()),
            None => None,
        };
        if let Some(file) = file.filter(|file| would_be(file, there)) {
            self.taken = Some(format!("{}: it would be written to where {what}", file.display()));
        }
    }

    /// Tells of the report.
    pub(super) fn tell(&self, report: &Report) {
        let rendering = rendering(self.values);
        match &self.system {
            None => {}
            Some(System::GitHub { summary }) => {
                output::annotate(&text("github", report, &rendering));
                if let Some(summary) = summary {
                    self.noted("the summary of the step", summary, || add_summary(summary, &text("markdown", report, &rendering)));
                }
            }
            Some(System::GitLab { quality }) => {
                let written = || add_quality(quality, &text("gitlab", report, &rendering), &report.dataset);
                self.noted("the code quality report", quality, written);
            }
        }
    }

    fn noted(&self, what: &str, path: &Path, written: impl FnOnce() -> io::Result<()>) {
        if let Some(why) = &self.taken {
            return output::note(&format!("{what} was not written: {why}"));
        }
        if let Err(error) = written() {
            output::note(&format!("{what} was not written: {}: {error}", path.display()));
        }
    }
}

fn text(format: &str, report: &Report, rendering: &Rendering) -> String {
    report::FORMATS.iter().find(|known| known.name == format).map_or_else(String::new, |format| format.text(report, rendering))
}

/// Adds to the summary; what other steps and batches wrote stays.
fn add_summary(path: &Path, text: &str) -> io::Result<()> {
    let mut file = files::append(path)?;
    let there = file.metadata()?.len();
    if there + text.len() as u64 + 2 > SUMMARY_BYTES_MAX {
        return Err(io::Error::other("it would be larger than the 1 MiB that GitHub shows"));
    }
    let between = if there == 0 { "" } else { "\n\n" };
    file.write_all(format!("{between}{text}").as_bytes())
}

/// Adds to the report in the place of what an earlier run said of the data set.
fn add_quality(path: &Path, text: &str, dataset: &str) -> io::Result<()> {
    let all = match files::open(path) {
        Ok(mut file) => {
            let mut there = String::new();
            io::Read::read_to_string(&mut file, &mut there)?;
            let why = || io::Error::other("what is there is no code quality report, and is left alone");
            if there.is_empty() { text.to_owned() } else { report::beside(&there, text, dataset).ok_or_else(why)? }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => text.to_owned(),
        Err(error) => return Err(error),
    };
    let draft = Draft::of(path)?;
    draft.file()?.write_all(all.as_bytes())?;
    draft.place()
}
