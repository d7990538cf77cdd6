//! Paths of data files, as a table's log and its directories write them.

/// A text as a part of a directory's name: all but letters, digits and `-._` as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// A path as the log writes it, as the file is called.
pub(super) fn decoded(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let Some((&first, more)) = rest.split_first() {
        let digits = more.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The name of the file at `path`.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        // urllib.parse.quote(text, safe="-._"), and Python leaves `~` as it is
        let known = [("a b/c", "a%20b%2Fc"), ("50%", "50%25"), ("é=1", "%C3%A9%3D1"), ("2026-03-01", "2026-03-01"), ("'x'", "%27x%27")];
        for (text, path) in known {
            assert_eq!(encoded(text), path);
            assert_eq!(decoded(path), text);
        }
        assert_eq!(decoded("50%zz%4"), "50%zz%4");
        assert_eq!(file_name("day=1/b.parquet"), "b.parquet");
    }
}
