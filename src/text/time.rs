//! Text to dates and times.

use arrow::datatypes::TimeUnit;
use chrono::{NaiveDate, NaiveDateTime};

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<i32> {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&b[..4])? as i32, number(&b[5..7])?, number(&b[8..])?);
    // Days before each month. A column of dates is read value by value: a calendar type in between would cost time.
    const BEFORE: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let month = usize::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = BEFORE[month] - BEFORE[month - 1] + i32::from(is_leap && month == 2);
    let day = day as i32;
    if day < 1 || day > month_days {
        return None;
    }
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let days = before * 365 + leap_days + BEFORE[month - 1] + i32::from(is_leap && month > 2) + day - 1;
    Some(days - DAYS_BEFORE_1970)
}

/// From the first of January of the year 1 to that of 1970.
const DAYS_BEFORE_1970: i32 = 719_162;

/// Days since 1970-01-01 of a date in a strftime format.
pub(crate) fn date_in(text: &str, format: &str) -> Option<i32> {
    days(NaiveDate::parse_from_str(text, format).ok()?)
}

fn days(date: NaiveDate) -> Option<i32> {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A point in time: seconds and nanoseconds since 1970, UTC where the text said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    pub seconds: i64,
    pub nanos: u32,
    /// Whether the text carried `Z` or an offset.
    pub zoned: bool,
}

impl Instant {
    /// The count of `unit` since 1970; none where a digit would be lost.
    pub(crate) fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        let per_second = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let nanos_per_unit = 1_000_000_000 / per_second;
        if i64::from(self.nanos) % nanos_per_unit != 0 {
            return None;
        }
        self.seconds.checked_mul(per_second)?.checked_add(i64::from(self.nanos) / nanos_per_unit)
    }
}

/// ISO 8601: a date, then optionally `T` or a space, `HH:MM[:SS[.fraction]]`, then `Z` or `±HH[:MM]`.
pub(crate) fn timestamp(text: &str) -> Option<Instant> {
    let day = i64::from(date(text.get(..10)?)?);
    let rest = &text.as_bytes()[10..];
    if rest.is_empty() {
        return Some(Instant { seconds: day * 86_400, nanos: 0, zoned: false });
    }
    if !matches!(rest[0], b'T' | b' ' | b't') || rest.len() < 6 || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (number(&rest[1..3])?, number(&rest[4..6])?);
    let mut at = 6;
    let (mut second, mut nanos) = (0, 0);
    if rest.get(at) == Some(&b':') {
        second = number(rest.get(at + 1..at + 3)?)?;
        at += 3;
        if rest.get(at) == Some(&b'.') {
            let digits = rest[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return None;
            }
            nanos = number(&rest[at + 1..at + 1 + digits])? * 10u32.pow(9 - digits as u32);
            at += 1 + digits;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = offset_seconds(std::str::from_utf8(&rest[at..]).ok()?)?;
    let local = day * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(Instant { seconds: local - i64::from(offset.unwrap_or(0)), nanos, zoned: offset.is_some() })
}

/// A date or time in one of the forms that are common: those of [`timestamp`], perhaps with a space before the zone; and a
/// day, month and year of four digits, or month, day and year, where `day_first` says which: `31/1/2026`, `31-01-2026 17:45`.
pub(crate) fn common(text: &str, day_first: Option<bool>) -> Option<Instant> {
    if let Some(instant) = timestamp(text) {
        return Some(instant);
    }
    let (date, clock) = text.split_once([' ', 'T', 't']).unwrap_or((text, ""));
    let separator = date.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '/' | '-' | '.'))?;
    let mut parts = date.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let short = |part: &str| if matches!(part.len(), 1 | 2) { number(part.as_bytes()) } else { None };
    let iso = match (first.len(), day_first) {
        (4, _) if separator == '-' => date.to_owned(),
        (1 | 2, Some(day_first)) if third.len() == 4 && text.as_bytes().get(date.len()).is_none_or(|b| *b == b' ') => {
            let (day, month) = if day_first { (first, second) } else { (second, first) };
            format!("{third}-{:02}-{:02}", short(month)?, short(day)?)
        }
        _ => return None,
    };
    if date.len() == text.len() {
        return timestamp(&iso);
    }
    // A zone may stand apart from the time, and not alone.
    let (time, zone) = clock.split_once(' ').unwrap_or((clock, ""));
    let is_apart = time.len() < clock.len();
    if is_apart && (zone.is_empty() || time.bytes().any(|b| !matches!(b, b'0'..=b'9' | b':' | b'.'))) {
        return None;
    }
    timestamp(&format!("{iso}T{time}{zone}"))
}

/// A timestamp in a strftime format.
pub(crate) fn timestamp_in(text: &str, format: &str) -> Option<Instant> {
    if let Ok(zoned) = chrono::DateTime::parse_from_str(text, format) {
        let (seconds, nanos) = (zoned.timestamp(), zoned.timestamp_subsec_nanos());
        return Some(Instant { seconds, nanos, zoned: true });
    }
    let naive = NaiveDateTime::parse_from_str(text, format).ok()?.and_utc();
    Some(Instant { seconds: naive.timestamp(), nanos: naive.timestamp_subsec_nanos(), zoned: false })
}

/// Seconds east of UTC: `Z`, `UTC`, `+02:00`, `+0200`, `+02`; `Some(None)` for no offset at all.
pub(crate) fn offset_seconds(text: &str) -> Option<Option<i32>> {
    let (sign, rest) = match text {
        "" => return Some(None),
        "Z" | "z" | "UTC" => return Some(Some(0)),
        _ => match text.as_bytes()[0] {
            b'+' => (1, &text.as_bytes()[1..]),
            b'-' => (-1, &text.as_bytes()[1..]),
            _ => return None,
        },
    };
    let (hours, minutes) = match rest.len() {
        2 => (number(rest)?, 0),
        4 => (number(&rest[..2])?, number(&rest[2..])?),
        5 if rest[2] == b':' => (number(&rest[..2])?, number(&rest[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60) as i32))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(year in 0i32..10_000, month in 0u32..14, day in 0u32..33) {
            let calendar = NaiveDate::from_ymd_opt(year, month, day).and_then(days);
            prop_assert_eq!(date(&format!("{year:04}-{month:02}-{day:02}")), calendar);
        }
    }

    #[test]
    fn common_forms_are_read_as_they_are_meant() {
        let iso = |text: &str| timestamp(text).unwrap_or_else(|| panic!("{text}"));
        for (text, day_first, meant) in [
            ("2026-01-31", None, "2026-01-31"),
            ("2026-01-31T17:45:01.5+02:00", None, "2026-01-31T17:45:01.5+02:00"),
            ("2026-01-31 17:45 UTC", None, "2026-01-31T17:45Z"),
            ("2026-01-31 17:45:01.25 +0200", Some(true), "2026-01-31T17:45:01.25+02:00"),
            ("31/1/2026", Some(true), "2026-01-31"),
            ("1/31/2026", Some(false), "2026-01-31"),
            ("02.03.2026", Some(true), "2026-03-02"),
            ("02.03.2026", Some(false), "2026-02-03"),
            ("02-03-2026 17:45:01 -05:00", Some(false), "2026-02-03T17:45:01-05:00"),
            ("29.2.2024 00:00", Some(true), "2024-02-29"),
        ] {
            assert_eq!(common(text, day_first), Some(iso(meant)), "{text}");
        }
        for (text, day_first) in [
            ("31/1/2026", None),
            ("31/1/2026", Some(false)),
            ("1/31/2026", Some(true)),
            ("29/2/2026", Some(true)),
            ("2026/01/31", Some(true)),
            ("2026-1-31", Some(true)),
            ("31/1-2026", Some(true)),
            ("31/1/26", Some(true)),
            ("031/1/2026", Some(true)),
            ("+1/1/2026", Some(true)),
            ("1/1/2026/1", Some(true)),
            ("31/1/2026T17:45", Some(true)),
            ("31/1/2026 5:45 PM", Some(true)),
            ("31/1/2026 ", Some(true)),
            ("2026-01-31 17:45 ", Some(true)),
            ("2026-01-31 17:45Z UTC", None),
            ("2026-01-31 17:45+02 :00", None),
            (" 2026-01-31", None),
            ("é1/1/2026", Some(true)),
            ("", None),
        ] {
            assert_eq!(common(text, day_first), None, "{text}");
        }
    }

    #[test]
    fn timestamps_know_their_offset_and_unit() {
        let t = timestamp("1970-01-02T01:00:00.250+01:00").expect("timestamp");
        assert_eq!((t.seconds, t.nanos, t.zoned), (86_400, 250_000_000, true));
        assert_eq!(t.in_unit(TimeUnit::Millisecond), Some(86_400_250));
        assert_eq!(t.in_unit(TimeUnit::Second), None);
        assert_eq!(timestamp("1969-12-31").map(|t| t.seconds), Some(-86_400));
        assert_eq!(timestamp("2026-01-01T24:00:00"), None);
    }
}
