//! How much two columns of categories tell of each other.

use std::collections::BTreeMap;

use num_bigint::BigUint;

/// Cramér's V, uncorrected, of a table given by its cells: √(χ² / (n · min(rows − 1, columns − 1))). None where the
/// table has a single row or column. Counts are compared as integers, so independent columns have a V of exactly 0.
pub fn cramers_v<'a>(cells: impl Iterator<Item = ((&'a str, &'a str), u64)>) -> Option<f64> {
    /// χ² is counted in so small parts.
    const FRACTION_BITS: u32 = 256;
    /// V is rounded from so many bits.
    const ROOT_BITS: u32 = 100;
    let cells: Vec<_> = cells.filter(|(_, count)| *count > 0).collect();
    let (mut rows, mut columns, mut n) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new(), 0u64);
    for ((row, column), count) in &cells {
        *rows.entry(row).or_default() += count;
        *columns.entry(column).or_default() += count;
        n += count;
    }
    let degrees = (rows.len().min(columns.len())).checked_sub(1).filter(|d| *d > 0)?;
    // χ²·n = Σ (o·n − r·c)² / (r·c); of an empty cell it is r·c, which is what the others leave of n².
    let (mut sum, mut left) = (BigUint::ZERO, u128::from(n) * u128::from(n));
    for ((row, column), count) in &cells {
        let expected = u128::from(rows[row]) * u128::from(columns[column]);
        let off = BigUint::from((u128::from(*count) * u128::from(n)).abs_diff(expected));
        sum += ((&off * &off) << FRACTION_BITS) / expected;
        left -= expected;
    }
    sum += BigUint::from(left) << FRACTION_BITS;
    let square = (sum << (2 * ROOT_BITS)) / (BigUint::from(n) * n * degrees);
    let root = u128::try_from((square >> FRACTION_BITS).sqrt()).unwrap_or(u128::MAX);
    Some((root as f64 / 2f64.powi(ROOT_BITS as i32)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[(&'static str, &'static str, u64)]) -> Option<f64> {
        cramers_v(cells.iter().map(|&(a, b, n)| ((a, b), n)))
    }

    #[test]
    fn independent_columns_have_a_v_of_zero() {
        let cells: Vec<_> = ["x", "y", "z"].iter().flat_map(|a| ["u", "v", "w"].map(|b| (*a, b, 1))).collect();
        assert_eq!(table(&cells), Some(0.0));
        assert_eq!(table(&[("x", "u", 30), ("x", "v", 70), ("y", "u", 33), ("y", "v", 77)]), Some(0.0));
        assert_eq!(table(&[("x", "u", 1), ("x", "v", 1)]), None);
    }

    #[test]
    fn columns_that_tell_each_other_have_a_v_of_one() {
        assert_eq!(table(&[("x", "u", 7), ("y", "v", 3)]), Some(1.0));
        assert_eq!(table(&[("x", "u", 1 << 60), ("y", "v", 1), ("z", "w", 12345)]), Some(1.0));
    }

    #[test]
    fn a_weak_association_is_not_lost_to_rounding() {
        // Exactly 1 / √(10^20 − 1), by Python's fractions; floats find 0 or noise.
        let (a, b) = (5_000_000_001, 4_999_999_999);
        let v = table(&[("x", "u", a), ("x", "v", b), ("y", "u", 5_000_000_000), ("y", "v", 5_000_000_000)]);
        assert_eq!(v, Some(1e-10));
    }
}
