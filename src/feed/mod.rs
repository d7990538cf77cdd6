//! Batches that keep coming: micro-batches of a topic, files that arrive in a directory, the same data again and again.
//!
//! A feed says what the next batch is; the gate judges it like any other; then the feed hears what became of it.

mod remembered;
mod repeat;
mod topic;
mod watch;

use std::time::Duration;

pub use self::repeat::Repeat;
pub use self::topic::{Begin, TopicFeed, TopicOptions};
pub use self::watch::{Watch, WatchOptions};
use crate::diagnostic::Fault;
use crate::source::EventRecord;
use crate::store::Position;

/// Where batches come from.
pub trait Feed {
    /// Waits for the next batch.
    ///
    /// # Errors
    /// The source cannot be read.
    fn next(&mut self, pace: &dyn Pace) -> Result<Next, Fault>;

    /// Hears that the last batch is done with: published, or set aside.
    ///
    /// # Errors
    /// It cannot be remembered.
    fn settled(&mut self, arrival: &Arrival) -> Result<(), Fault>;

    /// Goes on behind the last batch without a trace of it: a dry run leaves everything as it is.
    fn pass_over(&mut self, arrival: &Arrival);

    /// Begins anew from where the table is, as `positions` says: others have published what the last batch holds, or the source
    /// has grown.
    ///
    /// # Errors
    /// The source cannot be read.
    fn moved_on(&mut self, positions: &mut Positions<'_>) -> Result<(), Fault>;

    /// Where the source begins, as far as the table must remember that before anything is read.
    fn begins(&self) -> Vec<Position> {
        Vec::new()
    }

    /// Whether the last batch comes again by itself, since its source changed while it was read.
    fn comes_again(&mut self) -> bool {
        false
    }

    /// What people should know since they were last told.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// How many events wait to be read, where that is known.
    fn lag(&self) -> Option<u64> {
        None
    }
}

/// What a feed has next.
#[derive(Debug, Clone)]
pub enum Next {
    Batch(Arrival),
    /// The source has grown by parts of which only the table knows where they begin: [`Feed::moved_on`] comes first.
    Grown,
    /// No other will come, or someone asked to stop.
    End,
}

/// Says where the table is with some applications.
pub type Positions<'a> = dyn FnMut(&[String]) -> Result<Vec<Option<i64>>, Fault> + 'a;

/// A batch that is to be judged.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What people are told of it.
    pub name: String,
    /// Its id, where that does not follow from its content.
    pub id: Option<String>,
    pub data: Data,
    /// What it moves on, where the table remembers that.
    pub positions: Vec<Position>,
}

/// What a batch is read from.
#[derive(Debug, Clone)]
pub enum Data {
    /// Files and the like, by name.
    Named(Vec<String>),
    /// Events of the topic that is named first.
    Events(String, Vec<EventRecord>),
}

/// Time, as whoever runs the feed has it.
pub trait Pace {
    /// Time since the run began.
    fn elapsed(&self) -> Duration;

    /// Waits; gives whether the run shall go on.
    fn wait(&self, time: Duration) -> bool;

    /// Whether the run shall go on.
    fn goes_on(&self) -> bool;
}
