//! What the gate does to groups: judged once it is known which rows are set aside.

use super::finding::FindingWithRows;
use super::fold::Counted;
use crate::diagnostic::Faults;
use crate::rows::RowSet;
use crate::rules::SetAside;

/// Has judged what waits for the rows that `findings` set aside; gives whether they set any aside. While it is judged, second
/// passes see the units alone that hold such rows, and take for sound what is left.
///
/// # Errors
/// Those of `judge`.
pub(super) fn judge(
    totals: &mut Counted,
    findings: &[FindingWithRows],
    judge: impl FnOnce(&mut Counted) -> Result<(), Faults>,
) -> Result<bool, Faults> {
    let failing = findings.iter().filter(|found| found.finding.sets_aside()).map(|found| found.rows.as_ref());
    let set_aside = RowSet::of_all(failing.chain([&totals.malformed]));
    // Unsound rows are among them, and no unsound row is malformed.
    let at_once = set_aside.len() == totals.malformed.len() + totals.unsound.len();
    totals.facts.set_aside = Some(SetAside { at_once });
    let sets_aside = set_aside.len() > totals.malformed.len();
    if at_once {
        judge(totals)?;
        return Ok(sets_aside);
    }
    let holding = totals.units.iter().filter(|unit| set_aside.len_of(unit.index) > 0).cloned().collect();
    let units = std::mem::replace(&mut totals.units, holding);
    let unsound = std::mem::replace(&mut totals.unsound, set_aside);
    let judged = judge(totals);
    (totals.units, totals.unsound) = (units, unsound);
    judged.map(|()| sets_aside)
}
