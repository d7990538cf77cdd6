//! What a store's answer is told as: never more than its code and message, and what to do about it.

use std::io::{self, ErrorKind};

use super::name::Kind;
use crate::diagnostic::{Code, Fault, without_credentials};

/// The error, in the store's own words where it used some.
pub(super) fn said(error: object_store::Error) -> io::Error {
    let kind = if matches!(error, object_store::Error::NotFound { .. }) { ErrorKind::NotFound } else { ErrorKind::Other };
    io::Error::new(kind, told(&error.to_string()))
}

/// What of an error's text may be told: the code and the message that a store answered. The rest of an answer may repeat
/// what was sent, and with it credentials.
pub(crate) fn told(text: &str) -> String {
    let between = |tag: &str| text.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>")).map(|(inner, _)| inner);
    if let Some((code, message)) = between("Code").zip(between("Message")) {
        // Azure adds the request's number and time in further lines.
        return format!("{code}: {}", message.lines().next().unwrap_or_default());
    }
    const STATUS: &str = "status code: ";
    let answer = text.find(STATUS).and_then(|at| text[at + STATUS.len()..].find(':').map(|end| at + STATUS.len() + end));
    // An answer that is none of a store's: what it says is told by the library behind these words.
    const INVALID: &str = "Got invalid ";
    let invalid = text.find(INVALID).and_then(|at| text[at..].find(':').map(|end| at + end));
    let end = answer.into_iter().chain(invalid).min();
    without_credentials(text[..end.unwrap_or(text.len())].to_owned())
}

/// The address at which machines of clouds are told their credentials.
pub(super) const METADATA_HOST: &str = "169.254.169.254";

/// A fault of reading what `name` names, with what to do about it.
pub(super) fn fault(name: &str, kind: Kind, error: &object_store::Error) -> Fault {
    let text = error.to_string();
    let told = told(&text);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let cannot = |code| Fault::new(code, format!("{name}: cannot read: {told}"));
    if has(&["NoSuchBucket", "ContainerNotFound", "bucket does not exist"]) {
        let bucket = name.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let what = if kind == Kind::Azure { "container" } else { "bucket" };
        return Fault::new(Code::FileNotFound, format!("{bucket}: there is no such {what}"))
            .hint("check its name, and the store's address");
    }
    if has(&[METADATA_HOST, "metadata.google.internal"]) {
        return no_credentials(name, kind);
    }
    // The region is said in different ways, depending on the request.
    if has(&["PermanentRedirect", "AuthorizationHeaderMalformed", "Received redirect without LOCATION", "301 Moved", "307 Temp"]) {
        return cannot(Code::Unreadable).hint("the bucket is in another region; AWS_REGION, or `region` of the profile, names it");
    }
    let denied = || {
        let fault = Fault::new(Code::PermissionDenied, format!("{name}: access denied: {told}"));
        fault.hint(format!("{} say who asks; that one must be allowed to read and to list there", kind.variables()))
    };
    // Of a listing the library says no more than the answer did.
    if has(&["403 Forbidden", "401 Unauthorized", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed"]) {
        return denied();
    }
    match error {
        object_store::Error::NotFound { .. } => Fault::new(Code::FileNotFound, format!("{name}: no such object")).hint("check the name"),
        object_store::Error::Precondition { .. } => changed(name),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => denied(),
        object_store::Error::InvalidPath { .. } => {
            cannot(Code::InvalidLocation).hint("a key there has an empty part, such as `a//b`; rename it, or name the files themselves")
        }
        _ => cannot(Code::Unreadable).hint("check the store's address and credentials"),
    }
}

/// Nothing says who asks.
pub(super) fn no_credentials(name: &str, kind: Kind) -> Fault {
    let fault = Fault::new(Code::PermissionDenied, format!("{name}: no credentials were found"));
    let open = match kind {
        Kind::S3 => "AWS_SKIP_SIGNATURE=true",
        Kind::Google => "GOOGLE_SKIP_SIGNATURE=true",
        Kind::Azure => "AZURE_SKIP_SIGNATURE=true",
    };
    fault.hint(format!("set {} or, for what anyone may read, {open}", kind.variables()))
}

/// An object is another one than when it was opened.
pub(super) fn changed(name: &str) -> Fault {
    Fault::new(Code::FileChanged, format!("{name} changed while it was being read")).hint("run again once nothing writes to it")
}

/// The fault as an error of reading; [`fault_in`] finds it again.
pub(super) fn carried(fault: Fault) -> io::Error {
    let kinds = [(Code::FileNotFound, ErrorKind::NotFound), (Code::PermissionDenied, ErrorKind::PermissionDenied)];
    let kind = kinds.into_iter().find(|(code, _)| *code == fault.code).map_or(ErrorKind::Other, |(_, kind)| kind);
    io::Error::new(kind, fault)
}

/// The fault that an error of reading carries.
pub(crate) fn fault_in(error: &io::Error) -> Option<&Fault> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_s_answer_is_told_without_what_it_repeats() {
        assert_eq!(told("x <Error><Code>NoSuchKey</Code><Message>gone</Message><Echo>secret</Echo>"), "NoSuchKey: gone");
        assert_eq!(told("<Code>AuthenticationFailed</Code><Message>no\nRequestId:1\nTime:2</Message>"), "AuthenticationFailed: no");
        let repeated = "GET http://u:secret@h/p?sig=secret failed - status code: 403 Forbidden: x-amz-security-token: secret";
        assert_eq!(told(repeated), "GET http://…@h/p?… failed - status code: 403 Forbidden");
        assert_eq!(told("Got invalid list response: invalid type: \"secret\""), "Got invalid list response");
        assert_eq!(told("no route to host"), "no route to host");
    }

    #[test]
    fn answers_say_what_to_do() {
        let generic = |text: &str| object_store::Error::Generic { store: "S3", source: text.to_owned().into() };
        let of = |text: &str| fault("s3://lake/a/b.csv", Kind::S3, &generic(text));
        let bucket = of("status: <Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message>");
        assert_eq!((bucket.code, bucket.what.as_str()), (Code::FileNotFound, "s3://lake: there is no such bucket"));
        let region = of("<Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-west-1'</Message>");
        assert!(region.to_string().contains("expecting 'eu-west-1'; the bucket is in another region"), "{region}");
        let denied = of("status code: 403 Forbidden: <Code>AccessDenied</Code><Message>why</Message>");
        assert_eq!(denied.code, Code::PermissionDenied, "{denied}");
        let nobody = of("error sending request for url (http://169.254.169.254/latest/api/token)");
        assert!(nobody.to_string().contains("no credentials were found; set AWS_ACCESS_KEY_ID"), "{nobody}");
        let carried = carried(changed("s3://lake/x"));
        assert_eq!(fault_in(&carried).expect("a fault").code, Code::FileChanged);
    }
}
