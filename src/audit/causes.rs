//! What a finding rests on beside its own rule: which rows its figures are taken over, and which finding it follows from.

use std::collections::HashMap;

use super::bind::PlannedCheck;
use super::finding::FindingWithRows;
use super::fold::Counted;
use super::{Job, Plan, builtin};
use crate::findings::builtin::{MALFORMED, NOT_NULL, PREPARE, REQUIRED, SCHEMA};
use crate::findings::{Figures, OnNoData, Outcome, Severity, TakenOver, figures};
use crate::rules::words::Over;
use crate::shown::{count, counted};

/// Completes `findings`: those of the plan's checks stand last, in the order of the checks.
pub(super) fn name(job: &Job<'_>, plan: &Plan, totals: &Counted, findings: &mut [FindingWithRows]) {
    let schema = findings.iter().find(|f| f.finding.code == SCHEMA.code).map(|f| f.finding.id.clone());
    let (others, of_checks) = findings.split_at_mut(findings.len() - plan.checks.len());
    for other in others.iter_mut().filter(|f| f.finding.code == PREPARE.code) {
        schema.iter().for_each(|schema| follow(other, std::slice::from_ref(schema)));
    }
    let malformed = others.iter().find(|f| f.finding.code == MALFORMED.code && f.finding.failing_rows > 0);
    let at_once = |(check, found): &(&PlannedCheck, &FindingWithRows)| {
        check.test.is_some() && check.policy.sets_aside_at_once() && found.finding.failing_rows > 0
    };
    let setting_aside = malformed.into_iter().chain(plan.checks.iter().zip(of_checks.iter()).filter(at_once).map(|(_, found)| found));
    let setting_aside: Vec<String> = setting_aside.map(|f| f.finding.id.clone()).collect();
    let left = totals.row_origins.records() - totals.filtered;
    let rows = left - totals.malformed.len();
    let sound = rows - totals.unsound.len();
    for (check, found) in plan.checks.iter().zip(of_checks.iter_mut()) {
        let finding = &mut found.finding;
        match finding.outcome {
            Outcome::NoData if left == 0 && builtin::permits_empty(job) => {
                finding.severity = Severity::of(finding.outcome, finding.on_fail, OnNoData::Pass);
            }
            Outcome::NoData if check.check.is_err() => {
                // It would bind to a batch that keeps to the contract: so the schema is the cause.
                schema.iter().for_each(|schema| follow(found, std::slice::from_ref(schema)));
            }
            // Whatever the rule says that it lacks, it lacks since nothing was left to it.
            Outcome::NoData if check.scope.over == Over::Sound && left > 0 && sound == 0 => {
                finding.message = format!("no row is left to judge: all {} are set aside", counted(left, "row")).into();
                follow(found, &setting_aside);
            }
            Outcome::NoData | Outcome::NotJudged => {}
            Outcome::Pass | Outcome::Known | Outcome::Warn | Outcome::InsufficientEvidence | Outcome::Fail => {
                if check.of_sound_rows && sound < rows {
                    finding.taken_over = Some(TakenOver { rows: sound, of: rows });
                    finding.message.push(left_out(check, &finding.figures, sound, rows));
                }
            }
        }
    }
    name_repeated(of_checks);
}

/// Which rows a check judged, where rows that fail another rule are left out: `sound` of `rows` are not.
fn left_out(check: &PlannedCheck, found: &Figures, sound: u64, rows: u64) -> String {
    let out = rows - sound;
    let (fail, failed) = (if out == 1 { "fails" } else { "fail" }, count(out));
    // Of a part of the rows, these are not the numbers.
    let is_part = check.words.r#where.is_some() || check.groups.is_some();
    if is_part {
        format!("without {failed} of {}, which {fail} another rule", counted(rows, "row"))
    } else if found.get(&figures::DUPLICATE_ROWS).is_some() {
        format!("compared among {} ({failed} failed another rule)", counted(sound, "row"))
    } else {
        format!("over {} of {} ({failed} {fail} another rule)", count(sound), counted(rows, "row"))
    }
}

/// A contract or a table asks for values, and a rule does too: one is named in the other.
fn name_repeated(of_checks: &mut [FindingWithRows]) {
    let is_implied = |found: &FindingWithRows| found.finding.code == REQUIRED.code || found.finding.code == NOT_NULL.code;
    if !of_checks.iter().any(is_implied) {
        return;
    }
    let about = |found: &FindingWithRows| (found.finding.rule.clone(), found.finding.columns.clone());
    let mut alike: HashMap<(String, Vec<String>), Vec<usize>> = HashMap::new();
    of_checks.iter().enumerate().for_each(|(at, found)| alike.entry(about(found)).or_default().push(at));
    for at in 0..of_checks.len() {
        let implied = &of_checks[at];
        if !is_implied(implied) || implied.finding.failing_rows == 0 {
            continue;
        }
        let same = |other: &&FindingWithRows| {
            let (one, two) = (&implied.finding, &other.finding);
            let is_other = !is_implied(other) || (one.code == NOT_NULL.code && two.code == REQUIRED.code);
            is_other && one.outcome == two.outcome && implied.rows == other.rows
        };
        let others = alike.get(&about(implied)).into_iter().flatten().map(|&other| &of_checks[other]);
        if let Some(same) = { others }.find(same).map(|other| other.finding.id.clone()) {
            of_checks[at].finding.message.push(format!("the same rows as `{same}`"));
            of_checks[at].finding.follows_from = vec![same];
        }
    }
}

fn follow(found: &mut FindingWithRows, causes: &[String]) {
    if causes.is_empty() {
        return;
    }
    let named: Vec<String> = causes.iter().map(|id| format!("`{id}`")).collect();
    found.finding.message.push(format!("follows from {}", named.join(", ")));
    found.finding.follows_from = causes.to_vec();
}
