//! What Avro blocks are compressed with.

use std::io::{self, Read};

use arrow_avro::compression::CompressionCodec;

use super::unsigned;

/// The data of a block as it is before it is compressed.
///
/// # Errors
/// It is damaged.
pub(super) fn unpacked(codec: CompressionCodec, data: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match codec {
        CompressionCodec::Deflate => flate2::bufread::DeflateDecoder::new(data).read_to_end(&mut out)?,
        CompressionCodec::ZStandard => zstd::stream::read::Decoder::with_buffer(data)?.read_to_end(&mut out)?,
        CompressionCodec::Bzip2 => bzip2::bufread::BzDecoder::new(data).read_to_end(&mut out)?,
        CompressionCodec::Xz => liblzma::bufread::XzDecoder::new(data).read_to_end(&mut out)?,
        CompressionCodec::Snappy => return snappy(data).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    };
    Ok(out)
}

/// Snappy's own format, and behind it the checksum of what it holds:
/// <https://github.com/google/snappy/blob/main/format_description.txt>.
fn snappy(data: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, sum) = data.split_last_chunk::<4>()?;
    let len = usize::try_from(unsigned(&mut rest)?).ok()?;
    let mut out: Vec<u8> = Vec::new();
    while let Some((&tag, behind)) = rest.split_first() {
        rest = behind;
        let size = usize::from(tag >> 2);
        let (copied, back) = match tag & 3 {
            0 => {
                let literals = if size < 60 { size } else { little_endian(&mut rest, size - 59)? } + 1;
                let (taken, behind) = rest.split_at_checked(literals)?;
                out.extend_from_slice(taken);
                rest = behind;
                continue;
            }
            1 => (4 + (size & 7), usize::from(tag >> 5) << 8 | little_endian(&mut rest, 1)?),
            2 => (size + 1, little_endian(&mut rest, 2)?),
            _ => (size + 1, little_endian(&mut rest, 4)?),
        };
        let start = out.len().checked_sub(back).filter(|_| back > 0)?;
        // The bytes to copy may overlap those that the copy makes.
        (start..start + copied).for_each(|at| out.push(out[at]));
    }
    let mut crc = flate2::Crc::new();
    crc.update(&out);
    (out.len() == len && crc.sum() == u32::from_be_bytes(*sum)).then_some(out)
}

fn little_endian(bytes: &mut &[u8], len: usize) -> Option<usize> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
