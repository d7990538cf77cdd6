//! Object stores that speak S3: a put is whole and durable or it is not there, and one that may not overwrite says so.

mod configured;
mod readable;

use std::fmt::{self, Display};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, WriteMultipart};
use tokio::runtime::Runtime;
use url::Url;

use self::configured::configured;
pub use self::readable::Readable;
use crate::diagnostic::{Code, Fault, without_credentials};
use crate::files;

/// Files over this size are sent in parts of it.
const PART_BYTES: usize = 16 << 20;
/// Parts under way at a time.
const PARTS_MAX: usize = 4;
/// A store that does not answer is asked so often again, for so long.
const RETRIES_MAX: usize = 8;
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);
/// Small objects that are read at a time.
const REQUESTS_MAX: usize = 16;
/// What is fetched at a time of an object that is read here and there.
const BLOCK_BYTES: u64 = 1 << 20;

/// What is put twice to see whether a store refuses the second time.
const PROBE: &str = "conditional-put";

/// What an object store needs to know of this machine.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Variables of the environment: credentials, region, endpoint.
    pub variables: Vec<(String, String)>,
    /// Where files are written before they are sent.
    pub staging: PathBuf,
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
        f.debug_struct("Surroundings").field("variables", &names).field("staging", &self.staging).finish()
    }
}

/// A file or a directory in a bucket.
#[derive(Debug, Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    bucket: String,
    path: ObjectPath,
    staging: PathBuf,
    /// The store, for people, where it is not AWS's own.
    endpoint: Option<String>,
    /// Whether the store was found to refuse overwriting, once a run.
    is_proven: Arc<AtomicBool>,
}

impl PartialEq for Remote {
    fn eq(&self, other: &Self) -> bool {
        (&self.bucket, &self.path) == (&other.bucket, &other.path)
    }
}

impl Eq for Remote {}

impl Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.path)
    }
}

impl Remote {
    /// Of `s3://BUCKET/PATH`.
    ///
    /// # Errors
    /// The URL lacks a bucket or a path, or the variables are not those of a store.
    pub(crate) fn new(text: &str, surroundings: &Surroundings) -> Result<Self, Fault> {
        let refused = |e: &dyn Display| Fault::new(Code::InvalidLocation, format!("{text}: {e}")).hint("write `s3://BUCKET/PATH`");
        let url = Url::parse(text).map_err(|e| refused(&e))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            let fault = Fault::new(Code::CredentialsInUrl, format!("{text}: credentials do not belong in a URL, which ends up in logs"));
            return Err(fault.hint("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold them; write `s3://BUCKET/PATH`"));
        }
        let bucket = url.host_str().filter(|b| !b.is_empty()).ok_or_else(|| refused(&"no bucket is named"))?.to_owned();
        let path = ObjectPath::from_url_path(url.path()).map_err(|e| refused(&e))?;
        if path.as_ref().is_empty() {
            return Err(refused(&"a whole bucket cannot be a table"));
        }
        let store = configured(text, &bucket, &surroundings.variables)?;
        let endpoint =
            |name: &str| surroundings.variables.iter().find(|(n, _)| n == name).map(|(_, value)| without_credentials(value.clone()));
        let endpoint = endpoint("AWS_ENDPOINT_URL_S3").or_else(|| endpoint("AWS_ENDPOINT_URL")).or_else(|| endpoint("AWS_ENDPOINT"));
        let staging = surroundings.staging.clone();
        Ok(Self { store: Arc::new(store), bucket, path, staging, endpoint, is_proven: Arc::default() })
    }

    pub(crate) fn join(&self, name: &str) -> Self {
        Self { path: self.path.clone().join(name), ..self.clone() }
    }

    /// What `path`, with `/` between its parts and each as the store has it, is under this one.
    pub(crate) fn descend(&self, path: &str) -> Self {
        let whole = format!("{}/{path}", self.path);
        Self { path: ObjectPath::parse(&whole).unwrap_or_else(|_| ObjectPath::from(whole)), ..self.clone() }
    }

    pub(crate) fn name(&self) -> &str {
        self.path.filename().unwrap_or_default()
    }

    pub(crate) fn sibling(&self, suffix: &str) -> Self {
        let path = self.path.as_ref();
        Self { path: ObjectPath::from(format!("{}{suffix}", path.strip_suffix(".parquet").unwrap_or(path))), ..self.clone() }
    }

    /// What `name` is in the directory that holds this.
    pub(crate) fn beside(&self, name: &str) -> Self {
        let above = self.path.as_ref().rsplit_once('/').map_or("", |(above, _)| above);
        Self { path: ObjectPath::from(above).join(name), ..self.clone() }
    }

    /// Where files for this store are written before they are sent.
    pub(crate) fn staging(&self) -> &Path {
        &self.staging
    }

    /// The bucket.
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Where in its bucket it is.
    pub(crate) fn path(&self) -> &ObjectPath {
        &self.path
    }

    pub(crate) fn url(&self) -> Result<Url, Fault> {
        Url::parse(&format!("{self}/")).map_err(|e| Fault::new(Code::InvalidLocation, format!("{self}: {e}")))
    }

    /// The names of the objects under this one, without those of deeper directories.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let listed = wait(self.store.list_with_delimiter(Some(&self.path)))?;
        let objects = listed.objects.into_iter().filter_map(|object| object.location.filename().map(str::to_owned));
        let directories = listed.common_prefixes.into_iter().filter_map(|path| path.filename().map(str::to_owned));
        Ok(objects.chain(directories).collect())
    }

    /// The bytes of these objects, some of them at a time.
    pub(crate) fn read_all(objects: &[&Self]) -> Vec<io::Result<Bytes>> {
        let read = |object: &Self| {
            let (store, path) = (object.store.clone(), object.path.clone());
            async move { store.get(&path).await?.bytes().await }
        };
        let mut all = Vec::with_capacity(objects.len());
        for some in objects.chunks(REQUESTS_MAX) {
            let waiting: Vec<_> = some.iter().map(|object| runtime().map(|runtime| runtime.spawn(read(object)))).collect();
            all.extend(waiting.into_iter().map(|task| match task.and_then(block_on) {
                Ok(Ok(read)) => read.map_err(said),
                // What a panic says is not told.
                Ok(Err(_)) => Err(io::Error::other("internal error")),
                Err(error) => Err(error),
            }));
        }
        all
    }

    pub(crate) fn open(&self) -> io::Result<Object> {
        let head = wait(self.store.head(&self.path))?;
        Ok(Object { remote: self.clone(), len: head.size, block: Arc::default() })
    }

    /// Proves that the store refuses to put what is there already where it is told to: gates rest on it. A store that
    /// ignores the condition lets them overwrite each other's commits, and answers that all is well. What is put for this is
    /// in `directory`.
    ///
    /// # Errors
    /// It does not refuse, or cannot be asked.
    pub(crate) fn refuses_to_overwrite(&self, directory: &str) -> Result<(), Fault> {
        if self.is_proven.load(Ordering::Relaxed) {
            return Ok(());
        }
        let probe = self.join(directory).join(PROBE);
        let put = |text: &'static str| {
            let create = PutOptions::from(PutMode::Create);
            block_on(self.store.put_opts(&probe.path, text.into(), create)).map_err(object_store_error)?
        };
        // What a run before this left is as good: the second put, or the first, must be refused.
        for text in ["first", "second"] {
            match put(text) {
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    self.is_proven.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Ok(_) => {}
                Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => break,
                Err(error) => {
                    let fault = Fault::new(Code::Unwritable, format!("{probe}: cannot write: {}", said(error)));
                    return Err(fault.hint("nothing was published; check the store's address and credentials"));
                }
            }
        }
        let store = self.endpoint.as_deref().unwrap_or("the store");
        let what = format!(
            "{self}: {store} does not refuse to put what is there already (`If-None-Match: *`), so gates could overwrite each other's commits"
        );
        Err(Fault::new(Code::UnsafeStore, what).hint("nothing was published; use a store with conditional puts"))
    }

    /// Puts these bytes there, unless something is there already; gives whether nothing was. A store that knows no condition
    /// overwrites: only for names that say what they hold.
    pub(crate) fn put_new(&self, bytes: &[u8]) -> io::Result<bool> {
        let put = |mode: PutMode| block_on(self.store.put_opts(&self.path, bytes.to_vec().into(), PutOptions::from(mode)));
        match put(PutMode::Create)? {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                put(PutMode::Overwrite)?.map(|_| true).map_err(said)
            }
            Err(error) => Err(said(error)),
        }
    }

    /// When it was put there, in milliseconds since 1970.
    pub(crate) fn modified(&self) -> io::Result<i64> {
        Ok(wait(self.store.head(&self.path))?.last_modified.timestamp_millis())
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        wait(self.store.delete(&self.path))
    }

    pub(crate) fn copy(&self, to: &Self) -> io::Result<()> {
        wait(self.store.copy(&self.path, &to.path))
    }

    /// Puts `bytes` there: readers see all of them, or what was there before.
    pub(crate) fn put(&self, bytes: Bytes) -> io::Result<()> {
        wait(self.store.put(&self.path, bytes.into())).map(|_| ())
    }

    /// Sends the file at `from`: readers see all of it, or what was there before.
    pub(crate) fn receive(&self, from: &Path) -> io::Result<()> {
        let mut file = files::open(from)?;
        let size = file.metadata()?.len();
        if size <= PART_BYTES as u64 {
            let mut bytes = Vec::with_capacity(size as usize);
            file.read_to_end(&mut bytes)?;
            return wait(self.store.put(&self.path, bytes.into())).map(|_| ());
        }
        block_on(async {
            let mut upload = WriteMultipart::new_with_chunk_size(self.store.put_multipart(&self.path).await.map_err(said)?, PART_BYTES);
            let mut sent = Ok(());
            while sent.is_ok() {
                // Parts are moved, not copied, into the upload.
                let mut part = Vec::with_capacity(PART_BYTES);
                match Read::by_ref(&mut file).take(PART_BYTES as u64).read_to_end(&mut part) {
                    Ok(0) => break,
                    Ok(_) => upload.put(part.into()),
                    Err(error) => sent = Err(error),
                }
                sent = sent.and(upload.wait_for_capacity(PARTS_MAX).await.map_err(said));
            }
            match sent {
                Ok(()) => upload.finish().await.map(|_| ()).map_err(said),
                Err(error) => {
                    // What cannot be taken back is no object, and the store's own rules for such remove it.
                    #[expect(clippy::let_underscore_must_use, reason = "the first error is the one to be told")]
                    let _ = upload.abort().await;
                    Err(error)
                }
            }
        })?
    }
}

fn object_store_error(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: error.into() }
}

/// An object being read.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    remote: Remote,
    len: u64,
    /// Where the block fetched last begins, and its bytes.
    block: Arc<Mutex<(u64, Bytes)>>,
}

impl Object {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// `length` bytes from `start` on.
    pub(crate) fn range(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start + length as u64;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, bytes) = &*block;
        if start < *first || end > first + bytes.len() as u64 {
            let fetched = start..end.max(start + BLOCK_BYTES).min(self.len);
            *block = (start, wait(self.remote.store.get_range(&self.remote.path, fetched))?);
        }
        let at = (start - block.0) as usize;
        Ok(block.1.slice(at..at + length))
    }

    /// Some bytes from `at` on, which moves behind them; none at the end.
    fn read_some(&self, at: &mut u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length = (self.len - self.len.min(*at)).min(buffer.len() as u64) as usize;
        buffer[..length].copy_from_slice(&self.range(*at, length)?);
        *at += length as u64;
        Ok(length)
    }
}

/// Waits for an answer of the store.
fn wait<T>(future: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
    block_on(future)?.map_err(said)
}

/// The error, in the store's own words where it used some.
fn said(error: object_store::Error) -> io::Error {
    let kind = if matches!(error, object_store::Error::NotFound { .. }) { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    io::Error::new(kind, told(&error.to_string()))
}

/// What of an error's text may be told: the code and the message that a store answered. The rest of an answer may repeat
/// what was sent, and with it credentials.
pub(crate) fn told(text: &str) -> String {
    let between = |tag: &str| text.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>")).map(|(inner, _)| inner);
    if let Some((code, message)) = between("Code").zip(between("Message")) {
        return format!("{code}: {message}");
    }
    const STATUS: &str = "status code: ";
    let answer = text.find(STATUS).and_then(|at| text[at + STATUS.len()..].find(':').map(|end| at + STATUS.len() + end));
    // An answer that is none of a store's: what it says is told by the library behind these words.
    const INVALID: &str = "Got invalid ";
    let invalid = text.find(INVALID).and_then(|at| text[at..].find(':').map(|end| at + end));
    let end = answer.into_iter().chain(invalid).min();
    without_credentials(text[..end.unwrap_or(text.len())].to_owned())
}

/// Runs `future` to its end.
pub(crate) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(runtime()?.block_on(future))
}

/// What all connections live on.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    match RUNTIME.get() {
        Some(runtime) => Ok(runtime),
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            Ok(RUNTIME.get_or_init(|| runtime))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_s_answer_is_told_without_what_it_repeats() {
        assert_eq!(told("x <Error><Code>NoSuchKey</Code><Message>gone</Message><Echo>secret</Echo>"), "NoSuchKey: gone");
        let repeated = "GET http://u:secret@h/p?sig=secret failed - status code: 403 Forbidden: x-amz-security-token: secret";
        assert_eq!(told(repeated), "GET http://…@h/p?… failed - status code: 403 Forbidden");
        assert_eq!(told("Got invalid list response: invalid type: \"secret\""), "Got invalid list response");
        assert_eq!(told("no route to host"), "no route to host");
    }
}
