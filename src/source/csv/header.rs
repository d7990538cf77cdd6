//! The header line: what the columns are called, and what is odd about that.

use memchr::memchr;

use super::framing::Framer;
use super::record::{Cell, Dialect, Framed};
use crate::diagnostic::{Code, Fault};
use crate::source::{ContractColumn, InputFile};

pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";
const HEADER_BYTES_MAX: usize = 4 << 20;

/// What precedes the first record of a file.
#[derive(Debug)]
pub(super) struct Header {
    pub names: Vec<String>,
    pub bytes: u64,
    pub lines: u64,
    /// What was read otherwise than it stands there.
    pub notes: Vec<String>,
}

impl Header {
    /// Reads the header line of `file`; where there is none, its first record says how many columns there are.
    ///
    /// # Errors
    /// There is no line, it cannot be framed or decoded, two columns have one name, or the line ends are not ours.
    pub(super) fn of(file: &InputFile, dialect: Dialect, has_header: bool, contract: &[ContractColumn]) -> Result<Self, Fault> {
        let path = &file.path;
        let len = (file.bytes as usize).min(HEADER_BYTES_MAX);
        let bytes = file.read_at(0, len)?;
        let is_whole = len as u64 == file.bytes;
        let bom = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut framer = Framer::new(&bytes, dialect, None, is_whole);
        let (mut at, mut lines) = (bom, 0);
        let next = loop {
            match framer.frame(at) {
                Framed::Blank { next } if next < bytes.len() => (at, lines) = (next, lines + 1),
                Framed::Record { next, lines: more, .. } => {
                    lines += u64::from(more);
                    break next;
                }
                Framed::Blank { .. } => return Err(empty(file, bytes.len() == bom, has_header)),
                Framed::Bad { reason, .. } => {
                    return Err(Fault::new(Code::InvalidLayout, format!("{path}: the first line cannot be read: {reason}")));
                }
                Framed::Incomplete if memchr(b'\n', &bytes).is_none() && memchr(b'\r', &bytes).is_some() => {
                    return Err(carriage_returns(file));
                }
                Framed::Incomplete => {
                    let fault = Fault::new(Code::TooLarge, format!("{path}: the first line is longer than {} MiB", HEADER_BYTES_MAX >> 20));
                    return Err(fault.hint("is it delimited text, its lines ended by LF or CRLF, and its quotes in pairs?"));
                }
            }
        };
        let line = HeaderLine { file, text: &bytes[..next], start: at, cells: &framer.cells, dialect };
        line.is_text()?;
        if has_header {
            return line.names(next as u64, lines);
        }
        let columns = framer.cells.len();
        if !line.text.ends_with(b"\n") && line.holds_carriage_return() {
            return Err(carriage_returns(file));
        }
        let fits = contract.len() == columns;
        let name = |i: usize| if fits { contract[i].name.clone() } else { made_up(i) };
        Ok(Self { names: (0..columns).map(name).collect(), bytes: bom as u64, lines: 0, notes: Vec::new() })
    }
}

/// The header line, framed.
struct HeaderLine<'a> {
    file: &'a InputFile,
    /// The file up to the line's end.
    text: &'a [u8],
    start: usize,
    cells: &'a [Cell],
    dialect: Dialect,
}

impl HeaderLine<'_> {
    fn is_text(&self) -> Result<(), Fault> {
        let line = &self.text[self.start..];
        let nul = line.iter().filter(|b| **b == 0).count();
        if nul * 3 <= line.len() {
            return Ok(());
        }
        let fault = Fault::new(Code::InvalidEncoding, format!("{}: the first line is full of NUL bytes", self.file.path));
        Err(fault.hint("if it is UTF-16 without a byte order mark, give `source: { encoding: utf-16le }` or `utf-16be`"))
    }

    /// Whether a carriage return stands where it ends no line.
    fn holds_carriage_return(&self) -> bool {
        let is_quoted = |cell: &Cell| cell.start as usize > self.start && Some(self.text[cell.start as usize - 1]) == self.dialect.quote;
        let holds = |cell: &&Cell| memchr(b'\r', &self.text[cell.start as usize..cell.end as usize]).is_some();
        self.cells.iter().filter(|c| !is_quoted(c)).any(|c| holds(&c))
    }

    /// A name as it stands in the file.
    fn raw(&self, cell: &Cell) -> Result<String, Fault> {
        let raw = &self.text[cell.start as usize..cell.end as usize];
        let text = std::str::from_utf8(raw).map_err(|_| {
            let fault = Fault::new(Code::InvalidEncoding, format!("{}: the header line is not UTF-8", self.file.path));
            fault.hint("give `source: { encoding: … }`, such as `latin-1`")
        })?;
        let quote = self.dialect.quote.map_or('"', char::from).to_string();
        Ok(if cell.escaped { text.replace(&quote.repeat(2), &quote) } else { text.to_owned() })
    }

    fn names(&self, bytes: u64, lines: u64) -> Result<Header, Fault> {
        if self.holds_carriage_return() {
            return Err(carriage_returns(self.file));
        }
        let (mut names, mut nameless, mut trimmed) = (Vec::with_capacity(self.cells.len()), Vec::new(), Vec::new());
        for (i, cell) in self.cells.iter().enumerate() {
            let raw = self.raw(cell)?;
            let name = raw.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if name.is_empty() {
                nameless.push(i);
                names.push(made_up(i));
                continue;
            }
            if name.len() < raw.len() {
                trimmed.push(format!("`{}`", raw.escape_debug()));
            }
            names.push(name.to_owned());
        }
        self.differ(&names, &nameless)?;
        let mut notes = Vec::new();
        if !nameless.is_empty() {
            let (columns, called): (Vec<String>, Vec<String>) =
                nameless.iter().map(|&i| ((i + 1).to_string(), format!("`{}`", made_up(i)))).unzip();
            notes.push(match nameless.len() {
                1 => format!("column {} has no name and is called {}", columns[0], called[0]),
                _ => format!("columns {} have no name and are called {}", listed(&columns), listed(&called)),
            });
        }
        if !trimmed.is_empty() {
            let what = if trimmed.len() == 1 { "the name" } else { "the names" };
            let verb = if trimmed.len() == 1 { "is" } else { "are" };
            notes.push(format!("{what} {} {verb} read without blanks around", listed(&trimmed)));
        }
        Ok(Header { names, bytes, lines, notes })
    }

    /// Refuses two columns of one name; `nameless` are those whose name was made up.
    fn differ(&self, names: &[String], nameless: &[usize]) -> Result<(), Fault> {
        let mut sorted: Vec<usize> = (0..names.len()).collect();
        sorted.sort_by(|&a, &b| names[a].cmp(&names[b]));
        let Some(pair) = sorted.windows(2).find(|w| names[w[0]] == names[w[1]]) else { return Ok(()) };
        let (first, second) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        let (path, name) = (&self.file.path, &names[first]);
        let what = match (nameless.contains(&first), nameless.contains(&second)) {
            (true, _) => {
                format!("{path}: column {} has no name in the header, and `{name}` is what column {} is called", first + 1, second + 1)
            }
            (_, true) => {
                format!("{path}: column {} has no name in the header, and `{name}` is what column {} is called", second + 1, first + 1)
            }
            (false, false) => format!("{path}: the header names `{name}` twice, in columns {} and {}", first + 1, second + 1),
        };
        let differ = self.raw(&self.cells[first])? != self.raw(&self.cells[second])?;
        let also = if differ && nameless.is_empty() { "; blanks around a name do not count" } else { "" };
        Err(Fault::new(Code::DuplicateColumn, what).hint(format!("every column needs a name of its own{also}")))
    }
}

/// That a header of one name would be several with another delimiter.
pub(super) fn one_cell(names: &[String], delimiter: u8) -> Option<String> {
    let [name] = names else { return None };
    let likely = crate::types::likely_delimiter(name, char::from(delimiter))?;
    let (count, shown) = (name.matches(likely).count() + 1, likely.escape_default());
    Some(format!(
        "the header is one name, which `{shown}` would divide into {count}; if that is meant, write `source: {{ delimiter: \"{shown}\" }}`"
    ))
}

fn made_up(column: usize) -> String {
    format!("column_{}", column + 1)
}

/// The first few of `all`.
fn listed(all: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    match all.len().checked_sub(SHOWN_MAX) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..SHOWN_MAX].join(", ")),
    }
}

fn empty(file: &InputFile, has_no_bytes: bool, has_header: bool) -> Fault {
    let what = if has_no_bytes { "has no bytes" } else { "holds blank lines only" };
    Fault::new(Code::Empty, format!("{} {what}", file.path)).hint(match has_header {
        true => "a header line is expected; a header without records is an empty batch",
        false => "without a header, the first record says how many columns there are",
    })
}

fn carriage_returns(file: &InputFile) -> Fault {
    let what = format!("{}: the first line holds carriage returns (CR) that end no line", file.path);
    Fault::new(Code::InvalidLayout, what)
        .hint("lines end with LF or CRLF; if CR alone was meant, `tr '\\r' '\\n' < old.csv > new.csv` rewrites it")
}

/// For each column of the first file, its position in the records of `file`.
pub(super) fn positions(names: &[String], file_names: &[String], file: &InputFile, first: &InputFile) -> Result<Vec<usize>, Fault> {
    if file_names == names {
        return Ok((0..names.len()).collect());
    }
    let differs = |what: String| Fault::new(Code::FilesDiffer, what).hint("the files of one batch have the same columns");
    if let Some(extra) = file_names.iter().find(|n| !names.contains(n)) {
        return Err(differs(format!("{} has a column `{extra}` that {} lacks", file.path, first.path)));
    }
    names
        .iter()
        .map(|name| {
            let found = file_names.iter().position(|n| n == name);
            found.ok_or_else(|| differs(format!("{} lacks the column `{name}` of {}", file.path, first.path)))
        })
        .collect()
}
