//! Text that is not YAML: what the parser says of it, in plain words and with what to write instead.

use super::position::Position;
use crate::diagnostic::{Code, Fault};

/// The fault at `at` of `text`, of which the parser says `info`.
pub(super) fn fault(info: &str, text: &str, at: Position, file: &str) -> Fault {
    let near = Near::new(text, at);
    let (what, hint) = near.explained(info);
    Fault::new(Code::InvalidYaml, what).at(near.at(info).in_file(file)).hint(hint)
}

/// Where a backslash stands that begins no escape in double quotes: the byte of `text` at which it may be doubled.
pub(super) fn unknown_escape(info: &str, text: &str, at: Position) -> Option<usize> {
    if !info.contains("unknown escape") {
        return None;
    }
    let line_start: usize = text.split_inclusive('\n').take(at.line as usize - 1).map(str::len).sum();
    let column = (at.column as usize).saturating_sub(1);
    let rest = &text[line_start..];
    let from = rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte);
    // The parser points at the quote that opens, or at the backslash.
    let line = rest.split('\n').next().unwrap_or_default();
    let mut characters = line.get(from.min(line.len())..)?.char_indices();
    while let Some((byte, character)) = characters.next() {
        if character == '\\' {
            match characters.next() {
                Some((_, known)) if "0abt\tnvfre \"/\\N_LPxuU".contains(known) => {}
                _ => return Some(line_start + from + byte),
            }
        }
    }
    None
}

/// The surroundings of a mistake.
struct Near<'a> {
    text: &'a str,
    /// The line without its end.
    line: &'a str,
    /// The line in which no comment or blank stands alone, before it.
    above: &'a str,
    position: Position,
}

impl<'a> Near<'a> {
    fn new(text: &'a str, position: Position) -> Self {
        let number = position.line as usize;
        let mut lines = text.lines();
        let above = lines.by_ref().take(number.saturating_sub(1)).filter(|l| !l.trim().is_empty() && !l.trim().starts_with('#')).last();
        Self { text, line: lines.next().unwrap_or_default(), above: above.unwrap_or_default(), position }
    }

    /// What stands before and behind the place on its line.
    fn sides(&self) -> (&'a str, &'a str) {
        let column = (self.position.column as usize).saturating_sub(1);
        self.line.split_at(self.line.char_indices().nth(column).map_or(self.line.len(), |(byte, _)| byte))
    }

    /// The place, or where the mistake is rather than where the parser noticed it.
    fn at(&self, info: &str) -> Position {
        let open =
            self.opened().filter(|open| info.contains("while parsing a flow") && open.line < self.position.line && self.begins_line());
        open.map_or(self.position, |open| Position { end_line: open.line, end_column: open.column + 1, ..open })
    }

    fn begins_line(&self) -> bool {
        self.sides().0.trim_matches([' ', '-', '\t']).is_empty() || self.sides().0.trim_start().starts_with("- ")
    }

    fn explained(&self, info: &str) -> (String, String) {
        let (before, after) = self.sides();
        let indent = self.line.len() - self.line.trim_start().len();
        if info.contains("tab") || self.line[..indent].contains('\t') {
            return ("a tab stands in the indentation, where YAML allows blanks only".into(), "replace each tab by two blanks".into());
        }
        if self.line.contains("{{") || self.line.contains("{%") {
            return template(self.line);
        }
        if let Some(character) = info.strip_prefix("unexpected character: ").and_then(|c| c.chars().nth(1)) {
            let word: String = after.split([' ', ',', '}', ']']).next().unwrap_or_default().to_owned();
            let hint = if character == '`' {
                "leave the backquotes out, or write it in quotes".to_owned()
            } else {
                format!("write it in quotes: `\"{word}\"`")
            };
            return (format!("text must not begin with `{character}` unless it is in quotes"), hint);
        }
        if info.contains("anchor") {
            let word: String = after.split([' ', ',', '}', ']', '\n']).next().unwrap_or_default().to_owned();
            let word = if word.starts_with('*') {
                word
            } else {
                before.rsplit([' ', '{', '[', ',']).next().unwrap_or_default().to_owned() + &word
            };
            return (format!("`{word}` has a meaning of its own in YAML unless it is in quotes"), format!("write `\"{word}\"`"));
        }
        match info {
            _ if info.contains("unknown escape") => self.escape(),
            _ if info.contains("trailing content") => self.behind_quote(),
            _ if info.contains("quoted scalar") => self.unclosed_quote(),
            _ if info.contains("while parsing a flow") => self.in_brackets(),
            "misplaced bracket" => ("a bracket closes that was not opened".into(), "remove it, or open it".into()),
            "mapping values are not allowed in this context" => self.second_colon(),
            "simple key expect ':'" => ("a `:` is missing behind a key".into(), format!("write `{}:`", self.above.trim())),
            _ if info.contains("block mapping") || info.contains("invalid indentation") || info.contains("block sequence") => {
                self.indentation()
            }
            other => {
                (format!("not YAML: {other}"), "see the line and the one above it: indentation, quotes, and a blank behind each `:`".into())
            }
        }
    }

    fn escape(&self) -> (String, String) {
        let from = self.line.find('"').unwrap_or_default();
        let quoted = self.line[from..].split('"').nth(1).unwrap_or_default();
        let hint = match quoted.is_empty() || quoted.contains('\'') {
            true => "write patterns in single quotes, where a backslash is one: `'^\\d+$'`".to_owned(),
            false => format!("write patterns in single quotes, where a backslash is one: `'{quoted}'`"),
        };
        ("a backslash in double quotes begins an escape, and this is none".into(), hint)
    }

    fn behind_quote(&self) -> (String, String) {
        // The value begins behind the last `key: `, and ends where its mapping does.
        let (before, after) = self.sides();
        let from = before.rfind(": ").map_or(0, |colon| colon + 2);
        let key = before[..from].trim_end_matches(": ").rsplit([' ', '{']).next().unwrap_or_default();
        let value = format!("{}{after}", &before[from..]);
        let value = value.trim_end().trim_end_matches([' ', '}']);
        let quoted = match (value.contains('"'), value.contains('\'')) {
            (false, _) => format!("\"{value}\""),
            (true, false) => format!("'{value}'"),
            (true, true) => format!("'{}'", value.replace('\'', "''")),
        };
        ("a quote closes before the text does".into(), format!("put the whole text in quotes: `{key}: {quoted}`"))
    }

    fn unclosed_quote(&self) -> (String, String) {
        let quote = self.sides().1.chars().next().filter(|c| matches!(c, '"' | '\'')).unwrap_or('"');
        let hint = format!("write a `{quote}` at the end of the text; within single quotes, a `'` is written twice");
        (format!("the quote that opens here (`{quote}`) is not closed"), hint)
    }

    /// Within `{ … }` or `[ … ]`.
    fn in_brackets(&self) -> (String, String) {
        let Some(open) = self.opened() else { return ("a bracket is not closed".into(), "close it".into()) };
        let bracket = self.text.lines().nth(open.line as usize - 1).and_then(|l| l.chars().nth(open.column as usize - 1)).unwrap_or('{');
        let close = if bracket == '[' { ']' } else { '}' };
        if open.line < self.position.line && self.begins_line() {
            return (format!("the `{bracket}` that opens here is not closed"), format!("write a `{close}` at its end"));
        }
        let what = format!("within `{bracket} {close}` a `,` or a `{close}` is missing");
        let before = self.sides().0.trim_end();
        let hint = match before.chars().last() {
            Some(']' | '}' | '"' | '\'') => "put a comma between entries; text that begins with a bracket or a quote and goes on must be in quotes as a whole, such as `'[a-z]+'`".to_owned(),
            _ => format!("put a comma between entries, text that holds one of `: , [ ] {{ }} #` in quotes, and close with `{close}`"),
        };
        (what, hint)
    }

    fn second_colon(&self) -> (String, String) {
        let body = self.line.trim_start();
        if let Some((rule, rest)) = body.strip_prefix("- ").and_then(|item| item.split_once(": ")) {
            return (
                format!("a second `:` stands on the line of `{rule}`"),
                format!("write `- {rule}: {{ {} }}`, or its keys on lines of their own, indented", rest.trim()),
            );
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        if indent(self.line) > indent(self.above) && self.above.contains(": ") {
            return (
                "the line is indented deeper than the one above, which has a value already".into(),
                "begin both in the same column".into(),
            );
        }
        let (key, value) = body.split_once(": ").unwrap_or(("key", body));
        ("text that holds `: ` must be in quotes".into(), format!("write `{key}: \"{}\"`", value.trim()))
    }

    fn indentation(&self) -> (String, String) {
        let (before, after) = self.sides();
        match before.trim_end().chars().last() {
            Some(']' | '}' | '"' | '\'') if !after.trim().is_empty() => {
                let value = before.split_once(": ").map_or(before, |(_, value)| value).trim();
                let hint = format!("put the whole value in quotes: `'{value}{}'`", after.trim());
                ("text that begins with a bracket or a quote goes on behind it".into(), hint)
            }
            _ => {
                let what = "the line is indented otherwise than the lines it belongs to";
                (what.into(), "begin the keys of one mapping, and the `- ` of one list, in the same column".into())
            }
        }
    }

    /// The bracket that is open at the place.
    fn opened(&self) -> Option<Position> {
        let mut open: Vec<(Position, char)> = Vec::new();
        let mut quote = None;
        for (number, line) in self.text.lines().enumerate().take(self.position.line as usize) {
            let mut previous = ' ';
            for (column, character) in line.chars().enumerate() {
                let at = Position { line: number as u32 + 1, column: column as u32 + 1, end_line: 0, end_column: 0, ..Position::default() };
                if (at.line, at.column) >= (self.position.line, self.position.column) {
                    break;
                }
                match (quote, character) {
                    (Some(opened), c) => quote = Some(opened).filter(|_| c != opened || previous == '\\'),
                    (None, '#') if previous == ' ' => break,
                    (None, '"' | '\'') if matches!(previous, ' ' | '[' | '{' | ',' | ':') => quote = Some(character),
                    (None, '{' | '[') => open.push((at, character)),
                    (None, '}' | ']') => _ = open.pop(),
                    (None, _) => {}
                }
                previous = character;
            }
        }
        open.pop().map(|(at, _)| at)
    }
}

/// Placeholders of templates, which nobody fills in.
pub(super) fn template(line: &str) -> (String, String) {
    let from = line.find("{{").or_else(|| line.find("{%")).unwrap_or_default();
    let shown = line[from..].find("}}").or_else(|| line[from..].find("%}")).map_or(&line[from..], |end| &line[from..from + end + 2]);
    (
        format!("`{shown}` is a placeholder of a template, and templates are not filled in"),
        "write the value itself, or let a tool such as `envsubst` or `jinja2` write the rule file".into(),
    )
}
