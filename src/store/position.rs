//! How far a source that keeps coming has been published: the store remembers it in the commit that brings the rows.

use crate::diagnostic::{Code, Fault};

/// A step of a source that keeps coming, such as one partition of a topic: a batch holds what lies between two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What is read: a name without blanks, the same in every run.
    pub application: String,
    /// Where the batch begins: what the store must remember when it is committed; none if it remembers nothing yet.
    pub from: Option<i64>,
    /// Where the next batch begins: what the store remembers afterwards.
    pub to: i64,
}

impl Position {
    /// As the metadata of a file holds them.
    pub(super) fn written(all: &[Self]) -> String {
        let one = |position: &Self| {
            let from = position.from.map(|from| from.to_string()).unwrap_or_default();
            format!("{} {from}..{}", position.application, position.to)
        };
        all.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn read(text: &str) -> Option<Vec<Self>> {
        let one = |line: &str| {
            let (application, steps) = line.rsplit_once(' ')?;
            let (from, to) = steps.split_once("..")?;
            let from = if from.is_empty() { None } else { Some(from.parse().ok()?) };
            Some(Self { application: application.to_owned(), from, to: to.parse().ok()? })
        };
        text.lines().map(one).collect()
    }
}

/// Others have published what a batch holds, or part of it: it must be cut anew.
pub fn moved_on(place: &dyn std::fmt::Display, position: &Position, now: Option<i64>) -> Fault {
    let at = |place: Option<i64>| place.map_or_else(|| "the beginning".to_owned(), |place| place.to_string());
    let what = format!("{place}: `{}` has moved on meanwhile: from {} to {}", position.application, at(position.from), at(now));
    Fault::new(Code::MovedOn, what).hint("nothing was published; another gate published these events")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_as_they_were_written() {
        let one = |application: &str, from, to| Position { application: application.to_owned(), from, to };
        let all = vec![one("t/0", None, 5), one("t/1", Some(-3), i64::MAX)];
        assert_eq!(Position::written(&all), "t/0 ..5\nt/1 -3..9223372036854775807");
        assert_eq!(Position::read(&Position::written(&all)), Some(all));
        assert_eq!(Position::read(""), Some(Vec::new()));
        assert_eq!(Position::read("t/0"), None);
        assert_eq!(Position::read("t/0 5"), None);
    }
}
