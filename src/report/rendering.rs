//! What a renderer is told beside the report.

use std::fmt::Write;

/// What a renderer is told beside the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendering {
    pub values: Values,
    pub repository: Repository,
}

/// Whether values of the data are shown; those of masked columns are hidden before a report is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Values {
    #[default]
    Shown,
    Hidden,
}

/// Where the program runs within a repository: code hosts know files by their paths from its root. Without it, paths stay as
/// they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// Its root, as an absolute path.
    pub root: String,
    /// Where the program runs, as an absolute path.
    pub here: String,
}

impl Repository {
    /// The path from the root of the repository; as it was given, without detours, if it lies elsewhere. None for what is no
    /// path: standard input, a URL.
    pub(super) fn path(&self, given: &str) -> Option<String> {
        if given.is_empty() || given == "-" || scheme(given).is_some() {
            return None;
        }
        let absolute = if given.starts_with('/') || self.root.is_empty() { given.to_owned() } else { format!("{}/{given}", self.here) };
        let plain = without_detours(&absolute);
        let root = without_detours(&self.root);
        let below = plain.strip_prefix(&root).and_then(|rest| rest.strip_prefix('/')).filter(|_| !self.root.is_empty());
        Some(below.map_or_else(|| if given.starts_with('/') { plain.clone() } else { without_detours(given) }, str::to_owned))
    }

    /// The same as a URI reference (RFC 3986): relative, `file://` where it is an absolute path, or the URL itself.
    pub(super) fn uri(&self, given: &str) -> Option<String> {
        match (scheme(given), self.path(given)) {
            (Some((scheme, rest)), _) => Some(format!("{scheme}://{}", encoded(rest, is_of_url))),
            (None, Some(path)) if path.starts_with('/') => Some(format!("file://{}", encoded(&path, is_of_path))),
            (None, Some(path)) => Some(encoded(&path, is_of_path)),
            (None, None) => None,
        }
    }
}

/// The scheme of a URL, and what follows it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

/// The path without `.`, and without `..` where that can be.
fn without_detours(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/').filter(|step| !step.is_empty() && *step != ".") {
        match steps.last() {
            Some(last) if step == ".." && *last != ".." => _ = steps.pop(),
            // Nothing lies above the root.
            None if step == ".." && path.starts_with('/') => {}
            Some(_) | None => steps.push(step),
        }
    }
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, steps.join("/"))
}

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@/".contains(&byte)
}

/// What is percent-encoded in a URL stays so.
fn is_of_url(byte: u8) -> bool {
    is_of_path(byte) || b":?%".contains(&byte)
}

fn encoded(text: &str, stays: fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match stays(byte) {
            true => out.push(char::from(byte)),
            false => write!(out, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    out
}

/// The URL as a link that a reader may follow, if it is one of the web.
pub(super) fn web_link(url: &str) -> Option<String> {
    let (scheme, rest) = scheme(url)?;
    let is_of_link = |byte: u8| is_of_url(byte) || byte == b'#';
    // A `#` begins a fragment; a second one would be none.
    let is_one = rest.matches('#').count() <= 1 && !rest.is_empty() && is_percent_encoded(rest);
    (["http", "https"].contains(&scheme) && is_one && rest.bytes().all(is_of_link)).then(|| url.to_owned())
}

fn is_percent_encoded(text: &str) -> bool {
    let is_hex = |part: &str| part.len() >= 2 && part.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    text.split('%').skip(1).all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_the_root_of_the_repository() {
        let repository = Repository { root: "/srv/project".into(), here: "/srv/project/jobs/daily".into() };
        let nowhere = Repository::default();
        for (given, in_repository, elsewhere) in [
            ("r.yaml", Some("jobs/daily/r.yaml"), Some("r.yaml")),
            ("./a/../r.yaml", Some("jobs/daily/r.yaml"), Some("r.yaml")),
            ("../../rules/r.yaml", Some("rules/r.yaml"), Some("../../rules/r.yaml")),
            ("../../../other/r.yaml", Some("../../../other/r.yaml"), Some("../../../other/r.yaml")),
            ("/srv/project/data/d.csv", Some("data/d.csv"), Some("/srv/project/data/d.csv")),
            ("/srv/project2/d.csv", Some("/srv/project2/d.csv"), Some("/srv/project2/d.csv")),
            ("/../d.csv", Some("/d.csv"), Some("/d.csv")),
            ("-", None, None),
            ("", None, None),
            ("s3://lake/d.csv", None, None),
        ] {
            assert_eq!(repository.path(given).as_deref(), in_repository, "{given}");
            assert_eq!(nowhere.path(given).as_deref(), elsewhere, "{given}");
        }
    }

    #[test]
    fn paths_and_urls_are_uris() {
        let nowhere = Repository::default();
        for (given, uri) in [
            ("a b/ü#1?.csv", "a%20b/%C3%BC%231%3F.csv"),
            ("c:d.csv", "c%3Ad.csv"),
            ("100%.csv", "100%25.csv"),
            ("/data/d.csv", "file:///data/d.csv"),
            ("s3://lake/a b/d.csv", "s3://lake/a%20b/d.csv"),
            ("https://host:8080/x?day=1%202", "https://host:8080/x?day=1%202"),
            ("a\nb<c>\".csv", "a%0Ab%3Cc%3E%22.csv"),
        ] {
            assert_eq!(nowhere.uri(given).as_deref(), Some(uri), "{given}");
        }
        assert_eq!(web_link("https://wiki.example.org/run%20book?x=1#a").as_deref(), Some("https://wiki.example.org/run%20book?x=1#a"));
        for none in [
            "javascript:alert(1)",
            "javascript://x",
            "https://a b",
            "https://",
            "ftp://x",
            "https://x/%zz",
            "https://a\"b",
            "https://a#b#c",
        ] {
            assert_eq!(web_link(none), None, "{none}");
        }
    }
}
