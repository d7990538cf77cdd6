//! Where a notification goes: what the rule file says, with the values of variables in it.

use super::Means;
use super::mail::Mail;
use crate::ruleset::{EmailSection, NOTIFY_PREFIX, NotifySection, names_variable};
use crate::source::{TextPart, text_parts};

pub(super) enum Target {
    Webhook(String),
    Slack(String),
    Mail(Box<Mail>),
}

/// Texts that are never shown.
pub(super) type Secrets = Vec<String>;

/// The target, and what must not be shown of it.
pub(super) fn of(section: &NotifySection, means: &Means) -> Result<(Target, Secrets), String> {
    let mut secrets = Secrets::new();
    let mut filled = |text: &str| {
        let mut out = String::new();
        for part in text_parts(text).map_err(str::to_owned)? {
            match part {
                TextPart::Text(text) => out.push_str(text),
                TextPart::Variable(name) => {
                    let value = means.variables.get(name).ok_or_else(|| not_given(name))?;
                    secrets.push(value.trim().to_owned());
                    out.push_str(value.trim());
                }
            }
        }
        Ok::<String, String>(out)
    };
    let target = match (&section.webhook, &section.slack, &section.email) {
        (Some(url), ..) => Target::Webhook(filled(&url.value)?),
        (_, Some(url), _) => Target::Slack(filled(&url.value)?),
        (.., Some(email)) => {
            let EmailSection { server, from, to, username, password } = &email.value;
            if !means.trusts_rule_file && !names_variable(&server.value) {
                return Err(format!("with `--root` the server comes from a variable: `server: ${{{NOTIFY_PREFIX}SERVER}}`"));
            }
            let login = match (username, password) {
                (Some(username), Some(password)) => Some((filled(&username.value)?, filled(&password.value)?)),
                _ => None,
            };
            let to = to.value.0.iter().map(|one| filled(one)).collect::<Result<Vec<_>, _>>()?;
            Target::Mail(Box::new(Mail { server: filled(&server.value)?, from: filled(&from.value)?, to, login }))
        }
        (None, None, None) => return Err("nobody is named".to_owned()),
    };
    Ok((target, secrets))
}

fn not_given(variable: &str) -> String {
    if variable.starts_with(NOTIFY_PREFIX) {
        return format!("the variable {variable} is not set");
    }
    format!("the variable {variable} is not set, or may not be named by a rule file: allow it with `--notify-env {variable}`")
}

/// The text without any of `secrets`, whole or in part as URLs hold them.
pub(super) fn without(secrets: &[String], mut text: String) -> String {
    const SHORT: usize = 4;
    for secret in secrets {
        let of_url = secret.split(['/', '?', '&', '=', '@']).skip(3);
        let parts = if secret.contains("://") { of_url.map(str::to_owned).collect() } else { Vec::new() };
        for hidden in [secret.clone()].into_iter().chain(parts).filter(|hidden| hidden.len() >= SHORT) {
            text = text.replace(&hidden, "***");
        }
    }
    text
}
