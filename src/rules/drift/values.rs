//! Which values there are: new ones, and how many different ones.

use super::check::DriftCheck;
use super::shown::{self, Told};
use super::sides::Sides;
use super::words::Limits;
use crate::diagnostic::Fault;
use crate::findings::{Figures, Finding, Message, Outcome, Unit, figures};
use crate::metric::distinct::DistinctOut;
use crate::rules::{Answer, GroupFacts, Judgement};
use crate::shown::{beside, count, counted, percent_by};

/// Of an estimate of different values; so many of them make it safe.
const STANDARD_ERROR: f64 = 0.008;
const ERRORS: f64 = 3.0;

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
        let beyond = |part, whole| (max.has_share_below(part, whole), warn.map(|warn| warn.has_share_below(part, whole)));
        let share = if least == 0 { String::new() } else { format!(" ({})", percent_by(least, sides.n, beyond)) };
        let seen = format!("{} of {}{share} are not in {}", count(least), counted(sides.n, "value"), self.against);
        let mut message = Message::from(seen);
        if !max.is_none() {
            message.push(format!("{max} allowed"));
        }
        message.extend(warn.filter(|_| outcome == Outcome::Warn).map(|warn| format!("more than {warn} is a warning")));
        let Told { groups, says, mut figures } = shown::categories(self, &sides.categories(), sides);
        message.extend(says);
        figures.set(&figures::ROWS, sides.n);
        figures.set(&figures::BASELINE_ROWS, sides.m);
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
        let (here, there) = (Expected::of(sides, *ours, true), Expected::of(sides, *theirs, false));
        if there.value == 0.0 {
            return Ok(Judgement::NoData(format!("there are no values to compare with in {}", self.against)));
        }
        let change = here.value / there.value - 1.0;
        let (least, most) = (here.least / there.most - 1.0, here.most / there.least.max(1.0) - 1.0);
        let limits: Vec<f64> = [Some(max), warn.as_ref()].into_iter().flatten().map(|bound| bound.value).collect();
        let fails = least > max.value || most < -max.value;
        if !fails && (most > max.value || least < -max.value) {
            let what = "how many different values as many rows would have does not follow from it";
            return Ok(Judgement::NoData(format!("needs a scan: {} has {} rows, and {what}", self.against, count(sides.m))));
        }
        let outcome = match warn {
            _ if fails => Outcome::Fail,
            Some(warn) if change.abs() > warn.value => Outcome::Warn,
            Some(_) | None => Outcome::Pass,
        };
        let mut says = Vec::new();
        if sides.n != sides.m {
            let fewer = counted(sides.n.min(sides.m), "value");
            says.push(format!(
                "both as of {fewer}: {} here, {} there",
                beside(here.value, &[there.value]),
                beside(there.value, &[here.value])
            ));
        }
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

/// How many different values one side has, of as many rows as the other: what is expected, at least, and at most.
struct Expected {
    value: f64,
    least: f64,
    most: f64,
}

impl Expected {
    fn of(sides: &Sides, found: DistinctOut, is_batch: bool) -> Self {
        let count = found.count as f64;
        let error = if found.exact { 0.0 } else { ERRORS * STANDARD_ERROR };
        let (least, most) = (count * (1.0 - error), count * (1.0 + error));
        let (own, other) = if is_batch { (sides.n, sides.m) } else { (sides.m, sides.n) };
        if own <= other {
            return Self { value: count, least, most };
        }
        // Of fewer rows there are fewer different values.
        let share = other as f64 / own as f64;
        if sides.is_exact() {
            let categories = sides.categories();
            let value = thinned(categories.iter().map(|c| if is_batch { c.a } else { c.b }), share);
            return Self { value, least: value, most: value };
        }
        // A value of one row stays as often as its row, one of many rows always.
        let (least, most) = (least * share, most.min(other as f64));
        Self { value: (least + most) / 2.0, least, most }
    }
}

/// How many different values are expected of a share of the rows, of values that occur so often.
fn thinned(counts: impl Iterator<Item = u64>, share: f64) -> f64 {
    // Each row stays with this chance; a value stays with the first of its rows.
    let gone = (-share).ln_1p();
    counts.map(|count| -(count as f64 * gone).exp_m1()).sum()
}
