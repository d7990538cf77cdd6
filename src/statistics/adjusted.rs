//! Many tests at once.

/// Benjamini and Hochberg's adjusted p-values (1995): rejecting those of at most `q` keeps the expected share of false rejections
/// among all at `q`.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[j].total_cmp(&p_values[i]));
    let number = p_values.len() as f64;
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0f64;
    for (above, &i) in order.iter().enumerate() {
        least = least.min(p_values[i] * number / (number - above as f64));
        adjusted[i] = least;
    }
    adjusted
}
