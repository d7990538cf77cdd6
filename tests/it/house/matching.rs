//! Arms of `match` that take what no other arm names.

use std::collections::BTreeSet;

use super::reading::{SourceFile, block, words};

/// The names of all enums of the project.
pub fn enums(files: &[SourceFile]) -> BTreeSet<String> {
    let named = |file: &SourceFile| -> Vec<String> {
        let words: Vec<&str> = words(&file.code).map(|at| &file.code[at]).collect();
        words.windows(2).filter(|pair| pair[0] == "enum").map(|pair| pair[1].to_owned()).collect()
    };
    files.iter().flat_map(named).collect()
}

/// Arms of a `match` on an enum of `ours` that name no variant, where all other arms do.
pub fn wildcards(file: &SourceFile, ours: &BTreeSet<String>) -> Vec<String> {
    let code = &file.code;
    let mut found = Vec::new();
    let foreign = foreign(file);
    for word in words(code).filter(|at| &code[at.clone()] == "match") {
        let Some(body) = block(code, word.end) else { continue };
        let arms = arms(code, body.start + 1, body.end - 1);
        let of: Vec<Option<&str>> = arms
            .iter()
            .flat_map(|(_, pattern)| pattern.split('|'))
            .map(|one| enum_of(one, file, ours).filter(|of| !foreign.contains(*of)))
            .collect();
        let named: BTreeSet<&str> = of.iter().flatten().copied().collect();
        let wild: Vec<&(usize, &str)> = arms.iter().filter(|(_, pattern)| is_wild(pattern)).collect();
        // Where some arms name something else, the match is on another type that holds ours.
        if let ([(at, pattern)], [name]) = (wild.as_slice(), named.iter().copied().collect::<Vec<_>>().as_slice())
            && of.iter().flatten().count() + 1 == of.len()
        {
            found.push(format!("{}: `{pattern} =>` beside variants of `{name}`", file.place(*at)));
        }
    }
    found
}

/// Names that the file imports from other crates: `Value` may be ours or theirs.
fn foreign(file: &SourceFile) -> BTreeSet<&str> {
    let uses = file.code.match_indices("use ").map(|(at, _)| file.code[at + 4..].split(';').next().unwrap_or_default());
    let foreign = uses.filter(|path| !["crate", "super", "self"].iter().any(|start| path.starts_with(start)));
    foreign.flat_map(|path| words(path).map(|at| &path[at])).collect()
}

/// `_`, or a name that takes all.
fn is_wild(pattern: &str) -> bool {
    pattern == "_" || (pattern.starts_with(|c: char| c.is_lowercase()) && pattern.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// The enum of which a pattern such as `&Kind::Name(_)` names a variant.
fn enum_of<'a>(pattern: &'a str, file: &'a SourceFile, ours: &'a BTreeSet<String>) -> Option<&'a str> {
    let pattern = pattern.trim().trim_start_matches('&');
    let path: Vec<&str> = pattern.split(['(', '{', ' ', '@']).next()?.split("::").collect();
    let [.., of, variant] = path.as_slice() else { return None };
    let is_variant = variant.starts_with(char::is_uppercase) && variant.chars().any(char::is_lowercase);
    match *of {
        "Self" => is_variant.then(|| own_type(pattern, file)).flatten().filter(|of| ours.contains(*of)),
        of => (is_variant && ours.contains(of)).then_some(of),
    }
}

/// What `Self` is where `pattern`, a part of the file's code, stands.
fn own_type<'a>(pattern: &str, file: &'a SourceFile) -> Option<&'a str> {
    let at = pattern.as_ptr() as usize - file.code.as_ptr() as usize;
    let (head, _) = file.code[..at].rsplit_once("\nimpl").map(|(_, rest)| rest.split_once('{'))??;
    let head = head.rsplit(" for ").next()?.split(" where ").next()?;
    let head = if head.starts_with('<') { head.split_once("> ")?.1 } else { head };
    head.trim().split('<').next()
}

/// Where each arm of a `match` begins, and its pattern; a guard makes it an arm that takes not all.
fn arms(code: &str, mut at: usize, end: usize) -> Vec<(usize, &str)> {
    let mut arms = Vec::new();
    while let Some(arrow) = outside(code, at, end, "=>") {
        let start = at + code[at..arrow].len() - code[at..arrow].trim_start().len();
        arms.push((start, code[start..arrow].trim()));
        let body = arrow + 2 + code[arrow + 2..end].len() - code[arrow + 2..end].trim_start().len();
        at = match code[body..end].starts_with('{').then(|| block(code, body)).flatten() {
            // A block ends an arm, unless something is called on it.
            Some(block) if !code[block.end..end].trim_start().starts_with(['.', '?']) => {
                block.end + usize::from(code[block.end..end].starts_with(','))
            }
            Some(_) | None => outside(code, body, end, ",").map_or(end, |comma| comma + 1),
        };
    }
    arms
}

/// The first `needle` in `at..end` that stands in no brackets.
fn outside(code: &str, at: usize, end: usize, needle: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (i, b) in code.as_bytes()[at..end].iter().enumerate() {
        match b {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth -= 1,
            _ if depth == 0 && code.as_bytes()[at + i..end].starts_with(needle.as_bytes()) => return Some(at + i),
            _ => {}
        }
    }
    None
}

#[test]
fn wildcards_are_found_on_our_own_enums_only() {
    let text = "enum Kind { One, Two }\nimpl Kind {\n    fn f(&self, t: u8) {\n        match self {\n            Self::One => 1,\n            _ => 2,\n        };\n\
                match t {\n            1 => {}\n            _ => {}\n        }\n        match kind {\n            &Kind::One | Kind::Two { x } if x => { 3 }\n\
                other => f(|_| other),\n        }\n        match foreign {\n            Foreign::One => 1,\n            _ => 2,\n        }\n    }\n}\n";
    let file = SourceFile::of("room.rs".into(), text.into());
    let files = [file];
    let found = wildcards(&files[0], &enums(&files));
    assert_eq!(found, ["src/room.rs:6: `_ =>` beside variants of `Kind`", "src/room.rs:14: `other =>` beside variants of `Kind`"]);
}
