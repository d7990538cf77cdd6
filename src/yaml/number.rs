//! Whole numbers as people write them.

/// The number that `text` writes, if it is whole: digits, perhaps with a point and an exponent.
pub(super) fn whole(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{before}{after}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let zeros = exponent.checked_sub(i32::try_from(after.len()).ok()?)?.checked_add(i32::try_from(all.len() - significant.len()).ok()?)?;
    let factor = 10i128.checked_pow(u32::try_from(zeros).ok()?)?;
    significant.parse::<i128>().ok()?.checked_mul(factor)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point_and_an_exponent() {
        for (text, n) in [
            ("3", 3),
            ("3.0", 3),
            ("3.", 3),
            ("3e0", 3),
            ("+3.00", 3),
            ("1.5e3", 1500),
            ("30e-1", 3),
            ("0.0", 0),
            ("-0.0", 0),
            ("-3.0", -3),
        ] {
            assert_eq!(whole(text), Some(n), "{text}");
        }
        assert_eq!(whole("9007199254740993.0"), Some(9_007_199_254_740_993), "and not the float nearest to it");
        for text in ["3.5", "1e-1", "", ".", "e3", "1e99", "1e99999999999", "0x3", "1_000", "3 ", "- 3"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
