//! Which days, hours, months have a row: one bit for each period of time.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Reservation};
use super::column::{Column, Numbers};
use super::encoding;
use super::inputs::Inputs;
use super::state::{Rows, State};
use crate::diagnostic::Fault;
use crate::each_width;

const DAY: i64 = 86_400;
/// No zone sets its clocks by as much: shorter periods are counted in universal time, longer ones by the local clock.
const LOCAL_MIN: i64 = 2 * 3600;
/// Periods whose bits stand together: 512 bytes.
const BLOCK: i64 = 1 << 12;
/// 8 MiB of blocks at most, so 67 million periods where they are dense.
const BLOCKS_MAX: usize = 1 << 14;
/// What a block takes, with its place in the tree.
const BLOCK_BYTES: usize = BLOCK as usize / 8 + 64;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Seconds(i64),
    Months(i64),
}

/// What periods are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodsSpec {
    pub every: Every,
    /// By whose clock days begin, where the column's values are instants.
    pub zone: Option<String>,
}

/// Periods by number, and where each begins by the local clock.
#[derive(Debug, Clone)]
pub struct Calendar {
    every: Every,
    zone: Option<Tz>,
}

impl Calendar {
    pub fn new(spec: &PeriodsSpec) -> Self {
        Self { every: spec.every, zone: spec.zone.as_deref().and_then(|zone| zone.parse().ok()) }
    }

    fn offset(&self, instant: i64) -> i64 {
        let utc = DateTime::from_timestamp(instant, 0).map(|at| at.naive_utc());
        match (&self.zone, utc) {
            (Some(zone), Some(utc)) => i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()),
            (None, _) | (_, None) => 0,
        }
    }

    /// The number of the period in which an instant lies, seconds since 1970; none beyond the calendar.
    fn period(&self, instant: i64) -> Option<i64> {
        match self.every {
            Every::Months(months) => {
                let local = DateTime::from_timestamp(instant + self.offset(instant), 0)?;
                Some((i64::from(local.year()) * 12 + i64::from(local.month0())).div_euclid(months))
            }
            Every::Seconds(every) if every >= LOCAL_MIN => Some((instant + self.offset(instant) + Self::shift(every)).div_euclid(every)),
            Every::Seconds(every) => Some((instant + self.offset(instant).rem_euclid(every)).div_euclid(every)),
        }
    }

    /// Weeks begin on Monday; 1970 began on a Thursday.
    fn shift(every: i64) -> i64 {
        if every % (7 * DAY) == 0 { 3 * DAY } else { 0 }
    }

    /// When a period begins by the local clock, with the offset where the zone may set it; none beyond the calendar.
    pub fn begin(&self, period: i64) -> Option<(NaiveDateTime, Option<i64>)> {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc());
        match self.every {
            Every::Months(months) => {
                let month = period * months;
                let date = NaiveDate::from_ymd_opt(i32::try_from(month.div_euclid(12)).ok()?, month.rem_euclid(12) as u32 + 1, 1)?;
                Some((date.and_hms_opt(0, 0, 0)?, None))
            }
            Every::Seconds(every) if every >= LOCAL_MIN => Some((at(period.checked_mul(every)? - Self::shift(every))?, None)),
            Every::Seconds(every) => {
                let near = period.checked_mul(every)?;
                let instant = near - self.offset(near).rem_euclid(every);
                let offset = self.offset(instant);
                Some((at(instant + offset)?, self.zone.is_some().then_some(offset)))
            }
        }
    }

    /// The days in which a period lies by the local clock: more than one where it is longer than a day.
    pub fn days(&self, period: i64) -> Option<(NaiveDate, NaiveDate)> {
        let (begin, _) = self.begin(period)?;
        let last = match self.every {
            Every::Months(months) => begin.date() + Months::new(months as u32) - Days::new(1),
            Every::Seconds(every) => begin.date() + Days::new((every - 1).max(0) as u64 / DAY as u64),
        };
        Some((begin.date(), last))
    }
}

/// The periods that have a row.
#[derive(Debug)]
pub struct Periods {
    calendar: Calendar,
    blocks: BTreeMap<i64, Vec<u64>>,
    /// There are too many blocks, and what they held was let go.
    overflow: bool,
    memory: Reservation,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeriodsOut {
    /// First and last period of each stretch without a gap, ascending.
    pub present: Vec<(i64, i64)>,
    /// They lie too far apart to be told apart.
    pub overflow: bool,
}

/// Whole seconds since 1970 of a value of this type.
fn seconds(data_type: &DataType, value: i128) -> Option<i64> {
    let (per_second, of_seconds) = match data_type {
        DataType::Date32 => (1, i128::from(DAY)),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => (1000, 1),
        // Numbers are seconds.
        DataType::Int64 | DataType::Timestamp(TimeUnit::Second, _) => (1, 1),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (1_000_000, 1),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => (1_000_000_000, 1),
        _ => return None,
    };
    i64::try_from(value.div_euclid(per_second) * of_seconds).ok()
}

impl Periods {
    fn insert(&mut self, period: i64) {
        let block = self.blocks.entry(period.div_euclid(BLOCK)).or_insert_with(|| vec![0; BLOCK as usize / 64]);
        let bit = period.rem_euclid(BLOCK) as usize;
        block[bit / 64] |= 1 << (bit % 64);
    }

    /// Gives up where there are too many blocks. The union only grows, so it does not matter when it is asked.
    fn account(&mut self) {
        if self.overflow || self.blocks.len() > BLOCKS_MAX {
            (self.overflow, self.blocks) = (true, BTreeMap::new());
        }
        self.memory.resize(self.blocks.len() * BLOCK_BYTES);
    }
}

impl State for Periods {
    const NAME: &'static str = "periods";
    const VERSION: u32 = 1;
    type Spec = PeriodsSpec;
    type Out = PeriodsOut;

    fn empty(spec: &PeriodsSpec, _: &[DataType], memory: &Arc<Budget>) -> Self {
        Self { calendar: Calendar::new(spec), blocks: BTreeMap::new(), overflow: false, memory: Reservation::new(memory) }
    }

    fn update(&mut self, rows: &Rows<'_>, columns: &[&Column]) -> Result<(), Fault> {
        let column = columns[0];
        let Some(Numbers::Ints { values, .. }) = column.numbers() else { return Ok(()) };
        if self.overflow {
            return Ok(());
        }
        let mut last = None;
        let data_type = column.array.data_type().clone();
        each_width!(values, values => column.present(rows.selection).rows(rows.len(), |i| {
            let period = seconds(&data_type, i128::from(values[i])).and_then(|instant| self.calendar.period(instant));
            if let Some(period) = period.filter(|period| last != Some(*period)) {
                last = Some(period);
                if self.blocks.len() <= BLOCKS_MAX {
                    self.insert(period);
                }
            }
        }));
        self.account();
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), Fault> {
        self.overflow |= later.overflow;
        for (at, block) in later.blocks {
            match self.blocks.get_mut(&at) {
                Some(ours) => ours.iter_mut().zip(block).for_each(|(ours, theirs)| *ours |= theirs),
                None => drop(self.blocks.insert(at, block)),
            }
        }
        self.account();
        Ok(())
    }

    fn fork(&self) -> Result<Self, Fault> {
        let (calendar, blocks) = (self.calendar.clone(), self.blocks.clone());
        Ok(Self { calendar, blocks, overflow: self.overflow, memory: self.memory.again() })
    }

    fn encode(&self, to: &mut dyn Write) -> Result<(), Fault> {
        encoding::write(&(self.overflow, &self.blocks), to)
    }

    fn decode(spec: &PeriodsSpec, types: &[DataType], memory: &Arc<Budget>, from: &mut dyn Read) -> Result<Self, Fault> {
        let (overflow, blocks): (bool, BTreeMap<i64, Vec<u64>>) = encoding::read(from)?;
        let is_block = |block: &Vec<u64>| block.len() == BLOCK as usize / 64 && block.iter().any(|word| *word != 0);
        let are_blocks = blocks.len() <= BLOCKS_MAX && blocks.values().all(is_block);
        encoding::ensure(are_blocks && (!overflow || blocks.is_empty()), "its periods are not as they should be")?;
        let limit = i64::MAX / BLOCK - 1;
        encoding::ensure(blocks.keys().all(|at| (-limit..limit).contains(at)), "a period lies beyond the calendar")?;
        let mut state = Self { overflow, blocks, ..Self::empty(spec, types, memory) };
        state.account();
        Ok(state)
    }

    fn finish(self, _: &Inputs) -> Result<PeriodsOut, Fault> {
        let mut present: Vec<(i64, i64)> = Vec::new();
        for (at, block) in &self.blocks {
            for (word, bits) in block.iter().enumerate().filter(|(_, bits)| **bits != 0) {
                for bit in (0..64).filter(|bit| bits >> bit & 1 == 1) {
                    let period = at * BLOCK + word as i64 * 64 + bit;
                    match present.last_mut() {
                        Some((_, last)) if *last + 1 == period => *last = period,
                        Some(_) | None => present.push((period, period)),
                    }
                }
            }
        }
        Ok(PeriodsOut { present, overflow: self.overflow })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(every: Every, zone: &str) -> Calendar {
        Calendar::new(&PeriodsSpec { every, zone: Some(zone.to_owned()) })
    }

    /// By Python: `len({datetime.fromtimestamp(t, ZoneInfo("Europe/Berlin")).date() for t in range(t0, t1, 600)})` and so on, over March
    /// and October 2026, in which the clocks are set: 31 days of 743 and 745 hours.
    #[test]
    fn days_of_23_and_25_hours_are_days_and_hours_are_counted_once() {
        for (zone, from, to, days, hours) in [
            ("Europe/Berlin", 1_772_319_600, 1_774_994_400, 31, 743),
            ("Europe/Berlin", 1_790_805_600, 1_793_487_600, 31, 745),
            ("Asia/Kolkata", 1_772_303_400, 1_774_981_800, 31, 744),
            ("+05:45", 1_772_302_500, 1_774_980_900, 31, 744),
        ] {
            let count = |every: Every| {
                let calendar = calendar(every, zone);
                let periods: Vec<i64> = (from..to).step_by(600).filter_map(|t| calendar.period(t)).collect();
                assert!(periods.windows(2).all(|two| two[1] == two[0] || two[1] == two[0] + 1), "{zone}: no period is passed over");
                periods.last().copied().unwrap_or_default() - periods[0] + 1
            };
            assert_eq!((count(Every::Seconds(DAY)), count(Every::Seconds(3600))), (days, hours), "{zone}");
            assert_eq!((count(Every::Months(1)), count(Every::Seconds(6 * 3600))), (1, 4 * days), "{zone}");
        }
    }

    #[test]
    fn periods_begin_where_the_clock_says() {
        let begin = |every, zone: &str, instant| {
            let calendar = calendar(every, zone);
            let (at, offset) = calendar.period(instant).and_then(|period| calendar.begin(period)).expect("a time");
            (at.to_string(), offset)
        };
        // 2026-03-29 03:30 in Berlin is 01:30 UTC, half an hour after the clocks were set.
        assert_eq!(begin(Every::Seconds(3600), "Europe/Berlin", 1_774_747_800), ("2026-03-29 03:00:00".into(), Some(7200)));
        assert_eq!(begin(Every::Seconds(3600), "Asia/Kolkata", 1_774_747_800), ("2026-03-29 07:00:00".into(), Some(19_800)));
        assert_eq!(begin(Every::Seconds(DAY), "Europe/Berlin", 1_774_747_800), ("2026-03-29 00:00:00".into(), None));
        // That Sunday is the last day of a week and of no month.
        assert_eq!(begin(Every::Seconds(7 * DAY), "Europe/Berlin", 1_774_747_800), ("2026-03-23 00:00:00".into(), None));
        assert_eq!(begin(Every::Months(3), "Europe/Berlin", 1_774_747_800), ("2026-01-01 00:00:00".into(), None));
        // Before 1970 too.
        assert_eq!(begin(Every::Months(1), "UTC", -1), ("1969-12-01 00:00:00".into(), None));
        assert_eq!(begin(Every::Seconds(DAY), "UTC", -1), ("1969-12-31 00:00:00".into(), None));
    }
}
