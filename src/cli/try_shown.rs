//! What a trial of rules came to, for people.

use super::history::table;
use crate::corrupt::{Case, CaughtAs, Class, Clean, Outcome, Trial};
use crate::shown::{count, counted, percent};
use crate::verdict::Verdict;
use crate::visible::{self, NAME_MAX};

/// Longer messages of a run that stopped are cut.
const MESSAGE_MAX: usize = 120;

/// All of it: first whether the data pass, then the score, a table, and what was missed.
pub(super) fn text(trial: &Trial, verbose: bool) -> String {
    let mut out = clean(&trial.clean);
    out.push_str(&score(trial));
    out.push_str(&matrix(trial));
    out.push_str("SET ASIDE, REJECTED, WARNED, STOPPED: what the rules do; missed: nothing; no rule: no rule tried notices it either; -: cannot be made\n");
    out.push_str(&missed(trial));
    if verbose {
        out.push_str(&caught(trial));
    }
    out
}

fn clean(clean: &Clean) -> String {
    let rows =
        if clean.is_part { format!("the first {}", counted(clean.rows, "row")) } else { format!("all {}", counted(clean.rows, "row")) };
    let mut out = match clean.verdict {
        Verdict::Accept => format!("The data pass as they are ({rows})\n"),
        Verdict::Quarantine | Verdict::Reject | Verdict::Undecided => {
            let verdict = serde_json::to_value(clean.verdict).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            let mut out =
                format!("THE DATA DO NOT PASS AS THEY ARE: {verdict} ({rows}). A rule that fails already may notice nothing more:\n");
            clean.reasons.iter().for_each(|reason| out.push_str(&format!("  {}\n", visible::line(reason))));
            out
        }
    };
    if clean.malformed > 0 {
        out.push_str(&format!("{} cannot be read, and were left out\n", counted(clean.malformed, "record")));
    }
    out
}

fn score(trial: &Trial) -> String {
    let share = if trial.of > 0 { format!(" ({})", percent(trial.caught, trial.of)) } else { String::new() };
    let mut out = format!("caught {} of {} errors{share}", count(trial.caught), count(trial.of));
    if trial.no_rule > 0 {
        out.push_str(&format!("; beside these {} that no rule tried would notice", count(trial.no_rule)));
    }
    out + "\n\n"
}

/// A row a column, a column a class.
fn matrix(trial: &Trial) -> String {
    let is_shown = |class: &Class| trial.cases.iter().any(|case| case.class == *class && applies(case));
    let classes: Vec<Class> = Class::ALL.into_iter().filter(is_shown).collect();
    let header: Vec<&str> = std::iter::once("column").chain(classes.iter().map(|class| class.name())).collect();
    let mut table = table(&header);
    let mut rows: Vec<(String, Vec<&Case>)> = Vec::new();
    for case in &trial.cases {
        let name = column(case);
        match rows.last_mut().filter(|(last, _)| *last == name) {
            Some((_, cases)) => cases.push(case),
            None => rows.push((name, vec![case])),
        }
    }
    for (name, cases) in rows {
        let cell = |class: &Class| cases.iter().find(|case| case.class == *class).map_or("-", |case| word(&case.outcome));
        table.add_row(std::iter::once(name.as_str()).chain(classes.iter().map(cell)));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn applies(case: &Case) -> bool {
    !matches!(case.outcome, Outcome::NotApplicable { .. })
}

fn column(case: &Case) -> String {
    case.column.as_ref().map_or_else(|| "(whole row)".to_owned(), |name| visible::cut(name, NAME_MAX).into_owned())
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Caught { by } => by.first().map_or("", |first| consequence(first.caught_as)),
        Outcome::Missed { .. } => "missed",
        Outcome::NoRule { .. } => "no rule",
        Outcome::NotApplicable { .. } => "-",
    }
}

fn consequence(caught_as: CaughtAs) -> &'static str {
    match caught_as {
        CaughtAs::Rejects => "REJECTED",
        CaughtAs::Stops => "STOPPED",
        CaughtAs::SetsAside => "SET ASIDE",
        CaughtAs::Warns => "WARNED",
    }
}

/// What was missed, and the rule that would notice it.
fn missed(trial: &Trial) -> String {
    let mut out = String::new();
    for case in &trial.cases {
        let Outcome::Missed { let_pass, hints } = &case.outcome else { continue };
        if out.is_empty() {
            out.push_str("\nMissed; each rule below was tried: it passes the data as they are, and notices the error\n");
        }
        out.push_str(&format!(
            "  {}, {}: {}, in {}\n",
            column(case),
            case.class.name(),
            visible::line(&case.what),
            counted(case.rows, "row")
        ));
        if !let_pass.is_empty() {
            out.push_str(&format!("    seen and let pass by {}\n", names(let_pass)));
        }
        hints.iter().for_each(|hint| out.push_str(&format!("    - {}\n", visible::line(&hint.rule))));
    }
    out
}

/// What was caught, and by which rules.
fn caught(trial: &Trial) -> String {
    let mut out = String::from("\nCaught\n");
    for case in &trial.cases {
        let Outcome::Caught { by } = &case.outcome else { continue };
        out.push_str(&format!(
            "  {}, {}: {}, in {}\n",
            column(case),
            case.class.name(),
            visible::line(&case.what),
            counted(case.rows, "row")
        ));
        for catch in by {
            let named = catch.named.map_or_else(String::new, |named| format!(", names {}", percent(named, case.rows)));
            let message = visible::cut(&catch.message, MESSAGE_MAX);
            out.push_str(&format!("    {} by {}{named}: {message}\n", consequence(catch.caught_as), visible::cut(&catch.id, NAME_MAX)));
        }
    }
    out
}

fn names(ids: &[String]) -> String {
    ids.iter().map(|id| visible::cut(id, NAME_MAX).into_owned()).collect::<Vec<_>>().join(", ")
}
