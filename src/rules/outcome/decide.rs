//! What two samples tell of a limit on how far apart their rates may be.

use super::rates::{Rate, Tally};
use crate::rules::words::{Points, Share};
use crate::statistics::{katz_interval, newcombe_interval};

/// More rows than this many times those at hand are no reasonable advice.
const TIMES_AS_MANY_MAX: f64 = 1000.0;

/// What is tolerated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// A rate may differ by so many points, up or down.
    Difference { of: Rate, most: Points },
    /// The selection rate must be such a share of the other one at least.
    Ratio { least: Share },
}

/// What is tolerated, and from where on it is a warning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub limit: Limit,
    pub warn: Option<Limit>,
}

/// How a group stands to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Within,
    Beyond,
    /// The rows cannot tell. So many rows of the group would, if all groups grew alike; none where no reasonable number would.
    Open(Option<u64>),
    /// One of the two has no row that the rate is a share of.
    Undefined,
}

/// Two rates beside each other: those of a group, and of what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub ours: (u64, u64),
    pub theirs: (u64, u64),
}

impl Pair {
    pub(super) fn of(ours: &Tally, theirs: &Tally, rate: Rate) -> Option<Self> {
        let pair = Self { ours: ours.rate(rate), theirs: theirs.rate(rate) };
        (pair.ours.1 > 0 && pair.theirs.1 > 0).then_some(pair)
    }

    fn shares(&self) -> (f64, f64) {
        let share = |(part, whole): (u64, u64)| part as f64 / whole as f64;
        (share(self.ours), share(self.theirs))
    }

    pub(super) fn difference(&self) -> f64 {
        let (ours, theirs) = self.shares();
        ours - theirs
    }

    /// Our rate by theirs; none of 0 by 0.
    pub(super) fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = self.shares();
        Some(ours / theirs).filter(|ratio| !ratio.is_nan())
    }

    pub(super) fn difference_interval(&self, confidence: f64) -> (f64, f64) {
        newcombe_interval(self.ours, self.theirs, confidence)
    }

    pub(super) fn ratio_interval(&self, confidence: f64) -> (f64, f64) {
        katz_interval(self.ours, self.theirs, confidence)
    }

    /// Both with so many times the rows, at the same rates.
    fn times(&self, factor: f64) -> Self {
        let more = |(part, whole): (u64, u64)| {
            let grown = (whole as f64 * factor).ceil();
            ((part as f64 / whole as f64 * grown).round() as u64, grown as u64)
        };
        Self { ours: more(self.ours), theirs: more(self.theirs) }
    }
}

impl Limit {
    pub(super) fn rate(self) -> Rate {
        match self {
            Self::Difference { of, .. } => of,
            Self::Ratio { .. } => Rate::Selection,
        }
    }

    /// How a group of so many rows stands; `pair` is of the limit's rate.
    pub(super) fn standing(self, pair: Option<Pair>, rows: u64, confidence: f64) -> Standing {
        let Some(pair) = pair else { return Standing::Undefined };
        match self.decides(&pair, confidence) {
            Some(true) => Standing::Within,
            Some(false) => Standing::Beyond,
            None => Standing::Open(self.rows_that_would_do(&pair, rows, confidence)),
        }
    }

    /// Whether the interval lies within what is tolerated, or beyond; none where it lies across.
    fn decides(self, pair: &Pair, confidence: f64) -> Option<bool> {
        match self {
            Self::Difference { most, .. } => {
                let ((low, high), most) = (pair.difference_interval(confidence), most.as_f64());
                match (low > most || high < -most, low >= -most && high <= most) {
                    (true, _) => Some(false),
                    (false, true) => Some(true),
                    (false, false) => None,
                }
            }
            Self::Ratio { least } => {
                // None is selected of either: they are treated alike, whatever the ratio.
                if pair.ours.0 == 0 && pair.theirs.0 == 0 {
                    return Some(true);
                }
                let (low, high) = pair.ratio_interval(confidence);
                match (high < least.as_f64(), low >= least.as_f64()) {
                    (true, _) => Some(false),
                    (false, true) => Some(true),
                    (false, false) => None,
                }
            }
        }
    }

    fn rows_that_would_do(self, pair: &Pair, rows: u64, confidence: f64) -> Option<u64> {
        let decides = |factor: f64| self.decides(&pair.times(factor), confidence).is_some();
        if !decides(TIMES_AS_MANY_MAX) {
            return None;
        }
        let (mut few, mut enough) = (1.0, TIMES_AS_MANY_MAX);
        for _ in 0..40 {
            let middle = (few + enough) / 2.0;
            if decides(middle) { enough = middle } else { few = middle }
        }
        Some(((rows as f64 * enough).ceil() as u64).max(rows + 1))
    }
}
