//! Places in object stores: a put is whole and durable or it is not there, and one that may not overwrite says so.

use std::fmt::{self, Display};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, WriteMultipart};
use url::Url;

use super::answer::{fault, said};
use super::configured::{Configured, configured};
use super::name::{BucketName, Kind};
use super::object::{Cache, Object};
use super::{REQUESTS_MAX, Surroundings, block_on, runtime, wait};
use crate::diagnostic::{Code, Fault};
use crate::files;

/// Files over this size are sent in parts of it.
const PART_BYTES: usize = 16 << 20;
/// Parts under way at a time.
const PARTS_MAX: usize = 4;

/// What is put twice to see whether a store refuses the second time.
const PROBE: &str = "conditional-put";

/// A file or a directory in a bucket.
#[derive(Debug, Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    bucket: BucketName,
    path: ObjectPath,
    staging: PathBuf,
    /// The store, for people, where it is not the cloud's own.
    endpoint: Option<String>,
    /// Whether the store was found to refuse overwriting, once a run.
    is_proven: Arc<AtomicBool>,
    cache: Arc<Cache>,
}

impl PartialEq for Remote {
    fn eq(&self, other: &Self) -> bool {
        (&self.bucket, &self.path) == (&other.bucket, &other.path)
    }
}

impl Eq for Remote {}

impl Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.path)
    }
}

impl Remote {
    /// Of a URL such as `s3://BUCKET/PATH`.
    ///
    /// # Errors
    /// The URL lacks a bucket or a path, or the variables are not those of a store.
    pub(crate) fn new(text: &str, surroundings: &Surroundings) -> Result<Self, Fault> {
        let (bucket, path) = BucketName::of(text)?;
        let refused =
            |e: &dyn Display| Fault::new(Code::InvalidLocation, format!("{text}: {e}")).hint(format!("write `{}`", bucket.kind.form()));
        if path.contains(['?', '#']) {
            return Err(refused(&"what stands behind `?` or `#` is no part of a table's name"));
        }
        let path = ObjectPath::from_url_path(path).map_err(|e| refused(&e))?;
        if path.as_ref().is_empty() {
            return Err(refused(&"a whole bucket cannot be a table"));
        }
        let Configured { store, endpoint, .. } = configured(&bucket, surroundings)?;
        let staging = surroundings.staging.clone();
        Ok(Self { store, bucket, path, staging, endpoint, is_proven: Arc::default(), cache: Arc::default() })
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
        Self::all(objects, |store, path| async move { store.get(&path).await?.bytes().await })
    }

    /// These objects, to be read by ranges; some are asked for at a time.
    pub(crate) fn open_all(objects: &[&Self]) -> Vec<io::Result<Object>> {
        let heads = Self::all(objects, |store, path| async move { store.head(&path).await });
        let opened = |(object, head): (&&Self, io::Result<_>)| {
            let (kind, name) = (object.bucket.kind, object.to_string());
            head.map(|head| Object::new(&object.store, kind, &name, &head, &object.cache))
        };
        objects.iter().zip(heads).map(opened).collect()
    }

    /// What `ask` gives for each, some of them at a time.
    fn all<T, F>(objects: &[&Self], ask: impl Fn(Arc<dyn ObjectStore>, ObjectPath) -> F) -> Vec<io::Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let ask = |object: &Self| ask(object.store.clone(), object.path.clone());
        let mut all = Vec::with_capacity(objects.len());
        for some in objects.chunks(REQUESTS_MAX) {
            let waiting: Vec<_> = some.iter().map(|object| runtime().map(|runtime| runtime.spawn(ask(object)))).collect();
            all.extend(waiting.into_iter().map(|task| match task.and_then(block_on) {
                Ok(Ok(read)) => read.map_err(said),
                // What a panic says is not told.
                Ok(Err(_)) => Err(io::Error::other("internal error")),
                Err(error) => Err(error),
            }));
        }
        all
    }

    /// What lies at `path` below this: a path of several parts, as the store writes it.
    ///
    /// # Errors
    /// No object can be called so.
    pub(crate) fn below(&self, path: &str) -> io::Result<Self> {
        let path = ObjectPath::parse(format!("{}/{path}", self.path)).map_err(io::Error::other)?;
        Ok(Self { path, ..self.clone() })
    }

    pub(crate) fn open(&self) -> io::Result<Object> {
        let head = wait(self.store.head(&self.path))?;
        Ok(Object::new(&self.store, self.bucket.kind, &self.to_string(), &head, &self.cache))
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
                    let why = fault(&self.to_string(), self.bucket.kind, &error);
                    let unwritable = Fault::new(Code::Unwritable, format!("{probe}: cannot write: {}", said(error)));
                    // Of what is denied it says what to do.
                    let is_denied = why.code == Code::PermissionDenied;
                    return Err(if is_denied {
                        why
                    } else {
                        unwritable.hint("nothing was published; check the store's address and credentials")
                    });
                }
            }
        }
        let store = self.endpoint.as_deref().unwrap_or("the store");
        let condition = match self.bucket.kind {
            Kind::S3 | Kind::Azure => "If-None-Match: *",
            Kind::Google => "x-goog-if-generation-match: 0",
        };
        let what = format!(
            "{self}: {store} does not refuse to put what is there already (`{condition}`), so gates could overwrite each other's commits"
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
