use std::collections::HashSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::facts::SinglePass;
use super::judgement::Judgement;
use super::limits::{CountLimits, Given};
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Finding, Message, Outcome, Unit, figures};
use crate::shown::counted;
use crate::yaml::Spanned;

/// Which columns there are.
///
/// The columns that rules see: those of the data, then those that `transform` adds. Fields of
/// structs are no columns.
///
/// - No rows: judged all the same: the rule is about columns.
///
/// Why: a loader that matches columns by place takes one for another without a word.
///
/// ```yaml
/// - column_set: { contains: [id, price] }
/// - column_set: { exactly: [id, name, price] }      # in this order, no others
/// - column_set: { set: [price, id, name], count: 3 }
/// - column_set: { count: { min: 3, below: 10 } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnSet {
    /// At least these. If left out: not judged.
    contains: Option<Spanned<Vec<String>>>,
    /// These, in this order, and no others. If left out: not judged.
    exactly: Option<Spanned<Vec<String>>>,
    /// These, in any order, and no others. If left out: not judged.
    set: Option<Spanned<Vec<String>>>,
    /// How many. If left out: not judged.
    count: Option<Spanned<Count>>,
}

/// A number, or bounds of one.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
enum Count {
    Exactly(u64),
    Between(Between),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Between {
    /// At least so many.
    min: Option<Spanned<u64>>,
    /// At most so many.
    max: Option<Spanned<u64>>,
    /// More than so many.
    above: Option<Spanned<u64>>,
    /// Fewer than so many.
    below: Option<Spanned<u64>>,
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a whole number or bounds such as `{ min: 3, max: 10 }`")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Count, E> {
                Ok(Count::Exactly(n))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
                Between::deserialize(de::value::MapAccessDeserializer::new(map)).map(Count::Between)
            }
        }
        deserializer.deserialize_u64(Either)
    }
}

impl Rule for ColumnSet {
    const NAME: &'static str = "column_set";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = false;
    const JUDGES: Judges = Judges::Columns;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let found: Vec<String> = to.schema().fields().iter().map(|f| f.name().clone()).collect();
        let mut wrong: Vec<String> = Vec::new();
        let sets = [&self.contains, &self.exactly, &self.set];
        match sets.iter().filter(|s| s.is_some()).count() {
            0 if self.count.is_none() => {
                return Err(to
                    .fault(Code::MissingWord, "`column_set` says nothing")
                    .hint("give `contains`, `exactly`, `set` or `count`")
                    .into());
            }
            0 | 1 => {}
            _ => {
                return Err(to
                    .fault(Code::ConflictingWords, "`contains`, `exactly` and `set` exclude each other")
                    .hint("give one of them")
                    .into());
            }
        }
        if let Some(given) = sets.into_iter().flatten().next() {
            if given.is_empty() {
                return Err(to.fault_at(given, Code::InvalidValue, "no column is named").into());
            }
            let [there, asked] = [&found, &given.value].map(|names| names.iter().collect::<HashSet<_>>());
            let lacks: Vec<&String> = given.iter().filter(|name| !there.contains(name)).collect();
            let extra: Vec<&String> = found.iter().filter(|name| !asked.contains(name)).collect();
            if !lacks.is_empty() {
                wrong.push(format!("{} missing", is_are(&lacks)));
            }
            if self.contains.is_none() && !extra.is_empty() {
                wrong.push(format!("{} not expected", is_are(&extra)));
            }
            if self.exactly.is_some() && lacks.is_empty() && extra.is_empty() && found != given.value {
                let (is, should) = (found.iter().collect::<Vec<_>>(), given.iter().collect::<Vec<_>>());
                wrong.push(format!("the order is {}, not {}", quoted(&is), quoted(&should)));
            }
        }
        if let Some(given) = &self.count {
            let n = found.len() as u64;
            let broken = match &given.value {
                Count::Exactly(expected) => (n != *expected).then(|| format!("not {expected}")),
                Count::Between(Between { min, max, above, below }) => {
                    let bounds = Given { min: min.as_ref(), max: max.as_ref(), above: above.as_ref(), below: below.as_ref() };
                    CountLimits::read(&bounds, to)?.breaks(n)
                }
            };
            wrong.extend(broken.map(|broken| format!("{}, {broken}", counted(n, "column"))));
        }
        Ok(Box::new(ColumnSetCheck { found: found.len() as u64, wrong: wrong.into() }))
    }
}

/// "`a` is", "`a`, `b` are".
fn is_are(names: &[&String]) -> String {
    format!("{} {}", quoted(names), if names.len() == 1 { "is" } else { "are" })
}

fn quoted(names: &[&String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

#[derive(Clone)]
struct ColumnSetCheck {
    found: u64,
    /// What is wrong with the columns; empty if nothing is.
    wrong: Message,
}

impl SinglePass for ColumnSetCheck {
    fn judge(&self, _: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let fits = self.wrong.is_empty();
        Ok(Judgement::measured(Finding {
            outcome: if fits { Outcome::Pass } else { Outcome::Fail },
            observed: self.found.into(),
            unit: Unit::COLUMNS,
            message: if fits { counted(self.found, "column").into() } else { self.wrong.clone() },
            figures: Figures::from([(&figures::COLUMNS, self.found.into())]),
            ..Finding::default()
        }))
    }
}
