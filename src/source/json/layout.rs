//! Where the records of a JSON file lie: one a line, or the elements of an array.

use std::io::{BufRead, BufReader};
use std::sync::OnceLock;

use crate::diagnostic::{Code, Fault};
use crate::json::{skip_space, structural_end};
use crate::remote::Readable;
use crate::source::file::cannot_read;
use crate::source::{InputFile, foreign};

/// Where a file's records are.
#[derive(Debug)]
pub(super) struct RecordRegion {
    pub layout: Layout,
    /// Byte at which the first unit begins, and lines before it.
    pub start: u64,
    pub lines: u64,
    /// Byte behind the array's closing bracket, once it was found.
    pub close: OnceLock<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One record a line.
    Lines,
    /// The elements of an array.
    Array,
}

pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

impl RecordRegion {
    /// Finds the records of a file of one object a line.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn of_lines(file: &InputFile) -> Result<Self, Fault> {
        let marked = file.read_at(0, file.bytes.min(3) as usize)? == BOM;
        Ok(Self { layout: Layout::Lines, start: if marked { 3 } else { 0 }, lines: 0, close: OnceLock::new() })
    }

    /// Finds the array at `path` in a JSON document; with no path, at its top. A file that turns out to hold one
    /// object a line is read so.
    ///
    /// # Errors
    /// There is no array at `path`, or the text before it is not JSON.
    pub(super) fn of_document(file: &InputFile, path: &[String]) -> Result<Self, Fault> {
        let mut walk = DocumentWalk::new(file)?;
        if path.is_empty() {
            match walk.peek()? {
                Some(b'[') => {}
                Some(b'{') => return Self::of_objects(file, walk),
                Some(first) => return Err(walk.no_records(first)),
                None => return Err(Fault::new(Code::Empty, format!("{} is empty", file.path)).hint("an array of objects is expected")),
            }
        }
        let mut at: Vec<&str> = Vec::new();
        for key in path {
            walk.enter(key, &at)?;
            at.push(key);
        }
        if walk.peek()? != Some(b'[') {
            return Err(walk.fault(&format!("`{}` is not an array", at.join("."))));
        }
        walk.next()?;
        Ok(Self { layout: Layout::Array, start: walk.at, lines: walk.lines, close: OnceLock::new() })
    }

    /// Several objects are one a line; a single one is a document whose array must be named.
    fn of_objects(file: &InputFile, mut walk: DocumentWalk<'_>) -> Result<Self, Fault> {
        let keys = walk.keys_with_arrays(0)?;
        if walk.peek()? == Some(b'{') {
            return Self::of_lines(file);
        }
        let fault = Fault::new(Code::InvalidLayout, format!("{}: the top of the document is one object, not an array", file.path));
        Err(match keys.as_slice() {
            [] => fault.hint("if it is the only record, say `--format ndjson`"),
            [one] => fault.hint(format!("its array is read with `source: {{ json_path: {one} }}`")),
            many => fault.hint(format!("name one of its arrays: `source: {{ json_path: … }}` with {}", many.join(", "))),
        })
    }
}

/// What to do with a key's value.
enum Then {
    PassOver,
    /// It was passed over already.
    Taken,
    /// Stay where it begins.
    Stop,
}

/// Bytes of a document one after the other, with what little structure it takes to find an array.
struct DocumentWalk<'a> {
    file: &'a InputFile,
    input: BufReader<Readable>,
    at: u64,
    lines: u64,
}

impl<'a> DocumentWalk<'a> {
    fn new(file: &'a InputFile) -> Result<Self, Fault> {
        let mut walk = Self { file, input: BufReader::with_capacity(1 << 16, file.open()?), at: 0, lines: 0 };
        if walk.buffer()?.starts_with(BOM) {
            walk.skip(3);
        }
        Ok(walk)
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::new(Code::InvalidLayout, format!("{}:{}: {what}", self.file.path, self.lines + 1))
    }

    /// The document begins with neither a bracket nor a brace.
    fn no_records(&self, first: u8) -> Fault {
        let is_scalar = matches!(first, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n');
        match is_scalar {
            true => self.fault("the document is a single value, and records are objects").hint("write `[{\"value\": 1}, {\"value\": 2}]`"),
            false => {
                let shown = char::from(first).escape_default().to_string();
                let fault = self.fault(&format!("not JSON: it begins with `{shown}`, neither with `[` nor with `{{`"));
                let head = self.file.read_at(0, self.file.bytes.min(4096) as usize).unwrap_or_default();
                foreign::looks_like(&head).into_iter().fold(fault, Fault::hint)
            }
        }
    }

    fn buffer(&mut self) -> Result<&[u8], Fault> {
        self.input.fill_buf().map_err(|e| cannot_read(&self.file.path, &e))
    }

    fn skip(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.at += bytes as u64;
    }

    /// The next byte, taken.
    fn next(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.buffer()?.first().copied();
        if byte.is_some() {
            self.lines += u64::from(byte == Some(b'\n'));
            self.skip(1);
        }
        Ok(byte)
    }

    /// The next byte that is no white space, left where it is.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            match self.buffer()?.first().copied() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => _ = self.next()?,
                other => return Ok(other),
            }
        }
    }

    /// A string's text as it stands in the file, escapes and all; long ones are cut.
    fn string(&mut self) -> Result<String, Fault> {
        const KEPT_MAX: usize = 1000;
        let mut text = Vec::new();
        self.next()?;
        loop {
            match self.next()? {
                Some(b'"') => return Ok(String::from_utf8_lossy(&text).into_owned()),
                Some(b'\\') => text.extend([b'\\'].into_iter().chain(self.next()?)),
                Some(byte) if text.len() < KEPT_MAX => text.push(byte),
                Some(_) => {}
                None => return Err(self.fault("the document ends inside a string")),
            }
        }
    }

    /// Passes over one value.
    fn value(&mut self) -> Result<(), Fault> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                Some(b'"') => _ = self.string()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.next()?;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.next()?;
                }
                Some(b',' | b':') if depth > 0 => _ = self.next()?,
                Some(b'}' | b']' | b',' | b':') => return Err(self.fault("a value is expected")),
                Some(_) => {
                    while !matches!(self.buffer()?.first(), None | Some(b',' | b':' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b'"')) {
                        self.next()?;
                    }
                }
                None => return Err(self.fault("the document ends inside a value")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Calls `each` with every key of the object that begins here, until it says to stop at the value.
    fn keys(&mut self, mut each: impl FnMut(&mut Self, String) -> Result<Then, Fault>) -> Result<bool, Fault> {
        self.next()?;
        loop {
            match self.peek()? {
                Some(b'"') => {
                    let key = self.string()?;
                    if self.peek()? != Some(b':') {
                        return Err(self.fault("`:` is expected"));
                    }
                    self.next()?;
                    match each(self, key)? {
                        Then::Stop => return Ok(true),
                        Then::PassOver => self.value()?,
                        Then::Taken => {}
                    }
                }
                Some(b',') => _ = self.next()?,
                Some(b'}') => {
                    self.next()?;
                    return Ok(false);
                }
                _ => return Err(self.fault("a key in quotes is expected")),
            }
        }
    }

    /// Goes on to the value of `key` in the object that begins here.
    fn enter(&mut self, key: &str, above: &[&str]) -> Result<(), Fault> {
        let place = if above.is_empty() { "the document".to_owned() } else { format!("`{}`", above.join(".")) };
        if self.peek()? != Some(b'{') {
            return Err(self.fault(&format!("{place} is not an object, so it has no `{key}`")).hint("see `json_path`"));
        }
        let mut seen: Vec<String> = Vec::new();
        let found = self.keys(|_, name| {
            let then = if name == key { Then::Stop } else { Then::PassOver };
            seen.push(name);
            Ok(then)
        })?;
        match found {
            true => Ok(()),
            false => Err(self.fault(&format!("{place} has no key `{key}`")).hint_nearest(key, seen.iter().map(String::as_str))),
        }
    }

    /// The keys, at any depth of objects, whose values are arrays, in the object that begins here; passes over it.
    fn keys_with_arrays(&mut self, depth: usize) -> Result<Vec<String>, Fault> {
        /// Nobody looks for records deeper than this.
        const DEPTH_MAX: usize = 16;
        let mut found = Vec::new();
        self.keys(|walk, name| {
            match walk.peek()? {
                Some(b'[') => found.push(name),
                Some(b'{') if depth < DEPTH_MAX => {
                    let inner = walk.keys_with_arrays(depth + 1)?;
                    found.extend(inner.into_iter().map(|i| format!("{name}.{i}")));
                    return Ok(Then::Taken);
                }
                _ => {}
            }
            Ok(Then::PassOver)
        })?;
        Ok(found)
    }
}

/// Checks what follows the array that closes at `close`: the rest of the objects around it, each closed, none of them
/// with the array's key again, and nothing behind the document.
pub(super) fn ends_well(file: &InputFile, close: u64, path: &[String]) -> Result<(), Fault> {
    let mut walk = DocumentWalk::new(file)?;
    std::io::Seek::seek(&mut walk.input, std::io::SeekFrom::Start(close)).map_err(|e| cannot_read(&file.path, &e))?;
    let fault = |what: String| Fault::new(Code::InvalidLayout, format!("{}: behind the array: {what}", file.path));
    for key in path.iter().rev() {
        loop {
            match walk.peek()? {
                Some(b',') => {
                    walk.next()?;
                    if walk.peek()? != Some(b'"') {
                        return Err(fault("a key in quotes is expected".into()));
                    }
                    let name = walk.string()?;
                    if name == *key {
                        return Err(fault(format!("the key `{key}` stands twice")));
                    }
                    if walk.peek()? != Some(b':') {
                        return Err(fault(format!("`:` is expected after `{name}`")));
                    }
                    walk.next()?;
                    walk.value()?;
                }
                Some(b'}') => {
                    walk.next()?;
                    break;
                }
                Some(_) => return Err(fault("`,` or `}` is expected".into())),
                None => return Err(fault("the document ends inside an object".into()).hint("it may be cut short")),
            }
        }
    }
    match walk.peek()? {
        None => Ok(()),
        Some(_) => Err(fault("text stands behind the document".into()).hint("`--format ndjson` reads one object a line")),
    }
}

/// Where the last whole element in `bytes`, which begin between elements, ends; and whether the array closes behind it.
pub(super) fn last_element_end(bytes: &[u8]) -> (usize, bool) {
    let mut end = 0;
    loop {
        let mut at = skip_space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        match bytes.get(at) {
            Some(b']') => return (at + 1, true),
            Some(_) => match structural_end(bytes, at).filter(|&e| e < bytes.len()) {
                // A stray closing brace would hold up the walk for ever.
                Some(found) if found > at => end = found,
                Some(_) => end = at + 1,
                None => return (end, false),
            },
            None => return (end, false),
        }
    }
}
