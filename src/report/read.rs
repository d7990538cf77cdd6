//! A report that was written earlier, read back.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::model::{Report, SCHEMA_VERSION};
use crate::diagnostic::{Code, Fault};
use crate::findings::Finding;
use crate::json::{Tape, Token, TokenKind, skip_space, text_of};

/// The report that the JSON in `text` holds, also one of an earlier version: what that did not know yet is left out.
/// `name` is what messages call it.
///
/// # Errors
/// It is no report, or one of a version that this one would misunderstand.
pub fn read(text: &str, name: &str) -> Result<Report, Fault> {
    /// What every version has.
    #[derive(Deserialize)]
    struct Head {
        schema_version: String,
    }
    let damaged = |why: &dyn std::fmt::Display| Fault::new(Code::Damaged, format!("{name}: not a report: {why}"));
    let json = tree(text).map_err(|why| damaged(&why))?;
    let Head { schema_version } = Head::deserialize(&json).map_err(|why| damaged(&why))?;
    match (major(&schema_version), major(SCHEMA_VERSION)) {
        (None, _) => return Err(damaged(&format!("its `schema_version` is `{schema_version}`"))),
        (Some(theirs), ours) if Some(theirs) > ours => {
            let fault = Fault::new(Code::Unsupported, format!("{name}: a report of schema version {schema_version}"));
            return Err(fault.hint(format!("versions up to {SCHEMA_VERSION} are understood here; read it with a newer Sluicegate")));
        }
        (Some(_), _) => {}
    }
    let mut report: Report = serde_json::from_value(json).map_err(|why| damaged(&why))?;
    complete(&mut report);
    Ok(report)
}

/// Fills in what follows from the rest.
fn complete(report: &mut Report) {
    report.findings = std::mem::take(&mut report.findings).into_iter().map(Finding::completed).collect();
    for change in &mut report.schema_changes {
        change.code = change.kind.code();
    }
    report.tables.iter_mut().for_each(|table| complete(&mut table.report));
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// Parsers of JSON round floats as they please; here each is read to the bit that was written.
fn tree(text: &str) -> Result<Json, String> {
    let (bytes, mut tape) = (text.as_bytes(), Tape::default());
    if u32::try_from(bytes.len()).is_err() {
        return Err("it is larger than 4 GiB".to_owned());
    }
    let end = tape.read(bytes, 0).map_err(|broken| format!("{} at byte {}", broken.why, broken.at))?;
    match skip_space(bytes, end) == bytes.len() {
        true => Ok(value(text, &tape.tokens, 0)),
        false => Err(format!("something follows it at byte {end}")),
    }
}

fn value(text: &str, tokens: &[Token], at: usize) -> Json {
    let token = &tokens[at];
    let written = &text[token.start as usize..token.end as usize];
    let float = || written.parse::<f64>().map_or(Json::Null, Json::from);
    match token.kind {
        TokenKind::Null => Json::Null,
        TokenKind::False => Json::Bool(false),
        TokenKind::True => Json::Bool(true),
        TokenKind::Integer => match (written.parse::<u64>(), written.parse::<i64>()) {
            (Ok(n), _) => n.into(),
            (Err(_), Ok(n)) => n.into(),
            (Err(_), Err(_)) => float(),
        },
        TokenKind::Float => float(),
        TokenKind::String | TokenKind::Key => Json::String(text_of(text.as_bytes(), token).into_owned()),
        TokenKind::Object => {
            let (mut object, mut key) = (Map::new(), at + 1);
            while key < token.next as usize {
                object.insert(text_of(text.as_bytes(), &tokens[key]).into_owned(), value(text, tokens, key + 1));
                key = tokens[key + 1].next as usize;
            }
            Json::Object(object)
        }
        TokenKind::Array => {
            let (mut items, mut item) = (Vec::new(), at + 1);
            while item < token.next as usize {
                items.push(value(text, tokens, item));
                item = tokens[item].next as usize;
            }
            Json::Array(items)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_to_the_bit() {
        // serde_json alone reads the first of these as its neighbour.
        for x in [1.234_567_890_123_456_7e-5, 0.1 + 0.2, f64::MIN_POSITIVE, f64::MAX, -0.0] {
            let json = tree(&serde_json::to_string(&x).expect("JSON")).expect("a number");
            assert_eq!(json.as_f64().map(f64::to_bits), Some(x.to_bits()));
        }
        assert_eq!(
            tree(r#" {"a": [1, -2, {"b\n": "c"}, null, true], "d": {}} "#).expect("JSON").to_string(),
            r#"{"a":[1,-2,{"b\n":"c"},null,true],"d":{}}"#
        );
        assert!(tree("{} x").expect_err("fault").contains("byte 2"));
    }
}
