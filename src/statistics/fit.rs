//! Whether counts fit given shares: Pearson's chi-square.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Pearson's chi-square of goodness of fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoodnessOfFit {
    pub statistic: f64,
    pub degrees_of_freedom: u64,
    pub p_value: f64,
    /// Cohen's w, the effect: √(χ²/n).
    pub cohens_w: f64,
}

/// Tests `observed` counts against `expected` shares; none where a share of 0 was observed, or there is but one cell.
pub fn goodness_of_fit(observed: &[u64], expected: &[f64]) -> Option<GoodnessOfFit> {
    let n: u64 = observed.iter().sum();
    let cells: Vec<(f64, f64)> =
        observed.iter().zip(expected).map(|(&o, &e)| (o as f64, e * n as f64)).filter(|&(o, e)| o > 0.0 || e > 0.0).collect();
    if n == 0 || cells.len() < 2 || cells.iter().any(|&(_, e)| e == 0.0) {
        return None;
    }
    let statistic: f64 = cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    let degrees_of_freedom = cells.len() as u64 - 1;
    let p_value = ChiSquared::new(degrees_of_freedom as f64).expect("there are two cells at least").sf(statistic);
    Some(GoodnessOfFit { statistic, degrees_of_freedom, p_value, cohens_w: (statistic / n as f64).sqrt() })
}
