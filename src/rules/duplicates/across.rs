//! `across`: other data in which a key must not occur.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::findings::{FigureName, figures};
use crate::metric::Number;
use crate::metric::extrema::Extrema;
use crate::metric::groups::GroupCounts;
use crate::rules::facts::{GroupFacts, InputHandle, SecondPass};
use crate::rules::key_lookup::lacks_keys;
use crate::rules::published::{Bounds, Fetched, KeyQuery, OtherQuery};
use crate::rules::requests::Handle;
use crate::rules::words::{self, Duration, Texts};
use crate::rules::{Binder, BoundColumn};
use crate::types::{micros, type_name};
use crate::yaml::Spanned;

/// What `across` calls the table that batches are published to.
const PUBLISHED: &str = "published";

/// Published rows that are not too old.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// The time of a row: a column of dates or timestamps.
    column: Spanned<String>,
    /// Counted back from the batch's newest row.
    last: Duration,
}

/// Other data, on their way to being compared with.
#[derive(Clone)]
pub(super) struct Across {
    of: Of,
    asked: Asked,
}

#[derive(Clone)]
enum Of {
    Published(PublishedRows),
    Other(OtherQuery),
}

/// What is needed to know which published rows to look at, and how far back.
#[derive(Clone)]
struct PublishedRows {
    key: Vec<(BoundColumn, Handle<Extrema>)>,
    window: Option<(BoundColumn, Handle<Extrema>, Duration)>,
    /// The column by whose values published rows go for the batch.
    replaced: Option<(Handle<GroupCounts>, BoundColumn)>,
}

#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    /// They are being fetched.
    For(InputHandle),
    /// Their keys are looked for.
    Compared(InputHandle),
    /// There is none to look for.
    NoRows,
}

/// How far that is.
pub(super) enum Elsewhere {
    NeedsPass,
    /// Their keys are to be looked for.
    Fetched(InputHandle),
    Compared,
    /// A column of the key is of another kind there, as the text says.
    OtherType(String),
}

/// The other data that `across` names, where it names some.
pub(super) fn named(across: &Spanned<Texts>) -> Option<Spanned<words::Elsewhere>> {
    let Texts(source) = &across.value;
    let is_published = matches!(source.as_slice(), [one] if one.trim() == PUBLISHED);
    let named = words::Elsewhere { source: source.clone(), columns: Vec::new(), is_declared: false };
    (!is_published).then_some(Spanned { at: across.at, value: named })
}

impl Across {
    /// Of the key that `columns` make.
    pub(super) fn bind(
        across: Option<&Spanned<Texts>>,
        window: Option<&Spanned<Window>>,
        columns: &[usize],
        to: &mut Binder<'_>,
    ) -> Result<Option<Self>, Faults> {
        let other = across.and_then(named);
        if let (Some(window), true) = (window, across.is_none() || other.is_some()) {
            let fault = to.fault_at(window, Code::MissingWord, "`window` says how far back published rows count");
            let hint = if across.is_none() { "add `across: published`" } else { "leave it out, or write `across: published`" };
            return Err(fault.hint(hint).into());
        }
        let Some(across) = across else { return Ok(None) };
        if across.value.0.is_empty() || across.value.0.iter().any(|path| path.trim().is_empty()) {
            let fault = to.fault_at(across, Code::InvalidValue, "`across` names nothing");
            return Err(fault.hint("write `published`, a path, or a name of `sources`").into());
        }
        if to.has_groups() {
            let fault = to.fault_at(across, Code::ConflictingWords, "`across` has no groups");
            return Err(fault.hint("add the columns of `by` to the key").into());
        }
        let of = match other {
            Some(other) => {
                let columns: Vec<BoundColumn> = columns.iter().map(|&column| to.bound(column)).collect();
                Of::Other(to.elsewhere(&other, &columns)?)
            }
            None => Of::Published(PublishedRows::bind(across, window, columns, to)?),
        };
        Ok(Some(Self { of, asked: Asked::Nothing }))
    }

    pub(super) fn is_published(&self) -> bool {
        self.other_name().is_none()
    }

    /// What messages call the other data; none where they are what is published.
    pub(super) fn other_name(&self) -> Option<&str> {
        match &self.of {
            Of::Published(_) => None,
            Of::Other(query) => Some(&query.name),
        }
    }

    /// The figure that counts the rows whose key is there.
    pub(super) fn figure(&self) -> &'static FigureName {
        if self.is_published() { &figures::PUBLISHED_BEFORE } else { &figures::SHARED_KEY_ROWS }
    }

    /// Why nothing could be compared, once the other data were read.
    pub(super) fn lacks_keys(&self, facts: &GroupFacts<'_>) -> Option<String> {
        match (&self.of, self.asked) {
            (Of::Other(query), Asked::Compared(input)) => lacks_keys(facts, input, query),
            (Of::Other(_) | Of::Published(_), Asked::Nothing | Asked::For(_) | Asked::NoRows) | (Of::Published(_), Asked::Compared(_)) => {
                None
            }
        }
    }

    /// Goes one step further.
    pub(super) fn advance(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Elsewhere, Fault> {
        match self.asked {
            Asked::Nothing => {
                self.asked = Asked::For(match &self.of {
                    Of::Published(rows) => pass.fetch(rows.wanted(facts)?),
                    Of::Other(query) => pass.fetch_other(query.clone()),
                });
                Ok(Elsewhere::NeedsPass)
            }
            Asked::For(input) => match facts.input(input) {
                Some(Fetched::Rows(_)) => {
                    self.asked = Asked::Compared(input);
                    Ok(Elsewhere::Fetched(input))
                }
                Some(Fetched::NoRows) => {
                    self.asked = Asked::NoRows;
                    Ok(Elsewhere::Compared)
                }
                // The schema's finding says so too, and whether the batch is rejected for it.
                Some(Fetched::OtherType(why)) => Ok(Elsewhere::OtherType(why.clone())),
                None => Err(Fault::new(Code::Internal, "internal error: rows of other data were not fetched")),
            },
            Asked::Compared(_) | Asked::NoRows => Ok(Elsewhere::Compared),
        }
    }
}

impl PublishedRows {
    fn bind(across: &Spanned<Texts>, window: Option<&Spanned<Window>>, columns: &[usize], to: &mut Binder<'_>) -> Result<Self, Faults> {
        let Some(terms) = to.published().cloned() else {
            let fault = to.fault_at(across, Code::MissingOption, "nothing says which table is published to");
            return Err(fault.hint("name it: `gate: { publish: … }`").into());
        };
        let key = columns.iter().map(|&index| (to.bound(index), to.want::<Extrema>((), &[index]))).collect();
        let window = match window {
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
        Ok(Self { key, window, replaced })
    }

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
