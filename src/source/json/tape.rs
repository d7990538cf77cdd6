//! One JSON value as a flat list of tokens, by the letter of RFC 8259.
//!
//! Written here rather than taken from a parser because records need what parsers drop: a number's
//! own digits (a decimal must not pass through a float), a key that stands twice, the text of any
//! value as it stands in the file.

use std::borrow::Cow;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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
    pub kind: Kind,
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
pub struct Broken {
    pub at: usize,
    pub why: &'static str,
}

/// Values inside values, at most.
const DEPTH_MAX: usize = 128;

/// The tokens of one value; used again for the next.
#[derive(Debug, Default)]
pub struct Tape {
    pub tokens: Vec<Token>,
    open: Vec<u32>,
}

impl Tape {
    /// Reads the value that begins at `start`, perhaps behind white space; gives where it ends.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn read(&mut self, text: &[u8], start: usize) -> Result<usize, Broken> {
        self.tokens.clear();
        self.open.clear();
        let mut at = skip_space(text, start);
        loop {
            at = self.value(text, at)?;
            // What may follow a value depends on what it stands in.
            loop {
                let Some(&container) = self.open.last() else { return Ok(at) };
                let is_object = self.tokens[container as usize].kind == Kind::Object;
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

    fn push(&mut self, kind: Kind, escaped: bool, start: usize, end: usize) {
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
                self.push(Kind::String, escaped, at + 1, end);
                return Ok(end + 1);
            }
            Some(b'-' | b'0'..=b'9') => number(text, at)?,
            Some(b'{') => (Kind::Object, at + 1),
            Some(b'[') => (Kind::Array, at + 1),
            Some(b'n') => (Kind::Null, literal(b"null")?),
            Some(b't') => (Kind::True, literal(b"true")?),
            Some(b'f') => (Kind::False, literal(b"false")?),
            Some(_) => return Err(Broken { at, why: "a value is expected" }),
            None => return Err(Broken { at, why: "the text ends where a value is expected" }),
        };
        if matches!(kind, Kind::Object | Kind::Array) {
            if self.open.len() == DEPTH_MAX {
                return Err(Broken { at, why: "nested more than 128 deep" });
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
        self.push(Kind::Key, escaped, at + 1, end);
        let colon = skip_space(text, end + 1);
        if text.get(colon) != Some(&b':') {
            return Err(Broken { at: colon, why: "`:` is expected" });
        }
        Ok(skip_space(text, colon + 1))
    }
}

/// Where white space at `at` ends.
pub fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

fn number(text: &[u8], start: usize) -> Result<(Kind, usize), Broken> {
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
    let mut kind = Kind::Integer;
    if text.get(at) == Some(&b'.') {
        kind = Kind::Float;
        let end = digits(at + 1);
        if end == at + 1 {
            return wrong(end);
        }
        at = end;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        kind = Kind::Float;
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

/// Where plain text at `at` ends: at a quote, a backslash, a control character or the end. Eight bytes at a time.
fn plain_end(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // A byte is zero where subtracting one borrows from its high bit; the lowest such byte is exact.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(chunk) = text.get(at..at + 8) {
        let word = u64::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7]]);
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let escapes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quotes | escapes | controls;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|&b| b != b'"' && b != b'\\' && b >= 0x20) {
        at += 1;
    }
    at
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

/// The text of a string or key that [`Tape::read`] has accepted.
pub fn text_of<'a>(text: &'a [u8], token: &Token) -> Cow<'a, str> {
    let raw = &text[token.start as usize..token.end as usize];
    if !token.escaped {
        // Records that are not UTF-8 were set aside before their tokens are looked at.
        return Cow::Borrowed(std::str::from_utf8(raw).unwrap_or_default());
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
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

/// Where the value at `at` ends by its brackets and quotes alone; none if the text ends first. Finds the next
/// record behind one that is not JSON.
pub fn structural_end(text: &[u8], start: usize) -> Option<usize> {
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    /// The value of the tokens at `at`, as another parser would give it.
    fn value(text: &[u8], tokens: &[Token], at: usize) -> Json {
        let token = &tokens[at];
        let raw = || std::str::from_utf8(&text[token.start as usize..token.end as usize]).expect("UTF-8");
        match token.kind {
            Kind::Null => Json::Null,
            Kind::False => false.into(),
            Kind::True => true.into(),
            Kind::Integer | Kind::Float => serde_json::from_str(raw()).expect("a number"),
            Kind::String | Kind::Key => text_of(text, token).into_owned().into(),
            Kind::Array => {
                let (mut at, mut items) = (at + 1, Vec::new());
                while at < token.next as usize {
                    items.push(value(text, tokens, at));
                    at = tokens[at].next as usize;
                }
                items.into()
            }
            Kind::Object => {
                let (mut at, mut fields) = (at + 1, serde_json::Map::new());
                while at < token.next as usize {
                    fields.insert(text_of(text, &tokens[at]).into_owned(), value(text, tokens, at + 1));
                    at = tokens[at + 1].next as usize;
                }
                fields.into()
            }
        }
    }

    fn agrees(text: &str) {
        let mut tape = Tape::default();
        let ours = tape.read(text.as_bytes(), 0).ok().filter(|&end| skip_space(text.as_bytes(), end) == text.len());
        let theirs: Option<Json> = serde_json::from_str(text).ok();
        // Another parser has no numbers beyond the range of floats.
        if theirs.is_none() && ours.is_some() && text.contains(['e', 'E']) {
            return;
        }
        assert_eq!(ours.map(|_| value(text.as_bytes(), &tape.tokens, 0)), theirs, "{text}");
        if theirs.is_some() && text.trim_start().starts_with(['{', '[', '"']) {
            let start = skip_space(text.as_bytes(), 0);
            assert_eq!(structural_end(text.as_bytes(), start).map(|end| skip_space(text.as_bytes(), end)), Some(text.len()), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let text = prop_oneof![".{0,20}", "[\"\\\\/\u{8}\u{c}\n\r\t\u{0}-\u{1f}é😀a]{0,12}"];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            (-1e9f64..1e9).prop_map(Json::from),
            text.clone().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 30, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec((text.clone(), inner), 0..5).prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_read_as_another_parser_reads_them(json in json(), pretty in any::<bool>()) {
            agrees(&if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.expect("JSON"));
        }

        #[test]
        fn broken_text_is_refused_where_another_parser_refuses_it(json in json(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:,\"\\\\0-9eE.+\\-a-z \u{1}]{0,2}") {
            let mut text = serde_json::to_string(&json).expect("JSON");
            let at = at.index(text.len() + 1);
            if text.is_char_boundary(at) {
                let end = (at + 1..=text.len()).find(|&e| text.is_char_boundary(e)).unwrap_or(at);
                text.replace_range(at..end, &with);
                agrees(&text);
            }
        }
    }

    #[test]
    fn the_grammar_is_kept_to_the_letter() {
        for text in [
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "Infinity",
            "'a'",
            "{a:1}",
            "[1,]",
            "{\"a\":1,}",
            "[,]",
            "\"\t\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "[1 2]",
            "{\"a\" 1}",
            "{\"a\":}",
            "nul",
            "tru",
            "",
            " ",
            "[",
            "\"",
            "{\"a\":1",
            "\"\\u12\"",
            "{1:2}",
            "]",
            "}",
        ] {
            assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
            agrees(text);
        }
        for text in ["-0", "0.0e+0", "\"\\ud83d\\ude00\"", "{\"a\":{\"b\":[{}, [], 1]}}", " [ 1 , 2 ] ", "\"\\u00e9\\/\"", "\"\u{7f}\""] {
            agrees(text);
        }
        let deep = "[".repeat(129) + &"]".repeat(129);
        assert_eq!(Tape::default().read(deep.as_bytes(), 0), Err(Broken { at: 128, why: "nested more than 128 deep" }));
    }
}
