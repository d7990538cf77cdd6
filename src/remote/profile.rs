//! Profiles of AWS: `~/.aws/config` and `~/.aws/credentials`, as far as they can be read without running a program.

use super::Surroundings;
use crate::diagnostic::{Code, Fault};

/// Where a profile says it, if it does, and the variable that it stands in for.
const KEYS: [(&str, &str); 7] = [
    ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("aws_session_token", "AWS_SESSION_TOKEN"),
    ("region", "AWS_REGION"),
    ("endpoint_url", "AWS_ENDPOINT_URL"),
    ("web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ("role_arn", "AWS_ROLE_ARN"),
];

/// The variables, and behind them those that the profile stands in for.
///
/// # Errors
/// A profile that is asked for by name is not there, or its credentials come from a program or a sign-in.
pub(super) fn variables(surroundings: &Surroundings) -> Result<Vec<(String, String)>, Fault> {
    let mut all = surroundings.variables.clone();
    let is_set = |name: &str| surroundings.variable(name).is_some();
    let named = surroundings.variable("AWS_PROFILE").or_else(|| surroundings.variable("AWS_DEFAULT_PROFILE"));
    let profile = Profile::of(surroundings, named.unwrap_or("default"));
    if profile.entries.is_empty() {
        return match named.filter(|_| !has_credentials(surroundings)) {
            Some(name) => {
                let fault = Fault::new(Code::InvalidEnvironment, format!("AWS_PROFILE names the profile `{name}`, which is not there"));
                Err(fault.hint("profiles stand in `~/.aws/config` and `~/.aws/credentials`").hint_nearest_of(name, surroundings))
            }
            None => Ok(all),
        };
    }
    let has_own = has_credentials(surroundings);
    if !has_own {
        profile.ensure_plain()?;
    }
    // The SDKs read AWS_REGION, and the command line AWS_DEFAULT_REGION.
    let stands_for = |name: &str| match name {
        "AWS_REGION" => is_set("AWS_REGION") || is_set("AWS_DEFAULT_REGION"),
        "AWS_ENDPOINT_URL" => ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].into_iter().any(is_set),
        // Half of a pair of credentials from elsewhere is none.
        _ => has_own,
    };
    for (key, variable) in KEYS {
        if let Some(value) = profile.get(key).filter(|_| !stands_for(variable)) {
            all.retain(|(name, _)| name != variable);
            all.push((variable.to_owned(), value.to_owned()));
        }
    }
    Ok(all)
}

/// Whether the environment itself says who asks.
fn has_credentials(surroundings: &Surroundings) -> bool {
    const VARIABLES: [&str; 5] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ];
    VARIABLES.into_iter().any(|name| surroundings.variable(name).is_some())
}

trait HintNearestProfile {
    fn hint_nearest_of(self, name: &str, surroundings: &Surroundings) -> Self;
}

impl HintNearestProfile for Fault {
    fn hint_nearest_of(self, name: &str, surroundings: &Surroundings) -> Self {
        let names: Vec<String> = sections(surroundings).into_iter().map(|(name, _)| name).collect();
        match crate::diagnostic::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

/// What both files say of one profile; where both say something, the credentials file is believed.
struct Profile {
    name: String,
    entries: Vec<(String, String)>,
}

impl Profile {
    fn of(surroundings: &Surroundings, name: &str) -> Self {
        let all = sections(surroundings);
        let mut entries: Vec<(String, String)> =
            all.iter().filter(|(section, _)| section == name).flat_map(|(_, entries)| entries.clone()).collect();
        let services = entries.iter().find(|(key, _)| key == "services").map(|(_, value)| format!("services {value}"));
        let of_service = all.iter().filter(|(section, _)| Some(section) == services.as_ref()).flat_map(|(_, entries)| entries);
        // An address for S3 alone goes before one for everything.
        let own: Vec<_> = of_service.filter(|(key, _)| key == "s3.endpoint_url").map(|(_, value)| value.clone()).collect();
        entries.splice(0..0, own.into_iter().map(|value| ("endpoint_url".to_owned(), value)));
        Self { name: name.to_owned(), entries }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(k, value)| k == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Refuses credentials that only a program or another service could give.
    fn ensure_plain(&self) -> Result<(), Fault> {
        if self.get("aws_access_key_id").is_some() {
            return Ok(());
        }
        let is_role = self.get("role_arn").is_some() && self.get("web_identity_token_file").is_none();
        let sought =
            ["credential_process", "sso_session", "sso_start_url", "login_session"].into_iter().find(|key| self.get(key).is_some());
        let Some(key) = sought.or(is_role.then_some("role_arn")) else { return Ok(()) };
        let name = &self.name;
        let what = format!("the profile `{name}` takes its credentials from `{key}`, which is not supported");
        let hint = format!("run `eval \"$(aws configure export-credentials --profile {name} --format env)\"` first");
        Err(Fault::new(Code::Unsupported, what).hint(hint))
    }
}

/// The name of a section, and what stands in it.
type Section = (String, Vec<(String, String)>);

/// The sections of both files, those of the credentials first.
fn sections(surroundings: &Surroundings) -> Vec<Section> {
    let of = |text: &Option<String>| text.as_deref().map(read).unwrap_or_default();
    [of(&surroundings.aws_credentials), of(&surroundings.aws_config)].concat()
}

/// Sections of a file; `[profile NAME]` as `NAME`. Indented lines belong to the key above: `s3.endpoint_url`.
fn read(text: &str) -> Vec<Section> {
    let mut all: Vec<Section> = Vec::new();
    let mut above = String::new();
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let words: Vec<&str> = name.split_whitespace().collect();
            let name = match words[..] {
                ["profile", name] => name.to_owned(),
                _ => words.join(" "),
            };
            all.push((name, Vec::new()));
            continue;
        }
        let (Some((_, entries)), Some((key, value))) = (all.last_mut(), line.split_once('=')) else { continue };
        let key = key.trim().to_ascii_lowercase();
        let value = value.split(" #").next().unwrap_or_default().trim().to_owned();
        let key = if is_nested { format!("{above}.{key}") } else { key };
        if !is_nested {
            above.clone_from(&key);
        }
        entries.push((key, value));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-west-1\n\n[profile lake]\nregion=eu-central-1\nservices = local\n\
        [services local]\ns3 =\n  endpoint_url = http://localhost:9000\n\
        [profile job]\ncredential_process = /bin/keys\n[profile person]\nsso_session = corp\n[profile other]\nrole_arn = arn:x\nsource_profile = lake\n\
        [profile pod]\nrole_arn = arn:x\nweb_identity_token_file = /token\n";
    const CREDENTIALS: &str = "# ours\n[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n[lake]\naws_access_key_id=LAKE\naws_secret_access_key=KEY # new\n";

    fn with(variables: &[(&str, &str)]) -> Result<Vec<(String, String)>, Fault> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        super::variables(&Surroundings {
            variables,
            aws_config: Some(CONFIG.into()),
            aws_credentials: Some(CREDENTIALS.into()),
            ..Surroundings::default()
        })
    }

    fn get<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
        variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_profile_stands_in_for_variables_that_are_not_set() {
        let plain = with(&[]).expect("the default profile");
        assert_eq!((get(&plain, "AWS_ACCESS_KEY_ID"), get(&plain, "AWS_REGION")), (Some("ID"), Some("eu-west-1")));
        let lake = with(&[("AWS_PROFILE", "lake"), ("AWS_DEFAULT_REGION", "us-east-2")]).expect("a profile");
        assert_eq!((get(&lake, "AWS_ACCESS_KEY_ID"), get(&lake, "AWS_SECRET_ACCESS_KEY")), (Some("LAKE"), Some("KEY")));
        assert_eq!((get(&lake, "AWS_REGION"), get(&lake, "AWS_ENDPOINT_URL")), (None, Some("http://localhost:9000")));
        let own = with(&[("AWS_PROFILE", "lake"), ("AWS_ACCESS_KEY_ID", "X"), ("AWS_SECRET_ACCESS_KEY", "Y")]).expect("variables");
        assert_eq!((get(&own, "AWS_ACCESS_KEY_ID"), get(&own, "AWS_SECRET_ACCESS_KEY")), (Some("X"), Some("Y")));
        let pod = with(&[("AWS_PROFILE", "pod")]).expect("a profile");
        assert_eq!((get(&pod, "AWS_WEB_IDENTITY_TOKEN_FILE"), get(&pod, "AWS_ACCESS_KEY_ID")), (Some("/token"), None));
    }

    #[test]
    fn credentials_that_only_a_program_can_give_are_refused_by_name() {
        for (profile, key) in [("job", "credential_process"), ("person", "sso_session"), ("other", "role_arn")] {
            let fault = with(&[("AWS_PROFILE", profile)]).expect_err(profile).to_string();
            assert!(fault.contains(&format!("`{key}`, which is not supported; run `eval")), "{fault}");
            with(&[("AWS_PROFILE", profile), ("AWS_ACCESS_KEY_ID", "X"), ("AWS_SECRET_ACCESS_KEY", "Y")]).expect("variables go first");
        }
        let absent = with(&[("AWS_PROFILE", "lkae")]).expect_err("no such profile").to_string();
        assert!(absent.contains("`lkae`, which is not there; did you mean `lake`?"), "{absent}");
    }
}
