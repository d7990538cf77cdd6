//! The `sluicegate` program; everything is in the library.

use std::process::ExitCode;

use sluicegate::cli::Guarded;

#[global_allocator]
static ALLOCATOR: Guarded = Guarded;

fn main() -> ExitCode {
    sluicegate::cli::run(std::env::args_os()).into()
}
