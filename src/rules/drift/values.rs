//! Which values there are: new ones, and how many different ones.

use super::check::DriftCheck;
use super::shown;
use super::sides::Sides;
use super::words::Limits;
use crate::diagnostic::Fault;
use crate::findings::{Figures, Finding, Message, Outcome, Unit, figures};
use crate::rules::{Answer, GroupFacts, Judgement};
use crate::shown::{beside, count, counted, percent_by};

impl DriftCheck {
    /// Rows whose value the baseline never had.
    pub(super) fn new_values(&self, sides: &Sides) -> Judgement {
        let Limits::Rows { max, warn } = &self.limits else { return Judgement::NoData("no limit".into()) };
        let (least, most) = sides.new_rows();
        let fails = max.is_exceeded_by(least, sides.n);
        if !fails && max.is_exceeded_by(most, sides.n) {
            return Judgement::NoData(format!("needs a scan: {} does not name all its values", self.against));
        }
        let outcome = match warn {
            _ if fails => Outcome::Fail,
            Some(warn) if warn.is_exceeded_by(least, sides.n) => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        };
        let beyond = |part, whole| (max.is_exceeded_by(part, whole), warn.map(|warn| warn.is_exceeded_by(part, whole)));
        let share = if least == 0 { String::new() } else { format!(" ({})", percent_by(least, sides.n, beyond)) };
        let seen = format!("{} of {}{share} are not in {}", count(least), counted(sides.n, "value"), self.against);
        let mut message = Message::from(seen);
        if !max.is_none() {
            message.push(format!("{max} allowed"));
        }
        message.extend(warn.filter(|_| outcome == Outcome::Warn).map(|warn| format!("more than {warn} is a warning")));
        let (groups, says) = shown::categories(self, &sides.categories(), sides);
        message.extend(says);
        let mut figures = Figures::from([(&figures::ROWS, sides.n.into()), (&figures::BASELINE_ROWS, sides.m.into())]);
        figures.set(&figures::NEW_VALUE_ROWS, least);
        shown::count_new(self, sides, &mut figures);
        let (observed, limit, unit) = match max.share {
            Some(share) if max.rows.is_none() => ((least as f64 / sides.n as f64).into(), share.as_f64().into(), Unit::SHARE_OF_ROWS),
            Some(_) | None => (least.into(), max.to_string().into(), Unit::ROWS),
        };
        Judgement::measured(Finding { outcome, observed, limit, unit, message, figures, groups, ..Finding::default() })
    }

    /// How many different values there are, of as many rows.
    pub(super) fn cardinality(&self, sides: &Sides, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Limits::Distance { max, warn } = &self.limits else { return Ok(Judgement::NoData("no limit".into())) };
        let Some((ours, theirs)) = self.distinct else { return Ok(Judgement::NoData("no different values".into())) };
        let Some(ours) = facts.get(ours)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        let theirs = match facts.beside(theirs)? {
            Answer::There(theirs) => theirs,
            Answer::NotThere(why) => return Ok(why.into()),
        };
        let (mut here, mut there) = (ours.count as f64, theirs.count as f64);
        let mut says = Vec::new();
        // Of fewer rows there are fewer different values: the larger side is thinned out.
        if sides.is_exact() && sides.n != sides.m {
            let categories = sides.categories();
            match sides.n < sides.m {
                true => there = thinned(categories.iter().map(|c| c.b), sides.n as f64 / sides.m as f64),
                false => here = thinned(categories.iter().map(|c| c.a), sides.m as f64 / sides.n as f64),
            }
            let fewer = counted(sides.n.min(sides.m), "value");
            says.push(format!("both as of {fewer}: {} here, {} there", beside(here, &[there]), beside(there, &[here])));
        }
        if there == 0.0 {
            return Ok(Judgement::NoData(format!("there are no values to compare with in {}", self.against)));
        }
        let change = here / there - 1.0;
        let limits: Vec<f64> = [Some(max), warn.as_ref()].into_iter().flatten().map(|bound| bound.value).collect();
        let outcome = match warn {
            _ if change.abs() > max.value => Outcome::Fail,
            Some(warn) if change.abs() > warn.value => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        };
        let percent = |x: f64| format!("{}%", beside(x * 100.0, &limits.iter().map(|limit| limit * 100.0).collect::<Vec<_>>()));
        let word = if change < 0.0 { "fewer" } else { "more" };
        let (values, before) = (counted(ours.count, "different value"), count(theirs.count));
        let seen = format!("{values}, {before} in {}: {} {word}, {} is allowed", self.against, percent(change.abs()), percent(max.value));
        let mut message = Message::from(seen);
        message.extend(says);
        let figures = Figures::from([
            (&figures::ROWS, sides.n.into()),
            (&figures::BASELINE_ROWS, sides.m.into()),
            (&figures::DISTINCT, ours.count.into()),
            (&figures::BASELINE_DISTINCT, theirs.count.into()),
        ]);
        let (observed, limit) = (change.abs().into(), max.value.into());
        Ok(Judgement::measured(Finding { outcome, observed, limit, unit: Unit::NONE, message, figures, ..Finding::default() }))
    }
}

/// How many different values are expected of a share of the rows, of values that occur so often.
fn thinned(counts: impl Iterator<Item = u64>, share: f64) -> f64 {
    // Each row stays with this chance; a value stays with the first of its rows.
    let gone = (-share).ln_1p();
    counts.map(|count| -(count as f64 * gone).exp_m1()).sum()
}
