//! Connection strings of Azure, and the names that its own command line gives to variables.

use crate::diagnostic::{Code, Fault};

/// Other names for what the library knows by its own.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"),
    ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"),
    ("AZURE_STORAGE_SAS", "AZURE_STORAGE_SAS_TOKEN"),
    ("AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"),
];

/// The variables under names that the library knows; a connection string stands behind what is said otherwise.
///
/// # Errors
/// The connection string is none.
pub(super) fn variables(given: &[(String, String)]) -> Result<Vec<(String, String)>, Fault> {
    const CONNECTION: &str = "AZURE_STORAGE_CONNECTION_STRING";
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        let name = OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, known)| known);
        if !value.is_empty() && !all.iter().any(|(there, _)| there == name) {
            all.push((name.to_owned(), value));
        }
    };
    given.iter().filter(|(name, _)| name != CONNECTION).for_each(|(name, value)| add(name, value.clone()));
    if let Some((_, text)) = given.iter().find(|(name, value)| name == CONNECTION && !value.is_empty()) {
        connection(text)?.into_iter().for_each(|(name, value)| add(name, value));
    }
    Ok(all)
}

/// What a connection string says, as variables.
fn connection(text: &str) -> Result<Vec<(&'static str, String)>, Fault> {
    let parts: Vec<(&str, &str)> = text.split(';').filter_map(|part| part.trim().split_once('=')).collect();
    let get = |name: &str| parts.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| (*value).to_owned());
    if get("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(vec![("AZURE_STORAGE_USE_EMULATOR", "true".to_owned())]);
    }
    let account = get("AccountName");
    let protocol = get("DefaultEndpointsProtocol").unwrap_or_else(|| "https".to_owned());
    let endpoint = get("BlobEndpoint").map(|url| url.trim_end_matches('/').to_owned()).or_else(|| {
        let suffix = get("EndpointSuffix")?;
        Some(format!("{protocol}://{}.blob.{suffix}", account.as_ref()?))
    });
    // Of an address without an account's name, such as `https://acme.blob.core.windows.net`.
    let of_endpoint = || {
        let host = endpoint.as_ref()?.split_once("://")?.1;
        host.split_once(".blob.").map(|(account, _)| account.to_owned())
    };
    let Some(account) = account.clone().or_else(of_endpoint) else {
        let what = "the variable AZURE_STORAGE_CONNECTION_STRING holds no connection string";
        return Err(Fault::new(Code::InvalidEnvironment, what).hint("write `AccountName=…;AccountKey=…`"));
    };
    let is_open = endpoint.as_ref().map_or(protocol == "http", |url| url.starts_with("http://"));
    let found = [
        ("AZURE_STORAGE_ACCOUNT_NAME", Some(account)),
        ("AZURE_STORAGE_ACCOUNT_KEY", get("AccountKey")),
        ("AZURE_STORAGE_SAS_TOKEN", get("SharedAccessSignature")),
        ("AZURE_STORAGE_ENDPOINT", endpoint),
        ("AZURE_ALLOW_HTTP", is_open.then(|| "true".to_owned())),
    ];
    Ok(found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[(&str, &str)]) -> Vec<(String, String)> {
        let given: Vec<(String, String)> = given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut all = variables(&given).expect("variables");
        all.sort();
        all
    }

    #[test]
    fn a_connection_string_is_read_as_variables() {
        let text = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net";
        let all = of(&[("AZURE_STORAGE_CONNECTION_STRING", text)]);
        let names: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5=="),
            ("AZURE_STORAGE_ACCOUNT_NAME", "acme"),
            ("AZURE_STORAGE_ENDPOINT", "https://acme.blob.core.windows.net"),
        ];
        assert_eq!(names, expected);
        let emulator = of(&[("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")]);
        assert_eq!(emulator, [("AZURE_STORAGE_USE_EMULATOR".to_owned(), "true".to_owned())]);
        let own = of(&[
            ("AZURE_STORAGE_ACCOUNT", "mine"),
            ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acme;SharedAccessSignature=sv=1&sig=x"),
        ]);
        assert!(own.contains(&("AZURE_STORAGE_ACCOUNT_NAME".into(), "mine".into())), "{own:?}");
        assert!(own.contains(&("AZURE_STORAGE_SAS_TOKEN".into(), "sv=1&sig=x".into())), "{own:?}");
        assert!(variables(&[("AZURE_STORAGE_CONNECTION_STRING".into(), "SECRET".into())]).is_err());
    }
}
