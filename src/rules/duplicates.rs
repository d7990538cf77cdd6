use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::exact_keys::ExactKeys;
use super::facts::Look;
use super::judgement::{Judgement, RowsJudged, figures, json_float};
use super::requests::Handle;
use super::{Binder, Check, Rule, Subject, View};
use crate::diagnostic::Faults;
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::keys::Keep;
use crate::yaml::Spanned;

/// Rows that share a key with another row.
///
/// Exact, up to a collision of 128-bit hashes over canonical values: int32 equals int64, −0 equals
/// 0. Figures, over rows whose whole key is there: duplicate rows = rows − distinct keys;
/// `distinctness` = distinct / rows, `uniqueness` = keys occurring once / rows,
/// `unique_value_ratio` = keys occurring once / distinct (Deequ's three).
///
/// Why: an order inserted twice is revenue counted twice; a row in the training set twice weighs double.
///
/// ```yaml
/// - duplicates: { key: [order_id], keep: first }
/// - duplicates: { key: [email], normalize: [trim, lowercase], keep: last }
/// - duplicates: {}            # the whole row is the key
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// The columns that together must be unique; every column if left out.
    key: Option<Spanned<Vec<Spanned<String>>>>,
    /// Which row of a group stays, in source order; the others fail.
    #[serde(default)]
    keep: Keep,
    /// Whether a missing key value equals a missing one, or makes its row distinct from all others.
    #[serde(default)]
    nulls: NullKeys,
    /// What is done to text before it is compared: `trim`, `lowercase`, `nfc` (Unicode's composed form).
    #[serde(default)]
    normalize: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    Trim,
    Lowercase,
    Nfc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NullKeys {
    #[default]
    Distinct,
    Equal,
}

impl Rule for Duplicates {
    const NAME: &'static str = "duplicates";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;
    const CLAIMS: &'static [&'static str] = &["nulls"];

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Check>, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        if let Some(empty) = self.key.as_ref().filter(|key| key.is_empty()) {
            faults.push(to.fault_at(empty, "`key` names no column").hint("leave it out to compare whole rows"));
        }
        for name in self.key.iter().flat_map(|key| &key.value) {
            if let Some(column) = faults.take(to.find(name)) {
                columns.push(column.index);
            }
        }
        if self.key.is_none() {
            columns = to.all_columns();
        }
        faults.or_ok(())?;
        let nulls_equal = self.nulls == NullKeys::Equal || self.key.is_none();
        let does = |step| self.normalize.contains(&step);
        let normalize = Normalize { trim: does(Step::Trim), lowercase: does(Step::Lowercase), nfc: does(Step::Nfc) };
        let keys = ExactKeys::bind(to, &columns, self.keep, nulls_equal, normalize);
        let rows = to.rows_in_scope();
        let says = if self.key.is_some() { "whose key occurs elsewhere" } else { "that occur elsewhere" };
        Ok(Box::new(DuplicatesCheck { keys, rows, says }))
    }
}

#[derive(Clone)]
struct DuplicatesCheck {
    keys: ExactKeys,
    rows: Handle<Completeness>,
    says: &'static str,
}

impl Check for DuplicatesCheck {
    fn fresh(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }

    fn judge(&mut self, view: &View<'_>, look: &mut Look<'_>) -> Judgement {
        let Some(keys) = self.keys.advance(view, look) else { return Judgement::Again };
        let (Some(keys), Some(rows)) = (keys, view.get(self.rows)) else {
            return Judgement::NoData("no rows in scope".into());
        };
        if keys.rows == 0 && rows.rows > 0 {
            return Judgement::NoData("no row has a whole key".into());
        }
        let ratio = |part: u64, whole: u64| if whole == 0 { serde_json::Value::Null } else { json_float(part as f64 / whole as f64) };
        let figures = figures([
            ("rows", keys.rows.into()),
            ("distinct", keys.distinct.into()),
            ("duplicate_rows", (keys.rows - keys.distinct).into()),
            ("duplicated_groups", keys.groups.into()),
            ("distinctness", ratio(keys.distinct, keys.rows)),
            ("uniqueness", ratio(keys.once, keys.rows)),
            ("unique_value_ratio", ratio(keys.once, keys.distinct)),
            ("hash", HASH_NAME.into()),
        ]);
        let failing = keys.failing.len();
        let rows_failing = Arc::new(keys.failing.clone());
        Judgement::Rows(RowsJudged { failing, of: rows.rows, known: 0, rows: rows_failing, says: self.says.into(), figures, broken: None })
    }
}
