use proptest::prelude::*;

use super::*;

/// Dialects that between them have everything: delimiters of one and more characters, escapes, comments.
fn dialects() -> Vec<Rich> {
    let text = |text: &str| Delimiter::Text(text.into());
    vec![
        Rich::of(&text(","), Some(b'"'), Some(b'\\'), None),
        Rich::of(&text("||"), Some(b'"'), None, Some("#")),
        Rich::of(&text("::"), Some(b'\''), Some(b'\\'), Some("//")),
        Rich::of(&Delimiter::Blanks, Some(b'"'), Some(b'\\'), Some("#")),
        Rich::of(&text("§"), None, Some(b'^'), None),
        Rich::of(&text(", "), Some(b'"'), None, None),
    ]
}

/// Records as lists of fields; malformed ones as their raw text in angle brackets, comments in parentheses.
fn framed(rich: &Rich, text: &str, fields: Option<usize>) -> Vec<Vec<String>> {
    let bytes = text.as_bytes();
    let (mut at, mut framer, mut out) = (0, RichFramer::new(rich, bytes, fields, true), Vec::new());
    while at < bytes.len() {
        match framer.frame(at) {
            Framed::Record { next, .. } => {
                let cell = |c: &Cell| {
                    let is_quoted = c.start > 0 && Some(bytes[c.start as usize - 1]) == rich.quote;
                    rich.unescaped(&text[c.start as usize..c.end as usize], is_quoted)
                };
                out.push(framer.cells.iter().map(cell).collect());
                at = next;
            }
            Framed::Blank { next } => at = next,
            Framed::Comment { next } => {
                out.push(vec![format!("({})", text[at..next].trim_end())]);
                at = next;
            }
            Framed::Bad { end, next, .. } => {
                out.push(vec![format!("<{}>", &text[at..end])]);
                at = next;
            }
            Framed::Incomplete => unreachable!("the text is at its end"),
        }
    }
    out
}

#[test]
fn escapes_take_the_meaning_of_what_follows() {
    let rich = &dialects()[0];
    assert_eq!(framed(rich, "a\\,b,c\n", None), [["a,b", "c"]]);
    assert_eq!(framed(rich, "\"say \\\"hi\\\"\",\"a\"\"b\"\n", None), [["say \"hi\"", "a\"b"]]);
    assert_eq!(framed(rich, "C:\\new,\\N\n", None), [["C:\\new", "\\N"]]);
    assert_eq!(framed(rich, "a\\\\,b\n", None), [["a\\", "b"]]);
    assert_eq!(framed(rich, "a\\\nb,c\r\nd\\\r\ne,f\r\n", None), [["a\nb", "c"], ["d\r\ne", "f"]]);
    assert_eq!(framed(rich, "\\\"a,b\\", None), [["\"a", "b\\"]]);
    assert_eq!(framed(rich, "\"a\\\nb\",c\n", Some(2)), [["a\nb", "c"]]);
}

#[test]
fn long_delimiters_blanks_and_comments() {
    let all = dialects();
    assert_eq!(framed(&all[1], "a||b|c||\"d||e\"\n#x||\"\n||#\n", None), [vec!["a", "b|c", "d||e"], vec!["(#x||\")"], vec!["", "#"]]);
    assert_eq!(framed(&all[2], "a::b\n//c\n/d::'//'\n", None), [vec!["a", "b"], vec!["(//c)"], vec!["/d", "//"]]);
    assert_eq!(
        framed(&all[3], "  a \t b\\ c  \"d e\" \r\n \n#\nx y z\n", None),
        [vec!["a", "b c", "d e"], vec!["(#)"], vec!["x", "y", "z"]]
    );
    assert_eq!(framed(&all[4], "a§b^§c§£^£\n", None), [["a", "b§c", "£^£"]]);
    assert_eq!(framed(&all[5], "a, b,c, \"d, e\"\n", None), [["a", "b,c", "d, e"]]);
}

#[test]
fn malformed_records_cost_what_they_cost_elsewhere() {
    let all = dialects();
    assert_eq!(framed(&all[1], "1||\"abc||3\n2||\"def\"||4\n", Some(3)), [vec!["<1||\"abc||3>"], vec!["2", "def", "4"]]);
    assert_eq!(framed(&all[1], "1||\"a\"|b\n3||4\n", Some(2)), [vec!["<1||\"a\"|b>"], vec!["3", "4"]]);
    assert_eq!(framed(&all[0], "1,\"a\\\"\n2,3\n", Some(2)), [vec!["<1,\"a\\\">"], vec!["2", "3"]]);
}

/// What stands at each place in turn; with `looks_ahead` as records are read, else each as if it were the first.
fn in_turn(rich: &Rich, bytes: &[u8], fields: usize, at_end: bool, looks_ahead: bool) -> Vec<(Framed, Vec<(u32, u32)>)> {
    let (mut at, mut framer, mut found) = (0, RichFramer::new(rich, bytes, Some(fields), at_end), Vec::new());
    while at < bytes.len() {
        if !looks_ahead {
            framer = RichFramer::new(rich, bytes, Some(fields), at_end);
        }
        let framed = framer.frame(at);
        let is_record = matches!(framed, Framed::Record { .. });
        found.push((framed, framer.cells.iter().filter(|_| is_record).map(|c| (c.start, c.end)).collect()));
        match framed {
            Framed::Record { next, .. } | Framed::Blank { next } | Framed::Comment { next } | Framed::Bad { next, .. } => at = next,
            Framed::Incomplete => break,
        }
    }
    found
}

/// Text in which what matters to the dialects is frequent.
fn odd_text() -> impl Strategy<Value = String> {
    let parts = ["a", "\"", "'", "\\", "^", "||", "|", "::", ":", ",", ", ", " ", "\t", "§", "\n", "\r\n", "#", "//", "\"x\n"];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn a_record_reads_alike_whatever_was_read_before(text in odd_text(), which in 0usize..6, fields in 1usize..6, at_end: bool) {
        let rich = &dialects()[which];
        let bytes = text.as_bytes();
        prop_assert_eq!(in_turn(rich, bytes, fields, at_end, true), in_turn(rich, bytes, fields, at_end, false));
    }

    /// Wherever the bytes stop, what is then known to be whole is what the whole text has there.
    #[test]
    fn a_unit_ends_where_a_record_of_the_whole_ends(text in odd_text(), which in 0usize..6, fields in 1usize..6, share in 0.0..1.0) {
        let rich = &dialects()[which];
        let bytes = text.as_bytes();
        let cut = &bytes[..(bytes.len() as f64 * share) as usize];
        let end = rich.last_record_end(cut, fields, false);
        let mut ends = vec![0];
        let whole = in_turn(rich, bytes, fields, true, true);
        for (framed, _) in &whole {
            match framed {
                Framed::Record { next, .. } | Framed::Blank { next } | Framed::Comment { next } | Framed::Bad { next, .. } => ends.push(*next),
                Framed::Incomplete => unreachable!("the text is at its end"),
            }
        }
        prop_assert!(ends.contains(&end), "{} is none of {:?}", end, ends);
    }

    /// Any table, written in any of the dialects, is read back equal.
    #[test]
    fn what_was_written_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a1 ,|:\\^\"'§#/\\\\\n\t]{0,6}", 3), 1..6),
        which in 0usize..6,
    ) {
        let rich = &dialects()[which];
        let delimiter = if rich.has_blanks() { "  ".to_owned() } else { String::from_utf8_lossy(&rich.delimiter).into_owned() };
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<String> = row.iter().map(|cell| written(rich, cell)).collect();
            text.push_str(&cells.join(&delimiter));
            text.push('\n');
        }
        prop_assert_eq!(framed(rich, &text, Some(3)), rows);
    }
}

/// A cell as a careful writer of the dialect writes it: in quotes where there are some, everything special escaped or doubled.
fn written(rich: &Rich, cell: &str) -> String {
    let mut out = String::new();
    for c in cell.chars() {
        let byte = u8::try_from(c).ok();
        let is_special = rich.specials.iter().any(|special| special.as_slice() == c.to_string().as_bytes());
        match (rich.escape, rich.quote) {
            (Some(escape), _) if is_special => out.push(char::from(escape)),
            (None, Some(quote)) if byte == Some(quote) => out.push(c),
            _ => {}
        }
        out.push(c);
    }
    match rich.quote.map(char::from) {
        Some(quote) => format!("{quote}{out}{quote}"),
        None => out,
    }
}

/// A record of very many columns of which every line opens a quote that the next one closes.
#[test]
fn quotes_that_close_on_the_next_line_are_read_once() {
    let lines = 100_000;
    let text = "x\"||\"y\n".repeat(lines);
    let begun = std::time::Instant::now();
    let found = in_turn(&dialects()[1], text.as_bytes(), 2 * lines, true, true);
    assert_eq!(found.len(), lines);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
