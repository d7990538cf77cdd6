//! What can go wrong with a request, and whether it may pass.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use url::Url;

use super::address::Unresolved;
use crate::diagnostic::{Code, Fault};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The same request may get an answer later, after the time that the server asks for, if it asks.
    Passing { fault: Fault, wait: Option<Duration> },
    /// It will not.
    Final(Fault),
}

impl Failure {
    pub(super) fn passing(fault: Fault) -> Self {
        Self::Passing { fault, wait: None }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Final(fault)
    }
}

/// A URL for people: without what may be secret in it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let has_query = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    // A URL that names a host takes both.
    if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
        return format!("{}:…", url.scheme());
    }
    format!("{url}{}", if has_query { "?…" } else { "" })
}

/// The innermost cause of an error, which says most; libraries' own words around it repeat the URL.
pub(super) fn because(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "no reason is known".to_owned(), ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |inner: &&'a (dyn Error + 'static)| (*inner).source())
}

/// The error of TLS that `cause` is, or holds: input and output wrap errors without naming them as their cause.
fn tls_within<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let mut inner = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    loop {
        match inner.downcast_ref::<rustls::Error>() {
            Some(tls) => return Some(tls),
            None => inner = inner.downcast_ref::<std::io::Error>()?.get_ref()?,
        }
    }
}

/// No answer came: the name is not known, nobody listens, TLS fails.
pub(super) fn unreached(url: &Url, error: &reqwest::Error) -> Failure {
    let (name, host) = (shown(url), url.host_str().unwrap_or_default());
    let unresolved = causes(error).find_map(|cause| cause.downcast_ref::<Unresolved>());
    match unresolved {
        Some(Unresolved::Private) => return Failure::Final(private(url)),
        Some(Unresolved::Unknown(why)) => {
            let fault = Fault::new(Code::Unreadable, format!("{name}: the host `{host}` is not found: {why}"));
            return Failure::passing(fault.hint("check the name, and whether this machine reaches the network"));
        }
        None => {}
    }
    let tls = causes(error).find_map(tls_within);
    if let Some(tls) = tls {
        let fault = Fault::new(Code::Unreadable, format!("{name}: no secure connection: {tls}"));
        let hint = match tls {
            rustls::Error::InvalidCertificate(_) => "the certificates that this machine trusts decide; SSL_CERT_FILE names others",
            _ => "does the server speak TLS on this port?",
        };
        return Failure::Final(fault.hint(hint));
    }
    let what = if error.is_connect() { "cannot connect" } else { "no answer" };
    let fault = Fault::new(Code::Unreadable, format!("{name}: {what}: {}", because(error)));
    Failure::passing(fault.hint("check the URL, and whether the server runs"))
}

/// A server leads to an address that is not public.
pub(super) fn private(url: &Url) -> Fault {
    let what = format!("{}: a server leads to this address, which is one of a private network or of this machine", shown(url));
    Fault::new(Code::RefusedAddress, what).hint("nothing was asked of it; if it is right, say `--allow-private-addresses`")
}

/// What an answer without data means; none if it may hold data. `asked` are the headers that went along.
pub(super) fn refused(url: &Url, status: StatusCode, headers: &HeaderMap, wait_max: Duration, asked: &Asked) -> Option<Failure> {
    let name = shown(url);
    let said = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let fault = |code: Code, what: &str| Fault::new(code, format!("{name}: {what} ({})", said.trim_end()));
    let failure = match status.as_u16() {
        200 | 203 | 204 => return None,
        401 | 403 => Failure::Final(fault(Code::PermissionDenied, "the server refuses access").hint(asked.hint())),
        404 | 410 => Failure::Final(fault(Code::FileNotFound, "there is nothing at this URL").hint("check the path and the query")),
        429 | 502 | 503 | 504 => {
            let wait = retry_after(headers);
            let fault = fault(Code::Unreadable, "the server cannot answer now");
            match wait.filter(|wait| *wait > wait_max) {
                Some(wait) => {
                    let hint =
                        format!("it asks to come back in {} s; `source: {{ http: {{ wait_max: … }} }}` allows so much", wait.as_secs());
                    Failure::Final(fault.hint(hint))
                }
                None => Failure::Passing { fault: fault.hint("run again later"), wait },
            }
        }
        408 | 425 => Failure::passing(fault(Code::Unreadable, "the server gave up waiting").hint("run again later")),
        500.. => Failure::Final(fault(Code::Unreadable, "the server failed").hint("ask those who run it")),
        400.. => Failure::Final(fault(Code::Unreadable, "the server refuses the request").hint("check the URL, its query and the headers")),
        206 => Failure::Final(fault(Code::Damaged, "the server sends a part only, which was not asked for").hint("ask those who run it")),
        _ => Failure::Final(fault(Code::Unreadable, "the answer holds no data").hint("check the URL: data comes with the status 200")),
    };
    Some(failure)
}

/// What went along with a request, for hints.
pub(super) enum Asked {
    /// The rule file names no header.
    Plainly,
    WithHeaders,
    /// Another host answers than the one that the headers are for.
    Elsewhere,
}

impl Asked {
    fn hint(&self) -> &'static str {
        match self {
            Self::Plainly => "if it needs a token: `source: { http: { headers: { Authorization: \"Bearer ${SLUICEGATE_HTTP_TOKEN}\" } } }`",
            Self::WithHeaders => "check the variables that `source: { http: { headers: … } }` names: is a token expired?",
            Self::Elsewhere => "headers are not sent on to another host; if that is where the data is, name its URL",
        }
    }
}

/// How long to wait, as `Retry-After` says: in seconds, or until a time, measured from the answer's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    let (until, now) = (time(after)?, time(text(DATE)?)?);
    Some((until - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_url_is_shown_without_names_passwords_and_query() {
        let shown = |text: &str| shown(&Url::parse(text).expect("a URL"));
        assert_eq!(shown("https://u:p@example.org:8443/a/b.csv?token=s#x"), "https://example.org:8443/a/b.csv?…");
        assert_eq!(shown("http://example.org"), "http://example.org/");
    }

    #[test]
    fn retry_after_is_a_number_or_a_time_by_the_answers_own_clock() {
        let after = |after: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(after))]);
            headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(after("7", None), Some(7));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:10 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Some(10));
        assert_eq!(after("Wed, 21 Oct 2026 07:27:10 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Some(0));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:10 GMT", None), None);
        assert_eq!(after("soon", None), None);
    }
}
