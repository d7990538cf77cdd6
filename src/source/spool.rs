//! Brings what cannot be read at any place into a file that can: standard input, compressed text,
//! text in another encoding. A second pass reads the same bytes again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::file::{InputFile, cannot_read};
use super::{Format, foreign};
use crate::diagnostic::{Code, Fault};
use crate::files::{self, Access};

/// How text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
pub enum Encoding {
    /// UTF-8, or UTF-16 where a byte order mark says so.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16 in the byte order that its mark gives; little endian without one.
    #[serde(rename = "utf-16")]
    Utf16,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// ISO 8859-1: every byte is a character.
    #[serde(rename = "latin-1")]
    Latin1,
    /// Latin-1 as Windows has it, with curly quotes and the euro sign.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// Stands for what cannot be decoded: no UTF-8 text holds it, so the record is malformed later on.
const UNDECODABLE: u8 = 0xFF;

/// A directory for what must be read more than once; the caller removes it.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    count: AtomicU64,
}

impl Spool {
    /// Files go to `directory`, which is there.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), count: AtomicU64::new(0) }
    }

    pub(super) fn create(&self) -> Result<(PathBuf, BufWriter<File>), Fault> {
        let path = self.directory.join(format!("spool-{}", self.count.fetch_add(1, Ordering::Relaxed)));
        let file = files::create(&path, Access::Private).map_err(|e| cannot_spool(&path, &e))?;
        Ok((path, BufWriter::with_capacity(1 << 18, file)))
    }

    /// Everything that a stream called `name` gives: standard input, a pipe.
    ///
    /// # Errors
    /// It cannot be read, or the spool not written.
    pub fn stream(&self, name: &str, mut input: impl Read) -> Result<InputFile, Fault> {
        let (path, mut out) = self.create()?;
        io::copy(&mut input, &mut out).and_then(|_| out.flush()).map_err(|e| cannot_spool(&path, &e))?;
        InputFile::stream(name, path)
    }

    /// The file as it is read: decompressed, and decoded where `format` is text.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or the spool cannot be written.
    pub fn plain(&self, file: InputFile, format: Format, encoding: Encoding) -> Result<InputFile, Fault> {
        let file = self.decompressed(file)?;
        foreign::refuse(&file.path, format, &head(&file)?)?;
        if format.is_text() { self.decoded(file, encoding) } else { Ok(file) }
    }

    fn decompressed(&self, file: InputFile) -> Result<InputFile, Fault> {
        let Some(compression) = Compression::of(&head(&file)?) else { return Ok(file) };
        let (path, mut out) = self.create()?;
        let input = BufReader::with_capacity(1 << 18, file.open()?);
        let mut reader = compression.reader(input).map_err(|e| damaged(&file, compression, &e))?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = reader.read(&mut buffer).map_err(|e| damaged(&file, compression, &e))?;
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read]).map_err(|e| cannot_spool(&path, &e))?;
        }
        out.flush().map_err(|e| cannot_spool(&path, &e))?;
        file.ensure_unchanged()?;
        file.spooled(path)
    }

    fn decoded(&self, file: InputFile, encoding: Encoding) -> Result<InputFile, Fault> {
        let head = head(&file)?;
        let big_endian = head.starts_with(b"\xfe\xff");
        let marked = big_endian || head.starts_with(b"\xff\xfe");
        let mut decoder = match encoding {
            Encoding::Utf8 if !marked => return Ok(file),
            Encoding::Utf8 | Encoding::Utf16 if big_endian => UTF_16BE.new_decoder(),
            Encoding::Utf8 | Encoding::Utf16 | Encoding::Utf16Le => UTF_16LE.new_decoder(),
            Encoding::Utf16Be => UTF_16BE.new_decoder(),
            Encoding::Windows1252 => WINDOWS_1252.new_decoder_without_bom_handling(),
            Encoding::Latin1 => return self.latin_1(file),
        };
        self.transcoded(file, |bytes, last, out| decode(&mut decoder, bytes, last, out))
    }

    fn latin_1(&self, file: InputFile) -> Result<InputFile, Fault> {
        self.transcoded(file, |bytes, _, out| out.extend(encoding_rs::mem::decode_latin1(bytes).as_bytes()))
    }

    fn transcoded(&self, file: InputFile, mut each: impl FnMut(&[u8], bool, &mut Vec<u8>)) -> Result<InputFile, Fault> {
        let (path, mut spool) = self.create()?;
        let mut input = file.open()?;
        let mut buffer = vec![0; 1 << 18];
        let mut text = Vec::new();
        loop {
            let read = input.read(&mut buffer).map_err(|e| cannot_read(&file.path, &e))?;
            text.clear();
            each(&buffer[..read], read == 0, &mut text);
            spool.write_all(&text).map_err(|e| cannot_spool(&path, &e))?;
            if read == 0 {
                break;
            }
        }
        spool.flush().map_err(|e| cannot_spool(&path, &e))?;
        file.ensure_unchanged()?;
        file.spooled(path)
    }
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool, out: &mut Vec<u8>) {
    loop {
        let start = out.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 3 + 8);
        out.resize(start + room, 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut out[start..], last);
        out.truncate(start + written);
        bytes = &bytes[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => out.push(UNDECODABLE),
        }
    }
}

/// How a file's bytes are compressed, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstandard,
    Bzip2,
    Xz,
}

impl Compression {
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magic: [(&[u8], Self); 4] =
            [(b"\x1f\x8b", Self::Gzip), (b"\x28\xb5\x2f\xfd", Self::Zstandard), (b"BZh", Self::Bzip2), (b"\xfd7zXZ\0", Self::Xz)];
        magic.into_iter().find(|(bytes, _)| head.starts_with(bytes)).map(|(_, compression)| compression)
    }

    /// Reads every member of the file: gzip, zstd, bzip2 and xz files may be several, one after the other.
    pub(super) fn reader<'a>(self, input: BufReader<impl Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstandard => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Self::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input)),
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }
}

/// The first bytes of the content, as many as any magic needs.
pub(super) fn head(file: &InputFile) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::new();
    file.open()?.take(4096).read_to_end(&mut head).map_err(|e| cannot_read(&file.path, &e))?;
    Ok(head)
}

pub(super) fn cannot_spool(path: &Path, error: &io::Error) -> Fault {
    let fault = Fault::new(Code::ScratchFailed, format!("{}: cannot write: {error}", path.display()));
    fault.hint(
        "standard input, what is fetched, workbooks, and compressed or re-encoded text are written to the temporary directory first; TMPDIR moves it",
    )
}

fn damaged(file: &InputFile, compression: Compression, error: &io::Error) -> Fault {
    Fault::new(Code::Damaged, format!("{}: damaged: not all of it is {}: {error}", file.path, compression.name()))
        .hint("it may be cut short; nothing of it was used")
}
