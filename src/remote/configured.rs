//! What the environment says of a store, looked at before the library takes it: it breaks on what it cannot put in a request.

use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use super::name::{BucketName, Kind};
use super::{RETRIES_MAX, RETRY_TIME_MAX, Surroundings, azure, profile};
use crate::diagnostic::{Code, Fault, without_credentials};

/// A bucket that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub store: Arc<dyn ObjectStore>,
    /// The store, for people, where it is not the one that everybody means.
    pub endpoint: Option<String>,
    /// Whether nothing says who asks but, perhaps, the machine.
    pub asks_machine: bool,
}

/// The store that the variables lead to. They cannot name another bucket: the URL does that.
///
/// # Errors
/// A variable says something that no store has, or holds credentials where they would be told.
pub(super) fn configured(bucket: &BucketName, surroundings: &Surroundings) -> Result<Configured, Fault> {
    match bucket.kind {
        Kind::S3 => s3(bucket, &profile::variables(surroundings)?),
        Kind::Google => google(bucket, &surroundings.variables),
        Kind::Azure => azure(bucket, &azure::variables(&surroundings.variables)?),
    }
}

fn retries() -> RetryConfig {
    RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() }
}

fn s3(bucket: &BucketName, variables: &[(String, String)]) -> Result<Configured, Fault> {
    let mut builder = AmazonS3Builder::new().with_retry(retries());
    for (name, key, value) in known::<AmazonS3ConfigKey>("AWS_", variables, bucket.kind)? {
        ensure_s3(name, &key, value)?;
        builder = builder.with_config(key, value);
    }
    let store = builder.with_bucket_name(&bucket.bucket).build().map_err(|e| unusable(bucket, &e))?;
    let endpoint = first(variables, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
    let says_who = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
        "AWS_METADATA_ENDPOINT",
    ];
    let asks_machine = first(variables, &says_who).is_none();
    Ok(Configured { store: Arc::new(store), endpoint, asks_machine })
}

fn google(bucket: &BucketName, variables: &[(String, String)]) -> Result<Configured, Fault> {
    let mut builder = GoogleCloudStorageBuilder::new().with_retry(retries());
    for (name, key, value) in known::<GoogleConfigKey>("GOOGLE_", variables, bucket.kind)? {
        ensure_address(name, value, key == GoogleConfigKey::BaseUrl)?;
        builder = builder.with_config(key, value);
    }
    let store = builder.with_bucket_name(&bucket.bucket).build().map_err(|e| unusable(bucket, &e))?;
    Ok(Configured { store: Arc::new(store), endpoint: first(variables, &["GOOGLE_BASE_URL"]), asks_machine: false })
}

fn azure(bucket: &BucketName, variables: &[(String, String)]) -> Result<Configured, Fault> {
    let mut builder = MicrosoftAzureBuilder::new().with_retry(retries());
    for (name, key, value) in known::<AzureConfigKey>("AZURE_", variables, bucket.kind)? {
        ensure_address(name, value, key == AzureConfigKey::Endpoint)?;
        builder = builder.with_config(key, value);
    }
    if let Some(account) = &bucket.account {
        // Files and objects of an account are the same ones under two addresses.
        let host = account.domain.replacen("dfs.", "blob.", 1);
        builder = builder.with_account(&account.name).with_endpoint(format!("https://{}.{host}", account.name));
    } else if first(variables, &["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR"]).is_none() {
        let fault = Fault::new(Code::MissingOption, format!("{bucket}: nothing says which account holds this container"));
        return Err(fault.hint("set AZURE_STORAGE_ACCOUNT_NAME, or write `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`"));
    }
    let store = builder.with_container_name(&bucket.bucket).build().map_err(|e| unusable(bucket, &e))?;
    Ok(Configured { store: Arc::new(store), endpoint: first(variables, &["AZURE_STORAGE_ENDPOINT"]), asks_machine: false })
}

fn first(variables: &[(String, String)], names: &[&str]) -> Option<String> {
    let of = |name: &&str| variables.iter().find(|(n, value)| n == name && !value.is_empty());
    names.iter().find_map(of).map(|(_, value)| without_credentials(value.clone()))
}

fn unusable(bucket: &BucketName, error: &object_store::Error) -> Fault {
    let fault = Fault::new(Code::InvalidEnvironment, format!("{bucket}: {}", super::told(&error.to_string())));
    fault.hint(match bucket.kind {
        Kind::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and their like say how to reach the store",
        Kind::Google => "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT names the file with the account's key",
        Kind::Azure => "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY and their like say how to reach the store",
    })
}

/// The variables that the library knows; others are for other programs.
fn known<'a, K: FromStr>(beginning: &str, variables: &'a [(String, String)], kind: Kind) -> Result<Vec<(&'a str, K, &'a str)>, Fault> {
    let mut all = Vec::new();
    for (name, value) in variables.iter().filter(|(name, value)| name.starts_with(beginning) && !value.is_empty()) {
        if Url::parse(value).is_ok_and(|url| !url.username().is_empty() || url.password().is_some()) {
            let fault = Fault::new(
                Code::CredentialsInUrl,
                format!("the variable {name} holds a URL with credentials in it, which would end up in logs"),
            );
            return Err(fault.hint(format!("{} hold credentials", kind.variables())));
        }
        if let Ok(key) = name.to_ascii_lowercase().parse::<K>() {
            // The key of a Google account is a whole file; it signs, and is not sent.
            if name != "GOOGLE_SERVICE_ACCOUNT_KEY" {
                ensure_sendable(name, value)?;
            }
            all.push((name.as_str(), key, value.as_str()));
        }
    }
    Ok(all)
}

fn refused(name: &str, what: &str, hint: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::InvalidEnvironment, format!("the variable {name} {what}")).hint(hint))
}

/// Refuses a value that cannot be part of a request. It is not told: it may be a secret.
fn ensure_sendable(name: &str, value: &str) -> Result<(), Fault> {
    if value.bytes().all(|b| matches!(b, b' '..=b'~')) && value.trim() == value {
        return Ok(());
    }
    refused(name, "holds a blank at an end, a line break or a character that no request can hold", "write it without")
}

fn ensure_address(name: &str, value: &str, is_endpoint: bool) -> Result<(), Fault> {
    if !is_endpoint || is_address(value) {
        return Ok(());
    }
    refused(name, "holds no address of a store", "write it with its scheme, such as `http://localhost:9000`")
}

fn ensure_s3(name: &str, key: &AmazonS3ConfigKey, value: &str) -> Result<(), Fault> {
    ensure_address(name, value, matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint))?;
    match key {
        AmazonS3ConfigKey::Region | AmazonS3ConfigKey::DefaultRegion if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            refused(name, "holds no name of a region", "write it as `eu-central-1`")
        }
        _ => Ok(()),
    }
}

fn is_address(text: &str) -> bool {
    let is_of_a_store = |url: Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    !text.contains([' ', '"', '<', '>', '`', '\\']) && Url::parse(text).is_ok_and(is_of_a_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, variables: &[(&str, &str)]) -> Result<Configured, Fault> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (bucket, _) = BucketName::of(name).expect("a name");
        configured(&bucket, &Surroundings { variables, ..Surroundings::default() })
    }

    fn with(variables: &[(&str, &str)]) -> Result<Configured, Fault> {
        of("s3://lake/orders", variables)
    }

    #[test]
    fn other_clouds_are_reached_by_their_own_variables() {
        let google = of("gs://lake/x", &[("GOOGLE_SKIP_SIGNATURE", "true"), ("GOOGLE_BUCKET", "other")]).expect("a store");
        assert_eq!(google.store.to_string(), "GoogleCloudStorage(lake)");
        let key = [("AZURE_STORAGE_ACCOUNT", "acme"), ("AZURE_STORAGE_KEY", "a2V5")];
        assert_eq!(of("az://lake/x", &key).expect("a store").store.to_string(), "MicrosoftAzure { account: acme, container: lake }");
        let named = of("abfss://lake@other.dfs.core.windows.net/x", &key).expect("a store");
        assert_eq!(named.store.to_string(), "MicrosoftAzure { account: other, container: lake }");
        let fault = of("az://lake/x", &[]).expect_err("no account").to_string();
        assert!(fault.contains("nothing says which account holds this container"), "{fault}");
        let fault = of("gs://lake/x", &[("GOOGLE_BASE_URL", "localhost")]).expect_err("no address").to_string();
        assert!(fault.starts_with("the variable GOOGLE_BASE_URL holds no address"), "{fault}");
        let fault = of("gs://lake/x", &[("GOOGLE_SERVICE_ACCOUNT", "/nowhere.json")]).expect_err("no file").to_string();
        assert!(fault.contains("names the file with the account's key"), "{fault}");
    }

    #[test]
    fn the_bucket_is_that_of_the_url_whatever_the_environment_says() {
        for name in ["AWS_BUCKET", "AWS_BUCKET_NAME"] {
            let store = with(&[("AWS_REGION", "eu-central-1"), (name, "other")]).expect("a store");
            assert_eq!(store.store.to_string(), "AmazonS3(lake)");
        }
    }

    #[test]
    fn a_variable_that_no_request_can_hold_is_named_and_its_value_is_not_told() {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", "localhost:9000"),
            ("AWS_ENDPOINT_URL", "u:SECRET@store"),
            ("AWS_ENDPOINT_URL", "http://"),
            ("AWS_ENDPOINT_URL", "http://x:99999"),
            ("AWS_ENDPOINT_URL", "http://a b"),
            ("AWS_ENDPOINT_URL", "ftp://store"),
            ("AWS_REGION", "eu central"),
            ("AWS_DEFAULT_REGION", "x/SECRET"),
            ("AWS_ACCESS_KEY_ID", "SECRET\n"),
            ("AWS_SESSION_TOKEN", "SECRET\u{e9}"),
        ] {
            let fault = with(&[(name, value)]).expect_err(value).to_string();
            assert!(fault.starts_with(&format!("the variable {name} holds ")) && !fault.contains("SECRET"), "{fault}");
        }
        for endpoint in ["http://localhost:9000", "https://store.example.org/base", "http://[::1]:9000", "http://10.0.0.1"] {
            with(&[("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true"), ("AWS_OTHER", "π")]).expect(endpoint);
        }
    }
}
