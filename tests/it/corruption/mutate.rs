//! Damage to bytes, as chance has it.

/// Numbers that follow from a first one.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A place in bytes of length `len`: anywhere, or near the begin or the end, where most formats say what is in them.
    fn place(&mut self, len: usize) -> usize {
        let near = len.min(64);
        match self.below(4) {
            0 => self.below(near),
            1 => len - 1 - self.below(near),
            2 => len - 1 - self.below(len.div_ceil(4)),
            _ => self.below(len),
        }
    }

    /// Where a block begins and ends.
    fn block(&mut self, len: usize) -> (usize, usize) {
        let from = self.place(len);
        let most = [8, 64, 512, len][self.below(4)].min(len - from);
        (from, from + 1 + self.below(most))
    }
}

/// Bytes that mean something to someone.
const MARKS: [&[u8]; 22] = [
    b"\0",
    b"\xff",
    b"\x80",
    b"\x7f",
    b"\"",
    b"\"\"",
    b"'",
    b",",
    b"\t",
    b";",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"NaN",
];

/// `whole`, damaged in one to three ways, mostly in one; some of it may come from `other`.
pub fn mutant(chance: &mut Chance, whole: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..[1, 1, 1, 2, 3][chance.below(5)] {
        if bytes.is_empty() {
            break;
        }
        damage(chance, &mut bytes, other);
    }
    bytes
}

fn damage(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let len = bytes.len();
    let at = chance.place(len);
    match chance.below(14) {
        // Bits that turned over.
        0..4 => {
            for _ in 0..[1, 1, 2, 8][chance.below(4)] {
                let at = chance.place(len);
                bytes[at] ^= 1 << chance.below(8);
            }
        }
        4 => bytes[at] = chance.next() as u8,
        // Cut off: at any place, or nearly at an end.
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(..at)),
        // Lengths that are wrong: huge, negative, or another one's.
        7 | 8 => {
            let width = [1, 2, 4, 8][chance.below(4)].min(len - at);
            let values =
                [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX, chance.next(), chance.next() >> 40];
            let value = values[chance.below(values.len())];
            let value = if chance.below(2) == 0 { value.to_le_bytes() } else { value.rotate_right(width as u32 * 8).to_be_bytes() };
            bytes[at..at + width].copy_from_slice(&value[..width]);
        }
        9 => {
            let to = chance.place(len);
            for i in 0..[2, 4, 8][chance.below(3)].min(len - at.max(to)) {
                bytes.swap(at + i, to + i);
            }
        }
        // A block again, or gone.
        10 => {
            let (from, to) = chance.block(len);
            let block = bytes[from..to].to_vec();
            for _ in 0..1 + chance.below(4) {
                bytes.splice(at..at, block.iter().copied());
            }
        }
        11 => {
            let (from, to) = chance.block(len);
            drop(bytes.drain(from..to));
        }
        // Another file's head, or a part of it.
        12 => {
            let (from, to) = if chance.below(2) == 0 { (0, 1 + chance.below(other.len().min(64))) } else { chance.block(other.len()) };
            let end = (at + to - from).min(len);
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let mark = MARKS[chance.below(MARKS.len())];
            let end = if chance.below(2) == 0 { at } else { (at + mark.len()).min(len) };
            bytes.splice(at..end, mark.iter().copied());
        }
    }
}
