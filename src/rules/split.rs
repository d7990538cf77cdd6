mod explain;

use std::sync::Arc;

use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::{InputHandle, SecondPass};
use super::key_lookup::lacks_keys;
use super::published::{Fetched, OtherQuery};
use super::requests::Handle;
use super::words::{Against, AgainstWord, Elsewhere, Share};
use super::{Binder, BoundColumn, Explanation, GroupFacts, Judge, Judgement, Judges, RowsJudged, Rule, Subject, Told};
use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{FigureName, Figures, figures};
use crate::metric::canonical::Normalize;
use crate::metric::completeness::Completeness;
use crate::metric::keys::{Keep, KeyRows, Keys, KeysSpec, Lookup};
use crate::metric::minhash::{MinHash, MinHashSpec};
use crate::metric::within::{Within, WithinSpec};
use crate::rows::RowSet;
use crate::types::type_name;
use crate::yaml::Spanned;

/// Rows, groups, times or texts that two splits of training data share.
///
/// `against` names the other split: a path, a glob, a directory, or a source that the section `sources` names. A row fails
///
/// - with `key` if its key occurs there: the same example in both;
/// - with `group` if the value of that column occurs there: the same person, device or document in both;
/// - with `time` if it lies between the first and the last time there, both among them: splits by time follow each other. A batch with
///   rows on both sides fails too, whatever the tolerance;
/// - with `near` if its text is nearly one of the other split's; without `against`, nearly that of an earlier row of the batch.
///
/// Several may be given; the figures tell how many rows each fails. Keys and groups are compared as `foreign_key` does it, in bounded
/// memory; times as values of the batch's type.
///
/// Texts are compared by MinHash (Broder 1997): how alike they are is the Jaccard similarity of their runs of five characters, in
/// lower case and with any white space as one blank. It is estimated from 128 hashes, the same in every run, with a standard error of
/// √(s(1−s)/128), 0.035 at 80%: near the limit some texts are taken for nearer or farther than they are. Only texts are compared
/// that share one of 32 bands of 4 hashes, with the first 1,000 of it; so of two texts that are alike by s a share of (1−s⁴)³² is missed,
/// below one in a million from 80% on and 0.3% at 60%. Each text takes 520 bytes, within `--memory-limit`; a batch for which that is
/// too little is not judged.
///
/// - Missing values and NaN: a row that lacks a part of its key, its group, time or text passes that test.
/// - Infinities: they are values, and each equals itself.
/// - No rows: `no_data`. So is another split without rows.
///
/// Why: what a model has seen in training it knows by heart, so its score on such rows is no measure of what it has learned.
///
/// ```yaml
/// - split: { against: data/test.parquet, key: [text], group: user_id }
/// - split: { against: data/test.parquet, time: created_at, on_fail: reject }
/// - split: { against: data/test.parquet, near: { column: text, similarity: 85% } }
/// - split: { near: { column: text }, on_fail: warn }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// The other split: a path or several, or a source by its name. If left out: texts are compared within the batch.
    against: Option<Spanned<Against>>,
    /// The columns that together make an example. If left out: examples are not compared.
    key: Option<Spanned<Vec<Spanned<String>>>>,
    /// The column of the groups that must not be in both. If left out: groups are not compared.
    group: Option<Spanned<String>>,
    /// The column of times; dates or timestamps. If left out: times are not compared.
    time: Option<Spanned<String>>,
    /// Texts that must not be nearly the same. If left out: texts are not compared.
    near: Option<Spanned<Near>>,
}

/// Texts that are nearly the same.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Near {
    /// The column of texts.
    column: Spanned<String>,
    /// How alike texts are at least that are nearly the same: 50% or more. If left out: 80%.
    similarity: Option<Spanned<Share>>,
}

impl Rule for Split {
    const NAME: &'static str = "split";
    const SUBJECT: Subject = Subject::Table;
    const NAMES_ROWS: bool = true;
    const JUDGES: Judges = Judges::Measures;

    fn explain(told: &Told<'_>) -> Explanation {
        explain::explain(told)
    }

    fn bind(&self, to: &mut Binder<'_>) -> Result<Box<dyn Judge>, Faults> {
        let mut faults = Faults::default();
        let mut parts = Vec::new();
        for (key, kind) in
            [(self.key.as_ref().map(|key| key.value.as_slice()), Kind::Keys), (self.group.as_ref().map(std::slice::from_ref), Kind::Groups)]
        {
            let Some(names) = key else { continue };
            let columns: Vec<BoundColumn> = names.iter().filter_map(|name| faults.take(to.find(name))).collect();
            if names.is_empty() {
                faults.push(to.fault(Code::InvalidValue, "`key` names no column").hint("name at least one"));
            } else if columns.len() == names.len() {
                parts.extend(faults.take(self.part(kind, columns, to)));
            }
        }
        if let Some(time) = &self.time
            && let Some(column) = faults.take(to.find(time))
        {
            match matches!(column.data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) {
                true => parts.extend(faults.take(self.part(Kind::Times, vec![column], to))),
                false => {
                    let what = format!("`time` needs dates or timestamps, but `{}` is {}", column.name, type_name(&column.data_type));
                    faults.push(to.fault_at(time, Code::UnfitColumn, what));
                }
            }
        }
        if let Some(near) = &self.near {
            parts.extend(faults.take(self.near(&near.value, to)));
        }
        if parts.is_empty() && faults.is_empty() {
            let hint = "give `key`, `group`, `time` or `near`";
            faults.push(to.fault(Code::MissingWord, "nothing says what splits must not share").hint(hint));
        }
        faults.or_ok(())?;
        let other = parts.iter().find_map(|part| part.query.as_ref()).map(|query| query.name.clone());
        Ok(Box::new(SplitCheck { parts, other, rows: to.rows_in_scope() }))
    }
}

impl Split {
    fn near(&self, near: &Near, to: &mut Binder<'_>) -> Result<Part, Faults> {
        const LEAST: f64 = 0.5;
        let column = to.find(&near.column)?;
        let mut faults = Faults::default();
        faults.0.extend(to.not_text(Self::NAME, &column));
        let similarity = near.similarity.as_ref().map_or(0.8, |share| share.value.as_f64());
        if let Some(given) = near.similarity.as_ref().filter(|_| !(LEAST..=1.0).contains(&similarity)) {
            faults.push(
                to.fault_at(given, Code::InvalidValue, "texts that are less alike than 50% are not found").hint("write such as `80%`"),
            );
        }
        faults.or_ok(())?;
        let kind = Kind::Texts((similarity * 128.0).ceil() as u32);
        if self.against.is_none() {
            return Ok(Part { kind, query: None, columns: vec![column.index], input: None, stage: Stage::Start });
        }
        Ok(self.part(kind, vec![column], to)?)
    }

    /// A comparison of these columns with those of the same names in the other split.
    fn part(&self, kind: Kind, columns: Vec<BoundColumn>, to: &Binder<'_>) -> Result<Part, Fault> {
        let Some(against) = &self.against else {
            let fault = to.fault(Code::MissingWord, "nothing says which the other split is");
            return Err(fault.hint("write `against: PATH`"));
        };
        let AgainstWord::Paths(paths) = &against.value.0 else {
            let fault = to.fault_at(against, Code::Unsupported, format!("rows cannot be looked for in {}", against.value.0));
            return Err(fault.hint("name data, such as the path of the table: `against: PATH`"));
        };
        let named = Elsewhere { source: paths.clone(), columns: Vec::new(), is_declared: false };
        let query = Some(to.elsewhere(&Spanned { at: against.at, value: named }, &columns)?);
        Ok(Part { kind, query, columns: columns.iter().map(|column| column.index).collect(), input: None, stage: Stage::Start })
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Keys,
    Groups,
    Times,
    /// Texts that are so much alike at least, in 128ths.
    Texts(u32),
}

impl Kind {
    fn figure(self) -> &'static FigureName {
        match self {
            Self::Keys => &figures::SHARED_KEY_ROWS,
            Self::Groups => &figures::SHARED_GROUP_ROWS,
            Self::Times => &figures::SHARED_TIME_ROWS,
            Self::Texts(_) => &figures::NEAR_ROWS,
        }
    }

    /// What rows share.
    fn shared(self) -> &'static str {
        match self {
            Self::Keys => "a key",
            Self::Groups => "a group",
            Self::Times => "a time",
            Self::Texts(_) => "nearly a text",
        }
    }
}

/// One comparison, on its way to its rows.
#[derive(Clone)]
struct Part {
    kind: Kind,
    /// The other split; none where the batch is compared with itself.
    query: Option<OtherQuery>,
    columns: Vec<usize>,
    /// The other split, once it was opened.
    input: Option<InputHandle>,
    stage: Stage,
}

#[derive(Clone)]
enum Stage {
    Start,
    Fetched(InputHandle),
    Keys(Handle<Keys>),
    Range(Handle<Within>),
    Times(Handle<Within>),
    Texts(Handle<MinHash>),
    Done(RowSet, Option<Around>),
    /// There is nothing to compare, or nothing to compare with.
    Nothing(String),
}

/// How many rows lie before the other split begins, and after it ends.
#[derive(Debug, Clone, Copy)]
struct Around {
    before: u64,
    after: u64,
}

impl Around {
    /// What is wrong with that.
    fn breaks(self) -> Option<String> {
        (self.before > 0 && self.after > 0).then(|| "there are rows before the other split begins and after it ends".to_owned())
    }
}

impl Part {
    /// The comparison once the other split is there.
    fn look(&self, beside: Option<String>, pass: &mut SecondPass<'_>) -> Stage {
        match self.kind {
            Kind::Keys | Kind::Groups => {
                let (normalize, lookup) = (Normalize::default(), Lookup::Present);
                let spec = KeysSpec { keep: Keep::First, rows: KeyRows::Whole, normalize, optimistic: false, beside, lookup };
                Stage::Keys(pass.want::<Keys>(spec, &self.columns))
            }
            Kind::Times => Stage::Range(pass.want::<Within>(WithinSpec::Of(beside.unwrap_or_default()), &self.columns)),
            Kind::Texts(least) => Stage::Texts(pass.want::<MinHash>(MinHashSpec { least, beside }, &self.columns)),
        }
    }

    /// Whether another pass is needed; inside, why nothing can be said.
    fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Result<bool, String>, Fault> {
        let ours = |n: u64, rows: RowSet, around: Option<Around>| match n {
            0 => Stage::Nothing(format!("no row has {} to compare", self.kind.shared())),
            _ => Stage::Done(rows, around),
        };
        self.stage = match &self.stage {
            Stage::Done(..) | Stage::Nothing(_) => return Ok(Ok(false)),
            Stage::Start => match &self.query {
                Some(query) => Stage::Fetched(pass.fetch_other(query.clone())),
                None => self.look(None, pass),
            },
            Stage::Fetched(input) => match facts.input(*input) {
                Some(Fetched::Rows(_)) => {
                    self.input = Some(*input);
                    self.look(Some(input.name()), pass)
                }
                Some(Fetched::OtherType(why)) => return Ok(Err(why.clone())),
                Some(Fetched::NoRows) | None => {
                    return Err(Fault::new(Code::Internal, "internal error: rows of other data were not fetched"));
                }
            },
            Stage::Keys(handle) => {
                let found = facts.get(*handle)?;
                ours(found.map_or(0, |found| found.rows), found.map(|found| found.failing.clone()).unwrap_or_default(), None)
            }
            Stage::Range(handle) => match facts.get(*handle)?.and_then(|found| found.range) {
                Some((low, high)) => Stage::Times(pass.want::<Within>(WithinSpec::Between(low, high), &self.columns)),
                None => ours(0, RowSet::default(), None),
            },
            Stage::Times(handle) => {
                let found = facts.get(*handle)?.cloned().unwrap_or_default();
                let times = found.before + found.after + found.inside.len();
                ours(times, found.inside, Some(Around { before: found.before, after: found.after }))
            }
            Stage::Texts(handle) => match facts.get(*handle)? {
                Some(None) => return Ok(Err("the hashes of all texts take more than --memory-limit".into())),
                Some(Some(found)) => ours(found.rows, found.near.clone(), None),
                None => ours(0, RowSet::default(), None),
            },
        };
        let is_done = matches!(self.stage, Stage::Done(..) | Stage::Nothing(_));
        if is_done
            && let (Some(input), Some(query)) = (self.input, &self.query)
            && let Some(why) = lacks_keys(facts, input, query)
        {
            self.stage = Stage::Nothing(why);
        }
        Ok(Ok(!is_done))
    }
}

#[derive(Clone)]
struct SplitCheck {
    parts: Vec<Part>,
    /// What messages call the other split.
    other: Option<String>,
    rows: Handle<Completeness>,
}

impl Judge for SplitCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let of = facts.get(self.rows)?.map_or(0, |counts| counts.rows);
        if of == 0 {
            return Ok(Judgement::NoData("no rows in scope".into()));
        }
        let mut waits = false;
        for part in &mut self.parts {
            match part.advance(facts, pass)? {
                Ok(waiting) => waits |= waiting,
                Err(why) => return Ok(Judgement::Unfit(why)),
            }
        }
        if waits {
            return Ok(Judgement::NeedsPass);
        }
        let (mut rows, mut figures, mut broken, mut shared) = (RowSet::default(), Figures::default(), None, Vec::new());
        let mut nothing = None;
        for part in &self.parts {
            let (found, around) = match &part.stage {
                Stage::Done(found, around) => (found, around),
                Stage::Nothing(why) => {
                    nothing = nothing.or_else(|| Some(why.clone()));
                    continue;
                }
                Stage::Start | Stage::Fetched(_) | Stage::Keys(_) | Stage::Range(_) | Stage::Times(_) | Stage::Texts(_) => continue,
            };
            figures.set(part.kind.figure(), found.len());
            if !found.is_empty() {
                shared.push(part.kind.shared());
            }
            rows.union(found);
            if let Some(around) = around {
                figures.set(&figures::EARLIER_ROWS, around.before);
                figures.set(&figures::LATER_ROWS, around.after);
                broken = broken.or(around.breaks());
            }
        }
        // Rows that are shared are shared, whatever else cannot be told.
        if let (Some(why), true, None) = (nothing, rows.is_empty(), &broken) {
            return Ok(Judgement::NoData(why));
        }
        let says = match &self.other {
            Some(other) if shared.is_empty() => format!("that share anything with {other}"),
            Some(other) => format!("that share {} with {other}", shared.join(" or ")),
            None => "whose text is nearly that of an earlier row".to_owned(),
        };
        Ok(Judgement::Rows(RowsJudged { failing: rows.len(), of, rows: Arc::new(rows), says, figures, broken, ..RowsJudged::default() }))
    }
}
