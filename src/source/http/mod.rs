//! Data on the web: fetched into the spool, whole or not at all, within limits; then a file like any other.

mod address;
mod answer;
mod body;
mod client;
mod document;
mod failure;
mod headers;
mod link;
mod options;
mod paging;
mod post;
mod remembered;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokio::time::timeout;
use url::Url;
use xxhash_rust::xxh3::Xxh3;

pub use headers::{TextPart, VARIABLE_PREFIX, check_header, text_parts};
pub use options::{AnswerLength, HttpHeader, HttpLimits, HttpOptions, Paging, PagingBy, Reach, Variables};
pub use post::{PostLimits, post_json, post_json_with};
pub use remembered::Remembered;

use self::client::{Client, Got};
use self::failure::shown;
use self::remembered::Validators;
use super::file::cannot_read;
use super::{Format, InputFile, ReadOptions, Spool};
use crate::diagnostic::{Code, Fault};
use crate::files;

/// Whether a path names something on the web.
pub fn is_on_the_web(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

/// Pages in order, and their format.
type Pages = (Vec<InputFile>, Format);

/// What is fetched of those of `paths` that are URLs, by URL.
///
/// # Errors
/// There is no whole answer with data, within the limits; or all of them are remembered.
pub(super) fn fetch_all(paths: &[String], options: &ReadOptions, spool: &Spool) -> Result<BTreeMap<String, Pages>, Fault> {
    let urls: BTreeSet<&String> = paths.iter().filter(|path| is_on_the_web(path)).collect();
    // Beside a file the answer is part of another batch.
    let remembered = options.http.remembered.as_deref().filter(|_| paths.iter().all(|path| urls.contains(path)));
    let (mut fetched, mut unchanged) = (BTreeMap::new(), Vec::new());
    for url in urls {
        match fetch(url, options, spool, remembered)? {
            Fetched::Files(files, format) => _ = fetched.insert(url.clone(), (files, format)),
            Fetched::Unchanged => unchanged.push(url),
        }
    }
    if let Some(url) = unchanged.first().filter(|_| fetched.is_empty()) {
        let fault = Fault::new(Code::Unchanged, format!("{}: the data are what they were when they were settled", shown(&parsed(url)?)));
        return Err(fault.hint("there is nothing to do"));
    }
    // A batch is all of its answers.
    for url in unchanged {
        if let Fetched::Files(files, format) = fetch(url, options, spool, None)? {
            fetched.insert(url.clone(), (files, format));
        }
    }
    Ok(fetched)
}

/// What is fetched of one URL.
enum Fetched {
    /// Pages in order, and their format.
    Files(Vec<InputFile>, Format),
    /// The answer is one that is settled.
    Unchanged,
}

/// Fetches what is at `url`; with `remembered`, only if it has changed since.
///
/// # Errors
/// There is no whole answer with data, within the limits.
fn fetch(url: &str, options: &ReadOptions, spool: &Spool, remembered: Option<&Remembered>) -> Result<Fetched, Fault> {
    let url = parsed(url)?;
    let failed = |e: std::io::Error| Fault::new(Code::Internal, format!("internal error: no runtime: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let limits = &options.http.limits;
    let fetched = runtime.block_on(async { timeout(limits.time_max, pages(&url, options, spool, remembered)).await });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    fetched.unwrap_or_else(|_| {
        let fault = Fault::new(Code::TimedOut, format!("{}: not all was fetched within {} s", shown(&url), limits.time_max.as_secs()));
        Err(fault.hint("nothing of it was used; `source: { http: { time_max: … } }` says how long it may take"))
    })
}

fn parsed(text: &str) -> Result<Url, Fault> {
    let mut url = Url::parse(text)
        .map_err(|e| Fault::new(Code::InvalidLocation, format!("{text}: not a URL: {e}")).hint("write `https://HOST/PATH`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let fault =
            Fault::new(Code::CredentialsInUrl, format!("{}: credentials do not belong in a URL, which ends up in logs", shown(&url)));
        return Err(fault.hint("send a header: `source: { http: { headers: { Authorization: \"Bearer ${SLUICEGATE_HTTP_TOKEN}\" } } }`"));
    }
    url.set_fragment(None);
    Ok(url)
}

async fn pages(url: &Url, options: &ReadOptions, spool: &Spool, remembered: Option<&Remembered>) -> Result<Fetched, Fault> {
    let http = &options.http;
    let mut client = Client::new(url, http, options.confines.as_ref(), spool)?;
    let by = http.paging.as_ref().map(|paging| &paging.by);
    // Of an answer in pages, the first one may be the same and another one not.
    let remembered = remembered.filter(|_| by.is_none());
    let conditions = remembered.map(|remembered| remembered.of(url)).unwrap_or_default();
    let (mut files, mut format, mut before) = (Vec::new(), None, None);
    let mut asked = vec![paging::first(url, by)];
    loop {
        let number = asked.len() as u64 - 1;
        let at = asked[asked.len() - 1].clone();
        let page = match client.get(&at, if number == 0 { &conditions } else { &Validators::NONE }).await? {
            Got::Unchanged => return Ok(Fetched::Unchanged),
            Got::New(page) => page,
        };
        if let Some(remembered) = remembered {
            remembered.note(url, page.validators.clone());
        }
        let name =
            if number == 0 { shown(url).replace("?…", "") } else { format!("{} (page {})", shown(url).replace("?…", ""), number + 1) };
        let of_page = if page.bytes == 0 { format.or(options.format) } else { Some(answer::format_of(&page, options)?) };
        let this = agreed(&mut format, of_page, &name)?;
        let Some(paging) = &http.paging else {
            files.push(InputFile::stream(&name, page.path)?);
            return Ok(Fetched::Files(files, this));
        };
        let ends = matches!(paging.by, PagingBy::Page { .. }) && paging::is_empty(&page, with_path(this, options), options)?;
        if ends && number > 0 {
            return Ok(Fetched::Files(files, this));
        }
        let digest = digest(&page.path, &name)?;
        if matches!(paging.by, PagingBy::Page { .. }) && before.replace(digest) == Some(digest) {
            let fault = Fault::new(Code::Unreadable, format!("{name}: the same page again: the number of the page changes nothing"));
            return Err(fault.hint("check the name of `parameter` in `source: { http: { paging: … } }`"));
        }
        let next = if ends { None } else { paging::next(&paging.by, url, &at, &page, number)? };
        files.push(InputFile::stream(&name, page.path)?);
        let Some(next) = next else { return Ok(Fetched::Files(files, this)) };
        follow(&mut asked, next, paging.pages_max, &name)?;
    }
}

/// The page format that all share; what cannot be told of an empty answer is that of the URL.
fn agreed(format: &mut Option<Format>, of_page: Option<Format>, name: &str) -> Result<Format, Fault> {
    match (*format, of_page) {
        (Some(format), Some(of_page)) if format != of_page => {
            let what = format!("{name}: this page is {}, the first one is {}", of_page.name(), format.name());
            Err(Fault::new(Code::FilesDiffer, what).hint("one batch has one format"))
        }
        (Some(format), _) => Ok(format),
        (None, Some(of_page)) => Ok(*format.insert(of_page)),
        (None, None) => {
            let fault = Fault::new(Code::Empty, format!("{name}: the answer is empty"));
            Err(fault.hint("if an empty batch is right, give its format: `source: { format: … }`"))
        }
    }
}

/// A path into a document says that there is one.
fn with_path(format: Format, options: &ReadOptions) -> Format {
    if format == Format::Ndjson && !options.json_path.is_empty() { Format::Json } else { format }
}

/// Goes on to `next`, unless pages lead in a circle or have no end.
fn follow(asked: &mut Vec<Url>, next: Url, pages_max: u64, name: &str) -> Result<(), Fault> {
    if asked.contains(&next) {
        let fault = Fault::new(Code::Unreadable, format!("{name}: the next page is one that was fetched already"));
        return Err(fault.hint("pages lead in a circle: nothing of them was used; ask those who run the server"));
    }
    if asked.len() as u64 >= pages_max {
        let fault = Fault::new(Code::TooLarge, format!("{name}: there are more than {pages_max} pages"));
        return Err(fault.hint("nothing of them was used; raise `source: { http: { paging: { pages_max: … } } }` if so many are right"));
    }
    asked.push(next);
    Ok(())
}

fn digest(path: &Path, name: &str) -> Result<u128, Fault> {
    use std::io::Read;
    let mut file = files::open(path).map_err(|e| cannot_read(name, &e))?;
    let (mut digest, mut buffer) = (Xxh3::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer).map_err(|e| cannot_read(name, &e))? {
            0 => return Ok(digest.digest128()),
            read => digest.update(&buffer[..read]),
        }
    }
}
