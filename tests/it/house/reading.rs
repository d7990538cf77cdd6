//! The project's own source, read as far as its laws need: code without comments, strings and tests, and the paths in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::support::{files_below, project};

/// A source file; all texts have the same lines.
pub struct SourceFile {
    /// Below `src`, such as `gate/mod.rs`.
    pub path: String,
    pub text: String,
    /// Without comments and tests; strings are left.
    pub with_strings: String,
    /// Without comments, tests, and what stands in strings.
    pub code: String,
    /// The module, such as `gate::replay`.
    pub module: Vec<String>,
}

/// All files below `src` but those of tests alone.
pub fn sources() -> Vec<SourceFile> {
    let root = project("src");
    let read = |file: std::path::PathBuf| {
        let path = file.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        SourceFile::of(path, std::fs::read_to_string(&file).expect("a source file"))
    };
    files_below(&root, "rs").into_iter().filter(|file| !file.ends_with("tests.rs")).map(read).collect()
}

impl SourceFile {
    pub fn of(path: String, text: String) -> Self {
        let with_strings = blanked(&text, false);
        let code = blanked(&text, true);
        let tests = tests(&code);
        let without = |text: String| tests.iter().fold(text, |text, test| blank(&text, test));
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').map(str::to_owned).collect();
        Self { with_strings: without(with_strings), code: without(code), path, text, module }
    }

    /// The part of the house it belongs to.
    pub fn room(&self) -> &str {
        &self.module[0]
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// `src/gate/mod.rs:12`
    pub fn place(&self, at: usize) -> String {
        format!("src/{}:{}", self.path, self.line(at))
    }

    /// Paths to what is elsewhere in the crate, from its root: of `use` and of other code.
    pub fn paths(&self, children: &BTreeSet<Vec<String>>) -> Vec<Path> {
        let mut found = Vec::new();
        for at in words(&self.code) {
            let word = &self.code[at.clone()];
            let before = self.code[..at.start].trim_end();
            let base = match word {
                _ if before.ends_with("::") || before.ends_with('.') => continue,
                "crate" => Vec::new(),
                "super" => self.module[..self.module.len() - 1].to_vec(),
                "self" => self.module.clone(),
                // The library, as the program names it.
                "sluicegate" if self.path == "main.rs" => Vec::new(),
                _ => {
                    let child = [self.module.clone(), vec![word.to_owned()]].concat();
                    match children.contains(&child) && self.code[at.end..].starts_with("::") {
                        true => child,
                        false => continue,
                    }
                }
            };
            if let Some(rest) = self.code[at.end..].trim_start().strip_prefix("::") {
                let start = self.code.len() - rest.len();
                tree(&self.code, start, base, &mut |segments, alias| found.push(Path { at: at.start, segments, alias }));
            }
        }
        found
    }
}

/// A path as it stands in the code, from the root of the crate.
pub struct Path {
    pub at: usize,
    pub segments: Vec<String>,
    /// What `as` calls it.
    alias: Option<String>,
}

impl Path {
    /// What it is called where it was written.
    pub fn name(&self) -> &str {
        self.alias.as_deref().or(self.segments.last().map(String::as_str)).unwrap_or_default()
    }
}

/// Tells of every path of a tree such as `a::{b, c::D as E}` that begins at `at`; the end of it.
fn tree(code: &str, mut at: usize, mut segments: Vec<String>, found: &mut impl FnMut(Vec<String>, Option<String>)) -> usize {
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        let rest = &code[at..];
        if rest.starts_with('{') {
            at += 1;
            loop {
                at = tree(code, at, segments.clone(), found);
                at += code[at..].len() - code[at..].trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
                if code[at..].starts_with('}') || code[at..].is_empty() {
                    return at + 1;
                }
            }
        }
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest, |end| &rest[..end]);
        if word.is_empty() {
            found([segments, vec!["*".to_owned()]].concat(), None);
            return at + usize::from(rest.starts_with('*'));
        }
        at += word.len();
        match word {
            "super" => _ = segments.pop(),
            "self" => {}
            _ => segments.push(word.to_owned()),
        }
        if !code[at..].starts_with("::") || code[at + 2..].starts_with('<') {
            let alias = code[at..].trim_start().strip_prefix("as ").map(|rest| rest.trim_start());
            let alias = alias.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned());
            at += alias.as_ref().map_or(0, |alias| code[at..].find(&format!("as {alias}")).map_or(0, |found| found + 3 + alias.len()));
            found(segments, alias);
            return at;
        }
        at += 2;
    }
}

/// Where each identifier stands.
pub fn words(code: &str) -> impl Iterator<Item = Range<usize>> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        (at > start).then_some(start..at)
    })
}

/// The end of the block that the first `{` behind `at` opens, or of the statement, if `;` comes first.
pub fn block(code: &str, at: usize) -> Option<Range<usize>> {
    let start = at + code[at..].find(['{', ';'])?;
    let mut depth = 0_usize;
    for (i, b) in code.as_bytes().iter().enumerate().skip(start) {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start..i + 1);
        }
    }
    None
}

/// Items that only tests see.
fn tests(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test"));
    marks.filter_map(|(at, _)| block(code, at).map(|block| at..block.end)).collect()
}

fn blank(text: &str, at: &Range<usize>) -> String {
    let blanks: String = text[at.clone()].chars().flat_map(|c| if c == '\n' { vec!['\n'] } else { vec![' '; c.len_utf8()] }).collect();
    format!("{}{blanks}{}", &text[..at.start], &text[at.end..])
}

/// The text with blanks for comments, and for what stands in strings and characters if `strings`.
fn blanked(text: &str, strings: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, is_string) = literal(text, at);
        if end > at {
            let inner = if is_string { at + 1..end - 1 } else { at..end };
            if !is_string || strings {
                out[inner].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
            }
            at = end;
        } else {
            at += 1;
        }
    }
    String::from_utf8(out).expect("blanks are text")
}

/// The end of the comment (false), or of the string or character (true), that begins at `at`; `at` if none does.
fn literal(text: &str, at: usize) -> (usize, bool) {
    let rest = &text.as_bytes()[at..];
    let follows_word = at > 0 && (text.as_bytes()[at - 1].is_ascii_alphanumeric() || text.as_bytes()[at - 1] == b'_');
    let behind = |needle: &str, skip: usize| text[at + skip..].find(needle).map_or(text.len(), |found| at + skip + found + needle.len());
    match rest {
        [b'/', b'/', ..] => (text[at..].find('\n').map_or(text.len(), |end| at + end), false),
        [b'/', b'*', ..] => (behind("*/", 2), false),
        [b'r', b'"' | b'#', ..] if !follows_word => {
            let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
            match rest.get(hashes + 1) {
                Some(b'"') => (behind(&format!("\"{}", "#".repeat(hashes)), hashes + 2), true),
                // A raw name.
                _ => (at, false),
            }
        }
        [b'"', ..] => {
            let mut end = 1;
            while end < rest.len() && rest[end] != b'"' {
                end += 1 + usize::from(rest[end] == b'\\');
            }
            (at + (end + 1).min(rest.len()), true)
        }
        [b'\'', b'\\', ..] => (behind("'", 3), true),
        // A character, and no lifetime.
        [b'\'', ..] => {
            let length = text[at + 1..].chars().next().map_or(0, char::len_utf8);
            match rest.get(length + 1) {
                Some(b'\'') => (at + length + 2, true),
                _ => (at, false),
            }
        }
        _ => (at, false),
    }
}

/// What each module has under a name of its own: items it imports, for itself and for its children.
pub fn imports(files: &[SourceFile], modules: &BTreeSet<Vec<String>>) -> BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>> {
    let of = |file: &SourceFile| {
        let is_use = |at: usize| {
            let line = file.code[..at].rfind(['\n', ';', '}']).map_or(0, |start| start + 1);
            file.code[line..at].split_whitespace().any(|word| word == "use")
        };
        let named = file.paths(modules).into_iter().filter(|path| is_use(path.at)).map(|path| (path.name().to_owned(), path.segments));
        (file.module.clone(), named.collect())
    };
    files.iter().map(of).collect()
}
