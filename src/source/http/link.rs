//! The header `Link` (RFC 8288), as far as it names the next page.

/// The target of the first link with the relation `next` in a header's value.
pub(super) fn next(value: &str) -> Option<&str> {
    let mut rest = value;
    loop {
        let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
        let (is_next, behind) = parameters(behind);
        if is_next {
            return Some(target.trim());
        }
        rest = behind;
    }
}

/// Whether the parameters of a link say `rel=next`, and what stands behind the link.
fn parameters(mut rest: &str) -> (bool, &str) {
    let mut relation = None;
    loop {
        rest = rest.trim_start();
        let Some(parameter) = rest.strip_prefix(';') else { break };
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let (name, behind) = parameter.split_at(end);
        let value;
        (value, rest) = match behind.strip_prefix('=') {
            Some(behind) => value_of(behind.trim_start()),
            None => ("", behind),
        };
        // Of several the first one counts.
        if name.trim().eq_ignore_ascii_case("rel") && relation.is_none() {
            relation = Some(value);
        }
    }
    let is_next = relation.is_some_and(|relation| relation.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next")));
    (is_next, rest)
}

/// A parameter's value, in quotes or not, and what stands behind it.
fn value_of(text: &str) -> (&str, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim_end(), &text[end..]);
    };
    let mut is_escaped = false;
    let end = quoted.find(|c: char| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    match end {
        Some(end) => (&quoted[..end], &quoted[end + 1..]),
        None => (quoted, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let cases = [
            ("<https://x/2>; rel=\"next\"", Some("https://x/2")),
            ("<https://x/0>; rel=prev, <https://x/2>; rel=next", Some("https://x/2")),
            ("</2?a=1,2>; title=\"a, b; rel=next\"; REL=\"last Next\"", Some("/2?a=1,2")),
            ("<a>; rel=\"last\"; title=\"say \\\"x\\\", <b>; rel=next\"", None),
            ("<a>; rel=prev; rel=next", None),
            ("<a>;rel=nextpage , <b>; rel = next ;x", Some("b")),
            ("<a>", None),
            ("rel=next", None),
            ("<a", None),
            ("", None),
            ("<a>; rel=\"next", Some("a")),
        ];
        for (value, expected) in cases {
            assert_eq!(next(value), expected, "{value}");
        }
    }
}
