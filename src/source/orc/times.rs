//! Times of ORC files.
//!
//! A time is seconds, and nanoseconds that are never negative. Some writers (pyarrow among them) write negative ones before
//! 1970. The library shifts their bits as if they were positive: where its arithmetic is not checked, such a time would come out
//! 584 years later, or 73 years where it has nanoseconds.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::max;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType};
use orc_rust::statistics::TypeStatistics;

use crate::diagnostic::{Code, Fault};
use crate::source::InputFile;

/// What to do where times cannot be read.
pub(super) const BEFORE_1970: &str =
    "it may be damaged; or it has fractions of seconds before 1970 as pyarrow writes them, against ORC's definition: write it as Parquet";

/// Statistics may be of another time zone.
const ZONES: i64 = 2 * 24 * 3600 * 1000;

/// The last time in the array, in milliseconds.
pub(super) fn last(array: &ArrayRef) -> Option<i64> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            max(array.as_primitive::<TimestampMicrosecondType>()).map(|micros| micros.div_euclid(1_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            max(array.as_primitive::<TimestampNanosecondType>()).map(|nanos| nanos.div_euclid(1_000_000))
        }
        _ => None,
    }
}

/// Whether what was read, of which `last` is the last, can be what is there. Of nanoseconds (`is_fine`) it must be known that
/// none lies before 1970.
pub(super) fn fit(statistics: Option<&TypeStatistics>, last: i64, is_fine: bool) -> bool {
    match statistics {
        Some(TypeStatistics::Timestamp { min, max, min_utc, max_utc }) => {
            let is_after_1970 = *min.min(min_utc) >= 0;
            last <= (*max).max(*max_utc).saturating_add(ZONES) && (is_after_1970 || !is_fine)
        }
        _ => !is_fine,
    }
}

/// A fault that says that a time has too many digits, if the library's error does.
pub(super) fn too_fine(file: &InputFile, error: &str) -> Option<Fault> {
    error.contains("while decoding timestamp").then(|| {
        let what = format!("{}: a time has more digits than it would be read with, or lies too far away: {error}", file.path);
        let fault = Fault::new(Code::UnsupportedType, what);
        fault.hint("times are read as microseconds, or as nanoseconds where the contract says `timestamp(ns)`")
    })
}
