//! What shows a value goes: rows set aside that have it, samples and figures of reports, entries of summaries.
//!
//! Rows set aside go last. Samples of the same rows are told by where the rows came from, which only the quarantine knows: a
//! run that is killed before must find it again.

mod report;
mod rows;
mod sought;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};

use self::rows::{Matched, Origins};
pub use self::sought::Key;
use self::sought::Sought;
use super::{Kind, Places};
use crate::baseline;
use crate::diagnostic::{Code, Fault, Misread};
use crate::history::History;
use crate::privacy::Privacy;
use crate::quarantine;
use crate::shown::counted;
use crate::store::SummaryName;
use crate::summary::Summary;
use crate::types::parse_type;

/// What shall be forgotten.
pub struct Erasure {
    /// Rows with one of these values, and the values themselves.
    pub keys: Vec<Key>,
    /// Rows that meet this condition, in SQL.
    pub condition: Option<String>,
    /// Records that were never read go too if their text has one of the values in it.
    pub malformed: bool,
    /// The columns that are masked, with the key of their hashes if there is one.
    pub privacy: Privacy,
    /// Columns that the data set has as far as the rule file and the table tell.
    pub columns: BTreeSet<String>,
    /// What `now()` means in the condition.
    pub now: DateTime<Utc>,
}

/// What came of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub kind: Kind,
    pub place: String,
    /// What went, a line for each thing that was changed or removed.
    pub removed: Vec<String>,
    /// What was looked at and shows nothing.
    pub kept: u64,
    /// What was not touched, and what cannot be known, in a sentence each.
    pub notes: Vec<String>,
}

impl FromStr for Key {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        match text.split_once('=') {
            Some((column, value)) if !column.is_empty() && !value.is_empty() => {
                Ok(Self { column: column.to_owned(), value: value.to_owned() })
            }
            Some(_) | None => Err(Misread::new("a key is a column and a value").hint("write `order_id=17`")),
        }
    }
}

/// Removes what shows what `erasure` names of what lies in `places`, or says what would be removed.
///
/// # Errors
/// Nothing is named, no column of that name is known, the condition is wrong, or something cannot be read or written.
pub fn forget(places: &Places<'_>, erasure: &Erasure) -> Result<Vec<Erased>, Fault> {
    if erasure.keys.is_empty() && erasure.condition.is_none() {
        let fault = Fault::new(Code::MissingOption, "nothing says what to forget");
        return Err(fault.hint("give `--key COLUMN=VALUE`, or `--where` with a condition in SQL"));
    }
    let parts = parts(places)?;
    let matched = parts.into_iter().map(|part| rows::matched(part, erasure)).collect::<Result<Vec<_>, _>>()?;
    let reports = if places.has(Kind::Reports) { places.reports.of(places.dataset)? } else { (Vec::new(), Vec::new()) };
    ensure_known(erasure, &matched, &reports.0)?;
    let sought = Sought::new(&erasure.keys, &erasure.privacy);
    let mut all = Vec::new();
    let origins = rows::origins(&matched);
    if places.has(Kind::Summaries) {
        all.push(summaries(places, &sought)?);
    }
    if places.has(Kind::Baselines) && !places.baselines.is_empty() {
        all.push(baselines(places, &sought)?);
    }
    if let Some(history) = places.history.as_ref().filter(|_| places.has(Kind::History)) {
        all.push(in_history(places, history, &sought, &origins)?);
    }
    if places.has(Kind::Reports) && !places.reports.paths.is_empty() {
        all.push(in_reports(places, erasure, (&reports.0, reports.1), &sought, &origins)?);
    }
    if places.has(Kind::Quarantine) {
        all.push(rows::take_out(places, &matched)?);
    }
    all.sort_by_key(|erased| erased.kind);
    Ok(all)
}

fn parts(places: &Places<'_>) -> Result<Vec<quarantine::Part>, Fault> {
    if !places.quarantine.is_there()? {
        return Ok(Vec::new());
    }
    Ok(quarantine::listing(&places.quarantine)?.parts.into_iter().filter(|part| part.stamp.dataset == places.dataset).collect())
}

/// A misspelt column would find nothing, and nobody would know.
fn ensure_known(erasure: &Erasure, matched: &[Matched], reports: &[super::reports::Found]) -> Result<(), Fault> {
    let mut known = erasure.columns.clone();
    known.extend(matched.iter().flat_map(|part| part.columns.iter().cloned()));
    known.extend(reports.iter().flat_map(|found| found.report.columns.iter().map(|column| column.name.clone())));
    match erasure.keys.iter().find(|key| !known.is_empty() && !known.contains(&key.column)) {
        None => Ok(()),
        Some(key) => {
            let fault = Fault::new(Code::UnknownColumn, format!("nothing that is kept here has a column `{}`", key.column));
            Err(fault.hint_nearest(&key.column, known.iter().map(String::as_str)))
        }
    }
}

/// Answers of a summary that name a value go, whole: what is left of a distribution would still tell that it was there.
fn without(summary: &mut Summary, sought: &Sought) -> usize {
    let types: BTreeMap<String, DataType> =
        summary.columns.iter().filter_map(|column| Some((column.name.clone(), parse_type(&column.data_type).ok()?))).collect();
    let summary_columns: Vec<String> = summary.columns.iter().map(|column| column.name.clone()).collect();
    summary.drop_entries(|question, value| {
        let names = |column: &String| sought.of(column).any(|sought| sought.is_named_by(&question.state, value, types.get(column)));
        // The value may stand in what is asked, too.
        let asks = |column: &String| {
            sought.of(column).any(|sought| {
                let condition = question.condition.as_deref().unwrap_or_default();
                sought.is_in(condition.as_bytes()) || sought.is_in(question.spec.to_string().as_bytes())
            })
        };
        let speaks_of =
            || summary_columns.iter().filter(|column| question.condition.as_ref().is_some_and(|text| text.contains(column.as_str())));
        question.columns.iter().chain(&question.by).any(|column| names(column) || asks(column)) || speaks_of().any(asks)
    })
}

fn summaries(places: &Places<'_>, sought: &Sought) -> Result<Erased, Fault> {
    let place = places.publish.texts().map_or_else(|| places.publish.to_string(), |texts| texts.place());
    let mut erased = Erased { kind: Kind::Summaries, place, removed: Vec::new(), kept: 0, notes: Vec::new() };
    let Some(texts) = places.publish.texts() else { return Ok(erased) };
    let names = places.summaries()?;
    let files: Vec<String> = names.iter().map(SummaryName::file_name).collect();
    let mut is_first = true;
    for (name, bytes) in names.iter().zip(texts.read(&files)?) {
        let text = bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(mut summary) = text.and_then(|text| Summary::read(text).ok()) else {
            erased.notes.push(format!("{}: it cannot be read, and was let be; `sluicegate prune` removes it", name.file_name()));
            continue;
        };
        let gone = without(&mut summary, sought);
        if gone == 0 {
            erased.kept += 1;
            continue;
        }
        if !places.dry_run {
            // What was merged of it first: nobody would know later that it tells of the value.
            if std::mem::take(&mut is_first) {
                places.remove_merged()?;
            }
            let text = summary.write()?;
            let revised = SummaryName::new(name.since, &name.batch_id, &name.content, name.revision + 1, &text);
            texts.put(&revised.file_name(), &text)?;
            texts.remove(&name.file_name())?;
        }
        erased.removed.push(format!("batch `{}`: {}", name.batch_id, some(gone, "answer").unwrap_or_default()));
    }
    Ok(erased)
}

fn baselines(places: &Places<'_>, sought: &Sought) -> Result<Erased, Fault> {
    let place = places.baselines.join(", ");
    let mut erased = Erased { kind: Kind::Baselines, place, removed: Vec::new(), kept: 0, notes: Vec::new() };
    let files = places.baselines.iter().map(|path| baseline::files_of(path)).collect::<Result<Vec<_>, _>>()?;
    for path in files.concat() {
        let Some(mut summary) = baseline::read(&path)? else { continue };
        let gone = without(&mut summary, sought);
        if gone == 0 {
            erased.kept += 1;
            continue;
        }
        if !places.dry_run {
            baseline::rewrite(&path, &summary)?;
        }
        erased.removed.push(format!("{path}: {}", some(gone, "answer").unwrap_or_default()));
    }
    Ok(erased)
}

fn in_history(places: &Places<'_>, history: &History, sought: &Sought, origins: &Origins) -> Result<Erased, Fault> {
    let mut erased = Erased { kind: Kind::History, place: history.place(), removed: Vec::new(), kept: 0, notes: Vec::new() };
    let contents = history.contents()?;
    erased.notes.extend(contents.warnings);
    for entry in &contents.runs {
        let report = match history.read(&[&entry.name]).pop() {
            Some(Ok(report)) => report,
            Some(Err(fault)) => {
                erased.notes.push(format!("{}: it was let be", fault.what));
                continue;
            }
            None => continue,
        };
        let (report, removed) = report::without(&report, sought, origins);
        let mut summary = history.summary(entry).ok();
        let answers = summary.as_mut().map_or(0, |summary| without(summary, sought));
        if removed.is_empty() && answers == 0 {
            erased.kept += 1;
            continue;
        }
        if !places.dry_run {
            history.rewrite(entry, Some(&report).filter(|_| !removed.is_empty()), summary.as_ref().filter(|_| answers > 0))?;
        }
        let told = [
            Some(removed.told()).filter(|told| !told.is_empty()),
            some(answers, "answer").map(|answers| format!("{answers} of its summary")),
        ];
        erased.removed.push(format!("run {}: {}", entry.name, told.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    Ok(erased)
}

fn in_reports(
    places: &Places<'_>,
    erasure: &Erasure,
    (found, notes): (&[super::reports::Found], Vec<String>),
    sought: &Sought,
    origins: &Origins,
) -> Result<Erased, Fault> {
    let mut erased = Erased { kind: Kind::Reports, place: places.reports.to_string(), removed: Vec::new(), kept: 0, notes };
    for one in found {
        let (without, removed) = report::without(&one.report, sought, origins);
        if removed.is_empty() {
            erased.kept += 1;
            continue;
        }
        if !places.dry_run {
            one.replace(&without)?;
        }
        erased.removed.push(format!("{}: {}", one.path.display(), removed.told()));
        erased.notes.extend(report::still_shown(&without, sought).map(|place| format!("{}: {place}", one.path.display())));
    }
    if !found.is_empty() && erasure.condition.is_some() {
        erased.notes.push(
            "a condition names rows, not values: of reports only samples of rows that are set aside were searched; `--key` names a value"
                .to_owned(),
        );
    }
    Ok(erased)
}

/// So many things, in words; none for 0.
fn some(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| counted(count as u64, what))
}
