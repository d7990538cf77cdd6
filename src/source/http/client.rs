//! Requests: made again while they may get an answer later, led on by redirects to where they may go.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use tokio::time::{sleep, timeout};
use url::{Origin, Url};

use super::address::{Resolver, may_be_reached};
use super::body;
use super::failure::{Asked, Failure, because, private, refused, shown, unreached};
use super::headers;
use super::options::{AnswerLength, HttpOptions, Reach};
use super::remembered::Validators;
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault};
use crate::source::Spool;

/// The first pause before a request is made again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes requests for one batch.
pub(super) struct Client<'a> {
    options: &'a HttpOptions,
    confines: Option<&'a Confines>,
    spool: &'a Spool,
    /// What the rule file says to send, and to whom alone.
    headers: HeaderMap,
    home: Origin,
    anywhere: reqwest::Client,
    /// For hosts that a server leads to.
    public: OnceCell<reqwest::Client>,
    received: u64,
    decoded: u64,
}

/// An answer with data, plain in a file of the spool.
pub(super) struct Answer {
    /// Where it came from at last.
    pub url: Url,
    pub path: PathBuf,
    pub bytes: u64,
    pub content_type: Option<String>,
    pub links: Vec<String>,
    pub validators: Validators,
    /// How it ends, if nothing proves that it ended.
    pub is_unmeasured: bool,
}

/// What a request came to.
pub(super) enum Got {
    New(Box<Answer>),
    /// The answer is the one that the conditions describe.
    Unchanged,
}

impl<'a> Client<'a> {
    /// For what is at `url`, which whoever runs this has named: it is trusted, wherever it is.
    ///
    /// # Errors
    /// The headers cannot be sent, or there is no TLS.
    pub(super) fn new(url: &Url, options: &'a HttpOptions, confines: Option<&'a Confines>, spool: &'a Spool) -> Result<Self, Fault> {
        let (headers, anywhere) = (headers::filled(options)?, built(Reach::Anywhere, options)?);
        let (home, public) = (url.origin(), OnceCell::new());
        Ok(Self { options, confines, spool, headers, home, anywhere, public, received: 0, decoded: 0 })
    }

    /// What is at `url`; asked again, after pauses, while there may be an answer later.
    ///
    /// # Errors
    /// There is no answer with data, or it is larger than allowed.
    pub(super) async fn get(&mut self, url: &Url, conditions: &Validators) -> Result<Got, Fault> {
        let limits = &self.options.limits;
        let mut pause = PAUSE;
        for attempt in 1_u32.. {
            let (fault, wait) = match self.attempt(url, conditions).await {
                Ok(None) => return Ok(Got::Unchanged),
                Ok(Some((response, is_unmeasured))) => match self.taken(response, is_unmeasured).await {
                    Ok(answer) => return Ok(Got::New(Box::new(answer))),
                    Err(Failure::Final(fault)) => return Err(fault),
                    Err(Failure::Passing { fault, wait }) => (fault, wait),
                },
                Err(Failure::Final(fault)) => return Err(fault),
                Err(Failure::Passing { fault, wait }) => (fault, wait),
            };
            if attempt > limits.retries {
                let tried = if attempt == 1 { String::new() } else { format!("; {attempt} attempts were made") };
                return Err(Fault { what: format!("{}{tried}", fault.what), ..fault });
            }
            sleep(wait.unwrap_or(pause).min(limits.wait_max)).await;
            pause = pause.saturating_mul(2);
        }
        Err(Fault::new(Code::Internal, "internal error: attempts never end"))
    }

    /// One request, and those that it is redirected to; none if the answer has not changed. Also whether nothing says where
    /// the answer ends.
    async fn attempt(&self, url: &Url, conditions: &Validators) -> Result<Option<(Response, bool)>, Failure> {
        let limits = &self.options.limits;
        let mut seen = vec![url.clone()];
        loop {
            let at = &seen[seen.len() - 1];
            let response = self.send(at, conditions).await?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED && !conditions.is_empty() {
                return Ok(None);
            }
            if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let next = redirected(at, &response)?;
                if seen.contains(&next) {
                    let fault = Fault::new(Code::Unreadable, format!("{}: redirects lead in a circle", shown(url)));
                    return Err(Failure::Final(fault.hint("open the URL in a browser: is there a login?")));
                }
                if seen.len() > limits.redirects_max as usize {
                    let what = format!("{}: more than {} redirects", shown(url), limits.redirects_max);
                    let hint = "name the URL where they end, or raise `source: { http: { redirects_max: … } }`";
                    return Err(Failure::Final(Fault::new(Code::Unreadable, what).hint(hint)));
                }
                seen.push(next);
                continue;
            }
            let asked = match (self.headers.is_empty(), at.origin() == self.home) {
                (true, _) => Asked::Plainly,
                (false, true) => Asked::WithHeaders,
                (false, false) => Asked::Elsewhere,
            };
            if let Some(failure) = refused(at, status, response.headers(), limits.wait_max, &asked) {
                return Err(failure);
            }
            let is_chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
            // TLS says itself where it ends.
            let is_unmeasured = response.content_length().is_none() && !is_chunked && at.scheme() == "http";
            return Ok(Some((response, is_unmeasured && status != StatusCode::NO_CONTENT)));
        }
    }

    async fn send(&self, url: &Url, conditions: &Validators) -> Result<Response, Failure> {
        let is_home = url.origin() == self.home;
        if let Some(confines) = self.confines {
            confines.allow(url.as_str())?;
        }
        let reach = if is_home { Reach::Anywhere } else { self.options.reach };
        if !may_be_reached(url, reach) {
            return Err(Failure::Final(private(url)));
        }
        let client = match reach {
            Reach::Anywhere => &self.anywhere,
            Reach::Public => match self.public.get() {
                Some(client) => client,
                None => {
                    let client = built(Reach::Public, self.options)?;
                    self.public.get_or_init(|| client)
                }
            },
        };
        let mut headers = if is_home { self.headers.clone() } else { HeaderMap::new() };
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, zstd"));
        conditions.add_to(&mut headers);
        match timeout(self.options.limits.idle_max, client.get(url.clone()).headers(headers).send()).await {
            Ok(answer) => answer.map_err(|error| unreached(url, &error)),
            Err(_) => {
                let what = format!("{}: no answer for {} s", shown(url), self.options.limits.idle_max.as_secs());
                let fault = Fault::new(Code::TimedOut, what);
                Err(Failure::passing(fault.hint("`source: { http: { idle_max: … } }` says how long to wait")))
            }
        }
    }

    /// The answer in the spool.
    async fn taken(&mut self, response: Response, is_unmeasured: bool) -> Result<Answer, Failure> {
        let limits = &self.options.limits;
        let (url, headers) = (response.url().clone(), response.headers().clone());
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (path, received) = body::receive(response, self.spool, limits, limits.bytes_max.saturating_sub(self.received)).await?;
        let encoding = text(header::CONTENT_ENCODING);
        let left = limits.decoded_max.saturating_sub(self.decoded);
        let (path, bytes) = body::decoded(path, encoding.as_deref(), &shown(&url), self.spool, left)?;
        self.received += received;
        self.decoded += bytes;
        let links = headers.get_all(header::LINK).iter().filter_map(|link| link.to_str().ok().map(str::to_owned)).collect();
        let is_unmeasured = is_unmeasured && bytes == received && self.options.length == AnswerLength::Required;
        let (content_type, validators) = (text(header::CONTENT_TYPE), Validators::of(&headers));
        Ok(Answer { url, path, bytes, content_type, links, validators, is_unmeasured })
    }
}

/// Where a redirect leads.
fn redirected(from: &Url, response: &Response) -> Result<Url, Failure> {
    let name = shown(from);
    let invalid = |what: &str| Failure::Final(Fault::new(Code::Unreadable, format!("{name}: {what}")).hint("ask those who run the server"));
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| invalid("the server redirects and does not say where to"))?;
    led(from, location).map_err(Failure::Final)
}

/// The URL that an answer of `from` leads to: by a redirect, or as the next page.
///
/// # Errors
/// It is none of the web, holds credentials, or gives up TLS.
pub(super) fn led(from: &Url, to: &str) -> Result<Url, Fault> {
    let name = shown(from);
    let invalid = |what: &str| Fault::new(Code::InvalidLocation, format!("{name}: {what}"));
    let mut url = from.join(to).map_err(|_| invalid("the server leads to what is not a URL"))?;
    url.set_fragment(None);
    match (from.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return Err(invalid("the server leads from https to http, where others could read and change the data")),
        _ => return Err(invalid("the server leads to what is not on the web")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the server leads to a URL with a name or a password in it"));
    }
    Ok(url)
}

/// A client that goes where `reach` says, follows no redirect and knows no proxy.
///
/// # Errors
/// There is no TLS.
pub(super) fn built(reach: Reach, options: &HttpOptions) -> Result<reqwest::Client, Fault> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        // The environment is read by the command line alone; a proxy would also hide which address is connected to.
        .no_proxy()
        .no_gzip()
        .no_deflate()
        .no_zstd()
        .no_brotli()
        // Of HTTP/1.1 it is known how each answer ends.
        .http1_only()
        .connect_timeout(options.limits.idle_max)
        .dns_resolver(Arc::new(Resolver { reach }));
    builder.build().map_err(|error| {
        let fault = Fault::new(Code::Unreadable, format!("no secure connections can be made: {}", because(&error)));
        fault.hint("are the certificates of this machine installed (`ca-certificates`)?")
    })
}
