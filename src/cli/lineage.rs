//! Telling a lineage server of a run, as OpenLineage events without values of the data. Only who runs the program says where: the
//! command line or the variables that OpenLineage's own clients read, never a rule file. That it fails is noted, and changes
//! neither verdict nor exit code.

use std::time::Duration;

use chrono::Utc;
use clap::Args;

use super::output;
use crate::report::model::Mode;
use crate::report::{Report, openlineage};
use crate::source::{PostLimits, post_json_with};

/// How long one event may take, with all attempts.
const LIMITS: PostLimits = PostLimits { time_max: Duration::from_secs(20), attempt_max: Duration::from_secs(6), retries: 2 };

/// Where servers take events, unless OPENLINEAGE_ENDPOINT says otherwise.
const ENDPOINT: &str = "api/v1/lineage";

/// Whether a lineage server is told of a run.
#[derive(Debug, Default, Args)]
pub(super) struct Lineage {
    /// Post the run to the lineage server at this URL, as OpenLineage events; the variable OPENLINEAGE_URL if left out. `off`
    /// posts nothing
    #[arg(long, value_name = "URL|off")]
    lineage: Option<String>,
}

impl Lineage {
    /// Posts that the run started, and how it ended; a dry run is not told of.
    pub(super) fn post(&self, report: &Report) {
        let Some(url) = self.url().filter(|_| report.mode != Mode::DryRun) else { return };
        let namespace = variable("OPENLINEAGE_NAMESPACE").unwrap_or_else(|| openlineage::NAMESPACE.to_owned());
        let token = variable("OPENLINEAGE_API_KEY");
        for event in openlineage::events_to_post(report, &namespace, Utc::now()) {
            if let Err(fault) = post_json_with(&url, token.as_deref(), event.to_string(), LIMITS) {
                output::note(&format!("warning: the lineage server was not told of this run: {}", fault.what));
                return;
            }
        }
    }

    /// Where events go, if anywhere.
    fn url(&self) -> Option<String> {
        let is_disabled = variable("OPENLINEAGE_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let url = match &self.lineage {
            Some(url) => Some(url.clone()).filter(|url| url != "off"),
            None => variable("OPENLINEAGE_URL").filter(|_| !is_disabled),
        }?;
        let endpoint = variable("OPENLINEAGE_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let (url, endpoint) = (url.trim_end_matches('/'), endpoint.trim_matches('/'));
        Some(if url.ends_with(endpoint) { url.to_owned() } else { format!("{url}/{endpoint}") })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
