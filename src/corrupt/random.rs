//! Chance that can be repeated: SplitMix64 (Steele, Lea and Flood 2014).

use xxhash_rust::xxh3::xxh3_64_with_seed;

#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Numbers of their own for each `what`, so that one error does not depend on which others are tried.
    pub(super) fn of(seed: u64, what: &str) -> Self {
        Self(xxh3_64_with_seed(what.as_bytes(), seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// The numbers below `n` in another order.
    pub(super) fn shuffled(&mut self, n: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            all.swap(i, self.below(i + 1));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the seed 1234567, as in the published reference implementation.
    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn each_number_below_n_comes_once() {
        let mut all = Random::of(0, "x").shuffled(1000);
        assert_ne!(all[..5], [0, 1, 2, 3, 4]);
        all.sort_unstable();
        assert!(all.iter().enumerate().all(|(i, &n)| i == n as usize));
    }
}
