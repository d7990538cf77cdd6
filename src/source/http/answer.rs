//! What an answer holds: of which format, or no data at all.

use std::io::Read;

use super::client::Answer;
use super::document::{self, Found};
use super::failure::shown;
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::source::file::cannot_read;
use crate::source::format::begins;
use crate::source::{Format, ReadOptions};

/// A document that says what went wrong is not longer.
const ERROR_BYTES_MAX: u64 = 1 << 16;

/// What a server says of an answer's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Is(Format),
    Page,
    Problem,
    Nothing,
}

impl Says {
    fn of(content_type: Option<&str>) -> Self {
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/csv" | "application/csv" => Self::Is(Format::Csv),
            "text/tab-separated-values" => Self::Is(Format::Tsv),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" | "application/jsonlines" => {
                Self::Is(Format::Ndjson)
            }
            "application/vnd.apache.parquet" | "application/x-parquet" | "application/parquet" => Self::Is(Format::Parquet),
            "application/vnd.apache.arrow.file" | "application/vnd.apache.arrow.stream" => Self::Is(Format::Arrow),
            "application/avro" | "application/vnd.apache.avro" | "avro/binary" => Self::Is(Format::Avro),
            "text/html" | "application/xhtml+xml" => Self::Page,
            "application/problem+json" => Self::Problem,
            "application/json" | "text/json" => Self::Is(Format::Json),
            kind if kind.ends_with("+json") => Self::Is(Format::Json),
            _ => Self::Nothing,
        }
    }
}

/// The format of an answer: as it was told, by the name in the URL, by what the server says, by the first bytes.
///
/// # Errors
/// It cannot be told, or the answer is no data of that format.
pub(super) fn format_of(answer: &Answer, options: &ReadOptions) -> Result<Format, Fault> {
    let name = shown(&answer.url);
    let head = head(answer)?;
    let says = Says::of(answer.content_type.as_deref());
    if says == Says::Page || begins_as_page(&head) {
        let fault = Fault::new(Code::WrongFormat, format!("{name}: the answer is an HTML page, not data"));
        return Err(fault.hint("open the URL in a browser: is there a login, or an error of a proxy?"));
    }
    let is_json = |format: Format| matches!(format, Format::Json | Format::Ndjson);
    let is_text = |format: Format| matches!(format, Format::Csv | Format::Tsv);
    let told = match says {
        Says::Is(format) => Some(format),
        Says::Page | Says::Problem | Says::Nothing => None,
    };
    let named = options.format.or_else(|| Format::of_name(answer.url.path()));
    let format = named.or(told).or_else(|| Format::of_head(&head)).ok_or_else(|| {
        let fault =
            Fault::new(Code::UnknownFormat, format!("{name}: the format cannot be told from the URL, its Content-Type or its first bytes"));
        fault.hint(format!("give `--format`, or `source: {{ format: … }}`: {}", Format::names()))
    })?;
    let is_document = says == Says::Problem || (told != Some(Format::Ndjson) && says_error(answer, format, options)?);
    if is_document {
        let fault =
            Fault::new(Code::WrongFormat, format!("{name}: the answer is a JSON document that speaks of an error, and holds no records"));
        return Err(fault.hint("open the URL with `curl` to read it"));
    }
    if is_text(format) && (told.is_some_and(is_json) || begins(&head, b"{")) {
        let fault = Fault::new(Code::WrongFormat, format!("{name}: the answer is JSON, and it is read as {}", format.name()));
        return Err(fault.hint("open the URL with `curl`: is it an error, or give `--format json`"));
    }
    // What ends by itself cannot be cut short unseen; JSON can, since what lacks its end has records all the same.
    if answer.is_unmeasured && format != Format::Parquet {
        let fault = Fault::new(Code::Damaged, format!("{name}: the answer does not say how long it is, so it may have been cut short"));
        return Err(
            fault.hint("the server should send `Content-Length`; `source: { http: { length: optional } }` takes the answer all the same")
        );
    }
    Ok(format)
}

fn head(answer: &Answer) -> Result<Vec<u8>, Fault> {
    let failed = |e: std::io::Error| cannot_read(&shown(&answer.url), &e);
    let mut head = Vec::new();
    files::open(&answer.path).map_err(failed)?.take(4096).read_to_end(&mut head).map_err(failed)?;
    Ok(head)
}

fn begins_as_page(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"].iter().any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

/// Whether the answer is one small object that speaks of an error, where records are expected.
fn says_error(answer: &Answer, format: Format, options: &ReadOptions) -> Result<bool, Fault> {
    // One object may be a record, if it was said that there is one a line.
    if answer.bytes > ERROR_BYTES_MAX || options.format == Some(Format::Ndjson) || !matches!(format, Format::Json | Format::Ndjson) {
        return Ok(false);
    }
    let open = || files::open(&answer.path).map_err(|e| cannot_read(&shown(&answer.url), &e));
    let Ok(Found::Object { keys }) = document::at(open()?, &[]) else { return Ok(false) };
    let has = |names: &[&str]| keys.iter().any(|key| names.contains(&key.to_ascii_lowercase().as_str()));
    let is_error = has(&["error", "errors", "fault"]) || (has(&["message", "detail", "title"]) && has(&["code", "status", "statuscode"]));
    let holds_records = !options.json_path.is_empty() && matches!(document::at(open()?, &options.json_path), Ok(Found::Array { .. }));
    Ok(is_error && !holds_records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_name_formats_with_parameters_and_in_any_case() {
        for (text, says) in [
            ("text/csv; charset=utf-8", Says::Is(Format::Csv)),
            ("Application/JSON", Says::Is(Format::Json)),
            ("application/vnd.api+json", Says::Is(Format::Json)),
            ("application/problem+json", Says::Problem),
            ("text/html", Says::Page),
            ("text/plain", Says::Nothing),
            ("application/octet-stream", Says::Nothing),
            ("", Says::Nothing),
        ] {
            assert_eq!(Says::of(Some(text)), says, "{text}");
        }
    }
}
