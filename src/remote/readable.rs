//! A file that can be read from any place in it, wherever its bytes are.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::Object;
use crate::diagnostic::Fault;
use crate::files;

/// A file that can be read from any place in it.
#[derive(Debug)]
pub struct Readable(Content);

#[derive(Debug)]
enum Content {
    File(File),
    Memory { bytes: Bytes, at: u64 },
    Object(Cursor),
}

impl Readable {
    pub(crate) fn object(object: Object) -> Self {
        Self(Content::Object(Cursor::new(object, 0)))
    }

    /// What says why it could not be read, if the store did.
    pub(crate) fn failure(&self) -> impl Fn() -> Option<Fault> + use<> {
        let object = match &self.0 {
            Content::Object(cursor) => Some(cursor.object.clone()),
            Content::File(_) | Content::Memory { .. } => None,
        };
        move || object.as_ref()?.failure()
    }

    /// The same file, from its beginning.
    ///
    /// # Errors
    /// The system has no more handles.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match &self.0 {
            Content::File(file) => Self::from(file.try_clone()?),
            Content::Memory { bytes, .. } => Self::from(bytes.clone()),
            Content::Object(cursor) => Self::object(cursor.object.clone()),
        })
    }

    /// `len` bytes from `start` on.
    ///
    /// # Errors
    /// There are not so many, or they cannot be read.
    pub(crate) fn part(&self, start: u64, len: usize) -> io::Result<Bytes> {
        match &self.0 {
            Content::File(file) => {
                let mut bytes = vec![0; len];
                files::read_exact_at(file, &mut bytes, start)?;
                Ok(bytes.into())
            }
            Content::Memory { bytes, .. } => {
                let range = usize::try_from(start).ok().and_then(|start| Some(start..start.checked_add(len)?));
                range.filter(|range| range.end <= bytes.len()).map(|range| bytes.slice(range)).ok_or(io::ErrorKind::UnexpectedEof.into())
            }
            Content::Object(cursor) => cursor.object.range(start, len),
        }
    }
}

impl From<File> for Readable {
    fn from(file: File) -> Self {
        Self(Content::File(file))
    }
}

impl From<Bytes> for Readable {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Memory { bytes, at: 0 })
    }
}

impl Length for Readable {
    fn len(&self) -> u64 {
        match &self.0 {
            Content::File(file) => Length::len(file),
            Content::Memory { bytes, .. } => bytes.len() as u64,
            Content::Object(cursor) => cursor.object.len(),
        }
    }
}

impl Read for Readable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Content::File(file) => file.read(buffer),
            Content::Memory { bytes, at } => {
                let mut rest = &bytes[bytes.len().min(usize::try_from(*at).unwrap_or(usize::MAX))..];
                let read = rest.read(buffer)?;
                *at += read as u64;
                Ok(read)
            }
            Content::Object(cursor) => cursor.read(buffer),
        }
    }
}

impl Seek for Readable {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let len = Length::len(self);
        let at = match &mut self.0 {
            Content::File(file) => return file.seek(to),
            Content::Memory { at, .. } => at,
            Content::Object(cursor) => cursor.moved(),
        };
        let sought = match to {
            SeekFrom::Start(start) => Some(start),
            SeekFrom::End(by) => len.checked_add_signed(by),
            SeekFrom::Current(by) => at.checked_add_signed(by),
        };
        *at = sought.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(*at)
    }
}

/// A place in an object.
#[derive(Debug, Clone)]
struct Cursor {
    object: Object,
    at: u64,
    /// Bytes from there on that were fetched already.
    there: Bytes,
    /// How many bytes before were read in one go.
    run: u64,
}

impl Cursor {
    fn new(object: Object, at: u64) -> Self {
        Self { object, at, there: Bytes::new(), run: 0 }
    }

    /// The place, which is another one soon.
    fn moved(&mut self) -> &mut u64 {
        (self.there, self.run) = (Bytes::new(), 0);
        &mut self.at
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.there.is_empty() {
            self.there = self.object.some(self.at, self.run)?;
        }
        let part = self.there.split_to(buffer.len().min(self.there.len()));
        buffer[..part.len()].copy_from_slice(&part);
        self.at += part.len() as u64;
        self.run += part.len() as u64;
        Ok(part.len())
    }
}

/// A file from a place in it on.
#[derive(Debug)]
pub struct Rest(Part);

#[derive(Debug)]
enum Part {
    File(BufReader<File>),
    Memory(bytes::buf::Reader<Bytes>),
    Object(Cursor),
}

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Part::File(file) => file.read(buffer),
            Part::Memory(bytes) => bytes.read(buffer),
            Part::Object(cursor) => cursor.read(buffer),
        }
    }
}

impl ChunkReader for Readable {
    type T = Rest;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Rest(match &self.0 {
            Content::File(file) => Part::File(file.get_read(start)?),
            Content::Memory { bytes, .. } => Part::Memory(bytes.get_read(start)?),
            Content::Object(cursor) => Part::Object(Cursor::new(cursor.object.clone(), start)),
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match &self.0 {
            Content::File(file) => file.get_bytes(start, length),
            Content::Memory { bytes, .. } => bytes.get_bytes(start, length),
            Content::Object(cursor) => Ok(cursor.object.range(start, length)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_bytes_in_memory_are_read_alike() {
        let text = b"0123456789";
        let place = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(place.path(), text).expect("written");
        let file = Readable::from(File::open(place.path()).expect("opened"));
        for mut readable in [file, Readable::from(Bytes::from_static(text))] {
            let mut some = [0; 3];
            assert_eq!(Length::len(&readable), 10);
            readable.read_exact(&mut some).expect("read");
            assert_eq!((readable.seek(SeekFrom::Current(3)).expect("sought"), &some), (6, b"012"));
            let mut rest = String::new();
            readable.read_to_string(&mut rest).expect("read");
            assert_eq!((rest.as_str(), readable.seek(SeekFrom::End(-1)).expect("sought")), ("6789", 9));
            assert_eq!(readable.seek(SeekFrom::Start(20)).expect("sought"), 20);
            assert_eq!(readable.read(&mut some).expect("read"), 0, "behind the end is nothing");
            assert!(readable.seek(SeekFrom::Current(-21)).is_err());
            assert_eq!(readable.get_bytes(2, 3).expect("there"), &b"234"[..]);
            assert!(readable.get_bytes(8, 3).is_err());
            readable.get_read(7).expect("there").read_exact(&mut some).expect("read");
            assert_eq!(&some, b"789");
        }
    }
}
