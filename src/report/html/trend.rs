//! What a finding observed over the recorded runs, as a line.

use serde::Serialize;

use super::bullet;
use crate::findings::Finding;
use crate::report::since::Trend;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 44.0;

/// A line in a box of [`WIDTH`] by [`HEIGHT`].
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// Such as `0,12 8,40`.
    points: String,
    /// Where this run is.
    x: f64,
    y: f64,
    /// Where the limits are.
    limits: Vec<f64>,
    runs: usize,
    since: String,
    least: f64,
    most: f64,
}

/// The line of `finding`, whose last point is this run.
pub(super) fn line(finding: &Finding, trend: &Trend) -> Option<Line> {
    let observed = finding.observed.as_number().filter(|x| x.is_finite())?;
    let values: Vec<f64> = trend.points.iter().map(|point| point.value).chain([observed]).collect();
    let extremes = |values: &[f64]| values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let (least, most) = extremes(&values);
    // A limit far away would press the line flat.
    let span = (most - least).max(most.abs() * 0.02);
    let (low, high) = bullet::bounds(finding, observed).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let limits: Vec<f64> = [low, high].into_iter().filter(|x| x.is_finite() && *x > least - 3.0 * span && *x < most + 3.0 * span).collect();
    let (start, end) = extremes(&[&values[..], &limits[..]].concat());
    let height = if end > start { end - start } else { 1.0 };
    let y = |value: f64| round(4.0 + (end - value) / height * (HEIGHT - 8.0));
    let step = (WIDTH - 8.0) / (values.len() - 1).max(1) as f64;
    let x = |i: usize| round(4.0 + i as f64 * step);
    let points: Vec<String> = values.iter().enumerate().map(|(i, value)| format!("{},{}", x(i), y(*value))).collect();
    Some(Line {
        points: points.join(" "),
        x: x(values.len() - 1),
        y: y(observed),
        limits: limits.into_iter().map(y).collect(),
        runs: trend.points.len(),
        since: trend.points.first()?.time.clone(),
        least,
        most,
    })
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
