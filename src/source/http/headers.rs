//! Headers of the rule file: `${NAME}` stands for a variable of the environment, whose value is never shown.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::options::{HttpHeader, HttpOptions, Variables};
use crate::diagnostic::{Code, Fault, Misread};

/// Variables of the environment that begin so may be named by any rule file.
pub const VARIABLE_PREFIX: &str = "SLUICEGATE_HTTP_";

/// Headers that the transfer itself decides on.
const OURS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Parts of names of headers that hold a secret.
const SECRET: &[&str] = &["authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "signature"];

/// What is wrong with a header, as a rule file writes it.
///
/// # Errors
/// It is no header, one of the transfer, or a secret that stands in the file itself.
pub fn check_header(name: &str, value: &str) -> Result<(), (Code, Misread)> {
    let invalid = |what: String| (Code::InvalidValue, Misread::new(what));
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(invalid(format!("`{name}` cannot name a header")));
    }
    let lower = name.to_ascii_lowercase();
    if OURS.contains(&lower.as_str()) {
        return Err(invalid(format!("the header `{name}` is set by the transfer itself")));
    }
    let parts = text_parts(value).map_err(|what| invalid(format!("the header `{name}`: {what}")))?;
    if SECRET.iter().any(|part| lower.contains(part)) && !parts.iter().any(|part| matches!(part, TextPart::Variable(_))) {
        let misread = Misread::new(format!("the header `{name}` holds a secret, and rule files are read by many"));
        let hint = format!("put it into a variable, and write `{name}: \"${{{VARIABLE_PREFIX}TOKEN}}\"`");
        return Err((Code::CredentialsInUrl, misread.hint(hint)));
    }
    Ok(())
}

/// A part of a text that may name variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPart<'a> {
    Text(&'a str),
    /// The name of a variable.
    Variable(&'a str),
}

/// The parts of a text in which `${NAME}` stands for a variable; what is wrong with it else.
///
/// # Errors
/// A name is not closed, or is none.
pub fn text_parts(value: &str) -> Result<Vec<TextPart<'_>>, &'static str> {
    let (mut parts, mut rest) = (Vec::new(), value);
    while let Some((text, behind)) = rest.split_once("${") {
        parts.push(TextPart::Text(text));
        let (name, behind) = behind.split_once('}').ok_or("`${` is not closed by `}`")?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err("between `${` and `}` stands the name of a variable");
        }
        parts.push(TextPart::Variable(name));
        rest = behind;
    }
    parts.push(TextPart::Text(rest));
    Ok(parts)
}

/// The headers with the values of variables in them.
///
/// # Errors
/// A variable is not set, may not be named, or holds what no header can hold.
pub(super) fn filled(options: &HttpOptions) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for header in &options.headers {
        let filled = one(header, &options.variables);
        let (name, value) = filled.map_err(|fault| header.place.clone().into_iter().fold(fault, Fault::at))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn one(HttpHeader { name, value, .. }: &HttpHeader, variables: &Variables) -> Result<(HeaderName, HeaderValue), Fault> {
    check_header(name, value).map_err(|(code, misread)| Fault::told(code, misread))?;
    let mut text = String::new();
    for part in text_parts(value).unwrap_or_default() {
        match part {
            TextPart::Text(part) => text.push_str(part),
            TextPart::Variable(variable) => text.push_str(variables.get(variable).ok_or_else(|| not_given(name, variable))?),
        }
    }
    let unfit = || {
        let fault = Fault::new(Code::InvalidEnvironment, format!("the header `{name}` would hold what no header can hold"));
        fault.hint("is there a line break in the variable?")
    };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
    let mut value = HeaderValue::from_str(text.trim()).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok((header, value))
}

fn not_given(header: &str, variable: &str) -> Fault {
    if variable.starts_with(VARIABLE_PREFIX) {
        let fault = Fault::new(Code::InvalidEnvironment, format!("the header `{header}` needs the variable {variable}, which is not set"));
        return fault.hint(format!("set it where the program runs: `export {variable}=…`"));
    }
    let fault = Fault::new(
        Code::InvalidEnvironment,
        format!("the header `{header}` names the variable {variable}, which is not set or may not be named by a rule file"),
    );
    fault.hint(format!("allow it with `--http-env {variable}`, or call it {VARIABLE_PREFIX}…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_of(name: &str, value: &str) -> Result<String, Fault> {
        let header = HttpHeader { name: name.into(), value: value.into(), place: None };
        let variables = Variables(vec![("SLUICEGATE_HTTP_TOKEN".into(), "s3cr3t".into()), ("SLUICEGATE_HTTP_BAD".into(), "a\nb".into())]);
        let options = HttpOptions { headers: vec![header], variables, ..HttpOptions::default() };
        assert!(!format!("{options:?}").contains("s3cr3t"));
        filled(&options).map(|headers| headers[name].to_str().expect("text").to_owned())
    }

    #[test]
    fn a_header_holds_variables_that_are_allowed_and_no_secret_of_its_own() {
        assert_eq!(filled_of("Authorization", "Bearer ${SLUICEGATE_HTTP_TOKEN}").expect("a header"), "Bearer s3cr3t");
        assert_eq!(filled_of("Accept", "application/json").expect("a header"), "application/json");
        for (name, value, says) in [
            ("Authorization", "Bearer abc", "holds a secret"),
            ("X-Api-Key", "abc", "holds a secret"),
            ("Authorization", "Bearer ${HOME}", "may not be named"),
            ("Authorization", "Bearer ${SLUICEGATE_HTTP_OTHER}", "not set"),
            ("X", "${SLUICEGATE_HTTP_BAD}", "no header can hold"),
            ("X", "${SLUICEGATE_HTTP_TOKEN", "not closed"),
            ("X", "${}", "name of a variable"),
            ("X Y", "a", "cannot name a header"),
            ("Host", "a", "by the transfer itself"),
        ] {
            let fault = filled_of(name, value).expect_err(value).to_string();
            assert!(fault.contains(says) && !fault.contains("s3cr3t") && !fault.contains("abc"), "{fault}");
        }
    }
}
