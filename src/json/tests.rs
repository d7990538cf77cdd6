//! The reader against another parser's.

use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;

/// The value of the tokens at `at`, as another parser would give it.
fn value(text: &[u8], tokens: &[Token], at: usize) -> Json {
    let token = &tokens[at];
    let raw = || std::str::from_utf8(&text[token.start as usize..token.end as usize]).expect("UTF-8");
    match token.kind {
        TokenKind::Null => Json::Null,
        TokenKind::False => false.into(),
        TokenKind::True => true.into(),
        TokenKind::Integer | TokenKind::Float => serde_json::from_str(raw()).expect("a number"),
        TokenKind::String | TokenKind::Key => text_of(text, token).into_owned().into(),
        TokenKind::Array => {
            let (mut at, mut items) = (at + 1, Vec::new());
            while at < token.next as usize {
                items.push(value(text, tokens, at));
                at = tokens[at].next as usize;
            }
            items.into()
        }
        TokenKind::Object => {
            let (mut at, mut fields) = (at + 1, serde_json::Map::new());
            while at < token.next as usize {
                fields.insert(text_of(text, &tokens[at]).into_owned(), value(text, tokens, at + 1));
                at = tokens[at + 1].next as usize;
            }
            fields.into()
        }
    }
}

fn agrees(text: &str) {
    let mut tape = Tape::default();
    let ours = tape.read(text.as_bytes(), 0).ok().filter(|&end| skip_space(text.as_bytes(), end) == text.len());
    let theirs: Option<Json> = serde_json::from_str(text).ok();
    // Another parser has no numbers beyond the range of floats.
    if theirs.is_none() && ours.is_some() && text.contains(['e', 'E']) {
        return;
    }
    assert_eq!(ours.map(|_| value(text.as_bytes(), &tape.tokens, 0)), theirs, "{text}");
    if theirs.is_some() && text.trim_start().starts_with(['{', '[', '"']) {
        let start = skip_space(text.as_bytes(), 0);
        assert_eq!(structural_end(text.as_bytes(), start).map(|end| skip_space(text.as_bytes(), end)), Some(text.len()), "{text}");
    }
}

fn json() -> impl Strategy<Value = Json> {
    let text = prop_oneof![".{0,20}", "[\"\\\\/\u{8}\u{c}\n\r\t\u{0}-\u{1f}é😀a]{0,12}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e9f64..1e9).prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((text.clone(), inner), 0..5).prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_as_another_parser_reads_them(json in json(), pretty in any::<bool>()) {
        agrees(&if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.expect("JSON"));
    }

    #[test]
    fn broken_text_is_refused_where_another_parser_refuses_it(json in json(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:,\"\\\\0-9eE.+\\-a-z \u{1}]{0,2}") {
        let mut text = serde_json::to_string(&json).expect("JSON");
        let at = at.index(text.len() + 1);
        if text.is_char_boundary(at) {
            let end = (at + 1..=text.len()).find(|&e| text.is_char_boundary(e)).unwrap_or(at);
            text.replace_range(at..end, &with);
            agrees(&text);
        }
    }
}

#[test]
fn the_grammar_is_kept_to_the_letter() {
    for text in [
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "NaN",
        "Infinity",
        "'a'",
        "{a:1}",
        "[1,]",
        "{\"a\":1,}",
        "[,]",
        "\"\t\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":}",
        "nul",
        "tru",
        "",
        " ",
        "[",
        "\"",
        "{\"a\":1",
        "\"\\u12\"",
        "{1:2}",
        "]",
        "}",
    ] {
        assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
        agrees(text);
    }
    for text in ["-0", "0.0e+0", "\"\\ud83d\\ude00\"", "{\"a\":{\"b\":[{}, [], 1]}}", " [ 1 , 2 ] ", "\"\\u00e9\\/\"", "\"\u{7f}\""] {
        agrees(text);
    }
    let deep = "[".repeat(129) + &"]".repeat(129);
    assert_eq!(Tape::default().read(deep.as_bytes(), 0), Err(Broken { at: 33, why: "nested more than 32 levels deep" }));
}
