//! Whether text is written in colours.
//!
//! What comes first decides: `NO_COLOR`; `FORCE_COLOR` and `CLICOLOR_FORCE`; whether the text goes to a terminal; `TERM=dumb`
//! and `CLICOLOR=0`. A variable that is empty counts as one that is not set. docs/ci.md says the same.

use clap::ColorChoice;

/// What the environment asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Always,
    Never,
    /// Where a terminal shows them.
    OnTerminals,
}

fn asked(variable: impl Fn(&str) -> Option<String>) -> Asked {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_on = |name: &str| value(name).map(|value| value != "0" && value != "false");
    match (value("NO_COLOR").is_some(), is_on("FORCE_COLOR"), is_on("CLICOLOR_FORCE")) {
        (true, _, _) => Asked::Never,
        (false, Some(true), _) | (false, None | Some(false), Some(true)) => Asked::Always,
        // `FORCE_COLOR=0` asks for none; `CLICOLOR_FORCE=0` only does not ask.
        (false, Some(false), None | Some(false)) => Asked::Never,
        (false, None, None | Some(false)) if value("TERM").is_some_and(|term| term == "dumb") => Asked::Never,
        (false, None, None | Some(false)) if is_on("CLICOLOR") == Some(false) => Asked::Never,
        (false, None, None | Some(false)) => Asked::OnTerminals,
    }
}

fn of_environment() -> Asked {
    asked(|name| std::env::var(name).ok())
}

/// Whether to write colours to a stream that is a terminal, or none.
pub(super) fn is_wanted(is_terminal: bool) -> bool {
    match of_environment() {
        Asked::Always => true,
        Asked::Never => false,
        Asked::OnTerminals => is_terminal,
    }
}

/// The same for help and for what is wrong with the command line.
pub(super) fn choice() -> ColorChoice {
    match of_environment() {
        Asked::Always => ColorChoice::Always,
        Asked::Never => ColorChoice::Never,
        Asked::OnTerminals => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_decides() {
        let cases: [(&[(&str, &str)], Asked); 14] = [
            (&[], Asked::OnTerminals),
            (&[("NO_COLOR", "")], Asked::OnTerminals),
            (&[("NO_COLOR", "1")], Asked::Never),
            (&[("NO_COLOR", "0")], Asked::Never),
            (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Asked::Never),
            (&[("FORCE_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")], Asked::Always),
            (&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], Asked::Always),
            (&[("FORCE_COLOR", "0")], Asked::Never),
            (&[("FORCE_COLOR", "false"), ("CLICOLOR_FORCE", "1")], Asked::Always),
            (&[("CLICOLOR_FORCE", "0")], Asked::OnTerminals),
            (&[("TERM", "dumb")], Asked::Never),
            (&[("TERM", "xterm-256color"), ("CLICOLOR", "1")], Asked::OnTerminals),
            (&[("CLICOLOR", "0")], Asked::Never),
            (&[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], Asked::Always),
        ];
        for (variables, expected) in cases {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(asked(variable), expected, "{variables:?}");
        }
    }
}
