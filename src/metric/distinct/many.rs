//! HyperLogLog's registers: how many distinct values there are, roughly.

/// Registers are 2^14: a relative standard error of 1.04/√2^14 = 0.8 %.
const PRECISION: u32 = 14;
/// Bits of a hash that count towards a rank, one less than the largest rank.
const RANK_BITS: usize = 64 - PRECISION as usize;

/// For each part of the hashes, the largest rank seen: one more than how many zeros a hash has in front.
#[derive(Debug, Clone)]
pub(super) struct Registers {
    ranks: Box<[u8]>,
}

impl Registers {
    pub(super) fn new() -> Self {
        Self { ranks: vec![0; 1 << PRECISION].into_boxed_slice() }
    }

    /// Registers with these ranks, if there can be such.
    pub(super) fn of(ranks: Vec<u8>) -> Option<Self> {
        let can_be = ranks.len() == 1 << PRECISION && ranks.iter().all(|&rank| usize::from(rank) <= RANK_BITS + 1);
        can_be.then(|| Self { ranks: ranks.into_boxed_slice() })
    }

    pub(super) fn ranks(&self) -> &[u8] {
        &self.ranks
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let index = (hash >> (64 - PRECISION)) as usize;
        let rank = ((hash << PRECISION) | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
        self.ranks[index] = self.ranks[index].max(rank);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (a, b) in self.ranks.iter_mut().zip(&other.ranks) {
            *a = (*a).max(*b);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.ranks.len()
    }

    /// Ertl's improved raw estimator (algorithm 6 of the paper).
    pub(super) fn estimate(&self) -> f64 {
        let m = self.ranks.len() as f64;
        let mut counts = vec![0u64; RANK_BITS + 2];
        self.ranks.iter().for_each(|&rank| counts[rank as usize] += 1);
        let mut z = m * tau(1.0 - counts[RANK_BITS + 1] as f64 / m);
        for &count in counts[1..=RANK_BITS].iter().rev() {
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
