//! Whether, and with what, a run tells others that the state of its data set has changed.

use clap::Args;

use super::output;
use crate::history::{self, History, Last};
use crate::notify::{self, Before, Means};
use crate::report::Report;
use crate::report::model::Mode;
use crate::ruleset::{NOTIFY_PREFIX, RuleFile};
use crate::source::Variables;

/// Whether those are told whom the rule file names.
#[derive(Debug, Default, Args)]
pub(super) struct Notify {
    /// Tell nobody, whomever the rule file's `notify` names
    #[arg(long)]
    no_notify: bool,
    /// Tell those whom the rule file's `notify` names; `gate` does so without it, and a dry run never
    #[arg(long, conflicts_with = "no_notify")]
    notify: bool,
    /// Let `notify` name this variable of the environment, beside those that begin with SLUICEGATE_NOTIFY_; may be given again
    #[arg(long = "notify-env", value_name = "NAME")]
    notify_variables: Vec<String>,
}

impl Notify {
    /// Tells those whom `rules` name, if there is something to tell. `is_confined` says that the rule file is not trusted.
    /// What goes wrong is said, and changes nothing.
    pub(super) fn tell(&self, mode: Mode, rules: &RuleFile, history: Option<&History>, report: &Report, is_confined: bool) {
        let is_asked = if self.notify { &[Mode::Gate, Mode::Check][..] } else { &[Mode::Gate] };
        if self.no_notify || !is_asked.contains(&mode) || rules.sections.notify.is_empty() {
            return;
        }
        let before = match history.map(|history| history::last(history, report, &rules.privacy(None))) {
            None => Before::Unknown,
            Some(Ok(None)) => Before::Nothing,
            Some(Ok(Some(Last::Itself))) => Before::Repeated,
            Some(Ok(Some(Last::Other(last, since)))) => Before::Run(last, since),
            Some(Err(fault)) => {
                output::note(&format!("what has changed cannot be told, so this run is notified of unless it passes: {}", fault.what));
                Before::Unknown
            }
        };
        let Some(news) = notify::news(report, &before) else { return };
        let means = Means { variables: self.allowed(), trusts_rule_file: !is_confined };
        for warning in notify::tell(&rules.sections.notify, report, &news, &means) {
            output::note(&format!("warning: {warning}"));
        }
    }

    /// The variables that rule files may name.
    fn allowed(&self) -> Variables {
        let is_allowed = |name: &str| name.starts_with(NOTIFY_PREFIX) || self.notify_variables.iter().any(|allowed| allowed == name);
        let all = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Variables(all.filter(|(name, _)| is_allowed(name)).collect())
    }
}
