//! Counts of outcomes by group, and the rates that follow from them.

use std::collections::BTreeMap;

use crate::metric::groups::GroupKey;

/// What was counted of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows with a label, and with a prediction where there are predictions.
    pub rows: u64,
    /// Rows that lack one of them: they are no part of any rate.
    pub missing: u64,
    /// Rows with the positive prediction; without predictions, with the positive label.
    pub selected: u64,
    /// Rows with the positive label.
    pub positives: u64,
    /// Of these, the selected ones.
    pub true_positives: u64,
}

/// A share of a group's rows that is compared between groups, under Fairlearn's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Selection,
    TruePositive,
    FalsePositive,
}

impl Rate {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Selection => "selection rate",
            Self::TruePositive => "true positive rate",
            Self::FalsePositive => "false positive rate",
        }
    }

    /// The rows that it is a share of.
    pub(super) fn whole(self) -> &'static str {
        match self {
            Self::Selection => "row",
            Self::TruePositive => "positive label",
            Self::FalsePositive => "other label",
        }
    }
}

impl Tally {
    /// The rate as a part of a whole.
    pub(super) fn rate(&self, rate: Rate) -> (u64, u64) {
        match rate {
            Rate::Selection => (self.selected, self.rows),
            Rate::TruePositive => (self.true_positives, self.positives),
            Rate::FalsePositive => (self.selected - self.true_positives, self.rows - self.positives),
        }
    }

    /// The rate as a share; none of no rows.
    pub(super) fn share(&self, rate: Rate) -> Option<f64> {
        let (part, whole) = self.rate(rate);
        (whole > 0).then(|| part as f64 / whole as f64)
    }

    /// All rows of both.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            missing: self.missing + other.missing,
            selected: self.selected + other.selected,
            positives: self.positives + other.positives,
            true_positives: self.true_positives + other.true_positives,
        }
    }

    /// Its rows but for those of `part`.
    pub(super) fn without(&self, part: &Self) -> Self {
        Self {
            rows: self.rows - part.rows,
            missing: self.missing - part.missing,
            selected: self.selected - part.selected,
            positives: self.positives - part.positives,
            true_positives: self.true_positives - part.true_positives,
        }
    }
}

/// The names of the positive values among those of their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Positive {
    pub label: String,
    pub prediction: Option<String>,
}

impl Positive {
    /// What was counted by group, label and prediction, as a tally of each group. The first `keys` values of a key name the
    /// group.
    pub(super) fn tallies(&self, counts: &BTreeMap<GroupKey, u64>, keys: usize) -> BTreeMap<GroupKey, Tally> {
        let mut tallies: BTreeMap<GroupKey, Tally> = BTreeMap::new();
        for (key, &count) in counts {
            let (group, values) = key.split_at(keys);
            let more = self.tally(values, count);
            let tally = tallies.entry(group.to_vec()).or_default();
            *tally = tally.with(&more);
        }
        tallies
    }

    fn tally(&self, values: &[Option<String>], count: u64) -> Tally {
        if values.iter().any(Option::is_none) {
            return Tally { missing: count, ..Tally::default() };
        }
        let is = |at: usize, wanted: &String| values.get(at).and_then(Option::as_ref) == Some(wanted);
        let is_positive = is(0, &self.label);
        let is_selected = self.prediction.as_ref().map_or(is_positive, |wanted| is(1, wanted));
        let if_so = |so: bool| if so { count } else { 0 };
        Tally {
            rows: count,
            missing: 0,
            selected: if_so(is_selected),
            positives: if_so(is_positive),
            true_positives: if_so(is_positive && is_selected),
        }
    }
}

/// The largest less the smallest of some shares, and the smallest by the largest, as Fairlearn's `MetricFrame` takes them between
/// groups. None of no shares; no ratio where all are 0.
pub(super) fn between(shares: impl Iterator<Item = f64>) -> Option<(f64, Option<f64>)> {
    let (least, most) = shares.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    (least <= most).then(|| (most - least, (most > 0.0).then(|| least / most)))
}
