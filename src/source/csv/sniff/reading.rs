//! One way of dividing a file's first rows, and how well it fits.

use std::cmp::Ordering;

use super::super::layout::Layout;
use super::super::record::Framed;
use crate::source::{Format, ReadOptions};

/// Records that are looked at.
const RECORDS: usize = 1000;

/// The first rows, divided.
pub(super) struct Reading {
    pub options: ReadOptions,
    /// The usual number of fields.
    pub width: usize,
    /// Lines above the first record that has as many.
    pub lines_above: u64,
    records: Vec<Vec<String>>,
    /// Records that stand above.
    above: usize,
    /// Records behind those above that have the usual number of fields.
    alike: usize,
    /// Fields with quotes around them.
    quoted: usize,
    /// Records that cannot be framed.
    bad: usize,
}

impl Reading {
    /// With the quote and the escape that suit the delimiter of `options` best, as far as these leave them open; none where
    /// the words of `options` contradict each other.
    pub(super) fn of(bytes: &[u8], format: Format, options: &ReadOptions) -> Option<Self> {
        let quotes = match options.quote {
            Some(quote) => vec![quote],
            None => vec![Some(b'"'), Some(b'\''), None],
        };
        let escaped = |quote: Option<u8>| {
            let with = |escape: Option<u8>| {
                let mut options = ReadOptions { quote: Some(quote), ..options.clone() };
                options.text.escape = escape;
                Self::divided(bytes, format, options)
            };
            let plain = with(options.text.escape);
            if options.text.escape.is_some() || !bytes.contains(&b'\\') {
                return plain;
            }
            // An escape is believed where it makes more records fit.
            match (plain, with(Some(b'\\'))) {
                (Some(plain), Some(escaped)) if escaped.share(&plain).is_gt() => Some(escaped),
                (plain, _) => plain,
            }
        };
        let mut readings: Vec<Self> = quotes.into_iter().filter_map(escaped).collect();
        let is_explained = |reading: &Self| reading.quoted > 0 && reading.bad * 10 <= reading.records.len();
        let best = readings.iter().position(is_explained).or_else(|| readings.iter().position(|reading| reading.bad == 0));
        (!readings.is_empty()).then(|| readings.swap_remove(best.unwrap_or(0)))
    }

    fn divided(bytes: &[u8], format: Format, options: ReadOptions) -> Option<Self> {
        let layout = Layout::of(&options, format).ok()?;
        let mut framer = layout.framer_of_all(bytes, None);
        let (mut records, mut lines_of) = (Vec::new(), Vec::new());
        let (mut at, mut line, mut quoted, mut bad) = (0, 0, 0, 0);
        while at < bytes.len() && records.len() < RECORDS {
            let (next, height) = match framer.frame(at) {
                Framed::Record { next, lines, .. } => {
                    let mut cells = Vec::with_capacity(framer.cells().len());
                    for cell in framer.cells() {
                        let is_quoted = cell.start > 0 && Some(bytes[cell.start as usize - 1]) == layout.quote();
                        quoted += usize::from(is_quoted);
                        let text = String::from_utf8_lossy(&bytes[cell.start as usize..cell.end as usize]);
                        cells.push(if cell.escaped { layout.unescaped(&text, is_quoted).into_owned() } else { text.into_owned() });
                    }
                    records.push(cells);
                    lines_of.push(line);
                    (next, lines)
                }
                Framed::Bad { next, lines, .. } => {
                    records.push(Vec::new());
                    lines_of.push(line);
                    bad += 1;
                    (next, lines)
                }
                Framed::Blank { next } | Framed::Comment { next } => (next, 1),
                Framed::Incomplete => break,
            };
            at = next;
            line += u64::from(height);
        }
        let width = usual(&records);
        let above = if options.text.skip_rows > 0 { 0 } else { records.iter().position(|r| r.len() == width).unwrap_or(0) };
        let alike = records[above..].iter().filter(|r| r.len() == width).count();
        let lines_above = if above == 0 { 0 } else { lines_of[above] };
        Some(Self { options, width, lines_above, records, above, alike, quoted, bad })
    }

    /// The records that have the usual number of fields.
    pub(super) fn rows(&self) -> &[Vec<String>] {
        &self.records[self.above..]
    }

    /// Whether nearly all records have the usual number of fields, and it is more than one.
    pub(super) fn fits(&self) -> bool {
        self.width > 1 && self.alike * 10 >= self.rows().len() * 9
    }

    /// Whether all records are one field.
    pub(super) fn is_one_column(&self) -> bool {
        self.width <= 1 && self.above == 0 && self.alike == self.records.len()
    }

    /// Which of two fits better, by the share of records that have the usual number of fields.
    fn share(&self, other: &Self) -> Ordering {
        (self.alike * other.rows().len()).cmp(&(other.alike * self.rows().len()))
    }

    /// Which of two fits better.
    pub(super) fn rank(&self, other: &Self) -> Ordering {
        self.share(other).then(other.lines_above.cmp(&self.lines_above))
    }
}

/// The number of fields that most records have; of two, the greater.
fn usual(records: &[Vec<String>]) -> usize {
    let mut widths: Vec<usize> = records.iter().map(Vec::len).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| (run.len(), run[0])).map_or(0, |run| run[0])
}
