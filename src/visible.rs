//! Text of the data, of names and of messages as it is shown: characters that a terminal, a browser or a CI system would
//! obey, or that hide or reorder what stands beside them, are written as escapes.

use std::borrow::Cow;
use std::fmt::Write;

/// Where a name or a value is shown, no more of it is.
pub(crate) const NAME_MAX: usize = 100;
/// Where a message is shown, no more of it is.
pub(crate) const MESSAGE_MAX: usize = 2_000;

/// Text on one line: line breaks and tabs are escapes too.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// At most `characters` of the text, on one line.
pub(crate) fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        None => line(text),
        Some((end, _)) => Cow::Owned(format!("{}…", line(&text[..end]))),
    }
}

/// Text of several lines, such as a page: line breaks and tabs stay.
pub(crate) fn page(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// JSON text for a terminal: what would be obeyed stands in strings only, and is written as escapes of JSON, so that it is the
/// same JSON.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| !matches!(c, '\n' | '\t') && obeyed(c);
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_obeyed(c) {
            false => out.push(c),
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write!(out, "\\u{unit:04x}").expect("a string can be written to")),
        }
    }
    Cow::Owned(out)
}

/// Text of several lines for a terminal: beside line breaks, the colours that are our own stay.
pub(crate) fn coloured<'a>(text: &'a str, colours: &[&str]) -> Cow<'a, str> {
    let own = |rest: &str| {
        colours.iter().find_map(|code| rest.strip_prefix("\x1b[")?.strip_prefix(code)?.starts_with('m').then(|| code.len() + 3))
    };
    let mut out = String::with_capacity(text.len());
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\x1b') {
        let start = at + found;
        match own(&text[start..]) {
            Some(length) => {
                out += &page(&text[from..start]);
                out += &text[start..start + length];
                at = start + length;
                from = at;
            }
            None => at = start + 1,
        }
    }
    if from == 0 {
        return page(text);
    }
    out += &page(&text[from..]);
    Cow::Owned(out)
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_obeyed = |c: char| obeyed(c) && !stays(c);
    let Some((plain, _)) = text.char_indices().find(|&(i, c)| is_obeyed(c) || is_command(&text.as_bytes()[i..])) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out += &text[..plain];
    let mut is_in_command = false;
    for (i, c) in text[plain..].char_indices() {
        match c {
            '\n' if is_obeyed(c) => out.push_str("\\n"),
            '\r' if is_obeyed(c) => out.push_str("\\r"),
            '\t' if is_obeyed(c) => out.push_str("\\t"),
            // The second character of a command is enough to make it another text.
            c if is_obeyed(c) || is_in_command => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("writing to a string cannot fail"),
            c => out.push(c),
        }
        is_in_command = is_command(&text.as_bytes()[plain + i..]);
    }
    Cow::Owned(out)
}

/// Whether a terminal or a browser would obey a character, or show nothing for it.
fn obeyed(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // What breaks lines: next line is a control character.
        '\u{2028}' | '\u{2029}' => true,
        // What changes the direction of the text around it.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // What has no width.
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' => true,
        '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        // What is blank and is no blank.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        // What is no character, and what no XML may hold.
        '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

/// What GitHub's runner takes for a command after `::`, at the start of a line or of what a table breaks into lines.
const WORKFLOW_COMMANDS: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// Whether the text begins with a command to a CI system: `::error …::` for GitHub, `##[…]` and `##vso[…]` for Azure
/// Pipelines, `##teamcity[…]`.
fn is_command(text: &[u8]) -> bool {
    match text {
        [b':', b':', rest @ ..] => {
            let begins = |word: &&str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
            WORKFLOW_COMMANDS.iter().any(begins)
        }
        [b'#', b'#', rest @ ..] => rest.iter().find(|b| !b.is_ascii_alphabetic()) == Some(&b'['),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_escaped_and_all_else_stays() {
        for text in ["", "plain `text`: 5 € Ünïcödé 日本 👍 a::int C:\\x 1##2", "عربي"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(line("a\nb\rc\td\u{1b}[2Je\u{7f}f\u{9b}g\u{85}"), "a\\nb\\rc\\td\\u{1b}[2Je\\u{7f}f\\u{9b}g\\u{85}");
        assert_eq!(line("x\u{202e}cod\u{2066}y\u{200f}\u{61c}"), "x\\u{202e}cod\\u{2066}y\\u{200f}\\u{61c}");
        assert_eq!(line("a\u{2028}b\u{200b}c\u{feff}\u{ad}\u{e0041}"), "a\\u{2028}b\\u{200b}c\\u{feff}\\u{ad}\\u{e0041}");
        assert_eq!(line("\u{3164}\u{e0101}\u{ffff}"), "\\u{3164}\\u{e0101}\\u{ffff}");
        assert_eq!(page("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn json_that_is_shown_is_the_same_json() {
        let hostile = serde_json::json!({ "a\u{202e}b": ["\u{9b}2J", "\u{e0041}", "::error::x", "\n\u{1b}", "日本"] });
        let written = format!("{hostile:#}");
        let shown = json(&written);
        assert!(
            !shown.contains(|c: char| c != '\n' && obeyed(c)) && shown.contains("\\u202e") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), hostile);
        assert!(matches!(json("{\"a\": 1}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn commands_to_ci_systems_are_no_longer_such() {
        assert_eq!(line("::error file=x::forged"), ":\\u{3a}error file=x::forged");
        assert_eq!(line("x ::ADD-MASK::y ::stop-commands::z"), "x :\\u{3a}ADD-MASK::y :\\u{3a}stop-commands::z");
        assert_eq!(line("a##[error]b ##vso[task.x]c"), "a#\\u{23}[error]b #\\u{23}vso[task.x]c");
        assert_eq!(line(":::error::"), "::\\u{3a}error::");
        assert_eq!(line("###[x]"), "##\\u{23}[x]");
    }

    #[test]
    fn long_text_is_cut_and_our_own_colours_stay() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("ab\ndef", 3), "ab\\n…");
        assert_eq!(coloured("\x1b[31mred\x1b[0m\x1b[8mhidden\x1b[0m\n", &["31", "0"]), "\x1b[31mred\x1b[0m\\u{1b}[8mhidden\x1b[0m\n");
        assert_eq!(coloured("plain\x1b[8m", &["31", "0"]), "plain\\u{1b}[8m");
    }

    /// Every place where a command may begin is looked at once.
    #[test]
    fn time_grows_with_the_text() {
        for piece in ["::", "##", "##[", "::error", "##abcdefgh", "\x1b", "\x1b[31m"] {
            let text = piece.repeat(1_000_000 / piece.len());
            let begun = std::time::Instant::now();
            let escaped = (line(&text), coloured(&text, &["31"]));
            assert!(begun.elapsed().as_secs() < 10, "{piece}: {:?}", begun.elapsed());
            assert!(escaped.0.len() >= text.len());
        }
    }
}
