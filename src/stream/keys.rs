//! Keys of the events before, as far back as a window reaches.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use arrow::buffer::BooleanBuffer;
use foldhash::{HashMap, HashMapExt};

use crate::rows::Mask;
use crate::rules::words::Duration;
use crate::shown::{count, counted};

/// How far back something is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// Of so many events before.
    Events(u64),
    /// Of events that came so many milliseconds before, at most.
    Millis(u64),
}

impl FromStr for Remembered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches("events").trim_end_matches("event").trim().replace('_', "");
        if let Ok(events) = number.parse() {
            return if events == 0 { Err("at least 1 is needed".to_owned()) } else { Ok(Self::Events(events)) };
        }
        let seconds = text.parse::<Duration>().map_err(|_| "write a number of events, such as `100000`, or a time, such as `5m`")?.seconds;
        match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Ok(Self::Millis(seconds.saturating_mul(1000))),
            Ok(_) | Err(_) => Err("at least 1s is needed".to_owned()),
        }
    }
}

impl fmt::Display for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(events) => write!(f, "the last {}", counted(*events, "event")),
            Self::Millis(millis) => write!(f, "the events of the last {} s", count(millis / 1000)),
        }
    }
}

/// An event with a key.
#[derive(Debug, Clone, Copy)]
struct Seen {
    event: u64,
    millis: u64,
}

/// The keys of one rule, by hash.
#[derive(Debug)]
pub(super) struct SeenKeys {
    remembered: Remembered,
    keys_max: usize,
    /// The last event that had the key.
    last: HashMap<u128, Seen>,
    /// Every event with a key that is remembered, the oldest first.
    order: VecDeque<(u128, Seen)>,
    forgot_early: bool,
}

impl SeenKeys {
    pub(super) fn new(remembered: Remembered, keys_max: usize) -> Self {
        Self { remembered, keys_max: keys_max.max(1), last: HashMap::new(), order: VecDeque::new(), forgot_early: false }
    }

    /// Which rows have the key of an event that is remembered; each row is `at` its place among all events. From then on they are
    /// remembered too.
    pub(super) fn repeats(&mut self, keys: &[Option<u128>], at: impl Fn(usize) -> u64, millis: u64) -> Mask {
        let is_repeated = |row: usize| match keys[row] {
            Some(key) => self.is_repeated(key, Seen { event: at(row), millis }),
            None => false,
        };
        Mask::new(BooleanBuffer::collect_bool(keys.len(), is_repeated))
    }

    fn is_repeated(&mut self, key: u128, now: Seen) -> bool {
        while let Some((oldest, seen)) = self.order.front().copied() {
            let is_gone = match self.remembered {
                Remembered::Events(events) => now.event - seen.event > events,
                Remembered::Millis(millis) => now.millis - seen.millis > millis,
            };
            let is_too_many = self.order.len() >= self.keys_max;
            if !is_gone && !is_too_many {
                break;
            }
            self.forgot_early |= !is_gone;
            self.order.pop_front();
            if self.last.get(&oldest).is_some_and(|last| last.event == seen.event) {
                self.last.remove(&oldest);
            }
        }
        self.order.push_back((key, now));
        self.last.insert(key, now).is_some()
    }

    /// Whether keys had to be forgotten before their time, since this was asked last.
    pub(super) fn forgot_early(&mut self) -> bool {
        std::mem::take(&mut self.forgot_early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(remembered: Remembered, keys_max: usize, events: &[(u128, u64)]) -> (Vec<bool>, bool) {
        let mut seen = SeenKeys::new(remembered, keys_max);
        let each = |(event, &(key, millis)): (usize, &(u128, u64))| seen.is_repeated(key, Seen { event: event as u64, millis });
        let said = events.iter().enumerate().map(each).collect();
        (said, seen.forgot_early())
    }

    #[test]
    fn a_key_is_remembered_as_long_as_the_window_reaches_and_no_longer() {
        // The second 1 comes two events behind the first, the third three behind the second.
        let events = [(1, 0), (2, 0), (1, 0), (3, 0), (4, 0), (1, 0)];
        assert_eq!(repeated(Remembered::Events(2), 100, &events), (vec![false, false, true, false, false, false], false));
        assert_eq!(repeated(Remembered::Events(3), 100, &events), (vec![false, false, true, false, false, true], false));
        // A repeated event is an event: the window reaches back from it.
        let events = [(7, 0), (7, 900), (7, 1800), (7, 2801)];
        assert_eq!(repeated(Remembered::Millis(1000), 100, &events), (vec![false, true, true, false], false));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_early_is_said() {
        let events: Vec<(u128, u64)> = (0..100).map(|key| (key, 0)).chain([(0, 0), (99, 0)]).collect();
        let (said, forgot) = repeated(Remembered::Events(1000), 10, &events);
        assert!(forgot && !said[100] && said[101]);
    }

    #[test]
    fn windows_are_written_as_events_or_as_a_time() {
        for (text, expected) in [
            ("100000", Some(Remembered::Events(100_000))),
            ("1_000 events", Some(Remembered::Events(1000))),
            ("5m", Some(Remembered::Millis(300_000))),
            ("2h", Some(Remembered::Millis(7_200_000))),
            ("0", None),
            ("0s", None),
            ("soon", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
