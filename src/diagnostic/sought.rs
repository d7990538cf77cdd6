//! How much is spent on looking for names that unknown ones may be slips of.

use std::cell::Cell;

/// So many known names are held against unknown ones at most: of thousands of unknown names among thousands, the first are told
/// what they are near to, and the others what is known.
const COMPARED_MAX: usize = 1_000_000;

/// How many names were held against unknown ones so far.
#[derive(Debug, Default)]
pub struct Sought(Cell<usize>);

impl Sought {
    /// Whether one more name may be held against so many known ones.
    pub fn admits(&self, known: usize) -> bool {
        let spent = self.0.get();
        self.0.set(spent.saturating_add(known));
        spent < COMPARED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Fault};

    #[test]
    fn the_first_of_many_unknown_names_are_told_what_they_are_near_to() {
        let known: Vec<String> = (0..2_000).map(|n| format!("c{n}")).collect();
        let sought = Sought::default();
        let hint = |name: &str| {
            let fault = Fault::new(Code::UnknownColumn, "unknown");
            fault.hint_nearest_within(&sought, name, known.iter().map(String::as_str)).hint.unwrap_or_default()
        };
        assert_eq!(hint("c77x"), "did you mean `c77`?");
        assert!(sought.admits(COMPARED_MAX));
        let listed = "known: `c0`, `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7`, `c8`, `c9`, `c10`, `c11` and 1988 more";
        assert_eq!(hint("c77x"), listed);
        assert_eq!(
            Fault::new(Code::UnknownColumn, "unknown").hint_nearest("zebra", known.iter().map(String::as_str)).hint.as_deref(),
            Some(listed)
        );
    }
}
