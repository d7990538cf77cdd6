//! Where the brokers are and how they are spoken to, from a URL and the environment.

mod tls;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::diagnostic::{Code, Fault};
use crate::files;

/// The port where brokers listen unless the URL says otherwise.
const PORT: u16 = 9092;
/// How long brokers may be away before that is a fault.
const PATIENCE: Duration = Duration::from_secs(60);

const FORM: &str = "write `kafka://HOST:PORT/TOPIC`, or several brokers as `kafka://HOST:PORT,HOST:PORT/TOPIC`";

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const MECHANISM: &str = "KAFKA_SASL_MECHANISM";
const USERNAME: &str = "KAFKA_SASL_USERNAME";
const PASSWORD: &str = "KAFKA_SASL_PASSWORD";

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Who asks.
#[derive(Clone)]
pub(super) struct User {
    pub mechanism: Mechanism,
    pub name: String,
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}, {}, …)", self.mechanism.name(), self.name)
    }
}

/// The address of a broker.
pub(super) type Address = (String, u16);

/// As people write it.
pub(super) fn shown((host, port): &Address) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A topic, its brokers, and how they are spoken to.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) brokers: Vec<Address>,
    pub(super) topic: Arc<str>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) user: Option<User>,
    /// How long brokers may be away, all attempts together, before that is a fault.
    pub(super) patience: Duration,
}

impl fmt::Display for Settings {
    /// The URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brokers: Vec<String> = self.brokers.iter().map(shown).collect();
        write!(f, "{}://{}/{}", if self.tls.is_some() { "kafkas" } else { "kafka" }, brokers.join(","), self.topic)
    }
}

impl Settings {
    /// Whether `url` is one of these at all.
    pub fn is_meant_by(url: &str) -> bool {
        url.starts_with("kafka://") || url.starts_with("kafkas://")
    }

    /// Of `kafka://HOST:PORT[,HOST:PORT…]/TOPIC`, or the same with `kafkas://` for TLS, and the variables `KAFKA_…` of the
    /// environment.
    ///
    /// # Errors
    /// The URL or a variable is not what it should be, or a file that a variable names cannot be read.
    pub fn of(url: &str, variables: &[(String, String)]) -> Result<Self, Fault> {
        let variables = Variables(variables);
        let (brokers, topic) = parsed(url)?;
        let scheme_tls = url.starts_with("kafkas://");
        let (is_tls, is_sasl) = match variables.get(PROTOCOL) {
            None => (scheme_tls, scheme_tls && variables.get(MECHANISM).or(variables.get(USERNAME)).is_some()),
            Some(protocol) => security(protocol, scheme_tls)?,
        };
        if !is_sasl && let Some(name) = [MECHANISM, USERNAME].into_iter().find(|name| variables.get(name).is_some()) {
            let what = format!("the variable {name} is set, but the connection to {url} proves nothing of a user");
            return Err(invalid(what).hint(format!("write `kafkas://`, or set {PROTOCOL} to `sasl_ssl` or `sasl_plaintext`")));
        }
        let user = is_sasl.then(|| variables.user()).transpose()?;
        let tls = is_tls.then(|| tls::config(&variables)).transpose()?;
        Ok(Self { brokers, topic, tls, user, patience: PATIENCE })
    }

    /// With another limit on how long brokers may be away; a minute if nothing is said.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The topic's name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }
}

fn invalid(what: impl Into<String>) -> Fault {
    Fault::new(Code::InvalidEnvironment, what)
}

/// The brokers and the topic of a URL.
fn parsed(url: &str) -> Result<(Vec<Address>, Arc<str>), Fault> {
    let refused = |why: &str| Fault::new(Code::InvalidLocation, format!("{url}: {why}")).hint(FORM);
    let rest = url.strip_prefix("kafka://").or_else(|| url.strip_prefix("kafkas://")).ok_or_else(|| refused("this is no topic"))?;
    if rest.contains('@') {
        let fault = Fault::new(Code::CredentialsInUrl, format!("{url}: credentials do not belong in a URL, which ends up in logs"));
        return Err(fault.hint(format!("{USERNAME} and {PASSWORD}, or {PASSWORD}_FILE, hold them")));
    }
    let (brokers, topic) = rest.split_once('/').ok_or_else(|| refused("no topic is named"))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 || !topic.chars().all(fits) || matches!(topic, "." | "..") {
        let why = if topic.is_empty() { "no topic is named" } else { "a topic is called by letters, digits, `.`, `_` and `-` alone" };
        return Err(refused(why));
    }
    let brokers = brokers.split(',').map(|broker| address(broker).ok_or_else(|| refused("a broker is no `HOST:PORT`")));
    Ok((brokers.collect::<Result<_, _>>()?, topic.into()))
}

fn address(text: &str) -> Option<Address> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || (text.starts_with('[') && c == ':');
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_owned(), port))
}

/// Whether a security protocol means TLS, and a user.
fn security(protocol: &str, scheme_tls: bool) -> Result<(bool, bool), Fault> {
    const ALL: [&str; 4] = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
    let (is_tls, is_sasl) = match protocol.to_ascii_lowercase().as_str() {
        "plaintext" => (false, false),
        "ssl" => (true, false),
        "sasl_plaintext" => (false, true),
        "sasl_ssl" => (true, true),
        _ => return Err(invalid(format!("the variable {PROTOCOL} holds no security protocol")).hint_nearest(protocol, ALL)),
    };
    if scheme_tls && !is_tls {
        let what = format!("the URL begins with `kafkas://`, which means TLS, but {PROTOCOL} is `{}`", protocol.to_ascii_lowercase());
        return Err(Fault::new(Code::ConflictingOptions, what).hint("write `kafka://`, or set it to `ssl` or `sasl_ssl`"));
    }
    Ok((is_tls, is_sasl))
}

/// Variables of the environment. An empty one is none.
struct Variables<'a>(&'a [(String, String)]);

impl<'a> Variables<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The bytes of the file that the variable `name` names.
    fn file(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(path) = self.get(name) else { return Ok(None) };
        let read = || {
            use std::io::Read;
            let mut bytes = Vec::new();
            files::open(Path::new(path))?.take(SECRET_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let said = |e: std::io::Error| {
            let fault = Fault::new(Code::of_reading(&e), format!("{path}: cannot read: {e}"));
            fault.hint(format!("the variable {name} names this file"))
        };
        read().map(Some).map_err(said)
    }

    fn user(&self) -> Result<User, Fault> {
        let names = Mechanism::ALL.map(Mechanism::name);
        let missing = |name: &str| invalid(format!("the variable {name} is not set, and the brokers ask for a user"));
        let known = |text: &str| Mechanism::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(text));
        let mechanism = match self.get(MECHANISM) {
            None => return Err(missing(MECHANISM).hint("set it to `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`")),
            Some(text) => known(text)
                .ok_or_else(|| invalid(format!("the variable {MECHANISM} holds no mechanism that is known here")).hint_word(text, names))?,
        };
        let name = self.get(USERNAME).ok_or_else(|| missing(USERNAME))?.to_owned();
        let file = format!("{PASSWORD}_FILE");
        let password = match (self.get(PASSWORD), self.file(&file)?) {
            (Some(_), Some(_)) => return Err(invalid(format!("{PASSWORD} and {file} are both set")).hint("unset one of them")),
            (Some(password), None) => password.to_owned(),
            (None, Some(bytes)) => {
                let text = String::from_utf8(bytes).map_err(|_| invalid(format!("the file that {file} names is not UTF-8")))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, None) => return Err(missing(PASSWORD).hint(format!("or let {file} name a file that holds it"))),
        };
        if password.is_empty() || password.contains('\0') || name.contains('\0') {
            return Err(invalid("the Kafka user's name or password is empty, or holds a zero byte"));
        }
        Ok(User { mechanism, name, password })
    }
}

/// No certificate, key or password is as large.
const SECRET_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, variables: &[(&str, &str)]) -> Result<Settings, Fault> {
        let variables: Vec<(String, String)> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Settings::of(url, &variables)
    }

    #[test]
    fn a_url_names_brokers_and_a_topic() {
        let settings = of("kafka://a.example:9093,b,[::1]:9094/orders.v1", &[]).expect("settings");
        assert_eq!(settings.to_string(), "kafka://a.example:9093,b:9092,[::1]:9094/orders.v1");
        assert_eq!(settings.brokers[2], ("::1".to_owned(), 9094));
        for wrong in
            ["kafka://h", "kafka://h/", "kafka:///t", "kafka://h:x/t", "kafka://h:0/t", "kafka://h/a/b", "kafka://h,/t", "kafka://h/a?b"]
        {
            assert_eq!(of(wrong, &[]).expect_err(wrong).code, Code::InvalidLocation);
        }
        let fault = of("kafka://me:SECRET@h/t", &[]).expect_err("credentials");
        assert!(fault.code == Code::CredentialsInUrl && !fault.to_string().contains("SECRET"), "{fault}");
    }

    #[test]
    fn a_user_comes_from_the_environment_and_no_mistake_tells_the_password() {
        let user = [("KAFKA_SASL_MECHANISM", "scram-sha-256"), ("KAFKA_SASL_USERNAME", "me"), ("KAFKA_SASL_PASSWORD", "SECRET")];
        let with = |more: &[(&'static str, &'static str)]| [&user, more].concat();
        let settings = of("kafka://h/t", &with(&[("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")])).expect("settings");
        assert!(settings.tls.is_none() && settings.user.as_ref().is_some_and(|user| user.mechanism == Mechanism::ScramSha256));
        assert!(!format!("{settings:?}").contains("SECRET"));
        assert!(of("kafkas://h/t", &user).expect("settings").user.is_some());
        for (variables, says) in [
            (user.to_vec(), "proves nothing of a user"),
            (with(&[("KAFKA_SECURITY_PROTOCOL", "tls")]), "no security protocol"),
            (with(&[("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"), ("KAFKA_SASL_PASSWORD_FILE", "/dev/null/x")]), "cannot read"),
            (vec![("KAFKA_SECURITY_PROTOCOL", "sasl_ssl")], "KAFKA_SASL_MECHANISM is not set"),
            (vec![("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"), ("KAFKA_SASL_MECHANISM", "GSSAPI")], "no mechanism"),
        ] {
            let fault = of("kafka://h/t", &variables).expect_err(says).to_string();
            assert!(fault.contains(says) && !fault.contains("SECRET"), "{fault}");
        }
        let fault = of("kafkas://h/t", &[("KAFKA_SECURITY_PROTOCOL", "plaintext")]).expect_err("a conflict");
        assert_eq!(fault.code, Code::ConflictingOptions);
    }
}
