//! Private values: which columns are masked, and what is shown in the place of their values.
//!
//! Values leave the program in a few places: the findings and columns of a report, faults, and rows that are shown or taken
//! out of the quarantine. Each of these asks here. What is not known to be free of values is left out: a new rule, figure or
//! unit shows nothing of a masked column unless it is listed here as harmless.

mod fault;
mod finding;
mod key;
mod mask;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;

pub use self::fault::{Around, quotes_data};
pub use self::finding::{is_harmless, without_quotes};
pub use self::key::MaskKey;
pub use self::mask::Mask;
use crate::diagnostic::{Code, Fault};
use crate::types::path_steps;

/// What stands in the place of a value that is hidden.
pub const HIDDEN: &str = "***";

/// The columns that are masked, by name or path, and the key of their hashes.
#[derive(Debug, Clone, Default)]
pub struct Privacy {
    columns: Vec<MaskedColumn>,
    /// Where each name, and what has these steps, stands first among them. There may be thousands, asked for again and again.
    names: HashMap<String, usize>,
    paths: HashMap<Vec<String>, usize>,
    /// The steps of what holds a masked field.
    around: HashSet<Vec<String>>,
    words: Words,
    key: Option<MaskKey>,
}

#[derive(Debug, Clone)]
struct MaskedColumn {
    name: String,
    /// In lower case: a key that is now written otherwise is the same column.
    steps: Vec<String>,
    mask: Mask,
}

impl Privacy {
    pub fn new(columns: impl IntoIterator<Item = (String, Mask)>, key: Option<MaskKey>) -> Self {
        let mut new = Self { key, ..Self::default() };
        columns.into_iter().for_each(|(name, mask)| new.add(&name, mask));
        new
    }

    /// Masks a column that is not masked yet.
    pub fn add(&mut self, name: &str, mask: Mask) {
        if self.names.contains_key(name) {
            return;
        }
        let (place, steps) = (self.columns.len(), lower(name));
        self.names.insert(name.to_owned(), place);
        self.paths.entry(steps.clone()).or_insert(place);
        self.around.extend((0..steps.len()).map(|end| steps[..end].to_vec()));
        let whole = name.to_lowercase();
        steps.first().into_iter().chain([&whole]).for_each(|name| self.words.add(name));
        self.columns.push(MaskedColumn { name: name.to_owned(), steps, mask });
    }

    /// Makes sure that there is a key where one is needed.
    ///
    /// # Errors
    /// A column is shown by its hash, and there is no key.
    pub fn ensure_key(&self) -> Result<(), Fault> {
        match self.columns.iter().find(|column| column.mask == Mask::Hash) {
            Some(column) if self.key.is_none() => {
                let what = format!("`{}` has `mask: hash`, and there is no key to hash with", column.name);
                Err(Fault::new(Code::InvalidEnvironment, what).hint("set the environment variable SLUICEGATE_MASK_KEY"))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Name and mask of each column.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Mask)> {
        self.columns.iter().map(|column| (column.name.as_str(), column.mask))
    }

    /// Also masks what may hold the values of a masked column under another name. `there` are the names and paths of the
    /// batch, `agreed` those of the contract: where a masked column is not there, a column that the contract does not name
    /// may be it.
    #[must_use]
    pub fn in_batch<'a>(mut self, there: impl Iterator<Item = &'a str> + Clone, agreed: &[&str]) -> Self {
        if self.columns.is_empty() {
            return self;
        }
        let here: Vec<(&str, Vec<String>)> = there.map(|name| (name, lower(name))).collect();
        let is_there: HashSet<&[String]> = here.iter().map(|(_, steps)| steps.as_slice()).collect();
        let agreed: HashSet<Option<String>> = agreed.iter().map(|agreed| lower(agreed).into_iter().next()).collect();
        let absent: Vec<Vec<String>> =
            self.columns.iter().map(|c| c.steps.clone()).filter(|steps| !is_there.contains(steps.as_slice())).collect();
        let mut by_first: HashMap<Option<&String>, Vec<&str>> = HashMap::new();
        here.iter().for_each(|(name, steps)| by_first.entry(steps.first()).or_default().push(name));
        let strangers = || here.iter().filter(|(_, steps)| !agreed.contains(&steps.first().cloned())).map(|(name, _)| *name);
        let (mut has_strangers, mut done) = (false, HashSet::new());
        for steps in &absent {
            // What one column that is gone may be, others may be too: nothing is left to mask for these.
            let may_be: Vec<&str> = match steps.len() > 1 {
                true if done.insert(steps.first()) => by_first.get(&steps.first()).cloned().unwrap_or_default(),
                false if !std::mem::replace(&mut has_strangers, true) => strangers().collect(),
                true | false => continue,
            };
            for name in may_be {
                if self.mask_of(name).is_none() {
                    self.add(name, Mask::Hidden);
                }
            }
        }
        self
    }

    /// How the column `name`, or the field at that path, is masked. What holds a masked field is hidden.
    pub fn mask_of(&self, name: &str) -> Option<Mask> {
        if self.columns.is_empty() {
            return None;
        }
        if let Some(place) = self.names.get(name) {
            return Some(self.columns[*place].mask);
        }
        let steps = lower(name);
        let inside = (0..=steps.len()).filter_map(|end| self.paths.get(&steps[..end])).min().map(|place| self.columns[*place].mask);
        inside.or_else(|| self.around.contains(&steps).then_some(Mask::Hidden))
    }

    /// Whether a text speaks of a masked column, or of what holds one.
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.plain.stand_in(&text) || self.words.quoted.stand_in(&one_quote(&text))
    }

    /// What is shown of a value that is written so.
    pub fn text(&self, mask: Mask, value: &str) -> String {
        match mask {
            Mask::Hidden => HIDDEN.to_owned(),
            Mask::Hash => self.key.as_ref().map_or_else(|| HIDDEN.to_owned(), |key| key.hash(value)),
            Mask::Partial => mask::partial(value),
        }
    }

    /// What is shown of a value of a report. A missing value is no value.
    pub fn json(&self, mask: Mask, value: &Json) -> Json {
        match value {
            Json::Null => Json::Null,
            Json::String(text) => self.text(mask, text).into(),
            // Numbers are never shown in part: their ends say how large they are.
            other if mask == Mask::Partial => self.text(Mask::Hidden, &other.to_string()).into(),
            other => self.text(mask, &other.to_string()).into(),
        }
    }

    /// The masks as a file keeps them.
    pub fn to_text(&self) -> String {
        let columns = self.columns().map(|(name, mask)| (name.to_owned(), Json::from(mask.as_str())));
        Json::Object(columns.collect()).to_string()
    }

    /// The masks that a file keeps; none if it is no such text.
    pub fn from_text(text: &str, key: Option<MaskKey>) -> Option<Self> {
        let Ok(Json::Object(columns)) = serde_json::from_str(text) else { return None };
        let column = |(name, mask): (String, Json)| Some((name, Mask::named(mask.as_str()?)?));
        Some(Self::new(columns.into_iter().map(column).collect::<Option<Vec<_>>>()?, key))
    }
}

fn lower(name: &str) -> Vec<String> {
    path_steps(name).into_iter().map(|step| step.to_lowercase()).collect()
}

/// The text with one `"` for quotes and backslashes in a row: a name that holds some is written in as many ways as SQL and
/// YAML have to write them, such as `"s""n"` and `\"s\"\"n\"`.
fn one_quote(text: &str) -> String {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`' | '\\');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_quote(c) {
            true if out.ends_with('"') => {}
            true => out.push('"'),
            false => out.push(c),
        }
    }
    out
}

/// Names to be found in texts: as they are, and with one quote for several.
#[derive(Debug, Clone, Default)]
struct Words {
    plain: WordSet,
    quoted: WordSet,
}

impl Words {
    fn add(&mut self, name: &str) {
        self.plain.add(name);
        self.quoted.add(&one_quote(name));
    }
}

/// Words that may stand in a text, by their lengths in bytes: few lengths, of however many words.
#[derive(Debug, Clone, Default)]
struct WordSet(BTreeMap<usize, HashSet<String>>);

impl WordSet {
    fn add(&mut self, word: &str) {
        if !word.is_empty() {
            self.0.entry(word.len()).or_default().insert(word.to_owned());
        }
    }

    /// Whether one of them stands in the text by itself.
    fn stand_in(&self, text: &str) -> bool {
        let is_inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let mut before = None;
        text.char_indices().any(|(at, c)| {
            let begins = !is_inside(before.replace(c));
            let is_word = |len: usize, words: &HashSet<String>| {
                let word = text.get(at..at + len);
                word.is_some_and(|word| words.contains(word)) && !is_inside(text[at + len..].chars().next())
            };
            begins && self.0.iter().take_while(|(len, _)| at + **len <= text.len()).any(|(len, words)| is_word(*len, words))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[(&str, Mask)]) -> Privacy {
        Privacy::new(columns.iter().map(|(name, mask)| ((*name).to_owned(), *mask)), None)
    }

    #[test]
    fn a_mask_holds_for_what_lies_inside_and_hides_what_lies_around() {
        let privacy = of(&[("address.city", Mask::Partial), ("tags", Mask::Hash)]);
        let masks = ["address.city", "address", "address.zip", "tags", "tags[]", "tags[].name", "TAGS", "tag"].map(|n| privacy.mask_of(n));
        let (hidden, hash) = (Some(Mask::Hidden), Some(Mask::Hash));
        assert_eq!(masks, [Some(Mask::Partial), hidden, None, hash, hash, hash, hash, None]);
        assert!(privacy.mentions("upper(Address['city']) = 'x'") && privacy.mentions("\"tags\"") && !privacy.mentions("addresses"));
    }

    #[test]
    fn a_name_with_quotes_is_found_however_it_is_written() {
        let privacy = of(&[("s\"n", Mask::Hidden), ("it's", Mask::Hash)]);
        for text in [r#"upper("s""n")"#, r#"NOT"s""n" > 5"#, r#"sql: "cast(\"s\"\"n\" as int)""#, "no `s\"n` here", r#"sql: '"it''s" > 1'"#]
        {
            assert!(privacy.mentions(text), "{text}");
        }
        assert!(!privacy.mentions(r#""s" || "n""#) && !privacy.mentions("sn it s"));
    }

    #[test]
    fn a_masked_column_that_is_gone_may_have_another_name() {
        let agreed = ["id", "ssn", "address.city"];
        let masks = |there: &[&str]| {
            let privacy = of(&[("ssn", Mask::Hash), ("address.city", Mask::Partial)]).in_batch(there.iter().copied(), &agreed);
            there.iter().filter(|name| privacy.mask_of(name).is_some()).map(|name| (*name).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(masks(&["id", "ssn", "new", "address", "address.city", "address.zip"]), ["ssn", "address", "address.city"]);
        assert_eq!(masks(&["id", "social", "address", "address.town"]), ["social", "address", "address.town"]);
    }

    #[test]
    fn masks_come_back_as_they_were_kept() {
        let privacy = of(&[("a.b", Mask::Partial), ("c", Mask::Hash), ("d", Mask::Hidden)]);
        let text = privacy.to_text();
        assert_eq!(text, r#"{"a.b":"partial","c":"hash","d":"hidden"}"#);
        let back = Privacy::from_text(&text, None).expect("masks");
        assert_eq!(back.columns().collect::<Vec<_>>(), privacy.columns().collect::<Vec<_>>());
        assert!(Privacy::from_text(r#"{"a":"other"}"#, None).is_none() && Privacy::from_text("x", None).is_none());
        assert!(back.ensure_key().is_err());
        // Nothing is ever shown for want of a key.
        assert_eq!(back.json(Mask::Hash, &5.into()), HIDDEN);
    }
}
