//! What rules say of a sample, and what they say of a spoilt one that they did not say before.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Catch, CaughtAs};
use crate::audit::Audited;
use crate::diagnostic::Faults;
use crate::findings::builtin::MALFORMED;
use crate::findings::{Finding, Label, OnFail};
use crate::rows::RowSet;

/// The findings of one judgement, by id.
#[derive(Debug, Default)]
pub(super) struct Judged(BTreeMap<String, Said>);

#[derive(Debug, Clone)]
struct Said {
    finding: Finding,
    /// The rows that it names, as they stand in the sample.
    rows: BTreeSet<u32>,
}

impl Judged {
    pub(super) fn of(audited: &Audited) -> Self {
        let index = |rows: &RowSet| -> BTreeSet<u32> {
            rows.iter().map(|row| (audited.row_origins.rows_before(row.unit) as u32).saturating_add(row.row)).collect()
        };
        let said = audited.findings.iter().map(|found| {
            let is_malformed = found.finding.code == MALFORMED.code;
            let rows = if is_malformed { index(&audited.malformed_rows) } else { index(&found.rows) };
            (found.finding.id.clone(), Said { finding: found.finding.clone(), rows })
        });
        Self(said.collect())
    }

    /// Whether every finding of the rule file's own rules passes, and there is one.
    pub(super) fn passes(&self, is_own: &dyn Fn(&Finding) -> bool) -> bool {
        let mut own = self.0.values().filter(|said| is_own(&said.finding)).peekable();
        own.peek().is_some() && own.all(|said| said.finding.label() == Label::Pass)
    }

    /// What is said of spoilt `rows` that was not said of them as they were; and the ids of findings that saw some of them and
    /// let them pass.
    pub(super) fn noticed(&self, before: &Self, rows: &[u32], is_own: &dyn Fn(&Finding) -> bool) -> (Vec<Catch>, Vec<String>) {
        let nothing = BTreeSet::new();
        let (mut by, mut let_pass) = (Vec::new(), Vec::new());
        for (id, Said { finding, rows: named }) in self.0.iter().filter(|(_, said)| is_own(&said.finding)) {
            let earlier = before.0.get(id);
            let named_before = earlier.map_or(&nothing, |said| &said.rows);
            let seen = rows.iter().filter(|row| named.contains(row)).count() as u64;
            let is_seen_anew = rows.iter().any(|row| named.contains(row) && !named_before.contains(row));
            let consequence = consequence(finding);
            let was = earlier.and_then(|said| self::consequence(&said.finding));
            match consequence {
                Some(caught_as) if was.is_none_or(|was| caught_as < was) || is_seen_anew => {
                    let named = (!named.is_empty()).then_some(seen);
                    by.push(Catch { id: id.clone(), caught_as, named, message: finding.message.to_string() });
                }
                None if is_seen_anew || earlier.is_some_and(|said| said.finding.label() != finding.label()) => let_pass.push(id.clone()),
                Some(_) | None => {}
            }
        }
        by.sort_by(|a, b| (a.caught_as, std::cmp::Reverse(a.named), &a.id).cmp(&(b.caught_as, std::cmp::Reverse(b.named), &b.id)));
        (by, let_pass)
    }
}

/// What follows for the batch or its rows; none where all is published without a word of warning.
fn consequence(finding: &Finding) -> Option<CaughtAs> {
    if finding.stops() {
        return Some(CaughtAs::Stops);
    }
    match (finding.label(), finding.on_fail) {
        (Label::Fail, OnFail::Reject) => Some(CaughtAs::Rejects),
        (Label::Fail, OnFail::Quarantine | OnFail::Warn | OnFail::Info) => Some(CaughtAs::SetsAside),
        (Label::Warning | Label::CannotTell | Label::NoData, _) => finding.is_warning().then_some(CaughtAs::Warns),
        (Label::Info | Label::NotJudged | Label::Known | Label::Pass, _) => None,
    }
}

/// The same of a run that ended with faults.
pub(super) fn stopped(faults: &Faults) -> Vec<Catch> {
    let first = faults.0.first().map(|fault| (fault.code.as_str().to_owned(), fault.what.clone()));
    let (id, message) = first.unwrap_or_default();
    vec![Catch { id, caught_as: CaughtAs::Stops, named: None, message }]
}
