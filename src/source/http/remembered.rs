//! What servers called the answers of batches that were settled, so that an unchanged answer is no new batch.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::DateTime;
use reqwest::header::{DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use serde::{Deserialize, Serialize};
use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use crate::diagnostic::{Code, Fault};

/// By what a server tells its answers apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validators {
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

impl Validators {
    pub(super) const NONE: Self = Self { etag: None, last_modified: None };

    /// Those of an answer. A time of change counts only if it was over when the answer was made: within its second there
    /// may be another change.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let time = |text: &Option<String>| DateTime::parse_from_rfc2822(text.as_deref()?).ok();
        let (etag, modified, date) = (text(ETAG), text(LAST_MODIFIED), text(DATE));
        let is_over = time(&modified).zip(time(&date)).is_some_and(|(modified, date)| modified < date);
        Self { last_modified: modified.filter(|_| etag.is_none() && is_over), etag }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Asks for an answer only if it is another one.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
}

/// What is remembered of answers, by URL and by what was done with them.
#[derive(Debug, Default)]
pub struct Remembered {
    /// What happens to batches: where they go. An answer that went elsewhere is new here.
    purpose: String,
    settled: Mutex<BTreeMap<String, Validators>>,
    /// Of the batch at hand.
    seen: Mutex<BTreeMap<String, Validators>>,
}

impl PartialEq for Remembered {
    /// One memory is equal to itself alone: it changes.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Remembered {}

/// The file that keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    answers: BTreeMap<String, Validators>,
}

const VERSION: u32 = 1;

impl Remembered {
    /// Nothing yet, for batches that go to `purpose`.
    pub fn nothing(purpose: &str) -> Self {
        Self { purpose: purpose.to_owned(), ..Self::default() }
    }

    /// What the text of the file called `path` holds.
    ///
    /// # Errors
    /// It is no such file.
    pub fn read(text: &str, path: &str, purpose: &str) -> Result<Self, Fault> {
        let written: Option<Written> = serde_json::from_str(text).ok().filter(|written: &Written| written.version == VERSION);
        let Some(written) = written else {
            let fault = Fault::new(Code::InvalidValue, format!("{path}: this is no file of remembered answers"));
            return Err(fault.hint("`--remember-answers` names a file of its own, which is made if it is not there"));
        };
        Ok(Self { settled: Mutex::new(written.answers), ..Self::nothing(purpose) })
    }

    /// The text to keep, with the answers of the batch at hand, which is settled.
    pub fn settled(&self) -> String {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.append(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let written = Written { version: VERSION, answers: settled.clone() };
        serde_json::to_string_pretty(&written).expect("texts by texts serialise") + "\n"
    }

    /// What an answer of `url` was called that is settled.
    pub(super) fn of(&self, url: &Url) -> Validators {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).get(&self.key(url)).cloned().unwrap_or_default()
    }

    pub(super) fn note(&self, url: &Url, validators: Validators) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(self.key(url), validators);
    }

    /// A URL may hold secrets, so its digest stands for it.
    fn key(&self, url: &Url) -> String {
        format!("{:032x}", xxh3_128(format!("{url}\n{}", self.purpose).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(HeaderName, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_time_of_change_counts_only_once_its_second_is_over() {
        const AT: &str = "Wed, 21 Oct 2026 07:28:00 GMT";
        const LATER: &str = "Wed, 21 Oct 2026 07:28:01 GMT";
        assert!(Validators::of(&headers(&[(LAST_MODIFIED, AT), (DATE, AT)])).is_empty());
        assert!(Validators::of(&headers(&[(LAST_MODIFIED, AT)])).is_empty());
        let mut asked = HeaderMap::new();
        Validators::of(&headers(&[(LAST_MODIFIED, AT), (DATE, LATER)])).add_to(&mut asked);
        assert_eq!(asked, headers(&[(IF_MODIFIED_SINCE, AT)]));
        let mut asked = HeaderMap::new();
        Validators::of(&headers(&[(LAST_MODIFIED, AT), (DATE, LATER), (ETAG, "\"a\"")])).add_to(&mut asked);
        assert_eq!(asked, headers(&[(IF_NONE_MATCH, "\"a\"")]));
    }

    #[test]
    fn answers_are_remembered_once_they_are_settled_and_for_one_destination() {
        let url = Url::parse("https://example.org/x?token=s3cr3t").expect("a URL");
        let answer = Validators { etag: Some("\"a\"".into()), last_modified: None };
        let memory = Remembered::nothing("lake");
        memory.note(&url, answer.clone());
        assert!(memory.of(&url).is_empty());
        let text = memory.settled();
        assert!(memory.of(&url) == answer && !text.contains("s3cr3t"));
        assert_eq!(Remembered::read(&text, "m.json", "lake").expect("read").of(&url), answer);
        assert!(Remembered::read(&text, "m.json", "other").expect("read").of(&url).is_empty());
        for wrong in ["", "{}", "{\"version\": 2, \"answers\": {}}"] {
            assert!(Remembered::read(wrong, "m.json", "lake").is_err());
        }
    }
}
