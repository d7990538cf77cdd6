//! Anchored expressions as automata that are walked here.
//!
//! A general engine spends more on getting ready than a short text takes. An expression that can
//! match at the start only, and most texts fail at their first bytes, needs no getting ready: one
//! state after the other, from the same first state for every text.

use regex::Regex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input};

type Caches = Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>>;

/// An expression, ready for many texts.
#[derive(Debug)]
pub(super) struct Matcher {
    regex: Regex,
    anchored: Option<Automaton>,
}

#[derive(Debug)]
struct Automaton {
    dfa: DFA,
    caches: Caches,
}

impl Matcher {
    pub(super) fn new(regex: Regex) -> Self {
        let anchored = DFA::new(regex.as_str()).ok().filter(|dfa| dfa.get_nfa().is_always_start_anchored());
        let automaton = |dfa: DFA| {
            let of = dfa.clone();
            Automaton { dfa, caches: Pool::new(Box::new(move || of.create_cache())) }
        };
        Self { regex, anchored: anchored.map(automaton) }
    }

    /// Calls `with` with a function that tells of a text whether the expression matches anywhere in it.
    pub(super) fn run<T>(&self, with: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> T) -> T {
        let Some(automaton) = &self.anchored else { return with(&mut |text| self.regex.is_match(text)) };
        let mut cache = automaton.caches.get();
        let mut first = None;
        with(&mut |text| automaton.is_match(&mut cache, &mut first, text).unwrap_or_else(|| self.regex.is_match(text)))
    }
}

impl Automaton {
    /// Whether a match begins at the start of `text`; none where the automaton gives up. `first` remembers the first
    /// state, and how often the cache had been cleared then.
    fn is_match(&self, cache: &mut Cache, first: &mut Option<(LazyStateID, usize)>, text: &str) -> Option<bool> {
        let dfa = &self.dfa;
        let mut state = match *first {
            Some((state, cleared)) if cleared == cache.clear_count() => state,
            _ => {
                let state = dfa.start_state_forward(cache, &Input::new("").anchored(Anchored::Yes)).ok()?;
                *first = Some((state, cache.clear_count()));
                state
            }
        };
        for &byte in text.as_bytes() {
            state = dfa.next_state(cache, state, byte).ok()?;
            if state.is_tagged() {
                if state.is_match() {
                    return Some(true);
                }
                if state.is_dead() {
                    return Some(false);
                }
                if state.is_quit() {
                    return None;
                }
            }
        }
        // A match is told one step late.
        Some(dfa.next_eoi_state(cache, state).ok()?.is_match())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXPRESSIONS: [&str; 16] = [
        r"^\s*$",
        r"^[^@ ]+@[^@ ]+$",
        r"^a",
        r"^",
        r"^$",
        r"^(?s).*b$",
        r"^(?:a|ab)(?:c|bcd)*$",
        r"^é+$",
        r"^\pL{2,3}$",
        r"(?m)^a$",
        r"(?i)^AB",
        r"^a|b",
        r"^(?:a|b)$",
        r"a+b",
        r"^\bab\b",
        r"\Aab?\z",
    ];

    proptest! {
        #[test]
        fn automata_agree_with_the_general_engine(texts in prop::collection::vec("[ab@ cdé\nA\u{a0}]{0,8}", 1..40)) {
            for expression in EXPRESSIONS {
                let regex = Regex::new(expression).expect("an expression");
                let found = Matcher::new(regex.clone()).run(|is_match| texts.iter().map(|t| is_match(t)).collect::<Vec<_>>());
                let expected: Vec<bool> = texts.iter().map(|t| regex.is_match(t)).collect();
                prop_assert_eq!(found, expected, "{}", expression);
            }
        }
    }

    #[test]
    fn anchored_expressions_have_automata() {
        let has = |expression: &str| Matcher::new(Regex::new(expression).expect("an expression")).anchored.is_some();
        assert!(has(r"^\s*$") && has(r"^[^@ ]+@[^@ ]+$"));
        assert!(!has("a+b") && !has("(?m)^a$"));
    }

    #[test]
    fn a_cache_that_overflows_is_only_slower() {
        // So many states that the cache must be cleared on the way.
        let regex = Regex::new(r"^(?:a|b)*a(?:a|b){14}$").expect("an expression");
        let text = |seed: u64| {
            (0..400).map(|i| if seed.wrapping_mul(0x9e37_79b9_7f4a_7c15 + 2 * i) >> 40 & 1 == 1 { 'a' } else { 'b' }).collect::<String>()
        };
        let texts: Vec<String> = (1..200).map(text).collect();
        let found = Matcher::new(regex.clone()).run(|is_match| texts.iter().map(|t| is_match(t)).collect::<Vec<_>>());
        assert_eq!(found, texts.iter().map(|t| regex.is_match(t)).collect::<Vec<_>>());
    }
}
