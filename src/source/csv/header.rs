//! The header: what the columns are called, and what is odd about that.

use memchr::memchr;

use super::extent::{Extent, HEADER_BYTES_MAX};
use super::layout::{AnyFramer, Layout};
use super::record::{Cell, Framed};
use crate::diagnostic::{Code, Fault};
use crate::source::{ContractColumn, InputFile};

/// What stands between the parts of a name that several header rows give.
const SEPARATOR: &str = "_";

/// What precedes the first record of a file.
#[derive(Debug)]
pub(super) struct Header {
    pub names: Vec<String>,
    pub bytes: u64,
    pub lines: u64,
    /// How many of the lines are comments.
    pub comments: u64,
    /// What was read otherwise than it stands there.
    pub notes: Vec<String>,
}

/// How headers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderForm<'a> {
    pub layout: &'a Layout,
    /// Records that name the columns.
    pub rows: u32,
    pub separator: Option<&'a str>,
    pub contract: &'a [ContractColumn],
}

impl Header {
    /// Reads the header of `file`; where there is none, its first record says how many columns there are.
    ///
    /// # Errors
    /// There is no line, it cannot be framed or decoded, two columns have one name, or the line ends are not ours.
    pub(super) fn of(file: &InputFile, extent: Extent, form: HeaderForm<'_>) -> Result<Self, Fault> {
        let len = ((extent.end - extent.start) as usize).min(HEADER_BYTES_MAX);
        let bytes = file.read_at(extent.start, len)?;
        let is_whole = extent.start + len as u64 == extent.end;
        let framer = form.layout.framer(&bytes, None, is_whole);
        let mut head = Head { file, bytes: &bytes, is_whole, framer, at: 0, lines: 0, comments: 0 };
        if let Layout::Fixed(fixed) = form.layout {
            let names = fixed.names.clone();
            return Ok(Self { names, bytes: extent.start, lines: extent.lines, comments: 0, notes: Vec::new() });
        }
        let mut line = head.next(form, extent)?;
        for row in 1..form.rows {
            line.beneath(head.next(form, extent)?, row + 1, form.separator.unwrap_or(SEPARATOR))?;
        }
        if form.rows > 0 {
            let names = line.names()?;
            let (bytes, lines) = (extent.start + head.at as u64, extent.lines + head.lines);
            return Ok(Self { bytes, lines, comments: head.comments, ..names });
        }
        let columns = line.raw.len();
        if !bytes[..head.at].ends_with(b"\n") && line.holds_carriage_return {
            return Err(carriage_returns(file));
        }
        let fits = form.contract.len() == columns;
        let name = |i: usize| if fits { form.contract[i].name.clone() } else { made_up(i) };
        let names = (0..columns).map(name).collect();
        Ok(Self { names, bytes: extent.start, lines: extent.lines, comments: 0, notes: Vec::new() })
    }
}

/// The beginning of a file, record by record.
struct Head<'a> {
    file: &'a InputFile,
    bytes: &'a [u8],
    is_whole: bool,
    framer: AnyFramer<'a>,
    at: usize,
    lines: u64,
    comments: u64,
}

impl<'a> Head<'a> {
    /// The next record, which is neither blank nor a comment.
    fn next(&mut self, form: HeaderForm<'_>, extent: Extent) -> Result<HeaderLine<'a>, Fault> {
        let path = &self.file.path;
        loop {
            let start = self.at;
            let framed = if start < self.bytes.len() || !self.is_whole { self.framer.frame(start) } else { Framed::Blank { next: start } };
            match framed {
                Framed::Blank { next } if next < self.bytes.len() => (self.at, self.lines) = (next, self.lines + 1),
                Framed::Comment { next } => (self.at, self.lines, self.comments) = (next, self.lines + 1, self.comments + 1),
                Framed::Record { next, lines, .. } => {
                    (self.at, self.lines) = (next, self.lines + u64::from(lines));
                    return HeaderLine::of(self.file, &self.bytes[..next], start, self.framer.cells(), form.layout);
                }
                Framed::Blank { .. } => {
                    let passed = extent.lines > 0 || extent.end < self.file.bytes || self.lines > 0 && self.comments > 0;
                    return Err(empty(self.file, self.bytes.is_empty(), passed, form.rows));
                }
                Framed::Bad { reason, .. } => {
                    let which = if extent.lines + self.lines == 0 { "the first line" } else { "the header" };
                    return Err(Fault::new(Code::InvalidLayout, format!("{path}: {which} cannot be read: {reason}")));
                }
                Framed::Incomplete if memchr(b'\n', self.bytes).is_none() && memchr(b'\r', self.bytes).is_some() => {
                    return Err(carriage_returns(self.file));
                }
                Framed::Incomplete => {
                    let fault = Fault::new(Code::TooLarge, format!("{path}: the first line is longer than {} MiB", HEADER_BYTES_MAX >> 20));
                    return Err(fault.hint("is it delimited text, its lines ended by LF or CRLF, and its quotes in pairs?"));
                }
            }
        }
    }
}

/// The header, decoded.
struct HeaderLine<'a> {
    file: &'a InputFile,
    /// The names as they stand in the file.
    raw: Vec<String>,
    /// Whether a carriage return stands where it ends no line.
    holds_carriage_return: bool,
}

impl<'a> HeaderLine<'a> {
    /// Of the record that begins at `start` of `text` and ends with it.
    fn of(file: &'a InputFile, text: &[u8], start: usize, cells: &[Cell], layout: &Layout) -> Result<Self, Fault> {
        let line = &text[start..];
        let nul = line.iter().filter(|b| **b == 0).count();
        if nul * 3 > line.len() {
            let fault = Fault::new(Code::InvalidEncoding, format!("{}: the first line is full of NUL bytes", file.path));
            return Err(fault.hint("if it is UTF-16 without a byte order mark, give `source: { encoding: utf-16le }` or `utf-16be`"));
        }
        let is_quoted = |cell: &Cell| cell.start as usize > start && Some(text[cell.start as usize - 1]) == layout.quote();
        let bytes_of = |cell: &Cell| &text[cell.start as usize..cell.end as usize];
        let holds_carriage_return = cells.iter().any(|c| !is_quoted(c) && memchr(b'\r', bytes_of(c)).is_some());
        let raw = |cell: &Cell| {
            let text = std::str::from_utf8(bytes_of(cell)).map_err(|_| {
                let fault = Fault::new(Code::InvalidEncoding, format!("{}: the header line is not UTF-8", file.path));
                fault.hint("give `source: { encoding: … }`, such as `latin-1`")
            })?;
            Ok(if cell.escaped { layout.unescaped(text, is_quoted(cell)).into_owned() } else { text.to_owned() })
        };
        Ok(Self { file, raw: cells.iter().map(raw).collect::<Result<_, Fault>>()?, holds_carriage_return })
    }

    /// Takes in the header's next row: a name is what its rows say, joined; an empty part is left out.
    fn beneath(&mut self, row: Self, number: u32, separator: &str) -> Result<(), Fault> {
        if row.raw.len() != self.raw.len() {
            let (path, above, below) = (&self.file.path, self.raw.len(), row.raw.len());
            let what = format!("{path}: row {number} of the header has {below} fields, and those above it have {above}");
            return Err(Fault::new(Code::InvalidLayout, what).hint("`header: 1` is for one row of names, `skip_rows` for lines above it"));
        }
        for (name, part) in self.raw.iter_mut().zip(row.raw) {
            let (above, below) = (name.trim(), part.trim());
            *name = match (above.is_empty(), below.is_empty()) {
                (_, true) => above.to_owned(),
                (true, false) => below.to_owned(),
                (false, false) => format!("{above}{separator}{below}"),
            };
        }
        self.holds_carriage_return |= row.holds_carriage_return;
        Ok(())
    }

    /// The names alone; what they cost is for the caller to add.
    fn names(&self) -> Result<Header, Fault> {
        if self.holds_carriage_return {
            return Err(carriage_returns(self.file));
        }
        let (mut names, mut nameless, mut trimmed) = (Vec::with_capacity(self.raw.len()), Vec::new(), Vec::new());
        for (i, raw) in self.raw.iter().enumerate() {
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
        Ok(Header { names, bytes: 0, lines: 0, comments: 0, notes })
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
        let differ = self.raw[first] != self.raw[second];
        let also = if differ && nameless.is_empty() { "; blanks around a name do not count" } else { "" };
        Err(Fault::new(Code::DuplicateColumn, what).hint(format!("every column needs a name of its own{also}")))
    }
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

/// Of a file without a header; `passed` says that lines of it were passed over.
fn empty(file: &InputFile, has_no_bytes: bool, passed: bool, rows: u32) -> Fault {
    let what = match (has_no_bytes, passed) {
        (true, false) => "has no bytes",
        (_, true) => "holds nothing but lines that are passed over",
        (false, false) => "holds blank lines only",
    };
    Fault::new(Code::Empty, format!("{} {what}", file.path)).hint(match rows {
        0 => "without a header, the first record says how many columns there are",
        1 => "a header line is expected; a header without records is an empty batch",
        _ => "all rows of the header are expected; a header without records is an empty batch",
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
