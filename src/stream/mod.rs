//! Events judged one by one, as they come: each is passed on, set aside, or dropped by `clean`, in the order of the input.
//!
//! Nothing here reads, writes or looks at a clock: text comes in, text goes out, and times are values. What is said of an event
//! depends on the events before it alone, never on how the text was cut.

mod keys;
mod latency;
mod made;
mod report;
mod set_aside;
mod window;

use std::sync::Arc;

pub use self::keys::Remembered;
use self::keys::SeenKeys;
use self::made::Made;
pub use self::report::{Reporter, Span};
use self::set_aside::{Cause, SetAside};
pub use self::window::Window;
use crate::audit::{JudgedRows, RowJudge, RowRule, Standing};
use crate::diagnostic::Fault;
use crate::privacy::Privacy;
use crate::rows::Mask;
use crate::source::{EventReader, EventRecord, ReadLines};

/// What events are judged by.
pub struct Terms {
    pub reader: EventReader,
    pub judge: Arc<RowJudge>,
    /// How far back keys are remembered.
    pub remembered: Remembered,
    /// How many keys of a rule are remembered, at most.
    pub keys_max: usize,
    /// Bytes of rows that are kept for rules that judge a whole window; none where there are no such rules.
    pub kept_bytes_max: Option<usize>,
    /// The columns whose values no report shows.
    pub privacy: Privacy,
}

/// A stream of events under way.
pub struct Stream {
    terms: Terms,
    rules: Vec<RowRule>,
    key_rules: Vec<RowRule>,
    seen: Vec<SeenKeys>,
    made: Option<Made>,
    /// Lines and events so far.
    lines: u64,
    events: u64,
    window: Window,
}

/// Text that is to be written.
#[derive(Debug, Default)]
pub struct Output {
    /// Events that pass, a line each.
    pub good: Vec<u8>,
    /// Events that are set aside, a line each, with their reasons.
    pub bad: Vec<u8>,
    /// On which line of the text, from 0, each event begins that passes.
    pub good_lines: Vec<u32>,
    /// How many events were judged for it.
    pub events: u64,
    /// Whether events are written anew, with what `transform` makes.
    pub is_made: bool,
}

/// Where events come from, as those that are set aside name it.
#[derive(Debug, Clone, Copy)]
pub enum Places<'a> {
    /// Lines of a text, counted from its beginning.
    Lines,
    /// Records of a topic, one a line of the text that is judged.
    Records(&'a [EventRecord]),
}

/// What becomes of an event.
enum Fate {
    /// `clean` drops it.
    Dropped,
    Passes,
    /// With the index of its cause.
    SetAside(usize),
}

impl Stream {
    pub fn new(terms: Terms) -> Self {
        let (rules, key_rules) = (terms.judge.rules().to_vec(), terms.judge.key_rules());
        let seen = key_rules.iter().map(|_| SeenKeys::new(terms.remembered, terms.keys_max)).collect();
        let (made, window) = (Made::of(&terms.judge), Window::first(terms.kept_bytes_max));
        Self { terms, rules, key_rules, seen, made, lines: 0, events: 0, window }
    }

    /// How far each rule is judged event by event.
    pub fn standings(&self) -> Vec<(String, Standing)> {
        self.terms.judge.standings()
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Events judged so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether there was no report yet.
    pub fn is_in_first_window(&self) -> bool {
        self.window.number == 1
    }

    /// Whether rows are kept for rules that need a whole window.
    pub fn keeps_rows(&self) -> bool {
        self.terms.kept_bytes_max.is_some()
    }

    /// Events judged since the last report.
    pub fn events_in_window(&self) -> u64 {
        self.window.tally.records()
    }

    /// Notes that the last output was written so many microseconds after it had come.
    pub fn written(&mut self, events: u64, micros: u64) {
        self.window.latencies.record(events, micros);
    }

    /// Ends the window under way; the next one begins.
    pub fn end_window(&mut self) -> Window {
        for seen in &mut self.seen {
            self.window.forgot_early |= seen.forgot_early();
        }
        let next = Window::after(&self.window, self.terms.kept_bytes_max);
        std::mem::replace(&mut self.window, next)
    }

    /// Judges whole lines, which came at `millis` of any clock that does not run backwards. The last line of the input may lack its
    /// line end.
    ///
    /// # Errors
    /// The text is too long, or a rule's `where` cannot be computed.
    pub fn judge(&mut self, text: &[u8], places: Places<'_>, millis: u64, out: &mut Output) -> Result<(), Fault> {
        out.good.clear();
        out.bad.clear();
        out.good_lines.clear();
        let ReadLines { chunks, spans, unknown_keys, lines } = self.terms.reader.read(text)?;
        let lines = u64::from(lines) + u64::from(text.last().is_some_and(|&last| last != b'\n'));
        let mut fates: Vec<Fate> = spans.iter().map(|_| Fate::Dropped).collect();
        let (mut causes, mut made) = (Vec::new(), made::Lines::default());
        for chunk in chunks {
            self.window.keep(&chunk.batch)?;
            for judged in self.terms.judge.judge_chunk(chunk)? {
                self.settle(&judged, millis, &mut fates, &mut causes);
                if let Some(how) = &self.made {
                    made.extend(how, &judged)?;
                }
            }
        }
        let aside = SetAside { text, places, lines_before: self.lines };
        let mut passing = made::Passing::new(text, &spans, self.made.is_some().then_some(&made));
        let mut bad = 0;
        for (number, (fate, span)) in fates.iter().zip(&spans).enumerate() {
            match fate {
                Fate::Dropped => {}
                Fate::Passes => {
                    out.good_lines.push(span.line);
                    passing.push(number, &mut out.good);
                }
                Fate::SetAside(cause) => {
                    bad += 1;
                    aside.write(span, &causes[*cause], &mut out.bad);
                }
            }
        }
        passing.finish(&mut out.good);
        out.events = spans.len() as u64;
        out.is_made = self.made.is_some();
        self.lines += lines;
        self.events += out.events;
        self.window.count(out.events, out.good_lines.len() as u64, bad, lines - out.events, unknown_keys);
        Ok(())
    }

    /// Decides what becomes of some rows.
    fn settle(&mut self, judged: &JudgedRows, millis: u64, fates: &mut [Fate], causes: &mut Vec<Cause>) {
        let len = judged.rows.len();
        let at = |row: usize| self.events + u64::from(judged.rows.get(row));
        let repeats = |(keys, seen): (&Vec<Option<u128>>, &mut SeenKeys)| seen.repeats(keys, at, millis);
        let repeated: Vec<Mask> = judged.keys.iter().zip(&mut self.seen).map(repeats).collect();
        let failing = self.rules.iter().zip(&judged.outcomes).filter(|(rule, _)| rule.holds_back).map(|(_, outcome)| &outcome.fails);
        let repeating = self.key_rules.iter().zip(&repeated).filter(|(rule, _)| rule.holds_back).map(|(_, repeated)| repeated);
        let held = failing.chain(repeating).fold(Mask::None, |held, fails| held.or(fails));
        held.not().rows(len, |row| fates[judged.rows.get(row) as usize] = Fate::Passes);
        held.rows(len, |row| {
            fates[judged.rows.get(row) as usize] = Fate::SetAside(causes.len());
            causes.push(Cause::of_rules(
                (&self.rules, &self.key_rules),
                judged,
                &repeated,
                row,
                self.terms.remembered,
                &self.terms.privacy,
            ));
        });
        for malformed in &judged.malformed {
            fates[malformed.row as usize] = Fate::SetAside(causes.len());
            causes.push(Cause::malformed(malformed, &self.terms.privacy));
        }
        self.window.tally.take(self.events - self.window.first_event, judged, &repeated, &self.terms.privacy);
    }
}

/// Whether a bit of the mask is set.
fn is_set(mask: &Mask, row: usize) -> bool {
    match mask {
        Mask::None => false,
        Mask::All => true,
        Mask::Bits(bits) => bits.value(row),
    }
}
