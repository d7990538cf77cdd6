//! What is wrong, where, and what to do about it.
//!
//! A [`Fault`] is a mistake a person can mend: in a rule file, on the command line, or in the
//! data's surroundings (a path that is not there, a column that is missing). Faults are collected
//! so that one run names all of them.

mod code;
mod misread;
mod place;
mod sought;
mod synonyms;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use code::Code;
pub use misread::Misread;
pub use place::Place;
pub use sought::Sought;
pub use synonyms::plain;

/// One mistake, with its place and a hint at the next step where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub place: Option<Place>,
    pub what: String,
    pub hint: Option<String>,
}

impl Fault {
    /// A fault that says `what` is wrong. Credentials in URLs are never told: messages go to terminals, logs and reports.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, place: None, what: without_credentials(what.into()), hint: None }
    }

    /// Where it begins.
    fn start(&self) -> Option<(&str, u32, u32)> {
        self.place.as_ref().map(|place| (place.file.as_str(), place.line, place.column))
    }

    /// A fault from what a reader of texts says, who knows neither its place nor its kind.
    pub fn told(code: Code, misread: impl Into<Misread>) -> Self {
        let Misread { what, hint } = misread.into();
        let fault = Self::new(code, what);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(without_credentials(hint.into()));
        self
    }

    /// Adds "did you mean …?" where a known name is close to `name`, else lists the known ones.
    #[must_use]
    pub fn hint_nearest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match among(name, known) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same where many names may be unknown, among many that are known.
    #[must_use]
    pub fn hint_nearest_within<'a>(self, sought: &Sought, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let hint = if sought.admits(known.size_hint().0) { among(name, known) } else { listing(known) };
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same where `word` should have been one of the `allowed` words: it may also be what another tool calls one of them.
    /// All of them are listed where none is near.
    #[must_use]
    pub fn hint_word<'a>(self, word: &str, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        match among_words(word, allowed) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Fault", 5)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("place", &self.place.as_ref().map(ToString::to_string))?;
        fields.serialize_field("what", &self.what)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.serialize_field("span", &self.place)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            code: Option<String>,
            place: Option<String>,
            what: String,
            hint: Option<String>,
            span: Option<Place>,
        }
        let Written { code, place, what, hint, span } = Written::deserialize(deserializer)?;
        let code = code.and_then(|code| Code::ALL.iter().copied().find(|known| known.as_str() == code)).unwrap_or(Code::Other);
        Ok(Self { code, place: span.or_else(|| place.as_deref().map(Place::read)), what, hint })
    }
}

/// Every mistake found, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The value, or none with its faults noted here.
    pub fn take_all<T>(&mut self, result: Result<T, Faults>) -> Option<T> {
        result.map_err(|more| self.extend(more)).ok()
    }

    pub fn extend(&mut self, more: impl IntoIterator<Item = Fault>) {
        self.0.extend(more);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of them, where only one can be told.
    pub fn into_first(self) -> Fault {
        self.0.into_iter().next().unwrap_or_else(|| Fault::new(Code::Internal, "unknown fault"))
    }

    /// `Ok(value)` when nothing was found, else everything that was, sorted by place.
    pub fn or_ok<T>(mut self, value: T) -> Result<T, Faults> {
        if self.is_empty() {
            return Ok(value);
        }
        self.0.sort_by(|a, b| a.start().cmp(&b.start()));
        self.0.dedup_by(|a, b| a.start() == b.start() && a.what == b.what && a.hint == b.hint);
        Err(self)
    }

    /// Keeps the value of `result`, or its faults.
    pub fn take<T>(&mut self, result: Result<T, impl Into<Faults>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                self.extend(faults.into().0);
                None
            }
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The text with `…` for what URLs in it hold before an `@` or after a `?`: names and passwords, signatures.
pub fn without_credentials(text: String) -> String {
    if !text.contains("://") {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(found) = rest.find("://") {
        let (before, url) = rest.split_at(found + 3);
        out += before;
        let next = url.find("://").unwrap_or(url.len());
        let end = url[..next].find(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>')).unwrap_or(next);
        // Such a character in a password ends no URL.
        let host = url[..next].find(['/', '?', '#', '\n']).unwrap_or(next);
        let end = url[..host].rfind('@').filter(|&at| !url[..at].contains(": ")).map_or(end, |at| end.max(at + 1));
        let (url, after) = url.split_at(end);
        // A password may hold a slash that nobody escaped, so all up to the last `@` is one.
        let (secret, place) = url.rsplit_once('@').map_or(("", url), |(secret, place)| (secret, place));
        out += if secret.is_empty() { "" } else { "…@" };
        match place.split_once('?') {
            Some((place, query)) if !query.is_empty() && !before.ends_with("file://") => {
                out += place;
                out += "?…";
            }
            Some(_) | None => out += place,
        }
        rest = after;
    }
    out += rest;
    out
}

/// The known name nearest to `name`, if one is near enough to be a likely slip.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    // A distance takes time and memory by both lengths; nobody mistypes a name of thousands of letters.
    let fits = |k: &&str| k.len().max(name.len()) <= NAME_BYTES_MAX;
    known
        .into_iter()
        .filter(fits)
        .map(|k| (strsim::damerau_levenshtein(&name, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + k.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// "did you mean …?" where a known name is close to `name`, else the first known ones; none where none is known.
fn among<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => listing(known.into_iter()),
    }
}

/// The first known names, and how many more there are; none where none is known.
pub fn listing<'a>(mut known: impl Iterator<Item = &'a str>) -> Option<String> {
    const SHOWN_MAX: usize = 12;
    let first: Vec<&str> = known.by_ref().take(SHOWN_MAX).collect();
    if first.is_empty() {
        return None;
    }
    let more = match known.size_hint() {
        (least, Some(most)) if least == most => least,
        _ => known.count(),
    };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("known: {}{more}", listed(&first)))
}

/// The same for words of a rule file, of which all are listed; what another tool calls a word counts before what is spelled
/// alike.
fn among_words<'a>(word: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    // A difference in case alone is a slip, whatever the word means elsewhere.
    let slip = allowed.iter().find(|a| plain(a) == plain(word));
    if let Some((key, value)) = word.split_once(':').filter(|(key, value)| allowed.contains(key) && !value.is_empty()) {
        return Some(format!("a blank must follow the `:`, so write `{key}: {value}`"));
    }
    match (slip, synonyms::instead_of(word, &allowed)) {
        (Some(slip), _) => Some(format!("did you mean `{slip}`?")),
        (None, Some(write)) => Some(format!("write {write}")),
        (None, None) => match nearest(word, allowed.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if allowed.is_empty() => None,
            None if allowed.len() == 1 => Some(format!("write {}", listed(&allowed))),
            None => Some(format!("write one of {}", listed(&allowed))),
        },
    }
}

/// Whether `word` may be meant as `ours`: a slip, or what another tool calls it.
pub fn may_mean(word: &str, ours: &str) -> bool {
    nearest(word, [ours]).is_some() || synonyms::instead_of(word, &[ours]).is_some()
}

/// Longer names are not compared.
const NAME_BYTES_MAX: usize = 256;

fn listed(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_transposed_letters_and_rejects_strangers() {
        assert_eq!(nearest("emial", ["id", "email"]), Some("email"));
        assert_eq!(nearest("Email", ["id", "email"]), Some("email"));
        assert_eq!(nearest("zebra", ["id", "email"]), None);
    }

    #[test]
    fn credentials_in_urls_are_not_told() {
        let told = |text: &str| Fault::new(Code::Internal, text).hint(text).to_string();
        for text in [
            "s3://KEY:SECRET@lake/orders: no bucket",
            "cannot reach `http://user:SECRET@localhost:9000`, nor https://KEY:SE/SECRET@x",
            "https://store/x?X-Amz-Signature=SECRET&a=b failed",
            "error (url: \"http://u:SECRET@h/p?token=SECRET\")",
            "a://b@c://d:SECRET@e",
            "s3://K:SECRET x@lake/orders: no",
            "unexpected `s3://K:\"SECRET`@lake/orders`",
            "s3://lake/orders?SECRET: no",
        ] {
            assert!(!told(text).contains("SECRET"), "{}", told(text));
        }
        assert_eq!(Fault::new(Code::Internal, "s3://K:S@lake/orders: is gone").what, "s3://…@lake/orders: is gone");
        for plain in [
            "s3://lake/orders: is gone",
            "https://example.org/runbook#a",
            "s3://lake: mail a@b.c",
            "file:///d/?.csv",
            "is it s3://lake/orders?",
            "what? a=b",
        ] {
            assert_eq!(Fault::new(Code::Internal, plain).what, plain);
        }
    }

    #[test]
    fn fault_reads_place_what_hint() {
        let fault = Fault::new(Code::UnknownColumn, "unknown column `emial`").at(Place::read("r.yaml:14:18")).hint("did you mean `email`?");
        assert_eq!(fault.to_string(), "r.yaml:14:18: unknown column `emial`; did you mean `email`?");
    }
}
