//! Where plain text in a string ends: at a quote, a backslash or a control character, 16 bytes at a time.
//!
//! A third of the time of reading JSON went into looking for the end of short strings. SSE2 belongs to
//! every x86-64; elsewhere, and in the last bytes, the plain loop does it.

/// The position of the first byte at or behind `at` that is a quote, a backslash or below 0x20, or the end.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "sixteen bytes at a time; a test holds it to the plain loop")]
pub(super) fn plain_end(text: &[u8], mut at: usize) -> usize {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    while let Some(chunk) = text.get(at..at + 16) {
        // SAFETY: SSE2 is part of x86-64, and the chunk has the 16 bytes that are loaded; loads need no alignment.
        let found = unsafe {
            let bytes = _mm_loadu_si128(chunk.as_ptr().cast::<__m128i>());
            let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
            let escapes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
            let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, escapes), controls))
        };
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    plainly(text, at)
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn plain_end(text: &[u8], at: usize) -> usize {
    plainly(text, at)
}

fn plainly(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&b| b != b'"' && b != b'\\' && b >= 0x20) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_ends_where_the_plain_loop_ends(bytes in prop::collection::vec(prop_oneof![30 => 0x20u8..=0xff, 1 => any::<u8>()], 0..80), at in 0usize..80) {
            let at = at.min(bytes.len());
            prop_assert_eq!(plain_end(&bytes, at), plainly(&bytes, at));
        }
    }
}
