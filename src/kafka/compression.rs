//! What the records of a batch are compressed by.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;

/// More than this comes out of no honest batch: brokers take 1 MB by default.
const PLAIN_BYTES_MAX: usize = 256 << 20;

/// Java's producers cut what snappy compresses into blocks, behind this head and two version numbers.
const BLOCKS: &[u8] = b"\x82SNAPPY\0";
const BLOCKS_HEAD: usize = 16;

/// What compressed bytes say when they are opened.
///
/// # Errors
/// They are damaged, too large, or compressed by something that is not known here.
pub(super) fn decompressed(codec: i16, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        1 => all_of(MultiGzDecoder::new(bytes)),
        2 if bytes.starts_with(BLOCKS) => snappy_blocks(bytes.get(BLOCKS_HEAD..).unwrap_or_default()),
        2 => snappy(bytes),
        3 => all_of(FrameDecoder::new(bytes)),
        4 => all_of(zstd::stream::read::Decoder::with_buffer(bytes)?),
        _ => Err(io::Error::other(format!("compression {codec} is not known"))),
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("it holds more than {} MB", PLAIN_BYTES_MAX >> 20))
}

fn all_of(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    reader.take(PLAIN_BYTES_MAX as u64 + 1).read_to_end(&mut plain)?;
    if plain.len() > PLAIN_BYTES_MAX { Err(too_large()) } else { Ok(plain) }
}

fn snappy(bytes: &[u8]) -> io::Result<Vec<u8>> {
    if snap::raw::decompress_len(bytes)? > PLAIN_BYTES_MAX {
        return Err(too_large());
    }
    Ok(snap::raw::Decoder::new().decompress_vec(bytes)?)
}

fn snappy_blocks(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (block, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
        plain.extend(snappy(block)?);
        if plain.len() > PLAIN_BYTES_MAX {
            return Err(too_large());
        }
        bytes = rest;
    }
    if bytes.is_empty() { Ok(plain) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snappy_is_read_with_and_without_java_s_blocks() {
        let raw = snap::raw::Encoder::new().compress_vec(b"abcabcabc").expect("it compresses");
        assert_eq!(decompressed(2, &raw).expect("raw"), b"abcabcabc");
        let length = (raw.len() as u32).to_be_bytes();
        let blocks = [BLOCKS, &[0, 0, 0, 1, 0, 0, 0, 1], &length, &raw, &length, &raw].concat();
        assert_eq!(decompressed(2, &blocks).expect("blocks"), b"abcabcabcabcabcabc");
        assert!(decompressed(2, &blocks[..blocks.len() - 1]).is_err());
    }

    #[test]
    fn a_small_batch_that_swells_beyond_all_bounds_is_refused() {
        let bomb = zstd::encode_all(io::repeat(0).take(PLAIN_BYTES_MAX as u64 + 1), 1).expect("it compresses");
        assert!(bomb.len() < 1 << 20);
        assert!(decompressed(4, &bomb).expect_err("it is refused").to_string().contains("more than 256 MB"));
        assert!(decompressed(7, b"").is_err());
    }
}
