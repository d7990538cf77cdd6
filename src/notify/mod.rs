//! Telling people and programs that the state of a data set has changed: a webhook, Slack, a mail. Whatever comes of it changes
//! nothing of the run: what fails is a warning.

mod mail;
mod message;
mod news;
mod target;

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

pub use self::news::{Before, News, news};
use self::target::Target;
use crate::report::Report;
use crate::ruleset::NotifySection;
use crate::source::{PostLimits, Variables, post_json};
use crate::visible::{self, MESSAGE_MAX};
use crate::yaml::Spanned;

/// How long telling one may take, with all attempts; all are told at once.
const LIMITS: PostLimits = PostLimits { time_max: Duration::from_secs(30), attempt_max: Duration::from_secs(8), retries: 3 };

/// What a run may use to tell others.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// Variables of the environment that the rule file may name.
    pub variables: Variables,
    /// Whether a rule file may name a mail server itself; else a variable does.
    pub trusts_rule_file: bool,
}

/// What came of telling one of them: why it was not told.
type Told = Result<(), String>;

/// Tells everyone whom `sections` name; gives what went wrong, in a sentence each.
pub fn tell(sections: &[Spanned<NotifySection>], report: &Report, news: &News, means: &Means) -> Vec<String> {
    let (done, when_done) = channel();
    let mut told: Vec<Option<Told>> = vec![None; sections.len()];
    for (index, section) in sections.iter().enumerate() {
        told[index] = begin(index, &section.value, (report, news), means, &done).err().map(Err);
    }
    // Whoever is not done then is not waited for; its thread ends by itself.
    let over = move || {
        std::thread::sleep(LIMITS.time_max + Duration::from_secs(1));
        drop(done.send(None));
    };
    if std::thread::Builder::new().spawn(over).is_ok() {
        while told.iter().any(Option::is_none)
            && let Ok(Some((index, result))) = when_done.recv()
        {
            told[index] = Some(result);
        }
    }
    let late = || Err(format!("it was not taken within {} s", LIMITS.time_max.as_secs()));
    let warning = |(section, told): (&Spanned<NotifySection>, Option<Told>)| {
        let why = told.unwrap_or_else(late).err()?;
        Some(format!("{}: not notified: {}", name_of(section), visible::cut(&why, MESSAGE_MAX)))
    };
    sections.iter().zip(told).filter_map(warning).collect()
}

/// The entry as warnings name it.
fn name_of(section: &Spanned<NotifySection>) -> String {
    let NotifySection { webhook, slack, .. } = &section.value;
    let kind = if webhook.is_some() {
        "webhook"
    } else if slack.is_some() {
        "Slack"
    } else {
        "e-mail"
    };
    format!("`notify` at line {}, {kind}", section.at.line)
}

/// Begins to tell one of them, on a thread of its own; what comes of it is sent to `done` under its index.
fn begin(
    index: usize,
    section: &NotifySection,
    (report, news): (&Report, &News),
    means: &Means,
    done: &Sender<Option<(usize, Told)>>,
) -> Told {
    let (target, secrets) = target::of(section, means)?;
    let tell: Box<dyn FnOnce() -> Told + Send> = match target {
        Target::Webhook(url) => {
            let body = message::json(report, news, section.values);
            Box::new(move || post_json(&url, body, LIMITS).map_err(|fault| fault.what))
        }
        Target::Slack(url) => {
            let body = message::slack(report, news, section.values);
            Box::new(move || post_json(&url, body, LIMITS).map_err(|fault| fault.what))
        }
        Target::Mail(mail) => {
            let (subject, text) = (message::subject(report, news), message::text(report, news, section.values));
            let date = report.began.clone();
            Box::new(move || mail.send(&subject, text, date.as_deref(), LIMITS))
        }
    };
    let done = done.clone();
    // Nobody may be there any more to take it: then it was too late. A server may say again what it was told.
    let work = move || drop(done.send(Some((index, tell().map_err(|why| target::without(&secrets, why))))));
    std::thread::Builder::new().spawn(work).map(|_| ()).map_err(|e| format!("no thread can be begun: {e}"))
}
