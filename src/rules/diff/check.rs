//! How much differs, and whether that is too much.

use super::Limits;
use crate::diagnostic::{Code, Fault};
use crate::findings::{Figures, Finding, GroupFigures, Message, Outcome, Unit, figures};
use crate::rules::facts::DiffHandle;
use crate::rules::paired::{Compared, DiffAnswer, DiffQuery, Of};
use crate::rules::words::Tolerance;
use crate::rules::{GroupFacts, Judge, Judgement, SecondPass};
use crate::shown::{count, counted, percent};

/// Columns that a message names.
const COLUMNS_MAX: usize = 5;

#[derive(Clone)]
pub(super) struct DiffCheck {
    pub(super) query: DiffQuery,
    pub(super) limits: Limits,
    /// What the batch is compared with, in words.
    pub(super) against: String,
    pub(super) asked: Option<DiffHandle>,
}

impl Judge for DiffCheck {
    fn for_group(&self) -> Box<dyn Judge> {
        Box::new(self.clone())
    }

    fn judge(&mut self, facts: &GroupFacts<'_>, pass: &mut SecondPass<'_>) -> Result<Judgement, Fault> {
        let Some(asked) = self.asked else {
            self.asked = Some(pass.compare(self.query.clone()));
            return Ok(Judgement::NeedsPass);
        };
        Ok(match facts.compared(asked) {
            Some(Compared::Answer(answer)) => self.judged(answer),
            Some(Compared::Unfit(why)) => Judgement::Unfit(why.clone()),
            None => return Err(Fault::new(Code::Internal, "internal error: rows were not compared")),
        })
    }
}

impl DiffCheck {
    fn judged(&self, answer: &DiffAnswer) -> Judgement {
        if answer.rows.batch == 0 {
            return Judgement::NoData("no rows in scope".into());
        }
        if answer.rows.other == 0 {
            return Judgement::NoData(format!("there are no rows in {} to compare with", self.against));
        }
        let mut broken = self.broken(answer);
        let mut outcome = if broken.is_empty() { Outcome::Pass } else { Outcome::Fail };
        if let Some((word, warn)) = self.warned(answer).filter(|_| broken.is_empty()) {
            outcome = Outcome::Warn;
            broken.push(format!("more than {warn} {word}"));
        }
        let mut message: Message = answer.columns_differ.clone().into();
        message.push(rows(answer));
        message.extend(columns(answer));
        message.extend(unpaired(answer, &self.against));
        message.extend((answer.unreadable > 0).then(|| {
            let records = counted(answer.unreadable, "record");
            format!("{records} of {} cannot be read, and {} left out", self.against, if answer.unreadable == 1 { "is" } else { "are" })
        }));
        message.extend(broken);
        let group = |(name, changed): &(String, u64)| GroupFigures {
            group: vec![Some(name.clone())],
            // No column is judged by itself.
            outcome: Outcome::NotJudged,
            message: format!("{} changed", counted(*changed, "row")).into(),
            figures: Figures::from([(&figures::CHANGED, (*changed).into())]),
        };
        let differing = answer.added + answer.removed + answer.changed;
        let finding = Finding {
            outcome,
            observed: differing.into(),
            unit: Unit::ROWS,
            failing_rows: answer.failing.len(),
            message,
            figures: figures_of(answer),
            groups: answer.columns.iter().map(group).collect(),
            samples: answer.samples.clone(),
            ..Finding::default()
        };
        Judgement::MeasuredRows(Box::new(finding), answer.failing.clone())
    }

    /// The earlier limit, if more differs, and in which way.
    fn warned(&self, answer: &DiffAnswer) -> Option<(&'static str, Tolerance)> {
        let warn = self.limits.warn?;
        let limited = self.limits.beside(answer).into_iter().find(|(_, limit, ..)| limit.is_some());
        limited.filter(|&(_, _, part, whole)| warn.is_exceeded_by(part, whole)).map(|(word, ..)| (word, warn))
    }

    /// Which limits are broken, in words.
    fn broken(&self, answer: &DiffAnswer) -> Vec<String> {
        let judged = self.limits.beside(answer);
        let is_strict = judged.iter().all(|(_, limit, ..)| limit.is_none());
        let mut broken = Vec::new();
        for (word, limit, part, whole) in judged {
            let Some(limit) = limit.filter(|limit| limit.is_exceeded_by(part, whole)) else { continue };
            broken.push(match limit.is_none() {
                true => format!("none may be {word}"),
                false => format!("more than {limit} {word}"),
            });
        }
        if is_strict && (answer.changed + answer.added + answer.removed > 0 || !answer.columns_differ.is_empty()) {
            broken.push("nothing may differ".to_owned());
        }
        if answer.repeated_rows.sum() + answer.without_key.sum() > 0 {
            broken.push("each row must have a key of its own".to_owned());
        }
        broken
    }
}

impl Limits {
    /// Each with what it is a limit of: so many of so many rows.
    fn beside(&self, answer: &DiffAnswer) -> [(&'static str, Option<Tolerance>, u64, u64); 3] {
        [
            ("changed", self.changed, answer.changed, answer.both),
            ("added", self.added, answer.added, answer.rows.batch),
            ("removed", self.removed, answer.removed, answer.rows.other),
        ]
    }
}

/// How many rows differ in which way.
fn rows(answer: &DiffAnswer) -> String {
    let DiffAnswer { added, removed, changed, both, .. } = *answer;
    if added + removed + changed == 0 {
        return format!("{} {} equal", counted(both, "row"), if both == 1 { "is" } else { "are" });
    }
    let share = if changed == 0 { String::new() } else { format!(" ({})", percent(changed, both)) };
    format!("{} added, {} removed, {} of {} in both changed{share}", count(added), count(removed), count(changed), count(both))
}

/// In which columns.
fn columns(answer: &DiffAnswer) -> Option<String> {
    let mut most: Vec<&(String, u64)> = answer.columns.iter().collect();
    most.sort_by_key(|(_, changed)| std::cmp::Reverse(*changed));
    let (more, named) = (most.len().saturating_sub(COLUMNS_MAX), most.iter().take(COLUMNS_MAX));
    let mut named: Vec<String> = named.map(|(name, changed)| format!("`{name}` in {}", counted(*changed, "row"))).collect();
    named.extend((more > 0).then(|| format!("{more} more columns")));
    (!named.is_empty()).then(|| format!("changed: {}", named.join(", ")))
}

/// Rows that cannot be paired, and why.
fn unpaired(answer: &DiffAnswer, against: &str) -> Vec<String> {
    let mut said = Vec::new();
    let Of { batch, other } = answer.repeated_keys;
    for (keys, place) in [(batch, "the batch"), (other, against)] {
        if keys > 0 {
            said.push(format!("{} {} several times in {place}", counted(keys, "key"), if keys == 1 { "occurs" } else { "occur" }));
        }
    }
    let Of { batch, other } = answer.without_key;
    for (rows, place) in [(batch, "the batch"), (other, against)] {
        if rows > 0 {
            said.push(format!("{} of {place} {} a part of the key", counted(rows, "row"), if rows == 1 { "lacks" } else { "lack" }));
        }
    }
    let rows = answer.repeated_rows.sum();
    if rows > 0 {
        said.push(format!("{} with such keys cannot be paired", counted(rows, "row")));
    }
    said
}

fn figures_of(answer: &DiffAnswer) -> Figures {
    let mut counted = Figures::from([
        (&figures::ADDED, answer.added.into()),
        (&figures::CHANGED, answer.changed.into()),
        (&figures::COMPARED_COLUMNS, answer.compared.into()),
        (&figures::IN_BOTH, answer.both.into()),
        (&figures::OTHER_ROWS, answer.rows.other.into()),
        (&figures::REMOVED, answer.removed.into()),
        (&figures::ROWS_IN_SCOPE, answer.rows.batch.into()),
    ]);
    for (figure, number) in [
        (&figures::DIFFERING_COLUMNS, answer.columns_differ.len() as u64),
        (&figures::REPEATED_KEYS, answer.repeated_keys.batch),
        (&figures::OTHER_REPEATED_KEYS, answer.repeated_keys.other),
        (&figures::WITHOUT_KEY, answer.without_key.batch),
        (&figures::OTHER_WITHOUT_KEY, answer.without_key.other),
    ] {
        if number > 0 {
            counted.set(figure, number);
        }
    }
    counted
}
