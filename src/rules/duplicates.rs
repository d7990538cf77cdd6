mod across;
mod explain;
mod kept;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use self::across::{Across, Elsewhere, Window};
use self::kept::{Kept, Progress};
use super::exact_keys::ExactKeys;
use super::facts::{RepeatedKey, SecondPass};
use super::judgement::{Judgement, RowsJudged};
use super::requests::Handle;
use super::words::{self, Texts};
use super::{Binder, Explanation, GroupFacts, Judge, Judges, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{Figures, Value, figures};
use crate::metric::canonical::{HASH_NAME, Normalize};
use crate::metric::completeness::Completeness;
use crate::metric::keys::{Keep, KeyRows, KeysOut};
use crate::yaml::Spanned;

/// Rows that share a key with another row.
///
/// Exact, up to a collision of 128-bit hashes over canonical values: int32 equals int64, −0 equals
/// 0. Rows with a missing part in their key are no duplicates, unless `nulls: equal`. Figures: duplicate rows = rows −
/// distinct keys, and duplicated groups, over the rows that are compared. `distinctness` = distinct / rows, `uniqueness` =
/// keys occurring once / rows and `unique_value_ratio` = keys occurring once / distinct are Deequ's, over what Deequ takes
/// them over: rows with any part of the key, where a missing part equals a missing part.
///
/// Of the rows with one key the first in source order stays, with `keep: last` the last. With `order_by` it is the one with the
/// smallest or the largest value of that column, where several have it the first or the last of them in source order. A row
/// without such a value stays only where no row of its key has one. Rows that come in that order already take no memory beyond that of the
/// keys; else the rows are held in memory to be sorted, within `--memory-limit`, and a batch for which that is too little is not judged.
/// Events are not judged one by one then: which row stays is known at the end alone.
///
/// With `across`, rows fail too whose key occurs in other data, whatever `keep` says: a path, a glob, a directory, a list of
/// them, or a source that the section `sources` names. So a training split is kept free of what is tested with. There the columns of the key
/// have the same names. Other data without a whole key are `no_data`.
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
/// - duplicates: { key: [order_id], keep: last, order_by: updated_at }
/// - duplicates: { key: [event_id], across: published, window: { column: event_time, last: 7d } }
/// - duplicates: { key: [text], normalize: [trim, lowercase], across: data/test.parquet }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Duplicates {
    /// The columns that together must be unique. If left out: every column.
    key: Option<Spanned<Vec<Spanned<String>>>>,
    /// Which row of a group stays, in source order or that of `order_by`; the others fail.
    #[serde(default)]
    keep: Keep,
    /// The column that says which row of a group is the first and which the last: numbers, dates or times.
    /// If left out: the order of the source.
    order_by: Option<Spanned<String>>,
    /// Whether a missing key value equals a missing one, or makes its row distinct from all others. If left out: `distinct`.
    #[serde(default)]
    nulls: NullKeys,
    /// What is done to text before it is compared: `trim`, `lowercase`, `nfc` (Unicode's composed form). If left out: nothing.
    #[serde(default)]
    normalize: Vec<Step>,
    /// Other rows that must not have the key: `published`, those of the gate's table; or a path, several, or a source by its name.
    /// If left out: only the batch itself.
    across: Option<Spanned<Texts>>,
    /// How far back published rows count. If left out: all published rows count.
    window: Option<Spanned<Window>>,
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
        let kept = match &self.order_by {
            None => None,
            Some(name) => Some(Kept::bind(name, keys.spec(), &columns, self.key.is_none(), to)?),
        };
        let across = Across::bind(self.across.as_ref(), self.window.as_ref(), &columns, to)?;
        let rows = to.rows_in_scope();
        let whole_rows = self.key.is_none();
        Ok(Box::new(DuplicatesCheck { keys, partial, rows, keep: self.keep, whole_rows, kept, across }))
    }

    fn minds_order(&self) -> bool {
        self.keep == Keep::Last || self.order_by.is_some()
    }

    fn looks_into(&self) -> Vec<Spanned<words::Elsewhere>> {
        self.across.iter().filter_map(across::named).collect()
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
    /// What decides which row of a key stays, where source order does not.
    kept: Option<Kept>,
    across: Option<Across>,
}

impl Judge for DuplicatesCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn repeated_key(&self) -> Option<RepeatedKey> {
        (self.keep == Keep::First && self.kept.is_none() && self.across.is_none()).then(|| self.keys.repeated())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        if let Some(across) = &mut self.across {
            match across.advance(facts, pass)? {
                Elsewhere::Compared => {}
                Elsewhere::NeedsPass => return Ok(Judgement::NeedsPass),
                Elsewhere::Fetched(input) => {
                    self.keys.want_beside(input, pass);
                    return Ok(Judgement::NeedsPass);
                }
                Elsewhere::OtherType(why) => return Ok(Judgement::Unfit(why)),
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
        // All keys of the other data count where a missing value is one.
        if let Some(why) =
            self.across.as_ref().filter(|_| self.keys.spec().rows == KeyRows::Whole).and_then(|across| across.lacks_keys(facts))
        {
            return Ok(Judgement::NoData(why));
        }
        let (mut failing, mut repeats) = (keys.failing.clone(), keys.repeats.clone());
        if let Some(kept) = &mut self.kept
            && keys.groups > 0
        {
            match kept.advance(facts, pass)? {
                Progress::NeedsPass => return Ok(Judgement::NeedsPass),
                Progress::TooMany => return Ok(Judgement::Unfit("sorting the rows takes more than --memory-limit".into())),
                Progress::InSourceOrder => {}
                Progress::Sorted(sorted) => {
                    (failing, repeats) = (sorted.failing.clone(), sorted.repeats.clone());
                    failing.union(&keys.elsewhere);
                }
            }
        }
        let mut counted = Figures::from([
            (&figures::ROWS, keys.rows.into()),
            (&figures::DISTINCT, keys.distinct.into()),
            (&figures::DUPLICATE_ROWS, (keys.rows - keys.distinct).into()),
            (&figures::DUPLICATED_GROUPS, keys.groups.into()),
            (&figures::HASH, HASH_NAME.into()),
        ]);
        deequs(&mut counted, keys, partial.unwrap_or(&none));
        let mut published = Arc::default();
        if let Some(across) = &self.across {
            counted.set(across.figure(), keys.foreign);
            if across.is_published() {
                published = Arc::new(keys.elsewhere.clone());
            }
        }
        let (says, rows_failing, failing) = (self.says(failing.len()), failing.len(), Arc::new(failing));
        Ok(Judgement::Rows(RowsJudged {
            failing: rows_failing,
            of: rows.rows,
            rows: failing,
            published,
            repeats,
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
        let mut says = match (self.whole_rows, self.keep) {
            (false, Keep::First) => format!("{repeat} the key of an earlier row"),
            (false, Keep::Last) => format!("{repeat} the key of a later row"),
            (false, Keep::None) => format!("{share} with another row"),
            (true, Keep::First) => format!("{repeat} an earlier row"),
            (true, Keep::Last) => format!("{repeat} a later row"),
            (true, Keep::None) => format!("{equal} to another row"),
        };
        if let Some(kept) = &self.kept {
            says.push_str(&format!(" by `{}`", kept.name()));
        }
        let Some(across) = &self.across else { return says };
        let of = if self.whole_rows || self.keep == Keep::None { "" } else { "of " };
        match across.other_name() {
            None => format!("{says} or {of}a published row"),
            Some(name) => format!("{says} or {of}a row of {name}"),
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
