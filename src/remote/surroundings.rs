//! What places elsewhere need to know of this machine.

use std::fmt;
use std::path::PathBuf;

/// What an object store needs to know of this machine. It enters through the command line; nothing here reads the
/// environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Variables of the environment: credentials, region, endpoint.
    pub variables: Vec<(String, String)>,
    /// Where files are written before they are sent.
    pub staging: PathBuf,
    /// What stands in `~/.aws/config`, or in the file that stands in for it.
    pub aws_config: Option<String>,
    /// What stands in `~/.aws/credentials`, or in the file that stands in for it.
    pub aws_credentials: Option<String>,
}

impl Surroundings {
    /// What the variable `name` holds; nothing if it is not set, or empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// Values are secrets, so names alone are shown.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Surroundings").field("variables", &names).field("staging", &self.staging).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_shown() {
        let variables = vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "SECRET".to_owned()), ("AWS_REGION".to_owned(), String::new())];
        let aws_credentials = Some("aws_secret_access_key = SECRET".to_owned());
        let surroundings = Surroundings { variables, aws_credentials, ..Surroundings::default() };
        let shown = format!("{surroundings:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("SECRET\""), "{shown}");
        assert_eq!((surroundings.variable("AWS_SECRET_ACCESS_KEY"), surroundings.variable("AWS_REGION")), (Some("SECRET"), None));
    }
}
