//! The objects that a name means: one, all of a directory, or those that match a pattern. What the names of files mean on
//! this machine, these mean too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use glob::Pattern;
use object_store::path::Path as ObjectPath;
use object_store::{ListResult, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::answer::{fault, no_credentials};
use super::configured::{Configured, configured};
use super::name::BucketName;
use super::object::{Cache, Object};
use super::{REQUESTS_MAX, Surroundings, block_on, runtime};
use crate::diagnostic::{Code, Fault, nearest};

/// Objects by their names.
#[derive(Debug)]
pub(crate) struct Found {
    /// In byte order.
    pub objects: Vec<(String, Object)>,
    /// The directory that was named, if one was.
    pub directory: Option<String>,
}

/// The objects that `text` names.
///
/// # Errors
/// None is there, or the store does not give them.
pub(crate) fn find(text: &str, surroundings: &Surroundings) -> Result<Found, Fault> {
    let (bucket, rest) = BucketName::of(text)?;
    let Configured { store, asks_machine, .. } = configured(&bucket, surroundings)?;
    if asks_machine && !is_told_by_machine(surroundings) {
        return Err(no_credentials(text, bucket.kind));
    }
    let walk = Walk { store, bucket, text };
    let is_wild = rest.contains(['*', '?', '[']);
    let directory = rest.trim_end_matches('/');
    let one = if is_wild || rest.is_empty() || rest.ends_with('/') { None } else { walk.one(rest)? };
    let (mut found, directory) = match one {
        Some(one) => (vec![one], None),
        None if is_wild => (walk.matching(rest)?, None),
        None => (walk.below(directory)?, Some(walk.name_of(directory))),
    };
    found.sort_unstable_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
    let cache = Arc::new(Cache::default());
    let object = |meta: ObjectMeta| {
        let name = walk.name_of(meta.location.as_ref());
        let object = Object::new(&walk.store, walk.bucket.kind, &name, &meta, &cache);
        (name, object)
    };
    Ok(Found { objects: found.into_iter().map(object).collect(), directory })
}

/// Whether a machine of the cloud tells who asks. The library would wait for it for half a minute.
fn is_told_by_machine(surroundings: &Surroundings) -> bool {
    const WAIT: Duration = Duration::from_secs(1);
    let is_off = surroundings.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
    !is_off && TcpStream::connect_timeout(&address, WAIT).is_ok()
}

struct Walk<'a> {
    store: Arc<dyn ObjectStore>,
    bucket: BucketName,
    /// As it was named.
    text: &'a str,
}

impl Walk<'_> {
    fn name_of(&self, path: &str) -> String {
        if path.is_empty() { self.bucket.to_string() } else { format!("{}/{path}", self.bucket) }
    }

    /// The object of this very name, if it is there.
    fn one(&self, path: &str) -> Result<Option<ObjectMeta>, Fault> {
        let path = self.bucket.path(path)?;
        match block_on(self.store.head(&path)).map_err(|e| self.internal(&e))? {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault(self.text, self.bucket.kind, &error)),
        }
    }

    fn internal(&self, error: &std::io::Error) -> Fault {
        Fault::new(Code::Unreadable, format!("{}: cannot read: {error}", self.text))
    }

    /// What lies in these directories, some requests at a time.
    fn list(&self, directories: &[ObjectPath]) -> Result<Vec<ListResult>, Fault> {
        let mut all = Vec::with_capacity(directories.len());
        for some in directories.chunks(REQUESTS_MAX) {
            let list = |directory: &ObjectPath| {
                let (store, directory) = (self.store.clone(), directory.clone());
                Ok(runtime()?.spawn(async move { store.list_with_delimiter(Some(&directory)).await }))
            };
            let under_way: Vec<_> = some.iter().map(list).collect::<std::io::Result<_>>().map_err(|e| self.internal(&e))?;
            for (directory, listing) in some.iter().zip(under_way) {
                let listed = block_on(listing).map_err(|e| self.internal(&e))?;
                let listed = listed.map_err(|_| Fault::new(Code::Internal, "internal error: a listing was given up"))?;
                let mut listed = listed.map_err(|error| fault(self.text, self.bucket.kind, &error))?;
                // An empty object in the place of a directory marks that it is there.
                listed.objects.retain(|object| object.location != *directory && !is_marker(object, &listed.common_prefixes));
                all.push(listed);
            }
        }
        Ok(all)
    }

    /// Every object below `directory`; names that begin with `_` or `.` are of those who write, not data.
    fn below(&self, directory: &str) -> Result<Vec<ObjectMeta>, Fault> {
        let is_data = |path: &ObjectPath| !path.filename().is_some_and(|name| name.starts_with(['_', '.']));
        let root = self.bucket.path(directory)?;
        let (mut pending, mut found, mut is_there) = (vec![root.clone()], Vec::new(), false);
        while !pending.is_empty() {
            let mut deeper = Vec::new();
            for (at, listed) in pending.iter().zip(self.list(&pending)?) {
                is_there |= !listed.objects.is_empty() || !listed.common_prefixes.is_empty();
                if listed.common_prefixes.iter().any(|path| path.filename() == Some("_delta_log")) {
                    let table = self.name_of(at.as_ref());
                    let fault = Fault::new(Code::FilesDiffer, format!("{table}: this is a Delta table, among other data"));
                    return Err(fault.hint(format!("a table is a batch by itself: name it alone, `{table}`")));
                }
                found.extend(listed.objects.into_iter().filter(|object| is_data(&object.location)));
                deeper.extend(listed.common_prefixes.into_iter().filter(is_data));
            }
            pending = deeper;
        }
        if found.is_empty() {
            return Err(self.nothing(&root, is_there || directory.is_empty()));
        }
        Ok(found)
    }

    fn nothing(&self, root: &ObjectPath, is_there: bool) -> Fault {
        if is_there {
            let fault = Fault::new(Code::FileNotFound, format!("{}: no data in this directory", self.text));
            return fault.hint("names that begin with `_` or `.` are passed over");
        }
        let fault = Fault::new(Code::FileNotFound, format!("{}: no such object or directory", self.text));
        match self.near(root) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("check the name"),
        }
    }

    /// The name beside `path` that is most like it.
    fn near(&self, path: &ObjectPath) -> Option<String> {
        let wanted = path.filename()?;
        let above = ObjectPath::parse(path.as_ref().rsplit_once('/').map_or("", |(above, _)| above)).ok()?;
        let listed = self.list(&[above]).ok()?.pop()?;
        let all: Vec<&ObjectPath> = listed.objects.iter().map(|object| &object.location).chain(&listed.common_prefixes).collect();
        let near = nearest(wanted, all.iter().filter_map(|path| path.filename()))?;
        all.iter().find(|path| path.filename() == Some(near)).map(|path| self.name_of(path.as_ref()))
    }

    /// The objects whose names match a pattern, part by part.
    fn matching(&self, pattern: &str) -> Result<Vec<ObjectMeta>, Fault> {
        let parts: Vec<&str> = pattern.split('/').collect();
        let first_wild = parts.iter().position(|part| is_wild(part)).unwrap_or(parts.len()).min(parts.len() - 1);
        let mut directories = vec![self.bucket.path(&parts[..first_wild].join("/"))?];
        let (last, between) = parts[first_wild..].split_last().unwrap_or((&"", &[]));
        for part in between {
            directories = match *part {
                "**" => self.all_below(directories)?,
                _ => self.entered(&directories, part)?,
            };
        }
        let wanted = self.pattern(last)?;
        let listed = self.list(&directories)?;
        let objects = listed.into_iter().flat_map(|listed| listed.objects);
        let found: Vec<ObjectMeta> =
            objects.filter(|object| object.location.filename().is_some_and(|name| name == *last || wanted.matches(name))).collect();
        if let Some(literal) = found.iter().find(|object| object.location.as_ref() == pattern) {
            return Ok(vec![literal.clone()]);
        }
        if found.is_empty() {
            return Err(Fault::new(Code::FileNotFound, format!("{}: no object matches", self.text)).hint("check the pattern"));
        }
        Ok(found)
    }

    fn pattern(&self, part: &str) -> Result<Pattern, Fault> {
        Pattern::new(part).map_err(|e| Fault::new(Code::InvalidLocation, format!("{}: not a glob: {e}", self.text)))
    }

    /// The directories in these whose names match.
    fn entered(&self, directories: &[ObjectPath], part: &str) -> Result<Vec<ObjectPath>, Fault> {
        let wanted = self.pattern(part)?;
        let listed = self.list(directories)?.into_iter().flat_map(|listed| listed.common_prefixes);
        Ok(listed.filter(|path| path.filename().is_some_and(|name| name == part || wanted.matches(name))).collect())
    }

    /// These directories, and all in them.
    fn all_below(&self, directories: Vec<ObjectPath>) -> Result<Vec<ObjectPath>, Fault> {
        let (mut all, mut pending) = (directories.clone(), directories);
        while !pending.is_empty() {
            pending = self.list(&pending)?.into_iter().flat_map(|listed| listed.common_prefixes).collect();
            all.extend(pending.iter().cloned());
        }
        Ok(all)
    }
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether an object stands for a directory of its name.
fn is_marker(object: &ObjectMeta, directories: &[ObjectPath]) -> bool {
    object.size == 0 && directories.contains(&object.location)
}
