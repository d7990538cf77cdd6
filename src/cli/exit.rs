//! How a command ended, as a number that can be read again: the standard library's own cannot.

use std::process;

/// The exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ExitCode {
    pub const SUCCESS: Self = Self(0);
}

impl From<u8> for ExitCode {
    fn from(code: u8) -> Self {
        Self(code)
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(ExitCode(code): ExitCode) -> Self {
        Self::from(code)
    }
}
