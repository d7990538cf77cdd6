//! `sluicegate init`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::ExitCode;
use super::output;
use super::run::{Means, countable, read_options};
use super::scratch::Scratch;
use super::signals;
use super::web::Web;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::files::Draft;
use crate::metric::Budget;
use crate::ruleset::RuleFile;
use crate::source::{self, Format, Spool};
use crate::suggest;

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Data: files, globs, directories, or `-` for standard input. Several files are history: what they suggest is tried on the
    /// last one
    #[arg(required = true)]
    data: Vec<String>,
    /// The file to write; it must not be there yet. Standard output if left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name of the data set; that of the first file if left out
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// The data's format, whatever its name says
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    web: Web,
}

impl Init {
    pub(super) fn run(self) -> ExitCode {
        let written = self.suggested().and_then(|text| match &self.output {
            None => {
                output::print_own(&text);
                Ok(())
            }
            Some(path) => write(path, &text).map_err(Faults::from),
        });
        match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(faults) => {
                output::complain(&faults);
                ExitCode::from(2)
            }
        }
    }

    fn suggested(&self) -> Result<String, Faults> {
        if let Some(path) = self.output.as_ref().filter(|path| path.exists()) {
            return Err(is_there(path).into());
        }
        let scratch = Scratch::new()?;
        let spool = Spool::new(&scratch.path);
        let open = |rules: &RuleFile| {
            let mut options = read_options(rules)?;
            options.format = self.format.or(options.format);
            options.http = self.web.allow(options.http);
            Ok(source::open(&self.data, &options, &rules.contract(), &spool)?)
        };
        let budget = Arc::new(Budget::new(countable(self.means.memory_limit.0), scratch.path.clone()));
        let means =
            suggest::Means { now: self.means.clock(), threads: self.means.threads(), budget, cancel: signals::cancel(), open: &open };
        suggest::suggest(&self.name(), &self.data.join(", "), &means)
    }

    /// What the data set is called: as the first file, without what says its format.
    fn name(&self) -> String {
        let of_file = || {
            let path = Path::new(self.data.first()?.trim_end_matches('/')).file_name()?.to_string_lossy().into_owned();
            let name = path.split('.').next().filter(|name| !name.is_empty() && *name != "-" && !name.contains(['*', '?', '[']))?;
            Some(name.to_owned())
        };
        self.dataset.clone().or_else(of_file).unwrap_or_else(|| "data".to_owned())
    }
}

fn is_there(path: &Path) -> Fault {
    let fault = Fault::new(Code::Occupied, "there is a file already, and it may hold rules that someone wrote");
    fault.at(Place::file(path.display().to_string())).hint("name another file with `-o`, and compare the two")
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let unwritable = |e: std::io::Error| {
        Fault::new(Code::of_writing(&e), format!("cannot write the rule file: {e}")).at(Place::file(path.display().to_string()))
    };
    // As where a report is asked for: missing directories are made.
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(unwritable)?;
    let draft = Draft::of(path).map_err(unwritable)?;
    draft.file().and_then(|mut file| file.write_all(text.as_bytes())).map_err(unwritable)?;
    match draft.place_new().map_err(unwritable)? {
        true => Ok(()),
        false => Err(is_there(path)),
    }
}
