//! The arithmetic of fences.

use crate::findings::{Value, figures};
use crate::rules::explained::{Explanation, Expr, Told, by_group, rows};

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| {
        fences(told, explanation);
        let (low, high) = (told.figure(&figures::LOW), told.figure(&figures::HIGH));
        if let Some((low, high)) = low.zip(high).filter(|_| told.finding.known_rows == 0) {
            let formula = "rows below the lower fence + rows above the upper fence";
            explanation.computes("failing rows", formula, low + high, &told.finding.failing_rows.into());
        }
        rows(told, explanation);
    })
}

/// What fences stand around, and the stretch that they are counted in.
struct Bulk {
    ends: (Expr, Expr),
    stretch: Expr,
    of: &'static str,
    names: (&'static str, &'static str),
    /// By how many stretches, where nothing is written.
    default: f64,
}

fn fences(told: &Told<'_>, explanation: &mut Explanation) {
    if told.finding.figures.get(&figures::LOWER_FENCE).is_none() {
        return;
    }
    if let Value::Text(transform) = told.value(&figures::TRANSFORM) {
        explanation.notes(format!("all of these are of {transform}"));
    }
    let Some(bulk) = bulk(told, explanation) else {
        explanation.notes("the fences are two quantiles of the data that the batch is compared with, `q`");
        return;
    };
    let (lower, upper) = (told.figure(&figures::LOWER_FENCE), told.figure(&figures::UPPER_FENCE));
    let Some((lower, upper)) = lower.zip(upper) else { return };
    let Bulk { ends: (low, high), stretch, of, names: (low_name, high_name), default } = bulk;
    let width = told.word("k").or_else(|| told.word("threshold")).and_then(|text| text.parse::<f64>().ok()).unwrap_or(default);
    let below = low.clone() - Expr::from(width) * stretch.clone();
    let above = high.clone() + Expr::from(width) * stretch.clone();
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(stretch.value);
    if is_near(below.value, lower.value) && is_near(above.value, upper.value) {
        explanation.computes("lower fence", format!("{low_name} − width × {of}"), below, &told.value(&figures::LOWER_FENCE));
        explanation.computes("upper fence", format!("{high_name} + width × {of}"), above, &told.value(&figures::UPPER_FENCE));
    } else {
        // What the skew is taken from is not in the report: the other way round.
        explanation.notes("neither `k` nor `threshold` is written: the fences are widened for the number of values and their skew");
        let width =
            explanation.derives("width below", format!("({low_name} − lower fence) / {of}"), (low.clone() - lower) / stretch.clone());
        explanation.computes(
            "lower fence",
            format!("{low_name} − width below × {of}"),
            low - width * stretch.clone(),
            &told.value(&figures::LOWER_FENCE),
        );
        let width =
            explanation.derives("width above", format!("(upper fence − {high_name}) / {of}"), (upper - high.clone()) / stretch.clone());
        explanation.computes(
            "upper fence",
            format!("{high_name} + width above × {of}"),
            high + width * stretch,
            &told.value(&figures::UPPER_FENCE),
        );
        explanation.source("widened fences: docs/statistics.md");
    }
}

fn bulk(told: &Told<'_>, explanation: &mut Explanation) -> Option<Bulk> {
    let figure = |name| told.figure(name);
    if let Some((q1, q3)) = figure(&figures::Q1).zip(figure(&figures::Q3)) {
        explanation.source("fences: J. W. Tukey 1977, Exploratory Data Analysis; quartiles of type 7 of Hyndman and Fan 1996");
        let stretch = explanation.derives("IQR", "third quartile − first quartile", q3.clone() - q1.clone());
        return Some(Bulk { ends: (q1, q3), stretch, of: "IQR", names: ("first quartile", "third quartile"), default: 3.0 });
    }
    let around =
        |centre: Expr, stretch, of, name, default| Bulk { ends: (centre.clone(), centre), stretch, of, names: (name, name), default };
    if let Some((median, mad)) = figure(&figures::MEDIAN).zip(figure(&figures::MAD)) {
        explanation.source("modified z-score 0.6745 × |x − median| / MAD: B. Iglewicz and D. C. Hoaglin 1993");
        let stretch = explanation.derives("one unit of the score", "MAD / 0.6745", mad / Expr::from(0.6745));
        return Some(around(median, stretch, "one unit of the score", "median", 3.5));
    }
    if let Some((median, mean_ad)) = figure(&figures::MEDIAN).zip(figure(&figures::MEAN_AD)) {
        explanation.source("|x − median| / (1.253314 × mean absolute deviation): B. Iglewicz and D. C. Hoaglin 1993");
        let stretch = explanation.derives("one unit of the score", "1.253314 × mean absolute deviation", Expr::from(1.253314) * mean_ad);
        return Some(around(median, stretch, "one unit of the score", "median", 3.5));
    }
    let (mean, stddev) = figure(&figures::MEAN).zip(figure(&figures::STDDEV))?;
    explanation.source("z-score |x − mean| / s, s the sample standard deviation (n − 1)");
    Some(around(mean, stddev, "standard deviation", "mean", 3.0))
}
