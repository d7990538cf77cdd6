//! What other data answer to the questions of a rule that compares.
//!
//! A rule asks the same question of other data that it asks of the batch. Other data are folded by the same states, or
//! answer from a summary that was kept of them.

use std::any::Any;
use std::sync::Arc;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is nothing yet to compare with; there will be.
    WarmingUp(String),
    /// What there is does not answer this.
    NoData(String),
}

/// What of whatever type.
pub(crate) type Out = Arc<dyn Any + Send + Sync>;

/// What came of one question.
#[derive(Clone)]
pub struct BesideAnswer {
    /// Of all other data together.
    pub(crate) merged: Result<Out, Why>,
    /// Of each run or batch by itself, the oldest first; none where it does not answer.
    pub(crate) each: Vec<(String, Option<Out>)>,
    /// Where only a part of the other data answers: how much.
    pub(crate) partial: Option<String>,
    /// How many batches they came in together.
    pub(crate) batches: u64,
}

/// An answer as a check sees it.
#[derive(Debug)]
pub enum Answer<'a, O> {
    There(&'a O),
    NotThere(Why),
}

/// What each run or batch answered, by its name.
pub type Each<'a, O> = Vec<(&'a str, Option<&'a O>)>;
