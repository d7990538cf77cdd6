//! KnownIssue issues: rows that fail a rule for a reason that is accepted for now.

use std::collections::HashMap;

use arrow::datatypes::Field;

use super::Terms;
use crate::audit::Plan;
use crate::diagnostic::{Code, Fault, Faults, Sought};
use crate::rules::Asking;
use crate::ruleset::KnownIssue;
use crate::sql::{Certainty, LazySql};

/// Attaches known issues to the row tests of the findings they name.
pub(super) fn attach(terms: &Terms<'_>, sql: &LazySql, certainty: impl Fn(&Field) -> Certainty, plan: &mut Plan) -> Result<(), Faults> {
    const WARN_DAYS: i32 = 7;
    let mut faults = Faults::default();
    let file = &terms.rules.path;
    let today = (terms.now.timestamp().div_euclid(86_400)) as i32;
    let (known, sought) = (&terms.rules.sections.known, Sought::default());
    // The first of several counts.
    let places = plan.checks.iter().enumerate().rev().filter(|_| !known.is_empty()).map(|(place, check)| (check.id.clone(), place));
    let places: HashMap<String, usize> = places.collect();
    for known in known {
        let KnownIssue { rule, r#where, until, .. } = &known.value;
        let Some(&check) = places.get(&rule.value) else {
            let fault = Fault::new(Code::UnknownRule, format!("no finding is called `{}`", rule.value)).at(rule.at.in_file(file));
            faults.push(fault.hint_nearest_within(&sought, &rule.value, plan.checks.iter().map(|check| check.id.as_str())));
            continue;
        };
        let condition = match sql.get().condition(&r#where.value, &plan.prepare.schema) {
            Ok(condition) => condition,
            Err(why) => {
                faults.push(Fault::told(Code::InvalidSql, why).at(r#where.at.in_file(file)));
                continue;
            }
        };
        let fault = |why: &str| Fault::new(Code::InvalidSql, why).at(r#where.at.in_file(file));
        let Some(condition) = faults.take(sql.accept(condition, fault, |c| certainty(plan.prepare.schema.field(c)))) else { continue };
        let Some(test) = plan.checks[check].test else {
            let what = format!("`{}` does not judge row by row, so no rows of it can be known", rule.value);
            faults.push(Fault::new(Code::MisplacedWord, what).at(rule.at.in_file(file)));
            continue;
        };
        let last = until.as_ref().and_then(|u| crate::text::date(&u.value.0)).unwrap_or(i32::MAX);
        let named = || format!("known issue of {}{}", rule.value, known.ticket.as_ref().map(|t| format!(" ({t})")).unwrap_or_default());
        if today > last {
            plan.known_notes.push(format!("{}: past its day, its rows fail again", named()));
            continue;
        }
        if last.saturating_sub(today) <= WARN_DAYS {
            plan.known_notes.push(format!("{}: {} days left", named(), last - today));
        }
        let mut asking = Asking::beside(&plan.requests);
        let condition = asking.condition(condition, r#where.at.in_file(file));
        let new = asking.into_new();
        plan.requests.absorb(new);
        plan.requests.tests[test].known.push(condition);
        let ticket = known.ticket.as_ref().map(|t| format!(" ({t})")).unwrap_or_default();
        plan.checks[check].known_reasons.push(format!("{}{ticket}", known.reason));
    }
    faults.or_ok(())
}
