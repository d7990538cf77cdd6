//! An object that is read: by ranges, of which some are kept for a while, and with the next fetched ahead where it is read
//! from its beginning to its end. Every answer must be of the object that was opened.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, coalesce_ranges};
use tokio::task::JoinHandle;

use super::answer::{carried, changed, fault};
use super::columns::Columns;
use super::name::Kind;
use super::{block_on, runtime};

/// Objects up to this size are fetched whole, and larger ones by blocks where so much is asked for, or one part after the other.
const LARGE: u64 = 1 << 20;
/// What is fetched at least of a large object: most footers are shorter.
const SMALL: u64 = 64 << 10;
/// Large objects are read in blocks of this size, on a grid.
const BLOCK: u64 = 8 << 20;
/// Blocks that are fetched ahead, and blocks that are fetched at a time.
const AHEAD: u64 = 2;
const BLOCKS_MAX: usize = 4;
/// What is kept of all objects that were opened together.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// So much must be read in one go before it is taken for a reading of the whole.
const RUN: u64 = 256 << 10;
/// So many small parts one behind the other are taken for that, too.
const RUN_MIN: u32 = 3;
/// Column chunks that lie no further apart than this are fetched by one request.
const GAP_MAX: u64 = 256 << 10;

/// Parts of objects that were fetched lately.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// By the object's number and where the part begins.
    parts: BTreeMap<(u64, u64), Bytes>,
    order: VecDeque<(u64, u64)>,
    bytes: usize,
    objects: u64,
}

impl Cache {
    fn new_object(&self) -> u64 {
        let mut parts = lock(&self.0);
        parts.objects += 1;
        parts.objects
    }

    /// What is there of an object from `start` on.
    fn get(&self, object: u64, start: u64) -> Option<Bytes> {
        let parts = lock(&self.0);
        let (&(there, first), bytes) = parts.parts.range(..=(object, start)).next_back()?;
        let skip = usize::try_from(start - first).ok().filter(|skip| there == object && *skip < bytes.len())?;
        Some(bytes.slice(skip..))
    }

    fn put(&self, object: u64, start: u64, bytes: Bytes) {
        let mut parts = lock(&self.0);
        parts.bytes += bytes.len();
        if let Some(before) = parts.parts.insert((object, start), bytes) {
            parts.bytes -= before.len();
        } else {
            parts.order.push_back((object, start));
        }
        while parts.bytes > CACHE_BYTES_MAX && parts.order.len() > 1 {
            let oldest = parts.order.pop_front();
            if let Some(gone) = oldest.and_then(|oldest| parts.parts.remove(&oldest)) {
                parts.bytes -= gone.len();
            }
        }
    }
}

/// An object, as it was when it was opened.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    inner: Arc<Inner>,
    /// Parts of it that were fetched beforehand, where it is read by these alone.
    columns: Option<Arc<Columns>>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    kind: Kind,
    path: ObjectPath,
    name: String,
    len: u64,
    /// Without quotation marks.
    e_tag: Option<String>,
    number: u64,
    cache: Arc<Cache>,
    reading: Mutex<Reading>,
}

/// How an object has been read so far.
#[derive(Debug, Default)]
struct Reading {
    /// Where the part begins and ends that was fetched last, and how many in a row went on there.
    last: Range<u64>,
    run: u32,
    /// Blocks under way.
    coming: Vec<(u64, Coming)>,
}

type Fetched = object_store::Result<Bytes>;
type Coming = JoinHandle<Fetched>;

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        let of = |object: &Self| (object.inner.name.clone(), object.inner.len, object.inner.e_tag.clone());
        of(self) == of(other)
    }
}

impl Eq for Object {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Object {
    pub(super) fn new(store: &Arc<dyn ObjectStore>, kind: Kind, name: &str, meta: &ObjectMeta, cache: &Arc<Cache>) -> Self {
        let e_tag = meta.e_tag.as_deref().map(plain);
        let inner = Inner {
            store: store.clone(),
            kind,
            path: meta.location.clone(),
            name: name.to_owned(),
            len: meta.size,
            e_tag,
            number: cache.new_object(),
            cache: cache.clone(),
            reading: Mutex::default(),
        };
        Self { inner: Arc::new(inner), columns: None }
    }

    pub(crate) fn len(&self) -> u64 {
        self.inner.len
    }

    /// The object read by these ranges alone, which are fetched now as far as memory allows.
    pub(crate) fn by_columns(&self, ranges: &[Range<u64>]) -> io::Result<Self> {
        let fetch = |ranges: &[Range<u64>]| {
            block_on(coalesce_ranges(ranges, |range| self.fetching(range), GAP_MAX))?.map_err(|error| self.failed(&error))
        };
        let columns = Columns::new(ranges, fetch)?;
        Ok(Self { inner: self.inner.clone(), columns: Some(Arc::new(columns)) })
    }

    /// Why its columns could not be read.
    pub(crate) fn failure(&self) -> Option<crate::diagnostic::Fault> {
        self.columns.as_ref()?.failure()
    }

    /// `length` bytes from `start` on.
    pub(crate) fn range(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.inner.len).ok_or(ErrorKind::UnexpectedEof)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        if let Some(columns) = &self.columns {
            return Ok(columns.at_least(start..end, |range| self.fetch(range))?.slice(..length));
        }
        let there = self.inner.cache.get(self.inner.number, start).filter(|there| there.len() >= length);
        if let Some(there) = there {
            return Ok(there.slice(..length));
        }
        // One at a time: who comes second finds what the first has fetched.
        let mut reading = lock(&self.inner.reading);
        if length as u64 >= LARGE || reading.goes_on(start) {
            return self.blocks(&mut reading, start..end);
        }
        let part = self.small(&mut reading, start, end)?;
        Ok(part.slice(..length))
    }

    /// Some bytes from `at` on; none at the end. `run` bytes before them were read in one go.
    pub(super) fn some(&self, at: u64, run: u64) -> io::Result<Bytes> {
        if at >= self.inner.len {
            return Ok(Bytes::new());
        }
        if let Some(columns) = &self.columns {
            return columns.at_least(at..at + 1, |range| self.fetch(range));
        }
        if let Some(there) = self.inner.cache.get(self.inner.number, at) {
            return Ok(there);
        }
        let mut reading = lock(&self.inner.reading);
        if run < RUN && !reading.goes_on(at) {
            return self.small(&mut reading, at, at + 1);
        }
        let end = (at / BLOCK * BLOCK + BLOCK).min(self.inner.len);
        self.blocks(&mut reading, at..end)
    }

    /// A part from `start` on that ends at `end` or behind.
    fn small(&self, reading: &mut Reading, start: u64, end: u64) -> io::Result<Bytes> {
        let len = self.inner.len;
        let range = match start {
            _ if len <= LARGE => 0..len,
            _ if start + SMALL >= len => len - SMALL..len,
            _ => start..end.max(start + SMALL).min(len),
        };
        let bytes = self.fetch(range.clone())?;
        reading.last = range.clone();
        self.inner.cache.put(self.inner.number, range.start, bytes.clone());
        Ok(bytes.slice((start - range.start) as usize..))
    }

    /// The range, from blocks of the grid; those behind it are fetched ahead.
    fn blocks(&self, reading: &mut Reading, range: Range<u64>) -> io::Result<Bytes> {
        let (first, last) = (range.start / BLOCK, (range.end - 1) / BLOCK);
        let mut parts = Vec::with_capacity((last - first + 1) as usize);
        let all: Vec<u64> = (first..=last).collect();
        for some in all.chunks(BLOCKS_MAX) {
            some.iter().try_for_each(|block| self.send_for(reading, *block))?;
            for block in some {
                parts.push(self.arrived(reading, *block)?);
            }
        }
        (last + 1..=last + AHEAD).try_for_each(|block| self.send_for(reading, block))?;
        // What is asked for next is most likely in a block that is under way.
        (reading.last, reading.run) = (first * BLOCK..(last + 1) * BLOCK, RUN_MIN);
        let skip = (range.start - first * BLOCK) as usize;
        let length = (range.end - range.start) as usize;
        if let [part] = &parts[..] {
            return Ok(part.slice(skip..skip + length));
        }
        let mut bytes = Vec::with_capacity(length);
        for (i, part) in parts.iter().enumerate() {
            let part = &part[if i == 0 { skip } else { 0 }..];
            bytes.extend_from_slice(&part[..part.len().min(length - bytes.len())]);
        }
        Ok(bytes.into())
    }

    fn of_grid(&self, block: u64) -> Range<u64> {
        block * BLOCK..(block * BLOCK + BLOCK).min(self.inner.len)
    }

    /// Fetches a block in the background, unless it is there or under way.
    fn send_for(&self, reading: &mut Reading, block: u64) -> io::Result<()> {
        let range = self.of_grid(block);
        let is_there =
            || self.inner.cache.get(self.inner.number, range.start).is_some_and(|there| there.len() as u64 >= range.end - range.start);
        if range.is_empty() || reading.coming.iter().any(|(coming, _)| *coming == block) || is_there() {
            return Ok(());
        }
        reading.coming.push((block, runtime()?.spawn(self.fetching(range))));
        Ok(())
    }

    /// The bytes of a block that was sent for.
    fn arrived(&self, reading: &mut Reading, block: u64) -> io::Result<Bytes> {
        let range = self.of_grid(block);
        let Some(at) = reading.coming.iter().position(|(coming, _)| *coming == block) else {
            let there = self.inner.cache.get(self.inner.number, range.start);
            // Others may have pushed it out in between.
            return match there.filter(|there| there.len() as u64 >= range.end - range.start) {
                Some(there) => Ok(there),
                None => self.fetch(range),
            };
        };
        let (_, coming) = reading.coming.swap_remove(at);
        // What a panic says is not told.
        let fetched = block_on(coming)?.map_err(|_| io::Error::other("internal error"))?;
        let bytes = fetched.map_err(|error| self.failed(&error))?;
        self.inner.cache.put(self.inner.number, range.start, bytes.clone());
        Ok(bytes)
    }

    fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        block_on(self.fetching(range))?.map_err(|error| self.failed(&error))
    }

    /// A request for a range of the very object that was opened.
    fn fetching(&self, range: Range<u64>) -> impl Future<Output = Fetched> + Send + 'static {
        let inner = self.inner.clone();
        async move {
            let other = |why: String| object_store::Error::Precondition { path: inner.path.to_string(), source: why.into() };
            let if_match = inner.e_tag.as_ref().map(|e_tag| format!("\"{e_tag}\""));
            let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), if_match, ..GetOptions::default() };
            let got = inner.store.get_opts(&inner.path, options).await?;
            // Some stores do not look at the condition.
            let is_same = match (&inner.e_tag, got.meta.e_tag.as_deref().map(plain)) {
                (Some(opened), Some(now)) => *opened == now,
                (Some(_), None) | (None, _) => true,
            };
            if !is_same || got.meta.size != inner.len {
                return Err(other(format!("it has {} bytes now", got.meta.size)));
            }
            let (bytes, promised) = (got.bytes().await?, range.end - range.start);
            if bytes.len() as u64 != promised {
                let source = format!("the store sent {} bytes where {promised} were asked for", bytes.len()).into();
                return Err(object_store::Error::Generic { store: "object", source });
            }
            Ok(bytes)
        }
    }

    fn failed(&self, error: &object_store::Error) -> io::Error {
        // It was there when it was opened.
        if let object_store::Error::NotFound { .. } = error {
            return carried(changed(&self.inner.name));
        }
        carried(fault(&self.inner.name, self.inner.kind, error))
    }
}

impl Reading {
    /// Whether small parts have been asked for one behind the other, for a while.
    fn goes_on(&mut self, start: u64) -> bool {
        let follows = self.last.start < start && start <= self.last.end + LARGE;
        self.run = if follows { self.run + 1 } else { 0 };
        self.run >= RUN_MIN
    }
}

/// A mark of a version, without quotation marks: listings of Azure leave them out.
fn plain(e_tag: &str) -> String {
    e_tag.trim_start_matches("W/").trim_matches('"').to_owned()
}
