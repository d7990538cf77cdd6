//! The part `http` of the section `source`: how data on the web is fetched.

use std::time;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::words::{ByteSize, Duration, Ordered, Texts};
use crate::source::{self, AnswerLength, HttpHeader, HttpLimits, HttpOptions};
use crate::yaml::Spanned;

/// How data on the web is fetched: `https://…` and `http://…`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Http")]
pub struct HttpSection {
    /// Headers to send, to the host of the URL alone. `${NAME}` stands for a variable of the environment: one that begins with
    /// `SLUICEGATE_HTTP_`, or that `--http-env` names. If left out: none.
    #[serde(default)]
    headers: Ordered<Spanned<String>>,
    /// How an answer goes on that comes in pages. If left out: it is one answer.
    paging: Option<Spanned<Paging>>,
    /// How long it may take, with all pages and pauses. If left out: `10m`.
    time_max: Option<Duration>,
    /// How long no byte may come. If left out: `30s`.
    idle_max: Option<Duration>,
    /// How often a request is made again, after growing pauses, if the server cannot answer now (429, 502, 503, 504), the
    /// connection fails, or the answer is cut short. If left out: 4.
    retries: Option<u32>,
    /// The longest pause, also where the server asks for one (`Retry-After`): one that asks for more is a fault. If left out: `60s`.
    wait_max: Option<Duration>,
    /// How much may be sent, with all pages. If left out: `4GB`.
    bytes_max: Option<ByteSize>,
    /// How much it may be once it is decompressed. If left out: `16GB`.
    decoded_max: Option<ByteSize>,
    /// How many redirects a request may follow. If left out: 5.
    redirects_max: Option<u32>,
    /// Whether an answer must say how long it is. One that does not may have been cut short: `optional` takes it all the same.
    /// If left out: `required`.
    length: Option<AnswerLength>,
}

/// How an answer goes on that comes in pages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// What leads to the next page.
    by: By,
    /// The parameter of the query. If left out: required with `by: page`; with `by: cursor`, what stands at `at` is the next URL.
    parameter: Option<String>,
    /// The number of the first page, with `by: page`. If left out: 1.
    first: Option<u64>,
    /// Which page ends it, with `by: page`: one without records. If left out: `empty`.
    until: Option<Until>,
    /// Keys from the top of the document to the cursor, with `by: cursor`: `[meta, next]`. If left out: required there.
    at: Option<Texts>,
    /// How many pages there may be; more are a fault. If left out: 1000.
    pages_max: Option<u64>,
}

/// What leads to the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    /// The header `Link: <URL>; rel="next"`.
    Link,
    /// A number in the query, one more each time.
    Page,
    /// A value in the JSON document, until it is missing, `null`, `false` or empty.
    Cursor,
}

/// Which page ends an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Until {
    /// The first one without records.
    Empty,
}

impl HttpSection {
    /// How to fetch, as it is written in the rule file called `path`; without variables.
    pub(super) fn options(&self, path: &str, faults: &mut Faults) -> HttpOptions {
        let headers = self.headers.0.iter().map(|(name, value)| {
            let place = value.at.in_file(path);
            if let Err((code, misread)) = source::check_header(name, &value.value) {
                faults.push(Fault::told(code, misread).at(place.clone()));
            }
            HttpHeader { name: name.clone(), value: value.value.clone(), place: Some(place) }
        });
        let headers = headers.collect();
        let (seconds, usual) = (|of: Duration| time::Duration::from_secs(of.seconds.unsigned_abs()), HttpLimits::default());
        let limits = HttpLimits {
            time_max: self.time_max.map_or(usual.time_max, seconds),
            idle_max: self.idle_max.map_or(usual.idle_max, seconds),
            wait_max: self.wait_max.map_or(usual.wait_max, seconds),
            retries: self.retries.unwrap_or(usual.retries),
            bytes_max: self.bytes_max.map_or(usual.bytes_max, |size| size.0),
            decoded_max: self.decoded_max.map_or(usual.decoded_max, |size| size.0),
            redirects_max: self.redirects_max.unwrap_or(usual.redirects_max),
        };
        let paging = self.paging.as_ref().and_then(|paging| match paging.value.options() {
            Ok(options) => Some(options),
            Err(fault) => {
                faults.push(fault.at(paging.at.in_file(path)));
                None
            }
        });
        HttpOptions { headers, paging, limits, length: self.length.unwrap_or_default(), ..HttpOptions::default() }
    }
}

impl Paging {
    fn options(&self) -> Result<source::Paging, Fault> {
        const PAGES_MAX: u64 = 1000;
        let refuse = |is_given: bool, key: &str, only: &str| match is_given {
            true => {
                Err(Fault::new(Code::MisplacedWord, format!("`{key}` has no meaning here")).hint(format!("it belongs to `by: {only}`")))
            }
            false => Ok(()),
        };
        let missing =
            |key: &str, example: &str| Fault::new(Code::MissingWord, format!("`{key}` is missing")).hint(format!("write `{example}`"));
        if self.by != By::Page {
            refuse(self.first.is_some(), "first", "page")?;
            refuse(self.until.is_some(), "until", "page")?;
        }
        if self.by != By::Cursor {
            refuse(self.at.is_some(), "at", "cursor")?;
        }
        let by = match self.by {
            By::Link => {
                refuse(self.parameter.is_some(), "parameter", "page` or `by: cursor")?;
                source::PagingBy::Link
            }
            By::Page => {
                let parameter = self.parameter.clone().ok_or_else(|| missing("parameter", "paging: { by: page, parameter: page }"))?;
                source::PagingBy::Page { parameter, first: self.first.unwrap_or(1) }
            }
            By::Cursor => {
                let at = self.at.as_ref().ok_or_else(|| missing("at", "paging: { by: cursor, parameter: cursor, at: [meta, next] }"))?;
                // One text is a path as `json_path` is.
                let at = match at.0.as_slice() {
                    [one] => one.split('.').map(str::to_owned).collect(),
                    keys => keys.to_vec(),
                };
                source::PagingBy::Cursor { parameter: self.parameter.clone(), at }
            }
        };
        Ok(source::Paging { by, pages_max: self.pages_max.unwrap_or(PAGES_MAX) })
    }
}
