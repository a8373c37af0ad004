//! A sieve of keys: it says "maybe" of every key that came before and of very few others, in memory that does not grow.

/// Of 64 bytes each, 32 MiB in all: with ten million keys some six in a hundred thousand are taken for another.
const BLOCKS: usize = 1 << 19;
/// Bits of a block that a key sets.
const BITS: u32 = 6;

/// A Bloom filter whose bits for one key lie in one line of the processor's cache (Putze, Sanders, Singler 2007).
pub struct Seen {
    blocks: Vec<[u64; 8]>,
}

impl Seen {
    pub fn new() -> Self {
        Self { blocks: vec![[0; 8]; BLOCKS] }
    }

    /// Notes a key by two parts of its digest; whether it may have been noted before.
    pub fn note(&mut self, (place, bits): (u64, u64)) -> bool {
        let block = &mut self.blocks[(place >> 32) as usize % BLOCKS];
        let mut before = true;
        for i in 0..BITS {
            let bit = (bits >> (9 * i)) & 511;
            let (word, mask) = ((bit >> 6) as usize, 1 << (bit & 63));
            before &= block[word] & mask != 0;
            block[word] |= mask;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn parts(key: u32) -> (u64, u64) {
        let digest = Sha256::digest(key.to_le_bytes());
        let part = |from: usize| u64::from_le_bytes(digest[from..from + 8].try_into().unwrap());
        (part(0), part(8))
    }

    #[test]
    fn every_key_that_came_before_is_known_and_few_others() {
        let mut seen = Seen::new();
        let wrong = (0..1_000_000).filter(|key| seen.note(parts(*key))).count();
        assert!(wrong < 20, "{wrong} new keys of a million were taken for others");
        assert!((0..1_000_000).all(|key| seen.note(parts(key))));
    }
}
