//! Numbers by their digits, where a float would round.

use crate::text;

/// Whether a number without exponent is short enough to be no more than a float holds.
#[inline]
pub(super) fn is_in_range(number: &str) -> bool {
    number.len() < 300 && memchr::memchr2(b'e', b'E', number.as_bytes()).is_none()
}

/// The whole number that `1.0` or `1e3` is, by its digits; none where it is no whole number or beyond 64 bits.
pub(super) fn whole(number: &str) -> Option<i64> {
    let value = text::decimal(number, 20, 0).or_else(|| exponential(number, 20, 0))?;
    i64::try_from(value).ok()
}

/// `1.25e2` as a decimal: its digits with the point moved.
pub(super) fn exponential(number: &str, precision: u8, scale: i8) -> Option<i128> {
    let (digits, exponent) = number.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.abs() <= 76)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
    let all = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    let plain = match point {
        p if p <= 0 => format!("{sign}0.{}{all}", "0".repeat(p.unsigned_abs() as usize)),
        p if p as usize >= all.len() => format!("{sign}{all}{}", "0".repeat(p as usize - all.len())),
        p => format!("{sign}{}.{}", &all[..p as usize], &all[p as usize..]),
    };
    text::decimal(&plain, precision, scale)
}
