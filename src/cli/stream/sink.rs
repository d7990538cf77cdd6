//! Where events go: files and pipes that get whole lines.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::cli::output;
use crate::diagnostic::{Code, Fault};
use crate::files;

/// A file or pipe that lines are written to, whole batches of lines at a time.
pub(super) struct LineSink {
    name: String,
    file: File,
    is_regular: bool,
    /// Lines that were written whole.
    pub(super) lines: u64,
}

impl LineSink {
    /// Standard output.
    ///
    /// # Errors
    /// It is closed.
    pub(super) fn standard_output() -> Result<Self, Fault> {
        let file = files::standard_output().map_err(|e| cannot_write("standard output", &e))?;
        Ok(Self { is_regular: is_regular(&file), name: "standard output".to_owned(), file, lines: 0 })
    }

    /// The file at `path`, to which lines are added.
    ///
    /// # Errors
    /// It cannot be written, or holds something else than events.
    pub(super) fn append_to(path: &Path) -> Result<Self, Fault> {
        let name = path.display().to_string();
        if files::is_link_of_another(path) {
            return Err(Fault::new(Code::UnsafeLink, format!("{name} is a symbolic link of another user")));
        }
        let file = File::options().append(true).read(true).create(true).open(path).map_err(|e| cannot_write(&name, &e))?;
        let mut sink = Self { is_regular: is_regular(&file), name, file, lines: 0 };
        sink.continue_lines()?;
        Ok(sink)
    }

    /// Looks at what stands in the file: events of an earlier run, the last of which may be torn.
    fn continue_lines(&mut self) -> Result<(), Fault> {
        let bytes = if self.is_regular { self.file.metadata().map_or(0, |there| there.len()) } else { 0 };
        if bytes == 0 {
            return Ok(());
        }
        let (mut first, mut last) = ([0], [0]);
        let read = files::read_exact_at(&self.file, &mut first, 0).and_then(|()| files::read_exact_at(&self.file, &mut last, bytes - 1));
        read.map_err(|e| cannot_write(&self.name, &e))?;
        if first != *b"{" {
            let what = format!("{} holds something else than events", self.name);
            return Err(Fault::new(Code::Occupied, what).hint("events are added to what is there; name another file"));
        }
        if last != *b"\n" {
            output::note(&format!("{} ends within a line, which a run that was killed has left: it is ended here", self.name));
            self.file.write_all(b"\n").map_err(|e| cannot_write(&self.name, &e))?;
        }
        Ok(())
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// Not all of them could be written; what stands in a file then ends with a whole line.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < lines.len() {
            let failed = match self.file.write(&lines[at..]) {
                Ok(0) => io::Error::from(ErrorKind::WriteZero),
                Ok(written) => {
                    at += written;
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => e,
            };
            let whole = memchr::memrchr(b'\n', &lines[..at]).map_or(0, |n| n + 1);
            self.lines += count_lines(&lines[..whole]);
            if self.is_regular
                && let Ok(there) = self.file.metadata()
            {
                // Where this fails too, the next run ends the torn line.
                self.file.set_len(there.len() - (at - whole) as u64).unwrap_or_default();
            }
            return Err(cannot_write(&self.name, &failed));
        }
        self.lines += count_lines(lines);
        Ok(())
    }

    /// Makes sure that lines in a file outlast a loss of power.
    ///
    /// # Errors
    /// The disk does not take them.
    pub(super) fn make_durable(&self) -> Result<(), Fault> {
        if self.is_regular {
            self.file.sync_data().map_err(|e| cannot_write(&self.name, &e))?;
        }
        Ok(())
    }
}

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|there| there.is_file())
}

fn cannot_write(name: &str, error: &io::Error) -> Fault {
    let what = match error.kind() {
        ErrorKind::BrokenPipe => format!("{name}: nobody reads any more"),
        _ => format!("{name}: cannot write: {error}"),
    };
    Fault::new(Code::of_writing(error), what)
}
