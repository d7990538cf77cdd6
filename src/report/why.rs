//! Where failures concentrate, in a sentence.

use crate::findings::{Concentration, Finding};
use crate::shown::{count, digits, percent};
use crate::visible::{self, NAME_MAX};

/// `94.0% of these have `site` = B: 31 × the rate elsewhere (25 to 39)`; none where nothing was found.
pub(super) fn sentence(finding: &Finding) -> Option<String> {
    let Concentration { column, value, failing_rows, failing_rows_with, lift, lift_low, lift_high, .. } = finding.why.first()?;
    let share = match failing_rows_with == failing_rows {
        true => "all".to_owned(),
        false => percent(*failing_rows_with, *failing_rows),
    };
    let these = match *failing_rows == finding.failing_rows {
        true => "these".to_owned(),
        false => format!("the {} that were looked at", count(*failing_rows)),
    };
    let value = value.as_deref().map_or_else(|| "is missing".to_owned(), |value| format!("= {}", visible::cut(value, NAME_MAX)));
    let value = format!("`{}` {value}", visible::cut(column, NAME_MAX));
    let have = if value.ends_with("is missing") { "are rows where" } else { "have" };
    Some(match (lift, lift_high) {
        (Some(lift), Some(high)) => format!(
            "{share} of {these} {have} {value}: {} × the rate elsewhere ({} to {})",
            digits(*lift, 2),
            digits(*lift_low, 2),
            digits(*high, 2)
        ),
        _ => format!("{share} of {these} {have} {value}: no row elsewhere fails (at least {} × the rate)", digits(*lift_low, 2)),
    })
}
