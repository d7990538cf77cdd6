use arrow::buffer::{BooleanBuffer, MutableBuffer};
use arrow::datatypes::DataType;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::Simple;
use super::judgement::{Judgement, RowsJudged};
use super::requests::TestHandle;
use super::words::Texts;
use super::{Binder, Check, RowTest, Rule, Subject, Tested, View};
use crate::diagnostic::Faults;
use crate::metric::Column;
use crate::rows::Mask;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Text that does not look as it should.
///
/// A regular expression matches anywhere in the text unless it is anchored with `^` and `$`.
/// Matching takes time linear in the text, whatever the expression.
///
/// Why: e-mail addresses without an `@`, blank comments, identifiers of another system.
///
/// ```yaml
/// - pattern: { column: email, regex: '^[^@ ]+@[^@ ]+$' }
/// - pattern: { column: comment, regex: '^\s*$', match: none }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// A regular expression, or a list of them.
    regex: Spanned<Texts>,
    /// How many of the expressions must match.
    #[serde(default, rename = "match")]
    matching: Matching,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
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

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Check>, Faults> {
        let column = to.column();
        let mut faults = Faults::default();
        if !matches!(column.data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            let what = format!("`pattern` needs text, but `{}` is {}", column.name, type_name(&column.data_type));
            faults.push(to.fault(what));
        }
        if self.regex.0.is_empty() {
            faults.push(to.fault_at(&self.regex, "no expression is given"));
        }
        let mut regexes = Vec::new();
        for text in &self.regex.0 {
            let compiled = Regex::new(text).map_err(|e| {
                let why = e.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                to.fault_at(&self.regex, format!("`{text}` is not a regular expression: {why}"))
            });
            regexes.extend(faults.take(compiled));
        }
        faults.or_ok(())?;
        let texts = self.regex.0.join("`, `");
        let says = match self.matching {
            Matching::Any | Matching::All => format!("not matching `{texts}`"),
            Matching::None => format!("matching `{texts}`"),
        };
        let test = to.row_test(PatternTest { regexes, matching: self.matching }, &[column.index]);
        Ok(Box::new(PatternCheck { test, says }))
    }
}

struct PatternTest {
    regexes: Vec<Regex>,
    matching: Matching,
}

impl RowTest for PatternTest {
    fn test(&self, columns: &[&Column], len: usize) -> Tested {
        let mut bits = MutableBuffer::from_len_zeroed(len.div_ceil(8));
        columns[0].for_each_text(&Mask::All, |i, text| {
            let mut matches = self.regexes.iter().map(|r| r.is_match(text));
            let passes = match self.matching {
                Matching::Any => matches.any(|m| m),
                Matching::All => matches.all(|m| m),
                Matching::None => !matches.any(|m| m),
            };
            if !passes {
                arrow::util::bit_util::set_bit(&mut bits, i);
            }
        });
        let fails = Mask::new(BooleanBuffer::new(bits.into(), 0, len));
        Tested { fails, unknown: columns[0].missing().clone() }
    }
}

#[derive(Clone)]
struct PatternCheck {
    test: TestHandle,
    says: String,
}

impl Simple for PatternCheck {
    fn judge(&self, view: &View<'_>) -> Judgement {
        Judgement::Rows(RowsJudged::of_test(view.test(self.test), &self.says))
    }
}
