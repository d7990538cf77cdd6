//! Lines that fit the terminal.

use comfy_table::Table;

use super::Style;

/// The narrowest and the widest terminal that lines are broken for.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=200;

/// Beside an indent, so much of a line is text at least.
const TEXT_MIN: usize = 16;

/// Text that grows line by line.
pub(super) struct Page {
    out: String,
    pub(super) style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { out: String::new(), style }
    }

    /// Columns of a line.
    pub(super) fn width(&self) -> usize {
        usize::from(self.style.width).clamp(*WIDTHS.start(), *WIDTHS.end())
    }

    /// A line as it is, be it longer than the terminal is wide: a path or a command that somebody may copy.
    pub(super) fn line(&mut self, text: &str) {
        self.out += text.trim_end();
        self.out.push('\n');
    }

    /// An empty line, unless there is one already or nothing stands before it.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Text broken into lines behind `lead`, which is `indent` columns wide; what follows the first line begins at that column.
    pub(super) fn hang(&mut self, lead: &str, indent: usize, text: &str) {
        let room = self.width().saturating_sub(indent).max(TEXT_MIN);
        let mut lead = lead.to_owned();
        for part in broken(text, room) {
            self.line(&format!("{lead}{part}"));
            lead = " ".repeat(indent);
        }
    }

    /// The text, without empty lines at its end.
    pub(super) fn end(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }
}

/// Columns of a terminal that the text takes: none for a character that combines with the one before it, two for a wide one.
/// Tables measure it, so that they and lines agree.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut table = Table::new();
    table.add_row([text]);
    table.column_max_content_widths().first().map_or(0, |width| usize::from(*width))
}

/// Spaces that fill the text up to so many columns.
pub(super) fn filled(text: &str, columns: usize) -> String {
    " ".repeat(columns.saturating_sub(width(text)))
}

/// The text in lines of at most `room` columns, broken between words. A word that is longer is broken where the line ends.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for (at, word) in text.split(' ').enumerate() {
        let (line, wide) = (lines.last_mut().expect("there is a line"), width(word));
        let space = usize::from(at > 0 && !(line.is_empty() && lines.len() > 1));
        if taken + space + wide <= room {
            let line = lines.last_mut().expect("there is a line");
            line.extend(std::iter::repeat_n(' ', space));
            *line += word;
            taken += space + wide;
            continue;
        }
        if taken > 0 {
            lines.push(String::new());
            taken = 0;
        }
        for piece in pieces(word) {
            let wide = width(piece);
            if taken + wide > room && taken > 0 {
                lines.push(String::new());
                taken = 0;
            }
            *lines.last_mut().expect("there is a line") += piece;
            taken += wide;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Characters, each with those that combine with it.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        // By itself, what combines is shown too.
        let combines = |c: char| !c.is_ascii() && width(&format!("e{c}")) == 1;
        let end = rest.char_indices().skip(1).find(|(_, c)| !combines(*c)).map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Widths by the East Asian Width property (UAX 11) and `wcwidth`.
    #[test]
    fn wide_and_combining_characters_take_the_columns_that_they_take() {
        for (text, columns) in [("abc", 3), ("東京", 4), ("e\u{301}te\u{301}", 3), ("🙂", 2), ("Ünï", 3), ("∅", 1), ("ｱ", 1), ("", 0)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn text_is_broken_between_words_and_characters_stay_whole() {
        assert_eq!(broken("one two  three", 8), ["one two", "three"]);
        assert_eq!(broken("a  b", 8), ["a  b"]);
        assert_eq!(broken("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(broken("価格は高い", 5), ["価格", "は高", "い"]);
        // e with an acute accent, six times.
        assert_eq!(broken(&"e\u{301}".repeat(6), 4), ["e\u{301}".repeat(4), "e\u{301}".repeat(2)]);
        assert_eq!(broken("", 4), [""]);
    }
}
