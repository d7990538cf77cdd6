//! A mail through a server of mail: over TLS, but for a server of this machine.

use std::time::Duration;

use chrono::DateTime;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use crate::source::PostLimits;

pub(super) struct Mail {
    pub server: String,
    pub from: String,
    pub to: Vec<String>,
    pub login: Option<(String, String)>,
}

impl Mail {
    /// Sends it; tried again while the server cannot be reached or asks to come later.
    pub(super) fn send(&self, subject: &str, text: String, began: Option<&str>, limits: PostLimits) -> Result<(), String> {
        let (message, transport) = (self.message(subject, text, began)?, self.transport(limits)?);
        let mut pause = Duration::from_millis(500);
        for attempt in 1_u32.. {
            let error = match transport.send(&message) {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let why = causes(&error);
            if error.is_permanent() || error.is_tls() {
                return Err(format!("the server refuses it: {why}"));
            }
            if attempt > limits.retries {
                return Err(format!("{why}; {attempt} attempts were made"));
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err("attempts never end".to_owned())
    }

    fn message(&self, subject: &str, text: String, began: Option<&str>) -> Result<Message, String> {
        // Sent again, it is the same mail.
        let id = format!("<{:032x}@sluicegate>", xxh3_128(format!("{subject}\n{began:?}\n{text}").as_bytes()));
        let mut builder = Message::builder().from(address("from", &self.from)?).subject(subject).message_id(Some(id));
        for to in &self.to {
            builder = builder.to(address("to", to)?);
        }
        if let Some(time) = began.and_then(|time| DateTime::parse_from_rfc3339(time).ok()) {
            builder = builder.date(time.into());
        }
        builder.header(ContentType::TEXT_PLAIN).body(text).map_err(|e| format!("the mail cannot be written: {e}"))
    }

    fn transport(&self, limits: PostLimits) -> Result<SmtpTransport, String> {
        let invalid = || "the server is `smtps://HOST` or `smtp://HOST`, with `:PORT` where it is another one".to_owned();
        let url = Url::parse(self.server.trim()).map_err(|_| invalid())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("name and password stand in `username` and `password`, not in the server's URL".to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(invalid)?.to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let parameters = || TlsParameters::new(bare.to_owned()).map_err(|e| format!("no secure connection: {e}"));
        let (port, tls) = match url.scheme() {
            "smtps" => (465, Tls::Wrapper(parameters()?)),
            // Nobody listens between this machine and itself.
            "smtp" if is_here => (25, Tls::Opportunistic(parameters()?)),
            "smtp" => (587, Tls::Required(parameters()?)),
            _ => return Err(invalid()),
        };
        let builder = SmtpTransport::builder_dangerous(bare).port(url.port().unwrap_or(port)).tls(tls).timeout(Some(limits.attempt_max));
        let builder = match &self.login {
            Some((name, password)) => builder.credentials(Credentials::new(name.clone(), password.clone())),
            None => builder,
        };
        Ok(builder.build())
    }
}

fn address(what: &str, text: &str) -> Result<lettre::message::Mailbox, String> {
    text.parse().map_err(|e| format!("`{what}` is no address: {e}"))
}

/// An error with its causes, which libraries leave out.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text += &format!(": {inner_text}");
        }
        cause = inner.source();
    }
    text
}
