//! Names of places in object stores: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `az://CONTAINER/KEY`.

use std::fmt;

use object_store::path::Path as ObjectPath;

use crate::diagnostic::{Code, Fault};

/// The kinds of stores that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Google,
    Azure,
}

impl Kind {
    /// The kind whose names begin with `scheme`.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" | "s3a" => Some(Self::S3),
            "gs" | "gcs" => Some(Self::Google),
            "az" | "azure" | "abfs" | "abfss" => Some(Self::Azure),
            _ => None,
        }
    }

    /// The kind of store that `text` names a place in, if it does.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Self::of_scheme(text.split_once("://")?.0)
    }

    /// How its names are written.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::S3 => "s3://BUCKET/PATH",
            Self::Google => "gs://BUCKET/PATH",
            Self::Azure => "az://CONTAINER/PATH",
        }
    }

    /// The variables that hold its credentials.
    pub(super) fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
            Self::Google => "GOOGLE_APPLICATION_CREDENTIALS",
            Self::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_CONNECTION_STRING)",
        }
    }
}

/// A bucket, or a container of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BucketName {
    pub(super) kind: Kind,
    pub(super) bucket: String,
    /// The account that holds the container, where the name says so.
    pub(super) account: Option<Account>,
}

/// An account of Azure, as `CONTAINER@ACCOUNT.dfs.core.windows.net` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    /// The rest of its address, such as `dfs.core.windows.net`.
    pub domain: String,
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.account) {
            (Kind::S3, _) => write!(f, "s3://{}", self.bucket),
            (Kind::Google, _) => write!(f, "gs://{}", self.bucket),
            (Kind::Azure, None) => write!(f, "az://{}", self.bucket),
            (Kind::Azure, Some(account)) => write!(f, "abfss://{}@{}.{}", self.bucket, account.name, account.domain),
        }
    }
}

impl BucketName {
    /// Splits `text` into a bucket and what stands behind the slash.
    ///
    /// # Errors
    /// No bucket is named, or there are credentials in the name.
    pub(crate) fn of(text: &str) -> Result<(Self, &str), Fault> {
        let unknown = || Fault::new(Code::InvalidLocation, format!("{text}: not the name of a place in an object store"));
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        let kind = Kind::of_scheme(scheme).ok_or_else(unknown)?;
        let refused = |why: &str| Fault::new(Code::InvalidLocation, format!("{text}: {why}")).hint(format!("write `{}`", kind.form()));
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let with_credentials = || {
            let fault = Fault::new(Code::CredentialsInUrl, format!("{text}: credentials do not belong in a URL, which ends up in logs"));
            Err(fault.hint(format!("{} hold them; write `{}`", kind.variables(), kind.form())))
        };
        if text.split_once('?').is_some_and(|(_, query)| query.contains("sig=") || query.contains("Signature=")) {
            return with_credentials();
        }
        let (bucket, account) = match bucket.rsplit_once('@') {
            None => (bucket, None),
            Some((container, host)) => match host.split_once('.') {
                Some((name, domain)) if kind == Kind::Azure && is_plain(container) && is_plain(name) && is_of_azure(domain) => {
                    (container, Some(Account { name: name.to_owned(), domain: domain.to_owned() }))
                }
                Some(_) | None => return with_credentials(),
            },
        };
        if bucket.is_empty() {
            return Err(refused("no bucket is named"));
        }
        if !is_plain(bucket) {
            return Err(refused("the name of the bucket holds a character that none has"));
        }
        Ok((Self { kind, bucket: bucket.to_owned(), account }, path))
    }

    /// Refuses a path that can name no object, or that others would read as another one.
    pub(super) fn path(&self, path: &str) -> Result<ObjectPath, Fault> {
        let refused = |why: &str| {
            let fault = Fault::new(Code::InvalidLocation, format!("{self}/{path}: {why}"));
            fault.hint(format!("write `{}`", self.kind.form()))
        };
        if path.chars().any(char::is_control) {
            return Err(refused("it holds a control character"));
        }
        let is_dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split('/').any(is_dots) {
            return Err(refused("it has `.` or `..` in it, which no store follows"));
        }
        ObjectPath::parse(path).map_err(|_| refused("it has an empty part in it, and such objects cannot be read"))
    }
}

/// Whether a domain is one of Azure's clouds. Credentials are sent there, so a rule file may not name any other.
fn is_of_azure(domain: &str) -> bool {
    const CLOUDS: [&str; 4] = ["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net", "fabric.microsoft.com"];
    domain.split_once('.').is_some_and(|(service, cloud)| matches!(service, "dfs" | "blob") && CLOUDS.contains(&cloud))
}

/// Whether a text is what buckets and hosts are called: letters, digits and a few signs.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_kinds_are_split_and_shown_in_one_form() {
        for (text, shown, path) in [
            ("s3://lake/a/b c.csv", "s3://lake", "a/b c.csv"),
            ("s3a://lake", "s3://lake", ""),
            ("gs://lake_1/x=a%20b/", "gs://lake_1", "x=a%20b/"),
            ("gcs://lake/*.csv", "gs://lake", "*.csv"),
            ("az://lake/x", "az://lake", "x"),
            ("abfs://lake/x", "az://lake", "x"),
            ("abfss://lake@acme.dfs.core.windows.net/x", "abfss://lake@acme.dfs.core.windows.net", "x"),
        ] {
            let (bucket, rest) = BucketName::of(text).expect(text);
            assert_eq!((bucket.to_string().as_str(), rest), (shown, path));
        }
    }

    #[test]
    fn names_with_credentials_or_without_a_bucket_are_refused() {
        for text in [
            "s3://KEY:S3CR3T@lake/x",
            "gs://S3CR3T@lake/x",
            "az://u:S3CR3T@acme.blob.core.windows.net/x",
            "abfss://S3CR3T@acme.dfs.example.org/x",
            "az://lake/x?sv=1&sig=S3CR3T",
            "s3://lake/x?X-Amz-Signature=S3CR3T",
        ] {
            let said = BucketName::of(text).expect_err(text).to_string();
            assert!(said.contains("credentials do not belong in a URL") && !said.contains("S3CR3T"), "{said}");
        }
        for text in ["s3://", "s3:///x", "s3://lake:9000/x", "gs://a b/x", "file://x", "x"] {
            assert!(BucketName::of(text).is_err(), "{text}");
        }
        let (bucket, _) = BucketName::of("s3://lake").expect("a bucket");
        for path in ["a/../b", "a/./b", "a/%2E%2e/b", "a/.\t./b", "a//b"] {
            assert!(bucket.path(path).is_err(), "{path}");
        }
    }
}
