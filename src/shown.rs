//! How numbers and times are written for people.

use chrono::DateTime;

/// Six significant digits.
pub(crate) fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{x:.5e}");
    }
    let decimals = (5 - magnitude).max(0) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
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

/// A share as a percentage: one decimal from one percent up, two below.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let percent = part as f64 / whole as f64 * 100.0;
    if percent >= 1.0 { format!("{percent:.1}%") } else { format!("{percent:.2}%") }
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(6_001_215), "6,001,215");
        assert_eq!(short(38255.13848465686), "38255.1");
        assert_eq!(short(0.05), "0.05");
        assert_eq!(short(1e-9), "1.00000e-9");
        assert_eq!(short(100.0), "100");
    }
}
