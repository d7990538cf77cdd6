use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::SinglePass;
use super::judgement::{Judgement, RowsJudged};
use super::requests::Handle;
use super::{Binder, GroupFacts, Judge, Judges, Rule, Subject};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, figures};
use crate::metric::agreement::{Agreement, AgreementSpec};
use crate::metric::completeness::Completeness;
use crate::rows::RowSet;
use crate::yaml::Spanned;

/// Rows with one key and different values.
///
/// A key determines the values of `on`: all rows that share the key have the same. Where they have not, each of them fails,
/// since nobody knows which is right; with `keep: majority` the rows stay that have the value of more than half of the key's
/// rows. Each column of `on` is judged by itself; a row fails if one of them does. The figures say how many keys there are,
/// how many come with several values, and of several columns how many rows each fails. Keys are compared by 128-bit hashes over
/// canonical values (int32 equals int64), the values by 64-bit ones. All rows are held in memory, within `--memory-limit`; a batch
/// for which that is too little is not judged.
///
/// - Missing values and NaN: a row without a part of its key is passed over, and so is a missing value: it is no other value.
/// - Infinities: they are values, and each equals itself.
/// - No rows: `no_data`.
///
/// Why: one postcode in two cities, one product with two names, one text with two labels: one of the two is wrong, and a model
/// learns both.
///
/// ```yaml
/// - conflicts: { key: [text], on: [label] }
/// - conflicts: { key: [zip], on: [city, state], keep: majority }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Conflicts {
    /// The columns that together determine the values.
    key: Spanned<Vec<Spanned<String>>>,
    /// The columns whose values follow from the key.
    on: Spanned<Vec<Spanned<String>>>,
    /// Which rows of a key with several values stay: `none`, or those with the value that more than half of them have. If left out: `none`.
    #[serde(default)]
    keep: Keep,
}

/// Which rows stay where values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Keep {
    #[default]
    None,
    Majority,
}

impl Rule for Conflicts {
    const NAME: &'static str = "conflicts";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Measures;

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        for (word, names) in [("key", &self.key), ("on", &self.on)] {
            if names.value.is_empty() {
                faults.push(to.fault_at(names, Code::InvalidValue, format!("`{word}` names no column")).hint("name at least one"));
            }
        }
        let (mut columns, mut names) = (Vec::new(), Vec::new());
        for name in self.key.value.iter().chain(&self.on.value) {
            let Some(column) = faults.take(to.find(name)) else { continue };
            if columns.contains(&column.index) {
                faults.push(to.fault_at(name, Code::ConflictingWords, format!("`{}` stands twice", name.value)));
            }
            columns.push(column.index);
            names.push(column.name);
        }
        faults.or_ok(())?;
        let keys = self.key.value.len();
        let spec = AgreementSpec { keys, majority: self.keep == Keep::Majority };
        let found = to.want::<Agreement>(spec, &columns);
        let rows = to.rows_in_scope();
        Ok(Box::new(ConflictsCheck { found, rows, on: names.split_off(keys), keep: self.keep }))
    }
}

#[derive(Clone)]
struct ConflictsCheck {
    found: Handle<Agreement>,
    rows: Handle<Completeness>,
    on: Vec<String>,
    keep: Keep,
}

impl SinglePass for ConflictsCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        let found = match facts.get(self.found)? {
            Some(Some(found)) => found.clone(),
            Some(None) => return Ok(Judgement::Unfit("the keys of all rows take more than --memory-limit".into())),
            None => Default::default(),
        };
        if found.rows == 0 && of > 0 {
            return Ok(Judgement::NoData("no row has a complete key: each lacks a part of it".into()));
        }
        let mut rows = RowSet::default();
        found.failing.iter().for_each(|failing| rows.union(failing));
        let mut counted = Figures::from([
            (&figures::ROWS, found.rows.into()),
            (&figures::DISTINCT, found.distinct.into()),
            (&figures::CONFLICTING_KEYS, found.conflicting.into()),
        ]);
        if self.on.len() > 1 {
            self.on.iter().zip(&found.failing).for_each(|(name, failing)| counted.set_rows_of(name, failing.len()));
        }
        let failing = rows.len();
        let says = match self.keep {
            Keep::None => "whose key comes with different values",
            Keep::Majority => "with another value than the most frequent one of their key",
        };
        Ok(Judgement::Rows(RowsJudged {
            failing,
            of,
            rows: Arc::new(rows),
            says: says.to_owned(),
            figures: counted,
            ..RowsJudged::default()
        }))
    }
}
