//! Values that nobody thought of.

use proptest::prelude::*;

use super::*;

/// A piece of a value: what JSON is made of, and what breaks lines and readers.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\"a\"",
        b"\"b\"",
        b"1",
        b"-0.5e3",
        b"null",
        b"true",
        b"\n",
        b"\r\n",
        b"\r",
        b"\t ",
        b"\0",
        b"\"",
        b"\\",
        b"\xff",
        b"\xc3\xa9",
        b"\xef\xbb\xbf",
        b"\0\0\0\0\x01",
        b"{\"a\": 1}",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(<[u8]>::to_vec)
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let object = prop::collection::vec(piece(), 0..4).prop_map(|inner| [b"{\"a\":".to_vec(), inner.concat(), b"}".to_vec()].concat());
    let any = prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => any.prop_map(Some), 3 => object.prop_map(Some), 1 => Just(None)]
}

/// What an independent reader says of a value: whether it is one object. None where keys may stand twice, which it allows, and where
/// a number is larger than any it knows, which is JSON all the same.
fn is_object(value: &[u8]) -> Option<bool> {
    let value = if value.first() == Some(&0) && value.len() >= 5 { &value[5..] } else { value };
    let value = value.strip_prefix(b"\xef\xbb\xbf").unwrap_or(value);
    let times = |key: &[u8]| value.windows(key.len()).filter(|part| *part == key).count();
    let read = serde_json::from_slice::<serde_json::Value>(value);
    if read.as_ref().is_err_and(|e| e.to_string().starts_with("number out of range")) {
        return None;
    }
    let is_object = read.is_ok_and(|json| json.is_object());
    (!is_object || times(b"\"a\"") < 2 && times(b"\"b\"") < 2).then_some(is_object)
}

proptest! {
    #[test]
    fn every_record_is_its_row_or_malformed_with_its_own_bytes(values in prop::collection::vec(value(), 0..30), unit_bytes in 1usize..100) {
        let events: Vec<EventRecord> = (0i64..).zip(&values).map(|(i, value)| record(i, value.as_deref())).collect();
        let (_, seen) = read(open(events, &small(unit_bytes)));
        let mut is_bad = vec![false; values.len()];
        for (row, bad) in &seen.malformed {
            prop_assert!(!std::mem::replace(&mut is_bad[*row as usize], true));
            prop_assert_eq!(&bad.raw, &values[*row as usize].clone().unwrap_or_default());
        }
        let good: Vec<u64> = (0u64..).zip(&is_bad).filter(|(_, bad)| !**bad).map(|(row, _)| row).collect();
        prop_assert_eq!(&seen.rows, &good);
        prop_assert_eq!(seen.origins.len(), values.len());
        for (value, bad) in values.iter().zip(is_bad) {
            let expected = value.as_deref().map_or(Some(false), is_object);
            prop_assert!(expected.is_none_or(|good| good != bad), "{:?}", value.as_ref().map(|v| v.escape_ascii().to_string()));
        }
    }

    #[test]
    fn text_is_every_value_that_is_utf_8(values in prop::collection::vec(value(), 0..30)) {
        let events: Vec<EventRecord> = (0i64..).zip(&values).map(|(i, value)| record(i, value.as_deref())).collect();
        let mut options = small(20);
        options.events.value = EventValue::Text;
        let (_, seen) = read(open(events, &options));
        let texts: Vec<Option<&str>> = seen.batch.column(0).as_string::<i32>().iter().collect();
        let expected: Vec<Option<&str>> =
            values.iter().flatten().filter_map(|value| std::str::from_utf8(value).ok()).map(Some).collect();
        prop_assert_eq!(texts, expected);
        prop_assert_eq!(seen.malformed.len() + seen.rows.len(), values.len());
    }
}
