//! A mutation test of a rule file: good data is spoilt on purpose, one class of error in one column at a time, and judged by
//! the rules. What no rule notices would also pass if it came by accident.
//!
//! - [`Sample`] holds the first rows of the data; text stays text, so that what is spoilt is read again as the file would be.
//! - [`Class`] lists the errors, and makes them in a few rows.
//! - [`trial`] judges each spoilt sample by itself. Two errors are never judged together: a rule over two columns, a limit on
//!   the rows set aside or a statistic would answer for both.
//! - `hints` looks for a rule that would notice what was missed, and gives only rules that were tried.
//!
//! Everything follows from the data, the rules and the seed, whatever the threads.

mod cells;
mod class;
mod hints;
mod judged;
mod model;
mod random;
mod sample;
mod trial;

pub use class::Class;
pub use model::{Case, Catch, CaughtAs, Clean, Hint, Outcome, Trial};
pub use sample::{Sample, SampleLimits, holds_text};
pub use trial::{Judging, Means, Settings, trial};
