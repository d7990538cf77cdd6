//! Text that Markdown shows as it is: no markup, link, mention or reference is made of it.

use std::fmt::Write;

use crate::visible;

/// At most so many characters of the text, as inline code. Within `<code>`, code hosts look for no names, numbers of issues or
/// digests of commits; what Markdown would take for its own is a character reference, which never begins anything.
pub(super) fn code(text: &str, characters_max: usize) -> String {
    let shown = visible::cut(text, characters_max);
    let mut out = String::with_capacity(shown.len() + 16);
    out.push_str("<code>");
    let mut before = ' ';
    let mut characters = shown.chars().peekable();
    while let Some(c) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        match is_plain(before, c, after) {
            true => out.push(c),
            false => write!(out, "&#{};", u32::from(c)).expect("writing to a string cannot fail"),
        }
        before = c;
    }
    out.push_str("</code>");
    out
}

/// Whether Markdown sees nothing in a character but itself.
fn is_plain(before: char, c: char, after: char) -> bool {
    let is_inside = |is: fn(&char) -> bool| is(&before) && is(&after);
    match c {
        // Blanks at the end, or several, would be lost.
        ' ' => before != ' ' && after != ' ',
        ',' | ';' | '(' | ')' | '%' | '+' | '-' | '?' | '/' => true,
        '=' => before != '=' && after != '=',
        // Within a word it is no emphasis.
        '_' => is_inside(char::is_ascii_alphanumeric),
        // Within a number it is no part of an address.
        '.' => after == ' ' || is_inside(char::is_ascii_digit),
        c => !c.is_ascii_punctuation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_markdown_would_act_on() {
        for (text, shown) in [
            ("order_id", "order_id"),
            ("3 of 193 rows (1.6%) fail", "3 of 193 rows (1.6%) fail"),
            ("_x_ *b* `c`", "&#95;x&#95; &#42;b&#42; &#96;c&#96;"),
            ("a|b\\|c", "a&#124;b&#92;&#124;c"),
            ("[x](http://y)", "&#91;x&#93;(http&#58;//y)"),
            ("www.example.org @me #1 !2 ~3 $4$", "www&#46;example&#46;org &#64;me &#35;1 &#33;2 &#126;3 &#36;4&#36;"),
            ("</code><script>", "&#60;/code&#62;&#60;script&#62;"),
            ("&lt;", "&#38;lt;"),
            (" a  b ", "&#32;a&#32;&#32;b&#32;"),
            ("a\nb\u{202e}", "a&#92;nb&#92;u&#123;202e&#125;"),
        ] {
            assert_eq!(code(text, 100), format!("<code>{shown}</code>"), "{text}");
        }
        assert_eq!(code("abcdef", 3), "<code>abc…</code>");
    }
}
