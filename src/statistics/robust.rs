//! How unusual a figure is beside earlier ones.

/// The mean of the two middle values, or the one in the middle; none of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(sorted[middle - 1] / 2.0 + sorted[middle] / 2.0),
    }
}

/// The modified z score 0.6745·(x − median) / MAD of `x` beside earlier values (Iglewicz and Hoaglin 1993). None where there are
/// no values, or more than half of them are equal.
pub fn robust_z(x: f64, earlier: &[f64]) -> Option<f64> {
    let centre = median(earlier)?;
    let off: Vec<f64> = earlier.iter().map(|value| (value - centre).abs()).collect();
    let mad = median(&off).filter(|mad| *mad > 0.0)?;
    Some(0.6745 * (x - centre) / mad)
}
