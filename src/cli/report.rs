//! `sluicegate report`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::exit::ExitCode;
use super::output;
use super::repository::rendering;
use super::run::surroundings;
use crate::diagnostic::{Code, Fault, Faults};
use crate::files::Draft;
use crate::report::{self, Values};
use crate::shown::counted;
use crate::site::{self, Built, Directory, Found, Others};
use crate::store::Location;
use crate::visible;

/// Options of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportCommand {
    /// JSON reports: files, globs, directories, or a place where runs are recorded
    #[arg(required = true, value_name = "REPORTS")]
    reports: Vec<String>,
    /// Where to write: a directory for a site over all of these runs, or a file for one report in another format
    /// (`page.html`, `FORMAT=PATH`)
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// Keep the runs that are on the site already; without it, what is not among REPORTS goes
    #[arg(long)]
    add: bool,
}

impl ReportCommand {
    pub(super) fn run(self) -> ExitCode {
        match site::gather(&self.reports, &surroundings()).and_then(|found| self.write(&found)) {
            Ok((text, broken)) => {
                output::print(&text);
                output::complain(&broken);
                if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
            }
            Err(faults) => output::ended(Err(faults)),
        }
    }

    fn write(&self, found: &[Found]) -> Result<(String, Faults), Faults> {
        // A directory is a directory, whatever it is called.
        let is_site = self.output.is_dir() || (report::asked(&self.output).is_err() && !self.is_file());
        if is_site {
            return self.site(found);
        }
        let (format, path) = report::asked(&self.output)?;
        let [one] = found else {
            let fault = Fault::new(
                Code::ConflictingOptions,
                format!("{}: one file holds one report, and there are {}", path.display(), found.len()),
            );
            return Err(fault.hint("name one report, or a directory for a site over all of them").into());
        };
        let rendered = format.text(&read(one.place())?, &rendering(Values::Shown));
        let written = Draft::of(&path).and_then(|draft| {
            draft.file()?.write_all(rendered.as_bytes())?;
            draft.place()
        });
        written.map_err(|e| Fault::new(Code::of_writing(&e), format!("{}: the report cannot be written: {e}", path.display())))?;
        Ok((String::new(), Faults::default()))
    }

    /// Whether the output is named as a file is: `report.xyz`, `jsn=x`.
    fn is_file(&self) -> bool {
        let text = self.output.to_string_lossy();
        !text.ends_with(['/', '\\']) && (self.output.extension().is_some() || text.contains('='))
    }

    fn site(&self, found: &[Found]) -> Result<(String, Faults), Faults> {
        let directory = Directory::open(&self.output)?;
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let others = if self.add { Others::Stay } else { Others::Go };
        let built = site::build(found, &directory, others, threads)?;
        built.notes.iter().for_each(|note| output::note(note));
        let Built { datasets, runs, new, written, removed, broken, .. } = built;
        let index = self.output.join("index.html");
        let text = format!(
            "{}: {} and {}; {new} new; {} written, {removed} removed\n",
            visible::line(&index.display().to_string()),
            counted(datasets as u64, "data set"),
            counted(runs as u64, "run"),
            counted(written as u64, "file"),
        );
        Ok((text, broken))
    }
}

/// The report in a file.
pub(super) fn read(place: &Location) -> Result<report::Report, Fault> {
    let bytes = Location::read_all(std::slice::from_ref(place)).pop().unwrap_or_else(|| Ok(Default::default()));
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e)));
    let text = text.map_err(|e| Fault::new(Code::of_reading(&e), format!("{place}: cannot read: {e}")))?;
    report::read(&text, &place.to_string())
}
