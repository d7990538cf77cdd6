//! Text against regular expressions and LIKE patterns.

mod automaton;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::automaton::Matcher;
use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::words::Texts;
use super::{Alone, Binder, GroupFacts, Judge, RowTest, Rule, Subject, Tested};
use crate::diagnostic::{Code, Fault, Faults, Misread};
use crate::metric::Column;
use crate::rows::Mask;
use crate::yaml::Spanned;

/// Text that does not look as it should.
///
/// A regular expression matches anywhere in the text unless it is anchored with `^` and `$`. A LIKE
/// pattern matches the whole text: `%` is any text, `_` one character, a backslash takes the next character
/// as it is. Matching takes time linear in the text, whatever the expression. An empty
/// text is a text.
///
/// - Missing values: missing text passes, unless `nulls: fail`.
/// - No rows: `no_data`.
///
/// Why: e-mail addresses without an `@`, blank comments, identifiers of another system.
///
/// ```yaml
/// - pattern: { column: email, regex: '^[^@ ]+@[^@ ]+$' }
/// - pattern: { column: comment, regex: '^\s*$', match: none }
/// - pattern: { column: code, like: ["A-%", "B-___"] }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    /// A regular expression, or a list of them. If left out: required unless `like` is given.
    regex: Option<Spanned<Texts>>,
    /// A LIKE pattern, or a list of them. If left out: required unless `regex` is given.
    like: Option<Spanned<Texts>>,
    /// How many of the expressions must match.
    #[serde(default, rename = "match")]
    matching: Matching,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Matching {
    #[default]
    Any,
    All,
    None,
}

impl Rule for Pattern {
    const NAME: &'static str = "pattern";
    const SUBJECT: Subject = Subject::Column;
    const NAMES_ROWS: bool = true;

    fn validate(&self, alone: &mut Alone<'_>) {
        for (given, compiled) in self.compiled() {
            if let Err(why) = compiled {
                alone.fault_at(given, Code::InvalidValue, why);
            }
        }
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        faults.0.extend(to.not_text(Self::NAME, &column));
        if self.regex.is_none() && self.like.is_none() {
            faults.push(to.fault(Code::MissingWord, "no expression is given").hint("give `regex` or `like`"));
        }
        if let Some(empty) = [&self.regex, &self.like].into_iter().flatten().find(|texts| texts.0.is_empty()) {
            faults.push(to.fault_at(empty, Code::InvalidValue, "no expression is given").hint("write `regex: '^[A-Z]+$'`"));
        }
        let mut regexes = Vec::new();
        for (given, compiled) in self.compiled() {
            regexes.extend(faults.take(compiled.map_err(|why| to.fault_at(given, Code::InvalidValue, why))));
        }
        faults.or_ok(())?;
        let given = self.regex.iter().chain(&self.like).flat_map(|texts| texts.0.clone());
        let texts = given.collect::<Vec<_>>().join("`, `");
        let says = match self.matching {
            Matching::Any | Matching::All => format!("not matching `{texts}`"),
            Matching::None => format!("matching `{texts}`"),
        };
        let matchers = regexes.into_iter().map(Matcher::new).collect();
        let test = to.row_test(PatternTest { matchers, matching: self.matching }, &[column.index]);
        Ok(Box::new(PatternCheck { test, says }))
    }
}

impl Pattern {
    /// Every expression, compiled, with the key that gives it.
    fn compiled(&self) -> impl Iterator<Item = (&Spanned<Texts>, Result<Regex, Misread>)> {
        let of_regex = self.regex.iter().flat_map(|given| given.0.iter().map(move |text| (given, regex(text))));
        let of_like = self.like.iter().flat_map(|given| {
            let compiled = |text: &String| like(text).map_err(|why| Misread::new(format!("`{text}` is not a LIKE pattern: {why}")));
            given.0.iter().map(move |text| (given, compiled(text)))
        });
        of_regex.chain(of_like)
    }
}

fn regex(text: &str) -> Result<Regex, Misread> {
    Regex::new(text).map_err(|e| {
        let why = e.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let misread = Misread::new(format!("`{text}` is not a regular expression: {why}"));
        match text {
            _ if text.contains("(?=") || text.contains("(?!") || text.contains("(?<=") || text.contains("(?<!") => misread
                .hint("matching takes linear time, so there is no looking around; use two patterns with `match: all` or `match: none`"),
            _ if text.starts_with('*') || text.starts_with('?') => {
                misread.hint(format!("for a file-like pattern write `like: '{}'`", text.replace('*', "%").replace('?', "_")))
            }
            _ if text.starts_with('/') && text.ends_with('/') => misread.hint("leave out the slashes around it"),
            _ if why.contains("backreferences") => misread.hint("an expression cannot refer to what it matched before"),
            _ => misread
                .hint("write a character that has a meaning of its own with a backslash, such as `\\(`, and the pattern in single quotes"),
        }
    })
}

/// A LIKE pattern as a regular expression over the whole text.
fn like(pattern: &str) -> Result<Regex, String> {
    let mut regex = String::from("(?s)^");
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '\\' => match characters.next() {
                Some(escaped) => regex.push_str(&regex::escape(&escaped.to_string())),
                None => return Err("nothing stands behind the last `\\`".into()),
            },
            plain => regex.push_str(&regex::escape(&plain.to_string())),
        }
    }
    regex.push('$');
    Regex::new(&regex).map_err(|e| e.to_string())
}

struct PatternTest {
    matchers: Vec<Matcher>,
    matching: Matching,
}

impl RowTest for PatternTest {
    fn test(&self, columns: &[&Column], _: usize) -> Tested {
        let matches_of =
            |matcher: &Matcher| matcher.run(|is_match| columns[0].texts_for_which(is_match)).expect("the rule binds to text alone");
        let matches = self.matchers.iter().map(matches_of);
        let matches = match self.matching {
            Matching::All => matches.reduce(|all, one| all.and(&one)),
            Matching::Any | Matching::None => matches.reduce(|any, one| any.or(&one)),
        }
        .unwrap_or(Mask::None);
        let fails = match self.matching {
            Matching::Any | Matching::All => matches.not().without(columns[0].missing()),
            Matching::None => matches,
        };
        Tested { fails, unknown: columns[0].missing().clone() }
    }
}

#[derive(Clone)]
struct PatternCheck {
    test: TestHandle,
    says: String,
}

impl SinglePass for PatternCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        Ok(Judgement::Rows(RowsJudged::of_test(facts.test(self.test), &self.says)))
    }
}
