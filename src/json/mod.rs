//! One JSON value as a flat list of tokens, by the letter of RFC 8259.
//!
//! Written here rather than taken from a parser because records need what parsers drop: a number's
//! own digits (a decimal must not pass through a float), a key that stands twice, the text of any
//! value as it stands in the file.

mod plain;

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};

use self::plain::plain_end;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Null,
    False,
    True,
    /// Digits alone, perhaps behind a minus.
    Integer,
    /// With a fraction or an exponent.
    Float,
    String,
    /// A key of an object; its value follows.
    Key,
    Object,
    Array,
}

/// A value or key: its bytes, and where the list goes on behind it.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub kind: TokenKind,
    /// Whether a string or key holds escapes.
    pub escaped: bool,
    /// Where its text begins; of strings and keys, behind the quote.
    pub start: u32,
    pub end: u32,
    /// Index of the token behind this value and all it holds.
    pub next: u32,
}

/// Why text is not JSON, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    pub at: usize,
    pub why: &'static str,
}

/// Values inside values, at most: an object, and as many levels in its columns as all formats may have (`types::LEVELS_MAX`).
const DEPTH_MAX: usize = 33;

/// The tokens of one value; used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    pub tokens: Vec<Token>,
    open: Vec<u32>,
}

impl Tape {
    /// Reads the value that begins at `start`, perhaps behind white space; gives where it ends.
    ///
    /// # Errors
    /// The text is not JSON.
    pub(crate) fn read(&mut self, text: &[u8], start: usize) -> Result<usize, Broken> {
        self.tokens.clear();
        self.open.clear();
        let mut at = skip_space(text, start);
        loop {
            at = self.value(text, at)?;
            // What may follow a value depends on what it stands in.
            loop {
                let Some(&container) = self.open.last() else { return Ok(at) };
                let is_object = self.tokens[container as usize].kind == TokenKind::Object;
                at = skip_space(text, at);
                let empty = self.tokens.len() == container as usize + 1;
                match text.get(at) {
                    Some(b'}') if is_object => at = self.close(at),
                    Some(b']') if !is_object => at = self.close(at),
                    Some(b',') if !empty => {
                        at = skip_space(text, at + 1);
                        at = if is_object { self.key(text, at)? } else { at };
                        break;
                    }
                    Some(_) if empty => {
                        at = if is_object { self.key(text, at)? } else { at };
                        break;
                    }
                    Some(_) if is_object => return Err(Broken { at, why: "`,` or `}` is expected" }),
                    Some(_) => return Err(Broken { at, why: "`,` or `]` is expected" }),
                    None => return Err(Broken { at, why: "the text ends inside the record" }),
                }
            }
        }
    }

    /// A key that stands twice in one object of the value last read.
    pub(crate) fn repeated_key<'a>(&self, text: &'a [u8]) -> Option<Cow<'a, str>> {
        let objects = (0..self.tokens.len()).filter(|&i| self.tokens[i].kind == TokenKind::Object);
        objects.into_iter().find_map(|object| repeated_in(text, &self.tokens, object))
    }

    fn push(&mut self, kind: TokenKind, escaped: bool, start: usize, end: usize) {
        let next = self.tokens.len() as u32 + 1;
        self.tokens.push(Token { kind, escaped, start: start as u32, end: end as u32, next });
    }

    fn close(&mut self, at: usize) -> usize {
        let next = self.tokens.len() as u32;
        if let Some(container) = self.open.pop() {
            let token = &mut self.tokens[container as usize];
            (token.end, token.next) = (at as u32 + 1, next);
        }
        at + 1
    }

    /// A scalar, or the opening of an object or array; gives where it ends.
    fn value(&mut self, text: &[u8], at: usize) -> Result<usize, Broken> {
        let literal = |word: &'static [u8]| match text[at..].starts_with(word) {
            true => Ok(at + word.len()),
            false => Err(Broken { at, why: "a value is expected" }),
        };
        let (kind, end) = match text.get(at) {
            Some(b'"') => {
                let (end, escaped) = string(text, at + 1)?;
                self.push(TokenKind::String, escaped, at + 1, end);
                return Ok(end + 1);
            }
            Some(b'-' | b'0'..=b'9') => number(text, at)?,
            Some(b'{') => (TokenKind::Object, at + 1),
            Some(b'[') => (TokenKind::Array, at + 1),
            Some(b'n') => (TokenKind::Null, literal(b"null")?),
            Some(b't') => (TokenKind::True, literal(b"true")?),
            Some(b'f') => (TokenKind::False, literal(b"false")?),
            Some(_) => return Err(Broken { at, why: "a value is expected" }),
            None => return Err(Broken { at, why: "the text ends where a value is expected" }),
        };
        if matches!(kind, TokenKind::Object | TokenKind::Array) {
            if self.open.len() == DEPTH_MAX {
                return Err(Broken { at, why: "nested more than 32 levels deep" });
            }
            self.open.push(self.tokens.len() as u32);
        }
        self.push(kind, false, at, end);
        Ok(end)
    }

    /// A key and its colon; gives where its value begins.
    fn key(&mut self, text: &[u8], at: usize) -> Result<usize, Broken> {
        if text.get(at) != Some(&b'"') {
            return Err(Broken { at, why: "a key in quotes is expected" });
        }
        let (end, escaped) = string(text, at + 1)?;
        self.push(TokenKind::Key, escaped, at + 1, end);
        let colon = skip_space(text, end + 1);
        if text.get(colon) != Some(&b':') {
            return Err(Broken { at: colon, why: "`:` is expected" });
        }
        Ok(skip_space(text, colon + 1))
    }
}

/// A key that stands twice in the object at `object`, itself.
pub(crate) fn repeated_in<'a>(text: &'a [u8], tokens: &[Token], object: usize) -> Option<Cow<'a, str>> {
    let mut seen = HashSet::new();
    let mut at = object + 1;
    while at < tokens[object].next as usize {
        let key = text_of(text, &tokens[at]);
        if seen.contains(&key) {
            return Some(key);
        }
        seen.insert(key);
        at = tokens[at + 1].next as usize;
    }
    None
}

/// Where white space at `at` ends.
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

fn number(text: &[u8], start: usize) -> Result<(TokenKind, usize), Broken> {
    let digits = |mut at: usize| {
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let wrong = |at: usize| Err(Broken { at, why: "not a number" });
    let first = start + usize::from(text[start] == b'-');
    let mut at = digits(first);
    if at == first || (text[first] == b'0' && at > first + 1) {
        return wrong(first);
    }
    let mut kind = TokenKind::Integer;
    if text.get(at) == Some(&b'.') {
        kind = TokenKind::Float;
        let end = digits(at + 1);
        if end == at + 1 {
            return wrong(end);
        }
        at = end;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        kind = TokenKind::Float;
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign);
        if end == at + 1 + sign {
            return wrong(end);
        }
        at = end;
    }
    Ok((kind, at))
}

/// Finds the quote that closes the string whose text begins at `at`, and whether escapes stand before it.
fn string(text: &[u8], mut at: usize) -> Result<(usize, bool), Broken> {
    let mut escaped = false;
    loop {
        at = plain_end(text, at);
        match text.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(text, at)?;
            }
            Some(_) => return Err(Broken { at, why: "a control character in a string" }),
            None => return Err(Broken { at, why: "the text ends inside a string" }),
        }
    }
}

/// Checks the escape at `at`; gives where it ends.
fn escape(text: &[u8], at: usize) -> Result<usize, Broken> {
    let wrong = Err(Broken { at, why: "not an escape" });
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex(text, at + 2) {
            Some(0xD800..=0xDBFF) => match (text.get(at + 6..at + 8), hex(text, at + 8)) {
                (Some(b"\\u"), Some(0xDC00..=0xDFFF)) => Ok(at + 12),
                _ => Err(Broken { at, why: "half of a character" }),
            },
            Some(0xDC00..=0xDFFF) => Err(Broken { at, why: "half of a character" }),
            Some(_) => Ok(at + 6),
            None => wrong,
        },
        _ => wrong,
    }
}

fn hex(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |n, &b| (b as char).to_digit(16).map(|d| n * 16 + d))
}

const UTF8: &str = "records that are not UTF-8 were set aside before their tokens are looked at";

/// The text of a string or key that [`Tape::read`] has accepted.
pub(crate) fn text_of<'a>(text: &'a [u8], token: &Token) -> Cow<'a, str> {
    let raw = &text[token.start as usize..token.end as usize];
    if !token.escaped {
        return Cow::Borrowed(std::str::from_utf8(raw).expect(UTF8));
    }
    let (mut out, mut at) = (Vec::with_capacity(raw.len()), 0);
    while at < raw.len() {
        let plain = memchr::memchr(b'\\', &raw[at..]).map_or(raw.len(), |n| at + n);
        out.extend_from_slice(&raw[at..plain]);
        at = plain;
        if at == raw.len() {
            break;
        }
        let mut character = |code: u32| {
            let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        };
        match raw[at + 1] {
            b'u' => match (hex(raw, at + 2), hex(raw, at + 8)) {
                (Some(high @ 0xD800..=0xDBFF), Some(low)) => {
                    character(0x10000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF));
                    at += 12;
                }
                (code, _) => {
                    character(code.unwrap_or(0xFFFD));
                    at += 6;
                }
            },
            other => {
                out.push(match other {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    same => same,
                });
                at += 2;
            }
        }
    }
    Cow::Owned(String::from_utf8(out).expect(UTF8))
}

/// Whether `text` is one value, perhaps with white space around it.
pub(crate) fn is_value(text: &str) -> bool {
    let end = Tape::default().read(text.as_bytes(), 0);
    end.is_ok_and(|end| skip_space(text.as_bytes(), end) == text.len())
}

/// Where the value at `at` ends by its brackets and quotes alone; none if the text ends first. Finds the next
/// record behind one that is not JSON.
pub(crate) fn structural_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0usize);
    loop {
        match text.get(at)? {
            b'"' => {
                at += 1;
                loop {
                    at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
                    if text[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
