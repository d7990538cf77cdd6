//! Where events come from: a pipe or a file, read as far as there is something.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::source::{EventReader, without_mark};

/// So much is asked for at a time: as much as a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// More memory than this is given back once a long line is through.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// What came of waiting for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Whole lines are there, or the end of the input.
    Lines,
    /// Nothing came in time, or the end of a line did not.
    Nothing,
    End,
}

/// Bytes that were read and not yet judged.
pub(super) struct Input {
    name: String,
    file: File,
    bytes: Vec<u8>,
    /// How many bytes hold something, and how many of these are whole lines.
    filled: usize,
    whole: usize,
    is_first: bool,
    has_ended: bool,
}

impl Input {
    /// The file called `name`, or standard input for `-`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(name: &str) -> Result<Self, Fault> {
        let opened = if name == "-" { files::standard_input() } else { File::open(name) };
        let shown = if name == "-" { "standard input" } else { name };
        let file = opened.map_err(|e| Fault::new(Code::of_reading(&e), format!("{shown}: cannot read: {e}")))?;
        if file.metadata().is_ok_and(|there| there.is_dir()) {
            return Err(Fault::new(Code::NotAFile, format!("{shown} is a directory")).hint("events come from a pipe or from one file"));
        }
        let bytes = vec![0; 2 * READ_BYTES];
        Ok(Self { name: shown.to_owned(), file, bytes, filled: 0, whole: 0, is_first: true, has_ended: false })
    }

    /// Reads what is there, waiting so long for it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn wait(&mut self, within: Duration) -> Result<Arrival, Fault> {
        if self.has_ended {
            return Ok(Arrival::End);
        }
        if !files::is_readable(&self.file, within).map_err(|e| self.cannot_read(&e))? {
            return Ok(Arrival::Nothing);
        }
        self.read(READ_BYTES)
    }

    fn read(&mut self, bytes_max: usize) -> Result<Arrival, Fault> {
        if self.bytes.len() - self.filled < READ_BYTES {
            if self.filled > EventReader::TEXT_BYTES_MAX {
                let what = format!("{}: an event is longer than {} MiB", self.name, EventReader::TEXT_BYTES_MAX >> 20);
                return Err(Fault::new(Code::TooLarge, what).hint("do events end with line ends, LF or CRLF?"));
            }
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let room = self.filled..self.filled + bytes_max;
        let read = match self.file.read(&mut self.bytes[room]) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Ok(Arrival::Nothing),
            read => read.map_err(|e| self.cannot_read(&e))?,
        };
        if read == 0 {
            self.has_ended = true;
            self.whole = self.filled;
        } else {
            let new = &self.bytes[self.filled..self.filled + read];
            self.whole = memchr::memrchr(b'\n', new).map_or(self.whole, |n| self.filled + n + 1);
            self.filled += read;
        }
        Ok(if self.whole > 0 {
            Arrival::Lines
        } else if self.has_ended {
            Arrival::End
        } else {
            Arrival::Nothing
        })
    }

    /// Reads to the end of the line that is under way, and not a byte more, so that whoever reads next begins at a line; waits for
    /// it so long at most.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn end_of_line(&mut self, within: Duration) -> Result<(), Fault> {
        while self.whole < self.filled && !self.has_ended && files::is_readable(&self.file, within).map_err(|e| self.cannot_read(&e))? {
            self.read(1)?;
        }
        self.whole = self.filled;
        Ok(())
    }

    /// The whole lines that are there; at the end of the input also the last line, which may lack its line end.
    pub(super) fn lines(&self) -> &[u8] {
        let lines = &self.bytes[..self.whole];
        if self.is_first { without_mark(lines) } else { lines }
    }

    /// Forgets the first so many bytes of [`Input::lines`]: they were judged.
    pub(super) fn take(&mut self, bytes: usize) {
        let mark = if self.is_first { self.whole - self.lines().len() } else { 0 };
        self.is_first = false;
        let taken = mark + bytes;
        self.bytes.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        self.whole -= taken;
        if self.bytes.len() > KEPT_BYTES_MAX && self.filled < READ_BYTES {
            self.bytes.truncate(2 * READ_BYTES);
            self.bytes.shrink_to_fit();
        }
    }

    fn cannot_read(&self, error: &std::io::Error) -> Fault {
        Fault::new(Code::of_reading(error), format!("{}: cannot read: {error}", self.name))
    }
}
