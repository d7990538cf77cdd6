//! What goes wrong with brokers: what passes by itself, and what does not.

use std::io;
use std::time::Duration;

use super::wire::Garbled;
use crate::diagnostic::{Code, Fault};

/// The first pause before something is tried again; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why a broker did not do what it was asked.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It may be better soon: a broker restarts, a partition has a new leader.
    Passing(String),
    /// It stays as it is until somebody does something.
    Lasting(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Lasting(fault)
    }
}

/// How long trouble is borne. Only pauses are counted, so no clock is read.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    whole: Duration,
    left: Duration,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Self {
        Self { whole, left: whole, pause: PAUSE_MIN }
    }

    /// All is well again.
    pub(super) fn restore(&mut self) {
        (self.left, self.pause) = (self.whole, PAUSE_MIN);
    }

    /// How long to wait before the next attempt.
    ///
    /// # Errors
    /// The trouble does not pass, or patience is at its end.
    pub(super) fn bear(&mut self, trouble: Trouble) -> Result<Duration, Fault> {
        let why = match trouble {
            Trouble::Passing(why) => why,
            Trouble::Lasting(fault) => return Err(fault),
        };
        if self.left.is_zero() {
            let what = if self.whole.is_zero() { why } else { format!("{why}; tried for {:.0?}", self.whole) };
            return Err(Fault::new(Code::Unreadable, what).hint("check that the brokers run and can be reached from here"));
        }
        let pause = self.pause.min(self.left);
        self.left -= pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(pause)
    }

    /// What `attempt` gives, tried again while the trouble may pass.
    ///
    /// # Errors
    /// See [`Self::bear`].
    pub(super) fn tries<T>(mut self, mut attempt: impl FnMut() -> Result<T, Trouble>) -> Result<T, Fault> {
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(trouble) => std::thread::sleep(self.bear(trouble)?),
            }
        }
    }
}

/// A connection broke, or did not answer in time.
pub(super) fn broken(address: &str, error: &io::Error) -> Trouble {
    use io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
    Trouble::Passing(match error.kind() {
        TimedOut | WouldBlock => format!("the broker {address} does not answer"),
        UnexpectedEof => format!("the broker {address} closed the connection"),
        _ => format!("the broker {address}: {error}"),
    })
}

/// An answer that cannot be read. It does not get better by asking again.
pub(super) fn garbled(address: &str, garbled: Garbled) -> Trouble {
    let fault = Fault::new(Code::Damaged, format!("the broker {address}: its answer cannot be read: {garbled}"));
    fault.hint("is there a Kafka broker at this address?").into()
}

pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
pub(super) const UNKNOWN_TOPIC: i16 = 3;
pub(super) const OUT_OF_ORDER_SEQUENCE: i16 = 45;
pub(super) const DUPLICATE_SEQUENCE: i16 = 46;
pub(super) const UNKNOWN_PRODUCER: i16 = 59;
const INVALID_PRODUCER_EPOCH: i16 = 47;

/// Whether the broker has forgotten who sends, so that it must be asked for a new producer id.
pub(super) fn is_forgotten_producer(code: i16) -> bool {
    matches!(code, OUT_OF_ORDER_SEQUENCE | UNKNOWN_PRODUCER | INVALID_PRODUCER_EPOCH)
}

/// What a broker's error code says of `what` (a topic, a partition of it, a group).
pub(super) fn refused(code: i16, what: &str) -> Trouble {
    let lasting = |kind: Code, said: &str, hint: &str| Fault::new(kind, format!("{what}: {said}")).hint(hint).into();
    match code {
        // These follow a change of leaders, a restart, or a load that is too high.
        2 | 5..=9 | 13..=16 | 19 | 20 | 56 | 74 | 75 | 78 | 89 => Trouble::Passing(format!("{what}: {}", name(code))),
        -1 => Trouble::Passing(format!("{what}: the broker failed, its log says why")),
        UNKNOWN_TOPIC => Trouble::Lasting(unknown_topic(what)),
        10 | 18 => lasting(Code::TooLarge, "the broker takes no records as large as this", "see `max.message.bytes` of the topic"),
        17 => lasting(Code::InvalidLocation, "a topic cannot be called so", "topics are called by letters, digits, `.`, `_` and `-`"),
        29..=31 => lasting(Code::PermissionDenied, "this user may not do that", "ask whoever grants access (ACLs) on these brokers"),
        35 => lasting(Code::Unsupported, "the broker does not know this request", "brokers of Kafka 1.0 and later are supported"),
        43 | 76 => lasting(Code::Unsupported, name(code), "the broker is too old for the records of this topic"),
        _ => lasting(Code::Unreadable, &format!("{} (error {code})", name(code)), "the broker's log says more"),
    }
}

/// The same of a topic that was found before: a broker that does not know it has just begun to lead it, or ended.
pub(super) fn refused_now(code: i16, what: &str) -> Trouble {
    match code {
        UNKNOWN_TOPIC => Trouble::Passing(format!("{what}: the broker does not know it now")),
        _ => refused(code, what),
    }
}

/// The fault that the brokers have no such topic.
pub(super) fn unknown_topic(what: &str) -> Fault {
    let fault = Fault::new(Code::UnknownTopic, format!("{what}: the brokers have no such topic"));
    fault.hint("check its name; topics are not made by reading or writing them here")
}

/// What the protocol calls an error.
fn name(code: i16) -> &'static str {
    match code {
        2 => "the records were damaged on their way",
        5 => "it has no leader now",
        6 => "another broker leads it now",
        7 => "the request took too long",
        8 | 9 => "a broker or replica is away",
        13 => "the brokers lost each other",
        14 => "the coordinator is loading",
        15 | 16 => "the coordinator is elsewhere",
        19 | 20 => "there are not enough replicas",
        43 => "the topic's message format is too old",
        56 => "the broker's disk failed",
        74 | 75 => "its leader is changing",
        76 => "the compression is not known to the broker",
        78 => "offsets are not there yet",
        87 => "the broker refuses a record",
        89 => "the quota is used up",
        _ => "the broker refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_borne_until_patience_ends() {
        let mut patience = Patience::new(Duration::from_millis(250));
        let away = || Trouble::Passing("away".into());
        assert_eq!(patience.bear(away()), Ok(Duration::from_millis(100)));
        assert_eq!(patience.bear(away()), Ok(Duration::from_millis(150)));
        let fault = patience.bear(away()).expect_err("it ends");
        assert_eq!(fault.what, "away; tried for 250ms");
        patience.restore();
        assert_eq!(patience.bear(away()), Ok(Duration::from_millis(100)));
        assert!(patience.bear(refused(29, "t")).is_err_and(|fault| fault.code == Code::PermissionDenied));
    }
}
