use proptest::prelude::*;

use super::*;

const CSV: Dialect = Dialect { delimiter: b',', quote: Some(b'"') };

/// Records as lists of fields; malformed ones as their raw text in angle brackets.
fn all(text: &str) -> Vec<Vec<String>> {
    framed(text, None)
}

fn framed(text: &str, fields: Option<usize>) -> Vec<Vec<String>> {
    let bytes = text.as_bytes();
    let (mut at, mut framer, mut out) = (0, Framer::new(bytes, CSV, fields, true), Vec::new());
    while at < bytes.len() {
        match framer.frame(at) {
            Framed::Record { next, .. } => {
                out.push(framer.cells.iter().map(|c| text[c.start as usize..c.end as usize].to_owned()).collect());
                at = next;
            }
            Framed::Blank { next } | Framed::Comment { next } => at = next,
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
fn quotes_newlines_and_line_ends() {
    assert_eq!(all("a,b\r\n1,2\r\n"), [["a", "b"], ["1", "2"]]);
    assert_eq!(all("\"x,\ny\",2\n3,4"), [["x,\ny", "2"], ["3", "4"]]);
    assert_eq!(all("5\" pipe,2\n"), [["5\" pipe", "2"]]);
    assert_eq!(all("a,\n\n,b\n"), [["a", ""], ["", "b"]]);
}

#[test]
fn an_unterminated_quote_costs_one_record() {
    assert_eq!(all("1,\"abc,3\n2,\"def\",4\n"), vec![vec!["<1,\"abc,3>".to_owned()], vec!["2".into(), "def".into(), "4".into()]]);
    assert_eq!(all("1,2\n3,\"x\n4,5\n"), vec![vec!["1".to_owned(), "2".into()], vec!["<3,\"x>".into()], vec!["4".into(), "5".into()]]);
    assert_eq!(all("1,\"a\"b,2\n3,4,5\n"), vec![vec!["<1,\"a\"b,2>".to_owned()], vec!["3".into(), "4".into(), "5".into()]]);
}

#[test]
fn a_quote_closed_by_a_neighbours_costs_one_record_too() {
    let found = framed("1,\"a\n2,\",x\"\n3,z\n", Some(2));
    assert_eq!(found, [vec!["<1,\"a>".to_owned()], vec!["2".into(), ",x".into()], vec!["3".into(), "z".into()]]);
}

proptest! {
    #[test]
    fn a_look_at_the_quotes_finds_the_same_end(text in "([a,\"\r]{0,6}|\"[a,]{0,3}(\"\")?[a,\n]?\"[,\n])(\n|\r\n|,){0,8}{0,12}") {
        let text = format!("\"a\",{text}");
        let bytes = text.as_bytes();
        let sure = bytes.len().saturating_sub(2);
        let framed = last_framed_end(bytes, CSV, 3, sure);
        prop_assert_eq!(last_record_end(bytes, CSV, 3, false), framed);
    }
}

#[test]
fn a_quote_behind_text_that_a_later_field_closes_has_lost_its_delimiter() {
    let damaged = "1,$83.32\"Women's Hikers, Low\",x\n2,$9,\"Low, wide\",y\n";
    assert_eq!(framed(damaged, Some(4))[0], [format!("<{}>", damaged.lines().next().unwrap_or_default())]);
    // Where the number of fields does not fit, that is what is said.
    assert_eq!(framed(damaged, Some(3))[0].len(), 4);
    // The record is given up whole, with what it holds on other lines.
    assert_eq!(framed("1\"a,b\",\"x\ny\"\n2,3,4\n", Some(3)), [vec!["<1\"a,b\",\"x\ny\">"], vec!["2", "3", "4"]]);
    for text in ["5\" pipe,6\" pipe", "5\",6\"", "5\" pipe,\"a, b\"", "a\"b\",c", "6\",5\" pipe"] {
        assert_eq!(framed(text, None)[0].len(), 2, "{text}");
    }
}

#[test]
fn units_end_at_records() {
    let text = b"1,\"a\nb\"\n2,c\n3,\"d";
    assert_eq!(last_record_end(text, CSV, 2, false), 12);
    assert_eq!(last_record_end(b"1,2\n3,4", CSV, 2, false), 4);
    assert_eq!(last_record_end(b"1,2\n3,4", CSV, 2, true), 7);
}

/// What stands at each place in turn; with `looks_ahead` as records are read, else each as if it were the first.
fn in_turn(bytes: &[u8], fields: usize, at_end: bool, looks_ahead: bool) -> Vec<(Framed, Vec<(u32, u32)>)> {
    let (mut at, mut framer, mut found) = (0, Framer::new(bytes, CSV, Some(fields), at_end), Vec::new());
    while at < bytes.len() {
        if !looks_ahead {
            framer = Framer::new(bytes, CSV, Some(fields), at_end);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_record_reads_alike_whatever_was_read_before(
        text in prop_oneof!["[a,\"\n]{0,80}", "([ab]\",\"c\n|\"\"|,|\n|\"x\n|a\",\n|\r\n){0,30}"],
        fields in 1usize..7,
        at_end: bool,
    ) {
        let bytes = text.as_bytes();
        prop_assert_eq!(in_turn(bytes, fields, at_end, true), in_turn(bytes, fields, at_end, false));
    }
}

/// A record of 400,000 columns of which every line opens a quote that the next one closes: of all lines, each
/// would be read to the end of the text.
#[test]
fn quotes_that_close_on_the_next_line_are_read_once() {
    let lines = 200_000;
    let text = "x\",\"y\n".repeat(lines);
    for fields in [2, 100, 2 * lines] {
        let begun = std::time::Instant::now();
        let found = in_turn(text.as_bytes(), fields, true, true);
        assert_eq!(found.len(), lines);
        assert!(found.iter().all(|(framed, _)| matches!(framed, Framed::Bad { lines: 1, .. })));
        assert!(begun.elapsed().as_secs() < 20, "{fields} columns took {:?}", begun.elapsed());
    }
}
