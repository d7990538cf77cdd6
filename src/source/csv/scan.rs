//! Finds the next delimiter or line end, 64 bytes at a time.
//!
//! Most of the time of reading delimited text went into looking for the end of short fields byte by
//! byte. Here a block's delimiters and line ends become the bits of one word, which then serves all
//! fields of the block. SSE2 belongs to every x86-64; elsewhere the plain loop is compiled.

const BLOCK: usize = 64;

/// The delimiters and line ends of the block last looked at.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where the block begins, and its bits; a block that begins at `usize::MAX` is none.
    block: Option<usize>,
    bits: u64,
}

impl Scan {
    /// The position of the next `delimiter` or line end at or behind `at`, or the end of `bytes`. Every call is about
    /// the same bytes and delimiter.
    pub(super) fn next(&mut self, bytes: &[u8], at: usize, delimiter: u8) -> usize {
        let mut block = at / BLOCK * BLOCK;
        let mut from = at % BLOCK;
        while block < bytes.len() {
            if self.block != Some(block) {
                self.bits = match bytes[block..].first_chunk::<BLOCK>() {
                    Some(chunk) => marks(chunk, delimiter),
                    None => plain_marks(&bytes[block..], delimiter),
                };
                self.block = Some(block);
            }
            let found = self.bits >> from;
            if found != 0 {
                return block + from + found.trailing_zeros() as usize;
            }
            block += BLOCK;
            from = 0;
        }
        bytes.len()
    }
}

/// One bit a byte, set for delimiters and line ends.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "sixteen bytes at a time; a test holds it to the plain loop")]
fn marks(chunk: &[u8; BLOCK], delimiter: u8) -> u64 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    let mut bits = 0;
    // SAFETY: SSE2 is part of x86-64, and each load reads 16 of the chunk's 64 bytes; loads need no alignment.
    unsafe {
        let (delimiters, newlines) = (_mm_set1_epi8(delimiter as i8), _mm_set1_epi8(b'\n' as i8));
        for i in 0..BLOCK / 16 {
            let part = _mm_loadu_si128(chunk.as_ptr().add(i * 16).cast::<__m128i>());
            let equal = _mm_or_si128(_mm_cmpeq_epi8(part, delimiters), _mm_cmpeq_epi8(part, newlines));
            bits |= u64::from(_mm_movemask_epi8(equal) as u16) << (i * 16);
        }
    }
    bits
}

#[cfg(not(target_arch = "x86_64"))]
fn marks(chunk: &[u8; BLOCK], delimiter: u8) -> u64 {
    plain_marks(chunk, delimiter)
}

fn plain_marks(bytes: &[u8], delimiter: u8) -> u64 {
    bytes.iter().enumerate().fold(0, |bits, (i, &b)| bits | u64::from(b == delimiter || b == b'\n') << i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_what_the_plain_loop_finds(text in "[a,\n;\"é]{0,200}", starts in prop::collection::vec(0usize..260, 1..20)) {
            let bytes = text.as_bytes();
            let mut scan = Scan::default();
            for at in starts.into_iter().map(|s| s.min(bytes.len())) {
                let plain = bytes[at..].iter().position(|&b| b == b',' || b == b'\n').map_or(bytes.len(), |n| at + n);
                prop_assert_eq!(scan.next(bytes, at, b','), plain);
            }
        }
    }
}
