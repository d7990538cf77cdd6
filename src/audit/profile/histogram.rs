//! The histogram of a column, from its values' counts or from a second look.

use arrow::datatypes::DataType;

use super::layout::{Layout, Range};
use super::{number_json, scale};
use crate::metric::cells::{CellsKind, CellsOut, Value as CellValue};
use crate::metric::ordered::{HistogramOut, value_at};
use crate::metric::overview::OverviewOut;
use crate::metric::select::BinsOut;
use crate::metric::{Number, is_numeric};
use crate::report::columns::{Overlay, Scale};
use crate::report::model::Histogram;
use crate::rules::missing::suspects::{self, Suspect};
use crate::rules::quantiles::quantile_of_counts;

/// Where the bins of a column are to lie, beside its stand-ins for missing values; none without finite values.
pub(super) fn layout(out: &OverviewOut, data_type: &DataType) -> Option<Layout> {
    let (mut low, mut high) = out.extrema?;
    let measured: Option<Vec<(Number, u64)>> = out.numbers.as_ref().map(|numbers| {
        let suspects = suspects::among_numbers(data_type, numbers);
        let is_suspect = |number: &Number| suspects.iter().any(|(suspect, _)| *suspect == Suspect::Number(*number));
        numbers.iter().filter(|(number, _)| !is_suspect(number)).copied().collect()
    });
    if let Some(((first, _), (last, _))) = measured.as_ref().and_then(|numbers| numbers.first().zip(numbers.last())) {
        (low, high) = (*first, *last);
    }
    let percentiles = match (&measured, &out.histogram) {
        (Some(numbers), _) => quantile_of_counts(numbers, 0.01).zip(quantile_of_counts(numbers, 0.99)),
        (None, Some(histogram)) => {
            let rank = |p: f64| (histogram.count.saturating_sub(1) as f64 * p) as u64;
            let (first, last) = (histogram.bracket(rank(0.01)), histogram.bracket(rank(0.99)));
            first.zip(last).map(|((first, ..), (last, ..))| (value_at(first.low), value_at(last.high)))
        }
        (None, None) => None,
    };
    Layout::of(Range::of((low, high), percentiles), data_type)
}

/// The histogram that is shown of what was counted.
pub(super) fn shown(layout: &Layout, counted: &BinsOut, data_type: &DataType) -> Histogram {
    let edges = layout.edges(scale(data_type));
    let ends = |edge: Option<&Number>| edge.map_or(0.0, |edge| edge.as_f64());
    Histogram {
        low: ends(edges.first()),
        high: ends(edges.last()),
        counts: layout.shown(counted),
        edges: (!is_numeric(data_type)).then(|| edges.iter().map(|edge| number_json(*edge, data_type)).collect()),
        scale: layout.scale,
        below: counted.below,
        above: counted.above,
        overlay: None,
    }
}

/// Bins that each end at a round multiple of where they begin: 1, 2, 5, 10 … or powers of ten. Edges are those of the buckets
/// in which numbers are counted where there are too many to count each: of digits near 1, 2 and 5, to two thousandths.
pub(super) fn logarithmic(out: &OverviewOut) -> Option<Histogram> {
    let mut counts: Vec<(f64, u64)> = Vec::new();
    match (&out.numbers, &out.histogram) {
        (Some(numbers), _) => counts.extend(numbers.iter().map(|(number, count)| (number.as_f64(), *count)).filter(|(x, _)| x.is_finite())),
        (None, Some(histogram)) => {
            counts.extend(histogram.buckets.iter().map(|(bucket, count)| (value_at(bucket << histogram.shift), *count)))
        }
        (None, None) => return None,
    }
    let positive = || counts.iter().filter(|(x, _)| *x > 0.0).map(|(x, _)| *x);
    let (low, high) = (positive().next()?, positive().next_back()?);
    let decades = (high.log10().floor() - low.log10().floor()) as i32 + 1;
    let steps: &[f64] = if decades <= 12 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let first = low.log10().floor() as i32;
    let shift = out.histogram.as_ref().map(|histogram| histogram.shift);
    let edge = |x: f64| match shift {
        Some(shift) => value_at(((crate::metric::ordered::order_of(x) + (1 << (shift - 1))) >> shift) << shift),
        None => x,
    };
    let all = (first..=first + decades).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power))).map(edge);
    let all: Vec<f64> = all.filter(|x| x.is_finite()).collect();
    let begin = all.iter().rposition(|edge| *edge <= low)?;
    let end = all.iter().position(|edge| *edge > high)?;
    let edges = &all[begin..=end];
    let mut binned = BinsOut { counts: vec![0; edges.len() - 1], ..BinsOut::default() };
    for (x, count) in counts {
        match edges.partition_point(|edge| *edge <= x).checked_sub(1) {
            Some(bin) if bin < binned.counts.len() => binned.counts[bin] += count,
            Some(_) => binned.above += count,
            None => binned.below += count,
        }
    }
    Some(Histogram {
        low: *edges.first()?,
        high: *edges.last()?,
        edges: Some(edges.iter().map(|edge| (*edge).into()).collect()),
        counts: binned.counts,
        scale: Scale::Log,
        below: binned.below,
        above: binned.above,
        overlay: None,
    })
}

/// The edges of a histogram's bins as numbers.
pub(super) fn edges_of(histogram: &Histogram, layout: Option<&Layout>, data_type: &DataType) -> Vec<f64> {
    match layout {
        Some(layout) => layout.edges(scale(data_type)).iter().map(|edge| edge.as_f64()).collect(),
        None => histogram.edges.iter().flatten().filter_map(serde_json::Value::as_f64).collect(),
    }
}

/// How other data lie over the bins between `edges`.
pub(super) fn overlay(of: &str, cells: &CellsOut, edges: &[f64]) -> Option<Overlay> {
    if cells.kind != CellsKind::Numbers || edges.len() < 2 {
        return None;
    }
    let (low, high) = (edges[0], edges[edges.len() - 1]);
    let mut parts = vec![0.0; edges.len() - 1];
    let (mut below, mut above, mut all) = (0.0, 0.0, 0.0);
    let mut place = |x: f64, count: f64| match () {
        () if x < low => below += count,
        () if x > high => above += count,
        () => parts[edges[1..edges.len() - 1].partition_point(|edge| *edge <= x)] += count,
    };
    for cell in &cells.cells {
        let count = cell.count as f64;
        match (&cell.only, cells.edges(cell.index)) {
            (Some(CellValue::Number(x)), _) if x.is_finite() => {
                all += count;
                place(*x, count);
            }
            (None, Some((from, to))) => {
                let (from, to) = (from.max(f64::MIN), to.min(f64::MAX));
                all += count;
                // As if its values stood at equal distances.
                const PIECES: u32 = 16;
                (0..PIECES).for_each(|i| {
                    let part = (f64::from(i) + 0.5) / f64::from(PIECES);
                    place(from * (1.0 - part) + to * part, count / f64::from(PIECES));
                });
            }
            (Some(_), _) | (None, None) => {}
        }
    }
    let share = |part: f64| (part / all * 1e6).round() / 1e6;
    (all > 0.0).then(|| Overlay {
        of: of.to_owned(),
        shares: parts.iter().map(|part| share(*part)).collect(),
        below: share(below),
        above: share(above),
    })
}

/// How often each number occurs for which there is a histogram only: of 0.
pub(super) fn zeros(out: &OverviewOut) -> Option<u64> {
    let zero = crate::metric::ordered::order_of(0.0);
    match (&out.numbers, &out.histogram) {
        (Some(numbers), _) => Some(numbers.iter().find(|(number, _)| number.as_f64() == 0.0).map_or(0, |(_, count)| *count)),
        (None, Some(HistogramOut { shift, buckets, .. })) => {
            Some(buckets.binary_search_by_key(&(zero >> shift), |(bucket, _)| *bucket).map_or(0, |i| buckets[i].1))
        }
        (None, None) => None,
    }
}

/// The skewness g₁ of finite numbers, each with its count; none where they do not vary.
pub(super) fn skewness(numbers: impl Iterator<Item = (f64, u64)> + Clone) -> Option<f64> {
    let finite = numbers.filter(|(x, _)| x.is_finite());
    let (count, sum) = finite.clone().fold((0.0, 0.0), |(n, sum), (x, count)| (n + count as f64, sum + x * count as f64));
    let mean = sum / count;
    let (second, third) = finite.fold((0.0, 0.0), |(second, third), (x, count)| {
        let off = x - mean;
        (second + off * off * count as f64, third + off * off * off * count as f64)
    });
    let skewness = (third / count) / (second / count).powf(1.5);
    (count > 2.0 && second > 0.0 && skewness.is_finite()).then(|| (skewness * 1e6).round() / 1e6)
}
