//! From a page to the next one.

use std::io::{BufRead, BufReader};

use url::Url;

use super::client::{Answer, led};
use super::document::{self, Found};
use super::failure::shown;
use super::link;
use super::options::PagingBy;
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::source::file::cannot_read;
use crate::source::{Format, ReadOptions};

/// The URL of the first page.
pub(super) fn first(url: &Url, by: Option<&PagingBy>) -> Url {
    match by {
        Some(PagingBy::Page { parameter, first }) => with_parameter(url, parameter, &first.to_string()),
        Some(PagingBy::Link | PagingBy::Cursor { .. }) | None => url.clone(),
    }
}

/// The URL of the page after `page`, which is the one numbered `number` from 0; `asked` is the URL it was asked by, `start`
/// the one that was named. None if it is the last one.
///
/// # Errors
/// It cannot be told what the next page is.
pub(super) fn next(by: &PagingBy, start: &Url, asked: &Url, page: &Answer, number: u64) -> Result<Option<Url>, Fault> {
    match by {
        // Relative links count from where the page came from.
        PagingBy::Link => page.links.iter().find_map(|link| link::next(link)).map(|target| led(&page.url, target)).transpose(),
        PagingBy::Page { parameter, first } => Ok(Some(with_parameter(asked, parameter, &first.saturating_add(number + 1).to_string()))),
        PagingBy::Cursor { parameter, at } => {
            let name = shown(&page.url);
            let place = at.join(".");
            let opened = files::open(&page.path).map_err(|e| cannot_read(&name, &e))?;
            let found = document::at(BufReader::with_capacity(1 << 18, opened), at).map_err(|e| {
                let fault = Fault::new(Code::InvalidLayout, format!("{name}: the page is not one JSON document: {e}"));
                fault.hint("a cursor is read from a JSON document; `by: link` and `by: page` take any format")
            })?;
            let cursor = match found {
                Found::Nothing | Found::Boolean(false) => return Ok(None),
                Found::Text(text) if text.is_empty() => return Ok(None),
                Found::Text(text) | Found::Number(text) => text,
                Found::Boolean(true) | Found::Array { .. } | Found::Object { .. } => {
                    let fault =
                        Fault::new(Code::InvalidLayout, format!("{name}: at `{place}` stands no cursor, which is a text or a number"));
                    return Err(fault.hint("`source: { http: { paging: { at: … } } }` says where it is"));
                }
            };
            match parameter {
                Some(parameter) => Ok(Some(with_parameter(start, parameter, &cursor))),
                None => led(&page.url, &cursor).map(Some),
            }
        }
    }
}

/// `url` with the parameter set in its query, in the place of one of that name.
fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let others: Vec<(String, String)> =
        url.query_pairs().filter(|(key, _)| key != name).map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url
}

/// Whether a page holds no records, so that the page before it was the last.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_empty(page: &Answer, format: Format, options: &ReadOptions) -> Result<bool, Fault> {
    if page.bytes == 0 {
        return Ok(true);
    }
    let name = shown(&page.url);
    let opened = || files::open(&page.path).map(|file| BufReader::with_capacity(1 << 18, file)).map_err(|e| cannot_read(&name, &e));
    let lines = |more_than: usize| -> Result<bool, Fault> {
        let mut count = 0;
        for line in opened()?.split(b'\n') {
            count += usize::from(!line.map_err(|e| cannot_read(&name, &e))?.trim_ascii().is_empty());
            if count > more_than {
                return Ok(false);
            }
        }
        Ok(true)
    };
    match format {
        Format::Json => match document::at(opened()?, &options.json_path) {
            Ok(Found::Array { is_empty }) => Ok(is_empty),
            Ok(Found::Nothing) if options.json_path.is_empty() => Ok(true),
            Ok(_) => Ok(false),
            // One object a line, or text that is not JSON, of which the reader speaks.
            Err(_) => lines(0),
        },
        Format::Ndjson => lines(0),
        Format::Csv | Format::Tsv => lines(options.header.unwrap_or(1) as usize),
        Format::Fixed => lines(0),
        Format::Parquet | Format::Arrow | Format::Avro | Format::Orc | Format::Excel => {
            let fault = Fault::new(Code::Unsupported, format!("{name}: whether a page is empty is not known of {}", format.name()));
            Err(fault.hint("`by: link` needs not know it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_takes_the_place_of_one_of_its_name_and_leaves_others_alone() {
        let url = Url::parse("https://x/a?page=9&q=a%20b&page=8").expect("a URL");
        assert_eq!(with_parameter(&url, "page", "1&2").as_str(), "https://x/a?q=a+b&page=1%262");
    }
}
