//! The same data again and again, at a fixed pace: an address that gives something new each time.

use std::time::Duration;

use super::{Arrival, Data, Feed, Next, Pace, Positions};
use crate::diagnostic::Fault;

/// Names that are read every so often.
#[derive(Debug)]
pub struct Repeat {
    names: Vec<String>,
    every: Duration,
    begun: u32,
}

impl Repeat {
    pub fn new(names: Vec<String>, every: Duration) -> Self {
        Self { names, every, begun: 0 }
    }
}

impl Feed for Repeat {
    /// The table remembers nothing of it.
    fn moved_on(&mut self, _: &mut Positions<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// Begins at once, then at whole multiples of the pace; a beginning that was missed is not made up for.
    fn next(&mut self, pace: &dyn Pace) -> Result<Next, Fault> {
        if self.begun > 0 {
            let every = self.every.max(Duration::from_millis(1));
            let missed = (pace.elapsed().as_nanos() / every.as_nanos()) as u32;
            let due = every * missed.max(self.begun - 1).saturating_add(1);
            self.begun = missed.max(self.begun - 1).saturating_add(1);
            if !pace.wait(due.saturating_sub(pace.elapsed())) {
                return Ok(Next::End);
            }
        }
        self.begun = self.begun.saturating_add(1);
        let data = Data::Named(self.names.clone());
        Ok(Next::Batch(Arrival { name: self.names.join(", "), id: None, data, positions: Vec::new() }))
    }

    fn settled(&mut self, _: &Arrival) -> Result<(), Fault> {
        Ok(())
    }

    fn pass_over(&mut self, _: &Arrival) {}
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A clock that goes on only while someone waits.
    struct Clock(Cell<Duration>);

    impl Pace for Clock {
        fn elapsed(&self) -> Duration {
            self.0.get()
        }

        fn wait(&self, time: Duration) -> bool {
            self.0.set(self.0.get() + time);
            true
        }

        fn goes_on(&self) -> bool {
            true
        }
    }

    #[test]
    fn runs_begin_at_multiples_of_the_pace_and_missed_ones_are_left_out() {
        let clock = Clock(Cell::new(Duration::ZERO));
        let mut feed = Repeat::new(vec!["a".into()], Duration::from_secs(10));
        let mut begins = Vec::new();
        // The third run takes 25 seconds.
        for work in [1, 2, 25, 1, 1] {
            assert!(matches!(feed.next(&clock).expect("a batch"), Next::Batch(_)));
            begins.push(clock.0.get().as_secs());
            clock.wait(Duration::from_secs(work));
        }
        assert_eq!(begins, [0, 10, 20, 50, 60]);
    }
}
