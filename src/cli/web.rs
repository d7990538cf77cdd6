//! How data on the web may be fetched.

use clap::Args;

use crate::source::{HttpOptions, Reach, VARIABLE_PREFIX, Variables};

/// How data on the web may be fetched.
#[derive(Debug, Default, Args)]
pub(super) struct Web {
    /// Let headers of the rule file name this variable of the environment, beside those that begin with SLUICEGATE_HTTP_; may be
    /// given again
    #[arg(long = "http-env", value_name = "NAME")]
    allowed: Vec<String>,
    /// Let redirects and links to further pages lead to addresses of this machine and of private networks
    #[arg(long)]
    allow_private_addresses: bool,
}

impl Web {
    /// What the rule file says of fetching, with what it may use.
    pub(super) fn allow(&self, of_rules: HttpOptions) -> HttpOptions {
        let is_allowed = |name: &str| name.starts_with(VARIABLE_PREFIX) || self.allowed.iter().any(|one| one == name);
        let all = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let variables = Variables(all.filter(|(name, _)| is_allowed(name)).collect());
        let reach = if self.allow_private_addresses { Reach::Anywhere } else { Reach::Public };
        HttpOptions { variables, reach, ..of_rules }
    }
}
