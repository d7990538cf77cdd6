//! The section `notify`: who is told when the state of a data set changes.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Code, Fault, Faults};
use crate::rules::words::Texts;
use crate::source::{TextPart, text_parts};
use crate::yaml::{Position, Spanned};

/// Variables of the environment that begin so may be named by any rule file.
pub const NOTIFY_PREFIX: &str = "SLUICEGATE_NOTIFY_";

/// Someone who is told when the state of the data set changes: one of `webhook`, `slack` and `email`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Notify")]
pub struct NotifySection {
    /// A URL that a JSON document is posted to, from a variable of the environment: `${SLUICEGATE_NOTIFY_URL}`.
    /// If left out: `slack` or `email` is given.
    pub webhook: Option<Spanned<String>>,
    /// The URL of an incoming webhook of Slack, from a variable of the environment. If left out: `webhook` or `email` is given.
    pub slack: Option<Spanned<String>>,
    /// A mail, sent through a server. If left out: `webhook` or `slack` is given.
    pub email: Option<Spanned<EmailSection>>,
    /// Whether messages of findings are told, which may hold values of the data; those of masked columns never do. If left out: `false`.
    #[serde(default)]
    pub values: bool,
}

/// A mail, and the server that takes it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Email")]
pub struct EmailSection {
    /// The server: `smtps://HOST` with TLS from the beginning, or `smtp://HOST` with STARTTLS; with `:PORT` where it is another one.
    pub server: Spanned<String>,
    /// The sender.
    pub from: Spanned<String>,
    /// Who gets it: one address or several.
    pub to: Spanned<Texts>,
    /// The name to log in with. If left out: nobody logs in.
    pub username: Option<Spanned<String>>,
    /// The password, from a variable of the environment. If left out: nobody logs in.
    pub password: Option<Spanned<String>>,
}

/// Whether a text names a variable.
pub fn names_variable(text: &str) -> bool {
    text_parts(text).is_ok_and(|parts| parts.iter().any(|part| matches!(part, TextPart::Variable(_))))
}

impl NotifySection {
    /// What can be seen to be wrong without the environment.
    pub(super) fn mistakes(&self, at: Position, path: &str, faults: &mut Faults) {
        let given = [self.webhook.is_some(), self.slack.is_some(), self.email.is_some()].iter().filter(|is| **is).count();
        if given != 1 {
            let what = "an entry of `notify` is one of `webhook`, `slack` and `email`";
            let hint = format!("write `- webhook: ${{{NOTIFY_PREFIX}URL}}`, and an entry for each other");
            faults.push(Fault::new(Code::ConflictingWords, what).at(at.in_file(path)).hint(hint));
        }
        for (key, text) in [("webhook", &self.webhook), ("slack", &self.slack)] {
            text.iter().for_each(|text| secret(key, "URL", text, path, faults));
        }
        let Some(email) = &self.email else { return };
        let EmailSection { server, from, to, username, password } = &email.value;
        password.iter().for_each(|password| secret("password", "PASSWORD", password, path, faults));
        let texts = [Some(server), Some(from), username.as_ref()].into_iter().flatten();
        texts.for_each(|text| well_formed(text, &text.value, path, faults));
        to.value.0.iter().for_each(|one| well_formed(to, one, path, faults));
        let names_scheme = names_variable(&server.value) || ["smtp://", "smtps://"].iter().any(|scheme| server.value.starts_with(scheme));
        if !names_scheme || server.value.contains('@') {
            let fault = Fault::new(Code::InvalidLocation, "a mail server is `smtps://HOST` or `smtp://HOST`").at(server.at.in_file(path));
            faults.push(fault.hint("name and password stand in `username` and `password`"));
        }
        if username.is_some() != password.is_some() {
            let fault = Fault::new(Code::MissingWord, "`username` and `password` belong together").at(email.at.in_file(path));
            faults.push(fault.hint(format!("write `password: ${{{NOTIFY_PREFIX}PASSWORD}}`")));
        }
        if to.value.0.is_empty() {
            faults.push(Fault::new(Code::InvalidValue, "`to` names nobody").at(to.at.in_file(path)));
        }
    }
}

fn well_formed<T>(place: &Spanned<T>, text: &str, path: &str, faults: &mut Faults) {
    if let Err(what) = text_parts(text) {
        faults.push(Fault::new(Code::InvalidValue, what).at(place.at.in_file(path)));
    }
}

/// Whoever knows such a text can use it, and rule files are read by many.
fn secret(key: &str, variable: &str, text: &Spanned<String>, path: &str, faults: &mut Faults) {
    well_formed(text, &text.value, path, faults);
    if text_parts(&text.value).is_ok() && !names_variable(&text.value) {
        let what = format!("`{key}` is a secret, and rule files are read by many");
        let hint = format!("put it into a variable, and write `{key}: ${{{NOTIFY_PREFIX}{variable}}}`");
        faults.push(Fault::new(Code::CredentialsInUrl, what).at(text.at.in_file(path)).hint(hint));
    }
}
