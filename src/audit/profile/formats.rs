//! Formats of text: which one most values have, and which values have another one.

use std::collections::BTreeMap;

use crate::diagnostic::Fault;
use crate::metric::overview::OverviewOut;
use crate::metric::text_format::{FormatCheck, FormatCheckOut, format_of, unit_of};
use crate::report::columns::{FormatCount, Formats};
use crate::rows::RowId;
use crate::rules::{GroupFacts, Handle, SecondPass};

/// The format of a column is that of so large a share of its values at least.
const SHARE_MIN: f64 = 0.9;
/// Fewer values say nothing of a format.
const VALUES_MIN: u64 = 10;
/// Of so many formats and units is told how often they occur.
const TOLD_MAX: usize = 5;

/// The format of a column, on its way to being counted.
#[derive(Default)]
pub(super) struct Formatting {
    format: Option<String>,
    check: Option<Handle<FormatCheck>>,
}

/// What is found, with the first exception's row.
pub(in crate::audit) struct Found {
    pub(in crate::audit) formats: Formats,
    pub(in crate::audit) first: Option<(RowId, String)>,
}

impl Formatting {
    /// Finds the format of most; where too many texts differ to look at each, asks for a look at all of them, if `thorough`.
    pub(super) fn begin(&mut self, index: usize, out: &OverviewOut, present: u64, thorough: bool, pass: &mut SecondPass<'_>) -> bool {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut add = |text: &str, count: u64| {
            if let Some(format) = format_of(text) {
                *counts.entry(format.into_owned()).or_default() += count;
            }
        };
        let all = match &out.texts {
            Some(texts) => {
                texts.iter().for_each(|t| add(&t.text, t.count));
                present
            }
            None if thorough => {
                out.sample.iter().for_each(|text| add(text, 1));
                out.sample.len() as u64
            }
            None => return false,
        };
        // Dates that can be read either way go with those that cannot.
        let american = counts.get("date %m/%d/%Y").copied().unwrap_or(0);
        if american > 0
            && let Some(either) = counts.remove("date %d/%m/%Y")
        {
            *counts.entry("date %m/%d/%Y".to_owned()).or_default() += either;
        }
        let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let is_of_most = |count: u64| present >= VALUES_MIN && count as f64 >= SHARE_MIN * all as f64;
        self.format = most.filter(|(_, count)| is_of_most(*count)).map(|(format, _)| format);
        if let (Some(format), None) = (&self.format, &out.texts) {
            self.check = Some(pass.want::<FormatCheck>(format.clone(), &[index]));
        }
        self.check.is_some()
    }

    /// How many values have the format, and which do not.
    pub(super) fn found(&self, out: &OverviewOut, facts: &GroupFacts<'_>) -> Result<Option<Found>, Fault> {
        let Some(format) = &self.format else { return Ok(None) };
        let texts = || out.texts.iter().flatten();
        let check = match self.check {
            Some(handle) => facts.get(handle)?.cloned().unwrap_or_default(),
            None => FormatCheckOut::of(format, texts().map(|t| (t.text.as_str(), t.count, t.first))),
        };
        let of_most = FormatCount { format: format.clone(), count: check.matching };
        let (mut others, mut units) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
        for text in texts() {
            match format_of(&text.text) {
                Some(found) if found != format.as_str() => *others.entry(found.into_owned()).or_default() += text.count,
                Some(_) | None => {}
            }
            if let Some(unit) = unit_of(&text.text).filter(|_| format == "number with unit") {
                *units.entry(unit.to_owned()).or_default() += text.count;
            }
        }
        if format == "date %m/%d/%Y" {
            others.remove("date %d/%m/%Y");
        }
        let mut formats = vec![of_most];
        formats.extend(most(others));
        let formats = Formats { formats, exceptions: check.exceptions, example: None, units: most(units) };
        Ok(Some(Found { formats, first: check.first }))
    }
}

fn most(counts: BTreeMap<String, u64>) -> Vec<FormatCount> {
    let mut counts: Vec<FormatCount> = counts.into_iter().map(|(format, count)| FormatCount { format, count }).collect();
    counts.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    counts.truncate(TOLD_MAX);
    counts
}
