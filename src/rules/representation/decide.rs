//! What a sample tells of one group's share.

use crate::statistics::{newcombe_interval, normal_z, score_p_value, wilson_interval};

/// More rows than this many times those at hand are no reasonable advice.
const TIMES_AS_MANY_MAX: f64 = 1000.0;

/// The rows of one group, and what their share may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub count: u64,
    /// The rows of all groups.
    pub total: u64,
    pub reference: f64,
    /// Where the reference is a sample too: the group's rows in it, and all rows.
    pub of_other: Option<(u64, u64)>,
    /// The standard error of the share, or of the difference of both, that comes from counts which are estimates; else 0.
    pub estimated: f64,
    /// The least and the largest share that is tolerated.
    pub from: f64,
    pub to: f64,
}

/// How a group stands to what is tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Inside,
    Outside,
    /// There is no row of it, and chance does not explain that.
    Unseen,
    /// The sample cannot tell. So many rows would at the same share; none where no reasonable number would.
    Open(Option<u64>),
}

impl Sample {
    pub(super) fn share(&self) -> f64 {
        self.count as f64 / self.total as f64
    }

    /// Where its share may lie, as far as the sample tells. Beside a reference that is a sample too, that of the difference
    /// (Newcombe's), laid at the reference.
    pub(super) fn interval(&self, confidence: f64) -> (f64, f64) {
        let (low, high) = match self.of_other {
            None => wilson_interval(self.count, self.total, confidence),
            Some(other) => {
                let (low, high) = newcombe_interval((self.count, self.total), other, confidence);
                (self.reference + low, self.reference + high)
            }
        };
        // What is estimated may be off beside what was drawn: both ways at once, as Newcombe joins two intervals.
        let (share, off) = (self.share(), normal_z(confidence) * self.estimated);
        let (low, high) = if off > 0.0 { (share - (share - low).hypot(off), share + (high - share).hypot(off)) } else { (low, high) };
        (low.max(0.0), high.min(1.0))
    }

    /// Whether the group is expected and not there.
    pub(super) fn is_unseen(&self) -> bool {
        self.count == 0 && self.reference > 0.0
    }

    /// Whether there is nothing to decide: the group is not expected and not there.
    pub(super) fn is_vacuous(&self) -> bool {
        self.count == 0 && self.reference == 0.0
    }

    /// The smallest 1 − confidence at which the sample still decides, be it for or against the group.
    pub(super) fn p_value(&self) -> f64 {
        if let Some(other) = self.of_other.filter(|_| self.is_unseen()) {
            return all_elsewhere(self.total, other);
        }
        if self.is_found_by_trying() && !self.is_unseen() {
            return self.smallest_level();
        }
        let by_chance = |bound: f64| score_p_value(self.count, self.total, bound);
        let share = self.share();
        if self.is_unseen() {
            (self.total as f64 * (-self.reference).ln_1p()).exp()
        } else if share > self.to {
            by_chance(self.to)
        } else if share < self.from {
            by_chance(self.from)
        } else {
            self.bounds().map(by_chance).fold(0.0, f64::max)
        }
    }

    /// How the group stands at `confidence`.
    pub(super) fn standing(&self, confidence: f64) -> Standing {
        if self.is_vacuous() {
            return Standing::Inside;
        }
        if self.is_unseen() {
            return match self.p_value() < 1.0 - confidence {
                true => Standing::Unseen,
                false => Standing::Open(self.rows_that_would_do(confidence)),
            };
        }
        match self.decides(confidence) {
            Some(standing) => standing,
            None => Standing::Open(self.rows_that_would_do(confidence)),
        }
    }

    /// Whether the interval lies inside or outside of what is tolerated; none where it lies across a bound.
    fn decides(&self, confidence: f64) -> Option<Standing> {
        let (low, high) = self.interval(confidence);
        if high < self.from || low > self.to {
            Some(Standing::Outside)
        } else if low >= self.from && high <= self.to {
            Some(Standing::Inside)
        } else {
            None
        }
    }

    /// The smallest 1 − confidence at which the interval still decides, found by halving: intervals widen with confidence.
    fn smallest_level(&self) -> f64 {
        const HALVINGS: u32 = 60;
        // In powers of ten, so that small levels are as exact as large ones.
        let (mut decides, mut open) = (0.0_f64, 16.0_f64);
        for _ in 0..HALVINGS {
            let middle = (decides + open) / 2.0;
            if self.decides(1.0 - 10f64.powf(-middle)).is_some() { decides = middle } else { open = middle }
        }
        10f64.powf(-decides)
    }

    /// Whether no formula inverts the interval.
    fn is_found_by_trying(&self) -> bool {
        self.of_other.is_some() || self.estimated > 0.0
    }

    /// Bounds that a share can lie beyond.
    fn bounds(&self) -> impl Iterator<Item = f64> + use<> {
        [self.from, self.to].into_iter().filter(|&bound| bound > 0.0 && bound < 1.0)
    }

    /// How many rows with the same share would decide. The interval leaves out a bound b as soon as
    /// n > z²·b·(1−b)/(share−b)²: that is what Wilson's interval inverts.
    fn rows_that_would_do(&self, confidence: f64) -> Option<u64> {
        if self.is_found_by_trying() {
            return self.rows_that_would_do_beside(confidence);
        }
        let (share, z) = (self.share(), normal_z(confidence));
        let beyond = |bound: f64| z * z * bound * (1.0 - bound) / ((share - bound) * (share - bound));
        let rows = if self.is_unseen() {
            (1.0 - confidence).ln() / (-self.reference).ln_1p()
        } else if share > self.to {
            beyond(self.to)
        } else if share < self.from {
            beyond(self.from)
        } else {
            self.bounds().map(beyond).fold(0.0, f64::max)
        };
        let is_reasonable = rows <= self.total as f64 * TIMES_AS_MANY_MAX;
        (is_reasonable || (self.is_unseen() && rows.is_finite())).then(|| (rows.floor() as u64 + 1).max(self.total + 1))
    }
}

impl Sample {
    /// The same beside a reference that is a sample: found by trying, since the reference stays as small as it is.
    fn rows_that_would_do_beside(&self, confidence: f64) -> Option<u64> {
        let times = |factor: f64| {
            let total = (self.total as f64 * factor).ceil();
            Self { count: (self.share() * total).round() as u64, total: total as u64, ..*self }
        };
        let decides = |factor: f64| {
            let more = times(factor);
            if more.is_unseen() { more.p_value() < 1.0 - confidence } else { more.decides(confidence).is_some() }
        };
        if !decides(TIMES_AS_MANY_MAX) {
            return None;
        }
        let (mut few, mut enough) = (1.0, TIMES_AS_MANY_MAX);
        for _ in 0..40 {
            let middle = (few + enough) / 2.0;
            if decides(middle) { enough = middle } else { few = middle }
        }
        Some(times(enough).total.max(self.total + 1))
    }
}

/// The standard error of the share `p` of counts whose own standard errors are the share `error` of them: p·(1 − p)·√2·error,
/// that of a count by the sum of it and others.
pub(super) fn error_of_share(p: f64, error: f64) -> f64 {
    p * (1.0 - p) * std::f64::consts::SQRT_2 * error
}

/// How likely it is that all `k` rows of a group are among the `m` of the other sample, and none among `n`, if both are drawn
/// alike (hypergeometric).
fn all_elsewhere(n: u64, (k, m): (u64, u64)) -> f64 {
    let mut chance = 1.0;
    for i in 0..k {
        chance *= (m - i) as f64 / (n + m - i) as f64;
        if chance < 1e-300 {
            break;
        }
    }
    chance
}

/// At which confidence each sample is judged, in their order, so that the chance of any wrong decision among them is no more
/// than for one (S. Holm 1979, "A simple sequentially rejective multiple test procedure").
pub(super) fn holm(samples: &[Sample], confidence: f64) -> Vec<f64> {
    let p_values: Vec<f64> = samples.iter().map(Sample::p_value).collect();
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]).then(a.cmp(&b)));
    let mut at = vec![confidence; samples.len()];
    let (mut level, mut is_open, mut last) = (1.0 - confidence, false, f64::NEG_INFINITY);
    for (decided, &sample) in order.iter().enumerate() {
        let p_value = p_values[sample];
        // Equal p-values are judged alike, whatever the last digit of a float.
        if !is_open && p_value > last * (1.0 + 1e-9) {
            level = (1.0 - confidence) / (samples.len() - decided) as f64;
        }
        is_open |= p_value >= level;
        last = p_value;
        at[sample] = 1.0 - level;
    }
    at
}
