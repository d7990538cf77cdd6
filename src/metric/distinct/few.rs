//! A small set of hashes.

/// Up to so many distinct values the count is exact (up to a 64-bit hash collision).
pub const EXACT_MAX: usize = 10_000;

/// A set of hashes: open addressing with linear probing, at most half full. A hash is its own place.
#[derive(Debug, Clone)]
pub(super) struct Hashes {
    /// A power of two; 0 is an empty place.
    places: Vec<u64>,
    pub len: usize,
    has_zero: bool,
}

impl Hashes {
    pub(super) fn new() -> Self {
        Self { places: vec![0; 64], len: 0, has_zero: false }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        if hash == 0 {
            self.len += usize::from(!self.has_zero);
            self.has_zero = true;
            return;
        }
        let last = self.places.len() - 1;
        let mut place = hash as usize & last;
        while self.places[place] != hash {
            if self.places[place] == 0 {
                self.places[place] = hash;
                self.len += 1;
                if self.len * 2 > self.places.len() {
                    self.grow();
                }
                return;
            }
            place = (place + 1) & last;
        }
    }

    fn grow(&mut self) {
        let mut larger = Self { places: vec![0; self.places.len() * 4], len: 0, has_zero: false };
        self.iter().for_each(|hash| larger.insert(hash));
        *self = larger;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.has_zero.then_some(0).into_iter().chain(self.places.iter().copied().filter(|&hash| hash != 0))
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.len() * 8
    }

    /// The hashes, ascending.
    pub(super) fn sorted(&self) -> Vec<u64> {
        let mut hashes: Vec<u64> = self.iter().collect();
        hashes.sort_unstable();
        hashes
    }
}
