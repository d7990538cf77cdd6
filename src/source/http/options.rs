//! How data is fetched: what the rule file and the command line say of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::remembered::Remembered;
use crate::diagnostic::Place;

/// How data is fetched over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// Headers of the rule file, sent to the host of the URL alone.
    pub headers: Vec<HttpHeader>,
    /// What the values of headers may name.
    pub variables: Variables,
    /// How an answer that comes in pages goes on; a single answer if none.
    pub paging: Option<Paging>,
    pub limits: HttpLimits,
    pub length: AnswerLength,
    /// Where a server may lead to.
    pub reach: Reach,
    /// Answers of batches that are settled.
    pub remembered: Option<Arc<Remembered>>,
}

/// A header as the rule file writes it: `${NAME}` stands for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHeader {
    pub name: String,
    pub value: String,
    pub place: Option<Place>,
}

/// Variables of the environment, by name. Their values are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(pub Vec<(String, String)>);

impl Variables {
    /// The value of the variable, if it is set and may be named.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// How an answer that comes in pages goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    pub by: PagingBy,
    /// More pages than these are a fault.
    pub pages_max: u64,
}

/// What leads from a page to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PagingBy {
    /// The header `Link: <…>; rel="next"` (RFC 8288).
    Link,
    /// A number in the query, one more each time, until a page holds no records.
    Page { parameter: String, first: u64 },
    /// A value in the document, which the next request sends as a parameter; without a parameter it is the next page's URL.
    Cursor { parameter: Option<String>, at: Vec<String> },
}

/// What an answer may take, over all its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// From the first request to the last byte, with all waiting.
    pub time_max: Duration,
    /// Without a byte.
    pub idle_max: Duration,
    /// The longest pause before a request is made again.
    pub wait_max: Duration,
    /// How often a request is made again.
    pub retries: u32,
    /// Bytes as they are sent.
    pub bytes_max: u64,
    /// Bytes once they are decompressed.
    pub decoded_max: u64,
    /// Redirects of one request.
    pub redirects_max: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            time_max: Duration::from_secs(600),
            idle_max: Duration::from_secs(30),
            wait_max: Duration::from_secs(60),
            retries: 4,
            bytes_max: 4_000_000_000,
            decoded_max: 16_000_000_000,
            redirects_max: 5,
        }
    }
}

/// Whether an answer must say where it ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLength {
    /// An answer that ends with the connection may have been cut short, and is refused.
    #[default]
    Required,
    /// Such an answer is taken as it is.
    Optional,
}

/// Which addresses may be connected to where a server leads elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet.
    #[default]
    Public,
    /// Any, those of this machine and of private networks too.
    Anywhere,
}
