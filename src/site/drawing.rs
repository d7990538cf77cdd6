//! Small drawings over runs, one step a run: as paths, so that a thousand of them fit a page.

use std::fmt::Write;

use serde::Serialize;

use crate::findings::{Label, Severity};
use crate::verdict::Verdict;

/// Between one run and the next.
const STEP: usize = 5;
/// How high a strip is.
const HIGH: usize = 18;

/// How something stood in one run, as a strip shows it: by tone and by height, so that no colour is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Good,
    Calm,
    Warn,
    Open,
    Bad,
    /// It was not there.
    Absent,
}

impl Cell {
    pub(super) fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Good,
            Verdict::Quarantine => Self::Warn,
            Verdict::Reject => Self::Bad,
            Verdict::Undecided => Self::Open,
        }
    }

    pub(super) fn of_finding(label: Label, severity: Severity) -> Self {
        match (label, severity) {
            (Label::Fail, _) => Self::Bad,
            (Label::NoData, Severity::Error) => Self::Open,
            (Label::NoData, Severity::Warning) | (Label::Warning | Label::CannotTell, _) => Self::Warn,
            (Label::NoData, Severity::Info) | (Label::Info | Label::NotJudged | Label::Known, _) => Self::Calm,
            (Label::Pass, _) => Self::Good,
        }
    }

    /// Whether something is wrong.
    pub(super) fn is_problem(self) -> bool {
        match self {
            Self::Warn | Self::Open | Self::Bad => true,
            Self::Good | Self::Calm | Self::Absent => false,
        }
    }

    fn class_and_height(self) -> Option<(&'static str, usize)> {
        match self {
            Self::Good => Some(("good", 6)),
            Self::Calm => Some(("calm", 3)),
            Self::Warn => Some(("warn", 11)),
            Self::Open => Some(("open", HIGH)),
            Self::Bad => Some(("bad", HIGH)),
            Self::Absent => None,
        }
    }
}

/// A strip over runs.
#[derive(Debug, Serialize)]
pub(super) struct Strip {
    pub width: usize,
    /// The bands of each tone.
    bands: Vec<(&'static str, String)>,
    /// Where runs are marked bad.
    marks: String,
}

impl Strip {
    /// Of `cells`, the oldest first, to the right end of a strip of `length` runs.
    pub(super) fn of(cells: &[Cell], length: usize, is_bad: impl Fn(usize) -> bool) -> Self {
        let mut bands: Vec<(&'static str, String)> = Vec::new();
        let offset = length.saturating_sub(cells.len());
        let mut at = 0;
        while at < cells.len() {
            let same = cells[at..].iter().take_while(|cell| **cell == cells[at]).count();
            if let Some((class, height)) = cells[at].class_and_height() {
                let (x, y, width) = ((offset + at) * STEP, HIGH - height, same * STEP);
                let band = format!("M{x} {y}h{width}v{height}h-{width}z");
                match bands.iter_mut().find(|(of, _)| *of == class) {
                    Some((_, path)) => path.push_str(&band),
                    None => bands.push((class, band)),
                }
            }
            at += same;
        }
        let marks = (0..cells.len()).filter(|at| is_bad(*at)).map(|at| format!("M{} {}h3", (offset + at) * STEP + 1, HIGH + 2)).collect();
        Self { width: length * STEP, bands, marks }
    }
}

/// A line over runs, in a drawing of this size.
pub(super) fn line(points: &[Option<f64>], length: usize, (width, height): (f64, f64), (low, high): (f64, f64)) -> String {
    let step = width / (length.max(2) - 1) as f64;
    let offset = length.saturating_sub(points.len());
    let (mut path, mut is_down) = (String::new(), false);
    for (at, point) in points.iter().enumerate() {
        let Some(y) = point.filter(|y| y.is_finite()) else {
            is_down = false;
            continue;
        };
        let share = if high > low { ((y - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        let (x, y) = ((offset + at) as f64 * step, height - share * height);
        let letter = if is_down { 'L' } else { 'M' };
        write!(path, "{letter}{} {}", short(x), short(y)).expect("a string takes all text");
        // A point without neighbours is a dot.
        if !is_down && points.get(at + 1).is_none_or(|next| next.is_none_or(|y| !y.is_finite())) {
            path.push_str("h.1");
        }
        is_down = true;
    }
    path
}

/// Drawings are so large that whole numbers are finer than a screen; there are thousands on a page.
fn short(x: f64) -> i64 {
    x.round() as i64
}

/// A small line beside a figure.
#[derive(Debug, Serialize)]
pub(super) struct Spark {
    path: String,
    pub low: f64,
    pub high: f64,
}

impl Spark {
    pub(super) const WIDTH: f64 = 240.0;
    pub(super) const HEIGHT: f64 = 44.0;

    /// Of these figures, the oldest first; none where they are too few for a line.
    pub(super) fn of(points: &[Option<f64>], length: usize) -> Option<Self> {
        let known = || points.iter().flatten().copied().filter(|x| x.is_finite());
        if known().count() < 2 {
            return None;
        }
        let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
        Some(Self { path: line(points, length, (Self::WIDTH, Self::HEIGHT), (low, high)), low, high })
    }
}

/// A number that an axis may end with: not below `x`.
pub(super) fn axis_end(x: f64) -> f64 {
    if x <= 0.0 || !x.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(x.log10().floor());
    [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].iter().map(|step| step * power).find(|end| *end >= x).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_shows_each_run_by_tone_and_height_at_its_right_end() {
        let strip = Strip::of(&[Cell::Good, Cell::Good, Cell::Bad, Cell::Absent, Cell::Good], 6, |at| at == 2);
        assert_eq!(strip.width, 30);
        assert_eq!(strip.bands, [("good", "M5 12h10v6h-10zM25 12h5v6h-5z".to_owned()), ("bad", "M15 0h5v18h-5z".to_owned())]);
        assert_eq!(strip.marks, "M16 20h3");
    }

    #[test]
    fn a_line_has_gaps_where_there_is_no_figure() {
        let points = [Some(0.0), Some(10.0), None, Some(5.0), Some(f64::NAN)];
        assert_eq!(line(&points, 5, (100.0, 20.0), (0.0, 10.0)), "M0 20L25 0M75 10h.1");
        assert_eq!(line(&[Some(3.0), Some(3.0)], 2, (10.0, 20.0), (3.0, 3.0)), "M0 10L10 10");
        assert!(Spark::of(&[None, Some(1.0)], 2).is_none());
    }

    #[test]
    fn an_axis_ends_behind_what_it_shows() {
        assert_eq!([0.0, 0.7, 1.0, 97.0, 101.0, 1_234_567.0].map(axis_end), [1.0, 0.8, 1.0, 100.0, 120.0, 1_500_000.0]);
    }
}
