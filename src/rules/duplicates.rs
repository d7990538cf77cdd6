mod explain;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::exact_keys::ExactKeys;
use super::facts::{InputHandle, RepeatedKey, SecondPass};
use super::judgement::{Judgement, RowsJudged};
use super::published::{Bounds, Fetched, KeyQuery};
use super::requests::Handle;
use super::words::Duration;
use super::{Binder, BoundColumn, Explanation, GroupFacts, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Value, figures};
use crate::metric::Number;
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::extrema::Extrema;
use crate::metric::groups::GroupCounts;
use crate::metric::keys::{Keep, KeyRows, KeysOut};
use crate::types::{micros, type_name};
use crate::yaml::Spanned;

/// Rows that share a key with another row.
///
/// Exact, up to a collision of 128-bit hashes over canonical values: int32 equals int64, −0 equals
/// 0. Rows with a missing part in their key are no duplicates, unless `nulls: equal`. Figures: duplicate rows = rows −
/// distinct keys, and duplicated groups, over the rows that are compared. `distinctness` = distinct / rows, `uniqueness` =
/// keys occurring once / rows and `unique_value_ratio` = keys occurring once / distinct are Deequ's, over what Deequ takes
/// them over: rows with any part of the key, where a missing part equals a missing part.
///
/// With `across: published`, rows whose key a published row has fail too, whatever `keep` says: rows of the table that
/// `gate: { publish: … }` names, but for those of the same batch. `window` leaves out published rows that are older than
/// the batch's newest by more than that (rows without a time are never too old). Keys are compared by value: 2 is 2.0, and
/// −0 is 0. A key of another kind than the table's (text against numbers) is a fault. Only the columns of the key are read, and
/// files whose statistics rule them out are not opened.
///
/// - Missing values and NaN: a key with a missing part differs from every other key; with `nulls: equal`, missing equals missing.
/// - Infinities: they are values, and each equals itself.
/// - No rows: `no_data`.
///
/// Why: an order inserted twice is revenue counted twice; a row in the training set twice weighs double.
///
/// ```yaml
/// - duplicates: { key: [order_id], keep: first }
/// - duplicates: { key: [email], normalize: [trim, lowercase], keep: last }
/// - duplicates: {}            # the whole row is the key
/// - duplicates: { key: [event_id], across: published, window: { column: event_time, last: 7d } }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Duplicates {
    /// The columns that together must be unique. If left out: every column.
    key: Option<Spanned<Vec<Spanned<String>>>>,
    /// Which row of a group stays, in source order; the others fail.
    #[serde(default)]
    keep: Keep,
    /// Whether a missing key value equals a missing one, or makes its row distinct from all others. If left out: `distinct`.
    #[serde(default)]
    nulls: NullKeys,
    /// What is done to text before it is compared: `trim`, `lowercase`, `nfc` (Unicode's composed form). If left out: nothing.
    #[serde(default)]
    normalize: Vec<Step>,
    /// Other rows that must not have the key: `published`, those of the gate's table. If left out: only the batch itself.
    across: Option<Spanned<Across>>,
    /// How far back published rows count. If left out: all published rows count.
    window: Option<Spanned<Window>>,
}

/// Where else a key must not occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Across {
    /// In the table that batches are published to.
    Published,
}

/// Published rows that are not too old.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Window {
    /// The time of a row: a column of dates or timestamps.
    column: Spanned<String>,
    /// Counted back from the batch's newest row.
    last: Duration,
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
    const NAMES_KEY: bool = true;
    const JUDGES: Judges = Judges::Measures;
    const CLAIMS: &'static [&'static str] = &["nulls"];

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut columns = Vec::new();
        if let Some(empty) = self.key.as_ref().filter(|key| key.is_empty()) {
            faults.push(to.fault_at(empty, Code::InvalidValue, "`key` names no column").hint("leave it out to compare whole rows"));
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
        let counted = if nulls_equal { KeyRows::All } else { KeyRows::Whole };
        let keys = ExactKeys::bind(to, &columns, self.keep, counted, normalize);
        // Of a key of one column no part is missing where another is there.
        let has_parts = !nulls_equal && columns.len() > 1;
        let partial = has_parts.then(|| ExactKeys::bind(to, &columns, self.keep, KeyRows::Partial, normalize));
        let across = self.across.as_ref().map(|across| self.bind_across(across, &columns, to)).transpose()?;
        if let (None, Some(window)) = (&self.across, &self.window) {
            return Err(to
                .fault_at(window, Code::MissingWord, "`window` says how far back published rows count")
                .hint("add `across: published`")
                .into());
        }
        let rows = to.rows_in_scope();
        let whole_rows = self.key.is_none();
        Ok(Box::new(DuplicatesCheck { keys, partial, rows, keep: self.keep, whole_rows, across }))
    }

    fn minds_order(&self) -> bool {
        self.keep == Keep::Last
    }
}

impl Duplicates {
    fn bind_across(&self, across: &Spanned<Across>, columns: &[usize], to: &mut Binder<'_>) -> Result<AcrossPublished, Faults> {
        let Some(terms) = to.published().cloned() else {
            let fault = to.fault_at(across, Code::MissingOption, "nothing says which table is published to");
            return Err(fault.hint("name it: `gate: { publish: … }`").into());
        };
        if to.has_groups() {
            return Err(to
                .fault_at(across, Code::ConflictingWords, "`across` has no groups")
                .hint("add the columns of `by` to the key")
                .into());
        }
        let key = columns.iter().map(|&index| (to.bound(index), to.want::<Extrema>((), &[index]))).collect();
        let window = match &self.window {
            None => None,
            Some(window) => {
                let column = to.look_up(&window.column)?;
                if micros(&column.data_type, 0).is_none() {
                    let what = format!("`window` needs dates or timestamps, but `{}` is {}", column.name, type_name(&column.data_type));
                    return Err(to.fault_at(&window.column, Code::UnfitColumn, what).into());
                }
                let newest = to.want::<Extrema>((), &[column.index]);
                Some((column, newest, window.last))
            }
        };
        let replaced = match terms.replaces.and_then(|name| to.named(&name)) {
            None => None,
            Some(column) => Some((to.want_of_sound_rows::<GroupCounts>((), &[column.index]), column)),
        };
        Ok(AcrossPublished { key, window, replaced, asked: None })
    }
}

/// What is needed to know which published rows to look at, and how far that is.
#[derive(Clone)]
struct AcrossPublished {
    key: Vec<(BoundColumn, Handle<Extrema>)>,
    window: Option<(BoundColumn, Handle<Extrema>, Duration)>,
    /// The column by whose values published rows go for the batch.
    replaced: Option<(Handle<GroupCounts>, BoundColumn)>,
    asked: Option<Asked>,
}

/// Published rows on their way to being compared with.
#[derive(Clone, Copy)]
enum Asked {
    /// They are being fetched.
    For(InputHandle),
    /// Their keys are looked for, or there is none to look for.
    Compared,
}

impl AcrossPublished {
    /// Which published rows may have the batch's keys.
    fn wanted(&self, facts: &GroupFacts<'_>) -> Result<KeyQuery, Fault> {
        let mut key = Vec::new();
        for (column, handle) in &self.key {
            let extremes = facts.get(*handle)?.copied().flatten();
            key.push((column.clone(), extremes.and_then(|extremes| Bounds::of(&column.data_type, extremes))));
        }
        let mut since = None;
        if let Some((column, newest, last)) = &self.window
            && let Some((_, Number::Int { value, .. })) = facts.get(*newest)?.copied().flatten()
        {
            let newest = micros(&column.data_type, value);
            since = newest.map(|newest| (column.name.clone(), newest - i128::from(last.seconds) * 1_000_000));
        }
        let mut replaced = None;
        if let Some((handle, column)) = &self.replaced {
            let values = facts.get(*handle)?.map(|groups| groups.counts.keys().flatten().flatten().cloned().collect());
            replaced = Some((column.clone(), values.unwrap_or_default()));
        }
        Ok(KeyQuery { key, since, replaced })
    }
}

#[derive(Clone)]
struct DuplicatesCheck {
    keys: ExactKeys,
    /// The keys of which only a part is there, where they are not among the others.
    partial: Option<ExactKeys>,
    rows: Handle<Completeness>,
    keep: Keep,
    /// Whether the whole row is the key.
    whole_rows: bool,
    across: Option<AcrossPublished>,
}

impl Judge for DuplicatesCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn repeated_key(&self) -> Option<RepeatedKey> {
        (self.keep == Keep::First && self.across.is_none()).then(|| self.keys.repeated())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        if let Some(across) = &mut self.across {
            match across.asked {
                None => {
                    across.asked = Some(Asked::For(pass.fetch(across.wanted(facts)?)));
                    return Ok(Judgement::NeedsPass);
                }
                Some(Asked::For(input)) => {
                    across.asked = Some(Asked::Compared);
                    match facts.input(input) {
                        Some(Fetched::Rows(_)) => {
                            self.keys.want_beside(input, pass);
                            return Ok(Judgement::NeedsPass);
                        }
                        Some(Fetched::NoRows) => {}
                        // The schema's finding says so too, and whether the batch is rejected for it.
                        Some(Fetched::OtherType(why)) => return Ok(Judgement::Unfit(why.clone())),
                        None => return Err(Fault::new(Code::Internal, "internal error: published rows were not fetched")),
                    }
                }
                Some(Asked::Compared) => {}
            }
        }
        let keys = self.keys.advance(facts, pass)?;
        let partial = self.partial.as_mut().map_or(Ok(Some(None)), |partial| partial.advance(facts, pass))?;
        let (Some(keys), Some(partial)) = (keys, partial) else { return Ok(Judgement::NeedsPass) };
        let none = KeysOut::default();
        // No row has a whole key where nothing was counted, but rows may have a part.
        let keys = keys.unwrap_or(&none);
        let Some(rows) = facts.get(self.rows)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        if keys.rows == 0 && rows.rows > 0 {
            return Ok(Judgement::NoData("no row has a complete key: each lacks a part of it".into()));
        }
        let mut counted = Figures::from([
            (&figures::ROWS, keys.rows.into()),
            (&figures::DISTINCT, keys.distinct.into()),
            (&figures::DUPLICATE_ROWS, (keys.rows - keys.distinct).into()),
            (&figures::DUPLICATED_GROUPS, keys.groups.into()),
            (&figures::HASH, HASH_NAME.into()),
        ]);
        deequs(&mut counted, keys, partial.unwrap_or(&none));
        if self.across.is_some() {
            counted.set(&figures::PUBLISHED_BEFORE, keys.foreign);
        }
        let failing = keys.failing.len();
        let rows_failing = Arc::new(keys.failing.clone());
        let published = Arc::new(keys.elsewhere.clone());
        let (of, says) = (rows.rows, self.says(failing));
        Ok(Judgement::Rows(RowsJudged {
            failing,
            of,
            rows: rows_failing,
            published,
            repeats: keys.repeats.clone(),
            says,
            figures: counted,
            ..RowsJudged::default()
        }))
    }
}

impl DuplicatesCheck {
    /// What the failing rows do: only the rows that `keep` leaves out fail, not every row of a shared key.
    fn says(&self, failing: u64) -> String {
        let (repeat, share, equal) = match failing {
            1 => ("repeats", "shares its key", "is equal"),
            _ => ("repeat", "share their key", "are equal"),
        };
        let says = match (self.whole_rows, self.keep) {
            (false, Keep::First) => format!("{repeat} the key of an earlier row"),
            (false, Keep::Last) => format!("{repeat} the key of a later row"),
            (false, Keep::None) => format!("{share} with another row"),
            (true, Keep::First) => format!("{repeat} an earlier row"),
            (true, Keep::Last) => format!("{repeat} a later row"),
            (true, Keep::None) => format!("{equal} to another row"),
        };
        match (&self.across, self.whole_rows || self.keep == Keep::None) {
            (None, _) => says,
            (Some(_), true) => format!("{says} or a published row"),
            (Some(_), false) => format!("{says} or of a published row"),
        }
    }
}

/// Adds Deequ's three figures: over rows with any part of the key, a missing part equal to a missing part.
fn deequs(to: &mut Figures, keys: &KeysOut, partial: &KeysOut) {
    // Rows without any part of the key share one key, which Deequ leaves out.
    let (rows, distinct) = (keys.rows - keys.empty + partial.rows, keys.distinct - u64::from(keys.empty > 0) + partial.distinct);
    let once = keys.once - u64::from(keys.empty == 1) + partial.once;
    let ratio = |part: u64, whole: u64| if whole == 0 { Value::Nothing } else { (part as f64 / whole as f64).into() };
    to.set(&figures::DISTINCTNESS, ratio(distinct, rows));
    to.set(&figures::UNIQUENESS, ratio(once, rows));
    to.set(&figures::UNIQUE_VALUE_RATIO, ratio(once, distinct));
}
