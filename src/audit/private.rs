//! Where values leave the audit: nothing of a masked column goes on to a report.

use std::collections::{HashMap, HashSet};

use super::bind::PlannedCheck;
use super::finding::FindingWithRows;
use super::{Job, Plan};
use crate::diagnostic::Place;
use crate::findings::Finding;
use crate::findings::builtin::PREPARE;
use crate::privacy::{Mask, Privacy};
use crate::report::limits;
use crate::report::model::ColumnReport;
use crate::ruleset::{Surroundings, Written};
use crate::source::{SchemaEvidence, Source};
use crate::types::{Tally, path_steps, places};
use crate::yaml::Position;

/// The masked columns of the batch.
pub(super) fn privacy(job: &Job<'_>, source: &dyn Source, plan: &Plan) -> Privacy {
    let read = source.schema();
    // What `transform` makes is in no batch: it is masked for what it is made of.
    let columns = places(read);
    let is_read = |name: &str| path_steps(name).first().is_some_and(|root| columns.contains_key(root.as_str()));
    let paths = plan.prepare.rule_schema.fields().iter().map(|field| field.name().as_str()).filter(|name| is_read(name));
    job.rules.privacy_in(read.fields().iter().map(|field| field.name().as_str()).chain(paths), job.mask_key.clone())
}

/// What kinds of values stand in columns of several; of masked columns how many there are of each, and no examples.
pub(super) fn tallies(source: &dyn Source, evidence: &SchemaEvidence, privacy: &Privacy) -> Vec<Tally> {
    let mut tallies = source.tallies(evidence);
    for tally in tallies.iter_mut().filter(|tally| privacy.mask_of(&tally.path).is_some()) {
        tally.kinds.iter_mut().for_each(|kind| kind.examples.clear());
    }
    tallies
}

/// Leaves out, or masks, what findings and columns hold of values of masked columns.
pub(super) fn hide((job, plan, privacy): (&Job<'_>, &Plan, &Privacy), findings: &mut [FindingWithRows], columns: &mut [ColumnReport]) {
    let mut written = WrittenRules { written: job.rules.written(privacy), last: None };
    if privacy.is_empty() {
        findings.iter_mut().for_each(|found| found.finding.written = written.of(&found.finding, false));
        return;
    }
    // Two checks of one name are a fault.
    let checks: HashMap<&str, &PlannedCheck> = plan.checks.iter().map(|check| (check.id.as_str(), check)).collect();
    let mut texts = RuleTexts { privacy, surroundings: job.rules.surroundings(), last: None };
    for FindingWithRows { finding, .. } in findings {
        match checks.get(finding.id.as_str()).copied() {
            Some(check) => {
                let about = about(plan, &mut texts, check);
                finding.written = written.of(finding, about.is_some());
                if let Some(about) = about {
                    privacy.without_values(finding, &about, &|values| group_masks(privacy, plan, check, values));
                }
            }
            None if finding.code == PREPARE.code => {
                let steps = job.rules.sections.clean.iter().flat_map(|step| step.drop_where.iter().chain(&step.keep_where));
                let made = job.rules.sections.transform.0.iter().map(|(_, sql)| sql);
                if steps.chain(made).any(|sql| privacy.mentions(&sql.value)) {
                    privacy.without_values(finding, &[], &|_| Vec::new());
                }
            }
            None => finding.written = written.of(finding, false),
        }
        privacy.mask_samples(finding);
    }
    columns.iter_mut().for_each(|column| hide_column(privacy, column));
}

/// The rules as reports show them. A rule over many columns has a finding for each of them, one after the other: what is written
/// is cut out of the file once.
struct WrittenRules<'a> {
    written: Written<'a>,
    last: Option<((Place, bool), Option<String>)>,
}

impl WrittenRules<'_> {
    fn of(&mut self, finding: &Finding, speaks: bool) -> Option<String> {
        let place = finding.place.as_ref()?;
        if let Some((_, known)) = self.last.as_ref().filter(|((of, spoke), _)| (of, *spoke) == (place, speaks)) {
            return known.clone();
        }
        let mut written = self.written.at(place, speaks);
        written.iter_mut().for_each(limits::rule);
        self.last = Some(((place.clone(), speaks), written.clone()));
        written
    }
}

/// Whether rules speak of masked columns; the text of a rule is looked through once for all its columns.
struct RuleTexts<'a> {
    privacy: &'a Privacy,
    surroundings: Surroundings<'a>,
    last: Option<(Position, bool)>,
}

impl RuleTexts<'_> {
    fn mention(&mut self, at: Position) -> bool {
        if let Some((_, known)) = self.last.filter(|(of, _)| *of == at) {
            return known;
        }
        let mentions = at.line > 0 && self.privacy.mentions(self.surroundings.of_rule(at));
        self.last = Some((at, mentions));
        mentions
    }
}

/// The masked columns that a check speaks of; none if there are none.
fn about<'a>(plan: &'a Plan, texts: &mut RuleTexts<'_>, check: &'a PlannedCheck) -> Option<Vec<&'a str>> {
    let privacy = texts.privacy;
    let shown = check.shows.iter().map(|&column| plan.prepare.rule_schema.field(column).name().as_str());
    let by = check.words.by.iter().flat_map(|by| by.value.0.iter().map(String::as_str));
    let tested = check.test.and_then(|test| plan.requests.tests.get(test)).into_iter().flat_map(|test| &test.columns);
    let tested = tested.map(|&column| plan.prepare.rule_schema.field(column).name().as_str());
    let (mut masked, mut seen): (Vec<&str>, HashSet<&str>) = Default::default();
    for name in check.columns.iter().map(String::as_str).chain(shown).chain(by).chain(tested) {
        if seen.insert(name) && privacy.mask_of(name).is_some() {
            masked.push(name);
        }
    }
    // A rule may look at columns that it does not show.
    let reads = !masked.is_empty() || texts.mention(check.at);
    reads.then_some(masked)
}

/// How the values that name a group are masked: those of `by`, of the rule's own columns, or of both. Where that cannot be
/// told, all are hidden.
fn group_masks(privacy: &Privacy, plan: &Plan, check: &PlannedCheck, values: usize) -> Vec<Option<Mask>> {
    let by: Vec<&str> = check.words.by.iter().flat_map(|by| by.value.0.iter().map(String::as_str)).collect();
    let naming = check.check.as_ref().map(|judge| judge.groups_by()).unwrap_or_default();
    let own: Vec<&str> = match naming.is_empty() {
        true => check.columns.iter().map(String::as_str).collect(),
        false => naming.iter().map(|&column| plan.prepare.rule_schema.field(column).name().as_str()).collect(),
    };
    let both: Vec<&str> = by.iter().chain(&own).copied().collect();
    let of = |names: &[&str]| names.iter().map(|name| privacy.mask_of(name)).collect::<Vec<_>>();
    let candidates: Vec<Vec<Option<Mask>>> = [by, own, both].iter().filter(|names| names.len() == values).map(|names| of(names)).collect();
    match candidates.split_first() {
        None => vec![Some(Mask::Hidden); values],
        Some((first, [])) => first.clone(),
        Some((first, others)) => {
            let or_others = |(i, mask): (usize, &Option<Mask>)| mask.or_else(|| others.iter().find_map(|other| other[i]));
            first.iter().enumerate().map(or_others).collect()
        }
    }
}

/// What is said of a masked column: how many values there are, and no value.
fn hide_column(privacy: &Privacy, column: &mut ColumnReport) {
    let Some(mask) = privacy.mask_of(&column.name) else { return };
    column.top_values = column.top_values.take().filter(|_| mask != Mask::Hidden);
    column.top_values.iter_mut().flatten().for_each(|top| top.value = privacy.json(mask, &top.value));
    *column = ColumnReport {
        mask: Some(mask),
        name: std::mem::take(&mut column.name),
        data_type: std::mem::take(&mut column.data_type),
        kinds: column.kinds.take(),
        rows: column.rows,
        missing: column.missing,
        distinct: column.distinct,
        distinct_exact: column.distinct_exact,
        top_values: column.top_values.take(),
        ..ColumnReport::default()
    };
}
