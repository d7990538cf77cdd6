//! Where the bins of a histogram lie: on whole or round numbers, on hours, days, months or years.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{Datelike, Months, NaiveDate};

use crate::metric::number::scaled_to_f64;
use crate::metric::select::{BinsOut, BinsSpec, Edges};
use crate::metric::{Number, is_numeric};
use crate::report::columns::Scale;

/// Whole numbers that reach no further have a bin each.
const SINGLE_MAX: i128 = 40;
/// Bins are so wide that there are about so many.
const BINS: i128 = 32;
/// Bins where no round number fits.
const PLAIN_BINS: usize = 20;
/// Days that have a bin each, months that have one, years that have one.
const DAYS_MAX: i128 = 62;
const MONTHS_MAX: i128 = 72;
const YEARS_MAX: i128 = 100;
/// So many days are counted each by itself, before they make months and years.
const DAYS_COUNTED_MAX: i128 = 1 << 16;

/// The bins of a column.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// What is counted.
    pub(super) spec: BinsSpec,
    pub(super) scale: Scale,
    /// Where the bins that are shown begin and end, where each is made of several that are counted.
    made_of: Option<Vec<i128>>,
}

/// The part of a column's range that is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    low: Number,
    high: Number,
}

impl Range {
    /// From `low` to `high`, or to the 1st or 99th percentile where a tail is longer than all that lies between these two.
    pub(super) fn of((low, high): (Number, Number), percentiles: Option<(f64, f64)>) -> Self {
        let (whole, Some((first, last))) = (Self { low, high }, percentiles) else { return Self { low, high } };
        let core = last - first;
        if core <= 0.0 || !core.is_finite() {
            return whole;
        }
        let low = if first - low.as_f64() > core { at(low, first).filter(|x| *x > low).unwrap_or(low) } else { low };
        let high = if high.as_f64() - last > core { at(high, last).filter(|x| *x < high).unwrap_or(high) } else { high };
        Self { low, high }
    }
}

/// The number of the same kind that is nearest to `x`.
fn at(like: Number, x: f64) -> Option<Number> {
    match like {
        Number::Float(_) => Some(Number::Float(x)),
        Number::Int { scale, .. } => {
            let value = x / scaled_to_f64(1, scale);
            (value.abs() < 1e37).then_some(Number::Int { value: value.round() as i128, scale })
        }
    }
}

impl Layout {
    /// Bins that hold all values of `range`; none where it has no end.
    pub(super) fn of(range: Range, data_type: &DataType) -> Option<Self> {
        match (range.low, range.high) {
            (Number::Int { value: low, .. }, Number::Int { value: high, .. }) if is_numeric(data_type) => Some(whole_numbers(low, high)),
            (Number::Int { value: low, .. }, Number::Int { value: high, .. }) => {
                calendar(low, high, data_type).or_else(|| plain(range, ticks_per_second(data_type).max(1).unsigned_abs()))
            }
            (low, high) => round_numbers(low.as_f64(), high.as_f64()).or_else(|| plain(range, 1)),
        }
    }

    /// The edges of the bins that are shown, of a column whose integers have the `scale`.
    pub(super) fn edges(&self, scale: i8) -> Vec<Number> {
        match &self.made_of {
            Some(edges) => edges.iter().map(|&value| Number::Int { value, scale }).collect(),
            None => (0..=self.spec.bins).map(|i| self.spec.edge(i, scale)).collect(),
        }
    }

    /// The counts of the bins that are shown.
    pub(super) fn shown(&self, counted: &BinsOut) -> Vec<u64> {
        let (Some(edges), Edges::Integers { low, width }) = (&self.made_of, self.spec.edges) else { return counted.counts.clone() };
        let mut counts = vec![0; edges.len() - 1];
        for (i, count) in counted.counts.iter().enumerate() {
            let start = low + width * i as i128;
            let bin = edges.partition_point(|edge| *edge <= start).saturating_sub(1);
            counts[bin.min(edges.len() - 2)] += count;
        }
        counts
    }
}

fn plain(range: Range, step: u128) -> Option<Layout> {
    let spec = BinsSpec::between(range.low, range.high, PLAIN_BINS, step)?;
    Some(Layout { spec, scale: Scale::Linear, made_of: None })
}

/// Bins of whole numbers: of one each where they are few, else as wide as a round number.
fn whole_numbers(low: i128, high: i128) -> Layout {
    let span = high.saturating_sub(low).saturating_add(1);
    let width = if span <= SINGLE_MAX { 1 } else { round_up(span / BINS + i128::from(span % BINS > 0)) };
    let low = low.div_euclid(width).saturating_mul(width);
    let bins = high.saturating_sub(low) / width + 1;
    Layout { spec: BinsSpec { edges: Edges::Integers { low, width }, bins: bins as usize }, scale: Scale::Linear, made_of: None }
}

/// The smallest of 1, 2, 5, 10, 20, 50 … that is not below `x`.
fn round_up(x: i128) -> i128 {
    let mut power = 1i128;
    loop {
        for factor in [1, 2, 5] {
            if power.saturating_mul(factor) >= x {
                return power.saturating_mul(factor);
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Bins whose edges are decimals of few digits; none where a float's digits do not suffice for that.
fn round_numbers(low: f64, high: f64) -> Option<Layout> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return None;
    }
    let wanted = span / BINS as f64;
    let exponent = wanted.log10().floor() as i32;
    if exponent.unsigned_abs() > 100 {
        return None;
    }
    let (scale, unit) = (-exponent as i8, scaled_to_f64(1, -exponent as i8));
    let step = [1u32, 2, 5, 10].into_iter().find(|step| f64::from(*step) * unit >= wanted * (1.0 - 1e-9))?;
    let first = (low / unit / f64::from(step)).floor() * f64::from(step);
    if first.abs() > 1e15 {
        return None;
    }
    let mut spec = BinsSpec { edges: Edges::Decimals { low: first as i64, step, scale }, bins: 1 };
    if spec.edge(0, 0).as_f64() > low {
        spec.edges = Edges::Decimals { low: first as i64 - i64::from(step), step, scale };
    }
    while spec.edge(spec.bins, 0).as_f64() < high && spec.bins < 100 {
        spec.bins += 1;
    }
    (spec.edge(spec.bins, 0).as_f64() >= high).then_some(Layout { spec, scale: Scale::Linear, made_of: None })
}

/// Of how many units of the column a second is made; 0 of dates.
fn ticks_per_second(data_type: &DataType) -> i128 {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) | DataType::Duration(unit) => match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        },
        DataType::Date64 => 1_000,
        _ => 0,
    }
}

/// Bins of hours, days, months or years, as fits the span; none where it is too short or too long for that.
fn calendar(low: i128, high: i128, data_type: &DataType) -> Option<Layout> {
    let second = ticks_per_second(data_type);
    let (day, is_date) = match data_type {
        DataType::Date32 => (1, true),
        DataType::Date64 => (second * 86_400, true),
        DataType::Timestamp(..) => (second * 86_400, false),
        DataType::Time32(_) | DataType::Time64(_) => return hours(low, high, second * 3_600),
        _ => return None,
    };
    let (first, last) = (low.div_euclid(day), high.div_euclid(day));
    let days = last - first + 1;
    if !is_date && days <= 3 {
        return hours(low, high, second * 3_600);
    }
    if days <= DAYS_MAX {
        let spec = BinsSpec { edges: Edges::Integers { low: first * day, width: day }, bins: days as usize };
        return Some(Layout { spec, scale: Scale::Days, made_of: None });
    }
    let date = |days: i128| NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(i64::try_from(days).ok()?)?);
    let (from, to) = (date(first)?, date(last)?);
    let months = i128::from(to.year() - from.year()) * 12 + i128::from(to.month()) - i128::from(from.month()) + 1;
    let years = i128::from(to.year() - from.year()) + 1;
    let (scale, start, step, bins) = match () {
        () if months <= MONTHS_MAX => (Scale::Months, from.with_day(1)?, 1, months),
        () if years <= YEARS_MAX => (Scale::Years, NaiveDate::from_ymd_opt(from.year(), 1, 1)?, 12, years),
        () => return None,
    };
    let number = |date: NaiveDate| i128::from(date.signed_duration_since(NaiveDate::default()).num_days()) * day;
    let edges: Option<Vec<i128>> =
        (0..=bins).map(|i| start.checked_add_months(Months::new(u32::try_from(i).ok()? * step)).map(number)).collect();
    let edges = edges?;
    let (begin, end) = (*edges.first()?, *edges.last()?);
    let counted = (end - begin) / day;
    let spec = BinsSpec { edges: Edges::Integers { low: begin, width: day }, bins: counted as usize };
    (counted <= DAYS_COUNTED_MAX).then_some(Layout { spec, scale, made_of: Some(edges) })
}

/// A bin an hour; none where that would be too few.
fn hours(low: i128, high: i128, hour: i128) -> Option<Layout> {
    let first = low.div_euclid(hour);
    let bins = high.div_euclid(hour) - first + 1;
    let spec = BinsSpec { edges: Edges::Integers { low: first * hour, width: hour }, bins: usize::try_from(bins).ok()? };
    (6..=96).contains(&bins).then_some(Layout { spec, scale: Scale::Hours, made_of: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(low: Number, high: Number, data_type: &DataType) -> Layout {
        Layout::of(Range::of((low, high), None), data_type).expect("bins")
    }

    fn integers(low: i128, high: i128) -> Vec<f64> {
        layout(Number::int(low), Number::int(high), &DataType::Int64).edges(0).iter().map(|e| e.as_f64()).collect()
    }

    #[test]
    fn few_whole_numbers_have_a_bin_each_and_many_round_ones() {
        assert_eq!(integers(1, 12), (1..=13).map(f64::from).collect::<Vec<_>>());
        assert_eq!(integers(-43, 1301).first(), Some(&-50.0));
        assert_eq!(integers(-43, 1301).last(), Some(&1350.0));
        assert_eq!(integers(7, 7), [7.0, 8.0]);
        assert!(integers(i128::from(i64::MIN), i128::from(u64::MAX)).len() <= 40);
    }

    #[test]
    fn floats_have_round_edges() {
        let bins = layout(Number::Float(0.013), Number::Float(0.987), &DataType::Float64);
        let edges: Vec<f64> = bins.edges(0).iter().map(|e| e.as_f64()).collect();
        assert_eq!((edges.first(), edges[3], edges.last()), (Some(&0.0), 0.15, Some(&1.0)));
        for (low, high) in [(1e-300, 2e-300), (-1.7e308, 1.7e308), (1e15, 1e15 + 4.0), (0.1, 0.1), (5e-324, 1e-323)] {
            let bins = layout(Number::Float(low), Number::Float(high), &DataType::Float64);
            let out = bins.spec.count(&[(Number::Float(low), 1), (Number::Float(high), 1)]);
            assert_eq!((out.below, out.above, out.counts.iter().sum::<u64>()), (0, 0, 2), "{low} {high}");
        }
    }

    #[test]
    fn times_have_hours_days_months_or_years() {
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        let of = |low: i128, high: i128, data_type: &DataType| {
            let bins = layout(Number::int(low), Number::int(high), data_type);
            (bins.scale, bins.edges(0).len() - 1)
        };
        // 2013-01-01 05:00 to 2013-12-31 23:00
        assert_eq!(of(1_357_016_400, 1_388_530_800, &seconds), (Scale::Months, 12));
        assert_eq!(of(1_357_016_400, 1_357_060_000, &seconds), (Scale::Hours, 13));
        assert_eq!(of(15_706, 15_730, &DataType::Date32), (Scale::Days, 25));
        assert_eq!(of(0, 15_730, &DataType::Date32), (Scale::Years, 44));
        assert_eq!(of(1_357_016_400, 1_357_016_460, &seconds), (Scale::Linear, 16));
        assert_eq!(of(-1_000_000, 1_000_000, &DataType::Date32).0, Scale::Linear);
    }

    #[test]
    fn months_hold_all_their_days() {
        let bins = layout(Number::int(15_706), Number::int(16_070), &DataType::Date32);
        let days: Vec<(Number, u64)> = (15_706..=16_070).map(|day| (Number::int(day), 1)).collect();
        let counts = bins.shown(&bins.spec.count(&days));
        assert_eq!(counts, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
    }

    #[test]
    fn a_tail_longer_than_the_rest_is_clipped() {
        let range = Range::of((Number::int(-40), Number::int(1300)), Some((-12.0, 190.0)));
        assert_eq!((range.low, range.high), (Number::int(-40), Number::int(190)));
        let range = Range::of((Number::int(0), Number::int(100)), Some((1.0, 99.0)));
        assert_eq!((range.low, range.high), (Number::int(0), Number::int(100)));
        let range = Range::of((Number::int(0), Number::int(100)), Some((0.0, 0.0)));
        assert_eq!((range.low, range.high), (Number::int(0), Number::int(100)));
    }
}
