//! What was observed against its limit, as a bar.

use serde::Serialize;

use crate::findings::{Finding, Outcome, Unit, Value, builtin, figures};
use crate::report::model::Report;

/// Lengths are in percent of the bar.
#[derive(Debug, Serialize)]
pub(super) struct Bullet {
    /// Of shares, which begin at nothing: how long the bar is.
    fill: Option<f64>,
    /// Of other figures: where what was observed lies.
    dot: Option<f64>,
    /// What the limit allows.
    from: f64,
    to: f64,
    /// Where the limit lies, within the bar.
    limits: Vec<f64>,
}

/// The share of rows that fail, where the finding names rows.
pub(super) fn share(finding: &Finding, report: &Report) -> Option<f64> {
    if finding.unit == Unit::SHARE_OF_ROWS && finding.failing_rows > 0 {
        return finding.observed.as_f64();
    }
    let in_scope = finding.figures.get(&figures::ROWS_IN_SCOPE).and_then(|figure| figure.value.as_u64());
    let of = if finding.code == builtin::MALFORMED.code { Some(report.rows.read) } else { in_scope };
    of.filter(|of| *of > 0 && finding.failing_rows > 0).map(|of| finding.failing_rows as f64 / of as f64)
}

/// Where the axis of all shares ends: one for the whole table, so that its bars can be compared.
pub(super) fn top<'a>(findings: impl Iterator<Item = &'a Finding>, report: &Report) -> f64 {
    const TOPS: [f64; 7] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
    let largest = findings.filter_map(|f| share(f, report).map(|share| share.max(allowed(f).unwrap_or(0.0)))).fold(0.0, f64::max);
    TOPS.into_iter().find(|top| largest <= *top).unwrap_or(1.0)
}

/// The share of rows that may fail, if it is one.
fn allowed(finding: &Finding) -> Option<f64> {
    match &finding.limit {
        Value::Float(share) if finding.unit == Unit::SHARE_OF_ROWS => Some(*share),
        Value::Text(text) => numbers(text).first().copied().filter(|_| text.contains('%')),
        Value::Float(_) | Value::Integer(_) | Value::Nothing => None,
    }
}

/// The bar of a finding; none where nothing can be drawn.
pub(super) fn bullet(finding: &Finding, report: &Report, top: f64) -> Option<Bullet> {
    if let Some(share) = share(finding, report) {
        let to = allowed(finding).unwrap_or(0.0) / top * 100.0;
        let limits = if to > 0.0 { vec![to] } else { Vec::new() };
        return Some(Bullet { fill: Some((share / top * 100.0).clamp(1.0, 100.0)), dot: None, from: 0.0, to, limits });
    }
    let observed = finding.observed.as_number().filter(|x| x.is_finite())?;
    let (low, high) = bounds(finding, observed)?;
    let known = [Some(observed), Some(low), Some(high)].into_iter().flatten().filter(|x| x.is_finite());
    let (mut least, mut most) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    if low.is_infinite() || high.is_infinite() {
        // What has one bound is a size: it is seen from nothing.
        (least, most) = (least.min(0.0), most.max(0.0));
    }
    let margin = (most - least) * 0.12;
    if !(margin > 0.0 && margin.is_finite()) {
        return None;
    }
    let (start, end) = (if least == 0.0 { 0.0 } else { least - margin }, if most == 0.0 { 0.0 } else { most + margin });
    let at = |x: f64| ((x - start) / (end - start) * 100.0).clamp(0.0, 100.0);
    let limits = [low, high].into_iter().filter(|x| x.is_finite()).map(at).collect();
    Some(Bullet { fill: None, dot: Some(at(observed)), from: at(low), to: at(high), limits })
}

/// Between which numbers the limit allows what was observed.
pub(super) fn bounds(finding: &Finding, observed: f64) -> Option<(f64, f64)> {
    let is_within = matches!(finding.outcome, Outcome::Pass | Outcome::Known);
    // Which side of it is allowed, shows in how it came out.
    let one = |limit: f64| {
        if (observed <= limit) == is_within { (f64::NEG_INFINITY, limit) } else { (limit, f64::INFINITY) }
    };
    match &finding.limit {
        Value::Nothing => None,
        Value::Integer(_) | Value::Float(_) => finding.limit.as_number().filter(|x| x.is_finite()).map(one),
        Value::Text(text) => {
            let points = if text.contains("point") { 0.01 } else { 1.0 };
            match numbers(text)[..] {
                [low, high] if text.contains(" to ") => Some((low, high)),
                [limit] if text.starts_with("at most") || text.starts_with("below") => Some((f64::NEG_INFINITY, limit)),
                [limit] if text.starts_with("at least") || text.starts_with("above") => Some((limit, f64::INFINITY)),
                [limit] => Some(one(limit * points)),
                _ => None,
            }
        }
    }
}

/// The numbers of a limit such as `at most 20` or `5% to 10%`.
pub(super) fn numbers(limit: &str) -> Vec<f64> {
    let number = |word: &str| match word.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|x| x / 100.0),
        None => word.replace(',', "").parse(),
    };
    limit.split_whitespace().filter_map(|word| number(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(outcome: Outcome, observed: impl Into<Value>, limit: impl Into<Value>) -> Finding {
        Finding { outcome, observed: observed.into(), limit: limit.into(), ..Finding::default() }
    }

    #[test]
    fn limits_in_words_are_bounds() {
        let (below, above) = (f64::NEG_INFINITY, f64::INFINITY);
        for (outcome, observed, limit, expected) in [
            (Outcome::Fail, 5.0, "0.2 to 0.8", (0.2, 0.8)),
            (Outcome::Fail, 5.0, "at most 1,000", (below, 1000.0)),
            (Outcome::Fail, 5.0, "at least 10%", (0.1, above)),
            (Outcome::Fail, 0.3, "5 points", (below, 0.05)),
            (Outcome::Pass, 0.01, "5 points", (below, 0.05)),
        ] {
            assert_eq!(bounds(&finding(outcome, observed, limit), observed), Some(expected), "{limit}");
        }
        // A p-value fails where it is too small.
        assert_eq!(bounds(&finding(Outcome::Fail, 0.001, 0.05), 0.001), Some((0.05, above)));
        assert_eq!(bounds(&finding(Outcome::Fail, 0.3, 0.05), 0.3), Some((below, 0.05)));
        assert_eq!(bounds(&finding(Outcome::Fail, 0.3, "of the contract"), 0.3), None);
    }
}
