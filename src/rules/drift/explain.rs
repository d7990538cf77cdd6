//! The arithmetic of drift: distances over bins, and tests by chance.

use super::Test;
use crate::findings::{FigureName, Finding, Outcome, Value, figures};
use crate::metric::groups::group_name;
use crate::rules::explained::{Explanation, Expr, Is, Test as Question, Told, at_limit, by_group};
use crate::rules::words::{Decimal, Share, Tolerance};
use crate::statistics::noise;

pub(super) fn explain(told: &Told<'_>) -> Explanation {
    by_group(told, |told, explanation| match test_of(told) {
        _ if told.finding.outcome == Outcome::NotJudged => as_told(told, explanation),
        Some(Test::Auto | Test::Ks) if told.figure(&figures::CHI_SQUARE).is_none() => ks(told, explanation),
        Some(Test::Auto | Test::Ks | Test::Chi2) => chi2(told, explanation),
        Some(Test::NullShare) => null_share(told, explanation),
        Some(Test::Psi) => psi(told, explanation),
        Some(Test::Js) => {
            let term = |p: Expr, q: Expr| {
                let mean = (p.clone() + q.clone()) / Expr::from(2.0);
                let side = |x: Expr| if x.value > 0.0 { x.clone() * (x / mean.clone()).log2() } else { 0.0.into() };
                (side(p) + side(q)) / Expr::from(2.0)
            };
            let formula = "½ (p · log2(p / m) + q · log2(q / m)), m = (p + q) / 2";
            over_bins(told, explanation, (formula, term), ("Jensen–Shannon distance", "√ of the sum", Expr::sqrt), Expr::sum);
            explanation.source("Jensen–Shannon: J. Lin 1991, its root in base 2");
            distance(told, explanation);
        }
        Some(Test::Hellinger) => {
            let term = |p: Expr, q: Expr| (p.sqrt() - q.sqrt()).squared();
            let root = |sum: Expr| (sum / Expr::from(2.0)).sqrt();
            over_bins(told, explanation, ("(√p − √q)²", term), ("Hellinger distance", "√(½ × the sum)", root), Expr::sum);
            explanation.source("Hellinger: E. Hellinger 1909");
            distance(told, explanation);
        }
        Some(Test::Linf) => {
            let term = |p: Expr, q: Expr| (p - q).abs();
            over_bins(told, explanation, ("|p − q|", term), ("largest difference of shares", "the largest of them", |x| x), |all| {
                Expr::largest(&all)
            });
            explanation.source("L-infinity distance: TensorFlow Data Validation");
            distance(told, explanation);
        }
        Some(Test::Wasserstein) => {
            if let Some((found, spread)) = Expr::of(&told.finding.observed).zip(told.figure(&figures::BASELINE_STDDEV)) {
                let w1 =
                    explanation.derives("W₁ in the column's unit", "distance × standard deviation of the baseline", found * spread.clone());
                explanation.computes("distance", "W₁ / standard deviation of the baseline", w1 / spread, &told.finding.observed);
            }
            explanation.source("W₁ = ∫ |F − G|: S. S. Vallender 1974; scipy.stats.wasserstein_distance");
            distance(told, explanation);
        }
        Some(Test::NewValues) => new_values(told, explanation),
        Some(Test::Cardinality) => cardinality(told, explanation),
        None => as_told(told, explanation),
    })
}

fn as_told(told: &Told<'_>, explanation: &mut Explanation) {
    explanation.states(told.finding.message.to_string(), told.finding.outcome);
}

fn test_of(told: &Told<'_>) -> Option<Test> {
    let name = told.word("test").unwrap_or("auto");
    serde_json::from_value(name.into()).ok()
}

/// What too little evidence comes to.
fn insufficient(told: &Told<'_>) -> Outcome {
    if told.word("require_evidence") == Some("true") { Outcome::Fail } else { Outcome::InsufficientEvidence }
}

/// The shares of a bin: here, and in what the batch is compared with.
type Sides = (String, Expr, Expr);

/// The counts of the bins, n, m; none where the report does not list them all.
fn bins(told: &Told<'_>) -> Option<(Vec<Sides>, f64, f64)> {
    let (n, m) = (told.figure(&figures::ROWS)?.value, told.figure(&figures::BASELINE_ROWS)?.value);
    let mut bins = Vec::new();
    let (mut here, mut there) = (0.0, 0.0);
    for group in &told.finding.groups {
        let figure = |name: &FigureName| group.figures.get(name).and_then(Expr::of_figure);
        let (count, share) = (figure(&figures::COUNT)?, figure(&figures::REFERENCE)?);
        let before = (share.value * m).round();
        (here, there) = (here + count.value, there + before);
        bins.push((group_name(&group.group), count, Expr::from(before)));
    }
    (here == n && there == m && n > 0.0 && m > 0.0).then_some((bins, n, m))
}

/// A distance from terms over the bins.
fn over_bins(
    told: &Told<'_>,
    explanation: &mut Explanation,
    (formula, term): (&str, impl Fn(Expr, Expr) -> Expr),
    (name, how, last): (&str, &str, impl Fn(Expr) -> Expr),
    together: impl Fn(Vec<Expr>) -> Expr,
) {
    let Some((bins, n, m)) = bins(told) else {
        return explanation.notes("the report does not list every value that the distance is taken over");
    };
    explanation.notes("p: the share here, rows of the bin / rows; q: the share in what the batch is compared with");
    let mut terms = Vec::new();
    for (bin, a, b) in bins {
        let numbers = term(a / Expr::from(n), b / Expr::from(m));
        terms.push(explanation.derives(format!("`{bin}`"), formula, numbers));
    }
    explanation.computes(name, how, last(together(terms)), &told.finding.observed);
}

fn psi(told: &Told<'_>, explanation: &mut Explanation) {
    explanation.source("population stability index: Σ (p − q) ln(p / q), no share below 0.0001; its limit by chance: B. Yurdakul 2018");
    let found = told.finding.observed.as_number();
    let is_number = |told: &Told<'_>| told.figure(&figures::NEW_VALUES).is_none();
    match bins(told).map(|(bins, n, m)| (if is_number(told) { bins } else { pooled(bins, m) }, n, m)) {
        Some((bins, n, m)) if found.is_some_and(|found| (index(&bins, n, m) - found).abs() <= 1e-9 * found.max(1e-3)) => {
            explanation.notes("p: the share here, rows of the bin / rows; q: the share in what the batch is compared with");
            let mut terms = Vec::new();
            for (bin, a, b) in bins {
                let (p, q) = (a / Expr::from(n), b / Expr::from(m));
                let (p, q) = (p.max(1e-4.into()), q.max(1e-4.into()));
                terms.push(explanation.derives(format!("`{bin}`"), "(p − q) × ln(p / q)", (p.clone() - q.clone()) * (p / q).ln()));
            }
            explanation.computes("PSI", "the sum of these", Expr::sum(terms), &told.finding.observed);
        }
        Some(_) => explanation.notes("as many new values are expected as the baseline has values once (Good 1953): docs/statistics.md"),
        None => explanation.notes("the report does not list every value that the index is taken over"),
    }
    let (n, m, bins) = (told.figure(&figures::ROWS), told.figure(&figures::BASELINE_ROWS), told.figure(&figures::BINS));
    if let Some(((n, m), bins)) = n.zip(m).zip(bins) {
        let one = || Expr::from(1.0);
        let freedom = bins.clone() - one();
        let quantile = Expr::scipy("chi2.ppf", &[&0.95.into(), &freedom], noise(bins.value as usize));
        let chance = quantile * (one() / n + one() / m);
        let formula = "χ²₀.₉₅(bins − 1) × (1 / rows + 1 / baseline rows)";
        explanation.computes("by chance", formula, chance, &told.value(&figures::BY_CHANCE));
    }
    distance(told, explanation);
}

fn index(bins: &[Sides], n: f64, m: f64) -> f64 {
    let of = |(_, a, b): &Sides| {
        let (p, q) = ((a.value / n).max(1e-4), (b.value / m).max(1e-4));
        (p - q) * (p / q).ln()
    };
    bins.iter().map(of).sum()
}

/// Categories as the index takes them: rare ones together, and those that the baseline has not.
fn pooled(bins: Vec<Sides>, m: f64) -> Vec<Sides> {
    let together = |name: &str, of: Vec<Sides>| {
        let name = name.to_owned();
        (!of.is_empty()).then(|| {
            let (a, b) = of.into_iter().fold((0.0, 0.0), |(a, b), (_, x, y)| (a + x.value, b + y.value));
            (name, Expr::from(a), Expr::from(b))
        })
    };
    let (unseen, seen): (Vec<Sides>, Vec<Sides>) = bins.into_iter().partition(|(.., b)| b.value == 0.0);
    let (rare, mut own): (Vec<Sides>, Vec<Sides>) = seen.into_iter().partition(|(.., b)| b.value * 100.0 < m);
    own.extend(together("less than 1 % of the baseline", rare));
    own.extend(together("not in the baseline", unseen));
    own
}

/// A distance against its limit, where there are enough rows to tell it from chance.
fn distance(told: &Told<'_>, explanation: &mut Explanation) {
    let finding = told.finding;
    let limit =
        Expr::of(&finding.limit).or_else(|| told.word("max").and_then(number).map(Expr::from)).or_else(|| is_psi(told).then(|| 0.2.into()));
    let value = Expr::of(&finding.observed);
    let (Some(value), Some(limit)) = (value, limit) else { return as_told(told, explanation) };
    let least = told.figure(&figures::AT_LEAST).unwrap_or_else(|| value.clone());
    let chance = told.figure(&figures::BY_CHANCE);
    if let Some(chance) = &chance {
        let is_lost = Question::of(chance.clone(), Is::AtLeast, limit.clone());
        // The index of stability is no distance: nothing bounds what chance adds to it.
        let is_lost = match is_psi(told) {
            true => is_lost,
            false => is_lost.and(Question::of(least.clone(), Is::AtMost, limit.clone() + chance.clone())),
        };
        explanation.asks("are there too few rows to tell the limit from chance?", is_lost, insufficient(told));
    }
    explanation.asks("is it more than `max`?", Question::of(least, Is::Above, limit.clone()), Outcome::Fail);
    if let Some(most) = told.figure(&figures::AT_MOST) {
        explanation.asks(
            "may it be more than `max`, by what the cells of a summary leave open?",
            Question::of(most, Is::Above, limit),
            insufficient(told),
        );
    }
    let warn = told.word("warn").and_then(number).or_else(|| (is_psi(told) && !told.has("max")).then_some(0.1));
    if let Some(warn) = warn {
        let test = Question::of(value, Is::Above, warn);
        let test = chance.into_iter().fold(test, |test, chance| test.and(Question::of(chance, Is::Below, warn)));
        explanation.asks("is it more than `warn`, and can that be told from chance?", test, Outcome::Warn);
    }
    explanation.otherwise(Outcome::Pass);
}

fn number(text: &str) -> Option<f64> {
    Decimal::parse(text.trim()).map(Decimal::as_f64)
}

fn is_psi(told: &Told<'_>) -> bool {
    test_of(told) == Some(Test::Psi)
}

fn ks(told: &Told<'_>, explanation: &mut Explanation) {
    explanation.source("D and its p: scipy.stats.ks_2samp(method=\"asymp\"), kstwo.sf(D, round(n·m / (n + m)))");
    let (n, m) = (told.figure(&figures::ROWS), told.figure(&figures::BASELINE_ROWS));
    let (d, p) = (told.figure(&figures::EFFECT), told.figure(&figures::P_VALUE));
    let (Some((n, m)), Some((d, p))) = (n.zip(m), d.zip(p)) else { return as_told(told, explanation) };
    let number =
        explanation.derives("n", "rows × baseline rows / (rows + baseline rows), rounded", (n.clone() * m.clone() / (n + m)).rounded());
    explanation.computes(
        "p-value",
        "the chance of such a D or a larger one",
        Expr::scipy("kstwo.sf", &[&d, &number], p.value),
        &told.value(&figures::P_VALUE),
    );
    by_chance(told, d, "D", explanation);
}

fn chi2(told: &Told<'_>, explanation: &mut Explanation) {
    explanation.source("chi-square of homogeneity: K. Pearson 1900; pooling below 5: W. G. Cochran 1954; V: H. Cramér 1946");
    let figure = |name| told.figure(name);
    let (statistic, freedom) = (figure(&figures::CHI_SQUARE), figure(&figures::DEGREES_OF_FREEDOM));
    let (Some((statistic, freedom)), Some((v, p))) = (statistic.zip(freedom), figure(&figures::EFFECT).zip(figure(&figures::P_VALUE)))
    else {
        return as_told(told, explanation);
    };
    if let Some((n, m)) = figure(&figures::ROWS).zip(figure(&figures::BASELINE_ROWS)) {
        let of_all = (statistic.clone() / (n + m)).sqrt();
        explanation.computes("V of the counts", "√(chi-square / (rows + baseline rows))", of_all, &told.value(&figures::CRAMERS_V));
    }
    explanation.notes("the effect is V of samples of one size: √(½ Σ (p − q)² / (p + q)) over the categories");
    let test = Expr::scipy("chi2.sf", &[&statistic, &freedom], p.value);
    explanation.computes("p-value", "the chance of such a chi-square or a larger one", test, &told.value(&figures::P_VALUE));
    by_chance(told, v, "V", explanation);
}

/// A test that fails where chance does not explain what was found, and the effect matters.
fn by_chance(told: &Told<'_>, effect: Expr, name: &str, explanation: &mut Explanation) {
    let finding = told.finding;
    let least = Expr::of(&finding.limit).or_else(|| told.word("min_effect").and_then(number).map(Expr::from)).unwrap_or_else(|| 0.1.into());
    let Some(adjusted) = adjusted(told, explanation) else { return as_told(told, explanation) };
    if finding.outcome == insufficient(told) && told.figure(&figures::AT_MOST).is_some() {
        return as_told(told, explanation);
    }
    let alpha = alpha(told);
    explanation.asks(format!("is {name} too small to matter?"), Question::of(effect, Is::Below, least), Outcome::Pass);
    explanation.asks("does chance explain it?", Question::of(adjusted, Is::AtLeast, alpha), Outcome::Pass);
    explanation.otherwise(Outcome::Fail);
}

fn alpha(told: &Told<'_>) -> f64 {
    told.word("alpha").and_then(|text| text.parse::<Share>().ok()).map_or(0.001, Share::as_f64)
}

/// The p-value, adjusted to the others of the rule.
fn adjusted(told: &Told<'_>, explanation: &mut Explanation) -> Option<Expr> {
    let adjusted = told.figure(&figures::ADJUSTED_P_VALUE)?;
    let own = told.figure(&figures::P_VALUE)?;
    let of = |finding: &&Finding| finding.figures.get(&figures::P_VALUE).and_then(Expr::of_figure);
    let mut all: Vec<Expr> = told.beside.iter().filter_map(of).collect();
    all.sort_by(|a, b| a.value.total_cmp(&b.value));
    let number = all.len() as u64;
    let at = |(i, p): (usize, &Expr)| p.clone() * Expr::from(number) / Expr::from(i as u64 + 1);
    let larger: Vec<Expr> = all.iter().enumerate().filter(|(_, p)| p.value >= own.value).map(at).chain([1.0.into()]).collect();
    let least = Expr::least(&larger);
    let is_all = (least.value - adjusted.value).abs() <= 1e-9 * adjusted.value.abs();
    match is_all {
        true if number > 1 => {
            let formula = format!("the least of p × {number} / its rank, over p-values of the rule that are as large or larger");
            explanation.computes("adjusted p-value", formula, least, &told.value(&figures::ADJUSTED_P_VALUE));
            explanation.source("adjusted p-values: Y. Benjamini and Y. Hochberg 1995");
        }
        true => explanation.notes("the rule tests nothing else: the adjusted p-value is the p-value"),
        // Of other columns and groups of the rule, the report may not list every one.
        false => explanation.notes("the p-value is adjusted to all columns and groups of the rule (Benjamini and Hochberg 1995)"),
    }
    Some(adjusted)
}

fn null_share(told: &Told<'_>, explanation: &mut Explanation) {
    let figure = |name| told.figure(name);
    let (rows, missing, before) = (figure(&figures::ROWS), figure(&figures::MISSING), figure(&figures::REFERENCE));
    let (Some((rows, missing)), Some((before, share))) = (rows.zip(missing), before.zip(figure(&figures::SHARE))) else {
        return as_told(told, explanation);
    };
    explanation.computes("share", "missing / rows", missing / rows, &told.value(&figures::SHARE));
    explanation.computes("difference", "share − reference", share.clone() - before.clone(), &told.value(&figures::DIFFERENCE));
    explanation.source("p: R. A. Fisher's exact test; interval of the difference: R. G. Newcombe 1998, method 10");
    let least = Expr::of(&told.finding.limit).or_else(|| told.word("max").and_then(number).map(Expr::from)).unwrap_or_else(|| 0.01.into());
    let Some(adjusted) = adjusted(told, explanation) else { return as_told(told, explanation) };
    let off = Expr::of(&told.finding.observed).unwrap_or_else(|| (share - before).abs());
    explanation.asks("is the difference no more than `max`?", Question::of(off, Is::AtMost, least), Outcome::Pass);
    explanation.asks("does chance explain it?", Question::of(adjusted, Is::AtLeast, alpha(told)), Outcome::Pass);
    explanation.otherwise(Outcome::Fail);
}

fn new_values(told: &Told<'_>, explanation: &mut Explanation) {
    let rows = told.figure(&figures::ROWS).zip(told.figure(&figures::NEW_VALUE_ROWS));
    let Some((of, new)) = rows else { return as_told(told, explanation) };
    let share = explanation.derives("share of rows with new values", "rows with new values / rows", new.clone() / of);
    let limit = match &told.finding.limit {
        Value::Float(share) => share.to_string().parse::<Tolerance>().ok(),
        Value::Text(text) => text.parse().ok(),
        Value::Integer(_) | Value::Nothing => told.word("max").map_or(Some(Tolerance::NONE), |text| text.parse().ok()),
    };
    let limits = [(limit, "max", Outcome::Fail), (told.word("warn").and_then(|text| text.parse().ok()), "warn", Outcome::Warn)];
    for (limit, word, outcome) in limits.into_iter().filter_map(|(limit, word, outcome)| Some((limit?, word, outcome))) {
        if let Some(most) = limit.share {
            explanation.asks(format!("is the share more than `{word}`?"), Question::of(share.clone(), Is::Above, most.as_f64()), outcome);
        }
        if let Some(most) = limit.rows {
            explanation.asks(format!("are there more such rows than `{word}`?"), Question::of(new.clone(), Is::Above, most), outcome);
        }
    }
    explanation.otherwise(Outcome::Pass);
}

fn cardinality(told: &Told<'_>, explanation: &mut Explanation) {
    let (rows, before) = (told.figure(&figures::ROWS), told.figure(&figures::BASELINE_ROWS));
    let of = told.figure(&figures::DISTINCT).zip(told.figure(&figures::BASELINE_DISTINCT));
    match of.filter(|_| rows.zip(before).is_some_and(|(n, m)| n.value == m.value)) {
        Some((ours, theirs)) => {
            let change = (ours / theirs - Expr::from(1.0)).abs();
            explanation.computes("change", "|distinct values / those of the baseline − 1|", change, &told.finding.observed);
        }
        None => explanation.notes("both are counted as of the smaller number of rows, as the message says"),
    }
    match told.word("warn").and_then(number).zip(Expr::of(&told.finding.observed)).zip(Expr::of(&told.finding.limit)) {
        Some(((warn, found), limit)) => {
            explanation.asks("is it more than `max`?", Question::of(found.clone(), Is::Above, limit), Outcome::Fail);
            explanation.asks("is it more than `warn`?", Question::of(found, Is::Above, warn), Outcome::Warn);
            explanation.otherwise(Outcome::Pass);
        }
        None => at_limit(told, explanation),
    }
}
