//! Tests and distances of two samples against values of scipy, statsmodels and numpy (`tests/reference/distances.py`).

use serde_json::Value as Json;
use sluicegate::statistics::{
    CategoryBin, Cell, benjamini_hochberg, binned, category_bins, decile_bins, expected_unseen, fisher_exact, hellinger, homogeneity,
    jensen_shannon, kolmogorov_sf, ks_distance, ks_p_value, linf, newcombe_interval, noise, psi, robust_z, rows_for, shares, wasserstein,
};

use crate::support::project;

fn reference() -> Json {
    let text = std::fs::read(project("tests/reference/distances.json")).expect("the reference values");
    serde_json::from_slice(&text).expect("JSON")
}

fn floats(value: &Json) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn counts(value: &Json) -> Vec<u64> {
    value.as_array().expect("a list").iter().map(|x| x.as_u64().expect("a count")).collect()
}

fn cases<'a>(reference: &'a Json, section: &str) -> &'a Vec<Json> {
    reference[section].as_array().unwrap_or_else(|| panic!("no section {section}"))
}

#[track_caller]
fn close(found: f64, expected: &Json, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no reference"));
    let error = (found - expected).abs();
    assert!(error <= 1e-9 * expected.abs() || error <= 1e-15, "{what}: {found} where {expected} is expected");
}

/// One cell a value, as many as there are.
fn atoms(a: &[f64], b: &[f64]) -> Vec<Cell> {
    let mut values: Vec<f64> = a.iter().chain(b).map(|x| x + 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let count = |of: &[f64], value: f64| of.iter().filter(|x| **x == value).count() as u64;
    values.into_iter().map(|value| Cell::atom(value, count(a, value), count(b, value))).collect()
}

/// Each `width` neighbours in one cell.
fn coarse(atoms: &[Cell], width: usize) -> Vec<Cell> {
    let together = |cells: &[Cell]| Cell {
        a: cells.iter().map(|c| c.a).sum(),
        b: cells.iter().map(|c| c.b).sum(),
        low: cells[0].low,
        high: cells[cells.len() - 1].high,
    };
    atoms.chunks(width).map(together).collect()
}

#[test]
fn kolmogorovs_distribution_is_that_of_scipy() {
    let reference = reference();
    let mut compared = 0;
    for case in cases(&reference, "kstwo") {
        let (n, d) = (case["n"].as_u64().expect("n"), case["d"].as_f64().expect("d"));
        if case["p"].as_f64().expect("p") > 1e-12 {
            close(kolmogorov_sf(n, d), &case["p"], &format!("kstwo.sf({d}, {n})"));
            compared += 1;
        } else {
            assert!(kolmogorov_sf(n, d) < 1.1e-12, "kstwo.sf({d}, {n})");
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn distances_of_samples_are_those_of_scipy() {
    let reference = reference();
    for case in cases(&reference, "samples") {
        let (a, b) = (floats(&case["a"]), floats(&case["b"]));
        let cells = atoms(&a, &b);
        let name = &case["name"];
        let ks = ks_distance(&cells).expect("both have values");
        assert_eq!(ks.low, ks.high, "{name}");
        close(ks.low, &case["d"], &format!("D of {name}"));
        close(ks_p_value(ks.low, a.len() as u64, b.len() as u64), &case["p"], &format!("p of {name}"));
        let distance = wasserstein(&cells).expect("both have values");
        assert_eq!((distance.low, distance.high), (distance.value, distance.value), "{name}");
        close(distance.value, &case["wasserstein"], &format!("Wasserstein of {name}"));
        let bins = decile_bins(&cells);
        let (in_a, in_b) = (binned(&bins, cells.iter().map(|c| c.a)), binned(&bins, cells.iter().map(|c| c.b)));
        assert_eq!((in_a.clone(), in_b.clone()), (counts(&case["bins_a"]), counts(&case["bins_b"])), "bins of {name}");
        close(psi(&in_a, &in_b).expect("both have values"), &case["psi"], &format!("PSI of {name}"));
    }
}

#[test]
fn coarse_cells_bracket_the_exact_distances() {
    let reference = reference();
    for case in cases(&reference, "samples") {
        let cells = atoms(&floats(&case["a"]), &floats(&case["b"]));
        for width in [2, 3, 10, 1000] {
            let wide = coarse(&cells, width);
            let (exact, found) = (ks_distance(&cells).expect("values").low, ks_distance(&wide).expect("values"));
            assert!(found.low <= exact && exact <= found.high, "D of {}, {width} a cell: {found:?}, {exact}", case["name"]);
            let (exact, found) = (wasserstein(&cells).expect("values").value, wasserstein(&wide).expect("values"));
            let slack = 1e-12 * exact;
            let holds = found.low <= exact + slack && exact <= found.high + slack && found.low <= found.value && found.value <= found.high;
            assert!(holds, "Wasserstein of {}, {width} a cell: {found:?}, {exact}", case["name"]);
        }
    }
}

#[test]
fn tests_and_distances_of_categories_are_those_of_scipy() {
    let reference = reference();
    for case in cases(&reference, "tables") {
        let (a, b) = (counts(&case["a"]), counts(&case["b"]));
        let what = |of: &str| format!("{of} of {case}");
        match homogeneity(&a, &b) {
            Some(test) => {
                close(test.statistic, &case["statistic"], &what("chi-square"));
                close(test.p_value, &case["p"], &what("p"));
                close(test.cramers_v, &case["v"], &what("V"));
                close(test.effect, &case["effect"], &what("the effect"));
            }
            None => assert!(case["p"].is_null(), "{}", what("a test")),
        }
        let (p, q) = (shares(&a).expect("values"), shares(&b).expect("values"));
        close(jensen_shannon(&p, &q), &case["js"], &what("Jensen-Shannon"));
        close(linf(&p, &q), &case["linf"], &what("L-infinity"));
        close(hellinger(&p, &q), &case["hellinger"], &what("Hellinger"));
        let mut sums = std::collections::BTreeMap::new();
        for (i, bin) in category_bins(&b).into_iter().enumerate() {
            let place = match bin {
                CategoryBin::Own => i,
                CategoryBin::Rare => usize::MAX - 1,
                CategoryBin::Unseen => usize::MAX,
            };
            let sum: &mut (u64, u64) = sums.entry(place).or_default();
            *sum = (sum.0 + a[i], sum.1 + b[i]);
        }
        let (in_a, in_b): (Vec<u64>, Vec<u64>) = sums.into_values().unzip();
        close(psi(&in_a, &in_b).expect("values"), &case["psi"], &what("PSI"));
    }
}

#[test]
fn two_shares_are_compared_as_scipy_and_statsmodels_do() {
    let reference = reference();
    for case in cases(&reference, "two_shares") {
        let number = |key: &str| case[key].as_u64().expect("a count");
        let (a, b) = ((number("a"), number("n")), (number("b"), number("m")));
        close(fisher_exact(a, b), &case["p"], &format!("Fisher {case}"));
        close(fisher_exact(b, a), &case["p"], &format!("Fisher, exchanged, {case}"));
        let (low, high) = newcombe_interval(a, b, case["confidence"].as_f64().expect("confidence"));
        close(low, &case["low"], &format!("Newcombe {case}"));
        close(high, &case["high"], &format!("Newcombe {case}"));
    }
}

#[test]
fn many_tests_noise_and_scores_are_those_of_statsmodels_and_scipy() {
    let reference = reference();
    for case in cases(&reference, "adjusted") {
        for (found, expected) in benjamini_hochberg(&floats(&case["p"])).into_iter().zip(case["adjusted"].as_array().expect("a list")) {
            close(found, expected, &format!("adjusted {case}"));
        }
    }
    for case in cases(&reference, "noise") {
        close(noise(case["bins"].as_u64().expect("bins") as usize), &case["noise"], &format!("noise {case}"));
    }
    for case in cases(&reference, "robust_z") {
        let z = robust_z(case["x"].as_f64().expect("x"), &floats(&case["earlier"])).expect("a score");
        close(z, &case["z"], &format!("robust z {case}"));
    }
}

#[test]
fn nothing_and_extremes_have_their_figures() {
    assert_eq!(ks_distance(&[]), None);
    assert_eq!(ks_distance(&[Cell::atom(1.0, 3, 0)]), None);
    assert_eq!(wasserstein(&[Cell::atom(f64::INFINITY, 3, 2)]), None);
    assert_eq!(psi(&[], &[]), None);
    assert_eq!(shares(&[0, 0]), None);
    assert_eq!(homogeneity(&[0, 0], &[3, 4]), None);
    assert_eq!(homogeneity(&[3, 0], &[4, 0]), None);
    assert_eq!(benjamini_hochberg(&[]), Vec::<f64>::new());
    assert_eq!(robust_z(1.0, &[]), None);
    assert_eq!(robust_z(1.0, &[2.0, 2.0, 2.0, 9.0]), None);
    assert_eq!(decile_bins(&[]), Vec::<usize>::new());
    assert_eq!(decile_bins(&[Cell::atom(1.0, 5, 0)]), [0]);
    assert_eq!(decile_bins(&[Cell::atom(0.0, 5, 0), Cell::atom(1.0, 5, 9), Cell::atom(2.0, 5, 0)]), [0, 0, 0]);
    assert_eq!(fisher_exact((0, 5), (0, 9)), 1.0);
    assert_eq!(expected_unseen(&[]), 1.0);
    // Infinite values are values that are larger, or smaller, than all others.
    let cells = [Cell::atom(f64::NEG_INFINITY, 1, 0), Cell::atom(0.0, 2, 4), Cell::atom(f64::INFINITY, 1, 0)];
    assert_eq!(ks_distance(&cells).map(|ks| ks.low), Some(0.25));
    assert_eq!(wasserstein(&cells).map(|w| w.value), Some(0.0));
    let ends: Vec<Cell> = [f64::NEG_INFINITY, 0.0, f64::INFINITY].map(|x| Cell::atom(x, 1, 5)).into();
    assert_eq!(decile_bins(&ends), [0, 1, 2]);
    // A share of 0 that was expected counts as 1e-4.
    assert!((psi(&[50, 50], &[100, 0]).expect("values") - (0.5 * 2f64.ln() + 0.4999 * 5000f64.ln())).abs() < 1e-12);
    assert!(kolmogorov_sf(0, 0.5).is_nan());
}

#[test]
fn a_million_categories_are_compared() {
    // scipy 1.17: i = np.arange(10**6); chi2_contingency([i % 14 + 14, (i * 3) % 17 + 12], correction=False).
    let a: Vec<u64> = (0..1_000_000).map(|i| i % 14 + 14).collect();
    let b: Vec<u64> = (0..1_000_000).map(|i| (i * 3) % 17 + 12).collect();
    let test = homogeneity(&a, &b).expect("a test");
    assert_eq!((test.categories, test.pooled), (1_000_000, 0));
    close(test.statistic, &1_010_390.590_413_034_2.into(), "chi-square");
    close(test.p_value, &1.211_178_599_402_868e-13.into(), "its p-value");
    close(test.cramers_v, &0.157_949_168_521_425_18.into(), "its V");
    assert!(category_bins(&b).iter().all(|bin| *bin == CategoryBin::Rare));
}

#[test]
fn rows_that_would_do_are_the_fewest_that_do() {
    let chi = noise(10);
    for (limit, other) in [(0.2, 1000), (0.1, 100_000), (0.2, 200)] {
        let rows = rows_for(chi, limit, other).expect("some would do");
        let level = |n: u64| chi * (1.0 / n as f64 + 1.0 / other as f64);
        assert!(level(rows) < limit && level(rows - 1) >= limit, "{rows}");
    }
    assert_eq!(rows_for(chi, 0.2, 80), None);
    assert_eq!(rows_for(chi, 0.2, 0), None);
}
