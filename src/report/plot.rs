//! Histograms as SVG, with their axes as HTML, so that text stays as large as text whatever the width.

use std::fmt::Write;

use minijinja::Environment;
use minijinja::value::Value;
use serde_json::Value as Json;

use super::columns::Scale;
use super::model::{ColumnReport, Histogram, Report};
use crate::shown::{count, digits, percent_of};
use crate::visible;

/// Width and height of the picture, in units of its own.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 160.0;
/// Labels below the axis.
const LABELS_MAX: usize = 7;

/// Bars have a word each in reports of so few columns.
const WORDY_COLUMNS_MAX: usize = 60;

/// Gives templates the functions `sparkline(i)` and `plot(i)`, of the column with the index `i`.
pub(super) fn add_to(environment: &mut Environment<'static>, report: &Report) {
    let is_brief = report.columns.len() > WORDY_COLUMNS_MAX;
    let safe = |svg: fn(&ColumnReport, bool) -> String| -> Vec<Value> {
        report.columns.iter().map(|column| Value::from_safe_string(svg(column, is_brief))).collect()
    };
    let (sparklines, plots) = (safe(|column, _| sparkline(column)), safe(histogram));
    environment.add_function("sparkline", move |i: usize| sparklines.get(i).cloned().unwrap_or_default());
    let single: Vec<bool> =
        report.columns.iter().map(|column| column.histogram.as_ref().is_some_and(|h| Bins::of(column, h).single)).collect();
    environment.add_function("each_has_a_bar", move |i: usize| single.get(i).copied().unwrap_or_default());
    environment.add_filter("brief", brief);
    environment.add_filter("coefficient", coefficient);
    environment.add_function("plot", move |i: usize| plots.get(i).cloned().unwrap_or_default());
}

/// A figure in four significant digits; what is no float stands as it is.
fn brief(value: Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(x) if !value.is_integer() || x.abs() >= 1e6 => shown(x),
        Ok(_) | Err(_) => value.to_string(),
    }
}

/// A coefficient: one that is not 1 does not read as 1.
pub(super) fn coefficient(x: f64) -> String {
    let text = format!("{x:.2}");
    match x.abs() < 1.0 && text.ends_with("1.00") {
        true if x < 0.0 => "−0.99…".to_owned(),
        true => "0.99…".to_owned(),
        false => text.replace('-', "−"),
    }
}

/// A small picture of a column's distribution, without text: bins, or the most frequent values.
pub(super) fn sparkline(column: &ColumnReport) -> String {
    const BARS_MAX: usize = 40;
    const W: f64 = 120.0;
    const H: f64 = 20.0;
    if column.role.is_some() {
        return String::new();
    }
    let counts: Vec<u64> = match (&column.histogram, &column.top_values) {
        (Some(histogram), _) => gathered(&histogram.counts, BARS_MAX),
        (None, Some(top)) => top.iter().map(|top| top.count).collect(),
        (None, None) => return String::new(),
    };
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let each = W / counts.len().max(if column.histogram.is_some() { 1 } else { 10 }) as f64;
    let mut path = String::new();
    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        let height = (*n as f64 / most as f64 * H).max(1.0);
        // Writing to a string cannot fail.
        _ = write!(path, "M{} {}v-{}h{}v{}z", number(i as f64 * each), number(H), number(height), number(each * 0.85), number(height));
    }
    let class = if column.histogram.is_some() { "spark" } else { "spark of-values" };
    format!("<svg class=\"{class}\" viewBox=\"0 0 {W} {H}\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>")
}

/// Neighbours added up, so that there are `most` at most.
fn gathered(counts: &[u64], most: usize) -> Vec<u64> {
    let each = counts.len().div_ceil(most).max(1);
    counts.chunks(each).map(|chunk| chunk.iter().sum()).collect()
}

/// A number in a picture: two decimals are less than a pixel.
fn number(x: f64) -> String {
    let rounded = (x * 100.0).round() / 100.0;
    if rounded == 0.0 { "0".into() } else { rounded.to_string() }
}

/// Where the bins of a histogram begin and end, in the picture and in words.
struct Bins<'a> {
    histogram: &'a Histogram,
    /// Of numbers: the edges; of dates and times their places only.
    edges: Vec<f64>,
    /// Whether each bin holds one whole number.
    single: bool,
}

impl<'a> Bins<'a> {
    fn of(column: &ColumnReport, histogram: &'a Histogram) -> Self {
        let bins = histogram.counts.len();
        let between = |i: usize| match i {
            0 => histogram.low,
            i if i == bins => histogram.high,
            i => histogram.low + (histogram.high / bins as f64 - histogram.low / bins as f64) * i as f64,
        };
        let listed: Option<Vec<f64>> = histogram.edges.as_ref().map(|edges| edges.iter().filter_map(Json::as_f64).collect());
        let edges = listed.filter(|edges| edges.len() == bins + 1).unwrap_or_else(|| (0..=bins).map(between).collect());
        let is_whole = column.min.as_ref().is_some_and(|min| min.is_i64() || min.is_u64());
        let single = is_whole && histogram.scale == Scale::Linear && histogram.high - histogram.low == bins as f64;
        Self { histogram, edges, single }
    }

    fn len(&self) -> usize {
        self.histogram.counts.len()
    }

    /// Where a number lies from left to right, 0 to 1; none beyond the bins.
    fn place(&self, x: f64) -> Option<f64> {
        let at = self.edges.partition_point(|edge| *edge <= x).clamp(1, self.len()) - 1;
        let (low, high) = (self.edges[at], self.edges[at + 1]);
        let part = if high > low { (x - low) / (high - low) } else { 0.5 };
        // A value of whole numbers stands in the middle of its bin.
        let part = if self.single { part + 0.5 } else { part };
        (x >= self.edges[0] && x <= self.edges[self.len()]).then(|| (at as f64 + part).min(self.len() as f64) / self.len() as f64)
    }

    /// What an edge is called.
    fn edge(&self, i: usize) -> String {
        match self.histogram.edges.as_ref().and_then(|edges| edges.get(i)) {
            Some(Json::String(text)) => shortened(text, self.histogram.scale),
            Some(_) | None => shown(self.edges[i]),
        }
    }

    /// What a bin holds.
    fn bin(&self, i: usize) -> String {
        match self.histogram.scale {
            Scale::Hours | Scale::Days | Scale::Months | Scale::Years => self.edge(i),
            Scale::Linear if self.single => self.edge(i),
            Scale::Linear | Scale::Log => format!("{} to {}", self.edge(i), self.edge(i + 1)),
        }
    }

    /// Labels below the axis: where, from 0 to 1, and what.
    fn labels(&self) -> Vec<(f64, String)> {
        let bins = self.len();
        let stands_in_middle = self.single;
        let last = if stands_in_middle { bins - 1 } else { bins };
        let step = [1, 2, 5, 10, 20, 25, 50].into_iter().find(|step| last / step < LABELS_MAX).unwrap_or(last.max(1));
        let offset = if stands_in_middle { 0.5 } else { 0.0 };
        let mut labels: Vec<(f64, String)> = (0..=last).step_by(step).map(|i| ((i as f64 + offset) / bins as f64, self.edge(i))).collect();
        // The end is worth more than the label before it.
        let end = (last as f64 + offset) / bins as f64;
        if labels.last().is_some_and(|(at, _)| end - at > 0.0) {
            labels.pop_if(|(at, _)| end - *at < 0.5 * step as f64 / bins as f64 && *at > 0.0);
            labels.push((end, self.edge(last)));
        }
        labels
    }
}

/// A number on an axis.
fn shown(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 && x.abs() >= 10_000.0 {
        return format!("{}{}", if x < 0.0 { "−" } else { "" }, count(x.abs() as u64));
    }
    digits(x, 4).replace('-', "−")
}

/// A date or time as far as the bins divide it.
fn shortened(text: &str, scale: Scale) -> String {
    let cut = |n: usize| text.get(..n).unwrap_or(text).to_owned();
    match scale {
        Scale::Years => cut(4),
        Scale::Months => cut(7),
        Scale::Days => cut(10),
        Scale::Hours => match text.find('T') {
            Some(at) => text.get(at.saturating_sub(5)..at + 6).unwrap_or(text).replace('T', " "),
            None => text.get(..5).unwrap_or(text).to_owned(),
        },
        Scale::Linear | Scale::Log => text.to_owned(),
    }
}

/// The histogram of a column, with axes, what it is compared with, fences and quartiles, and a legend of what is there; `brief`
/// without a word at each bar, for reports of many columns.
pub(super) fn histogram(column: &ColumnReport, brief: bool) -> String {
    let Some(histogram) = column.histogram.as_ref().filter(|histogram| column.role.is_none() && histogram.counts.iter().any(|n| *n > 0))
    else {
        return String::new();
    };
    let bins = Bins::of(column, histogram);
    let total: u64 = histogram.counts.iter().sum::<u64>() + histogram.below + histogram.above;
    let most = histogram.counts.iter().copied().max().unwrap_or(1);
    let overlaid = histogram.overlay.as_ref().map(|overlay| overlay.shares.iter().copied().fold(0.0, f64::max) * total as f64);
    let top = (most as f64).max(overlaid.unwrap_or(0.0));
    let mut svg = bars(&bins, top, brief);
    if let Some(overlay) = &histogram.overlay {
        let mut path = String::new();
        for (i, share) in overlay.shares.iter().enumerate() {
            let y = number(HEIGHT - share * total as f64 / top * HEIGHT);
            let (from, to) = (i as f64 / bins.len() as f64 * WIDTH, (i + 1) as f64 / bins.len() as f64 * WIDTH);
            _ = write!(path, "{}{} {y}H{}", if i == 0 { "M" } else { "L" }, number(from), number(to));
        }
        _ = write!(svg, "<path class=\"earlier\" d=\"{path}\"/>");
    }
    let fences: Vec<f64> = column.fences.iter().flat_map(|fence| [fence.low, fence.high]).flatten().collect();
    let drawn: Vec<f64> = fences.iter().filter_map(|fence| bins.place(*fence)).collect();
    for at in &drawn {
        let x = number(at * WIDTH);
        _ = write!(svg, "<line class=\"fence\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{HEIGHT}\"/>");
    }
    let labels: String = bins
        .labels()
        .iter()
        .map(|(at, text)| {
            let side = if *at < 0.06 {
                " class=\"start\""
            } else if *at > 0.94 {
                " class=\"end\""
            } else {
                ""
            };
            format!("<span{side} style=\"left:{}%\">{}</span>", number(at * 100.0), escaped(text))
        })
        .collect();
    let name = escaped(&column.name);
    let about = format!(
        "Histogram of {name}: {} bins from {} to {}, at most {} values in one",
        bins.len(),
        escaped(&bins.edge(0)),
        escaped(&bins.edge(bins.len())),
        count(most)
    );
    let quartiles = quartiles(column, &bins);
    let (boxed, in_words) = quartiles.map_or((String::new(), None), |(svg, text)| (svg, Some(text)));
    format!(
        "<figure class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>{}</span><span>0</span></div>\
         <svg class=\"histogram\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{about}\">{svg}</svg>\
         <div class=\"x\" aria-hidden=\"true\">{labels}</div>{boxed}<figcaption>{}</figcaption></figure>",
        count(top.round() as u64),
        legend(column, histogram, &bins, in_words, !drawn.is_empty())
    )
}

fn bars(bins: &Bins<'_>, top: f64, brief: bool) -> String {
    let each = WIDTH / bins.len() as f64;
    let gap = (each * 0.08).min(4.0);
    let (mut svg, mut path) = (String::new(), String::new());
    for (i, n) in bins.histogram.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        let height = (*n as f64 / top * HEIGHT).max(1.0);
        let (x, y, width) = (number(i as f64 * each), number(HEIGHT - height), number(each - gap));
        if brief {
            _ = write!(path, "M{x} {HEIGHT}V{y}h{width}V{HEIGHT}z");
        } else {
            let word = escaped(&bins.bin(i));
            _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\"><title>{word}: {}</title></rect>",
                number(height),
                count(*n)
            );
        }
    }
    if brief { format!("<path d=\"{path}\"/>") } else { svg }
}

/// The middle half and the median below the bars, and the same in words; none where they lie beyond the bins.
fn quartiles(column: &ColumnReport, bins: &Bins<'_>) -> Option<(String, String)> {
    let quantile = |p: &str| column.quantiles.as_ref().and_then(|q| q.get(p)).copied();
    let (q1, median, q3) = (quantile("0.25")?, quantile("0.5")?, quantile("0.75")?);
    let (a, m, b) = (bins.place(q1)? * WIDTH, bins.place(median)? * WIDTH, bins.place(q3)? * WIDTH);
    let svg = format!(
        "<svg class=\"quartiles\" viewBox=\"0 0 {WIDTH} 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect x=\"{}\" y=\"2\" width=\"{}\" height=\"8\"/><line x1=\"{m}\" x2=\"{m}\" y1=\"0\" y2=\"12\"/></svg>",
        number(a),
        number((b - a).max(2.0)),
        m = number(m)
    );
    Some((svg, format!("half of the values, {} to {}; median {}", shown(q1), shown(q3), shown(median))))
}

fn legend(column: &ColumnReport, histogram: &Histogram, bins: &Bins<'_>, quartiles: Option<String>, is_fenced: bool) -> String {
    let mut items: Vec<String> = Vec::new();
    let each = match histogram.scale {
        Scale::Linear if bins.single => "a bar for each number".to_owned(),
        Scale::Linear => format!("values, {} bins", bins.len()),
        Scale::Log => "values; each bin ends at a multiple of where it begins".to_owned(),
        Scale::Hours | Scale::Days | Scale::Months | Scale::Years => format!("values a {}", histogram.scale.one()),
    };
    items.push(format!("<span class=\"of-bars\">{each}</span>"));
    if let Some(quartiles) = quartiles {
        items.push(format!("<span class=\"of-quartiles\">{}</span>", escaped(&quartiles)));
    }
    if let Some(overlay) = &histogram.overlay {
        items.push(format!("<span class=\"of-earlier\">{}, as if it had as many values</span>", escaped(&overlay.of)));
    }
    for fence in &column.fences {
        let ends: Vec<String> = [fence.low, fence.high].into_iter().flatten().map(shown).collect();
        let beyond = if is_fenced { "" } else { " (beyond the bins)" };
        items.push(format!("<span class=\"of-fence\">fences of {}: {}{beyond}</span>", escaped(&fence.rule), escaped(&ends.join(" and "))));
    }
    let total = histogram.counts.iter().sum::<u64>() + histogram.below + histogram.above;
    let share = |n: u64| percent_of(n as f64 / total as f64, &[0.0, 1.0]);
    let mut beside: Vec<String> = Vec::new();
    if histogram.below > 0 {
        beside.push(format!("{} ({}) below {}", count(histogram.below), share(histogram.below), bins.edge(0)));
    }
    if histogram.above > 0 {
        beside.push(format!("{} ({}) above {}", count(histogram.above), share(histogram.above), bins.edge(bins.len())));
    }
    if !beside.is_empty() {
        items.push(format!("<span class=\"of-tails\">not drawn: {}</span>", escaped(&beside.join(", "))));
    }
    items.join(" ")
}

/// Text of the data as it may stand in HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible::line(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#x27;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn column(histogram: Histogram) -> ColumnReport {
        ColumnReport { name: "<b>&x".into(), min: Some(1.into()), histogram: Some(histogram), ..ColumnReport::default() }
    }

    fn histogram(low: f64, high: f64, counts: Vec<u64>) -> Histogram {
        Histogram { low, high, counts, edges: None, scale: Scale::Linear, below: 0, above: 0, overlay: None }
    }

    #[test]
    fn whole_numbers_stand_below_the_middle_of_their_bars() {
        let column = column(histogram(1.0, 13.0, (1..=12).collect()));
        let bins = Bins::of(&column, column.histogram.as_ref().expect("a histogram"));
        assert_eq!(bins.place(1.0), Some(0.5 / 12.0));
        let labels = bins.labels();
        assert_eq!((labels[0].1.as_str(), labels.last().map(|(_, text)| text.as_str())), ("1", Some("12")));
        assert!(labels.len() <= LABELS_MAX + 1);
    }

    #[test]
    fn names_are_text_and_every_label_lies_within_the_plot() {
        let mut of = column(Histogram { above: 7, ..histogram(0.0, 100.0, vec![3, 0, 5, 1]) });
        of.quantiles = Some(BTreeMap::from([("0.25".into(), 10.0), ("0.5".into(), 55.0), ("0.75".into(), 60.0)]));
        let text = super::histogram(&of, false);
        assert!(text.contains("&lt;b&gt;&amp;x") && !text.contains("<b>"), "{text}");
        assert!(text.contains("7 (43.8%) above 100") && text.contains("half of the values, 10 to 60; median 55"), "{text}");
        assert_eq!(super::histogram(&column(histogram(0.0, 1.0, vec![0])), false), "");
    }
}
