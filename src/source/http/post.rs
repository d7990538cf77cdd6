//! A document posted to a URL, within a bounded time: what a gate tells others.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::time::{sleep, timeout};
use url::{Host, Url};

use super::client::built;
use super::failure::{Asked, Failure, refused, unreached};
use super::options::{HttpLimits, HttpOptions, Reach};
use crate::diagnostic::{Code, Fault};

/// The first pause before it is tried again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a post may take.
#[derive(Debug, Clone, Copy)]
pub struct PostLimits {
    /// With all attempts and pauses.
    pub time_max: Duration,
    /// For one attempt.
    pub attempt_max: Duration,
    /// How often it is tried again.
    pub retries: u32,
}

/// Posts JSON to `url`, which may be secret: faults name its host alone.
///
/// # Errors
/// The server does not take it within the time, or the URL is none that may be used.
pub fn post_json(url: &str, body: String, limits: PostLimits) -> Result<(), Fault> {
    posted(&usable(url, Secrecy::Kept)?, None, &body, limits)
}

/// Posts JSON to `url`, with a token by which the server knows who posts, if there is one. Without a token nothing of it is
/// secret, and it may go to any machine without encryption.
///
/// # Errors
/// The server does not take it within the time, or the URL is none that may be used.
pub fn post_json_with(url: &str, token: Option<&str>, body: String, limits: PostLimits) -> Result<(), Fault> {
    let secrecy = if token.is_some() { Secrecy::Kept } else { Secrecy::Waived };
    posted(&usable(url, secrecy)?, token, &body, limits)
}

/// Whether others may read what is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Kept,
    Waived,
}

fn posted(url: &Url, token: Option<&str>, body: &str, limits: PostLimits) -> Result<(), Fault> {
    let failed = |e: std::io::Error| Fault::new(Code::Internal, format!("internal error: no runtime: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let posted = runtime.block_on(async { timeout(limits.time_max, attempts(url, token, body, limits)).await });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    posted.unwrap_or_else(|_| {
        Err(Fault::new(Code::TimedOut, format!("{}: it was not taken within {} s", host_of(url), limits.time_max.as_secs())))
    })
}

/// The URL, if what is posted to it cannot be read on the way.
fn usable(text: &str, secrecy: Secrecy) -> Result<Url, Fault> {
    let invalid = |what: &str| Fault::new(Code::InvalidLocation, what.to_owned());
    // What is wrong with it is not said, since it may be a secret.
    let url = Url::parse(text.trim()).map_err(|_| invalid("it is no URL"))?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here || secrecy == Secrecy::Waived => Ok(url),
        "http" => Err(invalid("it is an `http` URL of another machine, and others could read what is posted: use `https`")),
        _ => Err(invalid("it is no URL of the web")),
    }
}

/// The URL as faults name it.
fn host_of(url: &Url) -> Url {
    let mut host = url.clone();
    host.set_path("");
    host.set_query(None);
    host.set_fragment(None);
    // A URL that names a host takes both.
    if host.set_username("").and_then(|()| host.set_password(None)).is_err() {
        host.set_path("");
    }
    host
}

async fn attempts(url: &Url, token: Option<&str>, body: &str, limits: PostLimits) -> Result<(), Fault> {
    // Whoever runs this has named the host; where its server leads is not followed.
    let options = HttpOptions { limits: HttpLimits { idle_max: limits.attempt_max, ..HttpLimits::default() }, ..HttpOptions::default() };
    let (client, name) = (Arc::new(built(Reach::Anywhere, &options)?), host_of(url));
    let mut pause = PAUSE;
    for attempt in 1_u32.. {
        let request = client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned());
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        let failure = match timeout(limits.attempt_max, request.send()).await {
            Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
            Ok(Ok(answer)) => failure(&name, answer.status(), answer.headers(), limits),
            Ok(Err(error)) => unreached(&name, &error.without_url()),
            Err(_) => {
                let what = format!("{name}: no answer for {} s", limits.attempt_max.as_secs());
                Failure::passing(Fault::new(Code::TimedOut, what))
            }
        };
        let (fault, wait) = match failure {
            Failure::Final(fault) => return Err(fault),
            Failure::Passing { fault, wait } => (fault, wait),
        };
        if attempt > limits.retries {
            return Err(Fault { what: format!("{}; {attempt} attempts were made", fault.what), ..fault });
        }
        sleep(wait.unwrap_or(pause)).await;
        pause = pause.saturating_mul(2);
    }
    Err(Fault::new(Code::Internal, "internal error: attempts never end"))
}

/// What an answer means that takes nothing. A server that failed may not fail again.
fn failure(name: &Url, status: reqwest::StatusCode, headers: &HeaderMap, limits: PostLimits) -> Failure {
    if status.is_redirection() {
        let what = format!("{name}: the server leads elsewhere ({}), which is not followed", status.as_u16());
        return Failure::Final(Fault::new(Code::Unreadable, what));
    }
    match refused(name, status, headers, limits.time_max, &Asked::Plainly) {
        Some(Failure::Final(fault)) if status.is_server_error() => Failure::passing(fault),
        Some(failure) => failure,
        None => Failure::passing(Fault::new(Code::Unreadable, format!("{name}: the server answers with {}", status.as_u16()))),
    }
}
