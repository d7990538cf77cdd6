//! LZ4 frames, as far as bitmaps need them: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>.

const MAGIC: &[u8] = &0x184D_2204u32.to_le_bytes();

/// The first `len` bytes of the frame's content, or all if there are fewer; none if it is damaged.
pub(super) fn unpacked(frame: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut rest = frame.strip_prefix(MAGIC)?;
    let flags = *take(&mut rest, 2)?.first()?;
    let has = |bit: u8| usize::from(flags >> bit & 1);
    // The size of the content, a dictionary's id, and a checksum of this header.
    take(&mut rest, 8 * has(3) + 4 * has(0) + 1)?;
    let mut out = Vec::new();
    while out.len() < len {
        let size = u32::from_le_bytes(*take(&mut rest, 4)?.first_chunk()?);
        if size == 0 {
            break;
        }
        let block = take(&mut rest, (size & 0x7FFF_FFFF) as usize)?;
        take(&mut rest, 4 * has(4))?;
        if size >> 31 == 1 { out.extend_from_slice(block) } else { unpack(block, &mut out)? }
    }
    Some(out)
}

/// Literals, then bytes that stood before, again and again; the last sequence has literals only.
fn unpack(mut block: &[u8], out: &mut Vec<u8>) -> Option<()> {
    loop {
        let token = *take(&mut block, 1)?.first()?;
        let literals = length(token >> 4, &mut block)?;
        out.extend_from_slice(take(&mut block, literals)?);
        if block.is_empty() {
            return Some(());
        }
        let back = usize::from(u16::from_le_bytes(*take(&mut block, 2)?.first_chunk()?));
        let start = out.len().checked_sub(back).filter(|_| back > 0)?;
        let copied = length(token & 15, &mut block)? + 4;
        // The bytes to copy may overlap those that the copy makes.
        (start..start + copied).for_each(|at| out.push(out[at]));
    }
}

fn length(nibble: u8, block: &mut &[u8]) -> Option<usize> {
    let mut length = usize::from(nibble);
    let mut more = nibble == 15;
    while more {
        let byte = *take(block, 1)?.first()?;
        length += usize::from(byte);
        more = byte == 255;
    }
    Some(length)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::unpacked;

    /// What a frame of pyarrow 26 holds: `bytes(pa.Codec("lz4").compress(…)).hex()`.
    fn of_hex(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn frames_of_another_tool_are_unpacked() {
        let run = of_hex("04224d186040820b0000001fff01004b50ffffffffff00000000");
        assert_eq!(unpacked(&run, 1000), Some(vec![255; 100]));
        assert!(unpacked(&run, 10).is_some_and(|begin| begin.starts_with(&[255; 10])));
        let text = of_hex("04224d18604082190000003861626303003878797a0f00080c000f1b000f50626361626300000000");
        assert_eq!(unpacked(&text, 1000), Some(b"abcabcabcabcabcxyzabcabcabc".repeat(3)));
        let plain = of_hex("04224d186040820400008001020304");
        assert_eq!(unpacked(&plain, 4), Some(vec![1, 2, 3, 4]));
    }

    #[test]
    fn damaged_frames_are_none() {
        let run = of_hex("04224d186040820b0000001fff01004b50ffffffffff00000000");
        for len in 0..run.len() - 4 {
            assert_eq!(unpacked(&run[..len], 1000), None, "cut to {len} bytes");
        }
        let mut far = run.clone();
        far[13] = 2;
        assert_eq!(unpacked(&far, 1000), None, "a copy from before the beginning");
    }
}
