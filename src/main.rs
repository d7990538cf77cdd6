//! The `sluicegate` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluicegate::cli::run(std::env::args_os()).into()
}
