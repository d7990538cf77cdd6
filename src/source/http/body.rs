//! The bytes of an answer: received into the spool, and decompressed there, within limits.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use reqwest::Response;
use tokio::time::timeout;

use super::failure::{Failure, because, shown};
use super::options::HttpLimits;
use crate::diagnostic::{Code, Fault};
use crate::files;
use crate::source::file::cannot_read;
use crate::source::spool::{Compression, Spool, cannot_spool};

/// Layers of compression that are taken off.
const LAYERS_MAX: usize = 3;

/// Writes the body to a file of the spool; gives it and how long it is. `left` is what the batch may still take.
pub(super) async fn receive(response: Response, spool: &Spool, limits: &HttpLimits, left: u64) -> Result<(PathBuf, u64), Failure> {
    let (path, mut out) = spool.create().map_err(Failure::Final)?;
    match copied(response, &path, &mut out, limits, left).await {
        Ok(length) => Ok((path, length)),
        Err(failure) => {
            files::discard(&path);
            Err(failure)
        }
    }
}

async fn copied(mut response: Response, path: &Path, out: &mut impl Write, limits: &HttpLimits, left: u64) -> Result<u64, Failure> {
    let name = shown(response.url());
    let too_large = || {
        let what = format!("{name}: more than {} bytes are sent", limits.bytes_max);
        Failure::Final(Fault::new(Code::TooLarge, what).hint("raise `source: { http: { bytes_max: … } }` if so much is right"))
    };
    let stated = response.content_length();
    if stated.is_some_and(|length| length > left) {
        return Err(too_large());
    }
    let mut length = 0_u64;
    loop {
        let bytes = match timeout(limits.idle_max, response.chunk()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(cut_short(&name, length, stated, &because(&error))),
            Err(_) => {
                let what = format!("{name}: no byte came for {} s", limits.idle_max.as_secs());
                let fault = Fault::new(Code::TimedOut, what);
                return Err(Failure::passing(fault.hint("`source: { http: { idle_max: … } }` says how long to wait")));
            }
        };
        length += bytes.len() as u64;
        if length > left {
            return Err(too_large());
        }
        out.write_all(&bytes).map_err(|e| Failure::Final(cannot_spool(path, &e)))?;
    }
    out.flush().map_err(|e| Failure::Final(cannot_spool(path, &e)))?;
    match stated {
        Some(stated) if stated != length => Err(cut_short(&name, length, Some(stated), "the connection ended")),
        Some(_) | None => Ok(length),
    }
}

/// Some of the body is missing, or its parts cannot be told apart.
fn cut_short(name: &str, received: u64, stated: Option<u64>, why: &str) -> Failure {
    let of = stated.map(|stated| format!(" of {stated}")).unwrap_or_default();
    let fault = Fault::new(Code::Damaged, format!("{name}: the answer is cut short after {received}{of} bytes: {why}"));
    Failure::passing(fault.hint("nothing of it was used; run again, or ask those who run the server"))
}

/// The file at `path` without `encoding`, and without the compression that its first bytes tell; gives the plain file and how
/// long it is. At most `left` bytes come of it.
pub(super) fn decoded(path: PathBuf, encoding: Option<&str>, name: &str, spool: &Spool, left: u64) -> Result<(PathBuf, u64), Fault> {
    let mut path = match encoding.map(str::trim).filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")) {
        None => path,
        Some(encoding) => {
            let input = BufReader::with_capacity(1 << 18, opened(&path, name)?);
            let reader = reader_of(encoding, input, name)?;
            unpacked(&path, reader, encoding, name, spool, left)?
        }
    };
    for _ in 0..LAYERS_MAX {
        let mut head = Vec::new();
        opened(&path, name)?.take(16).read_to_end(&mut head).map_err(|e| cannot_read(name, &e))?;
        let Some(compression) = Compression::of(&head) else {
            let length = opened(&path, name)?.metadata().map_err(|e| cannot_read(name, &e))?.len();
            return Ok((path, length));
        };
        let input = BufReader::with_capacity(1 << 18, opened(&path, name)?);
        let reader = compression.reader(input).map_err(|e| damaged(name, compression.name(), &e))?;
        path = unpacked(&path, reader, compression.name(), name, spool, left)?;
    }
    Err(Fault::new(Code::Unsupported, format!("{name}: compressed {LAYERS_MAX} times over and more")))
}

fn opened(path: &Path, name: &str) -> Result<File, Fault> {
    files::open(path).map_err(|e| cannot_read(name, &e))
}

fn reader_of(encoding: &str, mut input: BufReader<File>, name: &str) -> Result<Box<dyn Read>, Fault> {
    let compression = match encoding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Compression::Gzip,
        "zstd" => Compression::Zstandard,
        "deflate" => {
            // The name means zlib's format; some servers send the bare stream.
            let is_zlib = io::BufRead::fill_buf(&mut input).map_err(|e| cannot_read(name, &e))?.first().is_some_and(|b| b & 0x0f == 8);
            return Ok(match is_zlib {
                true => Box::new(flate2::bufread::ZlibDecoder::new(input)),
                false => Box::new(flate2::bufread::DeflateDecoder::new(input)),
            });
        }
        _ => {
            let fault = Fault::new(Code::Unsupported, format!("{name}: the answer is encoded as `{encoding}`, which was not asked for"));
            return Err(fault.hint("gzip, deflate and zstd are read"));
        }
    };
    compression.reader(input).map_err(|e| damaged(name, encoding, &e))
}

fn unpacked(from: &Path, mut reader: Box<dyn Read>, by: &str, name: &str, spool: &Spool, left: u64) -> Result<PathBuf, Fault> {
    let (path, mut out) = spool.create()?;
    let mut buffer = vec![0; 1 << 18];
    let mut length = 0_u64;
    loop {
        let read = reader.read(&mut buffer).map_err(|e| damaged(name, by, &e))?;
        if read == 0 {
            break;
        }
        length += read as u64;
        if length > left {
            let what = format!("{name}: the answer is more than {left} bytes once it is decompressed ({by})");
            return Err(Fault::new(Code::TooLarge, what).hint("raise `source: { http: { decoded_max: … } }` if so much is right"));
        }
        out.write_all(&buffer[..read]).map_err(|e| cannot_spool(&path, &e))?;
    }
    out.flush().map_err(|e| cannot_spool(&path, &e))?;
    files::discard(from);
    Ok(path)
}

fn damaged(name: &str, by: &str, error: &io::Error) -> Fault {
    let fault = Fault::new(Code::Damaged, format!("{name}: damaged: not all of the answer is {by}: {error}"));
    fault.hint("nothing of it was used; run again, or ask those who run the server")
}
