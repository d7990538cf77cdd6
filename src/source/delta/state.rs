//! Which state of a table is meant.

use chrono::{DateTime, NaiveDate, Utc};

/// A state of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableState {
    Version(u64),
    /// The last version that was committed by this time.
    AsOf(DateTime<Utc>),
}

impl TableState {
    /// Of `v12`, `2026-11-01` or `2026-11-01T00:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(number) = text.strip_prefix('v') {
            return (number.bytes().all(|b| b.is_ascii_digit())).then(|| number.parse().ok()).flatten().map(Self::Version);
        }
        Self::parse_time(text).map(Self::AsOf)
    }

    /// A time in RFC 3339, or a day, which is its first instant in UTC.
    pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
        let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
        DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(day)
    }
}
