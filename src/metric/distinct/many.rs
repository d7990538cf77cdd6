//! HyperLogLog's registers: how many distinct values there are, roughly.

/// Registers are 2^14: a relative standard error of 1.04/√2^14 = 0.8 %.
pub(super) const PRECISION: u32 = 14;
/// Where registers were merged with those of a summary, they are as few as these.
const PRECISION_MIN: u32 = 10;

/// For each part of the hashes, the largest rank seen: one more than how many zeros a hash has in front.
#[derive(Debug, Clone)]
pub(super) struct Registers {
    ranks: Box<[u8]>,
}

impl Registers {
    pub(super) fn new(precision: u32) -> Self {
        Self { ranks: vec![0; 1 << precision].into_boxed_slice() }
    }

    /// There are 2 to the power of this many.
    pub(super) fn precision(&self) -> u32 {
        self.ranks.len().trailing_zeros()
    }

    /// Bits of a hash that count towards a rank, one less than the largest rank.
    fn rank_bits(&self) -> usize {
        64 - self.precision() as usize
    }

    /// Registers with these ranks, if there can be such.
    pub(super) fn of(ranks: Vec<u8>) -> Option<Self> {
        let registers = Self { ranks: ranks.into_boxed_slice() };
        let is_whole = [PRECISION_MIN, PRECISION].iter().any(|precision| registers.ranks.len() == 1 << precision);
        let can_be = is_whole && registers.ranks.iter().all(|&rank| usize::from(rank) <= registers.rank_bits() + 1);
        can_be.then_some(registers)
    }

    pub(super) fn ranks(&self) -> &[u8] {
        &self.ranks
    }

    pub(super) fn insert(&mut self, hash: u64) {
        // Nearly always there are so many, and then the compiler knows.
        let precision = if self.ranks.len() == 1 << PRECISION { PRECISION } else { self.precision() };
        let index = (hash >> (64 - precision)) as usize;
        let rank = ((hash << precision) | 1 << (precision - 1)).leading_zeros() as u8 + 1;
        self.ranks[index] = self.ranks[index].max(rank);
    }

    /// The fewer registers that the same hashes would have come to.
    pub(super) fn folded(&self, precision: u32) -> Self {
        let dropped = self.precision().saturating_sub(precision);
        let mut folded = Self::new(self.precision() - dropped);
        for (index, &rank) in self.ranks.iter().enumerate().filter(|(_, rank)| **rank > 0) {
            // The bits of the index that are dropped stand in front of those that the rank was counted in.
            let front = index & ((1 << dropped) - 1);
            let zeros = dropped - (usize::BITS - front.leading_zeros());
            let rank = if front == 0 { dropped as u8 + rank } else { zeros as u8 + 1 };
            let place = &mut folded.ranks[index >> dropped];
            *place = rank.max(*place);
        }
        folded
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.precision() > other.precision() {
            *self = self.folded(other.precision());
        } else if self.precision() < other.precision() {
            return self.merge(&other.folded(self.precision()));
        }
        for (a, b) in self.ranks.iter_mut().zip(&other.ranks) {
            *a = (*a).max(*b);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.ranks.len()
    }

    /// The standard error of the estimate, as a share of it.
    pub(super) fn error(&self) -> f64 {
        1.04 / (self.ranks.len() as f64).sqrt()
    }

    /// Ertl's improved raw estimator (algorithm 6 of the paper).
    pub(super) fn estimate(&self) -> f64 {
        let m = self.ranks.len() as f64;
        let rank_bits = self.rank_bits();
        let mut counts = vec![0u64; rank_bits + 2];
        self.ranks.iter().for_each(|&rank| counts[rank as usize] += 1);
        let mut z = m * tau(1.0 - counts[rank_bits + 1] as f64 / m);
        for &count in counts[1..=rank_bits].iter().rev() {
            z = 0.5 * (z + count as f64);
        }
        z += m * sigma(counts[0] as f64 / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
