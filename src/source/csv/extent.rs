//! Which part of a file holds the header and the records: what is left without the lines that are passed over.

use memchr::{memchr, memchr_iter};

use crate::diagnostic::{Code, Fault};
use crate::shown::counted;
use crate::source::{InputFile, TextLayout};

pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";
/// What stands before the records may have so many bytes.
pub(super) const HEADER_BYTES_MAX: usize = 4 << 20;
/// The lines at a file's end that are passed over may have so many bytes.
const FOOTER_BYTES_MAX: u64 = 64 << 20;

/// The part of a file that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where the header, or the first record, begins.
    pub start: u64,
    /// Lines before that.
    pub lines: u64,
    /// Where the footer begins, else the file's end.
    pub end: u64,
}

impl Extent {
    /// Of `file`.
    ///
    /// # Errors
    /// The file cannot be read, or has fewer lines than are to be passed over.
    pub(super) fn of(file: &InputFile, text: &TextLayout) -> Result<Self, Fault> {
        let want = if text.skip_rows == 0 { BOM.len() } else { HEADER_BYTES_MAX };
        let head = file.read_at(0, (file.bytes as usize).min(want))?;
        let mut start = if head.starts_with(BOM) { BOM.len() } else { 0 };
        for passed in 0..text.skip_rows {
            match memchr(b'\n', &head[start..]) {
                Some(n) => start += n + 1,
                None if head.len() as u64 == file.bytes => {
                    let what =
                        format!("{} has {}, and `skip_rows: {}` passes over more", file.path, counted(passed, "line end"), text.skip_rows);
                    return Err(Fault::new(Code::InvalidLayout, what).hint("nothing is left to be read; give a smaller number"));
                }
                None => {
                    let what = format!("{}: the lines of `skip_rows` have more than {} MiB", file.path, HEADER_BYTES_MAX >> 20);
                    return Err(Fault::new(Code::TooLarge, what).hint("is it text, its lines ended by LF or CRLF?"));
                }
            }
        }
        let start = start as u64;
        Ok(Self { start, lines: text.skip_rows, end: footer(file, start, text.skip_footer)? })
    }

    /// What a report says of the lines that are passed over.
    pub(super) fn remarks(text: &TextLayout) -> Vec<String> {
        let of = |lines: u64, which: &str, word: &str| {
            let (shown, verb) = if lines == 1 { ("line".to_owned(), "is") } else { (format!("{lines} lines"), "are") };
            (lines > 0).then(|| format!("the {which} {shown} {verb} passed over (`{word}`)"))
        };
        of(text.skip_rows, "first", "skip_rows").into_iter().chain(of(text.skip_footer, "last", "skip_footer")).collect()
    }
}

/// Where the last `lines` lines that are not blank begin, if they begin behind `start`.
fn footer(file: &InputFile, start: u64, lines: u64) -> Result<u64, Fault> {
    if lines == 0 {
        return Ok(file.bytes);
    }
    let mut want = 64 << 10;
    loop {
        let from = file.bytes.saturating_sub(want).max(start);
        let tail = file.read_at(from, (file.bytes - from) as usize)?;
        // Where lines begin; the first of them is known to begin a line only at the start.
        let begins = memchr_iter(b'\n', &tail).map(|n| n + 1);
        let mut begins: Vec<usize> = (from == start).then_some(0).into_iter().chain(begins).collect();
        let mut end = tail.len();
        let mut left = lines;
        while let Some(begin) = begins.pop() {
            let is_blank = tail[begin..end].iter().all(|b| matches!(b, b'\n' | b'\r'));
            left -= u64::from(!is_blank);
            if left == 0 {
                return Ok(from + begin as u64);
            }
            end = begin;
        }
        if from == start {
            let what = format!("{} has {}, and `skip_footer: {lines}` passes over more", file.path, counted(lines - left, "line"));
            return Err(Fault::new(Code::InvalidLayout, what).hint("blank lines do not count; give a smaller number"));
        }
        if want > FOOTER_BYTES_MAX {
            let what = format!("{}: the lines of `skip_footer` have more than {} MiB", file.path, FOOTER_BYTES_MAX >> 20);
            return Err(Fault::new(Code::TooLarge, what));
        }
        want *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str, lines: u64) -> Result<usize, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("d.csv");
        std::fs::write(&path, text).expect("written");
        let file = InputFile::stat(&path.display().to_string()).expect("a file");
        footer(&file, 0, lines).map(|end| end as usize).map_err(|fault| fault.what)
    }

    #[test]
    fn the_last_lines_that_are_not_blank_are_the_footer() {
        assert_eq!(ends("a\nb\nc\n", 1), Ok(4));
        assert_eq!(ends("a\nb\nc", 1), Ok(4));
        assert_eq!(ends("a\r\nb\r\n\r\nc\r\n\n", 2), Ok(3));
        assert_eq!(ends("a\n", 1), Ok(0));
        assert!(ends("a\n\n", 2).is_err_and(|what| what.contains("has 1 line,")));
        let long = format!("{}\n{}\n", "x".repeat(100_000), "y".repeat(200_000));
        assert_eq!(ends(&long, 1), Ok(100_001));
        assert_eq!(ends(&long, 2), Ok(0));
    }
}
