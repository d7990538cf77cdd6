//! How numbers and times are written for people.

use std::borrow::Cow;

use chrono::DateTime;

/// Characters that a report shows of a value.
pub(crate) const VALUE_MAX: usize = 200;

/// Characters that a report shows of a record as it stands in the file.
pub(crate) const RECORD_MAX: usize = 500;

/// Six significant digits.
pub(crate) fn short(x: f64) -> String {
    digits(x, DIGITS)
}

/// Six significant digits, or as many more as it takes to see on which side of each of `limits` the number lies.
pub(crate) fn beside(x: f64, limits: &[f64]) -> String {
    let agrees = |text: &String| text.parse().is_ok_and(|y: f64| limits.iter().all(|limit| y.partial_cmp(limit) == x.partial_cmp(limit)));
    (DIGITS..=DIGITS_MAX).map(|n| digits(x, n)).find(agrees).unwrap_or_else(|| x.to_string())
}

const DIGITS: usize = 6;
/// More than a float of 64 bits has.
const DIGITS_MAX: usize = 17;

/// `n` significant digits; a power of ten for what is very small or very large.
pub(crate) fn digits(x: f64, n: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let magnitude = x.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        let text = format!("{x:.*e}", n - 1);
        return text.split_once('e').map_or(text.clone(), |(mantissa, power)| format!("{}e{power}", trimmed(mantissa)));
    }
    let decimals = (n as i32 - 1 - magnitude).max(0) as usize;
    trimmed(&format!("{x:.decimals$}"))
}

/// Thousands set apart by commas.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `2026-11-27 08:00 UTC` for a time in RFC 3339.
pub(crate) fn minute(time: &str) -> String {
    DateTime::parse_from_rfc3339(time).map_or_else(|_| time.to_owned(), |time| time.to_utc().format("%Y-%m-%d %H:%M UTC").to_string())
}

/// `30 seconds`, `10 minutes`.
pub(crate) fn duration(length: std::time::Duration) -> String {
    match length.as_secs() {
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => counted(seconds / 60, "minute"),
        seconds => counted(seconds, "second"),
    }
}

/// A share as a percentage: one decimal from one percent up, two below, more where it would read as none or all.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    percent_by(part, whole, |_, _| ())
}

/// The same, with so many decimals that `stands` says of what is shown what it says of `part` of `whole`: how it stands to
/// its limits.
pub(crate) fn percent_by<T: PartialEq>(part: u64, whole: u64, stands: impl Fn(u64, u64) -> T) -> String {
    const DECIMALS_MAX: u32 = 15;
    if part == whole {
        return "100%".to_owned();
    }
    let first = if u128::from(part) * 100 >= u128::from(whole) { 1 } else { 2 };
    let rounded = |decimals: u32| {
        let of = 100 * 10u64.pow(decimals);
        let twice = 2 * u128::from(part) * u128::from(of) + u128::from(whole);
        (u64::try_from(twice / (2 * u128::from(whole.max(1)))).unwrap_or(u64::MAX), of)
    };
    let agrees = |decimals: &u32| {
        let (shown, of) = rounded(*decimals);
        (shown == 0) == (part == 0) && (shown < of) == (part < whole) && stands(shown, of) == stands(part, whole)
    };
    let decimals = (first..DECIMALS_MAX).find(agrees).unwrap_or(DECIMALS_MAX);
    let (shown, unit) = (rounded(decimals).0, 10u64.pow(decimals));
    format!("{}.{:0width$}%", shown / unit, shown % unit, width = decimals as usize)
}

/// A share that is no count of rows by another, as a percentage: with so many decimals that it does not read as one of
/// `limits` that it differs from.
pub(crate) fn percent_of(share: f64, limits: &[f64]) -> String {
    const DECIMALS_MAX: usize = 17;
    let text = |share: f64, decimals: usize| format!("{:.decimals$}%", share * 100.0);
    let differs = |decimals: &usize| limits.iter().all(|&limit| share == limit || text(share, *decimals) != text(limit, *decimals));
    text(share, (1..DECIMALS_MAX).find(differs).unwrap_or(DECIMALS_MAX))
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// So many characters of the text at most, and how many more there are.
pub(crate) fn cut_short(text: &str, characters_max: usize) -> Cow<'_, str> {
    // A character takes a byte at least.
    if text.len() <= characters_max {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(characters_max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => format!("{}… ({} more)", &text[..end], counted(text[end..].chars().count() as u64, "character")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        for (text, shown) in [("日本語", "日本語"), ("日本語x", "日本語… (1 character more)"), ("", "")] {
            assert_eq!(cut_short(text, 3), shown);
        }
        assert_eq!(cut_short(&"é".repeat(2_003), 3), "ééé… (2,000 characters more)");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(6_001_215), "6,001,215");
        assert_eq!(short(38255.13848465686), "38255.1");
        assert_eq!(short(0.05), "0.05");
        assert_eq!(short(1e-9), "1e-9");
        assert_eq!(short(1.5e300), "1.5e300");
        assert_eq!(short(100.0), "100");
    }

    #[test]
    fn a_number_lies_visibly_on_its_side_of_a_limit() {
        assert_eq!(beside(1234567.375, &[1234567.0]), "1234567.4");
        assert_eq!(beside(20.000000333, &[20.0]), "20.0000003");
        assert_eq!(beside(1234567.25, &[1234567.25]), "1234567.25", "a limit that is reached exactly");
        assert_eq!(beside(0.1 + 0.2, &[0.3]), "0.30000000000000004");
        assert_eq!(beside(12.3456789, &[10.0, 20.0]), "12.3457");
        assert_eq!(beside(f64::MAX, &[f64::INFINITY]), "1.79769e308");
        assert_eq!(beside(-1e-300, &[0.0]), "-1e-300");
    }

    #[test]
    fn a_share_is_none_or_all_only_if_it_is() {
        for (part, whole, text) in [
            (0, 7, "0.00%"),
            (3, 193, "1.6%"),
            (1, 193, "0.52%"),
            (1, 200_001, "0.0005%"),
            (200_000, 200_001, "99.9995%"),
            (1, 1_000_000_000_000, "0.0000000001%"),
            (193, 193, "100%"),
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
        // 7 of 125 are 5.6 % exactly.
        let exceeds = |part: u64, whole: u64| part * 1000 > whole * 56;
        assert_eq!(percent_by(7, 125, exceeds), "5.6%");
        assert_eq!(percent_by(56_001, 1_000_000, exceeds), "5.6001%");
        assert_eq!(percent_of(0.0560001, &[0.056]), "5.60001%");
        assert_eq!(percent_of(0.056, &[0.056]), "5.6%");
        assert_eq!(percent_of(1e-9, &[0.0, 1.0]), "0.0000001%");
    }
}
