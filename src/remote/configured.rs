//! What the environment says of a store, looked at before the library takes it: it breaks on what it cannot put in a request.

use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use url::Url;

use super::{RETRIES_MAX, RETRY_TIME_MAX};
use crate::diagnostic::{Code, Fault};

/// The store that `variables` lead to. They cannot name another bucket: the URL does that.
///
/// # Errors
/// A variable says something that no store has, or holds credentials where they would be told.
pub(super) fn configured(text: &str, bucket: &str, variables: &[(String, String)]) -> Result<AmazonS3, Fault> {
    let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new().with_retry(retry);
    for (name, value) in variables {
        if Url::parse(value).is_ok_and(|url| !url.username().is_empty() || url.password().is_some()) {
            let fault = Fault::new(
                Code::CredentialsInUrl,
                format!("the variable {name} holds a URL with credentials in it, which would end up in logs"),
            );
            return Err(fault.hint("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold credentials"));
        }
        // Others than the store's own are for other programs.
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            ensure_sendable(name, &key, value)?;
            builder = builder.with_config(key, value);
        }
    }
    builder.with_bucket_name(bucket).build().map_err(|e| {
        let fault = Fault::new(Code::InvalidEnvironment, format!("{text}: {e}"));
        fault.hint("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and their like say how to reach the store")
    })
}

/// Refuses a value that cannot be part of a request. It is not told: it may be a secret.
fn ensure_sendable(name: &str, key: &AmazonS3ConfigKey, value: &str) -> Result<(), Fault> {
    let refused = |what: &str, hint: &str| Err(Fault::new(Code::InvalidEnvironment, format!("the variable {name} {what}")).hint(hint));
    if !value.bytes().all(|b| matches!(b, b' '..=b'~')) || value.trim() != value {
        return refused("holds a blank at an end, a line break or a character that no request can hold", "write it without");
    }
    match key {
        AmazonS3ConfigKey::Endpoint if !is_address(value) => {
            refused("holds no address of a store", "write it with its scheme, such as `http://localhost:9000`")
        }
        AmazonS3ConfigKey::Region | AmazonS3ConfigKey::DefaultRegion if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            refused("holds no name of a region", "write it as `eu-central-1`")
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

    fn with(variables: &[(&str, &str)]) -> Result<AmazonS3, Fault> {
        let variables: Vec<(String, String)> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        configured("s3://lake/orders", "lake", &variables)
    }

    #[test]
    fn the_bucket_is_that_of_the_url_whatever_the_environment_says() {
        for name in ["AWS_BUCKET", "AWS_BUCKET_NAME"] {
            let store = with(&[("AWS_REGION", "eu-central-1"), (name, "other")]).expect("a store");
            assert_eq!(store.to_string(), "AmazonS3(lake)");
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
            with(&[("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true"), ("AWS_PROFILE", "π")]).expect(endpoint);
        }
    }
}
